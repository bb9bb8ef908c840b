"""The PostgreSQL collector on every major that is here, with every kind of object, and with roles that may see little."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql

from dbwright import postgres
from dbwright.collect.postgres import _mask_setting, collect
from dbwright.embedded import EmbeddedServer
from dbwright.model.catalog import Table
from dbwright.model.snapshot import Snapshot
from dbwright.postgres import CannotConnect, QueryFailed, Reader, connect, parse_address, query_text
from dbwright.rules.integrity import sql_ascii_encoding
from servers import available_majors

ZOO = r"""
CREATE SCHEMA "We""ird";
CREATE TYPE mood AS ENUM ('sad', 'it''s fine');
CREATE DOMAIN percent AS integer CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE author (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(80) NOT NULL, mood mood, share percent);
CREATE TABLE book (
    id serial PRIMARY KEY,
    author_id bigint NOT NULL REFERENCES author ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    title text NOT NULL DEFAULT 'x',
    pages integer CHECK (pages > 0),
    tags text[],
    data jsonb,
    twice integer GENERATED ALWAYS AS (pages * 2) STORED,
    UNIQUE (author_id, title)
) WITH (fillfactor = 80);
CREATE INDEX book_partial ON book (lower(title) text_pattern_ops, pages DESC NULLS LAST) INCLUDE (author_id) WHERE pages > 10;
CREATE INDEX book_tags ON book USING gin (tags);
ALTER TABLE book ADD CONSTRAINT late CHECK (pages < 100000) NOT VALID;
CREATE TABLE log (day date NOT NULL, line text) PARTITION BY RANGE (day);
CREATE TABLE log_2025 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE log_rest PARTITION OF log DEFAULT;
CREATE TABLE base (a int); CREATE TABLE derived (b int) INHERITS (base);
CREATE UNLOGGED TABLE cache (k text, v text);
CREATE VIEW titles AS SELECT title FROM book;
CREATE MATERIALIZED VIEW counts AS SELECT author_id, count(*) FROM book GROUP BY 1 WITH NO DATA;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON book FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE book ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON book FOR SELECT USING (title <> 'secret');
CREATE STATISTICS book_stats (dependencies, ndistinct) ON author_id, pages FROM book;
CREATE PUBLICATION pub FOR TABLE author;
CREATE TABLE "We""ird"."t;--\ é😀%s$$" ("col
x'y" int, "%(a)s" text);
COMMENT ON TABLE author IS '<script>alert(1)</script>';
GRANT SELECT ON author TO PUBLIC;
INSERT INTO author (name, mood) SELECT 'a' || g, 'sad' FROM generate_series(1, 200) g;
INSERT INTO book (author_id, title, pages) SELECT 1 + g % 200, 't' || g, 1 + g % 50 FROM generate_series(1, 1000) g;
ANALYZE;
"""


@pytest.fixture(params=available_majors(), scope="module")
def zoo(
    request: pytest.FixtureRequest, servers: Callable[[int], EmbeddedServer]
) -> Iterator[tuple[EmbeddedServer, str]]:
    server = servers(request.param)
    conninfo = server.create_database("zoo")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(ZOO)
        connection.execute("CREATE ROLE watcher LOGIN PASSWORD 'canary-watcher' IN ROLE pg_monitor")
        connection.execute("CREATE ROLE nobody_at_all LOGIN PASSWORD 'canary-nobody'")
    if server.major < 15:
        # Counters go through a collector process there and arrive half a second late.
        time.sleep(1.5)
    yield server, conninfo
    server.drop_database("zoo")
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("DROP ROLE watcher, nobody_at_all")


def read(conninfo: str, **changes: str) -> Snapshot:
    parameters = parse_address(conninfo) | changes
    if changes:
        parameters.pop("passfile", None)
    with connect(parameters) as connection:
        return collect(connection, parameters)


def test_everything_is_read_and_comes_back_from_a_file(zoo: tuple[EmbeddedServer, str]) -> None:
    server, conninfo = zoo
    snapshot = read(conninfo)
    assert snapshot.target.major == server.major
    assert {gap.section for gap in snapshot.gaps} <= {"workload.statements"}
    data = msgspec.json.encode(snapshot)
    assert msgspec.json.decode(data, type=Snapshot) == snapshot
    catalog = snapshot.catalog
    book = catalog.table_by_name["public", "book"]
    assert snapshot.rows(book) == 1000
    assert snapshot.total_bytes(book) > 0
    partial = next(i for i in catalog.indexes_of(book) if i.name == "book_partial")
    assert partial.keys == ("lower(title)", "pages")
    assert partial.is_expression == (True, False)
    assert partial.descending == (False, True)
    assert partial.nulls_first == (False, False)
    assert partial.opclasses == ("text_pattern_ops", "int4_ops")
    assert partial.include == ("author_id",)
    assert partial.predicate == "(pages > 10)"
    key = next(c for c in catalog.constraints_of(book, "foreign key"))
    assert (key.columns, key.foreign_columns, key.on_delete, key.is_deferred) == (
        ("author_id",),
        ("id",),
        "cascade",
        True,
    )
    assert not next(c for c in catalog.constraints_of(book, "check") if c.name == "late").is_validated
    assert catalog.column(book, "twice").generated == "stored"  # type: ignore[union-attr]
    assert catalog.column(catalog.table_by_name["public", "author"], "share").base_type == "int4"  # type: ignore[union-attr]
    assert book.option("fillfactor") == "80"
    log = catalog.table_by_name["public", "log"]
    assert (log.partition_strategy, len(catalog.children_of(log))) == ("range", 2)
    assert catalog.table_by_name["public", "derived"].parents == (catalog.table_by_name["public", "base"].oid,)
    assert not catalog.table_by_name["public", "counts"].is_populated
    assert [t.labels for t in catalog.types if t.name == "mood"] == [("sad", "it's fine")]
    assert [p.command for p in catalog.policies] == ["select"]
    assert any(g.grantee == "PUBLIC" and g.object_name == "public.author" for g in catalog.grants)
    sequence = next(s for s in catalog.sequences if s.name == "book_id_seq")
    assert (sequence.column, sequence.last_value, sequence.type) == ("id", 1000, "integer")
    hostile = next(t for t in catalog.tables if t.schema == 'We"ird')
    assert [c.name for c in catalog.columns_of(hostile)] == ["col\nx'y", "%(a)s"]
    title = snapshot.statistics.column(book, "title")
    assert title is not None
    assert title.distinct_values(1000) > 900


@pytest.mark.parametrize("role", ["watcher", "nobody_at_all"])
def test_a_role_with_few_rights_gets_gaps_not_errors(zoo: tuple[EmbeddedServer, str], role: str) -> None:
    _, conninfo = zoo
    password = {"watcher": "canary-watcher", "nobody_at_all": "canary-nobody"}[role]
    snapshot = read(conninfo, user=role, password=password)
    assert len(snapshot.catalog.tables) >= 10
    assert snapshot.rows(snapshot.catalog.table_by_name["public", "book"]) == 1000
    sections = {gap.section for gap in snapshot.gaps}
    assert {"statistics.columns", "hba", "catalog.passwords"} <= sections
    assert ("activity.sessions" in sections) is (role == "nobody_at_all")
    assert all(gap.remedy for gap in snapshot.gaps)
    assert b"canary" not in msgspec.json.encode(snapshot)


def test_values_are_left_out_when_asked_and_always_for_secrets(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE account (email text, api_token text)")
        connection.execute("INSERT INTO account SELECT 'canary-mail', 'canary-token' FROM generate_series(1, 500)")
        connection.execute("ANALYZE")
    parameters = parse_address(database)
    with connect(parameters) as connection:
        with_values = msgspec.json.encode(collect(connection, parameters))
        without = msgspec.json.encode(collect(connection, parameters, values=False))
    assert b"canary-mail" in with_values
    assert b"canary-token" not in with_values
    assert b"canary" not in without


def test_the_server_forbids_writing(database: str) -> None:
    with connect(parse_address(database)) as connection:
        reader = Reader(connection)
        with pytest.raises(Exception, match="read-only transaction"):
            reader._run(sql.SQL("CREATE TABLE nothing_new ()"), {})


def test_a_table_locked_against_readers_does_not_hold_us_up(database: str) -> None:
    with psycopg.connect(database) as holder:
        holder.execute("CREATE TABLE busy (id int PRIMARY KEY)")
        holder.execute("CREATE TABLE free (id int PRIMARY KEY)")
        holder.commit()
        holder.execute("LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        snapshot = read(database)
    free = snapshot.catalog.table_by_name["public", "free"]
    assert snapshot.catalog.columns_of(free)
    assert any("busy" in gap.reason and gap.partial for gap in snapshot.gaps)


def test_locks_taken_on_the_target_are_no_stronger_than_a_readers(database: str) -> None:
    """Another session watches pg_locks while snapshots are taken."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE watched (id int PRIMARY KEY, t text); CREATE VIEW v AS SELECT t FROM watched")
    done = threading.Event()

    def collect_often() -> None:
        while not done.is_set():
            read(database)

    worker = threading.Thread(target=collect_often)
    worker.start()
    modes: set[str] = set()
    try:
        with psycopg.connect(database, autocommit=True) as connection:
            for _ in range(300):
                modes |= {
                    row[0]
                    for row in connection.execute(
                        "SELECT DISTINCT l.mode FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                        " WHERE a.application_name = 'dbwright' AND l.locktype = 'relation'"
                    )
                }
    finally:
        done.set()
        worker.join()
    assert modes == {"AccessShareLock"}


