"""Django's templates, parsed with Django's own parser and walked with the values of their context; none is rendered. Those of Jinja2 are
told apart here and walked by ``jinja``.

Loops over querysets issue them, paths walk attributes and call methods. Tags and filters that Django does not know are looked for in the
project (``simple_tag``, ``inclusion_tag``, ``filter``) and called there; any other only reads its arguments.
"""

from __future__ import annotations

import ast
import importlib
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbwright.pysource import dotted
from dbwright.source.django import jinja
from dbwright.source.django.known import RequestValue, is_callable, show, step
from dbwright.source.events import Called, Summary
from dbwright.source.files import find_templates
from dbwright.source.interpreter import Frame, rows_of, size_of
from dbwright.source.modules import Module, Problem
from dbwright.source.values import (
    Arguments,
    Function,
    Instance,
    Items,
    Known,
    Mapping,
    Unknown,
    Value,
    alternatives,
    union,
)

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django

MOST_BYTES = 1_000_000
DEEPEST_INCLUDE = 12
_SHOWING = frozenset(
    "join safeseq unordered_list yesno make_list json_script escape force_escape safe upper lower title capfirst truncatechars "
    "linebreaks".split()
)
"""Filters that turn what they are given into text."""


class Templates:
    """The templates of a project by the names that loaders know them under, parsed when they are first asked for."""

    def __init__(self, django: Django) -> None:
        self.django = django
        self.paths: dict[str, Path] = {}
        codebase = django.interpreter.codebase
        self.root = codebase.root
        for path in find_templates(codebase.root):
            parts = path.relative_to(codebase.root).parts
            for position, part in enumerate(parts[:-1]):
                if part in ("templates", "jinja2"):
                    self.paths.setdefault("/".join(parts[position + 1 :]), path)
        for folder in self._named_folders():
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.suffix in (".html", ".txt", ".xml", ".htm", ".jinja", ".jinja2", ".j2"):
                    self.paths.setdefault(path.relative_to(folder).as_posix(), path)
        self._parsed: dict[Path, tuple[Module, Any] | None] = {}
        self.tags = _project_tags(django)

    def _named_folders(self) -> list[Path]:
        """The folders below the project that ``TEMPLATES`` names, by the last part of what is written there."""
        module = self.django.applications.settings_module
        found: list[Path] = []
        for binding in module.scope.bindings.get("TEMPLATES", ()) if module is not None else ():
            if isinstance(binding, ast.expr):
                for node in ast.walk(binding):
                    if isinstance(node, ast.Dict):
                        for key, value in zip(node.keys, node.values, strict=True):
                            if isinstance(key, ast.Constant) and key.value == "DIRS":
                                found += self._folders(value)
        return found

    def _folders(self, node: ast.expr) -> list[Path]:
        texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        module = self.django.applications.settings_module
        bases = [self.root, *(module.path.parents[:3] if module is not None else ())]
        return [
            base / text
            for text in texts
            for base in bases
            if text and text != "templates" and (base / text).is_dir() and (base / text).is_relative_to(self.root)
        ]

    @cached_property
    def _backends(self) -> list[tuple[str, ast.Dict]]:
        """The entries of ``TEMPLATES`` with the names of their backends."""
        found: list[tuple[str, ast.Dict]] = []
        for binding in self._template_settings():
            for node in ast.walk(binding) if isinstance(binding, ast.expr) else ():
                if isinstance(node, ast.Dict):
                    backend = _entry(node, "BACKEND")
                    if isinstance(backend, ast.Constant):
                        found.append((str(backend.value), node))
        return found

    def _template_settings(self) -> list[ast.expr]:
        """What ``TEMPLATES`` is set to, also in a module that the settings take everything from."""
        module = self.django.applications.settings_module
        waiting = [module] if module is not None else []
        for one in waiting:
            bindings = [node for node in one.scope.bindings.get("TEMPLATES", ()) if isinstance(node, ast.expr)]
            if bindings:
                return bindings
            stars = (self.django.interpreter.codebase.find(star.module) for star in one.scope.stars)
            waiting += [star for star in stars if star is not None and star not in waiting]
        return []

    @cached_property
    def _jinja_folders(self) -> list[Path]:
        given = [_entry(node, "DIRS") for backend, node in self._backends if "jinja" in backend.lower()]
        return [folder for node in given if node is not None for folder in self._folders(node)]

    @cached_property
    def jinja_globals(self) -> dict[str, Value]:
        """What the project's Jinja2 environments know beside the context."""
        found: dict[str, Value] = {}
        for backend, node in self._backends:
            options = _entry(node, "OPTIONS") if "jinja" in backend.lower() else None
            given = _entry(options, "environment") if isinstance(options, ast.Dict) else None
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.update(jinja.environment_globals(self.django, given.value))
        return found

    def is_jinja(self, path: Path) -> bool:
        """Whether a template is one of Jinja2: by its ending, by Django's folder for them, by the backend that names its folder, or
        because there is no other backend."""
        backends = [backend.lower() for backend, _node in self._backends]
        return (
            path.suffix in (".jinja", ".jinja2", ".j2")
            or "jinja2" in path.relative_to(self.root).parts
            or any(path.is_relative_to(folder) for folder in self._jinja_folders)
            or (bool(backends) and all("jinja" in backend for backend in backends))
        )

    def parsed(self, name: str) -> tuple[Module, Any] | None:
        """The template of a name as a module of the project, and its nodes."""
        path = self.paths.get(name)
        if path is None:
            return None
        if path not in self._parsed:
            self._parsed[path] = None
            file = path.relative_to(self.root).as_posix()
            try:
                if path.stat().st_size > MOST_BYTES:
                    raise ValueError(f"larger than {MOST_BYTES // 1_000_000} MB")
                nodes = self._nodes(path, name)
                module = Module(name, path, file, "code", ast.Module([], []), owned=True)
                self._parsed[path] = (module, nodes)
            except Exception as error:
                self.django.problems.append(
                    Problem(file, 1, f"template not read: {type(error).__name__}: {error}"[:300])
                )
        return self._parsed[path]

    def _nodes(self, path: Path, name: str) -> Any:
        """The nodes of a file. Where the project has both engines and the settings do not tell, what Django refuses is Jinja's."""
        text = path.read_text(encoding="utf-8")
        if self.is_jinja(path):
            return jinja.parse(text, name)
        try:
            return parse(text, name)
        except Exception:
            if any("jinja" in backend.lower() for backend, _node in self._backends):
                return jinja.parse(text, name)
            raise


