"""Every query planned on the phantom; for those that a large table makes dear, the index that would change it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from dbwright.advise.candidates import candidates
from dbwright.advise.costs import is_plain
from dbwright.advise.sizing import supposed
from dbwright.gate.pending import with_pending
from dbwright.model.change import CreateIndex
from dbwright.model.planned import Planned, PlannedQuery, burdens
from dbwright.model.query_plan import Plan
from dbwright.model.snapshot import Gap, Snapshot
from dbwright.model.source_table import Place
from dbwright.model.wording import counted
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom, PlanFailed, Session
from dbwright.phantom.server import require_sizes
from dbwright.source.files import role_of
from dbwright.source.tokens import UNKNOWN_NUMBER, has_token
from dbwright.workload.captured import CapturedCalls

LEAST_ROWS = 5_000
"""Rows from which a node is looked at at all; what is told begins at the rules' own limits."""
PAGE_ROWS = 100
"""A LIMIT that only the request tells is planned as a page of so many rows, an OFFSET of which nothing is known as none."""
SECTION = "plans"
_MOST_TOLD = 5
_LIMIT, _OFFSET = (
    re.compile(rf"\b{word} (?:{UNKNOWN_NUMBER}\b|\$\d+(?:::\w+)?)", re.I) for word in ("LIMIT", "OFFSET")
)
"""Of which nothing is known: as the reader writes it, and as SQLAlchemy binds it, where a generic plan assumes a tenth of all rows."""
_RANGE = re.compile(r"(?:<=?|>=?|~~\*?)\s*\(?\$\d")
"""A comparison, in EXPLAIN's words, whose selectivity is a guess while the value is not known."""

Progressed = Callable[[str, float], None]


@dataclass(frozen=True)
class Sent:
    """A statement, the lines that send it and the tests that did."""

    sql: str
    places: tuple[Place, ...] = ()
    tests: tuple[str, ...] = ()


def of_code(snapshot: Snapshot) -> tuple[Sent, ...]:
    """Every different query of the source whose SQL is known, in its order; no VACUUM and the like."""
    queries = [
        q for q in snapshot.source.queries if q.sql is not None and q.query is not None and q.query.verb != "other"
    ]
    narrowed = {query.issued for query in queries if query.query and query.query.has_where and len(query.calls) > 1}
    places: defaultdict[str, dict[Place, None]] = defaultdict(dict)
    for query in queries:
        # A function by itself, without the conditions that its callers put into what they hand in.
        bare = len(query.calls) < 2 and query.query is not None and not query.query.has_where
        if not (bare and query.issued in narrowed):
            places[_with_page(query.sql or "")][query.issued] = None
    return tuple(Sent(sql, tuple(of)) for sql, of in places.items())


def of_capture(calls: Iterable[CapturedCalls]) -> tuple[Sent, ...]:
    """The statements that lines of the code sent, not those that tests or migrations sent by themselves."""
    found = []
    for call in sorted(calls, key=lambda call: call.sql):
        sites = sorted(call.places, key=lambda site: (-site[3], site[:3]))
        places = tuple(Place(file, line, name) for file, line, name, _ in sites if role_of(file) == "code")
        if places:
            found.append(Sent(_with_page(call.sql), places, tuple(call.tests)))
    return tuple(found)


def _with_page(sql: str) -> str:
    return _LIMIT.sub(f"LIMIT {PAGE_ROWS}", _OFFSET.sub("OFFSET 0", sql))


