"""Jinja2's templates, parsed with Jinja2's own parser and walked with the values of their context; none is rendered.

Unlike Django's, a path calls nothing by itself: managers are called in the template (``author.books.all()``), with arguments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from jinja2 import Environment, TemplateSyntaxError, nodes

from dbwright.source.django.known import show
from dbwright.source.interpreter import Frame, rows_of, size_of
from dbwright.source.values import (
    Arguments,
    Function,
    Items,
    Known,
    Mapping,
    Native,
    Slice,
    Unknown,
    Value,
    alternatives,
    union,
)

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.events import Summary
    from dbwright.source.interpreter import Interpreter
    from dbwright.source.modules import Module

Template = nodes.Template
DEEPEST_INCLUDE = 12
EXTENSIONS = ("jinja2.ext.do", "jinja2.ext.loopcontrols", "jinja2.ext.i18n")
MOST_EXTENSIONS = 20
_UNKNOWN_TAG = re.compile(r"unknown tag '(\w+)'")
_SAME_ELEMENTS = frozenset("list sort unique reverse select reject selectattr rejectattr batch slice dictsort".split())
_SHOWING = frozenset(
    "string safe e escape forceescape upper lower title capitalize trim striptags tojson urlize wordwrap".split()
)


def parse(source: str, name: str) -> nodes.Template:
    """The nodes of a template; tags of other extensions are left out, what stands between them is kept. Raises Jinja2's
    ``TemplateSyntaxError``."""
    environment = Environment(extensions=EXTENSIONS, autoescape=True)
    for _ in range(MOST_EXTENSIONS):
        try:
            return environment.parse(source, name)
        except TemplateSyntaxError as error:
            unknown = _UNKNOWN_TAG.search(error.message or "")
            if unknown is None:
                raise
            tag = re.compile(r"\{%[-+]?\s*(?:end)?" + unknown[1].removeprefix("end") + r"\b.*?%\}", re.DOTALL)
            source = tag.sub(lambda found: "\n" * found[0].count("\n"), source)
    return environment.parse(source, name)


class Loader(Protocol):
    """The templates of a project."""

    @property
    def jinja_globals(self) -> dict[str, Value]:
        """What all of them know beside their context."""

    def parsed(self, name: str) -> tuple[Module, Any] | None:
        """A template as a module of the project, and its nodes."""


class Host(Protocol):
    """Whoever has templates rendered: Django, or what stands for Flask and its kin."""

    @property
    def interpreter(self) -> Interpreter: ...

    @property
    def templates(self) -> Loader: ...


class JinjaWalk:
    """One walk of a template with those it extends, includes and imports."""

    def __init__(self, host: Host, summary: Summary, depth: int) -> None:
        self.host = host
        self.summary = summary
        self.depth = depth
        self.blocks: dict[str, list[tuple[Module, nodes.Block]]] = {}
        self.open: list[str] = []

    def template(self, name: str, variables: dict[str, Value], loops: Any = ()) -> dict[str, Value]:
        """Walk a template; the variables that it sets are given back, its macros among them."""
        found = self.host.templates.parsed(name)
        if found is None or len(self.open) > DEEPEST_INCLUDE or self.open.count(name) > 1:
            return {}
        module, template = found
        if not isinstance(template, nodes.Template):
            return {}
        self.open.append(name)
        at = self.frame(module, {**self.globals, **variables}, loops)
        body = template.body
        if template.find(nodes.Extends) is not None:
            for block in template.find_all(nodes.Block):
                self.blocks.setdefault(block.name, []).append((module, block))
            # What it sets beside its blocks is there before the parent is shown.
            body = [node for node in body if not isinstance(node, nodes.Output | nodes.Block)]
            body.sort(key=lambda node: isinstance(node, nodes.Extends))
        self.statements(body, at)
        self.open.pop()
        return at.locals

    def frame(self, module: Module, variables: dict[str, Value], loops: Any) -> Frame:
        interpreter = self.host.interpreter
        made = Frame(interpreter, module, variables, None, None, module.name, self.depth, self.summary)
        made.loops = loops
        return made

    @cached_property
    def globals(self) -> dict[str, Value]:
        """What the project's own function that makes the environment puts into its ``globals``."""
        return dict(self.host.templates.jinja_globals)

    # Statements ------------------------------------------------------------------------------------------------------------

    def statements(self, body: Iterable[nodes.Node], at: Frame) -> None:
        for node in body:
            self.host.interpreter._step()
            at.line = node.lineno
            handler: Callable[[Any, Frame], None] | None = getattr(self, "_" + type(node).__name__.lower(), None)
            if handler is not None:
                handler(node, at)
            elif isinstance(node, nodes.Expr):
                self.value(node, at)
            else:
                self.statements(node.iter_child_nodes(), at)

    def _output(self, node: nodes.Output, at: Frame) -> None:
        for one in node.nodes:
            if not isinstance(one, nodes.TemplateData):
                at.line = one.lineno
                show(self.value(one, at), at)

    def _for(self, node: nodes.For, at: Frame) -> None:
        value = self.value(node.iter, at)
        element = at.iterate(value)
        before = dict(at.locals)
        with at.loop(rows_of(value), size_of(value)):
            self.assign(node.target, element, at)
            at.locals["loop"] = Unknown("loop")
            if node.test is not None:
                self.tested(node.test, at)
            self.statements(node.body, at)
        at.locals = before
        self.statements(node.else_, at)

    def _if(self, node: nodes.If, at: Frame) -> None:
        self.tested(node.test, at)
        with at.condition():
            self.statements(node.body, at)
            for other in node.elif_:
                self._if(other, at)
            self.statements(node.else_, at)

    def _with(self, node: nodes.With, at: Frame) -> None:
        before = dict(at.locals)
        for target, given in zip(node.targets, node.values, strict=True):
            self.assign(target, self.value(given, at), at)
        self.statements(node.body, at)
        at.locals = before

    def _assign(self, node: nodes.Assign, at: Frame) -> None:
        self.assign(node.target, self.value(node.node, at), at)

    def assign(self, target: nodes.Node, value: Value, at: Frame) -> None:
        if isinstance(target, nodes.Name):
            at.locals[target.name] = value
        elif isinstance(target, nodes.Tuple):
            for position, one in enumerate(target.items):
                self.assign(one, value.item(Known(position), at), at)

    def _assignblock(self, node: nodes.AssignBlock, at: Frame) -> None:
        self.statements(node.body, at)
        self.assign(node.target, Unknown("text"), at)

    def _block(self, node: nodes.Block, at: Frame) -> None:
        self.block([*self.blocks.get(node.name, ()), (at.module, node)], at)

    def block(self, stack: list[tuple[Module, nodes.Block]], at: Frame) -> None:
        """The block of the template that was asked for; ``super()`` in it is the next one."""
        module, node = stack[0]
        inner = self.frame(module, dict(at.locals), at.loops)

        def above(_arguments: Arguments, frame: Frame) -> Value:
            if len(stack) > 1:
                self.block(stack[1:], frame)
            return Unknown("text")

        inner.locals["super"] = Native("super", above)
        self.statements(node.body, inner)

    def _extends(self, node: nodes.Extends, at: Frame) -> None:
        for name in self.names(node.template, at)[:1]:
            self.template(name, at.locals, at.loops)

    def _include(self, node: nodes.Include, at: Frame) -> None:
        blocks, self.blocks = self.blocks, {}
        for name in self.names(node.template, at)[:4]:
            if self.host.templates.parsed(name) is not None:
                self.template(name, at.locals if node.with_context else {}, at.loops)
                break
        self.blocks = blocks

    def _import(self, node: nodes.Import, at: Frame) -> None:
        for name in self.names(node.template, at)[:1]:
            at.locals[node.target] = Mapping(dict(self.template(name, at.locals if node.with_context else {})))

    def _fromimport(self, node: nodes.FromImport, at: Frame) -> None:
        for name in self.names(node.template, at)[:1]:
            found = self.template(name, at.locals if node.with_context else {})
            for wanted in node.names:
                theirs, ours = wanted if isinstance(wanted, tuple) else (wanted, wanted)
                at.locals[ours] = found.get(theirs, Unknown(f"{theirs} of {name}"))

    def _macro(self, node: nodes.Macro, at: Frame) -> None:
        at.locals[node.name] = self.callable(node.name, node, at)

    def _callblock(self, node: nodes.CallBlock, at: Frame) -> None:
        given = self.arguments(node.call, at)
        given.named["caller"] = self.callable("caller", node, at)
        self.value(node.call.node, at).call(given, at)

    def callable(self, name: str, node: nodes.Macro | nodes.CallBlock, at: Frame) -> Native:
        """A macro, or the body of a ``call``: walked where it is called, with the loops around there."""
        defined = at.locals
        module = at.module

        def call(arguments: Arguments, frame: Frame) -> Value:
            if self.open.count(f"{name}()") > 1:
                return Unknown(f"recursion in {name}")
            inner = self.frame(module, dict(defined), frame.loops)
            names = [one.name for one in node.args]
            for left_out, default in zip(names[len(names) - len(node.defaults) :], node.defaults, strict=True):
                inner.locals[left_out] = self.value(default, inner)
            inner.locals.update(zip(names, arguments.positional, strict=False))
            inner.locals.update((key, value) for key, value in arguments.named.items() if key in (*names, "caller"))
            self.open.append(f"{name}()")
            self.statements(node.body, inner)
            self.open.pop()
            return Unknown("text")

        return Native(name, call)

    def names(self, node: nodes.Expr, at: Frame) -> list[str]:
        """The names of templates that an expression gives."""
        found = []
        for one in alternatives(self.value(node, at)):
            inner = one.items if isinstance(one, Items) else [one]
            found += [v.value for v in inner if isinstance(v, Known) and isinstance(v.value, str)]
        return found

    # Expressions -----------------------------------------------------------------------------------------------------------

    def tested(self, node: nodes.Node, at: Frame) -> Value:
        """A condition: a queryset that is tested is issued."""
        value = self.value(node, at)
        for one in alternatives(value):
            test = getattr(one, "tested", None)
            if test is not None:
                test(at)
        return value

    def value(self, node: nodes.Node | None, at: Frame) -> Value:
        if isinstance(node, nodes.Name):
            return at.locals.get(node.name, Unknown(f"variable {node.name}"))
        if isinstance(node, nodes.Const | nodes.TemplateData):
            return Known(node.value if isinstance(node, nodes.Const) else node.data)
        if isinstance(node, nodes.Getattr):
            return attribute(self.value(node.node, at), node.attr, at)
        if isinstance(node, nodes.Getitem):
            return self.item(node, at)
        if isinstance(node, nodes.Call):
            return self.value(node.node, at).call(self.arguments(node, at), at)
        if isinstance(node, nodes.Filter):
            return self.filtered(node, at)
        if isinstance(node, nodes.List | nodes.Tuple):
            return Items([self.value(one, at) for one in node.items])
        if isinstance(node, nodes.Dict):
            found = Mapping()
            for pair in node.items:
                found.set(self.value(pair.key, at), self.value(pair.value, at))
            return found
        return self.combined(node, at)

    def combined(self, node: nodes.Node | None, at: Frame) -> Value:
        """Operators, conditions and tests."""
        if isinstance(node, nodes.And | nodes.Or):
            return union([self.tested(node.left, at), self.value(node.right, at)])
        if isinstance(node, nodes.CondExpr):
            self.tested(node.test, at)
            return union([self.value(node.expr1, at), *([self.value(node.expr2, at)] if node.expr2 else [])])
        if isinstance(node, nodes.Not):
            self.tested(node.node, at)
        elif node is not None:
            for child in node.iter_child_nodes():
                self.value(child.expr if isinstance(child, nodes.Operand) else child, at)
        return Unknown("the result of an operator")

    def item(self, node: nodes.Getitem, at: Frame) -> Value:
        holder = self.value(node.node, at)
        if isinstance(node.arg, nodes.Slice):
            bounds = [self.value(one, at) if one is not None else None for one in (node.arg.start, node.arg.stop)]
            return holder.item(Slice(*bounds), at)
        key = self.value(node.arg, at)
        if isinstance(key, Known) and isinstance(key.value, str):
            return attribute(holder, key.value, at)
        return holder.item(key, at)

    def arguments(self, node: nodes.Call | nodes.Filter, at: Frame) -> Arguments:
        found = Arguments([self.value(one, at) for one in node.args])
        found.named.update(
            (one.key, self.value(one.value, at)) for one in node.kwargs if isinstance(one, nodes.Keyword)
        )
        if node.dyn_args is not None:
            found.extra_positional = at.iterate(self.value(node.dyn_args, at))
        if node.dyn_kwargs is not None:
            found.extra_named = Unknown("further arguments")
        return found

    def filtered(self, node: nodes.Filter, at: Frame) -> Value:
        value = self.value(node.node, at)
        given = self.arguments(node, at)
        name = node.name
        if name in ("length", "count"):
            for one in alternatives(value):
                length = getattr(one, "length", None)
                if length is not None:
                    length(at)
            return Unknown("a length")
        if name in ("first", "last", "random", "min", "max"):
            return at.iterate(value)
        if name in ("default", "d"):
            return union([value, *given.positional[:1]])
        if name in _SHOWING:
            show(value, at)
            return Unknown("text")
        if name in _SAME_ELEMENTS or name in ("map", "sum", "join", "groupby"):
            return self.of_elements(name, value, given, at)
        return Unknown(f"the filter {name}")

    def of_elements(self, name: str, value: Value, given: Arguments, at: Frame) -> Value:
        """Filters that look at each element, by the attribute that they are given."""
        element = at.iterate(value)
        position = {"join": 1, "map": None}.get(name, 0)
        chosen = given.named.get("attribute") or (given.get(position, "attribute") if position is not None else None)
        path = chosen.value if isinstance(chosen, Known) and isinstance(chosen.value, str) else None
        with at.loop(rows_of(value), size_of(value)):
            part = element
            for step in path.split(".") if path else ():
                part = attribute(part, step, at)
            if name == "join":
                show(part, at)
        if name == "map":
            return Items([], "list", part)
        if name == "groupby":
            rows = Items([], "list", element)
            return Items([], "list", Mapping({"grouper": part, "list": rows, 0: part, 1: rows}))
        return Items([], "list", element) if name in _SAME_ELEMENTS else Unknown(f"the filter {name}")


def attribute(value: Value, name: str, at: Frame) -> Value:
    """``value.name`` and ``value["name"]``: an attribute or a key."""
    return union(
        one.item(Known(name), at) if isinstance(one, Mapping) and name in one.items else one.attribute(name, at)
        for one in alternatives(value)
    )


def environment_globals(django: Django, name: str) -> dict[str, Value]:
    """What the function of this dotted name puts into ``globals`` of the environment that it makes: ``env.globals.update({…})``."""
    owner, _, last = name.rpartition(".")
    module = django.interpreter.codebase.find(owner)
    function = django.interpreter.global_name(module, last) if module is not None else None
    found: dict[str, Value] = {}
    if module is None or not isinstance(function, Function):
        return found
    frame = django.frame(module)
    for node in ast.walk(function.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            if isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "globals":
                given = [frame.evaluate(one) for one in node.args]
                found.update((str(k), v) for one in given if isinstance(one, Mapping) for k, v in one.items.items())
                found.update((one.arg, frame.evaluate(one.value)) for one in node.keywords if one.arg is not None)
    return found
