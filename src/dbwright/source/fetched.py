"""What a function does with rows that it fetches, by its text: whether it only counts them, or only asks whether there are any."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from dbwright.model.source import FactKind, Place, SourceFact
from dbwright.pysource import below, dotted, own_nodes
from dbwright.source.modules import Module

Function = ast.FunctionDef | ast.AsyncFunctionDef
_ANY_ROW = frozenset(((ast.Gt, 0), (ast.Eq, 0), (ast.NotEq, 0), (ast.GtE, 1), (ast.Lt, 1)))
_ROWS = frozenset(
    "all filter exclude order_by distinct values values_list select_related prefetch_related annotate only defer reverse fetchall scalars "
    "execute filter_by where join iterator".split()
)
"""The last methods of calls that give many rows, in either framework."""
_BUILDS = frozenset(
    "filter exclude order_by distinct values values_list select_related prefetch_related annotate only defer all count exists first last "
    "get latest earliest update delete aggregate iterator".split()
)
"""Methods that make another query of a queryset; the rows that it holds are of no use to them."""
_NUMBERS = frozenset(("count", "scalar", "scalar_one"))
"""Methods that give a number of rows; of those that give any scalar, the queries of the line tell whether it is one."""


def read(module: Module, name: str, function: Function) -> Iterator[SourceFact]:
    """The facts of one function."""
    nodes = own_nodes(function)
    counted = [n for n in nodes if isinstance(n, ast.Call) and dotted(n.func) == "len" and len(n.args) == 1]
    tested = list(_tested(nodes))
    yield from _counted_and_used(module, name, nodes, counted)
    yield from _counted_for_a_test(module, name, nodes)
    if _hands_all_on(nodes):
        return
    yield from _columns_read(module, name, function, nodes)
    for kind, found in (("only counted", [_awaited(call.args[0]) for call in counted]), ("only tested", tested)):
        yield from _nothing_else(module, name, function, found, kind)  # type: ignore[arg-type]


def _hands_all_on(nodes: Sequence[ast.AST]) -> bool:
    """``locals()``: whoever gets it may read every variable."""
    return any(isinstance(n, ast.Call) and dotted(n.func) in ("locals", "vars") and not n.args for n in nodes)


def _awaited(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Await) else node


def _tested(nodes: Sequence[ast.AST]) -> Iterator[ast.expr]:
    """What is asked whether it is true: tests of conditions and loops, operands of ``not``, ``bool(…)``."""
    for node in nodes:
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            yield from _asked(node.test)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield _awaited(node.operand)
        elif isinstance(node, ast.Call) and dotted(node.func) == "bool" and len(node.args) == 1:
            yield _awaited(node.args[0])


def _asked(test: ast.expr) -> Iterator[ast.expr]:
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _asked(value)
    else:
        yield _awaited(test)


def _nothing_else(
    module: Module, name: str, function: Function, found: Sequence[ast.expr], kind: FactKind
) -> Iterator[SourceFact]:
    """The expressions that are calls, and the names of which the function makes no other use; there also the call that fetches."""
    wanted = {id(one) for one in found}
    for one in found:
        if isinstance(one, ast.Call) and _gives_rows(one) and not _is_repeated(function, one, wanted):
            yield SourceFact(kind, Place(module.file, one.lineno, name), "", one.end_lineno or one.lineno)
        elif isinstance(one, ast.Name):
            names = _names(function)
            values = names.values.get(one.id, [])
            if len(values) != 1 or not _gives_rows(values[0]):
                continue
            if any(id(n) not in wanted | names.built for n in names.loads.get(one.id, ())):
                continue
            for place in (one, values[0]):
                yield SourceFact(kind, Place(module.file, place.lineno, name), one.id, place.end_lineno or 0)


def _columns_read(module: Module, name: str, function: Function, nodes: Sequence[ast.AST]) -> Iterator[SourceFact]:
    """Loops and comprehensions over rows of which they read attributes only."""
    for node in nodes:
        if isinstance(node, ast.For | ast.AsyncFor):
            target, rows, inside = node.target, node.iter, function
            if isinstance(target, ast.Name) and len(_names(function).values.get(target.id, ())) != 1:
                continue
        elif (
            isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) and len(node.generators) == 1
        ):
            target, rows, inside = node.generators[0].target, node.generators[0].iter, node  # type: ignore[assignment]
        else:
            continue
        fetched = _fetch_of(function, _awaited(rows))
        names = _attributes(inside, target.id) if isinstance(target, ast.Name) and fetched else []
        for place in fetched if names else ():
            end = place.end_lineno or place.lineno
            yield SourceFact("columns read", Place(module.file, place.lineno, name), ",".join(names), end)


def _fetch_of(function: Function, rows: ast.expr) -> list[ast.expr]:
    """The expressions that fetch what is walked over; nothing where other uses are made of it."""
    if isinstance(rows, ast.Call):
        return [rows] if _gives_rows(rows) else []
    if not isinstance(rows, ast.Name):
        return []
    values, loads = _names(function).values.get(rows.id, []), _names(function).loads.get(rows.id, [])
    return [rows, values[0]] if len(values) == len(loads) == 1 and _gives_rows(values[0]) else []


def _attributes(inside: ast.AST, name: str) -> list[str]:
    """The attributes of a variable that are read, when nothing else is done with it."""
    found: dict[str, None] = {}
    owners: set[int] = set()
    for node in ast.walk(inside):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            owners.add(id(node.value))
            if not isinstance(node.ctx, ast.Load):
                return []
            found[node.attr] = None
    bare = any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) and id(n) not in owners
        for n in ast.walk(inside)
    )
    return [] if bare else list(found)


def _is_repeated(function: Function, call: ast.Call, wanted: set[int]) -> bool:
    """Whether the function makes the same call for another use: what is fetched for the test could be kept for that."""
    text = ast.dump(call)
    return any(isinstance(n, ast.Call) and id(n) not in wanted and ast.dump(n) == text for n in ast.walk(function))


def _gives_rows(node: ast.expr) -> bool:
    """Whether a call may give rows, by its last name."""
    node = _awaited(node)
    if isinstance(node, ast.Call) and dotted(node.func) in ("list", "tuple", "set"):
        return len(node.args) == 1
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ROWS


@dataclass(frozen=True, slots=True)
class _Names:
    """The variables of a function: what is assigned to each, and where each is read, functions inside included."""

    values: dict[str, list[ast.expr]]
    loads: dict[str, list[ast.Name]]
    built: frozenset[int]
    """What further queries are built of, by identity."""


@lru_cache(maxsize=4)
def _names(function: Function) -> _Names:
    arguments = function.args
    found = _Names(defaultdict(list), defaultdict(list), frozenset())
    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        found.values[one.arg].append(ast.Constant(None))
    built = set()
    for node in below(function.body):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                found.loads[node.id].append(node)
        elif isinstance(node, ast.Attribute):
            if node.attr in _BUILDS:
                built.add(id(node.value))
        else:
            for target, value in _bound(node):
                for part in below([target]):
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                        found.values[part.id].append(value)
    return replace(found, built=frozenset(built))


def _bound(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets that a node binds, each with its value."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        yield node.target, node.value or node.target
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield node.target, node.iter
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield node.optional_vars, node.context_expr


def _counted_for_a_test(module: Module, name: str, nodes: Sequence[ast.AST]) -> Iterator[SourceFact]:
    """``x.count() > 0``, ``if x.count():``, ``not x.count()``; ``scalar() > 0``."""
    for node in nodes:
        counted: list[ast.expr] = []
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.comparators[0], ast.Constant):
            if (type(node.ops[0]), node.comparators[0].value) in _ANY_ROW:
                counted = [node.left]
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            counted = [node.test]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            counted = [node.operand]
        elif isinstance(node, ast.BoolOp) and not any(isinstance(value, ast.Constant) for value in node.values):
            counted = node.values  # ``count() or 0`` is a number
        for call in map(_awaited, counted):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _NUMBERS:
                if call.func.attr != "count" or not (call.args or call.keywords):
                    place = Place(module.file, call.lineno, name)
                    yield SourceFact("counted for a test", place, "", call.end_lineno or call.lineno)


def _counted_and_used(
    module: Module, name: str, nodes: Sequence[ast.AST], counted: Sequence[ast.Call]
) -> Iterator[SourceFact]:
    """``len(rows)`` where the function uses ``rows`` for more than its number and for building further queries."""
    named = [call for call in counted if dotted(call.args[0])]
    handed_on = _hands_all_on(nodes)
    for call in named:
        subject = dotted(call.args[0])
        if handed_on or "." in subject:  # an attribute is there for others to read
            yield SourceFact("counted and used", Place(module.file, call.lineno, name), subject)
            continue
        built = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        in_counts = {id(other.args[0]) for other in named}
        for node in nodes:
            if (
                isinstance(node, ast.Name | ast.Attribute)
                and isinstance(node.ctx, ast.Load)
                and dotted(node) == subject
            ):
                if id(node) not in built and id(node) not in in_counts:
                    yield SourceFact("counted and used", Place(module.file, call.lineno, name), subject)
                    break
