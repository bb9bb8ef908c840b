"""Attributes of a model's instances: columns, relations (which may issue a query), managers of related rows, ``save`` and ``delete``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbwright.model.source import Issued
from dbwright.source.django.loaded import AttributesValue
from dbwright.source.django.querysets import LOADS_MORE, InstanceValue, ManagerTemplate, ManagerValue
from dbwright.source.django.runtime import ALIAS
from dbwright.source.values import Arguments, Items, Known, Native, Origin, Unknown, Value, alternatives, plain

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.interpreter import Frame

_WRITES = frozenset(("save", "delete", "asave", "adelete", "save_base", "refresh_from_db", "arefresh_from_db"))


def attribute(django: Django, instance: InstanceValue, name: str, at: Frame) -> Value:
    """The value of an attribute that Django gives."""
    if name in _WRITES:
        return Native(name, lambda arguments, frame: _write(django, instance, name.removeprefix("a"), arguments, frame))
    if name == "_meta":
        return MetaValue(django, instance)
    if name in ("full_clean", "clean", "validate_unique", "clean_fields", "validate_constraints"):
        return Native(name, lambda arguments, frame: Known(None))
    if name == "__class__":
        return instance.cls
    if name == "__dict__":
        return AttributesValue(instance)
    real = instance.model.real
    if real is None:
        return Unknown(f"model {instance.cls.name} could not be made")
    field = _field_named(real, name)
    if field is None:
        return _other(django, instance, name, at)
    leads_on = field.is_relation and (field.many_to_many or field.one_to_many or _is_generic(field))
    if leads_on or (field.is_relation and name != getattr(field, "attname", None)):
        return _relation(django, instance, field, name, at)
    return _column(django, instance, field, name, at)


def _field_named(real: Any, name: str) -> Any:
    """The field, reverse relation or column that an attribute name means."""
    if name == "pk":
        return real._meta.pk
    names: dict[str, Any] = real.__dict__.get("dbwright_names") or {}
    if not names:
        for field in real._meta.get_fields():
            if field.auto_created and not field.concrete:
                names.setdefault(field.get_accessor_name() or "", field)
            else:
                names[field.name] = field
                if getattr(field, "attname", None):
                    names.setdefault(field.attname, field)
        real.dbwright_names = names
    return names.get(name)


def _other(django: Django, instance: InstanceValue, name: str, at: Frame) -> Value:
    if name.startswith(("get_next_by_", "get_previous_by_")):
        return Native(name, lambda arguments, frame: django.instance_of(instance.model))
    if name.startswith("get_") and name.endswith("_display"):
        return Native(name, lambda arguments, frame: Unknown("a label", "row"))
    return Unknown(f"attribute {name} of {instance.describe()}", "row" if instance.record else instance.origin)


def prefetched_to(instance: InstanceValue, name: str) -> Value | None:
    """``Prefetch(…, to_attr=name)``: a list that is there already."""
    sets = [qs for qs in (instance.qs, *instance.variants) if qs is not None]
    for lookup in [lookup for qs in sets for lookup in qs._prefetch_related_lookups or ()]:
        if getattr(lookup, "to_attr", None) == name:
            real = _target(instance, lookup.prefetch_through)
            adoption = instance.django.adoption_of(real) if real is not None else None
            if adoption is not None:
                path = _path(instance, lookup.prefetch_through)
                row = InstanceValue(instance.django, adoption, instance.qs, instance.record, path, "row")
                back = _back(_field_named(instance.model.real, lookup.prefetch_through))
                if back is not None:
                    row.attributes[back] = instance
                return Items([], "list", row)
            return Items([], "list", Unknown("a prefetched row", "row"))
    return None


def _back(field: Any) -> str | None:
    """The foreign key that leads back from the rows of a related manager: Django sets it on each of them."""
    leads_back = field is not None and field.one_to_many and field.auto_created and not field.concrete
    return str(field.field.name) if leads_back else None


def _target(instance: InstanceValue, path: str) -> Any:
    real = instance.model.real
    for part in path.split("__"):
        field = _field_named(real, part)
        if field is None or field.related_model is None:
            return None
        real = field.related_model
    return real


def _column(django: Django, instance: InstanceValue, field: Any, name: str, at: Frame) -> Value:
    if instance.qs is not None and not instance.path and _is_deferred(instance.qs, field):
        django.touch(instance, field, name, at, lambda: _fetch_column(instance, field))
    origin: Origin = "row" if instance.record is not None else instance.origin
    unsaved = getattr(field, "primary_key", False) and instance.record is None and origin == "argument"
    return Unknown(f"column {name}", origin, or_none=unsaved or getattr(field, "null", False))


def _is_deferred(qs: Any, field: Any) -> bool:
    names, defer = qs.query.deferred_loading
    if not names and defer:
        return False
    if field.primary_key:
        return False
    listed = field.name in names or getattr(field, "attname", None) in names
    return listed if defer else not listed


def _fetch_column(instance: InstanceValue, field: Any) -> Any:
    from django.db.models import QuerySet

    real = instance.model.real
    row = instance.django.real_instance(instance.model, "row", saved=True)
    return list(QuerySet(model=real, using=ALIAS).filter(pk=row.pk).only(field.attname)[:21])


def _relation(django: Django, instance: InstanceValue, field: Any, name: str, at: Frame) -> Value:
    target = field.related_model
    adoption = django.adoption_of(target) if target is not None and not isinstance(target, str) else None
    if adoption is None:
        if _is_generic(field) and not is_loaded(instance, field, _path(instance, name)) and not instance.new:
            django.touch_generic(instance, name, at)
            instance.attributes[name] = Unknown("a row that a generic key leads to", "row")
        return Unknown(f"relation {name} to a model that is not read", "row")
    path = _path(instance, name)
    if field.many_to_many or field.one_to_many:
        return _many(django, instance, field, name, path, adoption)
    loaded = is_loaded(instance, field, path)
    related = InstanceValue(
        django, adoption, instance.qs, instance.record, path, "row" if instance.record else instance.origin
    )
    related.variants = instance.variants
    if instance.record is not None:
        django.loaded_later.give(related)
    instance.attributes[name] = related
    instance.loaded[name] = () if loaded else at.interpreter.branch
    if field.one_to_one and field.remote_field is not None:  # Django sets the way back
        back = field.field.name if field.auto_created and not field.concrete else field.remote_field.get_accessor_name()
        if back:
            related.attributes[back] = instance
    if not loaded and not instance.new:
        with _once_a_row(instance, at):
            django.touch(instance, field, name, at, lambda: _fetch_related(instance, field, name))
    return related


def _path(instance: InstanceValue, name: str) -> str:
    return f"{instance.path}__{name}" if instance.path else name


def _is_generic(field: Any) -> bool:
    from django.contrib.contenttypes.fields import GenericForeignKey

    return isinstance(field, GenericForeignKey)


def _fetch_related(instance: InstanceValue, field: Any, name: str) -> Any:
    row = instance.django.real_instance(instance.model, "row", saved=True)
    return getattr(row, name)


def is_loaded(instance: InstanceValue, field: Any, path: str) -> bool:
    """Whether ``select_related`` or ``prefetch_related`` of the queryset brought the related row along."""
    return any(_brings(qs, field, path) for qs in (instance.qs, *instance.variants) if qs is not None)


def _brings(qs: Any, field: Any, path: str) -> bool:
    if LOADS_MORE in qs._hints:
        return True
    chosen = qs.query.select_related
    parts = path.split("__")
    follows_all = chosen is True and not (field.null or field.auto_created or _is_generic(field))
    if follows_all and len(parts) <= qs.query.max_depth:
        return True
    tree: Any = chosen or {}
    for part in parts:
        if not isinstance(tree, dict) or part not in tree:
            break
        tree = tree[part]
    else:
        return True
    return any(_prefetches(lookup, field, path) for lookup in qs._prefetch_related_lookups) or (
        len(parts) == 1 and _is_known(qs, path)
    )


def _prefetches(lookup: Any, field: Any, path: str) -> bool:
    """Whether a lookup of ``prefetch_related`` fetches what a path leads to, or the queryset that it does it with brings it."""
    through = lookup if isinstance(lookup, str) else lookup.prefetch_through
    if through == path or through.startswith(path + "__"):
        return True
    inner = getattr(lookup, "queryset", None)
    return inner is not None and path.startswith(through + "__") and _brings(inner, field, path[len(through) + 2 :])


def _is_known(qs: Any, name: str) -> bool:
    """The rows of a related manager know the row that they came from."""
    return any(known.name == name for known in getattr(qs, "_known_related_objects", {}))


@contextmanager
def _once_a_row(instance: InstanceValue, at: Frame) -> Iterator[None]:
    """What is touched on a row is kept there: loops inside of the one over these rows do not send it again."""
    before = at.loops
    of_row = [n for n, loop in enumerate(before) if loop.rows is instance.record and loop.rows is not None]
    if of_row:
        at.loops = before[: of_row[-1] + 1]
    try:
        yield
    finally:
        at.loops = before


def _many(django: Django, instance: InstanceValue, field: Any, name: str, path: str, adoption: Any) -> Value:
    origin: Origin = "row" if instance.record else instance.origin
    mark = (instance.model.real, origin, name)
    try:
        if mark not in django.related_managers:
            django.related_managers[mark] = getattr(django.real_instance(instance.model, origin, saved=True), name)
        related = django.related_managers[mark]
    except Exception as error:
        return Unknown(f"relation {name}: {type(error).__name__}: {error}")
    template = django.default_manager(adoption)
    prefetched = _prefetched(instance, name, path, adoption)
    owner = instance.record.origin if instance.record is not None else None
    back = _back(field)
    known = (back, instance) if back is not None else None
    return ManagerValue(django, adoption, template, related, prefetched, path, owner, known)


def _prefetched(instance: InstanceValue, name: str, path: str, adoption: Any) -> tuple[Any, ...]:
    """The queryset that the rows of a relation were prefetched with, what was prefetched below it included; empty when they were not."""
    from django.db.models import Prefetch, QuerySet

    chosen, below = None, []
    sets = [qs for qs in (instance.qs, *instance.variants) if qs is not None]
    found = any(LOADS_MORE in qs._hints for qs in sets)
    for lookup in [lookup for qs in sets for lookup in qs._prefetch_related_lookups or ()]:
        through = lookup if isinstance(lookup, str) else lookup.prefetch_through
        to_attr = getattr(lookup, "to_attr", None)
        if through == path and to_attr in (None, name, path.rpartition("__")[2]):
            found = True
            chosen = getattr(lookup, "queryset", None) if chosen is None else chosen
        elif through.startswith(path + "__"):
            found = True
            rest = through[len(path) + 2 :]
            inner = getattr(lookup, "queryset", None)
            below.append(rest if inner is None else Prefetch(rest, queryset=inner, to_attr=_own_name(lookup)))
    if not found:
        return ()
    qs = QuerySet(model=adoption.real, using=ALIAS) if chosen is None else chosen._chain()
    return (qs.prefetch_related(*below) if below else qs,)


def _own_name(lookup: Any) -> str | None:
    to_attr = getattr(lookup, "to_attr", None)
    return None if to_attr == lookup.prefetch_through.rpartition("__")[2] else to_attr


def _write(django: Django, instance: InstanceValue, name: str, arguments: Arguments, at: Frame) -> Value:
    model = instance.model
    if model.real is None:
        return Known(None)
    real = django.real_instance(model, instance.origin, saved=not instance.new)
    mark: tuple[object, ...] = (name, model.real, instance.origin, instance.new)
    if name == "delete":
        django.issue("delete", lambda: real.delete(using=ALIAS), at, model, at.place, None, "delete", mark=mark)
    elif name == "refresh_from_db":
        django.issue("get", lambda: real.refresh_from_db(using=ALIAS), at, model, at.place, None, name, mark=mark)
    else:
        for names in _written(arguments.named.get("update_fields", Known(None))):
            _save(django, instance, instance.new, names, at)
            if names is None and _may_be_new(instance, at):
                _save(django, instance, True, None, at)
        instance.new = False
    return Known(None)


def _save(django: Django, instance: InstanceValue, new: bool, names: tuple[str, ...] | None, at: Frame) -> None:
    """The row is written, as a new one or in those columns."""
    model = instance.model
    real = django.real_instance(model, instance.origin, saved=not new)
    options = {"update_fields": names} if names else {}
    mark = ("save", model.real, instance.origin, new, names)
    how: Issued = "insert" if new else "update"
    django.issue(how, lambda: real.save(using=ALIAS, **options), at, model, at.place, None, "save", mark=mark)


def _may_be_new(instance: InstanceValue, at: Frame) -> bool:
    """In a model's own ``save`` nobody tells whether the row is there already, unless its caller does."""
    unknown = instance.record is None and not instance.path and instance.origin == "argument" and not instance.new
    return unknown and at.receiver is instance and at.function in ("save", "asave", "save_base")


