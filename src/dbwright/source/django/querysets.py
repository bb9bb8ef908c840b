"""Managers and querysets as values: each holds a real Django QuerySet, on which the project's calls are really made.

Building is not issuing. What issues a query is run against a connection that writes down the SQL and answers with made-up rows, so that
the SQL is Django's own also for ``count``, ``get_or_create``, prefetching and cascades.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dbwright.model.source import Issued
from dbwright.source.django.maybe import possibly
from dbwright.source.django.real import concrete, exact_arguments
from dbwright.source.django.runtime import ALIAS
from dbwright.source.events import Place
from dbwright.source.issued import IssuedQuery
from dbwright.source.tokens import UNKNOWN_NUMBER, Token, parameter_of
from dbwright.source.values import (
    MOST_VARIANTS,
    Arguments,
    Bound,
    ClassValue,
    Function,
    Identity,
    Items,
    Known,
    Mapping,
    Native,
    Origin,
    Real,
    Slice,
    Unknown,
    Value,
    alternatives,
    choices,
    union,
)

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.django.models import ModelAdoption
    from dbwright.source.interpreter import Frame

BUILDERS = frozenset(
    "filter exclude annotate alias order_by reverse distinct values values_list dates datetimes none all union intersection difference "
    "select_for_update select_related prefetch_related extra defer only using complex_filter".split()
)
FETCHES: dict[str, Issued] = {
    "get": "get",
    "first": "first",
    "last": "first",
    "latest": "first",
    "earliest": "first",
    "count": "count",
    "exists": "exists",
    "contains": "exists",
    "aggregate": "aggregate",
    "in_bulk": "rows",
    "update": "update",
    "delete": "delete",
    "explain": "other",
}
SCOPES_DISABLED = "scopes disabled"
"""The ambient of a walk in which django-scopes narrows nothing."""
INSERTS = frozenset(("create", "bulk_create", "get_or_create", "update_or_create", "bulk_update"))
MADE_AT = "dbwright: made at"
"""A hint of a queryset: the line that makes it and those that build it further, where it is one that rows are prefetched with."""
OF_CHOICES = "dbwright_of_choices"
"""Among a queryset's hints: a field of a form, or a filter, offers its rows to choose from."""
LOADS_MORE = "dbwright_loads_more"
"""Among a queryset's hints, which all that are made of it inherit: it loads relations along that could not be told."""
_OF_ROWS = frozenset(("count", "exists", "contains"))
"""Methods that Django answers from the rows when these are there already."""
_OF_LIBRARIES = frozenset(
    "select_subclasses instance_of not_instance_of non_polymorphic translated active_translations language untranslated cache "
    "nocache".split()
)
"""Methods that well-known libraries add to querysets and that give the same rows with more, or fewer of them."""
MOST_LINES = 8
"""Of the lines that build a queryset the last so many are kept."""
API = BUILDERS | FETCHES.keys() | INSERTS | {"iterator", "raw", "as_manager", "resolve_expression"}
_LOADERS = ("select_related", "prefetch_related")
OF_MANAGERS = frozenset(
    "all filter exclude annotate order_by select_related prefetch_related values_list select_for_update get_or_create update_or_create "
    "bulk_create".split()
)
"""Methods whose names alone tell that something is a manager or a queryset."""
_ASYNC = frozenset("a" + name for name in (*FETCHES, *INSERTS, "iterator"))