def test_no_statement_of_ours_holds_more_than_a_readers_lock(zoo: tuple[EmbeddedServer, str]) -> None:
    """pg_locks is read in each reading transaction, just before it ends."""
    _, conninfo = zoo
    held: list[psycopg.Cursor[Any]] = []
    modes = (
        "select l.mode, c.relkind from pg_locks l join pg_class c on c.oid = l.relation where l.pid = pg_backend_pid()"
    )

    class Looking(psycopg.Connection[Any]):
        def execute(self, query: Any, *args: Any, **more: Any) -> psycopg.Cursor[Any]:
            if query == "commit":
                held.append(super().execute(modes))
            return super().execute(query, *args, **more)

    with Looking.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
        snapshot = collect(connection, parse_address(conninfo))
    assert {s.last_value for s in snapshot.catalog.sequences if s.name == "book_id_seq"} == {1000}
    locks = {(mode, kind) for cursor in held for mode, kind in cursor}
    assert ("AccessShareLock", "S") in locks  # a sequence was read
    assert {mode for mode, _ in locks} == {"AccessShareLock"}


def test_last_values_of_sequences_and_whom_they_are_hidden_from(zoo: tuple[EmbeddedServer, str]) -> None:
    server, conninfo = zoo
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            """CREATE SCHEMA numbers; CREATE SEQUENCE numbers."od""d %s" INCREMENT -5 MAXVALUE 100 START 100;
            CREATE SEQUENCE numbers.unused; CREATE SEQUENCE numbers.usable;
            SELECT nextval('numbers."od""d %s"'), nextval('numbers."od""d %s"'), nextval('numbers.usable');
            SELECT setval('numbers.usable', 9223372036854775807);
            GRANT SELECT ON ALL SEQUENCES IN SCHEMA numbers TO watcher;
            REVOKE SELECT ON numbers.usable FROM watcher; GRANT USAGE ON numbers.usable TO watcher"""
        )

    def values(snapshot: Snapshot) -> dict[str, tuple[bool, int | None]]:
        return {s.name: (s.readable, s.last_value) for s in snapshot.catalog.sequences if s.schema == "numbers"}

    def hidden(snapshot: Snapshot) -> list[str]:
        return [g.reason for g in snapshot.gaps if g.section == "catalog.sequences"]

    try:
        everything = read(conninfo)
        assert values(everything) == {'od"d %s': (True, 95), "unused": (True, None), "usable": (True, 2**63 - 1)}
        assert hidden(everything) == []
        watcher = {"user": "watcher", "password": "canary-watcher"}
        outside = read(conninfo, **watcher)
        assert set(values(outside).values()) == {(False, None)}  # no USAGE on the schema
        assert "hidden from watcher" in hidden(outside)[0]
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("GRANT USAGE ON SCHEMA numbers TO watcher")
        assert values(read(conninfo, **watcher)) == {
            'od"d %s': (True, 95),
            "unused": (True, None),
            "usable": (False, None),
        }
        if server.major >= 14:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute("GRANT pg_read_all_data TO watcher")
            assert hidden(read(conninfo, **watcher)) == []
    finally:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("DROP SCHEMA numbers CASCADE")
            if server.major >= 14:
                connection.execute("REVOKE pg_read_all_data FROM watcher")