def _entry(node: ast.Dict, name: str) -> ast.expr | None:
    """The value that a written dictionary has for a key."""
    pairs = zip(node.keys, node.values, strict=True)
    return next((value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name), None)


def parse(source: str, name: str) -> Any:
    """The nodes of a template; tags and filters that Django does not know become nodes that only hold their arguments."""
    from dbwright.source.django import runtime

    runtime.start()
    base, unknown_tag, loaded = _machinery()
    tokens = base.Lexer(source).tokenize()
    parser = base.Parser(
        tokens, {}, [importlib.import_module(m).register for m in _BUILTIN_LIBRARIES], base.Origin(name)
    )
    parser.tags = _Tags(parser.tags, unknown_tag)
    parser.tags["load"] = loaded
    parser.filters = _Filters(parser.filters)
    return parser.parse()


_BUILTIN_LIBRARIES = (
    "django.template.defaulttags",
    "django.template.defaultfilters",
    "django.template.loader_tags",
    "django.templatetags.i18n",
)


class _Tags(dict[str, Any]):
    def __init__(self, known: dict[str, Any], unknown: Any) -> None:
        super().__init__(known)
        self.unknown = unknown

    def __missing__(self, name: str) -> Any:
        return self.unknown


class _Filters(dict[str, Any]):
    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        def unknown(value: Any, argument: Any = None) -> None:
            return None

        unknown._filter_name = name  # type: ignore[attr-defined]
        self[name] = unknown
        return unknown


