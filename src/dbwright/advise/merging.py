"""Indexes that do the work of two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dbwright.advise.existing import is_served
from dbwright.advise.form import Form, fits
from dbwright.advise.tables import TableFacts

MOST_MERGED = 60
"""Merged candidates of one table."""
MERGED_OF = 40
"""The most promising candidates of a table, from which merged ones are made."""


def merged(promises: Mapping[Form, float], facts: TableFacts) -> Iterator[tuple[Form, Form, Form]]:
    """Forms with the longer keys of two, where the shorter ones are their beginning, and with what both carry; with the two."""
    plain = [form for form in promises if form.method == "btree" and form.predicate is None]
    ranked = sorted(plain, key=lambda form: -promises[form])[:MERGED_OF]
    found: set[Form] = set()
    for position, one in enumerate(ranked):
        for other in ranked[position + 1 :]:
            form = _merge(one, other)
            if form is None or form in promises or form in found or not fits(form, facts):
                continue
            if is_served(form, facts, covers=True):
                continue
            found.add(form)
            yield form, one, other
            if len(found) >= MOST_MERGED:
                return


def _merge(one: Form, other: Form) -> Form | None:
    short, long = sorted((one, other), key=lambda form: len(form.keys))
    if long.keys[: len(short.keys)] != short.keys:
        return None
    keys = {key.column for key in long.keys}
    include = tuple(sorted({*short.include, *long.include} - keys))
    return replace(long, include=include) if include != long.include else None
