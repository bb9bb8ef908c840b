"""A column that names things (slug, e-mail, external id) is unique so far, but nothing keeps it so.

## Why it matters

Code looks rows up by such a column and expects one: ``get()`` fails, or a login finds the wrong account, when there are two.
``get_or_create`` and "check, then insert" make the second one as soon as two requests come at the same moment; only a unique index stops
them.

## When to ignore

When equal values are allowed and it is by chance that there are none yet. The rule is silent where the table refers
to several things (a name may be unique within each of them) and where the reference may be NULL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.columns import (
    Measured,
    is_history,
    key_columns,
    measured_in,
    own_tables,
    referencing_columns,
)
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.grouping import told_once
from dbwright.model.index_use import drop, is_free
from dbwright.model.indexing import free_name, is_usable
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "catalog.indexes", "statistics.tables", "statistics.columns")
LIMITS = {
    "rows": 200,
    # Distinct values for each row that has one, by the sample.
    "distinct_share": 0.999,
    # Rows changed since the last ANALYZE, as a share: above, the sample is of another time.
    "changed_since_analyze": 0.5,
    "filled_share": 0.05,
}
COVERS = ("unique-rule-without-index", "WB-02", "CH-01", "BP-15", "DL-01")

_TABLE = "CREATE TABLE channel (id bigint PRIMARY KEY, type varchar(9) NOT NULL, external_id varchar(40) NOT NULL);"
_ROWS = "INSERT INTO channel SELECT n, 'chat', 'c' || n FROM generate_series(1, 2000) n; ANALYZE channel;"
_STORE = "CREATE TABLE store (id bigint PRIMARY KEY, slug text);"
_SLUGS = (
    "INSERT INTO store SELECT n, CASE WHEN n % 5 > 0 THEN 's' || n END FROM generate_series(1, 2000) n; ANALYZE store;"
)

_SCOPED = (
    "CREATE TABLE owner (id bigint PRIMARY KEY); INSERT INTO owner SELECT generate_series(1, 9);"
    "CREATE TABLE store (id bigint PRIMARY KEY, owner_id bigint{1} REFERENCES owner, {0} text);"
    "INSERT INTO store SELECT n, n % 9 + 1, 's' || n FROM generate_series(1, 2000) n; ANALYZE store;"
)
_LOGINS = (
    "CREATE TABLE app_user (id bigint PRIMARY KEY, password text, username text NOT NULL, email text{0});"
    "INSERT INTO app_user SELECT n, 'x', 'u' || n FROM generate_series(1, 2000) n; ANALYZE app_user;"
)
_IDENTIFIED = (
    "CREATE TABLE widget (id bigint PRIMARY KEY, {0} uuid);"
    "INSERT INTO widget SELECT n, md5(n::text)::uuid FROM generate_series(1, 2000) n; ANALYZE widget;"
)

_FRESH = {name: {"modified_since_analyze": 0} for name in ("channel", "store", "note", "app_user", "widget")}
_SHARED = (
    "CREATE TABLE ssh_tunnel (id bigint PRIMARY KEY, {0} text);"
    "INSERT INTO ssh_tunnel SELECT n, 'u' || n FROM generate_series(1, 2000) n; ANALYZE ssh_tunnel;"
)
_FRESH_SHARED = {"ssh_tunnel": {"modified_since_analyze": 0}}

BAD = (
    Sample(_TABLE + _ROWS, statistics=_FRESH),
    Sample(_TABLE + "CREATE INDEX ON channel (external_id);" + _ROWS, statistics=_FRESH),
    Sample(_STORE + _SLUGS, statistics=_FRESH),
    # The key's own name is no scope.
    Sample(_STORE.replace("(id ", "(store_id ") + _SLUGS, statistics=_FRESH),
    # A slug within what it belongs to.
    Sample(_SCOPED.format("slug", " NOT NULL"), statistics=_FRESH),
    Sample(_LOGINS.format(""), statistics=_FRESH),
    # Superset: css_templates. A UUID is unique wherever the row belongs.
    Sample(_IDENTIFIED.format("uuid"), statistics=_FRESH),
    # MLflow: the UUID of a data set, among what it belongs to.
    Sample(
        _SCOPED.format("store_uuid", " NOT NULL").replace("'s' || n", "md5(n::text)::uuid::text"), statistics=_FRESH
    ),
    # pretix: the plain index on the same column goes with it.
    Sample(_IDENTIFIED.format("guid") + "CREATE INDEX ON widget (guid);", statistics=_FRESH),
    # MLflow: the UUID of a data set, kept as text of its length, is unique whatever the set belongs to.
    Sample(
        _SCOPED.format("store_uuid", " NOT NULL").replace("store_uuid text", "store_uuid varchar(36)")
        + "CREATE INDEX ON store (store_uuid);",
        statistics=_FRESH,
    ),
    # The mixin's UUID in every table is one message.
    Sample(
        "".join(_IDENTIFIED.format("uuid").replace("widget", f"widget_{n}") for n in range(4)),
        statistics={f"widget_{n}": {"modified_since_analyze": 0} for n in range(4)},
    ),
)
GOOD = (
    Sample(_TABLE + _ROWS.replace("2000", "150"), statistics=_FRESH),
    Sample(_TABLE + "CREATE UNIQUE INDEX ON channel (type, external_id);" + _ROWS, statistics=_FRESH),
    Sample(_STORE + "CREATE UNIQUE INDEX ON store (lower(slug));" + _SLUGS, statistics=_FRESH),
    Sample(_STORE + "CREATE UNIQUE INDEX ON store (slug) WHERE id > 0;" + _SLUGS, statistics=_FRESH),
    # Values that do repeat are no key.
    Sample(_STORE + _SLUGS.replace("'s' || n", "'s' || n % 400"), statistics=_FRESH),
    # A log repeats what another table holds once.
    Sample(
        (_TABLE + _ROWS).replace("channel", "channel_history"),
        statistics={"channel_history": {"modified_since_analyze": 0}},
    ),
    # Superset: the user name for a tunnel; pretix: the account that a payment came from. They repeat sooner or later.
    Sample(_SHARED.format("username"), statistics=_FRESH_SHARED),
    Sample(_SHARED.format("iban"), statistics=_FRESH_SHARED),
    # MLflow: the data set that a metric was measured on.
    Sample(_SHARED.format("dataset_uuid"), statistics=_FRESH_SHARED),
    # pretix: a bank's number is one within an account, a day and an amount, and the reference to the account may be NULL.
    Sample(_SCOPED.format("external_id", ""), statistics=_FRESH),
    Sample(_STORE.replace("slug", "external_id") + _SLUGS, statistics=_FRESH),
    Sample(_STORE.replace("slug", "external_id").replace("(id ", "(store_id ") + _SLUGS, statistics=_FRESH),
    # pretix: a seat of a plan repeats in each event and in each date of a series.
    Sample(
        _SCOPED.format("seat_guid", " NOT NULL")
        .replace(
            "owner_id bigint NOT NULL REFERENCES owner",
            "owner_id bigint NOT NULL REFERENCES owner, date_id bigint REFERENCES owner",
        )
        .replace("INSERT INTO store SELECT n, n % 9 + 1,", "INSERT INTO store SELECT n, n % 9 + 1, NULL,")
        .replace("store", "seat"),
        statistics={"seat": {"modified_since_analyze": 0}},
    ),
    # Label Studio: people log in with their e-mail address, which is unique.
    Sample(_LOGINS.format(" UNIQUE"), statistics=_FRESH),
    # Oscar: categories in a tree, where a slug is one among its siblings.
    Sample(_STORE.replace("slug text", "slug text, path text, depth int") + _SLUGS, statistics=_FRESH),
    # Pulp: the user name and password for a remote source.
    Sample(_LOGINS.format("").replace("app_user", "remote"), statistics={"remote": {"modified_since_analyze": 0}}),
    # Contacts do not log in.
    Sample(
        _LOGINS.format("").replace("password", "greeting").replace("app_user", "contact"),
        statistics={"contact": {"modified_since_analyze": 0}},
    ),
    # Superset: embedded_dashboards has no key at all, which constraints/no-primary-key says.
    Sample(_IDENTIFIED.format("uuid").replace(" PRIMARY KEY", ""), statistics=_FRESH),
    # A reference is the other table's key.
    Sample(
        "CREATE TABLE person (guid text PRIMARY KEY); CREATE TABLE note (id bigint PRIMARY KEY, guid "
        "text REFERENCES person);"
        "INSERT INTO person SELECT n::text FROM generate_series(1, 2000) n;"
        "INSERT INTO note SELECT n, n::text FROM generate_series(1, 2000) n; ANALYZE note;",
        statistics=_FRESH,
    ),
)

_NATURAL = re.compile(r"(^|_)(slug|external_id|external_ref|sku|isbn|guid|uuid|short_code|invite_code|vat_number)$")
_EXTERNAL = re.compile(r"(^|_)external_(id|ref)$")
_OWN = re.compile(r"^(uuid|guid)$")
_LOGIN = re.compile(r"^(email|email_address|username|login|user_name)$")
"""What people log in with, in the table that knows their passwords; elsewhere (contacts, tunnels, messages) it repeats."""
_SIGNS_IN = re.compile(r"^last_(login|seen|active)|^is_(active|staff|admin|superuser)$|^date_joined$|^password_hash$")
_PEOPLE = re.compile(r"(^|_)(user|account|member|person|people|customer|employee|login|author|subscriber)s?$")
"""A password alone does not make it such a table: tunnels, mail servers and remote sources have one too."""
_ORIGIN = re.compile(r"^(provider|source|platform|type|kind|system|service|network|channel_type|origin)$")
_OWNER = re.compile(
    r"(tenant|organi[sz]ation|org|account|company|workspace|shop|site|chapter|project|team|space)(_id)$"
)
_AUTHOR = re.compile(r"(created|changed|updated|modified|deleted|edited)_by(_\w*id)?$|^(author|creator|editor)(_id)?$")
"""Who wrote a row says nothing of what it belongs to."""


@dataclass(frozen=True, slots=True)
class _Loose:
    entry: Measured
    columns: tuple[str, ...]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [_finding(snapshot, loose, limits) for loose in _found(snapshot, limits)]
    yield from told_once(
        found,
        "{} columns are unique so far, but nothing keeps them so",
        lambda members: (
            "No value occurs twice in the planner's sample of "
            f"{listed((ref.label for f in members for ref in f.objects), 4)}, and no unique index stops a second one from being written."
        ),
    )


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[_Loose]:
    for table, rows in own_tables(snapshot, limits["rows"]):
        if is_history(table) or _is_stale(snapshot, table, rows, limits):
            continue
        keys = None
        tree = _is_tree(snapshot, table)
        for entry in measured_in(snapshot, table, rows):
            if tree and not _is_own_identifier(entry):
                continue  # a name is a key among its siblings
            if not _names_things(entry) or entry.unique_share < limits["distinct_share"]:
                continue
            keys = key_columns(snapshot, table) if keys is None else keys
            filled = 1 - entry.statistics.null_fraction
            if entry.name in keys or filled < limits["filled_share"] or _is_kept(snapshot, entry):
                continue
            columns = _columns(snapshot, entry)
            if columns:
                yield _Loose(entry, columns)


_TREES = ({"path", "depth"}, {"lft", "rght"}, {"lft", "rgt"}, {"left", "right", "level"})
"""Columns by which libraries keep trees (treebeard, mptt, nested sets)."""


def _is_tree(snapshot: Snapshot, table: Table) -> bool:
    names = {column.name.lower() for column in snapshot.catalog.columns_of(table)}
    return any(columns <= names for columns in _TREES)


def _names_things(entry: Measured) -> bool:
    name = entry.name.lower()
    if entry.column.generated or _names_another(entry.table.name.lower(), name):
        return False
    return bool(_NATURAL.search(name) or _LOGIN.search(name))


def _names_another(table: str, column: str) -> bool:
    """``dataset_uuid`` in another table than the datasets' is a reference, declared or not."""
    prefix = re.fullmatch(r"(.+)_(guid|uuid|slug|sku|isbn)", column)
    return prefix is not None and prefix[1] not in table


