"""``created::date = $1`` and its like as a range of the column, which a plain index serves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.rewriting import (
    Node,
    Rewriting,
    Scope,
    common_names,
    conjuncts,
    function_name,
    operation,
    operator_of,
    rewrites,
    scope_of,
    selects,
    set_where,
    walk,
)
from dbwright.model.advice import Measure
from dbwright.model.catalog import Column, Table
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.indexing import free_name
from dbwright.source.expressions import string_of

_TIMES = frozenset(("timestamptz", "timestamp"))
_FLIPPED = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_LENGTHS = {
    "minute": "1 minute",
    "hour": "1 hour",
    "day": "1 day",
    "week": "7 days",
    "month": "1 month",
    "quarter": "3 months",
    "year": "1 year",
}


@dataclass(frozen=True)
class _Wrapped:
    """A column inside a function. ``unit`` is what it is cut to, ``form`` how: ``date``, ``trunc`` or ``year``; ``zone`` the time zone that
    it is looked at in, None for the session's."""

    table: Table
    column: Column
    reference: Node
    form: str
    unit: str
    zone: Node | None = None


def measures(evidence: Evidence) -> Iterator[Measure]:
    yield from rewrites(evidence, rewriting)


def rewriting(evidence: Evidence, observed: Observed, root: Node) -> Rewriting | None:
    if not any(predicate.wrapped for predicate in observed.query.predicates):
        return None
    hidden = common_names(root)
    found: list[_Wrapped] = []
    for select in selects(root):
        scope = scope_of(select, evidence.relations, hidden)
        parts: list[Node] = []
        for part in conjuncts(select.get("whereClause")):
            made = _as_range(part, scope)
            parts.extend(made[1] if made else [part])
            found.extend([made[0]] if made else [])
        set_where(select, parts)
    if not found:
        return None
    first = found[0]
    name = f"{first.table.name}.{first.column.name}"
    return Rewriting(
        "range_of_column",
        f"a range of {name} instead of its {first.unit}",
        root,
        f"The statement compares {name} inside a function, so that no plain index on the column serves it.",
        "The rows are the same.",
        tuple(_missing(evidence, found)),
    )


def _missing(evidence: Evidence, found: list[_Wrapped]) -> Iterator[CreateIndex]:
    """Indexes on the columns, where neither one is there nor advised."""
    for wrapped in dict.fromkeys((one.table, one.column.name) for one in found):
        table, name = wrapped
        keys = [index.columns[:1] for index in evidence.facts(table).indexes]
        keys += [
            (index.definition.keys[0].column,)
            for index in evidence.advised
            if (index.definition.schema, index.definition.table) == (table.schema, table.name)
        ]
        if (name,) not in keys:
            yield CreateIndex(
                table.schema,
                table.name,
                free_name(evidence.snapshot.catalog, table, (name,)),
                (IndexKey(name),),
                on_partitioned=table.kind == "partitioned table",
            )


def _as_range(part: Node, scope: Scope) -> tuple[_Wrapped, list[Node]] | None:
    """The conditions on the bare column that say the same."""
    expression = part.get("A_Expr", {})
    if expression.get("kind") == "AEXPR_BETWEEN":
        wrapped = _wrapped(expression["lexpr"], scope)
        low, high = expression["rexpr"]["List"]["items"]
        if wrapped is None or not (_is_fixed(wrapped, low) and _is_fixed(wrapped, high)) or wrapped.form == "trunc":
            return None
        return wrapped, [_at_least(wrapped, low), _below_next(wrapped, high)]
    operator = operator_of(part)
    for side, other, sense in (
        (expression.get("lexpr"), expression.get("rexpr"), operator),
        (expression.get("rexpr"), expression.get("lexpr"), _FLIPPED.get(operator, "")),
    ):
        wrapped = _wrapped(side, scope) if side and sense in _FLIPPED else None
        if wrapped is not None and other is not None and _is_fixed(wrapped, other):
            return wrapped, _conditions(wrapped, sense, other)
    return None


def _conditions(wrapped: _Wrapped, operator: str, value: Node) -> list[Node]:
    if operator == ">=":
        return [_at_least(wrapped, value)]
    if operator == "<":
        return [operation("<", deepcopy(wrapped.reference), _start(wrapped, value, 0))]
    if operator == ">":
        return [operation(">=", deepcopy(wrapped.reference), _start(wrapped, value, 1))]
    if operator == "<=":
        return [_below_next(wrapped, value)]
    return [_at_least(wrapped, value), _below_next(wrapped, value)]


def _at_least(wrapped: _Wrapped, value: Node) -> Node:
    return operation(">=", deepcopy(wrapped.reference), _start(wrapped, value, 0))


def _below_next(wrapped: _Wrapped, value: Node) -> Node:
    return operation("<", deepcopy(wrapped.reference), _start(wrapped, value, 1))


