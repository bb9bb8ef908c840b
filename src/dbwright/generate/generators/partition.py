"""Monthly range partitions of a table, made while others use it

Three migrations: a partitioned twin with a trigger that writes to it whatever is written to the table; the copy of what was there
before, in batches by key, and its comparison by count and hash; the exchange, one short transaction. After it the trigger keeps the old
table in step, so that the exchange can be taken back without loss. `--finish` writes the migration that drops the old table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import APPLY, Workspace
from dbwright.model.quoting import quote_identifier, shortened
from dbwright.model.source_table import SourceColumn, SourceTable

LIBRARIES = """\
pg_partman and django-postgres-extra keep partitions of a table that is partitioned already; neither converts one that is in use, so this is
SQL. Where pg_partman is installed it can look after the result (create_parent); the functions ahead and detach_before are all that one
table needs."""
OPTIONS = (
    Option("table", "Table or model.", required=True, is_argument=True),
    Option("by", "The column with the date or time.", required=True),
    Option("extend_key", "Let the primary key have the column as well.", default=False),
    Option("ahead", "Months to come that get a partition.", default=3),
    Option("batch", "Rows copied in one transaction.", default=5000),
    Option("finish", "Afterwards: drop the old table.", default=False),
)
_MIDNIGHT = {
    "timestamp with time zone": (" 00:00:00+00", " AT TIME ZONE 'UTC'"),
    "timestamp without time zone": (" 00:00:00", ""),
    "date": ("", ""),
}
"""What is behind the day in the bounds of a month, and what makes a value one of UTC, by type."""
_ALIASES = {"timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone"}


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for a table that cannot be partitioned as it is."""
    table = workspace.table(given["table"])
    column = workspace.column(table, given["by"])
    if given["finish"]:
        return _finish(workspace, table)
    type_ = _ALIASES.get(column.type or "", column.type or "")
    if type_ not in _MIDNIGHT:
        raise Refused(
            f"{table.name}.{column.name} is {type_ or 'of an unknown type'}.", "Months need a date or a time."
        )
    key: tuple[str, ...] = (workspace.primary_key(table),)
    reasons = [*_obstacles(table, column), *_pointing_at(workspace, table)]
    if column.name not in key and not given["extend_key"]:
        reasons.append(
            f"the primary key ({', '.join(key)}) lacks {column.name}: --extend-key makes it ({', '.join((*key, column.name))}), "
            "so that the database no longer rules out one id in two months"
        )
    if reasons:
        raise Refused(f"{table.name} cannot become partitioned: {'; '.join(reasons)}.", "Mend that, and run it again.")
    key = key if column.name in key else (*key, column.name)
    midnight, in_utc = _MIDNIGHT[type_]
    names = _names(table)
    values = {**names, "column": column.name, "id": key[0], "key": key, "midnight": midnight, "in_utc": in_utc}
    values["ahead"] = given["ahead"]
    back = workspace.last_migration(table)
    workspace.migrate(table, _steps(names, values, given["batch"]))
    parts = quote_identifier(names["parts"])
    daily = f"once a day: SELECT {parts}.ahead({given['ahead']})"
    if table.framework == "django":
        name = f"{table.name}_partitions"
        workspace.add_command(table, name, templates.text("partition/command.py.txt", **values))
        daily = f"once a day: python manage.py {name}"
    notes = [
        "The copy may take long, and needs as much disk again; the three migrations can be run one by one.",
        f"Then {daily}. Old months: SELECT {parts}.detach_before('2024-01-01').",
        "When all is well: the same command with --finish drops the table as it was.",
    ]
    return workspace.generated([APPLY[table.framework]], back, notes)


def _names(table: SourceTable) -> dict[str, str]:
    """The table as it is called in SQL, and the schemas beside it."""
    schema, name = table.schema or "public", table.name
    if not re.fullmatch(r"[\w ]+", name + schema):
        raise Refused(f"{name} is no name that statements can be put together with.", "Rename the table first.")
    parts = shortened(name, "_partitions") + "_partitions"
    before = shortened(name, "_before") + "_before"
    qualified = {
        "source": quote_identifier(schema, name),
        "twin": quote_identifier(parts, name),
        "old": quote_identifier(before, name),
    }
    return {"schema": schema, "table": name, "parts": parts, "before": before, **qualified}


def _steps(names: Mapping[str, str], values: Mapping[str, Any], batch: int) -> list[Step]:
    table, parts = names["table"], quote_identifier(names["parts"])
    ours, before = f"'{names['parts']}'", f"'{names['before']}'"
    copied = (f"CALL {parts}.copy_rows({batch})", f"CALL {parts}.check_rows()", f"ANALYZE {names['twin']}")
    swapped_back = f"SELECT {parts}.exchange({ours}, {before}, 'mirror')"
    twin = templates.statements("partition/twin.sql", **values)
    return [
        Step(
            f"{table}_twin",
            f"A partitioned twin of {table}, which gets whatever is written from now on.",
            twin,
            templates.statements("partition/twin_back.sql", **values),
        ),
        Step(
            f"{table}_copy",
            f"The rows of {table} copied to its twin and compared. What was interrupted goes on where it was.",
            copied,
            (f"TRUNCATE {names['twin']}, {parts}.batches",),
            outside=True,
        ),
        Step(
            f"{table}_swap",
            f"The partitioned twin takes the place of {table}; the table as it was is kept in step.",
            (f"SELECT {parts}.swap()",),
            (swapped_back,),
        ),
    ]


def _finish(workspace: Workspace, table: SourceTable) -> Generated:
    names = _names(table)
    step = Step(
        f"{table.name}_finish",
        f"The table that {table.name} was before it was partitioned is dropped. This cannot be taken back.",
        templates.statements("partition/finish.sql", **names),
        None,
    )
    workspace.migrate(table, [step])
    return workspace.generated([APPLY[table.framework]], "not possible once it is migrated; keep a backup.")


def _obstacles(table: SourceTable, column: SourceColumn) -> Iterator[str]:
    """What of the table itself stands against it."""
    if not column.not_null:
        yield f"{column.name} may be NULL: fill it and make it NOT NULL"
    for one in table.columns:
        if one.unique and not one.primary_key and one is not column:
            yield f"{one.name} is unique by itself, which partitions by {column.name} cannot keep: make it unique together with it"
    listed = [
        *((one.columns, one.name) for one in table.constraints if one.kind == "unique"),
        *((one.columns, one.name) for one in table.indexes if one.unique),
    ]
    for columns, name in dict.fromkeys(listed):
        if column.name not in columns and len(columns) > 1:
            yield f"{name or ', '.join(columns)} is unique without {column.name}: add it to it, or drop it"


def _pointing_at(workspace: Workspace, table: SourceTable) -> Iterator[str]:
    for other in workspace.project.tables:
        for column in other.columns:
            if column.references is not None and column.references.table in (
                table.name,
                f"{table.schema}.{table.name}",
            ):
                yield f"the foreign key {other.name}.{column.name} points at it: drop the constraint (db_constraint=False)"
