"""Recorded statements led back to the lines that issue them.

A statement's own comment is believed first (SQLCommenter), then its fingerprint, then its structure: what the select list names and
how long an IN list is do not count, because frameworks write them as they like.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from dbwright.model.activity import Statement, Workload
from dbwright.model.attribution import Attribution, Match, StatementOrigin
from dbwright.model.query import Predicate, Query
from dbwright.model.source import Place, Source, SourceQuery
from dbwright.model.statements import statements
from dbwright.source.sql import CannotTakeApart, take_apart

SIMILAR = 0.75
"""From what share of common conditions and joins on a query counts as the statement's, when no other is as near."""
_TAGS = re.compile(r"\A\s*+/\*(?P<before>(?:[^*]|\*(?!/))*+)\*/|/\*(?P<after>(?:[^*]|\*(?!/))*+)\*/[\s;]*+\Z")
_TAG = re.compile(r"([\w.%-]+)\s*=\s*'((?:[^'\\]|\\.)*)'")
_FILES = ("code_filepath", "code.filepath", "file", "filename", "source_file")
_LINES = ("code_lineno", "code.lineno", "line", "lineno")
_FUNCTIONS = ("code_function", "code.function", "func", "function", "action", "controller", "view", "task", "handler")
Piece = tuple[str, ...]


@dataclass(frozen=True)
class _Form:
    """A query's structure: what must be equal (``frame``), and the conditions, joins, grouping and order as a multiset of pieces."""

    frame: Piece
    pieces: Counter[Piece]
    shape: Piece
    """Grouping, order, limit."""

    @property
    def key(self) -> tuple[Piece, frozenset[tuple[Piece, int]], Piece]:
        return self.frame, frozenset(self.pieces.items()), self.shape


def attribute(workload: Workload, source: Source) -> Attribution:
    """The lines of each statement of the application. Statements are those of `statements`: the users' own, one entry a query id;
    those that read the system's tables alone are left out."""
    told = tuple(statements(workload))
    if not told:  # no database was read
        return Attribution(())
    known = _Known(source)
    origins = (_origin(statement, known) for statement in told)
    return Attribution(tuple(origin for origin in origins if not _of_system(origin.query)))


def _of_system(query: Query | None) -> bool:
    return query is not None and bool(query.tables) and all(t.name.startswith("pg_") for t in query.tables)


@dataclass
class _Known:
    """The source's queries by everything that a statement may be found by."""

    source: Source
    by_fingerprint: defaultdict[str, list[SourceQuery]] = field(default_factory=lambda: defaultdict(list))
    by_key: defaultdict[object, list[SourceQuery]] = field(default_factory=lambda: defaultdict(list))
    by_frame: defaultdict[Piece, list[tuple[_Form, SourceQuery]]] = field(default_factory=lambda: defaultdict(list))
    files: set[str] = field(default_factory=set)
    schema: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schema = {table.name: frozenset(c.name for c in table.columns) for table in self.source.tables}
        for query in self.source.queries:
            self.files.add(query.issued.file)
            if query.query is None:
                continue
            form = form_of(query.query)
            if query.query.fingerprint and not query.partial:
                self.by_fingerprint[query.query.fingerprint].append(query)
            self.by_key[form.key].append(query)
            self.by_frame[form.frame].append((form, query))


def _origin(statement: Statement, known: _Known) -> StatementOrigin:
    try:
        query: Query | None = take_apart(statement.query, known.schema)
        reason = ""
    except CannotTakeApart as error:
        query, reason = None, f"its text cannot be read: {error}"
    match, found = _found(statement, query, known)
    tags = tags_of(statement.query)
    if place := _tagged_place(tags, known.files):
        return _made(statement, "tag", query, (place,), [])
    if len(found) > 1 and tags:
        found = _of_function(found, tags) or found
    if found:
        return _made(statement, match, query, tuple(dict.fromkeys(q.issued for q in found)), found)
    tables = [known.source.table_by_name.get(t.name) for t in query.tables] if query else []
    if tables and all(table is not None and not table.owned for table in tables):
        return _made(statement, "library", query, (), [], "a library sends it")
    return _made(statement, "", query, (), [], reason or "no query of the source has its structure")


def _made(
    statement: Statement,
    match: Match,
    query: Query | None,
    issued: tuple[Place, ...],
    found: Sequence[SourceQuery],
    reason: str = "",
) -> StatementOrigin:
    return StatementOrigin(
        query_id=statement.query_id,
        match=match,
        issued=issued,
        made=tuple(dict.fromkeys(q.made for q in found)),
        query=query,
        calls=statement.calls,
        milliseconds=statement.total_milliseconds,
        reason=reason,
    )


