"""Jinja2 templates of projects on SQLAlchemy: what Flask, Quart, Starlette and Pyramid render, walked with the rows that are shown."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbwright.source.events import Called, Summary
from dbwright.source.files import find_templates
from dbwright.source.interpreter import DEEPEST_CALL
from dbwright.source.modules import Module, Problem
from dbwright.source.values import Arguments, Function, Known, Mapping, Native, Unknown, Value, alternatives

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

MOST_BYTES = 1_000_000
_RENDERS = frozenset(("flask.render_template", "quart.render_template", "flask.templating.render_template"))
_STARLETTE = frozenset(("fastapi.templating.Jinja2Templates", "starlette.templating.Jinja2Templates"))
_ENDINGS = (".html", ".jinja2", ".jinja", ".j2", ".txt", ".xml")


def library(framework: SQLAlchemy, name: str) -> Value | None:
    """The functions that render templates."""
    if name in _RENDERS:
        return Native(name, lambda arguments, at: _flask(framework, arguments, at))
    if name in _STARLETTE:
        return Native(name, lambda arguments, at: StarletteTemplates(framework))
    return None


class StarletteTemplates(Value):
    """``Jinja2Templates(directory="templates")``."""

    __slots__ = ("framework",)

    def __init__(self, framework: SQLAlchemy) -> None:
        self.framework = framework

    def attribute(self, name: str, at: Frame) -> Value:
        if name != "TemplateResponse":
            return Unknown(f"{name} of templates")
        return Native(name, lambda arguments, frame: _starlette(self.framework, arguments, frame))

    def key(self) -> object:
        return ("starlette templates",)

    def describe(self) -> str:
        return "templates"


def _flask(framework: SQLAlchemy, arguments: Arguments, at: Frame) -> Value:
    if (first := arguments.first()) is not None:
        render(framework, first, arguments.named, at)
    return Unknown("a page")


def _starlette(framework: SQLAlchemy, arguments: Arguments, at: Frame) -> Value:
    """``TemplateResponse("a.html", {…})``, and with the request before."""
    given = [*arguments.positional, *(v for k, v in arguments.named.items() if k in ("name", "context"))]
    names = [one for one in given if isinstance(one, Known)]
    context = next((one for one in given if isinstance(one, Mapping)), Mapping({}))
    if names:
        render(framework, names[0], _variables(context), at)
    return Unknown("a page")


def respond(framework: SQLAlchemy, function: Function, result: Value, at: Frame) -> None:
    """``@view_config(renderer="a.html")`` of Pyramid: the template is rendered with what the view returns."""
    if isinstance(function.node, ast.Lambda):
        return
    for decorator in function.node.decorator_list:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            value = keyword.value
            if keyword.arg == "renderer" and isinstance(value, ast.Constant) and str(value.value).endswith(_ENDINGS):
                for one in alternatives(result):
                    if isinstance(one, Mapping):
                        render(framework, Known(str(value.value)), _variables(one), at)


def _variables(context: Mapping) -> dict[str, Value]:
    return {name: value for name, value in context.items.items() if isinstance(name, str)}


def render(framework: SQLAlchemy, names: Value, variables: dict[str, Value], at: Frame) -> None:
    """Walk the first template of these names that the project has. The same template with the same values is walked once."""
    from dbwright.source.django.jinja import JinjaWalk

    templates = framework.templates
    for name in _texts(names):
        if templates.parsed(name) is None:
            continue
        mark = (name, tuple((key, value.key()) for key, value in sorted(variables.items())))
        summary = templates.rendered.get(mark)
        if summary is None:
            if at.depth >= DEEPEST_CALL:
                return
            summary = templates.rendered[mark] = Summary(name)
            try:
                JinjaWalk(templates, summary, at.depth + 1).template(name, variables)
            finally:
                summary.finished = True
        if summary.finished and summary.events:
            at.summary.events.append(Called(summary, at.place, at.loops, at.conditions))
        return


def _texts(value: Value) -> Iterator[str]:
    for one in alternatives(value):
        for inner in getattr(one, "items", None) or (one,):
            if isinstance(inner, Known) and isinstance(inner.value, str):
                yield inner.value.rpartition(":")[2].removeprefix("templates/")  # package:templates/a.html


class Templates:
    """The templates of a project by the names that loaders know them under. It is also what a walk of one asks for them."""

    def __init__(self, framework: SQLAlchemy) -> None:
        self.framework = framework
        self.interpreter = framework.interpreter
        self.templates = self
        self.jinja_globals: dict[str, Value] = {}
        self.rendered: dict[object, Summary] = {}
        self._parsed: dict[str, tuple[Module, Any] | None] = {}

    @cached_property
    def paths(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        root = self.interpreter.codebase.root
        for path in find_templates(root):
            parts = path.relative_to(root).parts
            for position, part in enumerate(parts[:-1]):
                if part in ("templates", "jinja2"):
                    found.setdefault("/".join(parts[position + 1 :]), path)
        return found

    def parsed(self, name: str) -> tuple[Module, Any] | None:
        """The template of a name as a module of the project, and its nodes."""
        if name not in self._parsed:
            self._parsed[name] = self._parse(name)
        return self._parsed[name]

    def _parse(self, name: str) -> tuple[Module, Any] | None:
        from dbwright.source.django import jinja

        path = self.paths.get(name)
        if path is None:
            return None
        file = path.relative_to(self.interpreter.codebase.root).as_posix()
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"larger than {MOST_BYTES // 1_000_000} MB")
            nodes = jinja.parse(path.read_text(encoding="utf-8"), name)
        except Exception as error:  # a template that cannot be read costs its own queries alone; it is said
            self.framework.problems.append(
                Problem(file, 1, f"template not read: {type(error).__name__}: {error}"[:300])
            )
            return None
        return Module(name, path, file, "code", ast.Module([], []), owned=True), nodes