def test_1600_columns(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE wide ({', '.join(f'c{n} int' for n in range(1600))})")
    snapshot = read(database)
    assert len(snapshot.catalog.columns_of(snapshot.catalog.table_by_name["public", "wide"])) == 1600


def test_a_statement_over_the_limit_becomes_a_gap(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dbwright.postgres.query_text", slow_query_text)
    snapshot = read(database)
    assert any(g.section == "activity.locks" and "timeout" in g.reason for g in snapshot.gaps)
    assert snapshot.settings.rows


def slow_query_text(name: str, version: int) -> str:
    text = query_text(name, version)
    return text.replace("from pg_locks l", "from pg_locks l, pg_sleep(5)") if name == "locks" else text


def test_a_server_that_goes_away_midway_is_one_clear_error(servers: Callable[[int], EmbeddedServer]) -> None:
    server = servers(available_majors()[-1])
    conninfo = server.create_database("leaving")
    parameters = parse_address(conninfo)
    connection = connect(parameters)

    def stop_it(what: str, _share: float) -> None:
        if what == "catalog.constraints":
            with psycopg.connect(server.conninfo(), autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dbwright'"
                )

    with pytest.raises(CannotConnect, match="closed the connection"):
        collect(connection, parameters, progressed=stop_it)
    connection.close()
    server.drop_database("leaving")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+asyncpg://u:p%40ss@db.example:6432/shop?ssl=true&sslmode=require",
        "postgres://u:p%40ss@db.example:6432/shop?sslmode=require",
        "postgis://u:p%40ss@db.example:6432/shop?sslmode=require",
        "host=db.example port=6432 user=u password='p@ss' dbname=shop sslmode=require",
    ],
)
def test_addresses_of_every_spelling(address: str) -> None:
    parameters = parse_address(address)
    assert {key: parameters[key] for key in ("host", "port", "user", "password", "dbname", "sslmode")} == {
        "host": "db.example",
        "port": "6432",
        "user": "u",
        "password": "p@ss",
        "dbname": "shop",
        "sslmode": "require",
    }


