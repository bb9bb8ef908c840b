"""What happens beside the writes of a model, by the text: its own ``save()``, and who listens: ``@receiver(post_save, sender=Order)``,
``post_save.connect(index)`` (to all models)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from dbwright.model.source import Place, SourceFact
from dbwright.pysource import dotted, every_node
from dbwright.source.modules import Module

_SIGNALS = frozenset(("pre_save", "post_save"))


def read(module: Module) -> Iterator[SourceFact]:
    """The listeners of a module."""
    for node in every_node(module.tree):
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "save":
                    yield SourceFact("listens to writes", Place(module.file, method.lineno), "save", owner=node.name)
        if not isinstance(node, ast.Call):
            continue
        last = dotted(node.func).rpartition(".")[2]
        if last == "receiver" and node.args:
            signals: Iterable[ast.expr] = (
                node.args[0].elts if isinstance(node.args[0], ast.List | ast.Tuple) else node.args[:1]
            )
        elif last == "connect" and isinstance(node.func, ast.Attribute):
            signals = [node.func.value]
        else:
            continue
        sender = next(
            (dotted(keyword.value).rpartition(".")[2] for keyword in node.keywords if keyword.arg == "sender"), ""
        )
        for signal in signals:
            name = dotted(signal).rpartition(".")[2]
            if name in _SIGNALS:
                yield SourceFact("listens to writes", Place(module.file, node.lineno), name, owner=sender)
