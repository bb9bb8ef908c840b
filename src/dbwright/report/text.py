"""The report in a terminal: the five things that matter, then what else there is and what could not be looked at."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from io import StringIO
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from dbwright.fixes import sql
from dbwright.model.finding import SEVERITIES, Finding
from dbwright.model.report import Report
from dbwright.model.wording import bytes_text, counted, duration, listed
from dbwright.plaintext import clean, one_line
from dbwright.ranking import leading
from dbwright.report import plan
from dbwright.report.carrying_out import audit_again, carrying_out

COLOURS = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan", "info": "dim"}
WIDTH = 110
MOST_STATEMENTS = 5


def show(report: Report, *, stream: TextIO | None = None, fail_on: str | None = None) -> None:
    """Print the report; in colour only where a person looks (and ``NO_COLOR`` is not set)."""
    stream = stream or sys.stdout
    if not stream.isatty():
        stream.write(_plain(report, fail_on))
        return
    console = Console(file=stream, no_color="NO_COLOR" in os.environ, highlight=False)
    console.width = min(console.width, WIDTH)
    _whole(console, report, fail_on)


def render(report: Report) -> str:
    """The same as plain text, for a file."""
    return _plain(report, None)


def _plain(report: Report, fail_on: str | None) -> str:
    """No escape sequence is in it, whatever the environment asks for, and no line ends in blanks."""
    stream = StringIO()
    _whole(Console(file=stream, force_terminal=False, no_color=True, width=WIDTH, highlight=False), report, fail_on)
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def _whole(console: Console, report: Report, fail_on: str | None) -> None:
    _header(console, report)
    _findings(console, report)
    _rest(console, report, fail_on)


def _header(console: Console, report: Report) -> None:
    snapshot = report.snapshot
    catalog = snapshot.catalog
    engine = "PostgreSQL" if snapshot.target.engine == "postgresql" else "SQLite"
    version = f"{engine} {snapshot.target.version_text}" if snapshot.was_read else "not read"
    if snapshot.runs_elsewhere or not snapshot.was_read:
        version += f"; code judged for {'PostgreSQL' if snapshot.runs_elsewhere else engine}"
    bytes_ = sum(t.total_bytes for t in snapshot.statistics.tables)
    console.print(Text(one_line(f"{snapshot.target.name} · {version}"), style="bold"))
    if catalog.tables:
        read = (
            f"{bytes_text(bytes_)}; read in {snapshot.collection_seconds:.1f} s" if snapshot.was_read else "by the code"
        )
        console.print(
            f"{len(catalog.user_tables):,} tables, {len(catalog.user_indexes):,} indexes, {read}, "
            f"{counted(len(report.rules_run), 'rule')} in {report.audit_seconds:.1f} s",
            style="dim",
        )
    if snapshot.source.exact:
        console.print("Models as the project's own interpreter tells them: its code was run (--import).", style="dim")
    console.print()


def _findings(console: Console, report: Report) -> None:
    aside = _own_machine(report)
    top = leading(finding for finding in report.findings if finding not in aside)
    if not report.findings:
        looked = len(report.rules_run)
        console.print(
            Text(f"Nothing found by {looked} rules." if looked else "Nothing could be checked.", style="bold")
        )
        console.print()
        return
    for number, (finding, more) in enumerate(top, 1):
        _finding(console, report, number, finding, more)
    if aside:
        names = listed(finding.rule.partition("/")[2] for finding in aside)
        console.print(
            Text(f"Settings of the server on your own machine: {len(aside)} findings ({names})", style="bold")
        )
        command = audit_again(report, "--only", "settings", "--format", "markdown")
        console.print(Text(f"   see   {command}", style="dim"), soft_wrap=True)
        console.print()


_OWN_MACHINE = re.compile(r"(?:\A|@)(?:local socket|localhost|127\.0\.0\.1|::1|/[^@]*?)(?::\d+)?/[^/]*\Z")


def _own_machine(report: Report) -> list[Finding]:
    """Findings about settings of a server on this machine, which is a developer's as a rule: one line for all of them.
    A severe one is told like any other."""
    target = report.snapshot.target
    if target.engine != "postgresql" or not _OWN_MACHINE.search(target.name):
        return []
    found = [f for f in report.findings if f.rule.startswith("settings/") and f.severity not in ("critical", "high")]
    return found if len(found) > 1 else []


def _finding(console: Console, report: Report, number: int, finding: Finding, more: int) -> None:
    life = report.lives.get(finding.id)
    first_audit = all(known.state == "new" for known in report.lives.values())
    state = f" · {life.state}" if life and life.state != "unchanged" and not first_audit else ""
    head = Text(f"{number}  ", style="bold")
    head.append(f"{finding.severity.upper():<8}", style=COLOURS[finding.severity])
    head.append(" " + one_line(finding.title), style="bold")
    console.print(head)
    body = [Text(one_line(finding.message))]
    facts = f"{finding.rule} · {finding.confidence} confidence · {finding.points:g} points{state}"
    if more:
        facts += f" · {more} more like it"
    body.append(Text(facts, style="dim"))
    body += [Text(f"{one_line(place.file)}:{place.line}", style="blue") for place in finding.locations[:2]]
    if finding.change:
        statements = sql.forward(finding.change)
        body += [Text(f"fix   {clean(statement)};", style="green") for statement in statements[:MOST_STATEMENTS]]
        if len(statements) > MOST_STATEMENTS:
            body.append(Text(f"      and {len(statements) - MOST_STATEMENTS} more statements", style="dim"))
        if finding.change.note:
            body.append(Text("note  " + one_line(finding.change.note), style="dim"))
    if command := carrying_out(report, finding):
        body.append(Text(f"do    {command}", style="green", no_wrap=True))  # to be copied
    if finding.next_step:
        body.append(Text("next  " + one_line(finding.next_step), style="green"))
    body.append(Text(f"why   dbwright explain {finding.rule}", style="dim"))
    for line in body:
        if line.no_wrap:
            console.print(Text("   ").append_text(line), soft_wrap=True)
        else:
            console.print(Padding(line, (0, 0, 0, 3), expand=False), soft_wrap=False)
    console.print()


def _rest(console: Console, report: Report, fail_on: str | None) -> None:
    counts = Counter(finding.severity for finding in report.findings)
    parts = [f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity]]
    line = Text(counted(len(report.findings), "finding"), style="bold")
    line.append(": " + ", ".join(parts) if parts else "")
    if report.ignored:
        line.append(f"; {len(report.ignored)} held back by ignores and baseline")
    if report.hints:
        line.append(f"; {counted(len(report.hints), 'hint')} not listed (--hints)")
    if fail_on and fail_on != "never":
        line.append(f"; fails on {fail_on} and above")
    console.print(line)
    _time_by_line(console, report)
    _scores(console, report)
    _plan(console, report)
    if report.resolved:
        console.print(f"Resolved since the last audit: {len(report.resolved)}", style="green")
        for resolved in report.resolved[:5]:
            console.print("  " + escape(one_line(resolved.title)), style="green")
    if report.strengths:
        console.print(
            f"Good practice found: {'; '.join(escape(one_line(s.title)) for s in report.strengths[:3])}"
            + (f" and {len(report.strengths) - 3} more" if len(report.strengths) > 3 else "")
        )
    _not_checked(console, report)
    for ignore in report.unused_ignores:
        console.print(Text(one_line(f"Unused ignore: {ignore.rule} {ignore.object} ({ignore.reason})")), style="yellow")
    for ignore in report.expired_ignores:
        console.print(
            Text(one_line(f"Expired ignore: {ignore.rule} {ignore.object} ended {ignore.until}")), style="yellow"
        )
    if report.findings:
        command = audit_again(report, "--format", "html", "-o", "report.html")
        console.print(Text(f"All of it: {command}", style="dim"), soft_wrap=True)


def _time_by_line(console: Console, report: Report) -> None:
    """The lines that cost the most of the database's time."""
    attribution = report.snapshot.attribution
    if not attribution.attributed:
        return
    total = attribution.milliseconds
    lines = [f"{one_line(str(place))} {ms / total:.0%}" for place, ms in attribution.by_place[:3] if ms >= total / 100]
    line = Text("Where the database's time goes: ", style="bold")
    line.append(", ".join(lines), style="not bold")
    line.append(f" ({attribution.share:.0%} of {duration(total / 1000)} led back to lines)", style="not bold dim")
    console.print(line)


