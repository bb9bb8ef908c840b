"""Indexes beyond plain columns in a B-tree: expressions, patterns, and what GIN and GiST search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbwright.advise.form import Form, Kind, Wanted
from dbwright.advise.immutable import depends_on_time_zone, is_immutable
from dbwright.advise.occurrences import Occurrence, Special
from dbwright.advise.tables import TableFacts
from dbwright.model.change import IndexKey
from dbwright.model.snapshot import Snapshot

_PATTERN_CLASSES = {"text": "text_pattern_ops", "varchar": "varchar_pattern_ops", "bpchar": "bpchar_pattern_ops"}
_BY_BYTES = ("C", "POSIX", "C.UTF-8", "C.utf8", "ucs_basic")
"""Collations whose order is that of the bytes, so that a plain B-tree serves patterns."""
_PATTERNS = frozenset(("like", "ilike", "like any", "ilike any", "~", "~*", "%", "<%", "%>", "<<%", "%>>"))
_PATH_OPERATORS = frozenset(("@>", "@?", "@@"))
_GIN_OPERATORS = {
    "jsonb": _PATH_OPERATORS | {"?", "?|", "?&"},
    "array": frozenset(("@>", "<@", "&&")),
    "tsvector": frozenset(("@@",)),
    "hstore": frozenset(("@>", "?", "?|", "?&")),
}
_RANGE_OPERATORS = frozenset(("@>", "<@", "&&", "<<", ">>", "-|-", "&<", "&>"))
_NETWORK_OPERATORS = frozenset(("<<", "<<=", ">>", ">>=", "&&"))
_SPATIAL_OPERATORS = frozenset(("&&", "@>", "<@", "~=", "@", "~", "<<", ">>", "&<", "&>"))
_SPATIAL = frozenset(("geometry", "geography", "box", "polygon", "circle", "point"))
_SPATIAL_FUNCTIONS = frozenset(
    "st_intersects st_contains st_within st_dwithin st_covers st_coveredby st_overlaps st_touches st_crosses st_equals".split()
)
_EQUALITY_KEYS = 2
"""Equal columns that are put before an expression."""


def special_forms(occurrence: Occurrence, snapshot: Snapshot, notes: dict[str, None], filters: Sequence[str]) -> Wanted:
    """Forms for an occurrence's expressions and special comparisons. ``filters`` are its equal columns, the most selective first."""
    facts = occurrence.facts
    types = {name: column.base_type for name, column in facts.columns.items()}
    for expression, how in occurrence.expressions:
        if is_immutable(expression, types, snapshot.catalog):
            yield from _expression(occurrence, expression, how, filters)
        elif column := depends_on_time_zone(expression, types):
            why = f"No index can be made on {expression} of {facts.label}: it depends on the session's time zone."
            notes[f"{why} A range of {column} can use an index."] = None
    for special in occurrence.specials:
        spatial = special.function in _SPATIAL_FUNCTIONS
        if special.expression and not spatial and not is_immutable(special.expression, types, snapshot.catalog):
            if special.function == "to_tsvector" and special.operator == "@@":
                why = (
                    f"No index can be made on {special.expression} of {facts.label}: what it gives depends on settings."
                )
                notes[
                    f"{why} Name the configuration, as in to_tsvector('english', …), or keep a column of type tsvector."
                ] = None
            continue
        for form, kind, reason in _special(special, facts, snapshot, notes):
            yield form, kind, reason
            equal = tuple(IndexKey(name) for name in filters[:_EQUALITY_KEYS])
            if form.method == "btree" and equal:
                yield (
                    Form((*equal, *form.keys)),
                    kind,
                    f"searches by {', '.join(filters[:_EQUALITY_KEYS])}, then {reason}",
                )


