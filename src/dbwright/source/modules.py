"""The modules of a project as a symbol table: which name stands for what, resolved lazily and without importing anything."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dbwright.pysource import dotted
from dbwright.source.files import MOST_BYTES, FileRole, SourceFile, find_files
from dbwright.source.newer_syntax import rewritten

STUBS = Path(__file__).parent / "stubs"
"""What dbwright knows of frameworks, written as the Python that they amount to and read like any other source."""

READ_AS_KNOWN = frozenset(
    "django rest_framework django_filters sqlalchemy sqlmodel flask_sqlalchemy werkzeug alembic psycopg psycopg2 asyncpg celery mptt "
    "simple_history django_scopes graphene graphene_django graphene_django_optimizer django_elasticsearch_dsl haystack serpy "
    "paginate_sqlalchemy".split()
)
"""Packages whose meaning is built in: their own source is never read."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Import:
    """A name bound by an import: of ``module`` itself, or of ``name`` in it."""

    module: str
    name: str | None
    line: int


Binding = Definition | Import | ast.expr
"""What a name is bound to. An expression stands for its value."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file or a line that could not be read, and why."""

    file: str
    line: int
    reason: str


@dataclass(slots=True)
class Scope:
    """The bindings of a module or a class body, in the order in which they stand; ``augmented`` are the right sides of ``+=``."""

    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    augmented: dict[str, list[ast.expr]] = field(default_factory=dict)
    stars: list[Import] = field(default_factory=list)
    annotations: dict[str, ast.expr] = field(default_factory=dict)

    def bind(self, name: str, value: Binding) -> None:
        self.bindings.setdefault(name, []).append(value)


class Module:
    """A parsed file. ``file`` is how it is named to users; ``package`` the dotted name of the package that relative imports start from."""

    def __init__(
        self,
        name: str,
        path: Path,
        file: str,
        role: FileRole,
        tree: ast.Module,
        owned: bool,
        beside: Beside | None = None,
    ) -> None:
        self.name = name
        self.path = path
        self.file = file
        self.role = role
        self.tree = tree
        self.owned = owned
        """Whether it is the project's own: findings and queries are reported for these only."""
        self._beside = beside

    def __repr__(self) -> str:
        return f"Module({self.name})"

    @property
    def keeps_data(self) -> bool:
        """Its tables are the project's own, and not those of its tests."""
        return self.owned and self.role != "tests"

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def scope(self) -> Scope:
        scope = Scope()
        collect(self.tree.body, scope, self)
        return scope

    def absolute(self, node: ast.ImportFrom) -> str:
        """The dotted name that an import statement of this module names."""
        if not node.level:
            return self.named(node.module or "", [alias.name for alias in node.names])
        parts = self.name.split(".")
        keep = len(parts) - node.level + (1 if self.is_package else 0)
        return ".".join([*parts[: max(keep, 0)], *([node.module] if node.module else [])])

    def named(self, name: str, asked: Iterable[str]) -> str:
        """The dotted name of what ``import name`` means here, of which the names in ``asked`` are used."""
        return self._beside(self, name, asked) if self._beside is not None else name

    def asked_of(self, name: str) -> Iterator[str]:
        """The attributes of a name that this module uses."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
                yield node.attr

    @cached_property
    def names(self) -> frozenset[str]:
        """All names that are bound somewhere in the file."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, Definition):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.alias):
                found.add(node.asname or node.name)
        return frozenset(found)


Beside = Callable[[Module, str, Iterable[str]], str]


