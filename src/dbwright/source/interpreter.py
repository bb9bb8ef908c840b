"""An abstract interpreter for Python: it walks functions with values that stand for what they may be, and runs nothing.

Frameworks (``Framework``) give meaning to what the language does not: models, querysets, sessions. Whatever is not understood becomes
``Unknown`` with a reason.
"""

from __future__ import annotations

import ast
import builtins
import operator as operator_module
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from dbwright.model.source import SourceTable
from dbwright.pysource import dotted
from dbwright.source import schemas
from dbwright.source.events import CONDITION, ROW_TEST, Asked, Called, Happening, Loop, Place, Summary
from dbwright.source.modules import READ_AS_KNOWN, Binding, Codebase, Import, Module, Problem, Scope, collect
from dbwright.source.natives import BUILTINS, LIBRARY, show
from dbwright.source.values import (
    HOLE,
    Arguments,
    Bound,
    ClassBeingMade,
    ClassValue,
    FormattedText,
    Function,
    FunctionNode,
    Identity,
    Instance,
    Items,
    Known,
    Library,
    Mapping,
    ModuleValue,
    Native,
    NotPlain,
    OneInstance,
    Origin,
    Parametrised,
    Real,
    Slice,
    Super,
    TypeVariable,
    Union,
    Unknown,
    Value,
    alternatives,
    origin_of,
    plain,
    union,
)

MOST_STEPS = 60_000
"""Statements and expressions looked at for one entry point; what lies behind is reported as cut."""
DEEPEST_CALL = 16
FEW_CONTEXTS = 6
"""Sets of argument values that a function is walked with; then one of each further shape. A method is counted for each class that it
is called on: what a parent class does depends on the class below."""
FEW_CONTEXTS_OF_SHORT = 24
"""The same for a function of few lines: helpers that are handed a query issue another one for each caller, and cost little."""
LINES_OF_SHORT = 20
MOST_OF_CONSTANTS = 1_000
"""The same for a function that only computes, called with constants: what it gives (a model by its name) is another thing for each."""
MOST_SHAPES = 48
"""Walks of a function after which arguments of another shape get no walk of their own either: what they lead to is not known."""
MOST_CONTEXTS_OF_STUBS = 4_000
MOST_MADE = 3
"""Kinds of constructor arguments of a class that are kept."""
MOST_COMPLETED = 4
"""Classes that the methods of a base that is not complete by itself are walked for."""
LONGEST_UNROLLED = 12
"""A loop over a literal of at most so many elements that are plain values is walked once for each."""
LONGEST_UNROLLED_IN_STUBS = 60


_NOTHING = Unknown("nothing")
_ITSELF = "{} is defined by itself"


class OutOfSteps(Exception):
    """The walk of an entry point took too long."""


class Framework(Protocol):
    """What a framework must answer. Each method returns None for what it does not know."""

    problems: list[Problem]

    def build(self) -> None:
        """Make ready what queries need: real models."""

    def tables(self) -> Iterable[SourceTable]:
        """The tables of the models, after ``build``."""

    def library(self, name: str) -> Value | None:
        """The value of a dotted name of the framework's package."""

    def adopt(self, cls: ClassValue) -> Adoption | None:
        """What the framework makes of a class of the project, judged by its bases."""

    def call_real(self, real: Real, arguments: Arguments, at: Frame) -> Value | None: ...

    def real_attribute(self, real: Real, name: str, at: Frame) -> Value | None: ...


class Adoption(Protocol):
    """A class of the project that a framework gives a meaning of its own: a model."""

    def class_attribute(self, name: str, at: Frame) -> Value | None: ...

    def instantiate(self, arguments: Arguments, at: Frame) -> Value: ...

    def typed(self, at: Frame) -> Value:
        """An instance of which nothing is known but its class (from an annotation)."""


class Frame:
    """Where evaluation stands: the module, the variables, the loops around, and the summary that events go into."""

    __slots__ = (
        "closure",
        "conditions",
        "depth",
        "function",
        "globals",
        "interpreter",
        "line",
        "locals",
        "loops",
        "module",
        "owner",
        "receiver",
        "returns",
        "site",
        "summary",
        "yields",
    )

    def __init__(
        self,
        interpreter: Interpreter,
        module: Module,
        variables: dict[str, Value] | None = None,
        closure: dict[str, Value] | None = None,
        owner: ClassValue | None = None,
        function: str = "<module>",
        depth: int = 0,
        summary: Summary | None = None,
    ) -> None:
        self.interpreter = interpreter
        self.module = module
        self.locals = {} if variables is None else variables
        self.closure = closure
        self.owner = owner
        self.receiver: Value | None = None
        self.site: Place | None = None
        """In a stub: the line of the project that it is called from."""
        self.function = function
        self.depth = depth
        self.line = 1
        self.loops: tuple[Loop, ...] = ()
        self.conditions = 0
        """The weight of the conditions that are not known in which it stands, within the innermost loop."""
        self.summary = summary or Summary(function)
        self.returns: list[Value] = []
        self.yields: list[Value] = []
        self.globals: set[str] = set()

    @property
    def place(self) -> Place | None:
        """The present line when it is the project's own."""
        return Place(self.module.file, self.line, self.function) if self.module.owned else None

    @property
    def asked_from(self) -> Place | None:
        """The present line; in a stub the line of the project that called it."""
        place = self.place
        if place is None:
            self.summary.sited = True
            site = self.site
            return Asked(site.file, site.line, site.function) if site is not None else None
        return place

    def happened(self, what: Any) -> None:
        """Remember something that a framework wants to know later."""
        self.summary.events.append(Happening(what, self.place, self.loops, self.conditions))

    def call(self, value: Value, arguments: Arguments) -> Value:
        return value.call(arguments, self)

    def iterate(self, value: Value) -> Value:
        return value.iterate(self)

    def evaluate(self, node: ast.expr) -> Value:
        return self.interpreter.evaluate(node, self)

    @contextmanager
    def loop(self, rows: Any = None, count: int | None = None, is_unrolled: bool = False) -> Iterator[None]:
        """What happens inside happens once per element."""
        before, conditions = self.loops, self.conditions
        self.loops, self.conditions = (*before, Loop(self.place, rows, count, is_unrolled=is_unrolled)), 0
        try:
            yield
        finally:
            self.loops, self.conditions = before, conditions

    @contextmanager
    def condition(self, test: ast.expr | None = None) -> Iterator[None]:
        """What happens inside happens sometimes only."""
        weight = self.weight(test)
        self.conditions += weight
        try:
            yield
        finally:
            self.conditions -= weight

    def weight(self, test: ast.expr | None) -> int:
        """What a condition weighs for what stands under it. One in a loop of the function's own always counts."""
        return ROW_TEST if test is not None and not self.loops and self._asks_row(test) else CONDITION

    def _asks_row(self, test: ast.expr) -> bool:
        """Whether nothing decides but columns of the row whose method is walked, constants, and whether there is a related row."""
        if isinstance(test, ast.Compare):
            return all(map(self._asks_row, (test.left, *test.comparators)))
        if isinstance(test, ast.BoolOp):
            return all(map(self._asks_row, test.values))
        if isinstance(test, ast.UnaryOp):
            return self._asks_row(test.operand)
        if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name):
            is_column = getattr(self.receiver, "is_column", None)
            return is_column is not None and self.locals.get(test.value.id) is self.receiver and is_column(test.attr)
        if isinstance(test, ast.Name):
            rows = [one for one in alternatives(self.locals.get(test.id, _NOTHING)) if not isinstance(one, Known)]
            return bool(rows) and all(getattr(one, "path", "") for one in rows)
        return isinstance(test, ast.Constant)


def shape_of(receiver: Value | None, arguments: Arguments) -> int:
    """What a call is told apart by from others of the function: the hash of it, because the shapes of all calls would take half the
    memory of a walk."""
    return hash((receiver.shape() if receiver is not None else None, arguments.shape()))


_WITHOUT_COLUMNS = sys.stdlib_module_names | {"pydantic", "sqlalchemy", "typing_extensions"}
"""Packages whose classes bring no columns, or those that the frameworks themselves know."""


def _tells_more(value: Value, depth: int = 5) -> bool:
    """Whether a value is, or holds, more than constants, functions and what is not known: a row, a queryset, a session, an object."""
    if isinstance(value, Items | Mapping):
        inside = value.items.values() if isinstance(value, Mapping) else value.items
        held = (*inside, *((value.rest,) if value.rest is not None else ()))
        return depth > 0 and any(_tells_more(one, depth - 1) for one in held)
    return not isinstance(value, Unknown | Known | Library | Function | Native)


@dataclass(slots=True)
class Walks:
    """How often a function was walked, and its last walks that came to their end, by the shape of the arguments."""

    number: int = 0
    by_shape: dict[int, Summary] = field(default_factory=dict)


class OwnAttributes:
    """The attributes of the object whose method is walked, through the branches of a condition: each begins with those before it, and
    what follows goes on with those of all branches that came to their end."""

    __slots__ = ("attributes", "before", "ends", "left", "receiver")

    def __init__(self, receiver: Value | None) -> None:
        self.receiver = receiver if isinstance(receiver, Instance) else None
        self.attributes = self.receiver.attributes if self.receiver is not None else None
        self.before = dict(self.attributes or ())
        self.ends: list[dict[str, Value]] = []
        self.left: list[dict[str, Value]] = []

    def begin(self) -> None:
        self._set(self.before)

    def end(self, ended: bool) -> None:
        """``ended``: the branch came to its end; another one left the function."""
        if self.attributes is not None:
            (self.ends if ended else self.left).append(dict(self.attributes))

    def join(self, at: Frame) -> None:
        ends = self.ends or self.left
        joined: dict[str, Value] = {}
        for name in dict.fromkeys(name for end in (*ends, *self.left) for name in end):
            of_class = self._of_class(name, at)
            found = [value for end in ends if (value := end.get(name, of_class)) is not None]
            if not found:  # set by those that left the function, whose caller goes on with it
                found = [end[name] for end in self.left if name in end]
            elif of_class is not None and all(name not in end for end in ends):
                continue
            joined[name] = found[0]
            for there in found[1:]:
                if joined[name] is not there:
                    joined[name] = at.interpreter.either(joined[name], there, at)
        self._set(joined)

    def _of_class(self, name: str, at: Frame) -> Value | None:
        """What an object has under a name before anything is assigned to it, by the body of its class."""
        owner = at.interpreter.find_in_class(self.receiver.cls, name) if self.receiver is not None else None
        value = at.interpreter.own_attribute(owner, name) if owner is not None else None
        return None if isinstance(value, Function) else value

    def _set(self, attributes: dict[str, Value]) -> None:
        if self.attributes is not None:
            self.attributes.clear()
            self.attributes.update(attributes)


