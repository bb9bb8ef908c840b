"""What Django itself says of a project's models, as one JSON document on standard output.

Run by the *project's own* interpreter, which need not have dbwright: a stand-alone script of the standard library, for Python 3.8 and
later and Django 2.2 to 6. It executes the project's code, and is therefore only run when the user asks for it::

    DJANGO_SETTINGS_MODULE=shop.settings python django_registry.py [--setup package.module:function]

``--setup`` names a function that prepares Django where ``django.setup()`` is not enough. The working directory is put on the path.
Types, names and conditions are those of Django's PostgreSQL backend whatever database the settings name; no connection is opened.
The URLs are loaded as a server does, since they import models that no ``models.py`` names.
What the project prints while it is imported goes to standard error. An error is one line ``{"error": …}`` and exit status 2.

The document: ``tables`` with ``columns``, ``indexes`` and ``constraints`` as PostgreSQL would have them. A ``UniqueConstraint`` with a
condition, expressions, operator classes or included columns is listed under ``indexes``, because that is what Django makes of it.
``implicit`` indexes are those that ``db_index``, a foreign key, ``index_together`` or the pattern search on a unique text brings.
Names that the server chooses (primary keys, ``unique=True``, checks of positive integers) are null. ``gaps`` says what could not be read.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import json
import os
import re
import sys
import traceback
import types
from collections.abc import Iterator
from typing import Any

METHODS = frozenset(("btree", "hash", "gin", "gist", "spgist", "brin", "bloom"))
SERIAL = {"serial": "integer", "bigserial": "bigint", "smallserial": "smallint"}


class Truth:
    """Reads the models of a project that has been set up."""

    def __init__(self) -> None:
        self.models = importlib.import_module("django.db.models")
        self.connection = offline_connection()
        self.editor = self.connection.SchemaEditorClass(self.connection, collect_sql=True, atomic=False)
        self.editor.deferred_sql = []
        self.places = Places()
        self.gaps: list[dict[str, Any]] = []

    def document(self) -> dict[str, Any]:
        apps = importlib.import_module("django.apps").apps
        tables, proxies = [], []
        for model in apps.get_models(include_auto_created=True, include_swapped=False):
            if model._meta.proxy:
                proxies.append({"symbol": symbol_of(model), "table": split_name(model._meta.db_table)[1]})
            else:
                tables.append(self.table(model))
        tables.sort(key=lambda t: (t["schema"] or "", t["name"], t["symbol"]))
        version = importlib.import_module("django").get_version()
        return {"framework": "django", "version": version, "tables": tables, "proxies": proxies, "gaps": self.gaps}

    def table(self, model: Any) -> dict[str, Any]:
        meta = model._meta
        schema, name = split_name(meta.db_table)
        file, line = self.places.of(meta.auto_created or model)
        row: dict[str, Any] = {
            "name": name,
            "schema": schema,
            "symbol": symbol_of(model),
            "file": file,
            "line": line,
            "managed": bool(meta.managed),
            "abstract": False,
            "proxy": False,
            "auto_created": bool(meta.auto_created),
            "columns": [],
            "indexes": [],
            "constraints": [],
        }
        for field in meta.local_fields:
            with self.guarded(model, field.name):
                column = self.column(field)
                if column is None:
                    continue
                row["columns"].append(column)
                row["constraints"] += self.field_constraints(model, field, column)
            with self.guarded(model, field.name):
                row["indexes"] += self.field_indexes(model, field)
        composite = getattr(meta, "pk_fields", None) or []
        if len(composite) > 1:
            row["constraints"].insert(0, constraint("primary key", [f.column for f in composite]))
        for names in meta.unique_together:
            with self.guarded(model, "unique_together"):
                columns = [meta.get_field(n).column for n in names]
                label = self.editor._create_index_name(meta.db_table, columns, suffix="_uniq")
                row["constraints"].append(constraint("unique", columns, name=label))
        for names in getattr(meta, "index_together", ()):
            with self.guarded(model, "index_together"):
                columns = [meta.get_field(n).column for n in names]
                label = self.editor._create_index_name(meta.db_table, columns, suffix="_idx")
                row["indexes"].append(index(label, columns, implicit=True))
        for declared in meta.indexes:
            with self.guarded(model, declared.name):
                row["indexes"].append(self.declared_index(model, declared))
        for declared in getattr(meta, "constraints", ()):
            with self.guarded(model, declared.name):
                kind, found = self.declared_constraint(model, declared)
                row[kind].append(found)
        return row

    @contextlib.contextmanager
    def guarded(self, model: Any, what: str) -> Iterator[None]:
        """A part that cannot be read is a gap, and the rest is read all the same."""
        try:
            yield
        except Exception as error:
            self.gaps.append({"symbol": symbol_of(model), "what": what, "reason": describe(error)})

    def column(self, field: Any) -> dict[str, Any] | None:
        kind = self.type_of(field)
        if kind is None:  # no column of its own: a composite key, a generic relation
            return None
        identity = None
        if kind.lower() in SERIAL:
            kind, identity = SERIAL[kind.lower()], "serial"
        suffix = field.db_type_suffix(self.connection) if hasattr(field, "db_type_suffix") else None
        if suffix and "IDENTITY" in suffix.upper():
            identity = "always" if "ALWAYS" in suffix.upper() else "by default"
        default = getattr(field, "db_default", self.models.NOT_PROVIDED)
        generated = None
        if getattr(field, "generated", False):
            sql, values = field.generated_sql(self.connection)
            generated = self.filled(sql, values)
        return {
            "name": field.column,
            "field": field.name,
            "field_class": symbol_of(type(field)),
            "type": kind,
            "not_null": not field.null or field.primary_key,
            "primary_key": bool(field.primary_key) or is_part_of_key(field),
            "unique": bool(field.unique) and not field.primary_key,
            "has_default": default is not self.models.NOT_PROVIDED and default is not None,
            "identity": identity,
            "generated": generated,
            "collation": getattr(field, "db_collation", None),
            "references": self.reference(field),
        }

    def type_of(self, field: Any) -> str | None:
        if hasattr(field, "geom_type") and not hasattr(self.connection.ops, "geo_db_type"):
            return (
                f"{'geography' if getattr(field, 'geography', False) else 'geometry'}({field.geom_type},{field.srid})"
            )
        kind = field.db_type(self.connection)
        return None if kind is None else str(kind)

    def reference(self, field: Any) -> dict[str, Any] | None:
        remote = getattr(field, "remote_field", None)
        if remote is None or not getattr(field, "target_field", None) or isinstance(remote.model, str):
            return None
        target = remote.model._meta
        schema, name = split_name(target.concrete_model._meta.db_table)
        chosen = getattr(remote, "on_delete", None)
        framework = getattr(chosen, "__name__", None) or type(chosen).__name__
        if framework == "set_on_delete":  # what models.SET(…) returns
            framework = "SET"
        in_database = {"DB_CASCADE": "cascade", "DB_SET_NULL": "set null", "DB_SET_DEFAULT": "set default"}
        return {
            "schema": schema,
            "table": name,
            "column": field.target_field.column,
            "on_delete": in_database.get(framework, "no action"),
            "framework_on_delete": framework,
            "constraint": bool(getattr(field, "db_constraint", True)),
        }

    def field_constraints(self, model: Any, field: Any, column: dict[str, Any]) -> list[dict[str, Any]]:
        found = []
        if field.primary_key:
            found.append(constraint("primary key", [field.column]))
        elif field.unique:
            found.append(constraint("unique", [field.column]))
        check = field.db_parameters(self.connection).get("check")
        if check:
            found.append(constraint("check", [field.column], condition=str(check)))
        reference = column["references"]
        if reference and reference["constraint"]:
            suffix = "_fk_%(to_table)s_%(to_column)s"
            statement = self.editor._create_fk_sql(model, field, suffix)
            row = constraint(
                "foreign key", [field.column], name=unquoted(statement.parts["name"]), deferrable="deferred"
            )
            row["references"] = {k: reference[k] for k in ("schema", "table", "on_delete")}
            row["references"]["columns"] = [reference["column"]]
            found.append(row)
        return found

    def field_indexes(self, model: Any, field: Any) -> list[dict[str, Any]]:
        found = []
        table = model._meta.db_table
        if self.editor._field_should_be_indexed(model, field):
            name = self.editor._create_index_name(table, [field.column])
            spatial = hasattr(field, "geom_type")
            found.append(index(name, [field.column], implicit=True, method="gist" if spatial else "btree"))
        like = getattr(self.editor, "_create_like_index_sql", None)
        statement = like(model, field) if like else None
        if statement is not None:
            opclass = "varchar_pattern_ops" if "varchar_pattern_ops" in str(statement) else "text_pattern_ops"
            name = unquoted(statement.parts["name"])
            found.append(index(name, [field.column], implicit=True, opclasses=[opclass]))
        return found

    def declared_index(self, model: Any, declared: Any) -> dict[str, Any]:
        entries = self.entries(model, declared)
        method = str(getattr(declared, "suffix", "")).lower()
        row = index(declared.name, entries[0], method=method if method in METHODS else "btree")
        row["descending"], row["opclasses"] = entries[1], entries[2]
        row["is_expression"] = entries[3]
        row["include"] = [model._meta.get_field(n).column for n in getattr(declared, "include", None) or ()]
        if getattr(declared, "condition", None) is not None:
            row["condition"] = self.condition(model, declared.condition)
        return row

    def entries(self, model: Any, declared: Any) -> tuple[list[str], list[bool], list[str], list[bool]]:
        """Columns or expression texts, with order, operator classes (empty when all are the default) and what is an expression."""
        if getattr(declared, "expressions", None):
            rows = [self.entry(model, e) for e in declared.expressions]
            opclasses = [r[2] for r in rows]
            return [r[0] for r in rows], [r[1] for r in rows], opclasses if any(opclasses) else [], [r[3] for r in rows]
        orders = getattr(declared, "fields_orders", None) or [(n, "") for n in declared.fields]
        columns = [model._meta.get_field(n).column for n, _order in orders]
        opclasses = [str(o) for o in getattr(declared, "opclasses", None) or ()]
        return columns, [o == "DESC" for _n, o in orders], opclasses, [False] * len(columns)

    def entry(self, model: Any, expression: Any) -> tuple[str, bool, str, bool]:
        descending, opclass = False, ""
        while True:
            kind = type(expression).__name__
            if isinstance(expression, str):
                name = expression.lstrip("-")
                return model._meta.get_field(name).column, expression.startswith("-"), opclass, False
            if kind == "OrderBy":
                descending, expression = bool(expression.descending), expression.expression
            elif kind == "OpClass":
                opclass, expression = str(expression.extra["name"]), expression.get_source_expressions()[0]
            elif kind == "F" and "__" not in expression.name:
                return model._meta.get_field(expression.name).column, descending, opclass, False
            else:
                return self.expression(model, expression), descending, opclass, True

    def declared_constraint(self, model: Any, declared: Any) -> tuple[str, dict[str, Any]]:
        kind = next((c.__name__ for c in type(declared).__mro__ if c.__name__ in KINDS), None)
        condition = getattr(declared, "condition", None)
        deferrable = getattr(getattr(declared, "deferrable", None), "value", None)
        if kind == "CheckConstraint":
            check = condition if condition is not None else declared.check
            return "constraints", constraint("check", [], name=declared.name, condition=self.condition(model, check))
        if kind == "UniqueConstraint":
            columns, descending, opclasses, expressions = self.entries(model, declared)
            include = [model._meta.get_field(n).column for n in getattr(declared, "include", None) or ()]
            if condition is None and not include and not opclasses and not getattr(declared, "expressions", None):
                row = constraint("unique", columns, name=declared.name, deferrable=deferrable)
                row["nulls_not_distinct"] = getattr(declared, "nulls_distinct", None) is False
                return "constraints", row
            row = index(declared.name, columns, unique=True)
            row.update(descending=descending, opclasses=opclasses, include=include, is_expression=expressions)
            row["condition"] = None if condition is None else self.condition(model, condition)
            row["nulls_not_distinct"] = getattr(declared, "nulls_distinct", None) is False
            return "indexes", row
        if kind == "ExclusionConstraint":
            pairs = [(self.entry(model, e), operator) for e, operator in declared.expressions]
            row = constraint(
                "exclusion", [e[0] for e, _o in pairs if not e[3]], name=declared.name, deferrable=deferrable
            )
            row["expressions"] = [f"{e[0]} WITH {operator}" for e, operator in pairs]
            row["condition"] = None if condition is None else self.condition(model, condition)
            row["method"] = str(getattr(declared, "index_type", "gist")).lower()
            return "constraints", row
        raise TypeError(f"constraint of an unknown class {symbol_of(type(declared))}")

    def query(self, model: Any) -> Any:
        query = importlib.import_module("django.db.models.sql.query").Query
        try:
            return query(model, alias_cols=False)
        except TypeError:  # before 3.2
            return query(model)

    def condition(self, model: Any, condition: Any) -> str:
        query = self.query(model)
        if not hasattr(query, "build_where"):
            where = query._add_q(condition, used_aliases=set(), allow_joins=False)[0]
        elif hasattr(condition, "resolve_expression") and not hasattr(condition, "connector"):
            where = condition.resolve_expression(query, allow_joins=False)  # a condition that is an expression, not a Q
        else:
            where = query.build_where(condition)
        compiler = query.get_compiler(connection=self.connection)
        return self.filled(*compiler.compile(where))

    def expression(self, model: Any, expression: Any) -> str:
        query = self.query(model)
        compiler = query.get_compiler(connection=self.connection)
        return self.filled(*compiler.compile(expression.resolve_expression(query, allow_joins=False)))

    def filled(self, sql: str, values: Any) -> str:
        """The text with its values written in."""
        return str(sql % tuple(self.editor.quote_value(v) for v in values)) if values else str(sql)


KINDS = frozenset(("CheckConstraint", "UniqueConstraint", "ExclusionConstraint"))


class Places:
    """Where classes are defined: a file is parsed once, not once a class as ``inspect`` does."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, int]] = {}

    def of(self, cls: Any) -> tuple[str | None, int | None]:
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        if not file or not file.endswith(".py"):
            return file, None
        if file not in self._lines:
            lines: dict[str, int] = {}
            try:
                with open(file, "rb") as source:
                    _classes(ast.parse(source.read()), "", lines)
            except (OSError, SyntaxError, ValueError, RecursionError):
                lines = {}
            self._lines[file] = lines
        return os.path.abspath(file), self._lines[file].get(cls.__qualname__.replace("<locals>.", ""))


