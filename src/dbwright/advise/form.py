"""The form of an index: everything about it but its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from dbwright.advise.tables import TableFacts
from dbwright.model.catalog import Table
from dbwright.model.change import CreateIndex, IndexKey

Kind = Literal[
    "equality",
    "join",
    "range",
    "order",
    "covering",
    "partial",
    "expression",
    "gin",
    "gist",
    "brin",
    "merged",
    "existing-extended",
    "asked",
]
SHARES = {"plain": 0.4, "covering": 0.4, "partial": 0.2, "special": 0.2}
"""The part of an occurrence's bound for each group of kinds."""
MOST_CARRIED = 24
"""Columns of an index; PostgreSQL has 32."""
WIDEST_ENTRY = 1000
"""Bytes of an index entry on average; a single one may have 2,704."""
WIDEST_SHARE = 0.8
"""An index that holds more of its table's bytes than this is no quicker to read than the table."""


@dataclass(frozen=True, slots=True)
class Form:
    """An index without its name. ``conditions`` are the parts of ``predicate``, ``conditioned`` their columns; ``fraction`` is the share
    of the rows that they leave."""

    keys: tuple[IndexKey, ...]
    include: tuple[str, ...] = ()
    method: str = "btree"
    predicate: str | None = None
    conditions: tuple[str, ...] = ()
    conditioned: tuple[str, ...] = ()
    fraction: float = field(default=1.0, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it holds as they are."""
        return (*(key.column for key in self.keys if key.column), *self.include)

    def covers(self, used: frozenset[str] | None) -> bool:
        """Whether a statement that reads these columns finds them all in the index."""
        return self.method == "btree" and bool(used) and used is not None and used <= set(self.columns)

    def index(self, table: Table) -> CreateIndex:
        return CreateIndex(
            table.schema,
            table.name,
            "",
            self.keys,
            method=self.method,
            include=self.include,
            predicate=self.predicate,
            on_partitioned=table.kind == "partitioned table",
        )


Wanted = Iterator[tuple[Form, Kind, str]]


def share_of(kind: Kind) -> str:
    """The group whose bound a kind counts towards."""
    if kind in ("covering", "partial"):
        return kind
    return "special" if kind in ("expression", "gin", "gist", "brin") else "plain"


def fits(form: Form, facts: TableFacts) -> bool:
    """Whether the index is small enough beside its table to be worth reading instead."""
    width = facts.entry_width(form.columns)
    return (
        len(form.keys) + len(form.include) <= MOST_CARRIED
        and width <= WIDEST_ENTRY
        and width <= facts.row_width * WIDEST_SHARE
    )
