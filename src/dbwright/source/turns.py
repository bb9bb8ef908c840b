"""What the text of a loop tells of its turns: what ends it, and whether it walks over a list that was handed in.

``for device in devices: if …: device.save(); break`` saves once, however many devices there are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from dbwright.model.source import Place, SourceFact
from dbwright.pysource import dotted, own_nodes
from dbwright.source.modules import Module

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
_WRAPPERS = frozenset(("enumerate", "list", "tuple", "sorted", "reversed", "set", "iter", "tqdm", "chunked", "batched"))
_SEEKING = frozenset(("any", "all", "next"))
"""What asks a generator for no more than it needs."""
_PARSED = frozenset(
    ("csv.reader", "csv.DictReader", "DictReader", "json.load", "json.loads", "yaml.safe_load", "yaml.load")
)
_PARSING = ("json", "splitlines", "readlines")
_SMALL = re.compile(
    r"(^|_)(forms?|formsets?|fields?|columns?|choices|types|kinds|permissions|languages|currencies|kwargs|args|options|settings|errors"
    r"|methods|roles|names_map|extra)$"
)
"""Names of lists that have few members wherever they come from."""


def read(module: Module, name: str, function: Function) -> Iterator[SourceFact]:
    """The facts of one function's loops."""
    given = _handed_in(function)
    for node in own_nodes(function):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            what = _walked(node.iter, given)
            if what:
                yield SourceFact("list handed in", Place(module.file, node.iter.lineno, name), what, node.iter.lineno)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            head = node.test.lineno if isinstance(node, ast.While) else node.iter.lineno
            for first, last in _ranges(_left(node.body, leaves=False, inside=False)[1]):
                yield SourceFact("left after", Place(module.file, first, name), "", last, owner=str(head))
        elif isinstance(node, ast.Call) and dotted(node.func) in _SEEKING and node.args:
            sought = node.args[0]
            if isinstance(sought, ast.GeneratorExp):
                place, last = Place(module.file, sought.elt.lineno, name), sought.elt.end_lineno or sought.elt.lineno
                for head in range(
                    node.lineno, sought.generators[-1].iter.lineno + 1
                ):  # its loop may stand at any of them
                    yield SourceFact("left after", place, "", last, owner=str(head))


# What ends a loop


def _left(body: Sequence[ast.stmt], *, leaves: bool, inside: bool) -> tuple[bool, set[int]]:
    """Whether the loop is left for certain once the statements have begun, and the lines after which that is so. ``leaves``: what follows
    them leaves it; ``inside``: they stand in a loop within it, whose own ``break`` and ``continue`` lead to what follows."""
    after, lines = leaves, set[int]()
    for statement in reversed(body):
        if isinstance(statement, ast.Return | ast.Raise):
            after = True
        elif isinstance(statement, ast.Break):
            after = leaves if inside else True
        elif isinstance(statement, ast.Continue):
            after = leaves if inside else False
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        else:
            after = _compound(statement, after, inside, lines)
        if after:
            lines.add(statement.lineno)
            if not hasattr(statement, "body"):
                lines.update(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    return after, lines


def _compound(statement: ast.stmt, after: bool, inside: bool, lines: set[int]) -> bool:
    """The same for one statement with blocks of its own; any other leads to what follows."""
    if isinstance(statement, ast.If):
        ends = [_left(block, leaves=after, inside=inside) for block in (statement.body, statement.orelse)]
    elif isinstance(statement, ast.With | ast.AsyncWith):
        ends = [_left(statement.body, leaves=after, inside=inside)]
    elif isinstance(statement, ast.For | ast.AsyncFor | ast.While):
        lines |= _left(statement.body, leaves=after, inside=True)[1]
        ends = [_left(statement.orelse, leaves=after, inside=inside)]
    elif isinstance(statement, ast.Try):
        end, found = _left(statement.finalbody, leaves=after, inside=inside)
        ends = [_left([*statement.body, *statement.orelse], leaves=end, inside=inside)]
        ends += [_left(handler.body, leaves=end, inside=inside) for handler in statement.handlers]
        lines |= found
    elif isinstance(statement, ast.Match):
        ends = [(after, set())] + [_left(case.body, leaves=after, inside=inside) for case in statement.cases]
    else:
        return after
    for _, found in ends:
        lines |= found
    return all(end for end, _ in ends)


def _ranges(lines: set[int]) -> Iterator[tuple[int, int]]:
    """Lines as runs of neighbours."""
    first = last = 0
    for line in sorted(lines):
        if line != last + 1:
            if first:
                yield first, last
            first = line
        last = line
    if first:
        yield first, last


# What it walks over


def _handed_in(function: Function) -> dict[str, str]:
    """The names that hold what callers hand in (with the parameter's name) or what is parsed: parameters, what is made of a file or an
    answer, and what is made of their members."""
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    given = {name: name for name in names if name not in ("self", "cls", "request")}
    for node in own_nodes(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            what = _walked(node.value, given) or _members(node.value, given)
            if what:
                given[node.targets[0].id] = what
            else:
                given.pop(node.targets[0].id, None)
    return {name: what for name, what in given.items() if not _SMALL.search(name)}


def _members(node: ast.expr, given: Mapping[str, str]) -> str:
    """``{one["id"]: one for one in data}``"""
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return _walked(node.generators[0].iter, given)
    return ""


def _is_parsed(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return dotted(node) in ("request.data", "self.request.data")
    if dotted(node.func) in _PARSED:
        return True
    return isinstance(node.func, ast.Attribute) and node.func.attr in _PARSING and not node.args


def _walked(node: ast.expr, given: Mapping[str, str]) -> str:
    """``parsed`` or the name of the parameter; empty when it is anything else."""
    if isinstance(node, ast.Await):
        return _walked(node.value, given)
    if _is_parsed(node):
        return "parsed"
    if isinstance(node, ast.Name):
        return given.get(node.id, "")
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _WRAPPERS and node.args:
        return _walked(node.args[0], given)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("items", "values"):
        named = node.func.value
        what = given.get(named.id, "") if isinstance(named, ast.Name) else ""
        return (
            what if isinstance(named, ast.Name) and what != named.id else ""
        )  # a mapping that is handed in has few keys
    return ""