def _is_stale(snapshot: Snapshot, table: Table, rows: int, limits: Limits) -> bool:
    leaves = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table))
    return sum(row.modified_since_analyze for row in leaves if row) > limits["changed_since_analyze"] * rows


def _is_kept(snapshot: Snapshot, entry: Measured) -> bool:
    """Some unique or exclusion index has the column among its keys, alone, with others or in an expression."""
    return _has_unique(snapshot, entry.table, lambda name: name == entry.name)


def _has_unique(snapshot: Snapshot, table: Table, wanted: Callable[[str], bool]) -> bool:
    return any(
        (index.is_unique or index.is_exclusion)
        and is_usable(index)
        and any(wanted(name) for name in (*index.keys, *index.referenced_columns))
        for index in snapshot.catalog.indexes_of(table)
    )


def _is_own_identifier(entry: Measured) -> bool:
    """A UUID of the row itself, which is unique wherever the row belongs."""
    name, table = entry.name.lower(), entry.table.name.lower()
    prefix = re.fullmatch(r"(.+)_(guid|uuid)", name)
    if prefix and table in (prefix[1], prefix[1] + "s"):  # MLflow: dataset_uuid of datasets, kept as text
        declared = re.search(r"\((32|36)\)$", entry.column.type) is not None
        return entry.column.base_type == "uuid" or declared or entry.statistics.average_width in (32, 33, 36, 37)
    return entry.column.base_type == "uuid" and bool(_OWN.match(name))


