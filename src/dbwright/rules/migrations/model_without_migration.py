"""Models say what no migration makes: a table, a column, an index, a constraint, or another type.

## Why it matters

The code already asks for the column, and the database that migrations make has none: the first query fails with "column does not exist".
A constraint or an index that only the models declare protects and speeds up nothing.
The tests do not show it where they make their tables from the models.

## When to ignore

When the table is made by other means (a legacy schema, another service): mark the model `managed = False`, or leave the table out of
Alembic's `include_object`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import locations
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.migration_graph import group_name
from dbwright.model.migrations import Drift
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
_MANY = 10
"""Columns from which on it is a habit that scripts say another thing of NULL than models, as they do when tables are written by hand."""
_LOOSER = re.compile(r": NULL: |type: varchar in the models, varchar\(\d+\) in the migrations")
"""A difference in what is refused: nothing fails because of it today."""
COVERS = ("AB-01", "BP-13", "models-differ-from-migrations")

_MODELS = """\
from django.db import models


class Order(models.Model):
    note = models.CharField(max_length={0})
{1}
    class Meta:
        indexes = [{2}]
"""
_MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Order",
            [("id", models.AutoField(primary_key=True)), ("note", models.CharField(max_length=20)){0}],
            {1}
        ),{2}
    ]
"""
_OPTIONS = 'options={"indexes": [models.Index(fields=["note"], name="order_note")]}'
_TOGETHER = ']\n        index_together = ["note", "size"'
_INDEX = 'models.Index(fields=["note"], name="order_note")'


def _django(models: tuple[str, str, str], *made: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": _MODELS.format(*models),
        "shop/migrations/__init__.py": "",
        "shop/migrations/0001_initial.py": _MIGRATION.format(*made),
    }


_TABLES = """\
from sqlalchemy import {0}ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = ({1})
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    note: Mapped[str] = mapped_column(String(20))
"""
_SCRIPT = """\
import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    op.create_table("people", sa.Column("id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id"))
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        {0}
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    {1}


def downgrade():
    op.drop_table("orders")
    op.drop_table("people")
"""
_NOTE = 'sa.Column("note", sa.String(length=20), nullable=False),'
_UNIQUE = 'UniqueConstraint("owner_id", "note", name="one_note"),'


def _alembic(arguments: str, *made: str, imports: str = "") -> dict[str, str]:
    return {
        "app/__init__.py": "",
        "app/models.py": _TABLES.format(imports, arguments),
        "versions/a1.py": _SCRIPT.format(*made),
    }


