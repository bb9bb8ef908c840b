"""Constraints as steps: added without a look at the old rows, which are looked at beside the writers."""

from __future__ import annotations

import re
from dataclasses import replace

from dbwright.fixes.sql import swapped_name
from dbwright.fixes.steps import catalog as ask
from dbwright.fixes.steps.indexes import drop_index
from dbwright.fixes.steps.step import Leftover, Lock, Step, alone, statements_of
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier


def _referenced(definition: str) -> tuple[str, ...]:
    """The other table of a foreign key, as its definition has it."""
    found = re.search(r'REFERENCES ((?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?)', definition)
    return (found[1],) if found else ()


def _adding(definition: str, table: str) -> tuple[Lock, tuple[str, ...]]:
    if definition.startswith("FOREIGN KEY"):
        return "SHARE ROW EXCLUSIVE", (table, *_referenced(definition))
    return "ACCESS EXCLUSIVE", (table,)


_KEY = re.compile(
    r"(UNIQUE|PRIMARY KEY)( NULLS NOT DISTINCT)? (\(.*?\)(?: INCLUDE \(.*?\))?)((?: (?:NOT )?DEFERRABLE.*)?)"
)


@alone.register
def _add_constraint(operation: c.AddConstraint, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    key = _KEY.fullmatch(operation.definition)
    if key:
        return _add_key(operation, table, key)
    subject = f"{table} {operation.name}"
    lock, relations = _adding(operation.definition, table)
    needs = (
        ask.owner(operation.schema, operation.table),
        ask.constraint_is(operation.schema, operation.table, operation.name, operation.definition),
    )
    there = ask.constraint(operation.schema, operation.table, operation.name)
    statements = statements_of(operation)
    instant = len(statements) > 1 or operation.definition.endswith("NOT VALID")
    add = Step(
        statements[:1], lock, relations, "instant" if instant else "scan",
        done=there, repeatable=False, needs=needs, subject=subject,
    )  # fmt: skip
    if len(statements) == 1:
        return (add,)
    return (add, _validate(operation.schema, operation.table, operation.name, relations, statements[1:]))


def _validate(schema: str, table: str, name: str, relations: tuple[str, ...], statements: tuple[str, ...]) -> Step:
    return Step(
        statements,
        "SHARE UPDATE EXCLUSIVE",
        relations,
        "scan",
        done=ask.constraint(schema, table, name, "k.convalidated"),
        subject=f"{relations[0]} {name}",
    )


def _add_key(operation: c.AddConstraint, table: str, key: re.Match[str]) -> tuple[Step, ...]:
    name = quote_identifier(operation.name)
    kind, nulls, columns, deferrable = key.groups()
    return _key(
        operation.schema,
        operation.table,
        operation.name,
        f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {columns}{nulls or ''}",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}{deferrable}",
    )


@alone.register
def _add_unique(operation: c.AddUnique, major: int) -> tuple[Step, ...]:
    return _key(operation.schema, operation.table, operation.name, *statements_of(operation))


def _key(schema: str, table: str, name: str, build: str, attach: str) -> tuple[Step, ...]:
    """A unique or primary key whose index is built beside the writers, then taken by the constraint. Until it is, the index alone is taken
    back."""
    label, index = quote_identifier(schema, table), quote_identifier(schema, name)
    same = f"i.indisunique AND i.indrelid = {ask.oid_of(schema, table)}"
    valid = f"i.indisvalid AND {same}"
    dropped = c.DropConstraint(schema, table, name, "")
    return (
        Step(
            (build,),
            "SHARE UPDATE EXCLUSIVE",
            (label,),
            "build",
            transactional=False,
            done=ask.exists_index(schema, name, valid),
            repeatable=False,
            needs=(
                ask.owner(schema, table),
                ask.may_create(schema),
                ask.name_free(schema, name, valid),
                ask.not_partitioned(schema, table),
            ),
            subject=index,
            leftover=Leftover(schema, name),
            back=drop_index(schema, name, (f"DROP INDEX CONCURRENTLY {index}",), same, on_partitioned=False),
        ),
        Step(
            (attach,),
            "ACCESS EXCLUSIVE",
            (label,),
            done=ask.constraint(schema, table, name),
            repeatable=False,
            subject=f"{label} {name}",
            back=_drop_constraint(dropped, 0),
        ),
    )


@alone.register
def _drop_unique(operation: c.DropUnique, major: int) -> tuple[Step, ...]:
    added = operation.added
    return _drop_constraint(c.DropConstraint(added.schema, added.table, added.name, ""), major)


@alone.register
def _drop_constraint(operation: c.DropConstraint, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    return (
        Step(
            statements_of(operation),
            "ACCESS EXCLUSIVE",
            (table, *_referenced(operation.definition)),
            done="NOT " + ask.constraint(operation.schema, operation.table, operation.name),
            repeatable=False,
            needs=(ask.owner(operation.schema, operation.table),),
            subject=f"{table} {operation.name}",
        ),
    )


def as_read(operation: c.DropConstraint | c.SetOnDelete) -> str:
    """If there is a constraint of the name, it is still defined as it was read. (A reverse asks no such thing: what it drops was defined
    by us, in words that need not be the server's.)"""
    definition = operation.definition if isinstance(operation, c.DropConstraint) else operation.old_definition
    return ask.constraint_is(operation.schema, operation.table, operation.name, definition)


@alone.register
def _validate_constraint(operation: c.ValidateConstraint, major: int) -> tuple[Step, ...]:
    schema, name = operation.schema, operation.table
    table = quote_identifier(schema, name)
    relations = (table, *_referenced(operation.definition))
    subject = f"{table} {operation.name}"
    missing = "NOT " + ask.constraint(schema, name, operation.name)
    gone = ask.row(missing, f"the constraint {operation.name} on {table} is no longer there", ask.AGAIN)
    # Dropped and added in one transaction, so that new rows are never without it.
    back = Step(
        tuple(statement for reverse in operation.reverse() for statement in statements_of(reverse)),
        "ACCESS EXCLUSIVE",
        relations,
        done=ask.constraint(schema, name, operation.name, "NOT k.convalidated"),
        repeatable=False,
        needs=(ask.owner(schema, name),),
        subject=subject,
    )
    step = _validate(schema, name, operation.name, relations, statements_of(operation))
    return (replace(step, needs=(ask.owner(schema, name), gone), back=(back,)),)


@alone.register
def _add_range_check(operation: c.AddRangeCheck, major: int) -> tuple[Step, ...]:
    statements = statements_of(operation)
    definition = statements[0].partition(" CHECK ")[2].removesuffix(" NOT VALID")
    added = c.AddConstraint(operation.schema, operation.table, operation.name, f"CHECK {definition}", validate=True)
    return _add_constraint(added, major)


@alone.register
def _drop_range_check(operation: c.DropRangeCheck, major: int) -> tuple[Step, ...]:
    added = operation.added
    return _drop_constraint(c.DropConstraint(added.schema, added.table, added.name, ""), major)


@alone.register
def _promote(operation: c.PromoteToPrimaryKey, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    ready = f"i.indisvalid AND {ask.defined_as(operation.definition)}"
    return (
        Step(
            statements_of(operation),
            "ACCESS EXCLUSIVE",
            (table,),
            done=ask.constraint(operation.schema, operation.table, operation.name, "k.contype = 'p'"),
            repeatable=False,
            needs=(
                ask.owner(operation.schema, operation.table),
                ask.row(
                    f"NOT {ask.exists_index(operation.schema, operation.index, ready)} AND NOT "
                    + ask.constraint(operation.schema, operation.table, operation.name, "k.contype = 'p'"),
                    f"the index {operation.index} is gone or another one",
                    ask.AGAIN,
                ),
            ),
            subject=f"{table} {operation.name}",
        ),
    )


@alone.register
def _set_on_delete(operation: c.SetOnDelete, major: int) -> tuple[Step, ...]:
    add, validate, swap = _swap(operation)
    (reverse,) = operation.reverse()
    away = c.DropConstraint(operation.schema, operation.table, swapped_name(operation), operation.new_definition)
    back = _swap(reverse) if isinstance(reverse, c.SetOnDelete) else ()
    return replace(add, back=_drop_constraint(away, major)), validate, replace(swap, back=back)


def _swap(operation: c.SetOnDelete) -> tuple[Step, Step, Step]:
    """The old key goes, and the new one takes its name, in one transaction: at no time is there none."""
    schema, name, temporary = operation.schema, operation.table, swapped_name(operation)
    table = quote_identifier(schema, name)
    add, validate, drop, rename = statements_of(operation)
    relations = (table, *_referenced(operation.new_definition))
    there, old = ask.constraint(schema, name, temporary), ask.constraint(schema, name, operation.name)
    needs = (
        ask.owner(schema, name),
        ask.row(f"NOT {old}", f"the foreign key {operation.name} on {table} is no longer there", ask.AGAIN),
        ask.row(there, f"the name {temporary} on {table} is taken by a constraint", "Rename or drop it."),
    )
    subject = f"{table} {operation.name}"
    return (
        Step(
            (add,), "SHARE ROW EXCLUSIVE", relations, done=there, repeatable=False, needs=needs,
            subject=f"{table} {temporary}",
        ),
        Step(
            (validate,), "SHARE UPDATE EXCLUSIVE", relations, "scan",
            done=ask.constraint(schema, name, temporary, "k.convalidated"), subject=subject,
        ),
        Step(
            (drop, rename), "ACCESS EXCLUSIVE", relations, done=f"{old} AND NOT {there}", repeatable=False,
            subject=subject,
        ),
    )  # fmt: skip
