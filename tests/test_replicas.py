"""Counters of replicas from their snapshots."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli import assert_one_clear_error, dbwright
from dbwright.errors import DbwrightError
from dbwright.model.activity import RecoveryState, Replication
from dbwright.model.snapshot import SCHEMA_VERSION, Snapshot, Target
from dbwright.replicas import with_replicas
from dbwright.snapshots import encode

TARGET = Target("postgresql", "app@primary/shop", "f00d", "shop", 150000, "15.0", "app", False, True)
STARTED = datetime(2026, 10, 1, tzinfo=UTC)


def snapshot(*, in_recovery: bool, identifier: str | None = "7", database: str = "shop") -> Snapshot:
    recovery = RecoveryState(in_recovery, None, None, None, identifier)
    target = replace(
        TARGET, database=database, started_at=STARTED, name="app@replica/shop" if in_recovery else TARGET.name
    )
    return Snapshot(SCHEMA_VERSION, "0", datetime(2026, 11, 21, tzinfo=UTC), target, replication=Replication(recovery))


PRIMARY = snapshot(in_recovery=False)


def saved(found: Snapshot, folder: Path, name: str = "replica.json") -> Path:
    path = folder / name
    path.write_bytes(encode(found))
    return path


def test_each_replica_becomes_a_node_with_the_time_it_was_read(tmp_path: Path) -> None:
    paths = [saved(snapshot(in_recovery=True), tmp_path, f"{n}.json") for n in range(2)]
    nodes = with_replicas(PRIMARY, paths).statistics.nodes
    assert [node.name for node in nodes] == ["app@replica/shop as of 2026-11-21 00:00"] * 2
    assert nodes[0].started_at == STARTED


def test_the_primary_may_be_added_to_a_replica(tmp_path: Path) -> None:
    found = with_replicas(snapshot(in_recovery=True), [saved(PRIMARY, tmp_path)])
    assert len(found.statistics.nodes) == 1


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (snapshot(in_recovery=True, identifier="8"), "its system identifier differs"),
        (snapshot(in_recovery=True, identifier=None), "its system identifier differs, or is not known"),
        (snapshot(in_recovery=True, database="other"), "it is another database"),
        (PRIMARY, "it is not in recovery"),
    ],
)
def test_counters_of_something_else_are_not_added(other: Snapshot, reason: str, tmp_path: Path) -> None:
    with pytest.raises(DbwrightError, match=reason):
        with_replicas(PRIMARY, [saved(other, tmp_path)])


def test_the_command_says_so_in_one_clear_error(tmp_path: Path) -> None:
    for name, found in (("primary.json", PRIMARY), ("other.json", snapshot(in_recovery=True, identifier="8"))):
        saved(found, tmp_path, name)
    arguments = ("--snapshot", "primary.json", "--replica-snapshot", "other.json")
    assert_one_clear_error(dbwright("advise", ".", *arguments, folder=tmp_path))
