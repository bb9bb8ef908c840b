"""One door to Python source: parsing it and evaluating the small expressions of settings files, without running anything."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

MAX_BYTES = 2_000_000
MOST_REPEATED = 10_000
"""Items or characters that a repetition may give; files are read that nobody vouches for."""
LONGEST = 100_000
"""Items or characters of any other value, so that doubling over and over comes to an end."""
WIDEST = 1_000
_WIDTH = re.compile(r"\*|\d+")


class Unknown(Exception):
    """An expression whose value cannot be told without running the program."""


def parse(path: Path) -> ast.Module | None:
    """The syntax tree of a file, or None when it is too large or not Python."""
    try:
        if not os.path.isfile(path) or path.stat().st_size > MAX_BYTES:
            return None
        return ast.parse(path.read_bytes(), filename=path.name)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a name or attribute, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


_DEFINITIONS = frozenset((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
_WITHOUT_CHILDREN = frozenset((ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.alias, ast.Pass))


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one, in the order of the text. Whole projects are looked through: ``ast.iter_child_nodes`` takes three times
    as long."""
    if node.__class__ in _WITHOUT_CHILDREN:
        return []
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [one for one in value if isinstance(one, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


@lru_cache(maxsize=2)
def every_node(tree: ast.Module) -> tuple[ast.AST, ...]:
    """All nodes of a module in the order of the text. One after the other asks for those of the same module."""
    return tuple(_below(tree.body, frozenset()))


@lru_cache(maxsize=4)
def own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[ast.AST, ...]:
    """The nodes of a function in the order of the text, without those of functions and classes inside it."""
    return tuple(_below(function.body, _DEFINITIONS))


def below(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of a body in the order of the text, those of functions and classes inside it too."""
    return _below(body, frozenset())


def _below(body: Sequence[ast.AST], passed_over: frozenset[type[ast.AST]]) -> Iterator[ast.AST]:
    waiting = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if node.__class__ not in passed_over:
            yield node
            waiting += reversed(children(node))


Call = Callable[[str, list[Any], dict[str, Any]], Any]
"""Gives the value of a call by its dotted name, positional and keyword arguments; raises Unknown."""


def evaluate(node: ast.expr, names: Mapping[str, Any], call: Call) -> Any:
    """The value of an expression built of constants, known names, containers, conditions and known calls.

    Raises Unknown for anything else.
    """
    try:
        return _Evaluator(names, call).visit(node)
    except Unknown:
        raise
    except Exception as error:  # somebody's "%(name)s" % {}: whatever it does, its value is not known
        raise Unknown(type(error).__name__) from None


class _Evaluator(ast.NodeVisitor):
    def __init__(self, names: Mapping[str, Any], call: Call) -> None:
        self.names = names
        self.call = call

    def generic_visit(self, node: ast.AST) -> Any:
        raise Unknown(type(node).__name__)

    def visit_Constant(self, node: ast.Constant) -> Any:
        return node.value

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id not in self.names:
            raise Unknown(node.id)
        return self.names[node.id]

    def visit_Dict(self, node: ast.Dict) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            try:
                if key is None:
                    found.update(self.visit(value))
                else:
                    found[self.visit(key)] = self.visit(value)
            except (Unknown, TypeError, ValueError):
                continue
        return found

    def visit_List(self, node: ast.List) -> Any:
        return [self.visit(item) for item in node.elts]

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        return [self.visit(item) for item in node.elts]

    def visit_Set(self, node: ast.Set) -> Any:
        return [self.visit(item) for item in node.elts]

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        parts = (str(self.visit(v.value if isinstance(v, ast.FormattedValue) else v)) for v in node.values)
        return _bounded("".join(parts))

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        return self.visit(node.body if self.visit(node.test) else node.orelse)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for item in node.values:
            value = self.visit(item)
            if bool(value) is isinstance(node.op, ast.Or):
                return value
        return value

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return not self.visit(node.operand)
        raise Unknown("operator")

    def visit_Compare(self, node: ast.Compare) -> Any:
        if len(node.ops) != 1:
            raise Unknown("comparison")
        left, right, operator = self.visit(node.left), self.visit(node.comparators[0]), node.ops[0]
        if isinstance(operator, ast.Eq | ast.NotEq):
            return (left == right) is isinstance(operator, ast.Eq)
        if isinstance(operator, ast.In | ast.NotIn):
            return (left in right) is isinstance(operator, ast.In)
        if isinstance(operator, ast.Is | ast.IsNot):
            return (left is right) is isinstance(operator, ast.Is)
        raise Unknown("comparison")

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        left, right = self.visit(node.left), self.visit(node.right)
        try:
            if isinstance(node.op, ast.Div):
                return PurePath(left) / right
            if isinstance(node.op, ast.Add):
                return _bounded(left + right)
            if isinstance(node.op, ast.Mod) and isinstance(left, str):
                _refuse_wide(left)
                return _bounded(left % (tuple(right) if isinstance(right, list) else right))
            if isinstance(node.op, ast.Mult):
                return _product(left, right)
        except (TypeError, ValueError):
            raise Unknown("operands") from None
        raise Unknown("operator")

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if dotted(node) == "os.environ":
            raise Unknown("os.environ")
        value = self.visit(node.value)
        if isinstance(value, PurePath) and node.attr in ("parent", "name", "stem"):
            return getattr(value, node.attr)
        raise Unknown(node.attr)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if dotted(node.value) in ("os.environ", "environ"):
            return self.call("os.environ.get", [self.visit(node.slice)], {})
        try:
            container = self.visit(node.value)
            if isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
                raise Unknown("parents")
            return container[self.visit(node.slice)]
        except (KeyError, IndexError, TypeError):
            raise Unknown("subscript") from None

    def visit_Call(self, node: ast.Call) -> Any:
        name = dotted(node.func)
        if not name and isinstance(node.func, ast.Attribute):
            return self._method(self.visit(node.func.value), node.func.attr, node)
        arguments = [self.visit(argument) for argument in node.args]
        keywords = {keyword.arg: self._or_none(keyword.value) for keyword in node.keywords if keyword.arg}
        if name in ("Path", "pathlib.Path", "PurePath"):
            return PurePath(*map(str, arguments))
        if name in (
            "str",
            "int",
            "bool",
            "float",
            "os.path.join",
            "os.path.dirname",
            "os.path.abspath",
            "os.path.realpath",
        ):
            return _builtin(name, arguments)
        if isinstance(node.func, ast.Attribute) and node.func.attr in (
            "resolve",
            "absolute",
            "lower",
            "upper",
            "strip",
        ):
            try:
                return self._method(self.visit(node.func.value), node.func.attr, node)
            except Unknown:
                pass
        return self.call(name, arguments, keywords)

    def _or_none(self, node: ast.expr) -> Any:
        try:
            return self.visit(node)
        except Unknown:
            return None

    def _method(self, value: Any, method: str, node: ast.Call) -> Any:
        if isinstance(value, PurePath) and method in ("resolve", "absolute", "joinpath", "as_posix", "__str__"):
            return value.joinpath(*map(self.visit, node.args)) if method == "joinpath" else value
        if isinstance(value, str) and method in (
            "lower",
            "upper",
            "strip",
            "split",
            "replace",
            "startswith",
            "endswith",
            "format",
        ):
            arguments = [self.visit(argument) for argument in node.args]
            if method == "format":
                _refuse_wide(value)
            if method == "replace" and value.count(arguments[0]) * len(arguments[1]) > LONGEST:
                raise Unknown("size")
            return _bounded(getattr(value, method)(*arguments))
        raise Unknown(method)


def _bounded(value: Any) -> Any:
    if isinstance(value, str | bytes | list | tuple) and len(value) > LONGEST:
        raise Unknown("size")
    return value


def _product(left: Any, right: Any) -> Any:
    """Two numbers' product, or a repetition of something short."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | bytes | list | tuple):
            if not isinstance(other, int) or len(one) * other > MOST_REPEATED:
                raise Unknown("size")
            return one * other
        if isinstance(one, int) and one.bit_length() > WIDEST:
            raise Unknown("size")
    return left * right


def _refuse_wide(template: str) -> None:
    """No width or precision of a format that fills memory; one given as an argument (``*``, ``{:{}}``) is refused as well."""
    if len(template) > MOST_REPEATED:
        raise Unknown("size")
    for field in re.findall(r"%(?:\([^)]*\))?[^a-zA-Z%]*|\{[^{}]*:[^}]*\}?", template):
        specification = re.sub(r"\([^)]*\)|^\{[^:]*:", "", field)
        for width in _WIDTH.findall(specification):
            if width == "*" or len(width) > 9 or int(width) > WIDEST:
                raise Unknown("width")
        if field.startswith("{") and "{" in specification:
            raise Unknown("width")


def _builtin(name: str, arguments: list[Any]) -> Any:
    try:
        if name == "os.path.join":
            return os.path.join(*map(str, arguments))
        if name == "os.path.dirname":
            return os.path.dirname(str(arguments[0]))
        if name.startswith("os.path."):
            return str(arguments[0])
        return {"str": str, "int": int, "bool": bool, "float": float}[name](*arguments)
    except (TypeError, ValueError, IndexError):
        raise Unknown(name) from None
