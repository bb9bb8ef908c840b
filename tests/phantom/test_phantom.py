"""Plans of a phantom against those of the server that holds the rows."""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbwright.advise.sizing import supposed
from dbwright.collect.postgres import collect
from dbwright.embedded import EmbeddedServer
from dbwright.fixes.sql import create_index
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.query_plan import Plan, steps
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.phantom import Phantom, PlanFailed, Session, WhatIfIndex
from dbwright.phantom import server as phantom_server
from dbwright.phantom.clock import as_of
from dbwright.phantom.server import NothingToPlan
from dbwright.postgres import connect, parse_address
from servers import all_binaries, analyze, available_majors

SCHEMA = r"""
create type mood as enum ('sad', 'ok', 'happy');
create domain amount as numeric(10, 2) check (value >= 0);
create table person (
    id bigint primary key, name text not null, email varchar(60) not null unique, city text collate "C", feeling mood, tags text[],
    details jsonb, words tsvector, during tstzrange, joined timestamptz not null, deleted_at timestamptz
);
create table "or der" (
    id bigint primary key, person_id bigint not null references person, state text not null, "to""tal" amount not null,
    placed date not null, line_a int, line_b int, advised_by bigint references person, check (line_a >= 0)
);
create statistics order_lines (ndistinct) on line_a, line_b from "or der";
create table event (at timestamptz not null, kind int not null, person_id bigint) partition by range (at);
create table event_old partition of event for values from ('2000-01-01') to ('2025-01-01');
create table event_new partition of event for values from ('2025-01-01') to ('2030-01-01');
create view recent as select id, name, joined from person where joined > now() - interval '30 days';
create materialized view spent as select person_id, count(*) as orders from "or der" group by person_id;
insert into person
select i, 'name ' || i % 900, 'p' || i || '@example.org', 'city' || i % 70, (array['sad', 'ok', 'happy'])[1 + i % 3]::mood,
       array['t' || i % 11, 'u' || i % 300], jsonb_build_object('kind', i % 5), to_tsvector('simple', 'word' || i % 400 || ' all'),
       tstzrange(now() - i * interval '1 hour', now()), now() - i * interval '20 minutes', case when i % 40 = 0 then now() end
from generate_series(1, 20000) i;
insert into "or der"
select i, 1 + (i * 7919) % 20000, (array['open', 'done', 'done', 'done', 'sent'])[1 + i % 5], i % 5000, date '2024-01-01' + i / 330,
       i % 50, i % 25, case when i % 4 > 0 then 1 + i % 97 * (i % 97) % 300 end
from generate_series(1, 100000) i;
insert into event select timestamptz '2024-06-01' + i * interval '10 minutes', i % 40, i % 20000 from generate_series(1, 60000) i;
create index order_person on "or der" (person_id, placed desc);
create index order_open on "or der" (placed) where state = 'open';
create index person_lower on person (lower(name));
create index person_tags on person using gin (tags);
create index person_city on person using hash (city);
create index order_placed on "or der" using brin (placed);
create index event_kind on event (kind);
refresh materialized view spent;
"""

QUERIES = (
    "select * from person where id = 77",
    "select * from person where lower(name) = 'name 5'",
    "select * from person where tags @> array['t3', 'u14']",
    "select * from person where city = 'city4' and feeling = 'ok'",
    "select * from person where email like 'p12%'",
    "select * from person where words @@ to_tsquery('simple', 'word12')",
    "select * from person where details @> '{\"kind\": 2}' and deleted_at is null",
    "select * from person where during @> now() - interval '2 days'",
    'select p.name, sum(o."to""tal") from person p join "or der" o on o.person_id = p.id where o.placed > \'2024-09-01\' group by p.name',
    "select * from \"or der\" where state = 'open' order by placed desc limit 10",
    'select * from "or der" where person_id in (5, 6, 7) order by placed desc',
    'select line_a, line_b, count(*) from "or der" group by line_a, line_b',
    "select count(*) from \"or der\" o where exists (select 1 from person p where p.id = o.person_id and p.city = 'city9')",
    # Only the foreign key tells that each of the skewed numbers finds its row.
    "select * from \"or der\" o join person p on p.id = o.advised_by where p.feeling = 'sad'",
    "select * from event where at >= '2025-01-05' and at < '2025-01-06' and kind = 3",
    "select kind, count(*) from event group by kind",
    "select * from recent where id < 500",
    "select * from spent where orders > 2",
    "select * from person p left join spent s on s.person_id = p.id where p.joined > current_date - 3",
    "update \"or der\" set state = 'done' where placed < '2024-02-01'",
)