class Interpreter:
    """Walks the functions of a code base. One instance serves the whole project; what it found out is kept."""

    def __init__(self, codebase: Codebase, frameworks: Callable[[Interpreter], Sequence[Framework]]) -> None:
        self.codebase = codebase
        self.steps = 0
        self.entry = 0
        """Tells the entry point that is walked from those before."""
        self.deadline = float("inf")
        self._names: dict[tuple[str, str], Value] = {}
        self._pending: set[object] = set()
        self._classes: dict[int, ClassValue] = {}
        self._classes_of_calls: dict[object, ClassValue] = {}
        self._pending_orders: set[int] = set()
        self._libraries: dict[str, Value] = {}
        self._summaries: dict[object, Summary] = {}
        self._walked_last: list[object] = []
        self._contexts: dict[tuple[int, int], Walks] = {}
        self.walks_again: frozenset[str] = frozenset()
        """Modules whose functions are walked at every call, also at one like an earlier one: what they do counts, not what they give."""
        self.ambient: object = None
        """What a ``with`` around or a decorator switched for all that is walked inside: a walk under another one is another walk."""
        self.branch: tuple[tuple[int, bool], ...] = ()
        """The branches of conditions that are not known in which the walk stands, from the outside in, across calls: what was loaded in
        another one may not be there."""
        self.made_classes: list[ClassValue] = []
        """Classes that calls of ``type`` made, in the order in which they were walked."""
        self.made_of_values: list[ClassValue] = []
        """Classes of the project of which some call made an object from a row, a queryset, another object."""
        self._initialised_like: dict[object, Instance] = {}
        """An object that a constructor was walked for, by its arguments: the next one like it is not walked again."""
        self._bound_names: dict[int, frozenset[str]] = {}
        self._found_equal: set[int] = set()
        """Constants of the source, which stay, that a variable was found equal to."""
        self._by_base: dict[str, list[ClassValue]] | None = None
        self.well_known: dict[str, Callable[[], Value]] = {}
        """Attributes that mean the same on whatever is not known."""
        self.frameworks: Sequence[Framework] = ()
        self.frameworks = frameworks(self)

    def holds_here(self, branch: tuple[tuple[int, bool], ...]) -> bool:
        """Whether what happened in a branch has happened wherever the walk comes to where it stands now."""
        return self.branch[: len(branch)] == branch

    # Names -----------------------------------------------------------------------------------------------------------------

    def name_in(self, module_name: str, name: str) -> Value:
        """What a name means in a module named by its dotted name: one of the project, of a stub, or of a library."""
        module = self.codebase.find(module_name)
        if module is not None:
            found = self.global_name(module, name)
            # A package that imports its own modules: ``from shop import orders`` in shop/__init__.py.
            if found is not None and not (isinstance(found, Unknown) and found.reason == _ITSELF.format(name)):
                return found
        dotted = f"{module_name}.{name}"
        below = self.codebase.find(dotted)
        if below is not None:
            return ModuleValue(dotted, below)
        if module is None or not module.owned:
            return (
                self.library(dotted)
                if not self.codebase.has_package(dotted) or module_name.split(".")[0] in ("django", "sqlalchemy")
                else ModuleValue(dotted, None)
            )
        return Unknown(f"{name} is not defined in {module_name}")

    def frame(self, module: Module) -> Frame:
        """A frame at a module's top level."""
        return Frame(self, module)

    def module_named(self, name: str) -> Value:
        module = self.codebase.find(name)
        if module is not None or self.codebase.has_package(name):
            return ModuleValue(name, module)
        return self.library(name)

    def global_name(self, module: Module, name: str) -> Value | None:
        """The value of a module's global name, or None when it has none of that name."""
        mark = (str(module.path), name)
        if mark in self._names:
            return self._names[mark]
        if mark in self._pending:
            return Unknown(_ITSELF.format(name))
        self._pending.add(mark)
        value: Value | None = Unknown(f"{name} takes too long to tell")
        try:
            with self.unhurried():
                value = self._global_name(module, name)
        finally:
            self._pending.discard(mark)
        if value is not None:
            self._names[mark] = value
        return value

    @contextmanager
    def unhurried(self) -> Iterator[None]:
        """What a module or a class defines is looked up once for all who ask: with steps of its own, however few are left to the one
        who happens to ask first."""
        steps, deadline = self.steps, self.deadline
        self.steps, self.deadline = 0, float("inf")
        try:
            yield
        except OutOfSteps:
            pass
        finally:
            self.steps, self.deadline = steps, deadline

    def _global_name(self, module: Module, name: str) -> Value | None:
        scope = module.scope
        if name in scope.bindings:
            return self._from_scope(scope, name, Frame(self, module))
        value = self._from_stars(module, name)
        for extra in scope.augmented.get(name, ()):
            value = add(value or Unknown(name), Frame(self, module).evaluate(extra))
        if value is not None:
            return value
        if name == "__name__":
            return Known(module.name)
        if name == "__file__":
            return Known(str(module.path))
        return None

    def _from_stars(self, module: Module, name: str) -> Value | None:
        for star in module.scope.stars:
            source = self.codebase.find(star.module)
            if source is not None and source is not module and not name.startswith("_"):
                found = self.global_name(source, name)
                if found is not None:
                    return found
            elif source is None and not self.codebase.has_package(star.module):
                value = self.library(f"{star.module}.{name}")
                if not isinstance(value, Library):
                    return value
        return None

    def _from_scope(self, scope: Scope, name: str, at: Frame) -> Value:
        """The last binding that means something; ``+=`` is added to it."""
        value: Value = Unknown(f"{name} is not known")
        bindings = scope.bindings.get(name, [])
        if len(bindings) > 1 and any(isinstance(one, Import) for one in bindings):
            # ``if TYPE_CHECKING: import numpy``, ``else: numpy = lazy_import("numpy")``: the import says what it is.
            bindings = [one for one in bindings if not isinstance(one, ast.Call)]
        for binding in reversed(bindings):
            value = self.bound(binding, at)
            if not (isinstance(value, Unknown | Library) or (isinstance(value, Known) and value.value is None)):
                break
        for extra in scope.augmented.get(name, ()):
            value = add(value, at.evaluate(extra))
        nothing = isinstance(value, Unknown) or (isinstance(value, Known) and value.value is None)
        if nothing and name in scope.annotations and at.owner is None:
            value = self.annotation(scope.annotations[name], at) or value
        return value

    def bound(self, binding: Binding, at: Frame) -> Value:
        """The value of one binding."""
        if isinstance(binding, Import):
            if binding.name is None:
                return self.module_named(binding.module)
            return self.name_in(binding.module, binding.name)
        if isinstance(binding, ast.ClassDef):
            return self.class_of(binding, at.module, None)
        if isinstance(binding, ast.FunctionDef | ast.AsyncFunctionDef):
            return self.decorated(binding, at)
        return at.evaluate(binding)

    def class_of(self, node: ast.ClassDef, module: Module, closure: dict[str, Value] | None) -> ClassValue:
        if id(node) not in self._classes:
            self._classes[id(node)] = ClassValue(node, module, closure)
        return self._classes[id(node)]

    def _class_of_call(self, node: ast.ClassDef, at: Frame) -> ClassValue:
        """A class whose bases are made of the variables of the function that it stands in: one for each set of its bases' values."""
        inside = Frame(self, at.module, closure=enclosing(at.locals, at.closure))
        bases = tuple(self.evaluate(base, inside).key() for base in node.bases)
        mark = (id(node), bases)
        if mark not in self._classes_of_calls:
            first = id(node) not in self._classes
            made = ast.ClassDef(**{name: getattr(node, name) for name in node._fields if hasattr(node, name)})
            found = self.class_of(node if first else ast.copy_location(made, node), at.module, at.locals)
            self._classes_of_calls[mark] = found
        return self._classes_of_calls[mark]

    def library(self, name: str) -> Value:
        """The value of a dotted name outside the project."""
        if name not in self._libraries:
            self._libraries[name] = self._library(name)
        return self._libraries[name]

    def _library(self, name: str) -> Value:
        parent, _, last = name.rpartition(".")
        stub = self.codebase.find(parent) if parent else None
        if stub is not None:
            found = self.global_name(stub, last)
            if found is not None:
                return found
        for framework in self.frameworks:
            value = framework.library(name)
            if value is not None:
                return value
        return Native(name, LIBRARY[name]) if name in LIBRARY else Library(name)

    def call_library(self, library: Library, arguments: Arguments, at: Frame) -> Value:
        self.call_arguments_later(arguments, at)
        return Unknown(f"result of {library.name}", arguments.origin())

    def call_arguments_later(self, arguments: Arguments, at: Frame) -> None:
        """Functions handed to something unknown may well be called by it."""
        for value in arguments.every():
            if isinstance(value, Function) and isinstance(value.node, ast.Lambda):
                self.call_function(value, None, Arguments(), at)

    def call_real(self, real: Real, arguments: Arguments, at: Frame) -> Value:
        for framework in self.frameworks:
            value = framework.call_real(real, arguments, at)
            if value is not None:
                return value
        return Unknown(f"result of {real.describe()}", arguments.origin())

    def real_attribute(self, real: Real, name: str, at: Frame) -> Value:
        for framework in self.frameworks:
            value = framework.real_attribute(real, name, at)
            if value is not None:
                return value
        return Unknown(f"attribute {name} of {real.describe()}")

    def real_item(self, real: Real, key: Value, at: Frame) -> Value:
        if isinstance(real.object, type):
            return real  # QuerySet["Order"], TypeDecorator[X]
        for framework in self.frameworks:
            item = getattr(framework, "real_item", None)
            value: Value | None = item(real, key, at) if item else None
            if value is not None:
                return value
        return Unknown(f"item of {real.describe()}")

    def real_elements(self, real: Real) -> list[Value] | None:
        """What iterating a real object gives, one after the other, where a framework tells."""
        for framework in self.frameworks:
            tell = getattr(framework, "real_elements", None)
            found: list[Value] | None = tell(real) if tell else None
            if found is not None:
                return found
        return None

    # Classes ---------------------------------------------------------------------------------------------------------------

    def made_class(self, name: Value, bases: Value, body: Value, at: Frame) -> Value:
        """The class that ``type(name, bases, body)`` makes. It belongs to the module that its ``__module__`` names."""
        if not (isinstance(name, Known | FormattedText) and isinstance(body, Mapping)):
            return Unknown("a class made at run time")
        given = name.value if isinstance(name, Known) else name.text
        if not isinstance(given, str) or HOLE in given or "%" in given:
            return Unknown("a class made at run time, of a name that is not known")
        module_name = body.items.get("__module__")
        module = self.codebase.find(str(module_name.value)) if isinstance(module_name, Known) else None
        node = ast.ClassDef(given, [], [], [ast.Pass(lineno=at.line, col_offset=0)], [], lineno=at.line, col_offset=0)
        cls = ClassValue(node, module or at.module)
        scope = Scope()
        for key, value in body.items.items():
            if isinstance(key, str) and key != "__module__":
                scope.bind(key, ast.Constant(None, lineno=at.line, col_offset=0))
                cls.kept["attribute:" + key] = value
        cls.kept["scope"] = scope
        cls.kept["bases"] = tuple(bases.items) if isinstance(bases, Items) else (bases,)
        self._classes[id(node)] = cls  # keeps the node, whose identity is the class's
        self.made_classes.append(cls)
        return cls

    def bases(self, cls: ClassValue) -> tuple[Value, ...]:
        if "bases" not in cls.kept:
            cls.kept["bases"] = ()
            at = Frame(self, cls.module, closure=cls.closure)
            with self.unhurried():
                found_bases = (alternatives(self.evaluate(base, at))[0] for base in cls.node.bases)
                cls.kept["bases"] = tuple(self._read_base(base, cls) for base in found_bases)
        found: tuple[Value, ...] = cls.kept["bases"]
        return found

    def _read_base(self, base: Value, cls: ClassValue) -> Value:
        """For a class of a library that is not read the one of a framework's that it surely builds on, when its name tells, or the body
        of the class that builds on it."""
        if isinstance(base, Library):
            for framework in self.frameworks:
                stand_in = getattr(framework, "stand_in_for_base", None)
                found: Value | None = stand_in(base.name, cls) if stand_in else None
                if found is not None:
                    return found
        return base

    def unread_bases(self, cls: ClassValue) -> Iterator[str]:
        """Names of the library classes above a class that are not read, so that what it inherits is not wholly known."""
        for one in self.mro(cls):
            for base in self.bases(one):
                if isinstance(base, Library) and base.name.partition(".")[0] not in _WITHOUT_COLUMNS:
                    yield base.name

    def mro(self, cls: ClassValue) -> tuple[ClassValue, ...]:
        """The project's and the stubs' classes in the order of resolution (C3; depth first where that fails)."""
        if "mro" not in cls.kept:
            cls.kept["mro"] = (cls,)
            self._pending_orders.add(id(cls.node))
            parents = [base for base in self.bases(cls) if isinstance(base, ClassValue) and base is not cls]
            lines = [list(self.mro(parent)) for parent in parents] + [list(parents)]
            cls.kept["mro"] = (cls, *merged(lines))
            self._pending_orders.discard(id(cls.node))
        found: tuple[ClassValue, ...] = cls.kept["mro"]
        return found

    def foreign_bases(self, cls: ClassValue) -> tuple[Value, ...]:
        """The bases, near and far, that are not classes whose source is read."""
        if "foreign" not in cls.kept:
            cls.kept["foreign"] = tuple(
                base for one in self.mro(cls) for base in self.bases(one) if not isinstance(base, ClassValue)
            )
        found: tuple[Value, ...] = cls.kept["foreign"]
        return found

    def is_subclass(self, cls: ClassValue, qualified_name: str) -> bool:
        return any(one.qualified_name == qualified_name for one in self.mro(cls))

    def scope_of(self, cls: ClassValue) -> Scope:
        if "scope" not in cls.kept:
            scope = Scope()
            collect(cls.node.body, scope, cls.module)
            cls.kept["scope"] = scope
        found: Scope = cls.kept["scope"]
        return found

    def find_in_class(self, cls: ClassValue, name: str) -> ClassValue | None:
        """The class in the order of resolution whose body binds the name."""
        found: dict[str, ClassValue | None] = cls.kept.get("owners") or cls.kept.setdefault("owners", {})
        if name not in found:
            owner = next((one for one in self.mro(cls) if name in self.scope_of(one).bindings), None)
            if id(cls.node) in self._pending_orders:  # its bases are being looked up at this moment
                return owner
            found[name] = owner
        return found[name]

    def own_attribute(self, owner: ClassValue, name: str) -> Value:
        """The value that a class's own body gives to a name."""
        mark = "attribute:" + name
        if mark not in owner.kept:
            owner.kept[mark] = Unknown(_ITSELF.format(name))
            at = Frame(self, owner.module, closure=owner.closure, owner=owner, function=owner.name)
            with self.unhurried():
                owner.kept[mark] = self._from_scope(self.scope_of(owner), name, at)
        found: Value = owner.kept[mark]
        return found

    def give(self, cls: ClassValue, name: str, value: Value) -> None:
        """Set an attribute of a class from outside of its body, before anybody asks for it."""
        self.scope_of(cls).bind(name, ast.Constant(None, lineno=cls.node.lineno, col_offset=0))
        cls.kept["attribute:" + name] = value
        cls.kept.get("owners", {}).pop(name, None)

    def adoption(self, cls: ClassValue) -> Adoption | None:
        if "adoption" not in cls.kept:
            cls.kept["adoption"] = None
            found = (framework.adopt(cls) for framework in self.frameworks)
            cls.kept["adoption"] = next((adoption for adoption in found if adoption is not None), None)
        result: Adoption | None = cls.kept["adoption"]
        return result

    def class_attribute(self, cls: ClassValue, name: str, at: Frame) -> Value:
        if name in schemas.READERS and self.find_in_class(cls, name) is None and schemas.is_schema(self, cls):
            return schemas.reader(cls, name)
        adoption = self.adoption(cls)
        if adoption is not None:
            value = adoption.class_attribute(name, at)
            if value is not None:
                return value
        given = self.given_by_base(cls).get(name)
        if given is not None:
            return given
        owner = self.find_in_class(cls, name)
        if owner is not None:
            return self.unbound(self.own_attribute(owner, name), cls)
        if name in ("__name__", "__qualname__"):
            return Known(cls.name)
        if name == "__module__":
            return Known(cls.module.name)
        if name == "__orig_bases__":
            return Items(list(self.written_bases(cls)), "tuple")
        of_metaclass = self._of_metaclass(cls, name, at)
        if of_metaclass is not None:
            return of_metaclass
        if name == "as_view":
            return Native(name, lambda arguments, frame: Unknown("a view"))
        return Unknown(f"attribute {name} of {cls.name}")

    def _of_metaclass(self, cls: ClassValue, name: str, at: Frame) -> Value | None:
        """What a class has by its metaclass, one of the project: a method, a property, what ``__getattr__`` gives."""
        metaclass = self._metaclass(cls)
        if metaclass is None:
            return None
        owner = self.find_in_class(metaclass, name)
        if owner is not None:
            return self.bind(self.own_attribute(owner, name), cls, at)
        owner = self.find_in_class(metaclass, "__getattr__")
        method = self.own_attribute(owner, "__getattr__") if owner is not None else None
        if not isinstance(method, Function):
            return None
        return self.call_function(method, cls, Arguments([Known(name)]), at)

    def _metaclass(self, cls: ClassValue) -> ClassValue | None:
        if "metaclass" not in cls.kept:
            cls.kept["metaclass"] = None
            for one in self.mro(cls):
                for keyword in one.node.keywords:
                    if keyword.arg == "metaclass" and one.module.owned:
                        found = self.evaluate(keyword.value, Frame(self, one.module, closure=one.closure))
                        cls.kept["metaclass"] = found if isinstance(found, ClassValue) else None
                        return cls.kept["metaclass"]  # type: ignore[no-any-return]
        result: ClassValue | None = cls.kept["metaclass"]
        return result

    def given_by_base(self, cls: ClassValue) -> dict[str, Value]:
        """What ``__init_subclass__`` of a base, which Python calls for each class that derives from it, sets on the class."""
        if "given" not in cls.kept:
            cls.kept["given"] = {}
            owner = next((one for one in self.mro(cls)[1:] if "__init_subclass__" in self.scope_of(one).bindings), None)
            hook = self.own_attribute(owner, "__init_subclass__") if owner is not None else None
            if isinstance(hook, Function):
                given = Instance(cls)
                with self.unhurried():
                    self.call_function(
                        hook, ClassBeingMade(cls, given), Arguments(), self.frame(cls.module), quiet=True
                    )
                cls.kept["given"] = {
                    name: value
                    for name, value in given.attributes.items()
                    if not isinstance(value, Unknown | TypeVariable)
                }
        found: dict[str, Value] = cls.kept["given"]
        return found

    def written_bases(self, cls: ClassValue) -> Iterator[Value]:
        """The bases with what stands in their brackets."""
        at = Frame(self, cls.module, closure=cls.closure)
        for node in cls.node.bases:
            inner = node.slice if isinstance(node, ast.Subscript) else None
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner] if inner is not None else []
            yield Parametrised(self.evaluate(node, at), tuple(self.evaluate(part, at) for part in parts))

    @staticmethod
    def unbound(value: Value, cls: ClassValue) -> Value:
        if isinstance(value, Function) and "classmethod" in decorator_names(value.node):
            return Bound(value, cls)
        return value

    def instantiate(self, cls: ClassValue, arguments: Arguments, at: Frame) -> Value:
        adoption = self.adoption(cls)
        if adoption is not None:
            return adoption.instantiate(arguments, at)
        made = self._made_otherwise(cls, arguments, at)
        if made is not None:
            return made
        instance = Instance(cls)
        owner = self.find_in_class(cls, "__init__")
        if owner is not None:
            method = self.own_attribute(owner, "__init__")
            if isinstance(method, Function):
                self._remember_made(cls, arguments)
                self.call_function(method, instance, arguments, at)
        elif "dataclass" in " ".join(decorator_names(cls.node)) or self.foreign_bases(cls):
            fields = [n for one in reversed(self.mro(cls)) for n in annotated_names(one.node)]
            instance.attributes.update(zip(fields, arguments.positional, strict=False))
            instance.attributes.update(arguments.named)
            if arguments.named and schemas.is_schema(self, cls):
                schemas.fill(cls, arguments.named, at)
        return instance

    def _made_otherwise(self, cls: ClassValue, arguments: Arguments, at: Frame) -> Value | None:
        """What ``__new__`` of a class of the project gives, when that is known and no object of the class."""
        owner = self.find_in_class(cls, "__new__")
        method = self.own_attribute(owner, "__new__") if owner is not None and owner.module.owned else None
        if not isinstance(method, Function):
            return None
        made = self.call_function(method, cls, arguments, at)
        told = [one for one in alternatives(made) if not isinstance(one, Unknown | Known)]
        if not told or any(isinstance(one, Instance) and cls in self.mro(one.cls) for one in told):
            return None
        return union(told)

    def _remember_made(self, cls: ClassValue, arguments: Arguments) -> None:
        """Keep what a class of the project is made from where that tells more than constants."""
        if not cls.module.owned or not any(map(_tells_more, arguments.every())):
            return
        made: dict[object, Arguments] = cls.kept.setdefault("made of", {})
        if not made:
            self.made_of_values.append(cls)
        if len(made) < MOST_MADE:
            made.setdefault(arguments.shape(), arguments)

    def made_like(self, cls: ClassValue) -> Iterator[Instance]:
        """Objects of a class, made as the calls that were walked make them; on each nothing was done yet."""
        for arguments in list(cls.kept.get("made of", {}).values()):
            self.steps = 0
            try:
                made = self.instantiate(cls, arguments.renewed(), self.frame(cls.module))
            except OutOfSteps:
                continue
            if isinstance(made, Instance):
                yield made

    def iterate_class(self, cls: ClassValue, at: Frame) -> Value:
        """An enumeration's members."""
        members = [n for n in self.scope_of(cls).bindings if n.isupper()]
        return (
            union(self.class_attribute(cls, name, at) for name in members) if members else Unknown("element of a class")
        )

    def typed(self, cls: ClassValue, at: Frame) -> Value:
        """An instance of which nothing but the class is known."""
        adoption = self.adoption(cls)
        return adoption.typed(at) if adoption is not None else Instance(cls)

    def instance_attribute(self, instance: Instance, name: str, at: Frame) -> Value:
        if name in instance.attributes:
            return instance.attributes[name]
        if name == "__class__":
            return instance.cls
        given = self.given_by_base(instance.cls).get(name)
        if given is not None:
            return given
        owner = self.find_in_class(instance.cls, name)
        if owner is not None:
            value = self.own_attribute(owner, name)
            if self._is_declared_field(owner, name):
                return self._declared_field(owner, name, at)
            if not (isinstance(value, Known) and value.value is None):
                return self._implementations(value, instance, name, at) or self.bind(value, instance, at)
        assigned = self._assigned_elsewhere(instance, name, at)
        if assigned is not None:
            return assigned
        if owner is not None:
            return Known(None)
        annotation = self._annotated(instance.cls, name, at)
        return annotation or Unknown(f"attribute {name} of {instance.describe()}")

    def _is_declared_field(self, owner: ClassValue, name: str) -> bool:
        """``key: Key | None = Field(…)`` of a class whose objects are made from its annotations."""
        binding = self.scope_of(owner).bindings[name][-1]
        called = dotted(binding.func).rpartition(".")[2] if isinstance(binding, ast.Call) else ""
        return called in ("Field", "field", "PrivateAttr") and name in self.scope_of(owner).annotations

    def _declared_field(self, owner: ClassValue, name: str, at: Frame) -> Value:
        node = self.scope_of(owner).annotations[name]
        found = self.annotation(node, Frame(self, owner.module, owner=owner, summary=at.summary))
        if found is None:
            return Unknown(f"{owner.name}.{name}", "argument")
        text = ast.unparse(node)
        return union([found, Known(None)]) if "Optional[" in text or "None" in text else found

    def _annotated(self, cls: ClassValue, name: str, at: Frame) -> Value | None:
        for one in self.mro(cls):
            for node in one.node.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                    frame = Frame(self, one.module, owner=one, summary=at.summary)
                    frame.receiver = cls
                    return self.annotation(node.annotation, frame)
        return None

    def bind(self, value: Value, receiver: Value, at: Frame) -> Value:
        """What a class attribute becomes on an instance: a method, a property's value, itself."""
        if not isinstance(value, Function):
            return value
        names = decorator_names(value.node)
        if "staticmethod" in names:
            return value
        if any(name.rsplit(".", 1)[-1] in ("property", "cached_property", "hybrid_property") for name in names):
            return self.call_function(value, receiver, Arguments(), at)
        if "classmethod" in names and isinstance(receiver, Instance):
            return Bound(value, receiver.cls)
        return Bound(value, receiver)

    def _implementations(self, value: Value, instance: Instance, name: str, at: Frame) -> Value | None:
        """An abstract method of an object of which only its abstract class is known: those of the classes that derive from it; with
        classes for several databases, PostgreSQL's."""
        if not isinstance(value, Function) or not any(
            one.rpartition(".")[2].startswith("abstract") for one in decorator_names(value.node)
        ):
            return None
        found = [cls for cls in self.derived(instance.cls) if name in self.scope_of(cls).bindings]
        found = [cls for cls in found if "postgres" in cls.name.lower()] or found
        return union(self.instance_attribute(Instance(cls), name, at) for cls in found[:4]) if found else None

    def completed(self, cls: ClassValue) -> list[ClassValue]:
        """The classes that a base's methods are walked for when it is not complete by itself: it has type variables, or attributes that
        are None or only declared, which classes that derive from it give. None for any other."""
        if self.adoption(cls) is not None:  # a model has rows of its own
            return []
        given = [one for one in self.derived(cls) if self._completes(one, cls)]
        return given[:MOST_COMPLETED]

    def _completes(self, derived: ClassValue, base: ClassValue) -> bool:
        if any(owner == id(base.node) for owner, _name in type_arguments(self, derived)):
            return True
        declared = {
            n.target.id for n in base.node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
        }
        bindings = self.scope_of(base).bindings
        empty = [n for n in declared if n not in bindings]
        empty += [n for n, found in bindings.items() if isinstance(found[-1], ast.Constant) and found[-1].value is None]
        return any(
            isinstance(self.scope_of(derived).bindings.get(n, [None])[-1], ast.Name | ast.Attribute) for n in empty
        )

    def derived(self, cls: ClassValue) -> list[ClassValue]:
        """The project's classes that derive from one, near or far."""
        if "derived" not in cls.kept:
            cls.kept["derived"] = []
            cls.kept["derived"] = [one for one in self.named_bases(cls.name) if cls in self.mro(one)[1:]]
            for one in list(cls.kept["derived"]):
                cls.kept["derived"] += [far for far in self.derived(one) if far not in cls.kept["derived"]]
        result: list[ClassValue] = cls.kept["derived"]
        return result

    def is_incomplete(self, cls: ClassValue) -> bool:
        """Whether objects are those of classes below only: an abstract model, or a class without bases that others mix in."""
        adoption = self.adoption(cls)
        if adoption is not None:
            return bool(getattr(adoption, "is_abstract", False))
        return not cls.node.bases

    def named_bases(self, name: str) -> list[ClassValue]:
        """The project's classes with a base of this name as it is written."""
        return self._bases_by_name().get(name, [])

    def _bases_by_name(self) -> dict[str, list[ClassValue]]:
        if self._by_base is None:
            self._by_base = {}
            for module in self.codebase.modules:
                for node in module.tree.body:
                    if isinstance(node, ast.ClassDef) and module.role != "tests":
                        for base in node.bases:
                            inner = base.value if isinstance(base, ast.Subscript) else base
                            self._by_base.setdefault(dotted(inner).rpartition(".")[2], []).append(
                                self.class_of(node, module, None)
                            )
        return self._by_base

    def _assigned_elsewhere(self, instance: Instance, name: str, at: Frame) -> Value | None:
        """``self.name = …`` in another method of the class: that method is walked on an instance of its own."""
        for owner in self.mro(instance.cls):
            for method in self._self_assignments(owner).get(name, ()):
                mark = ("assigned", id(method), id(instance.cls.node))
                if mark in self._pending:
                    continue
                if mark not in self._names_of_self:
                    self._pending.add(mark)
                    other = Instance(instance.cls)
                    function = Function(method, owner.module, owner.closure, owner)
                    self.call_function(function, other, self.entry_arguments(function, other), at, quiet=True)
                    self._names_of_self[mark] = other.attributes
                    self._pending.discard(mark)
                value = self._names_of_self[mark].get(name)
                if value is not None:
                    return value
        return None

    @property
    def _names_of_self(self) -> dict[object, dict[str, Value]]:
        kept: dict[object, dict[str, Value]] = self.__dict__.setdefault("_self_values", {})
        return kept

    @staticmethod
    def _self_assignments(cls: ClassValue) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
        if "assignments" not in cls.kept:
            found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
            for method in cls.node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.args.args:
                    first = method.args.args[0].arg
                    for node in ast.walk(method):
                        if (
                            isinstance(node, ast.Attribute)
                            and isinstance(node.ctx, ast.Store)
                            and isinstance(node.value, ast.Name)
                            and node.value.id == first
                        ):
                            methods = found.setdefault(node.attr, [])
                            if method not in methods:
                                methods.append(method)
            cls.kept["assignments"] = found
        result: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = cls.kept["assignments"]
        return result

    def super_attribute(self, value: Super, name: str, at: Frame) -> Value:
        order = self.mro(value.cls)
        rest = order[order.index(value.after) + 1 :] if value.after in order else ()
        for one in rest:
            if name in self.scope_of(one).bindings:
                return self.bind(self.own_attribute(one, name), value.receiver, at)
        adoption = self.adoption(value.cls)
        if name == "__init__":
            return Native("__init__", lambda arguments, frame: self._initialised(value, arguments))
        if adoption is not None:
            found = value.receiver.attribute(f"super.{name}", at)
            if not isinstance(found, Unknown):
                return found
        return Unknown(f"{name} of a base class of {value.cls.name} that is not read")

    def _initialised(self, value: Super, arguments: Arguments) -> Value:
        """A constructor reached a base class that is not read."""
        initialised = getattr(self.adoption(value.cls), "initialised", None)
        if initialised is not None:
            initialised(value.receiver, arguments)
        return Known(None)

    # Functions -------------------------------------------------------------------------------------------------------------

    def decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef, at: Frame) -> Value:
        """A function with its decorators: those of the project are called, all others are taken to leave it as it is."""
        return Function(
            node, at.module, at.locals if at.function != "<module>" and at.owner is None else at.closure, at.owner
        )

    def walk(
        self,
        function: Function,
        receiver: Value | None,
        arguments: Arguments | None = None,
        site: Place | None = None,
    ) -> Summary:
        """Walk a function as an entry point, with arguments of which only the annotations are known. ``site``: the line of the
        project that a stub is walked for."""
        self.steps = 0
        self.entry += 1
        self.ambient, self.branch = None, ()
        at = Frame(self, function.module, function=function.name)
        at.site = site
        given = arguments or self.entry_arguments(function, receiver)
        for framework in self.frameworks:
            if (enter := getattr(framework, "enter", None)) is not None:
                enter(function, receiver)
        try:
            result = self.call_function(function, receiver, given, at)
            at.line = function.node.lineno
            schemas.respond(function, result, at)
            for framework in self.frameworks:
                if (respond := getattr(framework, "respond", None)) is not None:
                    respond(function, result, at)
        except OutOfSteps:
            at.summary.events.append(Happening("cut", at.place, ()))
        return at.summary

    def forget(self) -> None:
        """Give up what walks since the last call of this gave and nobody asked for again: six walks of seven, and most of the memory."""
        for mark in self._walked_last:
            summary = self._summaries.get(mark)
            if summary is not None and not summary.asked_again:
                del self._summaries[mark]
                self._initialised_like.pop(mark, None)
        self._walked_last.clear()

    def entry_arguments(self, function: Function, receiver: Value | None) -> Arguments:
        """Arguments for a function that nobody calls: typed by their annotations, a ``request`` is the user's."""
        node = function.node.args
        at = Frame(self, function.module, closure=function.closure, owner=function.owner)
        at.receiver = receiver
        named: dict[str, Value] = {}
        names = [*node.posonlyargs, *node.args][0 if receiver is None else 1 :]
        optional = _left_out_as_none(node)
        for one in (*names, *node.kwonlyargs):
            value = self.annotation(one.annotation, at) if one.annotation else None
            value = value or self._given_by_framework(function, one.arg)
            if value is not None and one in optional:
                value = union([value, Known(None)])
            origin: Origin = "request" if one.arg == "request" else "argument"
            named[one.arg] = value or Unknown(f"argument {one.arg}", origin, or_none=one in optional)
        return Arguments([], named, Unknown("*arguments", "argument"), Unknown("**arguments", "argument"))

    def _given_by_framework(self, function: Function, name: str) -> Value | None:
        """What a framework hands to a function under a name: the request, the row of a signal."""
        for framework in self.frameworks:
            entry_argument = getattr(framework, "entry_argument", None)
            found: Value | None = entry_argument(function, name) if entry_argument else None
            if found is not None:
                return found
        return None

    def annotation(self, node: ast.expr, at: Frame) -> Value | None:
        """An instance of the class that an annotation names, or None when it tells nothing."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                return None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            sides = [self.annotation(side, at) for side in (node.left, node.right)]
            return next((side for side in sides if side is not None), None)
        if isinstance(node, ast.Subscript):
            return self._generic_annotation(node, at)
        if not isinstance(node, ast.Name | ast.Attribute):
            return None
        alias = self._annotation_alias(node, at)
        if alias is not None:
            return self.annotation(*alias)
        value = self.named_class(node, at)
        if isinstance(value, ClassValue):
            return self.typed(value, at)
        if isinstance(value, Library | Real):
            return self.instance_of_library(value, at)
        return None

    def named_class(self, node: ast.expr, at: Frame) -> Value:
        """The class that a name in an annotation stands for; of a type variable the one that the receiver's class gives it."""
        value = at.evaluate(node)
        if isinstance(value, TypeVariable):
            return self.type_argument(value, at) or Unknown(f"type variable {value.name}")
        return value

    def type_argument(self, variable: TypeVariable, at: Frame) -> Value | None:
        """What a type variable stands for in the method that is walked: by the bases of the receiver's class."""
        cls = at.receiver if isinstance(at.receiver, ClassValue) else getattr(at.receiver, "cls", None)
        if at.owner is None or not isinstance(cls, ClassValue):
            return None
        return type_arguments(self, cls).get((id(at.owner.node), variable.name))

    def _annotation_alias(self, node: ast.Name | ast.Attribute, at: Frame) -> tuple[ast.expr, Frame] | None:
        """``SessionDep = Annotated[Session, Depends(get_session)]``: the right side, where it stands."""
        module: Module | None = at.module
        name = node.attr if isinstance(node, ast.Attribute) else node.id
        if isinstance(node, ast.Attribute):
            holder = at.evaluate(node.value)
            module = holder.module if isinstance(holder, ModuleValue) else None
        for _ in range(6):
            bindings = module.scope.bindings.get(name) if module is not None else None
            if not bindings or module is None:
                return None
            last = bindings[-1]
            if isinstance(last, ast.Subscript | ast.BinOp):
                return last, Frame(self, module)
            if not isinstance(last, Import) or last.name is None:
                return None
            module, name = self.codebase.find(last.module), last.name
        return None

    def _generic_annotation(self, node: ast.Subscript, at: Frame) -> Value | None:
        outer = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer in ("Optional", "Annotated", "Required", "ClassVar", "Final", "Awaitable", "Mapped", "SessionDep"):
            found = self.annotation(inner[0], at)
            if outer != "Annotated" or found is not None:
                return found
        if outer == "Union":
            return next((v for v in (self.annotation(one, at) for one in inner) if v is not None), None)
        if outer in ("type", "Type"):
            named = self.named_class(inner[0], at)
            return named if isinstance(named, ClassValue) else None
        if outer.lower() in ("list", "sequence", "iterable", "set", "tuple", "collection", "iterator", "generator"):
            element = self.annotation(inner[0], at)
            return Items([], "list", element) if element is not None else None
        value = at.evaluate(node.value)
        if isinstance(value, Library | Real):
            return self.instance_of_library(value, at, [at.evaluate(one) for one in inner])
        return self.typed(value, at) if isinstance(value, ClassValue) else None

    def instance_of_library(self, value: Value, at: Frame, parameters: Sequence[Value] = ()) -> Value | None:
        for framework in self.frameworks:
            typed = getattr(framework, "typed", None)
            found: Value | None = typed(value, parameters, at) if typed else None
            if found is not None:
                return found
        return None

    def call_function(
        self, function: Function, receiver: Value | None, arguments: Arguments, at: Frame, quiet: bool = False
    ) -> Value:
        """The result of calling a function of the project. What happens in it is remembered once for each set of argument values."""
        if at.depth >= DEEPEST_CALL:
            return Unknown("calls too deep")
        before = self.ambient
        self.ambient = self._switched(function)
        try:
            return self._called(function, receiver, arguments, at, quiet)
        finally:
            self.ambient = before

    def call_unbound(self, function: Function, arguments: Arguments, at: Frame) -> Value:
        """A function called by its name; a method called on its class is given its object: ``Base.save(self)``."""
        first = arguments.first()
        cls = getattr(first, "cls", None)
        if function.owner is None or not isinstance(cls, ClassValue) or function.owner not in self.mro(cls):
            return self.call_function(function, None, arguments, at)
        if not {"staticmethod", "classmethod"}.isdisjoint(decorator_names(function.node)):
            return self.call_function(function, None, arguments, at)
        return self.call_function(function, first, replace(arguments, positional=arguments.positional[1:]), at)

    def _switched(self, function: Function) -> object:
        """The ambient that a function's decorators switch to, else the present one."""
        for decorator in getattr(function.node, "decorator_list", ()):
            named = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(named, ast.Name):
                switch = getattr(self.global_name(function.module, named.id), "ambient", None)
                if switch is not None:
                    return switch
        return self.ambient

    def _called(
        self, function: Function, receiver: Value | None, arguments: Arguments, at: Frame, quiet: bool
    ) -> Value:
        site = (at.place or at.site) if is_stub(function.module) else None
        closure = Identity(function.closure) if function.closure is not None else None
        mark: object
        alike: Summary | None = None
        if site is not None and isinstance(receiver, Instance) and "of_the_class" in decorator_names(function.node):
            mark = (id(function.node), receiver.cls, self.ambient)
        else:
            whose = receiver.key() if receiver else None
            mark = (id(function.node), closure, whose, arguments.key(), self.ambient)
        summary = self._summaries.get(mark)
        if summary is None and site is not None:
            summary = self._summaries.get((mark, site))
        if summary is not None:
            summary.asked_again = True
        anew = function.module.name in self.walks_again
        if anew and summary is not None and summary.finished:
            summary = None
        if summary is None:
            shape = shape_of(receiver, arguments)
            if not (anew or isinstance(receiver, OneInstance) or function.name == "__init__"):
                alike = self._similar(function, receiver, arguments, shape)
            summary = alike or self._walked(function, receiver, arguments, at, mark, site, shape)
        elif not summary.finished:
            return Unknown(f"recursion in {function.name}")
        elif isinstance(receiver, Instance):
            like = self._initialised_like.get((mark, site) if summary.sited else mark)
            if like is not None:
                receiver.attributes.update(like.attributes)
        if summary.sited and at.place is None:
            at.summary.sited = True
        if summary.events and not quiet:
            at.summary.events.append(Called(summary, at.place, at.loops, at.conditions))
        result: Value = summary.result
        return result if alike is None else without_names(result)

    def _walked(
        self,
        function: Function,
        receiver: Value | None,
        arguments: Arguments,
        at: Frame,
        mark: object,
        site: Place | None,
        shape: int,
    ) -> Summary:
        """A function walked anew. A walk of a stub that did not ask for the line of the project that it is called from holds for all."""
        summary = Summary(function.name, result=Unknown(f"{function.name} was not walked to its end"))
        here = mark if site is None else (mark, site)
        self._summaries[here] = summary
        self._walked_last.append(here)
        walks = self._contexts.setdefault(_walked_for(function, receiver), Walks())
        walks.number += 1
        try:
            summary.result = self._run(function, receiver, arguments, at.depth + 1, summary, at.place or at.site)
        except OutOfSteps:
            summary.result = Unknown("walk cut short")
            raise
        finally:
            summary.finished = True
            walks.by_shape[shape] = summary
        if not summary.sited:
            here = mark
            self._summaries[mark] = summary
            self._walked_last.append(mark)
        if function.name == "__init__" and isinstance(receiver, Instance):
            self._initialised_like[here] = receiver
        return summary

    def _similar(self, function: Function, receiver: Value | None, arguments: Arguments, shape: int) -> Summary | None:
        """Of a function that was walked with many sets of arguments already, the last walk with arguments of this shape; when there were
        very many shapes, one that tells nothing."""
        walks = self._contexts.get(_walked_for(function, receiver))
        if walks is None or walks.number < _few_contexts(function):
            return None
        if (last := walks.by_shape.get(shape)) is not None:
            computed = receiver is None and not last.events and all(isinstance(v, Known) for v in arguments.every())
            return None if computed and walks.number < MOST_OF_CONSTANTS else last
        if walks.number < MOST_SHAPES:
            return None
        reason = f"{function.name} is called with too many kinds of arguments"
        return Summary(function.name, finished=True, result=Unknown(reason))

    def _run(
        self,
        function: Function,
        receiver: Value | None,
        arguments: Arguments,
        depth: int,
        summary: Summary,
        site: Place | None = None,
    ) -> Value:
        at = Frame(self, function.module, None, function.closure, function.owner, function.name, depth, summary)
        at.receiver = receiver
        at.site = site
        self._bind_parameters(function, receiver, arguments, at)
        node = function.node
        if isinstance(node, ast.Lambda):
            return self.evaluate(node.body, at)
        falls_through = self.execute(node.body, at)
        if at.yields:
            return Items([], "list", union(at.yields))
        if falls_through:
            at.returns.append(Known(None))
        result = union(at.returns)
        if node.returns is not None and all(
            isinstance(v, Unknown) or (isinstance(v, Known) and v.value is None) for v in alternatives(result)
        ):
            result = self.annotation(node.returns, at) or result
        return result

    def _bind_parameters(self, function: Function, receiver: Value | None, arguments: Arguments, at: Frame) -> None:
        node = function.node.args
        names = [one.arg for one in (*node.posonlyargs, *node.args)]
        given = list(arguments.positional)
        if receiver is not None:
            given.insert(0, receiver)
        variables = at.locals
        variables.update(zip(names, given, strict=False))
        named = {
            name: value
            for name, value in arguments.named.items()
            if name not in variables or name not in names[: len(given)]
        }
        allowed = {*names, *(one.arg for one in node.kwonlyargs)}
        variables.update((name, value) for name, value in named.items() if name in allowed)
        self._bind_defaults(function, variables, arguments, at)
        if node.vararg:
            variables[node.vararg.arg] = Items(given[len(names) :], "tuple", arguments.extra_positional)
        if node.kwarg:
            extra = {name: value for name, value in named.items() if name not in allowed}
            variables[node.kwarg.arg] = Mapping(
                dict(extra), arguments.extra_named, set(arguments.optional_named & extra.keys())
            )

    def _bind_defaults(self, function: Function, variables: dict[str, Value], arguments: Arguments, at: Frame) -> None:
        node = function.node.args
        ordered = [*node.posonlyargs, *node.args]
        defaults: list[ast.expr | None] = [*([None] * (len(ordered) - len(node.defaults))), *node.defaults]
        outside = Frame(self, function.module, closure=function.closure, owner=function.owner)
        outside.receiver = at.receiver
        for one, default in zip((*ordered, *node.kwonlyargs), (*defaults, *node.kw_defaults), strict=True):
            if one.arg in variables:
                continue
            if default is not None:
                variables[one.arg] = self.evaluate(default, outside)
            else:
                typed = self.annotation(one.annotation, outside) if one.annotation else None
                variables[one.arg] = typed or arguments.extra_positional or Unknown(f"argument {one.arg}", "argument")

    # Statements ------------------------------------------------------------------------------------------------------------

    def execute(self, body: Iterable[ast.stmt], at: Frame) -> bool:
        """Walk statements in order. False when control does not come out at the end."""
        for node in body:
            self.steps += 1
            if self.steps & 511 == 0 or self.steps > MOST_STEPS:
                self._step()
            at.line = node.lineno
            handler = _STATEMENTS.get(node.__class__)
            if handler is not None and not handler(self, node, at):
                return False
        return True

    def step(self) -> None:
        """One step of a walk that is not over Python's statements."""
        self.steps += 1
        if self.steps & 511 == 0 or self.steps > MOST_STEPS:
            self._step()

    def _step(self) -> None:
        """Looked at now and then: whether the walk has gone on for long enough."""
        if self.steps > MOST_STEPS or time.thread_time() > self.deadline:
            raise OutOfSteps

    def _expression(self, node: ast.Expr, at: Frame) -> bool:
        self.evaluate(node.value, at)
        return True

    def _assign(self, node: ast.Assign, at: Frame) -> bool:
        value = self.evaluate(node.value, at)
        for target in node.targets:
            self.assign(target, value, at)
        return True

    def _annotated_assign(self, node: ast.AnnAssign, at: Frame) -> bool:
        value: Value | None = self.evaluate(node.value, at) if node.value else None
        if value is None or isinstance(value, Unknown):
            value = self.annotation(node.annotation, at) or value or Unknown("declared only")
        elif isinstance(node.target, ast.Attribute) and isinstance(value, Known) and value.value is None:
            # ``self.adapter: Adapter | None = None``: set to something else later.
            value = union([value, self.annotation(node.annotation, at) or Unknown("declared only")])
        self.assign(node.target, value, at)
        return True

    def _augmented_assign(self, node: ast.AugAssign, at: Frame) -> bool:
        left = self.evaluate(node.target, at)
        right = self.evaluate(node.value, at)
        self.assign(node.target, self.operate(node.op, left, right, at), at)
        return True

    def assign(self, target: ast.expr, value: Value, at: Frame) -> None:
        if isinstance(target, ast.Name):
            at.locals[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, at)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, Items([], "list", at.iterate(value)), at)
        elif isinstance(target, ast.Attribute):
            self._assign_attribute(self.evaluate(target.value, at), target.attr, value, at)
        elif isinstance(target, ast.Subscript):
            for container in alternatives(self.evaluate(target.value, at)):
                if isinstance(container, Mapping):
                    container.set(self.evaluate(target.slice, at), value)
                elif isinstance(container, Items):
                    container.add_rest(value)
                elif (set_item := getattr(container, "set_item", None)) is not None:
                    set_item(self.evaluate(target.slice, at), value, at)

    @staticmethod
    def _assign_attribute(receiver: Value, name: str, value: Value, at: Frame) -> None:
        for one in alternatives(receiver):
            if isinstance(one, Instance):
                before = one.attributes.get(name)
                one.attributes[name] = value if before is None or at.depth < 2 else union([value])
            elif isinstance(one, ClassValue):
                set_on_class = getattr(at.interpreter.adoption(one), "assign_class_attribute", None)
                if set_on_class is not None:
                    set_on_class(name, value, at)
            else:
                assigned = getattr(one, "assign", None)
                if assigned is not None:
                    assigned(name, value, at)

    def _unpack(self, target: ast.Tuple | ast.List, value: Value, at: Frame) -> None:
        if isinstance(value, Items) and value.rest is None and len(value.items) == len(target.elts):
            for one, part in zip(target.elts, value.items, strict=True):
                self.assign(one, part, at)
            return
        for position, one in enumerate(target.elts):
            self.assign(one, value.item(Known(position), at), at)

    def _if(self, node: ast.If, at: Frame) -> bool:
        test = self.truth_of(node.test, at)
        before = dict(at.locals)
        ends: list[dict[str, Value]] = []
        own = OwnAttributes(at.receiver if test is None else None)
        conditions, weight = at.conditions, at.weight(node.test)
        for taken, body in ((True, node.body), (False, node.orelse)):
            if test is not None and test is not taken:
                continue
            at.locals = dict(before)
            own.begin()
            self._narrow(node.test, taken, at)
            held = list(before.values()) if test is None else []
            lists = [(one, len(one.items)) for one in held if isinstance(one, Items)]
            mappings = [(one, dict(one.items)) for one in held if isinstance(one, Mapping)]
            outside = self.branch
            if test is None:
                self.branch = (*outside, (id(node), taken))
                at.conditions += weight
            try:
                ended = self.execute(body, at)
            finally:
                self.branch = outside
                at.conditions = conditions
            own.end(ended)
            if ended:
                ends.append(at.locals)
            for one, length in lists:
                one.optional.update(range(length, len(one.items)))
            for mapping, kept in mappings:
                mapping.optional |= mapping.items.keys() - kept.keys()
                for key, former in kept.items():
                    if key in mapping.items and mapping.items[key] is not former:
                        mapping.items[key] = union((former, mapping.items[key]))
        if test is None and len(ends) == 1:  # the other branch left: what follows stands under the condition
            at.conditions += weight
        own.join(at)
        return self._join(ends, before, at)

    def _join(self, ends: list[dict[str, Value]], before: dict[str, Value], at: Frame) -> bool:
        """Continue with the variables of all branches that came to their end."""
        if not ends:
            at.locals = before
            return False
        joined = ends[0]
        for other in ends[1:]:
            for name, there in other.items():
                here = joined.get(name)
                if here is None or (id(here) in self._found_equal and isinstance(there, Unknown)):
                    joined[name] = there  # what it was found equal to in one branch it need not be after both
                elif here is not there and not (id(there) in self._found_equal and isinstance(here, Unknown)):
                    joined[name] = self.either(here, there, at)
        at.locals = joined
        return True

    @staticmethod
    def either(here: Value, there: Value, at: Frame) -> Value:
        """What a variable is after branches that do not agree: one value where a framework has one that says as much as both."""
        for one, base in ((here, there), (there, here)):
            several, bases = alternatives(one), alternatives(base)
            if all(hasattr(member, "or_not") for member in (*several, *bases)):
                found = [value for member in several if (value := _without(member, bases, at)) is not None]
                if len(found) == len(several):
                    return union(found)
        return union((here, there))

    def _narrow(self, test: ast.expr, taken: bool, at: Frame) -> None:
        """What a branch tells of a variable: that it is not None, or that it is."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self._narrow(test.operand, not taken, at)
            return
        if isinstance(test, ast.BoolOp) and taken and isinstance(test.op, ast.And):
            for part in test.values:
                self._narrow(part, True, at)
            return
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Is | ast.IsNot):
            nothing = isinstance(test.comparators[0], ast.Constant) and test.comparators[0].value is None
            if nothing:
                self._narrow_name(test.left, taken is isinstance(test.ops[0], ast.IsNot), at)
        elif isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and len(test.ops) == 1:
            equal = taken if isinstance(test.ops[0], ast.Eq) else not taken and isinstance(test.ops[0], ast.NotEq)
            value = test.comparators[0]
            if equal and isinstance(value, ast.Constant) and isinstance(at.locals.get(test.left.id), Unknown):
                at.locals[test.left.id] = self._constant(value, at)
                self._found_equal.add(id(at.locals[test.left.id]))
        elif isinstance(test, ast.Name):
            self._narrow_name(test, taken, at)
        elif isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "isinstance" and taken:
            self._narrow_class(test, at)

    @staticmethod
    def _narrow_name(node: ast.expr, something: bool, at: Frame) -> None:
        if not isinstance(node, ast.Name):
            return
        before = at.locals.get(node.id)
        if something and isinstance(before, Unknown):
            at.locals[node.id] = before.something()
        if isinstance(before, Union):
            members = alternatives(before)
            left = [m for m in members if not (m.truth() is (not something) and isinstance(m, Known))]
            if left:
                at.locals[node.id] = union(left)

    def _narrow_class(self, test: ast.Call, at: Frame) -> None:
        if len(test.args) == 2 and isinstance(test.args[0], ast.Name):
            current = at.locals.get(test.args[0].id)
            if isinstance(current, Unknown):
                typed = self.annotation(test.args[1], at)
                if typed is not None:
                    at.locals[test.args[0].id] = typed

    def _for(self, node: ast.For | ast.AsyncFor, at: Frame) -> bool:
        iterated = self.evaluate(node.iter, at)
        if self._is_short_literal(iterated, at):
            return self._unrolled(node, iterated, at)
        if isinstance(iterated, Items) and not iterated.items and iterated.rest is None and is_stub(at.module):
            return self.execute(node.orelse, at)
        before, returns = dict(at.locals), len(at.returns)
        at.line = node.iter.lineno
        element = at.iterate(iterated)
        with at.loop(rows_of(iterated), size_of(iterated)):
            self.assign(node.target, element, at)
            ended = self.execute(node.body, at)
        ends = [before, *([at.locals] if ended else [])]
        self._join(ends if node.body else [before], before, at)
        if len(at.returns) > returns:  # what follows is for those that were not found in the loop
            at.conditions += CONDITION
        return self.execute(node.orelse, at)

    @staticmethod
    def _is_short_literal(value: Value, at: Frame) -> bool:
        longest = LONGEST_UNROLLED_IN_STUBS if is_stub(at.module) else LONGEST_UNROLLED
        return isinstance(value, Items) and value.rest is None and 0 < len(value.items) <= longest

    def _unrolled(self, node: ast.For | ast.AsyncFor, iterated: Value, at: Frame) -> bool:
        """A loop over few written elements: each is walked, so that a table of fields and lookups gives each its query."""
        assert isinstance(iterated, Items)
        for position, element in enumerate(list(iterated.items)):
            before = dict(at.locals)
            if is_stub(at.module):  # each column, each field: not a loop of the project
                self.assign(node.target, element, at)
                ended = self.execute(node.body, at)
                if not ended:  # stubs leave a loop by returning only
                    return False
            else:
                with at.loop(None, len(iterated.items), is_unrolled=True):
                    self.assign(node.target, element, at)
                    ended = self.execute(node.body, at)
            if not ended:
                at.locals = before
            elif position in iterated.optional:
                self._join([before, at.locals], before, at)
        return self.execute(node.orelse, at)

    def _while(self, node: ast.While, at: Frame) -> bool:
        test = self.truth_of(node.test, at)
        before = dict(at.locals)
        with at.loop():
            ended = self.execute(node.body, at)
        endless = test is True and not any(isinstance(n, ast.Break) for n in ast.walk(node))
        if endless:
            return bool(at.yields)
        return self._join([before, *([at.locals] if ended else [])], before, at)

    def _with(self, node: ast.With | ast.AsyncWith, at: Frame) -> bool:
        before = self.ambient
        for entered in node.items:
            value = self.evaluate(entered.context_expr, at)
            self.ambient = getattr(value, "ambient", None) or self.ambient
            if entered.optional_vars is not None:
                self.assign(entered.optional_vars, self._entered(value, at), at)
        try:
            return self.execute(node.body, at)
        finally:
            self.ambient = before

    @staticmethod
    def _entered(value: Value, at: Frame) -> Value:
        if isinstance(value, Items) and value.rest is not None and not value.items:
            return value.rest  # a generator under contextmanager
        if isinstance(value, Instance) and at.interpreter.find_in_class(value.cls, "__aenter__"):
            return at.call(value.attribute("__aenter__", at), Arguments())
        if isinstance(value, Instance) and at.interpreter.find_in_class(value.cls, "__enter__"):
            return at.call(value.attribute("__enter__", at), Arguments())
        entered = getattr(value, "enter", None)
        result: Value = entered(at) if entered else value
        return result

    def _try(self, node: ast.Try, at: Frame) -> bool:
        before = dict(at.locals)
        ends: list[dict[str, Value]] = []
        own = OwnAttributes(at.receiver)
        ended = self.execute(node.body, at)
        after_body = dict(at.locals)
        goes_on = ended and self.execute(node.orelse, at)
        own.end(goes_on)
        if goes_on:
            ends.append(at.locals)
        for handler in node.handlers:
            at.locals = {**after_body, **before} if not ended else {**before}
            own.begin()
            if handler.name:
                at.locals[handler.name] = Unknown("an exception")
            goes_on = self.execute(handler.body, at)
            own.end(goes_on)
            if goes_on:
                ends.append(at.locals)
        own.join(at)
        goes_on = self._join(ends, before, at)
        return self.execute(node.finalbody, at) and goes_on

    def _return(self, node: ast.Return, at: Frame) -> bool:
        at.returns.append(self.evaluate(node.value, at) if node.value else Known(None))
        return False

    def _stop(self, node: ast.stmt, at: Frame) -> bool:
        if isinstance(node, ast.Raise) and node.exc is not None:
            self.evaluate(node.exc, at)
        return False

    def _define(self, node: ast.stmt, at: Frame) -> bool:
        if isinstance(node, ast.ClassDef):
            if any(_reads(base, at.locals) for base in node.bases):  # each call of the function makes one of its own
                at.locals[node.name] = self._class_of_call(node, at)
            elif node.bases or at.function == "<module>":
                at.locals[node.name] = self.class_of(node, at.module, at.locals)
            else:  # a namespace, such as a Meta, whose values are those of this call
                at.locals[node.name] = ClassValue(node, at.module, enclosing(at.locals, at.closure))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            at.locals[node.name] = Function(node, at.module, enclosing(at.locals, at.closure), at.owner)
        return True

    def _import(self, node: ast.stmt, at: Frame) -> bool:
        assert isinstance(node, ast.Import | ast.ImportFrom)
        scope = Scope()
        collect([node], scope, at.module)
        for name, bindings in scope.bindings.items():
            at.locals[name] = self.bound(bindings[-1], at)
        return True

    def _match(self, node: ast.Match, at: Frame) -> bool:
        subject = self.evaluate(node.subject, at)
        before = dict(at.locals)
        ends = [dict(before)]
        for case in node.cases:
            at.locals = dict(before)
            for name in (n.name for n in ast.walk(case.pattern) if isinstance(n, ast.MatchAs) and n.name):
                at.locals[name] = subject
            if self.execute(case.body, at):
                ends.append(at.locals)
        return self._join(ends, before, at)

    def _delete(self, node: ast.Delete, at: Frame) -> bool:
        return True

    # Expressions -----------------------------------------------------------------------------------------------------------

    def evaluate(self, node: ast.expr, at: Frame) -> Value:
        """The value of an expression."""
        handler = _EXPRESSIONS.get(node.__class__)
        if handler is None:
            return Unknown(type(node).__name__)
        self.steps += 1
        if self.steps & 511 == 0 or self.steps > MOST_STEPS:
            self._step()
        return handler(self, node, at)

    def _constant(self, node: ast.Constant, at: Frame) -> Value:
        known: Known | None = node.__dict__.get("known")
        if known is None:
            known = node.__dict__["known"] = Known(node.value)
        return known

    def _name(self, node: ast.Name, at: Frame) -> Value:
        return self.look_up(node.id, at)

    def look_up(self, name: str, at: Frame) -> Value:
        """A variable: of the function, of those around it, of the class body, of the module, of Python."""
        if name in at.locals:
            return at.locals[name]
        if at.closure is not None and name in at.closure:
            return at.closure[name]
        if at.owner is not None and at.function == at.owner.name and name in self.scope_of(at.owner).bindings:
            inside = self.own_attribute(at.owner, name)
            # ``registry = registry()``: the right side is that of the module.
            if not (isinstance(inside, Unknown) and inside.reason == _ITSELF.format(name)):
                return inside
        value = self.global_name(at.module, name)
        if value is not None:
            return value
        if name in BUILTINS:
            return Native(name, BUILTINS[name])
        return Library(f"builtins.{name}") if hasattr(builtins, name) else Unknown(f"{name} is not defined here")

    def _attribute(self, node: ast.Attribute, at: Frame) -> Value:
        receiver = self.evaluate(node.value, at)
        at.line = node.end_lineno or node.lineno
        found = receiver.attribute(node.attr, at)
        if node.attr in self.well_known and isinstance(found, Unknown):
            return self.well_known[node.attr]()
        return found

    def _call(self, node: ast.Call, at: Frame) -> Value:
        if (
            isinstance(node.func, ast.Name)
            and node.func.id == "super"
            and at.receiver is not None
            and at.owner is not None
        ):
            return self._super(at)
        callee = self.evaluate(node.func, at)
        arguments = self.arguments(node, at)
        if arguments.either is not None:
            return union(callee.call(one, at) for one in arguments.each())
        at.line = node.func.end_lineno or node.lineno
        if isinstance(callee, Unknown) and isinstance(node.func, ast.Attribute):
            found = self._unknown_call(node.func, arguments, at)
            if found is not None:
                return found
            if node.func.attr == "get" and len(arguments.positional) == 1:
                return Unknown(callee.reason, callee.origin, or_none=True)
        return callee.call(arguments, at)

    def _unknown_call(self, method: ast.Attribute, arguments: Arguments, at: Frame) -> Value | None:
        """A method of something unknown of which its arguments or its name tell what it must be: a session that executes a statement, the
        related rows of an object."""
        for framework in self.frameworks:
            unknown_call = getattr(framework, "unknown_call", None)
            found: Value | None = unknown_call(method, arguments, at) if unknown_call else None
            if found is not None:
                return found
        return None

    def _super(self, at: Frame) -> Value:
        receiver = at.receiver
        assert receiver is not None
        assert at.owner is not None
        cls = receiver if isinstance(receiver, ClassValue) else getattr(receiver, "cls", None)
        return (
            Super(receiver, cls, at.owner) if isinstance(cls, ClassValue) else Unknown("super() of something unknown")
        )

    def arguments(self, node: ast.Call, at: Frame) -> Arguments:
        arguments = Arguments()
        for one in node.args:
            if not isinstance(one, ast.Starred):
                arguments.positional.append(self.evaluate(one, at))
                continue
            value = self.evaluate(one.value, at)
            if isinstance(value, Union) and len(node.args) == 1 and all(isinstance(m, Items) for m in value.members):
                arguments.either = value
            if isinstance(value, Items):
                start = len(arguments.positional)
                arguments.optional |= {start + position for position in value.optional}
                arguments.positional += value.items
                if value.rest is not None:
                    arguments.extra_positional = value.rest
                    arguments.extra_at = start + value.rest_at if value.rest_at is not None else None
            else:
                arguments.extra_positional = at.iterate(value)
        for keyword in node.keywords:
            given = self.evaluate(keyword.value, at)
            if keyword.arg is not None:
                arguments.named[keyword.arg] = given
                continue
            extra = alternatives(given)[-1]
            if isinstance(extra, Mapping):
                arguments.named.update((k, v) for k, v in extra.items.items() if isinstance(k, str))
                arguments.optional_named |= {key for key in extra.optional if isinstance(key, str)}
                arguments.extra_named = extra.rest or arguments.extra_named
            else:
                arguments.extra_named = extra
        return arguments

    def _items(self, node: ast.List | ast.Tuple | ast.Set, at: Frame) -> Value:
        kind = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}[type(node)]
        found = Items([], kind)  # type: ignore[arg-type]
        for one in node.elts:
            if isinstance(one, ast.Starred):
                inner = self.evaluate(one.value, at)
                if isinstance(inner, Items) and inner.rest is None:
                    found.optional |= {len(found.items) + position for position in inner.optional}
                    found.items += inner.items
                else:
                    found.add_rest(at.iterate(inner))
            else:
                found.items.append(self.evaluate(one, at))
        return found

    def _dict(self, node: ast.Dict, at: Frame) -> Value:
        found = Mapping()
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.evaluate(item, at)
            if key is not None:
                found.set(self.evaluate(key, at), value)
            elif isinstance(value, Mapping):
                found.take_in(value)
            else:
                found.rest = Unknown("keys not known", origin_of(value))
        return found

    def _joined(self, node: ast.JoinedStr, at: Frame) -> Value:
        parts = [self.evaluate(v.value if isinstance(v, ast.FormattedValue) else v, at) for v in node.values]
        for part in parts:
            if not isinstance(part, Known | Unknown):
                show(part, at)
        if all(isinstance(part, Known) for part in parts):
            return Known("".join(str(part.value) for part in parts if isinstance(part, Known))[:20_000])
        return FormattedText("".join(map(_text, parts)), Items(parts, "tuple"))

    def truth_of(self, node: ast.expr, at: Frame) -> bool | None:
        """The truth of a condition; testing a queryset issues it."""
        value = self.evaluate(node, at)
        for one in alternatives(value):
            tested = getattr(one, "tested", None)
            if tested is not None:
                tested(at)
        return value.truth()

    def _condition(self, node: ast.IfExp, at: Frame) -> Value:
        test = self.truth_of(node.test, at)
        if test is not None:
            return self.evaluate(node.body if test else node.orelse, at)
        before = at.locals
        at.locals = dict(before)
        self._narrow(node.test, True, at)
        with at.condition(node.test):
            body = self.evaluate(node.body, at)
            at.locals = before
            return union([body, self.evaluate(node.orelse, at)])

    def _boolean(self, node: ast.BoolOp, at: Frame) -> Value:
        found: list[Value] = []
        decisive = isinstance(node.op, ast.Or)
        conditions = at.conditions
        try:
            for one in node.values:
                value = self.evaluate(one, at)
                truth = value.truth()
                if truth is decisive:
                    return union([*found, value])
                if truth is None or one is node.values[-1]:
                    found.append(value)
                    at.conditions = max(at.conditions, conditions + at.weight(one))
        finally:
            at.conditions = conditions
        return union(found)

    def _unary(self, node: ast.UnaryOp, at: Frame) -> Value:
        if isinstance(node.op, ast.Not):
            truth = self.truth_of(node.operand, at)
            return Known(not truth) if truth is not None else Unknown("a truth value")
        value = self.evaluate(node.operand, at)
        if isinstance(value, Known) and isinstance(node.op, ast.USub) and isinstance(value.value, int | float):
            return Known(-value.value)
        operator = {ast.Invert: "__invert__", ast.USub: "__neg__"}.get(type(node.op), "")
        return self._real_operation(operator, value, None, at)

    def _binary(self, node: ast.BinOp, at: Frame) -> Value:
        left = self.evaluate(node.left, at)
        right = self.evaluate(node.right, at)
        return self.operate(node.op, left, right, at)

    def operate(self, operator: ast.operator, left: Value, right: Value, at: Frame) -> Value:
        """The result of ``left operator right``."""
        if isinstance(operator, ast.Add) and isinstance(left, Items | Known) and isinstance(right, Items | Known):
            return add(left, right)
        if isinstance(left, Known) and isinstance(right, Known):
            return _arithmetic(operator, left.value, right.value)
        if isinstance(operator, ast.Mult) and isinstance(left, Items) and isinstance(right, Known):
            return _repeated(left, right.value)
        if isinstance(left, Mapping) and isinstance(right, Mapping) and isinstance(operator, ast.BitOr):
            return Mapping({**left.items, **right.items}, left.rest or right.rest)
        if isinstance(operator, ast.Mod) and isinstance(left, Known) and isinstance(left.value, str):
            return _percent(left.value, right)
        if (
            isinstance(operator, ast.Add)
            and _is_text(left, right)
            and not isinstance(left, Real)
            and not isinstance(right, Real)
        ):
            return FormattedText("".join(_text(v) for v in (left, right)), Items([left, right], "tuple"))
        name = _OPERATORS.get(type(operator), "")
        if isinstance(left, Union) or isinstance(right, Union):
            pairs = [(a, b) for a in alternatives(left) for b in alternatives(right)][:16]
            return union(self.operate(operator, a, b, at) for a, b in pairs)
        return self._real_operation(name, left, right, at)

    def _real_operation(self, name: str, left: Value, right: Value | None, at: Frame) -> Value:
        for framework in self.frameworks:
            operate = getattr(framework, "operate", None)
            found: Value | None = operate(name, left, right, at) if operate else None
            if found is not None:
                return found
        others = [left, *([right] if right is not None else [])]
        return Unknown("result of an operator", next((o for o in map(origin_of, others) if o != "unknown"), "unknown"))

    def _compare(self, node: ast.Compare, at: Frame) -> Value:
        left = self.evaluate(node.left, at)
        rights = [self.evaluate(one, at) for one in node.comparators]
        if len(rights) != 1:
            return Unknown("a truth value")
        return self.compared(node.ops[0], left, rights[0], at)

    def compared(self, operator: ast.cmpop, left: Value, right: Value, at: Frame) -> Value:
        """The result of ``left operator right``."""
        name = _COMPARISONS.get(type(operator), "")
        if name and not (isinstance(left, Known) and isinstance(right, Known)):
            for framework in self.frameworks:
                operate = getattr(framework, "operate", None)
                found: Value | None = operate(name, left, right, at) if operate else None
                if found is not None:
                    return found
        answer = _compared(operator, left, right)
        return Known(answer) if answer is not None else Unknown("a truth value")

    def _subscript(self, node: ast.Subscript, at: Frame) -> Value:
        container = self.evaluate(node.value, at)
        if isinstance(node.slice, ast.Slice):
            bounds = [self.evaluate(b, at) if b is not None else None for b in (node.slice.lower, node.slice.upper)]
            key: Value = Slice(*bounds)
        else:
            key = self.evaluate(node.slice, at)
        at.line = node.end_lineno or node.lineno
        return container.item(key, at)

    def _comprehension(self, node: ast.expr, at: Frame) -> Value:
        assert isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp)
        before, loops, conditions = at.locals, at.loops, at.conditions
        at.locals = dict(before)
        literal = self._literal_comprehension(node, at)
        if literal is not None:
            at.locals, at.loops = before, loops
            return literal
        for generator in node.generators:
            iterated = self.evaluate(generator.iter, at)
            element = at.iterate(iterated)
            at.loops, at.conditions = (*at.loops, Loop(at.place, rows_of(iterated), size_of(iterated))), 0
            self.assign(generator.target, element, at)
            for condition in generator.ifs:
                self.evaluate(condition, at)
                self._narrow(condition, True, at)
                at.conditions += CONDITION
        if isinstance(node, ast.DictComp):
            found: Value = Mapping({}, self.evaluate(node.value, at))
            self.evaluate(node.key, at)
        else:
            found = Items([], "list", self.evaluate(node.elt, at))
        at.locals, at.loops, at.conditions = before, loops, conditions
        return found

    def _literal_comprehension(self, node: ast.expr, at: Frame) -> Value | None:
        """``[f(x) for x in (A, B, C)]`` over few written elements gives each its own value."""
        assert isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp)
        if len(node.generators) != 1:
            return None
        generator = node.generators[0]
        if not isinstance(generator.iter, ast.Tuple | ast.List | ast.Name | ast.Attribute | ast.Call):
            return None
        iterated = self.evaluate(generator.iter, at)
        if not (isinstance(iterated, Items) and iterated.rest is None and 0 < len(iterated.items) <= LONGEST_UNROLLED):
            return None
        results = Items()
        mapping = Mapping()
        chosen = self._chosen(generator, iterated.items, at)
        if chosen is None:
            return None
        at.loops = (*at.loops, Loop(at.place, None, len(chosen)))
        for element in chosen:
            self.assign(generator.target, element, at)
            if isinstance(node, ast.DictComp):
                mapping.set(self.evaluate(node.key, at), self.evaluate(node.value, at))
            else:
                results.items.append(self.evaluate(node.elt, at))
        return mapping if isinstance(node, ast.DictComp) else results

    def _chosen(self, generator: ast.comprehension, elements: list[Value], at: Frame) -> list[Value] | None:
        """The elements that a comprehension's conditions let through; None where that is not told."""
        if not generator.ifs:
            return elements
        if not all(isinstance(one, Known) for one in elements):
            return None
        chosen = []
        for element in elements:
            self.assign(generator.target, element, at)
            truths = [self.evaluate(condition, at).truth() for condition in generator.ifs]
            if None in truths:
                return None
            if all(truths):
                chosen.append(element)
        return chosen

    def _lambda(self, node: ast.Lambda, at: Frame) -> Value:
        return Function(node, at.module, enclosing(at.locals, at.closure), at.owner)

    def _await(self, node: ast.Await, at: Frame) -> Value:
        return self.evaluate(node.value, at)

    def _yield(self, node: ast.Yield | ast.YieldFrom, at: Frame) -> Value:
        value = self.evaluate(node.value, at) if node.value else Known(None)
        at.yields.append(at.iterate(value) if isinstance(node, ast.YieldFrom) else value)
        return Unknown("sent to a generator")

    def _named(self, node: ast.NamedExpr, at: Frame) -> Value:
        value = self.evaluate(node.value, at)
        self.assign(node.target, value, at)
        return value

    def _starred(self, node: ast.Starred, at: Frame) -> Value:
        return self.evaluate(node.value, at)


