"""SQLAlchemy's engines: every call that makes one, its options and the address that it is given. Nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbwright import pysource
from dbwright.collect.surroundings.files import File, environment_of
from dbwright.collect.surroundings.settings import _default, _scalar
from dbwright.collect.surroundings.variables import Variable, parse_url
from dbwright.model.source_table import Place
from dbwright.model.surroundings import AccessEngine, Amount, DatabaseAccess, Environment, Host, Option
from dbwright.pysource import Unknown, dotted
from dbwright.source.files import role_of

MAKERS = re.compile(
    rb"create_engine|create_async_engine|engine_from_config|SQLALCHEMY_(ENGINE_OPTIONS|DATABASE_UR[IL])"
)
_MAKERS = frozenset(("create_engine", "create_async_engine", "engine_from_config", "async_engine_from_config"))
_PACKAGES = ("sqlalchemy", "sqlmodel")
_ASIDE = re.compile(
    r"(^|/)(migrations?|alembic|versions|scripts?|tools?|bin|examples?|docs?|benchmarks?|notebooks?|cli|commands|seeds?|samples?)/"
    r"|(^|/)(env|manage|cli|seed\w*|conftest|setup)\.py$|init_?db|create_?db|script"
)
"""Where engines are made that nobody keeps waiting for: migrations, scripts, examples."""
_HARMLESS = frozenset(
    "statement_cache_size prepared_statement_cache_size timeout command_timeout connect_timeout prepare_threshold sslmode".split()
)
"""Arguments of drivers whose value may be kept."""
ASYNC_DRIVERS = frozenset(("asyncpg", "aiosqlite", "psycopg_async", "aiomysql", "asyncmy", "aiopg"))


@dataclass(frozen=True)
class Literal:
    """An address or password that stands in source, by its name. The text stays inside the reader."""

    name: str
    text: str = field(repr=False)
    place: Place
    environment: Environment
    is_fallback: bool


class EngineReader:
    """The engines of one module. ``variables``: what env and compose files set, by upper-case name."""

    def __init__(
        self, file: File, tree: ast.Module, variables: Mapping[str, list[Variable]], defaults: Mapping[str, Amount]
    ) -> None:
        self.file = file
        self.tree = tree
        self.variables = variables
        self.defaults = defaults
        self.makers: dict[str, str] = {}
        self.names: dict[str, Any] = {}
        self.expressions: dict[str, ast.expr] = {}
        environment = environment_of(file.name)
        self.environment: Environment = "tests" if role_of(file.name) == "tests" else environment

    def read(self) -> Iterator[DatabaseAccess]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _PACKAGES:
                self.makers |= {a.asname or a.name: a.name for a in node.names if a.name in _MAKERS}
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.bind(statement.targets[0].id, statement.value)
        if _ASIDE.search(self.file.name) and self.environment != "tests":
            return
        yield from self.block(self.tree.body, "", {})

    def bind(self, name: str, value: ast.expr) -> None:
        self.expressions[name] = value
        try:
            self.names[name] = pysource.evaluate(value, self.names, _default)
        except Unknown:
            self.names.pop(name, None)

    def block(self, body: list[ast.stmt], function: str, local: dict[str, ast.expr]) -> Iterator[DatabaseAccess]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{function}.{node.name}" if function else node.name
                yield from self.block(node.body, name, {**local, **_assigned(node)})
            else:
                for part in ast.walk(node):
                    if isinstance(part, ast.Call) and (maker := self.maker(part)):
                        yield self.engine(part, maker, function, local)

    def maker(self, node: ast.Call) -> str | None:
        name = dotted(node.func)
        if name in self.makers:
            return self.makers[name]
        package, _, last = name.rpartition(".")
        known = package.split(".")[0] in ("sqlalchemy", "sa", "sqlmodel", "sqla")
        return last if known and last in _MAKERS else None

    def engine(self, node: ast.Call, maker: str, function: str, local: Mapping[str, ast.expr]) -> DatabaseAccess:
        options: dict[str, Option] = {}
        complete = True
        for keyword in node.keywords:
            if keyword.arg:
                self.option(options, keyword.arg, keyword.value, local)
            else:
                complete &= self.spread(options, keyword.value, local)
        url = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "url"), None)
        engine, driver, host, variable = self.address(url, local)
        pool = options.get("poolclass")
        return DatabaseAccess(
            framework="sqlalchemy",
            place=Place(self.file.name, node.lineno, function),
            end_line=node.end_lineno or node.lineno,
            environment=self.environment,
            engine=engine,
            alias="engine",
            driver=driver,
            host=host,
            options=tuple(options.values()),
            is_complete=complete and "from_config" not in maker,
            from_url="from_config" in maker,
            is_async="async" in maker,
            is_pooled=pool is None or pool.value not in ("NullPool", "StaticPool", "AssertionPool", None),
            variable=variable,
        )

    def spread(self, options: dict[str, Option], value: ast.expr, local: Mapping[str, ast.expr]) -> bool:
        """The options of ``**kwargs``; False when they cannot be told."""
        value = self.resolved(value, local)
        if isinstance(value, ast.Call) and dotted(value.func) == "dict" and not value.args:
            for keyword in value.keywords:
                if keyword.arg:
                    self.option(options, keyword.arg, keyword.value, local)
            return False
        if not isinstance(value, ast.Dict):
            return False
        for key, one in zip(value.keys, value.values, strict=True):
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                return False
            self.option(options, key.value, one, local)
        return False  # more may be put into it on the way

    def option(self, options: dict[str, Option], name: str, value: ast.expr, local: Mapping[str, ast.expr]) -> None:
        value = self.resolved(value, local)
        place = Place(self.file.name, value.lineno)
        if name == "connect_args" and isinstance(value, ast.Dict):
            for key, one in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    shown = _scalar(self.value(one)) if key.value in _HARMLESS else None
                    options[f"connect_args.{key.value}"] = Option(
                        f"connect_args.{key.value}", shown, Place(self.file.name, one.lineno)
                    )
            return
        if name == "poolclass":
            options[name] = Option(name, dotted(value).rpartition(".")[2] or None, place)
            return
        variable = variable_of(value)
        known = _scalar(self.value(value))
        if not (_is_of_pool(name) or name == "connect_args"):
            return
        options[name] = Option(name, known, place, variable, self.amounts(variable, known, place))

    def amounts(self, variable: str | None, known: object, place: Place) -> tuple[Amount, ...]:
        """What the number is in each environment."""
        if variable is None:
            return (Amount(known, place),) if isinstance(known, int) and not isinstance(known, bool) else ()
        found = [amount for v in self.variables.get(variable.upper(), ()) if (amount := v.amount())]
        default = self.defaults.get(variable.upper())
        if isinstance(known, int) and not isinstance(known, bool):
            default = Amount(known, place)
        return (*found, *([default] if default else []))

    def address(
        self, node: ast.expr | None, local: Mapping[str, ast.expr]
    ) -> tuple[AccessEngine, str | None, Host, str | None]:
        """Engine, driver and host of the address, and the name that it is configured under when it is taken as it is."""
        if node is None:
            return "unknown", None, "unknown", None
        node = self.resolved(node, local)
        variable = variable_of(node)
        if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
            found = parse_url(str(node.values[0].value) + "x")
            return (found.engine, found.driver, "unknown", None) if found else ("unknown", None, "unknown", None)
        value = self.value(node)
        found = parse_url(value) if isinstance(value, str) else None
        if found and variable is None:
            return found.engine, found.driver, found.host, None
        if isinstance(node, ast.Call) and not _asks_environment(node):
            variable = None  # something is done to it on the way
        return "unknown", None, "unknown", variable

    def resolved(self, value: ast.expr, local: Mapping[str, ast.expr]) -> ast.expr:
        for _ in range(4):
            if isinstance(value, ast.Name):
                value = local.get(value.id) or self.expressions.get(value.id) or value
        if isinstance(value, ast.Call) and dotted(value.func) in ("str", "int") and len(value.args) == 1:
            return self.resolved(value.args[0], local)
        return value

    def value(self, node: ast.expr) -> Any:
        try:
            return pysource.evaluate(node, self.names, _default)
        except Unknown:
            return None


def _is_of_pool(name: str) -> bool:
    return name.startswith("pool") or name == "max_overflow"


def variable_of(node: ast.expr) -> str | None:
    """The setting that an expression takes its value from: ``settings.db_pool_size``, ``os.getenv("POOL_SIZE")``."""
    if isinstance(node, ast.Call) and _asks_environment(node):
        return str(getattr(node.args[0], "value", ""))
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return None


def _asks_environment(node: ast.Call) -> bool:
    first = node.args[0] if node.args else None
    return isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.isidentifier()


def _assigned(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> dict[str, ast.expr]:
    """Names that are bound once in a body."""
    found: dict[str, list[ast.expr]] = {}
    for part in node.body:
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            found.setdefault(part.targets[0].id, []).append(part.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def flask_accesses(file: File, tree: ast.Module, options: list[tuple[str, ast.Dict]]) -> Iterator[DatabaseAccess]:
    """``SQLALCHEMY_DATABASE_URI`` of a configuration, with the options that ``SQLALCHEMY_ENGINE_OPTIONS`` of the project gives."""
    environment = "tests" if role_of(file.name) == "tests" else environment_of(file.name)
    for name, value, owner in _configured(tree):
        if name != "SQLALCHEMY_DATABASE_URI":
            continue
        known = value.value if isinstance(value, ast.Constant) else None
        address = parse_url(known) if isinstance(known, str) else None
        meant = (
            environment_of(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", owner))
            if environment == "any" and owner
            else environment
        )
        found = [
            Option(key.value, _scalar(getattr(one, "value", None)), Place(place, one.lineno), variable_of(one))
            for place, node in options
            for key, one in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and _is_of_pool(key.value)
        ]
        yield DatabaseAccess(
            framework="sqlalchemy",
            place=Place(file.name, value.lineno, owner),
            end_line=value.end_lineno or value.lineno,
            environment=meant,
            engine=address.engine if address else "unknown",
            alias="flask",
            driver=address.driver if address else None,
            host=address.host if address else "unknown",
            options=tuple(found),
            variable=name,
        )


def flask_options(file: File, tree: ast.Module) -> Iterator[tuple[str, ast.Dict]]:
    """Dictionaries given as ``SQLALCHEMY_ENGINE_OPTIONS``."""
    for name, value, _ in _configured(tree):
        if name == "SQLALCHEMY_ENGINE_OPTIONS":
            yield file.name, value if isinstance(value, ast.Dict) else ast.Dict([], [])


def _configured(tree: ast.Module) -> Iterator[tuple[str, ast.expr, str]]:
    """Name, value and class of each configuration: ``X = …``, ``config["X"] = …``."""
    owners = {id(part): node.name for node in tree.body if isinstance(node, ast.ClassDef) for part in node.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Name):
                yield target.id, node.value, owners.get(id(node), "")
            elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                yield str(target.slice.value), node.value, ""


def class_defaults(file: File, tree: ast.Module) -> Iterator[tuple[str, Any, Place]]:
    """The defaults of settings classes: ``pool_size: int = 5``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and _is_settings(node):
            for part in node.body:
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.value is not None:
                    value: ast.expr | None = part.value
                    if isinstance(value, ast.Call):
                        given = next((k.value for k in value.keywords if k.arg == "default"), None)
                        value = given or (value.args[0] if value.args else None)
                    if isinstance(value, ast.Constant):
                        yield part.target.id, value.value, Place(file.name, value.lineno)


def _is_settings(node: ast.ClassDef) -> bool:
    names = [node.name, *(dotted(base) for base in node.bases)]
    return any(re.search(r"Settings|Config", name) for name in names)


__all__ = ["ASYNC_DRIVERS", "EngineReader", "class_defaults", "flask_accesses", "flask_options"]
