"""Edits of Python source at places that the syntax tree tells: all other bytes stay as they are, with comments and layout."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Sequence

from dbwright.fixes.spelling import WIDEST, spread, spread_assignment


class CannotEdit(Exception):
    """The source is not written in a way that can be edited; the message says which and where."""


def assigned(body: Iterable[ast.stmt], name: str) -> ast.expr | None:
    """What a name is given in a body; None where it is given nothing."""
    for node in body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.value
    return None


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise CannotEdit(f"the file is not written in a way that is followed: {error}") from None


class PythonText:
    """A file's text with edits to come. Offsets are those of the text as it was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = _parsed(text)
        self._edits: list[tuple[int, int, str]] = []
        self._imported: set[tuple[str, str]] = set()
        # As Python counts lines: a form feed or U+2028 ends none.
        self._source = re.findall(r"[^\n]*\n|[^\n]+", text)
        self._lines = [0]
        for line in self._source:
            self._lines.append(self._lines[-1] + len(line))

    def result(self) -> str:
        """The text with all edits done. What stands at one place is put there in the order in which it was asked for."""
        text = self.text
        ordered = sorted(enumerate(self._edits), key=lambda pair: (pair[1][0], pair[0]), reverse=True)
        for _, (start, end, new) in ordered:
            text = text[:start] + new + text[end:]
        _parsed(text)
        return text

    def quoted(self, written: str) -> str:
        """Python of ours with the quotes that the file prefers; texts that hold quotes or escapes stay as they are."""
        if self.text.count('"') >= self.text.count("'"):
            return written
        return re.sub(
            r'"((?:[^"\\]|\\.)*)"', lambda text: text[0] if set(text[1]) & set("'\\") else f"'{text[1]}'", written
        )

    def replace(self, start: int, end: int, new: str) -> None:
        """Put ``new`` in the place of what stands between two offsets."""
        self._edits.append((start, end, new))

    def offset(self, line: int, column: int) -> int:
        """The offset of a line (from 1) and a column in bytes, as the syntax tree counts."""
        source = self._source[line - 1] if line <= len(self._source) else ""
        return self._lines[line - 1] + len(source.encode()[:column].decode())

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def of(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def after_line(self, line: int) -> int:
        """The offset behind the end of a line."""
        return self._lines[min(line, len(self._lines) - 1)]

    def is_tabbed(self, node: ast.stmt) -> bool:
        """Whether a statement is indented with tabs."""
        return "\t" in self._source[node.lineno - 1][: node.col_offset]

    # Finding ---------------------------------------------------------------------------------------------------------------

    def class_at(self, name: str, line: int) -> ast.ClassDef:
        """The class of that name nearest to a line. Raises CannotEdit when there is none."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef) and node.name == name]
        if not found:
            raise CannotEdit(f"there is no class {name} any more")
        return min(found, key=lambda node: abs(node.lineno - line))

    # Sequences -------------------------------------------------------------------------------------------------------------

    def append(self, sequence: ast.List | ast.Tuple, new: str, before_last: bool = False) -> None:
        """Add an element to a list or tuple that is written out, in the way in which the others stand; ``before_last``: as the last but
        one (a dictionary of options ends ``__table_args__``)."""
        elements = sequence.elts
        if not elements:
            start, end = self.start(sequence), self.end(sequence)
            opening, closing = self.text[start], self.text[end - 1]
            comma = "," if isinstance(sequence, ast.Tuple) else ""
            self.replace(start, end, f"{opening}{new}{comma}{closing}")
        elif before_last and sequence.lineno < elements[-1].lineno:
            last = elements[-1]
            self.replace(
                self.start(last), self.start(last), f"{spread(new, last.col_offset)},\n{' ' * last.col_offset}"
            )
        elif before_last and self._fits(sequence, new):
            self.replace(self.start(elements[-1]), self.start(elements[-1]), f"{new}, ")
        elif before_last:
            self._below_each_other(sequence, [*map(self.of, elements[:-1]), new, self.of(elements[-1])])
        else:
            self._after_last(sequence, elements, new)

    def _after_last(self, sequence: ast.List | ast.Tuple, elements: Sequence[ast.expr], new: str) -> None:
        last, end = elements[-1], self.end(sequence)
        closing = end - 1 if self.text[end - 1] in ")]" else end
        rest = self.text[self.end(last) : closing]
        comma = self._comma(rest)
        if (sequence.end_lineno or 0) > (last.end_lineno or 0):
            if comma is None:
                self.replace(self.end(last), self.end(last), ",")
            line = self._lines[(sequence.end_lineno or 1) - 1]
            self.replace(line, line, f"{' ' * last.col_offset}{spread(new, last.col_offset)},\n")
        elif sequence.lineno == last.end_lineno and self._fits(sequence, new):
            at = self.end(last)
            self.replace(at, at, f", {new}")
        else:
            self._below_each_other(sequence, [*map(self.of, elements), new])

    def _fits(self, sequence: ast.expr, new: str) -> bool:
        line = self._source[(sequence.end_lineno or 1) - 1].rstrip("\n")
        return len(line) + len(new) + 2 <= WIDEST

    def _below_each_other(self, sequence: ast.List | ast.Tuple, parts: Sequence[str]) -> None:
        """A list on one line that would be too long."""
        line = self._source[sequence.lineno - 1]
        indent = len(line) - len(line.lstrip())
        inside = "".join(f"{' ' * (indent + 4)}{spread(part, indent + 4)},\n" for part in parts)
        opening, closing = ("(", ")") if isinstance(sequence, ast.Tuple) else ("[", "]")
        self.replace(self.start(sequence), self.end(sequence), f"{opening}\n{inside}{' ' * indent}{closing}")

    @staticmethod
    def _comma(rest: str) -> int | None:
        """Where a comma stands before any comment."""
        match = re.match(r"(?:\s|#[^\n]*\n)*,", rest)
        return match.end() if match else None

    def remove(self, element: ast.expr | ast.keyword, others: Sequence[ast.expr | ast.keyword]) -> None:
        """Take an element out of what commas separate. ``others`` are all elements, in the order of the text."""
        place = others.index(element)
        start, end = self._span(element)
        tail = re.match(r"\s*,[ \t]*", self.text[end:])
        if tail and place + 1 < len(others) and others[place + 1].lineno == element.end_lineno:
            self.replace(start, self._span(others[place + 1])[0], "")
        elif place > 0 and others[place - 1].end_lineno == element.lineno:
            self.replace(self._span(others[place - 1])[1], end, "")
        elif self._is_alone(element):
            first, last = self._lines[element.lineno - 1], self.after_line(element.end_lineno or element.lineno)
            self.replace(first, last, "")
        else:
            self.replace(start, end + (tail.end() if tail else 0), "")

    def _span(self, element: ast.expr | ast.keyword) -> tuple[int, int]:
        start = self.offset(element.lineno, element.col_offset)
        return start, self.offset(element.end_lineno or element.lineno, element.end_col_offset or 0)

    def _is_alone(self, element: ast.expr | ast.keyword) -> bool:
        """Whether nothing else stands on its lines but a comma and a comment."""
        start, end = self._span(element)
        before = self.text[self._lines[element.lineno - 1] : start]
        after = self.text[end : self.after_line(element.end_lineno or element.lineno)]
        return not before.strip() and re.fullmatch(r"\s*,?\s*(#[^\n]*)?\s*", after) is not None

    # Calls -----------------------------------------------------------------------------------------------------------------

    def set_keyword(self, node: ast.Call, name: str, value: str | None) -> None:
        """Give a call a keyword argument another value, add it, or take it away (None)."""
        known = next((keyword for keyword in node.keywords if keyword.arg == name), None)
        if known is None and value is not None and any(keyword.arg is None for keyword in node.keywords):
            raise CannotEdit(f"the call on line {node.lineno} takes arguments from elsewhere")
        elements: list[ast.expr | ast.keyword] = sorted(
            [*node.args, *node.keywords], key=lambda one: (one.lineno, one.col_offset)
        )
        if known is not None and value is None:
            self.remove(known, elements)
        elif known is not None:
            self.replace(self.start(known.value), self.end(known.value), str(value))
        elif value is not None:
            self._add_argument(node, elements, f"{name}={value}")

    def _add_argument(self, node: ast.Call, elements: Sequence[ast.expr | ast.keyword], new: str) -> None:
        closing = self.end(node) - 1
        if not elements:
            self.replace(closing, closing, new)
            return
        last = elements[-1]
        end = self._span(last)[1]
        if (node.end_lineno or 0) > (last.end_lineno or 0) and last.lineno > node.lineno:
            if self._comma(self.text[end:closing]) is None:
                self.replace(end, end, ",")
            line = self._lines[(node.end_lineno or 1) - 1]
            self.replace(line, line, f"{' ' * last.col_offset}{new},\n")
        else:
            self.replace(end, end, f", {new}")

    def add_positional(self, node: ast.Call, new: str) -> None:
        """Add a positional argument behind the others, before any keyword."""
        if not node.keywords:
            self._add_argument(node, node.args, new)
            return
        first = min(node.keywords, key=lambda keyword: (keyword.lineno, keyword.col_offset))
        at = self._span(first)[0]
        several = first.lineno > node.lineno
        self.replace(at, at, f"{spread(new, first.col_offset)},\n{' ' * first.col_offset}" if several else f"{new}, ")

    def add_statement(self, cls: ast.ClassDef, new: str, behind: str) -> None:
        """Add a statement to a class, behind the assignment of a name where there is one, else behind its docstring or at its beginning."""
        indent = cls.body[0].col_offset
        if self.is_tabbed(cls.body[0]) or cls.body[0].lineno == cls.lineno:
            raise CannotEdit(f"the class {cls.name} is indented with tabs or stands on one line")
        line = f"{' ' * indent}{spread_assignment(new, indent)}\n"
        value = assigned(cls.body, behind)
        if value is not None:
            at = self.after_line(value.end_lineno or value.lineno)
        elif ast.get_docstring(cls) is not None:
            at, line = self.after_line(cls.body[0].end_lineno or cls.lineno), "\n" + line
        else:
            first = cls.body[0]
            above = [decorator.lineno for decorator in getattr(first, "decorator_list", ())]
            at = self.after_line(min([first.lineno, *above]) - 1)
        self.replace(at, at, line)

    # Imports ---------------------------------------------------------------------------------------------------------------

    def add_import(self, module: str, name: str, spelled: str = "") -> None:
        """Have ``name`` of ``module`` imported, as ``spelled`` where that is another. Names that are there already are left alone."""
        imports = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        same = [n for n in imports if isinstance(n, ast.ImportFrom) and n.module == module and not n.level]
        wanted = (name, spelled) if spelled and spelled != name else (name, None)
        if any((alias.name, alias.asname) == wanted for node in same for alias in node.names):
            return
        written = f"{name} as {spelled}" if wanted[1] else name
        if (module, written) in self._imported:
            return
        self._imported.add((module, written))
        if same and same[-1].names[0].name != "*":
            self._add_alias(same[-1], written)
            return
        line = f"from {module} import {written}\n"
        at = self._place_of_import(imports, module)
        self.replace(at, at, line if imports else line + "\n")

    def _add_alias(self, node: ast.ImportFrom, written: str) -> None:
        """Into the order that the others have: constants, classes, functions, as isort and ruff sort them."""
        following = next((alias for alias in node.names if _rank(written) < _rank(alias.name)), None)
        is_long = len(self._source[node.lineno - 1].rstrip()) + len(written) + 2 > WIDEST
        if node.end_lineno == node.lineno and is_long:
            others = [f"{a.name} as {a.asname}" if a.asname else a.name for a in node.names]
            lines = "".join(f"    {one},\n" for one in sorted([*others, written], key=_rank))
            self.replace(self.start(node), self.end(node), f"from {node.module} import (\n{lines})")
            return
        several = (node.end_lineno or 0) > node.lineno
        if following is not None:
            at = self.offset(following.lineno, following.col_offset)
            self.replace(at, at, f"{written},\n{' ' * following.col_offset}" if several else f"{written}, ")
            return
        last = node.names[-1]
        self.replace(
            self.end(last), self.end(last), f",\n{' ' * last.col_offset}{written}" if several else f", {written}"
        )

    def _place_of_import(self, imports: Sequence[ast.Import | ast.ImportFrom], module: str) -> int:
        """Behind the last import of the same package that comes before it in the alphabet, else behind all."""
        if not imports:
            docstring = self.tree.body[0] if self.tree.body and ast.get_docstring(self.tree) is not None else None
            return self.after_line(docstring.end_lineno or 1) if docstring is not None else 0
        root = module.partition(".")[0]

        def name_of(node: ast.Import | ast.ImportFrom) -> str:
            return (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name

        near = [n for n in imports if name_of(n).partition(".")[0] == root]
        before = [n for n in near if name_of(n) <= module]
        if near and not before:
            return self.start(near[0])
        last = before[-1] if before else imports[-1]
        return self.after_line(last.end_lineno or last.lineno)


def _rank(name: str) -> tuple[int, str]:
    return 0 if name.isupper() else 1 if name[:1].isupper() else 2, name.lower()


def difference(file: str, old: str, new: str) -> str:
    """What changes in a file, as a unified diff; of a new file all of it."""
    before = f"a/{file}" if old else "/dev/null"
    return "".join(_ended(difflib.unified_diff(old.splitlines(True), new.splitlines(True), before, f"b/{file}")))


def _ended(lines: Iterable[str]) -> Iterable[str]:
    return (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
