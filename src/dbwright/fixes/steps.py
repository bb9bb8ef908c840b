"""Operations as steps on a live PostgreSQL: what each statement locks and costs, how it is seen that it was carried out, what a death in
its middle leaves behind, and the steps that take it back.

Everything that a step asks the server is SQL that reads the catalog, made here and run with ``search_path = pg_catalog``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, Literal

from dbwright.fixes import sql
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier, quote_literal, shortened

Lock = Literal["none", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]
LOCKS: tuple[Lock, ...] = (
    "none",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)
"""From the weakest on. From SHARE on writers wait, under the last one readers do too."""
Work = Literal["instant", "scan", "build", "rewrite", "batches"]
"""How much a statement does: nothing that grows with the table; reads it; builds an index; writes it anew; changes rows batch by batch."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a concurrent build that dies leaves on a table: an invalid index of this name, or of this name with ``_ccnew`` or ``_ccold``."""

    schema: str
    index: str


@dataclass(frozen=True, slots=True)
class Step:
    """What is carried out, or is not, as one. Several ``statements`` are one transaction.

    ``relations`` are quoted names: the lock is on the first, the others are locked along. ``done`` is a condition in SQL that holds once
    the step is in effect; without one a step that is not ``repeatable`` must be known by its transaction. ``needs`` are queries, each
    answering with a row (problem, way on) for what stands against the step. ``subject`` names what the step makes, changes or drops.
    ``back`` takes it back; nothing there means that another step's ``back`` does, or that there is nothing to take back.
    """

    statements: tuple[str, ...]
    lock: Lock = "none"
    relations: tuple[str, ...] = ()
    work: Work = "instant"
    transactional: bool = True
    done: str | None = None
    repeatable: bool = True
    needs: tuple[str, ...] = ()
    subject: str = ""
    leftover: Leftover | None = None
    batch: c.Backfill | None = None
    back: tuple[Step, ...] = ()

    @property
    def concurrent(self) -> bool:
        """Whether it waits for other transactions by itself, without anybody waiting for it."""
        return self.leftover is not None

    @property
    def blocks_writes(self) -> bool:
        return LOCKS.index(self.lock) >= LOCKS.index("SHARE")


def steps(change: c.Change, major: int) -> tuple[Step, ...]:
    """The change as steps for a server of that major version, each with its way back."""
    return tuple(step for operation in change.operations for step in _with_back(operation, major))


def _with_back(operation: c.Operation, major: int) -> tuple[Step, ...]:
    """Where the steps of an operation are not taken back one by one, the first takes back all of them, at whichever they stopped."""
    made = _alone(operation, major)
    if isinstance(operation, c.DropConstraint | c.SetOnDelete):
        made = (replace(made[0], needs=(*made[0].needs, _as_read(operation))), *made[1:])
    if any(step.back for step in made):
        return made
    return (replace(made[0], back=_reverse(operation, major)), *made[1:])


def _reverse(operation: c.Operation, major: int) -> tuple[Step, ...]:
    return tuple(replace(step, back=()) for reverse in operation.reverse() for step in _alone(reverse, major))


def _statements(operation: c.Operation) -> tuple[str, ...]:
    return sql.forward(c.Change((operation,)))


@singledispatch
def _alone(operation: c.Operation, major: int) -> tuple[Step, ...]:
    """The steps of an operation, without what its reverse tells. Raises TypeError for an operation that has none."""
    raise TypeError(f"no steps for {type(operation).__name__} on PostgreSQL {major}")


# What is asked of the catalog


def _class(schema: str, name: str) -> str:
    return f"to_regclass({quote_literal(quote_identifier(schema, name))})"


def _row(condition: str, problem: str, remedy: str) -> str:
    """A query that answers (problem, remedy) where the condition holds; both are texts, not SQL."""
    return f"SELECT {quote_literal(problem)}, {quote_literal(remedy)} WHERE {condition}"


_AGAIN = "Run `dbwright audit` to see what is there now."


