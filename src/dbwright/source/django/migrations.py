"""Django's migrations read from their files: real operations on a real ``ProjectState``, nothing of the project is run.

Applications whose migrations are not the project's own (Django's, those of packages) stand with the models that they have now.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dbwright.model.migrations import RISK_ORDER, GraphProblem, MigrationFile, MigrationOperation, Risk
from dbwright.model.source import Place, SourceTable
from dbwright.pysource import dotted
from dbwright.source import ddl
from dbwright.source.django import runtime
from dbwright.source.django.real import concrete
from dbwright.source.interpreter import OutOfSteps
from dbwright.source.migration_files import cycle_in, date_of, django_merge, is_explained, strings_after, text_of
from dbwright.source.modules import Module
from dbwright.source.schema_edits import SchemaEdits, Tables
from dbwright.source.tokens import Token, has_token
from dbwright.source.values import ClassValue, Items, Known, Real, Value, alternatives

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django

_FOLDER = re.compile(r"^(?!test).*migrations$")
"""``migrations``, or what ``MIGRATION_MODULES`` has in its place, such as ``db_migrations``."""
Key = tuple[str, str]
Effect = tuple[Literal["makes", "drops"], Literal["table", "column", "index", "constraint"], str, str | None]


@dataclass
class Node:
    """A migration file with its real operations (None for one that could not be read)."""

    label: str
    name: str
    file: str
    line: int
    module: Module | None = None
    dependencies: list[Key] = field(default_factory=list)
    run_before: list[Key] = field(default_factory=list)
    replaces: list[Key] = field(default_factory=list)
    initial: bool = False
    atomic: bool = True
    date: str | None = None
    explained: bool = False
    operations: list[tuple[Any, int]] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.label, self.name

    @property
    def place(self) -> Place:
        return Place(self.file, self.line, "Migration")


class DjangoMigrations:
    """The migrations of the project's own applications."""

    def __init__(self, django: Django) -> None:
        self.django = django
        self.problems: list[GraphProblem] = []
        self.nodes: dict[Key, Node] = {}
        self.incomplete: set[str] = set()
        """Applications of which some operation could not be replayed."""
        self.unfollowed: set[str] = set()
        """Applications with SQL or Python that may change any of their tables in the database; what models know of them is known."""
        self.unsure: set[str] = set()
        """Tables that such SQL names, where it names some."""
        self.harmless: set[int] = set()
        """Operations that turned out to issue nothing, by identity; known after the replay."""
        self.group_of: dict[str, str] = {}
        """The application that makes a table; known after the replay."""
        self.effects: dict[int, Effect] = {}
        """What operations make or drop, by identity; known after the replay."""
        self._folders: dict[str, Path] = {}
        self._read()

    # Reading ---------------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        codebase = self.django.interpreter.codebase
        for path, file in codebase.files.items():
            if (
                not _FOLDER.search(path.parent.name)
                or path.name == "__init__.py"
                or "tests" in file.name.split("/")[:-2]
            ):
                continue
            module = codebase.module_at(path)
            node = self._unparsed(path, file.name) if module is None else self._node(module)
            if node is not None:
                self.nodes[node.key] = node

    def _label(self, package: str, folder: Path) -> str:
        """The application's label; one that another folder has already (a second project in the same tree) is told apart by its folder."""
        label = self.django.applications.label_of(f"{package}.models")
        if self._folders.setdefault(label, folder) != folder:
            label = f"{label}@{folder.parent.relative_to(self.django.interpreter.codebase.root).as_posix()}"
            self._folders[label] = folder
            self.incomplete.add(label)
        return label

    def _unparsed(self, path: Path, file: str) -> Node | None:
        """A file that is no Python of today still has its place in the graph; what it does is not known."""
        text = text_of(path)
        if "class Migration" not in text or "SchemaMigration" in text or "DataMigration" in text:
            return None
        package = "/".join(file.split("/")[:-2]).replace("/", ".")
        label = self._label(package, path.parent)
        self.incomplete.add(label)
        names = strings_after(text, "dependencies") or ()
        node = Node(label, path.stem, file, 1, date=date_of(text, path.stem))
        node.dependencies = list(zip(names[::2], names[1::2], strict=False))
        node.operations = [(None, 1)]
        return node

    def _node(self, module: Module) -> Node | None:
        interpreter = self.django.interpreter
        definition = next((n for n in module.tree.body if isinstance(n, ast.ClassDef) and n.name == "Migration"), None)
        if definition is None or _is_of_south(definition):
            return None
        label = self._label(".".join(module.name.split(".")[:-2]), module.path.parent)
        cls = interpreter.class_of(definition, module, None)
        text = text_of(module.path)
        node = Node(label, module.path.stem, module.file, definition.lineno, module)
        node.date = date_of(text, module.path.stem)
        node.explained = ast.get_docstring(definition) is not None or is_explained(text)
        interpreter.steps = 0
        try:
            node.dependencies = self._keys(cls, "dependencies", module, node)
            node.run_before = self._keys(cls, "run_before", module, node)
            node.replaces = self._keys(cls, "replaces", module, node)
            node.initial = self._told(cls, "initial") is True
            node.atomic = self._told(cls, "atomic") is not False
            node.operations = list(self._operations(cls, definition, node))
        except OutOfSteps:
            self._incomplete(node, definition.lineno, "the migration is too long to be followed")
        return node

    def _attribute(self, cls: ClassValue, name: str) -> Value | None:
        interpreter = self.django.interpreter
        owner = interpreter.find_in_class(cls, name)
        return interpreter.own_attribute(owner, name) if owner is not None else None

    def _told(self, cls: ClassValue, name: str) -> Any:
        value = self._attribute(cls, name)
        return value.value if isinstance(value, Known) else None

    def _keys(self, cls: ClassValue, name: str, module: Module, node: Node) -> list[Key]:
        value = self._attribute(cls, name)
        found: list[Key] = []
        for item in value.items if isinstance(value, Items) else ():
            told = concrete(item, self.django.frame(module))
            if isinstance(told, tuple | list) and len(told) == 2 and not any(has_token(one) for one in told):
                own = told[0] == node.label.partition("@")[0]
                found.append((node.label if own else str(told[0]), str(told[1])))
            elif told is not None:
                self._incomplete(node, node.line, f"one of the {name} is not known")
        return found

    def _operations(self, cls: ClassValue, definition: ast.ClassDef, node: Node) -> Iterator[tuple[Any, int]]:
        from django.db.migrations.operations.base import Operation

        value = self._attribute(cls, "operations")
        if value is None:
            return
        lists = [one for one in alternatives(value) if isinstance(one, Items)]
        value = max(
            lists, key=lambda one: len(one.items), default=value
        )  # where a setting decides, what it can be at most
        if not isinstance(value, Items):
            self._incomplete(node, node.line, "the list of operations is not known")
            return
        lines = _lines_of_operations(definition)
        for position, item in enumerate([*value.items, *([value.rest] if value.rest is not None else [])]):
            line = lines[position] if position < len(lines) else node.line
            thing = item.object if isinstance(item, Real) else None
            if isinstance(thing, Operation):
                yield thing, line
                if not getattr(getattr(thing, "fields", None), "is_whole", True):
                    self._incomplete(node, line, "a field of the model that it creates is not read")
            else:
                yield None, line
                self._incomplete(node, line, f"an operation is not read: {item.describe()}")

    def _incomplete(self, node: Node, line: int, reason: str) -> None:
        self.incomplete.add(node.label)
        self._tell(node, line, reason)

    def _tell(self, node: Node, line: int, reason: str) -> None:
        assert node.module is not None
        self.django.problem(node.module, line, f"migration {node.label}.{node.name}: {reason}")

    # The graph -------------------------------------------------------------------------------------------------------------

    def check_graph(self) -> list[GraphProblem]:
        """Heads, missing parents and cycles."""
        active = self._active
        found: list[GraphProblem] = []
        labels = {label for label, _ in self.nodes}
        replaced = {key for node in self.nodes.values() for key in node.replaces}
        for node in self.nodes.values():
            for label, name in (*node.dependencies, *node.run_before):
                if label in labels and not name.startswith("__") and (label, name) not in self.nodes.keys() | replaced:
                    message = f"{node.label}.{node.name} depends on {label}.{name}, which does not exist"
                    found.append(
                        GraphProblem(
                            "missing parent", "django", node.label, (node.name, f"{label}.{name}"), message, node.place
                        )
                    )
        parents = self._parents(active)
        found += (problem for label in sorted(labels) if (problem := self._heads(label, active, parents)))
        cycle = cycle_in(parents)
        if cycle and not any(active[key].replaces for key in cycle):  # else it hangs on what has been applied
            node = active[cycle[0]]
            names = tuple(f"{label}.{name}" for label, name in cycle)
            message = f"migrations wait for each other: {' → '.join([*names, names[0]])}"
            places = tuple(active[key].place for key in cycle)
            found.append(GraphProblem("cycle", "django", node.label, names, message, node.place, places))
        return found

    def _heads(self, label: str, active: dict[Key, Node], parents: dict[Key, list[Key]]) -> GraphProblem | None:
        within = [n for n in active.values() if n.label == label]
        followed = {parent for n in within for parent in parents[n.key] if parent[0] == label}
        heads = sorted(n.name for n in within if n.key not in followed)
        if len(heads) < 2:
            return None
        message = f"{label} has {len(heads)} last migrations: {', '.join(heads)}; migrate refuses to run"
        places = tuple(active[label, head].place for head in heads)
        name, text = django_merge(label.partition("@")[0], heads)
        change = f"# {places[-1].file.rpartition('/')[0]}/{name}.py\n{text}"
        return GraphProblem("heads", "django", label, tuple(heads), message, places[-1], places, change)

    @cached_property
    def _active(self) -> dict[Key, Node]:
        """Without those that a squashed migration replaces."""
        replaced = {key for node in self.nodes.values() for key in node.replaces if key in self.nodes}
        return {key: node for key, node in self.nodes.items() if key not in replaced}

    def _parents(self, active: dict[Key, Node]) -> dict[Key, list[Key]]:
        stands_for = {old: node.key for node in active.values() for old in node.replaces}
        firsts: dict[str, Key] = {}
        for key in sorted(active):
            firsts.setdefault(key[0], key)
        parents: dict[Key, list[Key]] = {key: [] for key in active}
        for node in active.values():
            inside = [d for old in node.replaces if old in self.nodes for d in self.nodes[old].dependencies]
            for key in (*node.dependencies, *inside):
                wanted = firsts.get(key[0]) if key[1] == "__first__" else stands_for.get(key, key)
                if wanted in active and wanted != node.key:
                    parents[node.key].append(wanted)
            for key in node.run_before:
                if stands_for.get(key, key) in parents:
                    parents[stands_for.get(key, key)].append(node.key)
        return parents

    @cached_property
    def ordered(self) -> list[Node]:
        """In the order in which Django applies them to an empty database; each migration of a circle once."""
        active = self._active
        parents = self._parents(active)
        followed = {parent for key, own in parents.items() for parent in own if parent[0] == key[0]}
        found: dict[Key, Node] = {}
        for leaf in [*sorted(active.keys() - followed), *sorted(active)]:
            stack = [(leaf, False)]
            begun: set[Key] = set()
            while stack:
                key, is_done = stack.pop()
                if key in found:
                    continue
                if is_done:
                    found[key] = active[key]
                elif key not in begun:
                    begun.add(key)
                    stack.append((key, True))
                    stack += [(parent, False) for parent in sorted(set(parents[key]))]
        return list(found.values())

    def parted(self, wanted: set[str] | None) -> tuple[list[Node], list[Node]]:
        """The migrations (``app.name``) that come before those that are wanted, and these with what lies between them, each in order. None:
        all are wanted. Applications that cannot be told from another of their name are left out."""
        known = [node for node in self.ordered if "@" not in node.label]
        if wanted is None:
            return [], known
        parents = self._parents(self._active)
        later: set[Key] = set()
        for node in known:
            if f"{node.label}.{node.name}" in wanted or later & set(parents[node.key]):
                later.add(node.key)
        then = [node for node in known if node.key in later]
        while then and f"{then[-1].label}.{then[-1].name}" not in wanted:
            then.pop()
        return [node for node in known if node.key not in later], then

    # Replaying -------------------------------------------------------------------------------------------------------------

    def replay(self) -> Any:
        """The ``ProjectState`` after all migrations."""
        from django.db.migrations.state import ModelState, ProjectState

        state = ProjectState()
        own = {label for label, _ in self.nodes}
        for model in self.django.registry.get_models():
            if model._meta.app_label not in own and not getattr(model, "dbwright_stand_in", False):
                try:
                    state.add_model(ModelState.from_model(model))
                except Exception as error:
                    self.problems.append(_unread(model._meta.label, error))
        for node in self.ordered:
            for operation, line in node.operations:
                if operation is None or "@" in node.label:
                    continue
                self._note_if_harmless(operation, node.label, state)
                self._note_effect(operation, node.label, state)
                try:
                    operation.state_forwards(node.label, state)
                except Exception as error:
                    reason = f"{type(operation).__name__} cannot be replayed: {type(error).__name__}: {error}"
                    self._incomplete(node, line, reason)
        return state

    def _note_if_harmless(self, operation: Any, label: str, state: Any) -> None:
        """An ``AlterField`` of what only people and forms read issues no statement."""
        if type(operation).__name__ == "AlterField":
            model = state.models.get((label, operation.model_name_lower))
            before = model.fields.get(operation.name) if model is not None else None
            if before is not None and _for_the_database(before) == _for_the_database(operation.field):
                self.harmless.add(id(operation))

    def _note_effect(self, operation: Any, label: str, state: Any) -> None:
        """What an operation makes or drops, under the names that it has in the database. What says nothing of the kind is passed over; so
        is what names a model that is not known, which the replay then tells."""
        name = getattr(operation, "model_name", None) or getattr(operation, "name", None)
        model = state.models.get((label, name.lower())) if isinstance(name, str) else None
        effect = effect_of(operation, model, label)
        if effect is not None:
            self.effects[id(operation)] = effect

    def tables(self, state: Any) -> Iterator[SourceTable]:
        """The tables of a state, for the project's own applications."""
        from dbwright.source.django.tables import tables_of

        labels = {label for label, _ in self.nodes}
        for label, table in tables_of(self.django, self._rendered(state), labels):
            self.group_of[table.name] = label
            yield table

    def with_sql(self, tables: Iterable[SourceTable]) -> Iterator[SourceTable]:
        """The tables with what ``RunSQL`` makes of them. The statements come after all other operations here, so what one makes on a
        table that a later migration drops or renames is passed over."""
        edited: Tables = {(table.schema, table.name): table for table in tables}
        for node in self.ordered:
            for operation, line in node.operations:
                if node.module is not None and (reason := _does_more(operation, node.module)):
                    self.unfollowed.add(node.label)
                    self._tell(node, line, reason)
                edits = SchemaEdits(edited, Place(node.file, line, "Migration"))
                for text in sql_of(operation):
                    for found in ddl.statements(text, edits):
                        if not found.is_followed:
                            self._not_followed(node, line, text, edited)
        yield from edited.values()

    def _not_followed(self, node: Node, line: int, text: str, tables: Tables) -> None:
        """SQL that names tables leaves these open, any other all of its application."""
        words = set(re.findall(r"\w+", text))
        named = {name for _, name in tables if name in words}
        self.unsure |= named
        if not named:
            self.unfollowed.add(node.label)
        self._tell(node, line, f"SQL that is not followed: {' '.join(text.split())[:80]}")

    def _rendered(self, state: Any) -> Any:
        registry = runtime.registry()
        for label in {label for label, _ in state.models}:
            known = self.django.registry.app_configs.get(label)
            if known is None:
                self.django.know_application(label, f"{label}.models")
                known = self.django.registry.app_configs[label]
            registry.app_configs[label] = known
        waiting = list(state.models.values())
        while waiting:
            left = []
            for model in waiting:
                try:
                    render_model(self.django, model, registry)
                except Exception as error:
                    left.append((model, error))
            if len(left) == len(waiting):
                for model, reason in left:
                    self.incomplete.add(model.app_label)
                    self.problems.append(_unread(f"{model.app_label}.{model.name}", reason))
                break
            waiting = [model for model, _ in left]
        self._stand_ins(registry)
        return registry

    def _stand_ins(self, registry: Any) -> None:
        from django.db import models

        missing = {key for key in registry._pending_operations if key[1] not in registry.all_models.get(key[0], {})}
        for label, name in sorted(missing):
            meta = type("Meta", (), {"app_label": label, "apps": registry, "managed": False})
            attributes = {"__module__": f"{label}.models", "Meta": meta, "dbwright_stand_in": True}
            models.base.ModelBase(name.title(), (models.Model,), attributes)

    # As a model ------------------------------------------------------------------------------------------------------------

    def files(self) -> Iterator[MigrationFile]:
        """Every migration with its operations, parents first."""
        replaced = [node for key, node in self.nodes.items() if key not in self._active]
        for node in (*self.ordered, *replaced):
            own = [name for label, name in node.dependencies if label == node.label]
            others = [f"{label}.{name}" for label, name in node.dependencies if label != node.label]
            yield MigrationFile(
                framework="django",
                group=node.label,
                name=node.name,
                place=node.place,
                parents=(*own, *others),
                replaces=tuple(f"{label}.{name}" for label, name in node.replaces),
                operations=tuple(self._operation(o, line, node.label) for o, line in node.operations),
                initial=node.initial or not own,
                atomic=node.atomic,
                merge=len(own) > 1 and not node.operations,
                date=node.date,
                explained=node.explained,
            )

    def _operation(self, operation: Any, line: int, label: str) -> MigrationOperation:
        told = as_operation(operation, line, label)
        if id(operation) in self.harmless:
            told = replace(told, risk="none")
        if effect := self.effects.get(id(operation)):
            told = replace(told, effect=effect[0], part=effect[1], table=effect[2], name=effect[3])
        return told


