"""Aggregates that are computed anew on each call, kept instead: in a materialized view, or as a counter that each write keeps up to date.

A view pays when what its readers save is more than its refreshes cost, a counter when that is more than the writes that keep it cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.keeping import Kept, kept
from dbwright.advise.rewriting import text_of
from dbwright.advise.tables import PAGE_BYTES, TUPLE_BYTES
from dbwright.model.advice import Measure
from dbwright.model.catalog import Table
from dbwright.model.query_plan import Plan
from dbwright.model.quoting import quote_identifier
from dbwright.model.wording import bytes_text, counted, listed

LEAST_SHARE = 0.01
"""Of the workload that must be saved: a view is one more thing to keep."""
CONDENSED = 5
"""Times by which the kept rows must be fewer than those that are read for them."""
REFRESHED = 0.1
"""Share of the savings that refreshes may cost."""
INTERVALS = (1, 5, 15, 60, 360, 1440)
"""Minutes between refreshes that are looked at."""
MOST_TOLD = 5
_PAGE_WRITE = 2.0
"""Pages that a changed row dirties and logs: its table's and an index's. In ``seq_page_cost``."""


@dataclass(frozen=True)
class _Figures:
    """Of an hour, in the planner's units: ``saved`` by calls; ``refresh`` costs one refresh, ``read`` one call on the view."""

    calls: float
    read: float
    refresh: float
    rows: float
    saved: float

    @property
    def most_refreshes(self) -> float:
        """An hour, up to which the view pays."""
        return self.saved / self.refresh


def measures(evidence: Evidence) -> Iterator[Measure]:
    hours = evidence.recorded_hours
    unknown: list[Observed] = []
    told = 0
    for observed in evidence.observed:
        if observed.share < LEAST_SHARE or told == MOST_TOLD:
            break
        view = kept(evidence, observed)
        if view is None:
            continue
        if hours is None:
            unknown.append(observed)
        elif measure := _judged(evidence, observed, view, hours):
            told += 1
            yield measure
    if unknown:
        yield Measure(
            "kept_aggregate",
            f"Aggregates of {counted(len(unknown), 'statement')} that could be kept",
            ("how often they are called in an hour is not known; a workload of pg_stat_statements tells.",),
            "not judged",
            tuple(observed.number for observed in unknown),
            sum(observed.share for observed in unknown),
        )


def _judged(evidence: Evidence, observed: Observed, view: Kept, hours: float) -> Measure | None:
    sql = text_of(view.select)
    plan = evidence.plan(sql) if sql else None
    if sql is None or plan is None:
        return None
    read_rows = max((float(node["Plan Rows"]) for node in plan.nodes() if not node.get("Plans")), default=0.0)
    calls = observed.statement.calls / hours
    rows = _rows(evidence, view, plan)
    figures = _figures(evidence, observed, plan, rows, view, calls)
    interval = _interval(figures)
    saved = observed.share * (1 - figures.read / observed.cost)
    tables = tuple(dict.fromkeys(observed.tables.values()))
    reading = f"It reads about {read_rows:,.0f} rows for {rows:,.0f} kept ones."
    if rows * CONDENSED > read_rows or figures.saved <= 0 or saved < LEAST_SHARE:
        return None
    arithmetic = (
        f"{calls:,.1f} calls an hour save {observed.cost - figures.read:,.0f} each (now {observed.cost:,.0f}, on the view"
        f" {figures.read:,.0f}):"
        f" {figures.saved:,.0f} an hour. A refresh costs {figures.refresh:,.0f}, so it pays up to {figures.most_refreshes:,.2g} refreshes"
        " an hour."
    )
    counter = _counter(evidence, observed, view, figures)
    title = f"the aggregate over {listed(table.name for table in tables)}, kept"
    evidence_told = [f"The statement is {evidence.share_text(observed.share)}.", reading, arithmetic, *counter]
    if interval is None:
        return Measure(
            "kept_aggregate",
            title,
            (*evidence_told, "A view that is a day old at most would cost more than a tenth of what it saves."),
            "not advised",
            (observed.number,),
            observed.share,
        )
    if view.open_values:
        evidence_told.append(
            f"Its parameters {', '.join(f'${number}' for number in view.open_values)} stand inside what is added up: it fits only if they"
            " are the same on every call (such as seven days back)."
        )
    return Measure(
        kind="kept_aggregate",
        title=title,
        evidence=tuple(evidence_told),
        statements=(observed.number,),
        share=observed.share,
        before=observed.cost,
        after=figures.read + figures.refresh * 60 / interval / calls,
        method="The planner's cost of a call beside the advised indexes, and on the view with its part of the refreshes (an estimate)",
        change=_change(observed, view, sql, interval),
        price=f"answers up to {_minutes(interval)} old{_by_day(view)}; about {bytes_text(rows * _width(plan))}; a job that refreshes",
        confidence="low" if view.open_values else "medium",
        proof="time the statement and REFRESH MATERIALIZED VIEW on a copy, and put both times into the same arithmetic",
    )