def without_names(value: Value) -> Value:
    """What a call gave that was like this one but for its constants: what it loads along goes by names that may be others here."""
    if isinstance(value, Items) and any(without_names(one) is not one for one in value.items):
        return Items(list(map(without_names, value.items)), value.kind, value.rest, value.optional)
    if isinstance(value, Real) and hasattr(value.object, "prefetch_to"):
        return Unknown("what is prefetched by a call like another")
    return value


def _walked_for(function: Function, receiver: Value | None) -> tuple[int, int]:
    """What the walks of a function are counted by: the function, and the class that it is called on."""
    cls = receiver if isinstance(receiver, ClassValue) else getattr(receiver, "cls", None)
    return id(function.node), id(cls.node) if isinstance(cls, ClassValue) else 0


def _few_contexts(function: Function) -> int:
    if is_stub(function.module):
        return MOST_CONTEXTS_OF_STUBS
    lines = (function.node.end_lineno or 0) - function.node.lineno
    return FEW_CONTEXTS_OF_SHORT if lines <= LINES_OF_SHORT else FEW_CONTEXTS


def is_stub(module: Module) -> bool:
    """Whether a module is one of ours that stands for a framework's."""
    return not module.owned and module.name.partition(".")[0] in READ_AS_KNOWN


def enclosing(variables: dict[str, Value], outer: dict[str, Value] | None) -> dict[str, Value]:
    """The variables that a nested function sees, as they are where it is defined."""
    return {**outer, **variables} if outer else dict(variables)


