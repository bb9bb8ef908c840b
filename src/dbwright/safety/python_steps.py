"""What the Python of a data migration does to rows, told from its text: nothing of it is run.

Looked for are the habits that make a data migration long or wrong: rows changed one at a time, a whole table loaded, one statement or one
list for a whole table, models of today in a migration of the past.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from dbwright.safety.statements import Opaque

_PER_ROW = frozenset(
    ("save", "create", "delete", "get_or_create", "update_or_create", "add", "set", "remove", "update")
)
_MANY = frozenset(
    (
        "all",
        "filter",
        "exclude",
        "iterator",
        "values",
        "values_list",
        "order_by",
        "annotate",
        "only",
        "defer",
        "select_related",
        "prefetch_related",
    )
)
_BULK = frozenset(("bulk_create", "bulk_update"))
LARGEST_BATCH = 5_000
"""Rows in one statement: beyond some thousands a batch is no faster, and its locks and its memory grow with it."""


def steps_of(tree: ast.Module | None, names: Sequence[str], line: int, *, reversible: bool) -> Iterator[Opaque]:
    """The steps of the functions that a ``RunPython`` calls: forwards first, then backwards where there is one. ``line`` is the
    operation's."""
    functions = _functions(tree) if tree is not None else {}
    for name in names:
        if name not in functions:
            yield Opaque("RunPython", line, "not read")
        elif tree is not None:
            yield from habits_of(tree, name)
    if not reversible:
        yield Opaque("RunPython", line, "no reverse")


def habits_of(tree: ast.Module, name: str) -> Iterator[Opaque]:
    """What a function, and those of the same module that it calls, do to rows."""
    functions = _functions(tree)
    if name in functions:
        yield from _in_function(functions[name], functions, _real_models(tree), set())
        yield from _large_batches(tree)


_BATCH = re.compile(r"(batch|chunk)_?size|per_batch", re.I)


def _large_batches(tree: ast.Module) -> Iterator[Opaque]:
    """A number of rows that is called the size of a batch."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, int):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if node.value.value > LARGEST_BATCH and any(map(_BATCH.search, names)):
                yield Opaque(f"{names[0]} = {node.value.value}", node.lineno, "batch too large")


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Functions by name, those inside others among them."""
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _real_models(tree: ast.Module | None) -> dict[str, int]:
    """Names imported from a module of models, with the line."""
    found: dict[str, int] = {}
    for node in ast.walk(tree) if tree is not None else ():
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and module.split(".")[-1] == "models" and not module.startswith("django."):
            found |= {alias.asname or alias.name: node.lineno for alias in node.names if alias.name[:1].isupper()}
    return found


def _in_function(
    function: ast.FunctionDef, functions: dict[str, ast.FunctionDef], real: dict[str, int], seen: set[str]
) -> Iterator[Opaque]:
    if function.name in seen:
        return
    seen.add(function.name)
    querysets = _querysets(function)
    querysets |= _handed_on(function, functions, querysets)
    told: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.For | ast.AsyncFor):
            yield from _loop(node, querysets, functions, told)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            yield from _comprehension(node)
        elif isinstance(node, ast.Call):
            yield from _call(node, function, querysets)
            if isinstance(node.func, ast.Name) and node.func.id in functions:
                yield from _in_function(functions[node.func.id], functions, real, seen)
        elif isinstance(node, ast.Name) and node.id in real and isinstance(node.ctx, ast.Load):
            yield Opaque(node.id, real.pop(node.id), "real model")


def _comprehension(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Iterator[Opaque]:
    """Rows made one at a time inside a comprehension."""
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    made = [one for part in parts for one in ast.walk(part) if isinstance(one, ast.Call) and _is_certain_write(one)]
    if made:
        yield Opaque(ast.unparse(node.generators[0].iter)[:80], made[0].lineno, "row by row")


def _querysets(function: ast.FunctionDef) -> dict[str, ast.expr]:
    """Names that stand for many rows, with what they were given."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(function):
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.expr) and _is_many(value, found):
            found[target.id] = value
    return found


def _handed_on(
    function: ast.FunctionDef, functions: dict[str, ast.FunctionDef], querysets: dict[str, ast.expr]
) -> dict[str, ast.expr]:
    """Parameters of functions of the same module that are given many rows."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            parameters = functions[node.func.id].args.args
            found |= {p.arg: a for p, a in zip(parameters, node.args, strict=False) if _is_many(a, querysets)}
    return found


def _chain(node: ast.expr) -> list[str]:
    """The attributes of a chain of calls, the outermost last: ``M.objects.filter().all()`` gives objects, filter, all."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript):
            parts.append("[]")
            node = node.value
        elif isinstance(node, ast.Name):
            parts.append(node.id)
            return parts[::-1]
        else:
            return parts[::-1]


def _is_many(node: ast.expr, querysets: dict[str, ast.expr]) -> bool:
    """Whether an expression is a query set, or a list made of one."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("list", "tuple", "set", "sorted", "enumerate", "tqdm")
    ):
        return any(_is_many(one, querysets) for one in node.args[:1])
    parts = _chain(node)
    if parts and parts[0] in querysets and (len(parts) == 1 or parts[-1] in _MANY):
        return True
    if "using" in parts or "objects" in parts or any(part.endswith("_set") for part in parts):
        return parts[-1] in _MANY or parts[-1] == "objects"
    return parts[-1:] in (["all"], ["iterator"])


