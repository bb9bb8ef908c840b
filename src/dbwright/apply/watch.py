"""What a run waits for before it acts: transactions that would keep its lock from it, replicas that fall behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg

from dbwright.fixes.steps import Step
from dbwright.model.quoting import quote_literal
from dbwright.model.wording import bytes_text

if TYPE_CHECKING:
    from dbwright.apply.engine import Door
    from dbwright.apply.session import Session

OLD_SECONDS = 1.0
"""From this age on a transaction is waited for; a younger one is done before the lock is given up."""
LAG_BYTES = 256 * 1024**2
"""How far behind a replica may be: some seconds of a busy server's WAL."""
LEAST_FREE_BYTES = 512 * 1024**2
"""A server that cannot write its WAL stops; this is 32 segments of it."""
LOOK_SECONDS = 0.5
TELL_SECONDS = 30.0


def wait_for_others(step: Step, door: Door) -> None:
    """Before a step that readers or writers would queue behind: until no transaction older than ``OLD_SECONDS`` has a lock on its
    relations. Before a concurrent build: until there is no old one in the database at all. Raises Stopped when that takes too long."""
    if step.concurrent:
        query = _OLD.format(age=OLD_SECONDS, on="")
    elif step.blocks_writes and step.relations:
        oids = ", ".join(f"to_regclass({quote_literal(relation)})" for relation in step.relations)
        query = _OLD.format(age=OLD_SECONDS, on=_HOLDS.format(oids=oids))
    else:
        return
    _wait(query, door, "Waiting for", "End it (SELECT pg_terminate_backend(pid)) or wait for it; then run this again.")


def wait_for_replicas(step: Step, door: Door) -> None:
    """Before a step that writes much: until every replica that can be seen has replayed all but ``LAG_BYTES``. Raises Stopped."""
    if step.work in ("build", "rewrite", "batches"):
        _wait(_LAG.format(bytes=LAG_BYTES), door, "Waiting for", "Run this again when the replica has caught up.")


def require_room(step: Step, door: Door) -> None:
    """Before a step that writes much: raises Stopped when the disk, as far as it can be seen, is nearly full."""
    from dbwright.apply.engine import Stopped

    free = free_bytes(door.session) if step.work in ("build", "rewrite", "batches") else None
    if free is not None and free < LEAST_FREE_BYTES:
        raise Stopped(
            f"Only {bytes_text(free)} are free where the server keeps its data.", "Make room, then run this again."
        )


def _wait(query: str, door: Door, what: str, remedy: str) -> None:
    from dbwright.apply.engine import Stopped

    began = time.monotonic()
    told = -TELL_SECONDS
    while rows := door.session.rows(query):
        door.pass_on()
        waited = time.monotonic() - began
        if waited - told >= TELL_SECONDS:
            door.tell(f"{what} {rows[0][0]}.")
            told = waited
        if waited > door.patience.total:
            raise Stopped(f"{rows[0][0]} does not end.", remedy)
        time.sleep(LOOK_SECONDS)


def autovacuum_works_on(step: Step, connection: psycopg.Connection[Any]) -> bool:
    """Whether autovacuum has a lock on the first relation of a step, so that it must be made to go."""
    if not step.relations:
        return False
    oid = f"pg_catalog.to_regclass({quote_literal(step.relations[0])})"
    query = (
        "SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid "
        "JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p') "
        f"WHERE a.backend_type = 'autovacuum worker' AND l.granted AND l.relation = {oid}"
    )
    return connection.execute(query.encode()).fetchone() is not None


_OLD = """
SELECT format('session %s (%s, %s, transaction open for %s s)', a.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unnamed'),
  coalesce(a.state, 'unknown'), round(extract(epoch FROM clock_timestamp() - a.xact_start)))
FROM pg_stat_activity a
WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND a.backend_type = 'client backend'
  AND a.xact_start < clock_timestamp() - interval '{age} s'
  AND (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL OR a.state LIKE 'idle in%')
  {on}
UNION ALL
SELECT format('prepared transaction %s (of %s, open for %s s)', quote_literal(p.gid), p.owner,
  round(extract(epoch FROM clock_timestamp() - p.prepared)))
FROM pg_prepared_xacts p WHERE p.database = current_database()
LIMIT 1"""
_HOLDS = "AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.relation IN ({oids}))"
_LAG = """
SELECT format('replica %s, %s behind', coalesce(nullif(r.application_name, ''), r.client_addr::text, 'unnamed'),
  pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)))
FROM pg_stat_replication r
WHERE NOT pg_is_in_recovery() AND r.state = 'streaming' AND pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) > {bytes}
LIMIT 1"""


def free_bytes(session: Session) -> int | None:
    """Free bytes where the server keeps its data, as far as that can be seen from here: on this machine, through a local socket, and when
    the server tells where its data is. None when it cannot."""
    import os

    host = session.connection.info.host
    if host and not host.startswith(("/", "@")):
        return None
    (row,) = session.rows(
        "SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END"
    )
    try:
        state = os.statvfs(row[0]) if row[0] else None
    except OSError:
        return None
    return state.f_bavail * state.f_frsize if state else None


def sees_replicas(session: Session) -> bool:
    """Whether the server tells this role how far its replicas are behind."""
    return session.holds("pg_has_role('pg_read_all_stats', 'USAGE')")