class QuerySetValue(Value):
    """A queryset. ``made`` is where it began, ``built`` the lines that made it what it is, ``partial`` why conditions may be missing,
    ``cls`` the project's own queryset or manager class, ``relation`` the path that led here through a related manager, from a row of the
    query made at ``owner``; ``known`` the relation that Django sets on each of its rows, and the row that it leads to;
    ``whole``: it has all rows of a relation, as prefetching keeps them."""

    __slots__ = (
        "_branches",
        "_issued",
        "built",
        "cls",
        "django",
        "known",
        "made",
        "model",
        "owner",
        "partial",
        "prefetched",
        "qs",
        "relation",
        "whole",
    )

    def __init__(
        self,
        django: Django,
        model: ModelAdoption,
        qs: Any,
        made: Place | None,
        partial: str | None = None,
        cls: ClassValue | None = None,
        prefetched: tuple[Any, ...] = (),
        relation: str | None = None,
        built: tuple[Place, ...] = (),
        owner: Place | None = None,
        known: tuple[str, InstanceValue] | None = None,
        whole: bool = False,
    ) -> None:
        self.relation = relation
        self.owner = owner
        self.known = known
        self.whole = whole
        self.built = built
        self.django = django
        self.model = model
        self.qs = qs
        self.made = made
        self.partial = partial
        self.cls = cls
        self.prefetched = prefetched
        self._issued: dict[int, IssuedQuery] = {}
        self._branches: dict[int, tuple[tuple[int, bool], ...]] = {}

    def derive(self, qs: Any, partial: str | None = None, at: Frame | None = None) -> QuerySetValue:
        """Another queryset that goes on from this one; ``at`` the line that asks for it."""
        place = at.place if at is not None else None
        built = self.built
        if place is not None and place != self.made and place not in built:
            built = (*built[-MOST_LINES + 1 :], place)
        return QuerySetValue(
            self.django,
            self.model,
            qs,
            self.made,
            partial or self.partial,
            self.cls,
            relation=self.relation,
            built=built,
            owner=self.owner,
            known=self.known,
        )

    def describe(self) -> str:
        return f"a queryset of {self.model.cls.name}"

    def key(self) -> object:
        prefetched = tuple(map(Identity, self.prefetched))
        told = (self.made, self.partial, self.cls, self.relation, self.built, self.owner)
        return (
            "queryset",
            Identity(self.qs),
            prefetched,
            *told,
            self.known and self.known[0],
            self.whole,
            self.is_evaluated,
        )

    def exact(self) -> object:
        return Identity(self.qs)

    def shape(self) -> object:
        return (
            "queryset",
            self.model.label,
            self.made,
            self.relation,
            bool(self.prefetched),
            self.is_evaluated,
            loads(self.qs),
        )

    def concrete(self, at: Frame) -> Any:
        return self.qs.all()

    # Questions -------------------------------------------------------------------------------------------------------------

    def attribute(self, name: str, at: Frame) -> Value:
        interpreter = self.django.interpreter
        if name == "model":
            return self.model.cls
        if self.cls is not None and not name.startswith("super."):
            owner = interpreter.find_in_class(self.cls, name)
            if owner is not None:
                return interpreter.bind(interpreter.own_attribute(owner, name), self, at)
        name = name.removeprefix("super.")
        if name in _ASYNC and name not in API:
            name = name[1:]
        if name in API:
            return Native(name, lambda arguments, frame: self.method(name, arguments, frame))
        if name == "_result_cache":
            return Items([], "list", Unknown("a row", "row")) if self.has_rows else Known(None)
        if name == "_chain" or name == "_clone":
            return Native(name, lambda arguments, frame: self)
        if name in _OF_LIBRARIES:
            return Native(name, lambda arguments, frame: self.derive(self.qs.all(), f"what {name} adds", frame))
        return Unknown(f"{name} of {self.describe()}")

    def has(self, name: str, at: Frame) -> bool | None:
        """Whether it has an attribute; None when that cannot be told."""
        own = self.cls is not None and self.django.interpreter.find_in_class(self.cls, name) is not None
        return True if own or name in API else None

    def method(self, name: str, arguments: Arguments, at: Frame) -> Value:
        """The result of one of Django's own methods."""
        if name in BUILDERS:
            return self._build(name, arguments, at)
        if name in FETCHES:
            return self._fetch(name, arguments, at)
        if name in INSERTS:
            return self._insert(name, arguments, at)
        if name == "iterator":
            return self
        if name == "raw":
            return self.django.raw(self.model, arguments, at)
        return Unknown(f"result of {name}")

    def iterate(self, at: Frame) -> Value:
        record = self.issue_rows(at, "iterated")
        return self.element(record) if not self.qs.query.is_empty() else Unknown("a row of an empty queryset")

    def element(self, record: IssuedQuery | None) -> Value:
        """What iterating gives: an instance, a dictionary, a tuple, a value."""
        kind = self.qs._iterable_class.__name__
        if kind == "ModelIterable":
            row = self.django.row_of(self.model, self.prefetched[0] if self.prefetched else self.qs, record)
            if self.known is not None:
                row.attributes[self.known[0]] = self.known[1]
            return row
        if kind == "FlatValuesListIterable":
            return Unknown("a value of a row", "row")
        if kind in ("ValuesListIterable", "NamedValuesListIterable"):
            return Items([], "tuple", Unknown("a value of a row", "row"))
        return Mapping({}, Unknown("a value of a row", "row"))

    @property
    def rows(self) -> IssuedQuery | None:
        return next(reversed(self._issued.values()), None)

    @property
    def is_evaluated(self) -> bool:
        """Whether what is walked now has its rows already, on every way that leads here."""
        interpreter = self.django.interpreter
        branch = self._branches.get(interpreter.entry)
        return branch is not None and interpreter.holds_here(branch)

    @property
    def has_rows(self) -> bool:
        """Whether it answers without a query: its rows were prefetched or fetched."""
        return bool(self.prefetched) or self.is_evaluated

    def length(self, at: Frame) -> None:
        self.issue_rows(at, "len")

    def tested(self, at: Frame) -> None:
        self.issue_rows(at, "bool")

    def item(self, key: Value, at: Frame) -> Value:
        if self.has_rows:
            return self if isinstance(key, Slice) else self.element(self.issue_rows(at, "iterated"))
        if isinstance(key, Slice):
            return self._sliced(key, at)
        start = (
            key.value if isinstance(key, Known) and isinstance(key.value, int) and key.value >= 0 else UNKNOWN_NUMBER
        )
        try:
            limited = self.derive(self.qs[start : start + 1])
        except (TypeError, ValueError) as error:
            return Unknown(str(error))
        return limited.element(limited.issue("first", lambda: list(limited.qs), at))

    def _sliced(self, key: Slice, at: Frame) -> Value:
        if not self.qs.query.is_empty() and self.qs._sticky_filter:
            return self
        if key.stop is not None and len(alternatives(key.stop)) > 1:
            # A bound that may be None: with it and without.
            return union(self._sliced(Slice(key.start, stop), at) for stop in _bounds(key.stop))
        start, stop = _bound(key.start), _bound(key.stop)
        if start is None and stop is None:
            return self
        if start == UNKNOWN_NUMBER and stop is not None and key.start is not None:
            # The first page begins at nought, and Django then writes no OFFSET.
            return union([self._sliced(Slice(None, key.stop), at), self._between(start, stop, at)])
        return self._between(start, stop, at)

    def _between(self, start: int | None, stop: int | None, at: Frame) -> Value:
        qs = self.qs._chain()
        try:
            if start == UNKNOWN_NUMBER and stop == UNKNOWN_NUMBER:
                qs.query.set_limits(start, start + UNKNOWN_NUMBER)
            elif start == UNKNOWN_NUMBER or stop == UNKNOWN_NUMBER:
                qs.query.set_limits(start, None if stop is None else (start or 0) + UNKNOWN_NUMBER)
            else:
                qs.query.set_limits(start, stop)
        except (TypeError, ValueError) as error:
            return Unknown(str(error))
        return self.derive(qs)

    # Building --------------------------------------------------------------------------------------------------------------

    def _build(self, name: str, arguments: Arguments, at: Frame) -> Value:
        if name in ("all", "iterator"):
            derived = self.derive(self._kept("all", self.qs.all), None, at)
            derived.prefetched = self.prefetched
            derived.whole = self.whole
            return derived
        if name == "using":
            return self
        ways = _ways(arguments)
        if len(ways) > 1:
            return union(self._build(name, one, at) for one in ways)
        given = exact_arguments(arguments)
        mark = (Identity(self.qs), name, given) if given is not None else None
        kept = self.django.built.get(mark) if mark is not None else None
        if kept is None:
            kept = self._built(name, arguments, at)
            if mark is not None and not (kept[1] and name in _LOADERS):
                self.django.built[mark] = kept
        return self.derive(*kept, at)

    def _kept(self, mark: object, build: Callable[[], Any]) -> Any:
        """A queryset made of this one once for all who ask for the same."""
        mark = (Identity(self.qs), mark)
        if mark not in self.django.built:
            self.django.built[mark] = (build(), None)
        return self.django.built[mark][0]

    def _built(self, name: str, arguments: Arguments, at: Frame) -> tuple[Any, str | None]:
        """Django's queryset after one of its methods, and why conditions may be missing from it."""
        partial = self._unknown_arguments(arguments)
        positional, named, missing = self._conditions(name, arguments, at)
        if name in ("only", "defer") and (partial or missing):  # which columns are left out is not told
            return self.qs.all(), partial or missing
        try:
            built = getattr(self.qs, name)(*positional, **named)
            if name in _LOADERS and (partial or missing):
                self.qs = self.qs._chain()  # which may be in other hands
                for qs in (built, self.qs):  # the branch that does not ask for it has nothing to ask for
                    qs._hints = {**qs._hints, LOADS_MORE: True}
                    qs.__dict__.pop("dbwright_loads", None)
            return built, partial or missing
        except Exception as error:
            reason = f"{name}: {type(error).__name__}: {error}"
        keys = {key: _key_of(value) for key, value in named.items()}
        for others in (keys, {key: _fitting(key, value) for key, value in keys.items()}):
            try:
                return getattr(self.qs, name)(*positional, **others), partial or missing
            except Exception:  # noqa: S112  said below
                continue
        return self._without(name, positional, others), reason

    def _without(self, name: str, positional: list[Any], named: dict[str, Any]) -> Any:
        """Arguments that Django refuses are left out one by one, and that is said."""
        qs = self.qs
        for argument in positional:
            try:
                qs = getattr(qs, name)(argument)
            except Exception:  # noqa: S112  said below
                continue
        for key, value in named.items():
            try:
                qs = getattr(qs, name)(**{key: value})
            except Exception:  # noqa: S112  said below
                continue
        return qs

    @staticmethod
    def _unknown_arguments(arguments: Arguments) -> str | None:
        if arguments.extra_named is not None or arguments.extra_positional is not None:
            return "further conditions are put together at run time"
        return None

    def _conditions(self, name: str, arguments: Arguments, at: Frame) -> tuple[list[Any], dict[str, Any], str | None]:
        missing = None
        positional: list[Any] = []
        for value in arguments.positional:
            if isinstance(value, Unknown):
                missing = f"{name}({value.reason})"
                continue
            positional.append(concrete(value, at))
        named = {}
        for key, value in arguments.named.items():
            if name in ("annotate", "alias") and isinstance(value, Unknown):
                from django.db.models import TextField
                from django.db.models import Value as Literal

                missing = f"annotation {key}: {value.reason}"
                named[key] = Literal(Token("unknown"), output_field=TextField())
            else:
                named[key] = several(key, concrete(value, at))
        return positional, named, missing

    # Issuing ---------------------------------------------------------------------------------------------------------------

    def issue_rows(self, at: Frame, consumer: str) -> IssuedQuery | None:
        """The query for the rows. A queryset that was evaluated before, by this function or one that calls it, keeps its rows."""
        mark = at.interpreter.entry
        if self.qs.query.is_empty():  # what ``none()`` gives: nothing is sent and nothing is walked over
            return None
        if self.prefetched:
            return self._there_already(mark)
        interpreter = self.django.interpreter
        if not self.is_evaluated:
            consumer = "choices" if OF_CHOICES in self.qs._hints else consumer
            record = self.issue("rows", lambda: list(self.qs.all()), at, consumer, "rows")
            if record is None:
                return None
            self._issued[mark], self._branches[mark] = record, interpreter.branch
        return self._issued[mark]

    def as_choices(self) -> QuerySetValue:
        """The same rows, which a field of a form or a filter offers to choose from."""

        def marked() -> Any:
            qs = self.qs._chain()
            qs._hints = {**qs._hints, OF_CHOICES: True}
            return qs

        return self.derive(self._kept("choices", marked))

    def _there_already(self, mark: int) -> IssuedQuery:
        """Rows that were prefetched: no query now, but a loop over them runs once for each."""
        if mark not in self._issued:
            table = self.model.real._meta.db_table
            own = self.prefetched[0]._hints.get(MADE_AT)
            made, built = own or (self.made, self.built)
            self._issued[mark] = IssuedQuery(
                "django",
                "prefetch",
                made,
                symbol=self.model.cls.name,
                table=table,
                unknown="prefetched",
                relation=self.relation,
                built=built,
                owner=self.owner,
                asked=self.made if own else None,
            )
        return self._issued[mark]

    def chosen_by_graphql(self, at: Frame) -> None:
        """The rows come with a GraphQL query: they cost nothing here, but what is done for one is done for each."""
        self.prefetched = (self.qs,)
        self._issued[at.interpreter.entry] = IssuedQuery(
            "django",
            "prefetch",
            self.made,
            symbol=self.model.cls.name,
            table=self.model.real._meta.db_table,
            unknown="chosen by a GraphQL query",
            consumer="graphql",
        )

    def issue(
        self, how: Issued, run: Callable[[], Any], at: Frame, consumer: str = "", does: object = None
    ) -> IssuedQuery | None:
        """Run against the recording connection and remember each statement. The first one is given back. ``does`` is what ``run`` does
        with the queryset, where two runs can be told to be the same."""
        mark = (Identity(self.qs), does) if does is not None else None
        return self.django.issue(
            how,
            run,
            at,
            self.model,
            self.made,
            self.partial,
            consumer,
            self.relation,
            self.built,
            self.owner,
            mark,
            self.whole and how in ("rows", "count", "exists"),
        )

    def _fetch(self, name: str, arguments: Arguments, at: Frame) -> Value:
        if name == "get":
            targets = alternatives(self._build("filter", arguments, at))
            return union(one.one(at) if isinstance(one, QuerySetValue) else one for one in targets)
        if name in _OF_ROWS and self.has_rows:
            return Unknown(f"result of {name}", "row")
        if name == "first" and self.has_rows and self.qs.ordered:
            return union([self.element(self.issue_rows(at, "iterated")), Known(None)])
        _positional, named, _missing = self._conditions(name, arguments, at)
        positional = [concrete(value, at) for value in arguments.positional]
        qs = self.qs
        if name == "in_bulk":
            positional = [several("pk__in", value) for value in positional]
        if name == "contains":
            positional = [self.django.real_instance(self.model, "argument")]
        record = self.issue(
            FETCHES[name], lambda: getattr(qs, name)(*positional, **named), at, "", _doing(name, arguments)
        )
        if name in ("first", "last"):
            return union([self.element(record), Known(None)])
        if name in ("latest", "earliest"):
            return self.element(record)
        if name == "in_bulk":
            return Mapping({}, self.element(record))
        if name == "aggregate":
            return Mapping({}, Unknown("an aggregate", "row"))
        return Unknown(f"result of {name}", "row")

    def one(self, at: Frame) -> Value:
        """The only row."""
        return self.element(self.issue("get", lambda: self.qs.get(), at, "", "get"))

    def _insert(self, name: str, arguments: Arguments, at: Frame) -> Value:
        qs = self.qs
        if name in ("bulk_create", "bulk_update"):
            return self._bulk(name, arguments, at)
        partial = self._unknown_arguments(arguments)
        if partial and not self.partial:
            return self.derive(qs, partial)._insert(name, arguments, at)
        _positional, named, _missing = self._conditions(name, arguments, at)
        named = self._with_rows(named)
        if name == "create":
            self.issue("insert", lambda: qs.create(**named), at, "", _doing(name, arguments))
            return self._created(arguments)
        defaults = named.pop("defaults", None)
        creating = named.pop("create_defaults", None) or defaults
        wanted = self._with_rows(defaults) if isinstance(defaults, dict) else {}
        does = _doing(name, arguments)
        record = self.issue("get", lambda: getattr(qs, name)(defaults=wanted, **named), at, name, does)
        fields = {k: v for k, v in named.items() if "__" not in k}
        extra = self._with_rows(creating) if isinstance(creating, dict) else {}
        self.issue("insert", lambda: qs.create(**{**fields, **extra}), at, name, does and ("insert", does))
        return Items([self.element(record), Unknown("created or not", "row")], "tuple")

    def _with_rows(self, values: dict[str, Any]) -> dict[str, Any]:
        """Values for a new row: where the row that a key points at is not known, one of its model's."""
        found = {}
        for name, value in values.items():
            field = self._field(name)
            if field is not None and field.is_relation and name == field.name and isinstance(value, Token):
                target = self.django.adoption_of(field.related_model)
                value = self.django.real_instance(target, "argument", saved=True) if target is not None else value
            found[name] = value
        return found

    def _field(self, name: str) -> Any:
        from django.core.exceptions import FieldDoesNotExist

        try:
            field = self.model.real._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        return field if getattr(field, "related_model", None) is None or field.concrete else None

    def _created(self, arguments: Arguments) -> Value:
        """The new row, with what it was made of: a relation that was given is loaded."""
        made = self.django.instance_of(self.model)
        made.attributes.update(
            (name, value)
            for name, value in arguments.named.items()
            if isinstance(value, InstanceValue) and self._field(name) is not None
        )
        return made

    def _bulk(self, name: str, arguments: Arguments, at: Frame) -> Value:
        first = arguments.get(0, "objs")
        qs = self.qs
        objects = [self.django.real_instance(self.model, "argument", saved=name == "bulk_update") for _ in range(2)]
        if first is not None:
            at.iterate(first)
        if name == "bulk_create":
            options = {
                option: concrete(value, at)
                for option, value in arguments.named.items()
                if option in ("ignore_conflicts", "update_conflicts", "update_fields", "unique_fields")
                and not isinstance(value, Unknown)
            }
            does = (name, repr(options))
            self.issue("insert", lambda: qs.bulk_create(objects, **options), at, name, does)
            return Items([], "list", self.django.instance_of(self.model))
        fields = arguments.get(1, "fields")
        names = concrete(fields, at) if fields is not None else []
        known = (
            [n for n in names if isinstance(n, str) and not isinstance(n, Token)]
            if isinstance(names, list | tuple)
            else []
        )
        self.issue("update", lambda: qs.bulk_update(objects, known), at, name, (name, *known))
        return Unknown("a count")


