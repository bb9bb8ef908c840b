"""Rows are fetched only to be counted.

## Why it matters

`len(queryset)` sends every row with every column over the wire and makes an object of each to throw it away.
`count()` sends one number.

## When to ignore

When the rows are read afterwards: then their number costs nothing, and the rule is silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import function_ref, is_aid, lines_of, locations, rows_of, size_of
from dbwright.model.code_edit import CodeEdit
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.parents import finds_few
from dbwright.model.sample import Sample
from dbwright.model.sample_notes import in_view, with_session
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {"rows": 100, "functions": 1}
COVERS = ("orm-len-instead-of-count", "CH-09")

_QUERY = "session.query(Note).filter(Note.title == title)"
_SELECT = "session.scalars(select(Note).where(Note.title == title))"

BAD = (
    Sample(source=in_view("return {'total': len(notes)}")),
    Sample(source=in_view("return {'total': len(list(notes))}")),
    Sample(source=with_session(f"return len({_QUERY}.all())")),
    Sample(source=with_session(f"return len({_SELECT}.all())")),
    Sample(source=with_session(f"notes = {_QUERY}.all()\n    return {{'total': len(notes)}}")),
)
GOOD = (
    Sample(source=in_view("return {'total': notes.count()}")),
    # The rows are used, so their number is free.
    Sample(source=in_view("return {'total': len(notes), 'titles': [n.title for n in notes]}")),
    Sample(source=in_view("return {'titles': [n.title for n in notes], 'total': len(notes)}")),
    Sample(source=in_view("return {'total': len(notes), 'notes': notes}")),
    Sample(source=in_view("found = list(notes)\n    return {'total': len(found), 'last': found[-1:]}")),
    Sample(source=with_session(f"return {_QUERY}.count()")),
    Sample(
        source=with_session("return session.scalar(select(func.count()).select_from(Note).where(Note.title == title))")
    ),
    Sample(source=with_session(f"notes = {_QUERY}.all()\n    return {{'total': len(notes), 'notes': notes}}")),
    Sample(
        source=with_session(
            f"notes = {_QUERY}.all()\n    return {{'total': len(notes), 'titles': [n.title for n in notes]}}"
        )
    ),
    Sample(source=with_session(f"notes = {_QUERY}.all()\n    show = lambda: notes\n    return len(notes), show")),
    # Kept for others to read.
    Sample(source=in_view("request.notes = notes\n    return len(request.notes)")),
    Sample(source=in_view("total = len(notes)\n    return render(request, 'notes.html', locals())")),
    # A few at most.
    Sample(source=in_view("return {'total': len(notes.filter(pk__in=request.GET.getlist('n')))}")),
    Sample(source=with_session(f"return len({_QUERY}.limit(5).all())")),
    Sample(source=in_view("return {'total': len(notes[:5])}")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        fetched = query.issued_by == "rows" and query.query and not query.query.limit and not is_aid(query.issued)
        if not fetched or query.made.function != query.issued.function or not _only_counted(snapshot, query):
            continue
        few = (finds_few(snapshot, query) and not query.loops) or query.table not in snapshot.source.table_by_name
        if not few:
            groups[query.issued.file, query.issued.function].append(query)
    found = [
        _finding(snapshot, *where, queries, limits)
        for where, queries in groups.items()
        if (rows := rows_of(snapshot, queries[0].table)) is None or rows >= limits["rows"]
    ]
    yield from told_once(found, "{} functions fetch rows to count them", singly=limits["functions"])


def _finding(snapshot: Snapshot, file: str, function: str, queries: Sequence[SourceQuery], limits: Limits) -> Finding:
    first, places = queries[0], list(dict.fromkeys(query.issued for query in queries))
    rows = rows_of(snapshot, first.table)
    return Finding(
        title=f"Rows of {first.table} fetched to be counted in {function or file}"[:79],
        message=f"len() at {first.issued} fetches every row that the queryset made at {first.made} finds in {first.table} "
        f"({size_of(snapshot, first.table)}), for their number.",
        objects=(function_ref(first.issued, first.table),),
        impact=Impact(rows, "rows", limits["rows"], 1_000_000)
        if rows is not None
        else Impact(len(places), "places", 10, 100, estimated=True),
        evidence={"places": [str(place) for place in places]},
        confidence="medium" if rows is not None else "low",
        edits=tuple(CodeEdit(place, "count") for place in places) if first.framework == "django" else (),
        next_step=f"Write .count() instead of len(…) at {first.issued}."
        if first.framework == "django"
        else f"Ask for the number at {first.issued}: session.scalar(select(func.count()).select_from(…).where(…)), or query.count().",
        identity=f"{file}:{function}",
        locations=locations(places),
    )


def _only_counted(snapshot: Snapshot, query: SourceQuery) -> bool:
    """No other line of the function reads the same rows. The reader keeps one record of rows that are used several times, by their
    first use; what the function reads besides is told by the lines of its text."""
    line = (query.issued.file, query.issued.line)
    if query.consumer == "len":
        return line not in lines_of(snapshot, "counted and used")
    return line in lines_of(snapshot, "only counted") and query.consumer in ("all", "iterated", "execute", "scalars")
