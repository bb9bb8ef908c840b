"""Some foreign keys to a table cascade when its rows are deleted while others refuse, so that the delete fails.

## Why it matters

A delete of the referenced row is one statement: a single reference that refuses stops it, whatever the others would have done.
Where most references cascade and one does not, the cleanup works in tests and fails in production as soon as the one table
has rows.

## When to ignore

When the refusal is a rule: rows that must stop the deletion (payments, contracts, audit records).
Write the rule down as a comment on the constraint. Link tables are compared with link tables, others with others; where further
tables with rows refuse the same DELETE, one more action changes nothing, and the rule is silent.
References whose cascade the framework does itself (Django: NO ACTION, deferred) take no part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.catalog import Catalog, Constraint, Table
from dbwright.model.change import Change, SetOnDelete
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.constraints",)
LIMITS = {"cascading": 3, "share": 0.66}
COVERS = ("fk-action-policy", "AB-03")
_OF_LINKS = (4, 60)
"""Links hold nothing of their own, and ORMs take them away before the row that they lead to: it takes many to matter as much."""

_PARENT = "CREATE TABLE channel (id bigint PRIMARY KEY);"


def _child(name: str, action: str) -> str:
    return f"CREATE TABLE {name} (id bigint PRIMARY KEY, channel_id bigint REFERENCES channel {action});"


_CASCADES = "".join(_child(name, "ON DELETE CASCADE") for name in ("post", "member", "sent_post"))
_PEOPLE = "CREATE TABLE person (id bigint PRIMARY KEY);"


def _link(name: str, action: str) -> str:
    return (
        f"CREATE TABLE {name} (id bigint PRIMARY KEY, channel_id bigint REFERENCES channel {action}, "
        f"person_id bigint REFERENCES person {action});"
    )


_LINKS = "".join(_link(name, "ON DELETE CASCADE") for name in ("channel_reader", "channel_writer", "channel_host"))
_FORGOTTEN = _PARENT + _PEOPLE + _LINKS + _link("channel_guest", "").replace("person )", "person ON DELETE CASCADE)")

BAD = (
    Sample(_PARENT + _CASCADES + _child("scheduled_post", "ON DELETE RESTRICT")),
    Sample(_PARENT + _CASCADES + _child("scheduled_post", "")),
    # Superset: four link tables of a role cascade, the fifth was forgotten.
    Sample(_FORGOTTEN),
    # A payment has to stop the deletion; a row that waits to be sent stops it for channels that nobody paid for.
    Sample(
        _PARENT + _CASCADES + _child("scheduled_post", "") + _child("payment", "ON DELETE RESTRICT"),
        statistics={"payment": {"rows": 400}},
    ),
)
GOOD = (
    Sample(_PARENT + _CASCADES),
    Sample(_PARENT + _CASCADES + _child("draft", "ON DELETE SET NULL")),
    Sample(_PARENT + _child("post", "") + _child("member", "") + _child("sent_post", "ON DELETE RESTRICT")),
    Sample(_PARENT + _CASCADES + _child("payment", "ON DELETE RESTRICT")),
    Sample(_PARENT + _CASCADES + _child("tag", "DEFERRABLE INITIALLY DEFERRED")),
    Sample(_PARENT + _child("post", "ON DELETE CASCADE") + _child("member", "ON DELETE RESTRICT")),
    # Superset: two of three are no custom.
    Sample(
        _PARENT + _child("metric", "ON DELETE CASCADE") + _child("measure", "ON DELETE CASCADE") + _child("chart", "")
    ),
    # Superset: rows that link a dashboard to its charts and users go with it; a report about it has to stop the deletion.
    Sample(
        _PARENT
        + _PEOPLE
        + _LINKS
        + "CREATE TABLE report (id bigint PRIMARY KEY, channel_id bigint REFERENCES channel, text text);"
    ),
    # Superset: one link of a user refuses, but so do the queries and charts that the user made, whatever is done about the link.
    Sample(
        _FORGOTTEN + "CREATE TABLE report (id bigint PRIMARY KEY, channel_id bigint REFERENCES channel, text text);",
        statistics={"report": {"rows": 400}},
    ),
)

_KEPT = re.compile(
    r"pay|invoice|order|transact|ledger|account|billing|contract|subscri|refund|payout|audit|histor|(^|_)logs?(_|$)|receipt|sale|tax",
    re.I,
)
"""Tables whose rows usually have to stop the deletion of what they name."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.was_read:  # else the framework may delete what depends before
        yield from told_once(_found(snapshot, limits), "What a DELETE does to dependent rows differs for {} tables")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for parent in catalog.user_tables:
        keys = [(child, key) for child, key in _references(catalog, parent) if not _left_to_framework(key)]
        refuse = [(child, key) for child, key in keys if key.on_delete in ("restrict", "no action")]
        if not refuse:
            continue
        blocking = {child.oid for child, _ in refuse if not _KEPT.search(child.name)}
        link_tables = {child.oid for child, _ in keys if _is_link(catalog, child)}
        for links in (
            False,
            True,
        ):  # rows of a link table go with either end; what things of their own do says nothing of them
            alike = [(child, key) for child, key in keys if (child.oid in link_tables) == links]
            cascading = [(child, key) for child, key in alike if key.on_delete == "cascade"]
            refusing = [
                (child, key) for child, key in refuse if child.oid in blocking and (child.oid in link_tables) == links
            ]
            decided = len(cascading) + len(refusing)
            if not refusing or len(cascading) < limits["cascading"] or len(cascading) / decided < limits["share"]:
                continue
            others = blocking - {child.oid for child, _ in refusing}
            if not any(snapshot.rows(catalog.table_by_oid[oid]) for oid in others):
                yield _finding(snapshot, parent, cascading, refusing, _Siblings(links, len(refuse), len(keys)))


