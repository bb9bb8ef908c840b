"""The report as Markdown: the same story, short enough for an issue or the comment of a pull request.

Long lists are cut, and what was left out is counted. Text from a database cannot make markup, links, mentions or table cells.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from dbwright import ranking
from dbwright.fixes import sql
from dbwright.model import wording
from dbwright.model.finding import SEVERITIES, Finding
from dbwright.model.report import Report
from dbwright.plaintext import clean, one_line
from dbwright.report import figures, inventory, plan, relations, workload
from dbwright.report.carrying_out import carrying_out

LONGEST = 60_000
"""Characters. GitHub takes 65,536 in a comment."""
_ROWS = (200, 100, 60, 40, 25, 15, 8, 4, 2)
"""How many rows of a list are shown; the first of these that keeps the whole within ``LONGEST``."""
_LONGEST_SCRIPT = 2000
_LONGEST_TEXT = 1000
_SPECIAL = re.compile(r"([\\`*\[\]~|]|(?<!\w)_|_(?!\w))")
_OPENING = re.compile(r"^([#>+=-]|\d+(?=[.)]))")
_LINKS = re.compile(r"(@|#(?=\d)|://|www(?=\.)|(?<=[Gg][Hh])-)")


def render(report: Report) -> str:
    """The first rendering that is short enough."""
    text = ""
    for rows in _ROWS:
        text = _document(report, rows)
        if len(text) <= LONGEST:
            return text
    return text[: LONGEST - 100].rsplit("\n", 1)[0] + "\n\nThe rest is left out: take the HTML or the JSON report.\n"


def _document(report: Report, rows: int) -> str:
    sections: tuple[Callable[[Report, int], Iterable[str]], ...] = (
        _head, _first, _plan, _scores, _findings, _workload, _indexes, _tables, _relations, _strengths, _not_checked, _accepted,
        _history, _method,
    )  # fmt: skip
    return "\n".join(line for section in sections for line in section(report, rows)) + "\n"


def escaped(text: str) -> str:
    """One line of text that is nothing but text: no markup, no table cell, no link, mention or issue number."""
    plain = one_line(text)
    if len(plain) > _LONGEST_TEXT:
        plain = plain[: _LONGEST_TEXT - 1] + "…"
    plain = plain.replace("&", "&amp;").replace("<", "&lt;")
    plain = _SPECIAL.sub(r"\\\1", plain)
    plain = _OPENING.sub(_quoted, plain)
    return _LINKS.sub(r"\1<!-- -->", plain)


def _quoted(opening: re.Match[str]) -> str:
    """What would begin a heading, quotation or list when it stands first in a line."""
    mark = opening[1]
    return mark + "\\" if mark.isdigit() else "\\" + mark


def code(text: str) -> str:
    """A code span that its content cannot end, fit for a table cell."""
    plain = one_line(text).replace("|", r"\|")
    if not plain:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", plain)), default=0))
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def block(script: str, language: str = "sql") -> str:
    """A code block that its content cannot end."""
    plain = clean(script)
    if len(plain) > _LONGEST_SCRIPT:
        plain = plain[:_LONGEST_SCRIPT].rsplit("\n", 1)[0] + "\n-- the rest is left out: see the HTML or JSON report"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", plain)), default=0))
    return f"{fence}{language}\n{plain}\n{fence}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], limit: int, left_out: str) -> Iterable[str]:
    """A table whose cells are escaped already. ``left_out`` names what is cut, in the plural."""
    yield ""
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows[:limit]:
        yield "| " + " | ".join(row) + " |"
    if len(rows) > limit:
        yield ""
        yield f"*{len(rows) - limit:,} more {left_out} left out.*"
    yield ""


def _head(report: Report, rows: int) -> Iterable[str]:  # noqa: ARG001
    target, counts = report.snapshot.target, Counter(f.severity for f in report.findings)
    engine = "PostgreSQL" if target.engine == "postgresql" else "SQLite"
    score = report.overall.value if report.overall else None
    yield f"# Database audit: {escaped(figures.title(report.snapshot))}"
    yield ""
    parts = [f"{counts[severity]:,} {severity}" for severity in SEVERITIES if counts[severity]]
    summary = ", ".join(parts) if parts else f"nothing found by {wording.counted(len(report.rules_run), 'rule')}"
    if report.hints:
        summary += f" · {wording.counted(len(report.hints), 'hint')} not listed (`--hints`)"
    yield (f"**{score} / 100** · " if score is not None else "") + summary
    yield ""
    catalog = report.snapshot.catalog
    version = escaped(target.version_text) if report.snapshot.was_read else "by the code"
    yield (
        f"{escaped(target.name)} · {engine} {version} · {len(catalog.user_tables):,} tables · "
        f"{len(catalog.user_indexes):,} indexes · {figures.moment(report.snapshot.taken_at)}"
    )
    yield ""
    if report.snapshot.source.exact:
        yield "The models are those that the project's own interpreter told; its code was run for it (`--import`)."
        yield ""


def _first(report: Report, rows: int) -> Iterable[str]:  # noqa: ARG001
    top = ranking.leading(report.findings)
    if top:
        yield "## Do these first"
        yield ""
    for number, (finding, more) in enumerate(top, 1):
        yield f"### {number}. {escaped(finding.title)}"
        yield ""
        yield escaped(finding.message)
        yield ""
        yield from step(finding, carrying_out(report, finding))
        facts = [
            f"**{finding.severity}**",
            f"{finding.points:g} points",
            f"{finding.confidence} confidence",
            code(finding.rule),
        ]
        facts += [code(f"{place.file}:{place.line}") for place in finding.locations[:2]]
        facts += [f"{more:,} more like it"] if more else []
        yield " · ".join(facts)
        yield ""


def step(finding: Finding, command: str | None = None) -> Iterable[str]:
    """The change with its reverse and the command that carries it out, or the next step."""
    if finding.change:
        back = sql.script(sql.backward(finding.change))
        yield block(sql.script(sql.forward(finding.change)))
        yield ""
        if finding.change.note:
            yield escaped(finding.change.note)
            yield ""
        if back:
            yield "<details><summary>Take it back</summary>"
            yield ""
            yield block(back)
            yield ""
            yield "</details>"
            yield ""
    if command:
        yield f"Carry it out: {code(command)}"
        yield ""
    if finding.next_step:
        yield f"Next step: {escaped(finding.next_step)}"
        yield ""


def _plan(report: Report, rows: int) -> Iterable[str]:
    periods = plan.plan(report)
    if not periods:
        return
    yield "## Plan"
    yield ""
    yield "An estimate: hours of one engineer by kind of change, points of what is mended."
    for period in periods:
        score = f", brings the score to {period.score}" if period.score is not None else ""
        yield ""
        yield f"**{period.name}**: {plan.hours_text(period.hours)}{score}"
        cells = [
            (
                escaped(item.title) + (f" and {len(item.findings) - 1:,} more" if len(item.findings) > 1 else "")
                + (" (quick win)" if item.is_quick else ""),
                item.severity, f"{item.points:,.0f}", ", ".join(item.kinds), plan.hours_text(item.hours),
            )
            for item in period.items
        ]  # fmt: skip
        yield from _table(
            ("What", "Worst", "Points", "Kind of work", "Effort"), cells, max(8, rows // 4), "pieces of work"
        )


def _scores(report: Report, rows: int) -> Iterable[str]:  # noqa: ARG001
    if not report.scores:
        return
    yield "## Scores"
    cells = []
    for score in report.scores:
        losses = [f"{code(rule.split('/')[-1])} −{share:.0%}" for rule, share in score.losses.items()]
        value = "–" if score.value is None else str(score.value)
        of = f"{score.rules_checked} of {score.rules_checked + score.rules_not_checked}"
        cells.append((escaped(score.area), value, of, ", ".join(losses)))
    yield from _table(("Area", "Score", "Rules that looked", "What it cost"), cells, 60, "areas")
    yield (
        "A rule that found n things, the worst of p points, costs its area p × (1 + log₁₀ n) ÷ 130 of its score; the overall "
        "score is the mean of the areas by weight."
    )
    yield ""


def _findings(report: Report, rows: int) -> Iterable[str]:
    by_rule: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_rule[finding.rule].append(finding)
    if not by_rule:
        return
    yield f"## Findings ({len(report.findings):,})"
    cells: list[tuple[str, ...]] = []
    for rule, findings in by_rule.items():
        shown = max(1, rows // 8)
        cells += [
            (f.severity, escaped(f.title), f"{f.points:g}", code(rule), _state(report, f)) for f in findings[:shown]
        ]
        if len(findings) > shown:
            cells.append(("", f"*and {len(findings) - shown:,} more*", "", code(rule), ""))
    yield from _table(("Severity", "Finding", "Points", "Rule", "State"), cells, rows, "lines")


def _state(report: Report, finding: Finding) -> str:
    life = report.lives.get(finding.id)
    return f"{life.state}, since {life.first_seen.date()}" if life else ""


def _workload(report: Report, rows: int) -> Iterable[str]:
    found = workload.costliest(report, max(rows, 5))
    if not found:
        return
    yield "## Where the database's time goes"
    yield ""
    yield f"{report.snapshot.attribution.share or 0:.0%} of the application's recorded time is led back to lines."
    cells = [
        (
            f"{costly.share:.1%}",
            f"{costly.calls:,}",
            f"{costly.mean_milliseconds:,.1f} ms",
            ", ".join(code(f"{p.file}:{p.line}") for p in costly.places[:3]) or escaped(costly.reason),
            code(costly.text[:120]),
        )
        for costly in found
    ]
    yield from _table(("Time", "Calls", "Mean", "Sent from", "Statement"), cells, min(rows, 20), "statements")


def _indexes(report: Report, rows: int) -> Iterable[str]:
    tables = [table for group in inventory.groups(report) for table in group.tables]
    verdicts = Counter(index.verdict for table in tables for index in table.indexes)
    if not verdicts:
        return
    yield "## Index coverage"
    yield ""
    yield ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.most_common())
    every = [(table, index) for table in tables for index in table.indexes]
    every.sort(key=lambda pair: inventory.TONES.index(pair[1].tone))
    cells = [
        (
            code(table.name), code(index.name), code(index.keys), escaped(index.details), index.verdict, escaped(index.why),
        )
        for table, index in every
    ]  # fmt: skip
    yield from _table(("Table", "Index", "Keys", "", "Verdict", "Why"), cells, rows, "indexes")


def _tables(report: Report, rows: int) -> Iterable[str]:
    groups = inventory.groups(report)
    if not groups:
        return
    yield "## Tables"
    yield ""
    yield "Rows are estimates of the server, sizes are measured."
    cells = [
        (escaped(g.name), f"{len(g.tables):,}", f"{g.rows:,}", wording.bytes_text(g.total_bytes), f"{g.index_count:,}")
        for g in groups
    ]
    yield from _table(("Group", "Tables", "Rows ≈", "Size", "Indexes"), cells, rows, "groups")
    cells = [
        (
            code(t.name),
            escaped(g.name),
            f"{t.rows:,}",
            wording.bytes_text(t.total_bytes),
            escaped(t.purpose or t.source),
        )
        for g in groups
        for t in g.tables
    ]
    yield from _table(("Table", "Group", "Rows ≈", "Size", "Purpose"), cells, rows // 2, "tables")


def _relations(report: Report, rows: int) -> Iterable[str]:
    found = relations.relations(report)
    if not found:
        return
    yield "## Relationships"
    yield ""
    yield "As the database enforces them; what Django's `on_delete` does happens in the application."
    cells = [
        (
            code(r.parent_name), code(f"{r.child_name} ({', '.join(r.columns)})"), r.kind + ("" if r.required else ", optional"),
            r.on_delete, "yes" if r.indexed else "**none**",
        )
        for r in found
    ]  # fmt: skip
    yield from _table(("Parent", "Child", "Kind", "On delete", "Child's index"), cells, rows // 2, "foreign keys")


def _strengths(report: Report, rows: int) -> Iterable[str]:
    if not report.strengths:
        return
    yield "## Strengths"
    yield ""
    for strength in report.strengths[:rows]:
        yield f"- **{escaped(strength.title)}**: {escaped(strength.message)}"
    if len(report.strengths) > rows:
        yield f"- and {len(report.strengths) - rows:,} more"
    yield ""


def _not_checked(report: Report, rows: int) -> Iterable[str]:
    yield "## Not checked"
    yield ""
    by_reason: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in report.not_checked:
        by_reason[entry.reason, entry.remedy].append(entry.rule)
    for (reason, remedy), names in islice(by_reason.items(), rows):
        shown = ", ".join(map(code, names[:rows])) + (f" and {len(names) - rows} more" if len(names) > rows else "")
        yield f"- {escaped(reason)}. To let them look: {escaped(remedy)} ({shown})"
    if not by_reason:
        yield f"All {len(report.rules_run):,} rules that apply to this database could look in full."
    yield ""


def _accepted(report: Report, rows: int) -> Iterable[str]:
    if not (report.ignored or report.unused_ignores or report.expired_ignores):
        return
    yield "## Accepted"
    if report.ignored:
        cells = [(escaped(h.finding.title), code(h.finding.rule), escaped(h.reason)) for h in report.ignored]
        yield from _table(("Finding", "Rule", "Reason"), cells, rows // 4, "accepted findings")
    for ignore in report.unused_ignores[:rows]:
        yield f"- unused ignore: {code(ignore.rule)} on {code(ignore.object)} ({escaped(ignore.reason)})"
    for ignore in report.expired_ignores[:rows]:
        yield f"- expired ignore: {code(ignore.rule)} on {code(ignore.object)}, ended {escaped(ignore.until or '')}"
    yield ""


def _history(report: Report, rows: int) -> Iterable[str]:
    if not report.lives and not report.resolved:
        return
    present = [report.lives[f.id].state for f in report.findings if f.id in report.lives]
    counts = Counter(present)
    yield "## History"
    yield ""
    yield ", ".join(f"{counts[state]:,} {state}" for state in ("new", "regressed", "unchanged")) + (
        f", {len(report.resolved):,} resolved"
    )
    if report.resolved:
        cells = [(escaped(r.title), str(r.life.first_seen.date()), _day(r.life.resolved_at)) for r in report.resolved]
        yield from _table(("Resolved", "First seen", "Gone"), cells, rows // 4, "resolved findings")
    yield ""


def _day(time: object) -> str:
    return str(time)[:10] if time else ""


def _method(report: Report, rows: int) -> Iterable[str]:  # noqa: ARG001
    snapshot = report.snapshot
    yield "## How it was measured"
    yield ""
    yield (
        f"Read as {escaped(snapshot.target.user)}, read only, in {wording.duration(snapshot.collection_seconds)}; "
        f"{len(report.rules_run):,} rules in {wording.duration(report.audit_seconds)}. "
        f"Scans, writes and statements are those counted {inventory.window_text(snapshot)}. dbwright {snapshot.tool_version}."
    )
