"""Indexes that do not exist, in a phantom: real ones, of any access method, made of nothing in half a millisecond each.

An index is made on an empty shadow of its table and handed to the table in ``pg_index``: so nothing scans the table's grown file, and
its figures stay. Its own file then gets the estimated size and height. Everything happens in one transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql

from dbwright.fixes.sql import create_index
from dbwright.model.change import CreateIndex
from dbwright.model.query_plan import Plan
from dbwright.phantom import files
from dbwright.plaintext import one_line

if TYPE_CHECKING:
    from dbwright.phantom.session import Session

SHADOWS = "dbwright_shadow"
_PREFIX = "dbwright_w"


def reason_of(error: psycopg.Error) -> str:
    """What the server said, in a line."""
    return one_line((error.diag.message_primary or str(error)).strip())


@dataclass(frozen=True, slots=True)
class WhatIfIndex:
    """An index to suppose: ``pages`` of 8 KiB, ``rows`` entries; ``height`` is a B-tree's levels above its leaves."""

    definition: CreateIndex
    pages: int
    rows: float
    height: int = 0

    @property
    def bytes(self) -> int:
        return self.pages * files.PAGE


class WhatIf:
    """Supposed indexes by number, in the order given; all are switched off at first. Use it as a context manager.

    ``refused`` has the reasons of those that cannot be made (an expression that is not immutable, a type without that access method).
    """

    def __init__(self, session: Session, data: Path, indexes: Sequence[WhatIfIndex]) -> None:
        self.session = session
        self.indexes = indexes
        self.refused: dict[int, str] = {}
        self._data = data
        self._oids: dict[int, int] = {}
        self._on: frozenset[int] = frozenset()

    def __enter__(self) -> Self:
        connection = self.session.connection
        connection.execute("BEGIN")
        try:
            self._create()
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.session.connection.closed:
            self.session.connection.execute("ROLLBACK")

    def switch(self, on: Collection[int]) -> None:
        """Have exactly these of the supposed indexes."""
        wanted = frozenset(on) - self.refused.keys()
        changed = [self._oids[number] for number in wanted ^ self._on]
        if changed:
            self.session.connection.execute(
                "UPDATE pg_index SET indisvalid = NOT indisvalid WHERE indexrelid = ANY(%s)", (changed,)
            )
        self._on = wanted

    @contextmanager
    def without(self, names: Mapping[str, Collection[str]]) -> Iterator[None]:
        """Suppose for the length of a block that these existing indexes, by schema, are not there."""
        connection = self.session.connection
        with connection.transaction(force_rollback=True):
            for schema, of_schema in names.items():
                connection.execute(
                    "UPDATE pg_index i SET indisvalid = false FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE c.oid = i.indexrelid AND n.nspname = %s AND c.relname = ANY(%s)",
                    (schema, list(of_schema)),
                )
            yield

    def plan(self, statement: str) -> tuple[Plan, frozenset[int]]:
        """The plan with what is switched on, and the numbers of the supposed indexes that it uses. Raises PlanFailed."""
        plan = self.session.plan(statement)
        return plan, self.used(plan)

    def used(self, plan: Plan) -> frozenset[int]:
        """The numbers of the supposed indexes that a plan uses."""
        return frozenset(int(name[len(_PREFIX) :]) for name in plan.indexes if name.startswith(_PREFIX))

    def definition(self, name: str) -> CreateIndex | None:
        """The supposed index that a plan calls so."""
        return self.indexes[int(name[len(_PREFIX) :])].definition if name.startswith(_PREFIX) else None

    def _create(self) -> None:
        numbers = range(len(self.indexes))
        if not numbers:
            return
        connection = self.session.connection
        shadows = {(self.indexes[n].definition.schema, self.indexes[n].definition.table) for n in numbers}
        tables = {table: self._shadow(*table) for table in sorted(shadows)}
        statements = {n: self._statement(n, tables) for n in numbers}
        try:
            with connection.transaction():
                connection.execute(";".join(statements.values()).encode())
        except psycopg.Error:
            for number, statement in statements.items():
                try:
                    with connection.transaction():
                        connection.execute(statement.encode())
                except psycopg.Error as error:
                    self.refused[number] = reason_of(error)
        self._adopt([n for n in numbers if n not in self.refused], [oid for oid, _ in tables.values()])

    def _statement(self, number: int, tables: Mapping[tuple[str, str], tuple[int, str]]) -> str:
        definition = self.indexes[number].definition
        shadow = tables[definition.schema, definition.table][1]
        return create_index(replace(definition, schema=SHADOWS, table=shadow, name=f"{_PREFIX}{number}"), online=False)

    def _shadow(self, schema: str, table: str) -> tuple[int, str]:
        """The table's oid and the name of its empty copy, made when it is first asked for."""
        connection = self.session.connection
        row = connection.execute(
            "SELECT c.oid::int8, to_regclass(format('%%I.%%I', %s::text, 't' || c.oid)) IS NOT NULL"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
            (SHADOWS, schema, table),
        ).fetchone()
        if row is None:
            return 0, f"{schema}.{table} is not there"
        oid, is_there = row
        name = f"t{oid}"
        if not is_there:
            connection.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.{name} (LIKE {of})").format(
                    schema=sql.Identifier(SHADOWS), name=sql.Identifier(name), of=sql.Identifier(schema, table)
                )
            )
        return oid, name

    def _adopt(self, numbers: Sequence[int], tables: Sequence[int]) -> None:
        """Hand the indexes to the real tables, with their figures, switched off."""
        connection = self.session.connection
        rows = connection.execute(
            "UPDATE pg_class c SET relpages = f.pages, reltuples = f.rows"
            " FROM unnest(%s::text[], %s::int4[], %s::float4[]) AS f (name, pages, rows)"
            " WHERE c.relnamespace = %s::regnamespace AND c.relname = f.name"
            " RETURNING c.relname::text, c.oid::int8, pg_relation_filepath(c.oid)",
            (
                [f"{_PREFIX}{n}" for n in numbers],
                [self.indexes[n].pages for n in numbers],
                [float(self.indexes[n].rows) for n in numbers],
                SHADOWS,
            ),
        ).fetchall()
        for name, oid, path in rows:
            number = int(name[len(_PREFIX) :])
            index = self.indexes[number]
            self._oids[number] = oid
            if index.definition.method == "btree" and index.pages > 1:
                files.write_height(self._data / path, index.height)
            files.grow(self._data / path, index.pages)
        connection.execute(
            "UPDATE pg_index SET indisvalid = false, indrelid = substr(c.relname, 2)::oid FROM pg_class c"
            " WHERE c.oid = indrelid AND c.relnamespace = %s::regnamespace AND indexrelid = ANY(%s)",
            (SHADOWS, list(self._oids.values())),
        )
        # The table's list of indexes is read again when its own row changes.
        connection.execute("UPDATE pg_class SET relhasindex = true WHERE oid = ANY(%s)", ([t for t in tables if t],))