def _owner(schema: str, name: str, kind: str = "TABLE", *, maintain: bool = False, may_be_gone: bool = False) -> str:
    """The relation exists and its owner's rights are ours."""
    label = quote_literal(quote_identifier(schema, name))
    allowed = "pg_has_role(c.relowner, 'USAGE')"
    if maintain:
        allowed = f"({allowed} OR has_table_privilege(c.oid, 'MAINTAIN'))"
    grant = (
        f"format('GRANT %I TO %I, or ALTER {kind} %s OWNER TO %I.', "
        f"pg_get_userbyid(c.relowner), current_user, {label}, current_user)"
    )
    return (
        f"SELECT CASE WHEN c.oid IS NULL THEN {label} || ' is no longer there' "
        f"ELSE {label} || ' belongs to ' || pg_get_userbyid(c.relowner) END, "
        f"CASE WHEN c.oid IS NULL THEN {quote_literal(_AGAIN)} ELSE {grant} END "
        f"FROM (SELECT {_class(schema, name)} AS oid) w LEFT JOIN pg_class c ON c.oid = w.oid "
        f"WHERE {'false' if may_be_gone else 'c.oid IS NULL'} OR NOT {allowed}"
    )


def _may_create(schema: str) -> str:
    """CREATE in the schema is ours."""
    name = quote_literal(quote_identifier(schema))
    return (
        f"SELECT 'the right to create in schema ' || {name} || ' is missing', "
        f"format('GRANT CREATE ON SCHEMA %s TO %I.', {name}, current_user) "
        f"FROM pg_namespace n WHERE n.nspname = {quote_literal(schema)} AND NOT has_schema_privilege(n.oid, 'CREATE')"
    )


def _superuser(what: str, unless: str = "false") -> str:
    return (
        f"SELECT {quote_literal(what + ' needs a superuser')}, 'Run it as one; this is ' || current_user || '.' "
        f"WHERE NOT ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR {unless})"
    )


def _is_index(created: c.CreateIndex) -> str:
    """A condition on ``i`` (pg_index): it is valid and what would be made. Expressions and predicates count as such, not by their text."""
    keys = (
        f"(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[{n}]) IS NOT DISTINCT FROM "
        + ("NULL" if key.column is None else quote_literal(key.column))
        for n, key in enumerate(created.keys)
    )
    conditions = (
        "i.indisvalid",
        f"i.indrelid = {_class(created.schema, created.table)}",
        f"i.indisunique = {str(created.unique).lower()}",
        f"i.indnkeyatts = {len(created.keys)}",
        f"i.indnatts = {len(created.keys) + len(created.include)}",
        f"(i.indpred IS NOT NULL) = {str(created.predicate is not None).lower()}",
        *keys,
    )
    return " AND ".join(conditions)


def _exists_index(schema: str, name: str, condition: str) -> str:
    return f"EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = {_class(schema, name)} AND {condition})"


def _defined_as(definition: str) -> str:
    """A condition on ``i`` (pg_index): its definition is this one. What is read of a partitioned table's index lacks ONLY."""
    wanted = quote_literal(definition.replace(" ON ONLY ", " ON "))
    return f"replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') = {wanted}"


def _name_free(schema: str, name: str, same: str) -> str:
    """Nothing has the name, but for an index that meets the condition ``same``."""
    label = quote_identifier(schema, name)
    return (
        f"SELECT {quote_literal(f'the name {label} is taken by ')} || CASE WHEN i.indexrelid IS NULL THEN 'something that is no index' "
        f"WHEN NOT i.indisvalid THEN 'an invalid index' ELSE 'another index: ' || pg_get_indexdef(i.indexrelid) END, "
        f"{quote_literal(f'Rename or drop it (DROP INDEX CONCURRENTLY {label}), then run this again.')} "
        f"FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.oid = {_class(schema, name)} AND ({same}) IS NOT TRUE"
    )


def _constraint(schema: str, table: str, name: str, condition: str = "true") -> str:
    return (
        f"EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = {_class(schema, table)} "
        f"AND k.conname = {quote_literal(name)} AND {condition})"
    )


_DEFINED = "replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')"


def _constraint_is(schema: str, table: str, name: str, definition: str) -> str:
    """If there is a constraint of the name, it is defined like this."""
    label = f"{name} on {quote_identifier(schema, table)}"
    wanted = quote_literal(definition.replace(" NOT VALID", ""))
    return (
        f"SELECT {quote_literal(f'the constraint {label} is another one: ')} || pg_get_constraintdef(k.oid), {quote_literal(_AGAIN)} "
        f"FROM pg_constraint k WHERE k.conrelid = {_class(schema, table)} AND k.conname = {quote_literal(name)} "
        f"AND {_DEFINED} <> {wanted}"
    )


