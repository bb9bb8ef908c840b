"""Columns that code takes for unique, by the queries that would go wrong if they were not, and that no constraint keeps so."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dbwright.model.asked import equal_columns, holds_key, is_aid, is_batch, lines_of, parameter_of, unique_keys
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import SourceColumn, SourceQuery, SourceTable

Evidence = Literal["made when missing", "looked up as one"]
_APART = 2
"""Lines from ``execute`` to ``scalar_one``."""
MOST_COLUMNS = 5
"""More columns than this compared and it is a search, not a key."""
_VALIDATES = re.compile(r"(^|\.)(validate|clean|check_unique)(_\w+)?$")
"""Methods in which models, forms and serializers refuse what exists already."""
_DELETED = re.compile(r"delet|remov|archiv|discard")
"""Columns that tell rows that count as gone."""
_IF_UNIQUE = re.compile(r"(^|_)(uniq|multipl|repeat|single|only_once|once)")
"""Flags by which a kind of things says how many of it a thing may have."""
_END = re.compile(
    r"(^|_)(leave|left|end|ends|ended|until|expires?|expired|cancel+ed|cancellation|deactivated|deactivation|closed|revoked|resigned)($|_)"
)
"""Columns that tell when something was over: it may begin again."""
_RECORDED = re.compile(r"^(created|updated|modified|edited|logged|occurred|recorded|sent|received|timestamp)(_|$)")
"""Columns that tell when something happened, and not for which period a row is."""
_OF_ROWS = re.compile(r"(QuerySet|Queryset|Manager|Query)\.")
Constant = bool | str | int
_SINGLE = ("get", "one", "one_or_none", "scalar_one", "scalar_one_or_none", "")


@dataclass(frozen=True)
class Expected:
    """One row at most is expected for each combination of the columns, among the rows that have the values of ``conditions``, which are
    written in the code (``is_default = true``, ``kind = 'school'``).
    ``evidence`` is the strongest of the queries': a second row is made by two requests at once, or one that is there makes look-ups
    fail."""

    table: SourceTable
    columns: frozenset[str]
    conditions: tuple[tuple[str, Constant], ...]
    evidence: Evidence
    queries: tuple[SourceQuery, ...]

    @property
    def ordered(self) -> list[str]:
        """The columns in the table's order."""
        return [column.name for column in self.table.columns if column.name in self.columns]

    @property
    def is_served(self) -> bool:
        """Something that users wait for relies on it, not commands and scripts alone, of which one runs at a time."""
        return any(not is_batch(query.issued) for query in self.queries)

    @property
    def fields(self) -> list[str]:
        """The same as attributes of the model."""
        return [column.field or column.name for column in self.table.columns if column.name in self.columns]

    @property
    def constraint(self) -> str:
        """The constraint as the framework writes it."""
        name = f"{self.table.name[:40]}_once"
        if self.table.framework != "django":
            columns = ", ".join(map(repr, self.ordered))
            if not self.conditions:
                return f"UniqueConstraint({columns})"
            where = " AND ".join(
                (name if value else f"NOT {name}") if isinstance(value, bool) else f"{name} = {value!r}"
                for name, value in self.conditions
            )
            return f'Index("{name}", {columns}, unique=True, postgresql_where=text("{where}"))'
        fields = ", ".join(f'"{field}"' for field in self.fields)
        field_of = {column.name: column.field or column.name for column in self.table.columns}
        flags = ", ".join(f"{field_of.get(name, name)}={value!r}" for name, value in self.conditions)
        return f'models.UniqueConstraint(fields=[{fields}], {f"condition=Q({flags}), " if flags else ""}name="{name}")'


