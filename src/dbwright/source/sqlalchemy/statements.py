"""Statements under construction: ``select()`` and its kin and the legacy ``Query``, as real objects with the place where they were made."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import attributes, interfaces
from sqlalchemy.sql import ClauseElement, ColumnElement, Executable, Select, dml, elements, operators, selectable
from sqlalchemy.sql.base import Executable as BaseExecutable
from sqlalchemy.sql.elements import TextClause

from dbwright.source.events import Place
from dbwright.source.optional import BEGIN, END
from dbwright.source.sqlalchemy import before_two
from dbwright.source.sqlalchemy.real import concrete, is_element, number_parameter, wrapped
from dbwright.source.tokens import Token, has_token
from dbwright.source.values import (
    MOST_OF_TURNS,
    MOST_VARIANTS,
    Arguments,
    ClassValue,
    FormattedText,
    Identity,
    Items,
    Known,
    Native,
    Real,
    Slice,
    Union,
    Unknown,
    Value,
    alternatives,
    union,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

CONDITIONS = frozenset(
    "where filter having order_by group_by options join outerjoin filter_by distinct with_only_columns".split()
)
"""Methods from which what is not known is left out; the statement is then told to be partial."""
NARROWING = frozenset(("where", "filter", "having"))
_BOUNDS = frozenset(("limit", "offset"))
MOST_FURTHER = 12
"""Conditions that a list was given in a loop, each of which may be there."""
MOST_OF_FURTHER = 2
"""Columns, orders and joins that a list was given in a loop, of which one is taken for all."""
_IS = frozenset(("is_", "is_not", "isnot"))


class Statement(Value):
    """A statement or legacy ``Query``. ``made`` is where its first call stands; ``partial`` what could not be told of it."""

    __slots__ = (
        "base",
        "framework",
        "made",
        "narrowed",
        "object",
        "partial",
        "query_class",
        "rows",
        "session",
        "turns",
    )

    def __init__(
        self,
        framework: SQLAlchemy,
        thing: Any,
        made: Place | None,
        partial: str | None = None,
        query_class: ClassValue | None = None,
        session: Any = None,
    ) -> None:
        self.framework = framework
        self.object = thing
        self.made = made
        self.partial = partial
        self.query_class = query_class
        self.session = session
        self.rows: Any = None
        self.base: Statement | None = None
        """The statement that it narrows, by the method and the arguments of ``narrowed``."""
        self.narrowed: tuple[str, Arguments] | None = None
        self.turns = 0
        """How often another than the first of several alternatives was taken."""

    @property
    def is_query(self) -> bool:
        return isinstance(self.object, orm.Query)

    def concrete(self, at: Frame) -> Any:
        return self.object

    def with_object(self, thing: Any, partial: str | None = None) -> Statement:
        made = Statement(self.framework, thing, self.made, self.partial or partial, self.query_class, self.session)
        made.turns = self.turns
        return made

    def attribute(self, name: str, at: Frame) -> Value:
        if self.query_class is not None and at.interpreter.find_in_class(self.query_class, name) is not None:
            owner = at.interpreter.find_in_class(self.query_class, name)
            if owner is not None:
                return at.interpreter.bind(at.interpreter.own_attribute(owner, name), self, at)
        if self.is_query:
            from dbwright.source.sqlalchemy import results

            found = results.query_method(self, name)
            if found is not None:
                return found
        if name in ("session",):
            return self.session or Unknown("a session")
        if self.is_query and name == "with_lockmode":
            return Native(
                name,
                lambda given, frame: self.called(name, lambda mode: before_two.lock(self.object, mode), given, frame),
            )
        try:
            thing = getattr(self.object, name)
        except Exception as error:
            return Unknown(f"{name}: {type(error).__name__}")
        if callable(thing) and not is_element(thing) and name not in ("c", "columns", "selected_columns"):
            return Native(name, lambda arguments, frame: self.called(name, thing, arguments, frame))
        return wrapped(thing)

    def called(self, name: str, method: Any, arguments: Arguments, at: Frame) -> Value:
        arguments = with_marks(arguments) if name in NARROWING else arguments
        found = [self._called(name, method, one, at) for one in choices(arguments)]
        for one in found[1:]:
            if isinstance(one, Statement):
                one.turns += one is not self
        # Of several alternatives those that SQLAlchemy refuses, such as a column that only some models have, are none.
        taken = [one for one in found if not isinstance(one, Statement) or one.partial == self.partial]
        return union(taken or found)

    def or_not(self, base: Value, at: Frame) -> Value | None:
        """The one statement for two branches, of which this one only narrowed what the other has: with marks around the conditions.
        None where it did something else."""
        if self is base or self.base is None or self.narrowed is None:
            return self if self is base else None
        outer = self.base.or_not(base, at)
        if not isinstance(outer, Statement):
            return None
        name, given = self.narrowed
        if any(map(_is_true, given.positional)):
            return outer
        marked = _marked_bound if name in _BOUNDS else _marked
        every = replace(given, positional=[one if is_marked(one) else marked(one, at) for one in given.positional])
        made = outer._called(name, getattr(outer.object, name), every, at)
        if isinstance(made, Statement):
            made.turns = self.turns
        return made

    def _called(self, name: str, method: Any, arguments: Arguments, at: Frame) -> Value:
        positional, named, partial = self._fitted(name, arguments, at)
        if (name == "on_conflict_do_update" and not named.get("set_", positional[4:])) or isinstance(
            named.get("set_"), str
        ):
            named, partial = {**named, "set_": _as_inserted(self.object, named)}, "columns that are not known"
        if name.startswith("on_conflict_do_") and any(
            isinstance(one, str) and has_token(one) for one in named.get("index_elements") or ()
        ):
            key = [one.name for one in self.object.table.primary_key]
            named, partial = {**named, "index_elements": key}, "the key of ON CONFLICT is not known"
        nothing = name in CONDITIONS and name != "distinct" and not positional and not named
        if nothing and not (arguments.positional or arguments.named or partial):
            return self  # all of its arguments are among those that may be left out
        if nothing:
            return self.with_object(self.object, partial or "a condition that is not known")
        if self.is_query:
            method = before_two.method_of(self.object, name, method)
        try:
            found = method(*positional, **named)
        except Exception as error:
            if name in CONDITIONS or name in (
                "limit",
                "offset",
                "slice",
                "select_from",
                "correlate",
                "with_for_update",
                "add_columns",
            ):
                return self.with_object(self.object, f"{name}: {str(error).splitlines()[0][:120]}")
            return Unknown(f"{name}: {type(error).__name__}: {error}"[:200], arguments.origin())
        if is_statement(found) and not isinstance(
            found, selectable.Subquery | selectable.CTE | selectable.ScalarSelect
        ):
            made = self.with_object(found, partial)
            if name in NARROWING or name in _BOUNDS:
                made.base, made.narrowed = self, (name, arguments)
            return made
        return wrapped(found)

    def _fitted(self, name: str, arguments: Arguments, at: Frame) -> tuple[list[Any], dict[str, Any], str | None]:
        partial: str | None = None
        positional: list[Any] = []
        given = list(arguments.positional)
        if arguments.extra_positional is not None:
            partial = "arguments that are not known"
            given += [one for one in alternatives(arguments.extra_positional) if not isinstance(one, Unknown)][:1]
        for value in given:
            if name in CONDITIONS and isinstance(value, Items):
                positional += [c for c in (concrete(one, at, self.framework) for one in value.items) if not _useless(c)]
                continue
            one = self._argument(value, at)
            if name in CONDITIONS and _useless(one):
                partial = partial or f"{name}() of something that is not known: {value.describe()[:80]}"
            elif name in ("limit", "offset", "slice"):
                positional.append(one if is_marked(value) else number_parameter(one))
            else:
                positional.append(one)
        named = {key: concrete(value, at, self.framework) for key, value in arguments.named.items()}
        if arguments.extra_named is not None:
            partial = "named arguments that are not known"
        if name == "with_for_update":
            named = {k: (v if not isinstance(v, Token) else False) for k, v in named.items()}
        if name in ("execution_options", "params"):
            named = (
                {k: v for k, v in named.items() if not isinstance(v, Token)} if name == "execution_options" else named
            )
        return positional, named, partial

    def _argument(self, value: Value, at: Frame) -> Any:
        if isinstance(value, before_two.NamedLoader):
            return value.option(before_two.entity_of(self.object), at)
        return concrete(value, at, self.framework)

    def iterate(self, at: Frame) -> Value:
        if self.is_query:
            from dbwright.source.sqlalchemy import results

            return results.iterate_query(self, at)
        return Unknown("element of a statement")

    def item(self, key: Value, at: Frame) -> Value:
        if self.is_query:
            from dbwright.source.sqlalchemy import results

            return results.item_of_query(self, key, at)
        return Unknown("item of a statement")

    def bounded(self, key: Slice, at: Frame) -> Statement:
        start = concrete(key.start, at, self.framework) if key.start is not None else None
        stop = concrete(key.stop, at, self.framework) if key.stop is not None else None
        try:
            if isinstance(start, int | None) and isinstance(stop, int | None) and not isinstance(start, bool):
                return self.with_object(self.object.slice(start or 0, stop))
            found = self.object.offset(number_parameter(start)) if start is not None else self.object
            found = found.limit(sqlalchemy.bindparam(None, Token("unknown"), type_=sqlalchemy.Integer(), unique=True))
            return self.with_object(found)
        except Exception:
            return self

    def key(self) -> object:
        try:
            if isinstance(self.object, orm.Query):
                return ("query", Identity(self.object))
            return ("statement", Identity(self.object))
        except Exception:
            return Identity(self)

    def describe(self) -> str:
        return "a query"


def _as_inserted(insert: Any, named: dict[str, Any]) -> dict[str, Any]:
    """What ON CONFLICT DO UPDATE writes where that is not known: every column but those of the key, as it would have been inserted."""
    key = {getattr(one, "key", one) for one in named.get("index_elements") or ()}
    columns = [one for one in insert.table.c if not one.primary_key and one.key not in key]
    return {one.key: insert.excluded[one.key] for one in columns}


def choices(arguments: Arguments) -> list[Arguments]:
    """One set of arguments for each alternative: of a condition, of an entity, of what a list or dictionary holds under conditions."""
    if arguments.optional or arguments.optional_named:
        several = [choices(narrowed) for narrowed in _with_and_without(arguments)]
        # In turn, so that many alternatives of one condition do not crowd out the query without it.
        return [one for turn in zip_longest(*several) for one in turn if one is not None][:MOST_VARIANTS]
    for position, value in enumerate(arguments.positional):
        if isinstance(value, Union):
            members = [m for m in alternatives(value) if isinstance(m, Real | Statement | ClassValue)]
            if len(members) == len(alternatives(value)):
                return [_replaced(arguments, position, member) for member in members[:MOST_OF_TURNS]]
    extra = arguments.extra_positional
    further = [m for m in alternatives(extra) if isinstance(m, Real)] if extra is not None else []
    if further:  # any number of them: none, or one that stands for all
        none = replace(arguments, extra_positional=Unknown("further elements"))
        position = len(arguments.positional) if arguments.extra_at is None else arguments.extra_at
        before, after = arguments.positional[:position], arguments.positional[position:]
        return [none, *(replace(none, positional=[*before, one, *after]) for one in further[:MOST_OF_FURTHER])]
    return [arguments]


class Maybe(elements.Grouping[Any]):
    """A condition that was put into its list under another one: it may not be there, and its SQL is written between marks."""

    __visit_name__ = "maybe"
    inherit_cache = True
    operator = None
    """None of its element's: a list of conditions takes it in as it is."""


