"""What a running application sends, as ``python -m dbwright.capture`` writes it down."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dbwright.source.placeholders import filled
from dbwright.workload.captured import read_captured

DJANGO = """\
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Count, Q


def found(name):
    return list(User.objects.filter(Q(username__icontains=name) | Q(email=name)).annotate(groups_=Count("groups"))[:5])


def main():
    for _ in range(3):
        found("ann")
    found("bob")
    User.objects.filter(password="open sesame").first()
    User.objects.create(username="x", password="hidden")
    User.objects.filter(username="x").update(email="new@example.org")
    with transaction.atomic():
        list(Group.objects.select_for_update().filter(name__startswith="a"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM auth_group WHERE name = %s AND '100%%' <> name", ["raw"])
    User.objects.filter(groups=Group.objects.create(name="g")).delete()


call_command("migrate", verbosity=0)
main()
"""
SQLALCHEMY = """\
import enum

from sqlalchemy import JSON, create_engine, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Kind(enum.Enum):
    SMALL = "s"


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    size: Mapped[int]
    kind: Mapped[Kind | None]
    data: Mapped[dict | None] = mapped_column(JSON)


engine = create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([Item(name=f"n{n}", size=n) for n in range(3)])
    session.commit()
    for names in (["n1"], ["n1", "n2"]):
        list(session.scalars(select(Item).where(Item.name.in_(names), Item.size > 1).order_by(Item.size).limit(5)))
    list(session.scalars(select(Item.id).where(Item.kind == Kind.SMALL, Item.data == {"a": 1})))
    session.execute(select(func.lower(Item.name), func.count()).group_by(func.lower(Item.name))).all()
    session.execute(text("SELECT id FROM item WHERE name = :name"), {"name": "n1"}).all()
    session.connection().exec_driver_sql("SELECT id FROM item WHERE size = ?", (2,)).all()
"""


def captured(folder: Path, script: str) -> dict[str, dict[str, Any]]:
    (folder / "run.py").write_text(script)
    words = [sys.executable, "-W", "error", "-m", "dbwright.capture", "-o", "sent.jsonl", "run.py"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    head, *rows = map(json.loads, (folder / "sent.jsonl").read_text().splitlines())
    assert head["untranslated"] == {}
    return {row["sql"]: row for row in rows if "django_" not in row["sql"]}


def one(rows: dict[str, dict[str, Any]], *parts: str) -> dict[str, Any]:
    (row,) = [row for sql, row in rows.items() if all(part in sql for part in parts)]
    return row


def test_what_django_sends_to_sqlite_is_written_as_postgresql_would_get_it(tmp_path: Path) -> None:
    rows = captured(tmp_path, DJANGO)
    search = one(rows, "LEFT OUTER JOIN", "LIMIT 5")
    assert 'UPPER("auth_user"."username"::text) LIKE UPPER($1)' in search["sql"]
    assert search["calls"] == 4
    assert search["places"] == [["run.py", 17, "found", 4]]
    assert search["values"] == [[["%ann%", "ann"], 3], [["%bob%", "bob"], 1]]
    assert search["milliseconds"] is None  # it ran on SQLite: that time says nothing of production
    assert one(rows, "FOR UPDATE")["values"] == [[["a%"], 1]]
    assert one(rows, "'100%' <> name")["values"] == [[["raw"], 1]]
    assert not [sql for sql in rows if sql.split()[0] in ("PRAGMA", "BEGIN", "CREATE", "SAVEPOINT")]


def test_secrets_and_what_is_stored_are_never_written_down(tmp_path: Path) -> None:
    rows = captured(tmp_path, DJANGO)
    text = (tmp_path / "sent.jsonl").read_text()
    assert "open sesame" not in text
    assert "hidden" not in text
    assert "new@example.org" not in text
    assert one(rows, '"password" = $1')["calls"] == 1
    assert stat.S_IMODE((tmp_path / "sent.jsonl").stat().st_mode) == 0o600


def test_what_sqlalchemy_sends(tmp_path: Path) -> None:
    rows = captured(tmp_path, SQLALCHEMY)
    listed = one(rows, "ORDER BY item.size")
    assert "item.name IN ($1)" in listed["sql"]
    assert "item.size > $2" in listed["sql"]
    assert listed["places"] == [["run.py", 30, "", 2]]
    assert listed["values"] == [[["n1", "1", "5"], 2]]
    assert one(rows, "item.kind = $1")["values"] == [[["SMALL", '{"a": 1}'], 1]]
    grouped = one(rows, "GROUP BY lower(item.name)")
    assert grouped["calls"] == 1
    assert one(rows, "WHERE name = $1")["values"] == [[["n1"], 1]]
    assert one(rows, "WHERE size = $1")["values"] == [[["2"], 1]]


def test_several_captures_are_one_workload_with_typical_parameters(tmp_path: Path) -> None:
    captured(tmp_path, DJANGO)
    file = tmp_path / "sent.jsonl"
    read = read_captured([file, file])
    assert read.problems == ()
    (search,) = [s for s in read.statements if "UPPER" in s.sql]
    assert search.calls == 8
    assert search.origin == "run.py:17"
    assert search.parameters == {1: "%ann%", 2: "ann"}
    assert search.mean_milliseconds is None


@pytest.mark.parametrize(
    "text", ["", "SELECT 1;", "{}", '{"dbwright_capture": 9}', '{"dbwright_capture": 1}\n{"sql": 3}']
)
def test_a_file_that_is_no_capture_is_a_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    read = read_captured([tmp_path / "x.jsonl", tmp_path / "nowhere.jsonl"])
    assert read.statements == ()
    assert [problem.origin for problem in read.problems] == ["x.jsonl", "nowhere.jsonl"]


def test_values_go_where_placeholders_stand_and_nowhere_else() -> None:
    sql = "select '$1', \"$2\", $1::int, $12 /* $1 */ from t where a = $2 and b = $3"
    assert filled(sql, {1: "5", 2: None, 3: "it's"}) == (
        "select '$1', \"$2\", '5'::int, $12 /* $1 */ from t where a = NULL and b = 'it''s'"
    )
    assert filled(sql, {}) == sql
    assert filled("$1, $2, $3, $4", {1: True, 2: 5, 3: ["a"], 4: 1.5}) == "'true', '5', $3, '1.5'"
