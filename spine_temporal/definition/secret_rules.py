"""What shows a secret by what stands around it: the rules of ``redaction``, as data.

A rule's expression is tried only where one of its marks is in the text, as gitleaks does it. Every expression takes
linear time: what repeats is bounded, or possessive with nothing after it that could fail.
"""

from dataclasses import dataclass
from enum import Enum


class Judge(Enum):
    """When what stands in a secret's place is one."""

    #: The form says it.
    ALWAYS = "always"
    #: After a password's name: whatever is no placeholder, and no word as in "password: required".
    PASSWORD = "password"  # noqa: S105 - a kind of rule
    #: After a token's name, which sentences about parsers have too: no number, and unquoted no plain word.
    TOKEN = "token"  # noqa: S105 - a kind of rule
    #: After a signature's name, which code has too: long enough, with a digit.
    SIGNATURE = "signature"
    #: In a sentence: what is quoted, and what no word looks like.
    SENTENCE = "sentence"
    #: Base64 of a JSON object: where parts follow it, or it begins as a token's header does.
    JSON_WEB_TOKEN = "json web token"  # noqa: S105 - a kind of rule


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Where to look, and for what: the group ``value`` is the secret."""

    #: Lower case; one of them is in every text that the expression finds something in.
    marks: tuple[str, ...]
    expression: str
    judge: Judge = Judge.ALWAYS


#: Names of passwords: whatever follows is one.
_STRONG = (
    r"(?i:passw(?:or)?[dt]|passwd|kennwort|(?<![a-z])pw(?![a-z])|pwd|pass[ _-]?phrase|passcode|pgpass|secret"
    r"|credential|(?<![a-z])pass(?![a-z])"
    r"|(?:private|access|account|secret|signing|encryption|shared|master|hmac|ssh|storage)[ _.-]?key)"
)  # fmt: skip
#: Names of tokens and of what is no secret.
_WEAK = (
    r"(?i:token|bearer|session[ _-]?id|jsessionid|phpsessid|(?<![a-z])(?:auth|otp|jwt|pat)(?![a-z])"
    r"|(?:api|auth|service|session|client|app|consumer|license|deploy|webhook|subscription|function)[ _.-]?key)"
)
_NAME = rf"(?:{_STRONG}|{_WEAK})"
_SIGNATURE = r"(?i:signature|hmac|(?<![a-z])sig)(?![A-Za-z])"
#: Where a name goes on in the same word it is another one: secretary, tokenizer.
_END = r"(?:(?<=[a-z])s?(?![a-z])|(?<=[A-Z])S?(?![A-Za-z]))"
#: What makes it the name of something about a secret, which is none.
_ABOUT = (
    r"counts?|types?|names?|len|length|size|limits?|max|min|budget|usage|urls?|uri|path|file|dir|expir\w{0,8}|ttl|age"
    r"|policy|rounds|endpoint|fields?|columns?|set|required|valid|used|kind|format|version|ids?|present|missing|rate"
    r"|price|method|provider|store|manager|prefix|attempts?"
)
#: What a name may go on with: _V2, AccessKey.
_SUFFIX = rf"{_END}(?![ _.-]?(?i:{_ABOUT})(?![a-z]))[\w.-]{{0,30}}+"
#: From a name to its value: "name": , name=, name => , ['name'] = , name%3D, and a type between: name: str = .
_SIGN = (
    r"""\\{0,3}["'`\])]{0,2}(?:\s{0,3}:\s{0,3}[A-Za-z_][\w\[\]|. ]{0,40}?(?=\s{0,3}=[^=]))?"""
    r"""\s{0,3}(?P<sign>=>|->|:=|={1,2}|:|%3[AaDd])\(?\s{0,3}b?"""
)
#: A value as it stands: in braces, as ODBC has it, or up to a space, or to a sign after which something else begins.
_BARE = (
    r"""(?:\{[^{}\s"':,]{1,200}\}|(?![\[{<(])(?:[^\s"'`,;&)}\]>|<]|[,;](?!\s|$|[\w.-]{1,40}\s?[=:])"""
    r"""|&(?![\w.%-]{1,40}=)|["'`)}\]>|<](?![\s,;:.)}\]]|$))++)"""
)
#: A value: in quotes, which are escaped in a JSON text within a text, or as it stands.
_VALUE = (
    r"""(?:(?P<escaped>\\{1,3}["'])|(?P<quote>["'`]))?(?P<value>(?(escaped)(?:(?!(?P=escaped))[^\r\n])*+"""
    rf"""|(?(quote)(?:\\[^\r\n]|(?!(?P=quote))[^\\\r\n])*+|{_BARE})))"""
)
_QUOTED = r"""["'](?P<value>[^"'\r\n]++)"""
_HEADER = r"""(?i:authorization)\\{0,3}["']?\s{0,3}[:=,]\s{0,3}b?\\{0,3}["']?"""
_TOLD = r"(?i:password|passwd|pass[ -]?phrase|passcode|pwd|api[ -]?key|access[ -]key|secret[ -]key|token)"
_PASSWORDS = ("pass", "pw", "kennwort", "secret", "credential", "key")
_TOKENS = ("token", "key", "bearer", "session", "sessid", "auth", "otp", "jwt", "pat")
_NAMES = _PASSWORDS + _TOKENS