def _column(schema: str, table: str, column: str, condition: str) -> str:
    return (
        f"EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = {_class(schema, table)} "
        f"AND a.attname = {quote_literal(column)} AND NOT a.attisdropped AND {condition})"
    )


def _has_column(schema: str, table: str, column: str) -> str:
    label = f"{quote_identifier(schema, table)}.{quote_identifier(column)}"
    return _row(f"NOT {_column(schema, table, column, 'true')}", f"{label} is no longer there", _AGAIN)


# Indexes


@_alone.register
def _create_index(operation: c.CreateIndex, major: int) -> tuple[Step, ...]:
    online = not operation.on_partitioned
    table = quote_identifier(operation.schema, operation.table)
    same = _is_index(operation)
    return (
        Step(
            _statements(operation),
            "SHARE UPDATE EXCLUSIVE" if online else "SHARE",
            (table,),
            "build",
            transactional=not online,
            done=_exists_index(operation.schema, operation.name, same),
            repeatable=False,
            needs=(
                _owner(operation.schema, operation.table),
                _may_create(operation.schema),
                _name_free(operation.schema, operation.name, same),
            ),
            subject=quote_identifier(operation.schema, operation.name),
            leftover=Leftover(operation.schema, operation.name) if online else None,
        ),
    )


def _gone(schema: str, name: str) -> str:
    return f"{_class(schema, name)} IS NULL"


def _drop_index(
    schema: str, name: str, statements: tuple[str, ...], same: str, on_partitioned: bool
) -> tuple[Step, ...]:
    label = quote_identifier(schema, name)
    changed = (
        f"SELECT {quote_literal(f'{label} is another index now: ')} || pg_get_indexdef(i.indexrelid), {quote_literal(_AGAIN)} "
        f"FROM pg_index i WHERE i.indexrelid = {_class(schema, name)} AND ({same}) IS NOT TRUE"
    )
    return (
        Step(
            statements,
            "ACCESS EXCLUSIVE" if on_partitioned else "SHARE UPDATE EXCLUSIVE",
            (label,),
            transactional=on_partitioned,
            done=_gone(schema, name),
            repeatable=False,
            needs=(changed, _owner(schema, name, "INDEX", may_be_gone=True)),
            subject=label,
            leftover=None if on_partitioned else Leftover(schema, name),
        ),
    )


@_alone.register
def _drop_new_index(operation: c.DropNewIndex, major: int) -> tuple[Step, ...]:
    made = operation.created
    # One that a killed build left is invalid and as much ours.
    same = _is_index(made).replace("i.indisvalid", "true", 1)
    return _drop_index(made.schema, made.name, _statements(operation), same, made.on_partitioned)


@_alone.register
def _drop_old_index(operation: c.DropIndex, major: int) -> tuple[Step, ...]:
    same = _defined_as(operation.definition) if operation.definition else "true"
    return _drop_index(operation.schema, operation.name, _statements(operation), same, operation.on_partitioned)


_ON = re.compile(r'\sON (?:ONLY )?((?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?) USING ')


@_alone.register
def _recreate_index(operation: c.RecreateIndex, major: int) -> tuple[Step, ...]:
    dropped = operation.dropped
    online = not dropped.on_partitioned
    same = f"i.indisvalid AND {_defined_as(dropped.definition)}"
    table = _ON.search(dropped.definition)
    return (
        Step(
            _statements(operation),
            "SHARE UPDATE EXCLUSIVE" if online else "SHARE",
            (table[1],) if table else (),
            "build",
            transactional=not online,
            done=_exists_index(dropped.schema, dropped.name, same),
            repeatable=False,
            needs=(_may_create(dropped.schema), _name_free(dropped.schema, dropped.name, same)),
            subject=quote_identifier(dropped.schema, dropped.name),
            leftover=Leftover(dropped.schema, dropped.name) if online else None,
        ),
    )


@_alone.register
def _reindex(operation: c.Reindex, major: int) -> tuple[Step, ...]:
    label = quote_identifier(operation.schema, operation.name)
    return (
        Step(
            _statements(operation),
            "SHARE UPDATE EXCLUSIVE",
            (label,),
            "build",
            transactional=False,
            needs=(_owner(operation.schema, operation.name, "INDEX"),),
            subject=label,
            leftover=Leftover(operation.schema, operation.name),
        ),
    )


