"""The catalog: what the database is made of.

Every row type mirrors one collector query: the select list's names are the field names.
PostgreSQL object identifiers (``oid``) tie rows together within one snapshot and mean nothing across snapshots.
SQLite objects get numbers of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, TypeVar

TableKind = Literal["table", "partitioned table", "view", "materialized view", "foreign table"]
ConstraintKind = Literal["primary key", "unique", "foreign key", "check", "exclusion", "not null", "trigger"]
OnDelete = Literal["no action", "restrict", "cascade", "set null", "set default"]

VENDOR_SCHEMAS = frozenset(
    "auth storage realtime vault graphql graphql_public extensions pgbouncer pgsodium supabase_functions supabase_migrations "
    "cron partman repack pgagent timescaledb_information _timescaledb_catalog _timescaledb_config _timescaledb_internal "
    "_timescaledb_cache topology tiger tiger_data rdsadmin aws_commons google_ml hdb_catalog".split()
)
"""Schemas that platforms and extensions own. A user cannot act on what is in them, so no rule speaks of it."""

FRAMEWORK_TABLES = frozenset(
    "django_migrations django_session django_content_type django_admin_log django_site auth_permission auth_group "
    "auth_group_permissions auth_user auth_user_groups auth_user_user_permissions alembic_version authtoken_token "
    "django_celery_beat_periodictask django_celery_beat_periodictasks django_celery_beat_solarschedule "
    "django_celery_beat_crontabschedule django_celery_beat_intervalschedule django_celery_beat_clockedschedule "
    "django_celery_results_taskresult django_celery_results_groupresult django_celery_results_chordcounter "
    "social_auth_usersocialauth social_auth_association social_auth_nonce social_auth_code social_auth_partial".split()
)
"""Tables whose shape a framework or a library decides. Rules of style pass over them; rules of cost do not."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A namespace. ``public_create``: any role may create objects in it."""

    oid: int
    name: str
    owner: str
    owner_is_superuser: bool
    public_create: bool
    extension: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """A relation that holds or shows rows.

    ``options`` are ``name=value`` storage parameters; ``parents`` the tables it inherits from or is a partition of;
    ``frozen_xid_age`` and ``multixact_age`` are counted in transactions (the larger of the table and its TOAST table);
    ``dropped_columns`` still count towards the limit of 1,600; ``reads`` are the relations that a view or a materialized
    view selects from.
    """

    oid: int
    schema: str
    name: str
    kind: TableKind
    owner: str
    persistence: Literal["permanent", "unlogged", "temporary"]
    access_method: str | None
    tablespace: str | None
    options: tuple[str, ...]
    is_partition: bool
    parents: tuple[int, ...]
    partition_key: str | None
    partition_strategy: Literal["range", "list", "hash"] | None
    partition_bound: str | None
    row_security: bool
    force_row_security: bool
    replica_identity: Literal["default", "nothing", "full", "index"]
    is_populated: bool
    definition: str | None
    comment: str | None
    extension: str | None
    frozen_xid_age: int | None
    multixact_age: int | None
    dropped_columns: int
    reads: tuple[int, ...] = ()

    def option(self, name: str) -> str | None:
        """The value of a storage parameter, or None when it is not set."""
        prefix = name + "="
        return next((text[len(prefix) :] for text in self.options if text.startswith(prefix)), None)


