"""The indexes that a table has already, beside one that it might get."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dbwright.advise.form import Form
from dbwright.advise.tables import TableFacts
from dbwright.model.catalog import Index
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.index_use import is_free
from dbwright.model.snapshot import Snapshot


def replaced(form: Form, facts: TableFacts, snapshot: Snapshot) -> tuple[str, ...]:
    """The names of the indexes that may go when the form is built: it gives all that they give, and they are there for reading alone."""
    return tuple(i.name for i in facts.indexes if answers_for(form, i) and not _is_bound(snapshot, facts, i))


def is_served(form: Form, facts: TableFacts, covers: bool) -> bool:
    """Whether an index of the table gives all that the form would give."""
    return server_of(form, facts, covers) is not None


def server_of(form: Form, facts: TableFacts, covers: bool) -> Index | None:
    """The first index of the table that gives all that the form would give."""
    return next((index for index in facts.indexes if _gives(index, form, facts, covers)), None)


def _gives(index: Index, form: Form, facts: TableFacts, covers: bool) -> bool:
    if index.access_method != form.method:
        return False
    if index.predicate is not None and _conjuncts(index.predicate) != _conjuncts(" AND ".join(form.conditions)):
        return False
    if form.method != "btree":
        return len(index.keys) == 1 and _same_key(index, 0, form.keys[0], flip=False)
    carried = {*index.include, *(column for column in index.columns if column)}
    if not set(form.include) <= carried or (index.predicate is None and not set(form.conditioned) <= carried):
        return False
    if _leads(index, form.keys):
        return True
    # With all columns of a unique index equal there is one row: further keys can only be there to be read.
    first = {key.column for key in form.keys[: len(index.keys)]}
    unique = index.is_unique and not covers and len(index.keys) < len(form.keys) and first == set(index.columns)
    return unique and all(facts.columns[column].not_null for column in index.columns if column)


def _leads(index: Index, keys: Sequence[IndexKey]) -> bool:
    """Whether the index's keys begin with these, read from either end."""
    if len(keys) > len(index.keys):
        return False
    return any(all(_same_key(index, n, key, flip) for n, key in enumerate(keys)) for flip in (False, True))


def _same_key(index: Index, position: int, key: IndexKey, flip: bool) -> bool:
    if key.column is not None:
        if index.is_expression[position] or index.keys[position] != key.column:
            return False
    elif not index.is_expression[position] or _bare(index.keys[position]) != _bare(key.expression or ""):
        return False
    if (key.opclass is None) != index.default_opclass[position] or (
        key.opclass is not None and key.opclass != index.opclasses[position]
    ):
        return False
    if index.access_method != "btree":
        return True
    nulls_first = key.descending if key.nulls_first is None else key.nulls_first
    return (index.descending[position] != flip) == key.descending and (
        index.nulls_first[position] != flip
    ) == nulls_first


def _bare(expression: str) -> str:
    """An expression without what the server adds to it when it prints it."""
    return re.sub(r"::(text|character varying|regconfig)|[\s()]", "", expression).lower()


def _conjuncts(predicate: str) -> frozenset[str]:
    return frozenset(_conjunct(part) for part in re.split(r"(?i)\bAND\b", predicate))


def _conjunct(condition: str) -> str:
    """A condition without casts, brackets and the ways in which the server writes a list or a flag."""
    text = re.sub(r"::[\w ]+(?:\[\])?", "", condition)
    text = re.sub(r"[\s()\[\]]", "", text).replace("=ANYARRAY", "IN").removesuffix("=true")
    return "NOT" + text.removesuffix("=false") if text.endswith("=false") else text


def answers_for(form: Form | CreateIndex, index: Index) -> bool:
    """Whether the form, once built, gives readers all that the index gives."""
    if (
        form.method != "btree"
        or index.access_method != "btree"
        or form.predicate is not None
        or index.predicate is not None
    ):
        return False
    if len(index.keys) > len(form.keys) or any(index.is_expression):
        return False
    carried = {*form.include, *(k.column for k in form.keys)}
    return set(index.include) <= carried and any(
        all(_same_key(index, n, key, flip) for n, key in enumerate(form.keys[: len(index.keys)]))
        for flip in (False, True)
    )


def _is_bound(snapshot: Snapshot, facts: TableFacts, index: Index) -> bool:
    """Whether the index is there for more than reading."""
    own = index.is_unique or index.extension or index.parent_oid is not None
    return bool(own) or not is_free(snapshot, facts.table, index)
