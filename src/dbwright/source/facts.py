"""Facts that the text of a function shows by itself: no value has to be followed beyond it.

Each is a `SourceFact`: SQL that a user's input becomes part of, a value read and written back without a lock, a moment without time zone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from dbwright.model.source import Place, SourceFact
from dbwright.pysource import every_node, own_nodes
from dbwright.source import (
    circumstances,
    effects,
    fetched,
    injections,
    listeners,
    moments,
    python_operators,
    refusals,
    turns,
)
from dbwright.source.modules import Codebase, Module

Function = ast.FunctionDef | ast.AsyncFunctionDef


def read(codebase: Codebase) -> Iterator[SourceFact]:
    """The facts of all modules that are neither tests nor migrations, in the order of the source."""
    modules = [module for module in codebase.modules if module.role == "code"]
    functions = {module: tuple(_functions(module.tree.body)) for module in modules}
    handed = injections.Handed([(m, *one) for m, found in functions.items() for one in found], codebase)
    for module in modules:
        yield from _facts_of(module, functions[module], handed)
    yield from circumstances.jobs(functions, codebase)


def _facts_of(
    module: Module, functions: Iterable[tuple[str, Function]], handed: injections.Handed
) -> Iterator[SourceFact]:
    written = circumstances.written_down(module)
    for name, function in functions:
        yield from circumstances.of_function(module, name, function, written)
        yield from injections.of_function(module, name, function, handed)
        yield from _lost_updates(module, name, function)
        yield from fetched.read(module, name, function)
        yield from python_operators.read(module, name, own_nodes(function))
        yield from _only_rows(module, name, function)
        yield from effects.read(module, name, function)
        yield from turns.read(module, name, function)
    yield from refusals.read(module)
    yield from listeners.read(module)
    yield from _default_keys(module, module.tree.body)
    yield from _extras(module)
    yield from _defaults_made_once(module)
    yield from _time_zones(module)
    yield from moments.read(module)


def _default_keys(module: Module, body: Iterable[ast.stmt], owner: str = "") -> Iterator[SourceFact]:
    """``DEFAULT_AUTO_FIELD`` of settings and ``default_auto_field`` of an application."""
    for statement in body:
        if isinstance(statement, ast.ClassDef) and not owner:
            yield from _default_keys(module, statement.body, statement.name)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            named = statement.targets[0].id == ("default_auto_field" if owner else "DEFAULT_AUTO_FIELD")
            if named and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str):
                yield SourceFact(
                    "default key", Place(module.file, statement.lineno), statement.value.value, owner=owner
                )


def _time_zones(module: Module) -> Iterator[SourceFact]:
    """``USE_TZ`` of settings; what is read from the environment counts as on."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "USE_TZ":
            off = isinstance(node.value, ast.Constant) and not node.value.value
            yield SourceFact("time zones", Place(module.file, node.lineno), "off" if off else "on")


def _functions(body: Iterable[ast.stmt], outer: str = "") -> Iterator[tuple[str, Function]]:
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{outer}.{statement.name}" if outer else statement.name
            if not isinstance(statement, ast.ClassDef):
                yield name, statement
            yield from _functions(statement.body, name)


def _last(node: ast.expr) -> str:
    return _dotted(node).rpartition(".")[2] or (node.attr if isinstance(node, ast.Attribute) else "")


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


# One row, or more than one


def _only_rows(module: Module, name: str, function: Function) -> Iterator[SourceFact]:
    for node in own_nodes(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
            if node.func.attr in ("one", "one_or_none", "scalar_one", "scalar_one_or_none"):
                end = node.end_lineno or node.lineno
                yield SourceFact("one row", Place(module.file, node.lineno, name), node.func.attr, end)
        elif isinstance(node, ast.ExceptHandler):
            if not _caught(node).isdisjoint(("MultipleObjectsReturned", "MultipleResultsFound")):
                yield SourceFact("several rows caught", Place(module.file, node.lineno, name), "")
        elif isinstance(node, ast.Try) and any(_caught(one) & _REFUSALS for one in node.handlers):
            end = node.body[-1].end_lineno or node.lineno
            yield SourceFact("refusal caught", Place(module.file, node.lineno, name), "", end)


_REFUSALS = frozenset(("IntegrityError", "UniqueViolation", "UniqueViolationError", "DatabaseError", "DBAPIError"))


def _caught(handler: ast.ExceptHandler) -> frozenset[str]:
    """The names of what a handler catches."""
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    return frozenset(map(_last, types))


_MOVES = frozenset(
    "now today utcnow uuid1 uuid4 uuid7 time random randint token_hex token_urlsafe token_bytes get_random_string".split()
)


def _defaults_made_once(module: Module) -> Iterator[SourceFact]:
    """``default=timezone.now()`` and ``default=[]`` in the body of a class: computed on import, the same for every row."""
    for cls in every_node(module.tree):
        if not isinstance(cls, ast.ClassDef):
            continue
        for statement in cls.body:
            call = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
            if not isinstance(call, ast.Call) or not _last(call.func).endswith(("Field", "Column", "mapped_column")):
                continue
            for keyword in call.keywords:
                called = keyword.value.func if isinstance(keyword.value, ast.Call) else None
                moves = (
                    called is not None
                    and _last(called) in _MOVES
                    and _dotted(called).partition(".")[0] not in ("func", "sa", "text")
                )
                shared = isinstance(keyword.value, ast.List | ast.Dict) and _last(call.func) in (
                    "JSONField",
                    "ArrayField",
                    "HStoreField",
                )
                if keyword.arg == "default" and (moves or shared):
                    written = f"default={ast.unparse(keyword.value)}"
                    yield SourceFact(
                        "default made once", Place(module.file, keyword.value.lineno, cls.name), written, owner=cls.name
                    )


def _extras(module: Module) -> Iterator[SourceFact]:
    """``queryset.extra(select=…, where=…)``."""
    for node in every_node(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "extra":
            raw = [k.arg for k in node.keywords if k.arg in ("select", "where", "tables")]
            if raw:
                yield SourceFact(
                    "raw SQL in extra", Place(module.file, node.lineno), ",".join(map(str, raw)), node.end_lineno or 0
                )


# A value read, changed in Python and written back


def _lost_updates(module: Module, name: str, function: Function) -> Iterator[SourceFact]:
    nodes = list(own_nodes(function))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if any(
        _last(call.func) in ("select_for_update", "with_for_update", "lock", "acquire", "refresh_from_db")
        for call in calls
    ):
        return
    saved = {
        _dotted(call.func.value): call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("save", "asave") and _dotted(call.func.value)
    }
    for target in filter(None, map(_changed, nodes)):
        owner = _dotted(target.value)
        if saved.get(owner, 0) > target.lineno:
            place = Place(module.file, target.lineno, name)
            yield SourceFact("read-modify-write", place, target.attr, saved[owner], owner)


def _changed(node: ast.AST) -> ast.Attribute | None:
    """``a.n`` of ``a.n += 1`` and ``a.n = a.n - x``."""
    if (
        isinstance(node, ast.AugAssign)
        and isinstance(node.op, ast.Add | ast.Sub)
        and isinstance(node.target, ast.Attribute)
    ):
        return node.target if not _has_expression(node.value) and not _is_text(node.value) else None
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Attribute):
        target, value = node.targets[0], node.value
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub) and not _has_expression(value):
            if any(_dotted(side) == _dotted(target) and _dotted(target) for side in (value.left, value.right)):
                return target
    return None


def _has_expression(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) and _last(part.func) == "F" for part in ast.walk(node))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr | ast.List | ast.Dict) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
