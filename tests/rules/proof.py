"""The generic proof of a rule: its samples, built on a real server.

GOOD samples are silent. Each BAD sample is found; applying the change silences it; taking the change back brings the same finding back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import postgast
import psycopg
import psycopg.sql

from dbwright.audit import audit
from dbwright.collect.postgres import collect
from dbwright.embedded import EmbeddedServer
from dbwright.fixes import sql
from dbwright.model.change import Change
from dbwright.model.finding import Finding
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.postgres import connect, parse_address
from dbwright.rules import Rule


class SampleDatabase:
    """A sample as a database: built, read, changed."""

    def __init__(self, server: EmbeddedServer, name: str, sample: Sample) -> None:
        self.server, self.name, self.sample = server, name, sample
        self.conninfo = server.create_database(name)
        self.roles = self.role_names()
        self.execute(split(sample.ddl))
        self.set_parameters(sample.settings)

    def execute(self, statements: Iterable[str]) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    def set_parameters(self, settings: Mapping[str, str]) -> None:
        if not settings:
            return
        for name, value in settings.items():
            self.execute([f"ALTER SYSTEM SET {name} = {value}"])
        self.server.restart()

    def snapshot(self) -> Snapshot:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute("SELECT pg_stat_force_next_flush()" if self.server.major >= 15 else "SELECT 1")
        parameters = parse_address(self.conninfo)
        with connect(parameters) as connection:
            snapshot = collect(connection, parameters)
        snapshot = with_statistics(snapshot, self.sample.statistics)
        return self.sample.edit(snapshot) if self.sample.edit else snapshot

    def findings(self, rule: Rule) -> list[Finding]:
        report = audit(self.snapshot(), only=[rule.id], limits={rule.id: self.sample.limits})
        assert not [n for n in report.not_checked if not n.partial], report.not_checked
        return list(report.findings)

    def close(self) -> None:
        """What a sample set for its role or for the server would reach the samples after it."""
        self.execute(["ALTER ROLE CURRENT_USER RESET ALL"])
        if self.sample.settings or self.changed_server:
            self.execute(["ALTER SYSTEM RESET ALL"])
            self.server.restart()
        strangers = self.role_names() - self.roles
        self.server.drop_database(self.name)
        with psycopg.connect(self.server.conninfo(), autocommit=True) as connection:
            for role in sorted(strangers):
                connection.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(role)))

    def role_names(self) -> set[str]:
        """Roles belong to the server, so those that a sample made must go with it."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}

    changed_server = False

    def apply(self, statements: Iterable[str]) -> None:
        statements = list(statements)
        for statement in statements:
            postgast.parse(statement)
        self.execute(statements)
        if any(statement.startswith("ALTER SYSTEM") for statement in statements):
            self.changed_server = True
            self.server.restart()


def split(script: str) -> list[str]:
    return [statement for statement in postgast.split(script) if statement.strip()] if script.strip() else []


def with_statistics(snapshot: Snapshot, overrides: Mapping[str, Mapping[str, Any]]) -> Snapshot:
    """Counters and sizes of tables and indexes replaced, by name."""
    tables = {t.oid: t.name for t in snapshot.catalog.tables}
    indexes = {i.oid: i.name for i in snapshot.catalog.indexes}
    statistics = dataclasses.replace(
        snapshot.statistics,
        tables=tuple(
            dataclasses.replace(t, **overrides.get(tables.get(t.oid, ""), {})) for t in snapshot.statistics.tables
        ),
        indexes=tuple(
            dataclasses.replace(i, **overrides.get(indexes.get(i.oid, ""), {})) for i in snapshot.statistics.indexes
        ),
    )
    return dataclasses.replace(snapshot, statistics=statistics)


def identities(findings: Iterable[Finding]) -> set[str]:
    return {finding.id for finding in findings}


def prove_found(rule: Rule, database: SampleDatabase) -> None:
    """Found; the changes silence it; their reverse brings the same findings back."""
    found = database.findings(rule)
    assert len(found) == database.sample.findings, [f.title for f in found]
    changes = [finding.change for finding in found if finding.change]
    if not changes or database.sample.edit:
        return
    database.apply(statement for change in changes for statement in sql.forward(change))
    left = [finding for finding in database.findings(rule) if finding.change]
    assert not left, [finding.title for finding in left]
    backwards = [reverse_statements(change) for change in reversed(changes)]
    if database.sample.reversible and all(backwards):
        database.apply(statement for statements in backwards for statement in statements)
        assert identities(database.findings(rule)) == identities(found)


def reverse_statements(change: Change) -> tuple[str, ...]:
    return sql.backward(change)


def prove_silent(rule: Rule, database: SampleDatabase) -> None:
    found = database.findings(rule)
    assert not found, [f"{f.title}: {f.message}" for f in found]
