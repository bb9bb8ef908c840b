"""What SQLAlchemy itself says of a project's tables, as one JSON document on standard output.

Run by the *project's own* interpreter, which need not have dbwright: a stand-alone script of the standard library, for Python 3.8 and
later and SQLAlchemy 1.3 to 2.1. It executes the project's code, and is therefore only run when the user asks for it::

    python sqlalchemy_registry.py [--setup package.module:function] [--all package] package.models [package.db:Base …]

Each argument is a module to import, or an attribute in it: a ``MetaData``, a declarative base, a ``registry``, a Flask-SQLAlchemy
object. Without any attribute, the tables of every ``MetaData`` that the imports made are listed. ``--all`` imports every module of a
package but its tests and migrations; ``--setup`` calls a function first, and stays in the application context of what it returns.
The working directory is put on the path. Types and names are those of the PostgreSQL dialect; no connection is opened.
What the project prints goes to standard error. An error is one line ``{"error": …}`` and exit status 2.

The document has the form that ``django_registry.py`` describes. ``implicit`` indexes are those of ``index=True``. Types are as the dialect
writes them, in lower case except names in quotes. Names that the server chooses are null. ``gaps`` says what could not be read.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import re
import sys
import traceback
import types
from collections.abc import Iterator
from typing import Any

LEFT_OUT = re.compile(r"(^|\.)(tests?|testing|conftest|migrations?|alembic|examples?|__main__)(\.|$)")
QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')


class Truth:
    """Reads the tables that the imports of a project made."""

    def __init__(self) -> None:
        self.sqlalchemy = importlib.import_module("sqlalchemy")
        self.postgresql = importlib.import_module("sqlalchemy.dialects.postgresql")
        self.dialect = self.postgresql.dialect()
        self.ddl = self.dialect.ddl_compiler(self.dialect, None)
        self.preparer = self.dialect.identifier_preparer
        self.places = Places()
        self.gaps: list[dict[str, Any]] = []
        self.mappers: dict[Any, list[Any]] = {}

    def document(self, metadatas: list[Any] | None) -> dict[str, Any]:
        orm = importlib.import_module("sqlalchemy.orm")
        try:
            orm.configure_mappers()
        except Exception as error:
            self.gaps.append({"symbol": None, "what": "configure_mappers", "reason": describe(error)})
        mapper_class = importlib.import_module("sqlalchemy.orm.mapper").Mapper
        for mapper in living(mapper_class):
            if getattr(mapper, "local_table", None) is not None:
                self.mappers.setdefault(mapper.local_table, []).append(mapper)
        found: dict[tuple[str | None, str], Any] = {}
        for metadata in metadatas if metadatas is not None else living(self.sqlalchemy.MetaData):
            for table in metadata.tables.values():
                if table.columns:
                    key = (table.schema, table.name)
                    # The same table in two collections: the mapped one is the one that queries are made of.
                    if key not in found or (table in self.mappers and found[key] not in self.mappers):
                        found[key] = table
        self.places.look_for(found.values())
        tables = [self.table(t) for _key, t in sorted(found.items(), key=lambda item: (item[0][0] or "", item[0][1]))]
        # The dialects describe system catalogs in the same way.
        tables = [t for t in tables if not (t["symbol"] or "").startswith("sqlalchemy.")]
        version = self.sqlalchemy.__version__
        return {"framework": "sqlalchemy", "version": version, "tables": tables, "proxies": [], "gaps": self.gaps}

    def table(self, table: Any) -> dict[str, Any]:
        mappers = self.mappers.get(table, [])
        roots = [m for m in mappers if m.inherits is None or m.inherits.local_table is not table] or mappers
        roots.sort(key=lambda m: (bool(getattr(m, "non_primary", False)), symbol_of(m.class_)))
        mapper = roots[0] if roots else None
        symbol, file, line = self.places.of_class(mapper.class_) if mapper is not None else self.places.of_table(table)
        row: dict[str, Any] = {
            "name": str(table.name),
            "schema": table.schema,
            "symbol": symbol,
            "file": file,
            "line": line,
            "managed": not (table.info or {}).get("is_view", False),
            "abstract": False,
            "proxy": False,
            "auto_created": False,
            "columns": [],
            "indexes": [],
            "constraints": [],
        }
        for column in table.columns:
            with self.guarded(row, str(column.name)):
                row["columns"].append(self.column(table, column, mapper, mappers))
        for constraint in sorted(table.constraints, key=order_of):
            with self.guarded(row, str(constraint.name)):
                made = self.constraint(table, constraint)
                if made is not None:
                    row["constraints"].append(made)
        for index in sorted(table.indexes, key=lambda i: (str(i.name), columns_of(i))):
            dialect = getattr(getattr(index, "_ddl_if", None), "dialect", None)
            if dialect is not None and "postgresql" not in ((dialect,) if isinstance(dialect, str) else dialect):
                continue
            with self.guarded(row, str(index.name)):
                row["indexes"].append(self.index(index))
        return row

    @contextlib.contextmanager
    def guarded(self, row: dict[str, Any], what: str) -> Iterator[None]:
        """A part that cannot be read is a gap, and the rest is read all the same."""
        try:
            yield
        except Exception as error:
            self.gaps.append({"symbol": row["symbol"] or row["name"], "what": what, "reason": describe(error)})

    def column(self, table: Any, column: Any, mapper: Any, mappers: list[Any]) -> dict[str, Any]:
        identity = getattr(column, "identity", None)
        computed = getattr(column, "computed", None)
        how = None
        if identity is not None:
            how = "always" if identity.always else "by default"
        elif column is table._autoincrement_column and column.server_default is None:
            # A server-side function or a named sequence is not the serial type.
            sequence = isinstance(column.default, self.sqlalchemy.Sequence) and not column.default.optional
            how = None if sequence else "serial"
        field = next((n for n in (attribute_of(m, column) for m in [mapper, *mappers] if m is not None) if n), None)
        default = column.server_default
        return {
            "name": str(column.name),
            "field": field or str(column.key),
            "field_class": symbol_of(type(column.type)),
            "type": self.type_of(column),
            "not_null": not column.nullable or bool(column.primary_key),
            "primary_key": bool(column.primary_key),
            "unique": any(
                isinstance(c, self.sqlalchemy.UniqueConstraint) and list(c.columns) == [column]
                for c in table.constraints
            ),
            "has_default": default is not None and identity is None and computed is None,
            "identity": how,
            "generated": self.text(computed.sqltext) if computed is not None else None,
            "collation": getattr(column.type, "collation", None),
            "references": self.reference(column),
        }

    def type_of(self, column: Any) -> str:
        text = str(column.type.compile(dialect=self.dialect))
        text = lowered(text)
        collation = getattr(column.type, "collation", None)
        return text.split(" collate ")[0] if collation else text

    def reference(self, column: Any) -> dict[str, Any] | None:
        for key in sorted(column.foreign_keys, key=lambda k: str(k._get_colspec())):
            schema, table, name = self.target(key)
            return {
                "schema": schema,
                "table": table,
                "column": name,
                "on_delete": (key.ondelete or "no action").lower(),
                "framework_on_delete": None,
                "constraint": True,
            }
        return None

    def target(self, key: Any) -> tuple[str | None, str, str]:
        """Schema, table and column of a foreign key, from its text where the table was not imported."""
        try:
            target = key.column
        except Exception:
            parts = str(key._get_colspec()).split(".")
            return ".".join(parts[:-2]) or None, parts[-2], parts[-1]
        return target.table.schema, str(target.table.name), str(target.name)

    def constraint(self, table: Any, given: Any) -> dict[str, Any] | None:
        sa = self.sqlalchemy
        if getattr(given, "_create_rule", None) is not None and not given._create_rule(self.ddl):
            return None  # a check that only databases without the type need
        row: dict[str, Any] = {
            "name": self.name(given),
            "kind": None,
            "columns": [],
            "condition": None,
            "deferrable": ("deferred" if (given.initially or "").lower() == "deferred" else "immediate")
            if given.deferrable
            else None,
            "expressions": [],
        }
        if isinstance(given, sa.PrimaryKeyConstraint):
            row.update(kind="primary key", columns=[str(c.name) for c in given.columns])
            return row if row["columns"] else None
        if isinstance(given, sa.ForeignKeyConstraint):
            targets = [self.target(e) for e in given.elements]
            row.update(kind="foreign key", columns=[str(c.name) for c in given.columns])
            row["references"] = {
                "schema": targets[0][0],
                "table": targets[0][1],
                "columns": [t[2] for t in targets],
                "on_delete": (given.ondelete or "no action").lower(),
            }
            return row
        if isinstance(given, self.postgresql.ExcludeConstraint):
            row.update(kind="exclusion", columns=[str(c.name) for c in given.columns], method=str(given.using))
            row["expressions"] = [f"{self.text(e)} WITH {op}" for e, _name, op in given._render_exprs]
            row["condition"] = self.text(given.where) if given.where is not None else None
            return row
        if isinstance(given, sa.UniqueConstraint):
            row.update(kind="unique", columns=[str(c.name) for c in given.columns])
            options = given.dialect_options["postgresql"]
            row["nulls_not_distinct"] = bool(option(options, "nulls_not_distinct"))
            return row
        if isinstance(given, sa.CheckConstraint):
            row.update(kind="check", condition=self.text(given.sqltext))
            return row
        raise TypeError(f"constraint of an unknown class {symbol_of(type(given))}")

    def index(self, given: Any) -> dict[str, Any]:
        options = given.dialect_options["postgresql"]
        opclasses = option(options, "ops") or {}
        names, expressions, descending, classes = [], [], [], []
        for entry in given.expressions:
            element, down = unordered(entry)
            plain = isinstance(element, self.sqlalchemy.Column)
            names.append(str(element.name) if plain else self.text(element))
            expressions.append(not plain)
            descending.append(down)
            key = getattr(element, "key", None)
            classes.append(str(opclasses.get(key, "")) if isinstance(key, str) else "")
        where = option(options, "where")
        columns = list(given.columns)
        flag = getattr(given, "_column_flag", None)
        if flag is None:
            flag = len(columns) == 1 and bool(columns[0].index) and not any(expressions)
        return {
            "name": self.name(given, index=True),
            "columns": names,
            "is_expression": expressions,
            "descending": descending,
            "unique": bool(given.unique),
            "method": str(option(options, "using") or "btree").lower(),
            "opclasses": classes if any(classes) else [],
            "include": [str(getattr(c, "name", c)) for c in option(options, "include") or ()],
            "condition": None if where is None else self.text(where),
            "implicit": bool(flag),
            "nulls_not_distinct": bool(option(options, "nulls_not_distinct")),
        }

    def name(self, given: Any, index: bool = False) -> str | None:
        """The name that is emitted: conventions applied and cut to the server's length, or None when the server chooses."""
        if given.name is None:
            return None
        text = (self.preparer.format_index if index else self.preparer.format_constraint)(given)
        return None if text is None else str(text).strip('"')

    def text(self, element: Any) -> str:
        if isinstance(element, str):
            return element
        compiled = element.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True, "include_table": False})
        return " ".join(str(compiled).replace("%%", "%").split())