def _written(fields: Value) -> Iterator[tuple[str, ...] | None]:
    """The choices of columns that ``update_fields`` may name, None for all: what was added under a condition may not be there."""
    seen: set[tuple[str, ...] | None] = set()
    for one in alternatives(fields):
        lists: list[tuple[str, ...] | None] = [None]
        if isinstance(one, Items) and one.rest is None and all(isinstance(item, Known) for item in one.items):
            lists = [tuple(plain(Items(chosen))) for chosen in one.choices()]
        for names in lists:
            if names not in seen:
                seen.add(names)
                yield names or None


class MetaValue(Value):
    """``instance._meta``."""

    __slots__ = ("django", "instance")

    def __init__(self, django: Django, instance: Any) -> None:
        self.django = django
        self.instance = instance

    def attribute(self, name: str, at: Frame) -> Value:
        model = self.instance.model
        if name == "model":
            return model.cls  # type: ignore[no-any-return]
        real = model.real
        if name in ("db_table", "model_name", "app_label", "label", "object_name") and real is not None:
            return Known(str(getattr(real._meta, name)))
        if name in ("default_manager", "_default_manager", "base_manager"):
            return ManagerValue(self.django, model, ManagerTemplate(None, None))
        return Unknown(f"_meta.{name}")

    def key(self) -> object:
        return ("meta", self.instance.key())
