"""The measure of the reader: recorded queries find the reader's queries for their line, and each is judged by the nearest of them."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dbwright.model.source import Parameter, Place, Source, SourceQuery

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.reader.queries import Reading, Site, judge, sites_of
from benchmarks.reader.recording import Recording, frames_here

VIEWS = """\
def orders(request):
    rows = (
        Order.objects
        .filter(state="open")
        .order_by("id")
    )
    for row in rows:
        send(row)
    return rows


def send(row):
    row.customer.name
"""


def read(line: int, sql: str | None, unknown: str | None = None, made: int | None = None) -> SourceQuery:
    issued = Place("shop/views.py", line)
    built = issued if made is None else Place("shop/views.py", made)
    return SourceQuery("django", "rows", built, issued, table="shop_order", sql=sql, unknown=unknown)


def optional(line: int, sql: str, *parts: str) -> SourceQuery:
    spans = tuple((sql.index(part), sql.index(part) + len(part)) for part in parts)
    return replace(read(line, sql), optional=spans)


@pytest.mark.parametrize(
    ("issued", "equal"),
    [
        ("SELECT id FROM book WHERE id > %s", True),
        ("SELECT id FROM book WHERE id > %s AND title = %s LIMIT %s", True),
        ("SELECT id FROM book WHERE id > %s AND EXISTS (SELECT 1 FROM tag WHERE tag.book = book.id)", True),
        (
            "SELECT id FROM book WHERE id > %s AND EXISTS (SELECT 1 FROM tag WHERE tag.book = book.id AND tag.x = %s)",
            True,
        ),
        ("SELECT id FROM book WHERE title = %s", False),
        ("SELECT id FROM book WHERE id > %s AND pages = %s", False),
        ("SELECT id FROM book WHERE id > %s AND title = %s AND title = %s AND pages > 3", False),
        ("SELECT id FROM book WHERE id > %s AND tag.x = %s", False),
    ],
)
def test_a_statement_is_equal_with_some_choice_of_its_optional_parts(root: Path, issued: str, equal: bool) -> None:
    sql = "SELECT id FROM book WHERE id > $1 AND title = $2 AND EXISTS (SELECT 1 FROM tag WHERE tag.book = book.id AND tag.x = $3) LIMIT $4"
    parts = ("title = $2", "EXISTS (SELECT 1 FROM tag WHERE tag.book = book.id AND tag.x = $3)", "tag.x = $3", "$4")
    assert judged(root, [row(issued, 4)], optional(2, sql, *parts)).equal is equal


def test_is_null_is_equal_only_where_the_value_may_be_none(root: Path) -> None:
    sql = "SELECT id FROM book WHERE title = $1 AND pages = $2"
    told = replace(read(2, sql), parameters=(Parameter("request", or_none=True), Parameter("request")))
    assert judged(root, [row("SELECT id FROM book WHERE title IS NULL AND pages = %s", 4)], told).equal
    assert not judged(root, [row("SELECT id FROM book WHERE title = %s AND pages IS NULL", 4)], told).equal


def test_a_condition_that_is_always_true_is_none(root: Path) -> None:
    assert judged(root, [row("SELECT id FROM book WHERE true", 4)], read(2, "SELECT id FROM book")).equal


def row(sql: str, *lines: int) -> dict[str, Any]:
    stack = [{"file": "shop/views.py", "line": n, "function": "orders"} for n in lines]
    return {"sql": sql, "count": 1, "stack": stack, "through": ["QuerySet.__iter__"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/views.py").write_text(VIEWS)
    return tmp_path


def judged(root: Path, rows: list[dict[str, Any]], *queries: SourceQuery) -> Site:
    (site,) = sites_of(rows)
    Reading(Source(queries=queries), root).fill(site)
    judge(site)
    return site


OPEN = "SELECT id FROM shop_order WHERE state = %s ORDER BY id"


def test_a_statement_over_several_lines_is_one_site(root: Path) -> None:
    site = judged(root, [row(OPEN, 4)], read(2, OPEN.replace("%s", "$1")))
    assert (site.known, site.with_sql, site.equal, site.at) == (True, True, True, "line")


def test_the_line_that_builds_a_query_knows_it_too(root: Path) -> None:
    site = judged(root, [row(OPEN, 4)], read(7, OPEN.replace("%s", "$1"), made=2))
    assert site.equal


def test_a_loop_is_not_its_body(root: Path) -> None:
    site = judged(root, [row(OPEN, 7)], read(8, OPEN.replace("%s", "$1")))
    assert not site.known
    assert [reason for _row, reason, _sql, _comparison in site.results] == [
        "no query at the line; issued by QuerySet.__iter__"
    ]


def test_a_frame_further_out_is_taken_when_the_line_has_none(root: Path) -> None:
    site = judged(root, [row(OPEN, 13, 8)], read(8, OPEN.replace("%s", "$1")))
    assert (site.equal, site.at) == (True, "frame 1")


def test_the_nearest_of_several_is_judged(root: Path) -> None:
    site = judged(
        root,
        [row(OPEN, 4)],
        read(2, "SELECT id FROM shop_customer"),
        read(2, "SELECT id FROM shop_order WHERE state = $1 ORDER BY id DESC"),
    )
    assert [reason for _row, reason, _sql, _comparison in site.results] == ["differs in order"]
    assert not site.equal


def test_a_site_is_equal_only_when_all_of_its_queries_are(root: Path) -> None:
    site = judged(root, [row(OPEN, 4), row("SELECT COUNT(*) FROM shop_order", 4)], read(2, OPEN.replace("%s", "$1")))
    assert (site.some_equal, site.equal) == (True, False)


def test_the_reader_s_own_reason_is_told(root: Path) -> None:
    site = judged(root, [row(OPEN, 4)], read(2, None, "the filter is built at run time"))
    assert (site.with_table, site.with_sql) == (True, False)
    assert [reason for _row, reason, _sql, _comparison in site.results] == ["unknown: the filter is built at run time"]


def test_a_recording_keeps_the_application_s_frames_and_counts(tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    names: dict[str, Any] = {}
    source = "def view(issue):\n    issue()\n"
    exec(compile(source, str(package.resolve() / "views.py"), "exec"), names)
    recording = Recording(package)

    def issue() -> None:
        recording.add("SELECT 1 FROM a WHERE b IN (%s, %s)", frames_here())
        recording.add("SELECT 1 FROM a WHERE b IN (%s, %s, %s)", frames_here())
        recording.add("SAVEPOINT x", frames_here())

    names["view"](issue)
    recording.add("SELECT 2", [])  # nobody of the application asked
    recording.write(tmp_path / "queries.jsonl")
    recording.write(tmp_path / "queries.jsonl")
    import json

    (line,) = [json.loads(text) for text in (tmp_path / "queries.jsonl").read_text().splitlines()]
    assert line["stack"] == [{"file": "shop/views.py", "line": 2, "function": "view"}]
    assert line["sql"] == "SELECT 1 FROM a WHERE b IN (%s, %s)"
    assert line["count"] == 4


@pytest.mark.parametrize(
    ("issued", "equal"),
    [
        ("SELECT id FROM book", True),
        ("SELECT id FROM book WHERE name = %s", True),
        ("SELECT id FROM book WHERE name = %s OR EXISTS (SELECT 1 FROM tag WHERE tag.x = %s AND tag.book = %s)", True),
        ("SELECT id FROM book INNER JOIN tag ON tag.book = book.id WHERE tag.x = %s", True),
        ("SELECT id FROM book WHERE name = %s OR tag.x = %s", False),
        ("SELECT id FROM book INNER JOIN tag ON tag.book = book.id AND tag.y = 1", False),
    ],
)
def test_an_optional_part_is_not_taken_for_the_beginning_or_the_inside_of_another(
    root: Path, issued: str, equal: bool
) -> None:
    inner = "tag.x = $2 AND tag.book = $3"
    either = f"(name = $4 OR EXISTS (SELECT 1 FROM tag WHERE {inner}))"
    plain = f"SELECT id FROM book WHERE name = $1 AND {either}"
    joined = "SELECT id FROM book INNER JOIN tag ON tag.book = book.id WHERE tag.x = $1"
    told = (
        optional(2, plain, "name = $1", either),
        replace(optional(2, joined, "INNER JOIN tag ON tag.book = book.id", "tag.x = $1"), table="tag"),
    )
    assert judged(root, [row(issued, 4)], *told).equal is equal


def test_a_line_that_reads_an_attribute_was_not_handed_a_query(root: Path) -> None:
    handed, touched = row(OPEN, 12, 4), row(OPEN, 12, 4)
    touched["through"] = ["ForwardManyToOneDescriptor.__get__", "QuerySet.get"]
    told = read(2, OPEN.replace("%s", "$1"))
    assert judged(root, [handed], told).equal
    assert not judged(root, [touched], told).known


def test_a_session_of_each_thread_is_the_session(root: Path) -> None:
    rows = [row(OPEN, 4), row(OPEN, 5)]
    rows[0]["through"], rows[1]["through"] = ["commit", "Session.commit"], ["commit", "Transaction.commit"]
    assert [site.direct for site in sites_of(rows)] == [True, False]