class ManagerTemplate(Value):
    """A manager as a class body makes it, before a model has it. ``queryset_cls`` is that of ``from_queryset`` and ``as_manager``;
    ``scopes`` are paths that every query is narrowed by (django-scopes)."""

    __slots__ = ("cls", "queryset_cls", "scopes")

    def __init__(self, cls: ClassValue | None, queryset_cls: ClassValue | None, scopes: tuple[str, ...] = ()) -> None:
        self.cls = cls
        self.queryset_cls = queryset_cls
        self.scopes = scopes

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "__class__":
            return ManagerClass(self.queryset_cls, self.cls, self.scopes)
        return Unknown(f"{name} of a manager without a model")

    def key(self) -> object:
        return ("manager", self.cls, self.queryset_cls, self.scopes)


class ManagerClass(Value):
    """``models.Manager`` or what ``from_queryset`` makes of it."""

    __slots__ = ("manager_cls", "queryset_cls", "scopes")

    def __init__(
        self, queryset_cls: ClassValue | None, manager_cls: ClassValue | None = None, scopes: tuple[str, ...] = ()
    ) -> None:
        self.queryset_cls = queryset_cls
        self.manager_cls = manager_cls
        self.scopes = scopes

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return ManagerTemplate(self.manager_cls, self.queryset_cls, self.scopes)

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "from_queryset":
            return Native(name, lambda arguments, frame: ManagerClass(_class(arguments.first())))
        return Unknown(f"Manager.{name}")

    def key(self) -> object:
        return ("manager class", self.queryset_cls, self.manager_cls, self.scopes)


