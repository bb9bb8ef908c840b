"""What an expression of a project may stand for, as far as it can be told without running it.

A value answers five questions: its attribute of a name, the result of calling it, the element that iterating gives, the item at a
key, and whether it is true. The default answer to each is ``Unknown`` with a reason. Frameworks add values of their own.
"""

from __future__ import annotations

import ast
import itertools
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.modules import Module

Origin = Literal["unknown", "argument", "request", "row", "settings"]
"""Where a value that is not known comes from: a caller, the user's request, a row of a query, the project's settings."""

MOST_VARIANTS = 8
"""Alternatives of one value that are kept apart."""


MOST_OF_TURNS = 12
"""The same of those that tell how many other turns were taken on the way: the ones with the fewest, so that each turn is among them."""


class Depth:
    """How deep one stands inside values that hold others, entered once for each: a list may hold itself, and lists that hold the same
    lists are as many as there are ways through them. Entering tells whether that is deeper than ``most``, or more of them than
    ``most_entered`` since the outermost."""

    __slots__ = ("depth", "entered", "most", "most_entered")

    def __init__(self, most: int, most_entered: int) -> None:
        self.most = most
        self.most_entered = most_entered
        self.depth = self.entered = 0

    def __enter__(self) -> bool:
        self.entered = self.entered + 1 if self.depth else 1
        self.depth += 1
        return self.depth > self.most or self.entered > self.most_entered

    def __exit__(self, *exception: object) -> None:
        self.depth -= 1


_DEEPEST_KEY = 5
"""Keys of values that hold others look so deep into them and no deeper, as ``Depth`` does: keys are asked for too often to enter it."""
_MOST_IN_KEY = 50
"""Values that hold others of which one key tells what they hold; the others are told apart by being themselves."""
_depth = 0
_in_key = 0
_IN_SHAPES = Depth(5, 100)
IN_VALUES = Depth(20, 10_000)
"""Python's values are made so deep and no deeper."""


class Identity:
    """An object in a key, told apart by being itself. The key keeps it: the address of one that ended is given to another."""

    __slots__ = ("thing",)

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


