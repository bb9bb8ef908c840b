"""Expressions of PostgreSQL's parse tree, in its JSON form: their text, their literals, how their patterns begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Node = dict[str, Any]


def string_of(node: Node) -> str:
    text: str = node["String"].get("sval", "") if "String" in node else ""
    return text


def begins_wild(node: Node | None) -> bool | None:
    """Whether a pattern begins with a wildcard; None when its first part is a parameter."""
    while node is not None:
        kind, content = next(iter(node.items()))
        if kind == "A_Const":
            return str(content.get("sval", {}).get("sval", ""))[:1] in ("%", "_")
        if kind == "ParamRef":
            return None
        if kind in ("TypeCast", "CollateClause"):
            node = content["arg"]
        elif kind == "FuncCall":
            node = next(iter(content.get("args", ())), None)
        elif kind == "A_Expr":
            node = content.get("lexpr")
        elif kind == "A_ArrayExpr":
            starts = [begins_wild(element) for element in content.get("elements", ())]
            return True if True in starts else None if None in starts else False
        else:
            return False
    return False


def constant_text(node: Node) -> str:
    if node.get("isnull"):
        return "null"
    if "sval" in node:
        return "'" + str(node["sval"].get("sval", "")).replace("'", "''") + "'"
    if "ival" in node:
        return str(node["ival"].get("ival", 0))
    if "fval" in node:
        return str(node["fval"].get("fval", "0"))
    if "boolval" in node:
        return "true" if node["boolval"].get("boolval") else "false"
    return "'" + str(node.get("bsval", {}).get("bsval", "")) + "'"


def literal_text(node: Node) -> str:
    """A literal behind casts, signs, lists and arrays; empty for anything else."""
    kind, content = next(iter(node.items()))
    if kind == "A_Const":
        return constant_text(content)
    if kind == "TypeCast":
        return literal_text(content["arg"])
    if kind == "A_Expr" and "lexpr" not in content and "rexpr" in content and string_of(content["name"][-1]) == "-":
        inner = literal_text(content["rexpr"])
        return f"-{inner}" if inner else ""
    if kind in ("List", "A_ArrayExpr"):
        texts = [literal_text(item) for item in content.get("items", content.get("elements", ()))]
        return f"({', '.join(texts)})" if all(texts) else ""
    return ""


def expression_text(node: Node | None) -> str:
    """An expression as SQL with bare column names; its own spelling, the same for the same expression."""
    if not node:
        return ""
    kind, content = next(iter(node.items()))
    writer = _WRITERS.get(kind)
    return writer(content) if writer else kind.lower()


def _column_text(node: Node) -> str:
    last = node["fields"][-1]
    return "*" if "A_Star" in last else _name(string_of(last))


def _name(name: str) -> str:
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower() and not name[:1].isdigit()
    return name if plain else '"' + name.replace('"', '""') + '"'


def _type_text(node: Node) -> str:
    names = [string_of(name) for name in node.get("names", ())]
    return ".".join(n for n in names if n != "pg_catalog") + "[]" * len(node.get("arrayBounds", ()))


def _function_text(node: Node) -> str:
    name = ".".join(string_of(part) for part in node["funcname"] if string_of(part) != "pg_catalog")
    arguments = [expression_text(argument) for argument in node.get("args", ())]
    if name == "timezone" and len(arguments) == 2 and node.get("funcformat") == "COERCE_SQL_SYNTAX":
        return f"{arguments[1]} AT TIME ZONE {arguments[0]}"
    if name == "extract" and len(arguments) == 2:
        return f"extract({arguments[0].strip(chr(39))} from {arguments[1]})"
    if node.get("agg_star"):
        arguments = ["*"]
    distinct = "distinct " if node.get("agg_distinct") else ""
    return f"{name}({distinct}{', '.join(arguments)})"


def _operation_text(node: Node) -> str:
    operator = string_of(node["name"][-1]) if "name" in node else node.get("kind", "")
    left, right = node.get("lexpr"), node.get("rexpr")
    if left is None:
        return f"{operator}{_operand(right)}"
    return f"{_operand(left)} {operator.lower()} {_operand(right)}"


def _operand(node: Node | None) -> str:
    text = expression_text(node)
    return f"({text})" if node and "A_Expr" in node else text


def _list_text(items: Iterable[Node]) -> str:
    return ", ".join(expression_text(item) for item in items)


def _cast_text(node: Node) -> str:
    inner = node["arg"]
    return f"{f'({expression_text(inner)})' if 'A_Expr' in inner else expression_text(inner)}::{_type_text(node['typeName'])}"


_WRITERS: dict[str, Callable[[Node], str]] = {
    "ColumnRef": _column_text,
    "ParamRef": lambda node: f"${node.get('number', 0)}",
    "A_Const": constant_text,
    "TypeCast": _cast_text,
    "FuncCall": _function_text,
    "A_Expr": _operation_text,
    "CollateClause": lambda node: f'{expression_text(node["arg"])} COLLATE "{string_of(node["collname"][-1])}"',
    "CoalesceExpr": lambda node: f"coalesce({_list_text(node['args'])})",
    "MinMaxExpr": lambda node: f"{'least' if node.get('op') == 'IS_LEAST' else 'greatest'}({_list_text(node['args'])})",
    "List": lambda node: f"({_list_text(node.get('items', ()))})",
    "A_ArrayExpr": lambda node: f"array[{_list_text(node.get('elements', ()))}]",
    "RowExpr": lambda node: f"({_list_text(node.get('args', ()))})",
    "SQLValueFunction": lambda node: str(node.get("op", "")).removeprefix("SVFOP_").lower(),
    "A_Indirection": lambda node: f"{_operand(node['arg'])}[…]",
    "CaseExpr": lambda _node: "case",
    "SubLink": lambda _node: "(sub-select)",
    "BoolExpr": lambda _node: "condition",
    "NullTest": lambda node: (
        f"{_operand(node['arg'])} is {'not ' if node.get('nulltesttype') == 'IS_NOT_NULL' else ''}null"
    ),
}


def wrapper_of(node: Node | None) -> str:
    """The outermost function or operator of an expression."""
    if not node:
        return ""
    kind, content = next(iter(node.items()))
    if kind == "FuncCall":
        name = string_of(content["funcname"][-1])
        return "at time zone" if name == "timezone" and content.get("funcformat") == "COERCE_SQL_SYNTAX" else name
    if kind == "TypeCast":
        return f"::{_type_text(content['typeName'])}"
    if kind == "A_Expr":
        return string_of(content["name"][-1]) if "name" in content else ""
    return {"CollateClause": "collate", "CoalesceExpr": "coalesce", "CaseExpr": "case", "A_Indirection": "[]"}.get(
        kind, kind.lower()
    )