def type_arguments(interpreter: Interpreter, cls: ClassValue) -> dict[tuple[int, str], Value]:
    """What ``Repository[Book]`` among the bases of a class, near or far, makes of the type variables: by class and variable."""
    if "type arguments" not in cls.kept:
        cls.kept["type arguments"] = {}
        with interpreter.unhurried():
            cls.kept["type arguments"] = dict(_type_arguments(interpreter, interpreter.mro(cls)))
    result: dict[tuple[int, str], Value] = cls.kept["type arguments"]
    return result


def _type_arguments(
    interpreter: Interpreter, order: Sequence[ClassValue]
) -> Iterator[tuple[tuple[int, str], ClassValue]]:
    found: dict[tuple[int, str], ClassValue] = {}
    for one in order:
        at = Frame(interpreter, one.module, closure=one.closure)
        for node in one.node.bases:
            base = interpreter.evaluate(node, at) if isinstance(node, ast.Subscript) else None
            if not isinstance(node, ast.Subscript) or not isinstance(base, ClassValue):
                continue
            given = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for name, argument in zip(type_variables(interpreter, base), given, strict=False):
                value: Value | None = interpreter.evaluate(argument, at)
                if isinstance(value, TypeVariable):
                    value = found.get((id(one.node), value.name))
                key = (id(base.node), name)
                if isinstance(value, ClassValue) and key not in found:
                    found[key] = value
                    yield key, value


