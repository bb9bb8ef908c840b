"""A number is read, changed in Python and written back: of two requests at once one is lost.

## Why it matters

Both read 10, both write 9.
`F()` lets the database compute the new value from the row as it is, and `select_for_update()` makes the second request wait.

## When to ignore

When one process alone changes the row, or a lost count does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.asked import column_ref, function_ref, is_aid, is_batch, locations
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceFact, SourceTable
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("BP-20",)

_NUMBERS = ("integer", "bigint", "smallint", "numeric", "double precision", "real", "decimal")


def _module(body: str) -> dict[str, str]:
    lines = "\n    ".join(body.split("\n"))
    return {
        "shop/__init__.py": "",
        "shop/models.py": "from django.db import models\nfrom django.db.models import F\n\n\nclass Item(models.Model):\n"
        "    name = models.TextField()\n    stock = models.IntegerField(default=0)\n\n\n"
        f"def sell(pk, n):\n    {lines}\n",
    }


_GET = "item = Item.objects.get(pk=pk)\n"

BAD = (
    Sample(source=_module(_GET + "item.stock -= n\nitem.save()")),
    Sample(source=_module(_GET + "item.stock = item.stock + 1\nitem.save(update_fields=['stock'])")),
)
GOOD = (
    Sample(source=_module("Item.objects.filter(pk=pk).update(stock=F('stock') - n)")),
    Sample(source=_module(_GET + "item.stock = F('stock') - n\nitem.save()")),
    Sample(source=_module("item = Item.objects.select_for_update().get(pk=pk)\nitem.stock -= n\nitem.save()")),
    Sample(source=_module(_GET + "item.stock = n\nitem.save()")),
    Sample(source=_module(_GET + "item.name += '!'\nitem.save()")),
    # Built up before it is first stored.
    Sample(source=_module("item = Item(name='x')\nitem.stock += n\nitem.save()")),
    # Not a column.
    Sample(source=_module(_GET + "item.seen = 0\nitem.seen += 1\nitem.save()")),
    Sample(source=_module(_GET + "item.stock -= n\nprint(item.stock)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[tuple[SourceFact, SourceTable, SourceColumn]]] = defaultdict(list)
    for fact in snapshot.source.facts:
        if fact.kind != "read-modify-write" or is_aid(fact.place) or is_batch(fact.place):
            continue
        meant = _column(snapshot, fact)
        if meant is not None:
            groups[fact.place.file, fact.place.function].append((fact, *meant))
    for (file, function), found in groups.items():
        fact, table, column = found[0]
        yield Finding(
            title=f"{function.rpartition('.')[2]}: updates of {table.name}.{column.name} get lost"[:79],
            message=f"{fact.owner}.{fact.name} is changed in Python at {fact.place} and written back by save() on line {fact.end_line}: "
            "of two requests that read the same value one is lost.",
            objects=(function_ref(fact.place, table.name), column_ref(table, column.name)),
            impact=Impact(len(found), "values", 1, 10),
            evidence={"sites": [f"{f.place}: {f.owner}.{f.name}" for f, _, _ in found]},
            confidence="medium",
            next_step=f'Write {fact.owner}.{fact.name} = F("{fact.name}") ± … before save(update_fields=["{fact.name}"]), or fetch the row '
            "with select_for_update() inside transaction.atomic().",
            identity=f"{file}:{function}",
            locations=locations([f.place for f, _, _ in found]),
        )


def _column(snapshot: Snapshot, fact: SourceFact) -> tuple[SourceTable, SourceColumn] | None:
    """The column meant: of a table that the function writes by UPDATE, when all columns of that name there are numbers."""
    written = [
        snapshot.source.table_by_name[query.table]
        for query in snapshot.source.queries
        if query.issued_by == "update"
        and (query.issued.file, query.issued.function) == (fact.place.file, fact.place.function)
        and query.issued.line == fact.end_line
        and query.table in snapshot.source.table_by_name
    ]
    for table in written:
        for column in table.columns:
            if column.field == fact.name and (column.type or "").startswith(_NUMBERS) and not column.primary_key:
                return table, column
    return None
