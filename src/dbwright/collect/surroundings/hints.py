"""Traces in files: backups that are made, platforms that host databases, servers that the tests of a CI reach."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from dbwright.collect.surroundings.files import File, Files, environment_of
from dbwright.model.source_table import Place
from dbwright.model.surroundings import Amount, Hint

BACKUP = re.compile(
    rb"pg_dump|pg_basebackup|pgbackrest|pg_receivewal|barman[ -]|wal-g|wal-e|walg|pgmoneta|dbbackup|databasus|pgbackweb|postgres-backup"
    rb"|postgresql-backup|pg-backup|docker-volume-backup|\brestic\b|\bborg(matic)?\b|velero|backup_retention|barmanObjectStore|archive_command\s*=\s*'[^']+'"
    rb"|backup[_-]?(db|database|postgres)|(db|database|postgres)[_-]?backup",
    re.IGNORECASE,
)
MOST_SEARCHED = 200_000
_HOSTED: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (rb"rds\.amazonaws\.com|aws_db_instance|aws_rds_cluster|aws_rds\b|rds_", "Amazon RDS"),
        (rb"cloudsql|google_sql_database|cloud_sql", "Google Cloud SQL"),
        (rb"postgres\.database\.azure\.com|azurerm_postgresql", "Azure Database"),
        (rb"supabase\.(co|com)", "Supabase"),
        (rb"neon\.tech", "Neon"),
        (rb"django[-_]heroku|heroku-postgresql|herokuapp\.com", "Heroku"),
        (rb"ondigitalocean\.com|digitalocean_database", "DigitalOcean"),
        (rb"postgresql\.cnpg\.io|acid\.zalan\.do|postgres-operator\.crunchydata", "an operator"),
        (
            rb"aivencloud\.com|aiven_pg|crunchybridge|railway\.app|render\.com|fly\.io|appliku|platform\.sh",
            "a platform",
        ),
    )
)
_PLATFORM_FILES = {
    "procfile": "Heroku or a platform like it", "app.json": "Heroku", "heroku.yml": "Heroku", "render.yaml": "Render", "fly.toml": "Fly.io",
    "railway.json": "Railway", "railway.toml": "Railway", "app.yaml": "a platform", ".do/app.yaml": "DigitalOcean",
}  # fmt: skip


def traces(files: Files) -> Iterator[Hint]:
    """The traces that any file of interest holds: the first of each kind and file."""
    for file in files.of(
        "script", "compose", "ci", "other", "settings", "platform", "requirements", "dockerfile", "env", "python"
    ):
        content = file.read()
        if len(content) > MOST_SEARCHED:
            continue
        asked = file.kind != "python" or b"backup" in content or b"pg_dump" in content
        if asked and (match := BACKUP.search(content)):
            tool = match[0].partition(b"=")[0].strip().decode("utf-8", "replace")
            yield Hint("backup", tool, _place(file, content, match.start()))
        if file.kind == "python" and b"amazonaws" not in content and b"heroku" not in content:
            continue
        for pattern, name in _HOSTED:
            if match := pattern.search(content):
                yield Hint("hosted", name, _place(file, content, match.start()))
    for file in files.of("platform", "procfile", "other"):
        base = file.name if file.name.startswith(".do/") else file.name.rpartition("/")[2].lower()
        if base in _PLATFORM_FILES:
            yield Hint("hosted", _PLATFORM_FILES[base], Place(file.name, 1))
    for file in files.by_name.values():
        if re.search(r"(^|/)[^/]*backup[^/]*\.(py|sh|ya?ml|service|timer)$|(^|/)backups?/", file.name, re.IGNORECASE):
            yield Hint("backup", "its name", Place(file.name, 1))


def _place(file: File, content: bytes, position: int) -> Place:
    return Place(file.name, content.count(b"\n", 0, position) + 1)


def words(files: Files, word: bytes) -> Iterator[Place]:
    """Where a word stands in source and configuration."""
    for file in files.of("python", "settings", "env", "compose", "other"):
        content = file.read()
        position = content.find(word)
        if position >= 0:
            yield _place(file, content, position)


_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?")


def packages(files: Files) -> set[str]:
    """The names of required packages, in lower case with dashes; extras as names of their own (``psycopg[pool]``)."""
    found: set[str] = set()
    for file in files.of("requirements"):
        if file.name.endswith((".toml", "Pipfile")):
            found |= _of_toml(file)
            continue
        for line in file.lines():
            found |= _named(line)
    for file in files.of("settings", "python"):
        base = file.name.rpartition("/")[2]
        if base == "setup.cfg":
            for line in file.lines():
                if line.startswith((" ", "\t")):
                    found |= _named(line)
        elif base == "setup.py":
            for text in re.findall(
                r"['\"]([A-Za-z0-9][\w.-]*(?:\[[^\]'\"]*\])?)\s*(?:[<>=!~;][^'\"]*)?['\"]",
                file.read().decode("utf-8", "replace"),
            ):
                found |= _named(text)
    return found


_DJANGO = re.compile(rb"""(?im)^\s*["']?django["']?\s*(?:=\s*)?["']?\s*(?:[=~>^]=?|===)?\s*(\d+)\.(\d+)""")


def django_version(files: Files) -> tuple[int, int] | None:
    """The first version of Django that a file of requirements names."""
    for file in files.of("requirements"):
        if match := _DJANGO.search(file.read()):
            return int(match[1]), int(match[2])
    return None


def _named(line: str) -> set[str]:
    match = None if line.lstrip().startswith(("#", "-")) else _REQUIREMENT.match(line)
    if not match:
        return set()
    name = re.sub(r"[-_.]+", "-", match[1]).lower()
    extras = (match[2] or "").strip("[]").split(",")
    return {name, *(f"{name}[{extra.strip().lower()}]" for extra in extras if extra.strip())}


def _of_toml(file: File) -> set[str]:
    try:
        document = tomllib.loads(file.read().decode("utf-8", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return set()
    found: set[str] = set()
    project = document.get("project", {})
    lists: list[Any] = [project.get("dependencies", []) if isinstance(project, dict) else []]
    for group in (
        project.get("optional-dependencies", {}) if isinstance(project, dict) else {},
        document.get("dependency-groups", {}),
    ):
        lists += group.values() if isinstance(group, dict) else []
    for entries in lists:
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, str):
                found |= _named(entry)
    tool = document.get("tool", {})
    poetry = tool.get("poetry", {}) if isinstance(tool, dict) else {}
    tables: list[Any] = [poetry.get("dependencies"), document.get("packages")] if isinstance(poetry, dict) else []
    tables += (
        [g.get("dependencies") for g in poetry.get("group", {}).values() if isinstance(g, dict)]
        if isinstance(poetry, dict)
        else []
    )
    for table in tables:
        for name, given in table.items() if isinstance(table, dict) else ():
            extras = given.get("extras", []) if isinstance(given, dict) else []
            found |= _named(f"{name}[{','.join(map(str, extras))}]" if extras else str(name))
    return found


def server_limits(file: File) -> Amount | None:
    """``max_connections`` of a ``postgresql.conf``."""
    for number, line in enumerate(file.lines(), 1):
        if match := re.match(r"\s*max_connections\s*=?\s*(\d+)", line):
            return Amount(int(match[1]), Place(file.name, number), environment_of(file.name))
    return None


def pooler_mode(file: File) -> tuple[str, Place] | None:
    """``pool_mode`` of a ``pgbouncer.ini``."""
    for number, line in enumerate(file.lines(), 1):
        if match := re.match(r"\s*pool_mode\s*=\s*(transaction|session|statement)\b", line):
            return match[1], Place(file.name, number)
    return None
