"""What changes of a schema do to its tables, as PostgreSQL carries them out: columns go with their indexes, references follow a rename."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dbwright.model.source import Place, SourceColumn, SourceConstraint, SourceIndex, SourceReference, SourceTable

Tables = dict[tuple[str | None, str], SourceTable]
_ENDINGS = {"primary key": "pkey", "unique": "key", "foreign key": "fkey", "check": "check"}


class SchemaEdits:
    """Edits of ``tables`` in place, made by the statement at ``place``. What names a table that is not there changes nothing."""

    def __init__(self, tables: Tables, place: Place) -> None:
        self.tables = tables
        self.place = place

    def get(self, name: str, schema: str | None = None) -> SourceTable | None:
        return self.tables.get(self._key(str(name), schema))

    def _key(self, name: str, schema: str | None) -> tuple[str | None, str]:
        """``public`` is the schema of what names none, and of it alone."""
        other = {None: "public", "public": None}.get(schema, schema)
        return (other, name) if (schema, name) not in self.tables and (other, name) in self.tables else (schema, name)

    def put(self, table: SourceTable) -> None:
        self.tables[table.schema, table.name] = table

    def drop(self, name: str, schema: str | None = None) -> None:
        self.tables.pop(self._key(name, schema), None)

    def rename(self, old: str, new: str, schema: str | None = None) -> None:
        table = self.tables.pop(self._key(old, schema), None)
        if table is not None:
            self.put(replace(_with_names(table), name=new, symbol=new))
            self._follow(old, new, None, None)

    def move(self, name: str, schema: str | None, to: str) -> None:
        """Into another schema."""
        table = self.tables.pop(self._key(name, schema), None)
        if table is not None:
            self.put(replace(table, schema=to))

    def _follow(self, table: str, to: str, column: str | None, to_column: str | None) -> None:
        for other in list(self.tables.values()):
            changed = tuple(
                replace(c, references=replace(c.references, table=to, column=to_column or c.references.column))
                if c.references and c.references.table == table and column in (None, c.references.column)
                else c
                for c in other.columns
            )
            if changed != other.columns:
                self.put(replace(other, columns=changed))

    # Columns ---------------------------------------------------------------------------------------------------------------

    def add_column(self, table: SourceTable, column: SourceColumn) -> None:
        if table.column(column.name) is None:
            self.put(replace(table, columns=(*table.columns, column)))

    def drop_column(self, table: SourceTable, name: str) -> None:
        self.put(
            replace(
                table,
                columns=tuple(c for c in table.columns if c.name != name),
                indexes=tuple(i for i in table.indexes if name not in i.columns),
                constraints=tuple(c for c in table.constraints if name not in c.columns),
            )
        )

    def rename_column(self, table: SourceTable, old: str, new: str) -> None:
        table = _with_names(table)

        def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(new if one == old else one for one in names)

        self.put(
            replace(
                table,
                columns=tuple(replace(c, name=new, field=new) if c.name == old else c for c in table.columns),
                indexes=tuple(replace(i, columns=renamed(i.columns)) for i in table.indexes),
                constraints=tuple(replace(c, columns=renamed(c.columns)) for c in table.constraints),
            )
        )
        self._follow(table.name, table.name, old, new)

    def alter_column(self, table: SourceTable, name: str, **changes: Any) -> None:
        """``changes`` are fields of the column."""
        self.put(with_column(table, name, **changes))

    # Indexes and constraints -----------------------------------------------------------------------------------------------

    def add_index(self, table: SourceTable, index: SourceIndex) -> None:
        if not index.name or all(i.name != index.name for i in table.indexes):
            self.put(replace(table, indexes=(*table.indexes, replace(index, line=self.place.line))))

    def drop_index(self, name: str) -> str | None:
        """The name of the table that it was on."""
        for table in list(self.tables.values()):
            if any(i.name == name for i in table.indexes):
                self.put(replace(table, indexes=tuple(i for i in table.indexes if i.name != name)))
                return table.name
        return None

    def rename_index(self, old: str, new: str) -> None:
        for table in list(self.tables.values()):
            if any(i.name == old for i in table.indexes):
                indexes = tuple(replace(i, name=new) if i.name == old else i for i in table.indexes)
                self.put(replace(table, indexes=indexes))
            self.rename_constraint(table, old, new)

    def add_constraint(
        self, table: SourceTable, constraint: SourceConstraint, reference: SourceReference | None = None
    ) -> None:
        """``reference``: what a foreign key of one column points to."""
        if constraint.name and any(c.name == constraint.name for c in table.constraints):
            return
        table = replace(table, constraints=(*table.constraints, replace(constraint, line=self.place.line)))
        if constraint.kind == "unique" and len(constraint.columns) == 1:
            table = with_column(table, constraint.columns[0], unique=True)
        for column in constraint.columns:
            if constraint.kind == "primary key":
                table = with_column(table, column, primary_key=True, not_null=True)
            elif constraint.kind == "foreign key" and reference is not None:
                table = with_column(table, column, references=reference)
        self.put(table)

    def drop_constraint(self, table: SourceTable, name: str) -> None:
        gone = next((c for c in table.constraints if name == c.name or name == server_name(table, c)), None)
        if gone is None:
            return
        table = replace(table, constraints=tuple(c for c in table.constraints if c is not gone))
        for column in gone.columns:
            if gone.kind == "foreign key":
                table = with_column(table, column, references=None)
            elif gone.kind == "unique" and len(gone.columns) == 1:
                table = with_column(table, column, unique=False)
            elif gone.kind == "primary key":
                table = with_column(table, column, primary_key=False)
        self.put(table)

    def rename_constraint(self, table: SourceTable, old: str, new: str) -> None:
        table = self.get(table.name, table.schema) or table
        constraints = tuple(
            replace(c, name=new) if old in (c.name, server_name(table, c)) else c for c in table.constraints
        )
        if constraints != table.constraints:
            self.put(replace(table, constraints=constraints))


def with_column(table: SourceTable, name: str, **changes: Any) -> SourceTable:
    """The table with a column changed."""
    return replace(table, columns=tuple(replace(c, **changes) if c.name == name else c for c in table.columns))


def _with_names(table: SourceTable) -> SourceTable:
    """What the server named after table and column keeps that name when they get others. A check's is not only made of them."""
    named = (c if c.name or c.kind == "check" else replace(c, name=server_name(table, c)) for c in table.constraints)
    return replace(table, constraints=tuple(named))


def server_name(table: SourceTable, constraint: SourceConstraint) -> str | None:
    """The name that PostgreSQL gives to a constraint without one; None for one that has a name."""
    if constraint.name is not None:
        return None
    columns = [] if constraint.kind == "primary key" else list(constraint.columns)
    return "_".join([table.name, *columns, _ENDINGS.get(constraint.kind, "excl")])
