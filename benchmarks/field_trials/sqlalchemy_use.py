"""Content and use for any application on SQLAlchemy, through the tables that its own migrations made.

Run with an interpreter that has SQLAlchemy and a PostgreSQL driver::

    python sqlalchemy_use.py postgresql+psycopg://user@host/app --rows 20000

The tables are reflected from the database after the application's migrations. Each gets rows: foreign keys point at rows that exist,
unique columns are unique, nullable columns are empty now and then. A table whose rows the database refuses (a check constraint that a
generic value cannot meet) is left out and reported. Then it is asked what an application asks: by primary key, children of a parent,
filters on indexed columns, newest first, updates and deletes.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import random
import re
import sys
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

rng = random.Random(11)
WORDS = "amber basil cedar delta ember fjord grove harbor island juniper kite lumen meadow north opal pine quartz river".split()


def value(column: sa.Column, number: int, unique: bool):  # type: ignore[no-untyped-def]  # noqa: C901
    kind = column.type
    if isinstance(kind, sa.Enum):
        return rng.choice(kind.enums)
    if isinstance(kind, sa.Boolean):
        return rng.random() < 0.2
    if isinstance(kind, pg.UUID):
        made = uuid.UUID(int=rng.getrandbits(128))
        return made if kind.as_uuid else str(made)
    if isinstance(kind, sa.DateTime):
        return dt.datetime.now(dt.UTC if kind.timezone else None) - dt.timedelta(minutes=rng.randint(0, 400_000))
    if isinstance(kind, sa.Date):
        return dt.date.today() - dt.timedelta(days=rng.randint(0, 700))
    if isinstance(kind, sa.Interval | pg.INTERVAL):
        return dt.timedelta(seconds=rng.randint(1, 9000))
    if isinstance(kind, sa.SmallInteger):
        return rng.randint(0, 100)
    if isinstance(kind, sa.Integer):
        return number if unique else rng.randint(0, rng.choice((5, 100, 10**6)))
    if isinstance(kind, sa.Numeric):
        return rng.randint(0, 9999)
    if isinstance(kind, sa.JSON | pg.JSONB):
        return rng.choice(({}, {"source": rng.choice(WORDS), "count": number}, {"tags": rng.sample(WORDS, 2)}))
    if isinstance(kind, pg.ARRAY):
        return []
    if isinstance(kind, sa.LargeBinary):
        return rng.randbytes(40)
    length = getattr(kind, "length", None)
    if isinstance(kind, sa.Text) and length is None:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 40))) + (f" {number}" if unique else "")
    text = f"{rng.choice(WORDS)}-{number}" if length is None or length > 20 else f"{number:x}"
    return text[:length]


def allowed(connection: sa.Connection, table: sa.Table) -> dict[str, list[str]]:
    """Texts that a check constraint of one column lists: ``CHECK (kind = 'table')``, ``CHECK (state IN ('a', 'b'))``."""
    found = {}
    for check in sa.inspect(connection).get_check_constraints(table.name, schema=table.schema):
        texts = re.findall(r"'([^']*)'::", check["sqltext"])
        columns = [c.name for c in table.columns if re.search(rf"\b{c.name}\b", check["sqltext"])]
        if texts and len(columns) == 1:
            found[columns[0]] = texts
    return found


def fill(connection: sa.Connection, table: sa.Table, count: int) -> int:  # noqa: C901
    listed = allowed(connection, table)
    unique = {c.name for c in table.primary_key.columns}
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            unique |= {c.name for c in constraint.columns}
    parents: dict[str, list] = {}
    for key in table.foreign_keys:
        target = key.column
        parents[key.parent.name] = (
            [] if target.table is table else list(connection.scalars(sa.select(target).limit(20_000)))
        )
    rows = []
    for number in range(1, count + 1):
        row = {}
        for column in table.columns:
            if column.computed or column.identity or (column.server_default is not None and column.primary_key):
                continue
            if column.name in parents:
                choice = parents[column.name]
                if choice and not (column.nullable and rng.random() < 0.1):
                    row[column.name] = choice[min(int(rng.paretovariate(0.7)), len(choice)) - 1]
                    if column.name in unique:
                        row[column.name] = rng.choice(choice)
                elif not column.nullable:
                    return 0
                else:
                    row[column.name] = None
            elif column.name in listed:
                row[column.name] = rng.choice(listed[column.name])
            elif column.nullable and rng.random() < 0.25:
                row[column.name] = None
            else:
                row[column.name] = value(column, number, column.name in unique)
        rows.append(row)
    made = 0
    statement = pg.insert(table).on_conflict_do_nothing()
    for start in range(0, len(rows), 1000):
        made += max(connection.execute(statement, rows[start : start + 1000]).rowcount, 0)
    return made


def ask(engine: sa.Engine, table: sa.Table, queries: int) -> None:
    keys = list(table.primary_key.columns)
    if not keys:
        return
    with engine.connect() as connection:
        ids = connection.execute(sa.select(*keys).limit(2000)).all()
        if not ids:
            return

        def one(row):  # type: ignore[no-untyped-def]
            return sa.and_(*(k == v for k, v in zip(keys, row, strict=True)))

        for _ in range(queries // 10):
            connection.execute(sa.select(table).where(one(rng.choice(ids)))).all()
        for page in range(5):
            connection.execute(sa.select(table).order_by(*keys).limit(50).offset(page * 50)).all()
        asked = {key.parent.name for key in table.foreign_keys} | {
            next(iter(i.columns)).name for i in table.indexes if len(i.columns)
        }
        for name in sorted(asked):
            with contextlib.suppress(Exception):
                values = list(connection.scalars(sa.select(table.c[name]).where(table.c[name].isnot(None)).limit(500)))
                for _ in range(queries // 20):
                    connection.execute(sa.select(table).where(table.c[name] == rng.choice(values)).limit(100)).all()
        connection.commit()
        plain = [c for c in table.columns if not c.primary_key and not c.foreign_keys and isinstance(c.type, sa.String)]
        if plain:
            for row in rng.sample(ids, min(40, len(ids))):
                connection.execute(sa.update(table).where(one(row)).values({plain[-1]: plain[-1]}))
            connection.commit()
        with contextlib.suppress(sa.exc.IntegrityError):
            for row in rng.sample(ids, max(1, len(ids) // 50)):
                connection.execute(sa.delete(table).where(one(row)))
            connection.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("address")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=300)
    arguments = parser.parse_args()
    engine = sa.create_engine(arguments.address)
    metadata = sa.MetaData()
    for schema in sa.inspect(engine).get_schema_names():
        if schema != "information_schema":
            metadata.reflect(engine, schema=None if schema == "public" else schema)
    tables = [t for t in metadata.sorted_tables if t.name not in ("alembic_version", "pg_stat_statements")]
    pointed = {t.fullname: 0 for t in tables}
    for table in tables:
        for key in table.foreign_keys:
            pointed[key.column.table.fullname] += 1
    for table in tables:
        count = max(20, int(arguments.rows / (1 + pointed[table.fullname]) * rng.choice((0.02, 0.1, 0.3, 1))))
        try:
            with engine.begin() as connection:
                if connection.scalar(sa.select(sa.func.count()).select_from(table)) >= count // 2:
                    continue
                print(f"{table.name}: {fill(connection, table, count)}", flush=True)
        except sa.exc.SQLAlchemyError as error:
            print(f"left out {table.name}: {str(error)[:160]}", file=sys.stderr)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
    for table in tables:
        ask(engine, table, arguments.queries)


if __name__ == "__main__":
    main()
