"""A Django project whose models are written in the ways that people write them."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

MODELS = '''\
"""The shop's models."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q


def no_visits():
    return 0


def plausible(value):
    if not value:
        raise ValidationError("empty")


class Timed(models.Model):
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-created"]
        indexes = [models.Index(fields=["created"], name="%(class)s_created")]


class Customer(models.Model):
    email = models.CharField(max_length=200)
    name = models.TextField(db_index=True)
    score = models.IntegerField(null=True)  # 0 to 100
    visits = models.IntegerField(default=no_visits)

    def __str__(self):
        return self.name


class Order(Timed):
    """An order."""

    customer = models.ForeignKey(Customer, models.CASCADE)
    status = models.CharField(
        max_length=20,
        choices=[("new", "It's new"), ("failed", 'Not "done"')],
        default="new",
    )
    paid = models.BooleanField(default=False)
    number = models.CharField(max_length=20, null=True, validators=[plausible])
    amount = models.PositiveIntegerField(default=0)
    tags = models.ManyToManyField("Tag")


class Tag(models.Model):
    label = models.CharField(max_length=50)
    weight = models.SmallIntegerField(default=0)

    class Meta:
        db_table = "labels"
        verbose_name = "tag"
        indexes = [models.Index(fields=["weight"], name="labels_weight")]
        constraints = (
            models.CheckConstraint(condition=Q(weight__gte=0), name="labels_weight_positive"),  # never below
        )


class Note(models.Model):
    order = models.OneToOneField(Order, models.CASCADE)
    text = models.TextField()
    data = models.JSONField(default=dict)

    class Meta: pass
'''
SETTINGS = """\
import os

SECRET_KEY = "test"
INSTALLED_APPS = ["django.contrib.contenttypes", "shop"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if os.environ.get("SQLITE"):
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SQLITE"]}}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ.get("PGDATABASE", "shop"),
            "HOST": os.environ.get("PGHOST", ""),
            "PORT": os.environ.get("PGPORT", ""),
            "USER": os.environ.get("PGUSER", ""),
        }
    }
"""
MANAGE = """\
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
execute_from_command_line(sys.argv)
"""


class Shop:
    """The project in a folder, with migrations that make it."""

    def __init__(self, folder: Path, models: str = MODELS) -> None:
        self.folder = folder
        files = {
            "manage.py": MANAGE,
            "config/__init__.py": "",
            "config/settings.py": SETTINGS,
            "shop/__init__.py": "",
            "shop/migrations/__init__.py": "",
            "shop/models.py": models,
        }
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        self.manage("makemigrations", "shop", database=None)

    def manage(self, *arguments: str, database: str | None, sqlite: Path | None = None) -> str:
        """What a command of ``manage.py`` prints; it must succeed."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DJANGO"))}
        if database is not None:
            told = psycopg.conninfo.conninfo_to_dict(database)
            environment |= {
                f"PG{k.upper()}": str(v) for k, v in told.items() if k in ("host", "port", "user", "passfile")
            }
            environment["PGDATABASE"] = str(told["dbname"])
        else:
            environment["SQLITE"] = str(sqlite or ":memory:")
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
