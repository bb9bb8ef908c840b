"""Where the database's time goes: the recorded statements with the lines of the project that send them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dbwright.model.attribution import Match
from dbwright.model.report import Report
from dbwright.model.source import Place
from dbwright.model.statements import shortened

MATCHES: dict[Match, str] = {
    "tag": "its own comment names the line",
    "fingerprint": "the code's SQL, letter for letter but for values",
    "structure": "the code's tables, joins, conditions, grouping, order and limit",
    "similar": "most of the code's conditions; likely, not certain",
    "library": "a library sends it",
    "": "not found in the code",
}
"""How a statement found its lines, in words."""


LONGEST_TEXT = 300
LONGEST_LIST = 60
"""Characters of a select list that is told in full."""
_PART = re.compile(r"\(|\)| FROM ", re.IGNORECASE)


def abridged(text: str) -> str:
    """A statement whose long select list is left out, because what is searched tells statements apart."""
    if text[:7].upper() != "SELECT ":
        return text
    depth = 0
    for part in _PART.finditer(text):
        depth += {"(": 1, ")": -1}.get(part[0], 0)
        if not depth and part[0] not in "()":
            return text if part.start() <= LONGEST_LIST else f"SELECT …{text[part.start() :]}"
    return text


@dataclass(frozen=True, slots=True)
class Costly:
    """A recorded statement. ``share`` of the application's recorded execution time, 0 to 1; times in milliseconds."""

    query_id: int
    share: float
    calls: int
    milliseconds: float
    text: str
    match: Match
    places: tuple[Place, ...]
    reason: str

    @property
    def mean_milliseconds(self) -> float:
        return self.milliseconds / max(self.calls, 1)


def costliest(report: Report, most: int) -> list[Costly]:
    """The statements that took the most time."""
    attribution = report.snapshot.attribution
    texts = {row.query_id: row.query for row in report.snapshot.workload.statements}
    return [
        Costly(
            query_id=origin.query_id,
            share=origin.milliseconds / attribution.milliseconds,
            calls=origin.calls,
            milliseconds=origin.milliseconds,
            text=abridged(shortened(texts.get(origin.query_id, ""), 2_000))[:LONGEST_TEXT],
            match=origin.match,
            places=origin.issued,
            reason=origin.reason,
        )
        for origin in attribution.statements[:most]
        if attribution.milliseconds
    ]
