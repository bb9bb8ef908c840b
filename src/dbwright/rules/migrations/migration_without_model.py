"""Migrations made a column, an index or a constraint that no model knows any more.

## Why it matters

The next `makemigrations` or `alembic revision --autogenerate` writes its removal into a migration about something else, and the data or
the index goes with it unseen. A column that is NOT NULL and that the models do not fill makes every insert fail.

## When to ignore

When it was made on purpose beside the models (an index for a report, a column that another service fills): declare it, or leave it out of
Alembic's comparison.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import locations
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.migration_graph import group_name
from dbwright.model.migrations import Drift
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "hygiene"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-01", "BP-13")

_MODELS = "from django.db import models\n\n\nclass Order(models.Model):\n    note = models.CharField(max_length=20)\n"
_MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Order", [("id", models.AutoField(primary_key=True)), ("note", models.CharField(max_length=20)){0}]
        ),{1}
    ]
"""


def _django(*made: str, models: str = _MODELS) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": models,
        "shop/migrations/__init__.py": "",
        "shop/migrations/0001_initial.py": _MIGRATION.format(*made),
    }


_SIZE = ', ("size", models.IntegerField())'
_INDEX = '\n        migrations.AddIndex("order", models.Index(fields=["note"], name="order_note")),'

_TABLE = """\
from authlib.integrations.sqla_oauth2 import OAuth2TokenMixin
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Token({}):
    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
_SCRIPT = """\
import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    op.create_table(
        "tokens", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("scope", sa.String(20), nullable=False)
    )
"""


def _alembic(bases: str) -> dict[str, str]:
    return {"app/__init__.py": "", "app/models.py": _TABLE.format(bases), "versions/a1.py": _SCRIPT}


BAD = (
    Sample(source=_django(_SIZE, "")),
    Sample(source=_alembic("Base")),
    Sample(source=_django("", _INDEX)),
)
GOOD = (
    Sample(source=_django("", "")),
    Sample(source=_django(_SIZE, '\n        migrations.RemoveField("order", "size"),')),
    # Plain SQL makes what the framework does not compare.
    Sample(
        source=_django(
            "", '\n        migrations.RunSQL("CREATE INDEX order_note ON shop_order (note)", migrations.RunSQL.noop),'
        )
    ),
    # A field or a base class that could not be read may be it.
    Sample(
        source=_django(_SIZE, "", models=_MODELS + "    owner = models.ForeignKey(named_elsewhere(), models.CASCADE)\n")
    ),
    Sample(source=_alembic("OAuth2TokenMixin, Base")),
    Sample(source=_alembic("Base, OAuth2TokenMixin")),
    # The models could not be read at all.
    Sample(source=_django("", "", models="class Order(:\n")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[Drift]] = defaultdict(list)
    for one in snapshot.source.migrations.drift:
        # A table without a model may be one whose class is made at run time.
        if one.have == "migrations" and one.lack == "models" and one.kind != "table":
            groups[one.framework, one.group].append(one)
    for (framework, group), found in groups.items():
        yield _finding(framework, group, found)


def _finding(framework: str, group: str, found: Sequence[Drift]) -> Finding:
    command = f"python manage.py makemigrations {group}" if framework == "django" else "alembic revision --autogenerate"
    more = f", and {len(found) - 1} more likewise" if len(found) > 1 else ""
    return Finding(
        title=f"{group_name(framework, group)}: {counted(len(found), 'thing')} that no model knows"[:79],
        message=f"{found[0].detail[:1].upper() + found[0].detail[1:]}{more}; the next `{command}` removes it.",
        objects=tuple(
            dict.fromkeys(ObjectRef(one.kind, one.name or one.table, "public", one.table, one.columns) for one in found)
        ),
        impact=Impact(len(found), "differences", 1, 50),
        evidence={
            "differences": [{"what": one.detail, "file": one.place.file, "line": one.place.line} for one in found],
            "migration": found[0].change,
        },
        confidence="medium",
        next_step="Declare in the models what is to stay; let a migration of its own remove the rest.",
        identity=f"{framework}:{group}",
        locations=locations(one.place for one in found),
    )
