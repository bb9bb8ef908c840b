"""Generated columns of Django's models."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from dbwright.fixes.django import DjangoModel
from dbwright.fixes.django_models import ModelClass
from dbwright.fixes.python_text import CannotEdit, PythonText
from dbwright.fixes.spelling import spread
from dbwright.generate.generated import Refused

LEAST_DJANGO = (5, 0)
"""The first with ``GeneratedField``."""


def require_generated(model: DjangoModel) -> None:
    """Raises Refused where Django has no generated columns."""
    if model.version < LEAST_DJANGO:
        version = ".".join(map(str, model.version))
        raise Refused(f"The project allows Django {version}, which has no GeneratedField.", "Require 5.0 or later.")


def with_field(old: str, model: ModelClass, name: str, field: str, imports: Sequence[tuple[str, str]]) -> str:
    """The file's text with a field behind the last one of the class. Raises CannotEdit for a class without any."""
    source = PythonText(old)
    cls = source.class_at(model.name, model.line)
    fields = [node for node in cls.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    if not fields:
        raise CannotEdit(f"{model.name} has no fields of its own")
    last, indent = fields[-1], fields[-1].col_offset
    at = source.after_line(last.end_lineno or last.lineno)
    source.replace(at, at, f"{' ' * indent}{name} = {spread(source.quoted(field), indent)}\n")
    for module, one in imports:
        source.add_import(module, one)
    return source.result()
