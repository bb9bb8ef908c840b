"""The safe way of doing what a statement does, in the words of the framework that the migration is written for.

Each is a template of ours after PostgreSQL's manual (ALTER TABLE, Notes; CREATE INDEX, Building Indexes Concurrently): build or check under
a lock that lets others work, then attach what was built under a lock of an instant.
"""

from __future__ import annotations

from dbwright.safety.statements import Framework

_TIMEOUT = "SET lock_timeout = '2s';  -- try again when it runs out"


def _django(imports: str, operations: str) -> str:
    body = f"    atomic = False\n\n    operations = [\n{_indented(operations, 8)}\n    ]"
    return f"{imports}\n\nclass Migration(migrations.Migration):\n{body}"


def _alembic(*statements: str) -> str:
    lines = "\n".join(f'op.execute("""{one}""")' for one in statements)
    return f"with op.get_context().autocommit_block():\n{_indented(lines, 4)}"


def _indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line if line else line for line in text.splitlines())


def _sql(framework: Framework, *statements: str) -> str:
    """Statements, each in a transaction of its own."""
    if framework == "django":
        calls = "\n".join(f'migrations.RunSQL("""{one}"""),' for one in statements)
        return _django("from django.db import migrations", calls)
    if framework == "alembic":
        return _alembic(*statements)
    return "\n".join((_TIMEOUT, *(f"{one};" for one in statements)))


def create_index(framework: Framework, sql: str, table: str, index: str) -> str:
    """An index built while the table is written to."""
    text = sql.rstrip().rstrip(";")
    for old, new in (
        ("CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX CONCURRENTLY"),
        ("CREATE INDEX", "CREATE INDEX CONCURRENTLY"),
    ):
        head = text[: len(old)].upper()
        if head == old:
            text = new + text[len(old) :]
            break
    if framework == "django":
        return _django(
            "from django.contrib.postgres.operations import AddIndexConcurrently\nfrom django.db import migrations, models",
            f'AddIndexConcurrently("…", models.Index(fields=[…], name="{index}")),  # in place of AddIndex or db_index\n'
            f"# as SQL: {text}",
        )
    if framework == "alembic":
        call = f'op.create_index("{index}", "{table}", […], postgresql_concurrently=True)'
        return f"with op.get_context().autocommit_block():\n    {call}\n# as SQL: {text}"
    return f"-- outside a transaction; an invalid index that a failure leaves is dropped first\n{text};"


def create_index_of_partitions(framework: Framework, table: str, index: str) -> str:
    """The index of a partitioned table, partition by partition."""
    return _sql(
        framework,
        f"CREATE INDEX {index} ON ONLY {table} (…)",
        f"CREATE INDEX CONCURRENTLY {index}_p1 ON …_p1 (…)",
        f"ALTER INDEX {index} ATTACH PARTITION {index}_p1",
    )


def drop_index(framework: Framework, index: str) -> str:
    if framework == "django":
        return _django(
            "from django.contrib.postgres.operations import RemoveIndexConcurrently\nfrom django.db import migrations",
            f'RemoveIndexConcurrently("…", "{index}"),',
        )
    if framework == "alembic":
        return f'with op.get_context().autocommit_block():\n    op.drop_index("{index}", postgresql_concurrently=True)'
    return f"DROP INDEX CONCURRENTLY {index};  -- outside a transaction"


def not_valid(framework: Framework, table: str, name: str, rule: str) -> str:
    """A constraint added unchecked, then checked under a lock that lets others write."""
    if framework == "django" and rule.startswith("CHECK"):
        return _django(
            (
                "from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint\nfrom django.db "
                "import migrations, models"
            ),
            f'AddConstraintNotValid("…", models.CheckConstraint(condition=…, name="{name}")),\n'
            f'# in a migration of its own, after this one:\nValidateConstraint("…", "{name}"),',
        )
    return _sql(
        framework,
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule} NOT VALID",
        f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
    )


def validate(framework: Framework, table: str, name: str) -> str:
    return "-- in a migration of its own, after the one that adds it\n" + _sql(
        framework, f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"
    )


def unique(framework: Framework, table: str, name: str, columns: str, kind: str = "UNIQUE") -> str:
    """A unique rule on an index that was built before."""
    return _sql(
        framework,
        f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns})",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}",
    )


