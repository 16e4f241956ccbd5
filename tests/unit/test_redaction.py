"""Secrets do not come through in errors' texts, and what is none stays as it is."""

import pytest

from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.redaction import redacted


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://spine:s3cr3t@db:5432/x refused", "postgresql://spine:***@db:5432/x refused"),
        ("https://:tok@host/path", "https://:***@host/path"),
        ("password=hunter2 host=db", "password=*** host=db"),
        ("PGPASSWORD: 'a b'", "PGPASSWORD: ***"),
        ('{"api_key": "abc-123", "tier": "OTC"}', '{"api_key": ***, "tier": "OTC"}'),
        ("Authorization: Bearer abcdef1234567890", "Authorization: Bearer ***"),
        ("key AKIAABCDEFGHIJKLMNOP was refused", "key *** was refused"),
        ("client_secret=x&tier=OTC", "client_secret=***&tier=OTC"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end", "*** end"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh", "jwt ***"),
    ],
)
def test_a_secret_is_masked(text, masked):
    assert redacted(text) == masked
    assert clean_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "token count 5 is below 10",
        "the password is wrong",
        "Too few records ingested: 150 < 1000",
        "http://host:8080/path@2",
        "line 3: unexpected token",
        "tier 'OTC' of 2025-11-28: passed 12 of 12",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redacted(text) == text


@pytest.mark.parametrize("part", ["password=", "a://b:", "eyJ", "-----BEGIN PRIVATE KEY-----", "token: '", "Bearer "])
def test_a_long_text_takes_no_time(part):
    assert len(clean_text(part * 20_000)) <= 2000
