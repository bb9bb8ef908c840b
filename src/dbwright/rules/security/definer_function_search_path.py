"""A SECURITY DEFINER function looks names up along the caller's search_path.

## Why it matters

The function runs with its owner's rights, but the caller decides in which schemas its tables, functions and operators are looked up.
A caller who can make a temporary table puts one of the same name in front of the real one, because pg_temp is searched first.

## When to ignore

When every name in the function is qualified with its schema, operators included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.access import grants_by_object, login_roles, reach, signature
from dbwright.model.catalog import VENDOR_SCHEMAS, Function, Grant
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.functions", "catalog.grants", "catalog.roles", "catalog.schemas")
LIMITS: dict[str, float] = {}
COVERS = ("definer-without-search-path", "function-search-path-mutable", "definer-insecure-search-path")

_BODY = "LANGUAGE plpgsql SECURITY DEFINER {} AS $$ BEGIN DELETE FROM orders WHERE id = $1; END $$;"
_TABLE = "CREATE ROLE web LOGIN; CREATE TABLE orders (id bigint);"
_FUNCTION = "CREATE FUNCTION remove_order(bigint) RETURNS void " + _BODY
_OPEN = 'CREATE SCHEMA "Open, to all"; GRANT ALL ON SCHEMA "Open, to all" TO PUBLIC;'
_CLOSED = "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
BAD = (
    Sample(_TABLE + _FUNCTION.format("")),
    Sample(_TABLE + 'CREATE SCHEMA "Odd"; CREATE PROCEDURE "Odd"."Remove"(which bigint) ' + _BODY.format("")),
    Sample(_TABLE + _FUNCTION.format("") + _FUNCTION.format("").replace("(bigint)", "(integer)")),
    # A path that leads through a schema in which anybody may create.
    Sample(_TABLE + _OPEN + _FUNCTION.format('SET search_path = pg_catalog, "Open, to all", pg_temp')),
)
GOOD = (
    Sample(_TABLE.replace("CREATE ROLE web LOGIN;", "") + _FUNCTION.format("")),
    Sample(_TABLE + _CLOSED + _FUNCTION.format("SET search_path = public, pg_temp")),
    Sample(_TABLE + _FUNCTION.format("").replace("SECURITY DEFINER", "SECURITY INVOKER")),
    Sample(_TABLE + _FUNCTION.format("") + "REVOKE EXECUTE ON FUNCTION remove_order FROM PUBLIC;"),
    Sample(
        _TABLE + "CREATE FUNCTION orders_left() RETURNS bigint LANGUAGE sql SECURITY DEFINER "
        "BEGIN ATOMIC SELECT count(*) FROM orders; END;",
        minimum_major=14,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    writable = frozenset(schema.name for schema in snapshot.catalog.schemas if schema.public_create)
    granted = grants_by_object(snapshot)
    logins = {role.name for role in login_roles(snapshot) if not role.is_superuser}
    found = [
        f
        for f in snapshot.catalog.functions
        if _is_open(f, writable) and logins - {f.owner} and _others_run_it(f, granted.get(f.oid, ()))
    ]
    if not found:
        return
    names = [signature(function) for function in found]
    powerful = sum(f.owner_is_superuser for f in found)
    yield Finding(
        title=f"{found[0].name[:34]}() trusts a search_path that others can fill"
        if len(found) == 1
        else f"{len(found)} SECURITY DEFINER functions trust a search_path that others can fill",
        message=f"{listed(names)} {'runs' if len(names) == 1 else 'run'} with the owner's rights but on {_whose(found)}; "
        f"{powerful} of {len(found)} for a superuser; {reach(snapshot)}.",
        objects=tuple(ObjectRef("function", f.name, f.schema, columns=(f.arguments,)) for f in found[:20]),
        impact=Impact(4 if powerful else 1.5, "owner's power", 1, 10),
        evidence={"functions": [{"name": n, "owner": f.owner} for n, f in zip(names[:50], found, strict=False)]},
        confidence="medium",
        change=Change(
            tuple(_pin(function, writable) for function in found),
            note="Names in schemas other than the function's own and public must be qualified, or the schema added. "
            "A schema in which PUBLIC may create is left out: qualify its names too.",
        ),
        identity="search_path",
    )


_NAME = re.compile(r'"(?:[^"]|"")*"|[^\s,"]+')


def _path(function: Function) -> list[str] | None:
    """The schemas of the search_path that is set for the function, if one is."""
    value = next((s.partition("=")[2] for s in function.settings if s.startswith("search_path=")), None)
    if value is None:
        return None
    return [n[1:-1].replace('""', '"') if n.startswith('"') else n for n in _NAME.findall(value)]


def _whose(found: list[Function]) -> str:
    paths = [_path(function) for function in found]
    through = "a search_path with a schema in which PUBLIC may create"
    if None not in paths:
        return through
    return "the caller's search_path" + (f" or {through}" if any(paths) else "")


def _is_open(function: Function, writable: frozenset[str]) -> bool:
    path = _path(function)
    return (
        function.security_definer
        and function.schema not in VENDOR_SCHEMAS
        and bool(function.source)  # empty where names were bound when it was made (BEGIN ATOMIC)
        and (path is None or not writable.isdisjoint(path))
    )


def _others_run_it(function: Function, grants: tuple[Grant, ...]) -> bool:
    return function.public_execute or function.returns_trigger or any(g.grantee != function.owner for g in grants)


def _pin(function: Function, writable: frozenset[str]) -> Verbatim:
    name = f"ALTER ROUTINE {quote_identifier(function.schema, function.name)}({function.arguments})"
    before = _path(function)
    own = before if before is not None else [function.schema, "public"]
    kept = [s for s in dict.fromkeys(own) if s not in writable and s not in ("", "$user", "pg_catalog", "pg_temp")]
    path = ", ".join(quote_identifier(schema) for schema in ("pg_catalog", *kept, "pg_temp"))
    back = "RESET search_path" if before is None else f"SET search_path = {', '.join(map(quote_literal, before))}"
    return Verbatim(f"{name} SET search_path = {path}", f"{name} {back}")