@once
def expected(snapshot: Snapshot) -> tuple[Expected, ...]:
    """What code expects to be unique and no constraint keeps so: of several sets of columns that contain each other the smallest."""
    made: defaultdict[tuple[str, frozenset[str]], list[SourceQuery]] = defaultdict(list)
    looked_up: defaultdict[tuple[str, frozenset[str]], list[SourceQuery]] = defaultdict(list)
    kept: set[tuple[str, frozenset[str]]] = set()
    under: dict[tuple[str, frozenset[str]], tuple[tuple[str, Constant], ...]] = {}
    single, caught = _single_rows(snapshot)
    for query, others in _with_neighbours(snapshot):
        table = snapshot.source.table_by_name.get(query.table or "")
        if table is None or not table.owned or query.query is None or query.partial:
            continue
        if _makes_when_missing(query, others):
            columns = _given(snapshot, query, table)
            if _is_caught(snapshot, table, (query, *others)):
                continue
            if _is_kept_otherwise(snapshot, table, query, others):
                kept.add((table.name, columns))
                continue
            if _is_loose(snapshot, table, query, columns) and "in" not in _operators(query, table.name):
                fixed = tuple((n, v) for n, v in _constants(table, query) if isinstance(v, bool))
                key = table.name, columns - {name for name, _ in fixed}
                under.setdefault(key, fixed)
                made[key].append(query)
        elif _function_of(query) in caught:
            continue
        elif (query.issued_by == "get" and query.consumer in _SINGLE) or (
            query.issued_by == "rows" and (query.issued.file, query.issued.line) in single
        ):
            columns = _naming(snapshot, query, table)
            if (
                query.query.aggregates
                or _is_first(query)
                or _is_counted_before(query, others)
                or _is_narrowed_by_callers(query)
            ):
                continue
            if any(columns < _naming(snapshot, other, table) for other in others if _is_beside(query, other)):
                continue
            if _is_loose(snapshot, table, query, columns) and _is_plain_look_up(table, query):
                looked_up[table.name, columns].append(query)
    loose = {key: queries for key, queries in made.items() if key not in kept}
    return tuple(_smallest(snapshot, loose, looked_up, under))


def _single_rows(snapshot: Snapshot) -> tuple[frozenset[tuple[str, int]], frozenset[tuple[str, str]]]:
    """The lines that send a statement whose result is asked for its only row (on that line or the next ones), and the functions that
    catch the error of a second row."""
    facts = snapshot.source.facts
    single = {
        (f.place.file, line)
        for f in facts
        if f.kind == "one row"
        for line in range(f.place.line - _APART, f.end_line + 1)
    }
    caught = {(f.place.file, f.place.function) for f in facts if f.kind == "several rows caught"}
    return frozenset(single), frozenset(caught)


def _is_first(query: SourceQuery) -> bool:
    """It takes the first of the rows; Django's ``get`` writes a limit by itself."""
    return query.framework != "django" and query.query is not None and query.query.limit == "constant"


def _is_narrowed_by_callers(query: SourceQuery) -> bool:
    """It stands in a method of a queryset or a manager that was walked by itself: which rows are looked through the callers say."""
    by_itself = not query.calls and not query.issued.function.endswith("get_by_natural_key")
    return by_itself and bool(_OF_ROWS.search(query.issued.function))


def _is_beside(query: SourceQuery, other: SourceQuery) -> bool:
    """Another branch of the function looks a row of the same table up."""
    return other.table == query.table and other.issued_by == query.issued_by and other.issued.line != query.issued.line


def _is_counted_before(query: SourceQuery, others: Sequence[SourceQuery]) -> bool:
    """The function asks how many rows there are before it takes the one."""
    return any(o.issued_by == "count" and o.table == query.table and o.issued.line <= query.issued.line for o in others)


def _is_caught(snapshot: Snapshot, table: SourceTable, queries: Sequence[SourceQuery]) -> bool:
    """The insert is tried, and some unique constraint of the table makes the second one fail. Without any, nothing is there to catch."""
    if not any(key - _primary(table) for key in unique_keys(table)):
        return False
    lines = lines_of(snapshot, "refusal caught")
    return any(
        q.table == table.name and q.issued_by == "insert" and (q.issued.file, q.issued.line) in lines for q in queries
    )


