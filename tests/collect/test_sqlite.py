"""The SQLite collector on files made by SQLite itself."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dbwright.audit import audit
from dbwright.collect import sqlite as collector
from dbwright.collect.sqlite import base_type, collect
from dbwright.model.snapshot import Snapshot

ZOO = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name varchar(80) NOT NULL, "we""ird
col" text);
CREATE TABLE book (
    author_id bigint NOT NULL REFERENCES author (id) ON DELETE CASCADE,
    title text NOT NULL DEFAULT 'x',
    pages integer CHECK (pages > 0 AND (pages < 100000)),
    twice integer GENERATED ALWAYS AS (pages * 2) STORED,
    PRIMARY KEY (author_id, title),
    UNIQUE (title, pages)
) WITHOUT ROWID;
CREATE INDEX book_pages ON book (pages DESC, lower(title)) WHERE pages > 10;
CREATE TABLE typed (a int, b text) STRICT;
CREATE VIEW titles AS SELECT title FROM book;
CREATE TRIGGER touched AFTER UPDATE ON book BEGIN SELECT 1; END;
CREATE VIRTUAL TABLE search USING fts5 (body);
INSERT INTO author (name) VALUES ('a'), ('b');
INSERT INTO book (author_id, title, pages) VALUES (1, 't1', 20), (1, 't2', 30), (9, 't3', 5);
ANALYZE;
"""


@pytest.fixture
def zoo(tmp_path: Path) -> Snapshot:
    path = tmp_path / "zoo %3f?.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(ZOO)
    return collect(path)


def test_everything_is_read_and_comes_back_from_a_file(zoo: Snapshot) -> None:
    assert msgspec.json.decode(msgspec.json.encode(zoo), type=Snapshot) == zoo
    catalog = zoo.catalog
    book, author = catalog.table_by_name["main", "book"], catalog.table_by_name["main", "author"]
    assert book.option("without_rowid") == "on"
    assert catalog.table_by_name["main", "typed"].option("strict") == "on"
    (key,) = catalog.constraints_of(book, "foreign key")
    assert (key.columns, key.foreign_table_oid, key.foreign_columns, key.on_delete) == (
        ("author_id",),
        author.oid,
        ("id",),
        "cascade",
    )
    assert catalog.primary_key(book).columns == ("author_id", "title")  # type: ignore[union-attr]
    assert [c.columns for c in catalog.constraints_of(book, "unique")] == [("title", "pages")]
    assert [(c.columns, c.definition) for c in catalog.constraints_of(book, "check")] == [
        (("pages",), "CHECK (pages > 0 AND (pages < 100000))")
    ]
    partial = next(i for i in catalog.indexes_of(book) if i.name == "book_pages")
    assert partial.columns == ("pages", None)
    assert partial.descending == (True, False)
    assert partial.predicate == "pages > 10"
    assert catalog.column(book, "twice").generated == "stored"  # type: ignore[union-attr]
    assert catalog.column(author, "id").identity == "by default"  # type: ignore[union-attr]
    assert catalog.column(author, "name").max_length == 80  # type: ignore[union-attr]
    assert 'we"ird\ncol' in {c.name for c in catalog.columns_of(author)}
    assert zoo.rows(book) == 3
    assert zoo.total_bytes(book) > 0
    assert [t.name for t in catalog.triggers_of(book)] == ["touched"]
    assert next(t for t in catalog.tables if t.kind == "view").definition


def test_foreign_keys_without_columns_reference_the_primary_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE a (x int, y int, PRIMARY KEY (y, x));"
            "CREATE TABLE b (p int, q int, FOREIGN KEY (p, q) REFERENCES A DEFERRABLE INITIALLY DEFERRED);"
            "CREATE TABLE c (p int REFERENCES nowhere, q int REFERENCES b (p) NOT DEFERRABLE INITIALLY DEFERRED);"
        )
    keys = {c.columns: c for c in collect(path).catalog.constraints if c.kind == "foreign key"}
    assert {columns: (key.foreign_columns, key.is_deferred) for columns, key in keys.items()} == {
        ("p", "q"): (("y", "x"), True),
        ("p",): ((), False),
        ("q",): (("p",), False),
    }
    assert keys["p",].foreign_table_oid is None


def test_tables_that_are_named_like_keywords(tmp_path: Path) -> None:
    words = "add alter autoincrement commit delete drop escape index insert nothing raise set transaction update order".split()
    path = tmp_path / "words.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        for word in words:
            connection.execute(f'CREATE TABLE "{word}" (id INTEGER PRIMARY KEY, "{word}" text)')
            connection.execute(f'INSERT INTO "{word}" (id) VALUES (1)')
        connection.commit()
    snapshot = collect(path)
    assert {t.name: snapshot.rows(t) for t in snapshot.catalog.tables} == dict.fromkeys(words, 1)
    assert snapshot.gaps == ()


def test_broken_references_are_counted(zoo: Snapshot) -> None:
    assert [(p.check, p.table, p.rows) for p in zoo.integrity] == [("foreign_key_check", "book", 1)]


def test_what_takes_too_long_is_estimated_or_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
            "CREATE TABLE a (id INTEGER PRIMARY KEY, n REFERENCES parent);"
            "CREATE TABLE b (id int PRIMARY KEY) WITHOUT ROWID;"
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) INSERT INTO a SELECT i, NULL FROM n;"
            "INSERT INTO b SELECT id FROM a;"
        )
    monkeypatch.setattr(collector, "STATEMENT_SECONDS", 0.0)
    # Counting is a single step of SQLite's machine, so time alone cannot be made to stop it.
    monkeypatch.setattr(collector._Reading, "timed", interrupted(collector._Reading.timed))
    snapshot = collect(path)
    tables = snapshot.catalog.table_by_name
    assert snapshot.rows(tables["main", "a"]) == 50_000
    assert [(g.section, g.partial) for g in snapshot.gaps] == [
        ("statistics.tables", True),
        ("integrity.content", False),
        ("integrity.foreign_keys", False),
    ]
    assert snapshot.gaps[1].reason == "PRAGMA integrity_check takes longer than 0 seconds"
    report = audit(snapshot)
    assert {n.rule for n in report.not_checked if not n.partial} == {"sqlite/damaged", "sqlite/dangling-references"}
    assert not [s for s in report.strengths if s.rule.startswith("sqlite/d")]


def interrupted(timed: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    def raising(reading: object, statement: str, seconds: float | None = None) -> list[Any]:
        if "count(*)" in statement:
            raise sqlite3.OperationalError("interrupted")
        return timed(reading, statement, seconds)

    return raising


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("INTEGER", "int8"),
        ("varchar(80)", "varchar"),
        ("datetime", "timestamptz"),
        ("bool", "bool"),
        ("decimal(5,2)", "numeric"),
        ("char(32)", "bpchar"),
        ("smallint unsigned", "int2"),
        ("", "text"),
        ("REAL", "float8"),
        ("BLOB", "bytea"),
    ],
)
def test_declared_types_in_postgresql_terms(declared: str, expected: str) -> None:
    assert base_type(declared) == expected
