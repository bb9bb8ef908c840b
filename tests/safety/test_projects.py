"""Migrations of Django and Alembic: the SQL that the frameworks would send, judged."""

import re
from pathlib import Path
from typing import Any

import pytest

from dbwright.safety import alembic_sql, project
from dbwright.safety.code import Code, Sent
from dbwright.safety.judge import Before, Judgement, judge
from dbwright.safety.scratch import Scratch

FIRST = """
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Customer", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]),
        migrations.CreateModel(
            "Order",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=10)),
                ("email", models.CharField(max_length=40)),
                ("note", models.TextField(null=True)),
            ],
        ),
    ]
"""
NEXT = """
import uuid

from django.contrib.postgres.operations import (
    AddConstraintNotValid, AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import F
{imports}

{functions}

class Migration(migrations.Migration):
    {options}
    dependencies = [("shop", "0001_initial")]
    operations = [{operations}]
"""


def django(
    root: Path, operations: str, options: str = "", functions: str = "", imports: str = "", label: str = "shop"
) -> Path:
    folder = root / label / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").write_text("")
    (folder.parent / "models.py").write_text("from django.db import models\n")
    (folder / "0001_initial.py").write_text(FIRST)
    text = NEXT.format(operations=operations, options=options, functions=functions, imports=imports)
    text = (
        text.replace('"shop', f'"{label}')
        .replace("shop_order", f"{label}_order")
        .replace("order_email", f"{label}_email")
    )
    (folder / "0002_next.py").write_text(text)
    return root


def judged_all(root: Path, scratch: Scratch, file: str) -> list[Judgement]:
    found = project.read(root, lambda _label, name: name.endswith(file), scratch)
    assert found.gaps == []
    return list(judge(found.scripts, Before(tuple(found.before), made_of_code=True), scratch))


def judged(root: Path, scratch: Scratch, file: str) -> Judgement:
    (judgement,) = judged_all(root, scratch, file)
    return judgement


def told(judgement: Judgement) -> set[str]:
    return {f.check.removeprefix("migrations/") for f in judgement.findings if f.severity != "info"}


OPERATIONS: list[tuple[str, str, set[str]]] = [
        ('migrations.AddField("order", "size", models.IntegerField(null=True))', "", set()),
        ('migrations.AddField("order", "size", models.IntegerField(default=3))', "", {"default-dropped-on-required-column"}),
        ('migrations.AddField("order", "size", models.IntegerField(db_default=3))', "", set()),
        ('migrations.AddField("order", "token", models.UUIDField(default=uuid.uuid4))', "", {"default-dropped-on-required-column"}),
        ('migrations.AddField("order", "token", models.UUIDField(default=uuid.uuid4, null=True))', "", set()),
        (
            'migrations.AddField("order", "customer", models.ForeignKey("shop.Customer", null=True, on_delete=models.CASCADE))',
            "",
            {"reference-locks-both-tables", "blocking-index-build"},
        ),
        ('migrations.AlterField("order", "name", models.CharField(max_length=20))', "", set()),
        ('migrations.AlterField("order", "name", models.CharField(max_length=10, help_text="x"))', "", set()),
        ('migrations.AlterField("order", "note", models.TextField(default=""))', "", {"not-null-scan", "data-change-under-lock"}),
        ('migrations.AlterField("order", "name", models.CharField(max_length=5))', "", {"rewriting-type-change"}),
        (
            'migrations.AlterField("order", "email", models.CharField(max_length=40, unique=True))',
            "",
            {"blocking-unique", "blocking-index-build"},
        ),
        ('migrations.RemoveField("order", "note")', "", {"column-dropped"}),
        ('migrations.RenameField("order", "note", "remark")', "", {"column-renamed"}),
        ('migrations.RenameModel("Order", "Purchase")', "", {"table-renamed"}),
        ('migrations.DeleteModel("Order")', "", {"table-dropped"}),
        ('migrations.AddIndex("order", models.Index(fields=["email"], name="order_email"))', "", {"blocking-index-build"}),
        ('AddIndexConcurrently("order", models.Index(fields=["email"], name="order_email"))', "atomic = False", set()),
        ('AddIndexConcurrently("order", models.Index(fields=["email"], name="order_email"))', "", {"concurrently-in-transaction"}),
        (
            'migrations.AddConstraint("order", models.CheckConstraint(condition=models.Q(name__gt=""), name="named"))',
            "",
            {"blocking-check"},
        ),
        ('AddConstraintNotValid("order", models.CheckConstraint(condition=models.Q(name__gt=""), name="named"))', "", set()),
        (
            'migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True)),'
            ' ("order", models.ForeignKey("shop.Order", on_delete=models.CASCADE))])',
            "",
            set(),
        ),
        ('migrations.RunSQL("CREATE INDEX order_email ON shop_order (email)", "DROP INDEX order_email")', "", {"blocking-index-build"}),
        ('migrations.RunSQL("CREATE INDEX CONCURRENTLY order_email ON shop_order (email)")', "atomic = False", set()),
        ('migrations.RunSQL(["UPDATE shop_order SET note = \'x\'"])', "", {"updates-every-row"}),
        ('migrations.AlterModelOptions("order", {"ordering": ["name"]})', "", set()),
    ]  # fmt: skip


