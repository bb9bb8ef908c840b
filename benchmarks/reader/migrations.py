"""The schema that the reader replays from migration files against the one that the migrations really make on PostgreSQL.

    PGHOST=127.0.0.1 PGPORT=5432 PGUSER=postgres READER_APPS=… python -m benchmarks.reader.migrations [APP …] [--details]

Before: ``install.sh APP`` and ``MIGRATE_ONLY=1 prepare.sh APP``, which runs the application's own migrations on an empty database.
Prints for each application how many tables, columns, indexes and constraints are equal in both, only in one, or different (type, NULL;
columns, uniqueness, method, order, operator classes, INCLUDE, partial or not; another name alone is told and is no difference), then how
many differences the reader tells between models and migrations: the applications' own check finds none. Tables of installed packages'
applications are left out. Exit status 1 below 98 %.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Mapping

from benchmarks.reader.models import Count, project_of

from dbwright.collect.postgres import collect
from dbwright.model.catalog import Catalog, Table
from dbwright.model.drift import type_name
from dbwright.model.migration_state import as_source
from dbwright.model.migrations import Migrations
from dbwright.model.source import SourceTable
from dbwright.postgres import connect
from dbwright.source import read

WANTED = 98.0
APPS = ("pretix", "weblate", "superset", "prefect", "mlflow")
KINDS = ("tables", "columns", "indexes", "constraints")


def database(app: str) -> Catalog:
    """The catalog of an application's prepared database."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    parameters = {key: os.environ[name] for key, name in names.items() if name in os.environ}
    parameters["dbname"] = app.replace("-", "_")
    with connect(parameters) as connection:
        return collect(connection, parameters, values=False).catalog


def own_tables(catalog: Catalog, migrations: Migrations) -> set[str]:
    """The database's tables that the project's histories answer for: all of Alembic's, and those of Django by their application."""
    made = {table.name for table in migrations.tables}
    tables = {table.name for table in catalog.tables if table.kind == "table" and not table.is_partition}
    if any(file.framework == "alembic" for file in migrations.files):
        return tables - {t for t in tables if t.startswith("alembic_version")}
    labels = tuple(f"{group}_" for group in {file.group for file in migrations.files})
    return {name for name in tables if name in made or name.startswith(labels)}


def columns(table: SourceTable, catalog: Catalog | None, there: Table | None) -> dict[str, tuple[object, ...]]:
    """Type and NULL by column; types of the project's own by their name."""
    exact = {c.name: c.type for c in catalog.columns_of(there)} if catalog and there else {}
    return {
        c.name: (type_name(exact.get(c.name) or c.type or "?").removeprefix("public."), c.not_null)
        for c in table.columns
    }


def indexes(table: SourceTable) -> list[tuple[object, ...]]:
    found = []
    for i in table.indexes:
        expressions = i.is_expression or (False,) * len(i.columns)
        keys = tuple("(expression)" if e else c for c, e in zip(i.columns, expressions, strict=False))
        order = tuple(map(bool, i.descending or (False,) * len(keys)))
        classes = i.opclasses if any(i.opclasses) else ()
        found.append((i.name, keys, i.unique, i.method, order, classes, i.include, i.condition is not None))
    return found


def constraints(table: SourceTable) -> list[tuple[object, ...]]:
    return [(c.name, c.kind, c.columns if c.kind not in ("check", "exclusion") else ()) for c in table.constraints]


