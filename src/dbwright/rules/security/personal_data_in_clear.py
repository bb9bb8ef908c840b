"""Personal data is kept in clear text.

## Why it matters

Each copy of the database, every dump and every role that may read the tables holds it. What is not kept cannot leak: addresses and
browsers of visitors are seldom of use after some weeks, and law (GDPR, article 5) wants a reason for as long as they are kept.

## When to ignore

When the data is needed for as long as it is kept, and that is written down. The list is then the inventory that an audit asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.access import grants_by_object
from dbwright.model.catalog import Column, Table
from dbwright.model.finding import Confidence, Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.tables", "catalog.columns", "catalog.grants", "statistics.tables")
ENGINES = ("postgresql", "sqlite")
LIMITS: dict[str, float] = {"rows": 100, "weighted_rows": 1_000, "empty_share": 0.999, "encrypted_width": 100}
COVERS = ("sensitive-columns-exposed", "audit-extension", "BP-33", "DL-09", "AB-20")

_TEXT = frozenset(("text", "varchar", "bpchar", "citext", "char", "character", "nvarchar"))
_NETWORK = frozenset(("inet", "cidr"))
_DATES = frozenset(("date", "timestamp", "timestamptz", "datetime"))
_NUMBERS = _TEXT | {"int8", "numeric"}

# What it is called, how much harm its loss does, its names, its types.
_KINDS = (
    (
        "payment card",
        3,
        r"(?:.*_)?(?:card|pan)_?(?:number|num|no)|cvv2?|cvc",
        _NUMBERS,
    ),
    ("bank account", 3, r"(?:.*_)?iban|bank_account(?:_number)?", _NUMBERS),
    (
        "identity number",
        3,
        r"(?:.*_)?(?:ssn|social_security(?:_number)?|passport_?(?:number|no)|national_id(?:_number)?|snils|aadhaar|"
        r"driver_?s?_licen[cs]e(?:_number)?)",
        _NUMBERS,
    ),
    ("health", 3, r"(?:.*_)?(?:diagnosis|medical_history|blood_type|medication)", _TEXT),
    ("date of birth", 2, r"(?:.*_)?(?:birth_?date|date_of_birth|birthday|dob)", _TEXT | _DATES),
    ("phone", 2, r"(?:.*_)?(?:phone|phone_?number|telephone|mobile|mobile_?(?:number|phone)|cell_?phone)", _NUMBERS),
    ("postal address", 2, r"(?:.*_)?(?:street|street_address|postal_address|home_address|address_line_?[12]?)", _TEXT),
    ("email", 1, r"(?:.*_)?e_?mail(?:_?address)?", _TEXT),
    ("IP address", 1, r"(?:.*_)?ip(?:_?addr(?:ess)?)?(?:_?v[46])?|remote_addr(?:ess)?", _TEXT | _NETWORK),
    ("user agent", 1, r"(?:.*_)?user_?agent", _TEXT),
    ("name", 1, r"first_?name|last_?name|full_?name|surname|given_?name|family_?name|patronymic", _TEXT),
)
_MATCHERS = tuple((label, weight, re.compile(names + r"\Z", re.I), types) for label, weight, names, types in _KINDS)
_VISIT = frozenset(("IP address", "user agent"))
_CONTACT_DATA = frozenset(("email", "name", "phone", "postal address"))
"""How people are reached, which an application with accounts or customers must keep: read by the owner alone, it is nothing to tell."""

_CONTACT = (
    "CREATE TABLE contact_message (id bigint PRIMARY KEY, email varchar(254) NOT NULL, ip_address inet, user_agent text, "
    "created_at timestamptz NOT NULL);"
)
_LARGE = {"contact_message": {"rows": 40_000}}
BAD = (
    Sample(_CONTACT, statistics=_LARGE),
    Sample(_CONTACT + "GRANT SELECT ON contact_message TO PUBLIC;", statistics=_LARGE),
    Sample(
        _CONTACT + "CREATE TABLE payment (id bigint, card_number text, cvv varchar(4));",
        statistics={**_LARGE, "payment": {"rows": 9_000}},
    ),
    # pretix: the account that a payment came from, in very many rows that the owner alone reads.
    Sample("CREATE TABLE payment (id bigint, iban text);", statistics={"payment": {"rows": 40_000_000}}),
    Sample(_CONTACT, statistics=_LARGE, engine="sqlite"),
)
GOOD = (
    Sample(_CONTACT, statistics={"contact_message": {"rows": 20}}),
    Sample(_CONTACT, statistics={"contact_message": {"rows": 20}}, engine="sqlite"),
    Sample(
        "CREATE TABLE letter (id bigint, email_template text, email_sent boolean, email_hash text, ip_count int, "
        "zip text, mobile boolean, equip text, phone_verified_at timestamptz, email bytea);",
        statistics={"letter": {"rows": 1e6}},
    ),
    # JupyterHub: where a user's server listens.
    Sample(
        "CREATE TABLE server (id bigint, proto text, ip text, port integer);",
        statistics={"server": {"rows": 2e6}},
    ),
    # Superset, and every other application with accounts.
    Sample(
        "CREATE TABLE app_user (id bigint, first_name text, last_name text, email text);",
        statistics={"app_user": {"rows": 2e6}},
    ),
    # Zou: some sign-ins, and the address of each plug-in's maker.
    Sample(
        _CONTACT + "CREATE TABLE plugin (id bigint, maintainer_email text);",
        statistics={"contact_message": {"rows": 118}, "plugin": {"rows": 9_000}},
    ),
    # Label Studio, Nautobot: phone numbers of accounts and teams.
    Sample(
        "CREATE TABLE contact (id bigint, email text, phone text, street text);", statistics={"contact": {"rows": 2e6}}
    ),
    Sample("CREATE TABLE setting (id bigint, email text);", statistics={"setting": {"rows": -1, "live_rows": 1}}),
)


@dataclass(frozen=True, slots=True)
class _Personal:
    table: Table
    column: Column
    label: str
    weight: int
    rows: int


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [p for table in snapshot.catalog.user_tables for p in _columns(snapshot, limits, table)]
    readers = _readers(snapshot, {p.table.oid: p.table for p in found})
    if not readers:
        found = [p for p in found if p.label not in _CONTACT_DATA]
    tables = {p.table.oid: p for p in found}
    weights: dict[int, int] = {}
    for p in found:
        weights[p.table.oid] = max(p.weight, weights.get(p.table.oid, 0))
    weighted = sum(weights[oid] * p.rows for oid, p in tables.items())
    if weighted < limits["weighted_rows"]:
        return
    public = "PUBLIC" in readers
    # What the owner alone may read is what an application is for: a low matter, however much there is.
    least = limits["weighted_rows"] if readers else weighted
    labels = sorted({p.label for p in found}, key=_order)
    yield Finding(
        title=f"Personal data in clear in {len(tables)} tables"
        if len(tables) > 1
        else f"Personal data in {found[0].table.name}",
        message=f"{len(found)} {'column holds' if len(found) == 1 else 'columns hold'} {listed(labels, 10)}, "
        f"in tables of up to about {max(p.rows for p in found):,} rows"
        + (", readable by every role" if public else f", readable by {listed(readers)}" if readers else "")
        + _oldest(snapshot, found)
        + ".",
        objects=tuple(object_ref("column", p.table, p.column.name) for p in _worst_first(found)[:20]),
        impact=Impact(
            weighted * (10 if public else 1), "rows by sensitivity", least, max(1e9, 10 * weighted), estimated=True
        ),
        evidence={
            "columns": [
                {
                    "table": p.table.name,
                    "column": p.column.name,
                    "kind": p.label,
                    "sensitivity": p.weight,
                    "rows": p.rows,
                }
                for p in _worst_first(found)[:100]
            ],
            "readers": readers[:20],
            "changes_recorded": _is_audited(snapshot, [p.table for p in found]),
            "how": "names and types of columns; no value was read",
        },
        confidence=_confidence(found, readers),
        next_step=_next_step(snapshot, found, readers),
        identity="personal data",
    )


def _columns(snapshot: Snapshot, limits: Limits, table: Table) -> Iterator[_Personal]:
    rows = snapshot.rows(table)
    if rows < limits["rows"]:
        return
    columns = snapshot.catalog.columns_of(table)
    serves = any(column.name.lower() in ("port", "port_number") for column in columns)
    for column in columns:
        if serves and column.name.lower() == "ip":
            continue  # the address of a server, not of a visitor
        kind = next((k for k in _MATCHERS if k[2].match(column.name) and _base(column) in k[3]), None)
        if kind and not _is_empty_or_encrypted(snapshot, limits, table, column):
            yield _Personal(table, column, kind[0], kind[1], rows)


def _base(column: Column) -> str:
    return column.base_type.lower().split("(")[0].strip()


def _is_empty_or_encrypted(snapshot: Snapshot, limits: Limits, table: Table, column: Column) -> bool:
    """Encrypted text is much wider than what it hides; addresses of browsers are wide by themselves."""
    row = snapshot.statistics.column(table, column.name)
    if row is None or _base(column) not in _TEXT:
        return row is not None and row.null_fraction >= limits["empty_share"]
    wide = row.average_width >= limits["encrypted_width"] and "agent" not in column.name.lower()
    return row.null_fraction >= limits["empty_share"] or row.average_width <= 1 or wide


def _order(label: str) -> int:
    return next(n for n, kind in enumerate(_KINDS) if kind[0] == label)


def _worst_first(found: list[_Personal]) -> list[_Personal]:
    return sorted(found, key=lambda p: (-p.weight, -p.rows, p.table.name, p.column.name))


def _readers(snapshot: Snapshot, tables: dict[int, Table]) -> list[str]:
    """Roles other than owners and superusers that may read one of the tables without row-level security."""
    superusers = {role.name for role in snapshot.catalog.roles if role.is_superuser}
    granted = grants_by_object(snapshot)
    return sorted(
        {
            grant.grantee
            for oid, table in tables.items()
            if not table.row_security
            for grant in granted.get(oid, ())
            if "SELECT" in grant.privileges and grant.grantee != table.owner and grant.grantee not in superusers
        }
    )


def _is_audited(snapshot: Snapshot, tables: list[Table]) -> bool:
    extensions = {extension.name for extension in snapshot.catalog.extensions}
    return "pgaudit" in extensions or any(
        "audit" in trigger.function.lower() or "history" in trigger.function.lower()
        for table in tables
        for trigger in snapshot.catalog.triggers_of(table)
    )


def _confidence(found: list[_Personal], readers: list[str]) -> Confidence:
    if "PUBLIC" in readers or any(p.weight == 3 for p in found):
        return "high"
    return "medium" if readers and any(p.weight == 2 for p in found) else "low"


def _time_column(snapshot: Snapshot, table: Table) -> Column | None:
    times = [
        c
        for c in snapshot.catalog.columns_of(table)
        if _base(c) in _DATES and re.search(r"creat|added|_at\Z|date|time", c.name)
    ]
    return next((c for c in times if "creat" in c.name), next(iter(times), None))


def _oldest(snapshot: Snapshot, found: list[_Personal]) -> str:
    """Since when addresses of visitors are kept, by the planner's statistics."""
    dates = []
    for table in {p.table.oid: p.table for p in found if p.label in _VISIT}.values():
        column = _time_column(snapshot, table)
        row = snapshot.statistics.column(table, column.name) if column else None
        if row and row.histogram and re.match(r"\d{4}-\d\d-\d\d", row.histogram[0]):
            dates.append(row.histogram[0][:10])
    return f"; visits are kept since {min(dates)} or longer" if dates else ""