def _columns(snapshot: Snapshot, entry: Measured) -> tuple[str, ...]:
    """What may be meant to be unique; nothing where the name may be one's own within several things, or within none that is known."""
    if _is_own_identifier(entry):
        # A table without a key is the greater defect: constraints/no-primary-key proposes this column.
        return (entry.name,) if snapshot.catalog.primary_key(entry.table) else ()
    columns = snapshot.catalog.columns_of(entry.table)
    if _LOGIN.search(entry.name.lower()):
        names = [column.name.lower() for column in columns]
        people = _PEOPLE.search(entry.table.name.lower()) and any("passw" in name for name in names)
        signs_in = people or any(_SIGNS_IN.search(name) for name in names)
        if not signs_in or _has_unique(snapshot, entry.table, lambda name: bool(_LOGIN.search(name.lower()))):
            return ()
        scopes = [column for column in columns if _OWNER.search(column.name.lower())]
    else:
        external = bool(_EXTERNAL.search(entry.name.lower()))
        references = referencing_columns(snapshot, entry.table)
        itself = {entry.name, _number(snapshot, entry.table)}
        scopes = [c for c in columns if c.name not in itself and _is_scope(c.name, references, external)]
        if external and not scopes:
            return ()
    if not scopes:
        return (entry.name,)
    return (scopes[0].name, entry.name) if len(scopes) == 1 and scopes[0].not_null else ()