class Places:
    """Where classes and tables are defined. A file is parsed once."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, int]] = {}
        self._tables: dict[int, tuple[str, Any]] = {}

    def look_for(self, tables: Any) -> None:
        """Remembers the module and the name by which each table is known."""
        wanted = {id(t) for t in tables}
        for name, module in sorted(sys.modules.items()):
            for key, thing in list(vars(module).items()) if issubclass(type(module), types.ModuleType) else ():
                if id(thing) in wanted and key in self._in(module):
                    self._tables.setdefault(id(thing), (f"{name}.{key}", module))

    def of_class(self, cls: Any) -> tuple[str, str | None, int | None]:
        module = sys.modules.get(cls.__module__)
        file = getattr(module, "__file__", None)
        lines = self._in(module) if module is not None else {}
        return symbol_of(cls), file, lines.get(cls.__qualname__.replace("<locals>.", ""))

    def of_table(self, table: Any) -> tuple[str | None, str | None, int | None]:
        if id(table) not in self._tables:
            return None, None, None
        symbol, module = self._tables[id(table)]
        return symbol, module.__file__, self._in(module).get(symbol.rsplit(".", 1)[1])

    def _in(self, module: Any) -> dict[str, int]:
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py"):
            return {}
        if file not in self._lines:
            lines: dict[str, int] = {}
            try:
                with open(file, "rb") as source:
                    _definitions(ast.parse(source.read()), "", lines)
            except (OSError, SyntaxError, ValueError, RecursionError):
                lines = {}
            self._lines[file] = lines
        return self._lines[file]


def _definitions(node: ast.AST, prefix: str, lines: dict[str, int]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            name = prefix + child.name
            if isinstance(child, ast.ClassDef):
                lines.setdefault(name, child.lineno)
            _definitions(child, name + ".", lines)
        elif isinstance(child, (ast.Assign, ast.AnnAssign)):
            for target in child.targets if isinstance(child, ast.Assign) else [child.target]:
                if isinstance(target, ast.Name) and isinstance(child.value, ast.Call):
                    lines.setdefault(prefix + target.id, child.lineno)
        elif not isinstance(child, ast.expr):
            _definitions(child, prefix, lines)


def living(cls: Any) -> list[Any]:
    """All objects of a class, in the order in which they were made as far as the collector knows it."""
    gc.unfreeze()  # some servers freeze at import, and frozen objects are not listed
    gc.collect()
    return [o for o in gc.get_objects() if issubclass(type(o), cls)]


def unordered(entry: Any) -> tuple[Any, bool]:
    """The element of an index without its order, and whether it descends."""
    descending = False
    while True:
        modifier = getattr(getattr(entry, "modifier", None), "__name__", "")
        if modifier in ("desc_op", "asc_op", "nulls_first_op", "nulls_last_op", "nullsfirst_op", "nullslast_op"):
            descending = descending or modifier == "desc_op"
            entry = entry.element
        elif type(entry).__name__ == "Grouping":
            entry = entry.element
        else:
            return entry, descending


def option(options: Any, name: str) -> Any:
    try:
        return options[name]
    except KeyError:
        return None


def attribute_of(mapper: Any, column: Any) -> str | None:
    try:
        return str(mapper.get_property_by_column(column).key)
    except Exception:
        return None


def order_of(constraint: Any) -> tuple[str, str, str, str]:
    """A table keeps its constraints in a set; one column may have several foreign keys."""
    targets = ",".join(str(e._get_colspec()) for e in getattr(constraint, "elements", ()) if hasattr(e, "_get_colspec"))
    return type(constraint).__name__, str(constraint.name), columns_of(constraint), targets


def columns_of(given: Any) -> str:
    return ",".join(sorted(str(c.name) for c in getattr(given, "columns", ())))


def lowered(text: str) -> str:
    """In lower case, but for what stands in quotes."""
    parts, end = [], 0
    for match in QUOTED.finditer(text):
        parts += [text[end : match.start()].lower(), match.group()]
        end = match.end()
    return "".join(parts) + text[end:].lower()


def symbol_of(cls: Any) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def describe(error: BaseException) -> str:
    """One line, with the passwords of addresses hidden."""
    text = f"{type(error).__name__}: {error}".replace("\n", " ")[:500]
    return re.sub(r"://[^/@\s]*@", "://***@", text)


def attribute(address: str) -> Any:
    module, _, path = address.partition(":")
    found = importlib.import_module(module)
    for name in path.split(".") if path else ():
        found = getattr(found, name)
    return found


def import_all(package: str, truth: Truth) -> None:
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(getattr(root, "__path__", []), package + ".", onerror=lambda _name: None):
        if LEFT_OUT.search(module.name[len(package) :]):
            continue
        try:
            importlib.import_module(module.name)
        except BaseException as error:
            truth.gaps.append({"symbol": module.name, "what": "import", "reason": describe(error)})


def metadata_of(thing: Any) -> list[Any]:
    """The ``MetaData`` objects that something holds: itself, a base's, a registry's, a Flask extension's with its binds."""
    if type(thing).__name__ == "MetaData" or hasattr(thing, "sorted_tables"):
        return [thing]
    several = getattr(thing, "metadatas", None)
    if isinstance(several, dict):
        return list(several.values())
    return [thing.metadata]


