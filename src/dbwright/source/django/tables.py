"""From the real models in our registry to tables as the code defines them, by the reading that ``--import`` does in the project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dbwright.model.source import (
    Place,
    SourceColumn,
    SourceConstraint,
    SourceIndex,
    SourceReference,
    SourceTable,
)
from dbwright.source.django.models import ModelAdoption
from dbwright.source.django.real import plain_option
from dbwright.source.oracle.django_registry import Places, Truth

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django

_OPTIONS = ("choices", "blank", "auto_now", "auto_now_add", "max_length", "editable", "max_digits", "decimal_places")


class _Reading(Truth):
    """``Truth`` on our own registry and connection."""

    def __init__(self, connection: Any) -> None:
        import importlib

        self.models = importlib.import_module("django.db.models")
        self.connection = connection
        self.editor = connection.SchemaEditorClass(connection, collect_sql=True, atomic=False)
        self.editor.deferred_sql = []
        self.places = Places()
        self.gaps = []


def tables_of(django: Django, registry: Any, labels: set[str]) -> Iterator[tuple[str, SourceTable]]:
    """The tables of a registry that migrations made, each with its application, for some of these."""
    reading = _Reading(django.connection)
    for model in registry.get_models(include_auto_created=True):
        if model._meta.proxy or model._meta.app_label not in labels or hasattr(model, "dbwright_stand_in"):
            continue
        yield model._meta.app_label, _table(model, reading.table(model), None)


def read_tables(django: Django) -> Iterator[SourceTable]:
    """All tables of the models that could be made, those of libraries included."""
    reading = _Reading(django.connection)
    adoptions = {id(a.real): a for a in django.models.values() if a.real is not None}
    for model in django.registry.get_models(include_auto_created=True):
        if model._meta.proxy or getattr(model, "dbwright_stand_in", False):
            continue
        adoption = adoptions.get(id(model._meta.auto_created or model)) or getattr(model, "dbwright_of", None)
        if adoption is not None and not django.applications.is_installed(adoption.app_label, adoption.cls.module.name):
            continue
        try:
            yield _table(model, reading.table(model), adoption)
        except Exception as error:
            if adoption is not None:
                django.problem(
                    adoption.cls.module,
                    adoption.cls.node.lineno,
                    f"table of {model.__name__}: {type(error).__name__}: {error}",
                )
    for gap in reading.gaps:
        adoption = next((a for a in adoptions.values() if gap["symbol"] == f"{a.cls.module.name}.{a.cls.name}"), None)
        if adoption is not None:
            django.problem(adoption.cls.module, adoption.cls.node.lineno, f"{gap['what']}: {gap['reason']}")


def _table(model: Any, row: dict[str, Any], adoption: ModelAdoption | None) -> SourceTable:
    fields = {field.column: field for field in model._meta.local_fields}
    place = Place(adoption.cls.module.file, adoption.cls.node.lineno, adoption.cls.name) if adoption else Place("", 0)
    return SourceTable(
        name=row["name"],
        schema=row["schema"],
        symbol=f"{adoption.cls.module.name}.{model.__name__}" if adoption else row["symbol"],
        place=place,
        framework="django",
        columns=tuple(_column(column, fields.get(column["name"])) for column in row["columns"]),
        indexes=tuple(_index(index) for index in row["indexes"]),
        constraints=tuple(
            SourceConstraint(
                c["name"],
                c["kind"],
                tuple(c["columns"]),
                c["condition"],
                bool(c["deferrable"]),
                nulls_not_distinct=bool(c.get("nulls_not_distinct")),
            )
            for c in row["constraints"]
        ),
        ordering=tuple(one if isinstance(one, str) else str(one) for one in model._meta.ordering or ()),
        managed=row["managed"],
        owned=adoption is not None and adoption.cls.module.keeps_data,
        through=row["auto_created"],
    )


def _column(row: dict[str, Any], field: Any) -> SourceColumn:
    reference = row["references"]
    return SourceColumn(
        name=row["name"],
        field=row["field"],
        type=None if getattr(field, "dbwright_opaque", False) else row["type"],
        not_null=row["not_null"],
        primary_key=row["primary_key"],
        unique=row["unique"],
        has_default=row["has_default"],
        references=SourceReference(
            reference["table"], reference["column"], reference["framework_on_delete"], reference["on_delete"]
        )
        if reference
        else None,
        line=getattr(field, "dbwright_line", 0),
        file=getattr(field, "dbwright_file", ""),
        field_class=getattr(field, "dbwright_class", None) or type(field).__name__,
        options=tuple(_options(field)),
    )


def _options(field: Any) -> Iterator[tuple[str, Any]]:
    for name in _OPTIONS:
        value = plain_option(getattr(field, name, None))
        if value not in (None, False, [], ()):
            yield name, value
    if field is not None and field.has_default():
        yield "default", plain_option(field.default)
    limits = [
        [type(v).__name__, plain_option(v.limit_value)]  # a list: it is read back from JSON as one
        for v in getattr(field, "_validators", ())
        if hasattr(v, "limit_value") and not callable(v.limit_value)
    ]
    if limits:
        yield "validators", limits


def _index(row: dict[str, Any]) -> SourceIndex:
    return SourceIndex(
        name=row["name"],
        columns=tuple(row["columns"]),
        unique=row["unique"],
        method=row["method"],
        descending=tuple(row["descending"]),
        is_expression=tuple(row["is_expression"]),
        opclasses=tuple(row["opclasses"]),
        include=tuple(row["include"]),
        condition=row["condition"],
        implicit=row["implicit"],
        nulls_not_distinct=bool(row.get("nulls_not_distinct")),
    )