def type_variables(interpreter: Interpreter, cls: ClassValue) -> list[str]:
    """The names of a generic class's type variables: those of ``Generic[…]``, else in the order in which its bases name them."""
    declared = [str(one.name) for one in getattr(cls.node, "type_params", ())]
    subscripts = [base for base in cls.node.bases if isinstance(base, ast.Subscript)]
    generic = [base for base in subscripts if dotted(base.value).rpartition(".")[2] == "Generic"]
    at = Frame(interpreter, cls.module, closure=cls.closure)
    names = [
        node.id
        for base in generic or subscripts
        for node in (base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice])
        if isinstance(node, ast.Name) and isinstance(interpreter.evaluate(node, at), TypeVariable)
    ]
    return declared or list(dict.fromkeys(names))


def rows_of(value: Value) -> Any:
    """What a framework keeps of the query whose rows iterating a value walks over; a tuple where it may be one of several, None for
    anything else."""
    found: dict[int, Any] = {}
    for one in alternatives(value):
        rows = getattr(one, "rows", None)
        if rows is None and isinstance(one, Items) and one.rest is not None:
            rows = tuple(_records(one.rest))
        if rows is not None:
            found.update((id(each), each) for each in (rows if isinstance(rows, tuple) else (rows,)))
    return tuple(found.values()) if len(found) > 1 else next(iter(found.values()), None)