def _start(wrapped: _Wrapped, value: Node, later: int) -> Node:
    """When the day, month or year of a value begins, or the one after it."""
    value = deepcopy(value)
    if wrapped.form == "date":
        day = _cast(value, "date")
        start = operation("+", day, _integer(later)) if later else day
    elif wrapped.form == "year":
        year = _cast(value, "int4") if "A_Const" not in value else value
        start = _call("make_date", operation("+", year, _integer(later)) if later else year, _integer(1), _integer(1))
    else:
        if not _unit_of(value):
            value = _cast(value, wrapped.column.base_type)
        return operation("+", value, _cast(_text(_LENGTHS[wrapped.unit]), "interval")) if later else value
    if wrapped.zone is not None:
        return _at_time_zone(deepcopy(wrapped.zone), _cast(start, "timestamp"))
    return start


def _is_fixed(wrapped: _Wrapped, value: Node) -> bool:
    """Whether a value is the same for all rows, and of the type that the comparison takes it for."""
    if any(key in node for node in walk(value) for key in ("ColumnRef", "SubLink")):
        return False
    if wrapped.form == "trunc":
        return _unit_of(value) == wrapped.unit or _is_beginning(_string(value), wrapped.unit)
    if wrapped.form == "year":
        return "ParamRef" in value or "ival" in value.get("A_Const", {})
    if operator_of(value) in ("+", "-"):
        parts = value["A_Expr"]
        return _is_day(parts.get("lexpr", {})) and "ival" in parts["rexpr"].get("A_Const", {})
    return _is_day(value)


def _is_beginning(text: str, unit: str) -> bool:
    """Whether a literal is the first day of its month or year, or simply a day."""
    pattern = {"day": r"\d{4}-\d\d-\d\d", "month": r"\d{4}-\d\d-01", "year": r"\d{4}-01-01"}.get(unit)
    return pattern is not None and re.fullmatch(pattern, text) is not None


def _is_day(value: Node) -> bool:
    kind = value.get("SQLValueFunction", {}).get("op")
    if kind == "SVFOP_CURRENT_DATE" or "ParamRef" in value:
        return True
    cast = value.get("TypeCast")
    return "sval" in value.get("A_Const", {}) or (cast is not None and _type_of(cast) == "date")


def _wrapped(node: Node, scope: Scope) -> _Wrapped | None:
    """The column of a time that an expression cuts to its day, month or year."""
    form, unit, inner = _cut(node)
    zone = None
    if inner is not None and form == "date" and function_name(inner) == "timezone":
        zone, inner = inner["FuncCall"]["args"]
        if "A_Const" not in zone and "ParamRef" not in zone:
            return None
    owner = scope.owner(inner) if inner is not None else None
    if owner is None or inner is None or owner[1].base_type not in _TIMES:
        return None
    if zone is not None and owner[1].base_type != "timestamptz":
        return None
    return _Wrapped(owner[0].table, owner[1], inner, form, unit, zone)


def _cut(node: Node) -> tuple[str, str, Node | None]:
    name = function_name(node)
    arguments = node.get("FuncCall", {}).get("args", ())
    if "TypeCast" in node and _type_of(node["TypeCast"]) == "date":
        return "date", "day", node["TypeCast"]["arg"]
    if name == "date" and len(arguments) == 1:
        return "date", "day", arguments[0]
    if name in ("extract", "date_part") and len(arguments) == 2 and _string(arguments[0]) == "year":
        return "year", "year", arguments[1]
    if name == "date_trunc" and (unit := _unit_of(node)):
        return "trunc", unit, arguments[1]
    return "", "", None


def _unit_of(node: Node) -> str:
    """The unit that ``date_trunc`` cuts to in the session's time zone."""
    if function_name(node) != "date_trunc" or len(node["FuncCall"]["args"]) != 2:
        return ""
    unit = _string(node["FuncCall"]["args"][0])
    return unit if unit in _LENGTHS else ""


def _string(node: Node) -> str:
    return str(node.get("A_Const", {}).get("sval", {}).get("sval", "")).lower()


def _type_of(cast: Node) -> str:
    return string_of(cast["typeName"]["names"][-1])


def _cast(node: Node, name: str) -> Node:
    if "TypeCast" in node and _type_of(node["TypeCast"]) == name:
        return node
    names = [{"String": {"sval": "pg_catalog"}}, {"String": {"sval": name}}]
    return {"TypeCast": {"arg": node, "typeName": {"names": names if name != "date" else names[1:], "typemod": -1}}}


def _call(name: str, *arguments: Node) -> Node:
    return {
        "FuncCall": {
            "funcname": [{"String": {"sval": name}}],
            "args": list(arguments),
            "funcformat": "COERCE_EXPLICIT_CALL",
        }
    }


def _at_time_zone(zone: Node, time: Node) -> Node:
    names = [{"String": {"sval": "pg_catalog"}}, {"String": {"sval": "timezone"}}]
    return {"FuncCall": {"funcname": names, "args": [zone, time], "funcformat": "COERCE_SQL_SYNTAX"}}


def _integer(number: int) -> Node:
    return {"A_Const": {"ival": {"ival": number} if number else {}}}


def _text(text: str) -> Node:
    return {"A_Const": {"sval": {"sval": text}}}
