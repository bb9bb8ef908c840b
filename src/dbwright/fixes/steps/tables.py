"""Columns, tables and their rows as steps."""

from __future__ import annotations

import re

from dbwright.fixes.sql import not_null_check
from dbwright.fixes.steps import catalog as ask
from dbwright.fixes.steps.step import Lock, Step, alone, statements_of
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier, quote_literal

_TEXT = re.compile(r"(?:character varying|varchar|text)(?:\((\d+)\))?")


def _rewrites(old: str, new: str) -> bool:
    """Whether the table is written anew: text only becomes wider without."""
    before, after = _TEXT.fullmatch(old), _TEXT.fullmatch(new)
    if not (before and after):
        return True
    return after[1] is not None and (before[1] is None or int(before[1]) > int(after[1]))


def _is_of_type(name: str) -> str:
    """A condition on ``a`` (pg_attribute): its type is of that name, which need not be spelled as the server does."""
    modifier = "substring({} from '[(](.*)[)]')"
    own, wanted = modifier.format("format_type(a.atttypid, a.atttypmod)"), modifier.format(quote_literal(name))
    return f"(a.atttypid = to_regtype({quote_literal(name)}) AND {own} IS NOT DISTINCT FROM {wanted})"


@alone.register
def _alter_type(operation: c.AlterColumnType, major: int) -> tuple[Step, ...]:
    alter, analyze = statements_of(operation)
    table = quote_identifier(operation.schema, operation.table)
    old, new = map(_is_of_type, (operation.old_type, operation.new_type))
    changed = ask.row(
        f"NOT {ask.column(operation.schema, operation.table, operation.column, f'({old} OR {new})')}",
        f"{table}.{operation.column} is no longer of the type {operation.old_type}",
        ask.AGAIN,
    )
    rewrites = _rewrites(operation.old_type, operation.new_type)
    return (
        Step(
            (alter,),
            "ACCESS EXCLUSIVE",
            (table,),
            "rewrite" if rewrites else "instant",
            done=ask.column(operation.schema, operation.table, operation.column, new),
            repeatable=operation.using is None,
            needs=(ask.owner(operation.schema, operation.table), changed),
            subject=f"{table}.{operation.column}",
        ),
        Step((analyze,), "SHARE UPDATE EXCLUSIVE", (table,), "scan"),
    )


@alone.register
def _set_not_null(operation: c.SetNotNull, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    schema, name, column = operation.schema, operation.table, operation.column
    required = ask.column(schema, name, column, "a.attnotnull")
    needs = (ask.owner(schema, name), ask.has_column(schema, name, column))
    subject = f"{table}.{column}"
    statements = statements_of(operation)
    if not operation.not_null:
        return (Step(statements, "ACCESS EXCLUSIVE", (table,), done=f"NOT {required}", needs=needs, subject=subject),)
    add, validate, require, drop = statements
    check = not_null_check(operation)
    there = ask.constraint(schema, name, check, "k.contype = 'c'")
    taken = ask.row(there, f"the name {check} on {table} is taken by a constraint", "Rename or drop it.")
    away = Step(
        (drop,), "ACCESS EXCLUSIVE", (table,), done=f"NOT {there}", repeatable=False, subject=f"{table} {check}"
    )
    optional = Step(
        statements_of(c.SetNotNull(schema, name, column, False)), "ACCESS EXCLUSIVE", (table,),
        done=f"NOT {required}", subject=subject,
    )  # fmt: skip
    # Once the column is required the check is superfluous, whoever made it so.
    done = f"({there} OR {required})"
    return (
        Step(
            (add,), "ACCESS EXCLUSIVE", (table,), done=done, repeatable=False, needs=(*needs, taken),
            subject=f"{table} {check}", back=(away,),
        ),
        Step(
            (validate,), "SHARE UPDATE EXCLUSIVE", (table,), "scan", subject=subject,
            done=f"({ask.constraint(schema, name, check, 'k.convalidated')} OR {required})",
        ),
        Step((require,), "ACCESS EXCLUSIVE", (table,), done=required, subject=subject, back=(optional,)),
        away,
    )  # fmt: skip


def _on_column(lock: Lock, operation: c.SetDefault | c.AlterColumn) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    needs = (
        ask.owner(operation.schema, operation.table),
        ask.has_column(operation.schema, operation.table, operation.column),
    )
    return (Step(statements_of(operation), lock, (table,), needs=needs, subject=f"{table}.{operation.column}"),)


@alone.register
def _set_default(operation: c.SetDefault, major: int) -> tuple[Step, ...]:
    return _on_column("ACCESS EXCLUSIVE", operation)


@alone.register
def _alter_column(operation: c.AlterColumn, major: int) -> tuple[Step, ...]:
    return _on_column("SHARE UPDATE EXCLUSIVE" if operation.property == "STATISTICS" else "ACCESS EXCLUSIVE", operation)


_WEAKLY_SET = ("fillfactor", "autovacuum_", "toast.autovacuum_", "parallel_workers", "toast_tuple_target", "vacuum_")
"""Storage parameters that are set beside readers and writers."""


@alone.register
def _set_storage(operation: c.SetStorageParameter, major: int) -> tuple[Step, ...]:
    label = quote_identifier(operation.schema, operation.name)
    weak = operation.relation != "VIEW" and operation.parameter.startswith(_WEAKLY_SET)
    needs = (ask.owner(operation.schema, operation.name, operation.relation),)
    lock: Lock = "SHARE UPDATE EXCLUSIVE" if weak else "ACCESS EXCLUSIVE"
    return (Step(statements_of(operation), lock, (label,), needs=needs, subject=f"{label} {operation.parameter}"),)


@alone.register
def _backfill(operation: c.Backfill, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    key = quote_identifier(operation.key)
    unique = (
        f"EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
        f"WHERE i.indrelid = {ask.oid_of(operation.schema, operation.table)} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL "
        f"AND i.indnkeyatts = 1 AND a.attnotnull AND a.attname = {quote_literal(operation.key)})"
    )
    needs = (
        f"SELECT 'the right to UPDATE ' || {quote_literal(table)} || ' is missing', "
        f"format('GRANT SELECT, UPDATE ON %s TO %I.', {quote_literal(table)}, current_user) FROM pg_class c "
        f"WHERE c.oid = {ask.oid_of(operation.schema, operation.table)} AND NOT has_table_privilege(c.oid, 'UPDATE')",
        ask.has_column(operation.schema, operation.table, operation.key),
        ask.row(
            f"NOT {unique}",
            f"{table} has no primary or unique key on {key} alone, by which batches could go through it",
            "Add a primary key first, or fill the rows by hand.",
        ),
    )
    return (
        Step(
            statements_of(operation), "none", (table,), "batches", needs=needs, subject=f"{table} rows", batch=operation
        ),
    )