@compiles(Maybe)
def _write_marked(element: Maybe, compiler: Any, **options: Any) -> str:
    return f"{BEGIN}{compiler.process(element.element, **options)}{END}"


def with_marks(arguments: Arguments) -> Arguments:
    """The arguments with marks around the conditions that a list held under conditions, and around those instead of which there may be
    ``true()``."""
    given = []
    for position, value in enumerate(arguments.positional):
        several = alternatives(value)
        others = [one for one in several if not _is_true(one)] or [value]
        given.append(
            union(map(_marked, others)) if position in arguments.optional or len(others) < len(several) else value
        )
    told = {position for position in arguments.optional if all(map(is_marked, alternatives(given[position])))}
    further, extra = _further(arguments.extra_positional)
    return replace(
        arguments,
        positional=[*given, *further],
        optional=frozenset(arguments.optional - told),
        extra_positional=extra,
    )


def _further(extra: Value | None) -> tuple[list[Value], Value | None]:
    """Of the further elements of a list, any number of them: the conditions that may be among them, with marks, and what is left."""
    several = list(alternatives(extra)) if extra is not None else []
    marked = [found for one in several if is_marked(found := _marked(one))][:MOST_FURTHER]
    if not marked:
        return [], extra
    left = [one for one in several if not is_marked(_marked(one))]
    return marked, union(left) if left else Unknown("further conditions")


