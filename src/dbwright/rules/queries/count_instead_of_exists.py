"""Rows are counted to know whether there are any.

## Why it matters

`count()` reads every row that fulfils the condition (and checks the visibility of each); `exists()` stops at the first.

## When to ignore

When there can be a few rows at most, or the number is used as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import function_ref, is_aid, is_batch, lines_of, locations, rows_of
from dbwright.model.code_edit import CodeEdit
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.parents import finds_few
from dbwright.model.sample import Sample
from dbwright.model.sample_notes import in_view, with_session
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {"rows": 10_000}
COVERS = ("orm-bool-instead-of-exists", "CH-09")

_COUNT = "session.scalar(select(func.count()).select_from(Note).where(Note.title == title))"

BAD = (
    Sample(source=with_session("return session.query(Note).filter_by(title=title).count() > 0")),
    Sample(source=with_session(f"return {_COUNT} > 0")),
    Sample(
        source=with_session("return session.execute(select(func.count()).where(Note.title == title)).scalar_one() > 0")
    ),
    Sample(source=in_view("return notes.count() > 0")),
    Sample(source=in_view("if notes.count():\n        return 1")),
    Sample(source=in_view("if not notes.count():\n        return 1")),
    Sample(source=in_view("return Note.objects.filter(title='a').count() == 0 and request.user")),
)
GOOD = (
    Sample(source=with_session("return session.scalar(select(exists().where(Note.title == title)))")),
    Sample(source=with_session(f"return {_COUNT} > 5")),
    Sample(source=with_session(f"total = {_COUNT} or 0\n    return total")),
    # Some other number.
    Sample(source=with_session("return session.scalar(select(Note.id).where(Note.title == title)) > 0")),
    Sample(source=in_view("return notes.exists()")),
    Sample(source=in_view("return notes.count() > 5")),
    Sample(source=in_view("return notes.count()")),
    Sample(source=in_view("total = notes.count()\n    return total if total > 0 else None")),
    # No rows: a list, and text.
    Sample(source=in_view("return [1].count(1) > 0")),
    Sample(source=in_view("return notes.filter(pk=7).count() > 0")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    lines = lines_of(snapshot, "counted for a test")
    found = [
        query
        for query in snapshot.source.queries
        if query.issued_by == "count"
        and (query.issued.file, query.issued.line) in lines
        and not is_aid(query.issued)
        and not is_batch(query.issued)
        and _may_be_many(snapshot, query, limits)
    ]
    if not found:
        return
    first = found[0]
    places = list(dict.fromkeys(query.issued for query in found))
    rows = max((r for q in found if (r := rows_of(snapshot, q.table)) is not None), default=None)
    others = f" ({counted(len(places), 'line')} in all)" if len(places) > 1 else ""
    yield Finding(
        title=f"Rows of {first.table} counted to know whether there are any{others}"[:79],
        message=f"count() at {first.issued} counts every row that the queryset finds in {first.table}{others}, where the first would do.",
        objects=(function_ref(first.issued, first.table),),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000)
        if rows is not None
        else Impact(len(places), "places", 10, 100, estimated=True),
        evidence={"places": [str(place) for place in places[:40]]},
        confidence="medium" if rows is not None else "low",
        edits=tuple(CodeEdit(q.issued, "exists") for q in found if q.framework == "django"),
        next_step=f"Write .exists() for the comparison of .count() at {first.issued}."
        if first.framework == "django"
        else f"Ask at {first.issued} for session.scalar(select(exists().where(…))) instead of comparing the number.",
        identity="together",
        locations=locations(places, 60),
    )


def _may_be_many(snapshot: Snapshot, query: SourceQuery, limits: Limits) -> bool:
    """Neither few rows nor a table known to be small."""
    rows = rows_of(snapshot, query.table)
    if rows is not None and rows < limits["rows"]:
        return False
    return query.table in snapshot.source.table_by_name and query.query is not None and not finds_few(snapshot, query)