def _expression(occurrence: Occurrence, expression: str, how: str, filters: Sequence[str]) -> Wanted:
    key = IndexKey(expression=expression)
    kind: Kind = "expression"
    reason = f"{'the order' if how == 'order' else 'searches by'} {expression}"
    yield Form((key,)), kind, reason
    equal = tuple(IndexKey(name) for name in filters[:_EQUALITY_KEYS])
    if equal:
        yield Form((*equal, key)), kind, f"searches by {', '.join(filters[:_EQUALITY_KEYS])}, then {reason}"
    if how == "=":
        names = [
            name
            for name in (*filters, *occurrence.join_columns, *occurrence.ranged)
            if occurrence.facts.can_be_key(name)
        ]
        for name in dict.fromkeys(names):
            yield Form((key, IndexKey(name))), kind, f"{reason} and {name}"
        for order in occurrence.orders:
            yield Form((key, *order.keys)), kind, f"{reason}, in order"


def _special(special: Special, facts: TableFacts, snapshot: Snapshot, notes: dict[str, None]) -> Wanted:
    column = facts.columns[special.column]
    kind = column.base_type
    operator = special.operator
    if special.expression:
        if special.function in _SPATIAL_FUNCTIONS:
            if kind in _SPATIAL:
                yield (
                    Form((IndexKey(special.column),), method="gist"),
                    "gist",
                    f"{special.function} of {special.column}",
                )
        elif special.function == "to_tsvector":
            if operator == "@@":
                yield Form((IndexKey(expression=special.expression),), method="gin"), "gin", "full-text search"
        elif operator in _PATTERNS:
            yield from _patterns(special, "text", snapshot, notes, facts)
        return
    if kind in _PATTERN_CLASSES and operator in _PATTERNS:
        yield from _patterns(special, kind, snapshot, notes, facts)
        return
    for method, opclass in _methods(kind, column.type_kind, operator):
        form = Form((IndexKey(special.column, opclass=opclass),), method=method)
        yield form, "gin" if method == "gin" else "gist", f"{operator} on {special.column}"


def _methods(kind: str, type_kind: str, operator: str) -> Iterator[tuple[str, str | None]]:
    """Access methods with the operator class, None for the type's own."""
    if kind == "jsonb" and operator in _PATH_OPERATORS:
        yield "gin", "jsonb_path_ops"
    if operator in _GIN_OPERATORS.get("array" if kind.startswith("_") else kind, ()):
        yield "gin", None
    elif kind in ("inet", "cidr") and operator in _NETWORK_OPERATORS:
        yield "gist", "inet_ops"
    elif operator in _gist_operators(kind, type_kind):
        yield "gist", None


def _gist_operators(kind: str, type_kind: str) -> frozenset[str]:
    if kind in _SPATIAL:
        return _SPATIAL_OPERATORS
    return _RANGE_OPERATORS if type_kind in ("range", "multirange") else frozenset()


def _patterns(special: Special, kind: str, snapshot: Snapshot, notes: dict[str, None], facts: TableFacts) -> Wanted:
    """Patterns that begin with text are a range of a B-tree by bytes; others need trigrams."""
    what = special.expression or special.column

    def key(opclass: str | None) -> IndexKey:
        if special.expression:
            return IndexKey(expression=special.expression, opclass=opclass)
        return IndexKey(special.column, opclass=opclass)

    if special.operator == "like" and special.leading_wildcard is not True and facts.can_be_key(special.column):
        opclass = None if _is_by_bytes(facts.columns[special.column].collation, snapshot) else _PATTERN_CLASSES[kind]
        yield Form((key(opclass),)), "expression" if special.expression else "range", f"{what} begins with a text"
    if special.operator == "like" and special.leading_wildcard is False:
        return
    if any(extension.name == "pg_trgm" for extension in snapshot.catalog.extensions):
        yield Form((key("gin_trgm_ops"),), method="gin"), "gin", f"{what} holds a text"
    else:
        name = f"{facts.table.schema}.{facts.table.name}"
        notes[f"A search for a text inside {what} of {name} needs a trigram index, and that the extension pg_trgm."] = (
            None
        )


def _is_by_bytes(collation: str | None, snapshot: Snapshot) -> bool:
    if collation and collation != "default":
        return collation in _BY_BYTES
    current = next((database for database in snapshot.catalog.databases if database.is_current), None)
    return current is not None and current.collate in _BY_BYTES
