"""Sizes told from statistics against indexes that a real server builds."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from dbwright.collect.postgres import collect
from dbwright.embedded import EmbeddedServer
from dbwright.fixes.sql import forward
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.snapshot import Snapshot
from dbwright.phantom.sizes import Key, NoSizeModel, btree_levels, index_size
from dbwright.phantom.sizes.gin import trigrams
from dbwright.phantom.sizes.widths import value_width
from dbwright.postgres import connect, parse_address
from servers import available_majors

TABLES = """
create type mood as enum ('sad', 'ok', 'happy');
create table visit (
    id bigint primary key, person_id int not null, kind text not null, note text, price numeric(10, 2), lasted interval, score float8,
    seen_at timestamptz, day date, token uuid, code char(8), feeling mood, tags text[] not null, numbers int[] not null,
    details jsonb, place point, deleted_at timestamptz, ordered_id int not null, small smallint
);
select setseed(0.5);
insert into visit
select i, 1 + (4999 * random() ^ 2)::int, (array['web', 'mail', 'telephone'])[1 + (random() * random() * 2.9)::int % 3],
       case when random() < 0.4 then repeat('x', 1 + (random() * 40)::int) || i end, round((random() * 500)::numeric, 2),
       (random() * 300)::int * interval '1 second', random(), timestamptz '2024-01-01' + i * interval '1 minute',
       date '2024-01-01' + i / 100, md5(i::text)::uuid, lpad((i % 3000)::text, 8, '0'), (array['sad', 'ok', 'happy'])[1 + i % 3]::mood,
       array(select 'tag' || (random() * 50)::int from generate_series(1, 1 + i % 4)),
       array(select (random() * 2000)::int from generate_series(1, 1 + i % 3)),
       jsonb_build_object('state', (array['open', 'done'])[1 + i % 2], 'n', (random() * 300)::int), point(random(), random()),
       case when random() < 0.03 then now() end, 1 + i / 7, (random() * 20)::int
from generate_series(1, 40000) i;
create table pair (a int not null, b int not null, primary key (a, b));
insert into pair select a, b from generate_series(1, 2000) a, generate_series(1, 8) b;
create table request (id int primary key, term text not null, item_id int not null, session uuid not null);
insert into request select i, 'word ' || floor(exp(random() * ln(50000)))::int, floor(exp(random() * ln(60000)))::bigint * 7919 % 60013,
       md5((i / 6)::text)::uuid from generate_series(1, 100000) i;
