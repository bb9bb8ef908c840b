"""Statements spend much of their time compiling themselves (JIT).

## Why it matters

PostgreSQL compiles a plan to machine code when its estimated cost passes jit_above_cost, anew on each execution.
For queries of a few hundred milliseconds, with wide rows or many partitions, compiling often takes longer than it saves.

## When to ignore

When the long analytical queries gain more from it than the others lose; then raise jit_above_cost instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import headline, load, recorded, sample_statement, shortened, statements, window_hours
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements", "settings")
LIMITS = {
    "share": 0.3,
    "jit_seconds_an_hour": 20,
    # Of all statements' time in JIT, from which it is switched off rather than its threshold raised.
    "off_share": 0.5,
}
COVERS = ("query-jit-overhead",)
MINIMUM_MAJOR = 15

_QUERY = "SELECT count(*) FROM orders JOIN lines USING (order_id)"

BAD = (
    Sample(edit=recorded(sample_statement(_QUERY, 9_000, 300.0, jit_milliseconds=9_000 * 200.0))),
    Sample(edit=recorded(sample_statement(_QUERY, 9_000, 300.0, jit_milliseconds=9_000 * 120.0))),
)
GOOD = (
    Sample(edit=recorded(sample_statement(_QUERY, 9_000, 300.0, jit_milliseconds=9_000 * 20.0))),
    Sample(edit=recorded(sample_statement(_QUERY, 90, 300.0, jit_milliseconds=90 * 200.0))),
    Sample(
        settings={"jit": "off"}, edit=recorded(sample_statement(_QUERY, 9_000, 300.0, jit_milliseconds=9_000 * 200.0))
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.settings.on("jit") is False:
        return
    compiled = [(row, row.jit_milliseconds or 0.0) for row in statements(snapshot.workload) if row.jit_milliseconds]
    heavy = [(row, jit) for row, jit in compiled if jit >= limits["share"] * row.total_milliseconds]
    hourly = sum(jit for _, jit in heavy) / 1000 / window_hours(snapshot)
    if not heavy or hourly < limits["jit_seconds_an_hour"]:
        return
    share = sum(jit for _, jit in compiled) / max(sum(row.total_milliseconds for row, _ in compiled), 1)
    worst, jit = max(heavy, key=lambda pair: pair[1])
    yield Finding(
        title=f"JIT compilation takes {share:.0%} of the time of the statements that use it",
        message=f"{len(heavy)} statements compile for {load(snapshot, hourly)}; {headline(worst, snapshot)} spends "
        f"{jit / worst.total_milliseconds:.0%} of its {worst.mean_milliseconds:,.0f} ms on it.",
        objects=(ObjectRef("setting", "jit"),),
        impact=Impact(hourly, "seconds an hour", limits["jit_seconds_an_hour"], 3600),
        evidence={
            "statements": [
                {"query": shortened(row.query), "jit_share": round(jit / row.total_milliseconds, 3)}
                for row, jit in heavy[:5]
            ],
            "jit_seconds_an_hour": round(hourly, 1),
            "share_of_statements_with_jit": round(share, 3),
        },
        confidence="medium",
        change=_change(snapshot, share >= limits["off_share"]),
    )


def _change(snapshot: Snapshot, off: bool) -> Change:
    if off:
        return Change((SetServerParameter("jit", "on", "off"),))
    cost = snapshot.settings.number("jit_above_cost") or 100_000
    old = snapshot.settings.text("jit_above_cost")
    return Change((SetServerParameter("jit_above_cost", old, f"{max(cost, 100_000) * 10:.0f}"),))
