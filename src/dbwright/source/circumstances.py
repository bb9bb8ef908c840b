"""Under what circumstances lines run, by the text: in a job that nobody waits for, only when something failed, once a key of a mapping
that remembers the answer, in a loop that goes round a few times by its nature."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard

from dbwright.model.source import FactKind, Place, SourceFact
from dbwright.pysource import dotted, every_node, own_nodes
from dbwright.source.files import find_templates
from dbwright.source.modules import Codebase, Module

Function = ast.FunctionDef | ast.AsyncFunctionDef
Functions = Mapping[Module, Sequence[tuple[str, Function]]]
_TASKS = frozenset(
    "task shared_task periodic_task db_task db_periodic_task cron_task scheduled_job dramatiq_actor actor job "
    "on_after_configure on_after_finalize".split()
)
"""Decorators of queues (Celery, Huey, Dramatiq, RQ, APScheduler) that make a function a job."""
_PERIODIC = re.compile(r"periodic|cron|hourly|daily|nightly|weekly|monthly")
_CALLED_BY_FRAMEWORKS = re.compile(
    r"__\w+__$|(get|post|put|patch|delete|head|options|list|retrieve|create|update|partial_update|destroy|dispatch|save|clean|run|handle|"
    r"validate|ready|setup|main|form_valid|form_invalid|full_clean|to_representation|to_internal_value|to_python|items|has_\w+|"
    r"(get|clean|validate|resolve|render|perform|filter|save|delete|pre|post|on|format|display|test|set_up|prepare)_\w+)$"
)
"""Methods that a framework may call without anything in the project naming them."""
_HARMLESS = frozenset(
    ("staticmethod", "classmethod", "property", "cached_property", "contextmanager", "atomic", "override")
)
_KEEPING = frozenset(("lru_cache", "cache", "memoize", "cached"))
_FEW = frozenset(
    ("cleaned_data", "changed_data", "fields", "base_fields", "errors", "choices", "settings", "_meta", "FILES")
)
"""What holds a form's fields, a model's, a setting's values."""
_WRAPPERS = frozenset(("enumerate", "list", "tuple", "sorted", "reversed", "set", "dict", "zip"))


def of_function(module: Module, name: str, function: Function, written: frozenset[str]) -> Iterator[SourceFact]:
    """The circumstances of one function's lines; ``written`` as `written_down` gives it."""
    yield from _on_failure(module, name, function)
    yield from _remembered(module, name, function)
    yield from _few_turns(module, name, function, written)


def _fact(kind: FactKind, module: Module, function: str, body: Sequence[ast.stmt], name: str = "") -> SourceFact:
    last = body[-1].end_lineno or body[-1].lineno
    return SourceFact(kind, Place(module.file, body[0].lineno, function), name, last)


# Jobs


def jobs(functions: Functions, codebase: Codebase) -> Iterator[SourceFact]:
    """The functions that a queue or a clock calls, and those that nothing but such functions names."""
    told: dict[ast.AST, str] = {
        function: what
        for module, found in functions.items()
        for _, function in found
        if (what := "command" if "/management/commands/" in f"/{module.file}" else _queued(function))
    }
    if not told:
        return
    named = _named_in(functions)
    for word in _words_of_templates(codebase) & named.keys():
        named[word].add(None)
    waiting = True
    while waiting:
        more: dict[ast.AST, str] = {
            function: name
            for found in functions.values()
            for name, function in found
            if function not in told and _is_named_by(function, name, named, told)
        }
        told |= more
        waiting = bool(more)
    for module, found in functions.items():
        for name, function in found:
            if function in told:
                yield _fact("job", module, name, function.body, told[function])


def _is_named_by(
    function: Function, name: str, named: Mapping[str, set[ast.AST | None]], told: Mapping[ast.AST, str]
) -> bool:
    if "." in name and _CALLED_BY_FRAMEWORKS.match(function.name):
        return False
    if not all(_last(decorator) in _HARMLESS for decorator in function.decorator_list):
        return False
    places = named.get(function.name, set()) - {function}
    return bool(places) and all(place is not None and place in told for place in places)


def _last(decorator: ast.expr) -> str:
    return dotted(decorator.func if isinstance(decorator, ast.Call) else decorator).rpartition(".")[2]


def _words_of_templates(codebase: Codebase) -> frozenset[str]:
    """What a template may call."""
    found: set[str] = set()
    for path in find_templates(codebase.root):
        try:
            found.update(re.findall(r"\.(\w+)", path.read_text(encoding="utf-8", errors="replace")))
        except OSError:  # what reads the templates says so
            continue
    return frozenset(found)


