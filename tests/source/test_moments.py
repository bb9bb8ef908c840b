"""Moments without time zone: those that go somewhere are told, those that are shown, timed or made aware are not."""

from pathlib import Path

import pytest

from dbwright.source.facts import read
from dbwright.source.modules import Codebase

HEAD = "import datetime as dt\nfrom datetime import date, datetime, timedelta\n\n\n"


def moments(tmp_path: Path, body: str) -> list[tuple[str, str]]:
    lines = "\n    ".join(body.split("\n"))
    (tmp_path / "code.py").write_text(f"{HEAD}def work(note, queryset, day):\n    {lines}\n")
    return [(f.name, f.owner) for f in read(Codebase(tmp_path, None)) if f.kind == "naive moment"]


@pytest.mark.parametrize(
    ("body", "name", "how"),
    [
        ("queryset.filter(at__lt=datetime.now())", "datetime.now", "in a query"),
        ("limit = dt.datetime.utcnow() - timedelta(days=3)\nqueryset.filter(at__lt=limit)", "datetime.utcnow", "in a query"),
        ("note.at = datetime.today()", "datetime.today", "stored"),
        ("return datetime.now() + timedelta(days=1)", "datetime.now", "returned"),
        ("if note.expires < datetime.now():\n    note.delete()", "datetime.now", "compared"),
        ("start = datetime.combine(day, datetime.min.time())\nsend(start)", "datetime.combine", "passed on"),
        ("first = datetime(day.year, 1, 1)\nreturn first", "datetime", "returned"),
        ("day.field(default=datetime.now)", "datetime.now", "default"),
    ],
)  # fmt: skip
def test_goes_somewhere(tmp_path: Path, body: str, name: str, how: str) -> None:
    assert moments(tmp_path, body) == [(name, how)]


@pytest.mark.parametrize(
    "body",
    [
        "return datetime.now(dt.UTC)",
        "return datetime.now(tz=day)",
        "return datetime.combine(day, datetime.min.time(), tzinfo=dt.UTC)",
        "return datetime.fromtimestamp(0, dt.UTC)",
        "return datetime.now().strftime('%Y')",
        "return datetime.now().date()",
        "return datetime.now().year",
        "return make_aware(datetime.now())",
        "return zone.localize(datetime.now())",
        "return datetime.now().replace(tzinfo=dt.UTC)",
        "return datetime.now().astimezone()",
        "began = datetime.now()\nqueryset.all()\nreturn datetime.now() - began",
        "return f'{datetime.now()}'",
        "logger.info('at', datetime.now())",
        "return '%s' % datetime.now()",
        "return date.today()",
        "return datetime(2020, 1, 1)",
        "datetime.now()",
        "note.at = calendar.now()",
        "models.DateField(default=datetime.now)",
    ],
)
def test_does_no_harm(tmp_path: Path, body: str) -> None:
    assert moments(tmp_path, body) == []


def test_what_an_object_that_is_no_model_remembers_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        HEAD
        + "class Timer:\n    def start(self):\n        self.began = datetime.now()\n\n\n"
        + "class Note(Model):\n    at = DateTimeField()\n\n    def touch(self):\n        self.at = datetime.now()\n"
    )
    facts = [f for f in read(Codebase(tmp_path, None)) if f.kind == "naive moment"]
    assert [(f.place.function, f.owner) for f in facts] == [("Note.touch", "stored")]


def test_settings_tell_whether_zones_are_on(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("USE_TZ = True\n")
    (tmp_path / "b.py").write_text("USE_TZ = False\n")
    (tmp_path / "c.py").write_text("USE_TZ = env.bool('USE_TZ', True)\n")
    facts = [(f.place.file, f.name) for f in read(Codebase(tmp_path, None)) if f.kind == "time zones"]
    assert sorted(facts) == [("a.py", "on"), ("b.py", "off"), ("c.py", "on")]


def test_default_keys_of_settings_and_applications(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'\n")
    (tmp_path / "apps.py").write_text(
        "class Shop(AppConfig):\n    default_auto_field = 'django.db.models.BigAutoField'\n"
    )
    facts = [(f.owner, f.name) for f in read(Codebase(tmp_path, None)) if f.kind == "default key"]
    assert sorted(facts) == [("", "django.db.models.AutoField"), ("Shop", "django.db.models.BigAutoField")]
