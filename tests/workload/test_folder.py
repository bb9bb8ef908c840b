"""A folder of SQL files: several statements in one, and whatever else may lie there."""

from pathlib import Path

from dbwright.model.workload import WorkloadRead
from dbwright.workload.folder import read_folder


def read(folder: Path, **files: str | bytes) -> WorkloadRead:
    for name, text in files.items():
        path = folder / f"{name}.sql"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_folder(folder)


def found(read: WorkloadRead) -> list[tuple[str, str]]:
    return [(statement.origin, statement.sql) for statement in read.statements]


def reasons(read: WorkloadRead) -> dict[str, str]:
    return {problem.origin: problem.reason for problem in read.problems}


def test_one_file_one_statement(tmp_path: Path) -> None:
    result = read(tmp_path, q2="SELECT 2 FROM t;\n", q1="-- first\nSELECT 1 FROM t")
    assert found(result) == [("q1.sql", "-- first\nSELECT 1 FROM t"), ("q2.sql", "SELECT 2 FROM t")]
    assert not result.problems
    assert {(s.calls, s.mean_milliseconds) for s in result.statements} == {(1.0, None)}


def test_several_statements_tell_their_lines(tmp_path: Path) -> None:
    text = "SELECT ';' FROM t; -- a;b\nSELECT 'é' FROM u;\n\n/* ; */\n\nDELETE FROM t WHERE x = $$;$$;\n"
    assert found(read(tmp_path, q=text)) == [
        ("q.sql:1", "SELECT ';' FROM t"),
        ("q.sql:1", "-- a;b\nSELECT 'é' FROM u"),
        ("q.sql:4", "/* ; */\n\nDELETE FROM t WHERE x = $$;$$"),
    ]


def test_a_mistake_leaves_the_other_statements_alone(tmp_path: Path) -> None:
    result = read(tmp_path, q="SELECT 1 FROM t; SELECT FROM WHERE; SELECT 2 FROM t")
    assert [sql for _, sql in found(result)] == ["SELECT 1 FROM t", "SELECT FROM WHERE", "SELECT 2 FROM t"]


def test_placeholders_of_drivers_and_commands_of_psql(tmp_path: Path) -> None:
    result = read(
        tmp_path, q="\\set aid random(1, 100)\nSELECT a FROM t WHERE id = :aid AND x = :x::int;\n\\timing on\n"
    )
    assert [sql for _, sql in found(result)] == ["SELECT a FROM t WHERE id = $1 AND x = $2::int"]


def test_what_is_no_query_is_told(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        a="BEGIN; SELECT 1 FROM t; COMMIT",
        b="SELECT 'open",
        c=b"SELECT '\xff\xfe'",
        d="-- nothing\n",
        e="SELECT 1\0 FROM t",
        f=b"\xef\xbb\xbfSELECT 3 FROM t",
        g="SELECT * FROM pg_stat_activity",
        h="x" * 5_000_000,
    )
    (tmp_path / "folder.sql").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "q.sql").write_text("SELECT 9 FROM t")
    (tmp_path / "notes.txt").write_text("SELECT 8 FROM t")
    result = read_folder(tmp_path)
    assert [sql for _, sql in found(result)] == ["SELECT 1 FROM t", "SELECT 3 FROM t"]
    assert set(reasons(result)) == {"a.sql:1", "b.sql", "c.sql", "d.sql", "e.sql", "g.sql", "h.sql", "folder.sql"}
    assert "UTF-8" in reasons(result)["c.sql"]
    assert "4 MiB" in reasons(result)["h.sql"]


def test_folders_below_are_read(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "q.sql").write_text("SELECT 1 FROM t")
    assert found(read_folder(tmp_path)) == [("reports/q.sql", "SELECT 1 FROM t")]


def test_an_empty_folder_and_none(tmp_path: Path) -> None:
    assert reasons(read_folder(tmp_path)) == {str(tmp_path): "holds no .sql files"}
    assert reasons(read_folder(tmp_path / "missing")) == {str(tmp_path / "missing"): "holds no .sql files"}
