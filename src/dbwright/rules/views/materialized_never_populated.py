"""A materialized view holds no data: every query of it fails.

## Why it matters

A materialized view made WITH NO DATA, or restored from a dump without its data, raises an error when it is read, until the
first REFRESH.

## When to ignore

When it has just been made and its first refresh is under way.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.tables",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-10",)

_VIEW = "CREATE TABLE post (id bigint PRIMARY KEY); CREATE MATERIALIZED VIEW daily AS SELECT count(*) FROM post {};"

BAD = (Sample(_VIEW.format("WITH NO DATA")),)
GOOD = (
    Sample(_VIEW.format("")),
    Sample(_VIEW.format("WITH NO DATA") + "REFRESH MATERIALIZED VIEW daily;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for view in snapshot.catalog.user_relations:
        if view.kind != "materialized view" or view.is_populated:
            continue
        refresh = f"REFRESH MATERIALIZED VIEW {quote_identifier(view.schema, view.name)}"
        yield Finding(
            title=f"Materialized view {view.name} has never been filled",
            message=f"{view.name} holds no data, so every query that reads it fails until it is refreshed.",
            objects=(table_ref(view),),
            impact=Impact.certain(),
            evidence={"is_populated": False},
            change=Change(
                (Verbatim(refresh, refresh + " WITH NO DATA"),),
                "Runs the query of the view once. If nobody has missed it, dropping the view is the other way.",
            ),
        )