@pytest.mark.parametrize(
    "address", ["mysql://u:canary@h/d", "postgresql://u:canary@h:port/d", "host=h password=canary broken"]
)
def test_an_unreadable_address_is_not_repeated(address: str) -> None:
    with pytest.raises(CannotConnect) as caught:
        connect(parse_address(address))
    assert "canary" not in caught.value.message + caught.value.remedy


def test_no_comment_is_sent_and_none_takes_a_schema_name() -> None:
    for major in (13, 15, 16, 17, 18):
        for path in (files("dbwright.collect") / "sql").iterdir():
            text = query_text(path.name.split(".")[0], major * 10000)
            assert "--" not in text
    assert "s.shared_blk_read_time" in query_text("statements", 170000)
    assert "s.blk_read_time" in query_text("statements", 160000)
    for name in ("statements", "statements_info"):
        assert query_text(name, 180000).count("{") == 1


def test_bytes_of_any_encoding_are_read(server: EmbeddedServer) -> None:
    name = "ascii_only"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
    try:
        conninfo = server.conninfo(name)
        with psycopg.connect(conninfo, autocommit=True, client_encoding="LATIN1") as connection:
            connection.execute("CREATE TABLE caf\u00e9 (id int PRIMARY KEY, pr\u00e9nom text)")
            connection.execute("COMMENT ON TABLE caf\u00e9 IS 'd\u00e9j\u00e0 vu'")
            connection.execute("INSERT INTO caf\u00e9 SELECT g, 'h\u00e9' FROM generate_series(1, 50) g; ANALYZE")
            snapshot = read(conninfo)
        assert [(t.name, t.comment) for t in snapshot.catalog.tables] == [("caf\u00e9", "d\u00e9j\u00e0 vu")]
        assert {gap.section for gap in snapshot.gaps} <= {"workload.statements"}
        assert msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot) == snapshot
        assert list(sql_ascii_encoding.check(snapshot, {"bytes": 1.0}))
    finally:
        forget_statements(server, name)
        server.drop_database(name)


