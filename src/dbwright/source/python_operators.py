"""Conditions of SQLAlchemy that Python answers first: ``Model.column is None``, ``not Model.column``, ``Model.a == 1 and Model.b == 2``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from dbwright.model.source import Place, SourceFact
from dbwright.pysource import dotted
from dbwright.source.modules import Module

_TAKES_CONDITIONS = frozenset(("filter", "where", "having", "and_", "or_", "not_", "filter_by", "select_from"))
_WHAT: dict[type[ast.AST], str] = {ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}


def read(module: Module, name: str, nodes: Sequence[ast.AST]) -> Iterator[SourceFact]:
    """The facts of a function's nodes: ``name`` is the operator, ``owner`` the class whose column it stands beside."""
    for node in nodes:
        if isinstance(node, ast.Call) and _last(node.func) in _TAKES_CONDITIONS:
            for argument in node.args:
                for operator, column in _answered(argument):
                    end = argument.end_lineno or argument.lineno
                    yield SourceFact(
                        "operator of Python",
                        Place(module.file, argument.lineno, name),
                        operator,
                        end,
                        dotted(column.value),
                    )


def _answered(node: ast.expr) -> Iterator[tuple[str, ast.Attribute]]:
    """The operators that Python answers by itself, with the column beside each."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and (column := _column(node.left)):
        if (operator := _WHAT.get(type(node.ops[0]))) is not None:
            yield operator, column
    elif (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and (column := _column(_compared(node.operand)))
    ):
        yield "not", column
    elif isinstance(node, ast.BoolOp):
        columns = [_column(_compared(value)) for value in node.values]
        if all(columns) and (first := columns[0]) is not None:
            yield "and" if isinstance(node.op, ast.And) else "or", first


def _compared(node: ast.expr) -> ast.expr:
    return node.left if isinstance(node, ast.Compare) else node


def _column(node: ast.expr) -> ast.Attribute | None:
    """``Model.column``: an attribute of a name with a capital letter."""
    named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute)
    if isinstance(node, ast.Attribute) and named and dotted(node.value).rpartition(".")[2][:1].isupper():
        return node
    return None


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
