"""Issuing statements: what the real session writes down becomes a record, and the rows that it makes up become values."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import AliasedClass
from sqlalchemy.sql import CompoundSelect, dml
from sqlalchemy.sql.elements import TextClause

from dbwright.model.source import Issued
from dbwright.source.events import Place
from dbwright.source.issued import IssuedQuery
from dbwright.source.sqlalchemy.models import class_behind
from dbwright.source.sqlalchemy.real import concrete
from dbwright.source.sqlalchemy.statements import REQUEST_TEXT, RUN_TIME_TEXT, Statement
from dbwright.source.tokens import Token, parameter_of
from dbwright.source.values import (
    Arguments,
    Identity,
    Items,
    Known,
    Mapping,
    Native,
    Real,
    Slice,
    Unknown,
    Value,
    union,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

Run = Callable[[Session], Any]
AGGREGATES = frozenset("count sum avg min max array_agg string_agg json_agg jsonb_agg bool_and bool_or every".split())


def issue(
    framework: SQLAlchemy,
    at: Frame,
    run: Run,
    issued_by: Issued,
    *,
    made: Place | None = None,
    subject: Any = None,
    partial: str | None = None,
    consumer: str = "",
    is_async: bool = False,
    relation: str | None = None,
    event: bool = True,
) -> tuple[IssuedQuery, Any]:
    """Let the real session do it, write down what it sends, and remember it. ``subject`` is a mapped class or a table."""
    framework.build()
    result: Any = None
    error: str | None = None
    with framework.recorder.recording() as statements:
        session = framework.recorder.session()
        try:
            result = run(session)
        except Exception as problem:
            error = f"{type(problem).__name__}: {str(problem).splitlines()[0] if str(problem) else ''}"[:200]
        finally:
            session.expunge_all()
        sent = list(statements)
    symbol, table = described(subject)
    text_partial = partial in (RUN_TIME_TEXT, REQUEST_TEXT)
    records = []
    written: list[tuple[str | None, tuple[Any, ...]]] = [*sent] or [(None, ())]
    for number, (sql, parameters) in enumerate(written):
        unknown = None
        if sql is None:
            unknown = error or "nothing is sent"
        elif number == 0 and text_partial:
            unknown = partial
        records.append(
            IssuedQuery(
                framework="sqlalchemy",
                issued_by=issued_by
                if number == 0
                else ("prefetch" if issued_by not in ("insert", "update", "delete") else issued_by),
                made=made if made is not None else at.place,
                sql=None if text_partial and number == 0 else (" ".join(sql.split()) if sql is not None else None),
                parameters=tuple(map(parameter_of, parameters)),
                symbol=symbol if number == 0 else None,
                table=table if number == 0 else first_table(sql),
                relation=relation,
                unknown=unknown,
                partial=partial,
                in_async=is_async,
                request_text=partial == REQUEST_TEXT,
                consumer=consumer,
            )
        )
    if event and not (error is None and not sent):
        for record in records:
            at.happened(record)
    return records[0], result


def first_table(sql: str | None) -> str | None:
    """The table after the first FROM of a statement that SQLAlchemy wrote."""
    words = (sql or "").split()
    for word, following in pairwise(words):
        if word in ("FROM", "INTO", "UPDATE"):
            return following.strip('"(),').rpartition(".")[2] or None
    return None


def described(subject: Any) -> tuple[str | None, str | None]:
    """The symbol and the table of a mapped class or a table."""
    if isinstance(subject, AliasedClass):
        subject = sqlalchemy.inspect(subject).mapper.class_
    if isinstance(subject, type):
        mapper: Any = sqlalchemy.inspect(subject, raiseerr=False)
        cls = class_behind(subject)
        symbol = cls.qualified_name if cls is not None else subject.__qualname__
        table = getattr(getattr(mapper, "local_table", None), "name", None)
        return symbol, str(table) if table is not None else None
    if isinstance(subject, sqlalchemy.Table):
        return str(subject.name), str(subject.name)
    name = getattr(subject, "name", None)
    return None, str(name) if isinstance(name, str) else None


def subject_of(thing: Any) -> Any:
    """The first mapped class, or table, that a statement reads or writes."""
    try:
        if isinstance(thing, CompoundSelect):
            return subject_of(thing.selects[0])
        if isinstance(thing, dml.UpdateBase):
            entity = thing.entity_description.get("entity")
            return entity if entity is not None else thing.table
        descriptions = getattr(thing, "column_descriptions", None) or ()
        for one in descriptions:
            if one.get("entity") is not None:
                return one["entity"]
        for one in descriptions:
            if isinstance(table := getattr(one.get("expr"), "table", None), sqlalchemy.Table):
                return table
        for one in getattr(thing, "columns_clause_froms", None) or ():
            mapper = one._annotations.get("parententity")
            return mapper.class_ if mapper is not None else one
        froms = thing.get_final_froms() if hasattr(thing, "get_final_froms") else ()
        for one in froms:
            return one
    except Exception:
        return None
    return None


def shape_of(thing: Any) -> list[tuple[str, Any]]:
    """Name and mapped class (None for a single value) of each element of a row."""
    try:
        is_write = isinstance(thing, dml.UpdateBase)
        descriptions = thing.returning_column_descriptions if is_write else thing.column_descriptions
        return [
            (
                str(one.get("name") or ""),
                one["entity"] if one.get("expr") is one.get("entity") and one.get("entity") is not None else None,
            )
            for one in descriptions
        ]
    except Exception:
        return []


def element(
    framework: SQLAlchemy, entity: Any, real: Any, record: IssuedQuery | None, is_async: bool, session: Value | None
) -> Value:
    from dbwright.source.sqlalchemy import instances

    if entity is None:
        return Unknown("a value of a row", "row")
    return instances.of_row(framework, entity, real, record, is_async, session)


def row_of_statement(
    framework: SQLAlchemy,
    thing: Any,
    real: Any,
    record: IssuedQuery | None,
    is_async: bool,
    single: bool,
    session: Value | None = None,
) -> Value:
    """The value of one row. ``single``: a row of one element is that element; ``session``: the one that the row belongs to."""
    shape = shape_of(thing)
    if not shape:
        return Unknown("a row", "row")
    if single:
        first = real[0] if isinstance(real, tuple) and real else real
        return element(framework, shape[0][1], first, record, is_async, session)
    reals = list(real) if isinstance(real, tuple) and len(real) == len(shape) else [None] * len(shape)
    values = [
        element(framework, entity, one, record, is_async, session)
        for (_name, entity), one in zip(shape, reals, strict=True)
    ]
    return RowValue([name for name, _entity in shape], values, record)


class RowValue(Value):
    """A row of several columns or entities."""

    __slots__ = ("names", "row_of", "values")

    def __init__(self, names: list[str], values: list[Value], record: Any) -> None:
        self.names = names
        self.values = values
        self.row_of = record

    def attribute(self, name: str, at: Frame) -> Value:
        if name in self.names:
            return self.values[self.names.index(name)]
        if name in ("_mapping",):
            return self.mapping()
        if name in ("_asdict", "as_dict"):
            return Native(name, lambda arguments, frame: self.mapping())
        if name in ("_tuple", "tuple", "t"):
            return Native(name, lambda arguments, frame: Items(list(self.values), "tuple"))
        return Unknown(f"{name} of a row", "row")

    def mapping(self) -> Mapping:
        return Mapping(dict(zip(self.names, self.values, strict=True)), Unknown("a value of a row", "row"))

    def item(self, key: Value, at: Frame) -> Value:
        if isinstance(key, Known) and isinstance(key.value, int) and -len(self.values) <= key.value < len(self.values):
            return self.values[key.value]
        if isinstance(key, Known) and key.value in self.names:
            return self.values[self.names.index(str(key.value))]
        return Unknown("an element of a row", "row")

    def iterate(self, at: Frame) -> Value:
        return union(self.values) if self.values else Unknown("an element of a row", "row")

    def key(self) -> object:
        return ("row", tuple(self.names), tuple(value.key() for value in self.values))

    def describe(self) -> str:
        return "a row"


def many(row: Value) -> Items:
    return Items([], "list", row)


class ResultValue(Value):
    """What ``execute`` gives: rows that were asked for already."""

    __slots__ = ("framework", "is_async", "mode", "real", "rows", "session", "statement")

    def __init__(
        self,
        framework: SQLAlchemy,
        statement: Any,
        real: Any,
        record: IssuedQuery | None,
        mode: str,
        is_async: bool,
        session: Value | None = None,
    ) -> None:
        self.session = session
        self.framework = framework
        self.statement = statement
        self.real = real
        self.rows = record
        self.mode = mode
        self.is_async = is_async

    @property
    def row(self) -> Value:
        if self.mode == "mappings":
            row = self._row(single=False)
            return row.mapping() if isinstance(row, RowValue) else Mapping({}, Unknown("a value of a row", "row"))
        return self._row(single=self.mode == "scalars")

    def _row(self, single: bool) -> Value:
        return row_of_statement(
            self.framework, self.statement, self.real, self.rows, self.is_async, single, self.session
        )

    def moded(self, mode: str) -> ResultValue:
        return ResultValue(self.framework, self.statement, self.real, self.rows, mode, self.is_async, self.session)

    def attribute(self, name: str, at: Frame) -> Value:
        if name in ("scalars", "mappings"):
            return Native(name, lambda arguments, frame: self.moded(name))
        if name in (
            "unique",
            "tuples",
            "yield_per",
            "columns",
            "freeze",
            "execution_options",
            "__aiter__",
            "t",
            "stream",
        ):
            return Native(name, lambda arguments, frame: self)
        if name in ("all", "fetchall", "fetchmany"):
            return Native(name, lambda arguments, frame: many(self.row))
        if name in ("partitions",):
            return Native(name, lambda arguments, frame: many(many(self.row)))
        if name in ("first", "one_or_none", "fetchone"):
            return Native(name, lambda arguments, frame: union([self.row, Known(None)]))
        if name in ("one", "__anext__", "__next__"):
            return Native(name, lambda arguments, frame: self.row)
        if name in ("scalar", "scalar_one_or_none"):
            return Native(name, lambda arguments, frame: union([self.moded("scalars").row, Known(None)]))
        if name == "scalar_one":
            return Native(name, lambda arguments, frame: self.moded("scalars").row)
        return Unknown(f"{name} of a result", "row")

    def iterate(self, at: Frame) -> Value:
        return self.row

    def enter(self, at: Frame) -> Value:
        return self

    def key(self) -> object:
        return ("result", Identity(self.rows), self.mode)

    def describe(self) -> str:
        return "a result"


# The legacy Query -------------------------------------------------------------------------------------------------------


def _run(query: Any, act: Callable[[Any], Any]) -> Run:
    return lambda session: act(query.with_session(session))


def _record(
    statement: Statement, at: Frame, issued_by: Issued, act: Callable[[Any], Any], consumer: str
) -> tuple[IssuedQuery, Any]:
    subject = subject_of(statement.object)
    session = statement.session
    if (flushed := getattr(session, "flushed", None)) is not None:
        flushed(at)
    return issue(
        statement.framework,
        at,
        _run(statement.object, act),
        issued_by,
        made=statement.made,
        subject=subject,
        partial=statement.partial,
        consumer=consumer,
        is_async=bool(getattr(session, "is_async", False)),
    )


def _row(statement: Statement, real: Any, record: IssuedQuery) -> Value:
    single = len(shape_of(statement.object)) == 1 and shape_of(statement.object)[0][1] is not None
    return row_of_statement(statement.framework, statement.object, real, record, False, single, statement.session)


def _first(rows: Any) -> Any:
    return rows[0] if isinstance(rows, list) and rows else None


def iterate_query(statement: Statement, at: Frame, consumer: str = "iterated") -> Value:
    record, rows = _record(statement, at, _rows_kind(statement.object), lambda query: query.all(), consumer)
    statement.rows = record
    return _row(statement, _first(rows), record)


def _rows_kind(query: Any) -> Issued:
    """``aggregate`` for a query of aggregates only."""
    try:
        columns = [one["expr"] for one in query.column_descriptions]
        if columns and all(getattr(getattr(c, "element", c), "name", None) in AGGREGATES for c in columns):
            return "aggregate"
    except Exception:
        return "rows"
    return "rows"


def item_of_query(statement: Statement, key: Value, at: Frame) -> Value:
    if isinstance(key, Slice):
        narrowed = statement.bounded(key, at)
        row = iterate_query(narrowed, at, "sliced")
        return many(row)
    narrowed = statement.bounded(Slice(key, None), at)
    return iterate_query(narrowed, at, "indexed")


def query_method(statement: Statement, name: str) -> Value | None:
    """A method of the legacy Query that issues it, or that our values must see."""
    handler = _QUERY_METHODS.get(name)
    if handler is None:
        return None
    return Native(name, lambda arguments, at: handler(statement, arguments, at))


def _all(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    return many(iterate_query(statement, at, "all"))


def _yield(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    return statement


def _one(
    issued_by: Issued, act: Callable[[Any], Any], name: str, maybe: bool
) -> Callable[[Statement, Arguments, Any], Value]:
    def handler(statement: Statement, arguments: Arguments, at: Frame) -> Value:
        record, real = _record(statement, at, issued_by, act, name)
        row = _row(statement, real, record)
        return union([row, Known(None)]) if maybe else row

    return handler


def _scalar(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    kind: Issued = "aggregate" if _rows_kind(statement.object) == "aggregate" else "first"
    record, real = _record(statement, at, kind, lambda query: query.scalar(), "scalar")
    shape = shape_of(statement.object)
    if shape and shape[0][1] is not None:
        return union([element(statement.framework, shape[0][1], real, record, False, statement.session), Known(None)])
    return Unknown("a value of a row", "row")


def _count(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    _record(statement, at, "count", lambda query: query.count(), "count")
    return Unknown("a count", "row")


def _get(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    from dbwright.source.sqlalchemy.instances import held

    key = arguments.get(0, "ident") or Unknown("a key")
    if (row := held(key, subject_of(statement.object))) is not None:
        return row
    identity = identity_of(concrete(key, at, statement.framework))
    record, real = _record(statement, at, "get", lambda query: query.get(identity), "get")
    return union([_row(statement, real, record), Known(None)])


def identity_of(identity: Any) -> Any:
    if isinstance(identity, list):
        return tuple(identity)
    return Token("unknown") if identity is None else identity


def _delete(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    _record(statement, at, "delete", lambda query: query.delete(synchronize_session=False), "delete")
    return Unknown("a count of rows")


def _update(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    values = arguments.get(0, "values")
    given = concrete(values, at, statement.framework) if values is not None else {}
    if not isinstance(given, dict) or not given:
        symbol, table = described(subject_of(statement.object))
        reason = "the columns that it writes are not known"
        at.happened(IssuedQuery("sqlalchemy", "update", statement.made, symbol=symbol, table=table, unknown=reason))
        return Unknown("a count of rows")
    _record(statement, at, "update", lambda query: query.update(given, synchronize_session=False), "update")
    return Unknown("a count of rows")


def _paginate(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    """Flask-SQLAlchemy's: a page of rows, and their count."""
    token = sqlalchemy.bindparam(None, Token("request"), type_=sqlalchemy.Integer(), unique=True)
    offset = sqlalchemy.bindparam(None, Token("request"), type_=sqlalchemy.Integer(), unique=True)
    page = statement.with_object(statement.object.limit(token).offset(offset))
    record, rows = _record(page, at, "rows", lambda query: query.all(), "paginate")
    row = _row(page, _first(rows), record)
    plain = statement.with_object(statement.object.order_by(None))
    _record(plain, at, "count", lambda query: query.count(), "paginate")
    return PageValue(row, record)