_FORMS = (
    Rule(
        marks=("private key",),
        expression=r"(?P<value>-----BEGIN[ A-Z0-9_-]{0,40}?PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[\s\S])*+"
        r"(?:-----END[ A-Z0-9_-]{0,60}-----)?)",
    ),
    Rule(
        marks=("eyj",),
        expression=r"(?P<value>eyJ[A-Za-z0-9_-]{10,}+(?:(?:\.|%2[Ee])[A-Za-z0-9_-]*+){0,4}+)",
        judge=Judge.JSON_WEB_TOKEN,
    ),
    Rule(  # of crypt(3), in shadow and htpasswd
        marks=("$",),
        expression=r"(?P<value>\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|argon2(?:id?|d)|scrypt|pbkdf2[\w-]{0,20})"
        r"\$[./A-Za-z0-9$=,+-]{8,}+)",
    ),
    Rule(
        marks=("scram-sha-256$",),
        expression=r"(?P<value>SCRAM-SHA-256\$\d{1,9}:[A-Za-z0-9+/=]{8,}+\$[A-Za-z0-9+/=:]++)",
    ),
    Rule(  # a line of .pgpass
        marks=(":",),
        expression=r"(?<![^\s\"'(=])(?![0-9A-Fa-f:]{1,45}+(?![\w.*-]))(?=[^\s:]{0,250}[A-Za-z*]|\d{1,3}\.\d)"
        r"[\w.*/-]{1,250}+:(?:\d{1,5}|\*):(?:[A-Za-z_*][^\s:]{0,100}+):(?:[A-Za-z_*][^\s:]{0,100}+):"
        r"(?P<value>[^\s\"']++)",
    ),
    Rule(  # a URL without its beginning
        marks=("@",),
        expression=r"""(?<![\w.+/:-])[\w.+-]{1,60}+:(?P<value>[^\s@/"'*]{1,200}+)@[\w.-]{1,200}+:\d{2,5}(?!\d)""",
    ),
)

_HEADERS = (
    Rule(
        marks=("authorization",),
        expression=rf"{_HEADER}(?i:bearer|basic|token|apikey|bot|key|splunk)\s+" r"""(?P<value>[^\s"'\\,;]{6,}+)""",
        judge=Judge.TOKEN,
    ),
    Rule(
        marks=("authorization",),
        expression=rf"{_HEADER}(?i:digest|negotiate|ntlm|oauth|hawk|aws4-hmac-sha256)\s+(?P<value>[^\r\n]++)",
    ),
    Rule(
        marks=("authorization",),
        expression=rf"{_HEADER}(?!AWS4)" r"""(?P<value>[^\s"'\\,;]{8,}+)""",
        judge=Judge.SENTENCE,
    ),
    Rule(
        marks=("bearer", "basic"),
        expression=r"(?<![A-Za-z])(?i:bearer|basic)\s+(?![a-z]+(?![\w=+/~-]))(?![A-Z][a-z]+(?![\w=+/~-]))"
        r"(?P<value>[A-Za-z0-9._~+/=-]{8,}+)",
    ),
    Rule(
        marks=("cookie",),
        expression=r"""(?i:cookie)\\{0,3}["']?\s{0,3}[:=,]\s{0,3}b?\\{0,3}["']?(?P<value>[\w.-]{1,60}=[^\r\n"']++)""",
    ),
)

