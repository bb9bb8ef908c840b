"""A condition in SQL in the words of Django: ``status = 'failed' AND NOT paid`` is ``models.Q(status="failed", paid=False)``.

Only what Django writes back as the same condition is put into its words. Anything else is None, and stays SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import postgast

from dbwright.fixes.spelling import call, text

_COMPARISONS = {"=": "", "<": "__lt", "<=": "__lte", ">": "__gt", ">=": "__gte"}


class NoWords(Exception):
    """Django has no words for it."""


def as_q(condition: str, fields: Mapping[str, str]) -> str | None:
    """The condition as Python, or None. ``fields`` are the attributes of a model by their columns. Negations are passed over but for
    ``NOT flag``: Django's own say something about NULL, too. Conditions that must all hold come in the order of their names."""
    try:
        tree = postgast.parse(f"SELECT 1 WHERE {condition}")
        where = tree.stmts[0].stmt.select_stmt.where_clause
        return _Words(fields).q(where)
    except (NoWords, postgast.PgQueryError, IndexError, KeyError):
        return None


class _Words:
    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields

    def q(self, node: Any) -> str:
        """A node as an expression of ``Q`` objects."""
        kind, inner = _of(node)
        if kind == "bool_expr" and _enum(inner, "boolop") == "OR_EXPR":
            return " | ".join(self._grouped(one) for one in inner.args)
        parts = self.parts(node)
        if len({name for name, _ in parts}) < len(parts):
            return " & ".join(call("models.Q", [part]) for part in parts)
        return call("models.Q", parts)

    def _grouped(self, node: Any) -> str:
        found = self.q(node)
        return f"({found})" if " & " in found or " | " in found else found

    def parts(self, node: Any) -> list[tuple[str, str]]:
        """The lookups that must all hold, each with its value as Python."""
        kind, inner = _of(node)
        if kind == "bool_expr":
            operator = _enum(inner, "boolop")
            if operator == "AND_EXPR":
                return [part for one in inner.args for part in self.parts(one)]
            if operator == "NOT_EXPR" and _of(inner.args[0])[0] == "column_ref":
                return [(self.field(inner.args[0]), "False")]
        elif kind == "column_ref":
            return [(self.field(node), "True")]
        elif kind == "null_test":
            return [(f"{self.field(inner.arg)}__isnull", str(_enum(inner, "nulltesttype") == "IS_NULL"))]
        elif kind == "a_expr":
            return [self._compared(inner)]
        raise NoWords

    def _compared(self, node: Any) -> tuple[str, str]:
        kind, operator = _enum(node, "kind"), node.name[-1].string.sval
        field = self.field(node.lexpr)
        if kind == "AEXPR_OP" and operator in _COMPARISONS:
            if _of(node.rexpr)[0] == "column_ref":
                return field + _COMPARISONS[operator], f'models.F("{self.field(node.rexpr)}")'
            return field + _COMPARISONS[operator], self.value(node.rexpr)
        if kind in ("AEXPR_IN", "AEXPR_OP_ANY") and operator == "=":
            return f"{field}__in", f"[{', '.join(map(self.value, _items(node.rexpr)))}]"
        if kind == "AEXPR_BETWEEN":
            low, high = map(self.value, _items(node.rexpr))
            return f"{field}__range", f"({low}, {high})"
        if kind == "AEXPR_LIKE" and operator == "~~":
            return self._like(field, node.rexpr)
        raise NoWords

    def _like(self, field: str, pattern: Any) -> tuple[str, str]:
        kind, inner = _of(pattern)
        wanted = inner.sval.sval if kind == "a_const" and inner.WhichOneof("val") == "sval" else ""
        bare = wanted.strip("%")
        if bare and not set(bare) & set("%_\\"):
            if wanted == f"%{bare}%":
                return f"{field}__contains", text(bare)
            if wanted == f"{bare}%":
                return f"{field}__startswith", text(bare)
        raise NoWords

    def field(self, node: Any) -> str:
        kind, inner = _of(node)
        if kind == "type_cast" and inner.type_name.names[-1].string.sval in ("text", "varchar"):
            return self.field(inner.arg)  # the server's own: a varchar is compared as text
        if kind != "column_ref" or len(inner.fields) != 1:
            raise NoWords
        return self.fields[inner.fields[0].string.sval]

    def value(self, node: Any) -> str:
        kind, inner = _of(node)
        if kind == "type_cast":
            return self.value(inner.arg)
        if kind != "a_const" or inner.isnull:
            raise NoWords
        name = inner.WhichOneof("val")
        if name == "sval":
            return text(inner.sval.sval)
        if name == "boolval":
            return str(inner.boolval.boolval)
        if name == "fval":
            return str(inner.fval.fval)
        if name in ("ival", None):
            return str(inner.ival.ival)
        raise NoWords


def _of(node: Any) -> tuple[str, Any]:
    name = node.WhichOneof("node")
    return name or "", getattr(node, name) if name else None


def _enum(node: Any, name: str) -> str:
    """The name of an enumerated value."""
    field = node.DESCRIPTOR.fields_by_name[name]
    return str(field.enum_type.values_by_number[getattr(node, name)].name)


def _items(node: Any) -> list[Any]:
    kind, inner = _of(node)
    if kind == "type_cast":
        return _items(inner.arg)
    if kind == "list":
        return list(inner.items)
    if kind == "a_array_expr":
        return list(inner.elements)
    raise NoWords
