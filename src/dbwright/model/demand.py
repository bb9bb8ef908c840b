"""What queries ask of indexes, and the fewest indexes that answer: the union of a table's queries, its indexes, and the candidates left.

A query asks for rows where some columns equal a value (``equal``), then for a range or an order (``tail``), under conditions with
constants that a partial index may take over. A B-tree answers when its first keys are the equal columns, in any order, and its
next key the tail. Everything here is pure; sizes decide where they are known.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dbwright.model.query import Predicate, Query, QueryColumn, QueryTable
from dbwright.model.shapes import KnownIndex, Shape

MOST_KEYS = 4
ONE_PAGE = 100
"""Rows that a query with LIMIT is taken to read from an index that has its order."""
_TEXTS = ("text", "varchar", "character varying", "char", "citext")
_IMMUTABLE = frozenset(("upper", "lower", "->>", "#>>", "->", "md5", "btrim", "coalesce"))
_RANGES = frozenset(("<", "<=", ">", ">=", "between"))


@dataclass(frozen=True, slots=True)
class Use:
    """What one query asks of one table. ``tail`` are range or order columns with their direction (True: descending);
    ``ordered``: the tail is the query's order; ``limited``: only the first rows are wanted; ``conditions`` are predicates with
    constants."""

    equal: frozenset[str]
    tail: tuple[tuple[str, bool], ...] = ()
    ordered: bool = False
    limited: bool = False
    ranges: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Asked:
    """A use with those who ask: places in the source (``file:line``), texts, and calls and milliseconds of recorded statements."""

    use: Use
    sites: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    calls: int = 0
    milliseconds: float = 0.0


@dataclass(frozen=True)
class Candidate:
    """An index to make. ``keys`` with their direction; ``asked`` are the uses that it serves; ``scanning`` those of them that read the
    whole table without it, where the others read or sort what another index leaves; ``rows_read`` and ``rows_after`` are estimates, None
    when no size is known."""

    keys: tuple[tuple[str, bool], ...]
    predicate: str | None
    asked: tuple[Asked, ...]
    scanning: tuple[Asked, ...]
    rows_read: float | None = None
    rows_after: float | None = None

    @property
    def scans(self) -> bool:
        return bool(self.scanning)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(key for key, _ in self.keys)

    @property
    def sites(self) -> tuple[str, ...]:
        """Who asks, those that read most first."""
        return tuple(dict.fromkeys(site for asked in (*self.scanning, *self.asked) for site in asked.sites))

    @property
    def worst_sites(self) -> tuple[str, ...]:
        """Who reads the whole table, or else what another index leaves."""
        return tuple(dict.fromkeys(site for asked in self.scanning or self.asked for site in asked.sites))

    @property
    def calls(self) -> int:
        return sum(asked.calls for asked in self.asked)

    @property
    def milliseconds(self) -> float:
        return sum(asked.milliseconds for asked in self.asked)


# Uses


def uses_of(query: Query, shape: Shape) -> Iterator[Use]:
    """What a query asks of a table, once for each time that the table stands in it."""
    if query.verb in ("insert", "other") and not any(t.select for t in query.tables):
        return
    for table in query.tables:
        if table.name == shape.name and (query.verb != "insert" or table.select):
            use = _use(query, table, shape)
            if use.equal or use.tail:
                yield use
            yield from _uses_of_branches(query, table, shape, use)


def _uses_of_branches(query: Query, table: QueryTable, shape: Shape, beside: Use) -> Iterator[Use]:
    """The branches of an OR are searches of their own, joined in a bitmap: where each of them has a column of the table that narrows,
    and nothing beside the OR narrows more."""
    if any(not _is_weak(name, shape) for name in beside.equal):
        return
    branches: defaultdict[int, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for predicate in query.predicates:
        if predicate.alternative and predicate.clause == "where" and predicate.select == table.select:
            equal = branches[predicate.alternative][predicate.branch]
            if predicate.column.alias == table.alias and predicate.value != "column":
                _sort_in(predicate, shape, equal, {}, set())
    for of_one in branches.values():
        strong = [{name for name in equal if not _is_weak(name, shape)} for equal in of_one.values()]
        if len(strong) > 1 and all(strong):
            yield from (Use(frozenset(equal), conditions=beside.conditions) for equal in of_one.values())


def _use(query: Query, table: QueryTable, shape: Shape) -> Use:
    equal: set[str] = set()
    ranges: dict[str, None] = {}
    conditions: set[str] = set()
    joins: set[str] = set()
    for predicate in query.predicates:
        if not predicate.narrows:
            continue
        if predicate.value == "column":
            joins |= _joined(query, predicate, table)
        elif predicate.column.alias == table.alias and predicate.column.table == shape.name:
            _sort_in(predicate, shape, equal, ranges, conditions)
    strong = {name for name in equal if not _is_weak(name, shape)}
    if not strong:
        equal |= joins
    else:
        leading = {index.keys[0] for index in shape.indexes if index.keys}
        equal |= {name for name in joins if name in leading or _correlated(query, table, name)}
    order, limited = _order(query, table, shape)
    tail, ordered = _tail(order, limited, tuple(ranges))
    tail = tuple((name, down) for name, down in tail if name not in equal)
    return Use(frozenset(equal), tail, ordered and bool(tail), limited, frozenset(ranges), frozenset(conditions))


def _sort_in(
    predicate: Predicate, shape: Shape, equal: set[str], ranges: dict[str, None], conditions: set[str]
) -> None:
    name = _key(predicate, shape)
    condition = _condition(predicate, shape) if not predicate.wrapped else None
    if condition:
        conditions.add(condition)
    if name is None or predicate.negated or predicate.row > 1:
        return
    if (
        shape.rows is None
        and predicate.is_constant
        and not (shape.facts(name).identifies or shape.facts(name).reference)
    ):
        return  # a value that the program itself knows is one of few
    if predicate.operator in ("=", "in", "is not distinct from"):
        is_flag = condition is not None and _is_weak(name, shape)
        if not is_flag:
            equal.add(name)
    elif predicate.operator in _RANGES and predicate.value != "column":
        ranges[name] = None


def _key(predicate: Predicate, shape: Shape) -> str | None:
    """What an index would have as key: the column, or the expression around it when an index may hold it."""
    column = predicate.column.column
    if column not in shape.columns or shape.columns[column].wide:
        return None
    kind = shape.columns[column].type
    if kind.endswith("[]") or kind.startswith("json"):
        return predicate.wrapped if predicate.wrapped and predicate.wrapper in ("->>", "#>>") else None
    if not predicate.wrapped:
        return column
    if predicate.wrapper in ("::text", "::varchar") and kind.startswith(_TEXTS):
        return column
    if predicate.wrapper in _IMMUTABLE and predicate.operator in ("=", "in") and "$" not in predicate.wrapped:
        return predicate.wrapped
    return None


def _condition(predicate: Predicate, shape: Shape) -> str | None:
    """A predicate that a partial index could state: a flag, a constant of a column with few values, NULL."""
    column = predicate.column.column
    if column not in shape.columns:
        return None
    name = _quoted(column)
    if predicate.operator == "is null":
        return f"{name} IS NULL"
    if predicate.operator not in ("=", "is", "<>") or not predicate.is_constant:
        return None
    facts, other = shape.columns[column], predicate.negated != (predicate.operator == "<>")
    if other:
        is_state = facts.weak and not facts.reference and predicate.value not in ("true", "false", "null")
        return f"NOT ({name} = {predicate.value})" if is_state else None
    if predicate.value == "true":
        return name
    if predicate.value == "false":
        return f"NOT {name}"
    return f"{name} = {predicate.value}" if facts.weak and not facts.reference and predicate.operator == "=" else None


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def _joined(query: Query, predicate: Predicate, table: QueryTable) -> set[str]:
    """The table's column in a join by which its rows are looked up: the other side is narrowed, limited, or an outer query's."""
    if predicate.operator != "=" or predicate.negated or predicate.other is None or predicate.select != table.select:
        return set()  # around a sub-select its rows are there already
    sides = (
        (predicate.column, predicate.wrapped, predicate.other),
        (predicate.other, predicate.other_wrapped, predicate.column),
    )
    return {
        mine.column
        for mine, wrapped, theirs in sides
        if mine.alias == table.alias and not wrapped and theirs.alias != table.alias and _drives(query, theirs, table)
    }


def _drives(query: Query, theirs: QueryColumn, table: QueryTable) -> bool:
    other = next((t for t in query.tables if t.alias == theirs.alias), None)
    if other is None:
        return False
    if other.select != table.select:
        return table.depth > other.depth
    return any(
        p.column.alias == other.alias
        and p.value not in ("column", "true", "false")
        and p.narrows
        and not p.negated
        and p.operator in ("=", "in", *_RANGES)
        for p in query.predicates
    )


def _correlated(query: Query, table: QueryTable, name: str) -> bool:
    """Compared with a column of a SELECT around it: for this table it is a value like any other."""
    for p in query.predicates:
        if (
            p.value == "column"
            and p.operator == "="
            and p.other is not None
            and p.select == table.select
            and table.select
        ):
            for mine, theirs in ((p.column, p.other), (p.other, p.column)):
                outside = any(t.alias == theirs.alias and t.select != table.select for t in query.tables)
                if mine.alias == table.alias and mine.column == name and outside:
                    return True
    return False


def _order(query: Query, table: QueryTable, shape: Shape) -> tuple[tuple[tuple[str, bool], ...], bool]:
    """The order that a SELECT wants of this table alone, and whether it wants the first rows only."""
    level = next((s for s in query.selects() if s.number == table.select), None)
    if level is None or level.group_by or level.aggregates or (level.distinct and not level.distinct_on):
        return (), False
    keys: list[tuple[str, bool]] = []
    for key in level.order_by:
        column = key.column
        if column is None or column.alias != table.alias or column.column not in shape.columns:
            return (), False
        if (
            key.nulls_first is not None
            and key.nulls_first != key.descending
            and not shape.columns[column.column].not_null
        ):
            return (), False
        keys.append((column.column, key.descending))
    unique = {index.keys for index in shape.indexes if index.unique and index.predicate is None}
    while keys and (keys[-1][0],) in unique:
        keys.pop()  # it only settles ties, and alone it has an index
    return tuple(keys) if len(keys) <= 2 else (), level.limit != ""


def _tail(
    order: tuple[tuple[str, bool], ...], limited: bool, ranges: tuple[str, ...]
) -> tuple[tuple[tuple[str, bool], ...], bool]:
    if order and (limited or order[0][0] in ranges):
        if len({down for _, down in order}) == 1:
            order = tuple((name, False) for name, _ in order)  # an index is read in either direction
        return order, True
    return ((ranges[0], False),) if ranges else (), False


def _is_weak(name: str, shape: Shape) -> bool:
    return shape.facts(name).weak


# What is there


def normal_condition(text: str) -> frozenset[str]:
    """The parts of a conjunction in a spelling of its own, to compare predicates of indexes with conditions of queries."""
    parts = re.split(r"\s+AND\s+", text, flags=re.I)
    return frozenset(_normal_part(part) for part in parts)


def _normal_part(text: str) -> str:
    text = re.sub(r"::[a-z ]+(\[\]|\(\d+\))?", "", text)
    text = re.sub(r'[()"]', " ", text)
    text = re.sub(r"\s+", " ", text).strip()
    lowered = re.sub(r"'[^']*'|[^']+", lambda m: m[0] if m[0].startswith("'") else m[0].lower(), text)
    lowered = re.sub(r" = true$| is true$", "", lowered)
    return re.sub(r"^(\w+)( = false| is false)$", r"not \1", lowered)


def applies(index: KnownIndex, use: Use) -> bool:
    """Whether the use implies the index's predicate."""
    if index.predicate is None:
        return True
    known = {part for condition in use.conditions for part in normal_condition(condition)}
    compared = use.equal | use.ranges
    for part in normal_condition(index.predicate):
        not_null = re.fullmatch(r"(\w+) is not null", part)
        if part not in known and not (not_null and not_null[1] in compared):
            return False
    return True