@dataclass
class Both:
    """A database and its phantom."""

    real: psycopg.Connection[Any]
    phantom: Phantom
    session: Session

    def explained(self, statement: str) -> Plan:
        row = self.real.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode()).fetchone()
        assert row is not None
        return Plan(row[0][0]["Plan"])


def taken(conninfo: str) -> Snapshot:
    parameters = parse_address(conninfo)
    with connect(parameters) as connection:
        return collect(connection, parameters)


@pytest.fixture(scope="module", params=available_majors())
def both(request: pytest.FixtureRequest, servers: Callable[[int], EmbeddedServer]) -> Iterator[Both]:
    server = servers(request.param)
    conninfo = server.create_database("planned")
    with psycopg.connect(conninfo, autocommit=True) as real:
        for statement in SCHEMA.split(";\n")[:-1]:
            real.execute(statement.encode())
        analyze(real)
        snapshot = taken(conninfo)
        with Phantom.of(snapshot, binaries=all_binaries()[request.param]) as phantom, phantom.session() as session:
            yield Both(real, phantom, session)
    server.drop_database("planned")


@pytest.mark.parametrize("statement", QUERIES)
def test_plans_are_those_of_the_database_with_rows(both: Both, statement: str) -> None:
    real, mine = both.explained(statement), both.session.plan(statement)
    if "line_b" in statement:
        # Extended statistics hold data that no role without superuser can read: said as a Gap, and planned without.
        assert mine.shape[0] == real.shape[0]
        return
    assert mine.shape == real.shape
    near = 0.02 if "@>" in statement or "@@" in statement else 0.002
    assert mine.cost == pytest.approx(real.cost, rel=near)
    if "during" not in statement or both.phantom.server.major >= 17:  # statistics of ranges cannot be read before
        assert mine.rows == pytest.approx(real.rows, rel=near, abs=1)


def test_what_a_snapshot_defines_is_carried_out_without_rights(both: Both, tmp_path: Path) -> None:
    """A snapshot may come from anybody."""
    snapshot, mark = both.phantom.snapshot, Path(tempfile.gettempdir()) / f"dbwright-test-{secrets.token_hex(8)}"
    attack = f"; COPY (SELECT 1) TO PROGRAM 'touch {mark}'; RESET SESSION AUTHORIZATION; COPY (SELECT 1) TO '{mark}'"
    first, *others = snapshot.catalog.indexes
    indexes = (replace(first, definition=first.definition + attack, constraint=None), *others)
    constraints = tuple(c for c in snapshot.catalog.constraints if c.index_oid != first.oid)
    types = tuple(replace(t, base_type=f"{t.base_type}{attack}") for t in snapshot.catalog.types)
    catalog = replace(snapshot.catalog, indexes=indexes, constraints=constraints, types=types)
    with Phantom.of(replace(snapshot, catalog=catalog), binaries=both.phantom.server.binaries) as phantom:
        assert any("permission denied" in gap.reason or "must be superuser" in gap.reason for gap in phantom.gaps)
    assert not mark.exists()


def test_what_a_snapshot_defines_cannot_wait_for_the_planner_either(both: Both) -> None:
    """A function in an index is folded by whoever plans, who has all rights."""
    snapshot, mark = both.phantom.snapshot, Path(tempfile.gettempdir()) / f"dbwright-test-{secrets.token_hex(8)}"
    first, *others = snapshot.catalog.indexes
    table = snapshot.catalog.table_by_oid[first.table_oid]
    name = quote_identifier(table.schema, table.name)
    attack = (
        "CREATE FUNCTION public.inner_() RETURNS int LANGUAGE plpgsql VOLATILE AS $f$ BEGIN EXECUTE $q$COPY (SELECT 1) TO PROGRAM "
        f"'touch {mark}'$q$; RETURN 1; END $f$; CREATE FUNCTION public.evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
        "$f$ BEGIN IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN PERFORM public.inner_(); END IF; RETURN 1; "
        f"END $f$; CREATE INDEX evil ON {name} ((1 + public.evil(1)))"
    )
    indexes = (replace(first, definition=attack, constraint=None), *others)
    constraints = tuple(c for c in snapshot.catalog.constraints if c.index_oid != first.oid)
    catalog = replace(snapshot.catalog, indexes=indexes, constraints=constraints)
    with (
        Phantom.of(replace(snapshot, catalog=catalog), binaries=both.phantom.server.binaries) as phantom,
        phantom.session() as session,
    ):
        session.plan(f"SELECT * FROM {name}")
        assert any("permission denied for language" in gap.reason for gap in phantom.gaps)
    assert not mark.exists()


def test_what_differs_from_production_is_said(both: Both) -> None:
    assert both.phantom.same_major
    assert [gap.section for gap in both.phantom.gaps] == ["phantom.extended_statistics"]