class Value:
    """The base of all; each question's default answer is that it is not known."""

    __slots__ = ()

    def attribute(self, name: str, at: Frame) -> Value:
        return Unknown(f"attribute {name} of {self.describe()}")

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return Unknown(f"call of {self.describe()}")

    def iterate(self, at: Frame) -> Value:
        return Unknown(f"element of {self.describe()}")

    def item(self, key: Value, at: Frame) -> Value:
        return Unknown(f"item of {self.describe()}")

    def truth(self) -> bool | None:
        return None

    def renewed(self) -> Value:
        """The same as another walk finds it: nothing that an earlier one loaded is there."""
        return self

    def key(self) -> object:
        """Equal for values that need not be told apart."""
        return Identity(self)

    def shape(self) -> object:
        """Equal for values with which a function does the same; told apart by less than by ``key``."""
        return self.key()

    def describe(self) -> str:
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True)
class Unknown(Value):
    """Not known, because ``reason``. What is derived from it keeps its origin. ``or_none``: it may be None, such as a parameter that
    a request need not have."""

    reason: str
    origin: Origin = "unknown"
    or_none: bool = False

    def attribute(self, name: str, at: Frame) -> Value:
        return self.something() if self.origin != "unknown" else Unknown(self.reason)

    def call(self, arguments: Arguments, at: Frame) -> Value:
        at.interpreter.call_arguments_later(arguments, at)
        return self.something()

    def iterate(self, at: Frame) -> Value:
        return self.something()

    def item(self, key: Value, at: Frame) -> Value:
        return self.something()

    def something(self) -> Unknown:
        """The same where it is not None."""
        return Unknown(self.reason, self.origin) if self.or_none else self

    def key(self) -> object:
        return ("unknown", self.origin)

    def describe(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Known(Value):
    """A plain Python value: text, number, truth value, None, date."""

    value: Any

    def attribute(self, name: str, at: Frame) -> Value:
        return KnownMethod(self, name)

    def truth(self) -> bool | None:
        return bool(self.value)

    def item(self, key: Value, at: Frame) -> Value:
        if isinstance(key, Slice) and isinstance(self.value, str):
            bounds: list[Any] = [
                None if b is None else b.value if isinstance(b, Known) else HOLE for b in (key.start, key.stop)
            ]
            if all(b is None or isinstance(b, int) for b in bounds):
                return Known(self.value[bounds[0] : bounds[1]])
        try:
            return Known(self.value[key.value]) if isinstance(key, Known) else Unknown("item of a constant")
        except (TypeError, IndexError, KeyError):
            return Unknown("item of a constant")

    def iterate(self, at: Frame) -> Value:
        return (
            union(map(Known, self.value[:MOST_VARIANTS])) if isinstance(self.value, str | bytes) else Unknown("element")
        )

    def key(self) -> object:
        value = self.value
        kind = value.__class__
        return ("known", kind, value if kind in _COMPARED else repr(value)[:80])

    def shape(self) -> object:
        return ("known", self.value if isinstance(self.value, bool | None) else type(self.value))

    def describe(self) -> str:
        return repr(self.value)[:40]


_COMPARED = frozenset((str, int, bool, float, type(None)))
_TEXT_METHODS = frozenset(
    "lower upper strip lstrip rstrip title capitalize replace split rsplit join format startswith endswith removeprefix removesuffix "
    "encode decode zfill".split()
)
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class KnownMethod(Value):
    """A method of a plain value; called with plain arguments it is really called, when it is harmless."""

    receiver: Known
    name: str

    def call(self, arguments: Arguments, at: Frame) -> Value:
        if self.name == "format" and isinstance(self.receiver.value, str):
            return _formatted(self.receiver.value, arguments)
        try:
            values = [plain(value) for value in arguments.positional]
            if self.name not in _TEXT_METHODS or not isinstance(self.receiver.value, str | bytes) or arguments.named:
                raise NotPlain
            if len(self.receiver.value) > _LONGEST or any(isinstance(v, str) and len(v) > _LONGEST for v in values):
                raise NotPlain
            if self.name in ("zfill", "replace"):
                return Unknown("formatted text")
            result = getattr(self.receiver.value, self.name)(*values)
        except (NotPlain, TypeError, ValueError, LookupError, AttributeError):
            if self.name == "join" and isinstance(self.receiver.value, str):
                return FormattedText(self.receiver.value, Items(list(arguments.every()), "tuple"))
            return Unknown(f"result of {self.name}", arguments.origin())
        return from_plain(result)


def _formatted(text: str, arguments: Arguments) -> Value:
    """``text.format(…)``: a constant where every part is one that is put in as it is."""
    parts = Items(list(arguments.every()), "tuple")
    result, position = "", itertools.count()
    try:
        for literal, name, width, conversion in string.Formatter().parse(text):
            result += literal
            if name is not None:
                given = None if width or conversion else _part(name or str(next(position)), arguments)
                told = isinstance(given, Known) and isinstance(given.value, str | int)
                result += str(given.value) if isinstance(given, Known) and told else HOLE
    except ValueError:
        return FormattedText(text, parts)
    return Known(result) if HOLE not in result and len(result) <= _LONGEST else FormattedText(result, parts)


def _part(name: str, arguments: Arguments) -> Value | None:
    """The argument that ``{0}`` or ``{name}`` stands for."""
    if not name.isdecimal():
        return arguments.named.get(name)
    return arguments.positional[int(name)] if int(name) < len(arguments.positional) else None


def contents(value: Items | Mapping, of: Callable[[Value], Any]) -> Any:
    """A container as Python's own with what ``of`` makes of its parts, ``rest`` as one more: a tuple, a dictionary, a list for all else.
    One that is found again inside of itself is not known there."""
    with IN_VALUES as too_deep:
        if too_deep:
            return of(Unknown("what holds itself"))
        if isinstance(value, Mapping):
            return {key: of(item) for key, item in value.items.items()}
        parts = [of(item) for item in value.items]
        if value.rest is not None:
            parts.append(of(value.rest))
        return tuple(parts) if value.kind == "tuple" else parts


class NotPlain(Exception):
    """A value that is not wholly known."""


def plain(value: Value) -> Any:
    """The Python value of a wholly known one. Raises NotPlain."""
    if isinstance(value, Known):
        return value.value
    if isinstance(value, Items | Mapping) and value.rest is None:
        return contents(value, plain)
    raise NotPlain(value.describe())


def from_plain(value: Any) -> Value:
    """The abstract value of a Python value."""
    if isinstance(value, list | tuple):
        return Items([from_plain(item) for item in value], "tuple" if isinstance(value, tuple) else "list")
    if isinstance(value, dict):
        return Mapping({key: from_plain(item) for key, item in value.items()})
    return Known(value)


def choices(optional: Iterable[Any]) -> Iterator[frozenset[Any]]:
    """What may be left out of parts that are there under conditions: nothing, everything, then each choice between, up to
    ``MOST_VARIANTS``."""
    parts = sorted(optional, key=repr)
    between = (chosen for count in range(1, len(parts)) for chosen in itertools.combinations(parts, count))
    for chosen in itertools.islice(itertools.chain([(), parts] if parts else [()], between), MOST_VARIANTS):
        yield frozenset(chosen)


@dataclass(slots=True)
class Items(Value):
    """A list, tuple or set. ``rest`` stands for any number of further elements."""

    items: list[Value] = field(default_factory=list)
    kind: Literal["list", "tuple", "set"] = "list"
    rest: Value | None = None
    optional: set[int] = field(default_factory=set)
    """Positions of what was added under a condition that is not known."""
    rest_at: int | None = None
    """How many of ``items`` were there when ``rest`` began to be added; None for those that stand before it all."""

    def iterate(self, at: Frame) -> Value:
        return (
            union([*self.items, *([self.rest] if self.rest else [])]) if self.items or self.rest else Unknown("empty")
        )

    def item(self, key: Value, at: Frame) -> Value:
        if isinstance(key, Known) and isinstance(key.value, int) and self.rest is None:
            try:
                return self.items[key.value]
            except IndexError:
                return Unknown("index out of range")
        if isinstance(key, Slice):
            return Items(list(self.items), self.kind, self.rest)
        return self.iterate(at)

    def truth(self) -> bool | None:
        if len(self.items) > len(self.optional):
            return True
        return None if self.items or self.rest is not None else False

    def attribute(self, name: str, at: Frame) -> Value:
        return ItemsMethod(self, name)

    def key(self) -> object:
        global _depth, _in_key
        if _depth >= _DEEPEST_KEY or (_depth and _in_key >= _MOST_IN_KEY):
            return Identity(self)
        _in_key = _in_key + 1 if _depth else 1
        _depth += 1
        try:
            rest = self.rest.key() if self.rest else None
            return ("items", self.kind, tuple([item.key() for item in self.items[:6]]), len(self.items), rest)
        finally:
            _depth -= 1

    def shape(self) -> object:
        with _IN_SHAPES as too_deep:
            if too_deep:
                return ("items", self.kind)
            inside = [*self.items[:6], *([self.rest] if self.rest else [])]
            return ("items", self.kind, frozenset(one.shape() for one in inside))

    def choices(self) -> Iterator[list[Value]]:
        """What may be in it: with all and with none of what was added under conditions, and what lies between as far as it is kept."""
        for left_out in choices(self.optional):
            yield [item for position, item in enumerate(self.items) if position not in left_out]

    def add_rest(self, value: Value) -> None:
        if self.rest is None:
            self.rest_at = len(self.items)
        self.rest = value if self.rest is None else union([self.rest, value])


class Range(Items):
    """``range(…)``: any number of numbers, of which each is told where its bounds are written and it is asked for alone."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: range | None) -> None:
        super().__init__([], "list", Unknown("a number"))
        self.numbers = numbers

    def item(self, key: Value, at: Frame) -> Value:
        if self.numbers is not None and isinstance(key, Known) and isinstance(key.value, int):
            if -len(self.numbers) <= key.value < len(self.numbers):
                return Known(self.numbers[key.value])
        return Items.item(self, key, at)


@dataclass(frozen=True, slots=True)
class ItemsMethod(Value):
    """``append`` and its kin change the list that they are called on."""

    receiver: Items
    name: str

    def call(self, arguments: Arguments, at: Frame) -> Value:
        receiver, first = self.receiver, arguments.first()
        if self.name in ("append", "add", "insert") and arguments.positional:
            value = arguments.positional[-1]
            if len(receiver.items) > 500 or not all(loop.is_unrolled for loop in at.loops):
                receiver.add_rest(value)
            else:
                receiver.items.append(value)
            return Known(None)
        if self.name in ("extend", "update", "union") and first is not None:
            unrolled = all(loop.is_unrolled for loop in at.loops)
            if isinstance(first, Items) and unrolled and len(receiver.items) < 500:
                receiver.optional |= {len(receiver.items) + position for position in first.optional}
                receiver.items.extend(first.items)
                if first.rest:
                    receiver.add_rest(first.rest)
            else:
                receiver.add_rest(at.iterate(first))
            return receiver if self.name == "union" else Known(None)
        if self.name == "pop":
            return receiver.iterate(at)
        if self.name == "sort":
            from dbwright.source.natives import ask_keys

            ask_keys(receiver, arguments.named.get("key"), at)
        if self.name == "copy":
            return Items(list(receiver.items), receiver.kind, receiver.rest, set(receiver.optional))
        return (
            Known(None)
            if self.name in ("sort", "reverse", "clear", "remove", "discard")
            else Unknown(f"result of {self.name}")
        )


@dataclass(slots=True)
class Mapping(Value):
    """A dictionary with plain keys; ``rest`` stands for the values of keys that are not known."""

    items: dict[Any, Value] = field(default_factory=dict)
    rest: Value | None = None
    optional: set[Any] = field(default_factory=set)
    """Keys of what was set under a condition that is not known."""

    def iterate(self, at: Frame) -> Value:
        return union([Known(key) for key in self.items] or [Unknown("key")])

    def item(self, key: Value, at: Frame) -> Value:
        if isinstance(key, Known):
            try:
                if key.value in self.items:
                    return self.items[key.value]
            except TypeError:
                pass
            return self.rest or Unknown("missing key")
        return self.values()

    def values(self) -> Value:
        every = [*self.items.values(), *([self.rest] if self.rest else [])]
        return union(every) if every else Unknown("empty")

    def set(self, key: Value, value: Value) -> None:
        if isinstance(key, Known) and isinstance(key.value, str | int | tuple | None):
            self.items[key.value] = value
        elif isinstance(key, Real) and isinstance(name := getattr(key.object, "key", None), str):
            self.items[name] = value  # a column of a model, as what is written to it
        else:
            self.rest = value if self.rest is None else union([self.rest, value])

    def take_in(self, other: Mapping) -> None:
        """``update`` with another dictionary."""
        self.optional = {key for key in self.optional if key not in other.items} | {
            key for key in other.optional if key not in self.items or key in self.optional
        }
        self.items.update(other.items)
        self.rest = self.rest or other.rest

    def truth(self) -> bool | None:
        if len(self.items) > len(self.optional):
            return True
        return None if self.items or self.rest is not None else False

    def attribute(self, name: str, at: Frame) -> Value:
        return MappingMethod(self, name)

    def key(self) -> object:
        global _depth, _in_key
        if _depth >= _DEEPEST_KEY or (_depth and _in_key >= _MOST_IN_KEY):
            return Identity(self)
        _in_key = _in_key + 1 if _depth else 1
        _depth += 1
        try:
            first = tuple([(name, value.key()) for name, value in itertools.islice(self.items.items(), 6)])
            return ("mapping", first, len(self.items), len(self.optional), self.rest and self.rest.key())
        finally:
            _depth -= 1

    def shape(self) -> object:
        with _IN_SHAPES as too_deep:
            if too_deep:
                return ("mapping",)
            inside = frozenset((name, value.shape()) for name, value in list(self.items.items())[:12])
            return ("mapping", inside, self.rest and self.rest.shape())


@dataclass(frozen=True, slots=True)
class MappingMethod(Value):
    receiver: Mapping
    name: str

    def call(self, arguments: Arguments, at: Frame) -> Value:
        receiver, first = self.receiver, arguments.first()
        if self.name in ("get", "pop", "setdefault") and first is not None:
            default = arguments.positional[1] if len(arguments.positional) > 1 else Known(None)
            if isinstance(first, Known) and first.value in receiver.items:
                known = receiver.items.pop(first.value) if self.name == "pop" else receiver.items[first.value]
                return union([known, default]) if first.value in receiver.optional else known
            if self.name == "setdefault":
                receiver.set(first, default)
                return receiver.item(first, at)
            return union([default, receiver.rest]) if receiver.rest else default
        if self.name == "update":
            if isinstance(first, Mapping):
                receiver.take_in(first)
            elif first is not None:
                receiver.rest = Unknown("updated", origin_of(first))
            receiver.items.update(arguments.named)
            return Known(None)
        if self.name == "items":
            pairs = [Items([Known(key), value], "tuple") for key, value in receiver.items.items()]
            rest = Items([Unknown("key"), receiver.rest], "tuple") if receiver.rest else None
            return Items(list(pairs), "list", rest)
        if self.name == "values":
            return Items(list(receiver.items.values()), "list", receiver.rest)
        if self.name == "keys":
            return Items([Known(key) for key in receiver.items], "list", Unknown("key") if receiver.rest else None)
        if self.name == "copy":
            return Mapping(dict(receiver.items), receiver.rest, set(receiver.optional))
        return Unknown(f"result of {self.name}")


@dataclass(frozen=True, slots=True)
class Slice(Value):
    """``a:b`` between brackets; None where a bound is left out."""

    start: Value | None
    stop: Value | None


@dataclass(frozen=True, slots=True)
class Union(Value):
    """One of several alternatives."""

    members: tuple[Value, ...]

    def attribute(self, name: str, at: Frame) -> Value:
        return union(member.attribute(name, at) for member in self.members)

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return union(at.call(member, arguments) for member in self.members)

    def iterate(self, at: Frame) -> Value:
        elements = [at.iterate(member) for member in self.members]
        for element in elements:
            if (beside := getattr(element, "beside", None)) is not None:
                beside(elements)
        return union(elements)

    def item(self, key: Value, at: Frame) -> Value:
        return union(member.item(key, at) for member in self.members)

    def truth(self) -> bool | None:
        answers = {member.truth() for member in self.members}
        return answers.pop() if len(answers) == 1 else None

    def key(self) -> object:
        return ("union", *(member.key() for member in self.members))

    def shape(self) -> object:
        return ("union", frozenset(member.shape() for member in self.members))

    def describe(self) -> str:
        return " or ".join(member.describe() for member in self.members[:3])


def union(values: Iterable[Value]) -> Value:
    """One value for several alternatives. Unknown ones are dropped beside known ones; above ``MOST_VARIANTS`` the first and the last
    are kept: the fewest and the most conditions of a query that is built step by step."""
    several = list(values)
    if several and all(one is several[0] for one in several):
        return several[0]
    members: dict[object, Value] = {}
    for value in several:
        for member in value.members if isinstance(value, Union) else (value,):
            members.setdefault(member.key(), member)
    if not members:
        return Unknown("nothing")
    told = [member for member in members.values() if not isinstance(member, Unknown)]
    chosen = told if any(not isinstance(member, Known) for member in told) else list(members.values())
    if len(chosen) > MOST_VARIANTS and all(hasattr(member, "turns") for member in chosen):
        chosen = sorted(chosen, key=lambda member: member.turns)[:MOST_OF_TURNS]  # type: ignore[attr-defined]
    elif len(chosen) > MOST_VARIANTS:
        chosen = [*chosen[: MOST_VARIANTS // 2], *chosen[-MOST_VARIANTS // 2 :]]
    return chosen[0] if len(chosen) == 1 else Union(tuple(chosen))


def alternatives(value: Value) -> tuple[Value, ...]:
    return value.members if isinstance(value, Union) else (value,)


@dataclass(slots=True)
class Arguments:
    """The arguments of a call. ``extra_positional`` and ``extra_named`` stand for those of a ``*`` and ``**`` that is not known."""

    positional: list[Value] = field(default_factory=list)
    named: dict[str, Value] = field(default_factory=dict)
    extra_positional: Value | None = None
    extra_named: Value | None = None
    optional: frozenset[int] = frozenset()
    """Positions of what a ``*`` gave that was added to its list under a condition."""
    extra_at: int | None = None
    """How many of ``positional`` stand before ``extra_positional``, where not all do."""
    optional_named: frozenset[str] = frozenset()
    """Names of what a ``**`` gave that was set under a condition."""
    either: Union | None = None
    """The lists of which a ``*`` that is all there is gives one."""

    def each(self) -> Iterator[Arguments]:
        """The calls with one of the lists each."""
        for one in self.either.members if self.either is not None else ():
            if isinstance(one, Items):
                yield Arguments(list(one.items), self.named, one.rest, self.extra_named, frozenset(one.optional))

    def first(self) -> Value | None:
        return self.positional[0] if self.positional else None

    def get(self, position: int, name: str) -> Value | None:
        """The argument given by position or by name."""
        return self.positional[position] if position < len(self.positional) else self.named.get(name)

    def every(self) -> Iterator[Value]:
        yield from self.positional
        yield from self.named.values()
        yield from (v for v in (self.extra_positional, self.extra_named) if v)

    def origin(self) -> Origin:
        return next((o for o in map(origin_of, self.every()) if o != "unknown"), "unknown")

    def renewed(self) -> Arguments:
        """See ``Value.renewed``."""
        return Arguments(
            [value.renewed() for value in self.positional],
            {name: value.renewed() for name, value in self.named.items()},
            self.extra_positional,
            self.extra_named,
            self.optional,
        )

    def key(self) -> object:
        return (
            tuple([value.key() for value in self.positional]),
            tuple([(name, value.key()) for name, value in self.named.items()]),
            self.extra_positional and self.extra_positional.key(),
            self.extra_named and self.extra_named.key(),
        )

    def shape(self) -> object:
        """See ``Value.shape``."""
        return (
            tuple(value.shape() for value in self.positional),
            tuple((name, value.shape()) for name, value in self.named.items()),
        )


def origin_of(value: Value, depth: int = 4) -> Origin:
    """Where the unknown part of a value comes from; looked for so many containers deep."""
    if isinstance(value, Unknown):
        return value.origin
    inside: Iterable[Value] = ()
    if isinstance(value, FormattedText):
        inside = (value.parts,)
    elif isinstance(value, Union):
        inside = value.members
    elif isinstance(value, Items):
        inside = [*value.items[:20], *([value.rest] if value.rest else [])]
    if not depth:
        return "unknown"
    return next((o for one in inside if (o := origin_of(one, depth - 1)) != "unknown"), "unknown")


@dataclass(frozen=True, slots=True)
class Library(Value):
    """A name of a library whose source is not read: ``name`` is dotted."""

    name: str

    def attribute(self, name: str, at: Frame) -> Value:
        return at.interpreter.library(f"{self.name}.{name}")

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return at.interpreter.call_library(self, arguments, at)

    def key(self) -> object:
        return ("library", self.name)

    def describe(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Real(Value):
    """An object of a library that was really made or imported: a class, a field, a condition, an expression. Only harmless ones are."""

    object: Any

    def attribute(self, name: str, at: Frame) -> Value:
        return at.interpreter.real_attribute(self, name, at)

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return at.interpreter.call_real(self, arguments, at)

    def item(self, key: Value, at: Frame) -> Value:
        return at.interpreter.real_item(self, key, at)

    def describe(self) -> str:
        return getattr(self.object, "__name__", type(self.object).__name__)

    def key(self) -> object:
        return ("real", Identity(self.object))


@dataclass(frozen=True, slots=True)
class ModuleValue(Value):
    """A module of the project, or a package of which only parts are files."""

    name: str
    module: Module | None

    def attribute(self, name: str, at: Frame) -> Value:
        return at.interpreter.name_in(self.name, name)

    def key(self) -> object:
        return ("module", self.name)


FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Function(Value):
    """A function of the project. ``closure`` holds the variables around it; ``owner`` is the class in whose body it stands."""

    node: FunctionNode
    module: Module
    closure: dict[str, Value] | None = None
    owner: ClassValue | None = None

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "<lambda>")

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return at.interpreter.call_unbound(self, arguments, at)

    def key(self) -> object:
        return ("function", id(self.node))

    def describe(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Bound(Value):
    """A function with the object that it is called on."""

    function: Function
    receiver: Value

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return at.interpreter.call_function(self.function, self.receiver, arguments, at)

    def key(self) -> object:
        return ("bound", id(self.function.node), self.receiver.key())

    def shape(self) -> object:
        return ("bound", id(self.function.node), self.receiver.shape())

    def attribute(self, name: str, at: Frame) -> Value:
        return Unknown(f"attribute {name} of a function")


@dataclass(slots=True, eq=False)
class ClassValue(Value):
    """A class of the project (or of a stub). The interpreter answers for it: bases, order of resolution, body."""

    node: ast.ClassDef
    module: Module
    closure: dict[str, Value] | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    """What was found out about the class, by the name of the question."""

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def qualified_name(self) -> str:
        return f"{self.module.name}.{self.node.name}"

    def attribute(self, name: str, at: Frame) -> Value:
        return at.interpreter.class_attribute(self, name, at)

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return at.interpreter.instantiate(self, arguments, at)

    def iterate(self, at: Frame) -> Value:
        return at.interpreter.iterate_class(self, at)

    def item(self, key: Value, at: Frame) -> Value:
        return self  # Generic[T]

    def truth(self) -> bool | None:
        return True

    def key(self) -> object:
        return ("class", id(self.node))

    def describe(self) -> str:
        return self.name


@dataclass(slots=True, eq=False)
class Instance(Value):
    """An object of a class of the project. ``attributes`` are those assigned so far."""

    cls: ClassValue
    attributes: dict[str, Value] = field(default_factory=dict)
    iterated: Value | None = None
    """What its ``__iter__`` gave last."""

    @property
    def rows(self) -> Any:
        """A page of a paginator walks over the rows of its query."""
        from dbwright.source.interpreter import rows_of

        return rows_of(self.iterated) if self.iterated is not None else None

    def attribute(self, name: str, at: Frame) -> Value:
        return at.interpreter.instance_attribute(self, name, at)

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return at.call(at.interpreter.instance_attribute(self, "__call__", at), arguments)

    def iterate(self, at: Frame) -> Value:
        if at.interpreter.find_in_class(self.cls, "__iter__"):
            found = at.call(self.attribute("__iter__", at), Arguments())
            if not isinstance(found, Instance):
                self.iterated = found
                return at.iterate(found)
        if at.interpreter.find_in_class(self.cls, "__next__"):
            return at.call(self.attribute("__next__", at), Arguments())
        return Unknown("element of an object")

    def item(self, key: Value, at: Frame) -> Value:
        method = at.interpreter.find_in_class(self.cls, "__getitem__")
        return at.call(self.attribute("__getitem__", at), Arguments([key])) if method else Unknown("item of an object")

    def key(self) -> object:
        global _depth, _in_key
        if _depth >= _DEEPEST_KEY or (_depth and _in_key >= _MOST_IN_KEY):
            return ("instance", self.cls)  # an object that leads back to itself, or far into others
        _in_key = _in_key + 1 if _depth else 1
        _depth += 1
        try:
            attributes = [(n, v.key() if not isinstance(v, Instance) else n) for n, v in self.attributes.items()]
            return ("instance", self.cls, tuple(attributes))
        finally:
            _depth -= 1

    def shape(self) -> object:
        with _IN_SHAPES as too_deep:
            if too_deep:
                return ("instance", id(self.cls.node))
            inside = ((n, v.shape()) for n, v in self.attributes.items() if not isinstance(v, Instance | Known))
            asked = self.attributes.get(
                "action"
            )  # what a viewset is asked to do chooses its queryset and its serializer
            action = asked.value if isinstance(asked, Known) and isinstance(asked.value, str) else None
            return ("instance", id(self.cls.node), action, frozenset(inside))

    def describe(self) -> str:
        return f"a {self.cls.name}"


class OneInstance(Instance):
    """An object whose methods are walked for what they leave on it: a walk for another object never stands in for its own."""

    __slots__ = ("number",)
    _numbers = itertools.count(1)

    def __init__(self, cls: ClassValue) -> None:
        super().__init__(cls)
        self.renew()

    def renew(self) -> None:
        """From now on the same calls are walked again."""
        self.number = next(self._numbers)

    def key(self) -> object:
        return ("one instance", id(self.cls.node), self.number)


@dataclass(frozen=True, slots=True)
class Super(Value):
    """``super()``: attributes of the classes after ``after`` in the order of resolution of the receiver's class."""

    receiver: Value
    cls: ClassValue
    after: ClassValue

    def attribute(self, name: str, at: Frame) -> Value:
        return at.interpreter.super_attribute(self, name, at)

    def key(self) -> object:
        return ("super", self.receiver.key(), id(self.after.node))


@dataclass(frozen=True, slots=True)
class Parametrised(Value):
    """``Repository[Book]`` as ``__orig_bases__`` has it."""

    origin: Value
    parameters: tuple[Value, ...]

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "__args__":
            return Items(list(self.parameters), "tuple")
        return self.origin if name == "__origin__" else self.origin.attribute(name, at)


@dataclass(frozen=True, slots=True)
class ClassBeingMade(Value):
    """The class that ``__init_subclass__`` is called for: what it sets is kept aside."""

    cls: ClassValue
    given: Instance

    def attribute(self, name: str, at: Frame) -> Value:
        return self.given.attributes.get(name) or self.cls.attribute(name, at)

    def assign(self, name: str, value: Value, at: Frame) -> None:
        self.given.attributes[name] = value

    def key(self) -> object:
        return ("class being made", id(self.cls.node))


@dataclass(frozen=True, slots=True)
class TypeVariable(Value):
    """``TypeVar("Model")``."""

    name: str

    def key(self) -> object:
        return ("type variable", self.name)

    def describe(self) -> str:
        return f"type variable {self.name}"


@dataclass(frozen=True, slots=True)
class Native(Value):
    """A function of ours that stands for one of Python's or a framework's."""

    name: str
    function: Callable[[Arguments, Frame], Value]

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return self.function(arguments, at)

    def key(self) -> object:
        return ("native", self.name, self.function)

    def describe(self) -> str:
        return self.name


HOLE = "\x00"
"""Stands in a text for a part that is not known."""


@dataclass(frozen=True, slots=True)
class FormattedText(Value):
    """Text put together from parts (an f-string, ``%``, ``+``): ``text`` has HOLE for what is not known, ``parts`` what was put in."""

    text: str
    parts: Value

    def attribute(self, name: str, at: Frame) -> Value:
        return Native(name, lambda arguments, frame: self)

    def key(self) -> object:
        global _depth, _in_key
        if (
            _depth >= _DEEPEST_KEY - 2
        ):  # a text that grows line by line holds all it was before: each level would look at all below
            return Identity(self)
        _in_key = _in_key + 1 if _depth else 1
        _depth += 2
        try:
            return ("formatted", self.text, self.parts.key())
        finally:
            _depth -= 2

    def shape(self) -> object:
        return ("formatted",)

    def describe(self) -> str:
        return "formatted text"