def _is_scope(name: str, references: frozenset[str], external: bool) -> bool:
    """A column within which a name may be meant to be unique, declared as a reference or not; for another system's id that system."""
    lower = name.lower()
    if _AUTHOR.search(lower) or _NATURAL.search(lower):
        return False
    return name in references or lower.endswith("_id") or (external and bool(_ORIGIN.search(lower)))


def _number(snapshot: Snapshot, table: Table) -> str | None:
    """The single column of the primary key, which is no scope whatever it is called."""
    key = snapshot.catalog.primary_key(table)
    return key.columns[0] if key and len(key.columns) == 1 else None


def _index(snapshot: Snapshot, loose: _Loose) -> CreateIndex:
    table = loose.entry.table
    name = free_name(snapshot.catalog, table, loose.columns, "uniq")
    keys = tuple(IndexKey(column) for column in loose.columns)
    return CreateIndex(table.schema, table.name, name, keys, unique=True)


def _replaced(snapshot: Snapshot, loose: _Loose) -> list[Index]:
    """Plain indexes on just these columns, which the unique one serves as well."""
    table = loose.entry.table
    return [
        index
        for index in snapshot.catalog.indexes_of(table)
        if index.keys == loose.columns
        and index.access_method == "btree"
        and not index.is_unique
        and index.predicate is None
        and not index.include
        and not any(index.descending)
        and all(index.default_opclass)
        and is_free(snapshot, table, index)
    ]


def _impact(rows: int, limits: Limits) -> Impact:
    # It has not happened, and whether it may is for the application to say: only very large tables are more than a low matter.
    return Impact(rows, "rows", limits["rows"], 1e10, estimated=True)


def _finding(snapshot: Snapshot, loose: _Loose, limits: Limits) -> Finding:
    entry, columns = loose.entry, loose.columns
    table, rows = entry.table, entry.rows
    change = None
    if table.kind != "partitioned table":
        replaced = _replaced(snapshot, loose)
        declared = " (Django: db_index=True becomes unique=True; SQLAlchemy: index=True becomes unique=True)" * bool(
            replaced
        )
        change = Change(
            (_index(snapshot, loose), *(drop(table, index) for index in replaced)),
            note="Look for values that occur twice first: the build fails on one and then leaves an invalid index to be dropped. "
            f"Declare the same rule in the model{declared}.",
        )
    together = f" (proposed together with {columns[0]})" if len(columns) > 1 else ""
    return Finding(
        title=f"{entry.label} is unique so far, but nothing keeps it so",
        message=f"No {entry.name} occurs twice in the planner's sample (the table has about {rows:,} rows), and no unique "
        f"index stops a second one from being written{together}.",
        objects=(entry.ref,),
        impact=_impact(rows, limits),
        evidence={
            "rows": rows,
            "distinct_share": round(entry.unique_share, 4),
            "null_share": round(entry.statistics.null_fraction, 4),
            "proposed_columns": list(columns),
        },
        confidence="low",
        change=change,
        next_step=None
        if change
        else f"A unique index on {table.name} must contain its partition key ({table.partition_key}): decide where else to keep "
        f"{entry.name} unique, for instance in a small table of its own.",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    catalog = snapshot.catalog
    own = {table.oid for table in snapshot.filled_tables}
    uniques = [i for i in catalog.indexes if i.is_unique and not i.is_primary and i.is_valid and i.table_oid in own]
    if uniques:
        composite = sum(len(index.keys) > 1 for index in uniques)
        yield Strength(
            "Natural keys are kept unique",
            f"{len(uniques)} unique indexes beside the primary keys, {composite} of them over several "
            "columns, keep duplicates out.",
            {"unique_indexes": len(uniques), "over_several_columns": composite},
        )