def effect_of(operation: Any, model: Any, label: str) -> Effect | None:
    """What an operation on a model (in the form of the state before it) makes or drops."""
    kinds = _kinds(operation)
    if "CreateModel" in kinds:
        return "makes", "table", _table_name(label, operation.name, operation.options), None
    if model is None:
        return None
    table = _table_name(label, model.name, model.options)
    if "DeleteModel" in kinds:
        return "drops", "table", table, None
    if "AddField" in kinds:
        field = operation.field
        return None if field.many_to_many else ("makes", "column", table, _column_name(operation.name, field))
    if "RemoveField" in kinds:
        field = model.fields.get(operation.name)
        plain = field is not None and not field.many_to_many
        return ("drops", "column", table, _column_name(operation.name, field)) if plain else None
    for part in ("index", "constraint"):
        if f"Add{part.title()}" in kinds:
            return "makes", part, table, getattr(operation, part).name
        if f"Remove{part.title()}" in kinds:
            return "drops", part, table, operation.name
    return None


def _table_name(label: str, model: str, options: dict[str, Any]) -> str:
    return str(options.get("db_table") or f"{label}_{model.lower()}").strip('"')[:63]


def _column_name(name: str, field: Any) -> str:
    return str(field.db_column or (f"{name}_id" if field.remote_field is not None else name))


