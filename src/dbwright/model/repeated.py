"""Queries that are sent once a row, certainly so and worth to say: the loop, the queryset that can load them along, and the path to them
from there.

What is left out on purpose: what only some of the conditions on the way lead to, a handful of rows (the children of one parent, a short
page, the lines of an inline form), loops that write or lock each row, loops that seek one row, what is typed by hand, and what an editor
chooses from in the admin.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from dbwright.model.asked import equal_columns, holds_key, is_aid, is_batch, rows_of
from dbwright.model.parents import (
    belongs,
    comes_in_by_time,
    fetched_by_line,
    is_leaf,
    is_of_named_tenant,
    is_vocabulary,
    keeps_events,
    scope_of,
)
from dbwright.model.repeats import (
    goes_few_times,
    in_job,
    is_alternative,
    is_left_early,
    is_remembered,
    leads_back,
    only_on_failure,
)
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import Place, QueryLoop, SourceQuery

MOST_CALLS = 3
"""Calls between the loop and the query beyond which it is not certain that each row comes to it."""
MOST_GUARDS = 1
"""Conditions that are not known in the body of the loop: one is often the relation's own presence. Templates nest them."""
MOST_GUARDS_IN_TEMPLATES = 2
MOST_CONDITIONS = 1
"""The same in what a declared list or a template calls for each row: a column, a property."""
FEW_ON_A_PAGE = 50
"""Rows of a page up to which what a row costs is told with less weight."""
_SHARED = re.compile(r"(QuerySet|Manager|Mixin|Filter|Backend)(Base)?$")
"""Classes whose methods build querysets for many callers: what one of them needs loaded along does not belong there."""

_OF_MAIL = re.compile(r"(^|/)(e?mails?|notifications?)(_\w+)?/[^/]*\.(html|txt|jinja2?|mjml)$")
"""Templates of mails, which are written one by one."""
_ANSWERS = re.compile(
    r"(view|api|admin|route|repo|repositorie|repository|crud|dao|resource|endpoint|controller|handler|schema|resolver|graphql|feed"
    r"|templatetag|context_processor|middleware|form|serializer)s?\w*(/|\.py$)"
)
"""Files and folders of what answers requests."""

Anew = frozenset[tuple[Place | None, str | None]]


@dataclass(frozen=True, slots=True)
class Repeated:
    """A query, the loop that repeats it, the loop whose queryset can load it along, and the path to it from there."""

    query: SourceQuery
    loop: QueryLoop
    base: QueryLoop
    path: str | None
    single: Place | None = None
    """Where the one row was fetched whose relation a serializer or template walks over: it alone can load more along."""

    @property
    def where(self) -> Place:
        """The line that the fix goes to: the last one that builds the rows' query, in the file that walks over them if any stands there."""
        if self.single is not None:
            return self.single
        lines = [place for place in (self.base.rows_made, *self.base.rows_built) if place is not None]
        view = self.rendered.file if self.rendered is not None else ""
        shared = [place for place in lines if _SHARED.search(place.function.partition(".")[0])]
        own = [place for place in lines if place not in shared]
        near = [place for place in own if place.file in (self.base.place.file, view)]
        if own and self.base.asked is not None:  # the others are helpers that it hands its queryset to
            near = [place for place in own if (place.file, place.function) == (own[0].file, own[0].function)]
        return (near or own or shared or [self.base.place])[-1]

    @property
    def in_template(self) -> bool:
        """The loop stands in a template."""
        return not self.loop.place.file.endswith(".py")

    @property
    def is_in_own_loop(self) -> bool:
        """A function of the project's own walks over the rows."""
        return not self.in_template and not self.loop.by_framework

    @property
    def is_declared(self) -> bool:
        """What walks over the rows, or gives them, is no function's own loop: a list that a class declares, or a template."""
        return self.base.by_framework or not self.is_in_own_loop

    @property
    def is_made_by_framework(self) -> bool:
        """No line of the project makes or builds the queryset."""
        return self.base.made_by_framework and not self.base.rows_built

    @property
    def rendered(self) -> Place | None:
        """Of a loop in a template the line of the view that has it rendered."""
        in_views = list(takewhile(lambda place: place.file.endswith(".py"), self.query.calls))
        return in_views[-1] if in_views and not self.base.place.file.endswith(".py") else None

    @property
    def sent(self) -> Place:
        """The line to look at: what a framework sends stands where it was built."""
        query = self.query
        by_framework = query.issued == self.loop.place and query.issued_by != "relation"
        return query.made if by_framework else query.issued

    @property
    def inside(self) -> tuple[Place, ...]:
        """The lines that lead from the loop to the query, and the loop's own."""
        loop, calls = self.loop.place, self.query.calls
        from_loop = [
            n
            for n, place in enumerate(calls)
            if (place.file, place.function) == (loop.file, loop.function) and place.line >= loop.line
        ]
        return (*(calls[from_loop[-1] :] if from_loop else ()), loop)

    @property
    def is_in_rows_of_rows(self) -> bool:
        """The path leads through the rows of rows: two loops at the least, one inside of the other."""
        loops = list(self.query.rows_loops)
        return self.base in loops and loops.index(self.base) < loops.index(self.loop)

    @property
    def is_left_out_column(self) -> bool:
        """A column that ``only`` or ``defer`` left out: the row's key is asked for with that column alone."""
        query = self.query
        columns = {column.column for column in query.query.columns} if query.query else set()
        if query.issued_by != "relation":
            return False
        return query.table == self.base.table and len(columns) == 2 and (self.path or "").rpartition("__")[2] in columns

    @property
    def is_to_many(self) -> bool:
        """Only ``prefetch_related`` loads it: the path leads through lists of rows, or to a table that only the row tells."""
        through_lists = self.base is not self.loop or self.single is not None or self.query.table is None
        return through_lists or self.query.issued_by != "relation"


