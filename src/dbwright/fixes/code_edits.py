"""Edits of the code that sends queries: the expression is found that a finding is about, and rewritten where its text leaves no doubt.

What cannot be rewritten safely is refused with the reason: rows that are no instances (``values()``), sets of rows (``union()``), columns
left out (``only()``), several expressions on one line that could be meant. Whether an edit is good is not judged here: `dbwright.trials`
runs the project's tests with it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dbwright.fixes.python_text import CannotEdit, PythonText
from dbwright.fixes.spelling import text as quoted
from dbwright.model.code_edit import CodeEdit

RECORDER = "dbwright_recorder"
"""The module that marks call; it lies on the path of the tests that are run with marks, nowhere else."""
_BUILDS = frozenset(
    "all filter exclude order_by annotate alias distinct select_related prefetch_related using reverse extra select_for_update".split()
)
"""Methods of Django's querysets that give a queryset of the same instances."""
_ENDS = frozenset(
    "get first last earliest latest count exists aggregate in_bulk iterator delete update aget afirst alast acount aexists aiterator "
    "get_or_create update_or_create explain contains paginate".split()
)
"""Methods that send a query: what is added stands before them."""
_REFUSED = {
    **dict.fromkeys(("values", "values_list", "dates", "datetimes", "raw"), "its rows are no instances of the model"),
    **dict.fromkeys(("union", "intersection", "difference"), "it combines several querysets"),
    **dict.fromkeys(("only", "defer"), "it leaves columns out"),
    **dict.fromkeys(("iterator", "aiterator"), "it reads its rows in pieces"),
}
_JOINED_REFUSED = {"select_for_update": "it locks its rows, and would lock those of the relation as well"}
_STATEMENT_BUILDS = frozenset(
    "where filter filter_by order_by join outerjoin options limit offset distinct select_from group_by having execution_options "
    "params correlate slice".split()
)
"""Methods of SQLAlchemy's statements and queries that give one of the same rows."""
_STATEMENT_REFUSED = {
    **dict.fromkeys(("union", "union_all", "intersect", "except_", "from_statement"), "it combines several statements"),
    **dict.fromkeys(("with_entities", "with_only_columns", "add_columns", "load_only"), "its rows are no instances"),
    **dict.fromkeys(("subquery", "cte", "scalar_subquery", "exists", "yield_per"), "it is part of another statement"),
}
_BY_SHORTCUT = frozenset(("get_object_or_404", "get_list_or_404", "aget_object_or_404", "aget_list_or_404"))
_COMPARED = {
    (ast.Gt, 0): True,
    (ast.NotEq, 0): True,
    (ast.GtE, 1): True,
    (ast.Eq, 0): False,
    (ast.Lt, 1): False,
    (ast.LtE, 0): False,
}
"""What a number of rows is compared with to know whether there are any, and the answer when there are."""


