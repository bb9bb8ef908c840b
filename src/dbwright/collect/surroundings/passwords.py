"""Database passwords that are none: looked at where they stand, and told without their text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dbwright.collect.surroundings.variables import Variable, parse_url
from dbwright.model.source_table import Place
from dbwright.model.surroundings import Environment, WeakPassword

SHORTEST = 8
NAME = re.compile(
    r"^(?:\w*_)?(?:DB|DATABASE|POSTGRES|POSTGRESQL|PG|PGSQL|SQL)\w*?_?(?:PASSWORD|PASSWD|PASS|PWD)$|^PGPASSWORD$",
    re.IGNORECASE,
)
_FILES = re.compile(r"_FILE$|REDIS|RABBIT|MAIL|SMTP", re.IGNORECASE)
_COMMON = frozenset(
    "password passwd pass postgres postgresql admin administrator root secret test testing changeme changethis changemenow default example "
    "user django flask fastapi qwerty letmein welcome abc123 123456 1234567 12345678 123456789 1234567890 database db dbpassword "
    "dbpass mypassword mysecretpassword password123 password1 postgrespassword postgrespass supersecret secretpassword app web "
    "demo dev development local".split()
)
_PLACEHOLDER = re.compile(
    r"[<>\[\]{}$%*…]|^\.+$|^x{3,}$|^your|^enter|_here$|^replace|^todo|^set[-_ ]|^insert|^fill", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Written:
    """A password as it stands somewhere. The text stays inside the reader."""

    name: str
    text: str = field(repr=False)
    place: Place
    environment: Environment
    user: str = field(repr=False, default="")
    is_fallback: bool = False
    is_example: bool = False


def weakness(text: str, user: str = "") -> str | None:
    """Why a text is no password, without telling it; None for a strong one and for placeholders."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    if not text or _PLACEHOLDER.search(text):
        return None
    if plain in _COMMON:
        return "it is among the first that anybody tries"
    if user and text.lower() == user.lower():
        return "it equals the user's name"
    if len(text) < SHORTEST:
        return f"it is shorter than {SHORTEST} characters"
    return None


def of_variables(variables: Iterable[Variable]) -> Iterator[Written]:
    """The passwords of variables: by their name, and within addresses."""
    every = list(variables)
    users = {v.value.lower() for v in every if re.search(r"(DB|DATABASE|POSTGRES|PG)\w*USER", v.name)}
    for variable in every:
        if NAME.match(variable.name) and not _FILES.search(variable.name):
            user = variable.value if variable.value.lower() in users else ""
            yield _written(variable, variable.value, user)
        else:
            address = parse_url(variable.value)
            if address and address.engine == "postgresql" and address.password:
                yield _written(variable, address.password, address.user)


def _written(variable: Variable, text: str, user: str) -> Written:
    return Written(
        variable.name, text, variable.place, variable.environment, user, variable.is_fallback, variable.is_example
    )


def weak(written: Iterable[Written]) -> Iterator[WeakPassword]:
    """Those that are no secret. In an example, a word that asks to be changed is a placeholder."""
    every = list(written)
    used = {
        one.text
        for one in every
        if not one.is_example and not one.is_fallback and one.environment in ("production", "any")
    } | {
        one.text
        for one in every
        if one.is_fallback and one.place.file.endswith((".yml", ".yaml")) and one.environment in ("production", "any")
    }
    for one in every:
        why = weakness(one.text, one.user)
        if why is None or one.is_example:
            continue
        yield WeakPassword(one.name, one.place, one.environment, why, one.is_fallback, one.text in used)