def repeated(snapshot: Snapshot, limits: Mapping[str, float]) -> Iterator[Repeated]:
    """The queries that are certainly sent once a row, and that it is worth to send once. ``limits``: ``limit`` is a number of rows that is
    no loop, ``page`` one that is a handful."""
    for one in _candidates(snapshot, limits["limit"]):
        if not any(leaves_out(snapshot, one) for leaves_out in LEFT_OUT) and not _is_page(
            snapshot, one, limits["page"]
        ):
            yield one


def _candidates(snapshot: Snapshot, limit: float) -> Iterator[Repeated]:
    few = _few(snapshot, limit)
    anew, by_framework = _asked_anew(snapshot), _looked_up_by_framework(snapshot)
    for query in snapshot.source.queries:
        loop = _loop(snapshot, query)
        if (
            loop is None
            or is_aid(query.issued)
            or "migrations/" in query.issued.file
            or (loop.rows_made or loop.place) in few
            or (loop.table is None and query.issued in by_framework)
            or leads_back(snapshot, query, loop)
        ):
            continue
        one = _repeated(query, loop, anew)
        if one.base.of_unknown_row and (one.base.by_framework or (one.base.rows_made, one.base.table) not in anew):
            continue  # whoever fetched that row may have loaded these along
        if one.where.line > 1 and one.where.file.endswith(".py"):  # else no line of the project makes these rows
            yield one


# The loop