create table nothing (id int primary key, name text);
create table unread (id int, name text);
insert into unread select i, 'name ' || i from generate_series(1, 5000) i;
vacuum analyze visit;
vacuum analyze pair;
vacuum analyze request;
vacuum analyze nothing;
"""

Sizer = Callable[[CreateIndex], tuple[int, int | None]]


@pytest.fixture(scope="module")
def conninfo(server: EmbeddedServer) -> Iterator[str]:
    conninfo = server.create_database("sizes")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in TABLES.split(";\n")[:-1]:
            connection.execute(statement)  # type: ignore[arg-type]
    yield conninfo
    server.drop_database("sizes")


@pytest.fixture(scope="module")
def snapshot(conninfo: str) -> Snapshot:
    return read(conninfo, values=True)


def read(conninfo: str, values: bool) -> Snapshot:
    parameters = parse_address(conninfo)
    with connect(parameters) as connection:
        return collect(connection, parameters, values=values)


@pytest.fixture
def built(conninfo: str) -> Sizer:
    """The pages of an index really built, and its levels where pageinspect tells them; it is not kept."""

    def build(index: CreateIndex) -> tuple[int, int | None]:
        with psycopg.connect(conninfo) as connection:
            (statement,) = forward(Change((index,)), online=False)
            connection.execute(statement)  # type: ignore[arg-type]
            pages = connection.execute("SELECT pg_relation_size(%s) / 8192", (index.name,)).fetchone()[0]  # type: ignore[index]
            levels = _levels(connection, index.name) if index.method == "btree" else None
            connection.rollback()
        return pages, levels

    return build


def _levels(connection: psycopg.Connection[tuple[int, ...]], name: str) -> int | None:
    offered = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pageinspect'").fetchone()
    if not offered:
        return None
    connection.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
    row = connection.execute("SELECT level::int FROM bt_metap(%s)", (name,)).fetchone()
    return row[0] if row else None


def index(
    *keys: str,
    table: str = "visit",
    method: str = "btree",
    include: str = "",
    where: str | None = None,
    unique: bool = False,
    options: tuple[str, ...] = (),
) -> CreateIndex:
    parts = tuple(IndexKey(expression=text) if "(" in text else IndexKey(text) for text in keys)
    return CreateIndex("public", table, "probe", parts, unique, method, tuple(include.split()), where, options=options)


EXACT = [
    index("id"),
    index("person_id"),
    index("kind"),
    index("note"),
    index("price"),
    index("lasted"),
    index("score"),
    index("seen_at"),
    index("day"),
    index("token"),
    index("code"),
    index("feeling"),
    index("tags"),
    index("deleted_at"),
    index("ordered_id"),
    index("small"),
    index("person_id", "seen_at"),
    index("kind", "person_id"),
    index("small", "kind"),
    index("feeling", "day"),
    index("small", "token"),
    index("note", "small"),
    index("kind", "price"),
    index("day", "seen_at"),
    index("person_id", include="score"),
    index("kind", include="note small"),
    index("token", unique=True),
    index("person_id", "id", unique=True),
    index("note", where="note IS NOT NULL"),
    index("person_id", where="kind = 'web'"),
    index("kind", where="kind = 'web'"),
    index("seen_at", where="deleted_at IS NULL"),
    index("deleted_at", "person_id", where="deleted_at IS NOT NULL"),
    index("lower(note)"),
    index("lower(kind)", "person_id"),
    index("(id::text)::int"),
    index("extract(day from day)"),
    index("date_part('day', day)"),
    index("length(code)"),
    index("coalesce(person_id, 0)"),
    index("date(day)"),
    index("(details ->> 'n')"),
    index("((details ->> 'n')::int)"),
    index("seen_at", options=("fillfactor=60",)),
    index("person_id", options=("deduplicate_items=off",)),
    index("a", table="pair"),
    index("b", table="pair"),
    index("b", "a", table="pair"),
    index("id", table="nothing"),
    index("term", table="request"),
    index("item_id", table="request"),
    index("item_id", "term", table="request"),
    index(
        "id",
        "kind",
        "price",
        "score",
        "seen_at",
        "day",
        "token",
        "code",
        "feeling",
        "ordered_id",
        "small",
        "note",
        "lasted",
    ),
]


@pytest.mark.parametrize("probe", EXACT, ids=lambda i: " ".join(str(k.column or k.expression) for k in i.keys))
def test_btree_is_near_the_real_one(probe: CreateIndex, snapshot: Snapshot, built: Sizer, conninfo: str) -> None:
    told = index_size(probe, snapshot.catalog, snapshot.statistics, rows_of(probe, conninfo))
    pages, levels = built(probe)
    assert told.pages == pytest.approx(pages, rel=0.08, abs=1)  # the sample of ANALYZE is another each time
    assert levels is None or told.levels == levels


def rows_of(probe: CreateIndex, conninfo: str) -> float | None:
    if probe.predicate is None:
        return None
    with psycopg.connect(conninfo) as connection:
        query = sql.SQL("SELECT count(*) FROM visit WHERE {}").format(sql.SQL(probe.predicate))  # type: ignore[arg-type]
        (count,) = connection.execute(query).fetchone()  # type: ignore[misc]
        return float(count)


def test_levels_of_what_exists(snapshot: Snapshot, conninfo: str) -> None:
    """Of the tables' own indexes, by their pages, and of ones on both sides of where a level is added."""
    with psycopg.connect(conninfo) as connection:
        if _levels(connection, "visit_pkey") is None:
            pytest.skip("no pageinspect here")
        real = {}
        for table, columns in (
            ("visit", "note, code"),
            ("visit", "code"),
            ("request", "session, term"),
            ("pair", "b, a"),
        ):
            name = f"{table}_{columns.replace(', ', '_')}"
            connection.execute(f"CREATE INDEX {name} ON {table} ({columns})")  # type: ignore[arg-type]
        connection.commit()
        for name, pages in connection.execute(
            "SELECT relname, pg_relation_size(oid) / 8192 FROM pg_class WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace"
        ).fetchall():
            (level,) = connection.execute("SELECT level::int FROM bt_metap(%s)", (name,)).fetchone()  # type: ignore[misc]
            real[name] = (pages, level)
    now = read(conninfo, values=True)
    by_name = {i.name: i for i in now.catalog.indexes}
    told = {
        n: btree_levels(by_name[n], now.catalog, now.statistics, pages) for n, (pages, _) in real.items() if pages > 1
    }
    with psycopg.connect(conninfo) as connection:
        for name in real:
            if not name.endswith(("_pkey", "_key")):
                connection.execute(f"DROP INDEX {name}")  # type: ignore[arg-type]
    assert told == {name: level for name, (pages, level) in real.items() if pages > 1}


