"""The catalog that the code would make: tables of the source in the form of a live database's, so that the same rules judge both.

Sizes, owners and whatever only a server knows are left at what a fresh, empty table has.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Column, Constraint, ConstraintKind, Index, OnDelete, Schema, Table
from dbwright.model.quoting import quote_identifier
from dbwright.model.source import Source, SourceColumn, SourceConstraint, SourceIndex, SourceTable
from dbwright.source.files import role_of
from dbwright.source.tokens import has_token

_ALIASES = {
    "integer": "int4",
    "int": "int4",
    "bigint": "int8",
    "smallint": "int2",
    "boolean": "bool",
    "double precision": "float8",
    "real": "float4",
    "float": "float8",
    "character varying": "varchar",
    "character": "bpchar",
    "char": "bpchar",
    "decimal": "numeric",
    "timestamp": "timestamp",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time with time zone": "timetz",
    "time without time zone": "time",
}
_PRINTED = {"varchar": "character varying", "int4": "integer", "int8": "bigint", "int2": "smallint", "bool": "boolean"}
_LENGTHS = {
    "int2": 2,
    "int4": 4,
    "int8": 8,
    "bool": 1,
    "float4": 4,
    "float8": 8,
    "uuid": 16,
    "date": 4,
    "timestamptz": 8,
}
_ON_DELETE: dict[str, OnDelete] = {
    "cascade": "cascade",
    "set null": "set null",
    "set default": "set default",
    "restrict": "restrict",
}


def catalog_of(source: Source) -> Catalog:
    """The source's tables as a catalog, with made-up object numbers that hold it together; none of the tests' tables, nor one whose name
    is computed."""
    numbers = itertools.count(1)
    chosen = [table for table in source.tables if table.managed and table.columns and _is_made(table)]
    oids = {(table.schema, table.name): next(numbers) for table in chosen}
    tables, columns, indexes, constraints = [], [], [], []
    for table in chosen:
        oid = oids[table.schema, table.name]
        tables.append(_table(table, oid))
        columns += [_column(column, oid, number) for number, column in enumerate(table.columns, 1)]
        own = list(_constraints(table, oid, numbers, oids))
        constraints += [constraint for constraint, _ in own]
        indexes += [index for _, index in own if index is not None]
        indexes += [_index(table, index, oid, next(numbers)) for index in table.indexes]
    schemas = {table.schema or "public" for table in chosen}
    return Catalog(
        schemas=tuple(Schema(next(numbers), name, "", False, False, None) for name in sorted(schemas)),
        tables=tuple(tables),
        columns=tuple(columns),
        indexes=tuple(indexes),
        constraints=tuple(constraints),
    )


def _is_made(table: SourceTable) -> bool:
    return role_of(table.place.file) != "tests" and not has_token(table.name)


def _table(table: SourceTable, oid: int) -> Table:
    return Table(
        oid=oid,
        schema=table.schema or "public",
        name=table.name,
        kind="table",
        owner="",
        persistence="permanent",
        access_method="heap",
        tablespace=None,
        options=(),
        is_partition=False,
        parents=(),
        partition_key=None,
        partition_strategy=None,
        partition_bound=None,
        row_security=False,
        force_row_security=False,
        replica_identity="default",
        is_populated=True,
        definition=None,
        comment=None,
        extension=None,
        frozen_xid_age=None,
        multixact_age=None,
        dropped_columns=0,
    )


def base_type(text: str | None) -> str:
    """PostgreSQL's internal name of a type as a framework writes it: ``varchar(20)`` is ``varchar``."""
    if not text:
        return "unknown"
    bare = re.sub(r"\s*\([^)]*\)", "", text.lower()).strip()
    array = bare.endswith("[]")
    bare = bare.removesuffix("[]")
    return ("_" if array else "") + _ALIASES.get(bare, bare)


def _column(column: SourceColumn, oid: int, number: int) -> Column:
    base = base_type(column.type)
    limit = re.search(r"\((\d+)\)", column.type or "") if base in ("varchar", "bpchar") else None
    printed = _PRINTED.get(base, column.type or "unknown")
    return Column(
        table_oid=oid,
        number=number,
        name=column.name,
        type=f"{printed}({limit[1]})" if limit else printed,
        base_type=base,
        type_kind="base",
        type_length=_LENGTHS.get(base, -1),
        max_length=int(limit[1]) if limit else None,
        not_null=column.not_null,
        default="" if column.has_default else None,
        identity="",
        generated="",
        collation=None,
        storage="plain" if base in _LENGTHS else "extended",
        compression="",
        statistics_target=None,
        comment=None,
    )


