"""Projects for samples: what rules on surroundings are shown."""

from __future__ import annotations

MANAGE = 'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
POSTGRESQL = '"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "shop_app"'
SERVER = "django>=5.2\npsycopg[binary]\ngunicorn\n"
ASYNC = "fastapi\nuvicorn\nsqlalchemy[asyncio]\nasyncpg\n"


def django(settings: str, more: dict[str, str] | None = None, *, requirements: str = SERVER) -> dict[str, str]:
    """A Django project with that text as its settings."""
    files = {
        "manage.py": MANAGE,
        "shop/__init__.py": "",
        "shop/settings.py": settings,
        "requirements.txt": requirements,
    }
    return files | (more or {})


def databases(options: str = "", entry: str = POSTGRESQL) -> str:
    """``DATABASES`` with one alias; ``options`` are further keys of it."""
    return f'import os\n\nDATABASES = {{\n    "default": {{{entry}, {options}}}\n}}\n'


def engine(call: str, more: dict[str, str] | None = None, *, requirements: str = ASYNC) -> dict[str, str]:
    """A service on SQLAlchemy that makes its engine by that expression."""
    source = f"""\
import os

from sqlalchemy import create_engine, pool
from sqlalchemy.ext.asyncio import create_async_engine

from app.settings import settings

engine = {call}
"""
    files = {"app/__init__.py": "", "app/db.py": source, "requirements.txt": requirements}
    return files | (more or {})


def settings_class(*lines: str) -> str:
    """The module of a pydantic settings class with these fields."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n{body}\n\nsettings = Settings()\n"


def compose(*services: str) -> str:
    """A compose file of these services, each a block of YAML that begins with its name."""
    return "services:\n" + "".join(f"{_indented(service)}\n" for service in services)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


DATABASE = "db:\n  image: postgres:17\n  volumes: [data:/var/lib/postgresql/data]"
WEB = "web:\n  build: .\n  command: gunicorn shop.wsgi --workers 4\n  environment:\n    DB_HOST: db"