def match(where: str, truth: list[tuple[object, ...]], found: list[tuple[object, ...]], count: Count) -> None:
    """Pairs by everything but the name. What is the same under another name is equal, and told as such: Django's names hold how a thing
    came to be, and drift is not told by them."""
    left = list(found)
    for one in sorted(truth, key=lambda row: row not in found):
        other = next((o for o in left if o == one), None) or next((o for o in left if o[1:] == one[1:]), None)
        if other is not None:
            left.remove(other)
            count.equal += 1
            if None not in (other[0], one[0]) and other[0] != one[0]:
                count.reasons["under another name"] += 1
                count.lines.append(f"named {where}: {one[0]}, replayed as {other[0]}")
            continue
        near = next((o for o in left if o[0] == one[0] or o[1] == one[1]), None)
        if near is not None:
            left.remove(near)
            count.different += 1
            count.lines.append(f"different {where}: {one} replayed as {near}")
        else:
            count.missing += 1
            count.lines.append(f"missing {where}: {one}")
    count.extra += len(left)
    count.lines += [f"extra {where}: {one}" for one in left]


def match_columns(
    where: str, truth: Mapping[str, tuple[object, ...]], found: Mapping[str, tuple[object, ...]], count: Count
) -> None:
    for name, column in truth.items():
        if found.get(name) == column:
            count.equal += 1
        elif name in found:
            count.different += 1
            count.lines.append(f"different {where}.{name}: {column} replayed as {found[name]}")
        else:
            count.missing += 1
            count.lines.append(f"missing {where}.{name}")
    extra = found.keys() - truth.keys()
    count.extra += len(extra)
    count.lines += [f"extra {where}.{name}" for name in sorted(extra)]


def compare(catalog: Catalog, migrations: Migrations, wanted: set[str]) -> dict[str, Count]:
    counts = {kind: Count() for kind in KINDS}
    tables = {table.name: table for table in catalog.tables}
    there = {migrations.groups.get(name) for name in tables} - {
        None
    }  # not those of optional applications, of other databases
    replayed = {t.name: t for t in migrations.tables if t.managed and migrations.groups.get(t.name) in there}
    for table in as_source(catalog, wanted, types=True):
        made = replayed.pop(table.name, None)
        if made is None:
            counts["tables"].missing += 1
            counts["tables"].lines.append(f"missing {table.name}")
            continue
        counts["tables"].equal += 1
        match_columns(
            table.name, columns(table, catalog, tables[table.name]), columns(made, None, None), counts["columns"]
        )
        match(table.name, indexes(table), indexes(made), counts["indexes"])
        match(table.name, constraints(table), constraints(made), counts["constraints"])
    counts["tables"].extra = len(replayed)
    counts["tables"].lines += [f"extra {name}" for name in sorted(replayed)]
    return counts


def show(app: str, counts: Mapping[str, Count], migrations: Migrations, seconds: float, details: bool) -> None:
    whole, groups = len(migrations.replayed), len({file.group for file in migrations.files})
    print(
        f"{app}: {len(migrations.files)} migrations, {whole} of {groups} histories replayed wholly; {seconds:.1f} s CPU"
    )
    for kind, count in counts.items():
        parts = (
            f"equal {count.equal:5}  different {count.different:4}  missing {count.missing:4}  extra {count.extra:4}"
        )
        named = f"  ({count.reasons['under another name']} of them under another name)" if count.reasons else ""
        print(f"  {kind:<12}{count.percent:6.1f} %  {parts}{named}")
        for line in count.lines if details else ():
            print(f"      {line}")
    print(f"  models against migrations: {len(migrations.drift)} differences")
    for one in migrations.drift if details else ():
        print(f"      {one.detail}")


def run(apps: Iterable[str], details: bool) -> bool:
    """Whether all figures are reached."""
    reached = True
    for app in apps:
        began = time.process_time()
        migrations = read(project_of(app), queries=False).migrations
        seconds = time.process_time() - began
        catalog = database(app)
        counts = compare(catalog, migrations, own_tables(catalog, migrations))
        show(app, counts, migrations, seconds, details)
        reached = reached and all(count.percent >= WANTED for count in counts.values())
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("apps", nargs="*", default=APPS)
    parser.add_argument("--details", action="store_true", help="every difference")
    options = parser.parse_args()
    return 0 if run(options.apps, options.details) else 1


if __name__ == "__main__":
    sys.exit(main())
