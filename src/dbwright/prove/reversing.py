"""Whether findings go with the change and return without it, and whether taking it back leaves everything as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import psycopg

from dbwright.audit import audit
from dbwright.collect.postgres import collect
from dbwright.model.finding import Finding
from dbwright.model.proved import Returned, Reversal
from dbwright.model.snapshot import Snapshot
from dbwright.plaintext import one_line
from dbwright.postgres import connect, parse_address
from dbwright.prove.changes import Proposal
from dbwright.prove.measuring import Case
from dbwright.prove.running import Copy, RunFailed

_CATALOG = """
    SELECT 'index', indexrelid::regclass::text, concat(pg_get_indexdef(indexrelid), indisvalid) FROM pg_index WHERE indexrelid >= 16384
    UNION ALL SELECT 'constraint', concat(conrelid::regclass, '.', conname), concat(pg_get_constraintdef(oid), convalidated)
      FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT 'column', concat(attrelid::regclass, '.', attname), concat(format_type(atttypid, atttypmod), attnotnull,
        attstorage, attstattarget, (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum))
      FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
        AND attrelid IN (SELECT oid FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relpersistence <> 't')
    UNION ALL SELECT 'relation', oid::regclass::text, concat(relkind, reloptions) FROM pg_class
      WHERE oid >= 16384 AND relkind <> 't' AND relnamespace <> 'pg_toast'::regnamespace AND relpersistence <> 't'
    UNION ALL SELECT 'statistics', stxname::text, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
    UNION ALL SELECT 'trigger', concat(tgrelid::regclass, '.', tgname), pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'policy', concat(polrelid::regclass, '.', polname), pg_get_expr(polqual, polrelid) FROM pg_policy
    UNION ALL SELECT 'setting', 'database', unnest(setconfig) FROM pg_db_role_setting
      WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def catalog_of(copy: Copy) -> frozenset[tuple[str, ...]]:
    """What a change could leave behind: indexes, constraints, columns, options, statistics, triggers, policies, settings."""
    return frozenset(copy.connection.execute(_CATALOG.encode()).fetchall())


def snapshot_of(conninfo: str, like: Snapshot | None = None) -> Snapshot:
    """A copy read as any database is, with what is known of the project around the original."""
    parameters = parse_address(conninfo)
    with connect(parameters) as connection:
        read = collect(connection, parameters)
    if like is None:
        return read
    return replace(read, project=like.project, source=like.source, attribution=like.attribution, applied=like.applied)


def present(findings: Sequence[Finding], conninfo: str, like: Snapshot | None) -> set[str]:
    """The ids of those that are found on a copy now."""
    rules = sorted({finding.rule for finding in findings})
    report = audit(snapshot_of(conninfo, like), only=rules)
    return {finding.id for finding in report.findings}


def returned(
    findings: Sequence[Finding], before: set[str], after: set[str] | None, back: set[str] | None
) -> tuple[Returned, ...]:
    """Each finding with where it was found."""
    return tuple(
        Returned(
            finding.id,
            finding.title,
            finding.id in before,
            None if after is None else finding.id in after,
            None if back is None else finding.id in back,
        )
        for finding in findings
    )


def take_back(
    proposal: Proposal, pair: tuple[Copy, Copy], earlier: frozenset[tuple[str, ...]], cases: Iterable[Case]
) -> Reversal:
    """Take the change back on the copy after, and compare its catalog with the earlier one, its plans with those of the other copy."""
    copy = pair[1]
    if proposal.one_way:
        return Reversal(None, problem=f"no way back is known for: {proposal.one_way[0]}; give it with --undo FILE")
    try:
        for statement in proposal.backward:
            copy.command(statement)
    except psycopg.Error as error:
        return Reversal(False, problem=one_line((error.diag.message_primary or str(error)).strip()))
    copy.again()
    left = catalog_of(copy) ^ earlier
    compared, others = 0, []
    for case in cases:
        for text in case.draws.texts:
            compared += 1
            try:
                if copy.shape(text) != pair[0].shape(text):
                    others.append(case.statement.origin)
                    break
            except RunFailed:
                others.append(case.statement.origin)
                break
    problem = f"left behind: {', '.join(sorted(row[1] for row in left))[:200]}" if left else None
    return Reversal(not left, compared, tuple(dict.fromkeys(others)), problem)