def _same_key(key: str, name: str) -> bool:
    return key == name or (not name.isidentifier() and _normal_part(key) == _normal_part(name))


def matched(index: KnownIndex, use: Use) -> tuple[frozenset[str], bool]:
    """The equal columns by which the index is entered, and whether its next keys are the use's tail."""
    if index.method == "hash":
        found = frozenset(name for name in use.equal if len(index.keys) == 1 and _same_key(index.keys[0], name))
        return found, not use.tail
    if index.method != "btree":
        return frozenset(), False
    entered: set[str] = set()
    for key in index.keys:
        name = next((n for n in use.equal if _same_key(key, n)), None)
        if name is None:
            break
        entered.add(name)
    rest = index.keys[len(entered) :]
    names = tuple(name for name, _ in use.tail)
    in_order = tuple(rest[: len(names)]) == names and _directions_fit(index, len(entered), use)
    return frozenset(entered), in_order or (not use.ordered and bool(names) and rest[:1] == names[:1])


def _directions_fit(index: KnownIndex, start: int, use: Use) -> bool:
    wanted = [down for _, down in use.tail]
    there = list(index.descending[start : start + len(wanted)]) or [False] * len(wanted)
    return len(there) == len(wanted) and len({a == b for a, b in zip(there, wanted, strict=True)}) == 1


