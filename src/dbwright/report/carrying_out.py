"""Commands as they are copied from a report: for the same project and database, never with a password."""

from __future__ import annotations

import shlex

from dbwright.fixes.tables import table_of
from dbwright.model.finding import Finding
from dbwright.model.report import Report


def carrying_out(report: Report, finding: Finding) -> str | None:
    """The command that carries out a finding's change: in the models and migrations where they make its tables, else in the database."""
    change = finding.change or finding.code_change
    if change is None:
        return _command(report, "fix", finding, "--tests", "auto") if finding.edits else None
    made = {table.name for table in report.snapshot.source.tables if table.owned and table.managed}
    tables = {table[1] for operation in change.operations if (table := table_of(operation)) is not None}
    if tables and tables <= made:
        return _command(report, "fix", finding)
    is_live = change.engine == "postgresql" and report.snapshot.collection_seconds and "--snapshot" not in report.given
    return _command(report, "apply", finding) if is_live else None


def _command(report: Report, verb: str, finding: Finding, *words: str) -> str:
    return shlex.join(["dbwright", verb, finding.id, *words, *report.given])


def audit_again(report: Report, *words: str) -> str:
    """The audit of the same, asked in other words."""
    given = [word for word in report.given if word != "--project"]  # which is its argument
    return shlex.join(["dbwright", "audit", *given, *words])
