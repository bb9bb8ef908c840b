"""Statistics are advised where recorded rows and estimates are far apart, and making them brings the estimates near the record."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from dbwright.advise.evidence import Evidence
from dbwright.advise.measures import extended_statistics, statistics_target
from dbwright.collect.postgres import collect
from dbwright.embedded import EmbeddedServer
from dbwright.model.advice import Effect, Measure
from dbwright.model.query_plan import Plan
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom
from dbwright.postgres import connect, parse_address
from dbwright.workload.logs import read_logs
from dbwright.workload.recorded import read_recorded

HOUSES = """
CREATE TABLE house (id int PRIMARY KEY, city int NOT NULL, region int NOT NULL, kind int NOT NULL, owner int NOT NULL, name text NOT NULL);
INSERT INTO house
    SELECT g, g % 200, g % 200 / 10, (g::bigint * 7919) % 30, CASE WHEN g % 2 = 0 THEN g % 300 ELSE 1000 + g % 100000 END,
        'name ' || g % 10
    FROM generate_series(1, 400000) g;
CREATE TABLE seen (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, c int NOT NULL);
INSERT INTO seen SELECT g, g % 200, g % 200 / 10, g % 50 FROM generate_series(1, 200000) g;
CREATE TABLE mark (id int PRIMARY KEY);
INSERT INTO mark SELECT generate_series(1, 5000);
CREATE STATISTICS seen_ab (dependencies) ON a, b FROM seen;
VACUUM ANALYZE
"""
CALLED = (
    "SELECT * FROM house WHERE city = 17 AND region = 1",
    "SELECT city, region, count(*) FROM house GROUP BY city, region",
    "SELECT * FROM house WHERE city = 17 AND kind = 3",
    "SELECT * FROM house WHERE upper(name) = 'NAME 3'",
    "SELECT * FROM seen WHERE a = 17 AND b = 1",
    "SELECT count(*) FROM house WHERE city = 18 AND region = 1",
    "SELECT * FROM house WHERE city = 18 AND region = 1 LIMIT 5",
    "UPDATE house SET kind = kind WHERE city = 19 AND region = 1",
)


@dataclass(frozen=True)
class Town:
    conninfo: str
    snapshot: Snapshot


@pytest.fixture(scope="module")
def town(server: EmbeddedServer) -> Iterator[Town]:
    conninfo = server.create_database("advise_town")
    with psycopg.connect(conninfo, autocommit=True) as writer:
        for statement in HOUSES.strip().split(";\n"):
            writer.execute(statement.encode())
        writer.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        writer.execute("SELECT pg_stat_statements_reset()")
        for statement in CALLED:
            writer.execute(statement.encode())
        writer.execute("ANALYZE")
    parameters = parse_address(conninfo)
    with connect(parameters) as connection:
        snapshot = collect(connection, parameters)
    yield Town(conninfo, snapshot)
    server.drop_database("advise_town")


@pytest.fixture(scope="module")
def phantom(town: Town) -> Iterator[Phantom]:
    with Phantom.of(town.snapshot) as phantom:
        yield phantom


def judged(phantom: Phantom, *statements: WorkloadStatement, snapshot: Snapshot | None = None) -> list[Measure]:
    effects = [Effect(statement, 1000.0, 1000.0) for statement in statements]
    with phantom.session() as session, Evidence(session, snapshot or phantom.snapshot, effects, ()) as evidence:
        return [*extended_statistics.measures(evidence), *statistics_target.measures(evidence)]


def recorded(town: Town, text: str) -> WorkloadStatement:
    """The statement that begins so, whatever stands for its constants."""
    return next(s for s in read_recorded(town.snapshot).statements if re.sub(r"\$\d+", "?", s.sql).startswith(text))


def masked(statement: str) -> str:
    return re.sub(r"\b\d+", "?", statement)


def estimate(connection: psycopg.Connection, statement: str) -> float:
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode()).fetchone()
    assert row is not None
    return float(row[0][0]["Plan"]["Plan Rows"])


@pytest.mark.parametrize(
    ("position", "kinds", "record"),
    [(0, "dependencies", 2000), (1, "ndistinct", 200)],
)
def test_columns_that_depend_on_each_other(
    town: Town, phantom: Phantom, position: int, kinds: str, record: int
) -> None:
    statement = CALLED[position]
    (measure,) = judged(phantom, recorded(town, masked(statement)))
    assert measure.verdict == "advised"
    assert f"({kinds})" in measure.change
    assert "ON city, region FROM public.house" in measure.change
    with psycopg.connect(town.conninfo) as connection:
        assert not 0.5 < estimate(connection, statement) / record < 2, "it is a misestimate on the database itself"
        for change in measure.change.split(";\n"):
            connection.execute(change.encode())
        assert estimate(connection, statement) == pytest.approx(record, rel=0.2)
        connection.rollback()


def test_the_plan_with_the_right_estimate_is_shown(town: Town, phantom: Phantom) -> None:
    """A nested loop for 100 rows becomes another join for 2,000, as it does on the database itself."""
    statement = "SELECT count(*) FROM house h JOIN mark m ON m.id = h.owner WHERE h.city = 17 AND h.region = 1"
    executed = Plan(
        {
            "Node Type": "Seq Scan",
            "Relation Name": "house",
            "Alias": "h",
            "Filter": "((h.city = 17) AND (h.region = 1))",
            "Plan Rows": 100,
            "Actual Rows": 2000,
            "Actual Loops": 1,
            "Total Cost": 9000.0,
        }
    )
    (measure,) = judged(phantom, WorkloadStatement(statement, executed=executed))
    (told,) = [text for text in measure.evidence if text.startswith("Planned with the right estimate")]
    with psycopg.connect(town.conninfo) as connection:
        plans = []
        for change in (*measure.change.split(";\n"), ""):
            row = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode()).fetchone()
            assert row is not None
            plans.append(Plan(row[0][0]["Plan"]))
            if change:
                connection.execute(change.encode())
        changed = plans[0].shape != plans[-1].shape
        assert ("becomes another" in told) is changed
        if changed:
            planned = re.search(r"expected to cost ([\d,]+)", told)
            assert planned is not None
            assert float(planned[1].replace(",", "")) == pytest.approx(plans[-1].cost, rel=0.05)
        connection.rollback()


def test_constants_get_a_list_of_combinations_too_where_it_holds_them_all(phantom: Phantom) -> None:
    """Of 200 cities a list of 100 lacks half, and of these it would speak before the dependency does."""
    statement = WorkloadStatement(CALLED[0], mean_rows=2000.0)
    (measure,) = judged(phantom, statement)
    assert "(dependencies) ON city, region" in measure.change
    rows = tuple(
        replace(row, value="200") if row.name == "default_statistics_target" else row
        for row in phantom.snapshot.settings.rows
    )
    longer = replace(phantom.snapshot, settings=replace(phantom.snapshot.settings, rows=rows))
    (measure,) = judged(phantom, statement, snapshot=longer)
    assert "(dependencies, mcv) ON city, region" in measure.change


def test_an_expression_gets_statistics_of_its_own(town: Town, phantom: Phantom) -> None:
    statement = CALLED[3]
    record = recorded(town, "SELECT * FROM house WHERE upper(name)")
    (measure,) = judged(phantom, record)
    assert record.mean_rows is not None
    with psycopg.connect(town.conninfo) as connection:
        before = estimate(connection, statement)
        for change in measure.change.split(";\n"):
            connection.execute(change.encode())
        assert before < record.mean_rows / 10
        assert estimate(connection, statement) == pytest.approx(record.mean_rows, rel=0.3)
        connection.rollback()


def test_a_column_with_more_frequent_values_than_its_list_holds(town: Town, phantom: Phantom) -> None:
    statement = "SELECT * FROM house WHERE owner = {}"
    with psycopg.connect(town.conninfo) as connection:
        row = connection.execute(
            "SELECT common::text::int FROM (SELECT DISTINCT owner AS common FROM house WHERE owner < 300) v WHERE NOT common::text = ANY"
            " (SELECT unnest(most_common_vals::text::text[]) FROM pg_stats WHERE tablename = 'house' AND attname = 'owner')"
            " ORDER BY 1 LIMIT 1"
        ).fetchone()
        assert row is not None
        text = statement.format(row[0])
        count = connection.execute(f"SELECT count(*) FROM house WHERE owner = {row[0]}".encode()).fetchone()
        assert count is not None
        (measure,) = judged(phantom, WorkloadStatement(text, mean_rows=float(count[0])))
        assert "SET STATISTICS 1000" in measure.change
        before = estimate(connection, text)
        for change in measure.change.split(";\n"):
            connection.execute(change.encode())
        assert before < count[0] / 10
        assert estimate(connection, text) == pytest.approx(count[0], rel=0.5)
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM house WHERE city = ? AND kind",  # independent
        "SELECT * FROM seen WHERE a = ? AND b",  # statistics exist
        "SELECT count(*) FROM house WHERE city",  # one row whatever it counts
        "SELECT * FROM house WHERE city = ? AND region = ? LIMIT",  # cut off
    ],
)
def test_what_is_silent(town: Town, phantom: Phantom, statement: str) -> None:
    assert judged(phantom, recorded(town, statement)) == []


def test_rows_that_are_changed_count_like_rows_that_are_read(town: Town, phantom: Phantom) -> None:
    (measure,) = judged(phantom, recorded(town, "UPDATE house"))
    assert "ON city, region" in measure.change


def test_popular_values_of_parameters_are_no_misestimate(phantom: Phantom) -> None:
    """Of 13,333 rows of a kind and 2,000 of a city a call may give what two independent popular values leave."""
    statement = "SELECT * FROM house WHERE kind = $1 AND region = $2"
    assert judged(phantom, WorkloadStatement(statement, mean_rows=1100.0)) == []


def test_an_expression_with_a_parameter_cannot_have_statistics(phantom: Phantom) -> None:
    """pg_stat_statements leaves no constant in ``left(name, 3)``."""
    assert judged(phantom, WorkloadStatement("SELECT * FROM house WHERE left(name, $1) = $2", mean_rows=400000.0)) == []


def test_without_recorded_rows_it_is_said(phantom: Phantom) -> None:
    (measure,) = judged(phantom, WorkloadStatement(CALLED[0]))
    assert measure.verdict == "not judged"
    assert "no recorded row counts" in measure.evidence[0]


def test_statistics_that_are_old_are_collected_first(town: Town, phantom: Phantom) -> None:
    tables = tuple(
        replace(row, modified_since_analyze=row.estimated_rows) if row.estimated_rows == 400000 else row
        for row in town.snapshot.statistics.tables
    )
    old = replace(town.snapshot, statistics=replace(town.snapshot.statistics, tables=tables))
    (measure,) = judged(phantom, recorded(town, masked(CALLED[0])), snapshot=old)
    assert measure.verdict == "not judged"
    assert "ANALYZE it first" in measure.evidence[0]


@pytest.mark.parametrize("form", ["TEXT", "JSON"])
def test_the_nodes_of_a_plan_that_was_executed(town: Town, phantom: Phantom, tmp_path: Path, form: str) -> None:
    """In a join, where one number of rows tells nothing."""
    statement = "SELECT s.id FROM house h JOIN seen s ON s.id = h.id WHERE h.city = 17 AND h.region = 1"
    with psycopg.connect(town.conninfo) as connection:
        rows = connection.execute(f"EXPLAIN (ANALYZE, FORMAT {form}) {statement}".encode()).fetchall()
    if form == "TEXT":
        plan = f"Query Text: {statement}\n" + "\n".join(row[0] for row in rows)
    else:
        plan = json.dumps({"Query Text": statement, "Plan": rows[0][0][0]["Plan"]})
    line = [""] * 23
    line[13], line[2] = f"duration: 40.0 ms  plan:\n{plan}", "town"
    out = io.StringIO()
    csv.writer(out).writerow(line)
    (tmp_path / "log.csv").write_text(out.getvalue())
    (read,) = read_logs([tmp_path / "log.csv"]).statements
    assert read.executed is not None
    (measure,) = judged(phantom, read)
    assert "(dependencies) ON city, region" in measure.change
    assert "an executed plan had 2,000" in measure.evidence[0]
