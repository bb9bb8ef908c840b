"""In production a query of the code would read or sort a large table.

## Why it matters

On the few rows of a test every plan is quick.
Production's planner, asked with production's statistics, says beforehand which query will read millions of rows for each answer: before it
is deployed, not after the first slow day.
Costs and rows are the planner's estimates for parameters that are not known; the plan itself is the one that production would choose.

## When to ignore

When the query runs rarely and nobody waits for it, or when its answer is meant to be made of most of the table.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from dbwright.model.asked import function_ref, is_batch, locations, table_named
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.planned import Burden, Planned, PlannedQuery, burdens
from dbwright.model.query_plan import Plan
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("plans",)
LIMITS: dict[str, float] = {
    # Rows read for one answer: some 20 ms from memory, far more from a disk.
    "rows": 100_000,
    # Rows sorted for one answer.
    "sorted": 50_000,
    # A node below this share of the plan's cost is not what makes it slow.
    "share": 0.1,
    # An index that leaves more of the cost than this is no answer.
    "gain": 0.5,
}
COVERS = ()

_COUNTS_ALL = re.compile(r"\s*SELECT COUNT\(\*\)", re.I)
_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, number text, created timestamptz);"
_LARGE = {"orders": {"rows": 2e6}}
_INDEX = CreateIndex("public", "orders", "orders_number_idx", (IndexKey("number"),))


def _node(kind: str, cost: float, rows: int, *below: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    node = {"Node Type": kind, "Startup Cost": 0.0, "Total Cost": cost, "Plan Rows": rows, **more}
    return node | ({"Plans": [{**b, "Parent Relationship": "Outer"} for b in below]} if below else {})


def _scan(rows: int = 1, cost: float = 40_000.0, table: str = "orders") -> dict[str, Any]:
    return _node("Seq Scan", cost, rows, **{"Relation Name": table, "Filter": "(number = $1)"})


def _planned(root: Mapping[str, Any], file: str = "shop/views.py", **more: Any) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        plan = Plan(root)
        rows = {"orders": 2e6}
        query = PlannedQuery("SELECT …", (Place(file, 7, "search"),), plan, burdens(plan, rows, 1), **more)
        return replace(snapshot, planned=Planned((query,), 1, "18.1"))

    return edit


BAD = (
    Sample(_TABLE, statistics=_LARGE, edit=_planned(_scan(), remedy=_INDEX, cost_after=8.4)),
    # Everything is asked for: no index helps, and that is said.
    Sample(_TABLE, statistics=_LARGE, edit=_planned(_scan(2_000_000))),
    # Twenty of them, but all are sorted first.
    Sample(
        _TABLE,
        statistics=_LARGE,
        edit=_planned(
            _node(
                "Limit",
                90_000.0,
                20,
                _node(
                    "Sort", 89_999.0, 2_000_000, _scan(2_000_000), **{"Sort Key": ["created"], "Startup Cost": 89_000.0}
                ),
            )
        ),
    ),
    # An index scan without a condition on the index walks through all of it.
    Sample(
        _TABLE,
        statistics=_LARGE,
        edit=_planned(_node("Index Scan", 90_000.0, 3, **{"Relation Name": "orders", "Filter": "(number = $1)"})),
    ),
)
GOOD = (
    # Nobody asked for plans.
    Sample(_TABLE, statistics=_LARGE),
    # A small table.
    Sample(_TABLE, statistics=_LARGE, edit=_planned(_scan(1, 40.0, "kinds"))),
    # The LIMIT stops it after the first rows.
    Sample(_TABLE, statistics=_LARGE, edit=_planned(_node("Limit", 0.4, 20, _scan(2_000_000)))),
    # A range whose value is not known, with an index that narrow ones use.
    Sample(_TABLE, statistics=_LARGE, edit=_planned(_scan(700_000), ready=True)),
    # Nobody waits for it.
    Sample(_TABLE, statistics=_LARGE, edit=_planned(_scan(), "shop/management/commands/count.py")),
    # By the index.
    Sample(
        _TABLE,
        statistics=_LARGE,
        edit=_planned(_node("Index Scan", 8.4, 1, **{"Relation Name": "orders", "Index Cond": "(id = $1)"})),
    ),
    # The rows are in order, and only those of one group are sorted at a time.
    Sample(
        _TABLE,
        statistics=_LARGE,
        edit=_planned(
            _node(
                "Incremental Sort",
                90.0,
                20,
                _node("Index Scan", 80.0, 2_000_000, **{"Relation Name": "orders", "Index Cond": "(id > 1)"}),
                **{"Presorted Key": ["created"]},
            )
        ),
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    assert snapshot.planned is not None
    by_function: defaultdict[tuple[str, str, str], list[tuple[Burden, PlannedQuery]]] = defaultdict(list)
    for query in snapshot.planned.queries:
        burden = query.heaviest
        if burden is None or query.ready or not _matters(burden, limits):
            continue
        for place in query.places:
            if not is_batch(place):
                by_function[place.file, place.function or str(place.line), burden.table].append((burden, query))
    indexed: dict[CreateIndex, str] = {}
    found = [_finding(snapshot, key, group, limits) for key, group in by_function.items()]
    for finding in sorted(found, key=lambda f: (-f.impact.value, f.title)):
        index = finding.change.operations[0] if finding.change else None
        if isinstance(index, CreateIndex) and index in indexed:
            step = f"{indexed[index]} needs the same index, {index.name}."
            yield replace(finding, change=None, next_step=step)
            continue
        if isinstance(index, CreateIndex):
            indexed[index] = finding.objects[0].name
        yield finding


def _matters(burden: Burden, limits: Limits) -> bool:
    least = limits["rows"] if burden.kind == "scan" else limits["sorted"]
    return burden.rows >= least and burden.share >= limits["share"]


def _finding(
    snapshot: Snapshot, key: tuple[str, str, str], group: list[tuple[Burden, PlannedQuery]], limits: Limits
) -> Finding:
    file, _, table = key
    burden, query = max(group, key=lambda one: (one[1].plan.cost, one[1].sql))
    places = [place for _, one in group for place in one.places if place.file == file]
    does = "read" if burden.kind == "scan" else "sort"
    remedy = query.remedy if query.guessed or _is_gain(query, limits) else None
    where = function_ref(places[0], table)
    known = table_named(snapshot, table)
    return Finding(
        title=f"{where.name} would {does} {_rounded(burden.rows)} rows of {table}"[:78],
        message=_message(burden, query, remedy, limits),
        objects=(where, ObjectRef("table", table, known.schema if known else "public", table)),
        impact=Impact(burden.rows, "rows", 1_000, 500_000, estimated=True),
        evidence={
            "statement": query.sql,
            "node": burden.node,
            "condition": burden.condition,
            "rows": round(burden.rows),
            "rows kept": round(burden.kept),
            "cost": query.plan.cost,
            "share of the cost": round(burden.share, 3),
            "cost with the index": query.cost_after,
            "planner": snapshot.planned.planner if snapshot.planned else "",
            "further statements": [one.sql for _, one in group if one is not query][:5],
            "tests": list(query.tests[:5]),
        },
        change=Change((remedy,)) if remedy else None,
        next_step=None if remedy else _without_index(burden, query),
        identity=f"{file}:{where.name}:{table}",
        locations=locations(places),
    )


def _is_gain(query: PlannedQuery, limits: Limits) -> bool:
    return query.cost_after is not None and query.cost_after <= query.plan.cost * limits["gain"]


def _message(burden: Burden, query: PlannedQuery, remedy: CreateIndex | None, limits: Limits) -> str:
    what = f"{burden.node}" + (f" ({burden.condition})" if burden.condition else "")
    does = "reads" if burden.kind == "scan" else "sorts"
    text = (
        f"Production's plan has {what}: it {does} about {_rounded(burden.rows)} rows and passes on {_rounded(burden.kept)}, "
        f"{burden.share:.0%} of a cost of {_rounded(query.plan.cost)} (estimated)."
    )
    if remedy is None:
        return text
    if not _is_gain(query, limits):
        return f"{text} How many rows match is a guess, because the value is not known; where it is few, the index finds them."
    return f"{text} With the index the cost is {_rounded(query.cost_after or 0.0)}."


def _without_index(burden: Burden, query: PlannedQuery) -> str:
    if burden.kind == "scan" and query.guessed:
        return (
            "How many rows match is a guess, because the value is not known; no index can serve the comparison as it is written. "
            "Compare the column as it is stored (a range of moments instead of a date, the column without a function), or page it."
        )
    if burden.kind == "scan" and not burden.condition and _COUNTS_ALL.match(query.sql):
        return (
            "An exact count reads all that it counts: show an estimate (reltuples of pg_class), count up to a limit, or page without a "
            "total (Django's admin: show_full_result_count = False, a paginator without count)."
        )
    if burden.kind == "sort":
        return "No index gives this order: sort by columns of one table that an index can hold, or fewer rows."
    if burden.kept * 10 >= burden.rows:
        return "It asks for a great part of the table, so no index helps: page it with a LIMIT, narrow it, or keep the result."
    return "No index that was tried changes the plan: narrow the condition, or compare columns as they are stored."


def _rounded(number: float) -> str:
    return f"{float(f'{number:.3g}'):,.0f}" if number >= 10 else f"{number:,.1f}"