def _is_of_south(definition: ast.ClassDef) -> bool:
    """Migrations of Django before 1.7, which have no graph."""
    names = {node.name for node in definition.body if isinstance(node, ast.FunctionDef)}
    return "forwards" in names or any(
        "Schema" in dotted(base) or "DataMigration" in dotted(base) for base in definition.bases
    )


def _for_the_database(field: Any) -> Any:
    """A field without what never reaches the database."""
    _name, path, positional, named = field.deconstruct()
    kept = {k: v for k, v in named.items() if k not in (*field.non_db_attrs, "default")}
    return path.rpartition(".")[2], positional, repr(sorted(kept.items(), key=lambda item: item[0]))


def render_model(django: Django, model_state: Any, registry: Any) -> None:
    """Make the model of a state in a registry, without what only the running project has."""
    options = dict(model_state.options)
    if together := sorted(options.pop("index_together", ())):
        options["indexes"] = [*options.get("indexes", ()), *django.index_together(together)]
    for name in ("swappable", "default_manager_name", "base_manager_name"):
        options.pop(name, None)
    changed = model_state.clone()
    changed.options = options
    changed.managers = []
    changed.render(registry)


def _unread(name: str, error: Exception) -> GraphProblem:
    message = f"{name} cannot be put together from the migrations: {type(error).__name__}: {error}"
    return GraphProblem("unread", "django", name.partition(".")[0], (name,), message[:300], Place("", 0))


