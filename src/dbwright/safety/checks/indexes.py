"""Indexes that are made, dropped and rebuilt."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.safety import sequences
from dbwright.safety.judged import Check, Finding, Step, quoted, shown
from dbwright.safety.nodes import Name, options, relation

BUILD = Check(
    "blocking-index-build",
    "error",
    (
        "CREATE INDEX holds a SHARE lock while it reads the whole table: every INSERT, UPDATE and DELETE waits that "
        "long. CONCURRENTLY lets them through."
    ),
    ("index-not-concurrent", "index-build-in-exclusive-tx"),
)
DROP = Check(
    "blocking-index-drop",
    "warning",
    (
        "DROP INDEX takes an ACCESS EXCLUSIVE lock on the table: it waits behind every running query on it, and every "
        "new query waits behind it."
    ),
    ("drop-index-not-concurrent",),
)
REBUILD = Check(
    "blocking-reindex",
    "error",
    (
        "REINDEX holds a lock against writes on the table and against every use of the index while it builds; from "
        "PostgreSQL 12 on it can be CONCURRENTLY."
    ),
    ("reindex-not-concurrent",),
)


def look(step: Step) -> Iterator[Finding]:
    if step.kind == "IndexStmt":
        yield from _build(step)
    elif step.kind == "DropStmt":
        yield from _drop(step)
    elif step.kind == "ReindexStmt":
        yield from _rebuild(step)


def _build(step: Step) -> Iterator[Finding]:
    node, name = step.node, relation(step.node["relation"])
    if node.get("concurrent") or not step.exists(name) or node["relation"].get("relpersistence") == "t":
        return
    known = step.relation(name)
    index = node.get("idxname") or f"{name[1]}_idx"
    if known is not None and known.relkind == "p":
        if not node["relation"].get("inh"):
            return  # ON ONLY: no partition is read
        rewrite = sequences.create_index_of_partitions(step.framework, quoted(name), index)
    else:
        rewrite = sequences.create_index(step.framework, step.statement.sql, quoted(name), index)
    held = step.state.exclusive.get(step.key(name)) if step.statement.transaction is not None else None
    more = f" The transaction already keeps readers out since line {held}." if held else ""
    yield step.slow(
        BUILD, f"{index} is built on {shown(name)} while nobody can write to it.{more}", name, rewrite=rewrite
    )


def _drop(step: Step) -> Iterator[Finding]:
    if step.node.get("concurrent"):
        return
    for name in step.dropped("OBJECT_INDEX"):
        known = step.state.prior.find(name)
        if name[1] in step.state.made_names or (
            known is None and step.node.get("missing_ok") and not step.state.invented_tables
        ):
            continue
        table = step.state.prior.relations.get(known.table_oid) if known is not None else None
        of: Name | None = table.key if table is not None else None
        if table is not None and (table.relkind == "p" or table.name in step.state.made):
            continue
        where = f" of {shown(of)}" if of else ""
        yield step.finding(
            DROP, f"Dropping {name[1]} locks its table{where} against everybody.", of,
            rewrite=sequences.drop_index(step.framework, quoted(name)), observed=step.ran is not None,
        )  # fmt: skip


def _rebuild(step: Step) -> Iterator[Finding]:
    if options(step.node.get("params")).get("concurrently") in (True, "true", "on", 1):
        return
    kind = step.node.get("kind", "").removeprefix("REINDEX_OBJECT_")
    target = step.node.get("relation")
    what = relation(target) if target else (None, step.node.get("name") or "")
    if (kind == "TABLE" and not step.exists(what)) or (kind == "INDEX" and what[1] in step.state.made_names):
        return
    new = f"REINDEX {kind} CONCURRENTLY {quoted(what)};  -- outside a transaction" if step.state.major >= 12 else None
    yield step.finding(
        REBUILD, f"REINDEX {kind} {shown(what)} keeps writers out until it is built.", what if kind == "TABLE" else None,
        rewrite=new, observed=step.ran is not None,
    )  # fmt: skip