@dataclass(frozen=True)
class _Chain:
    """Calls one after the other: ``root.first(…).second(…)``. A root that is a call of its own is ``select(…)`` or ``super()``."""

    root: ast.expr
    links: tuple[ast.Call, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(link.func.attr for link in self.links if isinstance(link.func, ast.Attribute))

    @property
    def node(self) -> ast.expr:
        return self.links[-1] if self.links else self.root

    @cached_property
    def classes(self) -> frozenset[str]:
        """The names that stand in its root, and in what ``select`` and ``query`` are given: those of the classes that it asks for."""
        parts: list[ast.expr] = [self.root, *self.entities]
        return frozenset(
            node.id if isinstance(node, ast.Name) else node.attr
            for part in parts
            for node in ast.walk(part)
            if isinstance(node, ast.Name | ast.Attribute)
        )

    @property
    def entities(self) -> tuple[ast.expr, ...]:
        """What a statement of SQLAlchemy's selects; ``Book.query`` selects books."""
        if isinstance(self.root, ast.Call) and _last_name(self.root.func) == "select":
            return tuple(self.root.args)
        if isinstance(self.root, ast.Attribute) and self.root.attr == "query":
            return (self.root.value,)
        return tuple(self.links[0].args) if self.names[:1] == ("query",) else ()


def _chain(node: ast.expr) -> _Chain:
    links: list[ast.Call] = []
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "select" and not links and isinstance(node.func.value, ast.Name):
            break  # sqlalchemy.select(…)
        links.append(node)
        node = node.func.value
        if isinstance(node, ast.Call) and _last_name(node.func) == "select":
            break
    return _Chain(node, tuple(reversed(links)))


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


class CodeText(PythonText):
    """A file with edits of its queries to come."""

    def edit(self, edit: CodeEdit, *, mark: int | None = None, write: bool = True) -> None:
        """Do an edit. Raises CannotEdit. ``mark``: a call is put around the expression that tells a recorder of that number when it is
        come to; ``write``: false leaves it at the mark."""
        spot = self._spot(edit)
        if mark is not None:
            self.replace(self.start(spot), self.start(spot), f"__import__({quoted(RECORDER)}).reached({mark}, ")
        if write:
            self._write(edit, spot)
        if mark is not None:
            self.replace(self.end(spot), self.end(spot), ")")

    def watch(self, edits: Sequence[CodeEdit]) -> None:
        """Have what the functions return recorded that the edits stand in."""
        functions = {id(f): f for edit in edits if (f := self.function_of(edit)) is not None}
        for function in functions.values():
            indent = ("\t" if self.is_tabbed(function) else " ") * function.col_offset
            at = self.offset(function.lineno, 0)
            self.replace(at, at, f"{indent}@__import__({quoted(RECORDER)}).returns\n")

    def function_of(self, edit: CodeEdit) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The innermost function that an edit stands in; what a class or module says stands in none."""
        spot = self._spot(edit)
        around = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and self._holds(node, spot)
        ]
        return max(around, key=lambda node: node.lineno, default=None)

    def _holds(self, function: ast.FunctionDef | ast.AsyncFunctionDef, spot: ast.expr) -> bool:
        return self.start(function.body[0]) <= self.start(spot) < self.end(function)

    # Where -----------------------------------------------------------------------------------------------------------------

    def _spot(self, edit: CodeEdit) -> ast.expr:
        """The expression that is rewritten."""
        finders = {"count": self._counted, "exists": self._tested, "selectinload": self._statements}
        found = list(finders.get(edit.do, self._querysets)(edit))
        if len(found) != 1:
            why = "no expression is found that builds the query" if not found else "several expressions could be meant"
            raise CannotEdit(why)
        if any(isinstance(node, ast.JoinedStr) and found[0] in ast.walk(node) for node in ast.walk(self.tree)):
            raise CannotEdit("it stands in an f-string")  # Python 3.11 does not tell where
        return found[0]

    def _on_line(self, line: int) -> Iterator[ast.expr]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr) and node.lineno <= line <= (node.end_lineno or node.lineno):
                yield node

    def _chains(self, line: int) -> list[_Chain]:
        """The whole chains of calls on a line, without those that are parts of longer ones."""
        nodes = [node for node in self._on_line(line) if isinstance(node, ast.Call)]
        inner = {id(link) for node in nodes for link in _chain(node).links[:-1]}
        inner |= {id(_chain(node).root) for node in nodes if _chain(node).links}
        return [_chain(node) for node in nodes if id(node) not in inner]

    def _querysets(self, edit: CodeEdit) -> Iterator[ast.expr]:
        cls = edit.model.rpartition(".")[2]
        known = _BUILDS | _ENDS | _REFUSED.keys() | {"get_queryset"}
        chains = [chain for chain in self._chains(edit.place.line) if not known.isdisjoint(chain.names)]
        chains = [chain for chain in chains if "objects" not in chain.classes or cls in chain.classes] or chains
        of_class = [chain for chain in chains if cls in chain.classes]
        shortcuts = [
            node.args[0]
            for node in self._on_line(edit.place.line)
            if isinstance(node, ast.Call)
            and _last_name(node.func) in _BY_SHORTCUT
            and node.args
            and isinstance(node.args[0], ast.Name)
            and node.args[0].id == cls
        ]
        if shortcuts:
            yield from shortcuts
            return
        for chain in of_class or self._outermost(chains):
            if "objects" in chain.classes and cls not in chain.classes:
                raise CannotEdit(f"the query there is for other rows than {cls}")
            yield self._kept(chain, _ENDS, _REFUSED | (_JOINED_REFUSED if edit.do == "select_related" else {}))

    def _outermost(self, chains: Sequence[_Chain]) -> list[_Chain]:
        def lies_in(one: _Chain, other: _Chain) -> bool:
            return one is not other and self.start(other.node) <= self.start(one.node) <= self.end(
                one.node
            ) <= self.end(other.node)

        return [one for one in chains if not any(lies_in(one, other) for other in chains)]

    def _statements(self, edit: CodeEdit) -> Iterator[ast.expr]:
        cls = edit.model.rpartition(".")[2]
        for chain in self._chains(edit.place.line):
            if not chain.entities or cls not in map(_last_name, chain.entities):
                continue
            if len(chain.entities) > 1:
                raise CannotEdit(f"it asks for more than the rows of {cls}")
            ends = frozenset(chain.names) - _STATEMENT_BUILDS - {"query"}
            yield self._kept(chain, ends, _STATEMENT_REFUSED)

    def _kept(self, chain: _Chain, ends: frozenset[str], refused: dict[str, str]) -> ast.expr:
        """The part of a chain that builds the query. Raises CannotEdit where the rest makes something else of its rows."""
        for name in chain.names:
            if name in refused:
                raise CannotEdit(f".{name}() is asked for, {refused[name]}")
        before = next((n for n, name in enumerate(chain.names) if name in ends), len(chain.names))
        return chain.links[before - 1] if before else chain.root

    def _counted(self, edit: CodeEdit) -> Iterator[ast.expr]:
        for node in self._on_line(edit.place.line):
            if isinstance(node, ast.Call) and _last_name(node.func) == "len" and len(node.args) == 1:
                yield node

    def _tested(self, edit: CodeEdit) -> Iterator[ast.expr]:
        """A comparison of ``.count()``, or what is asked whether it is true there and could be a queryset."""
        on_line = list(self._on_line(edit.place.line))
        compared = [node for node in on_line if isinstance(node, ast.Compare) and _answer(node) is not None]
        if compared:
            yield from compared
            return
        asked = [one for one in self._asked(edit.place.line) if not edit.names or self.of(one) in edit.names]
        counted = [node for node in asked if _is_count(node)]
        yield from counted or asked

    def _asked(self, line: int) -> Iterator[ast.expr]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.If | ast.While | ast.IfExp):
                asked = [node.test]
            elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                asked = [node.operand]
            elif isinstance(node, ast.Call) and _last_name(node.func) == "bool" and len(node.args) == 1:
                asked = node.args
            else:
                continue
            while asked:
                one = asked.pop()
                if isinstance(one, ast.BoolOp):
                    asked += one.values
                elif not isinstance(one, ast.Name | ast.Call | ast.Attribute):
                    continue
                elif one.lineno <= line <= (one.end_lineno or 0) and _last_name(_called(one)) != "bool":
                    yield one

    # What ------------------------------------------------------------------------------------------------------------------

    def _write(self, edit: CodeEdit, spot: ast.expr) -> None:
        if edit.do == "count":
            self._write_count(spot)
        elif edit.do == "exists":
            self._write_exists(spot)
        elif edit.do == "selectinload":
            self._write_options(edit, spot)
        else:
            self._write_call(edit, spot)

    def _write_count(self, spot: ast.expr) -> None:
        assert isinstance(spot, ast.Call)
        rows = spot.args[0]
        if isinstance(rows, ast.Call) and _last_name(rows.func) == "list" and len(rows.args) == 1:
            rows = rows.args[0]
        if not isinstance(rows, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            raise CannotEdit("what is counted is not written as a queryset")
        self.replace(self.start(spot), self.end(spot), f"{self.of(rows)}.count()")

    def _write_exists(self, spot: ast.expr) -> None:
        there_are = True
        rows: ast.expr = spot
        if isinstance(spot, ast.Compare):
            there_are, rows = _answer(spot) is True, spot.left
        if _is_count(rows):
            assert isinstance(rows, ast.Call)
            assert isinstance(rows.func, ast.Attribute)
            rows = rows.func.value
        elif isinstance(rows, ast.Call) and set(_chain(rows).names) & (_ENDS | {"exists"}):
            raise CannotEdit("what is tested is no queryset")
        no = "" if there_are else "not "
        self.replace(self.start(spot), self.end(spot), f"{no}{self.of(rows)}.exists()")

    def _write_options(self, edit: CodeEdit, spot: ast.expr) -> None:
        entity = self.of(_chain(spot).entities[0])
        loads = ", ".join(f"selectinload({entity}.{name})" for name in edit.names)
        self._append(spot, f".options({loads})")
        self.add_import("sqlalchemy.orm", "selectinload")

    def _write_call(self, edit: CodeEdit, spot: ast.expr) -> None:
        if isinstance(spot, ast.Name) and spot.id == edit.model.rpartition(".")[2]:
            self._append(spot, f".objects.{self._call(edit.do, edit.names)}")
            return
        there = [link for link, name in self._named(spot) if name == edit.do]
        if there and not there[-1].args and not there[-1].keywords and edit.do == "select_related":
            raise CannotEdit(".select_related() there names no relation, and so follows others")
        known = {a.value for link in there for a in link.args if isinstance(a, ast.Constant)}
        lacking = [name for name in edit.names if name not in known]
        last = there[-1] if there else None
        if last is None or None in known or not all(isinstance(a, ast.Constant) for a in last.args) or last.keywords:
            self._append(spot, f".{self._call(edit.do, lacking)}")
            return
        for name in lacking:
            self.add_positional(last, self.quoted(quoted(name)))

    @staticmethod
    def _named(spot: ast.expr) -> list[tuple[ast.Call, str]]:
        chain = _chain(spot)
        return list(zip(chain.links, chain.names, strict=True))

    def _call(self, name: str, relations: Sequence[str]) -> str:
        return self.quoted(f"{name}({', '.join(map(quoted, relations))})")

    def _append(self, spot: ast.expr, call: str) -> None:
        """Add a call behind a chain, on a line of its own where the chain's calls stand so."""
        end = self.end(spot)
        between = self._line_break(spot)
        if between is None:
            self.replace(end, end, call)
            return
        rest = self.text[end:].partition("\n")[0]
        stripped = rest.strip()
        if stripped.startswith("#"):  # a comment stays with the call that it stands behind
            end += len(rest)
        self.replace(end, end, f"{between}{call}")

    def _line_break(self, spot: ast.expr) -> str | None:
        """What stands between the calls of a chain that has each on a line of its own."""
        chain = _chain(spot)
        for link in reversed(chain.links):
            assert isinstance(link.func, ast.Attribute)
            between = self.text[self.end(link.func.value) : self.end(link.func) - len(link.func.attr)]
            head, newline, indent = between.rpartition("\n")
            if newline and indent.strip() == ".":
                continued = " \\" if head.rstrip().endswith("\\") else ""
                return f"{continued}\n{indent[:-1]}"
        return None


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_count(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "count"
        and not node.args
        and not node.keywords
    )


def _answer(node: ast.Compare) -> bool | None:
    """Whether a comparison of a count is true when there are rows; None for any other comparison."""
    if len(node.ops) != 1 or not _is_count(node.left):
        return None
    with_ = node.comparators[0]
    if not isinstance(with_, ast.Constant) or isinstance(with_.value, bool) or not isinstance(with_.value, int):
        return None
    return _COMPARED.get((type(node.ops[0]), with_.value))


def edited(text: str, edits: Sequence[CodeEdit]) -> str:
    """A file's text with edits done. Raises CannotEdit."""
    file = CodeText(text)
    for edit in edits:
        file.edit(edit)
    return file.result()


def marked(text: str, numbers: Mapping[CodeEdit, int], written: Collection[CodeEdit]) -> str:
    """The same with marks that tell a recorder when the expression of an edit is come to, by its number, and what its function returns.
    Only the edits in ``written`` are done."""
    file = CodeText(text)
    file.watch(tuple(numbers))
    for edit, number in numbers.items():
        file.edit(edit, mark=number, write=edit in written)
    return file.result()
