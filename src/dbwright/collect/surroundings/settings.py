"""Django's ``DATABASES`` as settings modules put it together: by branches, imports of each other and helpers that read the environment.

Nothing is run. What a branch does is kept beside what happens without it, each told by the environment that the condition speaks of.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbwright import pysource
from dbwright.collect.surroundings.files import File, environment_of
from dbwright.collect.surroundings.variables import engine_of, host_kind, parse_url
from dbwright.model.source_table import Place
from dbwright.model.surroundings import AccessEngine, DatabaseAccess, Environment, Host, Option, Scalar
from dbwright.pysource import Unknown, dotted

MOST_ALTERNATIVES = 12
_NAMES = re.compile(rb"\bDATABASES\b")
_STARS = re.compile(rb"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+\*", re.MULTILINE)
_IMPORTS = re.compile(rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+([^\n#]*)|import[ \t]+([.\w]+))", re.MULTILINE)
_LIFETIMES = re.compile(rb"CONN_(MAX_AGE|HEALTH_CHECKS)", re.IGNORECASE)
MOST_REACHED = 200
MOST_IMPORTS = 5
"""Imports of imports that are followed."""
_URL_CALLS = re.compile(
    r"^(dj_database_url\.(config|parse)|(\w+\.)?(db|db_url|dj_db_url|database_url|parse_database_url))$"
)
_VARIABLE = re.compile(r"^[A-Z][A-Z0-9_]{2,}$")
_HARMLESS = re.compile(r"^[a-zA-Z0-9_.=, -]{0,80}$")
_FILLS = re.compile(r"^((vars|globals|locals)\(\)\.update|exec|execfile|include|split_settings\.\w+\.include)$")
_KEPT = frozenset(("sslmode", "connect_timeout", "pool", "prepare_threshold", "service", "timeout"))
_FROM_URL = {"conn_max_age": "CONN_MAX_AGE", "conn_health_checks": "CONN_HEALTH_CHECKS", "ssl_require": "sslmode"}


@dataclass
class Entry:
    """An alias of ``DATABASES`` while the module is read. ``password`` never leaves the reader."""

    place: Place
    end_line: int
    environment: Environment = "any"
    engine: AccessEngine = "unknown"
    host: Host = "unknown"
    options: dict[str, Option] = field(default_factory=dict)
    is_complete: bool = True
    from_url: bool = False
    variable: str | None = None
    password: str | None = field(default=None, repr=False)
    password_place: Place | None = None
    password_variable: str | None = None
    user: str = field(default="", repr=False)
    sqlite_variable: str | None = None
    condition: Place | None = None


class Settings:
    """The settings modules of a project, each read as the one that a process is started with."""

    def __init__(self, files: list[File], root: Path) -> None:
        self.files = {file.path: file for file in files}
        self.root = root

    def tree(self, path: Path) -> ast.Module | None:
        return self.files[path].tree()

    def find(self, path: Path, module: str) -> Path | None:
        """The file that an import names (``..base``, ``shop.settings.base``), looked for from its folder or from each folder above."""
        parts = [part for part in module.lstrip(".").split(".") if part]
        level = len(module) - len(module.lstrip("."))
        inside = [p for p in path.parents if p == self.root or p.is_relative_to(self.root)]
        bases = inside[level - 1 : level] if level else inside
        for base in bases:
            stem = base.joinpath(*parts)
            for candidate in (stem.with_suffix(".py") if parts else stem / "__init__.py", stem / "__init__.py"):
                if candidate in self.files and candidate != path:
                    return candidate
        return None

    def read(self) -> Iterator[tuple[File, Entry, str]]:
        """Each alias that each module ends with: the module started, the entry, the alias. A module that others build on is read as part
        of those, unless they are for tests and developers alone."""
        candidates = {f.path for f in self.files.values() if b"DATABASES" in f.read() and _NAMES.search(f.read())}
        stars = [
            (file.path, match[1].decode("utf-8", "replace"))
            for file in self.files.values()
            if candidates and b"import *" in file.read()
            for match in _STARS.finditer(file.read())
        ]
        reach = self._with_importers(candidates, stars)
        imported: set[Path] = set()
        for path, module in stars:
            found = self.find(path, module) if path in reach else None
            if found is not None and self.environment(path) in (self.environment(found), "production"):
                imported.add(found)
        for path in sorted(reach - imported):
            module_read = ModuleReader(self, path)
            module_read.run(self.environment(path))
            for alias, entries in module_read.aliases.items():
                for entry in entries:
                    yield self.files[path], entry, alias

    def reachable(self, path: Path) -> set[Path]:
        """The modules of the project that a module imports, itself and what those import included."""
        found = {path}
        waiting = [path]
        while waiting and len(found) < MOST_REACHED:
            one = waiting.pop()
            for match in _IMPORTS.finditer(self.files[one].read()):
                module = (match[1] or match[3]).decode("utf-8", "replace")
                names = [module] + [
                    f"{module}.{name}" for name in re.findall(r"\w+", (match[2] or b"").decode("utf-8", "replace"))
                ]
                for name in names:
                    other = self.find(one, name)
                    if other is not None and other not in found:
                        found.add(other)
                        waiting.append(other)
        return found

    def environment(self, path: Path) -> Environment:
        return environment_of(self.files[path].name)

    def _with_importers(self, paths: set[Path], stars: list[tuple[Path, str]]) -> set[Path]:
        """Those files and what takes all names of one of them."""
        found = set(paths)
        taken = {(path, self.find(path, module)) for path, module in stars}
        grown = True
        while grown:
            more = {path for path, source in taken if source in found} - found
            found |= more
            grown = bool(more)
        return found


class ModuleReader:
    """The names of one settings module and of those that it takes all names from."""

    def __init__(
        self, settings: Settings, path: Path, depth: int = 0, known: dict[Path, ModuleReader] | None = None
    ) -> None:
        self.settings = settings
        self.known = known if known is not None else {path: self}
        """The modules read on the way, each once: modules of an application import each other."""
        self.path = path
        self.depth = depth
        self.names: dict[str, Any] = {}
        self.expressions: dict[str, ast.expr] = {}
        self.aliases: dict[str, list[Entry]] = {}
        self.mentions: set[str] = set()

    def run(self, environment: Environment) -> None:
        tree = self.settings.tree(self.path)
        if tree is None:
            return
        self.block(tree.body, environment)
        for node in ast.walk(tree) if _LIFETIMES.search(self.settings.files[self.path].read()) else ():
            name = node.value if isinstance(node, ast.Constant) else node.arg if isinstance(node, ast.keyword) else None
            if isinstance(name, str) and name.upper() in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS"):
                self.mentions.add(name.upper())
        for entries in self.aliases.values():
            for entry in entries:
                for name in self.mentions - entry.options.keys():
                    entry.options[name] = Option(name, None, entry.place)  # set in a way that was not followed

    def place(self, node: ast.AST) -> Place:
        return Place(self.settings.files[self.path].name, getattr(node, "lineno", 1))

    # Statements

    def block(self, body: list[ast.stmt], environment: Environment) -> None:
        for node in body:
            self.statement(node, environment)

    def statement(self, node: ast.stmt, environment: Environment) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self.assign(target, node.value, environment)
        elif isinstance(node, ast.If):
            self.condition(node, environment)
        elif isinstance(node, ast.Try):
            self.attempt(node, environment)
        elif isinstance(node, ast.With):
            self.block(node.body, environment)
        elif isinstance(node, ast.ClassDef):
            self.block(node.body, environment if environment != "any" else environment_of(_spaced(node.name)))
        elif isinstance(node, ast.ImportFrom):
            self.take(node, environment)
        elif isinstance(node, ast.FunctionDef) and node.name == "DATABASES":
            self.made_by(node, environment)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self.call(node.value, environment)

    def made_by(self, node: ast.FunctionDef, environment: Environment) -> None:
        """A property of a settings class."""
        for part in node.body:
            if isinstance(part, ast.Return) and part.value is not None:
                self.databases(part.value, environment, replace=True)

    def attempt(self, node: ast.Try, environment: Environment) -> None:
        unseen = [
            n for n in node.body if isinstance(n, ast.ImportFrom) and self.settings.find(self.path, _named(n)) is None
        ]
        self.block([*node.body, *node.orelse, *node.finalbody], environment)
        if any(alias.name == "*" for n in unseen for alias in n.names):
            self.leave_open()

    def leave_open(self) -> None:
        """Settings that lie outside of the project may change all of it."""
        for alias, entries in self.aliases.items():
            self.aliases[alias] = [_copied(entry) for entry in entries]
            for entry in self.aliases[alias]:
                entry.is_complete = False

    def take(self, node: ast.ImportFrom, environment: Environment) -> None:
        path = self.settings.find(self.path, _named(node))
        if path is None or (self.depth > MOST_IMPORTS and path not in self.known):
            return
        other = self.known.get(path)
        if other is None and len(self.known) < MOST_REACHED:
            other = self.known[path] = ModuleReader(self.settings, path, self.depth + 1, self.known)
            other.run(environment)
        if other is None:
            return
        star = any(alias.name == "*" for alias in node.names)
        wanted = {alias.name for alias in node.names}
        self.names |= {k: v for k, v in other.names.items() if star or k in wanted}
        self.expressions |= {k: v for k, v in other.expressions.items() if star or k in wanted}
        if star or "DATABASES" in wanted:
            self.aliases.update({alias: [_copied(e) for e in entries] for alias, entries in other.aliases.items()})
            self.mentions |= other.mentions

    def condition(self, node: ast.If, environment: Environment) -> None:
        then, otherwise = (environment, environment) if environment != "any" else self.meaning(node.test)
        before = dict(self.aliases)
        self.block(node.body, then)
        after = self.aliases
        self.aliases = dict(before)
        self.block(node.orelse, otherwise)
        merged: dict[str, list[Entry]] = {}
        for alias in [*after, *(a for a in self.aliases if a not in after)]:
            here, there = after.get(alias, []), self.aliases.get(alias, [])
            both = {id(e) for e in here} & {id(e) for e in there}
            at = self.place(node)
            told = [_told(e, then, both, at) for e in here] + [
                _told(e, otherwise, both, at) for e in there if id(e) not in both
            ]
            merged[alias] = told[:MOST_ALTERNATIVES]
        self.aliases = merged

    def meaning(self, test: ast.expr, depth: int = 0) -> tuple[Environment, Environment]:
        """The environments in which a condition holds and in which it does not."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            yes, no = self.meaning(test.operand, depth)
            return no, yes
        if isinstance(test, ast.BoolOp):
            meant = [self.meaning(part, depth) for part in test.values]
            return next((m for m in meant if m != ("any", "any")), ("any", "any"))
        named = isinstance(test, ast.Name) and test.id not in ("DEBUG", "TESTING") and depth < 3
        if isinstance(test, ast.Name) and named and test.id in self.expressions:
            found = self.meaning(self.expressions[test.id], depth + 1)
            if found != ("any", "any"):
                return found
        words = " ".join(_words_of(test))
        if re.search(r"sys\.argv|sys\.modules", words) and re.search("test", words):
            return "tests", "any"
        negated = isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotEq | ast.NotIn)
        found = _meaning_of_words(words)
        return (found[1], found[0]) if negated else found

    def assign(self, target: ast.expr, value: ast.expr, environment: Environment) -> None:
        if isinstance(target, ast.Name):
            self.expressions[target.id] = value
            try:
                self.names[target.id] = self.value(value)
            except Unknown:
                self.names.pop(target.id, None)
            if target.id == "DATABASES":
                self.databases(value, environment, replace=True)
            return
        keys = _keys(target)
        if keys is None:
            return
        if len(keys) == 1:
            self.aliases[keys[0]] = self.entries(value, environment)
        elif len(keys) == 2:
            self.change(keys[0], lambda entry: self.set(entry, keys[1], value))
        else:
            self.change(keys[0], lambda entry: self.option(entry, keys[2], value))

    def call(self, node: ast.Call, environment: Environment) -> None:
        """``DATABASES["default"].update(…)``; what fills the module from elsewhere (``vars().update(…)``, ``exec``, ``include``)."""
        if _FILLS.match(ast.unparse(node.func)):
            self.leave_open()
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("update", "setdefault"):
            return
        keys = [] if dotted(node.func.value) == "DATABASES" else _keys(node.func.value)
        if keys is None:
            return
        if not keys and node.args:
            self.databases(node.args[0], environment, replace=False)
        elif len(keys) == 1 and node.func.attr == "update":
            given = node.args[0] if node.args else None
            self.change(keys[0], lambda entry: self.merge(entry, given, node.keywords))
        elif len(keys) == 1 and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
            name, value = str(node.args[0].value), node.args[1]
            self.change(keys[0], lambda entry: self.set(entry, name, value))

    def merge(self, entry: Entry, given: ast.expr | None, keywords: list[ast.keyword]) -> None:
        given = self.resolved(given) if given is not None else None
        if isinstance(given, ast.Dict):
            self.fill(entry, given)
        elif isinstance(given, ast.Call) and _URL_CALLS.match(dotted(given.func)):
            self.from_url(entry, given)
        elif given is not None:
            entry.is_complete = False
        for keyword in keywords:
            if keyword.arg:
                self.set(entry, keyword.arg, keyword.value)

    def change(self, alias: str, change: Callable[[Entry], None]) -> None:
        """Change copies: what a branch does must not reach what happens without it."""
        changed = []
        for entry in self.aliases.get(alias, []):
            one = _copied(entry)
            change(one)
            changed.append(one)
        self.aliases[alias] = changed

    # DATABASES

    def databases(self, value: ast.expr, environment: Environment, *, replace: bool) -> None:
        value = self.resolved(value)
        if replace:
            self.aliases = {}
        if isinstance(value, ast.Dict):
            for key, one in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    self.aliases[key.value] = self.entries(one, environment, key)
        elif isinstance(value, ast.IfExp):
            then, otherwise = self.meaning(value.test) if environment == "any" else (environment, environment)
            self.databases(value.body, then, replace=False)
            first = self.aliases
            self.aliases = {}
            self.databases(value.orelse, otherwise, replace=False)
            for alias, entries in first.items():
                self.aliases[alias] = [*entries, *self.aliases.get(alias, [])]

    def entries(self, value: ast.expr, environment: Environment, at: ast.expr | None = None) -> list[Entry]:
        """What one alias may be: alternatives of a conditional expression are kept apart."""
        value = self.resolved(value)
        if isinstance(value, ast.IfExp):
            then, otherwise = self.meaning(value.test) if environment == "any" else (environment, environment)
            return [*self.entries(value.body, then), *self.entries(value.orelse, otherwise)]
        first = at if at is not None and at.lineno >= value.lineno - 1 and at.lineno <= value.lineno else value
        entry = Entry(self.place(first), value.end_lineno or value.lineno, environment)
        if isinstance(value, ast.Dict):
            self.fill(entry, value)
        elif isinstance(value, ast.Call) and any(
            _URL_CALLS.match(dotted(part)) for part in (value.func, *(k.value for k in value.keywords))
        ):
            self.from_url(entry, value)
        else:
            entry.is_complete = False
        return [entry]

    def resolved(self, value: ast.expr) -> ast.expr:
        """What a name was last bound to."""
        for _ in range(4):
            if isinstance(value, ast.Name) and value.id in self.expressions:
                value = self.expressions[value.id]
        return value

    def fill(self, entry: Entry, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.merge(entry, value, [])
            elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.set(entry, key.value, value)
            else:
                entry.is_complete = False

    def set(self, entry: Entry, name: str, value: ast.expr) -> None:
        known, variable = self.told(value)
        if name == "ENGINE":
            # A variable that chooses the engine: its default is what developers use.
            entry.engine = engine_of(str(known)) if isinstance(known, str) and variable is None else "unknown"
        elif name == "HOST":
            entry.host = (
                host_kind(known, entry.options["PORT"].value if "PORT" in entry.options else None)
                if variable is None
                else "unknown"
            )
            if isinstance(known, str) and host_kind(known) == "pooler":
                entry.host = "pooler"
        elif name == "PORT":
            if str(known) in ("6432", "6543"):
                entry.host = "pooler"
        elif name == "PASSWORD":
            entry.password = known if isinstance(known, str) else None
            entry.password_place, entry.password_variable = self.place(value), variable
        elif name == "USER":
            entry.user = known if isinstance(known, str) else ""
        elif name == "NAME":
            entry.sqlite_variable = variable
        elif name == "OPTIONS":
            self.nested(entry, self.resolved(value))
        elif name in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "ATOMIC_REQUESTS", "DISABLE_SERVER_SIDE_CURSORS"):
            entry.options[name] = Option(name, _scalar(known), self.place(value), variable)

    def nested(self, entry: Entry, node: ast.expr) -> None:
        keys = node.keys if isinstance(node, ast.Dict) else [None]
        values = node.values if isinstance(node, ast.Dict) else [node]
        for key, value in zip(keys, values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.option(entry, key.value, value)
            else:
                entry.options["OPTIONS"] = Option("OPTIONS", None, self.place(node))  # some of them are not known

    def option(self, entry: Entry, name: str, value: ast.expr) -> None:
        place = self.place(value)
        known, variable = self.told(value)
        if name == "options":
            if not isinstance(known, str):
                entry.options["statement_timeout"] = Option("statement_timeout", None, place)
                return
            for match in re.finditer(r"-c\s*(\w+)=(\w+)", known):
                entry.options[match[1]] = Option(match[1], match[2], place)
        elif name in _KEPT:
            entry.options[name] = Option(name, True if isinstance(value, ast.Dict) else _scalar(known), place, variable)

    def from_url(self, entry: Entry, call: ast.Call) -> None:
        """``dj_database_url.config(…)``, ``env.db(…)``: the address of a variable, options as keywords."""
        entry.from_url = True
        for keyword in call.keywords:
            known, variable = self.told(keyword.value)
            name = _FROM_URL.get(keyword.arg or "")
            if name:
                value: Scalar = ("require" if known else "prefer") if name == "sslmode" else _scalar(known)
                entry.options[name] = Option(name, value, self.place(keyword.value), variable)
            elif keyword.arg is None:
                entry.is_complete = False
            elif keyword.arg == "engine" and isinstance(known, str):
                entry.engine = engine_of(known)
        address, variable = self.address_of(call)
        if address is not None and variable is None:
            entry.engine, entry.host = address.engine, address.host
        if address is not None and address.engine == "postgresql":
            entry.engine = "postgresql"
            entry.password, entry.user, entry.password_place = address.password, address.user, self.place(call)
        entry.variable = entry.password_variable = variable

    def address_of(self, call: ast.Call) -> tuple[Any, str | None]:
        """The address that a call falls back to, and the variable that it asks first."""
        function = dotted(call.func).rpartition(".")[2]
        variable = None if function == "parse" else "DATABASE_URL"
        texts: list[str] = []
        for node in [*call.args, *(k.value for k in call.keywords if k.arg in ("default", "env", "url"))]:
            known, named = self.told(node)
            variable = named or variable
            if isinstance(known, str):
                texts.append(known)
        if texts and _VARIABLE.match(texts[0]) and function != "parse":
            variable = texts.pop(0)
        return next(filter(None, map(parse_url, texts)), None), variable

    # Values

    def told(self, node: ast.expr) -> tuple[Any, str | None]:
        """The value of an expression as far as it is known, and the variable that it comes from."""
        variable = self.variable_of(node)
        try:
            return self.value(node), variable
        except Unknown:
            return None, variable

    def variable_of(self, node: ast.expr, depth: int = 0) -> str | None:
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and part.args and isinstance(part.args[0], ast.Constant):
                name = part.args[0].value
                if isinstance(name, str) and _VARIABLE.match(name):
                    return name
            elif isinstance(part, ast.Subscript) and dotted(part.value).endswith("environ"):
                return str(part.slice.value) if isinstance(part.slice, ast.Constant) else "?"
            elif isinstance(part, ast.Name) and part.id in self.expressions and depth < 3:
                found = self.variable_of(self.expressions[part.id], depth + 1)
                if found:
                    return found
        return None

    def value(self, node: ast.expr) -> Any:
        return pysource.evaluate(node, self.names, _default)


def _named(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def _default(name: str, arguments: list[Any], keywords: Mapping[str, Any]) -> Any:
    """What a helper that asks the environment gives without it. Raises Unknown."""
    if arguments and isinstance(arguments[0], str) and _VARIABLE.match(arguments[0]):
        if len(arguments) > 1:
            return arguments[1]
        if "default" in keywords:
            return keywords["default"]
    raise Unknown(name)


def _scalar(value: Any) -> Scalar:
    """A value that may be kept: numbers, and short words such as a mode of TLS."""
    if isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, str) and _HARMLESS.match(value) else None


def _told(entry: Entry, environment: Environment, both: set[int], condition: Place) -> Entry:
    """An entry that only one side of a condition leaves is that side's."""
    if id(entry) in both:
        return entry
    one = copy(entry)
    one.condition = entry.condition or condition
    one.environment = environment if entry.environment == "any" else entry.environment
    return one


def _copied(entry: Entry) -> Entry:
    one = copy(entry)
    one.options = dict(entry.options)
    return one


def _keys(target: ast.expr) -> list[str] | None:
    """``["default", "HOST"]`` of ``DATABASES["default"]["HOST"]``."""
    keys: list[str] = []
    while isinstance(target, ast.Subscript):
        if not (isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str)):
            return None
        keys.insert(0, target.slice.value)
        target = target.value
    return keys if keys and dotted(target) == "DATABASES" and len(keys) <= 3 else None


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)