def _found(statement: Statement, query: Query | None, known: _Known) -> tuple[Match, list[SourceQuery]]:
    if query is None:
        return "", []
    if exact := known.by_fingerprint.get(query.fingerprint):
        return "fingerprint", exact
    form = form_of(query)
    if same := known.by_key.get(form.key):
        return "structure", same
    return "similar", _nearest(form, known.by_frame.get(form.frame, ()))


def _nearest(form: _Form, known: Iterable[tuple[_Form, SourceQuery]]) -> list[SourceQuery]:
    """The queries that share the most with a form. One whose conditions are partly made at run time must have all that it has among the
    statement's."""
    scored: list[tuple[float, SourceQuery]] = []
    for other, query in known:
        common = (form.pieces & other.pieces).total()
        ours, theirs = form.pieces.total(), other.pieces.total()
        if query.partial:
            score = 0.9 + 0.01 * common if common == theirs else 0.0
        else:
            score = common / max(ours, theirs) if common > 1 else 0.0
            score -= 0.05 * (form.shape != other.shape)
        if score >= SIMILAR:
            scored.append((score, query))
    best = max((score for score, _ in scored), default=0.0)
    return [query for score, query in scored if score == best]


# Structure


def form_of(query: Query) -> _Form:
    """A query's structure without what frameworks write in different ways for the same rows."""
    tables = sorted(table.name for table in query.tables)
    frame = (query.verb, *tables)
    pieces: Counter[Piece] = Counter(piece for predicate in query.predicates for piece in _predicate_pieces(predicate))
    if query.verb == "update":
        pieces.update(("set", name) for name in query.set_columns)
    if query.verb == "insert":
        frame = (*frame, query.conflict)
        return _Form(frame, Counter(), ())
    counts = tuple(sorted(set(query.aggregates)))
    shape = (
        *(f"group {c.table}.{c.column}" for c in sorted(query.group_by, key=lambda c: (c.table, c.column))),
        *(
            f"order {k.column.table + '.' + k.column.column if k.column else k.expression} {k.descending}"
            for k in query.order_by
        ),
        "limit" if query.limit else "",
        "offset" if query.offset else "",
        "distinct" if query.distinct else "",
        query.locking,
    )
    return _Form((*frame, "|", *counts), pieces, shape)


def _predicate_pieces(predicate: Predicate) -> Iterator[Piece]:
    column = f"{predicate.column.table}.{predicate.column.column}"
    wrapped = re.sub(r"'[^']*'|\$\d+|\b\d+\b", "?", predicate.wrapped)
    if predicate.value == "column" and predicate.other is not None:
        other = f"{predicate.other.table}.{predicate.other.column}"
        left, right = sorted((column, other))
        yield ("join", left, right, predicate.operator if predicate.operator == "=" else "other")
        return
    negated = "not" if predicate.negated else ""
    operator = predicate.operator
    if operator == "=" and predicate.value in ("true", "false"):
        operator, negated = "is", "not" if (predicate.value == "false") != predicate.negated else ""
    yield (column, operator, wrapped, negated, "or" if predicate.alternative else "")


# Comments


def tags_of(text: str) -> Mapping[str, str]:
    """The tags of SQLCommenter in the comment before or after a statement: ``/*action='checkout',file='shop%2Fviews.py'*/``."""
    tags: dict[str, str] = {}
    for comment in _TAGS.finditer(text):
        for name, value in _TAG.findall(comment["before"] or comment["after"] or ""):
            tags[unquote(name)] = unquote(value)
    return tags


def _tagged_place(tags: Mapping[str, str], files: set[str]) -> Place | None:
    """The line that a comment names, when the project has the file: its path may be absolute, and may hold the line itself."""
    text = next((tags[name] for name in _FILES if tags.get(name)), "")
    path, colon, number = text.rpartition(":")
    if not (colon and number.isdigit()):
        path, number = text, next((tags[name] for name in _LINES if tags.get(name)), "")
    path = path.replace("\\", "/")
    file = max((name for name in files if path == name or path.endswith("/" + name)), key=len, default=None)
    if file is None or not number.isdigit():
        return None
    function = next((tags[name] for name in _FUNCTIONS if tags.get(name)), "")
    return Place(file, int(number), function)


def _of_function(found: Sequence[SourceQuery], tags: Mapping[str, str]) -> list[SourceQuery]:
    """Of several queries those under a function that the tags name."""
    names = {part for name in _FUNCTIONS if tags.get(name) for part in re.split(r"[.:]", tags[name])}

    def functions(query: SourceQuery) -> set[str]:
        return {part for place in (query.issued, query.made, *query.calls) for part in place.function.split(".")}

    return [query for query in found if functions(query) & names]
