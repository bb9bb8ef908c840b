"""A 32-bit integer holds what grows beyond two thousand million.

## Why it matters

An integer ends at 2,147,483,647: a file of 2 GB, an identifier that another system gives, 21.5 million dollars in cents, or the key of
a row whose table counts in 64 bits does not fit, and the insert fails.
Making the column bigint later rewrites the table while everybody waits.

## When to ignore

When the values are bounded by nature (a size in megabytes, an identifier of this system's own).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import (
    column_place,
    column_ref,
    is_library,
    locations,
    model_name,
    own_tables,
    rows_of,
    table_named,
)
from dbwright.model.change import AlterColumnType, Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("source",)
LIMITS: dict[str, float] = {"tables": 1}
COVERS: tuple[str, ...] = ()
YIELDS_TO = ("sequences/integer-key-near-limit",)

_MODELS = """\
from django.db import models


class Upload(models.Model):
    {}
"""


def _models(field: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(field)}


def _validated(field: str) -> dict[str, str]:
    text = "from django.core.validators import MaxValueValidator\n" + _MODELS.format(field)
    return {"shop/__init__.py": "", "shop/models.py": text}


def _generic(field: str) -> dict[str, str]:
    """A note on a row of any table."""
    head = "from django.contrib.contenttypes.fields import GenericForeignKey\nfrom django.contrib.contenttypes.models import ContentType\n"
    body = (
        "id = models.BigAutoField(primary_key=True)\n    object_type = models.ForeignKey(ContentType, models.CASCADE)\n"
        f"    object_id = {field}\n    target = GenericForeignKey('object_type', 'object_id')"
    )
    settings = "INSTALLED_APPS = ['django.contrib.contenttypes', 'shop']\n"
    return {"shop/__init__.py": "", "shop/settings.py": settings, "shop/models.py": head + _MODELS.format(body)}


BAD = (
    Sample(source=_models("size_bytes = models.IntegerField()")),
    Sample(source=_models("file_size = models.PositiveIntegerField(default=0)")),
    Sample(source=_models("telegram_id = models.IntegerField(unique=True)")),
    Sample(source=_models("external_id = models.IntegerField()\n    bytes_sent = models.IntegerField(default=0)")),
    # Cents: there is a currency beside them.
    Sample(source=_models("amount = models.IntegerField()\n    currency = models.CharField(max_length=3)")),
    # The validator lets in what the column does not hold.
    Sample(source=_validated("permissions = models.IntegerField(validators=[MaxValueValidator(2 << 32)])")),
    # Keys of any table, and this one's are bigint.
    Sample(source=_generic("models.PositiveIntegerField()")),
)
GOOD = (
    # No picture has 2 GB.
    Sample(source=_models("file_size = models.IntegerField()\n    file = models.ImageField()")),
    Sample(source=_models("size_bytes = models.BigIntegerField()")),
    Sample(source=_models("size = models.IntegerField()")),
    Sample(source=_models("page_size = models.IntegerField()")),
    Sample(source=_models("size_mb = models.IntegerField()")),
    Sample(source=_models("owner = models.ForeignKey('self', models.CASCADE)")),
    Sample(source=_models("external_id = models.CharField(max_length=40)")),
    # Bounded by a validator.
    Sample(source=_validated("file_size = models.IntegerField(validators=[MaxValueValidator(10_000_000)])")),
    # How much flour.
    Sample(source=_models("amount = models.IntegerField()\n    unit = models.CharField(max_length=9)")),
    Sample(source=_models("amount = models.BigIntegerField()\n    currency = models.CharField(max_length=3)")),
    Sample(source=_generic("models.PositiveBigIntegerField()")),
)

_MOST = 2_147_483_647
_BYTES = re.compile(r"(^|_)(bytes|file_?size|filesize|size_in_bytes|content_length|disk_usage|bytes_\w+|\w+_bytes)$")
_PICTURES = re.compile(r"(Image|Picture|Photo|Rendition|Avatar|Thumbnail|Icon)")
_EXTERNAL = re.compile(
    r"^(external|remote|foreign|telegram|tg|twitter|tweet|facebook|discord|github|gitlab|stripe|chat|msg|message|steam|vk|platform)_?"
    r"(user_|chat_|channel_|repo_|run_|job_|account_|object_)?id$"
)


_MONEY = re.compile(
    r"(^|_)(amount|subtotal|balance|cents|revenue|turnover|earnings|payout|refund|gross|net)(_in)?(_cents|_minor)?$|^total(_price|_cost)?$"
)
_PAID = re.compile(r"(^|_)(currency|cents|vat|tax_amount|net_amount)(_|$)")
_PAYMENT = re.compile(r"payment|invoice|price|transaction|charge|checkout|refund|payout|billing|donation")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    wide_keys = any(
        column.primary_key and column.type == "bigint" for table in own_tables(snapshot) for column in table.columns
    )
    found = [
        _finding(snapshot, table, reasons)
        for table in own_tables(snapshot)
        if (reasons := dict(_narrow(table, wide_keys)))
    ]
    yield from told_once(found, "{} tables keep sizes, sums or other systems' ids in 32 bits", singly=limits["tables"])


def _narrow(table: SourceTable, wide_keys: bool) -> Iterator[tuple[str, str]]:
    """Columns with what will not fit one day."""
    for column in table.columns:
        plain = column.references is None and not column.primary_key and not is_library(column)
        if column.type == "integer" and plain and (reason := _reason(table, column, wide_keys)):
            yield column.name, reason


def _reason(table: SourceTable, column: SourceColumn, wide_keys: bool) -> str:
    name = column.name.lower()
    if (most := _bound(column)) is not None:
        return f"may be up to {most:,.0f} by its validator" if most > _MOST else ""
    if _BYTES.search(name) and not _keeps_pictures(table):
        return "counts bytes, which 2 GB exceed"
    if _EXTERNAL.search(name):
        return "holds numbers that another system gives"
    if wide_keys and _is_generic(table, column):
        return "refers to rows of any table, some of which count in 64 bits"
    if _MONEY.search(name) and _is_paid(table):
        return "holds money in cents, of which 21,474,836.47 is the end"
    return ""


def _keeps_pictures(table: SourceTable) -> bool:
    """No picture has 2 GB."""
    classes = {c.field_class or "" for c in table.columns}
    return bool(_PICTURES.search(table.symbol)) or "ImageField" in classes


def _bound(column: SourceColumn) -> float | None:
    limits = [
        float(entry[1])
        for entry in column.option("validators") or ()
        if isinstance(entry, list | tuple) and len(entry) == 2 and entry[0] == "MaxValueValidator"
        if isinstance(entry[1], int | float)
    ]
    return min(limits, default=None)


def _is_generic(table: SourceTable, column: SourceColumn) -> bool:
    """The number of a generic reference: the content type stands beside it under the same name."""
    if not column.name.endswith("_id"):
        return False
    stem = column.name.removesuffix("_id")
    types = [c.name for c in table.columns if c.references and c.references.table == "django_content_type"]
    return f"{stem}_type_id" in types or (column.name == "object_id" and len(types) == 1)


def _is_paid(table: SourceTable) -> bool:
    return any(_PAID.search(column.name.lower()) for column in table.columns) or bool(
        _PAYMENT.search(table.name.lower())
    )


def _finding(snapshot: Snapshot, table: SourceTable, reasons: dict[str, str]) -> Finding:
    names = list(reasons)
    rows = rows_of(snapshot, table.name)
    field = "BigIntegerField" if table.framework == "django" else "BigInteger"
    return Finding(
        title=f"{model_name(table)}: {listed(names, 2)} end at 2,147,483,647"[:79],
        message=f"{names[0]} of {table.name} is a 32-bit integer and {reasons[names[0]]}: the first larger value makes the insert fail.",
        objects=tuple(column_ref(table, name) for name in names),
        impact=Impact(rows, "rows", 1_000, 1e9)
        if rows is not None
        else Impact(len(names), "columns", 1, 50, estimated=True),
        evidence={"columns": names, "reasons": reasons, "rows": rows if rows is not None else "not measured"},
        confidence="low" if all("another system" in reason for reason in reasons.values()) else "medium",
        change=_change(snapshot, table, names) if rows is None or rows < _QUICK else None,
        next_step=f"Write {field} for {listed(names)} of {model_name(table)} ({column_place(table, names[0])}) while the table is small: "
        "the migration rewrites it.",
        identity=table.name,
        locations=locations([column_place(table, name) for name in names]),
    )


_QUICK = 1_000_000
"""Rows that are written anew in about a second."""


def _change(snapshot: Snapshot, table: SourceTable, names: list[str]) -> Change | None:
    found = table_named(snapshot, table.name)
    if found is None:
        return None
    return Change(
        tuple(AlterColumnType(found.schema, found.name, name, "integer", "bigint") for name in names),
        "It writes the table anew while nobody else may read or write it: while the table is small that takes an instant.",
    )
