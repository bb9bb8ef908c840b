"""Text of a user's request that becomes SQL, or the name of what rows are ordered by: by the text of functions, and of the functions of the
project that they hand it to.

    handed = Handed(functions, codebase)
    facts = of_function(module, name, function, handed)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dbwright.model.source import Place, SourceFact
from dbwright.pysource import dotted, own_nodes
from dbwright.source.modules import Codebase, Import, Module

Function = ast.FunctionDef | ast.AsyncFunctionDef
Key = tuple[str, str]
"""A function: its file and its name with those of the classes around it."""
Use = Literal["part", "whole", "order"]
"""What becomes of an argument: it is put into SQL, it is SQL, it names what rows are ordered by."""
MOST_HANDED = 3
"""Functions between the one that is handed the text and the one that makes SQL of it."""

_INPUTS = frozenset(
    "GET POST query_params data args form values json headers cookies COOKIES FILES body params get_json path_params matchdict "
    "view_args".split()
)
_REQUESTS = frozenset(("request", "req", "self.request", "flask.request", "info.context.request"))
_ROUTES = frozenset(("get", "post", "put", "patch", "delete", "head", "options", "route", "api_route"))
_RUNS_SQL = frozenset(
    "execute executemany raw executescript fetch fetchrow fetchval exec_driver_sql RawSQL text mogrify".split()
)
_FUNCTIONS = frozenset(("RawSQL", "text"))
"""Those that are called by their bare names; the others are methods, and functions of such names are somebody's own."""
_TEXT_OF = frozenset(("sa", "sqla", "sqlalchemy", "sqlalchemy.sql", "sql", "db", "expression"))
"""Modules and objects whose ``text`` makes SQL: drawings, bots and responses have a method of that name too."""
_TAKES_CLAUSES = frozenset(
    "execute scalar scalars order_by where filter having group_by from_statement select_from".split()
)
_SINKS = _RUNS_SQL | {"extra", "order_by"}
_CLEANS = frozenset(
    "int float bool len UUID Decimal quote_name quote_ident quote_identifier Identifier Literal parse_date parse_datetime abs round "
    "isoformat quoted_name count index isdigit startswith endswith".split()
)


def of_function(module: Module, name: str, function: Function, handed: Handed) -> Iterator[SourceFact]:
    """The places of a function at which a request's text becomes SQL or an order."""
    if handed.names.isdisjoint(_called_in(function)):
        return
    taint = Taint(_sent_to(function), from_request=True)
    for node, sink in handed.sinks(module, name, function, taint):
        place = Place(module.file, node.lineno, name)
        kind: Literal["input in SQL", "order from request"] = (
            "order from request" if sink.use == "order" else "input in SQL"
        )
        yield SourceFact(kind, place, _last(node.func), node.end_lineno or node.lineno, sink.at)


def _sent_to(function: Function) -> Iterator[str]:
    """The parameters of a route that hold text of the request as it came."""
    routes = (
        d.func.attr for d in function.decorator_list if isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute)
    )
    if _ROUTES.isdisjoint(routes):
        return
    for one in (*function.args.args, *function.args.kwonlyargs):
        if one.annotation is not None and _is_text(one.annotation):
            yield one.arg


def _is_text(annotation: ast.expr) -> bool:
    """``str``, ``str | None``, ``Optional[str]``, ``Annotated[str, …]``: any text."""
    if isinstance(annotation, ast.BinOp):
        return _is_text(annotation.left) or _is_text(annotation.right)
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) in ("Optional", "Annotated"):
        first = annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
        return _is_text(first)
    return isinstance(annotation, ast.Name) and annotation.id == "str"


@dataclass(frozen=True, slots=True)
class Sink:
    """A call that makes something of a text; ``at`` is the line that does, where that is another function's."""

    use: Use
    at: str = ""