def wanted_keys(use: Use, shape: Shape) -> frozenset[str]:
    """The equal columns that an index for the use would hold: without flags when other columns narrow and no order follows."""
    kept = frozenset(name for name in use.equal if not _is_weak(name, shape) or shape.facts(name).reference)
    narrows = any(not _is_weak(name, shape) for name in kept)
    return use.equal if not narrows or (use.tail and use.limited) else kept


@dataclass(frozen=True, slots=True)
class Served:
    """How the indexes that are there serve a use: ``fully``; or else the columns by which the best of them is entered, and whether the
    range is among them."""

    fully: bool
    entered: frozenset[str] = frozenset()
    by_range: bool = False


def served(use: Use, shape: Shape) -> Served:
    """How well the table's own indexes serve a use."""
    best = Served(False)
    wanted = wanted_keys(use, shape)
    for index in shape.indexes:
        if not applies(index, use):
            continue
        if index.unique and set(index.keys) <= use.equal and index.keys:
            return Served(True, frozenset(index.keys))
        entered, tail = matched(index, use)
        if wanted <= entered and (tail or not use.tail):
            return Served(True, entered)
        by_range = not entered and index.method == "btree" and bool(index.keys) and index.keys[0] in use.ranges
        by_range = by_range or (tail and not use.ordered)
        strength = (sum(not _is_weak(n, shape) for n in entered), by_range, len(entered))
        if strength > (sum(not _is_weak(n, shape) for n in best.entered), best.by_range, len(best.entered)):
            best = Served(False, entered, by_range)
    return best


