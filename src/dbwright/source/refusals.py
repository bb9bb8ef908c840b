"""What models, forms and serializers refuse in Python, by their text: comparisons that a check constraint could make as well.

``if self.start > self.end: raise …``, ``if len(attrs["name"]) < 3: raise …``. A test that asks anything else (another row, a function, the
user) is left out, because no constraint could say it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from dbwright.model.source import Place, SourceFact
from dbwright.source.modules import Module

_CHECKS = re.compile(r"(save|clean|full_clean|validate|_?check)(_\w+)?$")
_ONE_FIELD = re.compile(r"(clean|validate)_(\w+)$")
_GIVEN = frozenset("attrs data validated_data cleaned_data values self.cleaned_data self.validated_data".split())
_SAME = frozenset("strip lower upper strip_tags".split())
"""Methods whose result is compared as the value itself."""


def read(module: Module) -> Iterator[SourceFact]:
    """What the classes of a module refuse."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            model = _model_of(node)
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and _CHECKS.match(method.name):
                    yield from _Method(node.name, method, model).facts(module)
                    yield from _filled_in(module, node.name, method)


def _model_of(node: ast.ClassDef) -> str:
    """The model of a form or serializer, by its ``Meta``; empty for other classes."""
    for inner in node.body:
        if isinstance(inner, ast.ClassDef) and inner.name == "Meta":
            for statement in inner.body:
                if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                    if statement.targets[0].id == "model":
                        return _dotted(statement.value).rpartition(".")[2]
    return ""


def _filled_in(module: Module, cls: str, method: ast.FunctionDef) -> Iterator[SourceFact]:
    for node in ast.walk(method):
        if isinstance(node, ast.Assign) and method.name in ("save", "clean", "full_clean"):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and _dotted(target.value) == "self":
                    place = Place(module.file, node.lineno, f"{cls}.{method.name}")
                    yield SourceFact("filled in before saving", place, target.attr, owner=cls)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _tests(
    body: Sequence[ast.stmt], under: tuple[ast.expr, ...] = ()
) -> Iterator[tuple[ast.If | ast.Assign, tuple[ast.expr, ...]]]:
    """The conditions under which a method raises, each with those that it stands under, and its assignments, in their order."""
    for node in body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            yield node, under
        elif isinstance(node, ast.If):
            if any(isinstance(inner, ast.Raise) for inner in node.body):
                yield node, under
            yield from _tests(node.body, (*under, node.test))
            yield from _tests(node.orelse, (*under, node.test))
        elif isinstance(node, ast.With | ast.For | ast.While | ast.Try):
            yield from _tests(node.body, under)


class _Method:
    """A method that checks values before they are saved. ``model``: the model of the form or serializer that it belongs to, if any."""

    def __init__(self, cls: str, method: ast.FunctionDef, model: str) -> None:
        self.cls, self.method, self.model = cls, method, model
        self.locals: dict[str, str] = {}
        single = _ONE_FIELD.match(method.name)
        self.field = single[2] if single and model else ""
        if self.field and len(method.args.args) == 2:
            self.locals[method.args.args[1].arg] = self.field

    def facts(self, module: Module) -> Iterator[SourceFact]:
        unclear = False
        changed = self._changed()
        for node, under in _tests(self.method.body):
            if isinstance(node, ast.Assign):
                if isinstance(node.targets[0], ast.Name) and (value := self.value(node.value)):
                    self.locals[node.targets[0].id] = value
                continue
            names = self.compared(node.test)
            unclear = unclear or not names
            also = [self.compared(test, alone=True) for test in under]
            if names and all(also) and not changed.intersection(names):
                every = dict.fromkeys((*names, *(name for found in also for name in found)))
                yield self.fact(module, "refused in code", node, ",".join(every))
        if self.field and unclear:
            yield self.fact(module, "structure checked in code", self.method, self.field)

    def _changed(self) -> set[str]:
        """The fields that the method itself gives a value: what it refuses is what was asked for, not what is stored."""
        targets = [t for node in ast.walk(self.method) if isinstance(node, ast.Assign) for t in node.targets]
        return {value for t in targets if not isinstance(t, ast.Name) and (value := self.value(t))}

    def fact(self, module: Module, kind: str, node: ast.stmt, names: str) -> SourceFact:
        place = Place(module.file, node.lineno, f"{self.cls}.{self.method.name}")
        end = node.end_lineno or node.lineno
        owner = self.model or self.cls
        if kind == "refused in code":
            return SourceFact("refused in code", place, names, end, owner)
        return SourceFact("structure checked in code", place, names, end, owner)

    def value(self, node: ast.expr) -> str:
        """The field whose value an expression gives, else empty."""
        if isinstance(node, ast.Name):
            return self.locals.get(node.id, "")
        if isinstance(node, ast.Attribute):
            return node.attr if _dotted(node.value) == "self" and not self.model else ""
        if isinstance(node, ast.Subscript):
            return self._key(node.slice) if self.model and _dotted(node.value) in _GIVEN else ""
        if isinstance(node, ast.Call):
            called = _dotted(node.func)
            if called in ("len", "str") and len(node.args) == 1:
                return self.value(node.args[0])
            if isinstance(node.func, ast.Attribute):
                if node.func.attr == "get" and node.args and self.model and _dotted(node.func.value) in _GIVEN:
                    return self._key(node.args[0])
                return self.value(node.func.value) if node.func.attr in _SAME and not node.args else ""
        return ""

    def _key(self, node: ast.expr) -> str:
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""

    def compared(self, test: ast.expr, alone: bool = False) -> list[str]:
        """The fields that a test compares with each other, with constants or with a list, when it asks nothing else; ``alone``: or that it
        asks whether they are there."""
        names: list[str] = []
        if not self._only_compares(test, names):
            return []
        compares = any(
            isinstance(node, ast.Compare) and not all(isinstance(op, ast.Is | ast.IsNot | ast.Eq) for op in node.ops)
            for node in ast.walk(test)
        )
        return list(dict.fromkeys(names)) if alone or compares or len(set(names)) > 1 else []

    def _only_compares(self, node: ast.expr, names: list[str]) -> bool:
        if name := self.value(node):
            names.append(name)
            return True
        if isinstance(node, ast.BoolOp):
            return all(self._only_compares(value, names) for value in node.values)
        if isinstance(node, ast.UnaryOp):
            return self._only_compares(node.operand, names)
        if isinstance(node, ast.Compare):
            return all(self._only_compares(side, names) for side in (node.left, *node.comparators))
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return all(self._only_compares(one, names) for one in node.elts)
        if isinstance(node, ast.Name):
            return node.id[:1].isupper() or node.id in ("types", "choices", "allowed")
        if isinstance(node, ast.Attribute):  # a constant of a class
            return _dotted(node.value).rpartition(".")[2][:1].isupper()
        return isinstance(node, ast.Constant)
