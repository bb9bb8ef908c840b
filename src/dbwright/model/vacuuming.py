"""When autovacuum comes: the thresholds in force for a table, and the time over which counters ran."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dbwright.model.activity import PreparedTransaction
from dbwright.model.catalog import Table
from dbwright.model.finding import ObjectRef
from dbwright.model.quoting import quote_identifier, quote_shell
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import TableStatistics

_DEFAULTS = {
    "autovacuum_vacuum_threshold": 50.0,
    "autovacuum_vacuum_scale_factor": 0.2,
    "autovacuum_vacuum_insert_threshold": 1000.0,
    "autovacuum_vacuum_insert_scale_factor": 0.2,
    "autovacuum_analyze_threshold": 50.0,
    "autovacuum_analyze_scale_factor": 0.1,
    "autovacuum_vacuum_max_threshold": 100_000_000.0,
}
_FALSE = frozenset("false fals fal fa f off of no n 0".split())
WRAPAROUND = 2**31
"""Ids that can be told apart: 2^31 transactions (or multixacts) after a row was written, it would seem to lie ahead."""


def database_step(name: str) -> str:
    """How to vacuum a whole database. vacuumdb would read a name with ``=`` or ``://`` as a connection string."""
    then = "and see in the log why autovacuum did not do it."
    if "=" in name or "://" in name or not name.isprintable():
        return f"Connect to the database {quote_identifier(name)} as a superuser, run VACUUM; there, {then}"
    return f"vacuumdb --jobs 2 --dbname {quote_shell(name)}, as a superuser, {then}"


def parameter(snapshot: Snapshot, table: Table, name: str) -> float:
    """An autovacuum parameter as it holds for a table: its storage parameter, else the server's, else PostgreSQL's default."""
    text = table.option(name)
    try:
        if text is not None:
            return float(text)
    except ValueError:
        pass
    number = snapshot.settings.number(name)
    return _DEFAULTS[name] if number is None else number


def autovacuum_off(table: Table) -> bool:
    """Whether the table's storage parameters shut autovacuum out."""
    text = table.option("autovacuum_enabled")
    return text is not None and text.lower() in _FALSE


def vacuum_threshold(snapshot: Snapshot, table: Table, rows: float) -> float:
    """Dead rows from which autovacuum vacuums the table."""
    scale = parameter(snapshot, table, "autovacuum_vacuum_scale_factor")
    threshold = parameter(snapshot, table, "autovacuum_vacuum_threshold") + scale * rows
    if snapshot.target.major >= 18:
        most = parameter(snapshot, table, "autovacuum_vacuum_max_threshold")
        threshold = min(threshold, most) if most >= 0 else threshold
    return threshold


def insert_threshold(snapshot: Snapshot, table: Table, rows: float) -> float | None:
    """Inserted rows from which autovacuum vacuums the table (PostgreSQL 13 and later); None where that is switched off."""
    base = parameter(snapshot, table, "autovacuum_vacuum_insert_threshold")
    return None if base < 0 else base + parameter(snapshot, table, "autovacuum_vacuum_insert_scale_factor") * rows


def analyze_threshold(snapshot: Snapshot, table: Table, rows: float) -> float:
    """Modified rows from which autovacuum analyzes the table."""
    scale = parameter(snapshot, table, "autovacuum_analyze_scale_factor")
    return parameter(snapshot, table, "autovacuum_analyze_threshold") + scale * rows


def latest(*times: datetime | None) -> datetime | None:
    """The latest of the times that are there."""
    return max((time for time in times if time), default=None)


def hours_since(snapshot: Snapshot, *times: datetime | None) -> float | None:
    """Hours from the latest of the times to the snapshot; None when there is none."""
    last = latest(*times)
    return (snapshot.taken_at - last).total_seconds() / 3600 if last else None


def dead_share(row: TableStatistics) -> float:
    """Dead rows as a share of all row versions, 0 to 1; by the planner's count of rows where it is the larger."""
    alive = max(row.live_rows, row.estimated_rows, 0)
    return row.dead_rows / (alive + row.dead_rows) if row.dead_rows > 0 else 0.0


def stored_tables(snapshot: Snapshot) -> Iterator[tuple[Table, TableStatistics]]:
    """The users' tables, partitions and materialized views that hold rows themselves, each with its statistics."""
    for table in snapshot.catalog.storage_tables:
        row = snapshot.statistics.table_by_oid.get(table.oid)
        if row:
            yield table, row


@dataclass(frozen=True, slots=True)
class Holder:
    """What keeps VACUUM from removing rows that died since: a session, a replication slot or a prepared transaction.

    ``age`` is in transactions; ``seconds`` how long it has been so, when known; ``step`` what ends it.
    """

    object: ObjectRef
    what: str
    age: int
    seconds: float | None
    step: str


def horizon_holders(snapshot: Snapshot) -> tuple[Holder, ...]:
    """Everything that holds the horizon of this database back, the oldest first."""
    found = [*_sessions(snapshot), *_slots(snapshot), *_prepared(snapshot)]
    return tuple(sorted(found, key=lambda holder: (-holder.age, holder.what)))


def _sessions(snapshot: Snapshot) -> Iterator[Holder]:
    # The snapshot of a VACUUM does not count; a parallel worker has its leader's.
    vacuums = {p.pid for p in snapshot.activity.progress if p.command == "vacuum"}
    for session in snapshot.activity.sessions:
        if (
            session.xmin_age is None
            or session.pid in vacuums
            or session.backend_type.startswith(("autovacuum", "parallel"))
        ):
            continue
        name = f"{session.user or session.backend_type}@{session.application}" if session.application else session.user
        ref = ObjectRef("session", name or session.backend_type)
        if session.backend_type == "walsender":
            what = f"the standby {session.application or session.user} (hot_standby_feedback)"
            step = "End the long query on the standby, or set max_standby_streaming_delay there instead of hot_standby_feedback."
            yield Holder(ref, what, session.xmin_age, None, step)
        elif session.database in (None, snapshot.target.database):
            state = session.state or session.backend_type
            what = f"session {session.pid} of {name or 'an unknown role'} ({state})"
            step = f"SELECT pg_terminate_backend({session.pid}); after a look at what it does"
            yield Holder(ref, what, session.xmin_age, session.transaction_seconds, step)


def _slots(snapshot: Snapshot) -> Iterator[Holder]:
    for slot in snapshot.replication.slots:
        if slot.xmin_age is not None:
            state = "active" if slot.active else "without a consumer"
            step = f"If nothing will consume it again: SELECT pg_drop_replication_slot('{slot.name}');"
            yield Holder(
                ObjectRef("slot", slot.name),
                f"replication slot {slot.name} ({state})",
                slot.xmin_age,
                None if slot.active else slot.inactive_seconds,
                "Let its consumer catch up." if slot.active else step,
            )


def _prepared(snapshot: Snapshot) -> Iterator[Holder]:
    for row in snapshot.activity.prepared_transactions:
        if row.database == snapshot.target.database:
            yield Holder(
                ObjectRef("session", row.name),
                f"prepared transaction {row.name}",
                row.xid_age,
                row.age_seconds,
                prepared_step(row),
            )


def prepared_step(row: PreparedTransaction) -> str:
    """How to end a prepared transaction."""
    name = row.name.replace("'", "''")
    return f"Ask its coordinator for the outcome, then in {row.database}: COMMIT PREPARED '{name}'; or ROLLBACK PREPARED '{name}';"
