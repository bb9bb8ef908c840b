"""Functions of Python itself and of its library whose results matter: what they make of abstract values."""

from __future__ import annotations

import ast
import decimal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dbwright.source.values import (
    Arguments,
    Bound,
    ClassValue,
    Function,
    Items,
    Known,
    Mapping,
    Native,
    NotPlain,
    Parametrised,
    Range,
    Real,
    TypeVariable,
    Unknown,
    Value,
    alternatives,
    from_plain,
    plain,
    union,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame

Handler = Callable[[Arguments, "Frame"], Value]


def _list(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if first is None:
        return Items()
    if isinstance(first, Items):
        return Items(list(first.items), "list", first.rest, set(first.optional))
    if isinstance(first, Mapping) and first.rest is None:
        return Items([Known(key) for key in first.items])
    if isinstance(first, Real) and (told := at.interpreter.real_elements(first)) is not None:
        return Items(told)
    return Items([], "list", at.iterate(first))


def _dict(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if isinstance(first, Mapping):
        return Mapping({**first.items, **arguments.named}, first.rest, first.optional - arguments.named.keys())
    if first is None:
        return Mapping(dict(arguments.named), arguments.extra_named)
    pair = at.iterate(first)
    return Mapping(dict(arguments.named), pair.item(Known(1), at))


def _len(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if isinstance(first, Items | Mapping) and first.rest is None and not at.loops:
        return Known(len(first.items))
    if isinstance(first, Known) and isinstance(first.value, str | bytes):
        return Known(len(first.value))
    for one in alternatives(first) if first is not None else ():
        length = getattr(one, "length", None)
        if length is not None:
            length(at)
    return Unknown("a length")


def _test(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    for one in alternatives(first) if first is not None else ():
        tested = getattr(one, "tested", None)
        if tested is not None:
            tested(at)
    truth = first.truth() if first is not None else False
    return Known(truth) if truth is not None else Unknown("a truth value")


def _element(arguments: Arguments, at: Frame) -> Value:
    """``next``, ``min``, ``max``, ``random.choice``: one of the elements."""
    first = arguments.first()
    if first is None:
        return Unknown("an element")
    ask_keys(first, arguments.named.get("key"), at)
    if len(arguments.positional) > 1:
        second = arguments.positional[1]
        element = at.iterate(first) if not isinstance(first, Known) else first
        return union([element, second])
    return at.iterate(first)


def ask_keys(value: Value, key: Value | None, at: Frame) -> None:
    """``key=lambda book: book.author.name`` of a call that sorts, compares or groups: asked for each element."""
    if key is not None and not isinstance(key, Known | Unknown):
        element = at.iterate(value)
        with at.loop(_rows(value)):
            at.call(key, Arguments([element]))


def show(value: Value, at: Frame) -> None:
    """A row becomes text: its class is asked for it."""
    for one in alternatives(value):
        cls = getattr(one, "cls", None)
        if hasattr(one, "row_of") and isinstance(cls, ClassValue) and at.interpreter.find_in_class(cls, "__str__"):
            at.call(one.attribute("__str__", at), Arguments())


def _print(arguments: Arguments, at: Frame) -> Value:
    for one in arguments.positional:
        show(one, at)
    return Known(None)


def _str(arguments: Arguments, at: Frame) -> Value:
    if (first := arguments.first()) is not None:
        show(first, at)
    return _scalar(str)(arguments, at)


def _sorted(arguments: Arguments, at: Frame) -> Value:
    if (first := arguments.first()) is not None:
        ask_keys(first, arguments.named.get("key"), at)
    return _same(arguments, at)


def _same(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if isinstance(first, Items):
        return Items(list(first.items), "list", first.rest)
    return Items([], "list", at.iterate(first)) if first is not None else Items()


def _enumerate(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    return (
        Items([], "list", Items([Unknown("a position"), at.iterate(first)], "tuple")) if first is not None else Items()
    )


def _zip(arguments: Arguments, at: Frame) -> Value:
    return Items([], "list", Items([at.iterate(one) for one in arguments.positional], "tuple"))


def _map(arguments: Arguments, at: Frame) -> Value:
    if len(arguments.positional) < 2:
        return Unknown("a map")
    function, *rest = arguments.positional
    elements = [at.iterate(one) for one in rest]
    with at.loop(_rows(rest[0])):
        return Items([], "list", at.call(function, Arguments(elements)))


def _filter(arguments: Arguments, at: Frame) -> Value:
    if len(arguments.positional) < 2:
        return Unknown("a filter")
    element = at.iterate(arguments.positional[1])
    with at.loop(_rows(arguments.positional[1])):
        at.call(arguments.positional[0], Arguments([element]))
    return Items([], "list", element)


def _rows(value: Value) -> object:
    from dbwright.source.interpreter import rows_of

    return rows_of(value)


def _getattr(arguments: Arguments, at: Frame) -> Value:
    name = arguments.get(1, "name")
    if arguments.positional and isinstance(name, Known) and isinstance(name.value, str):
        found = arguments.positional[0].attribute(name.value, at)
        if len(arguments.positional) > 2 and isinstance(found, Unknown):
            return union([found, arguments.positional[2]])
        return found
    unknown = Unknown("getattr of a name that is not known", arguments.origin())
    return union([unknown, *arguments.positional[2:3]])


def _hasattr(arguments: Arguments, at: Frame) -> Value:
    """Answered where all that it may be is known to have it."""
    name = arguments.get(1, "name")
    if arguments.positional and isinstance(name, Known) and isinstance(name.value, str):
        told = [getattr(one, "has", None) for one in alternatives(arguments.positional[0])]
        if all(has is not None and has(name.value, at) for has in told):
            return Known(True)
    return Unknown("a truth value")


def _setattr(arguments: Arguments, at: Frame) -> Value:
    if len(arguments.positional) == 3 and isinstance(arguments.positional[1], Known):
        at.interpreter._assign_attribute(
            arguments.positional[0], str(arguments.positional[1].value), arguments.positional[2], at
        )
    return Known(None)


_PLAIN_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "bytes": bytes}


def _isinstance(arguments: Arguments, at: Frame) -> Value:
    """Answered for plain values and Python's plain types, and for rows of queries and classes of the project."""
    if len(arguments.positional) == 2:
        first, second = arguments.positional
        types = second.items if isinstance(second, Items) else [second]
        told = [_is_row_of(one, types, at) for one in alternatives(first)]
        if None not in told and len(set(told)) == 1:
            return Known(told[0])
        names = [one.name for one in types if isinstance(one, Native)]
        if isinstance(first, Known) and len(names) == len(types) and all(name in _PLAIN_TYPES for name in names):
            return Known(isinstance(first.value, tuple(_PLAIN_TYPES[name] for name in names)))
    return Unknown("a truth value")


def _is_row_of(value: Value, types: Sequence[Value], at: Frame) -> bool | None:
    """Whether a row of a query is of one of the classes; None when that is not told."""
    cls = getattr(value, "cls", None)
    if getattr(value, "row_of", None) is None or not isinstance(cls, ClassValue):
        return None
    if not all(isinstance(one, ClassValue) for one in types):
        return None
    above = at.interpreter.mro(cls)
    if any(one in above for one in types):
        return True
    below = at.interpreter.derived(cls)
    return None if any(one in below for one in types) else False


def _scalar(convert: Callable[[object], object]) -> Handler:
    def handler(arguments: Arguments, at: Frame) -> Value:
        first = arguments.first()
        try:
            if first is None:
                return Unknown("empty")
            return Known(convert(plain(first)))
        except (NotPlain, TypeError, ValueError, OverflowError):
            return Unknown("a converted value", arguments.origin())

    return handler


def _range(arguments: Arguments, at: Frame) -> Value:
    bounds = [one.value for one in arguments.positional if isinstance(one, Known) and isinstance(one.value, int)]
    known = bounds and len(bounds) == len(arguments.positional)
    return Range(range(*bounds) if known and 0 not in bounds[2:] else None)


def _partial(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if first is None:
        return Unknown("partial of nothing")
    before, named = arguments.positional[1:], arguments.named

    def later(more: Arguments, frame: Frame) -> Value:
        return frame.call(
            first,
            Arguments([*before, *more.positional], {**named, **more.named}, more.extra_positional, more.extra_named),
        )

    return Native("partial", later)


def _reduce(arguments: Arguments, at: Frame) -> Value:
    """``reduce(or_, conditions)``: all of a written list, two of any other; with a first value none of them, too."""
    if len(arguments.positional) < 2:
        return Unknown("a reduction")
    function, source, *start = arguments.positional
    if start and isinstance(source, Items):
        return _reduced_from(start[0], function, source, at)
    if isinstance(source, Items):
        elements = list(source.items) + ([source.rest, source.rest] if source.rest is not None else [])
    else:
        element = at.iterate(source)
        elements = [element, element]
    elements = [*start, *elements][:12]
    if not elements:
        return Unknown("a reduction of nothing")
    result = elements[0]
    for element in elements[1:]:
        result = at.call(function, Arguments([result, element]))
    return result


def _reduced_from(result: Value, function: Value, source: Items, at: Frame) -> Value:
    for position, element in enumerate(source.items[:12]):
        reduced = at.call(function, Arguments([result, element]))
        result = union([result, reduced]) if position in source.optional else reduced
    if source.rest is not None:
        result = union([result, at.call(function, Arguments([result, source.rest]))])
    return result


def _operator(operator: ast.operator) -> Handler:
    def handler(arguments: Arguments, at: Frame) -> Value:
        if len(arguments.positional) != 2:
            return Unknown("an operator")
        return at.interpreter.operate(operator, arguments.positional[0], arguments.positional[1], at)

    return handler


def _comparison(operator: ast.cmpop) -> Handler:
    def handler(arguments: Arguments, at: Frame) -> Value:
        if len(arguments.positional) != 2:
            return Unknown("a truth value")
        return at.interpreter.compared(operator, arguments.positional[0], arguments.positional[1], at)

    return handler


def _chain(arguments: Arguments, at: Frame) -> Value:
    return (
        Items([], "list", union(at.iterate(one) for one in arguments.positional)) if arguments.positional else Items()
    )


def _chain_from(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    return Items([], "list", at.iterate(at.iterate(first))) if first is not None else Items()


def _groupby(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    element = at.iterate(first) if first is not None else Unknown("empty")
    if first is not None:
        ask_keys(
            first, arguments.named.get("key", arguments.positional[1] if len(arguments.positional) > 1 else None), at
        )
    return Items([], "list", Items([Unknown("a key"), Items([], "list", element)], "tuple"))


def _batched(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    return Items([], "list", Items([], "tuple", at.iterate(first))) if first is not None else Items()


def _copy(arguments: Arguments, at: Frame) -> Value:
    return arguments.first() or Unknown("a copy")


def _defaultdict(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    return Mapping({}, at.call(first, Arguments()) if first is not None else None)


def _type(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if len(arguments.positional) == 3:
        name, bases, body = arguments.positional
        return at.interpreter.made_class(name, bases, body, at)
    cls = getattr(first, "cls", None)
    return cls if isinstance(cls, Value) else Unknown("a class")


def _callable(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    return Known(True) if isinstance(first, Function | Bound | Native) else Unknown("a truth value")


def _decimal(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    try:
        return Known(decimal.Decimal(plain(first))) if first is not None else Known(decimal.Decimal(0))
    except (NotPlain, TypeError, ValueError, ArithmeticError):
        return Unknown("a number", arguments.origin())


def _environment(arguments: Arguments, at: Frame) -> Value:
    return Unknown("an environment variable", "settings")


def _sum(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if first is not None:
        at.iterate(first)
    return Unknown("a sum")


def _consume(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if first is not None:
        at.iterate(first)
    return Unknown("a truth value")


def _type_variable(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    return TypeVariable(str(first.value)) if isinstance(first, Known) else Unknown("a type variable")


def _type_parameters(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    return Items(list(first.parameters), "tuple") if isinstance(first, Parametrised) else Unknown("type parameters")


def _join_paths(arguments: Arguments, at: Frame) -> Value:
    try:
        return from_plain("/".join(str(plain(one)) for one in arguments.positional))
    except NotPlain:
        return Unknown("a path")


BUILTINS: dict[str, Handler] = {
    "list": _list,
    "tuple": _list,
    "set": _list,
    "frozenset": _list,
    "dict": _dict,
    "len": _len,
    "bool": _test,
    "next": _element,
    "min": _element,
    "max": _element,
    "iter": _copy,
    "sorted": _sorted,
    "reversed": _same,
    "enumerate": _enumerate,
    "zip": _zip,
    "map": _map,
    "filter": _filter,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "setattr": _setattr,
    "isinstance": _isinstance,
    "print": _print,
    "str": _str,
    "int": _scalar(int),  # type: ignore[arg-type]
    "float": _scalar(float),  # type: ignore[arg-type]
    "range": _range,
    "type": _type,
    "callable": _callable,
    "sum": _sum,
    "any": _consume,
    "all": _consume,
}

LIBRARY: dict[str, Handler] = {
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "operator.or_": _operator(ast.BitOr()),
    "operator.ior": _operator(ast.BitOr()),
    "operator.and_": _operator(ast.BitAnd()),
    "operator.iand": _operator(ast.BitAnd()),
    "operator.add": _operator(ast.Add()),
    "operator.sub": _operator(ast.Sub()),
    "operator.mul": _operator(ast.Mult()),
    "operator.eq": _comparison(ast.Eq()),
    "operator.ne": _comparison(ast.NotEq()),
    "operator.lt": _comparison(ast.Lt()),
    "operator.le": _comparison(ast.LtE()),
    "operator.gt": _comparison(ast.Gt()),
    "operator.ge": _comparison(ast.GtE()),
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": _chain_from,
    "itertools.islice": _same,
    "itertools.groupby": _groupby,
    "itertools.zip_longest": _zip,
    "itertools.batched": _batched,
    "more_itertools.chunked": _batched,
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "collections.defaultdict": _defaultdict,
    "collections.OrderedDict": _dict,
    "os.environ.get": _environment,
    "os.getenv": _environment,
    "os.path.join": _join_paths,
    "decimal.Decimal": _decimal,
    "random.choice": _element,
    "typing.TypeVar": _type_variable,
    "typing_extensions.TypeVar": _type_variable,
    "typing.get_args": _type_parameters,
    "typing.cast": lambda arguments, at: arguments.get(1, "val") or Unknown("a cast"),
}