@cache
def _machinery() -> tuple[Any, Any, Any]:
    base = importlib.import_module("django.template.base")

    class UnknownTag(base.Node):  # type: ignore[misc,name-defined]
        def __init__(self, name: str, positional: list[Any], named: dict[str, Any], target: str | None) -> None:
            self.name, self.positional, self.named, self.target = name, positional, named, target

    def unknown_tag(parser: Any, token: Any) -> Any:
        name, *bits = token.split_contents()
        target = None
        if len(bits) >= 2 and bits[-2] == "as":
            target, bits = bits[-1], bits[:-2]
        positional, named = [], {}
        for bit in bits:
            key, equals, text = bit.partition("=")
            is_named = bool(equals) and key.isidentifier()
            try:
                compiled = parser.compile_filter(text if is_named else bit)
            except base.TemplateSyntaxError:
                continue
            if is_named:
                named[key] = compiled
            else:
                positional.append(compiled)
        return UnknownTag(name, positional, named, target)

    def loaded(parser: Any, token: Any) -> Any:
        return UnknownTag("load", [], {}, None)

    return base, unknown_tag, loaded


def _project_tags(django: Django) -> dict[tuple[str, str], tuple[Function, bool, str | None]]:
    """Tags and filters of the project: kind and name to function, whether it takes the context, and the template of an inclusion tag."""
    found: dict[tuple[str, str], tuple[Function, bool, str | None]] = {}
    for module in django.interpreter.codebase.modules:
        if "templatetags" not in module.file or module.role != "code":
            continue
        for node in module.tree.body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                call = decorator if isinstance(decorator, ast.Call) else None
                kind = dotted(call.func if call else decorator).rpartition(".")[2]
                if kind not in ("simple_tag", "inclusion_tag", "filter", "simple_block_tag"):
                    continue
                options = {k.arg: k.value for k in call.keywords} if call else {}
                first = call.args[0] if call and call.args else options.get("filename")
                text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
                given = options.get("name")
                name = given.value if isinstance(given, ast.Constant) else None
                if name is None and kind != "inclusion_tag":
                    name = text
                takes = options.get("takes_context")
                with_context = isinstance(takes, ast.Constant) and bool(takes.value)
                key = ("filter" if kind == "filter" else "tag", str(name or node.name))
                template = text if kind == "inclusion_tag" else None
                found[key] = (Function(node, module), with_context, template)
    return found


def render(django: Django, names: Value, context: Value, request: Value, at: Frame) -> None:
    """Walk the first template of these names that the project has, with the variables of a context."""
    found = django.templates
    for one in _names(names):
        parsed = found.parsed(one)
        if parsed is None:
            continue
        variables: dict[str, Value] = {"request": request, "user": request.attribute("user", at)}
        if isinstance(request, RequestValue):
            variables.update(_processed(django, request, at))
        for each in alternatives(context):
            if isinstance(each, Mapping):
                for name, value in each.items.items():
                    variables[str(name)] = value
        mark = (one, tuple((name, value.key()) for name, value in sorted(variables.items())))
        summary = found_summary = django.rendered.get(mark)
        if found_summary is None:
            if at.depth > DEEPEST_INCLUDE:
                return
            summary = django.rendered[mark] = Summary(one)
            try:
                walk = jinja.JinjaWalk if isinstance(parsed[1], jinja.Template) else Walk
                walk(django, summary, at.depth + 1).template(one, variables)
            finally:
                summary.finished = True
        if summary is not None and summary.finished and summary.events:
            at.summary.events.append(Called(summary, at.place, at.loops, at.conditions))
        return


def _names(value: Value) -> list[str]:
    found: list[str] = []
    for one in alternatives(value):
        inner = one.items if isinstance(one, Items) else [one]
        for item in inner:
            found += [v.value for v in alternatives(item) if isinstance(v, Known) and isinstance(v.value, str)]
    return found


def _processed(django: Django, request: RequestValue, at: Frame) -> dict[str, Value]:
    """The variables of the project's own context processors."""
    found: dict[str, Value] = {}
    for function in django.context_processors:
        result = django.interpreter.call_function(function, None, Arguments([request]), at, quiet=True)
        for one in alternatives(result):
            if isinstance(one, Mapping):
                found.update((name, value) for name, value in one.items.items() if isinstance(name, str))
    return found