def paginate_select(framework: SQLAlchemy, session: Value, arguments: Arguments, at: Frame) -> Value:
    """``db.paginate(select)``: a page of rows, and their count."""
    statement = next((one for one in arguments.positional[:1] if isinstance(one, Statement)), None)
    if statement is None:
        return Unknown("a page of something that is not known", "row")
    token = sqlalchemy.bindparam(None, Token("request"), type_=sqlalchemy.Integer(), unique=True)
    offset = sqlalchemy.bindparam(None, Token("request"), type_=sqlalchemy.Integer(), unique=True)
    page = statement.with_object(statement.object.limit(token).offset(offset))
    result = session.attribute("scalars", at).call(Arguments([page]), at)
    inner = statement.object.options(orm.lazyload("*")).order_by(None).subquery()
    count = statement.with_object(sqlalchemy.select(sqlalchemy.func.count()).select_from(inner))
    session.attribute("scalar", at).call(Arguments([count]), at)
    return PageValue(result.iterate(at), getattr(result, "rows", None))  # type: ignore[arg-type]


class PageValue(Value):
    """Flask-SQLAlchemy's ``Pagination``."""

    __slots__ = ("row", "rows")

    def __init__(self, row: Value, record: IssuedQuery) -> None:
        self.row = row
        self.rows = record

    def attribute(self, name: str, at: Frame) -> Value:
        return many(self.row) if name == "items" else Unknown(f"{name} of a page")

    def iterate(self, at: Frame) -> Value:
        return self.row

    def key(self) -> object:
        return ("page", Identity(self.rows))


