"""Policies of large tables work out who is asking anew for every row.

## Why it matters

current_setting() and functions such as auth.uid() are not constants to the planner. In a filter they are called once for each row that
is read; wrapped in a scalar sub-select they are called once for the statement, with the same result.

## When to ignore

When each query on the table reads few rows through an index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Policy, Table
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "catalog.policies", "catalog.functions", "statistics.tables")
LIMITS: dict[str, float] = {"rows": 100_000}
COVERS = ("rls-per-row-function",)

_SETTING = r"current_setting\('(?:[^']|'')*'::text(?:, (?:true|false))?\)"
_PLAIN_CALL = r'(?:"(?:[^"]|"")+"|[\w$]+)\.(?:"(?:[^"]|"")+"|[\w$]+)\(\)'
_CALL = re.compile(rf"(?<![\w.]){_SETTING}|(?<![\w.\"]){_PLAIN_CALL}")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\(\s*SELECT\b|[()]", re.I)

_TABLE = "CREATE TABLE note (id bigint, owner_id int); ALTER TABLE note ENABLE ROW LEVEL SECURITY;"
_LARGE = {"note": {"rows": 3e6, "sequential_rows": 9_000_000_000}}
_WHO = "CREATE FUNCTION me() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1; END $$;"
BAD = (
    Sample(_TABLE + "CREATE POLICY own ON note USING (owner_id = current_setting('app.me')::int);", statistics=_LARGE),
    Sample(_TABLE + _WHO + "CREATE POLICY own ON note USING (owner_id = me() OR id = me());", statistics=_LARGE),
)
GOOD = (
    Sample(
        _TABLE + "CREATE POLICY own ON note USING (owner_id = (SELECT current_setting('app.me')::int));",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE POLICY own ON note USING (owner_id = current_setting('app.me')::int);",
        statistics={"note": {"rows": 500}},
    ),
    Sample(
        _TABLE + "CREATE POLICY own ON note USING (owner_id = current_setting('app.me')::int);",
        statistics={"note": {"rows": 3e6, "sequential_rows": 0, "index_rows": 90_000, "index_scans": 90_000}},
    ),
    Sample(
        _TABLE + _WHO.replace("STABLE", "VOLATILE") + "CREATE POLICY own ON note USING (owner_id = me());",
        statistics=_LARGE,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    stable = {
        f"{quote_identifier(f.schema, f.name)}()"
        for f in catalog.functions
        if f.volatility == "stable" and not f.arguments
    }
    found: list[tuple[Table, Policy, str]] = []
    for table in catalog.user_tables:
        policies = catalog.policies_of(table) if table.row_security else ()
        if policies and snapshot.rows(table) >= limits["rows"] and _reads_many(snapshot, table):
            found += [
                (table, p, better) for p in policies if p.using and (better := _wrapped(p.using, stable)) != p.using
            ]
    if not found:
        return
    tables = {table.oid: table for table, _, _ in found}
    rows = max(snapshot.rows(table) for table in tables.values())
    yield Finding(
        title=f"Policies of {listed([t.name for t in tables.values()], 1)} call a function for every row",
        message=f"{counted(len(found), 'policy asks', 'policies ask')} who is reading once per row, on up to about {rows:,} rows; "
        "in a sub-select it is asked once per statement.",
        objects=tuple(object_ref("policy", table, policy.name) for table, policy, _ in found[:20]),
        impact=Impact(rows, "rows", limits["rows"], 100_000_000, estimated=True),
        evidence={"policies": [{"table": t.name, "policy": p.name, "using": p.using} for t, p, _ in found[:20]]},
        confidence="medium",
        change=Change(tuple(_alter(table, policy, better) for table, policy, better in found)),
        identity="per row",
    )


def _reads_many(snapshot: Snapshot, table: Table) -> bool:
    """Most rows of the table are read one after the other, or each index scan brings many."""
    leaves = (snapshot.statistics_of(leaf) for leaf in snapshot.catalog.leaves_of(table))
    return any(
        s.sequential_rows > s.estimated_rows or s.index_rows > 1_000 * max(s.index_scans, 1) for s in leaves if s
    )


def _wrapped(expression: str, stable: set[str]) -> str:
    """The expression with each call outside of a sub-select put into one of its own."""
    inside = _inside_select(expression)

    def wrap(match: re.Match[str]) -> str:
        call = match[0]
        known = call.startswith("current_setting(") or call in stable
        return f"( SELECT {call})" if known and not inside[match.start()] else call

    return _CALL.sub(wrap, expression)


def _inside_select(expression: str) -> list[bool]:
    """For each character, whether it stands in a sub-select or in a string."""
    inside = [False] * len(expression)
    stack: list[bool] = []
    begin = 0
    for token in _TOKEN.finditer(expression):
        inside[begin : token.start()] = [any(stack)] * (token.start() - begin)
        if token[0] == ")":
            if stack:
                stack.pop()
        elif not token[0].startswith("'"):
            stack.append(len(token[0]) > 1)
        begin = token.start()
    return inside


def _alter(table: Table, policy: Policy, better: str) -> Verbatim:
    head = f"ALTER POLICY {quote_identifier(policy.name)} ON {quote_identifier(table.schema, table.name)} USING "
    return Verbatim(f"{head}({better})", f"{head}({policy.using})")