def _is_true(value: Value) -> bool:
    return isinstance(value, Real) and isinstance(value.object, elements.True_)


def is_marked(value: Value) -> bool:
    return isinstance(value, Real) and isinstance(value.object, Maybe)


def _marked_bound(value: Value, at: Frame) -> Value:
    """A LIMIT or an OFFSET that may not be there: the number is marked."""
    number = number_parameter(value.value if isinstance(value, Known) else Token("unknown"))
    thing = number if isinstance(number, ColumnElement) else sqlalchemy.literal(number, sqlalchemy.Integer())
    return Real(Maybe(thing))


def _marked(value: Value, at: Frame | None = None) -> Value:
    thing = getattr(value, "object", None) if isinstance(value, Real) else None
    if isinstance(thing, ColumnElement) and isinstance(thing.type, sqlalchemy.Boolean) and not isinstance(thing, Maybe):
        return Real(Maybe(thing.self_group(against=operators.and_)))
    return value


def _replaced(arguments: Arguments, position: int, value: Value) -> Arguments:
    given = list(arguments.positional)
    given[position] = value
    return Arguments(given, arguments.named, arguments.extra_positional, arguments.extra_named)


def _with_and_without(arguments: Arguments) -> list[Arguments]:
    """All of what was added under conditions, none of it, and each alone."""
    every = [*sorted(arguments.optional), *sorted(arguments.optional_named)]
    found: list[Any] = []
    for kept in [set(every), set(), *({one} for one in every)][:MOST_VARIANTS]:
        given = [v for p, v in enumerate(arguments.positional) if p not in arguments.optional or p in kept]
        named = {n: v for n, v in arguments.named.items() if n not in arguments.optional_named or n in kept}
        one = Arguments(given, named, arguments.extra_positional, arguments.extra_named)
        if not any(_alike(one, other) for other in found):
            found.append(one)
    return found