def _lines_of_operations(definition: ast.ClassDef) -> list[int]:
    for node in definition.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "operations" for t in node.targets):
            if isinstance(node.value, ast.List | ast.Tuple):
                return [element.lineno for element in node.value.elts]
    return []


# Operations ------------------------------------------------------------------------------------------------------------------

RISKS: dict[str, Risk] = {
    "CreateModel": "none",
    "DeleteModel": "data loss",
    "RenameModel": "breaks running code",
    "AlterModelTable": "breaks running code",
    "AlterModelTableComment": "none",
    "AlterModelOptions": "none",
    "AlterModelManagers": "none",
    "AlterOrderWithRespectTo": "brief lock",
    "AlterUniqueTogether": "long lock",
    "AlterIndexTogether": "long lock",
    "AddIndex": "long lock",
    "RemoveIndex": "brief lock",
    "RenameIndex": "brief lock",
    "AddIndexConcurrently": "none",
    "RemoveIndexConcurrently": "none",
    "AddConstraint": "long lock",
    "RemoveConstraint": "brief lock",
    "AddConstraintNotValid": "brief lock",
    "ValidateConstraint": "none",
    "AddField": "brief lock",
    "RemoveField": "data loss",
    "AlterField": "long lock",
    "RenameField": "breaks running code",
    "RunSQL": "runs code",
    "RunPython": "runs code",
    "SeparateDatabaseAndState": "not known",
    "CreateExtension": "none",
}
"""Django's operations by what they do to a table in use."""


