"""Walking a project: every function that can be an entry point, and what is reached from it."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Sequence

from dbwright.source.events import Place, Reached, unroll
from dbwright.source.interpreter import Interpreter, decorator_names, is_stub
from dbwright.source.modules import Module, Problem
from dbwright.source.values import Bound, ClassValue, Function, Instance, Known, Value

MOST_STEPS_PER_FILE = 3_000_000
"""Statements and expressions looked at for the functions of one file: fifty functions that each run into their own bound. All of
NetBox, 109,000 lines, took 1.3 million. Counted, not timed: a busy machine reads the same as an idle one."""

SECONDS_PER_FILE = 60.0
"""Ends what steps do not count: a framework that builds one query for minutes."""

MOST_DERIVED = 8
"""Classes below an abstract one on whose objects its methods are walked."""


class Walker:
    """Walks each function of the project once as an entry point, with arguments of which only the annotations are known, and each method
    on an instance of its class."""

    def __init__(self, interpreter: Interpreter, strict: bool = False) -> None:
        self.interpreter = interpreter
        self.strict = strict
        self.problems: list[Problem] = []
        self._seen: set[object] = set()

    def happenings(self, modules: Sequence[Module]) -> Iterator[Reached]:
        """Everything that happens in these files, one after the other."""
        for module in modules:
            yield from self._module(module)
            self.interpreter.forget()
        yield from self._made_of_values()

    def _module(self, module: Module) -> Iterator[Reached]:
        """What happens below the functions of one file, until they have taken too long; what is left is said."""
        until = time.thread_time() + SECONDS_PER_FILE
        self.interpreter.deadline = until
        steps = 0
        for function, receiver, place in self._all_entries(module):
            if steps > MOST_STEPS_PER_FILE or time.thread_time() > until:
                limit = f"{MOST_STEPS_PER_FILE:,} steps" if steps > MOST_STEPS_PER_FILE else f"{SECONDS_PER_FILE:g} s"
                line = place.line if place is not None else function.node.lineno
                reason = f"functions from {function.name} on are not walked: the file took more than {limit}"
                self.problems.append(Problem(module.file, line, reason))
                return
            yield from self._walk(function, receiver, place)
            steps += self.interpreter.steps

    def _made_of_values(self) -> Iterator[Reached]:
        """What happens below the methods of classes that were met being made of rows and objects, until that has taken too long."""
        until = self.interpreter.deadline = time.thread_time() + SECONDS_PER_FILE
        for cls in list(self.interpreter.made_of_values):
            if time.thread_time() > until:
                reason = f"from {cls.name} on, objects as callers make them are not walked: it took more than {SECONDS_PER_FILE:g} s"
                self.problems.append(Problem(cls.module.file, cls.node.lineno, reason))
                return
            yield from self._made_like(cls)

    def _all_entries(self, module: Module) -> Iterator[tuple[Function, Value | None, Place | None]]:
        """The entries of a file with what they are called on; those that its frameworks call, with the line of the class."""
        for function, receiver in self.entries(module):
            yield function, receiver, None
        for cls in list(classes_in(module.tree.body, module, self.interpreter)):
            for method in self.framework_entries(cls):
                yield method, Instance(cls), Place(module.file, cls.node.lineno, cls.name)

    def _made_like(self, cls: ClassValue) -> Iterator[Reached]:
        """The methods of a class once more, on objects made of what its callers make them of: only there is told what they work on."""
        for owner in self.interpreter.mro(cls):
            for node in definitions(owner.node.body) if owner.module.owned else ():
                if isinstance(node, ast.ClassDef) or node.name == "__init__":
                    continue
                if {"staticmethod", "classmethod"}.isdisjoint(decorator_names(node)):
                    for receiver in self._objects_of(cls):
                        yield from self._walk(Function(node, owner.module, None, owner), receiver)

    def _objects_of(self, cls: ClassValue) -> Sequence[Instance]:
        try:
            return list(self.interpreter.made_like(cls))
        except Exception as error:  # as in `_walk`
            reason = f"{cls.name} could not be made as its callers make it: {type(error).__name__}: {error}"
            self.problems.append(Problem(cls.module.file, cls.node.lineno, reason[:300]))
            if self.strict:
                raise
            return ()

    def framework_entries(self, cls: ClassValue) -> Iterator[Function]:
        """The methods of a class that its framework calls (``entry_points`` of the stubs among its parents). Those that stand in its own
        body are walked with the others; a class that others of the project build on and that is complete only there is walked there."""
        names: dict[str, None] = {}
        for one in self.interpreter.mro(cls)[1:]:
            if is_stub(one.module) and "entry_points" in self.interpreter.scope_of(one).bindings:
                entry_points = self.interpreter.own_attribute(one, "entry_points")
                names.update(
                    (item.value, None) for item in getattr(entry_points, "items", ()) if isinstance(item, Known)
                )
        for name in names:
            owner = self.interpreter.find_in_class(cls, name)
            if owner is not None and owner is not cls:
                method = self.interpreter.own_attribute(owner, name)
                if isinstance(method, Function):
                    yield method

    def _walk(self, function: Function, receiver: Value | None, place: Place | None = None) -> Iterator[Reached]:
        try:
            summary = self.interpreter.walk(function, receiver, site=place)
        except Exception as error:  # a fault of ours in one function must not hide the others; it is said
            reason = f"{function.name} could not be walked: {type(error).__name__}: {error}"
            self.problems.append(
                Problem(place.file, place.line, reason[:300])
                if place is not None
                else Problem(function.module.file, function.node.lineno, reason[:300])
            )
            if self.strict:
                raise
            return
        place = place or Place(function.module.file, function.node.lineno, function.name)
        for reached in unroll(summary, place, self._seen):
            if reached.what == "cut":
                self.problems.append(
                    Problem(place.file, place.line, f"{function.name}: walked in part only, it branches too much")
                )
            else:
                yield reached

    def entries(self, module: Module) -> Iterator[tuple[Function, Value | None]]:
        """The functions of a module and the methods of its classes, with what the methods are called on."""
        for node in definitions(module.tree.body):
            if isinstance(node, ast.ClassDef):
                yield from self._methods(self.interpreter.class_of(node, module, None))
            else:
                yield Function(node, module), None

    def _methods(self, cls: ClassValue) -> Iterator[tuple[Function, Value | None]]:
        for node in definitions(cls.node.body):
            if isinstance(node, ast.ClassDef):
                yield from self._methods(self.interpreter.class_of(node, cls.module, None))
                continue
            names = decorator_names(node)
            function = Function(node, cls.module, None, cls)
            if "staticmethod" in names:
                yield function, None
            elif "classmethod" in names:
                for one in self.interpreter.completed(cls) or [cls]:
                    yield function, one
            else:
                for receiver in self._receivers(cls):  # one of its own: what a method loads is not there for the next
                    yield function, receiver

    def _receivers(self, cls: ClassValue) -> Iterator[Value]:
        """What the methods of a class are called on: one of its objects. Of a class of which there are none (an abstract model), of one
        that other classes mix in or complete, an object of some of those: only there is told what the methods work on."""
        completed = self.interpreter.completed(cls)
        if completed:
            for one in completed:
                yield self.interpreter.typed(one, self.interpreter.frame(one.module))
            return
        receiver = self.interpreter.typed(cls, self.interpreter.frame(cls.module))
        incomplete = self.interpreter.is_incomplete(cls)
        below = (
            [one for one in self.interpreter.derived(cls) if not self.interpreter.is_incomplete(one)]
            if incomplete
            else []
        )
        if not below or self.interpreter.adoption(cls) is None:
            yield Instance(cls) if isinstance(receiver, Bound) else receiver
        for one in below[:MOST_DERIVED]:
            yield self.interpreter.typed(one, self.interpreter.frame(one.module))


def classes_in(body: list[ast.stmt], module: Module, interpreter: Interpreter) -> Iterator[ClassValue]:
    """The classes of a body, those within classes too."""
    for node in definitions(body):
        if isinstance(node, ast.ClassDef):
            if node.bases:
                yield interpreter.class_of(node, module, None)
            yield from classes_in(node.body, module, interpreter)


def definitions(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Classes and functions of a body, also those inside its conditions."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.If):
            yield from definitions([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from definitions([*node.body, *(s for handler in node.handlers for s in handler.body), *node.orelse])
        elif isinstance(node, ast.With):
            yield from definitions(node.body)