def _loop(
    node: ast.For | ast.AsyncFor, querysets: dict[str, ast.expr], functions: dict[str, ast.FunctionDef], told: set[int]
) -> Iterator[Opaque]:
    """``told`` are lines whose write was told of an outer loop."""
    is_query = _is_many(node.iter, querysets)
    body = [inner for statement in node.body for inner in ast.walk(statement)]
    called = {one.func.id for one in body if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
    body += [inner for name in called & functions.keys() for inner in ast.walk(functions[name])]
    calls = [one for one in body if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)]
    writes = [one for one in calls if _is_certain_write(one) or (is_query and _writes(one))]
    if writes and not _is_short(node.iter) and writes[0].lineno not in told:
        told |= {one.lineno for one in writes}
        yield Opaque(ast.unparse(node.iter)[:80], node.lineno, "row by row")
    if is_query:
        whole = _chain(node.iter)
        if isinstance(node.iter, ast.Name) and node.iter.id in querysets:
            whole += _chain(querysets[node.iter.id])
        if "iterator" not in whole and "[]" not in whole and "distinct" not in whole:
            yield Opaque(ast.unparse(node.iter)[:80], node.lineno, "loaded whole")


def _is_short(node: ast.expr) -> bool:
    """Whether what is looped over stands in the file: a list of constants, a range."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("range", "enumerate", "zip") and all(map(_is_short, node.args))
    if isinstance(node, ast.Name):
        return node.id.isupper()
    return isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict | ast.Constant)


def _is_certain_write(call: ast.Call) -> bool:
    """A call that changes one row whatever it is called on."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr == "save":
        return True
    return call.func.attr in ("create", "get_or_create", "update_or_create", "aget_or_create") and "objects" in _chain(
        call
    )


def _writes(call: ast.Call) -> bool:
    """Whether a call changes rows: a dictionary's ``update`` and a set's ``add`` take other arguments."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr in ("save", "create", "get_or_create", "update_or_create"):
        return True
    parts = _chain(call)
    if call.func.attr == "delete":
        return not call.args
    if call.func.attr == "update":
        return bool(call.keywords) and not call.args and "objects" in parts
    return len(parts) > 2 and bool(call.args)


def _call(node: ast.Call, function: ast.FunctionDef, querysets: dict[str, ast.expr]) -> Iterator[Opaque]:
    if not isinstance(node.func, ast.Attribute):
        return
    parts = _chain(node)
    if node.func.attr in _BULK and len(parts) > 1:
        size = next((one.value for one in node.keywords if one.arg == "batch_size"), None)
        number = size.value if isinstance(size, ast.Constant) and isinstance(size.value, int) else None
        if size is None and not _inside_batches(node, function):
            yield Opaque(ast.unparse(node.func)[:80], node.lineno, "unbatched")
        elif number is not None and number > LARGEST_BATCH:
            yield Opaque(f"batch_size={number}", node.lineno, "batch too large")
    elif _updates_many(node, querysets) and not _inside_batches(node, function):
        yield Opaque(ast.unparse(node.func)[:80], node.lineno, "whole table")


def _updates_many(node: ast.Call, querysets: dict[str, ast.expr]) -> bool:
    function = node.func
    is_update = isinstance(function, ast.Attribute) and function.attr == "update" and node.keywords and not node.args
    return bool(is_update) and isinstance(function, ast.Attribute) and _is_many(function.value, querysets)


def _inside_batches(call: ast.Call, function: ast.FunctionDef) -> bool:
    """Whether a call stands in a loop: then each turn takes a part."""
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)]
    inside = [inner for loop in loops for statement in loop.body for inner in ast.walk(statement)]
    # The last call, after the loop, takes what the batches left.
    text = ast.unparse(call.func)
    return any(inner is call or (isinstance(inner, ast.Call) and ast.unparse(inner.func) == text) for inner in inside)