def test_levels_when_the_columns_could_not_be_read(snapshot: Snapshot) -> None:
    index = next(i for i in snapshot.catalog.indexes if i.name == "visit_pkey")
    catalog = replace(snapshot.catalog, columns=())
    assert btree_levels(index, catalog, snapshot.statistics, 300) == 2
    assert btree_levels(index, catalog, snapshot.statistics, 2) == 0


@pytest.mark.parametrize(
    ("probe", "error"),
    [
        (index("tags", method="gin"), 0.1),
        (index("numbers", method="gin"), 0.15),
        (index("details", method="gin"), 0.3),
        (index("seen_at", method="brin"), 0),
        (index("seen_at", "person_id", method="brin", options=("pages_per_range=1",)), 0),
        (index("person_id", method="hash"), 0.05),
        (index("kind", method="hash"), 0.02),
        (index("note", method="hash"), 0.05),
        (index("place", method="gist"), 0.15),
    ],
    ids=lambda i: f"{i.method} {i.keys[0].column}" if isinstance(i, CreateIndex) else "",
)
def test_other_access_methods(probe: CreateIndex, error: float, snapshot: Snapshot, built: Sizer) -> None:
    told = index_size(probe, snapshot.catalog, snapshot.statistics)
    assert told.pages == pytest.approx(built(probe)[0], rel=error, abs=0.5)
    assert told.levels is None


def pages(probe: CreateIndex, snapshot: Snapshot) -> int:
    return index_size(probe, snapshot.catalog, snapshot.statistics).pages


def test_only_keys_whose_equal_values_look_alike_are_put_together(snapshot: Snapshot) -> None:
    """Small numbers share a tuple. Intervals do not (24 hours is not shown as 1 day), nor do unique and covering indexes."""
    one_each = pages(index("score"), snapshot)
    assert pages(index("lasted"), snapshot) > one_each  # 300 different intervals
    assert pages(index("small", include="small"), snapshot) == one_each
    assert pages(index("small", unique=True), snapshot) == one_each
    assert pages(index("small"), snapshot) < one_each / 2
    assert pages(index("small", "score"), snapshot) > one_each


def test_a_descending_key_takes_as_much(snapshot: Snapshot) -> None:
    descending = replace(index("person_id"), keys=(IndexKey("person_id", descending=True),))
    assert pages(descending, snapshot) == pages(index("person_id"), snapshot)


@pytest.mark.parametrize("probe", [i for i in EXACT if i.predicate is None and not i.keys[0].expression])
def test_without_sample_values_it_is_not_far_off(probe: CreateIndex, conninfo: str, built: Sizer) -> None:
    told = pages(probe, read(conninfo, values=False))
    assert told == pytest.approx(built(probe)[0], rel=0.2, abs=1)


@pytest.mark.parametrize("major", available_majors())
def test_every_major_version(major: int, servers: Callable[[int], EmbeddedServer]) -> None:
    server = servers(major)
    conninfo = server.create_database("sizes_by_major")
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("CREATE TABLE part (id int PRIMARY KEY, kind text NOT NULL, price numeric, parent int)")
            connection.execute(
                "INSERT INTO part SELECT i, 'kind ' || abs(hashint4(i) % 7), i / 10.0, CASE WHEN i % 3 = 0 THEN i / 30 END"
                " FROM generate_series(1, 30000) i"
            )
            connection.execute("VACUUM ANALYZE part")
            snapshot = read(conninfo, values=True)
            for keys in (("id",), ("kind",), ("price",), ("parent",), ("kind", "parent")):
                probe = index(*keys, table="part")
                connection.execute(forward(Change((probe,)), online=False)[0])  # type: ignore[arg-type]
                real = connection.execute("SELECT pg_relation_size('probe') / 8192").fetchone()[0]  # type: ignore[index]
                connection.execute("DROP INDEX probe")
                assert pages(probe, snapshot) == pytest.approx(real, rel=0.06, abs=1), keys
    finally:
        server.drop_database("sizes_by_major")


