"""The checks of foreign keys are switched off.

## Why it matters

A foreign key is enforced by internal triggers. After ALTER TABLE ... DISABLE TRIGGER ALL (a data load, a restore with
--disable-triggers that broke off) or with session_replication_role = replica they do not run: the constraint still stands
in the catalog, the planner and people trust it, and rows that break it come in unnoticed.

## When to ignore

While a load is running that switches them on again, and on a table that is only a logical replication target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.activity import Setting, Settings
from dbwright.model.catalog import Table, Trigger
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.triggers", "catalog.constraints")
LIMITS = {"rows": 1}
COVERS = ("trigger-disabled",)

_TABLES = """
CREATE TABLE customer (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer);
"""
_TRIGGER = """
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER note BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note();
"""


def _with_role(value: str) -> Sample:
    row = Setting(
        "session_replication_role", value, None, "enum", "superuser", "database", None, None, "origin", value, False
    )

    def edit(snapshot: Snapshot) -> Snapshot:
        others = tuple(s for s in snapshot.settings.rows if s.name != row.name)
        return replace(snapshot, settings=Settings((*others, row)))

    return Sample(_TABLES, edit=edit)


BAD = (
    Sample(_TABLES + "ALTER TABLE orders DISABLE TRIGGER ALL;", statistics={"orders": {"rows": 3e5}}),
    Sample(_TABLES + "ALTER TABLE customer DISABLE TRIGGER ALL;", statistics={"customer": {"rows": 3e5}}),
    _with_role("replica"),
)
GOOD = (
    Sample(_TABLES),
    Sample(_TABLES + _TRIGGER + "ALTER TABLE orders DISABLE TRIGGER USER;"),
    _with_role("local"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.settings.text("session_replication_role") == "replica":
        yield _everywhere()
    for table in snapshot.catalog.user_relations:
        off = [
            t
            for t in snapshot.catalog.triggers_of(table)
            if t.is_internal and t.function.startswith("RI_FKey_") and t.enabled in ("disabled", "replica")
        ]
        if off:
            yield _finding(snapshot, table, off, limits)


def _finding(snapshot: Snapshot, table: Table, off: list[Trigger], limits: Limits) -> Finding:
    checks = [t for t in off if t.function.startswith("RI_FKey_check")]
    rows = max(snapshot.rows(table), 1)
    what = []
    if checks:
        what.append("inserts and updates are not checked against the tables it references")
    if len(checks) < len(off):
        what.append("deletes from it neither stop nor cascade")
    name = quote_identifier(table.schema, table.name)
    state = {"disabled": "DISABLE", "replica": "ENABLE REPLICA"}
    steps = tuple(
        Verbatim(
            f"ALTER TABLE {name} ENABLE TRIGGER {quote_identifier(t.name)}",
            f"ALTER TABLE {name} {state[t.enabled]} TRIGGER {quote_identifier(t.name)}",
        )
        for t in off
    )
    keys = snapshot.catalog.constraints_of(table, "foreign key")
    return Finding(
        title=f"Foreign keys of {table.name} are not enforced: {len(off)} triggers are off",
        message=f"{len(off)} internal triggers of {table.name} (about {rows:,} rows) are switched off, so {' and '.join(what)}.",
        objects=(table_ref(table), *(object_ref("constraint", table, k.name, k.columns) for k in keys[:19])),
        impact=Impact(rows, "rows", limits["rows"], 1_000_000, estimated=True),
        evidence={"triggers": [f"{t.name}: {t.function} {t.enabled}" for t in off], "rows": rows},
        change=Change(
            steps,
            "Needs a superuser. Rows that came in meanwhile stay unchecked: look for orphans, then drop the constraint and add it "
            "again NOT VALID with VALIDATE, which is what checks old rows.",
        ),
    )


def _everywhere() -> Finding:
    return Finding(
        title="session_replication_role = replica switches off every foreign key",
        message="The setting is replica for ordinary sessions: no foreign key check and no ordinary trigger runs in any of them.",
        objects=(ObjectRef("setting", "session_replication_role"),),
        impact=Impact.certain(),
        evidence={"session_replication_role": "replica"},
        next_step="Find where it is set (SELECT * FROM pg_db_role_setting; and postgresql.conf), reset it there, end the sessions that "
        "had it, and look for orphans.",
    )