# Constraints


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


@_alone.register
def _add_constraint(operation: c.AddConstraint, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    key = _KEY.fullmatch(operation.definition)
    if key:
        return _add_key(operation, table, key)
    subject = f"{table} {operation.name}"
    lock, relations = _adding(operation.definition, table)
    needs = (
        _owner(operation.schema, operation.table),
        _constraint_is(operation.schema, operation.table, operation.name, operation.definition),
    )
    there = _constraint(operation.schema, operation.table, operation.name)
    statements = _statements(operation)
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
        done=_constraint(schema, table, name, "k.convalidated"),
        subject=f"{relations[0]} {name}",
    )


def _add_key(operation: c.AddConstraint, table: str, key: re.Match[str]) -> tuple[Step, ...]:
    """A unique or primary key whose index is built beside the writers, then taken by the constraint."""
    name = quote_identifier(operation.name)
    kind, nulls, columns, deferrable = key.groups()
    same = f"i.indisvalid AND i.indisunique AND i.indrelid = {_class(operation.schema, operation.table)}"
    build = Step(
        (f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {columns}{nulls or ''}",),
        "SHARE UPDATE EXCLUSIVE",
        (table,),
        "build",
        transactional=False,
        done=_exists_index(operation.schema, operation.name, same),
        repeatable=False,
        needs=(
            _owner(operation.schema, operation.table),
            _may_create(operation.schema),
            _name_free(operation.schema, operation.name, same),
        ),
        subject=quote_identifier(operation.schema, operation.name),
        leftover=Leftover(operation.schema, operation.name),
    )
    attach = Step(
        (f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}{deferrable}",),
        "ACCESS EXCLUSIVE",
        (table,),
        done=_constraint(operation.schema, operation.table, operation.name),
        repeatable=False,
        subject=f"{table} {operation.name}",
    )
    return build, attach


@_alone.register
def _drop_constraint(operation: c.DropConstraint, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    return (
        Step(
            _statements(operation),
            "ACCESS EXCLUSIVE",
            (table, *_referenced(operation.definition)),
            done="NOT " + _constraint(operation.schema, operation.table, operation.name),
            repeatable=False,
            needs=(_owner(operation.schema, operation.table),),
            subject=f"{table} {operation.name}",
        ),
    )


def _as_read(operation: c.DropConstraint | c.SetOnDelete) -> str:
    """If there is a constraint of the name, it is still defined as it was read. (A reverse asks no such thing: what it drops was defined
    by us, in words that need not be the server's.)"""
    definition = operation.definition if isinstance(operation, c.DropConstraint) else operation.old_definition
    return _constraint_is(operation.schema, operation.table, operation.name, definition)


@_alone.register
def _validate_constraint(operation: c.ValidateConstraint, major: int) -> tuple[Step, ...]:
    schema, name = operation.schema, operation.table
    table = quote_identifier(schema, name)
    relations = (table, *_referenced(operation.definition))
    subject = f"{table} {operation.name}"
    missing = "NOT " + _constraint(schema, name, operation.name)
    gone = _row(missing, f"the constraint {operation.name} on {table} is no longer there", _AGAIN)
    # Dropped and added in one transaction, so that new rows are never without it.
    back = Step(
        tuple(statement for reverse in operation.reverse() for statement in _statements(reverse)),
        "ACCESS EXCLUSIVE",
        relations,
        done=_constraint(schema, name, operation.name, "NOT k.convalidated"),
        repeatable=False,
        needs=(_owner(schema, name),),
        subject=subject,
    )
    step = _validate(schema, name, operation.name, relations, _statements(operation))
    return (replace(step, needs=(_owner(schema, name), gone), back=(back,)),)


@_alone.register
def _add_range_check(operation: c.AddRangeCheck, major: int) -> tuple[Step, ...]:
    statements = _statements(operation)
    definition = statements[0].partition(" CHECK ")[2].removesuffix(" NOT VALID")
    added = c.AddConstraint(operation.schema, operation.table, operation.name, f"CHECK {definition}", validate=True)
    return _add_constraint(added, major)


@_alone.register
def _drop_range_check(operation: c.DropRangeCheck, major: int) -> tuple[Step, ...]:
    added = operation.added
    return _drop_constraint(c.DropConstraint(added.schema, added.table, added.name, ""), major)


@_alone.register
def _promote(operation: c.PromoteToPrimaryKey, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    ready = f"i.indisvalid AND {_defined_as(operation.definition)}"
    return (
        Step(
            _statements(operation),
            "ACCESS EXCLUSIVE",
            (table,),
            done=_constraint(operation.schema, operation.table, operation.name, "k.contype = 'p'"),
            repeatable=False,
            needs=(
                _owner(operation.schema, operation.table),
                _row(
                    f"NOT {_exists_index(operation.schema, operation.index, ready)} AND NOT "
                    + _constraint(operation.schema, operation.table, operation.name, "k.contype = 'p'"),
                    f"the index {operation.index} is gone or another one",
                    _AGAIN,
                ),
            ),
            subject=f"{table} {operation.name}",
        ),
    )


@_alone.register
def _set_on_delete(operation: c.SetOnDelete, major: int) -> tuple[Step, ...]:
    add, validate, swap = _swap(operation)
    (reverse,) = operation.reverse()
    away = c.DropConstraint(operation.schema, operation.table, _passing(operation), operation.new_definition)
    back = _swap(reverse) if isinstance(reverse, c.SetOnDelete) else ()
    return replace(add, back=_drop_constraint(away, major)), validate, replace(swap, back=back)


def _passing(operation: c.SetOnDelete) -> str:
    """The name that the new key has until the old one goes."""
    return shortened(operation.name, "_new") + "_new"


def _swap(operation: c.SetOnDelete) -> tuple[Step, Step, Step]:
    """The old key goes, and the new one takes its name, in one transaction: at no time is there none."""
    schema, name, temporary = operation.schema, operation.table, _passing(operation)
    table = quote_identifier(schema, name)
    add, validate, drop, rename = _statements(operation)
    relations = (table, *_referenced(operation.new_definition))
    there, old = _constraint(schema, name, temporary), _constraint(schema, name, operation.name)
    needs = (
        _owner(schema, name),
        _row(f"NOT {old}", f"the foreign key {operation.name} on {table} is no longer there", _AGAIN),
        _row(there, f"the name {temporary} on {table} is taken by a constraint", "Rename or drop it."),
    )
    subject = f"{table} {operation.name}"
    return (
        Step(
            (add,), "SHARE ROW EXCLUSIVE", relations, done=there, repeatable=False, needs=needs,
            subject=f"{table} {temporary}",
        ),
        Step(
            (validate,), "SHARE UPDATE EXCLUSIVE", relations, "scan",
            done=_constraint(schema, name, temporary, "k.convalidated"), subject=subject,
        ),
        Step(
            (drop, rename), "ACCESS EXCLUSIVE", relations, done=f"{old} AND NOT {there}", repeatable=False,
            subject=subject,
        ),
    )  # fmt: skip


# Columns and tables


_TEXT = re.compile(r"(?:character varying|varchar|text)(?:\((\d+)\))?")


def _rewrites(old: str, new: str) -> bool:
    """Whether the table is written anew: text only becomes wider without."""
    before, after = _TEXT.fullmatch(old), _TEXT.fullmatch(new)
    if not (before and after):
        return True
    return after[1] is not None and (before[1] is None or int(before[1]) > int(after[1]))


@_alone.register
def _alter_type(operation: c.AlterColumnType, major: int) -> tuple[Step, ...]:
    alter, analyze = _statements(operation)
    table = quote_identifier(operation.schema, operation.table)
    has = "format_type(a.atttypid, a.atttypmod) = {0} OR (a.atttypid = to_regtype({0}) AND position('(' in {0}) = 0)"
    old, new = (f"({has.format(quote_literal(t))})" for t in (operation.old_type, operation.new_type))
    changed = _row(
        f"NOT {_column(operation.schema, operation.table, operation.column, f'({old} OR {new})')}",
        f"{table}.{operation.column} is no longer of the type {operation.old_type}",
        _AGAIN,
    )
    rewrites = _rewrites(operation.old_type, operation.new_type)
    return (
        Step(
            (alter,),
            "ACCESS EXCLUSIVE",
            (table,),
            "rewrite" if rewrites else "instant",
            done=_column(operation.schema, operation.table, operation.column, new),
            repeatable=operation.using is None,
            needs=(_owner(operation.schema, operation.table), changed),
            subject=f"{table}.{operation.column}",
        ),
        Step((analyze,), "SHARE UPDATE EXCLUSIVE", (table,), "scan"),
    )


@_alone.register
def _set_not_null(operation: c.SetNotNull, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    schema, name, column = operation.schema, operation.table, operation.column
    required = _column(schema, name, column, "a.attnotnull")
    needs = (_owner(schema, name), _has_column(schema, name, column))
    subject = f"{table}.{column}"
    statements = _statements(operation)
    if not operation.not_null:
        return (Step(statements, "ACCESS EXCLUSIVE", (table,), done=f"NOT {required}", needs=needs, subject=subject),)
    add, validate, require, drop = statements
    check = shortened(column, "_not_null") + "_not_null"
    there = _constraint(schema, name, check, "k.contype = 'c'")
    taken = _row(there, f"the name {check} on {table} is taken by a constraint", "Rename or drop it.")
    away = Step(
        (drop,), "ACCESS EXCLUSIVE", (table,), done=f"NOT {there}", repeatable=False, subject=f"{table} {check}"
    )
    optional = Step(
        _statements(c.SetNotNull(schema, name, column, False)), "ACCESS EXCLUSIVE", (table,),
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
            done=f"({_constraint(schema, name, check, 'k.convalidated')} OR {required})",
        ),
        Step((require,), "ACCESS EXCLUSIVE", (table,), done=required, subject=subject, back=(optional,)),
        away,
    )  # fmt: skip


def _on_column(lock: Lock, operation: c.SetDefault | c.AlterColumn) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    needs = (
        _owner(operation.schema, operation.table),
        _has_column(operation.schema, operation.table, operation.column),
    )
    return (Step(_statements(operation), lock, (table,), needs=needs, subject=f"{table}.{operation.column}"),)


@_alone.register
def _set_default(operation: c.SetDefault, major: int) -> tuple[Step, ...]:
    return _on_column("ACCESS EXCLUSIVE", operation)


@_alone.register
def _alter_column(operation: c.AlterColumn, major: int) -> tuple[Step, ...]:
    return _on_column("SHARE UPDATE EXCLUSIVE" if operation.property == "STATISTICS" else "ACCESS EXCLUSIVE", operation)


_WEAKLY_SET = ("fillfactor", "autovacuum_", "toast.autovacuum_", "parallel_workers", "toast_tuple_target", "vacuum_")
"""Storage parameters that are set beside readers and writers."""


@_alone.register
def _set_storage(operation: c.SetStorageParameter, major: int) -> tuple[Step, ...]:
    label = quote_identifier(operation.schema, operation.name)
    weak = operation.relation != "VIEW" and operation.parameter.startswith(_WEAKLY_SET)
    needs = (_owner(operation.schema, operation.name, operation.relation),)
    lock: Lock = "SHARE UPDATE EXCLUSIVE" if weak else "ACCESS EXCLUSIVE"
    return (Step(_statements(operation), lock, (label,), needs=needs, subject=f"{label} {operation.parameter}"),)


@_alone.register
def _backfill(operation: c.Backfill, major: int) -> tuple[Step, ...]:
    table = quote_identifier(operation.schema, operation.table)
    key = quote_identifier(operation.key)
    unique = (
        f"EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
        f"WHERE i.indrelid = {_class(operation.schema, operation.table)} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL "
        f"AND i.indnkeyatts = 1 AND a.attnotnull AND a.attname = {quote_literal(operation.key)})"
    )
    needs = (
        f"SELECT 'the right to UPDATE ' || {quote_literal(table)} || ' is missing', "
        f"format('GRANT SELECT, UPDATE ON %s TO %I.', {quote_literal(table)}, current_user) FROM pg_class c "
        f"WHERE c.oid = {_class(operation.schema, operation.table)} AND NOT has_table_privilege(c.oid, 'UPDATE')",
        _has_column(operation.schema, operation.table, operation.key),
        _row(
            f"NOT {unique}",
            f"{table} has no primary or unique key on {key} alone, by which batches could go through it",
            "Add a primary key first, or fill the rows by hand.",
        ),
    )
    return (
        Step(
            _statements(operation), "none", (table,), "batches", needs=needs, subject=f"{table} rows", batch=operation
        ),
    )


# The server, roles, rights, extensions


@_alone.register
def _set_server(operation: c.SetServerParameter, major: int) -> tuple[Step, ...]:
    name = quote_literal(operation.name)
    may = f"has_parameter_privilege({name}, 'ALTER SYSTEM')" if major >= 15 else "false"
    needs = (_superuser("ALTER SYSTEM", may),)
    alter, *reload = _statements(operation)
    return (
        Step((alter,), transactional=False, needs=needs, subject=operation.name),
        *(Step((statement,), transactional=False) for statement in reload),
    )


@_alone.register
def _set_role(operation: c.SetRoleParameter, major: int) -> tuple[Step, ...]:
    if operation.role:
        need = _may_alter_role(operation.role, own=True)
    else:
        owner = f"(SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database d WHERE d.datname = {quote_literal(operation.database or '')})"
        need = _superuser(f"ALTER DATABASE {operation.database}", owner)
    return (Step(_statements(operation), needs=(need,), subject=f"role {operation.role} {operation.name}"),)


def _may_alter_role(role: str, *, own: bool = False) -> str:
    may = "(SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user)"
    if own:
        may = f"({may} OR current_user = {quote_literal(role)})"
    return _superuser(f"ALTER ROLE {role}", may)


@_alone.register
def _alter_role(operation: c.AlterRole, major: int) -> tuple[Step, ...]:
    need = _may_alter_role(operation.role)
    return (Step(_statements(operation), needs=(need,), subject=f"role {operation.role}"),)


@_alone.register
def _privileges(operation: c.ChangePrivileges, major: int) -> tuple[Step, ...]:
    subject = operation.signature or quote_identifier(*operation.name)
    needs = (_owner(*operation.name),) if operation.on == "TABLE" and len(operation.name) == 2 else ()
    return (Step(_statements(operation), needs=needs, subject=subject),)


def _extension(name: str, condition: str = "true") -> str:
    return f"EXISTS (SELECT FROM pg_extension e WHERE e.extname = {quote_literal(name)} AND {condition})"


def _may_install(name: str) -> str:
    trusted = (
        f"(has_database_privilege(current_database(), 'CREATE') AND "
        f"EXISTS (SELECT FROM pg_available_extension_versions v WHERE v.name = {quote_literal(name)} AND v.trusted))"
    )
    return _superuser(f"the extension {name}", trusted)


@_alone.register
def _create_extension(operation: c.CreateExtension, major: int) -> tuple[Step, ...]:
    missing = _row(
        f"NOT EXISTS (SELECT FROM pg_available_extensions v WHERE v.name = {quote_literal(operation.name)})",
        f"the server does not have the extension {operation.name}",
        "Install its package on the server.",
    )
    needs = (missing, _may_install(operation.name))
    return (Step(_statements(operation), done=_extension(operation.name), repeatable=False, needs=needs),)


@_alone.register
def _drop_extension(operation: c.DropExtension, major: int) -> tuple[Step, ...]:
    return (Step(_statements(operation), done=f"NOT {_extension(operation.name)}", repeatable=False),)


@_alone.register
def _update_extension(operation: c.UpdateExtension, major: int) -> tuple[Step, ...]:
    done = _extension(operation.name, f"e.extversion = {quote_literal(operation.new)}")
    return (Step(_statements(operation), done=done, repeatable=False, needs=(_may_install(operation.name),)),)


@_alone.register
def _refresh_collation(operation: c.RefreshCollationVersion, major: int) -> tuple[Step, ...]:
    return (Step(_statements(operation), subject=operation.database),)


@_alone.register
def _maintain(operation: c.Maintain, major: int) -> tuple[Step, ...]:
    if operation.schema is None or operation.name is None:
        return (Step(_statements(operation), "SHARE UPDATE EXCLUSIVE", (), "scan", transactional=False),)
    label = quote_identifier(operation.schema, operation.name)
    needs = (_owner(operation.schema, operation.name, maintain=major >= 17),)
    return (Step(_statements(operation), "SHARE UPDATE EXCLUSIVE", (label,), "scan", transactional=False, needs=needs),)


# Statements of our own, known by the grammar


@_alone.register
def _verbatim(operation: c.Verbatim, major: int) -> tuple[Step, ...]:
    return (_of_statement(operation.sql, operation.transactional),)


_KINDS: dict[str, tuple[Lock, Work]] = {
    "alter_seq_stmt": ("SHARE ROW EXCLUSIVE", "instant"),
    "refresh_mat_view_stmt": ("ACCESS EXCLUSIVE", "rewrite"),
    "create_policy_stmt": ("ACCESS EXCLUSIVE", "instant"),
    "alter_policy_stmt": ("ACCESS EXCLUSIVE", "instant"),
    "create_trig_stmt": ("SHARE ROW EXCLUSIVE", "instant"),
}
_WEAK_ALTERS = {"AT_ValidateConstraint": "SHARE UPDATE EXCLUSIVE", "AT_SetStatistics": "SHARE UPDATE EXCLUSIVE"} | {
    f"AT_{verb}Trig{of}": "SHARE ROW EXCLUSIVE"
    for verb in ("Enable", "Disable", "EnableAlways", "EnableReplica")
    for of in ("", "All", "User")
}
_REWRITING_ALTERS = frozenset({"AT_SetLogged", "AT_SetUnLogged", "AT_AlterColumnType", "AT_SetAccessMethod"})
_REPEATABLE = ("alter_", "grant_", "refresh_", "vacuum_", "comment_", "reindex_")
"""What may be said twice: the second time changes nothing, or does the same once more."""


def _of_statement(statement: str, transactional: bool) -> Step:
    """What the grammar tells of a statement. Several forms of ALTER TABLE in one are judged by the strongest."""
    import postgast

    (parsed,) = postgast.parse(statement).stmts
    kind = parsed.stmt.WhichOneof("node") or ""
    node = getattr(parsed.stmt, kind)
    repeatable = kind.startswith(_REPEATABLE)
    if kind == "alter_table_stmt":
        return _of_alter(node, statement, transactional)
    relation = _named(
        getattr(node, "relation", None) or getattr(node, "sequence", None) or getattr(node, "table", None)
    )
    lock, work = _KINDS.get(kind, ("none", "instant"))
    if kind == "refresh_mat_view_stmt" and node.concurrent:
        lock = "EXCLUSIVE"
    if kind == "select_stmt" and re.search(r"\bsetval\b", statement):
        repeatable = True
    needs = (
        (_owner(*relation, "MATERIALIZED VIEW" if work == "rewrite" else "TABLE"),)
        if relation and lock != "none"
        else ()
    )
    return Step(
        (statement,),
        lock,
        (quote_identifier(*relation),) if relation else (),
        work,
        transactional,
        repeatable=repeatable,
        needs=needs,
        subject=quote_identifier(*relation) if relation else "",
    )


def _named(node: Any) -> tuple[str, str] | None:
    """Schema and name of a relation that the grammar found; without a schema it is the role's search path that tells."""
    name = getattr(node, "relname", "")
    return (node.schemaname or "public", name) if name else None


def _of_alter(node: Any, statement: str, transactional: bool) -> Step:
    commands = [command.alter_table_cmd for command in node.cmds]
    kinds = node.cmds[0].alter_table_cmd.DESCRIPTOR.fields_by_name["subtype"].enum_type.values_by_number
    names = [kinds[command.subtype].name for command in commands]
    relation = _named(node.relation)
    if relation is None:
        return Step((statement,), transactional=transactional)
    locks: list[Lock] = [_WEAK_ALTERS.get(name, "ACCESS EXCLUSIVE") for name in names]  # type: ignore[misc]
    done = None
    if names in (["AT_AddColumn"], ["AT_DropColumn"]):
        column = commands[0].name or getattr(getattr(commands[0], "def").column_def, "colname", "")
        there = _column(*relation, column, "true")
        done = there if names == ["AT_AddColumn"] else f"NOT {there}"
    adds = any(name in ("AT_AddColumn", "AT_DropColumn", "AT_AddConstraint", "AT_DropConstraint") for name in names)
    label = quote_identifier(*relation)
    return Step(
        (statement,),
        max(locks, key=LOCKS.index),
        (label,),
        "rewrite" if _REWRITING_ALTERS & set(names) else "scan" if "AT_ValidateConstraint" in names else "instant",
        transactional,
        done=done,
        repeatable=not adds,
        needs=(_owner(*relation),),
        subject=label,
    )