def with_plans(
    snapshot: Snapshot, sent: Sequence[Sent], progressed: Progressed = lambda _what, _share: None
) -> Snapshot:
    """The snapshot with these statements planned as production would, once what the code brings is there. What could not be planned, and
    in what the planner differs from production's, are Gaps of the section ``plans``.

    Raises NothingToPlan when the snapshot is not one of a PostgreSQL database with tables and their sizes.
    """
    require_sizes(snapshot)
    expected = with_pending(snapshot)
    with Phantom.of(expected) as phantom, phantom.session() as session:
        gate = _Gate(session, expected)
        failed: list[tuple[Sent, str]] = []
        found: list[PlannedQuery] = []
        for number, one in enumerate(sent):
            progressed("planning the queries", number / len(sent))
            if has_token(one.sql):
                failed.append((one, "has a name or a part that only a run tells."))
                continue
            try:
                planned = gate.planned(one)
            except PlanFailed as error:
                failed.append((one, error.message))
                continue
            if planned.burdens:
                found.append(planned)
    gaps = [replace(gap, section=SECTION, partial=True) for gap in phantom.gaps]
    if failed:
        told = "; ".join(f"{_where(one)} {reason}" for one, reason in failed[:_MOST_TOLD])
        more = f"; and {len(failed) - _MOST_TOLD:,} more" if len(failed) > _MOST_TOLD else ""
        reason = f"{counted(len(failed), 'query', 'queries')} of {len(sent):,} could not be planned: {told}{more}"
        gaps.append(Gap(SECTION, reason, "Take a new snapshot of production if its schema has changed.", partial=True))
    planned_all = Planned(tuple(found), len(sent) - len(failed), phantom.server.version)
    return replace(snapshot, planned=planned_all, gaps=(*snapshot.gaps, *gaps))


def _where(sent: Sent) -> str:
    return str(sent.places[0]) if sent.places else "a statement"


class _Gate:
    def __init__(self, session: Session, snapshot: Snapshot) -> None:
        self.session = session
        self.snapshot = snapshot
        self.rows: defaultdict[str, float] = defaultdict(float)
        for table in snapshot.catalog.tables:
            self.rows[table.name] = max(self.rows[table.name], float(snapshot.rows(table)))

    def planned(self, sent: Sent) -> PlannedQuery:
        """Raises PlanFailed."""
        query = PlannedQuery(sent.sql, sent.places, self.session.plan(sent.sql), tests=sent.tests)
        query = replace(query, burdens=burdens(query.plan, self.rows, LEAST_ROWS))
        if not query.burdens:
            return query
        # A range whose value is not known is taken to keep a third of the rows.
        guessed = any(_RANGE.search(burden.condition) for burden in query.burdens)
        if guessed and self._frees(self._plan(sent.sql, forced=True), query):
            return replace(query, ready=True)
        return self._with_remedy(replace(query, guessed=guessed))

    def _plan(self, sql: str, *, forced: bool) -> Plan:
        """With ``forced`` an index is taken wherever one can be."""
        if not forced:
            return self.session.plan(sql)
        self.session.connection.execute("SET enable_seqscan = off")
        try:
            return self.session.plan(sql)
        finally:
            self.session.connection.execute("RESET enable_seqscan")

    def _frees(self, plan: Plan, query: PlannedQuery) -> bool:
        """Whether the heaviest burden of the query is not in the plan."""
        left = {(burden.kind, burden.table) for burden in burdens(plan, self.rows, LEAST_ROWS)}
        heaviest = query.heaviest
        return heaviest is not None and (heaviest.kind, heaviest.table) not in left

    def _with_remedy(self, query: PlannedQuery) -> PlannedQuery:
        """The plainest index that frees the query of its heaviest burden; without one the query stays as it is."""
        found = [c.index for c in candidates([WorkloadStatement(query.sql)], self.snapshot).indexes]
        plainest_first = (
            [index for index in found if is_plain(index, 1)],
            [index for index in found if is_plain(index, 3)],
            found,
        )
        for forced in (False, True) if query.guessed else (False,):
            for indexes in plainest_first:
                if better := self._try(query, indexes, forced):
                    return better
        return query

    def _try(self, query: PlannedQuery, indexes: Sequence[CreateIndex], forced: bool) -> PlannedQuery | None:
        """With the one of the indexes that frees it at the least cost."""
        with self.session.what_if(supposed(self.session, self.snapshot, indexes)) as what_if:
            what_if.switch(range(len(indexes)))
            freed = []
            for number in sorted(what_if.used(self._plan(query.sql, forced=forced))):
                what_if.switch({number})
                plan = self._plan(query.sql, forced=forced)
                if self._frees(plan, query):
                    freed.append((plan.cost, number))
        if not freed:
            return None
        cost, number = min(freed)
        return replace(query, remedy=indexes[number], cost_after=None if forced else cost)
