"""Moments without time zone that the text of a module makes, and where they go.

A naive moment that is only printed, or subtracted from another to time something, does no harm; one that is stored, compared with what is
stored, handed on or a field's default does. What turns it into an aware one is believed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property

from dbwright.model.source import Place, SourceFact
from dbwright.pysource import children, every_node, own_nodes
from dbwright.source.modules import Module

_NOWHERE = ("", "")
Function = ast.FunctionDef | ast.AsyncFunctionDef
_MAKES = frozenset("now today utcnow utcfromtimestamp fromtimestamp combine".split())
_ALWAYS_NAIVE = frozenset("utcnow utcfromtimestamp today".split())
_TAKES_ZONE = {"now": 1, "fromtimestamp": 2, "combine": 3}
"""Arguments with which the call names a zone."""
_SHOWS = frozenset(
    "strftime isoformat timestamp date time timetuple utctimetuple ctime weekday isoweekday year month day hour minute second microsecond "
    "toordinal isocalendar __str__ __format__".split()
)
"""What is asked of a moment to show it or to use a part of it."""
_MAKES_AWARE = frozenset(
    "make_aware localize astimezone as_utc to_utc ensure_aware get_aware aware add_timezone set_timezone".split()
)
_HARMLESS_CALLS = frozenset(
    "str repr print len isinstance format int float debug info warning error exception critical log write relativedelta timedelta range "
    "append join set date_format template_localtime naturaltime timesince localtime naturalday strftime mktime timegm hasattr type".split()
)


def read(module: Module) -> Iterator[SourceFact]:
    """The naive moments of a module that go somewhere, each line once."""
    seen: set[int] = set()
    for fact in (*_defaults(module), *_followed(module)):
        if fact.place.line not in seen:
            seen.add(fact.place.line)
            yield fact


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


def _maker(node: ast.AST) -> str:
    """``datetime.now`` of ``datetime.datetime.now``: a method of the class that makes a moment, else empty."""
    if (
        isinstance(node, ast.Attribute)
        and node.attr in _MAKES
        and _dotted(node.value).rpartition(".")[2] in ("datetime", "dt")
    ):
        return f"datetime.{node.attr}"
    return ""


def _naive_call(node: ast.AST) -> str:
    """What makes the moment, when a call makes one without zone."""
    if not isinstance(node, ast.Call):
        return ""
    if name := _maker(node.func):
        method = name.rpartition(".")[2]
        zoned = any(k.arg in ("tz", "tzinfo", None) for k in node.keywords) or any(
            isinstance(a, ast.Starred) for a in node.args
        )
        enough = len(node.args) >= _TAKES_ZONE.get(method, 99)
        return "" if method not in _ALWAYS_NAIVE and (zoned or enough) else name
    if _dotted(node.func) in ("datetime", "datetime.datetime", "dt.datetime") and 3 <= len(node.args) < 8:
        constant = all(isinstance(a, ast.Constant) for a in node.args)
        return "" if constant or any(k.arg in ("tzinfo", None) for k in node.keywords) else "datetime"
    return ""


# A field's default


def _defaults(module: Module) -> Iterator[SourceFact]:
    """``default=datetime.now``: the function itself is given away to be called later. A date of it has no zone to lose."""
    for node in every_node(module.tree):
        if not isinstance(node, ast.Call) or _dotted(node.func).rpartition(".")[2] in ("DateField", "Date"):
            continue
        for keyword in node.keywords:
            given = keyword.arg in ("default", "default_factory", "onupdate", "insert_default")
            if given and (name := _maker(keyword.value)):
                yield SourceFact("naive moment", Place(module.file, keyword.value.lineno), name, owner="default")


# Moments that functions make


def _followed(module: Module) -> Iterator[SourceFact]:
    for name, function, of_model in _functions(module.tree.body):
        yield from _Flow(module, name, function, of_model).facts()


def _functions(
    body: Iterable[ast.stmt], outer: str = "", of_model: bool = False
) -> Iterator[tuple[str, Function, bool]]:
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{outer}.{statement.name}" if outer else statement.name
            if not isinstance(statement, ast.ClassDef):
                yield name, statement, of_model
            yield from _functions(statement.body, name, isinstance(statement, ast.ClassDef) and _has_columns(statement))


def _has_columns(node: ast.ClassDef) -> bool:
    """A model, by the fields that its body defines."""
    values = [s.value for s in node.body if isinstance(s, ast.Assign | ast.AnnAssign) and isinstance(s.value, ast.Call)]
    called = [_dotted(value.func).rpartition(".")[2] for value in values]
    return any(name.endswith(("Field", "Key", "Column", "mapped_column")) for name in called)


class _Flow:
    """Where the naive moments of a function go."""

    def __init__(self, module: Module, name: str, function: Function, of_model: bool) -> None:
        self.module, self.name, self.of_model = module, name, of_model
        self.nodes = own_nodes(function)
        self.function = function
        self.made_at: dict[str, tuple[str, int]] = {}
        """Variables that hold a naive moment: what made it, and where."""

    @cached_property
    def parents(self) -> dict[int, ast.AST]:
        """The node above each, by identity."""
        return {id(child): node for node in (self.function, *self.nodes) for child in children(node)}

    def facts(self) -> Iterator[SourceFact]:
        for node in self.nodes:
            found = self._source(node)
            if not found:
                continue
            how, held = self._goes(node)
            if held and held not in self.made_at:
                self.made_at[held] = found
            elif how:
                maker, line = found
                yield SourceFact("naive moment", Place(self.module.file, line, self.name), maker, owner=how)

    def _source(self, node: ast.AST) -> tuple[str, int] | None:
        if name := _naive_call(node):
            return name, getattr(node, "lineno", 0)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            return self.made_at.get(node.id)
        return None

    def _goes(self, node: ast.AST) -> tuple[str, str]:
        """How the moment is used, empty when it does no harm, and the variable that holds it now."""
        parent = self.parents.get(id(node))
        while parent is not None:
            end = self._statement(parent) if isinstance(parent, ast.stmt) else self._expression(parent, node)
            if end is not None:
                return end
            node, parent = parent, self.parents.get(id(parent))
        return _NOWHERE

    def _statement(self, parent: ast.stmt) -> tuple[str, str]:
        if isinstance(parent, ast.Assign | ast.AnnAssign):
            target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
            if isinstance(target, ast.Name):
                return "", target.id
            own = isinstance(target, ast.Attribute) and _dotted(target.value) in ("self", "cls") and not self.of_model
            return ("stored", "") if isinstance(target, ast.Attribute) and not own else _NOWHERE
        return ("returned", "") if isinstance(parent, ast.Return) else _NOWHERE

    def _expression(self, parent: ast.AST, node: ast.AST) -> tuple[str, str] | None:
        """The end that an expression around a moment is; None: what it gives is a moment still."""
        if isinstance(parent, ast.Attribute):
            return _NOWHERE if parent.attr in _SHOWS or parent.attr in _MAKES_AWARE else None
        if isinstance(parent, ast.BinOp):
            timed = isinstance(parent.op, ast.Sub) and not _is_span(parent.right)
            return _NOWHERE if timed or isinstance(parent.op, ast.Mod) else None
        if isinstance(parent, ast.FormattedValue | ast.JoinedStr | ast.Subscript | ast.Dict | ast.List | ast.Set):
            return _NOWHERE
        if isinstance(parent, ast.Call):
            how = self._called(parent, node)
            return None if how is None else (how, "")
        if isinstance(parent, ast.keyword):
            call = self.parents.get(id(parent))
            return (self._keyword(parent, call), "") if isinstance(call, ast.Call) else _NOWHERE
        if isinstance(parent, ast.Compare):
            sides = [parent.left, *parent.comparators]
            return ("compared", "") if any(isinstance(s, ast.Attribute) and s is not node for s in sides) else _NOWHERE
        return None

    def _called(self, call: ast.Call, argument: ast.AST) -> str | None:
        """A moment as the argument of a call; None: the call gives a moment again, go on from there."""
        if call.func is argument:
            return "" if any(k.arg == "tzinfo" for k in call.keywords) else None  # .replace(…) of the moment
        called = _dotted(call.func).rpartition(".")[2] or (
            call.func.attr if isinstance(call.func, ast.Attribute) else ""
        )
        if called in _HARMLESS_CALLS or called in _MAKES_AWARE:
            return ""
        if called in ("max", "min", "replace"):
            return None
        return "passed on"

    def _keyword(self, keyword: ast.keyword, call: ast.Call) -> str:
        called = _dotted(call.func).rpartition(".")[2] or (
            call.func.attr if isinstance(call.func, ast.Attribute) else ""
        )
        if called in _HARMLESS_CALLS or called in _MAKES_AWARE or (called == "replace" and keyword.arg == "tzinfo"):
            return ""
        return (
            "in a query"
            if called in ("filter", "exclude", "get", "Q", "update", "create", "get_or_create")
            else "passed on"
        )


def _is_span(node: ast.expr) -> bool:
    """A length of time: ``timedelta(…)``, ``3 * DAY``."""
    if isinstance(node, ast.Call):
        return _dotted(node.func).rpartition(".")[2] in ("timedelta", "relativedelta", "interval")
    if isinstance(node, ast.BinOp):
        return _is_span(node.left) or _is_span(node.right)
    name = _dotted(node).rpartition(".")[2].lower()
    return any(
        word in name
        for word in ("delta", "interval", "period", "duration", "ttl", "timeout", "lifetime", "days", "age")
    )
