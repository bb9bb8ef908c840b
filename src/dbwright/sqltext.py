"""One door to SQL text from outside: masking of secrets, and the PostgreSQL grammar.

Every pattern here is bounded or possessive, so that the work grows with the length of the text and no faster, whatever it holds.
"""

from __future__ import annotations

import re
from functools import lru_cache

SENSITIVE_NAMES = r"passw|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential"
"""What the name of something secret has in it; read alike by Python and by PostgreSQL."""
SECRET_COLUMNS = SENSITIVE_NAMES + r"|hash|salt|signature|otp|cookie|session_?(?:key|data)"
"""The same for columns, whose names say more: in a text ``hash`` is most often a join."""

_SECRET_NAME = re.compile(SENSITIVE_NAMES, re.I)
_LITERAL = (
    r"(?:[EBXNU]&?)?'(?:[^'\\]++|''|\\.)*+(?:'|\\?\Z)"  # '' and \' do not end it; unclosed it goes to the end
    r"|\$(?P<tag>\w{0,63})\$.*?(?:\$(?P=tag)\$|\Z)"
)
_VALUE = (
    r"(?:[EBXNU]&?)?'(?:[^'\\]++|''|\\.)*+(?:'|\\?\Z)"
    r'|"(?:[^"\\]++|""|\\.)*+(?:"|\\?\Z)'
    r"|\\++[\"'][^\"']*+(?:[\"']|\Z)"  # \"x\" of JSON in a string
    r"|(?!\$\d)[^\s,;&'\"](?:[^\s,;&'\"]++|[\"'](?=\w))*+"
)
_MASKS = (
    # PASSWORD 'x' as SQL writes it
    (re.compile(rf"(?P<keep>\bpassword\s++)(?:{_LITERAL})", re.I | re.S), r"\g<keep>'***'"),
    # Authorization: Bearer x
    (re.compile(r"(?P<keep>\b(?:bearer|basic)[ \t]++)(?=[\w.~+/=-]{8})[^\s'\"]++", re.I), r"\g<keep>***"),
    (re.compile(r"(?P<keep>\bbearer\s++)[^\s'\"]++", re.I), r"\g<keep>***"),
    # curl -u user:x, sshpass -p x, --password x
    (
        re.compile(r"(?P<keep>(?<!\S)(?:-u\s*+|--(?:proxy-)?user[\s=]++)[\"']?[^\s:'\"]{0,200}+:)[^\s'\"]++", re.I),
        r"\g<keep>***",
    ),
    (re.compile(rf"(?P<keep>\bsshpass\s++-p\s*+|--password\s++)(?:{_VALUE})", re.I | re.S), r"\g<keep>***"),
    # password=x, "api_key": "x", AWS_SECRET_ACCESS_KEY=x
    (
        re.compile(
            rf"(?P<keep>(?:{SENSITIVE_NAMES}|(?<![a-z])pass(?![a-z]))[\w-]{{0,128}}+\\*+[\"']?\s*+(?>=>|:=|==|=|:(?![:=]))\s*+)"
            rf"(?!\*\*\*|(?:bearer|basic)\s)(?:{_VALUE})",
            re.I | re.S,
        ),
        r"\g<keep>***",
    ),
)
_WORD = re.compile(r"[^\s'\"]+")
_LOGIN = re.compile(r"://[^:/@]*+:")


def mask_secrets(text: str) -> str:
    """Replace what looks like a password, key or token by ``***``. Meant for texts that come from outside: server
    messages, settings, statements, comments."""
    if "://" in text and "@" in text:
        text = _WORD.sub(_mask_login, text)
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text


def _mask_login(word: re.Match[str]) -> str:
    """user:password@ in any address."""
    before, at, after = word[0].rpartition("@")
    login = _LOGIN.search(before) if at else None
    return f"{before[: login.end()]}***@{after}" if login else word[0]


def is_secret_name(name: str) -> bool:
    """Whether the name says that what it names is secret."""
    return _SECRET_NAME.search(name) is not None


_TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*+)
    | (?P<block>/\*)
    | (?P<string>E'(?:[^'\\]++|''|\\.)*+(?:'|\\?\Z) | (?:[BXN]|U&)?'(?:[^']++|'')*+(?:'|\Z))
    | (?P<name>"(?:[^"]++|"")*+" | [^\W\d][\w$]*+ | \$\d++)
    | (?P<open>")
    | \$(?P<tag>(?:[^\W\d]\w*+)?)\$
    | (?P<number>0[xob][\da-f_]++ | (?:\d[\d_]*+(?:\.(?!\.)[\d_]*+)?|\.\d[\d_]*+)(?:e[+-]?\d++)?)
    """,
    re.I | re.S | re.X,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


def _block_end(text: str, start: int) -> int:
    """Where the comment that starts there ends; comments nest."""
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)


def _without_constants(text: str) -> str:
    parts: list[str] = []
    position = 0
    while token := _TOKEN.search(text, position):
        parts.append(text[position : token.start()])
        position = token.end()
        match token.lastgroup:
            case "name":
                parts.append(token[0])
            case "number":
                parts.append("?")
            case "string":
                parts.append("'?'")
            case "open":
                parts.append("'?'")
                position = len(text)
            case "tag":
                end = text.find(token[0], position)
                position = len(text) if end < 0 else end + len(token[0])
                parts.append("'?'")
            case "block":
                position = _block_end(text, token.start())
                parts.append(" ")
            case _:
                parts.append(" ")
    return "".join((*parts, text[position:]))


@lru_cache(maxsize=4096)
def normalize(query: str) -> str:
    """Replace the constants of a statement by parameters, as pg_stat_statements does. What the grammar leaves (utility
    statements keep theirs) or cannot read (the text is cut, or not SQL) is masked by token: strings and numbers become ``?``,
    comments go, and a quote that is never closed is masked to the end. A text that is not SQL keeps its words."""
    if not query.strip():
        return ""
    import postgast

    try:
        normal = postgast.normalize(query)
    except (postgast.PgQueryError, UnicodeError):
        normal = query
    return mask_secrets(re.sub(r"\s+", " ", _without_constants(normal)).strip())