def risk_of(operation: Any) -> Risk:
    """The risk of a real operation."""
    names = [cls.__name__ for cls in type(operation).__mro__]
    if "SeparateDatabaseAndState" in names:
        inner = [risk_of(one) for one in operation.database_operations]
        return max(inner, key=RISK_ORDER.index) if inner else "none"
    if "AddField" in names and _adds_by_rewriting(operation.field):
        return "table rewrite"
    found: Risk = next((RISKS[name] for name in names if name in RISKS), "not known")
    return "none" if found == "not known" and any("Extension" in name for name in names) else found


def _adds_by_rewriting(field: Any) -> bool:
    """A generated column that is stored is computed for every row."""
    return bool(getattr(field, "generated", False) and getattr(field, "db_persist", False))


def irreversible_because(operation: Any) -> str | None:
    """Why an operation cannot be undone, or None."""
    name = type(operation).__name__
    kinds = _kinds(operation)
    if "SeparateDatabaseAndState" in kinds:
        return next((r for r in map(irreversible_because, operation.database_operations) if r), None)
    if getattr(operation, "reversible", True):
        return None
    if "RunPython" in kinds:
        return "RunPython without reverse_code"
    if "RunSQL" in kinds:
        return "RunSQL without reverse_sql"
    return f"{name} says that it cannot be undone"