def _scores(console: Console, report: Report) -> None:
    if not report.overall or report.overall.value is None:
        return
    known = [(score.value, score.area) for score in report.scores[1:] if score.value is not None]
    worse = [f"{one_line(area)} {value}" for value, area in sorted(known) if value < 100]
    line = Text(f"Score {report.overall.value}/100", style="bold")
    line.append(f"  {', '.join(worse)}" if worse else "", style="not bold dim")
    whole = len(known) - len(worse)
    line.append(f"{';' if worse else ' '} {whole} areas at 100" if whole else "", style="not bold dim")
    console.print(line)


def _plan(console: Console, report: Report) -> None:
    """One line: hours by period and the score they lead to."""
    parts = []
    for period in plan.plan(report):
        score = f" (score {period.score})" if period.score is not None else ""
        parts.append(f"{period.name.lower()} {plan.hours_text(period.hours)}{score}")
    if parts:
        console.print(Text("Plan, estimated: " + ", ".join(parts)), style="dim")


def _not_checked(console: Console, report: Report) -> None:
    """Rules that could not look, grouped by the reason, each with what would let them."""
    groups: dict[tuple[str, str], list[str]] = {}
    for entry in report.not_checked:
        groups.setdefault((entry.reason, entry.remedy), []).append(entry.rule)
    for (reason, remedy), names in groups.items():
        what = f"Not checked: {names[0] if len(names) == 1 else f'{len(names)} rules'}, because "
        console.print(Text(("" if names == ["*"] else what) + one_line(reason), style="yellow"))
        console.print(Padding(Text(one_line(remedy), style="dim"), (0, 0, 0, 3), expand=False))
