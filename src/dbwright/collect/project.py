"""What is in a project's folder: the databases it declares and what stands around its code. Nothing is run."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

from dbwright import pysource
from dbwright.collect import surroundings
from dbwright.collect.surroundings.variables import ASSIGNMENT
from dbwright.model.snapshot import Project
from dbwright.pysource import Unknown

ENV_FILES = (".env", ".env.local", ".env.development", ".env.dev", ".env.production", ".env.prod")
URL_KEYS = (
    "DATABASE_URL",
    "SQLALCHEMY_DATABASE_URI",
    "SQLALCHEMY_DATABASE_URL",
    "SQLALCHEMY_URL",
    "POSTGRES_URL",
    "DB_URL",
)


@dataclass(frozen=True)
class DeclaredDatabase:
    """A database that a project names. ``address`` is a URL or libpq string and may hold a password: it is kept out of
    ``repr`` and must never be shown; ``source`` says where it stands (``.env:3``)."""

    alias: str
    engine: str
    source: str
    address: str = field(repr=False, default="")
    path: Path | None = None


_MARKERS = ("manage.py", "pyproject.toml", "alembic.ini", ".git", *ENV_FILES)


def find_root(folder: Path) -> Path:
    """The folder itself or the nearest above it that looks like the root of a project; the folder itself when none does.
    The home folder and what lies above it are no project."""
    home = Path.home()
    for candidate in (folder, *folder.parents):
        if candidate in (home, *home.parents):
            break
        if any((candidate / marker).exists() for marker in _MARKERS):
            return candidate
    return folder


def find_databases(root: Path, environment: Mapping[str, str]) -> list[DeclaredDatabase]:
    """All databases that the environment and the project name, the surest first: ``DATABASE_URL``, libpq's own variables, Django
    settings, ``.env`` files, ``alembic.ini``. PostgreSQL comes before SQLite within a source's answers."""
    found = [from_url(environment[key], f"${key}", root) for key in URL_KEYS if environment.get(key)]
    if any(environment.get(key) for key in ("PGSERVICE", "PGDATABASE", "PGHOST")):
        found.append(DeclaredDatabase("default", "postgresql", "libpq's environment", ""))
    dotenv = _dotenv(root)
    merged = {key: value for key, (value, _) in dotenv.items()} | dict(environment)
    found += _from_django(root, merged)
    found += _from_dotenv(dotenv, root)
    found += _from_alembic(root, merged)
    unique: dict[tuple[str, str | None], DeclaredDatabase] = {}
    for database in found:
        unique.setdefault((database.address, str(database.path)), database)
    return list(unique.values())


def from_url(url: str, source: str, root: Path, alias: str = "default") -> DeclaredDatabase:
    """A declaration from a URL, a libpq string, or the path of a SQLite file."""
    scheme = url.split(":", 1)[0].split("+")[0].lower() if "://" in url else ""
    if scheme == "sqlite":
        name = unquote(re.sub(r"^[^:]+:///?", "", url).split("?")[0])
        return DeclaredDatabase(alias, "sqlite", source, path=root / name)
    if not scheme and "=" not in url:
        return DeclaredDatabase(alias, "sqlite", source, path=root / url)
    return DeclaredDatabase(alias, "postgresql", source, url)


def _dotenv(root: Path) -> dict[str, tuple[str, str]]:
    """Values of the .env files with where they stand; the first file that has a key wins."""
    values: dict[str, tuple[str, str]] = {}
    for name in ENV_FILES:
        for folder in (root, root / "backend"):
            for number, line in enumerate(_lines(folder / name), 1):
                if match := ASSIGNMENT.match(line):
                    text = match["single"] or match["double"] or match["bare"] or ""
                    values.setdefault(match["key"], (text, f"{(folder / name).relative_to(root)}:{number}"))
    return values


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    except OSError:
        return []


def _from_dotenv(values: Mapping[str, tuple[str, str]], root: Path) -> Iterator[DeclaredDatabase]:
    for key in URL_KEYS:
        if key in values and values[key][0]:
            yield from_url(values[key][0], values[key][1], root)
    for prefix in ("POSTGRES_", "DB_", "PG"):
        name = values.get(f"{prefix}DB") or values.get(f"{prefix}NAME") or values.get(f"{prefix}DATABASE")
        host = values.get(f"{prefix}HOST")
        if name and host:
            parts = {
                "dbname": name[0],
                "host": host[0],
                "port": values.get(f"{prefix}PORT", ("", ""))[0],
                "user": values.get(f"{prefix}USER", ("", ""))[0],
                "password": values.get(f"{prefix}PASSWORD", ("", ""))[0],
            }
            yield DeclaredDatabase("default", "postgresql", name[1], _conninfo(parts))


