"""Edits of Django models: an entry of ``Meta.indexes`` or ``Meta.constraints``, an option of a field."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Literal

from dbwright.fixes.python_text import CannotEdit, PythonText, assigned
from dbwright.fixes.spelling import spread

MetaList = Literal["indexes", "constraints"]


@dataclass(frozen=True, slots=True)
class ModelClass:
    """Where a model stands, and what its ``Meta`` comes from: ``meta_base`` is the expression of the Meta that it inherits
    (``Timed.Meta``), ``inherited`` are the options that this one has."""

    file: str
    name: str
    line: int
    meta_base: str | None = None
    inherited: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AddEntry:
    """Add an index or a constraint to ``Meta``. ``imports`` are the names that the text needs, each with its module."""

    option: MetaList
    text: str
    imports: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Take the entry of that name out of ``Meta``."""

    option: MetaList
    name: str


@dataclass(frozen=True, slots=True)
class SetFieldOption:
    """Give a field an option, another value for it, or take it away (None)."""

    field: str
    option: str
    value: str | None


@dataclass(frozen=True, slots=True)
class SetFieldClass:
    """Make a field of ``django.db.models`` one of another class, which ``module`` has."""

    field: str
    old: str
    new: str
    module: str = "django.db.models"


ModelEdit = AddEntry | RemoveEntry | SetFieldOption | SetFieldClass


def edited(text: str, model: ModelClass, edit: ModelEdit) -> str:
    """The file's text with the edit done. Raises CannotEdit where the source is written in a way that is not followed."""
    source = PythonText(text)
    cls = source.class_at(model.name, model.line)
    if isinstance(edit, AddEntry):
        _add(source, cls, model, replace(edit, text=source.quoted(edit.text)))
    elif isinstance(edit, RemoveEntry):
        _remove(source, cls, model, edit)
    elif isinstance(edit, SetFieldOption):
        source.set_keyword(_field(cls, model, edit.field), edit.option, edit.value)
    else:
        _change_class(source, cls, model, edit)
    return source.result()


def _meta(cls: ast.ClassDef) -> ast.ClassDef | None:
    return next((node for node in cls.body if isinstance(node, ast.ClassDef) and node.name == "Meta"), None)


def _add(source: PythonText, cls: ast.ClassDef, model: ModelClass, edit: AddEntry) -> None:
    meta = _meta(cls)
    value = assigned(meta.body, edit.option) if meta is not None else None
    if meta is None and assigned(cls.body, "Meta") is not None:
        raise CannotEdit(f"Meta of {model.name} is assigned")
    if value is None and meta is not None and _is_given(meta, edit.option):
        raise CannotEdit(f"Meta.{edit.option} of {model.name} is given under a condition")
    if isinstance(value, ast.List | ast.Tuple):
        source.append(value, edit.text)
    elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        _add_to_sum(source, value, edit.text)
    elif value is not None:
        source.replace(source.start(value), source.end(value), f"[*{source.of(value)}, {edit.text}]")
    else:
        _assign(source, cls, meta, model, edit)
    for module, name in edit.imports:
        source.add_import(module, name)
    if "models." in edit.text:
        source.add_import("django.db", "models")


def _is_given(meta: ast.ClassDef, option: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == option and isinstance(node.ctx, ast.Store) for node in ast.walk(meta)
    )


def _add_to_sum(source: PythonText, value: ast.BinOp, text: str) -> None:
    if isinstance(value.right, ast.List | ast.Tuple):
        source.append(value.right, text)
    else:
        source.replace(source.start(value), source.end(value), f"[*({source.of(value)}), {text}]")