def not_null(framework: Framework, table: str, column: str, major: int) -> str:
    """NOT NULL without a scan under an exclusive lock."""
    name = f"{table.rpartition('.')[2].strip(chr(34))}_{column}_not_null"
    if major >= 18:
        return _sql(
            framework,
            f"ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {column} NOT VALID",
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
        )
    return _sql(
        framework,
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID",
        f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
        f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def backfill(table: str, column: str, value: str) -> str:
    """Rows changed some thousands at a time, each batch committed."""
    return (
        f"UPDATE {table} SET {column} = {value}\n WHERE id IN (SELECT id FROM {table} WHERE {column} IS NULL ORDER BY id LIMIT 5000);"
        "  -- again until it changes no row, a transaction each"
    )


def new_column(
    framework: Framework, table: str, column: str, type_: str, default: str, *, required: bool, major: int
) -> str:
    """A column whose values differ by row: added empty, filled in batches, required last."""
    steps = [
        (
            f"-- 1. deploy\nALTER TABLE {table} ADD COLUMN {column} {type_};\nALTER TABLE {table} ALTER COLUMN {column} SET "
            f"DEFAULT {default};"
        ),
        f"-- 2. in batches, outside the migration's transaction\n{backfill(table, column, default)}",
    ]
    if required:
        steps.append(f"-- 3. in a later migration\n{not_null(framework, table, column, major)}")
    return "\n".join(steps)


def required_column(framework: Framework, table: str, column: str, type_: str, major: int) -> str:
    if framework == "django":
        return (
            f"1. AddField with null=True (or db_default=…, which old code's INSERTs get).\n2. Deploy code that writes {column}.\n"
            f"3. Fill old rows in batches.\n4. Then, in a migration of its own:\n{not_null(framework, table, column, major)}"
        )
    return (
        f"-- with a constant the server keeps it once, for old rows and for the INSERTs of old code\n"
        f"ALTER TABLE {table} ADD COLUMN {column} {type_} NOT NULL DEFAULT …;\n-- else: nullable, filled in batches, then\n"
        f"{not_null(framework, table, column, major)}"
    )


def change_type(framework: Framework, table: str, column: str, type_: str) -> str:
    """A second column takes the values over while the first is in use."""
    steps = (
        f"1. ALTER TABLE {table} ADD COLUMN {column}_new {type_};\n"
        f"2. Deploy code (or a trigger) that writes both columns.\n"
        f"3. {backfill(table, column + '_new', column)}\n"
        f"4. Deploy code that reads {column}_new.\n"
        f"5. ALTER TABLE {table} DROP COLUMN {column}; in a later migration.\n"
        f"Where {column} is a key, has a sequence, or others point at it: before 5 build a unique index on {column}_new\n"
        f"CONCURRENTLY, and in one short transaction exchange the constraint (USING INDEX), the sequence (OWNED BY, SET\n"
        f"DEFAULT), the foreign keys (NOT VALID, validated later) and the two names."
    )
    if framework == "django":
        steps += "\nIn Django: AddField, then RunPython in batches with atomic = False, then RemoveField once no code reads the old field."
    return steps


def rename(what: str, old: str, new: str, framework: Framework) -> str:
    """The old name goes on working until no code uses it."""
    if what == "column":
        if framework == "django":
            return (
                f'Rename the field only: SeparateDatabaseAndState(state_operations=[RenameField("…", "{old}", "{new}")]) with '
                f'db_column="{old}" on the field. The column keeps its name.'
            )
        return (
            f"1. Add {new}, write both, fill {new} in batches.\n2. Deploy code that reads {new}.\n3. Drop {old} later."
        )
    if framework == "django":
        return f'Keep db_table = "{old}" in Meta, and rename the model in the state only (SeparateDatabaseAndState).'
    return (
        f"BEGIN;\nALTER TABLE {old} RENAME TO {new};\nCREATE VIEW {old} AS SELECT * FROM {new};\nCOMMIT;\n"
        f"-- once no code uses the old name: DROP VIEW {old};"
    )


def drop_column(framework: Framework, table: str, column: str) -> str:
    if framework == "django":
        return (
            f'1. SeparateDatabaseAndState(state_operations=[RemoveField("…", "{column}")], database_operations=[…]) — where the column is '
            f"NOT NULL without a default of the database, give it one or DROP NOT NULL first — and deploy.\n"
            f"2. In the next release: SeparateDatabaseAndState(database_operations=[RunSQL('ALTER TABLE {table} DROP COLUMN {column}')])."
        )
    return (
        f"1. Deploy code that neither reads nor writes {column} (SQLAlchemy: deferred or taken out of the model).\n"
        f"2. ALTER TABLE {table} DROP COLUMN {column}; in the next release."
    )


def drop_table(framework: Framework, table: str) -> str:
    if framework == "django":
        return (
            "1. Remove the model with SeparateDatabaseAndState(state_operations=[DeleteModel(…)]) and deploy.\n"
            f"2. DROP TABLE {table}; in the next release."
        )
    return (
        f"1. Deploy code that does not use {table}.\n2. Rename it, wait, and look for errors.\n3. DROP TABLE {table};"
    )