def _alike(one: Arguments, other: Arguments) -> bool:
    return (
        len(one.positional) == len(other.positional)
        and one.named.keys() == other.named.keys()
        and one.key() == other.key()
    )


def _useless(thing: Any) -> bool:
    """What SQLAlchemy cannot take for a condition, an order or an entity."""
    if isinstance(thing, Token) or (isinstance(thing, str) and has_token(thing)):
        return True
    return (
        callable(thing)
        and not isinstance(thing, type)
        and not is_element(thing)
        and not hasattr(thing, "__clause_element__")
        and not _is_option(thing)
    )


def _is_option(thing: Any) -> bool:
    return (
        isinstance(thing, interfaces.ORMOption)
        or hasattr(thing, "_sa_inspect")
        or type(thing).__module__.startswith("sqlalchemy.orm")
    )


def is_statement(thing: Any) -> bool:
    return isinstance(
        thing,
        orm.Query
        | Select
        | selectable.CompoundSelect
        | dml.UpdateBase
        | TextClause
        | selectable.TextualSelect
        | orm.FromStatement,
    )


def called(framework: SQLAlchemy, thing: Any, arguments: Arguments, at: Frame) -> Value | None:
    """The result of calling one of SQLAlchemy's functions, classes or methods of its expressions."""
    name = getattr(thing, "__name__", "")
    owner = getattr(thing, "__self__", None)
    if thing is sqlalchemy.text and arguments.positional:
        return _text(framework, arguments, at)
    old = before_two.said(framework, thing, arguments, at, lambda given: called(framework, thing, given, at))
    if old is not None:
        return old
    if thing is sqlalchemy.select and arguments.positional and all(map(_is_none, arguments.positional)):
        return Unknown("an entity that is None until it is set")
    if is_statement(owner):
        return Statement(framework, owner, at.place).called(name, thing, arguments, at)
    if thing in (sqlalchemy.and_, sqlalchemy.or_) or name in ("and_", "or_"):
        return union(_junction(framework, thing, one, at) for one in choices(with_marks(arguments)))
    if name in _IS and is_element(owner) and isinstance(arguments.first(), Unknown):
        either = (sqlalchemy.true(), sqlalchemy.false())  # what is not known has no place after IS
        return union(Real(thing(one)) for one in either)
    value = framework.make(thing, _known_only(arguments) if thing is sqlalchemy.select else arguments, at)
    if isinstance(value, Real) and is_statement(value.object):
        return Statement(framework, value.object, at.place)
    if isinstance(value, Unknown) and isinstance(owner, attributes.QueryableAttribute):
        return _relation_method(framework, owner, name, arguments, at) or value
    return value


def _is_none(value: Value) -> bool:
    return isinstance(value, Known) and value.value is None


def _known_only(arguments: Arguments) -> Arguments:
    """``select()`` of columns of which some are not known: of the others."""
    known = [v for v in arguments.positional if not isinstance(v, Unknown)]
    return Arguments(known, arguments.named) if known else arguments


