"""Aggregates that are computed anew on each call, kept instead: in a materialized view, or as a counter that each write keeps up to date.

A view pays when what its readers save is more than its refreshes cost, a counter when that is more than the writes that keep it cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbwright.advise.counters import counter_sentence
from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.keeping import Kept, kept
from dbwright.advise.rewriting import on_lines
from dbwright.advise.tables import PAGE_BYTES, TUPLE_BYTES
from dbwright.model.advice import Measure
from dbwright.model.query_plan import Plan, steps
from dbwright.model.quoting import quote_identifier
from dbwright.model.wording import bytes_text, counted, duration, listed

LEAST_SHARE = 0.01
"""Of the workload that must be saved: a view is one more thing to keep."""
CONDENSED = 5
"""Times by which the kept rows must be fewer than those that are read for them."""
REFRESHED = 0.1
"""Share of the savings that refreshes may cost."""
INTERVALS = (1, 5, 15, 60, 360, 1440)
"""Minutes between refreshes that are looked at."""
MOST_TOLD = 5
LEAST_COST = 1000.0
"""Of a call, in the planner's units: about ten milliseconds. Less is not worth an answer that is old."""
KIND = "kept_aggregate"


@dataclass(frozen=True)
class _Group:
    """A view with the statements that it would answer."""

    view: Kept
    plan: Plan
    rows: float
    members: tuple[Observed, ...]

    @property
    def share(self) -> float:
        return sum(observed.share for observed in self.members)


@dataclass(frozen=True)
class _Figures:
    """Of an hour, in the planner's units: ``spent`` on calls now, ``saved`` on the view; ``refresh`` costs one refresh, ``read`` one call
    on the view."""

    calls: float
    spent: float
    read: float
    refresh: float

    @property
    def saved(self) -> float:
        return self.spent - self.calls * self.read

    @property
    def most_refreshes(self) -> float:
        """An hour, up to which the view pays."""
        return self.saved / self.refresh


def measures(evidence: Evidence) -> Iterator[Measure]:
    hours = evidence.recorded_hours
    groups = _groups(evidence)
    if hours is None:
        if groups:
            yield _unknown(groups)
        return
    told = 0
    for group in sorted(groups, key=lambda g: (-g.share, g.members[0].number)):
        measure = _judged(evidence, group, hours)
        if measure is not None and told < MOST_TOLD:
            told += 1
            yield measure


def _groups(evidence: Evidence) -> list[_Group]:
    """The views that condense what they are made of, each with all statements that it answers."""
    members: dict[str, list[tuple[Observed, Kept, Plan, float]]] = {}
    plans: dict[str, Plan | None] = {}
    for observed in evidence.observed:
        if observed.cost < LEAST_COST or observed.share < LEAST_SHARE / 10:
            continue
        for view in kept(evidence, observed):
            if view.sql not in plans:
                plans[view.sql] = evidence.plan(view.sql)
            plan = plans[view.sql]
            if plan is None:
                continue
            rows = _rows(evidence, view, plan)
            if rows * CONDENSED <= _read_rows(plan):
                members.setdefault(view.sql, []).append((observed, view, plan, rows))
                break
    return [
        _Group(found[0][1], found[0][2], found[0][3], tuple(observed for observed, _, _, _ in found))
        for found in members.values()
        if sum(observed.share for observed, _, _, _ in found) >= LEAST_SHARE
    ]


def _read_rows(plan: Plan) -> float:
    """Rows of the largest relation that it is made of."""
    return max((step.rows for step in steps(plan) if not step.node.get("Plans")), default=0.0)


def _unknown(groups: Sequence[_Group]) -> Measure:
    numbers = tuple(sorted(observed.number for group in groups for observed in group.members))
    return Measure(
        "kept_aggregate",
        f"Aggregates of {counted(len(numbers), 'statement')} that could be kept",
        ("how often they are called in an hour is not known; a workload of pg_stat_statements tells.",),
        "not judged",
        numbers,
        sum(group.share for group in groups),
    )