BODIES: list[tuple[str, set[str]]] = [
        ("for one in Order.objects.all():\n        one.save()", {"rows-changed-one-by-one", "rows-loaded-at-once"}),
        ("for one in Order.objects.iterator():\n        one.save()", {"rows-changed-one-by-one"}),
        ("for one in Order.objects.all():\n        print(one.name)", {"rows-loaded-at-once"}),
        ('Order.objects.update(note=F("name"))', {"updates-every-row"}),
        ('for name in ("a", "b"):\n        Order.objects.create(name=name)', set()),
        ("Order.objects.bulk_update(list(Order.objects.iterator()), [\"note\"])", {"bulk-without-batches"}),
        ("Order.objects.bulk_update(list(Order.objects.iterator()), [\"note\"], batch_size=500)", set()),
        ("Order.objects.bulk_create([Order(name=\"a\")], batch_size=50000)", {"batch-too-large"}),
        (
            'while ids := list(Order.objects.values_list("pk", flat=True)[:500]):\n'
            '        Order.objects.filter(pk__in=ids).update(note="x")',
            set(),
        ),
        ("settings = {}\n    settings.update(a=1)", set()),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def of_django(tmp_path_factory: pytest.TempPathFactory, scratch: Scratch) -> dict[str, Judgement]:
    """Every migration below, each of an application of its own in one project, which is read once."""
    root = tmp_path_factory.mktemp("django")
    for number, (operations, options, _) in enumerate(OPERATIONS):
        django(root, operations, options, label=f"shop{number}")
    for number, (body, _) in enumerate(BODIES):
        function = f'def fill(apps, schema_editor):\n    Order = apps.get_model("shop", "Order")\n    {body}\n'
        django(root, "migrations.RunPython(fill, migrations.RunPython.noop)", functions=function, label=f"data{number}")
    return {one.script.group: one for one in judged_all(root, scratch, "0002_next.py")}


@pytest.mark.parametrize("number", range(len(OPERATIONS)), ids=[one[0][:70] for one in OPERATIONS])
def test_operations_of_django(number: int, of_django: dict[str, Judgement]) -> None:
    assert told(of_django[f"shop{number}"]) == OPERATIONS[number][2]


def test_the_column_goes_after_the_model_forgot_it(tmp_path: Path, scratch: Scratch) -> None:
    django(tmp_path, 'migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("order", "note")])')
    sql = 'migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL("ALTER TABLE shop_order DROP COLUMN note")])'
    text = NEXT.format(operations=sql, options="", functions="", imports="").replace("0001_initial", "0002_next")
    (tmp_path / "shop/migrations/0003_last.py").write_text(text)
    judgement = judged(tmp_path, scratch, "0003_last.py")
    assert told(judgement) == set()
    assert "migrations/dropped-after-models" in {f.check for f in judgement.findings}


@pytest.mark.parametrize("number", range(len(BODIES)), ids=[one[0][:60] for one in BODIES])
def test_python_of_a_data_migration(number: int, of_django: dict[str, Judgement]) -> None:
    assert told(of_django[f"data{number}"]) == BODIES[number][1]


def test_models_of_today_in_a_migration(tmp_path: Path, scratch: Scratch) -> None:
    function = "def fill(apps, schema_editor):\n    Order.objects.filter(pk=1).count()\n"
    root = django(tmp_path, "migrations.RunPython(fill)", functions=function, imports="from shop.models import Order")
    judgement = judged(root, scratch, "0002_next.py")
    assert told(judgement) == {"real-model-in-migration"}
    assert "migrations/no-reverse" in {f.check for f in judgement.findings}


SCRIPT = """
import sqlalchemy as sa
from alembic import op

revision = "{0}"
down_revision = {1}


def upgrade():
    {2}


def downgrade():
    pass
"""
TABLES = """op.create_table("users", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("email", sa.String(50)))
    op.create_table("orders", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("user_id", sa.BigInteger()))"""


CALLS: list[tuple[str, set[str]]] = [
        ('op.add_column("users", sa.Column("age", sa.Integer()))', set()),
        ('op.add_column("users", sa.Column("age", sa.Integer(), nullable=False))', {"required-column-without-default"}),
        ('op.add_column("users", sa.Column("age", sa.Integer(), nullable=False, server_default="3"))', set()),
        ('op.create_index("ix", "users", ["email"])', {"blocking-index-build"}),
        ('op.create_index("ix", "users", ["email"], postgresql_concurrently=True)', {"concurrently-in-transaction"}),
        (
            "with op.get_context().autocommit_block():\n"
            '        op.create_index("ix", "users", ["email"], postgresql_concurrently=True)',
            set(),
        ),
        ('op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"])', {"blocking-foreign-key"}),
        ('op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"], postgresql_not_valid=True)', set()),
        ('op.add_column("orders", sa.Column("by_id", sa.BigInteger(), sa.ForeignKey("users.id")))', {"blocking-foreign-key"}),
        ('op.alter_column("users", "email", nullable=False)', {"not-null-scan"}),
        ('op.alter_column("users", "email", type_=sa.Text())', set()),
        ('op.alter_column("users", "email", type_=sa.String(20))', {"rewriting-type-change"}),
        ('op.alter_column("users", "email", new_column_name="mail")', {"column-renamed"}),
        ('op.drop_column("users", "email")', {"column-dropped"}),
        ('op.rename_table("users", "people")', {"table-renamed"}),
        ('op.create_unique_constraint("uq", "users", ["email"])', {"blocking-unique"}),
        ('op.create_check_constraint("ck", "users", "email <> \'\'")', {"blocking-check"}),
        ('op.execute("UPDATE users SET email = \'x\'")', {"updates-every-row"}),
        ('op.get_bind().execute(sa.text("DELETE FROM users"))', {"deletes-every-row"}),
        ('with op.batch_alter_table("users") as batch:\n        batch.drop_column("email")', {"column-dropped"}),
        ('op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True))\n    op.create_index("ix", "notes", ["id"])', set()),
        ('op.drop_table("users")', {"table-dropped"}),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def of_alembic(tmp_path_factory: pytest.TempPathFactory, scratch: Scratch) -> dict[str, Judgement]:
    """Every call below in a history of its own, on tables of its own."""
    root = tmp_path_factory.mktemp("alembic")
    for number, (body, _) in enumerate(CALLS):
        versions = root / f"history{number}" / "versions"
        versions.mkdir(parents=True)
        names = re.compile(r"\b(users|orders|people|notes|ix|fk|uq|ck)\b")
        first, later = (names.sub(rf"\g<1>{number}", text) for text in (TABLES, body))
        (versions / "a1_first.py").write_text(SCRIPT.format(f"a{number}", None, first))
        (versions / "b2_next.py").write_text(SCRIPT.format(f"b{number}", f'"a{number}"', later))
    return {one.script.name: one for one in judged_all(root, scratch, "b2_next.py")}


@pytest.mark.parametrize("number", range(len(CALLS)), ids=[one[0][:60] for one in CALLS])
def test_calls_of_alembic(number: int, of_alembic: dict[str, Judgement]) -> None:
    assert told(of_alembic[f"b{number}"]) == CALLS[number][1]


def offline(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> str:
    """What Alembic itself sends."""
    from io import StringIO

    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    buffer = StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer})
    getattr(Operations(context), name)(*arguments, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("drop_column", ("t", "a"), {}),
        ("rename_table", ("t", "u"), {}),
        ("alter_column", ("t", "a"), {"nullable": False}),
        ("alter_column", ("t", "a"), {"server_default": None}),
        ("alter_column", ("t", "a"), {"server_default": "x"}),
        ("alter_column", ("t", "a"), {"new_column_name": "b"}),
        ("drop_table", ("t",), {}),
        ("execute", ("SELECT 1",), {}),
    ],
)
def test_written_as_alembic_writes_it(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    ours = ";".join(alembic_sql.render(name, list(arguments), dict(options)))
    assert " ".join(ours.split()) == " ".join(offline(name, arguments, options).split()).replace(" ;", ";").rstrip("; ")


def test_code_on_the_other_schema(scratch: Scratch, tmp_path: Path) -> None:
    """Old code that reads what goes, new code that reads what comes, and an INSERT that leaves out what is required."""
    root = django(
        tmp_path,
        'migrations.RemoveField("order", "note"), migrations.AddField("order", "size", models.IntegerField(default=3))',
    )
    found = project.read(root, lambda _label, name: name.endswith("0002_next.py"), scratch)
    sent = (
        Sent('SELECT "shop_order"."note" FROM "shop_order" WHERE "shop_order"."id" = $1', "views.py", 3),
        Sent('SELECT "shop_order"."size" FROM "shop_order"', "views.py", 4),
        Sent('SELECT "shop_order"."name" FROM "shop_order"', "views.py", 5),
        Sent(
            'INSERT INTO "shop_order" ("name", "email") VALUES ($1, $2)', "views.py", 6, "shop_order", ("name", "email")
        ),
    )
    before = Before(tuple(found.before), made_of_code=True)
    (judgement,) = judge(found.scripts, before, scratch, [Code("the code", sent)])
    of_code = {f.check: f.message for f in judgement.findings if f.message.count("views.py")}
    assert "views.py:3" in of_code["migrations/query-broken-by-migration"]
    assert "views.py:4" in of_code["migrations/query-needs-migration"]
    assert "size of shop_order is left out" in of_code["migrations/insert-leaves-out-required-column"]
    assert not any("views.py:5" in message for message in of_code.values())
