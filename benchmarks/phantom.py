"""Plans of the phantom against those of the database that holds the rows: cost and shape of every query of a folder, time to be ready, and
time of one what-if.

    python benchmarks/phantom.py --database postgresql://postgres@127.0.0.1:5541/tpch1 --queries QUERIES/tpch
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import psycopg

from dbwright.advise.sizing import supposed
from dbwright.collect.postgres import collect
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.query_plan import Plan
from dbwright.phantom import Phantom, PlanFailed, Session
from dbwright.postgres import connect, parse_address
from dbwright.workload.folder import read_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", required=True)
    parser.add_argument("--queries", type=Path, required=True)
    arguments = parser.parse_args()
    parameters = parse_address(arguments.database)
    with connect(parameters) as connection:
        snapshot = collect(connection, parameters)
    began = time.perf_counter()
    with Phantom.of(snapshot) as phantom, phantom.session() as session:
        ready = time.perf_counter() - began
        print(f"ready in {ready:.2f} s, {len(snapshot.catalog.tables)} tables, planner {phantom.server.version}")
        for gap in phantom.gaps:
            print(f"not as production: {gap.reason}")
        compare(arguments, session)
        one_index(session, phantom)


def compare(arguments: argparse.Namespace, session: Session) -> None:
    """Print each query that comes out otherwise, and how many come out alike."""
    total = alike = same = 0
    with psycopg.connect(arguments.database) as real:
        for statement in read_folder(arguments.queries).statements:
            row = real.execute(f"EXPLAIN (FORMAT JSON) {statement.sql}".encode()).fetchone()
            assert row is not None
            truth, total = Plan(row[0][0]["Plan"]), total + 1
            try:
                mine = session.plan(statement.sql)
            except PlanFailed as error:
                print(f"{statement.origin}: {error.message}")
                continue
            ratio = mine.cost / truth.cost
            alike += abs(ratio - 1) < 0.001
            same += mine.shape == truth.shape
            if abs(ratio - 1) >= 0.001 or mine.shape != truth.shape:
                print(
                    f"{statement.origin}: cost x {ratio:.4f}, {'same' if mine.shape == truth.shape else 'another'} plan"
                )
    print(f"cost within 0.1 %: {alike} of {total}; same plan: {same} of {total}")


def one_index(session: Session, phantom: Phantom) -> None:
    """Print how long it takes to suppose an index, and to switch one and plan a join of two tables."""
    catalog = phantom.snapshot.catalog
    largest = sorted(catalog.user_tables, key=phantom.snapshot.rows)[-2:]
    columns = [[column.name for column in catalog.columns_of(table)][:10] for table in largest]
    definitions = [
        CreateIndex(table.schema, table.name, "x", (IndexKey(name),))
        for table, names in zip(largest, columns, strict=True)
        for name in names
    ]
    indexes = supposed(session, phantom.snapshot, definitions)
    began = time.perf_counter()
    with session.what_if(indexes) as what_if:
        print(f"one what-if index: {(time.perf_counter() - began) / len(indexes) * 1000:.2f} ms")
        (a, b), (x, y) = largest, (columns[0][0], columns[1][0])
        statement = f'SELECT * FROM "{a.name}" a JOIN "{b.name}" b ON a."{x}" = b."{y}" WHERE a."{x}" = 5'
        times = []
        for number in range(200):
            began = time.perf_counter()
            what_if.switch({number % len(indexes)})
            what_if.plan(statement)
            times.append(time.perf_counter() - began)
        print(f"switch and plan a join of two tables: median {statistics.median(times) * 1000:.2f} ms")


if __name__ == "__main__":
    main()