_VALUES = (
    Rule(marks=_PASSWORDS, expression=f"{_STRONG}{_SUFFIX}{_SIGN}{_VALUE}", judge=Judge.PASSWORD),
    Rule(marks=_TOKENS, expression=f"{_WEAK}{_SUFFIX}{_SIGN}{_VALUE}", judge=Judge.TOKEN),
    Rule(marks=("sig", "hmac"), expression=f"{_SIGNATURE}{_SIGN}{_VALUE}", judge=Judge.SIGNATURE),
    Rule(
        marks=("?key=", "&key=", "?code=", "&code="),
        expression=r"(?i:[?&](?:key|code)=)(?P<value>[\w.%~+/-]{16,}+)",
    ),
    Rule(  # passwords = ["...", "..."]
        marks=_NAMES,
        expression=rf"{_NAME}{_SUFFIX}{_SIGN}\[(?P<value>[^\]\r\n]++)",
        judge=Judge.SENTENCE,
    ),
    Rule(  # auth=("...", "...")
        marks=("auth", "credential"),
        expression=r"(?i:auth|credentials?)\s?=\s?\(\s?[\"'][^\"'\r\n]{0,200}+[\"']\s{0,3},\s{0,3}" + _QUOTED,
    ),
    Rule(  # ("password", "...") and <add key="Password" value="..."/>
        marks=_NAMES,
        expression=rf"""[(=]\s{{0,3}}b?["'][\w.-]{{0,30}}?{_NAME}{_SUFFIX}["'](?:\s{{0,3}},|\svalue=)\s{{0,3}}b?"""
        rf"""(?=["']){_VALUE}""",
        judge=Judge.PASSWORD,
    ),
    Rule(  # name: DB_PASSWORD, value: ...
        marks=("value",),
        expression=rf"""(?i:name)["']?\s?[:=]\s?["']?[\w.-]{{0,40}}?{_NAME}{_SUFFIX}["']?\s{{0,20}},?\s{{0,20}}["']?"""
        rf"(?i:value){_SIGN}{_VALUE}",
        judge=Judge.PASSWORD,
    ),
    Rule(  # pydantic names the field in the line before
        marks=("input_value=",),
        expression=rf"{_NAME}{_SUFFIX}\n[^\n]{{0,400}}?\binput_value={_VALUE}",
        judge=Judge.PASSWORD,
    ),
    Rule(
        marks=("</",),
        expression=rf"{_NAME}{_SUFFIX}(?:\s[^<>]{{0,200}})?>(?P<value>[^<>]{{1,4000}}+)</",
        judge=Judge.PASSWORD,
    ),
)

_COMMANDS = (
    Rule(
        marks=_NAMES,
        expression=rf"(?<=-){_NAME}(?![A-Za-z])(?!-(?:file|path|stdin|env|command|name|url)\b)(?:-[a-z0-9]{{1,12}})?"
        rf"\s{{1,3}}(?!-){_VALUE}",
        judge=Judge.PASSWORD,
    ),
    Rule(
        marks=("-u ", "--user"),
        expression=r"""(?<!\S)(?:-u|--user)[= ]["']?[^\s:"']{1,100}+:(?!\d{1,9}(?:\s|$))(?P<value>[^\s"']++)""",
    ),
    Rule(marks=("sshpass",), expression=r"(?i:sshpass)\s{1,3}-p\s{0,3}(?P<value>\S++)"),
    Rule(marks=("identified",), expression=r"(?i:identified\s{1,3}by)\s{1,3}(?i:password\s{1,3})?" + _QUOTED),
    Rule(marks=("login",), expression=r"(?i:login)\s{1,3}\S{1,100}+\s{1,3}(?i:password)\s{1,3}(?P<value>\S++)"),
)

_SENTENCES = (
    Rule(
        marks=_NAMES,
        expression=rf"(?<![A-Za-z0-9-])(?:{_TOLD}|(?i:secret))"
        r"(?:\s(?i:for|of)\s(?:(?i:the|user|role|account)\s)?[^\s:]{1,60}+)?"
        rf"(?:(?:\s{{1,3}}(?i:is|was|now|has been|set|reset|changed|to|as)){{1,4}}:?|:)\s{{1,3}}{_VALUE}",
        judge=Judge.SENTENCE,
    ),
    Rule(marks=_NAMES, expression=rf"(?<![A-Za-z0-9-]){_TOLD}\s{{1,3}}{_VALUE}", judge=Judge.SENTENCE),
)

RULES: tuple[Rule, ...] = (*_FORMS, *_HEADERS, *_VALUES, *_COMMANDS, *_SENTENCES)
