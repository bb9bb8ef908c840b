"""Plans of the phantom against those of the database that holds the rows: cost and shape of every query of a folder, or of those that the
server recorded, time to be ready, and time of one what-if. With --indexes the same beside indexes that are built on one side (in a
transaction that is rolled back) and supposed on the other.

    python benchmarks/phantom.py --database postgresql://postgres@127.0.0.1:5541/tpch1 --queries QUERIES/tpch
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from dbwright import snapshots
from dbwright.advise.sizing import supposed, supposed_from_text
from dbwright.collect.postgres import collect
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.query_plan import Plan
from dbwright.model.snapshot import Snapshot
from dbwright.phantom import Phantom, PlanFailed, Session
from dbwright.postgres import connect, parse_address
from dbwright.source.placeholders import numbered
from dbwright.workload.folder import read_folder
from dbwright.workload.recorded import read_recorded

OF_THE_SYSTEM = re.compile(r"\b(pg_[a-z_]+|information_schema)\b")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", required=True)
    parser.add_argument(
        "--queries",
        type=Path,
        help="a folder of SQL files, or what reader/record.sh wrote; else what the server recorded",
    )
    parser.add_argument("--snapshot", type=Path, help="one of the same database, else it is read")
    parser.add_argument("--indexes", type=Path, help="CREATE INDEX statements, one a line")
    arguments = parser.parse_args()
    snapshot = snapshots.load(arguments.snapshot) if arguments.snapshot else read(arguments.database)
    began = time.perf_counter()
    with Phantom.of(snapshot) as phantom, phantom.session() as session:
        ready = time.perf_counter() - began
        print(f"ready in {ready:.2f} s, {len(snapshot.catalog.tables)} tables, planner {phantom.server.version}")
        for gap in phantom.gaps:
            print(f"not as production: {gap.reason}")
        texts = [
            (origin, sql) for origin, sql in statements(arguments.queries, snapshot) if not OF_THE_SYSTEM.search(sql)
        ]
        if arguments.indexes:
            indexes = [line for line in arguments.indexes.read_text().splitlines() if line.startswith("CREATE")]
            compare_with_indexes(arguments.database, phantom, texts, indexes)
        else:
            with psycopg.connect(arguments.database) as real:
                compare(real, session.plan, texts)
            one_index(session, phantom)


def statements(source: Path | None, snapshot: Snapshot) -> list[tuple[str, str]]:
    """Each different one with where it is from."""
    if source is not None and source.suffix == ".jsonl":
        rows = map(json.loads, source.read_text().splitlines())
        found = {numbered(row["sql"])[0]: "{file}:{line}".format(**row["stack"][0]) for row in rows if row["stack"]}
        return [(origin, sql) for sql, origin in found.items()]
    workload = read_folder(source) if source else read_recorded(snapshot)
    return [(s.origin, s.sql) for s in workload.statements]


def read(database: str) -> Snapshot:
    parameters = parse_address(database)
    with connect(parameters) as connection:
        return collect(connection, parameters)


def compare(
    real: psycopg.Connection, planned: Callable[[str], Plan], texts: list[tuple[str, str]], name: str = ""
) -> tuple[int, int, int]:
    """Print each query that comes out otherwise, and how many come out alike; their number, those of the same cost, those of the same
    plan."""
    total = alike = same = 0
    for origin, text in texts:
        try:
            truth = planned_there(real, text)
            mine = planned(text)
        except (PlanFailed, psycopg.Error) as error:
            print(f"{origin}: {str(error).splitlines()[0]}: {text[:80]}")
            continue
        total += 1
        ratio = mine.cost / truth.cost if truth.cost else 1.0 + mine.cost
        same_shape = shape_of(mine) == shape_of(truth)
        alike += abs(ratio - 1) < 0.001
        same += same_shape
        if abs(ratio - 1) >= 0.001 or not same_shape:
            print(f"{origin}: cost x {ratio:.4f}, {'same' if same_shape else 'another'} plan")
    print(f"{name}cost within 0.1 %: {alike} of {total}; same plan: {same} of {total}")
    return total, alike, same


def planned_there(real: psycopg.Connection, text: str) -> Plan:
    """The plan of the database that holds the rows; for values that are not known where the statement has parameters."""
    real.execute("SAVEPOINT here")
    try:
        numbers = {int(number) for number in re.findall(r"\$(\d+)", text)}
        if numbers:
            text = re.sub(r"\b(interval|date|timestamp|timestamptz|time)\s+(\$\d+)", r"\2::\1", text, flags=re.I)
            real.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            real.execute(f"PREPARE here AS {text}".encode())
            nulls = ", ".join(["NULL"] * max(numbers))
            row = real.execute(f"EXPLAIN (FORMAT JSON) EXECUTE here ({nulls})".encode()).fetchone()
            real.execute("DEALLOCATE here")
        else:
            row = real.execute(f"EXPLAIN (FORMAT JSON) {text}".encode()).fetchone()
        assert row is not None
        return Plan(row[0][0]["Plan"])
    finally:
        real.execute("ROLLBACK TO SAVEPOINT here")


def shape_of(plan: Plan) -> str:
    """The plan's shape, with one name for the index that is built here and supposed there."""
    return re.sub(r"'(?:dbwright_w|built_)(\d+)'", r"index \1", repr(plan.shape))


def compare_with_indexes(database: str, phantom: Phantom, texts: list[tuple[str, str]], indexes: list[str]) -> None:
    """All indexes at once, then each alone, as its queries would meet it."""
    with psycopg.connect(database) as real, phantom.session() as another:
        supposed_all = [supposed_from_text(phantom, text) for text in indexes]
        names = []
        for number, text in enumerate(indexes):
            real.execute(text.replace("CREATE INDEX ON", f"CREATE INDEX built_{number} ON", 1).encode())
            names.append(f"built_{number}")
        with another.what_if(supposed_all) as what_if:
            what_if.switch(range(len(indexes)))
            compare(real, lambda text: what_if.plan(text)[0], texts, f"beside all {len(indexes)} indexes: ")
            alone = []
            for number, text in enumerate(indexes):
                real.execute(
                    "UPDATE pg_index SET indisvalid = (indexrelid = %s::regclass) WHERE indexrelid = ANY(%s::regclass[])",
                    (names[number], names),
                )
                what_if.switch({number})
                alone.append(compare(real, lambda text: what_if.plan(text)[0], texts, f"{text[:90]}: "))
        total, alike, same = map(sum, zip(*alone, strict=True))
        print(f"beside each index alone: cost within 0.1 %: {alike} of {total}; same plan: {same} of {total}")
        real.rollback()


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
        statement = (
            f'SELECT * FROM "{a.name}" a JOIN "{b.name}" b ON a."{x}"::text = b."{y}"::text WHERE a."{x}"::text = \'5\''
        )
        times = []
        for number in range(200):
            began = time.perf_counter()
            what_if.switch({number % len(indexes)})
            what_if.plan(statement)
            times.append(time.perf_counter() - began)
        print(f"switch and plan a join of two tables: median {statistics.median(times) * 1000:.2f} ms")


if __name__ == "__main__":
    main()
