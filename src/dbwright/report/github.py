"""The report for a workflow of GitHub Actions: annotations from workflow commands, and a summary for the run's page.

GitHub shows ten annotations of a kind for a step, so the worst ten of each are given.
"""

from __future__ import annotations

from collections import Counter

from dbwright.model.finding import SEVERITIES, Finding, Severity
from dbwright.model.report import Report
from dbwright.model.wording import counted
from dbwright.plaintext import one_line
from dbwright.report import markdown

MOST_OF_A_KIND = 10
COMMANDS: dict[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "notice",
    "info": "notice",
}


def render(report: Report) -> str:
    """Workflow commands, then one plain line."""
    given: Counter[str] = Counter()
    lines = []
    for finding in report.findings:
        command = COMMANDS[finding.severity]
        if given[command] < MOST_OF_A_KIND:
            given[command] += 1
            lines.append(_command(command, finding))
    return "\n".join([*lines, _last_line(report, given.total())]) + "\n"


def summary(report: Report) -> str:
    """What to append to the file that ``GITHUB_STEP_SUMMARY`` names."""
    return markdown.render(report)


def _command(command: str, finding: Finding) -> str:
    properties = {"title": f"{finding.severity}: {finding.title}"}
    if finding.locations:
        place = finding.locations[0]
        properties = {"file": place.file, "line": str(max(1, place.line)), **properties}
    step = f" Next step: {finding.next_step}" if finding.next_step and not finding.change else ""
    message = f"{finding.message}{step} ({finding.rule})"
    return f"::{command} {','.join(f'{key}={_property(text)}' for key, text in properties.items())}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as the runner's toolkit does. ``##[`` began commands in an older syntax, at any place of a line."""
    return one_line(text).replace("##[", "## [").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _last_line(report: Report, given: int) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    parts = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    text = f"dbwright: {counted(len(report.findings), 'finding')}" + (f" ({parts})" if parts else "")
    if given < len(report.findings):
        text += f"; the worst {given} are annotated"
    if report.hints:
        text += f"; {counted(len(report.hints), 'hint')} not listed (--hints)"
    if report.not_checked:
        text += f"; {counted(len(report.not_checked), 'rule')} not fully checked"
    return text
