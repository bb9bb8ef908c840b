"""Tables that grow with use have 32-bit keys.

## Why it matters

The 2,147,483,648th row does not fit: every insert fails from then on, deleted rows count too, and a failed insert uses a number up as well.
Widening the key of a large table rewrites it and every table that refers to it, while everybody waits; on a small one it is nothing.

## When to ignore

When the table is emptied regularly by `TRUNCATE … RESTART IDENTITY`, or can never have so many rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import column_place, column_ref, is_aid, is_batch, locations, model_name, own_tables, rows_of
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.shapes import shape_of_source
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place, SourceColumn, SourceFact, SourceTable
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    # Rows below which a measured table is far from the end, whatever it is called.
    "rows": 1_000_000,
}
COVERS = ("short-integer-pk",)
YIELDS_TO = ("sequences/integer-key-near-limit",)

_MODELS = """\
from django.db import models


class Page(models.Model):
    title = models.CharField(max_length=80)


class {0}(models.Model):
    {1}
    page = models.ForeignKey(Page, models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)
"""
_NARROW = "id = models.AutoField(primary_key=True)"
_SETTINGS = "DEFAULT_AUTO_FIELD = 'django.db.models.{}'\nINSTALLED_APPS = ['shop']\n"


def _models(name: str, field: str, default: str = "BigAutoField") -> dict[str, str]:
    return {
        "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n",
        "site_settings.py": _SETTINGS.format(default),
        "shop/__init__.py": "",
        "shop/models.py": _MODELS.format(name, field),
    }


def _rewritten(written: str) -> dict[str, str]:
    """A module that deletes the sections of a page and writes them anew."""
    body = f"\n\ndef rewrite(page, names):\n    Section.objects.filter(page=page).delete()\n    for name in names:\n        {written}\n"
    files = _models("Section", f"name = models.TextField()\n    {_NARROW}")
    return {**files, "shop/models.py": files["shop/models.py"] + body}


BAD = (
    # Whole lists of names, each time with new numbers.
    Sample(source=_rewritten("Section.objects.bulk_create([Section(page=page, name=name)])")),
    Sample(source=_models("PageView", _NARROW)),
    Sample(source=_models("AuditLog", "text = models.TextField()", "AutoField")),
    # New tables get narrow keys.
    Sample(source=_models("Chapter", "text = models.TextField()", "AutoField")),
)
GOOD = (
    # An application for other projects keeps the keys that it has.
    Sample(
        source={
            **_models("Chapter", "text = models.TextField()"),
            "shop/apps.py": "from django.apps import AppConfig\n\n\nclass Shop(AppConfig):\n    name = 'shop'\n"
            "    default_auto_field = 'django.db.models.AutoField'\n",
        }
    ),
    # Pages are written anew one by one.
    Sample(source=_rewritten("page = Section.objects.create(page=page, name=name)")),
    Sample(source=_models("PageView", "path = models.TextField()")),
    Sample(source=_models("PageView", "id = models.UUIDField(primary_key=True)")),
    # Somebody writes each of them.
    Sample(source=_models("Chapter", _NARROW)),
    Sample(source=_models("ChangelogEntry", _NARROW + "\n    title = models.TextField()")),
    Sample(source=_models("SavedSearch", _NARROW)),
    Sample(source=_models("PageViewPermission", _NARROW)),
)

_GROWS = re.compile(
    r"(^|_)(ping|hit|page_view|view|visit|event|log|log_entry|query|search|click|impression|download|measurement|metric_value|reading|"
    r"message|notification|activity|audit|history|(api|http|web)_request|heartbeat|trace|span|delivery|usage|data_point|execution|"
    r"(task|job|test|check)_result|webhook_call)s?$"
)
_CURATED = re.compile(r"^(saved|custom|dashboard|table|list|template|default)_|(^|_)permissions?$")
_HUMAN = frozenset(("title", "slug", "name", "label", "headline", "verbose_name"))
"""Columns of what people write one by one."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    narrow = [(table, key) for table in own_tables(snapshot) if (key := _narrow_key(table)) is not None]
    growing = [(table, key) for table, key in narrow if _grows(snapshot, table, limits)]
    default = next(
        (
            f
            for f in snapshot.source.facts
            if f.kind == "default key" and _is_narrow(f.name) and not is_aid(f.place) and not _is_reusable(f.place)
        ),
        None,
    )
    if growing or (default and narrow):
        yield _finding(snapshot, growing, [table for table, _ in narrow], default)


