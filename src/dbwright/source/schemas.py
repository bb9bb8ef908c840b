"""Pydantic schemas (and SQLModel's) that rows are turned into: what their fields take of a row, relation by relation.

``Out.model_validate(row)``, ``Out.from_orm(row)`` and a route with ``response_model=list[Out]`` (FastAPI) or ``response=list[Out]``
(Django Ninja) read each field of ``Out`` from the row, and those of nested schemas from its relations.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dbwright.source.values import (
    Arguments,
    ClassValue,
    Function,
    Instance,
    Known,
    Library,
    Mapping,
    Native,
    Unknown,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame, Interpreter

READERS = frozenset(("model_validate", "from_orm", "validate"))
_MAKERS = frozenset(("pydantic", "pydantic_settings", "ninja", "ninja_extra"))
"""Packages whose classes are schemas; Django Ninja's are Pydantic's."""
_ROUTES = frozenset("get post put patch delete api_route".split())
_DEEPEST = 5
"""Schemas inside each other that are followed."""


def is_schema(interpreter: Interpreter, cls: ClassValue) -> bool:
    """Whether objects of a class are made by Pydantic from the attributes of others."""
    if "schema" not in cls.kept:
        bases = interpreter.foreign_bases(cls)
        named = any(isinstance(base, Library) and base.name.split(".")[0] in _MAKERS for base in bases)
        adoption = interpreter.adoption(cls)
        sqlmodel = any(base.describe() == "SQLModel" for base in bases) and getattr(adoption, "mapper", None) is None
        cls.kept["schema"] = named or sqlmodel
    found: bool = cls.kept["schema"]
    return found


def reader(cls: ClassValue, name: str) -> Native:
    """``Out.model_validate`` of a schema."""

    def read(arguments: Arguments, at: Frame) -> Value:
        given = arguments.first()
        if given is not None:
            take(cls, given, at)
        return Instance(cls)

    return Native(name, read)


def take(cls: ClassValue, value: Value, at: Frame, path: tuple[ClassValue, ...] = ()) -> None:
    """Read a value, or each of its elements, as the schema does. Schemas that lead back to themselves end there."""
    from dbwright.source.interpreter import rows_of, size_of

    if cls in path or len(path) >= _DEEPEST:
        return
    for one in alternatives(value):
        if isinstance(one, Known | Unknown | Instance):
            continue
        if isinstance(one, Mapping):
            fill(cls, one.items, at, path)
            continue
        if hasattr(one, "row_of"):
            for name, inner in _fields(at.interpreter, cls):
                taken = one.attribute(name, at)
                for schema in inner:
                    take(schema, taken, at, (*path, cls))
        else:
            element = at.iterate(one)
            if element is not one:
                with at.loop(rows_of(one), size_of(one)):
                    take(cls, element, at, path)


def fill(cls: ClassValue, given: dict[Any, Value], at: Frame, path: tuple[ClassValue, ...] = ()) -> None:
    """``Page(items=rows)``, and a dictionary where a schema is expected: what stands for a field is read as that field's schema does."""
    for name, inner in _fields(at.interpreter, cls):
        for schema in inner if name in given else ():
            take(schema, given[name], at, (*path, cls))


def _fields(interpreter: Interpreter, cls: ClassValue) -> tuple[tuple[str, tuple[ClassValue, ...]], ...]:
    """The names of a schema's fields and the schemas that their types name."""
    if "schema fields" not in cls.kept:
        found: dict[str, tuple[ClassValue, ...]] = {}
        for one in reversed([c for c in interpreter.mro(cls) if is_schema(interpreter, c)]):
            for node in one.node.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    found[node.target.id] = tuple(
                        schemas_in(interpreter, node.annotation, interpreter.frame(one.module))
                    )
        cls.kept["schema fields"] = tuple((n, s) for n, s in found.items() if not n.startswith(("_", "model_config")))
    fields: tuple[tuple[str, tuple[ClassValue, ...]], ...] = cls.kept["schema fields"]
    return fields


def schemas_in(interpreter: Interpreter, node: ast.expr, at: Frame) -> Iterator[ClassValue]:
    """The schemas that an annotation names, however deep inside: ``list["Out"] | None``."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield from schemas_in(interpreter, ast.parse(part.value, mode="eval").body, at)
            except (SyntaxError, ValueError):
                continue  # a text of Annotated or Literal
        elif isinstance(part, ast.Name | ast.Attribute):
            value = at.evaluate(part)
            if isinstance(value, ClassValue) and is_schema(interpreter, value):
                yield value


def respond(function: Function, result: Value, at: Frame) -> None:
    """What FastAPI or Django Ninja makes of the value that a route returns."""
    if isinstance(function.node, ast.Lambda):
        return
    for decorator in function.node.decorator_list:
        if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
            continue
        if decorator.func.attr not in _ROUTES:
            continue
        given = next(
            (k.value for k in decorator.keywords if k.arg in ("response_model", "response")), function.node.returns
        )
        if given is not None:
            for schema in schemas_in(at.interpreter, given, at.interpreter.frame(function.module)):
                take(schema, result, at)