def _records(element: Value) -> Iterator[Any]:
    """The queries of the rows that an element of a list is, or holds as a pair does: ``enumerate(rows)``, ``by_key.items()``."""
    for one in alternatives(element):
        if (record := getattr(one, "row_of", None)) is not None:
            yield record
        elif isinstance(one, Items) and one.kind == "tuple":
            for inside in one.items[:4]:
                yield from _records(inside)


def size_of(value: Value) -> int | None:
    """The number of elements where it is written in the source."""
    return len(value.items) if isinstance(value, Items) and value.rest is None else None


def merged(lines: list[list[ClassValue]]) -> list[ClassValue]:
    """The C3 merge of Python's method resolution order; where it has no answer, depth first without repetitions."""
    rest = [list(line) for line in lines if line]
    found: list[ClassValue] = []
    while rest:
        tails = {id(cls) for line in rest for cls in line[1:]}
        head = next((line[0] for line in rest if id(line[0]) not in tails), None)
        if head is None:
            return list(dict.fromkeys([*found, *(cls for line in rest for cls in line)]))
        found.append(head)
        rest = [[cls for cls in line if cls is not head] for line in rest]
        rest = [line for line in rest if line]
    return found


def _reads(node: ast.expr, variables: dict[str, Value]) -> bool:
    """Whether an expression reads one of these variables."""
    return any(isinstance(one, ast.Name) and one.id in variables for one in ast.walk(node))