@dataclass(frozen=True, slots=True)
class Column:
    """A column. ``type`` is as PostgreSQL prints it (``character varying(20)``), ``base_type`` without modifier and
    with domains resolved (``varchar``, ``int4``); ``identity`` and ``generated`` are empty when they do not apply.
    ``compression`` and ``storage`` are PostgreSQL's; ``statistics_target`` is None for the default."""

    table_oid: int
    number: int
    name: str
    type: str
    base_type: str
    type_kind: Literal["base", "enum", "domain", "composite", "range", "pseudo", "multirange"]
    type_length: int
    max_length: int | None
    not_null: bool
    default: str | None
    identity: Literal["", "always", "by default"]
    generated: Literal["", "stored", "virtual"]
    collation: str | None
    storage: str
    compression: str
    statistics_target: int | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Index:
    """An index. ``keys`` holds, for each key, the column name, or the expression where ``is_expression`` is true;
    ``include`` the payload columns; ``opclasses`` are names with ``default_opclass`` telling whether they are the
    type's default; ``predicate`` is the condition of a partial index; ``referenced_columns`` names, when there is an
    expression or a predicate, all columns that the index depends on; ``definition`` is the server's canonical text."""

    oid: int
    table_oid: int
    schema: str
    name: str
    access_method: str
    is_unique: bool
    is_primary: bool
    is_exclusion: bool
    is_valid: bool
    is_ready: bool
    is_live: bool
    is_clustered: bool
    is_replica_identity: bool
    nulls_not_distinct: bool
    keys: tuple[str, ...]
    is_expression: tuple[bool, ...]
    descending: tuple[bool, ...]
    nulls_first: tuple[bool, ...]
    opclasses: tuple[str, ...]
    default_opclass: tuple[bool, ...]
    collations: tuple[str | None, ...]
    include: tuple[str, ...]
    predicate: str | None
    referenced_columns: tuple[str, ...]
    options: tuple[str, ...]
    tablespace: str | None
    constraint: str | None
    parent_oid: int | None
    extension: str | None
    definition: str

    @property
    def columns(self) -> tuple[str | None, ...]:
        """Key columns in order; None stands for an expression."""
        return tuple(None if e else k for k, e in zip(self.keys, self.is_expression, strict=True))

    @property
    def key_signature(self) -> tuple[tuple[str, bool, bool, str, str | None], ...]:
        """Everything about the keys that decides which queries the index can serve."""
        return tuple(
            zip(self.keys, self.descending, self.nulls_first, self.opclasses, self.collations, strict=True),
        )


@dataclass(frozen=True, slots=True)
class Constraint:
    """A table constraint. The ``foreign_*`` and ``on_*`` fields are filled for foreign keys only."""

    oid: int
    table_oid: int
    name: str
    kind: ConstraintKind
    columns: tuple[str, ...]
    definition: str
    is_validated: bool
    is_enforced: bool
    is_deferrable: bool
    is_deferred: bool
    is_inherited: bool
    no_inherit: bool
    index_oid: int | None
    foreign_table_oid: int | None
    foreign_columns: tuple[str, ...]
    on_delete: OnDelete | None
    on_update: OnDelete | None
    match_full: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence and the column that owns it. ``last_value`` is None when it was never used or may not be read
    (``readable`` tells which)."""

    oid: int
    schema: str
    name: str
    owner: str
    persistence: Literal["permanent", "unlogged", "temporary"]
    type: str
    start_value: int
    min_value: int
    max_value: int
    increment: int
    cycle: bool
    last_value: int | None
    readable: bool
    table_oid: int | None
    column: str | None
    extension: str | None


@dataclass(frozen=True, slots=True)
class Function:
    """A function or procedure of the users. ``settings`` are its own ``SET`` clauses; ``source`` is its body, cut at
    20,000 characters; ``public_execute``: any role may call it."""

    oid: int
    schema: str
    name: str
    arguments: str
    kind: Literal["function", "procedure", "aggregate", "window"]
    language: str
    owner: str
    owner_is_superuser: bool
    security_definer: bool
    leakproof: bool
    volatility: Literal["immutable", "stable", "volatile"]
    parallel: Literal["safe", "restricted", "unsafe"]
    settings: tuple[str, ...]
    cost: float
    rows: float
    returns_trigger: bool
    public_execute: bool
    source: str | None
    extension: str | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that a user made. ``enabled`` is PostgreSQL's ``session_replication_role`` mode."""

    oid: int
    table_oid: int
    name: str
    function_oid: int
    function: str
    enabled: Literal["origin", "disabled", "replica", "always"]
    is_internal: bool
    for_each_row: bool
    definition: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A row-level security policy. ``command`` is one of select, insert, update, delete, all."""

    oid: int
    table_oid: int
    name: str
    command: Literal["select", "insert", "update", "delete", "all"]
    permissive: bool
    roles: tuple[str, ...]
    using: str | None
    with_check: str | None


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension with the newest version that the server could install."""

    oid: int
    name: str
    schema: str
    version: str
    available_version: str | None
    relocatable: bool


