"""A 32-bit integer holds what grows beyond two thousand million.

## Why it matters

An integer ends at 2,147,483,647: a file of 2 GB, an identifier that another system gives, or the next row of a busy table does not fit, and
the insert fails.
Making the column bigint later rewrites the table while everybody waits.

## When to ignore

When the values are bounded by nature (a size in megabytes, an identifier of this system's own).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import column_place, column_ref, locations, model_name, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("source",)
LIMITS: dict[str, float] = {"tables": 2}
COVERS: tuple[str, ...] = ()
YIELDS_TO = ("sequences/integer-key-near-limit",)

_MODELS = """\
from django.db import models


class Upload(models.Model):
    {}
"""


def _models(field: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(field)}


BAD = (
    Sample(source=_models("size_bytes = models.IntegerField()")),
    Sample(source=_models("file_size = models.PositiveIntegerField(default=0)")),
    Sample(source=_models("telegram_id = models.IntegerField(unique=True)")),
    Sample(source=_models("external_id = models.IntegerField()\n    bytes_sent = models.IntegerField(default=0)")),
)
GOOD = (
    Sample(source=_models("size_bytes = models.BigIntegerField()")),
    Sample(source=_models("size = models.IntegerField()")),
    Sample(source=_models("page_size = models.IntegerField()")),
    Sample(source=_models("size_mb = models.IntegerField()")),
    Sample(source=_models("owner = models.ForeignKey('self', models.CASCADE)")),
    Sample(source=_models("external_id = models.CharField(max_length=40)")),
    # Bounded by a validator.
    Sample(
        source={
            "shop/__init__.py": "",
            "shop/models.py": "from django.core.validators import MaxValueValidator\n"
            + _MODELS.format("file_size = models.IntegerField(validators=[MaxValueValidator(10_000_000)])"),
        }
    ),
)

_BYTES = re.compile(r"(^|_)(bytes|file_?size|filesize|size_in_bytes|content_length|disk_usage|bytes_\w+|\w+_bytes)$")
_EXTERNAL = re.compile(
    r"^(external|remote|foreign|telegram|tg|twitter|tweet|facebook|discord|github|gitlab|stripe|chat|msg|message|steam|vk|platform)_?"
    r"(user_|chat_|channel_|repo_|run_|job_|account_|object_)?id$"
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, table, columns)
        for table in snapshot.source.tables
        if table.owned and table.managed and (columns := [c for c in table.columns if _is_narrow(c)])
    ]
    yield from told_once(found, "{} tables keep sizes or other systems' ids in 32 bits", singly=limits["tables"])


def _is_narrow(column: SourceColumn) -> bool:
    if column.type != "integer" or column.references is not None or column.primary_key:
        return False
    if any(
        isinstance(v, list | tuple) and v and v[0] == "MaxValueValidator" for v in column.option("validators") or ()
    ):
        return False
    return bool(_BYTES.search(column.name.lower()) or _EXTERNAL.search(column.name.lower()))


def _finding(snapshot: Snapshot, table: SourceTable, columns: list[SourceColumn]) -> Finding:
    names = [column.name for column in columns]
    rows = rows_of(snapshot, table.name)
    sizes = [name for name in names if _BYTES.search(name.lower())]
    why = "counts bytes, which 2 GB exceed" if sizes else "holds numbers that another system gives"
    field = "BigIntegerField" if table.framework == "django" else "BigInteger"
    return Finding(
        title=f"{model_name(table)}: {listed(names, 2)} end at 2,147,483,647"[:79],
        message=f"{names[0]} of {table.name} is a 32-bit integer and {why}: the first larger value makes the insert fail.",
        objects=tuple(column_ref(table, name) for name in names),
        impact=Impact(rows, "rows", 1_000, 1e9)
        if rows is not None
        else Impact(len(names), "columns", 1, 50, estimated=True),
        evidence={"columns": names, "rows": rows if rows is not None else "not measured"},
        confidence="medium" if sizes else "low",
        next_step=f"Write {field} for {listed(names)} of {model_name(table)} ({column_place(table, names[0])}) while the table is small: "
        "the migration rewrites it.",
        identity=table.name,
        locations=locations([column_place(table, name) for name in names]),
    )