@pytest.mark.parametrize("keys", [("id",), ("name",), ("name", "id")])
def test_a_table_that_was_never_analyzed(keys: tuple[str, ...], snapshot: Snapshot) -> None:
    probe = index(*keys, table="unread")
    told = index_size(probe, snapshot.catalog, snapshot.statistics, rows=5000)
    assert 2 < told.pages < 100


def test_an_empty_table_has_a_metapage_only(snapshot: Snapshot) -> None:
    told = index_size(index("name", table="nothing"), snapshot.catalog, snapshot.statistics)
    assert (told.pages, told.levels) == (1, 0)


def test_what_is_known_of_an_expression_is_taken(snapshot: Snapshot) -> None:
    probe = index("(details ->> 'state')")
    few, many = Key("text", -1, None, distinct=2), Key("text", -1, None, distinct=30000)
    told = [
        index_size(probe, snapshot.catalog, snapshot.statistics, expressions={"(details ->> 'state')": known}).pages
        for known in (few, many)
    ]
    assert told[0] == pytest.approx(pages(index("kind"), snapshot), abs=1)
    assert told[1] > 3 * told[0]


def test_another_index_on_the_expression_tells_of_it(conninfo: str, built: Sizer) -> None:
    probe = index("(details ->> 'n')")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE INDEX existing ON visit ((details ->> 'n'))")
        connection.execute("ANALYZE visit")
        try:
            told = pages(index("((details ->> 'n'::text))"), read(conninfo, values=True))
        finally:
            connection.execute("DROP INDEX existing")
    assert told == pytest.approx(built(probe)[0], rel=0.03, abs=1)


def test_known_combinations_of_columns_are_taken(snapshot: Snapshot) -> None:
    probe = index("person_id", "small")
    told = index_size(probe, snapshot.catalog, snapshot.statistics, distinct={frozenset({"small", "person_id"}): 4000})
    assert told.pages < 0.8 * pages(probe, snapshot)


@pytest.mark.parametrize("broken", [index("nowhere"), index("id", include="nowhere"), index("id", table="nowhere")])
def test_what_does_not_exist_is_told(broken: CreateIndex, snapshot: Snapshot) -> None:
    with pytest.raises(KeyError):
        index_size(broken, snapshot.catalog, snapshot.statistics)


def test_access_methods_without_a_model_are_told(snapshot: Snapshot) -> None:
    with pytest.raises(NoSizeModel, match="spgist"):
        index_size(index("note", method="spgist"), snapshot.catalog, snapshot.statistics)


@pytest.mark.parametrize(
    "text",
    "0 1 -1 10 9999 10000 10001 1.5 0.5 0.0001 0.00001 -12345.678 100000000 1e20 12345678901234567890.123 0.00".split(),
)
def test_width_of_numbers(text: str, conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TEMP TABLE number (value numeric)")
        connection.execute("INSERT INTO number VALUES (%s::numeric)", (text,))
        shown, width = connection.execute("SELECT value::text, pg_column_size(value) FROM number").fetchone()  # type: ignore[misc]
    assert value_width("numeric", -1, shown) == width


@pytest.mark.parametrize("size", [0, 1, 126, 127, 1000])
def test_width_of_texts(size: int, conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TEMP TABLE word (value text STORAGE plain)")
        connection.execute("INSERT INTO word VALUES (repeat('ä', %s / 2) || repeat('x', %s %% 2))", (size, size))
        shown, width = connection.execute("SELECT value, pg_column_size(value) FROM word").fetchone()  # type: ignore[misc]
    assert value_width("text", -1, shown) == width


@pytest.mark.parametrize("text", ["", "Hello, World", "a-b c_d 12", "ÄÖ über", "a", "...", "foo foo"])
def test_trigrams_are_those_of_the_extension(text: str, conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        if not connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'").fetchone():
            pytest.skip("no pg_trgm here")
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        (number,) = connection.execute("SELECT cardinality(show_trgm(%s))", (text,)).fetchone()  # type: ignore[misc]
    assert len(trigrams(text)) == number