def _is_kept_otherwise(
    snapshot: Snapshot, table: SourceTable, query: SourceQuery, others: Sequence[SourceQuery]
) -> bool:
    """What is asked for is no key as it stands: a flag chooses among the rows, case is passed over, a range is what may not overlap, or a
    flag of what it refers to says whether the rule holds. Or the row that would be made has its value in a unique column as well."""
    by_hand = query.consumer not in ("get_or_create", "update_or_create")
    if by_hand and (_flags(table, query) or (query.issued_by != "exists" and any(map(_ends, table.columns)))):
        return True
    if not _naming(snapshot, query, table):
        return True  # one row that the program knows beforehand
    predicates = [p for p in (query.query.predicates if query.query else ()) if p.column.table == table.name]
    if any(_RECORDED.search(p.column.column) and p.operator == "=" for p in predicates):
        return True  # what happened is recorded with its moment, and that names nothing
    if any((p.wrapped and p.operator == "=") or p.operator in ("<", "<=", ">", ">=", "between") for p in predicates):
        return True
    asked = {column.name: column for column in table.columns}
    targets = (snapshot.source.table_by_name.get(c.references.table) for c in asked.values() if c.references)
    if query.issued_by == "exists" and any(
        _IF_UNIQUE.search(column.name) and column.type == "boolean"
        for t in targets
        if t is not None
        for column in t.columns
    ):
        return True
    single = {name for key in unique_keys(table) if len(key) == 1 for name in key} - _primary(table)
    origins = {origin for _, origin in _values(query)} - {"constant", "unknown"}
    inserts = (o for o in others if o.issued_by == "insert" and o.issued.line == query.issued.line and o.query)
    return any(
        column in single and parameter.origin in origins
        for insert in inserts
        for column, parameter in zip(insert.query.set_columns if insert.query else (), insert.parameters, strict=False)
    )


def _ends(column: SourceColumn) -> bool:
    return (
        not column.not_null and (column.type or "").startswith(("date", "timestamp")) and bool(_END.search(column.name))
    )


def _primary(table: SourceTable) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if column.primary_key)


def _function_of(query: SourceQuery) -> tuple[str, str]:
    return query.issued.file, query.issued.function


def _smallest(
    snapshot: Snapshot,
    made: dict[tuple[str, frozenset[str]], list[SourceQuery]],
    looked_up: dict[tuple[str, frozenset[str]], list[SourceQuery]],
    under: dict[tuple[str, frozenset[str]], tuple[tuple[str, Constant], ...]],
) -> Iterator[Expected]:
    groups = {**looked_up, **made}
    for (name, columns), queries in groups.items():
        if any(other < columns for other_name, other in groups if other_name == name):
            continue
        table = snapshot.source.table_by_name[name]
        evidence: Evidence = "made when missing" if (name, columns) in made else "looked up as one"
        if evidence == "made when missing":
            yield Expected(table, columns, under[name, columns], evidence, tuple(queries))
            continue
        by_constants: defaultdict[tuple[tuple[str, Constant], ...], list[SourceQuery]] = defaultdict(list)
        for query in queries:
            by_constants[_constants(table, query)].append(query)
        if () in by_constants:  # one row of all, so one of each kind as well
            by_constants = defaultdict(list, {(): queries})
        for conditions, alike in by_constants.items():
            yield Expected(table, columns, conditions, evidence, tuple(alike))


