"""Edits of SQLAlchemy models: an entry of ``__table_args__`` or of ``Table(…)``, an option of a column."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.fixes.python_text import CannotEdit, PythonText, assigned
from dbwright.fixes.spelling import spread_assignment
from dbwright.fixes.spelling import text as text_of


@dataclass(frozen=True, slots=True)
class MappedClass:
    """Where a table stands in the code: a class, or a variable that holds a ``Table``. ``arguments_from`` is the base class that gives it
    its ``__table_args__``."""

    file: str
    name: str
    line: int
    arguments_from: str | None = None


@dataclass(frozen=True, slots=True)
class AddArgument:
    """Add an index or a constraint to the table's arguments. ``names`` are what its text needs of the package ``sqlalchemy``."""

    text: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveArgument:
    """Take the index or constraint of that name out of the table's arguments. ``patterns`` match names that a convention makes of those
    that are given, as their group ``name``."""

    name: str
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetColumnOption:
    """Give a column an option, another value for it, or take it away (None). ``attribute`` is the name in the class."""

    attribute: str
    option: str
    value: str | None


@dataclass(frozen=True, slots=True)
class SetOnDelete:
    """What a column's ``ForeignKey`` says of deletes; None takes it away."""

    attribute: str
    action: str | None


TableEdit = AddArgument | RemoveArgument | SetColumnOption | SetOnDelete


def edited(text: str, mapped: MappedClass, edit: TableEdit) -> str:
    """The file's text with the edit done. Raises CannotEdit where the source is written in a way that is not followed."""
    source = PythonText(text)
    table = _table_call(source, mapped)
    if isinstance(edit, AddArgument):
        written = source.quoted(_spelled(source, mapped, table, edit))
        if table is not None:
            source.add_positional(table, written)
        else:
            _add(source, source.class_at(mapped.name, mapped.line), mapped, written)
    elif isinstance(edit, RemoveArgument):
        _remove(source, mapped, table, edit)
    elif isinstance(edit, SetOnDelete):
        key = _foreign_key(_column(source, mapped, table, edit.attribute), mapped, edit.attribute)
        source.set_keyword(key, "ondelete", source.quoted(text_of(edit.action)) if edit.action else None)
    else:
        source.set_keyword(_column(source, mapped, table, edit.attribute), edit.option, edit.value)
    return source.result()


def _spelled(source: PythonText, mapped: MappedClass, table: ast.Call | None, edit: AddArgument) -> str:
    """The text with its names as the file imports them: ``sa.Index`` or ``Index``."""
    alias, imports_names = None, False
    for node in source.tree.body:
        if isinstance(node, ast.Import):
            alias = next((a.asname or a.name for a in node.names if a.name == "sqlalchemy"), alias)
        imports_names |= isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy"
    if alias is not None and not imports_names:
        return edit.text.replace("@", f"{alias}.")
    written = edit.text
    for name in edit.names:
        spelled = name
        if table is None and assigned(source.class_at(mapped.name, mapped.line).body, name) is not None:
            spelled = f"sql_{name}"  # an attribute of the class stands before it
        source.add_import("sqlalchemy" if name != "conv" else "sqlalchemy.schema", name, spelled)
        written = written.replace(f"@{name}(", f"{spelled}(")
    return written


def _table_call(source: PythonText, mapped: MappedClass) -> ast.Call | None:
    """The call of ``Table`` that the variable holds; None for a class."""
    value = assigned(source.tree.body, mapped.name)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute):
        return value
    return None


def _add(source: PythonText, cls: ast.ClassDef, mapped: MappedClass, written: str) -> None:
    value = assigned(cls.body, "__table_args__")
    if isinstance(value, ast.Tuple):
        ends_with_options = bool(value.elts) and isinstance(value.elts[-1], ast.Dict)
        source.append(value, written, before_last=ends_with_options)
    elif isinstance(value, ast.Dict):
        line = f"__table_args__ = ({written}, {source.of(value)})"
        begins = source.of(value) if "\n" in source.of(value) else spread_assignment(line, cls.body[0].col_offset)
        new = f"({written}, {begins})" if "\n" in source.of(value) else begins.partition(" = ")[2]
        source.replace(source.start(value), source.end(value), new)
    elif value is not None or _is_method(cls):
        raise CannotEdit(f"__table_args__ of {mapped.name} is not a tuple that is written out")
    elif mapped.arguments_from is not None:
        raise CannotEdit(f"__table_args__ of {mapped.name} comes from {mapped.arguments_from}")
    else:
        source.add_statement(cls, f"__table_args__ = ({written},)", behind="__tablename__")


def _is_method(cls: ast.ClassDef) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "__table_args__" for node in cls.body)


def _remove(source: PythonText, mapped: MappedClass, table: ast.Call | None, edit: RemoveArgument) -> None:
    matches = (re.fullmatch(pattern, edit.name) for pattern in edit.patterns)
    wanted = {edit.name, *(match["name"] for match in matches if match)}
    if table is not None:
        elements: list[ast.expr] = table.args
    else:
        value = assigned(source.class_at(mapped.name, mapped.line).body, "__table_args__")
        elements = value.elts if isinstance(value, ast.Tuple) else []
        if isinstance(value, ast.Tuple) and len(elements) == 2 and value.lineno == value.end_lineno:
            _remove_of_two(source, mapped, value, wanted, edit)
            return
    for element in elements:
        if isinstance(element, ast.Call) and not wanted.isdisjoint(_names_of(element)):
            source.remove(element, elements)
            return
    raise CannotEdit(f"the arguments of {mapped.name} do not name {edit.name}")


def _remove_of_two(
    source: PythonText, mapped: MappedClass, value: ast.Tuple, wanted: set[str], edit: RemoveArgument
) -> None:
    """What is left is still a tuple."""
    left = [one for one in value.elts if not (isinstance(one, ast.Call) and not wanted.isdisjoint(_names_of(one)))]
    if len(left) != 1:
        raise CannotEdit(f"the arguments of {mapped.name} do not name {edit.name}")
    source.replace(source.start(value), source.end(value), f"({source.of(left[0])},)")


def _names_of(call: ast.Call) -> Iterator[str]:
    values = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "name")]
    for value in values:
        inner = value.args[0] if isinstance(value, ast.Call) and value.args else value  # conv("…")
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def _column(source: PythonText, mapped: MappedClass, table: ast.Call | None, attribute: str) -> ast.Call:
    if table is None:
        value = assigned(source.class_at(mapped.name, mapped.line).body, attribute)
        if isinstance(value, ast.Call):
            return value
    for argument in table.args if table is not None else ():
        if isinstance(argument, ast.Call) and attribute in _names_of(argument):
            return argument
    raise CannotEdit(f"{mapped.name}.{attribute} is not given as a call in the class itself")


def _foreign_key(column: ast.Call, mapped: MappedClass, attribute: str) -> ast.Call:
    for argument in column.args:
        if isinstance(argument, ast.Call) and ast.unparse(argument.func).rpartition(".")[2] == "ForeignKey":
            return argument
    raise CannotEdit(f"{mapped.name}.{attribute} does not give its ForeignKey itself")
