"""Whole tables that are written anew, partitions, triggers, materialized views and explicit locks."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.safety.judged import Check, Finding, Step, quoted, shown
from dbwright.safety.nodes import Name, Node, options, relation

FULL = Check(
    "vacuum-full",
    "error",
    (
        "VACUUM FULL and CLUSTER write the table anew under an ACCESS EXCLUSIVE lock, and need as much disk again. "
        "VACUUM, or pg_repack, let others work."
    ),
    ("vacuum-full",),
)
PERSISTENCE = Check(
    "persistence-change",
    "error",
    "SET LOGGED and SET UNLOGGED write the table anew under an ACCESS EXCLUSIVE lock; what is unlogged is empty after a crash.",
    ("set-logged-unlogged",),
)
TABLESPACE = Check(
    "tablespace-change", "error", "The table's file is copied under an ACCESS EXCLUSIVE lock.", ("set-tablespace",)
)
METHOD = Check(
    "access-method-change", "error", "Another access method writes the table anew under an ACCESS EXCLUSIVE lock."
)
ATTACH = Check(
    "partition-attached-with-scan",
    "warning",
    (
        "ATTACH PARTITION reads the new partition to check its bounds, under an ACCESS EXCLUSIVE lock on it (and on a "
        "default partition), unless a validated CHECK says the same."
    ),
    ("attach-partition",),
)
DETACH = Check(
    "blocking-detach",
    "warning",
    "DETACH PARTITION takes an ACCESS EXCLUSIVE lock on the partitioned table; from PostgreSQL 14 on it can be CONCURRENTLY.",
    ("detach-partition-blocking",),
)
DETACHES = Check(
    "detach-waits",
    "info",
    "DETACH CONCURRENTLY waits for every transaction that uses the table; interrupted, it is ended with FINALIZE.",
    ("detach-partition-concurrent-info",),
)
INHERITS = Check(
    "inheritance-changed", "info", "Queries on the parent include the table, or no longer do, from then on."
)
TRIGGER = Check(
    "trigger-lock",
    "warning",
    (
        "CREATE TRIGGER and ENABLE or DISABLE TRIGGER lock the table against writes (SHARE ROW EXCLUSIVE), DROP TRIGGER"
        " against everybody; behind a long transaction the queue grows."
    ),
    ("create-trigger-lock", "drop-trigger-lock", "toggle-trigger-lock"),
)
REFRESH = Check(
    "blocking-refresh",
    "warning",
    "REFRESH MATERIALIZED VIEW keeps readers out until it has ended; CONCURRENTLY (with a unique index) does not.",
)
LOCKED = Check("explicit-lock", "warning", "LOCK TABLE keeps others out until the transaction ends.")
TRUNCATE = Check(
    "truncate",
    "warning",
    "TRUNCATE empties the table under an ACCESS EXCLUSIVE lock; there is no way back but a backup.",
    ("truncate",),
)
TRUNCATE_CASCADE = Check(
    "truncate-cascade",
    "error",
    "TRUNCATE … CASCADE also empties every table that refers to it, and those that refer to them.",
    ("truncate-cascade",),
)
POLICY = Check(
    "row-security-changed", "info", "With row security on and no policy that lets it, code that runs sees no row."
)


def look(step: Step) -> Iterator[Finding]:
    for name, one in step.altered():
        yield from _altered(step, name, one)
    handler = _HANDLERS.get(step.kind)
    if handler is not None:
        yield from handler(step)


def _altered(step: Step, name: Name, one: Node) -> Iterator[Finding]:
    subtype = one.get("subtype", "")
    if subtype in ("AT_SetLogged", "AT_SetUnLogged") and step.rewrites(name):
        yield step.slow(PERSISTENCE, f"{shown(name)} is written anew while nobody can use it.", name)
    elif subtype == "AT_SetTableSpace":
        yield step.slow(TABLESPACE, f"{shown(name)} is copied to another tablespace while nobody can use it.", name)
    elif subtype == "AT_SetAccessMethod" and step.rewrites(name):
        yield step.slow(METHOD, f"{shown(name)} is written anew while nobody can use it.", name)
    elif subtype == "AT_AttachPartition":
        yield from _attached(step, one["def"]["PartitionCmd"])
    elif subtype == "AT_DetachPartition":
        yield from _detached(step, name, one["def"]["PartitionCmd"])
    elif subtype in ("AT_AddInherit", "AT_DropInherit"):
        yield step.finding(INHERITS, f"The parents of {shown(name)} change.", name)
    elif "Trig" in subtype:
        yield step.finding(
            TRIGGER, f"{shown(name)} is locked against writes for its triggers.", name, observed=step.ran is not None
        )
    elif subtype in ("AT_EnableRowSecurity", "AT_ForceRowSecurity"):
        yield step.finding(POLICY, f"Row security decides from now on what is seen of {shown(name)}.", name)


def _attached(step: Step, part: Node) -> Iterator[Finding]:
    child = relation(part["name"])
    defaults = [
        r.key
        for r in step.state.prior.tables()
        if step.ran is not None and r.key in step.ran.scanned and r.key != step.key(child)
    ]
    if not step.exists(child) or not (step.scans(child) or defaults):
        return
    rewrite = (
        f"ALTER TABLE {quoted(child)} ADD CONSTRAINT {child[1]}_bounds CHECK (… the bounds, and IS NOT NULL …) NOT VALID;\n"
        f"ALTER TABLE {quoted(child)} VALIDATE CONSTRAINT {child[1]}_bounds;\n"
        f"-- then it attaches without a scan\n{step.statement.sql.strip()};"
    )
    yield step.slow(ATTACH, f"{shown(child)} is read while nobody can use it.", child, rewrite=rewrite)


def _detached(step: Step, name: Name, part: Node) -> Iterator[Finding]:
    child = shown(relation(part["name"]))
    if part.get("concurrent"):
        yield step.finding(DETACHES, f"{child} is detached once every transaction on {shown(name)} has ended.", name)
    elif step.exists(relation(part["name"])):
        new = (
            f"ALTER TABLE {quoted(name)} DETACH PARTITION {child} CONCURRENTLY;  -- outside a transaction"
            if step.state.major >= 14
            else None
        )
        yield step.finding(
            DETACH,
            f"Detaching {child} locks {shown(name)} against everybody.",
            name,
            rewrite=new,
            observed=step.ran is not None,
        )


def _vacuum(step: Step) -> Iterator[Finding]:
    if options(step.node.get("options")).get("full") in (True, "true", "on", 1):
        named: list[Node] = step.node.get("rels") or [{}]
        for one in named:
            name = relation(one["VacuumRelation"]["relation"]) if one else None
            what = shown(name) if name else "every table"
            yield step.finding(
                FULL, f"{what} is written anew while nobody can use it.", name, observed=step.ran is not None
            )


def _cluster(step: Step) -> Iterator[Finding]:
    name = relation(step.node["relation"]) if "relation" in step.node else None
    if name is None or step.exists(name):
        yield step.finding(
            FULL,
            f"{shown(name) if name else 'Every clustered table'} is written anew in an index's order while nobody can use it.",
            name,
        )


def _trigger_made(step: Step) -> Iterator[Finding]:
    name = relation(step.node["relation"])
    if step.exists(name):
        yield step.finding(
            TRIGGER, f"{shown(name)} is locked against writes for the trigger.", name, observed=step.ran is not None
        )


def _trigger_dropped(step: Step) -> Iterator[Finding]:
    from dbwright.safety.nodes import names

    if step.node.get("removeType") == "OBJECT_TRIGGER":
        for one in step.node.get("objects", ()):
            parts = names(one["List"]["items"])
            name = (parts[-3] if len(parts) > 2 else None), parts[-2]
            if step.exists(name):
                yield step.finding(
                    TRIGGER,
                    f"Dropping the trigger locks {shown(name)} against everybody.",
                    name,
                    observed=step.ran is not None,
                )


def _refreshed(step: Step) -> Iterator[Finding]:
    name = relation(step.node["relation"])
    if not step.node.get("concurrent") and step.exists(name) and not step.node.get("skipData"):
        yield step.finding(
            REFRESH, f"{shown(name)} cannot be read until it is computed.", name,
            rewrite=f"REFRESH MATERIALIZED VIEW CONCURRENTLY {quoted(name)};", observed=step.ran is not None,
        )  # fmt: skip


def _locked(step: Step) -> Iterator[Finding]:
    for one in step.node.get("relations", ()):
        name = relation(one["RangeVar"])
        if step.exists(name) and int(step.node.get("mode", 0)) >= 5:
            yield step.finding(LOCKED, f"{shown(name)} is locked until the transaction ends.", name)


def _truncated(step: Step) -> Iterator[Finding]:
    for one in step.node.get("relations", ()):
        name = relation(one["RangeVar"])
        if step.exists(name):
            check = TRUNCATE_CASCADE if step.node.get("behavior") == "DROP_CASCADE" else TRUNCATE
            yield step.finding(check, f"{shown(name)} is emptied.", name, observed=step.ran is not None)


_HANDLERS = {
    "VacuumStmt": _vacuum,
    "ClusterStmt": _cluster,
    "CreateTrigStmt": _trigger_made,
    "DropStmt": _trigger_dropped,
    "RefreshMatViewStmt": _refreshed,
    "LockStmt": _locked,
    "TruncateStmt": _truncated,
}