def context_processors(django: Django) -> list[Function]:
    """The functions of the project that ``TEMPLATES`` names as context processors."""
    module = django.applications.settings_module
    found: list[Function] = []
    for binding in module.scope.bindings.get("TEMPLATES", ()) if module is not None else ():
        for node in ast.walk(binding) if isinstance(binding, ast.expr) else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
                owner, _, last = node.value.rpartition(".")
                named = django.interpreter.codebase.find(owner)
                if named is not None and named.owned:
                    value = django.interpreter.global_name(named, last)
                    if isinstance(value, Function):
                        found.append(value)
    return found


class Walk:
    """One walk of a template with those it extends and includes."""

    def __init__(self, django: Django, summary: Summary, depth: int) -> None:
        self.django = django
        self.summary = summary
        self.depth = depth
        self.blocks: dict[str, list[tuple[Module, Any]]] = {}
        self.open: list[str] = []

    def template(self, name: str, variables: dict[str, Value], loops: Any = ()) -> None:
        found = self.django.templates.parsed(name)
        if found is None or len(self.open) > DEEPEST_INCLUDE or self.open.count(name) > 1:
            return
        module, nodes = found
        if isinstance(nodes, jinja.Template):
            return
        self.open.append(name)
        at = Frame(self.django.interpreter, module, dict(variables), None, None, name, self.depth, self.summary)
        at.loops = loops
        self.nodes(nodes, at)
        self.open.pop()

    def nodes(self, nodes: Any, at: Frame) -> None:
        for node in nodes or ():
            token = getattr(node, "token", None)
            if token is not None and token.lineno:
                at.line = token.lineno
            name = type(node).__name__
            if name == "TextNode":
                continue
            self.django.interpreter.step()
            handler = getattr(self, "_" + name.lower(), None)
            if handler is not None:
                handler(node, at)
            else:
                self._other(node, at)

    # Nodes -----------------------------------------------------------------------------------------------------------------

    def _variablenode(self, node: Any, at: Frame) -> None:
        self.show(self.expression(node.filter_expression, at), at)

    def show(self, value: Value, at: Frame) -> None:
        show(value, at)

    def _fornode(self, node: Any, at: Frame) -> None:
        value = self.expression(node.sequence, at)
        value = union(
            one.attribute("all", at).call(Arguments(), at) if type(one).__name__ == "ManagerValue" else one
            for one in alternatives(value)
        )
        line = at.line
        element = at.iterate(value)
        before = dict(at.locals)
        with at.loop(rows_of(value), size_of(value)):
            if len(node.loopvars) == 1:
                at.locals[node.loopvars[0]] = element
            else:
                for position, name in enumerate(node.loopvars):
                    at.locals[name] = element.item(Known(position), at)
            at.locals["forloop"] = Unknown("forloop")
            self.nodes(node.nodelist_loop, at)
        at.locals = before
        at.line = line
        self.nodes(node.nodelist_empty, at)

    def _ifnode(self, node: Any, at: Frame) -> None:
        for condition, nodes in node.conditions_nodelists:
            if condition is not None:
                self.condition(condition, at)
            before = dict(at.locals)
            with at.condition():
                self.nodes(nodes, at)
            at.locals = before

    def condition(self, condition: Any, at: Frame) -> None:
        """A condition is put together from operators; querysets that are tested are issued."""
        value = getattr(condition, "value", None)
        if value is not None and hasattr(value, "filters"):
            found = self.expression(value, at)
            for one in alternatives(found):
                tested = getattr(one, "tested", None)
                if tested is not None:
                    tested(at)
        for part in (getattr(condition, "first", None), getattr(condition, "second", None)):
            if part is not None:
                self.condition(part, at)

    def _withnode(self, node: Any, at: Frame) -> None:
        before = dict(at.locals)
        given = {name: self.expression(expression, at) for name, expression in node.extra_context.items()}
        at.locals.update(given)
        self.nodes(node.nodelist, at)
        at.locals = before

    def _blocknode(self, node: Any, at: Frame) -> None:
        stack = self.blocks.get(node.name)
        self.block(node.name, [*(stack or ()), (at.module, node)], at)

    def block(self, name: str, stack: list[tuple[Module, Any]], at: Frame) -> None:
        """The block of the template that was asked for; ``block.super`` is the next one."""
        module, node = stack[0]
        inner = Frame(
            self.django.interpreter, module, dict(at.locals), None, None, module.name, self.depth, self.summary
        )
        inner.loops = at.loops
        inner.locals["block"] = Mapping({"super": Unknown("block.super")})
        if len(stack) > 1 and "block.super" in _texts_of(node):
            self.block(name, stack[1:], at)
        self.nodes(node.nodelist, inner)

    def _extendsnode(self, node: Any, at: Frame) -> None:
        for name, block in node.blocks.items():
            self.blocks.setdefault(name, []).append((at.module, block))
        for child in node.nodelist:  # what a template sets outside of its blocks
            if type(child).__name__ in ("UnknownTag",):
                self._unknowntag(child, at)
        for parent in _names(self.expression(node.parent_name, at))[:1]:
            self.template(parent, at.locals, at.loops)

    def _includenode(self, node: Any, at: Frame) -> None:
        given = {name: self.expression(expression, at) for name, expression in node.extra_context.items()}
        variables = given if node.isolated_context else {**at.locals, **given}
        blocks, self.blocks = self.blocks, {}
        for name in _names(self.expression(node.template, at))[:4]:
            self.template(name, variables, at.loops)
        self.blocks = blocks

    def _regroupnode(self, node: Any, at: Frame) -> None:
        value = self.expression(node.target, at)
        element = at.iterate(value)
        before = at.locals
        with at.loop(rows_of(value), size_of(value)):
            at.locals = {**before, node.expression.var.lookups[0] if node.expression.var.lookups else "": element}
            key = self.expression(node.expression, at)
        at.locals = before
        rows = Items([], "list", element)
        group = Mapping({"grouper": key, "list": rows, "0": key, "1": rows})
        at.locals[node.var_name] = Items([], "list", group)

    def _blocktranslatenode(self, node: Any, at: Frame) -> None:
        """Its text shows plain names alone, those that it binds itself first."""
        before = dict(at.locals)
        bound = {name: self.expression(given, at) for name, given in node.extra_context.items()}
        if node.counter is not None:
            bound[node.countervar] = self.expression(node.counter, at)
        shown = {token.contents for token in (*node.singular, *node.plural) if token.token_type.name == "VAR"}
        for name in sorted(shown):
            value = bound.get(name, at.locals.get(name))
            if value is not None:
                self.show(value, at)
        at.locals = before
        if node.asvar:
            at.locals[node.asvar] = Unknown("a translated text")

    def _unknowntag(self, node: Any, at: Frame) -> None:
        positional = [self.expression(one, at) for one in node.positional]
        named = {name: self.expression(one, at) for name, one in node.named.items()}
        tag = self.django.templates.tags.get(("tag", node.name))
        result: Value = Unknown(f"the tag {node.name}")
        if tag is not None:
            function, with_context, template = tag
            context = Mapping(dict(at.locals), Unknown("a variable of the context"))
            if with_context:
                positional.insert(0, context)
            result = at.interpreter.call_function(function, None, Arguments(positional, named), at)
            at.locals.update({str(name): value for name, value in context.items.items()})
            if template is not None:
                for one in alternatives(result):
                    if isinstance(one, Mapping):
                        given = {str(name): value for name, value in one.items.items()}
                        self.template(template, given, at.loops)
        else:
            for value in positional:
                for one in alternatives(value):
                    if isinstance(one, Instance):  # a form handed to a tag that shows it
                        self.show(one, at)
        if node.target:
            at.locals[node.target] = result

    def _other(self, node: Any, at: Frame) -> None:
        """A tag of Django's that shows or compares values: its expressions are asked for, its children walked."""
        base = _machinery()[0]
        target = getattr(node, "asvar", None) or getattr(node, "variable_name", None)
        for name, value in list(vars(node).items()):
            inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
            if isinstance(value, base.NodeList):
                self.nodes(value, at)
                continue
            for one in inner:
                if isinstance(one, base.FilterExpression):
                    found = self.expression(one, at)
                    if type(node).__name__ in ("FirstOfNode", "CycleNode") and name in ("vars", "cyclevars"):
                        self.show(found, at)
        if isinstance(target, str):
            at.locals[target] = Unknown(f"what {type(node).__name__} gives")

    # Expressions -----------------------------------------------------------------------------------------------------------

    def expression(self, expression: Any, at: Frame) -> Value:
        """The value of ``path|filter:argument``."""
        value = self.variable(expression.var, at)
        for function, arguments in expression.filters:
            given = [self.variable(one, at) if is_path else Known(one) for is_path, one in arguments]
            value = self.filtered(function, value, given, at)
        return value

    def variable(self, variable: Any, at: Frame) -> Value:
        if isinstance(variable, str | int | float):
            return Known(str.__str__(variable) if isinstance(variable, str) else str(variable))
        if variable is None or not hasattr(variable, "lookups"):
            return Unknown("a constant")
        if variable.literal is not None:
            # Django marks it safe: a subclass of str, which no kept reading can hold.
            return Known(str.__str__(variable.literal) if isinstance(variable.literal, str) else variable.literal)
        if not variable.lookups:
            return Unknown("a variable without a name")
        first, *rest = variable.lookups
        value = at.locals.get(first, Unknown(f"variable {first}"))
        value = union(one.call(Arguments(), at) if is_callable(one) else one for one in alternatives(value))
        for name in rest:
            value = step(value, name, at)
        return value

    def filtered(self, function: Any, value: Value, given: list[Value], at: Frame) -> Value:
        name = getattr(function, "_filter_name", None) or getattr(function, "__name__", "")
        project = self.django.templates.tags.get(("filter", name))
        if project is not None:
            return at.interpreter.call_function(project[0], None, Arguments([value, *given]), at)
        members = alternatives(value)
        if name in ("length", "length_is", "pluralize"):
            return self._length(members, at)
        if name == "first":
            return union(one.item(Known(0), at) for one in members)
        if name in ("last", "random"):
            return at.iterate(value)
        if name in ("default", "default_if_none"):
            return union([value, *given])
        if name == "slice":
            return self._sliced(value, given, at)
        if name in ("dictsort", "dictsortreversed"):
            return Items([], "list", at.iterate(value))
        if name in _SHOWING:
            self.show(value, at)
            return Unknown("text")
        return self._unknown_filter(name, function, members, value, at)

    def _unknown_filter(self, name: Any, function: Any, members: tuple[Value, ...], value: Value, at: Frame) -> Value:
        if not hasattr(function, "_filter_name") or function.__module__.startswith("django."):
            return Unknown(f"{name} of a value", "row")
        for one in members:  # a filter that is not known, given a form: crispy and its kin show it
            if isinstance(one, Instance):
                self.show(one, at)
        return value if any(isinstance(one, Instance) for one in members) else Unknown(f"the filter {name}")

    @staticmethod
    def _length(members: tuple[Value, ...], at: Frame) -> Value:
        for one in members:
            length = getattr(one, "length", None)
            if length is not None:
                length(at)
        return Unknown("a length")

    @staticmethod
    def _sliced(value: Value, given: list[Value], at: Frame) -> Value:
        from dbwright.source.values import Slice

        text = given[0].value if given and isinstance(given[0], Known) else None
        bounds = str(text).split(":") if text is not None else []
        ends = [Known(int(b)) if b.isdigit() else None for b in bounds] + [None, None]
        if len(bounds) == 1:
            ends = [None, ends[0]]
        key = Slice(ends[0], ends[1])
        return union(one.item(key, at) for one in alternatives(value))


def _texts_of(node: Any) -> str:
    """The variables shown directly in a node, as text."""
    return " ".join(str(child.filter_expression) for child in node.nodelist if type(child).__name__ == "VariableNode")
