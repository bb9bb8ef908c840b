"""A statement's tables as an index would meet them: what each is searched, joined, ordered and read by.

A table that stands twice in a statement is two occurrences. Conditions count wherever they stand: in sub-selects, common table
expressions, the branches of a UNION, and through the outputs of these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from dbwright.advise.tables import UNKNOWN_FRACTION, TableFacts
from dbwright.model.change import IndexKey
from dbwright.model.query import InnerSelect, OrderKey, Predicate, QueryColumn, Usage
from dbwright.model.quoting import quote_identifier

EQUALITIES = frozenset(("=", "in", "is", "is null"))
RANGES = frozenset(("<", "<=", ">", ">=", "between"))
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "@>": "<@", "<@": "@>", "&&": "&&"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_ANY_NUMBER = Decimal("-Infinity"), Decimal("Infinity")
_PATTERNS = frozenset(("like", "ilike", "like any", "ilike any", "~", "~*", "similar to"))


Interval = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that every row of the occurrence meets, as an index's ``WHERE`` could say it. ``fraction`` is the share of the table's
    rows that meet it; ``always``: a flag or NULL, which no application changes from call to call. ``is_range``: the column still tells
    these rows apart."""

    column: str
    sql: str
    fraction: float
    always: bool
    is_range: bool = False


