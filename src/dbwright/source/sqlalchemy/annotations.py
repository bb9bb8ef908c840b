"""Annotations of mapped attributes: from source to the typing objects that SQLAlchemy reads, without evaluating the project's text."""

from __future__ import annotations

import ast
import builtins
import typing
from typing import TYPE_CHECKING, Any

from dbwright.source.modules import Import, Module
from dbwright.source.sqlalchemy.real import LIBRARY_CLASSES, concrete, last_name
from dbwright.source.values import ClassValue, Library, Native, Real

if TYPE_CHECKING:
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

WRAPPERS = frozenset(("Mapped", "DynamicMapped", "WriteOnlyMapped", "Relationship", "InstrumentedAttribute"))
_COLLECTIONS: dict[str, Any] = {
    "list": list,
    "sequence": list,
    "mutablesequence": list,
    "iterable": list,
    "set": set,
    "mutableset": set,
    "collection": list,
    "dict": dict,
    "mapping": dict,
    "mutablemapping": dict,
    "tuple": tuple,
    "frozenset": frozenset,
    "attributekeydict": dict,
    "instrumentedlist": list,
    "instrumentedset": set,
    "keyfuncdict": dict,
    "orderinglist": list,
    "type": type,
}
_DEEPEST = 12


def parsed(node: ast.expr) -> ast.expr:
    """The expression of an annotation in quotes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 2_000:
        try:
            return ast.parse(node.value.strip(), mode="eval").body
        except SyntaxError:
            return node
    return node


def inside_mapped(node: ast.expr) -> tuple[str, ast.expr] | None:
    """The wrapper's name and ``X`` of ``Mapped[X]``; None for any other annotation."""
    node = parsed(node)
    if isinstance(node, ast.Subscript) and last_name(node.value) in WRAPPERS:
        return last_name(node.value), parsed(node.slice)
    return None