def forget_statements(server: EmbeddedServer, database: str) -> None:
    """Texts in bytes that no other database can read would stay in the server's statements, for all tests after this one."""
    if server.binaries.has_library("pg_stat_statements"):
        with psycopg.connect(server.conninfo(database), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            connection.execute(
                "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = current_database()"
            )


def test_a_statement_of_another_encoding_is_read(server: EmbeddedServer, database: str) -> None:
    """What sessions of other databases run comes as they sent it."""
    name = "latin_one"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    try:
        with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
            connection.execute("SELECT 1 AS pr\u00e9nom")
            snapshot = read(database)
        assert any(s.query == "SELECT $1 AS pr\u00e9nom" for s in snapshot.activity.sessions)
    finally:
        server.drop_database(name)


def test_a_network_that_swallows_everything_is_given_up() -> None:
    with pytest.raises(CannotConnect):
        connect({"host": "127.0.0.1", "port": "1", "keepalives_idle": "60"})
    assert set(postgres._PATIENCE) <= postgres._libpq_parameters()


def test_a_view_over_a_locked_table_does_not_hold_us_up(database: str) -> None:
    with psycopg.connect(database) as holder:
        holder.execute("CREATE TABLE busy (id int PRIMARY KEY); CREATE TABLE free (id int PRIMARY KEY)")
        holder.execute("CREATE VIEW over AS SELECT id FROM busy; CREATE VIEW above AS SELECT id FROM over")
        holder.execute("CREATE VIEW aside AS SELECT id FROM free")
        holder.execute(
            "CREATE POLICY asks ON free USING (EXISTS (SELECT FROM busy)); CREATE POLICY own ON free USING (id > 0)"
        )
        holder.commit()
        holder.execute("LOCK TABLE ONLY busy IN ACCESS EXCLUSIVE MODE")
        snapshot = read(database)
    tables = snapshot.catalog.table_by_name
    assert {name for _, name in tables} == {"busy", "free", "over", "above", "aside"}
    assert tables["public", "aside"].definition
    assert tables["public", "above"].definition is None
    assert snapshot.catalog.columns_of(tables["public", "aside"])
    assert [p.name for p in snapshot.catalog.policies] == ["own"]
    assert [g.partial for g in snapshot.gaps if "timeout" in g.reason or "locked" in g.reason] == [True]


def test_a_lock_that_is_awaited_counts_as_well(database: str) -> None:
    """Readers queue behind who waits for a lock against readers."""
    with psycopg.connect(database) as holder:
        holder.execute("CREATE TABLE wanted (id serial PRIMARY KEY)")
        holder.commit()
        holder.execute("SELECT FROM wanted")

        def alter() -> None:
            with psycopg.connect(database) as other:
                other.execute("LOCK TABLE wanted IN ACCESS EXCLUSIVE MODE")

        waiter = threading.Thread(target=alter)
        waiter.start()
        time.sleep(0.3)
        snapshot = read(database)
        holder.rollback()
        waiter.join()
    assert any("wanted" in gap.reason and gap.partial for gap in snapshot.gaps)
    assert not any("timeout" in gap.reason for gap in snapshot.gaps)


def test_a_sequence_locked_against_readers_is_not_waited_for_and_one_locked_against_writers_is_read(
    database: str,
) -> None:
    with psycopg.connect(database) as holder:
        holder.execute(
            "CREATE SEQUENCE taken; CREATE SEQUENCE held; CREATE SEQUENCE free; SELECT nextval('taken'), nextval('held'), nextval('free')"
        )
        holder.commit()
        holder.execute("ALTER SEQUENCE held CACHE 5; ALTER SEQUENCE taken OWNER TO CURRENT_USER; DROP SEQUENCE taken")
        snapshot = read(database)
        holder.rollback()
    assert {s.name: (s.readable, s.last_value) for s in snapshot.catalog.sequences} == {
        "taken": (False, None),
        "held": (True, 1),
        "free": (True, 1),
    }
    # `locked` speaks of it already, so that it is no missing right.
    assert not any("hidden" in gap.reason for gap in snapshot.gaps)


def test_relations_that_cannot_be_read_are_left_out_alone(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("".join(f"CREATE TABLE t{n} (id int);" for n in range(60)))
    fetch, seen, slow = Reader.fetch, set[str](), {"t7", "t31"}

    def failing(reader: Reader, name: str, row_type: Callable[..., object], *args: object, **more: object) -> object:
        found = fetch(reader, name, row_type, *args, **more)  # type: ignore[arg-type]
        if name == "tables" and (bad := slow & {row.name for row in found.rows(Table)}):
            seen.update(bad)
            raise QueryFailed("canceling statement due to statement timeout", "later", "57014")
        return found

    monkeypatch.setattr(Reader, "fetch", failing)
    snapshot = read(database)
    assert {t.name for t in snapshot.catalog.tables} == {f"t{n}" for n in range(60)} - slow
    gap = next(g for g in snapshot.gaps if g.section == "catalog.tables")
    assert gap.partial
    assert "2 of 60 relations left out: public.t7, public.t31" in gap.reason
    slow.update(f"t{n}" for n in range(30, 60))
    snapshot = read(database)
    assert len(snapshot.catalog.tables) == 29
    assert "31 of 60" in next(g.reason for g in snapshot.gaps if g.section == "catalog.tables")


def test_pages_shrink_until_they_fit_and_tell_where_they_ended(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("".join(f"CREATE SEQUENCE s{n};" for n in range(150)))
    fetch, most = Reader.fetch, 40

    def failing(reader: Reader, name: str, row_type: Any, parameters: Any = None, **more: Any) -> Any:
        if name == "sequences" and parameters["limit"] > most:
            raise QueryFailed("canceling statement due to statement timeout", "later", "57014")
        return fetch(reader, name, row_type, parameters, **more)

    monkeypatch.setattr(Reader, "fetch", failing)
    names = [s.name for s in read(database).catalog.sequences]
    assert names == [f"s{n}" for n in range(150)]
    assert not [g for g in read(database).gaps if g.section == "catalog.sequences"]
    most = -1
    snapshot = read(database)
    assert snapshot.catalog.sequences == ()
    gap = next(g for g in snapshot.gaps if g.section == "catalog.sequences")
    assert ("timeout" in gap.reason, gap.partial) == (True, False)


def test_column_statistics_of_a_batch_do_not_read_those_of_all_tables(database: str) -> None:
    """pg_stats is a security barrier: joined carelessly it is computed as a whole for each batch."""
    with psycopg.connect(database, autocommit=True) as connection:
        for n in range(60):
            connection.execute(f"CREATE TABLE t{n} AS SELECT g AS a, g AS b, g AS c FROM generate_series(1, 5) g")
        connection.execute("ANALYZE")
        oid = connection.execute("SELECT 't7'::regclass::oid").fetchone()
        assert oid
        connection.execute("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off")
        text = "EXPLAIN (ANALYZE, FORMAT JSON) " + query_text("column_statistics", connection.info.server_version)
        (plan,) = connection.execute(text, {"oids": list(oid), "values": True, "secret": "x"}).fetchone() or ()

    def read_from(node: dict[str, Any], relation: str) -> float:
        own = node["Actual Rows"] * node["Actual Loops"] if node.get("Relation Name") == relation else 0
        return own + sum(read_from(child, relation) for child in node.get("Plans", ()))

    assert read_from(plan[0]["Plan"], "pg_statistic") == 3


def test_secrets_in_settings_triggers_and_functions_are_masked(database: str) -> None:
    name = parse_address(database)["dbname"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET app.jwt_secret = 'canary-one'")
        connection.execute(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql SET app.token = 'canary-two' AS 'BEGIN END'"
        )
        connection.execute("CREATE TABLE t (id int, user_pwd text, passphrase text, access_key text)")
        connection.execute(
            "INSERT INTO t SELECT 1, 'canary-5', 'canary-6', 'canary-7' FROM generate_series(1, 200); ANALYZE"
        )
        connection.execute(
            "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f('api_key=canary-three')"
        )
    snapshot = read(database)
    assert snapshot.catalog.triggers
    assert b"canary" not in msgspec.json.encode(snapshot)
    row = replace(snapshot.settings.rows[0], value="canary", reset_value="canary", boot_value="")
    masked = _mask_setting(replace(row, name="pgx.secret"))
    assert (masked.value, masked.reset_value, masked.boot_value) == ("***", "***", "")
    assert _mask_setting(replace(row, name="password_encryption")).value == "canary"


def test_who_may_read_the_client_rules_gets_them(zoo: tuple[EmbeddedServer, str]) -> None:
    _, conninfo = zoo
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("GRANT SELECT ON pg_hba_file_rules TO watcher")
        connection.execute("GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO watcher")
        snapshot = read(conninfo, user="watcher", password="canary-watcher")
        connection.execute("REVOKE SELECT ON pg_hba_file_rules FROM watcher")
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_hba_file_rules() FROM watcher")
    assert snapshot.hba
    assert not any(gap.section == "hba" for gap in snapshot.gaps)
    assert next(d.bytes for d in snapshot.catalog.databases if d.is_current)