def rows_left(columns: Iterable[str], shape: Shape) -> float:
    """Rows that equal values of these columns leave, by the planner's sample; a column without one is taken to leave a hundredth."""
    rows = float(shape.rows or 0)
    for name in columns:
        rows /= max(shape.facts(name).distinct or 100.0, 1.0)
    return max(rows, 1.0)


# Candidates


@dataclass(slots=True)
class _Draft:
    """A candidate whose equal columns are still free to be ordered: sets that follow each other."""

    groups: list[set[str]]
    tail: tuple[tuple[str, bool], ...]
    asked: list[Asked]
    scanning: list[Asked]
    read: float | None = None
    after: float | None = None
    conditions: frozenset[str] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Limits:
    """From what size a missing index matters: rows of the table, rows read for one answer, and how many times fewer an index would read."""

    rows: float = 10_000
    read: float = 1_000
    gain: float = 10


def candidates(shape: Shape, asked: Sequence[Asked], limits: Limits) -> tuple[Candidate, ...]:
    """The fewest indexes that serve what is asked and not served yet, those with the most to gain first."""
    if shape.rows is not None and shape.rows < limits.rows:
        return ()
    drafts: list[_Draft] = []
    wishes = [draft for one in grouped(asked) if (draft := _draft(one, shape, limits))]
    wishes.sort(
        key=lambda d: (-sum(map(len, d.groups)) - len(d.tail), -len(d.asked[0].sites), sorted(map(sorted, d.groups)))
    )
    for wish in wishes:
        if not any(_absorb(draft, wish) or (shape.rows is None and _enters(draft, wish, shape)) for draft in drafts):
            drafts.append(wish)
    counts = Counter(name for one in asked for name in one.use.equal)
    made = (_candidate(draft, shape, counts) for draft in drafts)
    return tuple(
        sorted(made, key=lambda c: (-(c.rows_read or 0) * max(c.calls, 1), not c.scans, -len(c.sites), c.columns))
    )


