"""Whether an index may be made on an expression: all of it must be immutable, which depends on the types.

Only what is known to be is accepted. A cast of a timestamp with time zone to a date, say, depends on the session's time zone, and
PostgreSQL refuses an index on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dbwright.model.catalog import Catalog
from dbwright.source.expressions import Node, string_of
from dbwright.source.sql import CannotTakeApart, parse_statements

_TEXTS = frozenset(("text", "varchar", "bpchar", "char", "name", "citext", "unknown"))
_NUMBERS = frozenset(("int2", "int4", "int8", "numeric", "float4", "float8"))
_SAFE_AS_TEXT = _TEXTS | _NUMBERS | frozenset(("bool", "uuid", "json", "jsonb", "inet", "cidr"))
"""Types whose text form depends on no setting. (Floats: ``extra_digits`` was once one; the cast is immutable.)"""
_FROM_TEXT = _TEXTS | _NUMBERS | frozenset(("bool", "uuid", "json", "jsonb"))
_TEXT_FUNCTIONS = frozenset(
    "lower upper initcap btrim ltrim rtrim trim substr substring left right reverse replace translate split_part md5 lpad rpad "
    "regexp_replace strpos".split()
)
_NUMBER_FUNCTIONS = frozenset("abs ceil ceiling floor round trunc sign mod sqrt power".split())
_LENGTHS = frozenset("length char_length character_length octet_length".split())
_JSON = {"->": "", "#>": "", "->>": "text", "#>>": "text"}
_SYNONYMS = {"character varying": "varchar", "decimal": "numeric", "real": "float4", "double precision": "float8"}
_OF_MOMENTS = frozenset(("date_trunc", "date_part", "extract", "date"))
Types = Mapping[str, str]


def is_immutable(expression: str, types: Types, catalog: Catalog) -> bool:
    """Whether an index on a table with columns of these types may have the expression as a key."""
    try:
        statements = parse_statements(f"SELECT {expression}")
        (target,) = statements[0]["SelectStmt"]["targetList"]
        return _Typing(types, catalog).type_of(target["ResTarget"]["val"]) is not None
    except (CannotTakeApart, KeyError, ValueError, IndexError, RecursionError):
        return False


def depends_on_time_zone(expression: str, types: Types) -> str | None:
    """The column when the expression takes the date, or a part, of a timestamp with time zone; None for any other."""
    try:
        (target,) = parse_statements(f"SELECT {expression}")[0]["SelectStmt"]["targetList"]
    except (CannotTakeApart, KeyError, ValueError, IndexError):
        return None
    node = target["ResTarget"]["val"]
    if "TypeCast" in node and string_of(node["TypeCast"]["typeName"]["names"][-1]) in ("date", "time", "timestamp"):
        inner = node["TypeCast"]["arg"]
    elif "FuncCall" in node and string_of(node["FuncCall"]["funcname"][-1]) in _OF_MOMENTS:
        inner = node["FuncCall"]["args"][-1]
    else:
        return None
    name = string_of(inner["ColumnRef"]["fields"][-1]) if "ColumnRef" in inner else ""
    return name if types.get(name) == "timestamptz" else None


class _Typing:
    def __init__(self, types: Types, catalog: Catalog) -> None:
        self.types = types
        self.catalog = catalog

    def type_of(self, node: Node) -> str | None:
        """The type of an immutable expression; None of any other, and of what is not known."""
        kind, content = next(iter(node.items()))
        handler = self.HANDLERS.get(kind)
        return handler(self, content) if handler else None

    def column(self, node: Node) -> str | None:
        return self.types.get(string_of(node["fields"][-1]))

    def constant(self, node: Node) -> str:
        if "ival" in node:
            return "int4"
        if "fval" in node:
            return "numeric"
        return "bool" if "boolval" in node else "unknown"

    def cast(self, node: Node) -> str | None:
        names = [string_of(name) for name in node["typeName"].get("names", ())]
        if not names or node["typeName"].get("arrayBounds"):
            return None
        wanted = _SYNONYMS.get(names[-1], names[-1])
        inner = node["arg"]
        if "A_Const" in inner:
            return wanted  # written down, and so converted once
        held = self.type_of(inner)
        return wanted if held is not None and _cast_is_immutable(held, wanted) else None

    def operation(self, node: Node) -> str | None:
        if node.get("kind", "AEXPR_OP") != "AEXPR_OP" or "lexpr" not in node:
            return None
        operator = string_of(node["name"][-1])
        left, right = self.type_of(node["lexpr"]), self.type_of(node["rexpr"])
        if left is None or right is None:
            return None
        if operator in _JSON and left in ("json", "jsonb"):
            return _JSON[operator] or left
        if operator == "||" and left in _TEXTS and right in _TEXTS:
            return "text"
        if operator in ("+", "-", "*", "/", "%") and left in _NUMBERS and right in _NUMBERS:
            return left if left == right else "numeric"
        if operator in ("+", "-") and left == "date" and right in ("int4", "int2"):
            return "date"
        if operator in ("+", "-") and left in ("timestamp", "date") and right == "interval":
            return "timestamp"
        return None

    def coalesce(self, node: Node) -> str | None:
        types = [self.type_of(argument) for argument in node["args"]]
        return None if None in types else next((t for t in types if t != "unknown"), None)

    def collated(self, node: Node) -> str | None:
        return self.type_of(node["arg"])

    def null_test(self, node: Node) -> str | None:
        return "bool" if self.type_of(node["arg"]) is not None else None

    def function(self, node: Node) -> str | None:
        if any(key in node for key in ("over", "agg_star", "agg_distinct", "agg_order", "agg_filter")):
            return None
        names = [string_of(part) for part in node["funcname"]]
        types = [self.type_of(argument) for argument in node.get("args", ())]
        if None in types:
            return None
        known = [str(type_) for type_ in types]
        built_in = _built_in(names[-1], known, node) if len(names) == 1 or names[0] == "pg_catalog" else None
        return built_in or self.users(names, known)

    def users(self, names: list[str], types: list[str]) -> str | None:
        """A function of the users: immutable when every one of its name is, whatever it takes."""
        own = [f for f in self.catalog.functions if f.name == names[-1] and f.kind == "function"]
        own = [f for f in own if len(names) == 1 or f.schema == names[0]]
        return "of a function" if own and types and all(f.volatility == "immutable" for f in own) else None

    HANDLERS: dict[str, Callable[[_Typing, Node], str | None]] = {  # noqa: RUF012  # a table of methods, never changed
        "ColumnRef": column,
        "A_Const": constant,
        "TypeCast": cast,
        "A_Expr": operation,
        "CoalesceExpr": coalesce,
        "CollateClause": collated,
        "NullTest": null_test,
        "FuncCall": function,
    }


def _built_in(name: str, types: list[str], node: Node) -> str | None:
    first = types[0] if types else ""
    if name in _TEXT_FUNCTIONS and first in _TEXTS:
        return "text"
    if name == "strpos" or (name in _LENGTHS and first in _TEXTS | {"bytea"}):
        return "int4"
    if name in _NUMBER_FUNCTIONS and set(types) <= _NUMBERS:
        return first
    if name == "timezone" and len(types) == 2 and _is_constant(node, 0):
        return {"timestamptz": "timestamp", "timestamp": "timestamptz"}.get(types[1])
    if name == "date_trunc" and len(types) == 2 and _is_constant(node, 0):
        return {"timestamp": "timestamp", "interval": "interval"}.get(types[1])
    if name in ("extract", "date_part") and len(types) == 2 and types[1] in ("timestamp", "date", "time", "interval"):
        return "numeric"
    if name == "date" and types == ["timestamp"]:
        return "date"
    if name == "to_tsvector" and len(types) == 2 and _is_constant(node, 0) and types[1] in _TEXTS | {"json", "jsonb"}:
        return "tsvector"
    if name in ("jsonb_extract_path_text", "json_extract_path_text"):
        return "text"
    return None


def _is_constant(node: Node, position: int) -> bool:
    argument: Any = node["args"][position]
    while "TypeCast" in argument:
        argument = argument["TypeCast"]["arg"]
    return "A_Const" in argument


def _cast_is_immutable(held: str, wanted: str) -> bool:
    if held == wanted:
        return True
    if wanted in _TEXTS:
        return held in _SAFE_AS_TEXT
    if held in _TEXTS:
        return wanted in _FROM_TEXT
    if held in _NUMBERS:
        return wanted in _NUMBERS or (held == "int4" and wanted == "bool")
    if held in ("json", "jsonb"):
        return wanted in ("json", "jsonb") or (held == "jsonb" and wanted in _NUMBERS | {"bool"})
    return (held, wanted) in (("timestamp", "date"), ("date", "timestamp"), ("bool", "int4"), ("timestamp", "time"))