def _judged(evidence: Evidence, group: _Group, hours: float) -> Measure | None:
    view, first = group.view, group.members[0]
    figures = _figures(evidence, group, hours)
    saved = group.share * figures.saved / figures.spent
    if saved < LEAST_SHARE:
        return None
    tables = listed(table.name for table in dict.fromkeys(first.tables.values()))
    told = [
        f"{counted(len(group.members), 'statement')}, {evidence.share_text(group.share)}, would read it:"
        f" {group.rows:,.0f} rows, made of {_read_rows(group.plan):,.0f}.",
        f"{figures.calls:,.1f} calls an hour cost {figures.spent / figures.calls:,.0f} each, on the view {figures.read:,.0f}:"
        f" {figures.saved:,.0f} an hour saved. A refresh costs {figures.refresh:,.0f}, so it pays up to"
        f" {figures.most_refreshes:,.2g} refreshes an hour.",
        *counter_sentence(evidence, first, view, figures.saved, figures.saved * REFRESHED),
    ]
    if hours < 1:
        told.append(f"Calls were recorded for {duration(hours * 3600)} only: an hour may bring fewer.")
    numbers = tuple(observed.number for observed in group.members)
    interval = _interval(figures)
    if interval is None:
        told.append("A view that is a day old at most would cost more than a tenth of what it saves.")
        return Measure(KIND, f"An aggregate over {tables}, kept", tuple(told), "not advised", numbers, group.share)
    if view.open_values:
        names = listed(f"${number}" for number in view.open_values)
        told.append(f"It fits only if {names} are the same on every call, such as seven days back from now.")
    return Measure(
        kind=KIND,
        title=f"an aggregate over {tables}, kept",
        evidence=tuple(told),
        statements=numbers,
        share=group.share,
        before=figures.spent / figures.calls,
        after=figures.read + figures.refresh * 60 / interval / figures.calls,
        method="The planner's cost of a call beside the advised indexes, and on the view with its part of the refreshes (an estimate)",
        change=_change(first, view, interval),
        price=f"answers up to {_minutes(interval)} old{_by_day(view)}; about {bytes_text(group.rows * _width(group.plan))}; a job that"
        " refreshes",
        confidence="low" if view.open_values or hours < 1 else "medium",
        proof="time the statement and REFRESH MATERIALIZED VIEW on a copy, and put both times into the same arithmetic",
    )


def _figures(evidence: Evidence, group: _Group, hours: float) -> _Figures:
    settings = evidence.snapshot.settings
    sequential = settings.number("seq_page_cost") or 1.0
    random = settings.number("random_page_cost") or 4.0
    each = settings.number("cpu_tuple_cost") or 0.01
    rows, part = group.rows, group.view.searched
    pages = max(rows * _width(group.plan) / PAGE_BYTES, 1.0)
    whole = pages * sequential + rows * each * 2
    found = 2 * random + pages * part * random + rows * part * each * 2
    read = min(whole, found) if part < 1 else whole
    for table in group.view.shown:
        facts = evidence.facts(table)
        scan = facts.assumed_pages * sequential + facts.assumed_rows * each
        read += min(scan, 2 * random + rows * part * random)
    # Beside computing it: the rows are written, compared with the old ones, and indexed.
    refresh = group.plan.cost + 2 * whole + pages * sequential
    calls = sum(observed.statement.calls for observed in group.members) / hours
    spent = sum(observed.statement.calls * observed.cost for observed in group.members) / hours
    return _Figures(calls, spent, read, refresh)


def _interval(figures: _Figures) -> int | None:
    """The shortest time between refreshes at which they cost a small part of what is saved."""
    return next((m for m in INTERVALS if figures.refresh * 60 / m <= REFRESHED * figures.saved), None)


def _change(observed: Observed, view: Kept, interval: int) -> str:
    name = quote_identifier(
        f"{next(iter(observed.tables.values())).name}_by_{'_'.join(view.keys) or 'all'}"[:55] + "_mv"
    )
    keys = ", ".join(quote_identifier(key) for key in view.keys)
    unique = f"CREATE UNIQUE INDEX ON {name} ({keys});\n" if keys else ""
    how = "CONCURRENTLY " if keys else ""
    return (
        f"CREATE MATERIALIZED VIEW {name} AS\n{on_lines(view.sql)};\n{unique}"
        f"REFRESH MATERIALIZED VIEW {how}{name};  -- every {_minutes(interval)}"
    )


def _minutes(interval: int) -> str:
    return counted(interval // 60, "hour") if interval >= 60 else counted(interval, "minute")


def _by_day(view: Kept) -> str:
    return "; times count by whole days" if view.days is not None else ""


def _width(plan: Plan) -> float:
    """Bytes of a kept row."""
    return float(plan.root.get("Plan Width", 50)) + TUPLE_BYTES


def _rows(evidence: Evidence, view: Kept, plan: Plan) -> float:
    """Kept rows. The planner takes the days of a time for as many as there are times, so they are counted apart."""
    whole = evidence.plan(view.whole) if view.days is not None else None
    return min(plan.rows, whole.rows * view.days) if whole and view.days is not None else plan.rows