@dataclass(frozen=True, slots=True)
class Role:
    """A role. ``has_password`` and ``password_method`` are None when the catalog may not be read.
    ``owned_objects`` counts relations in this database; ``settings`` are its own and then, overriding them, those that it
    has in this database alone."""

    oid: int
    name: str
    is_superuser: bool
    inherits: bool
    can_create_role: bool
    can_create_database: bool
    can_login: bool
    replication: bool
    bypass_row_security: bool
    connection_limit: int
    valid_until: str | None
    has_password: bool | None
    password_method: str | None
    password_equals_name: bool | None
    settings: tuple[str, ...]
    member_of: tuple[str, ...]
    owned_objects: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role may do with an object. ``grantee`` is ``PUBLIC`` for everybody."""

    object_kind: Literal["table", "schema", "database", "function", "sequence"]
    object_oid: int
    object_name: str
    grantee: str
    grantor: str
    privileges: tuple[str, ...]
    grantable: bool


@dataclass(frozen=True, slots=True)
class Type:
    """An enum or a domain. ``labels`` for enums, ``base_type`` and ``checks`` for domains."""

    oid: int
    schema: str
    name: str
    kind: Literal["enum", "domain", "range", "composite"]
    labels: tuple[str, ...]
    base_type: str | None
    checks: tuple[str, ...]
    extension: str | None


@dataclass(frozen=True, slots=True)
class ExtendedStatistics:
    """``CREATE STATISTICS``: ``kinds`` are ndistinct, dependencies, mcv, expressions."""

    oid: int
    table_oid: int
    schema: str
    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    definition: str


@dataclass(frozen=True, slots=True)
class Publication:
    """A logical replication publication and the tables it names."""

    oid: int
    name: str
    all_tables: bool
    inserts: bool
    updates: bool
    deletes: bool
    truncates: bool
    table_oids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A logical replication subscription. Its connection string is never read: it holds a password."""

    oid: int
    name: str
    enabled: bool
    worker_running: bool
    slot_name: str | None
    tables_not_ready: int


@dataclass(frozen=True, slots=True)
class Database:
    """A database of the cluster. ``collation_version`` is what was recorded when it was made,
    ``actual_collation_version`` what the operating system has now; ages are in transactions; ``bytes`` is None when
    CONNECT on it was not granted."""

    oid: int
    name: str
    owner: str
    owner_is_superuser: bool
    is_current: bool
    is_template: bool
    allows_connections: bool
    connection_limit: int
    encoding: str
    collate: str
    ctype: str
    provider: str
    collation_version: str | None
    actual_collation_version: str | None
    frozen_xid_age: int
    multixact_age: int
    bytes: int | None
    settings: tuple[str, ...]


class _OnTable(Protocol):
    @property
    def table_oid(self) -> int: ...


Row = TypeVar("Row", bound=_OnTable)


def _by_table(rows: Iterable[Row]) -> dict[int, tuple[Row, ...]]:
    groups: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.table_oid].append(row)
    return {oid: tuple(group) for oid, group in groups.items()}


