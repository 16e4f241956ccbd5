"""Secrets in texts: masked before a text is stored, shown or sent.

A text that others wrote is searched for what secrets look like. Where the text is ours, ``shown_url`` leaves the
password out, whatever it looks like.
"""

import re
from collections.abc import Mapping
from functools import cache

from spine_temporal.definition.secret_rules import RULES, Judge, Rule
from spine_temporal.definition.secret_tokens import TOKENS

MASK = "***"
#: Characters that are looked at; what is longer is cut before.
LONGEST = 20_000

_URL = re.compile(
    r"(?:(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,30}+:?)?+//"
    r"""(?:(?![A-Za-z][A-Za-z0-9+.-]{1,30}+://)[^\s"<>`])++"""
)
_DIGITS = re.compile(r"\d{0,5}", re.ASCII)
#: What stands for a secret in a text about one, and in a line of code.
_PLACEHOLDER = re.compile(
    r"\*+|\.{2,}|…|\?|<[\w -]*>|\$\{?\w+\}?|\{\{?\s?[A-Za-z_.]+\s?\}?\}|%\(?\w*\)?s|:\w+"
    r"|(?:self|cls|os|getpass|settings)\.[a-z_.]+(?:[(\[].*)?"
    r"|(?i:none|null|nil|true|false|undefined|n/?a|empty|unset|redacted|masked|hidden|filtered|x{3,})"
)
#: What follows a password's name in a sentence, or as its type, where a colon does not mean its value.
_SENTENCE_WORDS = frozenset(
    """
    a an and any are as be bool by bytes can cannot contains does expected expired field for from given has have if in
    incorrect int invalid is it missing must no not of on only option optional or rejected required rotated secretstr
    set should str string text the this to too unknown use valid value was weak which will with without wrong yes you
    your
    """.split()  # noqa: SIM905 - words
)
_WORD = re.compile(r"[A-Za-z]+(?:[-'/][A-Za-z]+)*")
_NO_SECRET = re.compile(
    r"(?i:v?\d+(?:\.\d+)*|\d+[a-z]{1,12}|(?:hmac-?|scram-?)?sha-?\d{1,3}(?:-\d+)?|md5|base\d\d|b?crypt|scrypt"
    r"|argon2\w{0,2}|pbkdf2\w{0,10}|utf-?8|oauth2?|\d{4}-\d\d-\d\d\S*|https?://\S*)"
)
#: {"alg":, {"typ":, {"kid": and {"enc": in base64.
_TOKEN_HEADERS = ("eyJhbGciOi", "eyJ0eXAiOi", "eyJraWQiOi", "eyJlbmMiOi")


def redacted(text: str) -> str:
    """Return the text with passwords, tokens and keys masked; of one that is too long, the beginning."""
    text = _cut(text)
    lower = text.lower()
    if "//" in lower:
        text = _URL.sub(_without_password, text)
    for rule in RULES:
        if any(mark in lower for mark in rule.marks):
            text = _masked_by(rule, text)
    for mark, form in TOKENS:
        if mark in lower:
            text = _compiled(f"(?<![A-Za-z0-9])(?:{form})").sub(MASK, text)
    return text


def shown_url(url: str) -> str:
    """Return a server's URL, or a connection string, as it may be shown: without its password."""
    start = url.find("://") + 3 if "://" in url else 0
    at = url.rfind("@")
    colon = url.find(":", start, max(at, 0))
    if colon >= 0 and " " not in url:
        url = f"{url[: colon + 1]}{MASK}{url[at:]}"
    return redacted(url)


def _cut(text: str) -> str:
    """Cut a long text between two words: a part of a token would not be known for one."""
    if len(text) <= LONGEST:
        return text
    end = next((at for at in range(LONGEST - 1, 0, -1) if text[at].isspace()), 0)
    return text[:end]


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _without_password(match: re.Match[str]) -> str:
    """Mask what stands before the host. A password may have an @, a colon or a slash in it, and a path an @."""
    scheme, separator, rest = match[0].partition("//")
    query = rest.find("?", rest.find("@")) if "@" in rest else -1
    at = rest.rfind("@", 0, query if query >= 0 else len(rest))
    user, colon, password = rest[: max(at, 0)].partition(":")
    if at < 0 or "/" in user or user.startswith("["):
        return match[0]
    if not colon:
        looks_secret = len(user) >= 16 and any(character.isdigit() for character in user)
        return f"{scheme}{separator}{MASK}{rest[at:]}" if looks_secret else match[0]
    port, slash, _ = password.partition("/")
    if not password or (slash and _DIGITS.fullmatch(port)):
        return match[0]
    return f"{scheme}{separator}{user}:{MASK}{rest[at:]}"


def _masked_by(rule: Rule, text: str) -> str:
    def masked(match: re.Match[str]) -> str:
        if not _is_secret(match, rule.judge):
            return match[0]
        start, end = match.span("value")
        return f"{text[match.start() : start]}{MASK}{text[end : match.end()]}"

    return _compiled(rule.expression).sub(masked, text)


def _is_secret(match: re.Match[str], judge: Judge) -> bool:
    value, found = match["value"].strip(), match.groupdict()
    if judge is Judge.ALWAYS:
        return True
    if judge is Judge.JSON_WEB_TOKEN:
        return "." in value.rstrip(".") or "%2" in value or value.startswith(_TOKEN_HEADERS)
    quoted = bool(found.get("quote") or found.get("escaped"))
    value = value.rstrip(".,;:!?)") or value
    if _PLACEHOLDER.fullmatch(value) or not value or (not quoted and value.lower() in _SENTENCE_WORDS):
        return False
    name = match.string[match.start() : match.start("value")].rstrip(" \"':=>([").lower()
    return _by_name(judge, name, value, found, quoted=quoted)


def _by_name(judge: Judge, name: str, value: str, found: Mapping[str, str | None], *, quoted: bool) -> bool:
    match judge:
        case Judge.PASSWORD:
            is_number = bool(_DIGITS.fullmatch(value)) and name.endswith("s")  # secrets: 3, pass=12
            is_folder = name.endswith("pwd") and value.startswith("/")
            return not (is_number or is_folder)
        case Judge.TOKEN:
            return _is_token(value, quoted=quoted, in_prose=found.get("sign") == ":")
        case Judge.SIGNATURE:
            return len(value) >= 6 and any(character.isdigit() for character in value)
        case _:
            return _is_told(value, quoted=quoted, of_token="token" in name)


def _is_token(value: str, *, quoted: bool, in_prose: bool) -> bool:
    if len(value) < 4 or (value.isdecimal() and len(value) < 10):
        return False
    return quoted or not (in_prose and _WORD.fullmatch(value))


def _is_told(value: str, *, quoted: bool, of_token: bool) -> bool:
    """Whether a sentence tells a secret: "the password is hunter2", and not "the password is wrong"."""
    is_word = bool(_WORD.fullmatch(value))
    if quoted:
        return len(value) >= 4 and not (is_word and of_token)
    if is_word or _NO_SECRET.fullmatch(value):
        return False
    has_digit = any(character.isdigit() for character in value)
    return len(value) >= 6 and has_digit and any(character.isalpha() for character in value)
