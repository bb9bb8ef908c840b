"""What is put on rows after their query was sent: ``prefetch_related_objects``, ``row.__dict__[…] = …``, attributes that are assigned
in one loop and read in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbwright.source.django.querysets import LOADS_MORE, InstanceValue, QuerySetValue
from dbwright.source.django.real import concrete
from dbwright.source.values import Arguments, Identity, Known, Native, Unknown, Value, alternatives

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.interpreter import Frame
    from dbwright.source.issued import IssuedQuery

PREFETCHES = frozenset(
    (
        "django.db.models.prefetch_related_objects",
        "django.db.models.aprefetch_related_objects",
        "django.db.models.query.prefetch_related_objects",
    )
)


class LoadedLater:
    """By the record of a query what its rows were given afterwards, wherever that was: where it is not given nothing is told of it."""

    def __init__(self, django: Django) -> None:
        self.django = django
        self.assigned: dict[tuple[Identity, str], dict[str, Value]] = {}
        self.fetched: dict[Identity, Any] = {}

    def row(self, model: Any, qs: Any, record: IssuedQuery | None) -> InstanceValue:
        """A row of a query, with what its rows were given."""
        mark = Identity(record)
        made = InstanceValue(self.django, model, self.fetched.get(mark, qs), record, "", "row")
        self.give(made)
        return made

    def give(self, row: InstanceValue) -> None:
        """What the rows of a query, or those that a path leads to from them, were given."""
        row.attributes.update(self.assigned.get((Identity(row.record), row.path), {}))

    def assign(self, row: InstanceValue, name: str, value: Value) -> None:
        """An attribute of a row that came from a query was set."""
        if row.record is not None:
            self.assigned.setdefault((Identity(row.record), row.path), {})[name] = value

    def prefetch(self, arguments: Arguments, at: Frame) -> Value:
        """``prefetch_related_objects(rows, *lookups)``."""
        given = arguments.positional[1:]
        lookups = [concrete(one, at) for one in given if not isinstance(one, Unknown)]
        told = len(lookups) == len(given) and arguments.extra_positional is None
        for one in alternatives(arguments.positional[0]) if arguments.positional else ():
            for row in alternatives(at.iterate(one)):
                if isinstance(row, InstanceValue) and row.qs is not None and not row.path:
                    row.qs = self._with(row.qs, lookups, told)
                    self.fetched[Identity(row.record)] = row.qs
                    if isinstance(one, QuerySetValue):
                        one.qs = row.qs
        return Known(None)

    @staticmethod
    def _with(qs: Any, lookups: list[Any], told: bool) -> Any:
        try:
            found = qs._chain().prefetch_related(*lookups)
        except Exception:  # a lookup that is not known as Django wants it
            found, told = qs._chain(), False
        if not told:
            found._hints = {**found._hints, LOADS_MORE: True}
        return found


class AttributesValue(Value):
    """``row.__dict__``."""

    __slots__ = ("row",)

    def __init__(self, row: InstanceValue) -> None:
        self.row = row

    def set_item(self, key: Value, value: Value, at: Frame) -> None:
        if isinstance(key, Known) and isinstance(key.value, str):
            self.row.assign(key.value, value, at)

    def item(self, key: Value, at: Frame) -> Value:
        if isinstance(key, Known) and isinstance(key.value, str):
            return self.row.attribute(key.value, at)
        return Unknown("an attribute of a name that is not known", "row")

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "update":
            return Native(name, self._update)
        return Unknown(f"__dict__.{name}", "row")

    def _update(self, arguments: Arguments, at: Frame) -> Value:
        for name, value in arguments.named.items():
            self.row.assign(name, value, at)
        return Known(None)

    def key(self) -> object:
        return ("attributes", self.row.key())