def _conninfo(parts: Mapping[str, Any]) -> str:
    quoted = (
        (key, str(value).replace("\\", "\\\\").replace("'", "\\'"))
        for key, value in parts.items()
        if value not in (None, "")
    )
    return " ".join(f"{key}='{value}'" for key, value in quoted)


# -- Django ------------------------------------------------------------------------------------------------------------


def _from_django(root: Path, environment: Mapping[str, str]) -> list[DeclaredDatabase]:
    found: list[DeclaredDatabase] = []
    for path in _settings_files(root, environment):
        found += _databases_of(path, root, environment)
    return sorted(found, key=lambda database: database.engine != "postgresql")


def _settings_files(root: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    seen: set[Path] = set()
    for manage in (*root.glob("manage.py"), *root.glob("*/manage.py"), *root.glob("*/*/manage.py")):
        text = "\n".join(_lines(manage))
        match = re.search(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)['\"]", text)
        module = environment.get("DJANGO_SETTINGS_MODULE") or (match[1] if match else None)
        if module:
            base = manage.parent / Path(*module.split("."))
            for candidate in (base.with_suffix(".py"), base / "__init__.py"):
                if candidate.is_file() and candidate not in seen:
                    seen.add(candidate)
                    yield candidate
    if not seen:
        yield from (
            path for path in (*root.glob("settings.py"), *root.glob("*/settings.py"), *root.glob("*/*/settings.py"))
        )


@dataclass
class _SettingsModule:
    """Names of a settings module, as far as they can be told; ``databases`` collects every assignment of DATABASES.
    ``known`` holds the modules that were read on the way, each once: modules of an application import each other."""

    path: Path
    environment: Mapping[str, str]
    names: dict[str, Any] = field(default_factory=dict)
    databases: list[tuple[dict[str, Any], int, Path]] = field(default_factory=list)
    depth: int = 0
    known: dict[Path, _SettingsModule] = field(default_factory=dict)

    def read(self) -> None:
        tree = pysource.parse(self.path)
        self.names.setdefault("__file__", str(self.path))
        for statement in tree.body if tree else ():
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value, node.lineno)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign(node.target, node.value, node.lineno)
        elif isinstance(node, ast.If):
            self._condition(node)
        elif isinstance(node, ast.Try | ast.With):
            for child in node.body:
                self._statement(child)
        elif isinstance(node, ast.ImportFrom):
            self._import(node)

    def _condition(self, node: ast.If) -> None:
        try:
            branches = [node.body if self._value(node.test) else node.orelse]
        except Unknown:
            branches = [node.body, node.orelse]
        for branch in branches:
            for child in branch:
                self._statement(child)

    def _assign(self, target: ast.expr, value: ast.expr, line: int) -> None:
        try:
            known = self._value(value)
        except Unknown:
            if isinstance(target, ast.Name):
                self.names.pop(target.id, None)
            return
        if isinstance(target, ast.Name):
            self.names[target.id] = known
            if target.id == "DATABASES" and isinstance(known, dict):
                self.databases.append((known, line, self.path))
        elif isinstance(target, ast.Subscript):
            try:
                container: Any = self._value(target.value)
                container[self._value(target.slice)] = known
            except (Unknown, TypeError, KeyError):
                return
            databases = self.names.get("DATABASES")
            if container is databases and isinstance(databases, dict):
                self.databases.append((databases, line, self.path))

    def _import(self, node: ast.ImportFrom) -> None:
        if self.depth > 3 or (not node.level and not node.module):
            return
        folder = self.path.parent
        for _ in range(node.level - 1):
            folder = folder.parent
        parts = (node.module or "").split(".") if node.module else []
        bases = [folder] if node.level else [*self.path.parents][:4]
        for base in bases:
            candidates = (
                [base.joinpath(*parts).with_suffix(".py"), base.joinpath(*parts, "__init__.py")] if parts else []
            )
            path = next((candidate for candidate in candidates if candidate.is_file()), None)
            if path and path != self.path:
                other = self.known.get(path)
                if other is None:
                    other = _SettingsModule(path, self.environment, depth=self.depth + 1, known=self.known)
                    self.known[path] = other
                    other.read()
                star = any(alias.name == "*" for alias in node.names)
                wanted = {alias.name for alias in node.names}
                self.names |= {k: v for k, v in other.names.items() if star or k in wanted}
                if star or "DATABASES" in wanted:
                    self.databases += other.databases
                return

    def _value(self, node: ast.expr) -> Any:
        return pysource.evaluate(node, self.names, self._call)

    def _call(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        function = name.rsplit(".", 1)[-1]
        if name in ("dj_database_url.config", "dj_database_url.parse") or function in ("db", "db_url"):
            return self._database_url(function, arguments, keywords)
        if (
            function
            in ("get", "getenv", "env", "config", "str", "int", "bool", "get_env", "env_var", "getenv_or_default")
            and arguments
        ):
            default = arguments[1] if len(arguments) > 1 else keywords.get("default")
            return self.environment.get(str(arguments[0]), default)
        raise Unknown(name)

    def _database_url(self, function: str, arguments: list[Any], keywords: dict[str, Any]) -> dict[str, Any]:
        if function == "parse":
            url = arguments[0] if arguments else None
        else:
            key = keywords.get("env") or (arguments[0] if arguments and function != "config" else "DATABASE_URL")
            url = self.environment.get(str(key), keywords.get("default"))
        if not isinstance(url, str) or "://" not in url:
            raise Unknown("database URL")
        return {"URL": url}


def _databases_of(path: Path, root: Path, environment: Mapping[str, str]) -> Iterator[DeclaredDatabase]:
    module = _SettingsModule(path, environment)
    module.read()
    # The last assignment wins at run time; earlier ones stay as candidates of other environments.
    for databases, line, where in reversed(module.databases):
        for alias, options in databases.items():
            if isinstance(options, dict):
                try:
                    shown = where.relative_to(root)
                except ValueError:
                    shown = Path(where.name)
                declared = _declared(str(alias), options, f"{shown}:{line}", root, where)
                if declared:
                    yield declared


def _declared(alias: str, options: dict[str, Any], source: str, root: Path, settings: Path) -> DeclaredDatabase | None:
    if "URL" in options:
        return from_url(str(options["URL"]), source, root, alias)
    engine = str(options.get("ENGINE", ""))
    name = options.get("NAME")
    if "sqlite" in engine or "spatialite" in engine:
        if not isinstance(name, str | PurePath) or str(name) in ("", ":memory:"):
            return None
        path = Path(name)
        return DeclaredDatabase(alias, "sqlite", source, path=path if path.is_absolute() else settings.parent / path)
    if not any(word in engine for word in ("postgresql", "postgis", "psycopg", "timescale")):
        return None
    given = options.get("OPTIONS")
    extra: dict[str, Any] = given if isinstance(given, dict) else {}
    kept = ("service", "sslmode", "sslrootcert", "sslcert", "sslkey", "passfile")
    parts = {key: extra[key] for key in kept if key in extra} | {
        "dbname": name,
        "user": options.get("USER"),
        "password": options.get("PASSWORD"),
        "host": options.get("HOST"),
        "port": options.get("PORT"),
    }
    return DeclaredDatabase(alias, "postgresql", source, _conninfo(parts))


# -- Alembic -----------------------------------------------------------------------------------------------------------


def _from_alembic(root: Path, environment: Mapping[str, str]) -> Iterator[DeclaredDatabase]:
    for path in (*root.glob("alembic.ini"), *root.glob("*/alembic.ini"), *root.glob("*/*/alembic.ini")):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string("\n".join(_lines(path)))
            url = parser.get("alembic", "sqlalchemy.url")
        except configparser.Error:
            continue
        url = re.sub(r"%\((\w+)\)s", lambda match: environment.get(match[1], ""), url)
        # The template's placeholder is no database.
        if url and not url.startswith("driver://") and urlsplit(url).scheme:
            yield from_url(url, str(path.relative_to(root)), path.parent)


# -- the project -------------------------------------------------------------------------------------------------------


def read_project(root: Path) -> Project:
    """The frameworks in use and what stands around the code."""
    frameworks = set()
    if any(root.glob("manage.py")) or any(root.glob("*/manage.py")):
        frameworks.add("django")
    if any(root.glob("alembic.ini")) or any(root.glob("*/alembic.ini")):
        frameworks.add("alembic")
    around, problems = surroundings.read(root)
    return Project(str(root), tuple(sorted(frameworks)), around, problems)
