"""dbwright's own memory: every audit of a target, and the life of each finding across them, in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from platformdirs import user_data_path

from dbwright.model.finding import Finding
from dbwright.model.report import Life, Report, ResolvedFinding

_VERSION = 1
_SCHEMA = f"""
PRAGMA user_version = {_VERSION};
CREATE TABLE audits (
    target text NOT NULL,
    target_name text NOT NULL,
    taken_at text NOT NULL,
    tool_version text NOT NULL,
    findings integer NOT NULL,
    score integer,
    PRIMARY KEY (target, taken_at)
) STRICT;
CREATE TABLE lives (
    target text NOT NULL,
    finding text NOT NULL,
    rule text NOT NULL,
    title text NOT NULL,
    severity text NOT NULL,
    first_seen text NOT NULL,
    last_seen text NOT NULL,
    resolved_at text,
    PRIMARY KEY (target, finding)
) STRICT;
"""
_WAIT_SECONDS = 5.0
"""How long another audit may hold the file."""


def default_path(environment: Mapping[str, str]) -> Path:
    """Where the store is: ``DBWRIGHT_STORE``, else a file in the user's data folder."""
    given = environment.get("DBWRIGHT_STORE")
    return Path(given) if given else user_data_path("dbwright", appauthor=False) / "history.sqlite3"


def remember(report: Report, path: Path) -> Report:
    """Record the audit and return the report with the life of each finding and what was resolved since the last one.

    A snapshot that is not newer than the last audit of its target is compared but not recorded. Findings of rules that were
    not run or could not look are left as they were. Raises sqlite3.Error or OSError when the store cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            if connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
                raise sqlite3.DatabaseError("another version of dbwright, or another program, wrote it")
            connection.executescript(_SCHEMA)
        # Two audits at once must not both read before either writes.
        connection.execute("BEGIN IMMEDIATE")
        remembered = _remember(report, connection)
        connection.execute("COMMIT")
    return remembered


def _remember(report: Report, connection: sqlite3.Connection) -> Report:
    target, now = report.snapshot.target.identity, report.snapshot.taken_at
    last = connection.execute("SELECT max(taken_at) FROM audits WHERE target = ?", (target,)).fetchone()[0]
    rows = connection.execute("SELECT * FROM lives WHERE target = ?", (target,)).fetchall()
    known = {row["finding"]: row for row in rows}
    present = {f.id: f for f in (*report.findings, *(held.finding for held in report.ignored))}
    lives = {finding.id: _life(known.get(finding.id), now) for finding in present.values()}
    looked = set(report.rules_run) - {entry.rule for entry in report.not_checked}
    resolved = [
        ResolvedFinding(
            row["finding"],
            row["rule"],
            row["title"],
            Life("resolved", datetime.fromisoformat(row["first_seen"]), datetime.fromisoformat(row["last_seen"]), now),
        )
        for row in rows
        if row["finding"] not in present and row["resolved_at"] is None and row["rule"] in looked
    ]
    if last is None or now > datetime.fromisoformat(last):
        _record(report, connection, present, lives, resolved)
    return replace(report, lives=lives, resolved=tuple(sorted(resolved, key=lambda r: (r.rule, r.title))))


def _life(row: sqlite3.Row | None, now: datetime) -> Life:
    """The life of a finding that is there now."""
    if row is None:
        return Life("new", now, now)
    first = datetime.fromisoformat(row["first_seen"])
    if row["resolved_at"] is not None:
        return Life("regressed", first, now, datetime.fromisoformat(row["resolved_at"]))
    return Life("new" if first == now else "unchanged", first, now)


def _record(
    report: Report,
    connection: sqlite3.Connection,
    present: Mapping[str, Finding],
    lives: Mapping[str, Life],
    resolved: list[ResolvedFinding],
) -> None:
    target, now = report.snapshot.target, report.snapshot.taken_at.isoformat()
    connection.executemany(
        "INSERT INTO lives VALUES (?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (target, finding) DO UPDATE SET title = excluded.title,"
        " severity = excluded.severity, last_seen = excluded.last_seen, resolved_at = NULL",
        [
            (target.identity, f.id, f.rule, f.title, f.severity, lives[f.id].first_seen.isoformat(), now)
            for f in present.values()
        ],
    )
    connection.executemany(
        "UPDATE lives SET resolved_at = ? WHERE target = ? AND finding = ?",
        [(now, target.identity, r.id) for r in resolved],
    )
    score = report.overall.value if report.overall else None
    connection.execute(
        "INSERT INTO audits VALUES (?, ?, ?, ?, ?, ?)",
        (target.identity, target.name, now, report.snapshot.tool_version, len(report.findings), score),
    )
