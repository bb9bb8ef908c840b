"""A Django project's settings and applications, read statically: labels, the user model, automatic keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from dbwright.source.values import ClassValue, Items, Known, Unknown, Value, alternatives

if TYPE_CHECKING:
    from dbwright.source.interpreter import Interpreter
    from dbwright.source.modules import Module


class Applications:
    """What the project's settings and ``apps.py`` files say."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self._application_of: dict[str, str] = {}

    @cached_property
    def settings_module(self) -> Module | None:
        """The module that ``DJANGO_SETTINGS_MODULE`` names in the project's own files; else the one that looks like it."""
        codebase = self.interpreter.codebase
        for path in codebase.files:
            if path.name in ("manage.py", "wsgi.py", "asgi.py", "celery.py", "celery_app.py", "__main__.py"):
                module = codebase.module_at(path)
                name = _named_settings(module.tree) if module else None
                found = codebase.find(name) if name else None
                if found is not None:
                    return found
        candidates = [
            module
            for path, file in codebase.files.items()
            if file.role == "code" and (path.stem.startswith("settings") or path.parent.name == "settings")
            if (module := codebase.module_at(path))
            and "INSTALLED_APPS" in (*module.scope.bindings, *module.scope.augmented)
        ]
        candidates.sort(key=lambda m: (_rank(m), len(m.path.parts), m.file))
        return candidates[0] if candidates else None

    def setting(self, name: str) -> Value:
        """The value of a setting, as far as the settings module tells."""
        for module in self._settings_modules:
            value = self.interpreter.global_name(module, name)
            if value is not None:
                return value
        return Unknown(f"setting {name}", "settings")

    @cached_property
    def _settings_modules(self) -> tuple[Module, ...]:
        """The settings module and those that it runs by ``include("components/*.py")`` (django-split-settings), what is run last first."""
        module = self.settings_module
        if module is None:
            return ()
        codebase, folder = self.interpreter.codebase, module.path.parent
        found = [
            included
            for pattern in _included(module.tree)
            for path in sorted(codebase.files)
            if path.is_relative_to(folder) and fnmatchcase(path.relative_to(folder).as_posix(), pattern)
            if (included := codebase.module_at(path)) is not None
        ]
        return (module, *reversed(found))

    @cached_property
    def user_label(self) -> str:
        """``AUTH_USER_MODEL``; Django's own when it is not set."""
        value = self.setting("AUTH_USER_MODEL")
        return next(
            (v.value for v in alternatives(value) if isinstance(v, Known) and isinstance(v.value, str)), "auth.User"
        )

    @cached_property
    def installed(self) -> tuple[str, ...]:
        """The entries of INSTALLED_APPS that are written out."""
        found: list[str] = []
        for value in alternatives(self.setting("INSTALLED_APPS")):
            if isinstance(value, Items):
                for item in [*value.items, *([value.rest] if value.rest is not None else [])]:
                    found += [v.value for v in alternatives(item) if isinstance(v, Known) and isinstance(v.value, str)]
        found += [text for text in self._appended if text is not None]
        return tuple(dict.fromkeys(found))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The dotted names of the installed applications; an entry that names a configuration class stands for what that configures."""
        found: list[str] = []
        for entry in self.installed:
            module, _, last = entry.rpartition(".")
            cls = None
            if last[:1].isupper() and self.interpreter.codebase.find(entry) is None:
                cls = self.interpreter.name_in(module, last) if module else None
            name = self._text(cls, "name") if isinstance(cls, ClassValue) else None
            found.append(name or (module.removesuffix(".apps") if last[:1].isupper() else entry))
        return tuple(dict.fromkeys(found))

    @cached_property
    def _are_all_told(self) -> bool:
        """Whether INSTALLED_APPS is wholly written out and nothing is added to it elsewhere in its module."""
        module = self.settings_module
        value = self.setting("INSTALLED_APPS")
        if module is None or not (isinstance(value, Items) and value.rest is None and value.items):
            return False
        if not all(isinstance(item, Known) for item in value.items):
            return False
        return all(text is not None for text in self._appended)

    @cached_property
    def _appended(self) -> tuple[str | None, ...]:
        """What ``INSTALLED_APPS.append(…)`` and its kin add in the settings, be it under a condition; None where it is not written out."""
        found: list[str | None] = []
        for node in ast.walk(self.settings_module.tree) if self.settings_module else ():
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            if node.func.attr not in ("append", "extend", "insert") or not isinstance(node.func.value, ast.Name):
                continue
            if node.func.value.id == "INSTALLED_APPS":
                given = node.args[-1]
                elements = given.elts if isinstance(given, ast.List | ast.Tuple) else [given]
                found += [
                    e.value if isinstance(e, ast.Constant) and isinstance(e.value, str) else None for e in elements
                ]
        return tuple(found)

    @cached_property
    def _installed_labels(self) -> frozenset[str]:
        return frozenset({*map(self.label_of, self.names), "contenttypes", "auth"})

    def is_installed(self, label: str, module_name: str) -> bool:
        """Whether the settings name the application of a model. True where they do not tell."""
        return not self._are_all_told or label in self._installed_labels or not self._knows_any

    @cached_property
    def _knows_any(self) -> bool:
        """Whether some application of the settings is the project's own: else these are the settings of something else."""
        codebase = self.interpreter.codebase
        return any((m := codebase.find(entry)) is not None and m.owned for entry in self.installed)

    @cached_property
    def _configurations(self) -> dict[str, ClassValue]:
        """AppConfig classes by the dotted name of their application."""
        codebase = self.interpreter.codebase
        modules = [
            m for p in codebase.files if p.name in ("apps.py", "app.py", "__init__.py") and (m := codebase.module_at(p))
        ]
        for entry in self.installed:
            for name in (entry, f"{entry}.apps", entry.rpartition(".")[0]):
                module = codebase.find(name)
                if module is not None and not module.owned:
                    modules.append(module)
        found: dict[str, ClassValue] = {}
        for module in modules:
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef) and node.bases:
                    cls = self.interpreter.class_of(node, module, None)
                    configured = self._text(cls, "name")
                    if configured and (
                        node.name.lower().endswith(("config", "app"))
                        or self._text(cls, "label")
                        or self._text(cls, "verbose_name")
                    ):
                        found.setdefault(configured, cls)
        return found

    def _text(self, cls: ClassValue, name: str) -> str | None:
        owner = self.interpreter.find_in_class(cls, name)
        value = self.interpreter.own_attribute(owner, name) if owner is not None else None
        return value.value if isinstance(value, Known) and isinstance(value.value, str) else None

    def application_of(self, module_name: str) -> str:
        """The dotted name of the application that a module belongs to."""
        if module_name not in self._application_of:
            self._application_of[module_name] = self._find_application(module_name)
        return self._application_of[module_name]

    def _find_application(self, module_name: str) -> str:
        parts = module_name.split(".")
        parents = {".".join(parts[:length]) for length in range(1, len(parts))}
        for length in range(len(parts), 0, -1):
            name = ".".join(parts[:length])
            if name in self._configurations or name in self.names or (name in parents and self._is_application(name)):
                return name
        if "models" in parts:
            return ".".join(parts[: parts.index("models")]) or parts[0]
        return ".".join(parts[:-1]) or parts[0]

    def _is_application(self, name: str) -> bool:
        """Whether a package has models and migrations of its own, though no settings name it."""
        codebase = self.interpreter.codebase
        return codebase.find(f"{name}.migrations") is not None and codebase.find(f"{name}.models") is not None

    def label_of(self, module_name: str) -> str:
        """The label of a module's application: its configuration's, else the last part of its name."""
        name = self.application_of(module_name)
        configuration = self._configurations.get(name)
        label = self._text(configuration, "label") if configuration is not None else None
        return label or name.rpartition(".")[2]

    def auto_field(self, module_name: str) -> str:
        """The class name of automatic primary keys for the models of a module."""
        configuration = self._configurations.get(self.application_of(module_name))
        chosen = self._text(configuration, "default_auto_field") if configuration is not None else None
        if chosen is None:
            if module_name.startswith("django.contrib."):
                return "AutoField"
            value = self.setting("DEFAULT_AUTO_FIELD")
            chosen = next(
                (v.value for v in alternatives(value) if isinstance(v, Known) and isinstance(v.value, str)), None
            )
        return (chosen or "AutoField").rpartition(".")[2]


