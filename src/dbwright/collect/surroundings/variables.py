"""Environment variables of env files and compose files. Values are looked at here and never leave: numbers and what an address says do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from dbwright.collect.surroundings.files import File, environment_of, is_example
from dbwright.model.source_table import Place
from dbwright.model.surroundings import AccessEngine, Amount, Environment, Host

ASSIGNMENT = re.compile(
    r"""\s*(?:export\s+)?(?P<key>[A-Za-z_]\w*)\s*=\s*
    (?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>.*?))\s*(?:(?<=\s)\#.*)?$""",
    re.X,
)
REFERENCE = re.compile(r"\$\{(\w+)(?:(:?[-?+])([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\}|\$(\w+)")
_ENVIRONMENTS = re.compile(r"^(?:\w+_)?(?:ENV|ENVIRONMENT|DEPLOYMENT|STAGE|DJANGO_CONFIGURATION)$", re.IGNORECASE)
_MODULE = re.compile(r"^DJANGO_SETTINGS_MODULE$")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable with the value it is set to. The value stays inside the reader, and out of ``repr``."""

    name: str
    value: str = field(repr=False)
    place: Place
    environment: Environment
    is_example: bool = False
    is_fallback: bool = False

    def amount(self) -> Amount | None:
        """Its value as a number."""
        return Amount(int(self.value), self.place, self.environment) if re.fullmatch(r"\d{1,9}", self.value) else None


@dataclass(frozen=True)
class EnvFile:
    """An env file: its variables, and the deployment that its name or its own variables say it is for."""

    name: str
    environment: Environment
    variables: tuple[Variable, ...]

    def value(self, name: str) -> str | None:
        return next((v.value for v in reversed(self.variables) if v.name == name), None)

    def told(self, environment: Environment) -> EnvFile:
        """The same file for another deployment."""
        variables = tuple(replace(v, environment=environment) for v in self.variables)
        return EnvFile(self.name, environment, variables)


def read_env(file: File) -> EnvFile:
    """The variables of an env file."""
    found: list[tuple[str, str, int]] = []
    for number, line in enumerate(file.lines(), 1):
        if match := ASSIGNMENT.match(line):
            found.append((match["key"], match["single"] or match["double"] or match["bare"] or "", number))
    named = environment_of(file.name)
    environment = named if named != "any" else environment_said((key, value) for key, value, _ in found)
    variables = tuple(
        Variable(key, value, Place(file.name, number), environment, is_example(file.name))
        for key, value, number in found
    )
    return EnvFile(file.name, environment, variables)


def environment_said(variables: Iterable[tuple[str, str]]) -> Environment:
    """The deployment that variables name themselves (``DJANGO_ENV=production``, ``DEBUG=true``)."""
    said: Environment = "any"
    for key, value in variables:
        if _ENVIRONMENTS.match(key) or _MODULE.match(key):
            meant = environment_of(value.strip().replace(".", "/"))
            if meant != "any":
                return meant
        if key.endswith("DEBUG") and value.strip().lower() in ("1", "true", "yes", "on"):
            said = "development"
    return said


def expand(text: str, variables: Mapping[str, str]) -> str:
    """``${NAME:-default}`` as compose and shells read it; a variable without a value gives nothing."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match[1] or match[4], match[2] or "", match[3] or ""
        known = variables.get(name, "")
        return known or (expand(rest, variables) if operator.endswith("-") else "")

    return REFERENCE.sub(value, text) if len(text) < 10_000 else text


def references(text: str) -> Iterator[str]:
    """The names of the variables that a text asks for."""
    for match in REFERENCE.finditer(text):
        yield match[1] or match[4]


@dataclass(frozen=True, slots=True)
class Address:
    """What a database URL says. ``password`` and ``user`` stay inside the reader."""

    engine: AccessEngine
    driver: str | None
    host: Host
    user: str = field(repr=False, default="")
    password: str | None = field(repr=False, default=None)
    database: str = field(repr=False, default="")
    query: str = field(repr=False, default="")


def engine_of(text: str) -> AccessEngine:
    """The engine that a scheme, dialect or dotted path of a backend names."""
    lowered = text.lower()
    if any(word in lowered for word in ("postgres", "postgis", "psycopg", "timescale", "pgsql", "asyncpg")):
        return "postgresql"
    if any(word in lowered for word in ("sqlite", "spatialite")):
        return "sqlite"
    return (
        "other" if re.search(r"mysql|maria|oracle|mssql|cockroach|snowflake|bigquery|redshift", lowered) else "unknown"
    )


def parse_url(url: str) -> Address | None:
    """What an address says; None when it is none of a database's."""
    match = re.match(r"\s*([A-Za-z][A-Za-z0-9]*)(?:\+(\w+))?://", url)
    if not match:
        return None
    engine = engine_of(match[1])
    if engine == "unknown":
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        user, password = unquote(parts.username or ""), unquote(parts.password) if parts.password else None
    except ValueError:  # a placeholder where the port stands
        return Address(engine, match[2], "unknown")
    return Address(engine, match[2], host_kind(host, port), user, password, parts.path.lstrip("/"), parts.query)


def host_kind(host: object, port: object = None) -> Host:
    """Where a server of that name is."""
    if not isinstance(host, str):
        return "unknown"
    if str(port) in ("6432", "6543") or re.search(
        r"bouncer|pgcat|odyssey|pooler|supavisor|-pool\b", host, re.IGNORECASE
    ):
        return "pooler"
    if host in ("", "localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal") or host.startswith("/"):  # noqa: S104
        return "local"
    if re.search(r"[<>{}$%]", host):
        return "unknown"
    return "remote" if "." in host and not re.search(r"\.(local|internal|svc|lan|test|example)\b", host) else "service"