def _with_entities(statement: Statement, arguments: Arguments, at: Frame) -> Value:
    values = [*arguments.positional, *([arguments.extra_positional] if arguments.extra_positional is not None else [])]
    things = [concrete(value, at, statement.framework) for value in values]
    known = [thing for thing in things if not isinstance(thing, Token)]
    try:
        return statement.with_object(statement.object.with_entities(*known))
    except Exception as error:
        return Unknown(f"with_entities: {error}"[:200])


_QUERY_METHODS: dict[str, Callable[[Statement, Arguments, Any], Value]] = {
    "all": _all,
    "__iter__": _all,
    "yield_per": _yield,
    "enable_eagerloads": _yield,
    "populate_existing": _yield,
    "execution_options": _yield,
    "autoflush": _yield,
    "with_session": _yield,
    "first": _one("first", lambda query: query.first(), "first", True),
    "one": _one("get", lambda query: query.one(), "one", False),
    "one_or_none": _one("get", lambda query: query.one_or_none(), "one_or_none", True),
    "first_or_404": _one("first", lambda query: query.first(), "first", False),
    "one_or_404": _one("get", lambda query: query.one(), "one", False),
    "scalar": _scalar,
    "count": _count,
    "get": _get,
    "get_or_404": _get,
    "delete": _delete,
    "update": _update,
    "paginate": _paginate,
    "with_entities": _with_entities,
}

__all__ = ["Real", "ResultValue", "TextClause", "issue", "orm"]
