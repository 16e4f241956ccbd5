"""Secrets in errors' texts: masked before a text is stored, shown or sent."""

import re

MASK = "***"
#: Characters that are looked at; what is longer is cut before.
_LONGEST = 20_000

_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|client[_-]?secret|private[_-]?key|credential"
)
_PRIVATE_KEY = r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,10000}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)"
_VALUE = r"""(?:"[^"]{1,500}"|'[^']{1,500}'|[^\s,;&"'})\]]{1,500})"""
_PATTERNS = (
    # scheme://user:secret@host
    (re.compile(r"(\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@]{0,100}:)[^\s/@]{1,300}(?=@)", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{8,2000}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{8,2000}\.[A-Za-z0-9_\-]{4,2000}\.[A-Za-z0-9_\-]{4,2000}"), MASK),
    (re.compile(_PRIVATE_KEY), MASK),
    # password=..., "token": "...", api_key: ...; with a sign between, so that a sentence about tokens stays as it is
    (re.compile(rf"""(\b\w{{0,20}}?(?:{_NAMES})["']?\s{{0,3}}[=:]\s{{0,3}}){_VALUE}""", re.IGNORECASE), rf"\1{MASK}"),
)  # fmt: skip


def redacted(text: str) -> str:
    """Return the text with passwords, tokens and keys masked."""
    text = text[:_LONGEST]
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
