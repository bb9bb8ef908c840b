"""Views are stacked many levels high.

## Why it matters

Each level adds joins, conditions and columns that the query above may not need; the planner flattens what it can, and the limits
on how many tables it orders freely (join_collapse_limit, from_collapse_limit: 8) are soon reached.
A change at the bottom needs every view above it dropped and made again.

## When to ignore

When each level is a plain selection of columns.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.lineage import base_tables
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.tables",)
LIMITS = {"levels": 5}
COVERS = ("views-nested-deep",)


def _stack(levels: int) -> str:
    views = (f"CREATE VIEW v{n + 1} AS SELECT * FROM v{n};" for n in range(1, levels))
    return "CREATE TABLE t (id bigint PRIMARY KEY); CREATE VIEW v1 AS SELECT * FROM t;" + "".join(views)


BAD = (Sample(_stack(6)),)
GOOD = (
    Sample(_stack(3)),
    Sample(_stack(3).replace("VIEW v2", "MATERIALIZED VIEW v2") + "CREATE VIEW w AS SELECT * FROM v3;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    views = [t for t in catalog.user_relations if t.kind == "view"]
    depths = _depths(catalog, views)
    used = {oid for view in views for oid in view.reads}
    deep = [v for v in views if depths[v.oid] >= limits["levels"] and v.oid not in used]
    if not deep:
        return
    deep.sort(key=lambda view: (-depths[view.oid], view.schema, view.name))
    top = deep[0]
    sources = base_tables(catalog, top)
    chain = _chain(catalog, top, depths)
    yield Finding(
        title=f"Views are nested {depths[top.oid]} levels deep ({top.name})",
        message=f"{len(deep)} views stand on {limits['levels']:.0f} or more levels of views; {top.name} comes to {len(sources)} tables "
        f"through {' > '.join(chain[1:4])}{' ...' if len(chain) > 4 else ''}.",
        objects=tuple(table_ref(view) for view in deep[:20]),
        impact=Impact(depths[top.oid], "levels", limits["levels"] - 1, 12),
        evidence={"levels": {view.name: depths[view.oid] for view in deep[:20]}, "chain": chain},
        next_step=f"Compare EXPLAIN of {top.name} with the same query written on its tables; where it reads tables or columns that are not "
        "needed, write that view on the tables.",
    )


def _depths(catalog: Catalog, views: list[Table]) -> dict[int, int]:
    """Levels of plain views for each view; no recursion, as stacks may be as high as anybody built them."""
    depths: dict[int, int] = {}
    for view in views:
        waiting = [view]
        while waiting:
            current = waiting[-1]
            below = [t for oid in current.reads if (t := catalog.table_by_oid.get(oid)) and t.kind == "view"]
            depths.setdefault(current.oid, 0)
            open_ones = [t for t in below if t.oid not in depths]
            if open_ones:
                waiting += open_ones
                continue
            depths[current.oid] = 1 + max((depths[t.oid] for t in below), default=0)
            waiting.pop()
    return depths


def _chain(catalog: Catalog, top: Table, depths: dict[int, int]) -> list[str]:
    chain, current = [top.name], top
    while True:
        below = [t for oid in current.reads if (t := catalog.table_by_oid.get(oid)) and t.oid in depths]
        if not below or len(chain) > 20:
            return chain
        current = max(below, key=lambda table: depths[table.oid])
        chain.append(current.name)