def _class(value: Value | None) -> ClassValue | None:
    return value if isinstance(value, ClassValue) else None


class ManagerValue(Value):
    """A model's manager, or a related one: ``related`` is then the real related manager, whose conditions are added, and ``relation`` the
    path to it from a row of the query made at ``owner``; ``known`` is as with a queryset."""

    __slots__ = ("django", "known", "made", "model", "owner", "prefetched", "related", "relation", "template")

    def __init__(
        self,
        django: Django,
        model: ModelAdoption,
        template: ManagerTemplate,
        related: Any = None,
        prefetched: tuple[Any, ...] = (),
        relation: str | None = None,
        owner: Place | None = None,
        known: tuple[str, InstanceValue] | None = None,
    ) -> None:
        self.relation = relation
        self.owner = owner
        self.known = known
        self.django = django
        self.model = model
        self.template = template
        self.related = related
        self.prefetched = prefetched

    @property
    def cls(self) -> ClassValue | None:
        return self.template.cls

    def key(self) -> object:
        prefetched = tuple(map(Identity, self.prefetched))
        related = Identity(self.related)
        return ("manager of", self.model.label, self.template.key(), related, self.relation, self.owner, prefetched)

    def shape(self) -> object:
        return ("manager of", self.model.label, self.template.key(), self.relation, bool(self.prefetched))

    def describe(self) -> str:
        return f"the manager of {self.model.cls.name}"

    def base_queryset(self, at: Frame) -> Value:
        """Django's own ``get_queryset``."""
        if self.model.real is None:
            return Unknown(f"model {self.model.cls.name} could not be made")
        from django.db.models import QuerySet

        real, built = self.model.real, self.django.built
        if real not in built:
            built[real] = (QuerySet(model=real, using=ALIAS), None)
        qs = built[real][0]
        return QuerySetValue(self.django, self.model, qs, at.asked_from, None, self.template.queryset_cls)

    def queryset(self, at: Frame) -> Value:
        interpreter = self.django.interpreter
        owner = interpreter.find_in_class(self.cls, "get_queryset") if self.cls is not None else None
        found: Value = Unknown("get_queryset")
        if owner is not None:
            method = interpreter.own_attribute(owner, "get_queryset")
            if isinstance(method, Function):
                found = interpreter.call_function(method, self, Arguments(), at)
        sets = [self._narrowed(one) for one in alternatives(found) if isinstance(one, QuerySetValue)]
        if not sets:
            plain = self.base_queryset(at)
            sets = [self._narrowed(plain)] if isinstance(plain, QuerySetValue) else []
            if not sets:
                return plain
        chosen = sets[0]
        place = at.asked_from
        return QuerySetValue(
            self.django,
            chosen.model,
            chosen.qs,
            place or chosen.made,
            chosen.partial,
            chosen.cls,
            self.prefetched,
            self.relation,
            chosen.built,
            self.owner,
            self.known,
            self.related is not None,
        )

    def _narrowed(self, value: QuerySetValue) -> QuerySetValue:
        """With the conditions of the relation and of the scope."""
        if self.template.scopes and self.django.interpreter.ambient != SCOPES_DISABLED:
            try:
                value = value.derive(possibly(value.qs, {path: Token("request") for path in self.template.scopes}))
            except Exception as error:
                value = value.derive(value.qs, f"scope: {type(error).__name__}: {error}")
        if self.related is None:
            return value
        apply = getattr(self.related, "_apply_rel_filters", None)
        if apply is None:
            return value
        try:
            qs = value._kept(("related", Identity(self.related)), lambda: apply(value.qs.all()))
        except Exception as error:
            return value.derive(value.qs, f"relation: {type(error).__name__}: {error}")
        return value.derive(qs)

    def attribute(self, name: str, at: Frame) -> Value:
        interpreter = self.django.interpreter
        if name == "model":
            return self.model.cls
        if name in ("_db", "_hints", "name"):
            return Known(None)
        if name == "super.get_queryset" or (name == "get_queryset" and self.cls is None):
            return Native(name, lambda arguments, frame: self.base_queryset(frame))
        if name == "get_queryset":
            return Native(name, lambda arguments, frame: self.queryset(frame))
        if self.cls is not None and not name.startswith("super."):
            owner = interpreter.find_in_class(self.cls, name)
            if owner is not None:
                return interpreter.bind(interpreter.own_attribute(owner, name), self, at)
        name = name.removeprefix("super.")
        if name in ("db_manager", "using"):
            return Native(name, lambda arguments, frame: self)
        if self.related is not None and name in ("add", "remove", "clear", "set"):
            return Native(name, lambda arguments, frame: self._change(name, arguments, frame))
        if name == "with_scopes_disabled" and self.template.scopes:
            template = ManagerTemplate(self.template.cls, self.template.queryset_cls)
            plain = ManagerValue(self.django, self.model, template, self.related, relation=self.relation)
            return Native(name, lambda arguments, frame: plain.queryset(frame))
        queryset = self.queryset(at)
        if isinstance(queryset, QuerySetValue) and self.prefetched and name not in ("all", "first", *_OF_ROWS):
            queryset.prefetched = ()
        return queryset.attribute(name, at)

    def _change(self, name: str, arguments: Arguments, at: Frame) -> Value:
        """``add``, ``remove``, ``clear``, ``set`` of a related manager."""
        manager = self.related
        origin = arguments.origin() if arguments.positional else "argument"
        for given in alternatives(arguments.positional[0]) if name == "set" and arguments.positional else ():
            if isinstance(given, QuerySetValue):
                at.iterate(given)  # before anything is changed

        def run() -> None:
            instance = self.django.real_instance(self.model, origin, saved=True)
            given = [] if name == "clear" else [[instance]] if name == "set" else [instance]
            getattr(manager, name)(*given)

        mark = ("change", Identity(manager), name, origin)
        self.django.issue("update", run, at, self.model, at.place, None, name, mark=mark)
        return Known(None)

    def iterate(self, at: Frame) -> Value:
        return Unknown("a manager is not iterable")


