"""Measures beyond indexes, as part of the advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dbwright.model.advice import Advice, Measure
from dbwright.model.wording import counted
from dbwright.plaintext import one_line

_SHOWN = 5


def as_json(advice: Advice) -> list[dict[str, Any]]:
    """Each measure with its statements by origin."""
    return [
        {
            "kind": measure.kind,
            "title": measure.title,
            "verdict": measure.verdict,
            "statements": [advice.effects[n].statement.origin for n in measure.statements],
            "share": round(measure.share, 6),
            "evidence": measure.evidence,
            "cost_before": measure.before,
            "cost_after": measure.after,
            "method": measure.method,
            "change": measure.change,
            "price": measure.price,
            "confidence": measure.confidence,
            "proof": measure.proof,
        }
        for measure in advice.measures
    ]


def beyond_indexes(advice: Advice) -> Iterator[str]:
    """Markdown: what is advised one by one, then what was asked and is not advised."""
    advised = [measure for measure in advice.measures if measure.verdict == "advised"]
    others = [measure for measure in advice.measures if measure.verdict != "advised"]
    for measure in advised:
        yield from _measure(advice, measure)
    if others:
        yield "## Beyond indexes, asked and not advised"
        yield ""
        yield from (f"- {m.title} ({m.verdict}): {' '.join(m.evidence)}" for m in others)
        yield ""


def _measure(advice: Advice, measure: Measure) -> Iterator[str]:
    yield f"## Beyond indexes: {measure.title}"
    yield ""
    yield from measure.evidence
    if measure.before is not None and measure.after is not None:
        yield f"{measure.method}: {measure.before:,.0f} to {measure.after:,.0f} ({_share(measure):.2g} times)."
    if measure.change:
        yield ""
        yield "```sql"
        yield from measure.change.splitlines()
        yield "```"
    if measure.price:
        yield f"What it costs: {measure.price}"
    yield f"Confidence: {measure.confidence}. {f'Proof: {measure.proof}' if measure.proof else ''}".rstrip()
    yield from _statements(advice, measure.statements)
    yield ""


def _share(measure: Measure) -> float:
    return (measure.after or 0.0) / measure.before if measure.before else 1.0


def _statements(advice: Advice, numbers: Iterable[int]) -> Iterator[str]:
    numbers = tuple(numbers)
    for number in numbers[:_SHOWN]:
        statement = advice.effects[number].statement
        times = f", {statement.calls:,.0f} calls" if statement.calls != 1 else ""
        yield f"- {one_line(statement.origin or statement.sql[:80])}{times}"
    if len(numbers) > _SHOWN:
        yield f"- and {counted(len(numbers) - _SHOWN, 'statement')} more"