def _with_neighbours(snapshot: Snapshot) -> Iterator[tuple[SourceQuery, Sequence[SourceQuery]]]:
    """Each query with all of its function; those of functions that lock rows before they write are left out."""
    by_function: defaultdict[tuple[str, str], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if not is_aid(query.issued):
            by_function[query.issued.file, query.issued.function].append(query)
    for queries in by_function.values():
        locks = any(query.query and query.query.locking and query.consumer != "update_or_create" for query in queries)
        for query in queries:
            if not locks or query.issued_by == "get":
                yield query, () if locks else queries


def _naming(snapshot: Snapshot, query: SourceQuery, table: SourceTable) -> frozenset[str]:
    """The columns of which one value each is given at run time."""
    return _given(snapshot, query, table) - {name for name, _ in _constants(table, query)} - _flags(table, query)


def _given(snapshot: Snapshot, query: SourceQuery, table: SourceTable) -> frozenset[str]:
    """The columns of which one value each is given, a reference also by a unique name of what it refers to (``project__slug=…``)."""
    columns = set(equal_columns(query, table.name))
    for predicate in query.query.predicates if query.query else ():
        ends = (predicate.column, predicate.other)
        if predicate.operator != "=" or predicate.negated or ends[1] is None or predicate.alternative:
            continue
        for here, there in (ends, ends[::-1]):
            if here is not None and there is not None and here.table == table.name != there.table:
                target = snapshot.source.table_by_name.get(there.table)
                if target is not None and _names_one(query, target):
                    columns.add(here.column)
    return frozenset(columns)


def _names_one(query: SourceQuery, table: SourceTable) -> bool:
    return holds_key(table, equal_columns(query, table.name))


def _operators(query: SourceQuery, table: str) -> frozenset[str]:
    predicates = query.query.predicates if query.query else ()
    return frozenset(p.operator for p in predicates if p.column.table == table)


def _makes_when_missing(query: SourceQuery, others: Sequence[SourceQuery]) -> bool:
    if query.consumer in ("get_or_create", "update_or_create"):
        return query.issued_by == "get" and bool(others)
    if query.issued_by not in ("first", "exists", "get") or query.query is None or query.framework != "django":
        return False
    columns = equal_columns(query, query.table or "")
    if query.issued_by == "exists" and _VALIDATES.search(query.issued.function):
        return len(columns) > 1 or any(name in query.issued.function for name in columns)
    values = {column: origin for column, origin in _values(query) if column in columns}
    for other in others:
        if other.issued_by != "insert" or other.table != query.table or other.consumer not in ("", "save", "create"):
            continue
        if other.issued.line > query.issued.line and other.query and len(columns) > 1:
            inserted = dict(zip(other.query.set_columns, other.parameters, strict=False))
            if values and all(c in inserted and inserted[c].origin == values[c] for c in values):
                return True
    return False


def _values(query: SourceQuery) -> Iterator[tuple[str, str]]:
    for predicate in query.query.predicates if query.query else ():
        if 0 < predicate.parameter <= len(query.parameters):
            yield predicate.column.column, query.parameters[predicate.parameter - 1].origin


def _is_loose(snapshot: Snapshot, table: SourceTable, query: SourceQuery, columns: frozenset[str]) -> bool:
    if not 0 < len(columns) <= MOST_COLUMNS or query.query is None:
        return False
    if any(
        (p.value == "null" or p.operator in ("is null", "is")) and not _DELETED.search(p.column.column)
        for p in query.query.predicates
    ):
        return False
    others = {p.column.table for p in query.query.predicates if p.column.table != table.name and p.value != "column"}
    named = [snapshot.source.table_by_name.get(name) for name in others]
    if not all(target is not None and _names_one(query, target) for target in named):
        return False  # looked up through other tables: no constraint could say it
    # Nor is it loose where the columns are unique within something, which is known where the look-up stands.
    return not any(key <= columns | _flags(table, query) or columns < key for key in unique_keys(table))


def _flags(table: SourceTable, query: SourceQuery) -> frozenset[str]:
    """Columns compared with true or false: they choose among the rows and name none."""
    kinds = {column.name: column.type for column in table.columns}
    return frozenset(
        p.column.column
        for p in (query.query.predicates if query.query else ())
        if p.column.table == table.name and kinds.get(p.column.column) == "boolean"
    )


def _is_plain_look_up(table: SourceTable, query: SourceQuery) -> bool:
    """Compared for equality with values that are given, some of them not written in the code, and with nothing else."""
    given = False
    flags = _flags(table, query)
    moments = {column.name for column in table.columns if (column.type or "").startswith("timestamp")}
    for predicate in query.query.predicates if query.query else ():
        name = predicate.column.column
        if predicate.value == "column" or name in flags or (predicate.operator == "is null" and _DELETED.search(name)):
            continue
        if predicate.operator in (">", ">=", "<", "<=") and name in moments:
            continue  # not too old: what names the row is the rest
        if predicate.operator != "=" or predicate.negated or predicate.alternative or predicate.value == "expression":
            return False
        if name in moments:
            return False  # when something happened names nothing
        number = predicate.parameter
        given = given or (
            0 < number <= len(query.parameters) and query.parameters[number - 1].origin not in ("constant", "settings")
        )
    return given


def _constants(table: SourceTable, query: SourceQuery) -> tuple[tuple[str, Constant], ...]:
    """The values that the code itself compares columns with: they choose a kind of rows and name none."""
    found: dict[str, Constant] = {}
    references = {column.name for column in table.columns if column.references is not None or column.primary_key}
    for p in query.query.predicates if query.query else ():
        if p.column.table != table.name or p.operator != "=" or not p.narrows or p.negated:
            continue
        parameter = parameter_of(query, p)
        if p.column.column in _flags(table, query):
            if p.value in ("true", "false"):
                found[p.column.column] = p.value == "true"
        elif p.column.column in references:
            continue  # whose row it is no code knows beforehand: a value that only one of the callers gives
        elif parameter is not None and parameter.origin == "constant" and isinstance(parameter.value, str | int):
            found[p.column.column] = parameter.value
    return tuple(sorted(found.items()))
