"""Tables as SQLAlchemy itself describes them, from really made ``MetaData``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import schema

from dbwright.model.source import Place, SourceColumn, SourceConstraint, SourceIndex, SourceReference, SourceTable
from dbwright.source.sqlalchemy.framework import UnknownType
from dbwright.source.sqlalchemy.models import class_behind
from dbwright.source.sqlalchemy.real import PLAIN
from dbwright.source.tokens import has_token

if TYPE_CHECKING:
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')


def schema_of(table: Any) -> str | None:
    """The schema as a text and nothing more: SQLAlchemy keeps names in a class of its own, which cannot be kept."""
    return None if table.schema is None else str(table.schema)


class Tables:
    """Reads the tables that were made."""

    def __init__(self, framework: SQLAlchemy) -> None:
        self.framework = framework
        self.dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        self.ddl = self.dialect.ddl_compiler(self.dialect, None)  # type: ignore[arg-type]
        self.preparer = self.dialect.identifier_preparer
        self.mappers: dict[Any, list[Any]] = {}

    def read(self) -> list[SourceTable]:
        """All tables that have columns, by schema and name."""
        self.framework.build()
        self._find_mappers()
        found: dict[tuple[str | None, str], Any] = {}
        # The same table in several collections: that of the larger collection is the one in use.
        for metadata in sorted(self.framework.metadatas, key=lambda m: -len(m.tables)):
            for table in metadata.tables.values():
                key = (schema_of(table), str(table.name))
                if len(table.columns) and (
                    key not in found or (table in self.mappers and found[key] not in self.mappers)
                ):
                    found[key] = table
        return [
            self.table(table) for _key, table in sorted(found.items(), key=lambda item: (item[0][0] or "", item[0][1]))
        ]

    def _find_mappers(self) -> None:
        for registry in self.framework.registries():
            for manager in list(registry._managers):
                table = manager.mapper.local_table if manager.is_mapped else None
                if isinstance(table, schema.Table):
                    self.mappers.setdefault(table, []).append(manager.mapper)

    def table(self, table: Any) -> SourceTable:
        mappers = self.mappers.get(table, [])
        roots = [m for m in mappers if m.inherits is None or m.inherits.local_table is not table] or mappers
        roots.sort(key=lambda m: f"{m.class_.__module__}.{m.class_.__qualname__}")
        mapper = roots[0] if roots else None
        cls = class_behind(mapper.class_) if mapper is not None else None
        if cls is not None:
            symbol, place, owned = cls.qualified_name, Place(cls.module.file, cls.node.lineno), cls.module.keeps_data
        else:
            file, line = table.info.get("dbwright", ("", 0))
            known = self.framework._tables.get(id(table))
            symbol = known[0] if known else str(table.name)
            module = table.info.get("dbwright_module")
            place, owned = Place(file, line), module.keeps_data if module is not None else True
        constraints = [
            self._guarded(self.constraint, table, c) for c in sorted(table.constraints, key=_constraint_order)
        ]
        ours = [index for index in table.indexes if _is_for_postgresql(index)]
        indexes = [self._guarded(self.index, table, i) for i in sorted(ours, key=lambda i: (str(i.name), _columns(i)))]
        return SourceTable(
            name=str(table.name),
            schema=schema_of(table),
            symbol=symbol,
            place=place,
            framework="sqlalchemy",
            columns=tuple(
                self.column(table, column, [m for m in (mapper, *mappers) if m is not None]) for column in table.columns
            ),
            indexes=tuple(one for one in indexes if one is not None),
            constraints=tuple(one for one in constraints if one is not None),
            ordering=self._ordering(mapper),
            managed=not (table.info or {}).get("is_view", False),
            owned=owned,
            through=mapper is None and self._is_association(table),
        )

    def _guarded(self, read: Any, table: Any, thing: Any) -> Any:
        try:
            return read(table, thing)
        except Exception as error:
            known = self.framework._tables.get(id(table))
            module = known[1] if known else None
            for mapper in self.mappers.get(table, []):
                cls = class_behind(mapper.class_)
                module = cls.module if cls is not None else module
            if module is not None:
                line = thing.info.get("dbwright", ("", 1))[1] or 1
                self.framework.problem(module, line, f"{type(thing).__name__} {thing.name} of {table.name}: {error}")
            return None

    @staticmethod
    def _is_association(table: Any) -> bool:
        keys = [column for column in table.columns if column.foreign_keys]
        return len(keys) >= 2 and len(table.columns) - len(keys) <= 1

    @staticmethod
    def _ordering(mapper: Any) -> tuple[str, ...]:
        ordering = getattr(mapper, "order_by", None)
        return tuple(str(one) for one in ordering) if isinstance(ordering, list | tuple) else ()

    def column(self, table: Any, column: Any, mappers: list[Any]) -> SourceColumn:
        file, line = column.info.get("dbwright", ("", 0))
        field = next((name for name in (_attribute_of(m, column) for m in mappers) if name), str(column.key))
        default = column.server_default
        computed, identity = getattr(column, "computed", None), getattr(column, "identity", None)
        options: dict[str, Any] = {}
        if column.default is not None:
            argument = getattr(column.default, "arg", None)
            options["default"] = argument if isinstance(argument, PLAIN) and not has_token(argument) else "computed"
        if column.onupdate is not None:
            options["onupdate"] = True
        if default is not None:
            options["server_default"] = self._text_or_none(getattr(default, "arg", None))
        if computed is not None:
            options["generated"] = self._text_or_none(computed.sqltext)
        if identity is not None:
            options["identity"] = "always" if identity.always else "by default"
        elif column is table._autoincrement_column and default is None:
            options["identity"] = "serial"
        enums = getattr(column.type, "enums", None)
        if enums:
            options["choices"] = [str(one) for one in enums]
        length = getattr(column.type, "length", None)
        if isinstance(length, int):
            options["length"] = length
        if isinstance(column.type, sqlalchemy.types.DateTime):
            options["timezone"] = bool(column.type.timezone)
        collation = getattr(column.type, "collation", None)
        if collation:
            options["collation"] = collation
        return SourceColumn(
            name=str(column.name),
            field=field,
            type=self.type_of(column),
            not_null=not column.nullable or bool(column.primary_key),
            primary_key=bool(column.primary_key),
            unique=any(
                isinstance(c, sqlalchemy.UniqueConstraint) and list(c.columns) == [column] for c in table.constraints
            ),
            has_default=default is not None and identity is None and computed is None,
            references=self.reference(column),
            line=line,
            file=file,
            field_class=_type_name(column.type),
            options=tuple(options.items()),
        )

    def _text_or_none(self, element: Any) -> str | None:
        try:
            text = self.text(element)
        except Exception:
            return None
        return None if has_token(text) else text

    def type_of(self, column: Any) -> str | None:
        """PostgreSQL's type in lower case, or None when it could not be told."""
        if isinstance(column.type, UnknownType):
            return None
        try:
            text = _lowered(str(column.type.compile(dialect=self.dialect)))
        except Exception:
            return None
        return text.split(" collate ")[0] if getattr(column.type, "collation", None) else text

    def reference(self, column: Any) -> SourceReference | None:
        for key in sorted(column.foreign_keys, key=lambda k: str(k._get_colspec())):
            _schema, table, name = _target(key)
            return SourceReference(table, name, None, (key.ondelete or "no action").lower())
        return None

    def constraint(self, table: Any, given: Any) -> SourceConstraint | None:
        rule = getattr(given, "_create_rule", None)
        if rule is not None and not rule(self.ddl):
            return None  # a check that only databases without the type need
        columns = tuple(str(c.name) for c in getattr(given, "columns", ()))
        name, line = self.name(given), given.info.get("dbwright", ("", 0))[1]
        deferrable = bool(given.deferrable)
        if isinstance(given, sqlalchemy.PrimaryKeyConstraint):
            return SourceConstraint(name, "primary key", columns, deferrable=deferrable, line=line) if columns else None
        if isinstance(given, sqlalchemy.ForeignKeyConstraint):
            return SourceConstraint(name, "foreign key", columns, deferrable=deferrable, line=line)
        if isinstance(given, postgresql.ExcludeConstraint):
            condition = self.text(given.where) if given.where is not None else None
            return SourceConstraint(name, "exclusion", columns, condition, deferrable, line)
        if isinstance(given, sqlalchemy.UniqueConstraint):
            equal = bool(_option(given.dialect_options["postgresql"], "nulls_not_distinct"))
            return SourceConstraint(name, "unique", columns, None, deferrable, line, equal)
        if isinstance(given, sqlalchemy.CheckConstraint):
            return SourceConstraint(name, "check", (), self.text(given.sqltext), line=line)
        return None

    def index(self, table: Any, given: Any) -> SourceIndex:
        options = given.dialect_options["postgresql"]
        opclasses = _option(options, "ops") or {}
        names, expressions, descending, classes = [], [], [], []
        for entry in given.expressions:
            element, down = _unordered(entry)
            plain = isinstance(element, sqlalchemy.Column)
            names.append(str(element.name) if plain else self.text(element))
            expressions.append(not plain)
            descending.append(down)
            key = getattr(element, "key", None)
            classes.append(str(opclasses.get(key, "")) if isinstance(key, str) else "")
        where = _option(options, "where")
        columns = list(given.columns)
        flag = getattr(given, "_column_flag", None)
        if flag is None:
            flag = len(columns) == 1 and bool(columns[0].index) and not any(expressions)
        line = given.info.get("dbwright", ("", 0))[1] or (columns[0].info.get("dbwright", ("", 0))[1] if columns else 0)
        return SourceIndex(
            name=self.name(given, index=True),
            columns=tuple(names),
            unique=bool(given.unique),
            method=str(_option(options, "using") or "btree").lower(),
            descending=tuple(descending),
            is_expression=tuple(expressions),
            nulls_not_distinct=bool(_option(options, "nulls_not_distinct")),
            opclasses=tuple(classes) if any(classes) else (),
            include=tuple(str(getattr(c, "name", c)) for c in _option(options, "include") or ()),
            condition=None if where is None else self.text(where),
            implicit=bool(flag),
            line=line,
        )

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
        text = " ".join(str(compiled).replace("%%", "%").split())
        if has_token(text):
            raise ValueError("a part of the text is not known")
        return text


