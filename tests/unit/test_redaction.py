"""Secrets do not come through in texts, and what is none stays as it is."""

import re
from dataclasses import replace

import pytest

from spine_temporal.definition import redaction
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.redaction import LONGEST, MASK, redacted, shown_url
from spine_temporal.definition.secret_rules import RULES
from spine_temporal.definition.secret_tokens import TOKENS
from tests.unit.secrets_corpus import INNOCENT, JWT, MIXED, PLANTED


@pytest.mark.parametrize(("text", "secret"), PLANTED)
def test_a_secret_does_not_come_through(text, secret):
    assert secret in text
    for around in ("{}", "error: {}", "{}\nand more", "{} and more", '"{}"'):
        shown = redacted(around.format(text))
        assert secret not in shown
        assert MASK in shown
    assert secret not in clean_text(text)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://spine:s3cr3t@db:5432/x refused", "postgresql://spine:***@db:5432/x refused"),
        ("https://:tok@host/path", "https://:***@host/path"),
        ("password=hunter2 host=db", "password=*** host=db"),
        ('{"api_key": "abc-123", "tier": "OTC"}', '{"api_key": "***", "tier": "OTC"}'),
        ('{\\"password\\": \\"x y\\", \\"n\\": 1}', '{\\"password\\": \\"***\\", \\"n\\": 1}'),
        ("Authorization: Bearer abcdef1234567890", "Authorization: Bearer ***"),
        ("client_secret=x1&tier=OTC", "client_secret=***&tier=OTC"),
        ("(password=hunter2), and more", "(password=***), and more"),
        ("the password is hunter2, as ever", "the password is ***, as ever"),
        ("db:5432:spine:ann:hunter2\nmore", "db:5432:spine:ann:***\nmore"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end", "*** end"),
    ],
)
def test_what_stands_around_a_secret_is_kept(text, masked):
    assert redacted(text) == masked
    assert redacted(masked) == masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://spine:s3cr3t@db:5432/x", "postgresql://spine:***@db:5432/x"),
        ("postgresql://u:1234/p@ss@h:5432/x", "postgresql://u:***@h:5432/x"),
        ("postgresql://postgres@/postgres?host=%2Ftmp", "postgresql://postgres@/postgres?host=%2Ftmp"),
        ("postgresql://db/x?user=u&password=s3cr3t", "postgresql://db/x?user=u&password=***"),
        ("host=db password=s3cr3t", "host=db password=***"),
    ],
)
def test_a_url_of_ours_is_shown_without_its_password(url, shown):
    assert shown_url(url) == shown


def test_each_rule_is_needed_by_a_text_of_the_corpus(monkeypatch):
    """Without the rule, a secret of the corpus comes through."""
    for left_out in RULES:
        monkeypatch.setattr(redaction, "RULES", tuple(rule for rule in RULES if rule is not left_out))
        assert any(secret in redacted(text) for text, secret in PLANTED), left_out.expression[:80]


def test_the_corpus_is_as_large_as_it_is_said_to_be():
    assert len({text for text, _ in PLANTED}) >= 60
    assert len(set(INNOCENT)) >= 40


@pytest.mark.parametrize("secret", [JWT, f"token={MIXED}", f"ghp_{MIXED * 2}"])
def test_a_secret_at_the_place_where_a_long_text_is_cut_is_cut_off_whole(secret):
    for kept in range(1, len(secret)):
        text = "word " * (LONGEST // 5 - 100)
        text += " " * (LONGEST - len(text) - kept) + secret
        shown = redacted(text + " and more")
        assert not any(piece in shown for piece in re.findall(r"\w{8,}", secret))


PARTS = [
    "password=", "a://b:", "a://b:@", "a://", "eyJ", "eyJaaaaaaaaaaaaaaaaaaaa.", "-----BEGIN PRIVATE KEY-----",
    "token: '", "Bearer ", "a:1:b:c:", "a.", "password ", "password for ", "secret is ", "name: token ",
    "<password>", '("token", ', 'key="password" ', "--password-", "password: str ", "password,", "token=a,",
    "token=a&", 'token=\\"', "'token': b'\\", "password\n", "input_value=", "$6$", "SCRAM-SHA-256$1:",
    "Authorization: Basic ", "cookie: a=", "login a password ", "mysecretpasswordtoken",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-", "?key=", "ghp_", "sk-", "xox", ":AA", "Q~", "-u a:",
    "sig=", "%3D", "_________",
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_no_text_takes_longer_than_its_length_says(part, monkeypatch):
    """What grew with the square of the length would take minutes for this one, and the test's time limit ends it."""
    monkeypatch.setattr(redaction, "LONGEST", 1_000_000)
    assert len(redacted(part * (200_000 // len(part)))) <= 400_000


def test_the_marks_that_save_work_leave_no_secret_out(monkeypatch):
    shown = [redacted(text) for text, _ in PLANTED]
    monkeypatch.setattr(redaction, "RULES", tuple(replace(rule, marks=("",)) for rule in RULES))
    monkeypatch.setattr(redaction, "TOKENS", tuple(("", form) for _, form in TOKENS))
    assert [redacted(text) for text, _ in PLANTED] == shown
    assert [redacted(text) for text in INNOCENT] == INNOCENT