def collect(body: Iterable[ast.stmt], scope: Scope, module: Module) -> None:
    """Bind the names of a body, also those inside its conditions and ``try`` blocks."""
    for node in body:
        if isinstance(node, Definition):
            scope.bind(node.name, node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                bound = alias.asname or name
                scope.bind(bound, Import(module.named(name, module.asked_of(bound)), None, node.lineno))
        elif isinstance(node, ast.ImportFrom):
            _collect_from(node, scope, module)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                _collect_target(target, node.value, scope)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            _collect_target(node.target, node.value, scope)
            if isinstance(node.target, ast.Name):
                scope.annotations[node.target.id] = node.annotation
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            scope.augmented.setdefault(node.target.id, []).append(node.value)
        else:
            collect_nested(node, scope, module)


def collect_nested(node: ast.stmt, scope: Scope, module: Module) -> None:
    """Bind the names of the bodies inside a compound statement."""
    if isinstance(node, ast.If):
        taken = _decided(node.test)
        if dotted(node.test).rpartition(".")[2] == "TYPE_CHECKING":
            # What a type checker is told says more than what is imported late, by other means.
            collect([*node.orelse, *node.body], scope, module)
            return
        if taken is not False:
            collect(node.body, scope, module)
        if taken is not True:
            collect(node.orelse, scope, module)
    elif isinstance(node, ast.Try):
        fallback = [statement for handler in node.handlers for statement in handler.body]
        collect([*fallback, *node.body, *node.orelse, *node.finalbody], scope, module)
    elif isinstance(node, ast.With):
        collect(node.body, scope, module)


def _decided(test: ast.expr) -> bool | None:
    """Whether a condition holds where the database is PostgreSQL: ``connection.vendor == "postgresql"``. None for any other."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.NotEq)):
        return None
    sides = (test.left, test.comparators[0])
    text = next((s.value for s in sides if isinstance(s, ast.Constant) and isinstance(s.value, str)), None)
    if text is None or not any(isinstance(s, ast.Attribute) and s.attr == "vendor" for s in sides):
        return None
    return (text == "postgresql") is isinstance(test.ops[0], ast.Eq)


def _collect_from(node: ast.ImportFrom, scope: Scope, module: Module) -> None:
    source = module.absolute(node)
    for alias in node.names:
        if alias.name == "*":
            scope.stars.append(Import(source, None, node.lineno))
        else:
            scope.bind(alias.asname or alias.name, Import(source, alias.name, node.lineno))


def _collect_target(target: ast.expr, value: ast.expr, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope.bind(target.id, value)
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for one, part in zip(target.elts, value.elts, strict=False):
            _collect_target(one, part, scope)
    elif isinstance(target, ast.Tuple | ast.List):
        for position, one in enumerate(target.elts):
            if isinstance(one, ast.Name):
                index = ast.copy_location(ast.Constant(position), value)
                scope.bind(one.id, ast.copy_location(ast.Subscript(value, index, ast.Load()), value))


class Codebase:
    """A project's modules, those of its environment and the stubs, found by dotted name.

    ``environment`` is a ``site-packages`` folder to read third-party code from, when one is known; nothing in it is executed.
    """

    def __init__(self, root: Path, environment: Path | None = None) -> None:
        self.root = root
        self.environment = environment
        self.problems: list[Problem] = []
        self.files = {file.path: file for file in find_files(root, self._unread)}
        self._by_path: dict[Path, Module | None] = {}
        self._by_name: dict[str, Module | None] = {}
        self._concerned: dict[str, bool] = {}
        self._packages: dict[str, bool] = {}
        self._with_code: dict[str, bool] = {}
        self._tails: dict[str, list[Path]] = {}
        for path in self.files:
            tail = path.parent.name if path.name == "__init__.py" else path.stem
            self._tails.setdefault(tail, []).append(path)
        self._started_from = frozenset(path.parent for path in self.files if self._starts_from(path.parent))
        self.import_roots = tuple(self._import_roots())

    def _unread(self, name: str, reason: str) -> None:
        self.problems.append(Problem(name, 0, reason))

    def _import_roots(self) -> Iterator[Path]:
        """Folders that modules are named from: the root, ``src``, those of ``manage.py`` and ``alembic.ini``, the parents of packages."""
        seen: dict[Path, None] = dict.fromkeys((self.root, self.root / "src"))
        parents = {path.parent for path in self.files}
        for folder in sorted(parents, key=lambda p: (len(p.parts), p)):
            if folder in self._started_from:
                seen.setdefault(folder)
            if folder / "__init__.py" in self.files and folder.parent / "__init__.py" not in self.files:
                # A folder of an application without an __init__.py is not where names begin.
                if not any(folder.parent / name in self.files for name in ("models.py", "apps.py", "admin.py")):
                    seen.setdefault(folder.parent)
        if (self.root / "__init__.py") in self.files:
            yield self.root.parent
        yield from seen

    def _starts_from(self, folder: Path) -> bool:
        """Whether programs are started from a folder, so that names begin there: it holds ``manage.py`` or ``alembic.ini`` and is no
        package whose modules name each other in full."""
        if not ((folder / "manage.py").exists() or (folder / "alembic.ini").exists()):
            return False
        if folder / "__init__.py" not in self.files:
            return True
        return folder.parent / "__init__.py" not in self.files and not self._names_itself(folder)

    def _names_itself(self, package: Path) -> bool:
        """Whether a module right in a package is imported by its name with the package's before it."""
        named = re.compile(rb"^(?:from|import) " + re.escape(package.name.encode()) + rb"(?:\.| import )", re.MULTILINE)
        inside = (path for path in self.files if path.parent == package)
        try:
            return any(named.search(path.read_bytes()) for path in inside)
        except OSError:  # told where the file itself is read
            return False

    @property
    def modules(self) -> Iterator[Module]:
        """The project's own modules that could be parsed. Tests are half of many a project and asked nothing: they are parsed when
        something imports them, and where only the name may be that of one (``connection_test.py``)."""
        for path, file in self.files.items():
            module = self.module_at(path) if file.role != "tests" or path.stem.endswith("_test") else None
            if module:
                yield module

    def module_at(self, path: Path) -> Module | None:
        """The module of a file of the project, or None when it cannot be parsed (``problems`` then says why)."""
        if path not in self._by_path:
            self._by_path[path] = self._parse(self.files[path], self._name_of(path), owned=True)
        return self._by_path[path]

    def _name_of(self, path: Path) -> str:
        """Climb while there is an ``__init__.py``; without one the name starts below the import root."""
        parts = [] if path.name == "__init__.py" else [path.stem]
        folder = path.parent
        while folder / "__init__.py" in self.files and not (parts and folder in self._started_from):
            parts.insert(0, folder.name)
            folder = folder.parent
        if folder in self.import_roots or folder == self.root.parent:
            return ".".join(parts)
        inside = [r for r in self.import_roots if folder.is_relative_to(r)]
        if inside:
            nearest = max(inside, key=lambda r: len(r.parts))
            parts = [*folder.relative_to(nearest).parts, *parts]
        return ".".join(parts)

    def find(self, name: str) -> Module | None:
        """The module of a dotted name: the stubs' first, then the project's, then the environment's."""
        if name not in self._by_name:
            self._by_name[name] = None
            self._by_name[name] = self._find(name)
        return self._by_name[name]

    def _find(self, name: str) -> Module | None:
        if not name:
            return None
        parts = name.split(".")
        if parts[0] in READ_AS_KNOWN:
            return self._outside(STUBS, parts, name)
        for root in self.import_roots:
            for path in _candidates(root, parts):
                if path in self.files:
                    return self.module_at(path)
        if parts[0] in sys.stdlib_module_names:
            return None
        if self.environment and self._concerns_databases(parts[0]):
            found = self._outside(self.environment, parts, name)
            if found:
                return found
        return self._outside(STUBS, parts, name) or self._by_tail(parts)

    def _beside(self, module: Module, name: str, asked: Iterable[str]) -> str:
        """Python 2 looks for a module beside the file first, and so does Python where the file is run as a script. Taken where nothing else
        is called so and the file beside has every name that is asked of it: a library that is not installed may be called so as well."""
        parts = name.split(".")
        if not module.owned or parts[0] in READ_AS_KNOWN or parts[0] in sys.stdlib_module_names:
            return name
        path = next((one for one in _candidates(module.path.parent, parts) if one in self.files), None)
        if path is None or path == module.path or self.find(parts[0]) is not None or self._has_code(parts[0]):
            return name
        found, wanted = self.module_at(path), set(asked)
        return found.name if found is not None and wanted and wanted <= found.names else name

    def _has_code(self, package: str) -> bool:
        """Whether files of the project lie below a top-level folder of this name: one of templates is no package."""
        if package not in self._with_code:
            folders = [root / package for root in self.import_roots if (root / package).is_dir()]
            self._with_code[package] = any(path.is_relative_to(one) for one in folders for path in self.files)
        return self._with_code[package]

    def _concerns_databases(self, package: str) -> bool:
        """Whether a package of the environment has anything to do with the frameworks. The others (PDF writers, clients of services) are
        not read: they would cost much and tell nothing."""
        if package not in self._concerned:
            self._concerned[package] = self.environment is not None and _mentions_frameworks(self.environment, package)
        return self._concerned[package]

    def _by_tail(self, parts: list[str]) -> Module | None:
        """A file whose path ends in the dotted name, when there is one only: the project runs from a folder that we do not know."""
        if len(parts) < 2:
            return None
        found = [p for p in self._tails.get(parts[-1], ()) if any(p == c for c in _ending(p, parts))]
        return self.module_at(found[0]) if len(found) == 1 else None

    def _outside(self, folder: Path, parts: list[str], name: str) -> Module | None:
        for path in _candidates(folder, parts):
            if path in self.files:
                return self.module_at(path)
            if path.is_file():
                file = SourceFile(path, f"{folder.name}/{path.relative_to(folder).as_posix()}", "code")
                return self._parse(file, name, owned=False)
        return None

    def has_package(self, name: str) -> bool:
        """Whether some module lies below this dotted name (a namespace package counts)."""
        if name not in self._packages:
            parts = name.split(".")
            self._packages[name] = any(root.joinpath(*parts).is_dir() for root in (*self.import_roots, STUBS))
        return self._packages[name]

    def _parse(self, file: SourceFile, name: str, owned: bool) -> Module | None:
        try:
            size = file.path.stat().st_size
            if size > MOST_BYTES:
                raise ValueError(f"larger than {MOST_BYTES // 1_000_000} MB")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = syntax_tree(file.path.read_bytes(), file.name)
        except SyntaxError as error:
            self._problem(file, error.lineno or 1, f"not Python 3: {error.msg}", owned)
        except (OSError, ValueError) as error:
            self._problem(file, 1, _reason(error), owned)
        except (RecursionError, MemoryError):
            self._problem(file, 1, "nested too deeply", owned)
        else:
            return Module(name, file.path, file.name, file.role, tree, owned, self._beside)
        return None

    def _problem(self, file: SourceFile, line: int, reason: str, owned: bool) -> None:
        if owned:
            self.problems.append(Problem(file.name, line, reason))


def syntax_tree(source: bytes, name: str) -> ast.Module:
    """The syntax tree of a file; syntax that this Python is too old for is read in a form that it knows."""
    try:
        return ast.parse(source, filename=name)
    except SyntaxError:
        text = source.decode("utf-8", "replace")
        again = rewritten(text)
        if again == text:
            raise
        return ast.parse(again, filename=name)


_FRAMEWORKS = re.compile(rb"(?i)django|sqlalchemy|sqlmodel|flask")
_FRAMEWORK_IMPORTS = re.compile(rb"(?m)^\s*(?:from|import)\s+(?:django|sqlalchemy|sqlmodel|flask_sqlalchemy)\b")
MOST_FILES_ASKED = 400


def _mentions_frameworks(environment: Path, package: str) -> bool:
    """Whether some file of a package imports one of the frameworks, or the package is named after one."""
    if _FRAMEWORKS.search(package.encode()):
        return True
    folder = environment / package
    files = sorted(folder.rglob("*.py"))[:MOST_FILES_ASKED] if folder.is_dir() else [environment / f"{package}.py"]
    for path in files:
        try:
            if _FRAMEWORK_IMPORTS.search(path.read_bytes()):
                return True
        except OSError:
            continue
    return False


def _reason(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def _candidates(root: Path, parts: list[str]) -> tuple[Path, Path]:
    base = root.joinpath(*parts)
    return base / "__init__.py", base.with_name(base.name + ".py")


def _ending(path: Path, parts: list[str]) -> Iterator[Path]:
    for candidate in (parts, [*parts, "__init__"]):
        depth = len(candidate)
        if depth <= len(path.parts) and path.with_suffix("").parts[-depth:] == tuple(candidate):
            yield path