def as_operation(operation: Any, line: int, label: str) -> MigrationOperation:
    """A real operation as the model keeps it."""
    if operation is None:
        return MigrationOperation("?", "an operation that is not read", line=line)
    try:
        words = str(operation.describe())
    except Exception:
        words = type(operation).__name__
    if texts := sql_of(operation):
        done = [found for text in texts for found in ddl.statements(text, SchemaEdits({}, Place("", line)))]
        risk: Risk = max((found.risk for found in done), key=RISK_ORDER.index, default="runs code")
        what = "SQL: " + "; ".join(found.what for found in done)[:200]
        return MigrationOperation("RunSQL", what, None, risk, irreversible_because(operation), line)
    model = getattr(operation, "model_name", None) or getattr(operation, "name", None)
    kind = next(
        (c.__name__ for c in type(operation).__mro__ if c.__module__.startswith("django.")), type(operation).__name__
    )
    table = f"{label}_{model.lower()}" if isinstance(model, str) and kind not in ("RunSQL", "RunPython") else None
    return MigrationOperation(kind, words, table, risk_of(operation), irreversible_because(operation), line)


_EXECUTES = re.compile(
    r"\.execute\(|schema_editor\.(add|remove|alter|create|delete)_(index|constraint|field|model|unique_together|db_table)\b"
)


