"""What steps ask of the catalog, as SQL: conditions, and queries that answer with what stands against a step."""

from __future__ import annotations

from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier, quote_literal


def oid_of(schema: str, name: str) -> str:
    return f"to_regclass({quote_literal(quote_identifier(schema, name))})"


def row(condition: str, problem: str, remedy: str) -> str:
    """A query that answers (problem, remedy) where the condition holds; both are texts, not SQL."""
    return f"SELECT {quote_literal(problem)}, {quote_literal(remedy)} WHERE {condition}"


AGAIN = "Run `dbwright audit` to see what is there now."


def owner(schema: str, name: str, kind: str = "TABLE", *, maintain: bool = False, may_be_gone: bool = False) -> str:
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
        f"CASE WHEN c.oid IS NULL THEN {quote_literal(AGAIN)} ELSE {grant} END "
        f"FROM (SELECT {oid_of(schema, name)} AS oid) w LEFT JOIN pg_class c ON c.oid = w.oid "
        f"WHERE {'false' if may_be_gone else 'c.oid IS NULL'} OR NOT {allowed}"
    )


def may_create(schema: str) -> str:
    """CREATE in the schema is ours."""
    name = quote_literal(quote_identifier(schema))
    return (
        f"SELECT 'the right to create in schema ' || {name} || ' is missing', "
        f"format('GRANT CREATE ON SCHEMA %s TO %I.', {name}, current_user) "
        f"FROM pg_namespace n WHERE n.nspname = {quote_literal(schema)} AND NOT has_schema_privilege(n.oid, 'CREATE')"
    )


def not_partitioned(schema: str, table: str) -> str:
    """The table is none whose partitions would each need the index first."""
    label = quote_identifier(schema, table)
    return row(
        f"EXISTS (SELECT FROM pg_class c WHERE c.oid = {oid_of(schema, table)} AND c.relkind = 'p')",
        f"{label} is partitioned, and no index is built beside the writers on all of its partitions at once",
        f"Build it on each partition, then CREATE INDEX ON ONLY {label} and attach them; a unique one must hold the partition key.",
    )


def superuser(what: str, unless: str = "false") -> str:
    return (
        f"SELECT {quote_literal(what + ' needs a superuser')}, 'Run it as one; this is ' || current_user || '.' "
        f"WHERE NOT ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR {unless})"
    )


def is_index(created: c.CreateIndex) -> str:
    """A condition on ``i`` (pg_index): it is valid and what would be made. Expressions and predicates count as such, not by their text."""
    keys = (
        f"(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[{n}]) IS NOT DISTINCT FROM "
        + ("NULL" if key.column is None else quote_literal(key.column))
        for n, key in enumerate(created.keys)
    )
    conditions = (
        "i.indisvalid",
        f"i.indrelid = {oid_of(created.schema, created.table)}",
        f"i.indisunique = {str(created.unique).lower()}",
        f"i.indnkeyatts = {len(created.keys)}",
        f"i.indnatts = {len(created.keys) + len(created.include)}",
        f"(i.indpred IS NOT NULL) = {str(created.predicate is not None).lower()}",
        *keys,
    )
    return " AND ".join(conditions)


def exists_index(schema: str, name: str, condition: str) -> str:
    return f"EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = {oid_of(schema, name)} AND {condition})"


def defined_as(definition: str) -> str:
    """A condition on ``i`` (pg_index): its definition is this one. What is read of a partitioned table's index lacks ONLY."""
    wanted = quote_literal(definition.replace(" ON ONLY ", " ON "))
    return f"replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') = {wanted}"


def name_free(schema: str, name: str, same: str) -> str:
    """Nothing has the name, but for an index that meets the condition ``same``."""
    label = quote_identifier(schema, name)
    return (
        f"SELECT {quote_literal(f'the name {label} is taken by ')} || CASE WHEN i.indexrelid IS NULL THEN 'something that is no index' "
        f"WHEN NOT i.indisvalid THEN 'an invalid index' ELSE 'another index: ' || pg_get_indexdef(i.indexrelid) END, "
        f"{quote_literal(f'Rename or drop it (DROP INDEX CONCURRENTLY {label}), then run this again.')} "
        f"FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.oid = {oid_of(schema, name)} AND ({same}) IS NOT TRUE"
    )


def constraint(schema: str, table: str, name: str, condition: str = "true") -> str:
    return (
        f"EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = {oid_of(schema, table)} "
        f"AND k.conname = {quote_literal(name)} AND {condition})"
    )


_DEFINED = "replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')"


def constraint_is(schema: str, table: str, name: str, definition: str) -> str:
    """If there is a constraint of the name, it is defined like this."""
    label = f"{name} on {quote_identifier(schema, table)}"
    wanted = quote_literal(definition.replace(" NOT VALID", ""))
    return (
        f"SELECT {quote_literal(f'the constraint {label} is another one: ')} || pg_get_constraintdef(k.oid), {quote_literal(AGAIN)} "
        f"FROM pg_constraint k WHERE k.conrelid = {oid_of(schema, table)} AND k.conname = {quote_literal(name)} "
        f"AND {_DEFINED} <> {wanted}"
    )


def column(schema: str, table: str, column: str, condition: str) -> str:
    return (
        f"EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = {oid_of(schema, table)} "
        f"AND a.attname = {quote_literal(column)} AND NOT a.attisdropped AND {condition})"
    )


def has_column(schema: str, table: str, name: str) -> str:
    """The column is there."""
    label = f"{quote_identifier(schema, table)}.{quote_identifier(name)}"
    return row(f"NOT {column(schema, table, name, 'true')}", f"{label} is no longer there", AGAIN)