def _queued(function: Function) -> str:
    """The decorator that makes the function a job."""
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        parts = dotted(called).split(".")
        if parts[-1] in _TASKS or (len(parts) > 1 and parts[-2] in _TASKS):
            return ".".join(parts)
        if parts[-1] == "receiver" and isinstance(decorator, ast.Call):
            named = [keyword.value for keyword in decorator.keywords if keyword.arg == "signal"]
            signal = dotted((*decorator.args, *named, decorator)[0]).rpartition(".")[2]
            if _PERIODIC.search(signal):
                return signal
    return ""


def _named_in(functions: Functions) -> dict[str, set[ast.AST | None]]:
    """By name the functions in whose text it stands, as a name, an attribute or a string; None for the text outside of functions."""
    found: defaultdict[str, set[ast.AST | None]] = defaultdict(set)
    wanted = {function.name for some in functions.values() for _, function in some}
    for module, some in functions.items():
        seen: dict[int, ast.AST] = {}
        for _, function in some:
            seen.update((id(node), function) for node in own_nodes(function))
        for node in every_node(module.tree):
            name = _name(node)
            if name in wanted:
                found[name].add(seen.get(id(node)))
    return found


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
        return node.value.rpartition(".")[2]
    return ""


# Only when something failed


def _on_failure(module: Module, name: str, function: Function) -> Iterator[SourceFact]:
    for node in own_nodes(function):
        if isinstance(node, ast.ExceptHandler):
            yield _fact("on failure", module, name, node.body)


# Once a key


def _remembered(module: Module, name: str, function: Function) -> Iterator[SourceFact]:
    """``if key not in seen: seen[key] = …``; the body of a function whose results are kept by its arguments."""
    of_object = bool(function.args.args) and function.args.args[0].arg == "self"
    if not of_object and any(_last(decorator) in _KEEPING for decorator in function.decorator_list):
        yield _fact("remembered", module, name, function.body)
    for node in own_nodes(function):
        if isinstance(node, ast.If):
            filled = _filled(node.body)
            mapping = next((one for one in _lacking(node.test) if one in filled), None)
            if mapping is not None:
                yield _fact("remembered", module, name, node.body, mapping)
            held = ast.unparse(node.test.comparators[0]) if _asks_whether_held(node.test) else ""
            if node.orelse and held and held in _filled(node.orelse):
                yield _fact("remembered", module, name, node.orelse, held)


def _asks_whether_held(test: ast.expr) -> TypeGuard[ast.Compare]:
    """``key in seen``"""
    return isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.In)


def _lacking(test: ast.expr) -> Iterator[str]:
    """The mappings that do not hold a key where the test is true."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for value in test.values:
            yield from _lacking(value)
    elif (
        isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotIn) and not isinstance(test.left, ast.Constant)
    ):
        yield ast.unparse(test.comparators[0])
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and isinstance(test.operand, ast.Compare):
        if isinstance(test.operand.ops[0], ast.In) and not isinstance(test.operand.left, ast.Constant):
            yield ast.unparse(test.operand.comparators[0])


def _filled(body: Iterable[ast.stmt]) -> frozenset[str]:
    """The mappings that statements put something into."""
    found: set[str] = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                found.add(ast.unparse(node.value))
    return frozenset(found)


# A few turns


def _few_turns(module: Module, name: str, function: Function, written: frozenset[str]) -> Iterator[SourceFact]:
    for node in own_nodes(function):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and (what := _few(node.iter, written)):
            yield SourceFact("few turns", Place(module.file, node.iter.lineno, name), what, node.iter.lineno)
            if isinstance(node, ast.For | ast.AsyncFor) and node.lineno != node.iter.lineno:
                yield SourceFact("few turns", Place(module.file, node.lineno, name), what, node.lineno)


def _few(node: ast.expr, written: frozenset[str]) -> str:
    """What is walked over when it is a form's fields, settings, choices, or written down in the file."""
    if isinstance(node, ast.Call):
        called = dotted(node.func)
        if called in _WRAPPERS and node.args:
            return _few(node.args[0], written)
        if (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in ("items", "keys", "values", "get_fields")
            and not node.args
        ):
            return _few(node.func.value, written)
        return ""
    if isinstance(node, ast.Tuple | ast.List | ast.Set) and not any(isinstance(one, ast.Starred) for one in node.elts):
        return "written down"
    if isinstance(node, ast.Dict) and None not in node.keys:
        return "written down"
    parts = dotted(node).split(".")
    if len(parts) > 1 and not _FEW.isdisjoint(parts):
        return next(part for part in parts if part in _FEW)
    return parts[-1] if parts[-1] in written else ""


def written_down(module: Module) -> frozenset[str]:
    """Names in capitals of a module or its classes: constants."""
    found: set[str] = set()
    bodies = [module.tree.body, *(node.body for node in module.tree.body if isinstance(node, ast.ClassDef))]
    for statement in (one for body in bodies for one in body):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Tuple | ast.List | ast.Set | ast.Dict):
            found.update(t.id for t in statement.targets if isinstance(t, ast.Name) and t.id.isupper())
    return frozenset(found)
