"""Indexes that may go, and those that only look so: for people, for programs and as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dbwright.fixes import sql
from dbwright.model.advice import Advice
from dbwright.model.change import Change
from dbwright.model.removal import Removal
from dbwright.model.wording import bytes_text, counted, listed
from dbwright.plaintext import one_line

_MOST = 12


def as_json(removal: Removal) -> dict[str, Any]:
    """A removal as the JSON report has it."""
    return {
        "index": removal.drop.name,
        "schema": removal.drop.schema,
        "table": removal.table,
        "verdict": "remove" if removal.goes else "keep",
        "objection": removal.objection,
        "confidence": removal.confidence,
        "reason": removal.reason,
        "answered_by": removal.answered_by,
        "bytes": removal.bytes,
        "write_cost": removal.write_cost,
        "rows_written": removal.rows_written,
        "cost_change": removal.cost_change,
        "worst": removal.worst
        and {"origin": removal.worst.origin, "cost_before": removal.worst.before, "cost_after": removal.worst.after},
        "witnesses": [
            {"witness": w.name, "looked": w.looked, "objects": w.objects, "says": w.text} for w in removal.witnesses
        ],
        "sql": _statement(sql.forward(_change(removal))),
        "reverse_sql": _statement(sql.backward(_change(removal))),
    }


def script(advice: Advice) -> Iterable[str]:
    """The removals as comments: they come last, once what is built is valid and proven, and by decision."""
    going = [removal for removal in advice.removals if removal.goes]
    if going:
        yield "-- Once the new ones are valid and proven, these may go (the second line takes it back):"
    for removal in going:
        # A name may hold the end of a line, which would end the comment.
        yield f"-- {one_line(_statement(sql.forward(_change(removal))))};"
        yield f"--   {one_line(_statement(sql.backward(_change(removal))))};"


def lines(advice: Advice) -> Iterable[str]:
    """The section of the report."""
    going = [removal for removal in advice.removals if removal.goes]
    kept = [removal for removal in advice.removals if not removal.goes]
    if going:
        yield f"## {counted(len(going), 'index', 'indexes')} may go: {bytes_text(advice.freed)} of disk"
        yield ""
    for removal in going[:_MOST]:
        yield from _going(removal, advice)
    if rest := going[_MOST:]:
        yield from (f"- {_what(removal)}, {bytes_text(removal.bytes)}" for removal in rest)
        yield "- --format json has the witnesses of these too"
        yield ""
    if kept:
        yield f"## Looks superfluous and should stay: {counted(len(kept), 'index', 'indexes')}"
        yield ""
        yield from (f"- {_what(removal)}; but {one_line(removal.objection or '')}." for removal in kept[:_MOST])
        if len(kept) > _MOST:
            yield f"- and {counted(len(kept) - _MOST, 'index', 'indexes')} more (--format json has all)"
        yield ""


def _going(removal: Removal, advice: Advice) -> Iterable[str]:
    yield f"{_what(removal)}. {bytes_text(removal.bytes)}{_written(removal, advice)}."
    missing = listed(witness.name for witness in removal.witnesses if not witness.looked)
    yield f"Confidence: {removal.confidence}{missing and ': not all could be asked of the ' + missing}."
    yield ""
    yield "```sql"
    yield f"{_statement(sql.forward(_change(removal)))};"
    yield f"-- takes it back: {_statement(sql.backward(_change(removal)))};"
    yield "```"
    yield from (f"- {witness.name}: {one_line(witness.text)}" for witness in removal.witnesses)
    if removal.worst:
        yield (
            f"- most lost by {one_line(removal.worst.origin)}: {removal.worst.before:,.1f} to {removal.worst.after:,.1f}"
        )
    yield ""


def _what(removal: Removal) -> str:
    return f"{removal.drop.name} on {removal.table} {removal.reason}"


def _written(removal: Removal, advice: Advice) -> str:
    if not removal.rows_written:
        return ""
    share = ""
    if removal.write_cost is not None and advice.before:
        share = f", {removal.write_cost / advice.before:.2%} of the workload's cost (estimated)"
    return f"; up to {counted(removal.rows_written, 'entry', 'entries')} written since the counters began{share}"


def _change(removal: Removal) -> Change:
    return Change((removal.drop,))


def _statement(statements: tuple[str, ...]) -> str:
    return "; ".join(statements)