def _few(snapshot: Snapshot, limit: float) -> frozenset[Place]:
    """The lines that make querysets of one row or a few."""
    found: defaultdict[Place, list[bool]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.issued_by == "rows" and query.query:
            most = limit_of(query)
            found[query.made].append((most is not None and most <= limit) or _is_one_row(snapshot, query))
    return frozenset(made for made, answers in found.items() if all(answers))


def _is_one_row(snapshot: Snapshot, query: SourceQuery) -> bool:
    table = snapshot.source.table_by_name.get(query.table or "")
    predicates = query.query.predicates if query.query else ()
    if table is None or any(p.operator == "in" for p in predicates):
        return False
    return holds_key(table, equal_columns(query, table.name))


def limit_of(query: SourceQuery) -> float | None:
    """The LIMIT of a query where it is written in the source."""
    if query.query is None or query.query.limit != "constant" or query.sql is None:
        return None
    words = query.sql.upper().rsplit("LIMIT ", 1)[-1].split()
    return float(words[0]) if words and words[0].isdigit() else None


def _loop(snapshot: Snapshot, query: SourceQuery) -> QueryLoop | None:
    """The loop that makes the query one of many: over another query's rows, or over keys of which each is looked up by itself."""
    if not query.loops or query.issued_by in ("insert", "update", "delete", "prefetch", "lock", "other"):
        return None
    if query.consumer in ("get_or_create", "update_or_create", "save", "refresh_from_db"):
        return None
    if query.query is not None and query.query.locking:  # one row after the other is locked on purpose
        return None
    if query.rows_loops:
        return _row_loop(snapshot, query)
    loop = query.loops[-1]
    if loop.count is not None or loop.by_framework or query.issued_by == "raw" or goes_few_times(snapshot, loop.place):
        return None
    table = snapshot.source.table_by_name.get(query.table or "")
    same_function = loop.place.file == query.issued.file and loop.place.function == query.issued.function
    if table is None or not same_function or is_batch(query.issued):
        return None
    varies = any(parameter.origin == "request" for parameter in query.parameters)
    if query.issued_by in ("get", "first") and varies and holds_key(table, equal_columns(query, table.name)):
        return loop
    by_row = any(parameter.origin == "row" for parameter in query.parameters)
    return loop if query.issued_by in ("count", "aggregate") and by_row else None


def _row_loop(snapshot: Snapshot, query: SourceQuery) -> QueryLoop | None:
    """The loop over the rows that the query takes something from."""
    loops = query.rows_loops
    if query.relation is not None and query.framework == "django":
        return next((loop for loop in reversed(loops) if _of(loop) == (query.owner, query.owner_table)), None)
    if query.issued_by == "relation":
        return next((loop for loop in reversed(loops) if _are_tied(snapshot, loop.table, query.table)), None)
    return loops[-1] if any(parameter.origin == "row" for parameter in query.parameters) else None


def _are_tied(snapshot: Snapshot, table: str | None, other: str | None) -> bool:
    """Some reference leads from one of the tables to the other, or to both from a third; of what is not known, nobody can tell."""
    tables = snapshot.source.table_by_name
    if table == other or table not in tables or other not in tables:
        return True
    ties = ({c.references.table for c in one.columns if c.references} | {one.name} for one in tables.values())
    return any({table, other} <= tied for tied in ties)


def _of(loop: QueryLoop) -> tuple[Place | None, str | None]:
    """Which rows a loop walks over: those of the query on a table made at a line."""
    return loop.rows_made, loop.table


def _repeated(query: SourceQuery, loop: QueryLoop, anew: Anew) -> Repeated:
    """``anew``: lines, with the table, that ask a related manager so that nothing loaded along is of use: what lacks is loaded there."""
    path, base = query.relation, loop
    outside = list(query.loops[: len(query.loops) - 1 - query.loops[::-1].index(loop)])
    while path and base.relation and _of(base) not in anew:
        around = next(
            (one for one in reversed(outside) if one.rows_made and _of(one) == (base.owner, base.owner_table)), None
        )
        if around is None:
            break
        if base.asked is not None:  # what lacks is loaded with the rows that are prefetched
            return Repeated(query, loop, base, path)
        path, base = f"{base.relation}__{path}", around
        outside = outside[: outside.index(around)]
    is_built_elsewhere = base.by_framework or not base.place.file.endswith(".py")
    if path and base.relation and base.owner and is_built_elsewhere and _of(base) not in anew:
        return Repeated(query, loop, base, f"{base.relation}__{path}", base.owner)
    return Repeated(query, loop, base, path)


@once
def _asked_anew(snapshot: Snapshot) -> Anew:
    return frozenset(
        (q.made, q.table)
        for q in snapshot.source.queries
        if q.framework == "django" and q.issued_by == "rows" and q.relation and q.query and not q.whole
    )


@once
def _looked_up_by_framework(snapshot: Snapshot) -> frozenset[Place]:
    """Lines that get rows of several tables: what a form or serializer looks up for its fields cannot be fetched before."""
    tables: defaultdict[Place, set[str | None]] = defaultdict(set)
    for query in snapshot.source.queries:
        if query.issued_by == "get" and query.loops:
            tables[query.issued].add(query.table)
    return frozenset(place for place, names in tables.items() if len(names) > 1)


# What is left out


def _runs_seldom(snapshot: Snapshot, one: Repeated) -> bool:
    """Only when something fails, or to fill a mapping."""
    loop = one.loop.place
    inside = [place for place in (one.query.issued, *one.inside) if place != loop or one.query.issued == loop]
    made = [place for place in (one.query.made, one.base.rows_made) if place is not None]
    return only_on_failure(snapshot, [*inside, *made]) or is_remembered(snapshot, inside, loop)


def _is_doubtful(snapshot: Snapshot, one: Repeated) -> bool:
    """Which class's method the loop calls is not told, or too much lies between the loop and the query. What stands under a condition in a
    function that the loop calls may be meant for other callers."""
    calls = len(one.inside) - 1
    if calls > MOST_CALLS or one.query.guards > (MOST_GUARDS_IN_TEMPLATES if one.in_template else MOST_GUARDS):
        return True
    is_short = calls < MOST_CALLS and not one.is_in_own_loop
    if one.query.conditions > (MOST_CONDITIONS if is_short else 0) or _may_be_annotated(one):
        return True
    return is_alternative(snapshot, one.inside[:-1])


def _may_be_annotated(one: Repeated) -> bool:
    """A number that a method of the row's, or of its serializer's, asks for under a condition: the row may have it already."""
    query = one.query
    is_number = query.issued_by in ("count", "aggregate", "exists") and query.issued.file.endswith(".py")
    elsewhere = (query.issued.file, query.issued.function) != (one.loop.place.file, one.loop.place.function)
    return is_number and elsewhere and bool(query.guards or query.conditions)


def _is_form(snapshot: Snapshot, one: Repeated) -> bool:
    """What a form or filter offers to choose from, which many widgets show a part of only, and the lines of an inline form: what belongs to
    the row that it shows."""
    if one.base.of_choices:
        return True
    if not one.base.made_by_framework or one.base.relation is not None or one.base.of_unknown_row:
        return False
    return any(parameter.origin == "row" for rows in rows_walked(snapshot, one) for parameter in rows.parameters)


def _writes(snapshot: Snapshot, one: Repeated) -> bool:
    """In the turns of the loop something is written or locked: what is read beside is cheap, and may be read anew on purpose. Only what the
    loop itself counts, sums up or seeks for each row that it does not delete weighs as much as the write."""
    if any(rows.query is not None and rows.query.locking for rows in rows_walked(snapshot, one)):
        return True
    places = {one.loop.place, one.base.place}
    if places & _writing(snapshot, ("delete", "lock")):
        return True
    near = {"count": 1, "aggregate": 1, "first": 1}.get(one.query.issued_by, -1)
    if len(one.inside) - 1 <= near and not one.query.guards and not one.query.conditions:
        return False
    return bool(places & _writing(snapshot, ("insert", "update")))


def _writing(snapshot: Snapshot, how: tuple[str, str]) -> frozenset[Place]:
    """The loops in whose turns something is written in one of these ways."""
    return frozenset().union(*(_written(snapshot).get(one, frozenset()) for one in how))


@once
def _written(snapshot: Snapshot) -> dict[str, frozenset[Place]]:
    found: defaultdict[str, set[Place]] = defaultdict(set)
    for query in snapshot.source.queries:
        if query.issued_by in ("insert", "update", "delete", "lock"):
            found[query.issued_by].update(loop.place for loop in query.loops if not loop.by_framework)
    return {how: frozenset(places) for how, places in found.items()}


def _seeks_one(snapshot: Snapshot, one: Repeated) -> bool:
    """The loop seeks the first row that fits, or ends for another reason: how many turns it takes is not told."""
    return is_left_early(snapshot, one.loop.place)


def _sends_nothing(snapshot: Snapshot, one: Repeated) -> bool:
    """The rows are those that have no such relation, or all have the same one, which a session of SQLAlchemy fetches once."""
    found = rows_walked(snapshot, one)
    return bool(found) and all(_lacks_or_shares(snapshot, one, rows) for rows in found)


def _lacks_or_shares(snapshot: Snapshot, one: Repeated, rows: SourceQuery) -> bool:
    table = snapshot.source.table_by_name.get(one.base.table or "")
    if table is None or one.query.issued_by != "relation" or rows.query is None:
        return False
    step = (one.path or "").partition("__")[0]
    django = one.query.framework == "django"
    keys = {
        column.name
        for column in table.columns
        if column.references is not None
        and (column.field == step if django else column.references.table == one.query.table)
    }
    given = {
        p.column.column
        for p in rows.query.predicates
        if p.column.table == table.name
        and p.operator == ("is null" if django else "=")
        and p.narrows
        and not p.negated
        and p.value != "column"
    }
    return bool(keys) and keys <= given


def _is_handful(snapshot: Snapshot, one: Repeated) -> bool:
    """As below, and no rows of such rows."""
    return not one.is_in_rows_of_rows and is_handful(snapshot, one)


def is_handful(snapshot: Snapshot, one: Repeated) -> bool:
    """The rows walked over are those of one order, one article, one event, no events themselves, and no list of its own."""
    if one.loop.table is None or (one.base.by_framework and not one.base.made_by_framework and one.single is None):
        return False
    made = one.base.rows_made
    if one.single is None and one.in_template and made is not None and made.file.endswith(".py"):
        return False  # a list that a view hands to its template
    asks_itself = one.query.issued_by in ("rows", "count", "aggregate", "first") and not one.query.guards
    if one.single is None and one.is_in_own_loop and asks_itself:
        return False  # a page that is made of them
    table = snapshot.source.table_by_name.get(one.loop.table)
    return is_of_one_parent(snapshot, one) and not (table is not None and keeps_events(snapshot, table))


def is_of_one_parent(snapshot: Snapshot, one: Repeated) -> bool:
    """The rows walked over belong to one row, which no loop around gives one after the other."""
    if one.single is not None:
        return True
    table = snapshot.source.table_by_name.get(one.base.table or "")
    loops = one.query.rows_loops
    if table is None or (one.base in loops and loops.index(one.base) > 0):
        return False
    made = [rows.query for rows in rows_walked(snapshot, one) if rows.query is not None]
    if one.base.relation is not None or one.base.of_unknown_row:
        return bool(made) and not any(is_of_named_tenant(snapshot, query) for query in made)
    return bool(made) and all(scope_of(snapshot, query, table) in ("row", "parent") for query in made)


def is_of_few(snapshot: Snapshot, one: Repeated) -> bool:
    """As above, or the rows are one user's own of a kind to which nothing belongs: what somebody has answered, set, saved, been invited
    to. What is recorded by the time is not few."""
    table = snapshot.source.table_by_name.get(one.loop.table or "")
    if is_of_one_parent(snapshot, one) or _OF_MAIL.search(one.loop.place.file):
        return True
    if table is None or not is_leaf(snapshot, table.name) or keeps_events(snapshot, table):
        return False
    made = [rows.query for rows in rows_walked(snapshot, one) if rows.query is not None]
    return bool(made) and all(is_of_named_tenant(snapshot, query) for query in made)


def _is_unasked(_snapshot: Snapshot, one: Repeated) -> bool:
    """No request leads to it: neither a list that a class declares, nor a template, nor a file named after what answers requests."""
    if one.is_declared:
        return False
    files = (*one.query.entries, one.loop.place.file, one.base.place.file, *(place.file for place in one.query.calls))
    return not any(_ANSWERS.search(file) for file in files)


def _is_unwaited(snapshot: Snapshot, one: Repeated) -> bool:
    """A job that nobody waits for, or a command or script that somebody types."""
    if any(is_batch(place) for place in (one.base.place, one.loop.place, *one.query.calls[:1])):
        return True
    return any(in_job(snapshot, place) for place in (one.where, one.base.place, one.loop.place))


def _is_small(snapshot: Snapshot, one: Repeated) -> bool:
    """A loop of a function's own, over a table to which no rows come by the time, and whose rows belong to nothing."""
    if one.is_declared or one.loop.table is None or belongs(snapshot, one.loop.table):
        return False
    return not may_be_many(snapshot, one)


def may_be_many(snapshot: Snapshot, one: Repeated) -> bool:
    """Rows come to the table by the time, or were counted, and what is walked over is no page of few of them."""
    table = snapshot.source.table_by_name.get(one.loop.table or "")
    if table is None or not (comes_in_by_time(snapshot, table) or rows_of(snapshot, table.name)):
        return False
    if is_vocabulary(snapshot, table) and not rows_of(snapshot, table.name):
        return False
    limits = [limit_of(rows) for rows in rows_walked(snapshot, one)]
    return not limits or any(limit is None or limit > FEW_ON_A_PAGE for limit in limits)


def _is_page(snapshot: Snapshot, one: Repeated, page: float) -> bool:
    if one.base.by_framework:
        return False
    limits = [limit_of(rows) for rows in rows_walked(snapshot, one)]
    return bool(limits) and all(limit is not None and limit <= page for limit in limits)


LEFT_OUT: tuple[Callable[[Snapshot, Repeated], bool], ...] = (
    _runs_seldom,
    _is_doubtful,
    _is_form,
    _writes,
    _seeks_one,
    _sends_nothing,
    _is_handful,
    _is_unwaited,
    _is_small,
    _is_unasked,
)


def rows_walked(snapshot: Snapshot, one: Repeated) -> list[SourceQuery]:
    """The queries that give the rows that the path starts from."""
    if one.base.rows_made is None or one.base.table is None:
        return []
    found = fetched_by_line(snapshot).get((one.base.rows_made, one.base.table), ())
    return [query for query in found if query.issued_by == "rows" and query.query is not None]