def _classes(node: ast.AST, prefix: str, lines: dict[str, int]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            name = prefix + child.name
            if isinstance(child, ast.ClassDef):
                lines.setdefault(name, child.lineno)
            _classes(child, name + ".", lines)
        elif not isinstance(child, ast.expr):
            _classes(child, prefix, lines)


def index(name: str | None, columns: list[str], **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": name,
        "columns": columns,
        "is_expression": [False] * len(columns),
        "descending": [False] * len(columns),
        "unique": False,
        "method": "btree",
        "opclasses": [],
        "include": [],
        "condition": None,
        "implicit": False,
    }
    row.update(given)
    return row


def constraint(kind: str, columns: list[str], **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": None,
        "kind": kind,
        "columns": columns,
        "condition": None,
        "deferrable": None,
        "expressions": [],
    }
    row.update(given)
    return row


def is_part_of_key(field: Any) -> bool:
    return field in (getattr(field.model._meta, "pk_fields", None) or ())


def symbol_of(cls: Any) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def split_name(table: str) -> tuple[str | None, str]:
    """Schema and name of a ``db_table``, which may smuggle a schema in: ``accounting"."invoice``."""
    if '"."' in table:
        schema, name = table.strip('"').split('"."', 1)
        return schema, name
    return None, table.strip('"')


def unquoted(name: Any) -> str:
    return str(name).strip('"')


def offline_connection() -> Any:
    """A connection of Django's PostgreSQL backend that refuses to connect and takes the server for a PostgreSQL 17."""
    django_db = importlib.import_module("django.db")
    current = django_db.connection
    if getattr(current, "vendor", None) == "postgresql":
        connection = (
            current._connections[current._alias] if hasattr(current, "_alias") else django_db.connections["default"]
        )
    else:
        try:
            base = importlib.import_module("django.db.backends.postgresql.base")
        except Exception:
            stand_in_for_driver()
            base = importlib.import_module("django.db.backends.postgresql.base")
        settings = {
            **getattr(current, "settings_dict", {}),
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "none",
            "OPTIONS": {},
        }
        connection = base.DatabaseWrapper(settings, alias="dbwright_offline")

    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise RuntimeError("a connection to the database was asked for; the registry is read without one")

    connection.connect = connection.ensure_connection = refuse
    connection.__dict__["pg_version"] = 170000
    return connection


def stand_in_for_driver() -> None:
    """A hollow psycopg2, so that the PostgreSQL backend of Django imports in a project that runs on another database."""

    class Anything(type):
        def __getattr__(cls, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return cls

        def __call__(cls, *_arguments: Any, **_options: Any) -> Any:
            return cls

    class Hollow(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name == "__version__":
                return "2.9.9 (dt dec pq3 ext lo64)"
            if name.startswith("__"):
                raise AttributeError(name)
            if name[:1].isupper() and name.endswith(("Error", "Warning")):
                return type(name, (Exception,), {})
            return Anything(name, (), {})

    for name in (
        "psycopg2",
        "psycopg2.extensions",
        "psycopg2.extras",
        "psycopg2.errorcodes",
        "psycopg2.errors",
        "psycopg2.sql",
    ):
        module = Hollow(name)
        module.__path__ = []
        sys.modules[name] = module
        if "." in name:
            setattr(sys.modules["psycopg2"], name.split(".")[1], module)


def describe(error: BaseException) -> str:
    """One line, with the passwords of addresses hidden."""
    text = f"{type(error).__name__}: {error}".replace("\n", " ")[:500]
    return re.sub(r"://[^/@\s]*@", "://***@", text)


def prepare(setup: str | None) -> list[dict[str, Any]]:
    """Sets the project up; what of it could not be loaded."""
    if setup:
        module, _, function = setup.partition(":")
        getattr(importlib.import_module(module), function or "setup")()
    apps = importlib.import_module("django.apps").apps
    if not apps.ready:
        importlib.import_module("django").setup()
    # ``manage.py migrate`` and every server load the URLs, and with them models that no ``models.py`` imports.
    try:
        importlib.import_module(importlib.import_module("django.conf").settings.ROOT_URLCONF)
    except Exception as error:
        traceback.print_exc()
        return [{"symbol": None, "what": "ROOT_URLCONF", "reason": describe(error)}]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description="Print the models of a Django project as JSON.")
    parser.add_argument("--setup", metavar="MODULE:FUNCTION", help="called before, where django.setup() is not enough")
    arguments = parser.parse_args()
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.getcwd()] + [p for p in sys.path if os.path.abspath(p or ".") != own]
    # The project may print; only the document goes to standard output.
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        gaps = prepare(arguments.setup)
        truth = Truth()
        truth.gaps += gaps
        text, status = json.dumps(truth.document(), default=str), 0
    except BaseException as error:  # also SystemExit and what a project raises on a missing setting
        traceback.print_exc()
        text, status = json.dumps({"error": describe(error)}), 2
    sys.stdout.flush()
    with os.fdopen(out, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
    return status


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # threads that the project started must not keep the process
