"""Finding the database and the tables' source in projects of every shape, without running them."""

from pathlib import Path

import pytest

from dbwright.collect.project import DeclaredDatabase, find_databases
from dbwright.postgres import parse_address

MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'


def files(root: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def found(root: Path, environment: dict[str, str] | None = None) -> list[DeclaredDatabase]:
    return find_databases(root, environment or {})


def libpq(database: DeclaredDatabase) -> dict[str, str]:
    return {key: str(value) for key, value in parse_address(database.address).items()}


@pytest.mark.parametrize(
    "settings",
    [
        "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.getenv('DB_NAME', 'shop'),"
        " 'USER': os.environ.get('DB_USER', 'app'), 'PASSWORD': os.environ['DB_PASSWORD'], 'HOST': 'db.example'}}",
        "import dj_database_url\nDATABASES = {'default': dj_database_url.config(default='postgres://app:canary@db.example/shop')}",
        "import environ\nenv = environ.Env()\nDATABASES = {'default': env.db('DATABASE_ADDRESS')}",
        "from decouple import config\nNAME = config('DB_NAME', default='shop')\nif DEBUG:\n    pass\n"
        "DATABASES = {}\nDATABASES['default'] = {'ENGINE': 'django.contrib.gis.db.backends.postgis', 'NAME': NAME, 'USER': 'app',"
        " 'PASSWORD': config('DB_PASSWORD'), 'HOST': f\"{'db'}.example\"}",
    ],
)
def test_django_settings(tmp_path: Path, settings: str) -> None:
    files(tmp_path, {"manage.py": MANAGE, "shop/settings.py": settings})
    environment = {"DB_PASSWORD": "canary", "DATABASE_ADDRESS": "postgis://app:canary@db.example/shop"}
    (database,) = found(tmp_path, environment)
    assert database.engine == "postgresql"
    assert database.source.startswith("shop/settings.py:")
    assert {k: libpq(database)[k] for k in ("dbname", "user", "password", "host")} == {
        "dbname": "shop",
        "user": "app",
        "password": "canary",
        "host": "db.example",
    }
    assert "canary" not in repr(database)


def test_settings_in_a_package_with_a_base(tmp_path: Path) -> None:
    base = "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent.parent\nNAME = 'shop'\n"
    local = "from .base import *\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / f'{NAME}.sqlite3'}}"
    manage = MANAGE.replace("shop.settings", "shop.settings.local")
    files(tmp_path, {"manage.py": manage, "shop/settings/base.py": base, "shop/settings/local.py": local})
    (database,) = found(tmp_path)
    assert (database.engine, database.path) == ("sqlite", tmp_path / "shop.sqlite3")


def test_a_condition_that_cannot_be_told_leaves_both_candidates_postgresql_first(tmp_path: Path) -> None:
    settings = (
        "if on_server():\n    DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'shop'}}\n"
        "else:\n    DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\n"
    )
    files(tmp_path, {"manage.py": MANAGE, "shop/settings.py": settings})
    assert [database.engine for database in found(tmp_path)] == ["postgresql", "sqlite"]


def test_settings_that_name_no_database_or_break_are_silent(tmp_path: Path) -> None:
    files(
        tmp_path,
        {"manage.py": MANAGE, "shop/settings.py": "DATABASES = {'default': {'ENGINE': engine(), 'NAME': 'x'}}\n"},
    )
    assert found(tmp_path) == []
    (tmp_path / "shop/settings.py").write_text("DATABASES = {'default': {")
    assert found(tmp_path) == []


def test_dotenv_and_its_order(tmp_path: Path) -> None:
    files(
        tmp_path,
        {
            ".env": "# none\nexport DATABASE_URL='postgresql+asyncpg://u:canary@h:1/d?ssl=1'  # prod\nPOSTGRES_DB=other\n"
        },
    )
    (database,) = found(tmp_path)
    assert database.source == ".env:2"
    assert libpq(database) == {"user": "u", "password": "canary", "host": "h", "port": "1", "dbname": "d"}
    first = found(tmp_path, {"DATABASE_URL": "postgresql://v@k/e"})[0]
    assert first.source == "$DATABASE_URL"


def test_dotenv_parts(tmp_path: Path) -> None:
    files(tmp_path, {".env": "POSTGRES_DB=shop\nPOSTGRES_HOST=h\nPOSTGRES_USER=u\nPOSTGRES_PASSWORD=it's\\ok\n"})
    (database,) = found(tmp_path)
    assert libpq(database)["password"] == "it's\\ok"


def test_alembic(tmp_path: Path) -> None:
    files(tmp_path, {"backend/alembic.ini": "[alembic]\nsqlalchemy.url = postgresql+psycopg://u:%(PW)s@h/d\n"})
    (database,) = found(tmp_path, {"PW": "canary"})
    assert (database.source, libpq(database)["password"]) == ("backend/alembic.ini", "canary")
    (tmp_path / "backend/alembic.ini").write_text("[alembic]\nsqlalchemy.url = driver://user:pass@localhost/dbname\n")
    assert found(tmp_path) == []


@pytest.mark.parametrize("environment", [{"PGSERVICE": "shop"}, {"PGDATABASE": "shop"}, {"PGHOST": "h"}])
def test_libpq_environment(tmp_path: Path, environment: dict[str, str]) -> None:
    (database,) = found(tmp_path, environment)
    assert (database.source, database.address) == ("libpq's environment", "")


def test_settings_of_a_large_application(tmp_path: Path) -> None:
    """pretix: modules that import each other in a circle, and formatting that only works when the program runs."""
    circle = "".join(f"from {name} import thing\n" for name in "abcdefghij")
    files(tmp_path, {f"{name}.py": circle for name in "abcdefghij"})
    files(
        tmp_path,
        {
            "settings.py": "from a import *\nTEXT = '%(i18n_open)s' % {}\nSIZE = [1] * -1\nPLACE = 'x'.format(*[]) + '{}'.format()\n"
            "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'shop', 'HOST': 'db.example'}}\n"
        },
    )
    assert [libpq(database)["dbname"] for database in found(tmp_path)] == ["shop"]