class InstanceValue(Value):
    """A row as an object. ``record`` is the query that it came from, ``qs`` the queryset with what it loads along; ``path`` is how it was
    reached from that query's own rows (``author__publisher``). ``variants`` are the querysets that begin at the same line and may have
    given the row as well: who loads a relation in one of them does it where it is needed."""

    __slots__ = (
        "attributes",
        "django",
        "iterated",
        "loaded",
        "model",
        "new",
        "origin",
        "path",
        "qs",
        "record",
        "variants",
    )

    def __init__(
        self,
        django: Django,
        model: ModelAdoption,
        qs: Any = None,
        record: IssuedQuery | None = None,
        path: str = "",
        origin: Origin = "argument",
        new: bool = False,
    ) -> None:
        self.django = django
        self.model = model
        self.qs = qs
        self.record = record
        self.path = path
        self.variants: tuple[Any, ...] = ()
        self.origin = origin
        self.new = new
        self.attributes: dict[str, Value] = {}
        self.loaded: dict[str, tuple[tuple[int, bool], ...]] = {}
        """Relations that were touched, with the branch in which that was."""
        self.iterated: Value | None = None
        """What its ``__iter__`` gave last."""

    @property
    def cls(self) -> ClassValue:
        return self.model.cls

    @property
    def row_of(self) -> IssuedQuery | None:
        return self.record

    @property
    def rows(self) -> Any:
        """A model with ``__iter__`` is walked over as what that gives."""
        from dbwright.source.interpreter import rows_of

        return rows_of(self.iterated) if self.iterated is not None else None

    def beside(self, rows: Iterable[Value]) -> None:
        """The same loop may walk over these instead."""
        made = self.record.made if self.record is not None else None
        others = [one for one in rows if isinstance(one, InstanceValue) and one is not self and one.model is self.model]
        same = [one.qs for one in others if made is not None and one.record is not None and one.record.made == made]
        self.variants = tuple(qs for qs in same if qs is not None)

    def iterate(self, at: Frame) -> Value:
        if at.interpreter.find_in_class(self.cls, "__iter__") is None:
            return Unknown(f"element of {self.describe()}")
        self.iterated = at.call(self.attribute("__iter__", at), Arguments())
        return at.iterate(self.iterated)

    def key(self) -> object:
        return (
            "instance of",
            self.model.label,
            Identity(self.record),
            self.path,
            self.new,
            self.origin,
            tuple(self.attributes),
            tuple(map(Identity, self.variants)),
        )

    def shape(self) -> object:
        loaded = (loads(self.qs) if self.qs is not None else None, frozenset(map(loads, self.variants)))
        made = self.record.made if self.record is not None else None
        return ("row of", self.model.label, made, self.path, self.new, self.origin, loaded, frozenset(self.attributes))

    def describe(self) -> str:
        return f"a {self.model.cls.name}"

    def truth(self) -> bool | None:
        return None

    def concrete(self, at: Frame) -> Any:
        if self.model.real is None:  # a row of a table that could not be made is a value like any other
            return Token(self.origin)
        return self.django.real_instance(self.model, self.origin, saved=True)

    def renewed(self) -> InstanceValue:
        made = InstanceValue(self.django, self.model, self.qs, self.record, self.path, self.origin, self.new)
        made.variants = self.variants
        made.attributes.update((name, value) for name, value in self.attributes.items() if name not in self.loaded)
        return made

    def exact(self) -> object:
        return (self.model.label, self.origin)

    def assign(self, name: str, value: Value, at: Frame) -> None:
        self.attributes[name] = value
        self.loaded.pop(name, None)
        self.django.loaded_later.assign(self, name, value)

    def has(self, name: str, at: Frame) -> bool | None:
        """Whether it has an attribute; None when that cannot be told. Asking for the one row that points at it fetches that row."""
        if self._points_at(name):
            self.attribute(name, at)
            return None
        known = self._is_column(name) or self.django.interpreter.find_in_class(self.cls, name) is not None
        if known or name in self.attributes or self._is_annotation(name):
            return True
        return True if self.django.prefetched_to(self, name) is not None else None

    def _is_annotation(self, name: str) -> bool:
        return self.qs is not None and not self.path and name in self.qs.query.annotations

    def _points_at(self, name: str) -> bool:
        """Whether it is the other end of a one-to-one relation, where there may be no row."""
        fields = self.model.real._meta.fields_map if self.model.real is not None and self._is_column(name) else {}
        return name in fields and bool(fields[name].one_to_one)

    def attribute(self, name: str, at: Frame) -> Value:
        interpreter = self.django.interpreter
        if name in self.attributes and interpreter.holds_here(self.loaded.get(name, ())):
            return self.attributes[name]
        forced = name.startswith("super.")
        if not forced:
            prefetched = self.django.prefetched_to(
                self, name
            )  # set on the row, before a cached property of that name is asked
            if prefetched is not None:
                return prefetched
            if self._is_annotation(name):  # likewise
                return Unknown(f"annotation {name}", "row")
            owner = interpreter.find_in_class(self.cls, name)
            if owner is not None:
                value = interpreter.own_attribute(owner, name)
                if isinstance(value, Function | Bound) or not self._is_column(name):
                    if not hasattr(getattr(value, "object", None), "contribute_to_class"):
                        return interpreter.bind(value, self, at)
        name = name.removeprefix("super.")
        return self.django.instance_attribute(self, name, at)

    def is_column(self, name: str) -> bool:
        """Whether the name is that of a column or of one related row, which the row's own key tells."""
        fields = self.model.real._meta.concrete_fields if self.model.real is not None else ()
        return name == "pk" or any(name in (field.name, field.attname) for field in fields)

    def _is_column(self, name: str) -> bool:
        real = self.model.real
        return real is not None and name in self.django.names_of_fields(real)


