"""Partitions, searches in texts and settings: what is said of a shop with rows, of its sizes made larger, and what is not."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from loaded import Loaded, loaded

from dbwright.advise.evidence import Evidence
from dbwright.advise.measures import beyond_indexes, partitioning, settings, text_search
from dbwright.embedded import EmbeddedServer
from dbwright.model.advice import Effect, Measure
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom, WhatIfIndex

POSTS = """
CREATE TABLE log (id bigint PRIMARY KEY, at timestamptz NOT NULL, user_id int NOT NULL, what text);
INSERT INTO log SELECT g, '2024-01-01'::timestamptz + g * interval '20 minutes', g % 100, 'x' FROM generate_series(1, 50000) g;
CREATE TABLE plain (id bigint PRIMARY KEY, number int);
INSERT INTO plain SELECT g, g FROM generate_series(1, 1000) g;
CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO author SELECT g, md5((g * 3)::text) FROM generate_series(1, 20000) g;
CREATE TABLE post (
    id int PRIMARY KEY, author_id int NOT NULL, title text NOT NULL, body text NOT NULL, data jsonb, code varchar(12) NOT NULL
);
INSERT INTO post
    SELECT g, 1 + g * 7 % 20000, 'title ' || md5(g::text), (SELECT string_agg(md5((g * 7 + n)::text), ' ') FROM generate_series(1, 12) n),
        jsonb_build_object('text', md5(g::text) || ' of things'), upper(left(md5(g::text), 8))
    FROM generate_series(1, 20000) g;
