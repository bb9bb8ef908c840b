"""What a function does outside the database while its transaction is open, by its text: tasks queued, mail sent, other servers asked."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dbwright.model.source import Place, SourceFact
from dbwright.pysource import children
from dbwright.source.modules import Module

Function = ast.FunctionDef | ast.AsyncFunctionDef
_QUEUES = frozenset(("delay", "apply_async", "send_task", "enqueue"))
_MAILS = frozenset(("send_mail", "send_mass_mail", "mail_admins", "mail_managers"))
_CLIENTS = frozenset(("requests", "httpx"))
_ASKS = frozenset(("get", "post", "put", "patch", "delete", "request", "head"))


def read(module: Module, name: str, function: Function) -> Iterator[SourceFact]:
    """The effects of one function, each line once."""
    seen: set[int] = set()
    for node in _inside(function):
        if isinstance(node, ast.Call) and (what := _effect(node)) and node.lineno not in seen:
            seen.add(node.lineno)
            yield SourceFact("effect in transaction", Place(module.file, node.lineno, name), what, node.end_lineno or 0)


def _inside(function: Function) -> Iterator[ast.AST]:
    """What runs while a transaction of this function is open."""
    if any(_opens(decorator) for decorator in function.decorator_list):
        yield from _run(function.body)
        return
    for node in _run(function.body):
        if isinstance(node, ast.With | ast.AsyncWith) and any(_opens(item.context_expr) for item in node.items):
            yield from _run(node.body)


def _opens(node: ast.expr) -> bool:
    """``transaction.atomic``, ``atomic(using=…)``."""
    named = node.func if isinstance(node, ast.Call) else node
    return _dotted(named) in ("atomic", "transaction.atomic", "db.transaction.atomic")


def _run(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes that run where they stand: functions and lambdas inside are run later, by whoever calls them."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        waiting += reversed(children(node))


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _effect(call: ast.Call) -> str:
    """The call as written when it has an effect that no rollback takes back."""
    called = _dotted(call.func)
    owner, _, last = called.rpartition(".")
    if last in _QUEUES and owner and not owner.startswith("self."):
        return called
    if last in _MAILS:
        return called
    if last in _ASKS and owner in _CLIENTS:
        return called
    return called if last == "urlopen" else ""