def _assign(
    source: PythonText, cls: ast.ClassDef, meta: ast.ClassDef | None, model: ModelClass, edit: AddEntry
) -> None:
    if cls.body[0].lineno == cls.lineno:
        raise CannotEdit(f"the class {model.name} stands on one line")
    if source.is_tabbed(cls.body[0]):
        raise CannotEdit(f"the class {model.name} is indented with tabs")
    indent = cls.body[0].col_offset
    step = max(indent - cls.col_offset, 1)
    on_one_line = meta is not None and meta.body[0].lineno == meta.lineno
    inner = meta.body[0].col_offset if meta is not None and not on_one_line else indent + step
    lines = f"{' ' * inner}{edit.option} = [\n"
    if model.meta_base is not None and edit.option in model.inherited:
        lines += f"{' ' * (inner + step)}*{model.meta_base}.{edit.option},\n"
    lines += f"{' ' * (inner + step)}{spread(edit.text, inner + step)},\n{' ' * inner}]\n"
    if meta is not None:
        only = meta.body[0]
        if on_one_line:
            colon = source.text.rindex(":", 0, source.start(only)) + 1
            kept = (
                ""
                if isinstance(only, ast.Pass)
                else f"{' ' * inner}{source.text[source.start(only) :].partition(chr(10))[0]}\n"
            )
            source.replace(colon, source.after_line(meta.lineno), f"\n{kept}{lines}")
        elif len(meta.body) == 1 and isinstance(only, ast.Pass):
            source.replace(source.after_line(only.lineno - 1), source.after_line(only.lineno), lines)
        else:
            at = source.after_line(meta.end_lineno or meta.lineno)
            source.replace(at, at, lines if source.text[at - 1 : at] == "\n" else "\n" + lines)
        return
    base = f"({model.meta_base})" if model.meta_base is not None else ""
    at, before, after = _place_of_meta(source, cls)
    source.replace(at, at, f"{before}{' ' * indent}class Meta{base}:\n{lines}{after}")


def _place_of_meta(source: PythonText, cls: ast.ClassDef) -> tuple[int, str, str]:
    """Behind the fields and before the first method: the offset, and the empty lines around it."""
    last = cls.body[0]
    for node in cls.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            break
        last = node
    at = source.after_line(last.end_lineno or last.lineno)
    before = "\n" if source.text[at - 1 : at] == "\n" else "\n\n"
    if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef):  # a class that begins with a method
        first = min([last.lineno, *(decorator.lineno for decorator in last.decorator_list)])
        return source.after_line(first - 1), "", "\n"
    return at, before, "" if source.text[at : at + 1] in ("\n", "") else "\n"


def _remove(source: PythonText, cls: ast.ClassDef, model: ModelClass, edit: RemoveEntry) -> None:
    meta = _meta(cls)
    value = assigned(meta.body, edit.option) if meta is not None else None
    if isinstance(value, ast.List | ast.Tuple):
        for element in value.elts:
            if isinstance(element, ast.Call) and _name_of(element) == edit.name:
                source.remove(element, value.elts)
                return
    raise CannotEdit(f"Meta.{edit.option} of {model.name} does not name {edit.name} in a list that is written out")


def _name_of(call: ast.Call) -> str | None:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "name"), None)
    return named.value if isinstance(named, ast.Constant) and isinstance(named.value, str) else None


def _field(cls: ast.ClassDef, model: ModelClass, name: str) -> ast.Call:
    value = assigned(cls.body, name)
    if not isinstance(value, ast.Call):
        raise CannotEdit(f"{model.name}.{name} is not given as a call in the class itself")
    return value


def _change_class(source: PythonText, cls: ast.ClassDef, model: ModelClass, edit: SetFieldClass) -> None:
    func = _field(cls, model, edit.field).func
    is_attribute = isinstance(func, ast.Attribute) and func.attr == edit.old
    if not is_attribute and not (isinstance(func, ast.Name) and func.id == edit.old):
        raise CannotEdit(f"{model.name}.{edit.field} is no {edit.old} of Django's")
    if is_attribute and edit.module == "django.db.models":
        end = source.end(func)
        source.replace(end - len(edit.old), end, edit.new)
    else:
        source.replace(source.start(func), source.end(func), edit.new)
        source.add_import(edit.module, edit.new)