@dataclass(frozen=True, slots=True)
class _Siblings:
    """What was compared: keys of link tables or of others; how many of all keys to the table refuse."""

    links: bool
    refusing: int
    keys: int


def _is_link(catalog: Catalog, table: Table) -> bool:
    """It does nothing but link: two references or more, and beside them its key only."""
    references = {name for key in catalog.constraints_of(table, "foreign key") for name in key.columns}
    primary = catalog.primary_key(table)
    own = {column.name for column in catalog.columns_of(table)} - references - set(primary.columns if primary else ())
    return len(references) >= 2 and not own - {"id", "created_at", "created_on"}


def _references(catalog: Catalog, parent: Table) -> Iterator[tuple[Table, Constraint]]:
    for key in catalog.references_to(parent):
        child = catalog.table_by_oid.get(key.table_oid)
        if child and child.oid != parent.oid and not child.is_partition and child.extension is None:
            yield child, key


def _left_to_framework(key: Constraint) -> bool:
    return key.on_delete == "no action" and key.is_deferred


def _finding(
    snapshot: Snapshot,
    parent: Table,
    cascading: list[tuple[Table, Constraint]],
    refusing: list[tuple[Table, Constraint]],
    siblings: _Siblings,
) -> Finding:
    refusers = sorted({child.name for child, _ in refusing})
    names = ", ".join(refusers)
    who = names if len(refusers) == 1 else f"{len(refusers)} others"
    makes = "makes" if len(refusing) == 1 else "make"
    verb = "refuses" if len(refusers) == 1 else "refuse"
    with_rows = [child.name for child, _ in refusing if snapshot.rows(child)]
    blocked = f"rows in {', '.join(with_rows)} stop it today" if with_rows else "the first row there stops it"
    kind = " of link tables" if siblings.links else ""
    by_hand = " An ORM may delete the links itself before; a DELETE in SQL fails." if siblings.links else ""
    others = (
        f"; of all {siblings.keys} keys to it {siblings.refusing} refuse" if siblings.refusing > len(refusing) else ""
    )
    return Finding(
        title=f"Deleting from {parent.name} cascades to {len(cascading)}{' link' if siblings.links else ''} tables, but {who} {verb}",
        message=f"{len(cascading)} foreign keys{kind} to {parent.name} are ON DELETE CASCADE, {len(refusing)} "
        f"({', '.join(f'{child.name}: {key.on_delete}' for child, key in refusing)}) {makes} the same DELETE fail{others}; "
        f"{blocked}.{by_hand}",
        objects=(
            table_ref(parent),
            *(object_ref("constraint", child, key.name, key.columns) for child, key in refusing[:19]),
        ),
        impact=Impact(len(cascading) + len(refusing), "foreign keys", *(_OF_LINKS if siblings.links else (1, 10))),
        evidence={
            "cascade": sorted(f"{child.name}.{key.name}" for child, key in cascading),
            "refuse": sorted(f"{child.name}.{key.name}" for child, key in refusing),
            "rows": {child.name: snapshot.rows(child) for child, _ in refusing},
            "link_tables_only": siblings.links,
            "refusing_of_all": [siblings.refusing, siblings.keys],
        },
        confidence="medium" if with_rows else "low",
        change=Change(
            tuple(
                SetOnDelete(child.schema, child.name, key.name, key.definition, _cascading(key.definition))
                for child, key in refusing
            ),
            f"From then on deleting a row of {parent.name} deletes its rows in {names} too. Apply it only if that is the rule; if they "
            "must be kept, keep the constraint and say so in a COMMENT ON CONSTRAINT.",
        ),
    )


def _cascading(definition: str) -> str:
    """The definition with ON DELETE CASCADE. The clause stands before DEFERRABLE, NOT ENFORCED and NOT VALID."""
    bare = re.sub(r" ON DELETE (RESTRICT|NO ACTION)\b", "", definition)
    tail = re.search(r"(?: DEFERRABLE| INITIALLY DEFERRED| NOT ENFORCED| NOT VALID)*\Z", bare)
    start = tail.start() if tail else len(bare)
    return f"{bare[:start]} ON DELETE CASCADE{bare[start:]}"


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    catalog = snapshot.catalog
    keys = [key for table in snapshot.filled_tables for key in catalog.constraints_of(table, "foreign key")]
    actions = Counter(key.on_delete for key in keys if not _left_to_framework(key) and key.on_delete)
    chosen = {action: count for action, count in sorted(actions.items()) if action != "no action"}
    if sum(chosen.values()) >= 2:
        told = ", ".join(f"{count} {action}" for action, count in chosen.items())
        yield Strength(
            "What a delete does to dependent rows is set in the database, without contradiction",
            f"Of {len(keys)} foreign keys {told}; no table has references of which most cascade and some refuse.",
            {"actions": dict(actions)},
        )
