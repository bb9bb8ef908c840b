"""The framework's own migrate as a run: done, interrupted, taken back."""

import os
import sys
from pathlib import Path

import psycopg
import pytest
from test_apply_commands import run

DJANGO = {
    "manage.py": "import os, sys\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
    "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
    "settings.py": "import os\nSECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nDEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n"
    "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['SHOP_DB'], 'USER': 'postgres',\n"
    "    'HOST': os.environ['SHOP_HOST'], 'PORT': '5432', 'OPTIONS': {'passfile': os.environ['SHOP_PASSFILE']}}}\n",
    "shop/__init__.py": "",
    "shop/models.py": "from django.db import models\n\n\nclass Order(models.Model):\n    total = models.IntegerField()\n"
    "    note = models.TextField(default='')\n",
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
    "    initial = True\n    operations = [migrations.CreateModel('Order', [('id', models.BigAutoField(primary_key=True)),\n"
    "        ('total', models.IntegerField())])]\n",
    "shop/migrations/0002_note.py": "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
    "    dependencies = [('shop', '0001_initial')]\n"
    "    operations = [migrations.AddField('Order', 'note', models.TextField(default=''))]\n",
}
ALEMBIC = {
    "alembic.ini": "[alembic]\nscript_location = migrations\n",
    "migrations/env.py": "import os\nfrom alembic import context\nimport sqlalchemy as sa\n"
    "engine = sa.create_engine('postgresql+psycopg://postgres@/' + os.environ['SHOP_DB'], connect_args={\n"
    "    'host': os.environ['SHOP_HOST'], 'port': 5432, 'passfile': os.environ['SHOP_PASSFILE']})\n"
    "with engine.connect() as connection:\n    context.configure(connection=connection)\n"
    "    with context.begin_transaction():\n        context.run_migrations()\n",
    "migrations/versions/a1_orders.py": "revision, down_revision = 'a1', None\nfrom alembic import op\nimport sqlalchemy as sa\n\n\n"
    "def upgrade():\n    op.create_table('shop_order', sa.Column('id', sa.Integer, primary_key=True))\n\n\n"
    "def downgrade():\n    op.drop_table('shop_order')\n",
    "migrations/versions/a2_note.py": "revision, down_revision = 'a2', 'a1'\nfrom alembic import op\nimport sqlalchemy as sa\n\n\n"
    "def upgrade():\n    op.add_column('shop_order', sa.Column('note', sa.Text))\n\n\n"
    "def downgrade():\n    op.drop_column('shop_order', 'note')\n",
}