BAD = (
    # A column.
    Sample(source=_django(("20", "    size = models.IntegerField()\n", ""), "", "", "")),
    # A longer text; an index.
    Sample(source=_django(("80", "", ""), "", "", "")),
    Sample(source=_django(("20", "", _INDEX), "", "", "")),
    # The constraint that a model declares and no script makes.
    Sample(source=_alembic(_UNIQUE, _NOTE, "")),
    Sample(source=_alembic("", "", "")),
)
GOOD = (
    # As applications before Django 5.1 write it.
    Sample(
        source=_django(
            ("20", "    size = models.IntegerField()\n", _TOGETHER),
            ', ("size", models.IntegerField())',
            "",
            '\n        migrations.AlterIndexTogether("Order", {("note", "size")}),',
        )
    ),
    Sample(
        source=_django(("20", "    size = models.IntegerField()\n", ""), ', ("size", models.IntegerField())', "", "")
    ),
    Sample(source=_django(("20", "", _INDEX), "", _OPTIONS, "")),
    # Only what people and forms read differs.
    Sample(source=_django(("20, help_text='x', blank=True", "", ""), "", "", "")),
    # The last migration drops what the first made.
    Sample(
        source=_django(
            ("20", "", ""),
            ', ("size", models.IntegerField())',
            "",
            '\n        migrations.RemoveField("order", "size"),',
        )
    ),
    # An application without migrations gets its tables without them.
    Sample(source={"shop/__init__.py": "", "shop/models.py": _MODELS.format("20", "", "")}),
    Sample(source=_alembic("", _NOTE, "")),
    # The same under another call, as SQL, and under another name.
    Sample(source=_alembic(_UNIQUE, _NOTE, 'op.create_unique_constraint("one_note", "orders", ["owner_id", "note"])')),
    Sample(
        source=_alembic(_UNIQUE, _NOTE, 'op.execute("ALTER TABLE orders ADD CONSTRAINT other UNIQUE (owner_id, note)")')
    ),
    # A table of another database beside the models.
    Sample(
        source={
            **_alembic("", _NOTE, ""),
            "app/events.py": "from sqlalchemy import Column, Integer, MetaData, Table\n\n"
            'events = Table("events", MetaData(), Column("id", Integer))\n',
        }
    ),
    # The first tables came from `create_all`: scripts only change them.
    Sample(
        source={
            "app/__init__.py": "",
            "app/models.py": _TABLES.format("", ""),
            "versions/a1.py": 'from alembic import op\nimport sqlalchemy as sa\n\nrevision = "a1"\ndown_revision = None\n\n\n'
            'def upgrade():\n    op.add_column("orders", sa.Column("note", sa.String(20), nullable=False))\n',
        }
    ),
    # A length that is computed: of a word, and from what is not known.
    Sample(source=_django(("len('twenty characters ok')", "", ""), "", "", "")),
    Sample(source=_django(("longest_of(KINDS)", "", ""), "", "", "")),
    # What is computed when the class is asked.
    Sample(
        source=_django(("Kind.longest", "", ""), "", "", "")
        | {
            "shop/models.py": "from django.db import models\n\n\nclass Kind:\n    def longest(cls):\n        return 20\n\n\n"
            + _MODELS.partition("\n\n\n")[2].format("Kind.longest", "", "")
        }
    ),
    # The configuration of the application names its keys.
    Sample(
        source=_django(("20", "", ""), "", "", "")
        | {
            "shop/apps.py": "from django.apps import AppConfig\n\n\nclass ShopAppconfig(AppConfig):\n    name = 'shop'\n"
            "    default_auto_field = 'django.db.models.BigAutoField'\n",
            "shop/migrations/0001_initial.py": _MIGRATION.format("", "", "").replace("AutoField", "BigAutoField"),
        }
    ),
    # A metaclass may make a proxy of the class.
    Sample(
        source=_django(("20", "", ""), "", "", "")
        | {
            "shop/models.py": _MODELS.format("20", "", "")
            + "\n\nclass Kind(models.base.ModelBase):\n    pass\n\n\nclass Special(Order, metaclass=Kind):\n    pass\n"
        }
    ),
    # SQL of a script's own session.
    Sample(
        source=_alembic(
            "",
            "",
            'session = Session(op.get_bind())\n    session.execute("ALTER TABLE orders ADD COLUMN note text NOT NULL")',
        )
    ),
    # Columns that a loop adds to the list are not all known.
    Sample(
        source=_alembic(
            "",
            "*[sa.Column(name, sa.String(length=20), nullable=False) for name in os.listdir('columns')],",
            "",
        )
    ),
    # A folder of old scripts, of which the squashed one has the last one's id.
    Sample(
        source={
            **_alembic("", _NOTE, ""),
            "versions/old/a0.py": 'from alembic import op\nimport sqlalchemy as sa\n\nrevision = "a1"\ndown_revision = "a0"\n\n\n'
            'def upgrade():\n    op.create_table("orders", sa.Column("id", sa.Integer(), primary_key=True))\n',
            "versions/a2.py": 'revision = "a2"\ndown_revision = "a1"\n\n\ndef upgrade():\n    pass\n',
        }
    ),
    # What a script does cannot be told: nothing is claimed.
    Sample(
        source=_alembic(_UNIQUE, _NOTE, 'op.execute(f"ALTER TABLE {input()} ADD CONSTRAINT u UNIQUE (owner_id, note)")')
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[Drift]] = defaultdict(list)
    for one in snapshot.source.migrations.drift:
        if one.have == "models" and one.lack == "migrations":
            groups[one.framework, one.group].append(one)
    for (framework, group), found in groups.items():
        yield _finding(framework, group, found)


def _finding(framework: str, group: str, found: Sequence[Drift]) -> Finding:
    fails = [one for one in found if one.kind in ("table", "column") and not one.differs]
    first = (fails or found)[0]
    command = f"python manage.py makemigrations {group}" if framework == "django" else "alembic revision --autogenerate"
    only_looser = len(found) < _MANY and all(one.differs and _LOOSER.search(one.detail) for one in found)
    tables = listed(dict.fromkeys(one.table for one in fails))
    why = f" A query on {tables} fails once the code runs on the database that migrations make." if fails else ""
    return Finding(
        title=f"{group_name(framework, group)}: {counted(len(found), 'change')} of models in no migration"[:79],
        message=f"{_sentence(first)}{f', and {len(found) - 1} more likewise' if len(found) > 1 else ''}.{why}",
        objects=tuple(dict.fromkeys(_ref(one) for one in found)),
        impact=Impact.certain() if fails else Impact(1 if only_looser else len(found), "differences", 1, 50),
        evidence={
            "differences": [{"what": one.detail, "file": one.place.file, "line": one.place.line} for one in found],
            "migration": first.change,
        },
        confidence="low" if only_looser else "high" if fails or framework == "django" else "medium",
        next_step=f"Run `{command}` and read what it writes; by what was read here it is in the evidence.",
        identity=f"{framework}:{group}",
        locations=locations(one.place for one in (*fails, *found)),
    )


def _sentence(one: Drift) -> str:
    return one.detail[:1].upper() + one.detail[1:]


def _ref(one: Drift) -> ObjectRef:
    return ObjectRef(one.kind, one.name or one.table, "public", one.table, one.columns)