def _rank(module: Module) -> int:
    """Which of several settings files to read: the plain one, what others build on, production, an example; those of tests come last."""
    stem = module.path.stem
    words = stem.removeprefix("settings").strip("_-.") if stem.startswith("settings") else stem
    for rank, names in enumerate(
        (
            ("", "__init__"),
            ("base", "common", "default", "defaults"),
            ("production", "prod", "live"),
            ("example", "sample"),
        )
    ):
        if words in names:
            return rank
    return 6 if any(word in words for word in ("test", "ci", "dev", "local", "debug")) else 5


def _named_settings(tree: ast.Module) -> str | None:
    """The text given for ``DJANGO_SETTINGS_MODULE`` in a script."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) == 2:
            key, value = node.args
            if (
                _is_text(key, "DJANGO_SETTINGS_MODULE")
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
            ):
                return value.value
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            subscript = node.targets[0]
            if _is_text(subscript.slice, "DJANGO_SETTINGS_MODULE") and isinstance(node.value, ast.Constant):
                return str(node.value.value)
    return None


def _included(tree: ast.Module) -> Iterator[str]:
    """The patterns of files that ``include`` is given, those that need not be there too."""
    for statement in tree.body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "include":
            for given in call.args:
                one = given.args[0] if isinstance(given, ast.Call) and given.args else given
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


def _is_text(node: ast.expr, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text
