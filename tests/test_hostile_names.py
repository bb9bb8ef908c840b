"""Names that were chosen to break a program that quotes, prints or splits carelessly: every report, every statement."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import postgast
import psycopg
import pytest
from psycopg.sql import SQL, Composed, Identifier, Literal

from cli import dbwright
from dbwright.embedded import EmbeddedServer

DATABASE = "da\"ta \\ b'ase %s é"
NAMES = (
    'quo"te',
    "apo'strophe",
    "new\nline",
    "carriage\rreturn\ttab",
    "escape\x1b[31mred\x07\x08",
    "right\u202eto\u2066left",
    "dollar$$quote$tag$",
    "per%cent %s %(a)s",
    "back\\slash\\n",
    "select",
    "MixedCase",
    "emoji 😀 zero\u200bwidth",
    "é" * 31 + "x",
    "semi;--colon /* comment",
    "<script>alert(1)</script>",
    "| pipe `tick` | [a](javascript:b) *bold*",
    "{{ 7*7 }}{% raw %}",
    " leading.dot. ",
    "::error file=a,line=1::github\n::warning::%0A",
    "[red]rich[/red] [/]",
    "c1\x9b31m\u0085\u2028",
)
"""A name of 63 bytes is the longest."""
LIMITS = """
[tool.dbwright.limits]
"indexes/duplicate" = {bytes = 1}
"indexes/prefix-of-another" = {bytes = 1, ratio = 100}
"foreign-keys/without-index" = {rows = 1}
"foreign-keys/duplicate" = {rows = 1}
"constraints/no-primary-key" = {rows = 1}
"storage/unlogged-table" = {rows = 1}
"""
CHANGED = (
    "indexes/duplicate",
    "indexes/prefix-of-another",
    "foreign-keys/without-index",
    "foreign-keys/duplicate",
    "constraints/not-validated",
    "constraints/default-is-text-null",
    "constraints/no-primary-key",
    "security/definer-function-search-path",
    "security/definer-function-public-execute",
    "security/policies-without-row-security",
    "security/role-bypasses-row-security",
    "storage/unlogged-table",
)
"""Rules whose changes are run and taken back."""
DDL = """
CREATE SCHEMA {schema};
CREATE TABLE {parent} ({a} bigint PRIMARY KEY, {b} text DEFAULT 'NULL');
CREATE TABLE {child} (id bigint PRIMARY KEY, {a} bigint CONSTRAINT {k1} REFERENCES {parent}, {b} text);
CREATE INDEX {i1} ON {child} ({b});
CREATE INDEX {i2} ON {child} ({b});
CREATE INDEX {i3} ON {child} ({b}, id) WHERE {b} <> {text};
CREATE INDEX {i4} ON {child} ({b}) WHERE {b} <> {text};
ALTER TABLE {child} ADD CONSTRAINT {k2} CHECK ({b} <> {text}) NOT VALID;
CREATE TABLE {twice} (id bigint NOT NULL, {a} bigint);
ALTER TABLE {twice} ADD CONSTRAINT {k1} FOREIGN KEY ({a}) REFERENCES {parent};
ALTER TABLE {twice} ADD CONSTRAINT {k2} FOREIGN KEY ({a}) REFERENCES {parent};
CREATE UNIQUE INDEX {i5} ON {twice} (id);
CREATE UNLOGGED TABLE {unlogged} (id bigint PRIMARY KEY, {a} text);
INSERT INTO {parent} SELECT n FROM generate_series(1, 50) n;
INSERT INTO {child} SELECT n, n % 50 + 1, {text} || n FROM generate_series(1, 500) n;
INSERT INTO {twice} SELECT n, 1 FROM generate_series(1, 500) n;
INSERT INTO {unlogged} SELECT n, 'x' FROM generate_series(1, 500) n;
CREATE ROLE {role} LOGIN BYPASSRLS;
CREATE FUNCTION {function}({a} int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN DELETE FROM somewhere; RETURN 1; END';
CREATE POLICY {a} ON {child} USING ({b} <> {text});
ALTER TABLE {parent} ENABLE ROW LEVEL SECURITY;
CREATE POLICY {a} ON {parent} USING ({b} <> {text});
GRANT SELECT, UPDATE ON {parent} TO PUBLIC;
GRANT SELECT ON {child} TO {role};
CREATE VIEW {view} AS SELECT * FROM {child};
CREATE SEQUENCE {sequence};
COMMENT ON TABLE {parent} IS {text};
"""


def varied(name: str, number: int) -> str:
    """The name with a number at its end, within 63 bytes."""
    return name.encode()[:61].decode(errors="ignore") + str(number)


def statements(name: str) -> Iterator[Composed]:
    relations = ("parent", "child", "twice", "unlogged", "function", "view", "sequence")
    names: dict[str, Composed | Identifier | Literal] = {
        "schema": Identifier(name),
        "role": Identifier(name),
        "text": Literal(name),
        **{part: Identifier(name, varied(name, n)) for n, part in enumerate(relations)},
        **{part: Identifier(varied(name, n)) for n, part in enumerate(("i1", "i2", "i3", "i4", "i5", "k1", "k2"), 10)},
        "a": Identifier(name),
        "b": Identifier(varied(name, 2)),
    }
    for statement in DDL.strip().split(";\n"):
        yield SQL(statement).format(**names)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def hostile(server: EmbeddedServer) -> Iterator[str]:
    conninfo = server.create_database(DATABASE)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for name in NAMES:
            for statement in statements(name):
                connection.execute(statement)
        connection.execute("ANALYZE")
    yield conninfo
    server.drop_database(DATABASE)
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        for name in NAMES:
            connection.execute(SQL("DROP ROLE {}").format(Identifier(name)))


@pytest.fixture(scope="module")
def snapshot(hostile: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    outcome = dbwright("snapshot", "--db", hostile, "-o", "s.json", folder=folder)
    assert outcome.code == 0, outcome
    assert_harmless(outcome.out + outcome.err)
    (folder / "pyproject.toml").write_text(LIMITS)
    return folder


def assert_harmless(text: str) -> None:
    strange = {character for character in text if character != "\n" and not character.isprintable()}
    assert not strange, strange


@pytest.mark.parametrize("format_", ["text", "markdown", "html", "github", "json", "sarif"])
def test_every_report_is_harmless(snapshot: Path, format_: str) -> None:
    outcome = dbwright("audit", "--snapshot", "s.json", "--format", format_, folder=snapshot)
    assert outcome.code == 0, outcome
    assert outcome.out
    assert_harmless(outcome.out + outcome.err)
    if format_ in ("json", "sarif"):
        report = json.loads(outcome.out)
        names = {n for n in NAMES if json.dumps(n, ensure_ascii=False)[1:-1] in json.dumps(report, ensure_ascii=False)}
        assert names == set(NAMES)
    if format_ == "html":
        assert "<script" not in outcome.out
    if format_ == "github":
        assert not [line for line in outcome.out.splitlines() if "::" in line and not line.startswith("::")]
        assert not re.findall(r"^::(error|warning|notice) file=a,", outcome.out, re.M)


@pytest.fixture
def hostile_file(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(LIMITS)
    with closing(sqlite3.connect(tmp_path / "a 'b\" %3f.sqlite3")) as connection:
        for name in NAMES:
            quoted = '"' + name.replace('"', '""') + '"'
            parent, index, again = ('"' + (name + end).replace('"', '""') + '"' for end in ("0", "1", "2"))
            connection.execute(f"CREATE TABLE {parent} ({quoted} INTEGER PRIMARY KEY)")
            connection.execute(f"CREATE TABLE {quoted} (id int PRIMARY KEY, {quoted} int REFERENCES {parent}, a text)")
            connection.execute(f"CREATE INDEX {index} ON {quoted} (a)")
            connection.execute(f"CREATE INDEX {again} ON {quoted} (a)")
            connection.executemany(f"INSERT INTO {quoted} VALUES (?, NULL, 'x')", ((n,) for n in range(2000)))
        connection.commit()
    return next(tmp_path.glob("*.sqlite3"))


@pytest.mark.parametrize("format_", ["text", "markdown", "html", "github", "json", "sarif"])
def test_every_report_of_a_file_is_harmless(hostile_file: Path, format_: str) -> None:
    outcome = dbwright("audit", "--db", str(hostile_file), "--format", format_, folder=hostile_file.parent)
    assert outcome.code == 0, outcome
    assert_harmless(outcome.out + outcome.err)


def test_every_change_of_a_file_runs_and_comes_back(hostile_file: Path) -> None:
    arguments = ["--only", "indexes", "--only", "foreign-keys"]
    first = findings(str(hostile_file), hostile_file.parent, arguments)
    told = [(f["rule"], {ref["table"] for ref in f["objects"]}) for f in first]  # one message for all
    assert sorted(told) == [("foreign-keys/without-index", set(NAMES)), ("indexes/duplicate", set(NAMES))]
    for key in ("sql", "reverse_sql"):
        with closing(sqlite3.connect(hostile_file)) as connection:
            connection.executescript("\n".join(f["change"][key] for f in first))
        left = findings(str(hostile_file), hostile_file.parent, arguments)
        assert {f["id"] for f in left} == (set() if key == "sql" else {f["id"] for f in first})


def test_every_change_runs_and_comes_back(hostile: str, snapshot: Path) -> None:
    arguments = [part for rule in CHANGED for part in ("--only", rule)]
    first = findings(hostile, snapshot, arguments)
    assert {f["rule"] for f in first if f["change"]} == set(CHANGED)
    run(hostile, [f["change"]["sql"] for f in first if f["change"]])
    left = [f for f in findings(hostile, snapshot, arguments) if f["change"]]
    assert [f["title"] for f in left if f["id"] in {f["id"] for f in first}] == []
    run(hostile, [f["change"]["reverse_sql"] for f in reversed(first) if f["change"] and f["change"]["reverse_sql"]])
    again = findings(hostile, snapshot, arguments)
    reversible = {f["id"] for f in first if f["change"] and f["change"]["reverse_sql"]}
    assert reversible <= {f["id"] for f in again}


def findings(conninfo: str, folder: Path, arguments: list[str]) -> list[dict[str, Any]]:
    outcome = dbwright("audit", "--db", conninfo, *arguments, "--format", "json", folder=folder)
    assert outcome.code == 0, outcome
    return json.loads(outcome.out)["findings"]  # type: ignore[no-any-return]


def run(conninfo: str, scripts: list[str]) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for script in scripts:
            for statement in postgast.split(script):
                if statement.strip():
                    connection.execute(statement.encode())
