"""A small shop with migrations, and what a database may have recorded of it: for the samples of rules on migrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from dbwright.model.migrations import AppliedMigration
from dbwright.model.snapshot import Snapshot

MODELS = "from django.db import models\n\n\nclass Order(models.Model):\n    note = models.CharField(max_length=20)\n"
INITIAL = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Order", [("id", models.AutoField(primary_key=True)), ("note", models.CharField(max_length=20))]),
    ]
"""
NEXT = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "{0}")]
    operations = [
        {1},
    ]
"""
SIZE = 'migrations.AddField("order", "size", models.IntegerField(null=True))'
SIZED = MODELS + "    size = models.IntegerField(null=True)\n"


def shop(*more: tuple[str, str], models: str = MODELS) -> dict[str, str]:
    """The files; ``more`` are names and operations of migrations after the first."""
    names = ["0001_initial", *(name for name, _ in more)]
    files = {f"shop/migrations/{name}.py": NEXT.format(names[n], what) for n, (name, what) in enumerate(more)}
    first = {"shop/migrations/__init__.py": "", "shop/migrations/0001_initial.py": INITIAL}
    return {"shop/__init__.py": "", "shop/models.py": models, **first, **files}


def recorded(*names: str, tables: Callable[[Snapshot], Snapshot] | None = None) -> Callable[[Snapshot], Snapshot]:
    """A database that has these of the shop's migrations on record. Its catalog is what the models say, changed by ``tables``."""

    def edit(snapshot: Snapshot) -> Snapshot:
        rows = tuple(AppliedMigration("django", "shop", name, snapshot.taken_at, "public") for name in names)
        read = replace(snapshot, applied=rows, gaps=())
        return tables(read) if tables else read

    return edit


def without_columns(*names: str) -> Callable[[Snapshot], Snapshot]:
    """The same database without some columns."""
    return lambda snapshot: _with(snapshot, columns=(c for c in snapshot.catalog.columns if c.name not in names))


def without_indexes(*names: str) -> Callable[[Snapshot], Snapshot]:
    """The same database without some indexes."""
    return lambda snapshot: _with(snapshot, indexes=(i for i in snapshot.catalog.indexes if i.name not in names))


def _with(snapshot: Snapshot, **parts: Iterable[object]) -> Snapshot:
    return replace(snapshot, catalog=replace(snapshot.catalog, **{name: tuple(rows) for name, rows in parts.items()}))  # type: ignore[arg-type]