def read(arguments: argparse.Namespace) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        if arguments.setup:
            made = attribute(arguments.setup)()
            if hasattr(made, "app_context"):
                stack.enter_context(made.app_context())
        truth = Truth()
        named = [a for a in arguments.sources if ":" in a]
        for address in arguments.sources:
            importlib.import_module(address.partition(":")[0])
        for package in arguments.all:
            import_all(package, truth)
        if not named:
            return truth.document(None)
        metadatas: list[Any] = []
        for address in named:
            metadatas += [m for m in metadata_of(attribute(address)) if not any(m is other for other in metadatas)]
        return truth.document(metadatas)


def main() -> int:
    parser = argparse.ArgumentParser(description="Print the tables of a SQLAlchemy project as JSON.")
    parser.add_argument("sources", nargs="*", metavar="MODULE[:ATTRIBUTE]")
    parser.add_argument("--all", action="append", default=[], metavar="PACKAGE", help="import all of its modules")
    parser.add_argument("--setup", metavar="MODULE:FUNCTION", help="called first")
    arguments = parser.parse_args()
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.getcwd()] + [p for p in sys.path if os.path.abspath(p or ".") != own]
    # The project may print; only the document goes to standard output.
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        text, status = json.dumps(read(arguments), default=str), 0
    except BaseException as error:  # also SystemExit
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