def test_parameters_may_have_gaps_where_values_were_written_out(both: Both) -> None:
    plan = both.session.plan("select * from \"or der\" where state = 'open' and person_id = $2 and placed > $4")
    assert "order_person" in plan.indexes


def test_parameters_are_planned_for_any_value(both: Both) -> None:
    plan = both.session.plan('select * from "or der" where person_id = $1 and placed > now() - interval $2')
    assert "order_person" in plan.indexes


@pytest.mark.parametrize(
    "index",
    [
        CreateIndex("public", "or der", "x", (IndexKey("state"), IndexKey("placed"))),
        CreateIndex("public", "or der", "x", (IndexKey("placed"),), include=("state", 'to"tal')),
        CreateIndex("public", "person", "x", (IndexKey("joined", descending=True),), predicate="deleted_at IS NULL"),
        CreateIndex("public", "person", "x", (IndexKey("words"),), method="gin"),
        CreateIndex("public", "person", "x", (IndexKey("during"),), method="gist"),
    ],
    ids=lambda index: f"{index.table} {index.method}",
)
def test_a_supposed_index_plans_as_the_one_really_built(both: Both, index: CreateIndex) -> None:
    if index.method == "gist" and both.phantom.server.major < 17:
        pytest.skip("statistics of ranges cannot be read before PostgreSQL 17")
    statements = [
        statement for statement in QUERIES if index.table.split()[0] in statement and "line_b" not in statement
    ]
    one = supposed(both.session, both.phantom.snapshot, [index])
    before = {statement: both.session.plan(statement).cost for statement in statements}
    with both.real.transaction(force_rollback=True):
        both.real.execute(create_index(index, online=False).encode())
        real = {statement: both.explained(statement) for statement in statements}
    with both.session.what_if(one) as what_if:
        what_if.switch({0})
        used = [statement for statement in statements if what_if.plan(statement)[1]]
        for statement in statements:
            plan, numbers = what_if.plan(statement)
            assert bool(numbers) == ("x" in real[statement].indexes), statement
            assert plan.cost == pytest.approx(real[statement].cost, rel=0.1), statement
        what_if.switch(())
        assert {statement: what_if.plan(statement)[0].cost for statement in statements} == before
    assert {statement: both.session.plan(statement).cost for statement in statements} == before
    assert used or index.method in ("gist", "btree")


def test_what_cannot_be_an_index_is_refused_and_the_rest_stands(both: Both) -> None:
    random = CreateIndex("public", "person", "x", (IndexKey(expression="random()"),))
    name = CreateIndex("public", "person", "x", (IndexKey("name"),))
    gin = CreateIndex("public", "person", "x", (IndexKey("name"),), method="gin")
    with both.session.what_if([WhatIfIndex(one, 100, 20000.0, 1) for one in (random, name, gin)]) as what_if:
        assert set(what_if.refused) == {0, 2}
        what_if.switch({0, 1, 2})
        assert what_if.plan("select * from person where name = 'name 7'")[1] == {1}


def test_without_an_existing_index(both: Both) -> None:
    statement = 'select * from "or der" where person_id = 5'
    with both.session.what_if([]) as what_if:
        with what_if.without({"public": ["order_person"]}):
            assert "order_person" not in what_if.plan(statement)[0].indexes
        assert "order_person" in what_if.plan(statement)[0].indexes
    assert "order_person" in both.session.plan(statement).indexes


@pytest.mark.parametrize("statement", ["selec 1", "select * from nowhere", "select nothing from person", ""])
def test_what_cannot_be_planned_says_why(both: Both, statement: str) -> None:
    with pytest.raises(PlanFailed, match="cannot be planned"):
        both.session.plan(statement)
    assert both.session.plan("select * from person where id = 1").cost > 0


@pytest.mark.parametrize(
    "statement",
    [
        "select 1; create table pwned (x int)",
        "select 1 from person where id = $1; create table pwned (x int)",
        "select ';' /* ; */; create table pwned (x int); select 'x -- ;",
    ],
)
def test_nothing_behind_a_semicolon_is_carried_out(both: Both, statement: str) -> None:
    """Texts come from logs and files, and the phantom's user may do everything."""
    with pytest.raises(PlanFailed, match="not one statement"):
        both.session.plan(statement)
    assert both.session.connection.execute("select to_regclass('pwned')").fetchone() == (None,)


@pytest.mark.parametrize(
    "statement", ["select ';' from person", "select 1 /* ; */ -- ;", 'select $a$;$a$, ";" from (select 1 as ";") x;']
)
def test_a_semicolon_in_quotes_ends_nothing(both: Both, statement: str) -> None:
    assert both.session.plan(statement).cost > 0


