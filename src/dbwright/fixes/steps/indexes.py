"""Indexes as steps."""

from __future__ import annotations

import re

from dbwright.fixes.steps import catalog as ask
from dbwright.fixes.steps.step import Leftover, Step, alone, statements_of
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier, quote_literal


@alone.register
def _create_index(operation: c.CreateIndex, major: int) -> tuple[Step, ...]:
    online = not operation.on_partitioned
    table = quote_identifier(operation.schema, operation.table)
    same = ask.is_index(operation)
    return (
        Step(
            statements_of(operation),
            "SHARE UPDATE EXCLUSIVE" if online else "SHARE",
            (table,),
            "build",
            transactional=not online,
            done=ask.exists_index(operation.schema, operation.name, same),
            repeatable=False,
            needs=(
                ask.owner(operation.schema, operation.table),
                ask.may_create(operation.schema),
                ask.name_free(operation.schema, operation.name, same),
                *((ask.not_partitioned(operation.schema, operation.table),) if online else ()),
            ),
            subject=quote_identifier(operation.schema, operation.name),
            leftover=Leftover(operation.schema, operation.name) if online else None,
        ),
    )


def _gone(schema: str, name: str) -> str:
    return f"{ask.oid_of(schema, name)} IS NULL"


def drop_index(
    schema: str, name: str, statements: tuple[str, ...], same: str, *, on_partitioned: bool
) -> tuple[Step, ...]:
    """Drop an index that still meets the condition ``same`` on ``i`` (pg_index)."""
    label = quote_identifier(schema, name)
    changed = (
        f"SELECT {quote_literal(f'{label} is another index now: ')} || pg_get_indexdef(i.indexrelid), {quote_literal(ask.AGAIN)} "
        f"FROM pg_index i WHERE i.indexrelid = {ask.oid_of(schema, name)} AND ({same}) IS NOT TRUE"
    )
    return (
        Step(
            statements,
            "ACCESS EXCLUSIVE" if on_partitioned else "SHARE UPDATE EXCLUSIVE",
            (label,),
            transactional=on_partitioned,
            done=_gone(schema, name),
            repeatable=False,
            needs=(changed, ask.owner(schema, name, "INDEX", may_be_gone=True)),
            subject=label,
            leftover=None if on_partitioned else Leftover(schema, name),
        ),
    )


@alone.register
def _drop_new_index(operation: c.DropNewIndex, major: int) -> tuple[Step, ...]:
    made = operation.created
    # One that a killed build left is invalid and as much ours.
    same = ask.is_index(made).replace("i.indisvalid", "true", 1)
    return drop_index(made.schema, made.name, statements_of(operation), same, on_partitioned=made.on_partitioned)


@alone.register
def _drop_old_index(operation: c.DropIndex, major: int) -> tuple[Step, ...]:
    same = ask.defined_as(operation.definition) if operation.definition else "true"
    return drop_index(
        operation.schema, operation.name, statements_of(operation), same, on_partitioned=operation.on_partitioned
    )


_ON = re.compile(r'\sON (?:ONLY )?((?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?) USING ')


@alone.register
def _recreate_index(operation: c.RecreateIndex, major: int) -> tuple[Step, ...]:
    dropped = operation.dropped
    online = not dropped.on_partitioned
    same = f"i.indisvalid AND {ask.defined_as(dropped.definition)}"
    table = _ON.search(dropped.definition)
    return (
        Step(
            statements_of(operation),
            "SHARE UPDATE EXCLUSIVE" if online else "SHARE",
            (table[1],) if table else (),
            "build",
            transactional=not online,
            done=ask.exists_index(dropped.schema, dropped.name, same),
            repeatable=False,
            needs=(ask.may_create(dropped.schema), ask.name_free(dropped.schema, dropped.name, same)),
            subject=quote_identifier(dropped.schema, dropped.name),
            leftover=Leftover(dropped.schema, dropped.name) if online else None,
        ),
    )


@alone.register
def _reindex(operation: c.Reindex, major: int) -> tuple[Step, ...]:
    label = quote_identifier(operation.schema, operation.name)
    return (
        Step(
            statements_of(operation),
            "SHARE UPDATE EXCLUSIVE",
            (label,),
            "build",
            transactional=False,
            needs=(ask.owner(operation.schema, operation.name, "INDEX"),),
            subject=label,
            leftover=Leftover(operation.schema, operation.name),
        ),
    )
