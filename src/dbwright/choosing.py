"""Which findings a command is about: those named, or all that are severe enough."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from dbwright.errors import DbwrightError
from dbwright.model.finding import SEVERITIES, Finding, Severity
from dbwright.model.report import Report


class NoSuchFinding(DbwrightError):
    """Something was named that the audit does not find."""


def chosen(report: Report, names: Sequence[str], least: Severity) -> list[Finding]:
    """The findings that are meant: those named by id or by rule (patterns allowed), else all that are at least so severe. Raises
    NoSuchFinding."""
    if not names:
        wanted = SEVERITIES[: SEVERITIES.index(least) + 1]
        return [finding for finding in report.findings if finding.severity in wanted]
    found: list[Finding] = []
    for name in names:
        named = [finding for finding in report.findings if _is_named(finding, name)]
        if not named:
            raise NoSuchFinding(
                f"The audit finds nothing that is called {name!r}.",
                "`dbwright audit --format json` lists the findings with their ids and rules.",
            )
        found += [finding for finding in named if finding not in found]
    return found


def _is_named(finding: Finding, name: str) -> bool:
    return finding.id == name or fnmatchcase(finding.rule, name) or finding.rule.startswith(name.rstrip("/") + "/")
