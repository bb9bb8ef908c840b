"""Advice for people and programs: text, Markdown, HTML, JSON, SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from dbwright.fixes.sql import create_index
from dbwright.model.advice import Advice, AdvisedIndex, Effect, Rejected
from dbwright.model.snapshot import Gap, Snapshot
from dbwright.model.wording import bytes_text, counted, duration, listed
from dbwright.plaintext import clean, one_line
from dbwright.report import proof, removals
from dbwright.report.measures import as_json, beyond_indexes
from dbwright.report.page import harmless, page

FORMATS = ("text", "json", "markdown", "html", "sql")
_SHOWN = 5


def render(
    advice: Advice, snapshot: Snapshot, gaps: Iterable[Gap], planner: str, format_: str, given: Sequence[str] = ()
) -> str:
    """The advice in one of ``FORMATS``. ``planner`` is the version that planned; ``given`` are the options by which `dbwright plan` reads
    the same database and statements."""
    gaps = tuple(gaps)
    if format_ == "json":
        return json.dumps(_as_json(advice, snapshot, gaps, planner, given), indent=1)
    if format_ == "sql":
        return _sql(advice)
    lines = [clean(line) for line in _markdown(advice, snapshot, gaps, planner, given)]
    if format_ == "markdown":
        return "\n".join(lines) + "\n"
    return _html(lines) if format_ == "html" else _text(lines)


def _text(lines: Iterable[str]) -> str:
    return "".join(line.removeprefix("## ").removeprefix("# ") + "\n" for line in lines if not line.startswith("```"))


def _sql(advice: Advice) -> str:
    cost = f"{advice.relative:.1%} of the workload's estimated cost, {bytes_text(advice.bytes)}; {_proof(advice)}"
    head = f"-- {'interrupted: ' if advice.interrupted else ''}{cost}"
    made = (create_index(row.index, online=True) + ";" for row in advice.indexes)
    return "\n".join((head, *made, *removals.script(advice))) + "\n"


def _as_json(
    advice: Advice, snapshot: Snapshot, gaps: tuple[Gap, ...], planner: str, given: Sequence[str]
) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "planner": planner,
        "cost_before": advice.before,
        "cost_after": advice.after,
        "relative_cost": advice.relative,
        "certified_gap": advice.gap,
        "interrupted": advice.interrupted,
        "doubts": advice.doubts,
        "run_time_s": round(advice.seconds, 3),
        "what_if_calls": advice.looks,
        "candidates": advice.candidates,
        "budget_bytes": advice.budget,
        "bytes": advice.bytes,
        "indexes": [
            {
                "sql": create_index(row.index, online=True),
                "bytes": row.bytes,
                "rows": row.rows,
                "gain": row.gain,
                "write_cost": row.write_cost,
                "kinds": row.kinds,
                "reason": row.reason,
                "replaces": row.replaces,
                "confidence": row.confidence,
                "doubts": row.doubts,
                "proof": proof.steps(advice, row, snapshot, given),
                "statements": [advice.effects[n].statement.origin for n in row.statements],
            }
            for row in advice.indexes
        ],
        "statements": [
            {
                "origin": effect.statement.origin,
                "calls": effect.statement.calls,
                "cost_before": effect.before,
                "cost_after": effect.after,
                "indexes": effect.used,
                "relative_time": effect.time,
                "doubtful": effect.doubtful,
                "cost_at_worst": effect.at_worst,
            }
            for effect in advice.effects
        ],
        "removals": [removals.as_json(row) for row in advice.removals],
        "freed_bytes": advice.freed,
        "not_chosen": [
            {"sql": create_index(row.index, online=True), "bytes": row.bytes, "why": row.why} for row in advice.rejected
        ],
        "beyond_indexes": as_json(advice),
        "problems": [{"origin": row.origin, "reason": row.reason} for row in advice.problems],
        "notes": advice.notes,
        "gaps": [{"section": gap.section, "reason": gap.reason, "remedy": gap.remedy} for gap in gaps],
    }


def _markdown(
    advice: Advice, snapshot: Snapshot, gaps: tuple[Gap, ...], planner: str, given: Sequence[str]
) -> Iterable[str]:
    yield f"# {_headline(advice)}"
    yield ""
    yield (
        f"Estimated by the planner of PostgreSQL {planner} on the sizes and statistics of {snapshot.taken_at:%Y-%m-%d %H:%M} UTC;"
        f" {counted(len(advice.effects), 'statement')}, {counted(advice.candidates, 'candidate')},"
        f" {counted(advice.looks, 'plan')} in {duration(advice.seconds)}."
    )
    if advice.interrupted:
        yield "Interrupted: this is the best that was found until then; what may go, and what else would help, was not looked at."
    yield f"{_proof(advice).capitalize()}."
    if advice.doubts:
        yield f"What lowers the confidence in all of it: {'; '.join(advice.doubts)}."
    yield ""
    for number, row in enumerate(advice.indexes, 1):
        yield from _index(advice, number, row, proof.steps(advice, row, snapshot, given))
    yield from removals.lines(advice)
    doubtful = [effect for effect in advice.effects if effect.doubtful]
    if doubtful:
        yield "## Statements whose plan changes for a small gain"
        yield "Estimates err by more than this: measure them before and after, they may get slower."
        yield ""
        yield from (f"- {_effect(effect, advice)}" for effect in doubtful)
        yield ""
    hoping = [effect for effect in advice.effects if effect.at_worst is not None]
    if hoping:
        yield "## Statements that count on ending early"
        yield (
            "Each goes through an index in the order that it wants until its LIMIT is filled. Where the rows that it looks for are the last"
            " ones in that order, it reads nearly all and gets slower than it is: measure them."
        )
        yield ""
        yield from (f"- {_effect(effect, advice)}; at worst {effect.at_worst:,.0f}" for effect in hoping)
        yield ""
    if advice.rejected:
        yield "## Not advised, and why"
        yield ""
        yield from map(_rejected, advice.rejected)
        yield ""
    yield from beyond_indexes(advice)
    left_out = [f"{row.origin}: {one_line(row.reason)}" for row in advice.problems]
    told = [*left_out, *advice.notes, *(f"{gap.reason}. {gap.remedy}" for gap in gaps)]
    if told:
        yield "## Not looked at, or otherwise than production"
        yield ""
        yield from (f"- {text}" for text in told)
        yield ""


def _proof(advice: Advice) -> str:
    if advice.gap is None:
        return "how near that is to the best possible is not proven"
    return f"no choice over the costs that were looked at is better by more than {advice.gap:.2%}"


def _headline(advice: Advice) -> str:
    if not advice.effects:
        return "There is no statement to advise on"
    if not advice.indexes:
        budget = f" within {bytes_text(advice.budget)}" if advice.budget is not None else ""
        return f"No index{budget} would help this workload enough to be worth keeping"
    return (
        f"{counted(len(advice.indexes), 'index', 'indexes')} of {bytes_text(advice.bytes)} would bring the workload's cost to"
        f" {advice.relative:.1%}"
    )


def _index(advice: Advice, number: int, row: AdvisedIndex, steps: Sequence[str]) -> Iterable[str]:
    share = row.gain / advice.before if advice.before else 0.0
    yield f"## {number}. {row.index.table}: {row.reason}"
    yield ""
    yield "```sql"
    yield create_index(row.index, online=True) + ";"
    yield "```"
    written = (
        f" and adds {row.write_cost / advice.before:.2%} to it for writing" if row.write_cost and advice.before else ""
    )
    yield (
        f"{bytes_text(row.bytes)}, {row.rows:,.0f} rows (estimates). It alone saves {share:.1%} of what the workload costs now{written}."
    )
    if row.replaces:
        yield f"It makes {listed(row.replaces)} superfluous: see below."
    effects = sorted((advice.effects[n] for n in row.statements), key=lambda e: -e.gain)
    yield from (f"- {_effect(effect, advice)}" for effect in effects[:_SHOWN])
    if len(effects) > _SHOWN:
        yield f"- and {counted(len(effects) - _SHOWN, 'statement')} more"
    yield ""
    yield f"Confidence: {row.confidence}{': ' if row.doubts else ''}{'; '.join(map(one_line, row.doubts))}."
    if steps:
        yield "To prove it:"
        yield from (f"- {one_line(step)}" for step in steps)
    yield ""


def _rejected(row: Rejected) -> str:
    size = "" if row.bytes is None else f" ({bytes_text(row.bytes)})"
    return f"- {create_index(row.index, online=False).split(' ON ', 1)[-1]}{size}: {row.why}."


def _effect(effect: Effect, advice: Advice) -> str:
    times = f", {effect.statement.calls:,.0f} calls" if effect.statement.calls != 1 else ""
    origin = one_line(effect.statement.origin or effect.statement.sql[:80])
    share = effect.after / effect.before if effect.before else 1.0
    time = "" if effect.time is None else f", its time to {effect.time:.0%} (estimated)"
    return (
        f"{origin}{times}, {advice.share_of(effect):.1%} of the workload's {advice.weighed_by}: {effect.before:,.0f} to"
        f" {effect.after:,.0f} ({share:.0%}){time}"
    )


def _html(lines: Iterable[str]) -> str:
    title, *rest = lines
    body: list[str] = []
    code = items = False
    for line in rest:
        if line.startswith("```"):
            code = not code
            body.append("<pre>" if code else "</pre>")
            continue
        if items and not line.startswith("- "):
            body.append("</ul>")
            items = False
        if code:
            body.append(harmless(line))
        elif line.startswith("## "):
            body.append(f"<h2>{harmless(line[3:])}</h2>")
        elif line.startswith("- "):
            body += ["" if items else "<ul>", f"<li>{harmless(line[2:])}</li>"]
            items = True
        elif line:
            body.append(f"<p>{harmless(line)}</p>")
    if items:
        body.append("</ul>")
    return page(title.removeprefix("# "), "\n".join(body))