def _is_reusable(place: Place) -> bool:
    """An application for other projects says so for its own tables, whose keys it must not change under them."""
    return place.file.endswith("apps.py")


def _narrow_key(table: SourceTable) -> SourceColumn | None:
    """A 32-bit key that counts the rows."""
    keys = [column for column in table.columns if column.primary_key]
    if len(keys) != 1 or keys[0].references is not None or keys[0].type not in ("integer", "serial"):
        return None
    counts = keys[0].field_class in ("AutoField", "SmallAutoField") or table.framework == "sqlalchemy"
    return keys[0] if counts else None


def _is_narrow(field_class: str) -> bool:
    return field_class.rpartition(".")[2] in ("AutoField", "SmallAutoField")


def _grows(snapshot: Snapshot, table: SourceTable, limits: Limits) -> bool:
    """A row for each thing that happens, not for each that somebody writes."""
    rows = rows_of(snapshot, table.name)
    if rows is not None:
        return rows >= limits["rows"]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model_name(table)).lower()
    names = {column.name.lower() for column in table.columns}
    if table.through or _CURATED.search(words) or shape_of_source(snapshot, table).is_set_up:
        return False
    belongs = any(column.references for column in table.columns)
    if belongs and _is_written_in_bulk(snapshot, table):  # by programs, whatever its columns are called
        return True
    if names & _HUMAN or not (belongs or _has_moment(table)):
        return False
    return bool(_GROWS.search(words)) or _is_written_in_bulk(snapshot, table)


def _has_moment(table: SourceTable) -> bool:
    return any((column.type or "").startswith("timestamp") for column in table.columns)


def _is_written_in_bulk(snapshot: Snapshot, table: SourceTable) -> bool:
    """Rows are deleted and written anew in bulk in one file: each round takes numbers."""
    written, deleted = set(), set()
    for query in snapshot.source.queries_on(table.name):
        if query.table == table.name and not is_aid(query.issued) and not is_batch(query.issued):
            if query.issued_by == "insert" and query.consumer.startswith("bulk"):
                written.add(query.issued.file)
            elif query.issued_by == "delete" and query.consumer != "delete":
                deleted.add(query.issued.file)
    return bool(written & deleted)


def _finding(
    snapshot: Snapshot,
    growing: list[tuple[SourceTable, SourceColumn]],
    narrow: list[SourceTable],
    default: SourceFact | None,
) -> Finding:
    names = [model_name(table) for table, _ in growing]
    rows = max((r for table, _ in growing if (r := rows_of(snapshot, table.name)) is not None), default=None)
    said = []
    if growing:
        said.append(f"{listed(names)} {'takes' if len(names) == 1 else 'take'} new numbers all the time")
    if default:
        said.append(f"{default.place} gives 32-bit keys to {counted(len(narrow), 'table')} and to every new one")
    steps = []
    if growing:
        steps.append(
            f"Give {names[0]} a 64-bit key (BigAutoField, BigInteger) while it is small: the migration rewrites it and what refers to it."
        )
    if default:
        steps.append(
            "Set DEFAULT_AUTO_FIELD to django.db.models.BigAutoField; write AutoField into the models that are to stay as they are."
        )
    place = [default.place] if default else []
    return Finding(
        title=f"{listed(names, 2)} {'counts' if len(names) == 1 else 'count'} rows in 32 bits"[:79]
        if growing
        else "New tables count their rows in 32 bits",
        message=f"{'; '.join(said)}. A 32-bit key ends at 2,147,483,647.",
        objects=tuple(column_ref(table, key.name) for table, key in growing[:40])
        or (ObjectRef("setting", "DEFAULT_AUTO_FIELD"),),
        impact=Impact(rows, "rows", 1_000_000, 2e9)
        if rows is not None
        else Impact(len(growing) or 1, "tables", 10, 200, estimated=True),
        evidence={"columns": [f"{table.name}.{key.name}" for table, key in growing[:40]], "narrow_tables": len(narrow)},
        confidence="medium" if rows is not None else "low",
        next_step=" ".join(steps),
        identity="together",
        locations=locations([*place, *(column_place(table, key.name) for table, key in growing)], 60),
    )
