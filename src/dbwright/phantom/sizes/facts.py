"""What the catalog and the statistics say of one index that is to be made: its table, its keys, and how its columns go together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dbwright.model.catalog import Catalog, Column, Table
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.statistics import Statistics
from dbwright.phantom.sizes.analyze import ORDERED
from dbwright.phantom.sizes.expressions import guess
from dbwright.phantom.sizes.keys import Cells, Key, cells_of, evenly, filled

_IS_NULL = r'(?<![\w"])"?{0}"? IS NULL'
_NOT_NULL = r'(?<![\w"])"?{0}"?\)* IS NOT NULL'
_EQUALS = r'(?<![\w"])"?{0}"?\)?(::[\w ]+)? = '


class Facts:
    """Raises KeyError for a table that the catalog does not have."""

    def __init__(
        self,
        index: CreateIndex,
        catalog: Catalog,
        statistics: Statistics,
        expressions: Mapping[str, Key],
        distinct: Mapping[frozenset[str], float],
    ) -> None:
        self.index, self.catalog, self.statistics = index, catalog, statistics
        self.table: Table = catalog.table_by_name[index.schema, index.table]
        self.rows = float(statistics.rows(catalog, self.table))
        self.pages = sum(row.pages for leaf in catalog.leaves_of(self.table) if (row := statistics.table(leaf)))
        self.expressions, self.distinct = expressions, distinct

    def option(self, name: str) -> str | None:
        return next((text.partition("=")[2] for text in self.index.options if text.startswith(name + "=")), None)

    def column(self, name: str) -> Key:
        """A column as a key. Raises KeyError when there is none."""
        column = self._column(name)
        type_ = "enum" if column.type_kind == "enum" else column.base_type
        statistics = self.statistics.column(self.table, name)
        return Key(type_, column.type_length, statistics, fixed=column.base_type in ("bpchar", "bit"))

    def _column(self, name: str) -> Column:
        column = self.catalog.column(self.table, name)
        if column is None:
            raise KeyError(name)
        return column

    def key(self, key: IndexKey) -> Key:
        if key.column is not None:
            return self.column(key.column)
        text = key.expression or ""
        return self.expressions.get(text) or self._expression(text)

    def _expression(self, text: str) -> Key:
        """By the statistics of another index on the same expression, else guessed."""
        columns = self.catalog.columns_of(self.table)
        guessed = guess(text, {c.name: self.column(c.name) for c in columns if _mentions(text, c.name)}, self.rows)
        for index in self.catalog.indexes_of(self.table):
            if index.is_expression.count(True) == 1 and any(_same(text, key) for key in index.keys):
                found = next((row for row in self.statistics.columns if row.table_oid == index.oid), None)
                if found is not None:
                    return Key(guessed.type, guessed.length, found)
        return guessed

    def cells(self, key: IndexKey) -> tuple[Cells, ...]:
        """The values of a key among the rows that the predicate lets in."""
        cells = cells_of(self.key(key), self.rows, self.pages)
        predicate, name = self.index.predicate or "", re.escape(key.column or "")
        if not predicate or not name or re.search(r"\b(OR|NOT \()", predicate):
            return cells
        present = [c for c in cells if not c.null]
        if re.search(_IS_NULL.format(name), predicate):
            return (Cells(1, 1.0, 0, null=True),)
        if re.search(_EQUALS.format(name), predicate) and present:
            return (Cells(1, 1.0, max(present, key=lambda c: c.share).bytes),)
        if re.search(_NOT_NULL.format(name), predicate) and present:
            left = sum(c.mass for c in present)
            return tuple(Cells(c.count, c.share / left, c.bytes) for c in present)
        return cells

    def together(
        self, names: Sequence[str | None], cells: tuple[Cells, ...], before: float, last: float, rows: float
    ) -> tuple[Cells, ...]:
        """The cells of columns, with as many different tuples as is known of them.

        ``before`` and ``last``: how many values the columns before the last one have, and the last one. Columns that all run along with
        the table change together, each row changing one of them at most."""
        if self._unique(names):
            return evenly(cells, rows, rows)
        known = self.distinct.get(frozenset(name for name in names if name is not None))
        if known is not None:
            return evenly(cells, known, rows)
        if len(names) > 1 and all(map(self._ordered, names)) and filled(cells, rows) > before + last:
            return evenly(cells, before + last, rows)
        return cells

    def _unique(self, names: Sequence[str | None]) -> bool:
        """Whether the columns hold a key of the table."""
        return any(
            index.is_unique
            and index.predicate is None
            and all(name is not None and name in names and self._column(name).not_null for name in index.columns)
            for index in self.catalog.indexes_of(self.table)
        )

    def _ordered(self, name: str | None) -> bool:
        row = self.statistics.column(self.table, name) if name else None
        return row is not None and abs(row.correlation or 0) >= ORDERED


def _mentions(expression: str, column: str) -> bool:
    return re.search(rf'(?<![\w"]){re.escape(column)}(?![\w"(])|"{re.escape(column)}"', expression) is not None


def _same(left: str, right: str) -> bool:
    """Whether two texts are of the same expression, the casts and brackets aside that the server writes."""
    return re.sub(r"::text|[()\s]", "", left) == re.sub(r"::text|[()\s]", "", right)