def elements(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def without_none(node: ast.expr) -> tuple[ast.expr | None, bool]:
    """``X`` and whether None is allowed: of ``Optional[X]``, ``X | None``, ``Union[X, None]``."""
    node = parsed(node)
    if isinstance(node, ast.Subscript) and last_name(node.value) == "Optional":
        return without_none(elements(node)[0])[0], True
    sides: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [node.left, node.right]
    elif isinstance(node, ast.Subscript) and last_name(node.value) == "Union":
        sides = elements(node)
    if sides:
        rest = [side for side in sides if not (isinstance(side, ast.Constant) and side.value is None)]
        inner, nullable = without_none(rest[0]) if rest else (None, True)
        return inner, nullable or len(rest) < len(sides)
    return node, False


def relation_target(node: ast.expr) -> tuple[ast.expr | None, Any]:
    """The class named in a relationship's annotation, and its collection (None for a single one)."""
    inner, _nullable = without_none(node)
    if isinstance(inner, ast.Subscript):
        collection = _COLLECTIONS.get(last_name(inner.value).lower())
        if collection is not None:
            target = elements(inner)[-1]
            return parsed(target), collection
    return inner, None


class Annotations:
    """Makes typing objects. The same class of the project always gives the same stand-in."""

    def __init__(self, framework: SQLAlchemy) -> None:
        self.framework = framework

    def type_of(self, node: ast.expr, module: Module, depth: int = 0) -> Any:
        """The typing object of ``X`` in ``Mapped[X]``; ``object`` for what is not known."""
        node = parsed(node)
        if depth > _DEEPEST:
            return object
        if isinstance(node, ast.Constant):
            return type(None) if node.value is None else object
        if isinstance(node, ast.BinOp):
            sides = (self.type_of(node.left, module, depth + 1), self.type_of(node.right, module, depth + 1))
            return typing.Union[sides]  # noqa: UP007
        if isinstance(node, ast.Subscript):
            return self._generic(node, module, depth)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._named(node, module, depth)
        return object

    def _generic(self, node: ast.Subscript, module: Module, depth: int) -> Any:
        outer = last_name(node.value)
        parts = elements(node)
        if outer == "Literal":
            values = tuple(p.value for p in parts if isinstance(p, ast.Constant))
            return typing.Literal[values] if values else object
        if outer == "Annotated":
            first = self.type_of(parts[0], module, depth + 1)
            at = self.framework.frame(module)
            rest = [concrete(at.evaluate(part), at, self.framework) for part in parts[1:]]
            return typing.Annotated[(first, *rest)]
        inner = [self.type_of(part, module, depth + 1) for part in parts]
        if outer == "Optional":
            return typing.Optional[inner[0]]  # noqa: UP045
        if outer == "Union":
            return typing.Union[tuple(inner)]  # noqa: UP007
        if outer in ("ClassVar", "Final", "Required"):
            return inner[0]
        collection = _COLLECTIONS.get(outer.lower())
        if collection is not None:
            named = getattr(typing, outer, None) if outer[:1].isupper() else collection
            try:
                return (named or collection)[tuple(inner)]
            except TypeError:
                return collection
        return self.type_of(node.value, module, depth + 1)

    def _named(self, node: ast.Name | ast.Attribute, module: Module, depth: int) -> Any:
        if isinstance(node, ast.Name):
            alias = self._alias(node.id, module)
            if alias is not None:
                return self._of_alias(*alias, depth)
        elif isinstance(node.value, ast.Name):
            below = self._module_of(node.value.id, module)
            if below is not None:
                return self._named(ast.Name(node.attr, ast.Load()), below, depth + 1)
        at = self.framework.frame(module)
        value = at.evaluate(node)
        if isinstance(value, Native) and hasattr(builtins, value.name):
            return getattr(builtins, value.name)
        if isinstance(value, Library) or (isinstance(value, Native) and value.name in LIBRARY_CLASSES):
            return self._of_library(value.name)
        if isinstance(value, Real):
            return value.object
        if isinstance(value, ClassValue):
            return self.framework.real_enum(value) or self.framework.stand_in(value)
        return object

    def _of_library(self, name: str) -> Any:
        if name in LIBRARY_CLASSES:
            return LIBRARY_CLASSES[name]
        if name.startswith("builtins."):
            return getattr(builtins, name[9:], object)
        if name == "typing.Any":
            return typing.Any
        if name.startswith(("typing.", "collections.abc.")):
            return _COLLECTIONS.get(name.rpartition(".")[2].lower(), object)
        return self.framework.named_stand_in(name)

    def _alias(self, name: str, module: Module, depth: int = 0) -> tuple[ast.expr, Module, str] | None:
        """The expression that a name stands for in the module or where it is imported from."""
        bindings = module.scope.bindings.get(name)
        if not bindings or depth > _DEEPEST:
            return None
        binding = bindings[-1]
        if isinstance(binding, Import) and binding.name is not None:
            source = self.framework.interpreter.codebase.find(binding.module)
            return self._alias(binding.name, source, depth + 1) if source is not None else None
        if isinstance(binding, ast.Subscript | ast.BinOp | ast.Call):
            return binding, module, name
        return None

    def _of_alias(self, binding: ast.expr, module: Module, name: str, depth: int) -> Any:
        if not isinstance(binding, ast.Call):
            key = (id(binding), "alias")
            if key not in self.framework.kept:
                self.framework.kept[key] = self.type_of(binding, module, depth + 1)
            return self.framework.kept[key]
        if last_name(binding.func) == "NewType" and len(binding.args) > 1:
            key = (id(binding), "newtype")
            if key not in self.framework.kept:
                self.framework.kept[key] = typing.NewType(name, self.type_of(binding.args[1], module, depth + 1))
            return self.framework.kept[key]
        return object

    def _module_of(self, name: str, module: Module) -> Module | None:
        bindings = module.scope.bindings.get(name)
        if not bindings or not isinstance(bindings[-1], Import):
            return None
        given = bindings[-1]
        dotted = given.module if given.name is None else f"{given.module}.{given.name}"
        return self.framework.interpreter.codebase.find(dotted)