@dataclass(frozen=True, slots=True)
class Special:
    """A comparison that a plain B-tree does not serve. ``expression`` is the SQL around the column, ``function`` its outermost function."""

    column: str
    operator: str
    expression: str = ""
    leading_wildcard: bool | None = False
    function: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Columns whose order is asked for. ``limited``: only the first rows are wanted."""

    keys: tuple[IndexKey, ...]
    limited: bool


@dataclass
class Occurrence:
    """One table of one statement.

    ``equal``: columns that equal a constant, a parameter or a list; ``joined``: that equal another table's column, by that table's
    alias; ``ranged``: within a range; ``branches``: columns that one branch of an OR asks for; ``used``: all that the statement reads of
    the table, None when it reads whole rows or columns that no index has. ``expressions`` are (SQL, how it is compared: ``=``,
    ``range`` or ``order``). ``fractions`` are the shares of rows that a column's conditions leave.
    ``intervals`` are the least and the most that constants let a number be. ``written``: its rows are changed or locked, so that an
    index alone never answers.
    """

    statement: int
    facts: TableFacts
    alias: str
    equal: dict[str, None] = field(default_factory=dict)
    joined: dict[str, dict[str, None]] = field(default_factory=dict)
    ranged: dict[str, None] = field(default_factory=dict)
    branches: list[tuple[str, ...]] = field(default_factory=list)
    orders: dict[Order, None] = field(default_factory=dict)
    used: frozenset[str] | None = frozenset()
    conditions: dict[Condition, None] = field(default_factory=dict)
    expressions: dict[tuple[str, str], None] = field(default_factory=dict)
    specials: dict[Special, None] = field(default_factory=dict)
    fractions: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    written: bool = False

    @property
    def join_columns(self) -> dict[str, None]:
        return {name: None for names in self.joined.values() for name in names}

    def likeness(self) -> Hashable:
        """The same for occurrences that an index serves alike."""
        joined = frozenset((partner, tuple(names)) for partner, names in self.joined.items())
        lists = (self.equal, self.ranged, self.branches, self.orders, self.conditions, self.expressions, self.specials)
        return (*map(tuple, lists), joined, self.used, frozenset(self.fractions.items()))

    def narrow(self, column: str, fraction: float) -> None:
        self.fractions[column] = min(self.fractions.get(column, 1.0), max(fraction, 1e-9))


def occurrences_of(statement: int, usage: Usage, facts: Mapping[str, TableFacts]) -> list[Occurrence]:
    """The occurrences of the tables in ``facts``, which is by alias."""
    found = {alias: Occurrence(statement, table, alias) for alias, table in facts.items()}
    reading = _Reading(usage, found)
    reading.read()
    _add_ranges(found.values())
    return list(found.values())


@dataclass
class _Reading:
    usage: Usage
    found: dict[str, Occurrence]

    def read(self) -> None:
        twins: defaultdict[QueryColumn, list[QueryColumn]] = defaultdict(list)
        for one, other in self.usage.twins:
            twins[one].append(other)
        branches: defaultdict[tuple[int, int, str], dict[str, None]] = defaultdict(dict)
        for predicate in _with_common(self.usage.query.predicates):
            for side in _sides(predicate, twins):
                self.condition(side, branches)
        for (_, _, alias), names in branches.items():
            columns = tuple(names)
            if columns not in self.found[alias].branches:
                self.found[alias].branches.append(columns)
        for select in self.usage.query.selects():
            self.select(select)
        for keys in self.usage.windows:
            self.order(keys, limited=False)
        if self.usage.query.distinct and not self.usage.query.distinct_on:
            self.order([_ascending(c) for c in self.usage.query.columns if c.table and c.column != "*"], limited=False)
        for column in self.usage.extremes:
            self.order([_ascending(column)], limited=True)
        self.columns()

    def occurrence(self, column: QueryColumn | None) -> Occurrence | None:
        if column is None:
            return None
        found = self.found.get(column.alias)
        return found if found is not None and column.column in found.facts.columns else None

    # Conditions

    def condition(self, predicate: Predicate, branches: dict[tuple[int, int, str], dict[str, None]]) -> None:
        occurrence = self.occurrence(predicate.column)
        if occurrence is None or predicate.clause == "having":
            return
        if predicate.value == "column" and predicate.other and predicate.other.alias == predicate.column.alias:
            return  # a column with another of the same row
        operator = predicate.operator
        if predicate.negated:
            operator = _OPPOSITE.get(operator, f"not {operator}")
        if predicate.alternative:
            if not predicate.wrapped and operator in EQUALITIES | RANGES:
                branches[predicate.alternative, predicate.branch, occurrence.alias][predicate.column.column] = None
            elif not predicate.wrapped:
                self.special(occurrence, predicate, operator)
            return
        if predicate.wrapped:
            self.wrapped(occurrence, predicate, operator)
        else:
            self.plain(occurrence, predicate, operator)

    def plain(self, occurrence: Occurrence, predicate: Predicate, operator: str) -> None:
        name = predicate.column.column
        partner = predicate.other.alias if predicate.other and _is_join(predicate) else None
        if operator in ("=", "in") and partner is not None:
            occurrence.joined.setdefault(partner, {})[name] = None
        elif operator in EQUALITIES:
            occurrence.equal[name] = None
            occurrence.narrow(name, _equal_fraction(occurrence.facts, predicate, operator))
        elif operator in RANGES:
            occurrence.ranged[name] = None
            occurrence.narrow(name, _range_fraction(occurrence.facts, predicate, operator))
            if interval := _interval(predicate, operator):
                low, high = occurrence.intervals.get(name, _ANY_NUMBER)
                occurrence.intervals[name] = max(low, interval[0]), min(high, interval[1])
        else:
            self.special(occurrence, predicate, operator)
        if condition := _as_condition(occurrence.facts, predicate, operator):
            occurrence.conditions[condition] = None

    def wrapped(self, occurrence: Occurrence, predicate: Predicate, operator: str) -> None:
        expression = self.usage.expressions.get(predicate.wrapped, "")
        if not expression:
            return
        if operator in EQUALITIES:
            occurrence.expressions[expression, "="] = None
        elif operator in RANGES:
            occurrence.expressions[expression, "range"] = None
        if operator not in EQUALITIES | RANGES or predicate.value == "true":
            special = Special(
                predicate.column.column, operator, expression, predicate.leading_wildcard, predicate.wrapper
            )
            occurrence.specials[special] = None

    def special(self, occurrence: Occurrence, predicate: Predicate, operator: str) -> None:
        name = predicate.column.column
        occurrence.specials[Special(name, operator, "", predicate.leading_wildcard)] = None
        if operator == "like" and predicate.leading_wildcard is not True:
            occurrence.narrow(name, 0.01)
        elif operator in _PATTERNS:
            occurrence.narrow(name, 0.05)

    # Order

    def select(self, select: InnerSelect) -> None:
        limited = bool(select.limit)
        self.order(select.order_by, limited)
        self.order([_ascending(column) for column in select.group_by], limited and not select.order_by)
        self.order([_ascending(column) for column in select.distinct_on], limited and not select.order_by)

    def order(self, keys: Sequence[OrderKey], limited: bool) -> None:
        """What one table can give of an order: its keys at the beginning."""
        expression = keys[0].expression if keys else ""
        if expression:
            self.order_expression(self.usage.expressions.get(expression, ""))
            return
        first = self.occurrence(keys[0].column) if keys else None
        if first is None:
            return
        own: list[OrderKey] = []
        for key in keys:
            if self.occurrence(key.column) is not first:
                break
            own.append(key)
        first.orders[Order(_index_keys(own), limited and len(own) == len(keys))] = None

    def order_expression(self, expression: str) -> None:
        """The order of an expression belongs to the only table of the statement: whose columns it names is not known otherwise."""
        if expression and len(self.found) == 1:
            next(iter(self.found.values())).expressions[expression, "order"] = None

    # Columns

    def columns(self) -> None:
        read: defaultdict[str, set[str]] = defaultdict(set)
        for column in self.usage.columns:
            read[column.alias].add(column.column)
        query = self.usage.query
        target = query.target
        for alias, occurrence in self.found.items():
            names = read[alias]
            if "*" in names:
                names = (names - {"*"}) | set(occurrence.facts.columns)
            known = names <= set(occurrence.facts.columns)
            occurrence.written = bool(query.locking) or (target is not None and target.alias == alias)
            occurrence.used = frozenset(names) if known and not occurrence.written else None
            _row_orders(query.predicates, occurrence)


def _add_ranges(occurrences: Iterable[Occurrence]) -> None:
    """The range that holds all that a statement asks of a column, as a condition: where a table stands in it several times, one partial
    index is enough for all."""
    asked: defaultdict[tuple[int, str], list[Occurrence]] = defaultdict(list)
    for occurrence in occurrences:
        for name in occurrence.intervals:
            asked[occurrence.facts.table.oid, name].append(occurrence)
    for (_, name), those in asked.items():
        facts = those[0].facts
        low, high = (f(o.intervals[name][end] for o in those) for end, f in ((0, min), (1, max)))
        fraction = facts.within_fraction(name, float(low), float(high))
        if fraction is None:
            continue
        column = quote_identifier(name)
        bounds = ((">=", low), ("<=", high))
        sql = " AND ".join(f"{column} {operator} {bound:f}" for operator, bound in bounds if bound.is_finite())
        for occurrence in those:
            occurrence.conditions[Condition(name, sql, fraction, always=False, is_range=True)] = None


def _row_orders(predicates: Iterable[Predicate], occurrence: Occurrence) -> None:
    """``(a, b) < ($1, $2)`` is a place in the order of a and b."""
    rows = [p for p in predicates if p.row and p.column.alias == occurrence.alias and not p.wrapped]
    names = tuple(dict.fromkeys(p.column.column for p in rows if p.column.column in occurrence.facts.columns))
    if len(names) > 1:
        occurrence.orders[Order(tuple(IndexKey(name) for name in names), limited=True)] = None


def _with_common(predicates: Sequence[Predicate]) -> Iterator[Predicate]:
    """The predicates; one that stands in every branch of an OR holds for every row, and PostgreSQL takes it out of the OR as well."""
    branches: defaultdict[int, set[int]] = defaultdict(set)
    seen: defaultdict[tuple[int, Predicate], set[int]] = defaultdict(set)
    for predicate in predicates:
        if predicate.alternative:
            branches[predicate.alternative].add(predicate.branch)
            seen[predicate.alternative, replace(predicate, branch=0)].add(predicate.branch)
    told: set[tuple[int, Predicate]] = set()
    for predicate in predicates:
        if predicate.alternative:
            key = (predicate.alternative, replace(predicate, branch=0))
            if len(branches[predicate.alternative]) > 1 and seen[key] == branches[predicate.alternative]:
                if key not in told:
                    told.add(key)
                    yield replace(predicate, alternative=0, branch=0)
                continue
        yield predicate


def _sides(predicate: Predicate, twins: Mapping[QueryColumn, Sequence[QueryColumn]]) -> Iterator[Predicate]:
    """The predicate as either of its columns sees it, and as the columns at the same place of a UNION do."""
    both = [predicate]
    other = predicate.other
    if other is not None and predicate.value == "column" and predicate.operator in _FLIPPED:
        both.append(
            replace(
                predicate,
                column=other,
                operator=_FLIPPED[predicate.operator],
                other=predicate.column,
                wrapped=predicate.other_wrapped,
                wrapper="",
                other_wrapped=predicate.wrapped,
            )
        )
    elif other is not None and _is_join(predicate) and not predicate.negated:
        both.append(replace(predicate, column=other, other=predicate.column, wrapped="", operator="="))
    for side in both:
        yield side
        waiting, done = list(twins.get(side.column, ())), {side.column}
        while waiting:
            twin = waiting.pop()
            if twin not in done:
                done.add(twin)
                yield replace(side, column=twin)
                waiting.extend(twins.get(twin, ()))


def _is_join(predicate: Predicate) -> bool:
    """``IN (SELECT …)`` joins; ``= (SELECT …)`` compares with one value."""
    return predicate.value == "column" or (predicate.value == "sub-select" and predicate.operator == "in")


def _ascending(column: QueryColumn) -> OrderKey:
    return OrderKey(column)


def _index_keys(keys: Sequence[OrderKey]) -> tuple[IndexKey, ...]:
    """The keys of a B-tree in that order. It is read from both ends, so the first key is always ascending."""
    flip = keys[0].descending
    made: dict[str, IndexKey] = {}
    for key in keys:
        if key.column is None or key.column.column in made:
            continue
        descending = key.descending != flip
        first = key.descending if key.nulls_first is None else key.nulls_first
        nulls_first = first != flip
        made[key.column.column] = IndexKey(
            key.column.column, descending=descending, nulls_first=nulls_first if nulls_first != descending else None
        )
    return tuple(made.values())


def _interval(predicate: Predicate, operator: str) -> Interval | None:
    """Numbers that stand in the text only: a day or a time is another one tomorrow, and a parameter in the next call."""
    if predicate.parameter:
        return None
    parts = _listed(predicate.value) if operator == "between" else (predicate.value,)
    try:
        numbers = [Decimal(part) for part in parts] if predicate.is_constant else []
    except InvalidOperation:
        return None
    if len(numbers) != (2 if operator == "between" else 1):
        return None
    low, high = _ANY_NUMBER
    if operator == "between":
        return numbers[0], numbers[1]
    return (numbers[0], high) if operator in (">", ">=") else (low, numbers[0])


# Shares of rows


def _equal_fraction(facts: TableFacts, predicate: Predicate, operator: str) -> float:
    name = predicate.column.column
    nulls = facts.null_fraction(name)
    if operator == "is null":
        return nulls if nulls is not None else UNKNOWN_FRACTION
    if operator == "in":
        values = _listed(predicate.value) if predicate.is_constant else ()
        if values:
            return min(sum(facts.equal_fraction(name, value) for value in values), 1.0)
        return min(facts.equal_fraction(name) * 10, 1.0)
    return facts.equal_fraction(name, predicate.value if predicate.is_constant else None)


def _listed(value: str) -> tuple[str, ...]:
    """The literals of ``('a', 'b')``; none when one of them holds a comma or a parenthesis."""
    inner = value[1:-1] if value.startswith("(") and value.endswith(")") else ""
    parts = tuple(part.strip() for part in inner.split(","))
    return parts if all(parts) and not any("(" in part for part in parts) else ()


def _range_fraction(facts: TableFacts, predicate: Predicate, operator: str) -> float:
    name = predicate.column.column
    if operator == "between":
        return 0.1
    below = facts.below_fraction(name, predicate.value) if predicate.is_constant else None
    if below is None:
        return UNKNOWN_FRACTION
    return below if operator in ("<", "<=") else 1 - below


def _as_condition(facts: TableFacts, predicate: Predicate, operator: str) -> Condition | None:
    """The predicate of a partial index that holds exactly these rows, where its text alone tells which they are."""
    name, column = predicate.column.column, quote_identifier(predicate.column.column)
    nulls = facts.null_fraction(name)
    if operator in ("is null", "is not null"):
        share = nulls if operator == "is null" else None if nulls is None else 1 - nulls
        return Condition(
            name, f"{column} {operator.upper()}", UNKNOWN_FRACTION if share is None else share, always=True
        )
    if not predicate.is_constant or predicate.value == "null":
        return None
    flag = facts.columns[name].base_type == "bool"
    if operator in ("=", "is") and flag and predicate.value in ("true", "false"):
        fraction = facts.equal_fraction(name, predicate.value)
        sql = column if predicate.value == "true" else f"NOT {column}"
        if operator == "is":
            sql = f"{column} IS {predicate.value.upper()}"
        return Condition(name, sql, fraction, always=True)
    if operator == "=":
        return Condition(
            name, f"{column} = {predicate.value}", facts.equal_fraction(name, predicate.value), always=False
        )
    if operator == "in" and (values := _listed(predicate.value)):
        fraction = min(sum(facts.equal_fraction(name, value) for value in values), 1.0)
        return Condition(name, f"{column} IN {predicate.value}", fraction, always=False)
    if operator in ("not =", "<>"):
        nulls = nulls or 0.0
        fraction = max(1 - nulls - facts.equal_fraction(name, predicate.value), 0.0)
        return Condition(name, f"{column} <> {predicate.value}", fraction, always=False)
    return None