def _without(member: Any, bases: Iterable[Value], at: Frame) -> Value | None:
    """What stands for a value and the one among others that it was made of."""
    return next((found for base in bases if (found := member.or_not(base, at)) is not None), None)


def _left_out_as_none(node: ast.arguments) -> list[ast.arg]:
    """The parameters that are None when they are not given."""
    ordered = [*node.posonlyargs, *node.args]
    pairs = [*zip(ordered[len(ordered) - len(node.defaults) :], node.defaults, strict=True)]
    pairs += [(one, default) for one, default in zip(node.kwonlyargs, node.kw_defaults, strict=True) if default]
    return [one for one, default in pairs if isinstance(default, ast.Constant) and default.value is None]


def decorator_names(node: FunctionNode | ast.ClassDef) -> tuple[str, ...]:
    """The dotted names of the decorators, calls without their arguments."""
    names = []
    for decorator in getattr(node, "decorator_list", ()):
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.append(dotted(inner))
    return tuple(names)


def annotated_names(node: ast.ClassDef) -> list[str]:
    return [s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]


def add(left: Value, right: Value) -> Value:
    """``left + right`` of lists and constants."""
    if isinstance(left, Items) and isinstance(right, Items):
        rests = [rest for rest in (left.rest, right.rest) if rest is not None]
        optional = left.optional | {len(left.items) + position for position in right.optional}
        return Items([*left.items, *right.items], left.kind, union(rests) if rests else None, optional)
    if isinstance(left, Known) and isinstance(right, Known):
        return _arithmetic(ast.Add(), left.value, right.value)
    if isinstance(left, Items):
        return Items(list(left.items), left.kind, Unknown("added to a list", origin_of(right)))
    return Unknown("a sum", origin_of(right))


