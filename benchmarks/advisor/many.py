"""Workloads at the edge: thousands of distinct statements, and statements of hundreds of joins, made from the tables of a snapshot.

    python benchmarks/advisor/many.py --snapshot tpcds1.json --statements 5000 --output many
    python benchmarks/advisor/many.py --snapshot tpcds1.json --joins 200 --output wide

What an application sends: searches by one to three columns, lists in an order, counts by group, joins to a table by its first column where
the names end alike. The same arguments make the same statements.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from dbwright import snapshots
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot

Tables = dict[str, tuple[str, ...]]


def distinct(tables: Tables, count: int) -> Iterator[str]:
    """So many statements of which no two are the same but for constants."""
    chance = random.Random(1)
    seen: set[str] = set()
    while len(seen) < count:
        text = _one(tables, chance)
        if text not in seen:
            seen.add(text)
            yield text


def _one(tables: Tables, chance: random.Random) -> str:
    name = chance.choice(sorted(tables))
    columns = tables[name]
    read = chance.sample(columns, min(len(columns), chance.randint(1, 5)))
    where = [
        f"t.{column} {chance.choice(('=', '=', '=', '>', '<='))} $"
        for column in chance.sample(columns, chance.randint(1, 3))
    ]
    other = (
        next((pair for pair in chance.sample(sorted(_joined(tables, name)), 1) if chance.random() < 0.5), None)
        if _joined(tables, name)
        else None
    )
    join = f" JOIN {quote_identifier(other[0])} o ON o.{other[2]} = t.{other[1]}" if other else ""
    if other and chance.random() < 0.5:
        where.append(f"o.{chance.choice(tables[other[0]])} = $")
    condition = " AND ".join(f"{part}{number}" for number, part in enumerate(where, 1))
    listed = ", ".join(f"t.{column}" for column in read)
    kind = chance.random()
    if kind < 0.5:
        return f"SELECT {listed} FROM {quote_identifier(name)} t{join} WHERE {condition}"
    if kind < 0.8:
        return f"SELECT {listed} FROM {quote_identifier(name)} t{join} WHERE {condition} ORDER BY t.{chance.choice(columns)} LIMIT 20"
    return f"SELECT t.{read[0]}, count(*) FROM {quote_identifier(name)} t{join} WHERE {condition} GROUP BY t.{read[0]}"


def _joined(tables: Tables, name: str) -> set[tuple[str, str, str]]:
    """Other tables with a column whose name ends like one of this table's: ``ss_item_sk`` and ``i_item_sk``."""
    return {
        (other, own, theirs)
        for other, columns in tables.items()
        if other != name
        for own in tables[name]
        for theirs in columns[:1]
        if own.endswith("_sk") and own.split("_", 1)[-1] == theirs.split("_", 1)[-1]
    }


def wide(tables: Tables, joins: int) -> Iterator[str]:
    """A chain, a star, and a chain of left joins of so many tables."""
    name = max(sorted(tables), key=lambda table: len(tables[table]))
    key, value = tables[name][0], tables[name][-1]
    for kind, left in (("JOIN", "t{before}"), ("JOIN", "t0"), ("LEFT JOIN", "t{before}")):
        parts = [
            f"{kind} {quote_identifier(name)} t{n} ON t{n}.{key} = {left.format(before=n - 1)}.{key}"
            for n in range(1, joins + 1)
        ]
        yield f"SELECT t0.{value} FROM {quote_identifier(name)} t0 {' '.join(parts)} WHERE t0.{value} = $1 AND t{joins}.{value} > $2"


def _tables(snapshot: Snapshot) -> Tables:
    catalog = snapshot.catalog
    return {
        table.name: tuple(column.name for column in catalog.columns_of(table))
        for table in catalog.tables
        if table.kind == "table" and snapshot.rows(table) > 10_000
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("--statements", type=int)
    parser.add_argument("--joins", type=int)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    tables = _tables(snapshots.load(arguments.snapshot))
    if arguments.statements:
        text = ";\n".join(distinct(tables, arguments.statements))
        (arguments.output / "distinct.sql").write_text(text + ";\n")
    if arguments.joins:
        for number, statement in enumerate(wide(tables, arguments.joins), 1):
            (arguments.output / f"wide{number}.sql").write_text(statement + ";\n")


if __name__ == "__main__":
    main()