def grouped(asked: Iterable[Asked]) -> tuple[Asked, ...]:
    """One entry for each use, whoever asks."""
    groups: defaultdict[Use, list[Asked]] = defaultdict(list)
    for one in asked:
        groups[one.use].append(one)
    return tuple(
        Asked(
            use,
            tuple(dict.fromkeys(site for one in group for site in one.sites)),
            tuple(dict.fromkeys(text for one in group for text in one.texts)),
            sum(one.calls for one in group),
            sum(one.milliseconds for one in group),
        )
        for use, group in groups.items()
    )


def _draft(one: Asked, shape: Shape, limits: Limits) -> _Draft | None:
    """What an index for this use would be; None when nothing is to be gained."""
    use = one.use
    now = served(use, shape)
    if now.fully:
        return None
    equal = wanted_keys(use, shape)
    if len(equal) > MOST_KEYS:
        equal = frozenset(sorted(equal, key=lambda n: (_is_weak(n, shape), -(_distinct(n, shape)), n))[:MOST_KEYS])
    strong = {name for name in equal if not _is_weak(name, shape)}
    scans = not any(not _is_weak(n, shape) for n in now.entered) and not now.by_range
    if shape.rows is None:
        if not _worth_unmeasured(one, strong, now, scans, shape):
            return None
        return _Draft([set(equal)] if equal else [], use.tail, [one], [one] * scans, conditions=use.conditions)
    after: float = ONE_PAGE if use.ordered and use.limited else rows_left(equal, shape)
    read = float(shape.rows) if scans else rows_left(now.entered, shape) / (10 if now.by_range else 1)
    if use.tail and not use.ordered:
        after = max(after / 10, 1.0)
    if read < limits.read or read < after * limits.gain:
        return None
    return _Draft([set(equal)] if equal else [], use.tail, [one], [one] * scans, read, after, use.conditions)


def _distinct(name: str, shape: Shape) -> float:
    return shape.facts(name).distinct or 0.0


def _worth_unmeasured(one: Asked, strong: set[str], now: Served, scans: bool, shape: Shape) -> bool:
    """Without a size: a search by a column that says which row, in the whole table or among the many rows of a referenced one; or a
    range of time or the newest first, where the table grows."""
    use = one.use
    if shape.is_set_up:
        return False
    telling = {name for name in strong if not shape.facts(name).quantity}
    if shape.is_list_of_values:
        telling = {name for name in telling if shape.facts(name).identifies}
    times = [shape.facts(name) for name, _ in use.tail[:1] if shape.facts(name).grows]
    by_time = bool(times) and (use.limited or not use.ordered)
    if scans:
        return by_time or bool(telling) or _is_page(one, shape)
    entered = {name for name in now.entered if not _is_weak(name, shape)}
    if all(shape.facts(name).broad for name in entered):
        others = {name for name in telling - entered if not shape.facts(name).reference}
        one_row = use.limited and not use.tail
        return by_time or any(one_row or shape.facts(name).identifies for name in others)
    return by_time and (any(facts.stamped for facts in times) or len(one.sites) > 1)