def _constraints(
    table: SourceTable, oid: int, numbers: Iterator[int], oids: dict[tuple[str | None, str], int]
) -> Iterator[tuple[Constraint, Index | None]]:
    """The constraints, with the index of each that has one."""
    references = {column.name: column.references for column in table.columns if column.references}
    for constraint in table.constraints:
        kind: ConstraintKind = constraint.kind
        index = None
        if kind in ("primary key", "unique", "exclusion"):
            index = _index(table, _as_index(table, constraint), oid, next(numbers), constraint)
        reference = references.get(constraint.columns[0]) if kind == "foreign key" and constraint.columns else None
        target = oids.get((table.schema, reference.table)) if reference else None
        yield (
            Constraint(
                oid=next(numbers),
                table_oid=oid,
                name=constraint.name or _name(table, constraint),
                kind=kind,
                columns=constraint.columns,
                definition=_definition(constraint),
                is_validated=True,
                is_enforced=True,
                is_deferrable=constraint.deferrable,
                is_deferred=constraint.deferrable,
                is_inherited=False,
                no_inherit=False,
                index_oid=index.oid if index is not None else None,
                foreign_table_oid=target,
                foreign_columns=(reference.column,) if reference else (),
                on_delete=_ON_DELETE.get((reference.database_on_delete or "").lower(), "no action")
                if reference
                else None,
                on_update="no action" if reference else None,
                match_full=False,
            ),
            index,
        )


def _definition(constraint: SourceConstraint) -> str:
    if constraint.kind == "check":
        return f"CHECK ({constraint.condition})"
    columns = ", ".join(map(quote_identifier, constraint.columns))
    return f"{constraint.kind.upper()} ({columns})"


def _name(table: SourceTable, constraint: SourceConstraint) -> str:
    """As the server names what has no name in the code."""
    suffix = {"primary key": "pkey", "unique": "key", "foreign key": "fkey", "check": "check", "exclusion": "excl"}[
        constraint.kind
    ]
    parts = [table.name] if constraint.kind == "primary key" else [table.name, *constraint.columns]
    return "_".join([*parts, suffix])[:63]


def _as_index(table: SourceTable, constraint: SourceConstraint) -> SourceIndex:
    return SourceIndex(
        constraint.name or _name(table, constraint),
        constraint.columns,
        unique=constraint.kind != "exclusion",
        method="gist" if constraint.kind == "exclusion" else "btree",
        condition=constraint.condition,
    )


def _index(
    table: SourceTable, index: SourceIndex, oid: int, number: int, constraint: SourceConstraint | None = None
) -> Index:
    count = len(index.columns)
    expressions = index.is_expression or (False,) * count
    descending = index.descending or (False,) * count
    opclasses = index.opclasses or ("",) * count
    name = index.name or "_".join([table.name, *(c for c in index.columns if c.isidentifier()), "idx"])[:63]
    keys = ", ".join(c if e else quote_identifier(c) for c, e in zip(index.columns, expressions, strict=False))
    condition = f" WHERE {index.condition}" if index.condition else ""
    known = [column.name for column in table.columns]
    text = " ".join([*index.columns, index.condition or ""])
    return Index(
        oid=number,
        table_oid=oid,
        schema=table.schema or "public",
        name=name,
        access_method=index.method,
        is_unique=index.unique,
        is_primary=constraint is not None and constraint.kind == "primary key",
        is_exclusion=constraint is not None and constraint.kind == "exclusion",
        is_valid=True,
        is_ready=True,
        is_live=True,
        is_clustered=False,
        is_replica_identity=False,
        nulls_not_distinct=False,
        keys=index.columns,
        is_expression=expressions,
        descending=descending,
        nulls_first=descending,
        opclasses=opclasses,
        default_opclass=tuple(not opclass for opclass in opclasses),
        collations=(None,) * count,
        include=index.include,
        predicate=index.condition,
        referenced_columns=tuple(c for c in known if re.search(rf"\b{re.escape(c)}\b", text))
        if any(expressions) or index.condition
        else (),
        options=(),
        tablespace=None,
        constraint=constraint.name or _name(table, constraint) if constraint is not None else None,
        parent_oid=None,
        extension=None,
        definition=f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {quote_identifier(name)} ON {quote_identifier(table.name)} "
        f"USING {index.method} ({keys}){condition}",
    )