def loads(qs: Any) -> object:
    """What the rows of a queryset bring along, such that rows with the same need no query for the same."""
    known = qs.__dict__.get("dbwright_loads")
    if known is None:
        lookups = tuple(
            (lookup, None) if isinstance(lookup, str) else (lookup.prefetch_to, _inner(lookup.queryset))
            for lookup in qs._prefetch_related_lookups or ()
        )
        deferred, defers = qs.query.deferred_loading
        known = (
            LOADS_MORE in qs._hints,
            repr(qs.query.select_related),
            lookups,
            frozenset(deferred),
            defers,
            qs._iterable_class.__name__,
        )
        qs.__dict__["dbwright_loads"] = known
    return known


def _inner(qs: Any) -> object:
    return loads(qs) if qs is not None else None


def _ways(arguments: Arguments) -> list[Arguments]:
    """The calls that one call may be, of which each makes another query: with each of the conditions that an argument may be, with and
    without those that were put into ``*`` and ``**`` under conditions."""
    either = [_conditions_of(value) for value in arguments.positional]
    given, named = arguments.optional, arguments.optional_named
    if not given and not named and all(len(one) == 1 for one in either):
        return [arguments]
    ways = itertools.product(choices(given), choices(named), itertools.product(*either))
    return [
        replace(
            arguments,
            positional=[one for position, one in enumerate(way) if position not in left_out],
            named={name: value for name, value in arguments.named.items() if name not in unnamed},
            optional=frozenset(),
            optional_named=frozenset(),
        )
        for left_out, unnamed, way in itertools.islice(ways, MOST_VARIANTS)
    ]


