"""Changes as data: operations, each with its own reverse. Renderers live in ``fixes``.

Names given here are plain; quoting is the renderer's work. SQL fragments (definitions, expressions, predicates) come
from the server's own canonical text or are built by the renderer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Engine = Literal["postgresql", "sqlite"]


@runtime_checkable
class Operation(Protocol):
    """One step of a change. ``reverse`` gives the operations that take it back, in order; none means that it cannot be
    taken back or needs no taking back (an ANALYZE)."""

    def reverse(self) -> tuple[Operation, ...]: ...


@dataclass(frozen=True, slots=True)
class IndexKey:
    """A key of an index to be made: a column, or ``expression`` SQL when ``column`` is None."""

    column: str | None = None
    expression: str | None = None
    descending: bool = False
    nulls_first: bool | None = None
    opclass: str | None = None


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """Build an index. ``predicate`` is SQL."""

    schema: str
    table: str
    name: str
    keys: tuple[IndexKey, ...]
    unique: bool = False
    method: str = "btree"
    include: tuple[str, ...] = ()
    predicate: str | None = None
    nulls_not_distinct: bool = False
    on_partitioned: bool = False
    options: tuple[str, ...] = ()

    def reverse(self) -> tuple[Operation, ...]:
        return (DropNewIndex(self),)


@dataclass(frozen=True, slots=True)
class DropNewIndex:
    """Take back a ``CreateIndex``."""

    created: CreateIndex

    def reverse(self) -> tuple[Operation, ...]:
        return (self.created,)


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Drop an existing index. ``definition`` is the server's canonical ``CREATE INDEX`` text."""

    schema: str
    name: str
    definition: str
    on_partitioned: bool = False

    def reverse(self) -> tuple[Operation, ...]:
        return (RecreateIndex(self),)


@dataclass(frozen=True, slots=True)
class RecreateIndex:
    """Build a dropped index again from its definition."""

    dropped: DropIndex

    def reverse(self) -> tuple[Operation, ...]:
        return (self.dropped,)


