"""A weekly file splits into lines of eight fields; whatever else it holds is counted, not guessed."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.finra.otc_transparency import parse as module
from activities.finra.otc_transparency.parse import BAD_ENCODING, COLUMNS, FIELD_COUNT, parse
from spine_temporal import ErrorCategory, SpineError

HEADER = "|".join(COLUMNS).encode()
LINE = b"OTC|ABCD|A Name|OTCN OTC LINK|OTCN|100|2|2025-12-29"


def refusal(data):
    with pytest.raises(SpineError) as caught:
        parse(data, "week.csv")
    assert caught.value.category is ErrorCategory.DATA_QUALITY
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "SOURCE_EMPTY"),
        (b" \r\n\n", "SOURCE_EMPTY"),
        (b"# a comment only\n", "SOURCE_EMPTY"),
        (HEADER, "SOURCE_EMPTY"),
        (HEADER + b"\n\n \n", "SOURCE_EMPTY"),
        (b"<html>\n<body>no</body>", "HEADER_MISMATCH"),
        (b'[{"MPID": "OTCN"}]', "HEADER_MISMATCH"),
        (HEADER.replace(b"|", b",") + b"\n", "HEADER_MISMATCH"),
        (HEADER.replace(b"|", b"\t") + b"\n", "HEADER_MISMATCH"),
        (HEADER.replace(b"MPID", b"Mpid2") + b"\n" + LINE, "HEADER_MISMATCH"),
        (LINE + b"\n" + LINE, "HEADER_MISMATCH"),
        (b"\x00\x01\x02\xff" * 50, "ENCODING"),
        ((HEADER + b"\n" + LINE).decode().encode("utf-16"), "ENCODING"),
        ((HEADER + b"\n" + LINE).decode().encode("utf-16-le"), "ENCODING"),
        ((HEADER + b"\n" + LINE).decode().encode("utf-16-be"), "ENCODING"),
        (HEADER + b"\n" + b"\n".join([LINE] * 98 + [b"\xe9"] * 2), "ENCODING"),
    ],
)
def test_what_is_no_weekly_file_is_refused_as_a_whole(data, code):
    assert refusal(data).code == code


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"symbol,venue,shares\nA,B,1\n", "3 columns separated by commas, none of them of an expected name"),
        (HEADER.replace(b"|", b";") + b"\n", "8 columns separated by semicolons, 8 of them of an expected name"),
        (HEADER.replace(b"|MPID", b"") + b"\n", "7 columns, without MPID"),
        (b"\n# note\n<html>secret</html>\n", "markup such as HTML"),
        (b'{"secret": 1}', "JSON"),
        (b"hunter2", "one column of 7 bytes"),
    ],
)
def test_the_refusal_of_a_header_says_what_was_expected_and_what_kind_of_line_was_found(data, found):
    error = str(refusal(data))
    assert HEADER.decode() in error
    assert error.endswith(f"found {found}")


@pytest.mark.parametrize(
    "data",
    [
        b"root:$6$salt$hash:19000:0:99999:7:::\nspine:!:19000::::::\n",
        b"db.example.org:5432:spine:spine:s3cr3t\n",
        b"[default]\naws_secret_access_key = s3cr3t\n",
        b"{'password': 's3cr3t|s3cr3t'}\n",
        b"<password>s3cr3t</password>\n",
        b"s3cr3t\xff\xfe\x00|s3cr3t\n" * 3,
        HEADER + b"\n" + b"s3cr3t\n" * 10_001,
        HEADER + b"\n" + b"s3cr3t" * 20_000,
        HEADER + b"\n" + LINE + b"\ns3cr3t\xff" * 50,
    ],
)
def test_no_refusal_has_a_word_of_the_file_in_it(data):
    error = str(refusal(data))
    assert "s3cr3t" not in error
    assert "$6$" not in error
    assert "spine" not in error


def test_what_no_weekly_file_has_is_refused_before_it_costs_anything(monkeypatch):
    monkeypatch.setattr(module, "MAX_LINES", 100)
    monkeypatch.setattr(module, "MAX_BAD", 10)
    assert len(parse(b"\n".join([HEADER, *[LINE] * 100]), "week.csv").lines) == 100
    assert refusal(b"\n".join([HEADER, *[LINE] * 101])).code == "TOO_MANY_LINES"
    assert refusal(b"\n" * 101 + HEADER).code == "TOO_MANY_LINES"
    assert len(parse(b"\n".join([HEADER, LINE, *[b"1|2"] * 10]), "week.csv").bad) == 10
    error = refusal(b"\n".join([HEADER, LINE, *[b"1|2"] * 11]))
    assert error.code == FIELD_COUNT
    assert "11 of 12 lines" in str(error)
    assert "line 3 with 2" in str(error)
    long = LINE.replace(b"A Name", b"x" * module.MAX_LINE)
    assert "line 4 has" in str(refusal(b"\n".join([HEADER, LINE, b"", long])))


def test_one_line_in_a_hundred_may_be_undecodable():
    parsed = parse(HEADER + b"\n" + b"\n".join([LINE] * 99 + [b"\xe9|" * 8]), "week.csv")
    assert parsed.bad == {99: BAD_ENCODING}


def test_lines_that_do_not_split_keep_their_number_and_place():
    content = b"\n".join([b"# note", b"", HEADER, LINE, b"", LINE + b"|9", b"Total|100", LINE[:-15]])
    parsed = parse(content, "week.csv")
    assert parsed.numbers == [4, 6, 7, 8]
    assert parsed.bad == {1: FIELD_COUNT, 2: FIELD_COUNT, 3: FIELD_COUNT}


def test_a_quote_swallows_nothing():
    parsed = parse(b"\n".join([HEADER, LINE.replace(b"A Name", b'"A Name'), LINE]), "week.csv")
    assert (len(parsed.lines), parsed.bad) == (2, {})


def test_columns_in_another_order_or_case_and_extra_ones_give_the_same_lines():
    names = [*reversed(COLUMNS), "other"]
    fields = [*reversed(LINE.decode().split("|")), "ignored"]
    parsed = parse("\n".join(["|".join(names).upper(), "|".join(fields)]).encode(), "week.csv")
    assert parsed.lines == [LINE]
    assert parsed.extra_columns == (9,)
    assert parsed.content_sha256 == parse(HEADER + b"\n" + LINE, "week.csv").content_sha256


def test_the_content_hash_is_of_the_sorted_lines_each_with_its_end():
    other = LINE.replace(b"ABCD", b"AAAA")
    expected = hashlib.sha256(other + b"\n" + LINE + b"\n").hexdigest()
    assert parse(b"\n".join([HEADER, LINE, other]), "week.csv").content_sha256 == expected


_FIELD = st.text(st.characters(exclude_characters="|\n\r\0", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.lists(_FIELD, min_size=7, max_size=9), min_size=1, max_size=20), st.randoms(), st.booleans())
def test_every_line_is_kept_and_the_files_form_does_not_matter(rows, draw, windows):
    lines = ["|".join(fields).encode() for fields in rows]
    plain = parse(b"\n".join([HEADER, *lines]) + b"\n", "week.csv")
    assert plain.lines == [line for line in lines if line.strip()]
    assert set(plain.bad) == {at for at, line in enumerate(plain.lines) if line.count(b"|") != 7}
    shuffled = lines[:]
    draw.shuffle(shuffled)
    end = b"\r\n" if windows else b"\n"
    other = parse(b"\xef\xbb\xbf" + end.join([HEADER, *shuffled]), "week.csv")
    assert other.content_sha256 == plain.content_sha256