def _repeated(items: Items, times: Any) -> Value:
    """``["a"] * 3``"""
    if isinstance(times, int) and items.rest is None and not items.optional and times * len(items.items) <= 1_000:
        return Items(items.items * times, items.kind)
    return Unknown("a list repeated")


def _arithmetic(operator: ast.operator, left: Any, right: Any) -> Value:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    texts = isinstance(left, str) and isinstance(right, str) and len(left) + len(right) < 20_000
    try:
        if isinstance(operator, ast.Add) and (numbers or texts):
            return Known(left + right)
        if isinstance(operator, ast.Mod) and isinstance(left, str):
            return _percent(left, Known(right))
        if numbers and abs(left) < 1e12 and abs(right) < 1e12:
            if isinstance(operator, ast.Sub):
                return Known(left - right)
            if isinstance(operator, ast.Mult):
                return Known(left * right)
            if isinstance(operator, ast.Div):
                return Known(left / right)
            if isinstance(operator, ast.FloorDiv):
                return Known(left // right)
            if isinstance(operator, ast.Pow) and abs(left) <= 64 and 0 <= right <= 128:
                return Known(left**right)
            if isinstance(operator, ast.LShift) and 0 <= right <= 64:
                return Known(left << right)
    except (ArithmeticError, ValueError):
        pass
    return Unknown("a calculation")


def _percent(text: str, parts: Value) -> Value:
    """``text % parts``; a constant when every part is one."""
    try:
        values = plain(parts)
        short = all(len(str(v)) < 2_000 for v in (values if isinstance(values, tuple) else (values,)))
        return Known(text % values) if short and "*" not in text else FormattedText(text, parts)
    except (NotPlain, TypeError, ValueError, KeyError):
        return FormattedText(text, parts)


_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator_module.eq,
    ast.NotEq: operator_module.ne,
    ast.Gt: operator_module.gt,
    ast.Lt: operator_module.lt,
    ast.GtE: operator_module.ge,
    ast.LtE: operator_module.le,
    ast.Is: operator_module.is_,
    ast.IsNot: operator_module.is_not,
}


def _compared(operator: ast.cmpop, left: Value, right: Value) -> bool | None:
    """The answer of a comparison where both sides are told."""
    if isinstance(operator, ast.Is | ast.IsNot) and isinstance(right, Known):
        is_other = _is_other_than(left, right)
        if is_other is not None:
            return is_other is isinstance(operator, ast.IsNot)
        if right.value is None:
            return None
    try:
        if isinstance(operator, ast.In | ast.NotIn):
            inside = plain(left) in (right.items if isinstance(right, Mapping) else plain(right))
            if isinstance(right, Mapping) and (plain(left) in right.optional if inside else right.rest is not None):
                return None
            return inside is isinstance(operator, ast.In)
        if not (isinstance(left, Known) and isinstance(right, Known)):
            return None
        return bool(_ORDERS[type(operator)](plain(left), plain(right)))
    except (NotPlain, TypeError):
        return None


def _is_other_than(left: Value, right: Known) -> bool | None:
    """Whether a value is certainly another object than a constant, or certainly the same None; None when that is not told."""
    if isinstance(left, Items | Mapping):
        return True
    if right.value is not None:
        return None
    if isinstance(left, Unknown | Library):
        return None
    if isinstance(left, Union) and any(isinstance(m, Known | Unknown) for m in left.members):
        return None
    return not (isinstance(left, Known) and left.value is None)


def _is_text(left: Value, right: Value) -> bool:
    return any(
        isinstance(v, FormattedText) or (isinstance(v, Known) and isinstance(v.value, str)) for v in (left, right)
    )


def _text(value: Value) -> str:
    if isinstance(value, Known):
        return str(value.value)
    return value.text if isinstance(value, FormattedText) else HOLE


_STATEMENTS: dict[type[ast.stmt], Callable[[Interpreter, Any, Frame], bool]] = {
    ast.Expr: Interpreter._expression,
    ast.Assign: Interpreter._assign,
    ast.AnnAssign: Interpreter._annotated_assign,
    ast.AugAssign: Interpreter._augmented_assign,
    ast.If: Interpreter._if,
    ast.For: Interpreter._for,
    ast.AsyncFor: Interpreter._for,
    ast.While: Interpreter._while,
    ast.With: Interpreter._with,
    ast.AsyncWith: Interpreter._with,
    ast.Try: Interpreter._try,
    ast.TryStar: Interpreter._try,
    ast.Return: Interpreter._return,
    ast.Raise: Interpreter._stop,
    ast.Break: Interpreter._stop,
    ast.Continue: Interpreter._stop,
    ast.FunctionDef: Interpreter._define,
    ast.AsyncFunctionDef: Interpreter._define,
    ast.ClassDef: Interpreter._define,
    ast.Import: Interpreter._import,
    ast.ImportFrom: Interpreter._import,
    ast.Match: Interpreter._match,
    ast.Delete: Interpreter._delete,
}

_EXPRESSIONS: dict[type[ast.expr], Callable[[Interpreter, Any, Frame], Value]] = {
    ast.Constant: Interpreter._constant,
    ast.Name: Interpreter._name,
    ast.Attribute: Interpreter._attribute,
    ast.Call: Interpreter._call,
    ast.List: Interpreter._items,
    ast.Tuple: Interpreter._items,
    ast.Set: Interpreter._items,
    ast.Dict: Interpreter._dict,
    ast.JoinedStr: Interpreter._joined,
    ast.IfExp: Interpreter._condition,
    ast.BoolOp: Interpreter._boolean,
    ast.UnaryOp: Interpreter._unary,
    ast.BinOp: Interpreter._binary,
    ast.Compare: Interpreter._compare,
    ast.Subscript: Interpreter._subscript,
    ast.ListComp: Interpreter._comprehension,
    ast.SetComp: Interpreter._comprehension,
    ast.GeneratorExp: Interpreter._comprehension,
    ast.DictComp: Interpreter._comprehension,
    ast.Lambda: Interpreter._lambda,
    ast.Await: Interpreter._await,
    ast.Yield: Interpreter._yield,
    ast.YieldFrom: Interpreter._yield,
    ast.NamedExpr: Interpreter._named,
    ast.Starred: Interpreter._starred,
}

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.Div: "__truediv__",
    ast.Mod: "__mod__",
    ast.BitAnd: "__and__",
    ast.BitOr: "__or__",
    ast.BitXor: "__xor__",
}

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
}