def _junction(framework: SQLAlchemy, thing: Any, arguments: Arguments, at: Frame) -> Value:
    positional = []
    given = list(arguments.positional)
    if arguments.extra_positional is not None:
        given.append(arguments.extra_positional)
    for value in given:
        one = concrete(value, at, framework)
        if not _useless(one):
            positional.append(one)
    if not positional:
        return Unknown("conditions that are not known", arguments.origin())
    try:
        return wrapped(thing(*positional))
    except Exception as error:
        return Unknown(f"{type(error).__name__}: {error}"[:200])


def _text(framework: SQLAlchemy, arguments: Arguments, at: Frame) -> Value:
    value = arguments.positional[0]
    found = concrete(value, at, framework)
    if not isinstance(found, str):
        return Unknown("SQL text that is not known", arguments.origin())
    partial = None
    if has_token(found):
        requested = isinstance(value, FormattedText | Unknown) and arguments.origin() == "request"
        partial = REQUEST_TEXT if requested else RUN_TIME_TEXT
    return Statement(framework, sqlalchemy.text(found), at.place, partial)


RUN_TIME_TEXT = "SQL text put together at run time"
REQUEST_TEXT = "SQL text put together from the request"


def _relation_method(framework: SQLAlchemy, owner: Any, name: str, arguments: Arguments, at: Frame) -> Value | None:
    prop = getattr(owner, "property", None)
    if (
        isinstance(prop, orm.RelationshipProperty)
        and name in ("contains", "of_type", "any", "has")
        and name != "of_type"
    ):
        return _by_key(prop, Token(arguments.origin()))
    return None


def _by_key(prop: Any, token: Any) -> Value | None:
    """A relationship compared with an instance that is not known: its foreign key is."""
    columns = [local for local, _remote in prop.local_remote_pairs]
    if prop.direction.name == "MANYTOONE" and columns:
        return Real(
            sqlalchemy.and_(*(column == token for column in columns)) if len(columns) > 1 else columns[0] == token
        )
    return None


def attribute_of_real(framework: SQLAlchemy, thing: Any, name: str, at: Frame) -> Value | None:
    try:
        found = getattr(thing, name)
    except Exception as error:
        return Unknown(f"{name}: {type(error).__name__}")
    if is_statement(found) and not is_element(found):
        return Statement(framework, found, at.place)
    if isinstance(found, elements.ClauseList):  # what a function of SQL is called with
        return Items([wrapped(one) for one in found.clauses])
    return wrapped(found)


def item_of_real(framework: SQLAlchemy, thing: Any, key: Value, at: Frame) -> Value | None:
    """``table.c["name"]``, ``column["key"]``."""
    try:
        return wrapped(thing[concrete(key, at, framework)])
    except Exception as error:
        return Unknown(f"item: {type(error).__name__}")


def operate(framework: SQLAlchemy, name: str, left: Value, right: Value | None, at: Frame) -> Value | None:
    """Operators of conditions and columns."""
    if not name:
        return None
    here, there = _operand(left), _operand(right)
    if here is not None:
        if right is not None and name in ("__and__", "__or__") and isinstance(right, Unknown):
            return left  # the condition as far as it is known
        others = [] if right is None else [concrete(right, at, framework)]
        return _operated(here, name, others)
    if there is not None:
        if name in ("__and__", "__or__") and isinstance(left, Unknown):
            return right
        swapped = {"__lt__": "__gt__", "__gt__": "__lt__", "__le__": "__ge__", "__ge__": "__le__"}
        reflected = swapped.get(name) or (name if name in ("__eq__", "__ne__") else name.replace("__", "__r", 1))
        return _operated(there, reflected, [concrete(left, at, framework)])
    return None


def _operand(value: Value | None) -> Any:
    if isinstance(value, Real) and is_element(value.object):
        return value.object
    return None


def _operated(thing: Any, name: str, others: list[Any]) -> Value | None:
    prop = getattr(thing, "property", None) if isinstance(thing, attributes.QueryableAttribute) else None
    if (
        isinstance(prop, orm.RelationshipProperty)
        and others
        and isinstance(others[0], Token)
        and name in ("__eq__", "__ne__")
    ):
        found = _by_key(prop, others[0])
        if found is not None:
            return found
    method = getattr(thing, name, None)
    if method is None:
        return None
    try:
        result = method(*others)
    except Exception as error:
        return Unknown(f"{type(error).__name__}: {error}"[:200])
    if isinstance(result, bool):
        return Unknown("a truth value")
    return None if result is NotImplemented else wrapped(result)


__all__ = ["BaseExecutable", "ClauseElement", "Executable", "Known", "Statement", "called", "is_statement", "operate"]