@dataclass(frozen=True)
class Catalog:
    """All rows of the catalog with look-ups by table. Look-ups are made once, on first use."""

    databases: tuple[Database, ...] = ()
    schemas: tuple[Schema, ...] = ()
    tables: tuple[Table, ...] = ()
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    functions: tuple[Function, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    policies: tuple[Policy, ...] = ()
    types: tuple[Type, ...] = ()
    extended_statistics: tuple[ExtendedStatistics, ...] = ()
    extensions: tuple[Extension, ...] = ()
    roles: tuple[Role, ...] = ()
    grants: tuple[Grant, ...] = ()
    publications: tuple[Publication, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()

    @cached_property
    def user_tables(self) -> tuple[Table, ...]:
        """Ordinary and partitioned tables that the users own: no views, no extension's, no platform's, no partitions
        (what is said of the parent holds for them) and no temporary ones."""
        return tuple(t for t in self.user_relations if t.kind in ("table", "partitioned table") and not t.is_partition)

    @cached_property
    def user_relations(self) -> tuple[Table, ...]:
        """Like ``user_tables`` with views, materialized views, foreign tables and partitions."""
        return tuple(
            t
            for t in self.tables
            if t.extension is None and t.schema not in VENDOR_SCHEMAS and t.persistence != "temporary"
        )

    @cached_property
    def storage_tables(self) -> tuple[Table, ...]:
        """Relations of the users that hold rows themselves: ordinary tables, partitions and materialized views."""
        return tuple(t for t in self.user_relations if t.kind in ("table", "materialized view"))

    @cached_property
    def table_by_oid(self) -> dict[int, Table]:
        return {t.oid: t for t in self.tables}

    @cached_property
    def table_by_name(self) -> dict[tuple[str, str], Table]:
        return {(t.schema, t.name): t for t in self.tables}

    @cached_property
    def relation_names(self) -> dict[str, frozenset[str]]:
        """The names of tables, views and indexes by schema: they share one space."""
        groups: defaultdict[str, set[str]] = defaultdict(set)
        for table in self.tables:
            groups[table.schema].add(table.name)
        for index in self.indexes:
            groups[index.schema].add(index.name)
        return {schema: frozenset(names) for schema, names in groups.items()}

    @cached_property
    def viewed(self) -> frozenset[int]:
        """Oids of the relations that some view or materialized view selects from."""
        return frozenset(oid for table in self.tables for oid in table.reads)

    @cached_property
    def index_by_oid(self) -> dict[int, Index]:
        return {i.oid: i for i in self.indexes}

    @cached_property
    def _index_partitions(self) -> dict[int, tuple[Index, ...]]:
        groups: defaultdict[int, list[Index]] = defaultdict(list)
        for index in self.indexes:
            if index.parent_oid is not None:
                groups[index.parent_oid].append(index)
        return {oid: tuple(group) for oid, group in groups.items()}

    @cached_property
    def user_indexes(self) -> tuple[Index, ...]:
        """Indexes of ``user_tables`` and materialized views, extension members left out."""
        oids = {t.oid for t in self.user_relations if not t.is_partition}
        return tuple(i for i in self.indexes if i.table_oid in oids and i.extension is None)

    @cached_property
    def _columns(self) -> dict[int, tuple[Column, ...]]:
        return _by_table(self.columns)

    @cached_property
    def _indexes(self) -> dict[int, tuple[Index, ...]]:
        return _by_table(self.indexes)

    @cached_property
    def _constraints(self) -> dict[int, tuple[Constraint, ...]]:
        return _by_table(self.constraints)

    @cached_property
    def _triggers(self) -> dict[int, tuple[Trigger, ...]]:
        return _by_table(self.triggers)

    @cached_property
    def _policies(self) -> dict[int, tuple[Policy, ...]]:
        return _by_table(self.policies)

    @cached_property
    def _columns_by_name(self) -> dict[tuple[int, str], Column]:
        return {(c.table_oid, c.name): c for c in self.columns}

    @cached_property
    def _references(self) -> dict[int, tuple[Constraint, ...]]:
        groups: defaultdict[int, list[Constraint]] = defaultdict(list)
        for row in self.constraints:
            if row.kind == "foreign key" and row.foreign_table_oid is not None:
                groups[row.foreign_table_oid].append(row)
        return {oid: tuple(group) for oid, group in groups.items()}

    @cached_property
    def _partitions(self) -> dict[int, tuple[Table, ...]]:
        groups: defaultdict[int, list[Table]] = defaultdict(list)
        for table in self.tables:
            for parent in table.parents:
                groups[parent].append(table)
        return {oid: tuple(group) for oid, group in groups.items()}

    def columns_of(self, table: Table) -> tuple[Column, ...]:
        return self._columns.get(table.oid, ())

    def column(self, table: Table, name: str) -> Column | None:
        return self._columns_by_name.get((table.oid, name))

    def indexes_of(self, table: Table) -> tuple[Index, ...]:
        return self._indexes.get(table.oid, ())

    def constraints_of(self, table: Table, *kinds: ConstraintKind) -> tuple[Constraint, ...]:
        """The table's constraints, all or of the given kinds."""
        rows = self._constraints.get(table.oid, ())
        return tuple(c for c in rows if c.kind in kinds) if kinds else rows

    def references_to(self, table: Table) -> tuple[Constraint, ...]:
        """Foreign keys of any table that point at this one."""
        return self._references.get(table.oid, ())

    def triggers_of(self, table: Table) -> tuple[Trigger, ...]:
        return self._triggers.get(table.oid, ())

    def policies_of(self, table: Table) -> tuple[Policy, ...]:
        return self._policies.get(table.oid, ())

    def children_of(self, table: Table) -> tuple[Table, ...]:
        """Direct partitions or inheriting tables."""
        return self._partitions.get(table.oid, ())

    def leaves_of(self, table: Table) -> tuple[Table, ...]:
        """The tables that really hold the rows of this one: itself, or all partitions below it."""
        children = self.children_of(table) if table.kind == "partitioned table" else ()
        return tuple(leaf for child in children for leaf in self.leaves_of(child)) if children else (table,)

    def index_leaves_of(self, index: Index) -> tuple[Index, ...]:
        """The indexes that really hold the entries of this one: itself, or those of all partitions attached to it."""
        children = self._index_partitions.get(index.oid, ())
        return tuple(leaf for child in children for leaf in self.index_leaves_of(child)) if children else (index,)

    def primary_key(self, table: Table) -> Constraint | None:
        return next(iter(self.constraints_of(table, "primary key")), None)
