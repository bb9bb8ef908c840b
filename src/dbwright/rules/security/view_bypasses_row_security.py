"""A view shows rows that row-level security hides.

## Why it matters

A view reads its tables as its owner. Where the owner is exempt from the policies, so is everybody who may read the view,
whatever the table itself would show them. Since PostgreSQL 15 a view can run with the rights of its reader instead.

## When to ignore

When the view is meant to show all rows, and its own conditions limit what each reader sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.access import bypasses_row_security, grants_by_object
from dbwright.model.catalog import Table
from dbwright.model.change import Change, SetStorageParameter
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.tables", "catalog.roles", "catalog.grants", "catalog.policies", "statistics.tables")
LIMITS: dict[str, float] = {"rows": 1}
COVERS = ("definer-view", "matview-exposed", "AB-20")

_INVOKER_FROM = 15
_RELATION = re.compile(r'((?:"(?:[^"]|"")+"|[\w$]+))\.((?:"(?:[^"]|"")+"|[\w$]+))')
_TRUE = frozenset(("true", "on", "1", "yes"))

_PROTECTED = (
    "CREATE ROLE web LOGIN; CREATE TABLE note (id bigint, owner_id int, body text);"
    "ALTER TABLE note ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON note USING (owner_id = 1);"
)
_VIEW = "CREATE VIEW recent AS SELECT n.id, n.body FROM note n WHERE id > 100;"
_READ = "GRANT SELECT ON recent TO web;"
BAD = (
    Sample(_PROTECTED + _VIEW + _READ),
    Sample(_PROTECTED + _VIEW.replace("VIEW", "MATERIALIZED VIEW") + _READ),
)
GOOD = (
    Sample(_PROTECTED + _VIEW),
    Sample(_PROTECTED + _VIEW + _READ + "ALTER VIEW recent SET (security_invoker = true);", minimum_major=15),
    Sample(_PROTECTED + _VIEW + _READ + "ALTER VIEW recent OWNER TO web; GRANT SELECT ON note TO web;"),
    Sample(_PROTECTED.replace("ALTER TABLE note ENABLE ROW LEVEL SECURITY;", "") + _VIEW + _READ),
    Sample(
        _PROTECTED
        + "CREATE ROLE api LOGIN; ALTER TABLE note OWNER TO api; ALTER TABLE note FORCE ROW LEVEL SECURITY;"
        + _VIEW
        + "ALTER VIEW recent OWNER TO api;"
        + _READ
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    protected = {(t.schema, t.name): t for t in catalog.user_tables if t.row_security and catalog.policies_of(t)}
    if not protected:
        return
    roles = {role.name: role for role in catalog.roles}
    granted = grants_by_object(snapshot)
    for view in catalog.user_relations:
        if view.definition is None or (view.option("security_invoker") or "") in _TRUE:
            continue
        readers = sorted({g.grantee for g in granted.get(view.oid, ()) if "SELECT" in g.privileges} - {view.owner})
        shown = [t for t in _relations(view.definition, protected) if bypasses_row_security(roles.get(view.owner), t)]
        if readers and shown:
            yield _finding(snapshot, limits, view, shown, readers)


def _relations(definition: str, protected: dict[tuple[str, str], Table]) -> list[Table]:
    pairs = {(_plain(schema), _plain(name)) for schema, name in _RELATION.findall(definition)}
    return sorted((protected[pair] for pair in pairs if pair in protected), key=lambda t: (t.schema, t.name))


def _plain(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _finding(snapshot: Snapshot, limits: Limits, view: Table, shown: list[Table], readers: list[str]) -> Finding:
    names = [table.name for table in shown]
    is_view = view.kind == "view"
    invoker = is_view and snapshot.target.major >= _INVOKER_FROM
    rows = max(snapshot.rows(table) for table in shown)
    return Finding(
        title=f"{view.name} shows what row-level security hides",
        message=f"{listed(readers)} may read {view.name}, which reads {listed(names)} as {view.owner}, "
        "for whom their policies do not hold.",
        objects=(table_ref(view),),
        impact=Impact(max(rows, limits["rows"]), "rows", limits["rows"], 1_000_000, estimated=True),
        evidence={"tables": names, "readers": readers[:20], "owner": view.owner},
        confidence="medium",
        change=Change(
            (
                SetStorageParameter(
                    view.schema, view.name, "security_invoker", view.option("security_invoker"), "true", "VIEW"
                ),
            ),
            note="Readers of the view then need SELECT on its tables.",
        )
        if invoker
        else None,
        next_step=None if invoker else _next_step(view, shown[0], readers[0]),
    )


def _next_step(view: Table, table: Table, reader: str) -> str:
    name = quote_identifier(view.schema, view.name)
    who = reader if reader == "PUBLIC" else quote_identifier(reader)
    if view.kind == "materialized view":
        return f"REVOKE SELECT ON {name} FROM {who}; a materialized view keeps rows of all owners, so let readers use the table."
    owner = quote_identifier(table.schema, table.name)
    return f"ALTER VIEW {name} OWNER TO a role that owns nothing and has SELECT on {owner}: policies then hold for it."