def test_sessions_of_their_own_suppose_at_the_same_time(both: Both) -> None:
    index = WhatIfIndex(CreateIndex("public", "person", "x", (IndexKey("name"),)), 100, 20000.0, 1)
    first, second = both.phantom.sessions(2)
    with first, second, first.what_if([index]) as one, second.what_if([index]) as other:
        one.switch({0})
        assert one.plan("select * from person where name = 'name 7'")[1] == {0}
        assert other.plan("select * from person where name = 'name 7'")[1] == set()


def test_a_month_later_the_week_before_the_snapshot_is_still_the_last_week(both: Both) -> None:
    aged = replace(both.phantom.snapshot, taken_at=both.phantom.snapshot.taken_at + timedelta(days=300))
    statement = "select * from person where joined > now() - interval '7 days'"
    with Phantom.of(aged, binaries=all_binaries()[both.phantom.server.major]) as later, later.session() as session:
        assert session.plan(statement).rows < 5
    assert both.session.plan(statement).rows == pytest.approx(504, rel=0.2)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select now()", "select dbwright_clock.moment()"),
        ("select 'now()', \"now()\", $$now()$$ -- now()", "select 'now()', \"now()\", $$now()$$ -- now()"),
        ("select s.now() , clock_timestamp()", "select s.now() , clock_timestamp()"),
        ("where d = CURRENT_DATE - 3", "where d = dbwright_clock.today() - 3"),
        ("select t.current_date, current_timestamp(3)", "select t.current_date, current_timestamp(3)"),
        ("select pg_catalog.now( )", "select dbwright_clock.moment()"),
    ],
)
def test_only_the_clock_itself_is_replaced(statement: str, expected: str) -> None:
    assert as_of(statement) == expected


def test_without_values_plans_are_made_and_without_statistics_it_is_said(both: Both) -> None:
    snapshot = both.phantom.snapshot
    bare = replace(snapshot, statistics=replace(snapshot.statistics, columns=()))
    with Phantom.of(bare, binaries=all_binaries()[both.phantom.server.major]) as phantom, phantom.session() as session:
        assert "phantom.statistics" in {gap.section for gap in phantom.gaps}
        assert session.plan("select * from person where city = 'city4'").cost > 0


def test_a_value_that_the_server_does_not_take_costs_the_statistics_of_its_table_alone(both: Both) -> None:
    snapshot = both.phantom.snapshot
    orders = next(t.oid for t in snapshot.catalog.tables if t.name == "or der")
    broken = tuple(
        replace(row, histogram=("32/13/2024", "33/13/2024"))
        if row.table_oid == orders and row.column == "placed"
        else row
        for row in snapshot.statistics.columns
    )
    aged = replace(snapshot, statistics=replace(snapshot.statistics, columns=broken))
    with Phantom.of(aged, binaries=all_binaries()[both.phantom.server.major]) as phantom, phantom.session() as session:
        assert [g.reason[:33] for g in phantom.gaps if g.section == "phantom.statistics"] == [
            "the statistics of or der are not "
        ]
        assert session.plan(QUERIES[3]).cost == both.session.plan(QUERIES[3]).cost


def test_the_time_zone_of_production_is_that_of_its_plans(both: Both) -> None:
    rows = tuple(
        replace(r, value="Asia/Tokyo") if r.name == "TimeZone" else r for r in both.phantom.snapshot.settings.rows
    )
    there = replace(both.phantom.snapshot, settings=replace(both.phantom.snapshot.settings, rows=rows))
    with Phantom.of(there, binaries=all_binaries()[both.phantom.server.major]) as phantom, phantom.session() as session:
        assert session.connection.execute("SHOW timezone").fetchone() == ("Asia/Tokyo",)


def test_many_tables_are_made_on_several_connections(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phantom_server, "_MANY_TABLES", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    with (
        Phantom.of(both.phantom.snapshot, binaries=both.phantom.server.binaries) as phantom,
        phantom.session() as session,
    ):
        assert phantom.gaps == both.phantom.gaps
        for statement in QUERIES:
            assert session.plan(statement) == both.session.plan(statement)


def test_a_snapshot_without_tables_is_refused(both: Both) -> None:
    snapshot = both.phantom.snapshot
    with pytest.raises(NothingToPlan):
        Phantom.of(replace(snapshot, catalog=replace(snapshot.catalog, tables=())))


def test_what_a_plan_costs_is_shared_out_among_its_steps(both: Both) -> None:
    plan = both.session.plan(QUERIES[8])
    shared = steps(plan)
    assert sum(step.own for step in shared) == pytest.approx(plan.cost, rel=0.01)
    assert all(step.own >= 0 for step in shared)