def project(folder: Path, files: dict[str, str], database: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    known = psycopg.conninfo.conninfo_to_dict(database)
    for name, key in (("SHOP_DB", "dbname"), ("SHOP_HOST", "host"), ("SHOP_PASSFILE", "passfile")):
        monkeypatch.setenv(name, str(known[key]))
    return ["--db", database, "--project", str(folder), "--python", sys.executable]


def columns(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'shop_order' ORDER BY 1"
        )
        return [name for (name,) in rows]


@pytest.mark.parametrize(("kind", "files", "done"), [("django", DJANGO, "0002_note"), ("alembic", ALEMBIC, "a2")])
def test_migrated_and_taken_back_to_where_it_was(kind, files, done, database, store, tmp_path, monkeypatch):
    options = project(tmp_path / "project", files, database, monkeypatch)
    code, plan, told = run("apply", "--via", kind, "--dry-run", *options)
    assert code == 0, told
    assert done in plan
    assert columns(database) == []
    code, _, told = run("apply", "--via", kind, "--yes", *options)
    assert code == 0, told
    assert "note" in columns(database)
    assert os.environ["SHOP_PASSFILE"].encode() not in b"".join(
        path.read_bytes() for path in store.parent.glob("*-runs-*")
    )
    code, plan, told = run("undo", "--yes", *options)
    assert code == 0, told
    assert columns(database) == []


def test_a_migration_that_fails_is_told_and_what_it_did_can_be_taken_back(database, store, tmp_path, monkeypatch):
    broken = DJANGO | {
        "shop/migrations/0003_broken.py": "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        "    dependencies = [('shop', '0002_note')]\n    operations = [migrations.RunSQL('SELECT no_such', '')]\n"
    }
    options = project(tmp_path / "project", broken, database, monkeypatch)
    code, _, told = run("apply", "--via", "django", "--yes", *options)
    assert code == 1
    assert "no_such" in told
    assert "note" in columns(database)
    assert run("undo", "--yes", *options)[0] == 0
    assert columns(database) == []


def test_a_project_without_migrations_is_refused(database, store, tmp_path):
    code, said, _ = run(
        "apply", "--via", "alembic", "--yes", "--db", database, "--project", str(tmp_path), "--python", sys.executable
    )
    assert code == 2
    assert "No alembic.ini was found" in said


def test_what_was_squashed_and_recorded_late_is_not_taken_for_the_last(database, store, tmp_path, monkeypatch):
    later = (
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '{}')]\n"
        "    operations = [migrations.AddField('Order', '{}', models.IntegerField(default=0))]\n"
    )
    squashed = DJANGO["shop/migrations/0001_initial.py"].replace(
        "    initial = True\n", "    initial = True\n    replaces = [('shop', '0001_initial'), ('shop', '0002_note')]\n"
    )
    files = {**DJANGO, "shop/migrations/0003_third.py": later.format("0002_note", "third")}
    options = project(tmp_path / "project", files, database, monkeypatch)
    assert run("apply", "--via", "django", "--yes", *options)[0] == 0
    folder = tmp_path / "project/shop/migrations"
    note = "('note', models.TextField(default='')), ('total'"
    (folder / "0001_squashed_0002_note.py").write_text(squashed.replace("('total'", note))
    assert run("apply", "--via", "django", "--yes", *options)[0] == 0
    with psycopg.connect(database) as connection:
        recorded = connection.execute("SELECT name FROM django_migrations ORDER BY id DESC LIMIT 1").fetchone()
        assert recorded == ("0001_squashed_0002_note",)
    (folder / "0004_fourth.py").write_text(later.format("0003_third", "fourth"))
    assert run("apply", "--via", "django", "--yes", *options)[0] == 0
    assert columns(database) == ["fourth", "id", "note", "third", "total"]
    settings = tmp_path / "project/settings.py"
    right = settings.read_text()
    settings.write_text(right + "raise RuntimeError('not today')\n")
    code, _, told = run("undo", "--yes", *options)
    assert code == 1
    assert "not today" in told
    assert columns(database) == ["fourth", "id", "note", "third", "total"]
    settings.write_text(right)
    code, _, told = run("undo", "--yes", *options)  # what stayed may be tried again
    assert code == 0, told
    assert columns(database) == ["id", "note", "third", "total"]


def test_what_was_squashed_in_the_run_itself_stays_and_so_does_what_a_hyphen_names(
    database, store, tmp_path, monkeypatch
):
    later = (
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '{}')]\n"
        "    operations = [migrations.AddField('Order', '{}', models.IntegerField(default=0))]\n"
    )
    files = {**DJANGO, "shop/migrations/0003_add-third.py": later.format("0002_note", "third")}
    options = project(tmp_path / "project", files, database, monkeypatch)
    assert run("apply", "--via", "django", "--yes", *options)[0] == 0
    folder = tmp_path / "project/shop/migrations"
    squashed = DJANGO["shop/migrations/0001_initial.py"].replace(
        "    initial = True\n",
        "    initial = True\n    replaces = [('shop', n) for n in ('0001_initial', '0002_note', '0003_add-third')]\n",
    )
    fields = "('note', models.TextField(default='')), ('third', models.IntegerField(default=0)), ('total'"
    (folder / "0004_fourth.py").write_text(later.format("0003_add-third", "fourth"))
    assert run("apply", "--via", "django", "--yes", *options)[0] == 0
    assert run("undo", "--yes", *options)[0] == 0
    assert columns(database) == ["id", "note", "third", "total"]
    (folder / "0001_squashed_0003.py").write_text(squashed.replace("('total'", fields))
    assert run("apply", "--via", "django", "--yes", *options)[0] == 0
    code, _, told = run("undo", "--yes", *options)
    assert code == 0, told
    assert columns(database) == ["id", "note", "third", "total"]
