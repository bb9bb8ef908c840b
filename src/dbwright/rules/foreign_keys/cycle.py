"""Tables require rows of each other, so that no first row can be inserted.

## Why it matters

When every reference on the way round is NOT NULL and checked at once, a row of the first table needs one of the second and the
other way round.
Rows can then be added only beside rows that exist, or by switching checks off, which is what restores and fixtures end up doing.

## When to ignore

When the rows are always inserted together by one statement with data-modifying WITH clauses.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Constraint, Table
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.constraints", "catalog.columns")
LIMITS: dict[str, float] = {}
COVERS = ("fk-cycle",)

_CYCLE = """
CREATE TABLE team (id bigint PRIMARY KEY, captain bigint {0});
CREATE TABLE player (id bigint PRIMARY KEY, team bigint NOT NULL REFERENCES team);
ALTER TABLE team ADD FOREIGN KEY (captain) REFERENCES player {1};
"""

BAD = (
    Sample(_CYCLE.format("NOT NULL", "")),
    Sample(_CYCLE.format("NOT NULL", "DEFERRABLE")),
)
GOOD = (
    Sample(_CYCLE.format("", "")),
    Sample(_CYCLE.format("NOT NULL", "DEFERRABLE INITIALLY DEFERRED")),
    Sample("CREATE TABLE node (id bigint PRIMARY KEY, parent bigint NOT NULL REFERENCES node);"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    needs = {table.oid: list(_required(catalog, table)) for table in catalog.user_tables}
    for group in _circles({oid: [target for _, target in keys] for oid, keys in needs.items()}):
        keys = [
            (catalog.table_by_oid[oid], key) for oid in sorted(group) for key, target in needs[oid] if target in group
        ]
        yield _finding(catalog, keys)


def _required(catalog: Catalog, table: Table) -> Iterator[tuple[Constraint, int]]:
    """Foreign keys to other tables that every insert must satisfy at once."""
    for key in catalog.constraints_of(table, "foreign key"):
        columns = [catalog.column(table, name) for name in key.columns]
        target = key.foreign_table_oid
        if target in (None, table.oid) or key.is_deferred or not key.is_enforced:
            continue
        if target is not None and all(column and column.not_null for column in columns):
            yield key, target


def _circles(graph: dict[int, list[int]]) -> list[set[int]]:
    """Groups of two or more nodes that all reach each other (Tarjan's method, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[set[int]] = []
    for root in graph:
        if root in index:
            continue
        work: list[tuple[int, int]] = [(root, 0)]
        while work:
            node, position = work.pop()
            if position == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            targets = [target for target in graph[node] if target in graph]
            if position:
                low[node] = min(low[node], low[targets[position - 1]])
            while position < len(targets) and targets[position] in index:
                if targets[position] in on_stack:
                    low[node] = min(low[node], index[targets[position]])
                position += 1
            if position < len(targets):
                work += [(node, position + 1), (targets[position], 0)]
            elif low[node] == index[node]:
                start = stack.index(node)
                group = set(stack[start:])
                del stack[start:]
                on_stack -= group
                if len(group) > 1:
                    found.append(group)
    return found


def _finding(catalog: Catalog, keys: list[tuple[Table, Constraint]]) -> Finding:
    table, key = keys[-1]
    target = catalog.table_by_oid.get(key.foreign_table_oid or 0)
    names = sorted({t.name for t, _ in keys})
    alter = f"ALTER TABLE {quote_identifier(table.schema, table.name)} ALTER CONSTRAINT {quote_identifier(key.name)}"
    before = "DEFERRABLE INITIALLY IMMEDIATE" if key.is_deferrable else "NOT DEFERRABLE"
    return Finding(
        title=f"{', '.join(names[:4])} require rows of each other"[:79],
        message=f"Each of the {len(names)} tables needs a row of the next through a NOT NULL foreign key that is checked at once, so "
        f"neither can take the first; {key.name} ({table.name} to {target.name if target else '?'}) is one that can be put off.",
        objects=tuple(object_ref("constraint", t, k.name, k.columns) for t, k in keys[:20]),
        impact=Impact(len(names), "tables", 1, 16),
        evidence={"constraints": {f"{t.name}.{k.name}": k.definition for t, k in keys}},
        confidence="medium",
        change=Change(
            (Verbatim(f"{alter} DEFERRABLE INITIALLY DEFERRED", f"{alter} {before}"),),
            "The check then comes at COMMIT, so the error of a wrong reference does too.",
        ),
    )