CREATE INDEX ON post (author_id);
UPDATE post SET body = body || ' rare needle' WHERE id % 5000 = 0;
"""
GB = 1024**3


@pytest.fixture(scope="module")
def blog(server: EmbeddedServer) -> Iterator[Loaded]:
    with loaded(server, "advise_blog", POSTS, 100) as blog:
        yield blog


@pytest.fixture(scope="module")
def phantom(blog: Loaded) -> Iterator[Phantom]:
    with Phantom.of(blog.snapshot) as phantom:
        yield phantom


def judged(
    phantom: Phantom,
    kind: Any,
    *statements: str,
    snapshot: Snapshot | None = None,
    advised: tuple[WhatIfIndex, ...] = (),
) -> list[Measure]:
    with phantom.session() as session:
        effects = [Effect(WorkloadStatement(s), (cost := session.plan(s).cost), cost) for s in statements]
        with Evidence(session, snapshot or phantom.snapshot, effects, advised) as evidence:
            return list(kind.measures(evidence))


def sized(snapshot: Snapshot, name: str, **figures: Any) -> Snapshot:
    """The snapshot with other figures of one table."""
    table = snapshot.catalog.table_by_name["public", name]
    rows = tuple(replace(row, **figures) if row.oid == table.oid else row for row in snapshot.statistics.tables)
    return replace(snapshot, statistics=replace(snapshot.statistics, tables=rows))


# Partitions

LATELY = "SELECT * FROM log WHERE at >= $1 AND at < $2"
OF_USER = "SELECT * FROM log WHERE user_id = $1"
PURGE = "DELETE FROM log WHERE at < $1"


def test_nobody_asks_for_partitions_of_a_small_table(phantom: Phantom) -> None:
    assert judged(phantom, partitioning, LATELY, PURGE) == []


def test_a_table_that_is_purged_by_age_is_parted(blog: Loaded, phantom: Phantom) -> None:
    large = sized(blog.snapshot, "log", table_bytes=40 * GB, rows=4e8, inserted=10**8, deleted=9 * 10**7)
    (measure,) = judged(phantom, partitioning, LATELY, PURGE, snapshot=large)
    assert measure.verdict == "advised"
    assert any("log_pkey lacks at" in text for text in measure.evidence), "what is lost is said"
    assert measure.confidence == "low"
    assert any("30,400,000 rows) come each month" in text for text in measure.evidence)


def test_the_change_keeps_the_rows_and_takes_new_ones(blog: Loaded, phantom: Phantom) -> None:
    large = sized(blog.snapshot, "log", table_bytes=140 * GB, rows=4e8)
    (measure,) = judged(phantom, partitioning, LATELY, snapshot=large)
    with psycopg.connect(blog.conninfo) as connection:
        for statement in re.sub(r"--[^\n]*", "", measure.change).split(";\n"):
            if statement.strip() not in ("BEGIN", "COMMIT", "COMMIT;", ""):
                connection.execute(statement.encode())
        next_month = (blog.snapshot.taken_at.replace(day=1) + timedelta(days=40)).replace(day=2)
        connection.execute("INSERT INTO log VALUES (-1, %s, 1, 'new')", (next_month,))
        rows = connection.execute("SELECT tableoid::regclass::text, count(*) FROM log GROUP BY 1").fetchall()
        assert sorted(count for _, count in rows) == [1, 50000]
        connection.rollback()


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ((OF_USER,), "does not name at"),
        ((OF_USER, LATELY), "does not name at"),
        ((), "Nothing is gained"),
    ],
)
def test_partitions_that_do_not_pay_are_refused_with_figures(
    blog: Loaded, phantom: Phantom, statements: tuple[str, ...], why: str
) -> None:
    large = sized(blog.snapshot, "log", table_bytes=4 * GB, rows=4e7)
    (measure,) = judged(phantom, partitioning, *statements, snapshot=large)
    assert measure.verdict == "not advised"
    assert why in " ".join(measure.evidence)
    assert "4.0 GB and 40,000,000 rows by at over 23 months" in measure.evidence[0]


def test_a_day_is_a_range_of_the_key(blog: Loaded, phantom: Phantom) -> None:
    large = sized(blog.snapshot, "log", table_bytes=140 * GB, rows=4e8)
    (measure,) = judged(phantom, partitioning, "SELECT * FROM log WHERE at::date = $1", snapshot=large)
    assert "100.0% looks for at" in measure.evidence[1]
    assert "only a range of it" in measure.evidence[2]


def test_counters_of_an_hour_tell_no_growth(blog: Loaded, phantom: Phantom) -> None:
    young = replace(blog.snapshot.statistics, reset_at=blog.snapshot.taken_at - timedelta(minutes=5))
    large = sized(replace(blog.snapshot, statistics=young), "log", table_bytes=4 * GB)
    (measure,) = judged(phantom, partitioning, snapshot=large)
    assert "each month" not in measure.evidence[0]


def test_a_table_without_a_time_has_no_key(blog: Loaded, phantom: Phantom) -> None:
    (measure,) = judged(phantom, partitioning, snapshot=sized(blog.snapshot, "plain", table_bytes=40 * GB, rows=4e8))
    assert measure.verdict == "not advised"
    assert "no key to part it by" in measure.evidence[0]


# Searches


def test_words_of_long_texts(blog: Loaded, phantom: Phantom) -> None:
    (measure,) = judged(
        phantom, text_search, "SELECT id FROM post WHERE title ILIKE '%needle%' OR body ILIKE '%needle%'"
    )
    assert measure.before is not None
    assert measure.after is not None
    assert measure.after < measure.before / 2
    with psycopg.connect(blog.conninfo) as connection:
        for statement in re.sub(r"--[^\n]*", "", measure.change).replace("CONCURRENTLY ", "").split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        connection.execute("ANALYZE post")
        asked = "SELECT id FROM post WHERE search @@ websearch_to_tsquery('english', 'needle')"
        found = connection.execute(asked.encode()).fetchall()
        assert Counter(found) == Counter([(5000,), (10000,), (15000,), (20000,)])
        plan = connection.execute(f"EXPLAIN {asked}".encode()).fetchall()
        assert any("post_search_idx" in line for (line,) in plan)
        connection.rollback()


def test_words_of_a_document(blog: Loaded, phantom: Phantom) -> None:
    (measure,) = judged(phantom, text_search, "SELECT id FROM post WHERE upper(data::text) LIKE upper('%things%')")
    assert "jsonb_to_tsvector" in measure.change
    with psycopg.connect(blog.conninfo) as connection:
        connection.execute(measure.change.split(";\n")[0].encode())
        connection.rollback()


def test_pieces_of_short_texts(blog: Loaded, phantom: Phantom) -> None:
    search = "SELECT id FROM post WHERE upper(code::text) LIKE upper('%AB12%')"
    (measure,) = judged(phantom, text_search, search)
    assert "gin_trgm_ops" in measure.change
    with psycopg.connect(blog.conninfo) as connection:
        for statement in measure.change.replace("CONCURRENTLY ", "").split(";\n"):
            connection.execute(statement.rstrip(";").encode())
        plan = connection.execute(f"EXPLAIN {search}".encode()).fetchall()
        assert any("Bitmap Index Scan" in line for (line,) in plan)
        connection.rollback()


def test_a_search_across_tables(blog: Loaded, phantom: Phantom) -> None:
    """Where there are millions of rows: of twenty thousand a join is as fast."""
    search = (
        "SELECT DISTINCT p.id, a.name FROM post p JOIN author a ON a.id = p.author_id WHERE upper(p.code::text) LIKE upper('%AB12%')"
        " OR upper(a.name) LIKE upper('%ab12%')"
    )
    assert judged(phantom, text_search, search) == []
    large = sized(blog.snapshot, "post", rows=2e6, pages=250_000, heap_bytes=250_000 * 8192)
    large = sized(large, "author", rows=2e6, pages=16_000, heap_bytes=16_000 * 8192)
    with Phantom.of(large) as larger:
        (measure,) = judged(larger, text_search, search)
    assert "UNION instead of OR over post and author, and trigrams of author and post" in measure.title
    with psycopg.connect(blog.conninfo) as connection:
        before = connection.execute(search.encode()).fetchall()
        *made, otherwise = measure.change.replace("CONCURRENTLY ", "").split(";\n")
        for statement in made:
            connection.execute(statement.encode())
        assert before
        assert Counter(connection.execute(otherwise.encode()).fetchall()) == Counter(before)
        plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN {otherwise}".encode()).fetchall())
        assert plan.count("Bitmap Index Scan") >= 2
        connection.rollback()


def test_what_an_advised_index_serves_is_not_said_twice(phantom: Phantom) -> None:
    index = CreateIndex("public", "post", "words", (IndexKey(expression="to_tsvector('english', body)"),), method="gin")
    statement = "SELECT id FROM post WHERE id = 5 AND body LIKE '%x%'"
    (measure,) = judged(phantom, text_search, statement, advised=(WhatIfIndex(index, 100, 20000.0),))
    assert measure.verdict == "not advised"
    assert "advised above" in measure.evidence[0]


def test_few_rows_are_compared_without_an_index_of_words(phantom: Phantom) -> None:
    (measure,) = judged(phantom, text_search, "SELECT id FROM post WHERE id = 5 AND body ILIKE '%x%'")
    assert measure.verdict == "not advised"
    assert "leave about 1 of 20,000 rows" in measure.evidence[0]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM post WHERE body LIKE 'begins%'",
        "SELECT id FROM post WHERE body NOT LIKE '%x%'",
        "SELECT number FROM plain WHERE number::text LIKE '%1%'",  # no text
        "SELECT id FROM post WHERE code LIKE $1",  # nobody knows the pattern
    ],
)
def test_searches_that_need_nothing(phantom: Phantom, statement: str) -> None:
    assert judged(phantom, text_search, statement) == []


# Settings and all


def test_settings_are_those_of_the_audits_rules(blog: Loaded, phantom: Phantom) -> None:
    busy = sized(blog.snapshot, "log", rows=4e7, updated=900_000_000)
    found = judged(phantom, settings, snapshot=busy)
    (measure,) = [m for m in found if "log" in m.title]
    assert "autovacuum_vacuum_scale_factor" in measure.change
    assert any("target_hours" in text for text in measure.evidence), "with its arithmetic"


def test_the_order_is_the_same_each_time(blog: Loaded, phantom: Phantom) -> None:
    statements = (
        LATELY,
        OF_USER,
        "SELECT id FROM post WHERE body ILIKE '%needle%'",
        "SELECT id FROM post WHERE title ILIKE '%a%'",
    )
    found = []
    for _ in range(2):
        with phantom.session() as session:
            effects = [Effect(WorkloadStatement(s), (cost := session.plan(s).cost), cost) for s in statements]
            found.append(beyond_indexes(session, sized(blog.snapshot, "log", table_bytes=4 * GB), effects, ()))
    assert found[0] == found[1]
    assert [m.verdict for m in found[0]] == sorted(m.verdict for m in found[0])