class Taint:
    """The names of a function that hold text from outside: of the request, or of one of its own arguments."""

    def __init__(self, names: Iterable[str], from_request: bool) -> None:
        self.names = set(names)
        self.from_request = from_request
        self.texts: dict[str, ast.expr] = {}
        """SQL put together with such text, by the name that holds it."""

    def is_input(self, node: ast.expr) -> bool:
        """Whether a value is, or may hold, such text as it came."""
        if isinstance(node, ast.Name):
            return node.id in self.names
        if isinstance(node, ast.Attribute):
            return self.from_request and node.attr in _INPUTS and dotted(node.value) in _REQUESTS
        if isinstance(node, ast.Subscript):
            return self.is_input(node.value)  # TABLE[request.…] is what TABLE holds
        if isinstance(node, ast.Call):
            return self._call_gives_input(node)
        if isinstance(node, ast.BoolOp):
            return any(map(self.is_input, node.values))
        if isinstance(node, ast.IfExp):
            return not _tests(node.test) and (self.is_input(node.body) or self.is_input(node.orelse))
        if isinstance(node, ast.Await | ast.NamedExpr | ast.Starred):
            return self.is_input(node.value)
        return self.is_put_together(node)

    def _call_gives_input(self, node: ast.Call) -> bool:
        if isinstance(node.func, ast.Name):
            return node.func.id == "str" and any(map(self.is_input, node.args))
        if not isinstance(node.func, ast.Attribute) or node.func.attr in _CLEANS:
            return False
        if node.func.attr == "join":
            return any(map(self.is_input, node.args))
        return self.is_input(node.func.value) or (node.func.attr == "format" and self.is_put_together(node))

    def is_put_together(self, node: ast.expr) -> bool:
        """Text with input formatted into it."""
        if isinstance(node, ast.JoinedStr):
            return any(self.is_input(part.value) for part in node.values if isinstance(part, ast.FormattedValue))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return any(self.is_input(side) or self.is_put_together(side) for side in (node.left, node.right))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            return any(map(self.is_input, given)) or self.is_put_together(node.left)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return any(map(self.is_input, [*node.args, *(k.value for k in node.keywords)]))
        if isinstance(node, ast.Call) and _last(node.func) in ("text", "SQL", "dedent", "RawSQL") and node.args:
            return self.is_put_together(node.args[0])
        return isinstance(node, ast.Name) and node.id in self.texts

    def is_sql(self, node: ast.expr) -> bool:
        """SQL that such text has become part of, or that such text is."""
        if self.is_put_together(node):
            return _reads_like_sql(self.texts.get(node.id, node) if isinstance(node, ast.Name) else node)
        return isinstance(node, ast.Name) and self.is_input(node)

    def use(self, sql: ast.expr) -> Use:
        """Whether SQL is such text as it came, or has it as a part."""
        return "whole" if isinstance(sql, ast.Name) and sql.id not in self.texts else "part"

    def after(self, node: ast.AST) -> None:
        """What holds such text once a statement was run."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self.assign(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self.assign(node.target, node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            if self.is_input(node.value) or self.is_put_together(node.value):
                self.texts[node.target.id] = node.value
        elif isinstance(node, ast.If | ast.Assert) and _tests(node.test):
            for tested in ast.walk(node.test):  # compared with what is allowed: believed
                if isinstance(tested, ast.Name):
                    self.names.discard(tested.id)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        if not isinstance(target, ast.Name):
            return
        (self.names.add if self.is_input(value) else self.names.discard)(target.id)
        if self.is_put_together(value):
            self.texts[target.id] = value
        else:
            self.texts.pop(target.id, None)


class Handed:
    """The functions of a project that make SQL, or an order, of an argument."""

    def __init__(self, functions: Sequence[tuple[Module, str, Function]], codebase: Codebase) -> None:
        self.codebase = codebase
        self.uses: dict[Key, dict[str, Sink]] = {}
        """By function and parameter."""
        self.parameters: dict[Key, list[str]] = {}
        self.names: set[str] = set(_SINKS)
        """The last names of calls that may make something of a text."""
        called = {id(function): _called_in(function) for _, _, function in functions}
        waiting = [one for one in functions if _text_parameters(one[2])]
        for _ in range(MOST_HANDED):
            able = [one for one in waiting if not self.names.isdisjoint(called[id(one[2])])]
            found = {key: uses for key, uses in map(self._of, able) if uses and key not in self.uses}
            self.names |= {name.rpartition(".")[2] for _, name in found}
            for module, name, function in waiting if found else ():
                self.parameters.setdefault((module.file, name), [one.arg for one in function.args.args])
            self.uses |= found
            if not found:
                break

    def _of(self, one: tuple[Module, str, Function]) -> tuple[Key, dict[str, Sink]]:
        module, name, function = one
        key = (module.file, name)
        parameters = _text_parameters(function)
        if (
            key in self.uses
            or next(self.sinks(module, name, function, Taint(parameters, from_request=False)), None) is None
        ):
            return key, {}
        uses = {}
        for parameter in parameters:
            taint = Taint((parameter,), from_request=False)
            found = next(self.sinks(module, name, function, taint), None)
            if found is not None:
                node, sink = found
                at = sink.at or str(Place(module.file, node.lineno))
                uses[parameter] = Sink(sink.use, at)
        return key, uses

    def sinks(self, module: Module, name: str, function: Function, taint: Taint) -> Iterator[tuple[ast.Call, Sink]]:
        """The calls that make something of a text, in the order of the source."""
        for node in own_nodes(function):
            if not isinstance(node, ast.Call):
                taint.after(node)
            elif (text := next(filter(taint.is_sql, _sql_of(node)), None)) is not None:
                yield node, Sink(taint.use(text))
            elif any(map(taint.is_input, _raw_of(node))):
                yield node, Sink("part")
            elif _last(node.func) == "order_by" and any(map(taint.is_input, node.args)):
                yield node, Sink("order")
            elif self.uses:
                yield from ((node, sink) for sink in self._handed_by(module, name, node, taint))

    def _handed_by(self, module: Module, name: str, call: ast.Call, taint: Taint) -> Iterator[Sink]:
        key = self._called(module, name, call.func)
        if key is None or key not in self.uses:
            return
        names = self.parameters[key]
        shift = 1 if names[:1] in (["self"], ["cls"]) else 0
        given = dict(zip(names[shift:], call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
        for parameter, sink in self.uses[key].items():
            value = given.get(parameter)
            if value is not None and (taint.is_sql(value) if sink.use == "whole" else taint.is_input(value)):
                yield Sink(taint.use(value), sink.at) if sink.use == "whole" else sink
                return

    def _called(self, module: Module, name: str, called: ast.expr) -> Key | None:
        """The function of the project that a call means, by its name."""
        if isinstance(called, ast.Name):
            return self._bound(module, called.id, ())
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            if called.value.id in ("self", "cls"):
                return module.file, f"{name.rpartition('.')[0]}.{called.attr}"
            return self._bound(module, called.value.id, (called.attr,))
        return None

    def _bound(self, module: Module, name: str, path: tuple[str, ...]) -> Key | None:
        binding = next(iter(module.scope.bindings.get(name, ())), None)
        if isinstance(binding, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return module.file, ".".join((name, *path))
        if not isinstance(binding, Import):
            return None
        target = self.codebase.find(binding.module)
        if binding.name is None:
            return self._bound(target, path[0], path[1:]) if target is not None and target.owned and path else None
        if target is not None and target.owned and binding.name in target.scope.bindings and target is not module:
            return self._bound(target, binding.name, path)
        below = self.codebase.find(f"{binding.module}.{binding.name}")
        return self._bound(below, path[0], path[1:]) if below is not None and below.owned and path else None


def _called_in(function: Function) -> frozenset[str]:
    """The last names of what a function calls."""
    return frozenset(_last(node.func) for node in own_nodes(function) if isinstance(node, ast.Call))


def _text_parameters(function: Function) -> list[str]:
    """The parameters that may be text."""
    arguments = (*function.args.args, *function.args.kwonlyargs)
    return [
        one.arg
        for one in arguments
        if one.arg not in ("self", "cls", "request") and (one.annotation is None or _is_text(one.annotation))
    ]


_SQL_WORD = re.compile(
    r"\b(select|insert|update|delete|from|where|set|and|or|in|i?like|between|order by|group by|having|limit|values|join|create|alter|drop|"
    r"copy|with|as|desc|asc|analyze|vacuum|truncate|notify|listen|call)\b|[=<>(,]",
    re.IGNORECASE,
)


def _reads_like_sql(node: ast.expr) -> bool:
    """Whether what is written around the text may be SQL: there are other things to execute and to fetch."""
    words = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return not any(word.strip() for word in words) or any(map(_SQL_WORD.search, words))


def _tests(node: ast.expr) -> bool:
    """``x in ALLOWED``: the value is one of a list."""
    return isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn | ast.Eq) for op in node.ops)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_function_of_sql(function: ast.expr, called: str) -> bool:
    if not isinstance(function, ast.Attribute):
        return called in _FUNCTIONS
    return called != "text" or dotted(function.value) in _TEXT_OF


def _sql_of(node: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that are SQL."""
    called = _last(node.func)
    if called in _RUNS_SQL and node.args and _is_function_of_sql(node.func, called):
        yield node.args[0]
    elif called == "extra":
        for keyword in node.keywords:
            if keyword.arg in ("where", "tables", "order_by") and isinstance(keyword.value, ast.List | ast.Tuple):
                yield from keyword.value.elts
            elif keyword.arg == "select" and isinstance(keyword.value, ast.Dict):
                yield from keyword.value.values


def _raw_of(node: ast.Call) -> Iterator[ast.expr]:
    """What ``text`` makes SQL of among the arguments of a call that takes SQL: there it cannot be another function of that name."""
    if _last(node.func) in _TAKES_CLAUSES:
        for argument in node.args:
            if isinstance(argument, ast.Call) and _last(argument.func) == "text" and argument.args:
                yield argument.args[0]