def _type_name(type_: Any) -> str:
    cls = type(type_)
    marked = cls.__dict__.get("dbwright_class")
    return marked.qualified_name if marked is not None else f"{cls.__module__}.{cls.__qualname__}"


def _target(key: Any) -> tuple[str | None, str, str]:
    try:
        target = key.column
    except Exception:
        parts = str(key._get_colspec()).split(".")
        return ".".join(parts[:-2]) or None, parts[-2], parts[-1]
    return schema_of(target.table), str(target.table.name), str(target.name)


def _unordered(entry: Any) -> tuple[Any, bool]:
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


def _option(options: Any, name: str) -> Any:
    try:
        return options[name]
    except KeyError:
        return None


def _attribute_of(mapper: Any, column: Any) -> str | None:
    try:
        return str(mapper.get_property_by_column(column).key)
    except Exception:
        return None


def _is_for_postgresql(item: Any) -> bool:
    """Not kept for another dialect by ``ddl_if``."""
    dialect = getattr(getattr(item, "_ddl_if", None), "dialect", None)
    return dialect is None or "postgresql" in ((dialect,) if isinstance(dialect, str) else dialect)


def _columns(given: Any) -> str:
    return ",".join(sorted(str(c.name) for c in getattr(given, "columns", ())))


def _constraint_order(given: Any) -> tuple[str, str, str]:
    return type(given).__name__, str(given.name), _columns(given)


def _lowered(text: str) -> str:
    """In lower case, but for what stands in quotes."""
    parts, end = [], 0
    for match in _QUOTED.finditer(text):
        parts += [text[end : match.start()].lower(), match.group()]
        end = match.end()
    return "".join(parts) + text[end:].lower()