def _figures(evidence: Evidence, observed: Observed, plan: Plan, rows: float, view: Kept, calls: float) -> _Figures:
    settings = evidence.snapshot.settings
    sequential = settings.number("seq_page_cost") or 1.0
    random = settings.number("random_page_cost") or 4.0
    each = settings.number("cpu_tuple_cost") or 0.01
    pages = max(rows * _width(plan) / PAGE_BYTES, 1.0)
    whole = pages * sequential + rows * each * 2
    found = 2 * random + pages * view.searched * random + rows * view.searched * each * 2
    read = min(whole, found) if view.searched < 1 else whole
    # Beside computing it: the rows are written, compared with the old ones, and indexed.
    refresh = plan.cost + 2 * whole + pages * sequential
    return _Figures(calls, read, refresh, rows, calls * (observed.cost - read))


def _interval(figures: _Figures) -> int | None:
    """The shortest time between refreshes at which they cost a small part of what is saved."""
    return next((m for m in INTERVALS if figures.refresh * 60 / m <= REFRESHED * figures.saved), None)


def _counter(evidence: Evidence, observed: Observed, view: Kept, figures: _Figures) -> list[str]:
    """What a counter in the parent's row would cost, where the aggregate is one of a child's rows for each parent."""
    found = _parent_and_child(evidence, observed, view)
    days = evidence.snapshot.counting_days
    if found is None or not days:
        return []
    parent, child, key = found
    row = evidence.snapshot.statistics.table_by_oid.get(child.oid)
    plan = evidence.plan(
        f"UPDATE {quote_identifier(parent.schema, parent.name)} SET {quote_identifier(key)} = {quote_identifier(key)}"  # noqa: S608 -- only explained
        f" WHERE {quote_identifier(key)} = $1"
    )
    if row is None or plan is None:
        return []
    sums = any(name != "count" for name in observed.query.aggregates)
    writes = (row.inserted + row.deleted + (row.updated if sums else 0)) / days / 24
    each = plan.cost + _PAGE_WRITE * (evidence.snapshot.settings.number("seq_page_cost") or 1.0)
    spent = writes * each
    verdict = (
        "it would pay too, and never be old" if spent < REFRESHED * figures.saved else "it would eat up what it saves"
    )
    if REFRESHED * figures.saved <= spent < figures.saved:
        verdict = "it would pay little"
    return [
        f"A counter in {parent.name} instead: {writes:,.1f} writes to {child.name} an hour × {each:,.1f} for the update of its row ="
        f" {spent:,.0f} against {figures.saved:,.0f} saved: {verdict}. Writers for one {parent.name} then wait for each other."
    ]


def _parent_and_child(evidence: Evidence, observed: Observed, view: Kept) -> tuple[Table, Table, str] | None:
    """The table whose key the groups are, and the one that is counted, when a foreign key ties them and nothing else is asked of the
    child: a counter cannot tell which rows were of the last seven days."""
    if len(view.keys) != 1 or view.open_values or view.days is not None or not 1 <= len(observed.tables) <= 2:
        return None
    if any(name not in ("count", "sum") for name in observed.query.aggregates):
        return None
    catalog = evidence.snapshot.catalog
    for child in observed.tables.values():
        for key in catalog.constraints_of(child, "foreign key"):
            parent = catalog.table_by_oid.get(key.foreign_table_oid or 0)
            if parent is None or len(key.columns) != 1 or parent == child:
                continue
            if view.keys[0] not in (key.columns[0], key.foreign_columns[0]):
                continue
            if not all(table in (parent, child) for table in observed.tables.values()):
                continue
            child_aliases = {alias for alias, table in observed.tables.items() if table == child}
            if any(
                p.column.alias in child_aliases and p.value != "column" and p.column.column != key.columns[0]
                for p in observed.query.predicates
            ):
                continue
            return parent, child, key.foreign_columns[0]
    return None


def _change(observed: Observed, view: Kept, sql: str, interval: int) -> str:
    name = quote_identifier(
        f"{next(iter(observed.tables.values())).name}_by_{'_'.join(view.keys) or 'all'}"[:55] + "_mv"
    )
    keys = ", ".join(quote_identifier(key) for key in view.keys)
    unique = f"CREATE UNIQUE INDEX ON {name} ({keys});\n" if keys else ""
    how = "CONCURRENTLY " if keys else ""
    return (
        f"CREATE MATERIALIZED VIEW {name} AS\n{sql.rstrip(';')};\n{unique}"
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
    sql = text_of(view.whole) if view.days is not None else None
    whole = evidence.plan(sql) if sql else None
    return min(plan.rows, whole.rows * view.days) if whole and view.days is not None else plan.rows