@dataclass(frozen=True, slots=True)
class Reindex:
    """Rebuild an index in place. Nothing to take back."""

    schema: str
    name: str

    def reverse(self) -> tuple[Operation, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class AddConstraint:
    """Add a constraint; ``definition`` is its SQL (``CHECK (…)``, ``FOREIGN KEY …``). With ``validate`` it is added NOT
    VALID and validated in a second step, so that writers are not blocked while old rows are read.

    Raises ValueError for ``validate`` with any other kind of constraint, which PostgreSQL cannot add NOT VALID."""

    schema: str
    table: str
    name: str
    definition: str
    validate: bool = False

    def __post_init__(self) -> None:
        if self.validate and not self.definition.upper().startswith(("CHECK", "FOREIGN KEY")):
            raise ValueError(f"only CHECK and FOREIGN KEY can be validated later: {self.definition[:60]}")

    def reverse(self) -> tuple[Operation, ...]:
        return (DropConstraint(self.schema, self.table, self.name, self.definition, self.validate),)


@dataclass(frozen=True, slots=True)
class DropConstraint:
    """Drop a constraint whose definition is known."""

    schema: str
    table: str
    name: str
    definition: str
    validate: bool = False

    def reverse(self) -> tuple[Operation, ...]:
        return (AddConstraint(self.schema, self.table, self.name, self.definition, self.validate),)


@dataclass(frozen=True, slots=True)
class AddUnique:
    """Add a unique constraint; its index is built first and has its name."""

    schema: str
    table: str
    name: str
    columns: tuple[str, ...]
    nulls_not_distinct: bool = False

    @property
    def index(self) -> CreateIndex:
        """The index that the constraint takes over."""
        return CreateIndex(
            self.schema,
            self.table,
            self.name,
            tuple(map(IndexKey, self.columns)),
            unique=True,
            nulls_not_distinct=self.nulls_not_distinct,
        )

    def reverse(self) -> tuple[Operation, ...]:
        return (DropUnique(self),)


@dataclass(frozen=True, slots=True)
class DropUnique:
    """Take back an ``AddUnique``."""

    added: AddUnique

    def reverse(self) -> tuple[Operation, ...]:
        return (self.added,)


@dataclass(frozen=True, slots=True)
class AddRangeCheck:
    """Add a CHECK that holds a column between numbers (None: open on that side), NOT VALID first, then validated."""

    schema: str
    table: str
    name: str
    column: str
    low: float | None
    high: float | None

    def reverse(self) -> tuple[Operation, ...]:
        return (DropRangeCheck(self),)


@dataclass(frozen=True, slots=True)
class DropRangeCheck:
    """Take back an ``AddRangeCheck``."""

    added: AddRangeCheck

    def reverse(self) -> tuple[Operation, ...]:
        return (self.added,)


@dataclass(frozen=True, slots=True)
class PromoteToPrimaryKey:
    """Make an existing unique index on NOT NULL columns the primary key; the index takes the constraint's name.
    ``definition`` is the index's canonical text, to build it again when the key is taken back."""

    schema: str
    table: str
    name: str
    index: str
    definition: str

    def reverse(self) -> tuple[Operation, ...]:
        dropped = DropConstraint(self.schema, self.table, self.name, "PRIMARY KEY")
        return (dropped, RecreateIndex(DropIndex(self.schema, self.index, self.definition)))


@dataclass(frozen=True, slots=True)
class ValidateConstraint:
    """Check the old rows of a NOT VALID constraint. ``definition`` (with NOT VALID) lets it be taken back."""

    schema: str
    table: str
    name: str
    definition: str

    def reverse(self) -> tuple[Operation, ...]:
        return (
            DropConstraint(self.schema, self.table, self.name, self.definition),
            AddConstraint(self.schema, self.table, self.name, self.definition),
        )


@dataclass(frozen=True, slots=True)
class SetOnDelete:
    """Replace a foreign key by one with another definition: added NOT VALID under a temporary name, validated, swapped."""

    schema: str
    table: str
    name: str
    old_definition: str
    new_definition: str

    def reverse(self) -> tuple[Operation, ...]:
        return (SetOnDelete(self.schema, self.table, self.name, self.new_definition, self.old_definition),)


@dataclass(frozen=True, slots=True)
class AlterColumnType:
    """Change a column's type. Rewrites the table unless the server knows the types as binary compatible.
    ``cast``: convert by an explicit cast, both ways, where the server has no implicit one."""

    schema: str
    table: str
    column: str
    old_type: str
    new_type: str
    using: str | None = None
    reverse_using: str | None = None
    cast: bool = False

    def reverse(self) -> tuple[Operation, ...]:
        old, new = self.old_type, self.new_type
        return (
            AlterColumnType(self.schema, self.table, self.column, new, old, self.reverse_using, self.using, self.cast),
        )


@dataclass(frozen=True, slots=True)
class SetNotNull:
    """Make a column required (or, reversed, optional)."""

    schema: str
    table: str
    column: str
    not_null: bool = True

    def reverse(self) -> tuple[Operation, ...]:
        return (SetNotNull(self.schema, self.table, self.column, not self.not_null),)


@dataclass(frozen=True, slots=True)
class SetDefault:
    """Set a column's default; None drops it. Both are SQL expressions."""

    schema: str
    table: str
    column: str
    old: str | None
    new: str | None

    def reverse(self) -> tuple[Operation, ...]:
        return (SetDefault(self.schema, self.table, self.column, self.new, self.old),)


@dataclass(frozen=True, slots=True)
class AlterColumn:
    """Set a property of a column that takes one word: ``STORAGE``, ``COMPRESSION``, ``STATISTICS``."""

    schema: str
    table: str
    column: str
    property: str
    old: str
    new: str

    def reverse(self) -> tuple[Operation, ...]:
        return (AlterColumn(self.schema, self.table, self.column, self.property, self.new, self.old),)


@dataclass(frozen=True, slots=True)
class SetStorageParameter:
    """Set a storage parameter of a relation; None resets it. ``relation`` is TABLE, INDEX, VIEW or MATERIALIZED VIEW."""

    schema: str
    name: str
    parameter: str
    old: str | None
    new: str | None
    relation: str = "TABLE"

    def reverse(self) -> tuple[Operation, ...]:
        return (SetStorageParameter(self.schema, self.name, self.parameter, self.new, self.old, self.relation),)


@dataclass(frozen=True, slots=True)
class Backfill:
    """Change the rows that meet ``condition`` by ``assignments`` (``a = …, b = …``), batch by batch in the order of ``key``, a column that
    is unique and not null. All are SQL, and no row that was changed may meet the condition any longer: so it can be stopped and begun
    again. Without a ``reverse_`` pair the new values stay when the change is taken back."""

    schema: str
    table: str
    key: str
    assignments: str
    condition: str
    reverse_assignments: str | None = None
    reverse_condition: str | None = None

    def reverse(self) -> tuple[Operation, ...]:
        if self.reverse_assignments is None or self.reverse_condition is None:
            return ()
        forth, back = (self.assignments, self.condition), (self.reverse_assignments, self.reverse_condition)
        return (Backfill(self.schema, self.table, self.key, *back, *forth),)


@dataclass(frozen=True, slots=True)
class SetServerParameter:
    """Set a server parameter with ALTER SYSTEM; None resets it. ``restart``: it takes effect at the next start only."""

    name: str
    old: str | None
    new: str | None
    restart: bool = False

    def reverse(self) -> tuple[Operation, ...]:
        return (SetServerParameter(self.name, self.new, self.old, self.restart),)


@dataclass(frozen=True, slots=True)
class SetRoleParameter:
    """Set a parameter's default for a role, or for a database when ``role`` is None; None as value resets it."""

    role: str | None
    database: str | None
    name: str
    old: str | None
    new: str | None

    def reverse(self) -> tuple[Operation, ...]:
        return (SetRoleParameter(self.role, self.database, self.name, self.new, self.old),)


@dataclass(frozen=True, slots=True)
class AlterRole:
    """Change an attribute of a role by its keyword: ``SUPERUSER``/``NOSUPERUSER``, ``BYPASSRLS``, ``CONNECTION LIMIT n`` …"""

    role: str
    old: str
    new: str

    def reverse(self) -> tuple[Operation, ...]:
        return (AlterRole(self.role, self.new, self.old),)


@dataclass(frozen=True, slots=True)
class ChangePrivileges:
    """Grant or revoke. ``on`` is the kind of object (TABLE, SCHEMA, FUNCTION …); ``name`` a tuple of identifier parts, or
    the server's canonical text for functions (``signature``)."""

    grant: bool
    privileges: tuple[str, ...]
    on: str
    name: tuple[str, ...]
    grantee: str
    signature: str | None = None

    def reverse(self) -> tuple[Operation, ...]:
        return (ChangePrivileges(not self.grant, self.privileges, self.on, self.name, self.grantee, self.signature),)


@dataclass(frozen=True, slots=True)
class CreateExtension:
    """Install an extension."""

    name: str

    def reverse(self) -> tuple[Operation, ...]:
        return (DropExtension(self.name),)


@dataclass(frozen=True, slots=True)
class UpdateExtension:
    """Bring the SQL side of an extension to another version. Extensions have no way back."""

    name: str
    old: str
    new: str

    def reverse(self) -> tuple[Operation, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class RefreshCollationVersion:
    """Record the operating system's collation version as the database's. What was recorded is known to be wrong, so there
    is no way back."""

    database: str

    def reverse(self) -> tuple[Operation, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class DropExtension:
    name: str

    def reverse(self) -> tuple[Operation, ...]:
        return (CreateExtension(self.name),)


@dataclass(frozen=True, slots=True)
class Maintain:
    """Run VACUUM, ANALYZE or both on a table, or on the whole database when ``name`` is None. Nothing to take back."""

    schema: str | None
    name: str | None
    vacuum: bool = False
    analyze: bool = False

    def reverse(self) -> tuple[Operation, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Verbatim:
    """One statement of ours that no other operation covers, with the one that takes it back. Both are complete SQL without a closing
    semicolon (one inside, as in the body of a function, ends nothing: several statements are several operations),
    built by ``sqltext`` functions or taken from the server; None: cannot or need not be taken back.
    ``transactional``: may run inside a transaction block."""

    sql: str
    reverse_sql: str | None
    transactional: bool = True

    def reverse(self) -> tuple[Operation, ...]:
        if self.reverse_sql is None:
            return ()
        return (Verbatim(self.reverse_sql, self.sql, self.transactional),)


@dataclass(frozen=True, slots=True)
class Change:
    """Operations in order. ``note`` tells what to know before applying (locks, rewrites, what to check first); ``engine``,
    whose SQL they become, is filled in by the audit."""

    operations: tuple[Operation, ...]
    note: str | None = None
    engine: Engine = "postgresql"

    def reverse(self) -> tuple[Operation, ...]:
        """The operations that take everything back, last first."""
        return tuple(step for operation in reversed(self.operations) for step in operation.reverse())