def _kinds(operation: Any) -> set[str]:
    return {cls.__name__ for cls in type(operation).__mro__}


def _does_more(operation: Any, module: Module) -> str:
    """Why an operation may change the database in a way that is not known; empty when it cannot."""
    kinds = _kinds(operation)
    if "RunPython" in kinds and operation.code is unread_code:
        return "Python that is not read: what it makes of the database is not known"
    if "RunPython" in kinds and _EXECUTES.search(text_of(module.path)):
        return "Python that sends SQL or changes the schema: what that makes is not known"
    return "SQL that is not read" if any(not isinstance(t, str) or has_token(t) for t in _texts_of(operation)) else ""


def sql_of(operation: Any) -> list[str]:
    """The texts of a ``RunSQL`` that the state does not know of."""
    return [text for text in _texts_of(operation) if isinstance(text, str) and text.strip() and not has_token(text)]


def _texts_of(operation: Any) -> list[Any]:
    kinds = _kinds(operation)
    if "SeparateDatabaseAndState" in kinds and not operation.state_operations:
        return [text for one in operation.database_operations for text in _texts_of(one)]
    if "RunSQL" not in kinds or operation.state_operations:
        return []
    given = operation.sql if isinstance(operation.sql, list | tuple) else [operation.sql]
    return [one[0] if isinstance(one, list | tuple) and one else one for one in given]


def unread_code(apps: Any, schema_editor: Any) -> None:
    """Stands for the function of a ``RunPython`` that is not read. Whatever it does, models and migrations agree as before."""


class Fields(list[tuple[str, Any]]):
    """The fields of a ``CreateModel`` that were read, and whether these are all."""

    is_whole = True


def operation_arguments(
    cls: type, positional: list[Any], named: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]] | None:
    """Arguments of an operation without what belongs to the running project only (managers, plain base classes). None when its fields are
    not known."""
    if cls.__name__ == "CreateModel":
        names = ("name", "fields", "options", "bases", "managers")
        given = dict(zip(names, positional, strict=False)) | named
        given.pop("managers", None)
        bases = given.pop("bases", None) or ()
        from django.db import models

        kept = tuple(b for b in bases if (isinstance(b, str) and not isinstance(b, Token)) or isinstance(b, type))
        kept = tuple(b for b in kept if isinstance(b, str) or issubclass(b, models.Model))
        given["bases"] = kept or (models.Model,)
        told = given.get("fields") or ()
        given["fields"] = Fields((name, one) for name, one in told if hasattr(one, "contribute_to_class"))
        given["fields"].is_whole = len(given["fields"]) == len(told)
        options = given.get("options") or {}
        given["options"] = {k: v for k, v in options.items() if not isinstance(v, Token)}
        return [], given
    if cls.__name__ == "AlterModelManagers":
        named.pop("managers", None)
        return [positional[0] if positional else named.pop("name"), []], named
    kinds = {one.__name__ for one in cls.__mro__}
    if "RunPython" in kinds:
        codes = ("code", "reverse_code")
        given = dict(zip((*codes, "atomic", "hints", "elidable"), positional, strict=False)) | named
        unread = {name: unread_code for name in codes if isinstance(given.get(name), Token)}
        return [], {k: v for k, v in given.items() if not isinstance(v, Token)} | unread
    groups = defaultdict(list)
    for value in (*positional, *named.values()):
        groups[type(value)].append(value)
    return None if Token in groups and kinds.isdisjoint(("RunSQL", "AlterModelOptions")) else (positional, named)