def _words_of(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            yield dotted(part)
        elif isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _meaning_of_words(words: str) -> tuple[Environment, Environment]:
    spaced = f"_{words.replace(' ', '_')}_".upper()
    if re.search(r"[_.](TESTS?|TESTING|PYTEST\w*|CI|GITHUB_ACTIONS|TRAVIS)[_.]", spaced):
        return "tests", "any"
    if re.search(r"[_.](PROD|PRODUCTION|LIVE|STAGING|HEROKU|DYNO)[_.]", spaced):
        return "production", "development"
    if re.search(r"[_.](DEBUG|DEV|DEVELOPMENT|LOCAL|SQLITE)[_.]", spaced):
        return "development", "production"
    return "any", "any"


def access(entry: Entry, alias: str) -> DatabaseAccess:
    """An entry as the model keeps it."""
    return DatabaseAccess(
        framework="django",
        place=entry.place,
        end_line=entry.end_line,
        environment=entry.environment,
        engine=entry.engine,
        alias=alias,
        host=entry.host,
        options=tuple(sorted(entry.options.values(), key=lambda option: option.name)),
        is_complete=entry.is_complete,
        from_url=entry.from_url,
        is_pooled="pool" in entry.options,
        condition=entry.condition,
        variable=entry.variable if entry.from_url else entry.sqlite_variable if entry.engine == "sqlite" else None,
    )