def _conditions_of(value: Value) -> tuple[Value, ...]:
    """What an argument may be, where that are several conditions; else the one value."""
    conditions = tuple(one for one in alternatives(value) if isinstance(one, Real))
    return conditions if len(conditions) > 1 else (value,)


def _bounds(value: Value) -> list[Value]:
    """None where it is an alternative, and one of the others."""
    members = alternatives(value)
    left_out = [one for one in members if isinstance(one, Known) and one.value is None]
    return left_out[:1] + [one for one in members if one not in left_out][:1]


def _doing(name: str, arguments: Arguments) -> object:
    """What a method with these arguments does; None where two calls cannot be told to be the same."""
    given = exact_arguments(arguments)
    return (name, given) if given is not None else None


def _bound(value: Value | None) -> int | None:
    if value is None or (isinstance(value, Known) and value.value is None):
        return None
    if isinstance(value, Known) and isinstance(value.value, int) and value.value >= 0:
        return value.value
    return UNKNOWN_NUMBER


def several(key: str, value: Any) -> Any:
    """A token where Django wants several values."""
    if isinstance(value, Token):
        lookup = key.rpartition("__")[2]
        if lookup == "in":
            return [value]
        if lookup == "range":
            return (value, Token(value.origin))
        if lookup == "isnull":
            return True
    return value


def _key_of(value: Any) -> Any:
    """For a row of another model than what it is compared with wants: what is compared with a column is its value."""
    options = getattr(value, "_meta", None)
    if options is None or isinstance(value, type):
        return value
    identity = value.__dict__.get(options.pk.attname)
    return Token(identity.origin if isinstance(identity, Token) else "unknown")


def _fitting(key: str, value: Any) -> Any:
    """Another stand-in for a token that Django refused."""
    if isinstance(value, Token):
        lookup = key.rpartition("__")[2]
        if lookup in ("year", "month", "day", "week_day", "hour", "minute", "second", "week", "quarter", "iso_year"):
            return UNKNOWN_NUMBER
        return [value]
    return value


def parameters(values: Any) -> tuple[Any, ...]:
    return tuple(parameter_of(value) for value in values)