def _is_page(one: Asked, shape: Shape) -> bool:
    """Several places want the first rows of the whole table in an order that no index has: all of it is sorted for a page."""
    use = one.use
    in_order = use.ordered and use.limited and not _is_weak(use.tail[0][0], shape)
    return in_order and len(one.sites) > 1 and not shape.is_list_of_values


def _absorb(draft: _Draft, wish: _Draft) -> bool:
    """Whether the draft, its columns ordered fitly, serves the wish as well."""
    need = set().union(*wish.groups) if wish.groups else set()
    groups = [set(group) for group in draft.groups]
    position = 0
    while need and position < len(groups):
        group = groups[position]
        if group <= need:
            need -= group
            position += 1
            continue
        if not need <= group:
            return False
        groups[position : position + 1] = [set(need), group - need]
        need = set()
        position += 1
    if need:
        return False
    if not _tail_fits(groups, position, draft.tail, wish.tail):
        return False
    draft.groups = groups
    draft.asked += wish.asked
    draft.scanning += wish.scanning
    draft.conditions = (draft.conditions or frozenset()) & (wish.conditions or frozenset())
    if wish.read is not None and wish.read > (draft.read or 0):
        draft.read, draft.after = wish.read, wish.after
    return True


def _enters(draft: _Draft, wish: _Draft, shape: Shape) -> bool:
    """Where sizes are not known one index by which a search is entered is enough; the draft then stands for the wish too."""
    first = draft.groups[0] if draft.groups else set()
    need = set().union(*wish.groups) if wish.groups else set()
    shared = first & need
    strong = [shape.facts(name) for name in shared if not _is_weak(name, shape)]
    in_order = wish.tail and wish.asked[0].use.limited and not any(facts.identifies for facts in strong)
    if not wish.scanning or not strong or in_order:
        return False
    draft.groups = [shared, *([first - shared] if first - shared else []), *draft.groups[1:]]
    draft.asked += wish.asked
    draft.scanning += wish.scanning
    draft.conditions = (draft.conditions or frozenset()) & (wish.conditions or frozenset())
    return True


def _tail_fits(
    groups: list[set[str]], position: int, there: tuple[tuple[str, bool], ...], wanted: tuple[tuple[str, bool], ...]
) -> bool:
    if not wanted:
        return True
    if position == len(groups):
        return there[: len(wanted)] == wanted
    if len(wanted) == 1 and wanted[0][0] in groups[position]:
        first = wanted[0][0]
        rest = groups[position] - {first}
        groups[position : position + 1] = [{first}, *([rest] if rest else [])]
        return True
    return False


def _candidate(draft: _Draft, shape: Shape, counts: Counter[str]) -> Candidate:
    keys: list[tuple[str, bool]] = []
    for group in draft.groups:
        ordered = sorted(group, key=lambda n: (_is_weak(n, shape), -_distinct(n, shape), -counts[n], n))
        keys += [(name, False) for name in ordered]
    keys += [(name, down) for name, down in draft.tail if name not in {key for key, _ in keys}]
    keys = [key for n, key in enumerate(keys) if not any(_is_twin(key[0], before) for before, _ in keys[:n])]
    named = {name for name, _ in keys}
    conditions = sorted(c for c in draft.conditions or () if not any(speaks_of(c, name) for name in named))
    return Candidate(
        tuple(keys),
        " AND ".join(conditions) or None,
        tuple(draft.asked),
        tuple(draft.scanning),
        draft.read,
        draft.after,
    )


def _is_twin(key: str, before: str) -> bool:
    """A column after an expression of it, or the other way round: the first has found the rows already."""
    return key != before and (speaks_of(key, before) or speaks_of(before, key))


def speaks_of(condition: str, name: str) -> bool:
    """Whether an expression is the column, or has it inside."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", condition) is not None
