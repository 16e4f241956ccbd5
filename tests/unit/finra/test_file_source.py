"""A weekly file is found, or refused by the path that was given; packed or not, its bytes are the same."""

import gzip
import tracemalloc
import zipfile
from datetime import date

import pytest

from activities.finra.otc_transparency import archives
from activities.finra.otc_transparency.file_source import read_file
from activities.finra.otc_transparency.week import TIERS
from spine_temporal import ErrorCategory, SpineError

WEEK = date(2025, 11, 28)
NAME = "finra_otc_weekly_otc_20251229.csv"
DATA = b"header\nline\n"


def read(path, week=WEEK):
    return read_file(str(path), TIERS["OTC"], week)


def refusal(path, week=WEEK):
    with pytest.raises(SpineError) as caught:
        read(path, week)
    assert caught.value.category is ErrorCategory.CONFIGURATION
    return caught.value


def test_a_file_is_read_plain_or_packed(tmp_path):
    (tmp_path / "plain").write_bytes(DATA)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(DATA))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("any.csv", DATA)
    for name in ("plain", "packed.gz", "packed.zip"):
        assert read(tmp_path / name) == (tmp_path / name, DATA)


@pytest.mark.parametrize("name", [NAME, f"{NAME}.gz", "finra_otc_weekly_otc_20251230.csv"])
def test_in_a_folder_the_weeks_file_is_the_one_of_its_publication_week(tmp_path, name):
    data = gzip.compress(DATA) if name.endswith("gz") else DATA
    (tmp_path / name).write_bytes(data)
    (tmp_path / "finra_otc_weekly_otc_20251222.csv").write_bytes(b"another week")
    (tmp_path / "finra_otc_weekly_tier1_20251229.csv").write_bytes(b"another tier")
    assert read(tmp_path) == (tmp_path / name, DATA)


def test_a_folder_without_it_names_the_file_that_is_missing(tmp_path):
    error = refusal(tmp_path)
    assert error.code == "SOURCE_NOT_FOUND"
    assert NAME in str(error)
    assert str(tmp_path) in str(error)
    assert refusal(tmp_path, None).code == "BAD_PARAM"


@pytest.mark.parametrize("path", ["no/such/file.csv", "~nobody-of-that-name/file.csv", "nul\0byte", "x" * 5000])
def test_a_path_that_leads_nowhere_is_named(path):
    error = refusal(path)
    assert error.code == "SOURCE_NOT_FOUND"
    assert path[:100] in str(error)


@pytest.mark.parametrize(
    "data",
    [gzip.compress(DATA, mtime=0)[:-4], b"\x1f\x8b nothing of the kind", b"PK\x03\x04 nothing of the kind"],
)
def test_a_broken_archive_is_refused(tmp_path, data):
    (tmp_path / "broken").write_bytes(data)
    error = refusal(tmp_path / "broken")
    assert error.code == "SOURCE_NOT_FOUND"
    assert "cannot be unpacked: it is damaged or cut off" in str(error)


@pytest.mark.parametrize(("count", "said"), [(0, "0 members"), (2, "2 members"), (2000, "many members")])
def test_a_zip_has_one_member(tmp_path, count, said):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(count):
            archive.writestr(f"member{number}", DATA)
    if not count:
        (tmp_path / "many.zip").write_bytes(b"PK\x03\x04" + (tmp_path / "many.zip").read_bytes())
    assert said in str(refusal(tmp_path / "many.zip"))


def test_what_is_wrong_with_an_archive_is_told_without_the_names_in_it(tmp_path):
    path = tmp_path / "packed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hunter2.csv", DATA)
    data = path.read_bytes()
    encrypted = bytearray(data)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[data.find(mark) + flags] |= 1
    path.write_bytes(encrypted)
    error = str(refusal(path))
    assert "it is encrypted" in error
    path.write_bytes(data.replace(b"hunter2.csv", b"hunter3.csv", 1))
    assert "hunter" not in error + str(refusal(path))


def test_a_small_archive_that_unpacks_to_much_costs_as_little_as_it_has_bytes(tmp_path):
    content = b"x\n" * 8_000_000
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("any.csv", content)
    for name in ("bomb.gz", "bomb.zip"):
        tracemalloc.start()
        error = refusal(tmp_path / name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert "unpacks to more than" in str(error)
        assert peak < 8_000_000


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"0" * 1001))
    (tmp_path / "big.csv").write_bytes(b"0" * 1001)
    (tmp_path / "fits.gz").write_bytes(gzip.compress(b"0" * 1000))
    assert "more than 1,000 bytes" in str(refusal(tmp_path / "bomb.gz"))
    assert "more than 1,000 bytes" in str(refusal(tmp_path / "big.csv"))
    assert len(read(tmp_path / "fits.gz")[1]) == 1000