def _next_step(snapshot: Snapshot, found: list[_Personal], readers: list[str]) -> str:
    visits = [p for p in _worst_first(found) if p.label in _VISIT]
    worst = _worst_first(found)[0]
    if worst.weight == 3:
        instead = (
            ", or keep a provider's token instead (a card's security code may not be kept at all)"
            if worst.label == "payment card"
            else ""
        )
        grant = " Grant those who may read the table SELECT on the other columns only." if readers else ""
        return (
            f"Write down how long {worst.table.name}.{worst.column.name} is needed and what empties it, and empty what is older in batches "
            f"every night. If nothing searches it, encrypt it in the application with a key from its environment{instead}.{grant}"
        )
    if visits and snapshot.target.engine == "postgresql" and (column := _time_column(snapshot, visits[0].table)):
        return (
            "Every night: "
            + _shorten(visits[0], column)
            + " the same for the others; and write down how long each is needed."
        )
    return "Write down why and how long each is needed, and delete or empty what is older in batches every night."


def _shorten(visit: _Personal, time: Column) -> str:
    """Addresses are cut to their network, which type inet can hold; a hash it could not."""
    name, when = quote_identifier(visit.column.name), quote_identifier(time.name)
    if _base(visit.column) in _NETWORK:
        cut = f"network(set_masklen({name}, CASE family({name}) WHEN 4 THEN 24 ELSE 48 END))"
        value = cut if _base(visit.column) == "cidr" else f"host({cut})::inet"
        other = f" AND {name} <> {value}"
    else:
        value = "''" if visit.column.not_null else "NULL"
        other = f" AND {name} <> ''"
    table = quote_identifier(visit.table.schema, visit.table.name)
    return f"UPDATE {table} SET {name} = {value} WHERE {when} < now() - interval '90 days'{other};"
