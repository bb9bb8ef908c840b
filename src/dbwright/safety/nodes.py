"""Reading PostgreSQL's parse tree, in its JSON form: names, types and constants that the checks ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]
Name = tuple[str | None, str]
"""Schema, where it is written, and name of a relation."""


def text_of(node: Node) -> str:
    """The text of a String node."""
    return str(node.get("String", {}).get("sval", ""))


def names(nodes: Any) -> list[str]:
    """The texts of a list of String nodes."""
    return [text_of(node) for node in nodes or ()]


def relation(node: Node) -> Name:
    """The name in a RangeVar."""
    return node.get("schemaname"), node["relname"]


def dotted(node: Node) -> Name:
    """The name of an object of DROP and its like: a list of texts, a text, or a type's name."""
    if "List" in node:
        parts = names(node["List"].get("items"))
    elif "TypeName" in node:
        parts = names(node["TypeName"].get("names"))
    elif "ObjectWithArgs" in node:
        parts = names(node["ObjectWithArgs"].get("objname"))
    else:
        parts = [text_of(node)]
    return (parts[-2] if len(parts) > 1 else None), parts[-1] if parts else ""


def type_name(node: Node) -> str:
    """The bare name of a type, as the grammar spells it: ``int8``, ``varchar``, ``serial``."""
    return names(node.get("names"))[-1] if node.get("names") else ""


def type_modifiers(node: Node) -> list[int]:
    """The whole numbers in brackets after a type's name."""
    found = []
    for one in node.get("typmods", ()):
        value = one.get("A_Const", {}).get("ival")
        if value is not None:
            found.append(int(value.get("ival", 0)))
    return found


def constraints_of(column: Node) -> list[Node]:
    """The constraints that stand at a column's definition."""
    return [one["Constraint"] for one in column.get("constraints", ()) if "Constraint" in one]


def commands(node: Node) -> list[Node]:
    """The parts of an ALTER TABLE."""
    return [one["AlterTableCmd"] for one in node.get("cmds", ())]


def options(nodes: Any) -> dict[str, Any]:
    """Names and values of DefElem nodes; a value that is not written is True."""
    found: dict[str, Any] = {}
    for one in nodes or ():
        part = one.get("DefElem", {})
        found[part.get("defname", "")] = scalar(part["arg"]) if "arg" in part else True
    return found


def scalar(node: Node) -> Any:
    """A constant; None for anything else."""
    if "A_Const" in node:
        constant = node["A_Const"]
        for key in ("sval", "fval", "bsval"):
            if key in constant:
                return constant[key].get(key, "")
        if "ival" in constant:
            return constant["ival"].get("ival", 0)
        if "boolval" in constant:
            return bool(constant["boolval"].get("boolval"))
        return None
    if "String" in node:
        return node["String"].get("sval", "")
    if "Integer" in node:
        return node["Integer"].get("ival", 0)
    if "Boolean" in node:
        return bool(node["Boolean"].get("boolval"))
    if "TypeCast" in node:
        return scalar(node["TypeCast"].get("arg", {}))
    if "List" in node:
        return [scalar(one) for one in node["List"].get("items", ())]
    return None


def is_constant(node: Node | None) -> bool:
    """A literal, behind whatever casts and signs."""
    if node is None:
        return False
    if "A_Const" in node:
        return True
    if "TypeCast" in node:
        return is_constant(node["TypeCast"].get("arg"))
    if "A_Expr" in node and "lexpr" not in node["A_Expr"]:
        return is_constant(node["A_Expr"].get("rexpr"))
    return False


def walk(node: Any, kind: str) -> Iterator[Node]:
    """Every node of a kind, outermost first."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == kind and isinstance(value, dict):
                yield value
            yield from walk(value, kind)
    elif isinstance(node, list):
        for one in node:
            yield from walk(one, kind)


def columns_in(node: Any) -> list[list[str]]:
    """The dotted names of columns that an expression refers to."""
    return [path for ref in walk(node, "ColumnRef") if (path := names(ref.get("fields"))) and path[-1]]


def tables_in(node: Any) -> list[Name]:
    """The relations that a statement reads or writes, common table expressions left out."""
    common = {one.get("ctename") for one in walk(node, "CommonTableExpr")}
    found = {relation(one): None for one in walk({"top": node}, "RangeVar") if "relname" in one}
    for key in ("relation",):
        if isinstance(node, dict) and isinstance(node.get(key), dict) and "relname" in node[key]:
            found[relation(node[key])] = None
    return [name for name in found if name[0] is not None or name[1] not in common]
