"""How much an index promises, by rough sums over pages: enough to put candidates in order before a planner is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from dbwright.advise.form import Form
from dbwright.advise.occurrences import Occurrence
from dbwright.advise.tables import PAGE_BYTES, TableFacts

_FILL = 0.9
_REPEATED_BYTES = 6
"""What a B-tree stores of each further row with the same key."""
_JOIN_FRACTION = 0.1
"""Share of the rows that a join is taken to look up, where the other side is not known."""
_LIMITED_FRACTION = 0.01
"""Share of the rows that are read where an index gives the order and only the first are wanted."""
_SORT_PAGES = 0.3
"""A sort that an index saves, in parts of reading the table."""
_SMALL_BY_METHOD = {"brin": 0.0005, "gin": 0.5, "gist": 0.8}


@dataclass(frozen=True)
class Promise:
    """For one table. Sizes are kept: each form is asked for often."""

    facts: TableFacts
    sizes: dict[Form, float] = field(default_factory=dict)

    def size(self, form: Form) -> float:
        """Bytes of the index."""
        if form not in self.sizes:
            self.sizes[form] = self._size(form)
        return self.sizes[form]

    def _size(self, form: Form) -> float:
        rows = self.facts.assumed_rows * form.fraction
        if form.method in _SMALL_BY_METHOD:
            return max(self.facts.assumed_pages * PAGE_BYTES * _SMALL_BY_METHOD[form.method], PAGE_BYTES)
        columns = tuple(key.column for key in form.keys if key.column)
        width = self.facts.entry_width((*columns, *form.include)) + 16 * (len(form.keys) - len(columns))
        if form.include or len(columns) < len(form.keys):
            return max(rows * width / _FILL, PAGE_BYTES)
        distinct = min(rows, prod(self.facts.distinct(name) for name in columns))
        return max((distinct * width + (rows - distinct) * _REPEATED_BYTES) / _FILL, PAGE_BYTES)

    def gain(self, form: Form, occurrence: Occurrence) -> float:
        """Pages that the statement would read less of this table, where nothing else helps."""
        pages = self.facts.assumed_pages
        own = self.size(form) / PAGE_BYTES
        if form.method != "btree":
            return pages * 0.9
        sought, ordered, limited = self.sought(form, occurrence)
        covers = form.covers(occurrence.used)
        touched = sought * (_LIMITED_FRACTION if limited else 1.0)
        per_page = max(self.facts.assumed_rows / pages, 1.0)
        heap = 0.0 if covers else pages * (1 - (1 - min(touched * form.fraction, 1.0)) ** per_page)
        saved = pages - heap - own * min(touched, 1.0)
        return max(saved, 0.0) + (pages * _SORT_PAGES if ordered else 0.0) + pages * 0.001 * len(form.keys)

    def sought(self, form: Form, occurrence: Occurrence) -> tuple[float, bool, bool]:
        """The share of the index that is read, whether it gives an order that the statement wants, and the first rows of it only."""
        share = 1.0
        joins = occurrence.join_columns
        for position, key in enumerate(form.keys):
            name = key.column or key.expression or ""
            if name in occurrence.equal or (name, "=") in occurrence.expressions:
                share *= occurrence.fractions.get(name, 0.01)
            elif name in joins:
                share *= max(_JOIN_FRACTION, 1 / self.facts.distinct(name)) if name in self.facts.columns else 1.0
            else:
                if name in occurrence.ranged:
                    share *= occurrence.fractions.get(name, 1.0)
                rest = form.keys[position:]
                for order in occurrence.orders:
                    if order.keys[: len(rest)] == rest or rest[: len(order.keys)] == order.keys:
                        return share, True, order.limited
                return share, False, False
        return share, False, False
