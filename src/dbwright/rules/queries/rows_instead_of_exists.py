"""Rows are fetched only to know whether there are any.

## Why it matters

`if queryset:` and `if query.all():` send every row with every column over the wire and make an object of each, to learn one bit.
`exists()` stops at the first row and sends nothing of it.

## When to ignore

When there can be a few rows at most, or the rows are used afterwards: then the rule is silent.
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
LIMITS: dict[str, float] = {"rows": 100}
COVERS = ("orm-bool-instead-of-exists", "CH-09")

_QUERY = "session.query(Note).filter(Note.title == title)"

BAD = (
    Sample(source=in_view("if notes:\n        return 1")),
    Sample(source=in_view("return bool(notes)")),
    Sample(source=in_view("return 1 if not Note.objects.filter(title='a') else 2")),
    Sample(source=with_session(f"if {_QUERY}.all():\n        return 1")),
    Sample(source=with_session(f"notes = {_QUERY}.all()\n    return not notes")),
    Sample(source=with_session("return bool(session.scalars(select(Note).where(Note.title == title)).all())")),
)
GOOD = (
    Sample(source=in_view("if notes.exists():\n        return 1")),
    # The rows are used, so the test costs nothing.
    Sample(source=in_view("if notes:\n        return [n.title for n in notes]")),
    Sample(source=in_view("return {'notes': notes if notes else None}")),
    Sample(source=in_view("if notes:\n        return notes[0]")),
    Sample(
        source=in_view("def titles():\n        return [n.title for n in notes]\n    return titles if notes else None")
    ),
    # Asked for twice: to be kept in a variable.
    Sample(
        source=in_view("if Note.objects.filter(title='a'):\n        return [n for n in Note.objects.filter(title='a')]")
    ),
    # A few at most, and one row by its key.
    Sample(source=in_view("if notes[:2]:\n        return 1")),
    Sample(source=in_view("if notes.filter(pk=7):\n        return 1")),
    Sample(source=in_view("if notes.filter(pk__in=request.GET.getlist('n')):\n        return 1")),
    Sample(source=in_view("if notes.first():\n        return 1")),
    # Something else of that name.
    Sample(source=in_view("notes = []\n    return not notes")),
    Sample(source=with_session("return session.scalar(select(exists().where(Note.title == title)))")),
    Sample(source=with_session(f"return {_QUERY}.first() is not None")),
    Sample(source=with_session(f"notes = {_QUERY}.all()\n    return notes or None")),
    Sample(source=with_session(f"notes = {_QUERY}.all()\n    if not notes:\n        return 0\n    return len(notes)")),
    Sample(source=with_session(f"notes = {_QUERY}.all()\n    if not notes:\n        return 0\n    return notes.pop()")),
    Sample(source=with_session(f"if {_QUERY}.limit(1).all():\n        return 1")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    lines = lines_of(snapshot, "only tested")
    found = [
        query
        for query in snapshot.source.queries
        if (query.issued.file, query.issued.line) in lines
        and _is_all_rows(query)
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
        title=f"Rows of {first.table} fetched to know whether there are any{others}"[:79],
        message=f"{first.issued} fetches every row that the query made at {first.made} finds in {first.table}{others} to ask whether there "
        "are any, where the first would do.",
        objects=(function_ref(first.issued, first.table),),
        impact=Impact(rows, "rows", limits["rows"], 1_000_000)
        if rows is not None
        else Impact(len(places), "places", 10, 100, estimated=True),
        evidence={"places": [str(place) for place in places[:40]]},
        confidence="medium" if rows is not None else "low",
        edits=tuple(CodeEdit(q.issued, "exists", _variables(snapshot, q)) for q in found if q.framework == "django"),
        next_step=f"Write .exists() at {first.issued}."
        if first.framework == "django"
        else f"Ask at {first.issued} for session.scalar(select(exists().where(…))).",
        identity="together",
        locations=locations(places, 60),
    )


def _is_all_rows(query: SourceQuery) -> bool:
    if query.issued_by != "rows" or query.query is None or query.query.limit:
        return False
    return query.consumer == "bool" if query.framework == "django" else query.consumer in ("all", "scalars", "execute")


def _variables(snapshot: Snapshot, query: SourceQuery) -> tuple[str, ...]:
    """The variable that is tested, where the rows are kept in one."""
    facts = [
        fact for fact in snapshot.source.facts if fact.kind == "only tested" and fact.place.file == query.issued.file
    ]
    return tuple({f.name: None for f in facts if f.name and f.place.line <= query.issued.line <= f.end_line})


def _may_be_many(snapshot: Snapshot, query: SourceQuery, limits: Limits) -> bool:
    """Neither few rows nor a table known to be small."""
    rows = rows_of(snapshot, query.table)
    if rows is not None and rows < limits["rows"]:
        return False
    return query.table in snapshot.source.table_by_name and query.query is not None and not finds_few(snapshot, query)
