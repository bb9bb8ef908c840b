"""Changes as Django migrations and edits of Django models.

What Django has an operation for is written with it (``AddIndexConcurrently``, ``AddConstraintNotValid``, ``ValidateConstraint``). Where its
own operation would lock a table while reading it, the database gets the statements of the online form and the state Django's operation
(``SeparateDatabaseAndState``). What Django does not know of (a storage parameter, a trigger) is ``RunSQL``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from hashlib import blake2b
from typing import Any

import postgast

from dbwright.fixes import sql
from dbwright.fixes.conditions import as_q
from dbwright.fixes.django_models import AddEntry, ModelClass, ModelEdit, RemoveEntry, SetFieldClass, SetFieldOption
from dbwright.fixes.phases import Phase, phases, titles
from dbwright.fixes.spelling import call, listing, number, spread, text
from dbwright.fixes.stage import Kind, NotForCode, Rendered, Stage, docstring, for_the_server, unique_constraint
from dbwright.model import change as c
from dbwright.model.source_table import SourceColumn, SourceTable

LONGEST_INDEX_NAME = 30
"""``models.Index.max_name_length``: Django refuses longer ones (models.E034), and those that begin with a digit or an underscore."""
POSTGRES = "django.contrib.postgres"
_OPERATIONS = f"{POSTGRES}.operations"
_CLASSES = {
    "btree": "BTreeIndex",
    "gin": "GinIndex",
    "gist": "GistIndex",
    "brin": "BrinIndex",
    "hash": "HashIndex",
    "spgist": "SpGistIndex",
}
_FUNCTIONS = {"lower": "Lower", "upper": "Upper"}
_WIDER = {
    "integer": {"SmallIntegerField": "IntegerField", "PositiveSmallIntegerField": "PositiveIntegerField"},
    "bigint": {
        "SmallIntegerField": "BigIntegerField",
        "IntegerField": "BigIntegerField",
        "PositiveSmallIntegerField": "PositiveBigIntegerField",
        "PositiveIntegerField": "PositiveBigIntegerField",
    },
}
ONLINE = '''\
class Online(migrations.SeparateDatabaseAndState):
    """The first list on PostgreSQL, where others are at work; the plain operations on SQLite, which knows no other way."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        self._choose(schema_editor)
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        self._choose(schema_editor)
        super().database_backwards(app_label, schema_editor, from_state, to_state)

    def _choose(self, schema_editor):
        if schema_editor.connection.vendor != "postgresql":
            self.database_operations = self.state_operations
'''
ADD_INDEX_ONLINE = '''\
class AddIndexOnline(AddIndexConcurrently):
    """Builds the index while others read and write. Run again after a failure it keeps what is whole and builds anew what is not."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)
            return
        name = schema_editor.quote_name(self.index.name)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
            found = cursor.fetchone()
        if found == (False,):
            schema_editor.execute(f"DROP INDEX CONCURRENTLY {name}")
        if found != (True,):
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)
'''


@dataclass(frozen=True)
class DjangoModel:
    """A model of the project: its table, its class, and what the project's migrations make of it. ``fields`` and ``options`` are those of
    the migrations' state; ``version`` is Django's, the lowest that the project allows; ``on_sqlite``: some environment of the project
    (development, tests) runs the same migrations on SQLite; ``is_whole``: all migrations of its application were read; ``user_label``
    names the project's user model."""

    table: SourceTable
    label: str
    source: ModelClass
    fields: Mapping[str, Any]
    options: Mapping[str, Any]
    version: tuple[int, int]
    on_sqlite: bool = False
    is_whole: bool = True
    user_label: str = "auth.User"

    @property
    def name(self) -> str:
        """As operations spell it."""
        return self.source.name.lower()

    def column(self, name: str) -> SourceColumn:
        """Raises NotForCode for a column that the model does not have."""
        found = self.table.column(name)
        if found is None:
            raise NotForCode(f"{self.source.name} has no field for the column {name}")
        return found

    @property
    def attributes(self) -> dict[str, str]:
        """The fields' names by their columns."""
        return {column.name: column.field for column in self.table.columns}


def fitted(operation: c.Operation, taken: frozenset[str] = frozenset()) -> c.Operation:
    """The operation as Django can express it: names of indexes as short as it wants them, and a unique index on plain columns as the
    constraint that ``UniqueConstraint`` makes. ``taken`` are names that the schema has."""
    if not isinstance(operation, c.CreateIndex):
        return operation
    if operation.unique:
        return unique_constraint(operation)
    return replace(operation, name=index_name(operation.name, taken))


def index_name(name: str, taken: frozenset[str] = frozenset()) -> str:
    """A name that Django takes: the same if it can be, else its beginning with some digits that stand for all of it."""
    if len(name) <= LONGEST_INDEX_NAME and re.match(r"[A-Za-z]", name):
        return name
    stem, _, suffix = name.lstrip("_0123456789").rpartition("_")
    for salt in range(1000):
        digits = blake2b(f"{name}{salt or ''}".encode(), digest_size=3).hexdigest()
        found = f"{stem[: LONGEST_INDEX_NAME - len(digits) - len(suffix) - 2].rstrip('_')}_{digits}_{suffix}"
        found = found[:LONGEST_INDEX_NAME].rstrip("_")
        if found not in taken:
            return found
    raise NotForCode(f"no free name for {name}")


def rendered(operation: c.Operation, model: DjangoModel) -> Rendered[ModelEdit]:
    """An operation on a model's table, or on one that Django makes for a relation. Raises NotForCode for what belongs to the server and
    not to the application."""
    found = render(operation, model)
    return _as_sql(operation, model) if model.table.through else found


@singledispatch
def render(operation: c.Operation, model: DjangoModel) -> Rendered[ModelEdit]:
    """An operation on a model's own table."""
    raise NotForCode(for_the_server(operation, model.table.name))


# Indexes -------------------------------------------------------------------------------------------------------------------


@render.register
def _(operation: c.CreateIndex, model: DjangoModel) -> Rendered[ModelEdit]:
    if operation.on_partitioned:
        return _as_sql(operation, model)
    if operation.unique:
        return _unique(operation, model)
    entry = _index_entry(operation, model)
    if entry is None:
        return _as_sql(operation, model)
    added = call("AddIndexConcurrently", [("model_name", text(model.name)), ("index", entry.text)])
    names = {f"from {module} import {name}" for module, name in entry.imports}
    names.add(f"from {_OPERATIONS} import AddIndexConcurrently")
    return Rendered((Stage(operation.name, (added,), "resumable", frozenset(names)),), (entry,))


def _unique(operation: c.CreateIndex, model: DjangoModel) -> Rendered[ModelEdit]:
    entry = _unique_entry(operation, model)
    if entry is None:
        return _as_sql(operation, model)
    (phase,) = phases(operation)
    state = _add_constraint(model, entry)
    stage = _stage(model, operation.name, (_run_sql(phase),), (state,), entry.imports, kind=phase.kind)
    return Rendered((stage,), (entry,))


@render.register
def _(operation: c.AddUnique, model: DjangoModel) -> Rendered[ModelEdit]:
    arguments = [("fields", listing(model.column(name).field for name in operation.columns))]
    if operation.nulls_not_distinct:
        arguments.append(("nulls_distinct", "False"))
    entry = AddEntry("constraints", call("models.UniqueConstraint", [*arguments, ("name", text(operation.name))]))
    build, attach = phases(operation)
    return Rendered(
        (
            _stage(model, f"{operation.name}_index", (_run_sql(build),), (), (), kind=build.kind),
            _stage(model, operation.name, (_run_sql(attach),), (_add_constraint(model, entry),), ()),
        ),
        (entry,),
    )


@render.register
def _(operation: c.DropUnique, model: DjangoModel) -> Rendered[ModelEdit]:
    added = operation.added
    return render(c.DropConstraint(added.schema, added.table, added.name, "UNIQUE"), model)


def _index_entry(operation: c.CreateIndex, model: DjangoModel) -> AddEntry | None:
    """The entry of ``Meta.indexes``, or None where Django has no words for the index."""
    options = _storage(operation)
    if operation.method not in _CLASSES or options is None:
        return None
    cls = "models.Index" if operation.method == "btree" and not options else _CLASSES[operation.method]
    keys = _keys(operation, model)
    rest = _rest(operation, model)
    if keys is None or rest is None:
        return None
    positional, arguments, imports = keys
    if cls != "models.Index":
        imports = (*imports, (f"{POSTGRES}.indexes", cls))
    name = ("name", text(operation.name))
    return AddEntry("indexes", call(cls, [*arguments, name, *rest, *options], positional), imports)


def _unique_entry(operation: c.CreateIndex, model: DjangoModel) -> AddEntry | None:
    keys = _keys(operation, model)
    rest = _rest(operation, model)
    if operation.method != "btree" or operation.options or keys is None or rest is None:
        return None
    positional, arguments, imports = keys
    if operation.nulls_not_distinct:
        rest = [*rest, ("nulls_distinct", "False")]
    if any(value.startswith('["-') or ', "-' in value for _, value in arguments):
        return None  # the constraint has no order
    name = ("name", text(operation.name))
    return AddEntry("constraints", call("models.UniqueConstraint", [*arguments, name, *rest], positional), imports)


Imports = tuple[tuple[str, str], ...]
Arguments = list[tuple[str, str]]


def _keys(operation: c.CreateIndex, model: DjangoModel) -> tuple[list[str], Arguments, Imports] | None:
    """The keys as positional expressions, or as ``fields`` and ``opclasses``; with the names that they need."""
    plain = all(key.column is not None and key.nulls_first in (None, key.descending) for key in operation.keys)
    if plain:
        names = [("-" if key.descending else "") + model.column(str(key.column)).field for key in operation.keys]
        arguments = [("fields", listing(names))]
        if any(key.opclass for key in operation.keys):
            if not all(key.opclass for key in operation.keys):
                return None
            arguments.append(("opclasses", listing(str(key.opclass) for key in operation.keys)))
        return [], arguments, ()
    found, imports = [], []
    for key in operation.keys:
        spelled = _expression(key, model)
        if spelled is None:
            return None
        found.append(spelled[0])
        imports += spelled[1]
    return found, [], tuple(dict.fromkeys(imports))


def _expression(key: c.IndexKey, model: DjangoModel) -> tuple[str, list[tuple[str, str]]] | None:
    imports: list[tuple[str, str]] = []
    if key.column is not None:
        found = f"models.F({text(model.column(key.column).field)})"
    else:
        function, column = folded(key.expression or "")
        if function is None or model.table.column(column) is None:
            return None
        found = f"{_FUNCTIONS[function]}({text(model.column(column).field)})"
        imports.append(("django.db.models.functions", _FUNCTIONS[function]))
    if key.opclass:
        found = f"OpClass({found}, name={text(key.opclass)})"
        imports.append((f"{POSTGRES}.indexes", "OpClass"))
    if key.descending or key.nulls_first:
        found = f"{found}.{'desc' if key.descending else 'asc'}()"
        if key.nulls_first is not None and key.nulls_first != key.descending:
            found = found[:-1] + ("nulls_first=True)" if key.nulls_first else "nulls_last=True)")
    return found, imports


def folded(expression: str) -> tuple[str | None, str]:
    """Function and column of ``lower(name)`` or ``upper((name)::text)``; None as function for any other expression."""
    try:
        tree = postgast.parse(f"SELECT {expression}")
    except postgast.PgQueryError:
        return None, ""
    node = tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val
    if node.WhichOneof("node") != "func_call":
        return None, ""
    function = node.func_call.funcname[-1].string.sval
    if function not in _FUNCTIONS or len(node.func_call.args) != 1:
        return None, ""
    inner = node.func_call.args[0]
    if inner.WhichOneof("node") == "type_cast" and inner.type_cast.type_name.names[-1].string.sval == "text":
        inner = inner.type_cast.arg
    if inner.WhichOneof("node") != "column_ref" or len(inner.column_ref.fields) != 1:
        return None, ""
    return function, inner.column_ref.fields[0].string.sval


def _rest(operation: c.CreateIndex, model: DjangoModel) -> Arguments | None:
    found: Arguments = []
    if operation.predicate:
        condition = as_q(operation.predicate, model.attributes)
        if condition is None:
            return None
        found.append(("condition", condition))
    if operation.include:
        found.append(("include", listing(model.column(name).field for name in operation.include)))
    return found


def _storage(operation: c.CreateIndex) -> Arguments | None:
    """Storage parameters as Django's index classes spell them."""
    found: Arguments = []
    for option in operation.options:
        name, _, value = option.partition("=")
        words = {"on": "True", "off": "False", "true": "True", "false": "False"}
        spelled = words.get(value.strip(), value.strip())
        if not re.fullmatch(r"[a-z_]+", name.strip()) or not re.fullmatch(r"True|False|\d+", spelled):
            return None
        found.append((name.strip(), spelled))
    return found


@render.register
def _(operation: c.DropIndex, model: DjangoModel) -> Rendered[ModelEdit]:
    (phase,) = phases(operation)
    kind = _entry_kind(model, operation.name)
    if kind == "indexes":
        plain = call("migrations.RemoveIndex", [("model_name", text(model.name)), ("name", text(operation.name))])
        title = f"remove_{operation.name}"
        stage = _stage(model, title, (_run_sql(phase),), (plain,), (), kind="resumable")
        return Rendered((stage,), (RemoveEntry("indexes", operation.name),))
    if kind == "constraints":
        stage = _stage(
            model,
            f"remove_{operation.name}",
            (_run_sql(phase),),
            (_remove_constraint(model, operation.name),),
            (),
            kind="resumable",
        )
        return Rendered((stage,), (RemoveEntry("constraints", operation.name),))
    column = _implicit_column(model, operation.definition)
    if column is None:
        return _as_sql(operation, model)
    return _without_index(operation, model, column, phase)


def _without_index(
    operation: c.DropIndex, model: DjangoModel, column: SourceColumn, phase: Phase
) -> Rendered[ModelEdit]:
    """The index of ``db_index`` or of a foreign key goes by the field's own option."""
    field = model.fields[column.field].clone()
    field.db_index = False
    state, imports = alter_field(model, column, field)
    title = f"remove_{operation.name}"
    stage = _stage(model, title, (_run_sql(phase),), (state,), (), kind="resumable", further=imports)
    edit = SetFieldOption(column.field, "db_index", "False" if column.references else None)
    return Rendered((stage,), (edit,))


def _implicit_column(model: DjangoModel, definition: str) -> SourceColumn | None:
    """The column of an index that a field's own option made: on it alone, and no more than that."""
    match = re.search(r"USING btree \(\"?(?P<column>[^\s\",()]+)\"?\)$", definition)
    column = model.table.column(match["column"]) if match else None
    if column is None or "UNIQUE" in definition.partition(" ON ")[0]:
        return None
    field = model.fields.get(column.field)
    twins = [i for i in model.table.indexes if i.implicit and i.columns == (column.name,)]
    if field is None or not getattr(field, "db_index", False) or len(twins) > 1:
        return None  # text has a second index for patterns, which would go as well
    return column


@render.register
def _(operation: c.RecreateIndex, model: DjangoModel) -> Rendered[ModelEdit]:
    return _as_sql(operation, model)


@render.register
def _(operation: c.DropNewIndex, model: DjangoModel) -> Rendered[ModelEdit]:
    created = operation.created
    return render(c.DropIndex(created.schema, created.name, sql.create_index(created, online=False)), model)


# Constraints ---------------------------------------------------------------------------------------------------------------


@render.register
def _(operation: c.AddConstraint, model: DjangoModel) -> Rendered[ModelEdit]:
    match = re.fullmatch(r"CHECK \((?P<condition>.*)\)(?: NOT VALID)?", operation.definition, re.DOTALL | re.IGNORECASE)
    if match is None:
        columns = re.fullmatch(r"UNIQUE \((?P<columns>[\w\", ]+)\)", operation.definition)
        if columns is None:
            return _as_sql(operation, model)
        names = tuple(name.strip().strip('"') for name in columns["columns"].split(","))
        return render(c.AddUnique(operation.schema, operation.table, operation.name, names), model)
    condition = as_q(match["condition"], model.attributes)
    if condition is None:
        return _as_sql(operation, model)
    return _check(operation.name, condition, model)


@render.register
def _(operation: c.AddRangeCheck, model: DjangoModel) -> Rendered[ModelEdit]:
    field = model.column(operation.column).field
    bounds = [(f"{field}__gte", operation.low), (f"{field}__lte", operation.high)]
    condition = call("models.Q", [(name, number(value)) for name, value in bounds if value is not None])
    return _check(operation.name, condition, model)


def _check(name: str, condition: str, model: DjangoModel) -> Rendered[ModelEdit]:
    keyword = "condition" if model.version >= (5, 1) else "check"
    entry = AddEntry("constraints", call("models.CheckConstraint", [(keyword, condition), ("name", text(name))]))
    added = _add_constraint(model, entry)
    online = added.replace("migrations.AddConstraint", "AddConstraintNotValid", 1)
    checked = call("ValidateConstraint", [("model_name", text(model.name)), ("name", text(name))])
    return Rendered(
        (
            _stage(model, name, (online,), (added,), (), is_plain=True),
            _stage(model, f"validate_{name}", (checked,), (), (), kind="validates", is_plain=True),
        ),
        (entry,),
    )


@render.register
def _(operation: c.DropConstraint, model: DjangoModel) -> Rendered[ModelEdit]:
    if _entry_kind(model, operation.name) != "constraints":
        return _as_sql(operation, model)
    stage = Stage(f"remove_{operation.name}", (_remove_constraint(model, operation.name),))
    return Rendered((stage,), (RemoveEntry("constraints", operation.name),))


@render.register
def _(operation: c.ValidateConstraint, model: DjangoModel) -> Rendered[ModelEdit]:
    if _entry_kind(model, operation.name) != "constraints":
        return _as_sql(operation, model)
    checked = call("ValidateConstraint", [("model_name", text(model.name)), ("name", text(operation.name))])
    return Rendered((_stage(model, f"validate_{operation.name}", (checked,), (), (), kind="validates", is_plain=True),))


# Columns -------------------------------------------------------------------------------------------------------------------


@render.register
def _(operation: c.SetNotNull, model: DjangoModel) -> Rendered[ModelEdit]:
    column = model.column(operation.column)
    field = _own_field(model, column).clone()
    field.null = not operation.not_null
    state, imports = alter_field(model, column, field)
    *before, last = phases(operation)
    title = f"{column.field}_{'not_null' if operation.not_null else 'null'}"
    stages = [_stage(model, f"{title}_check", (_run_sql(phase),), (), ()) for phase in before]
    stages.append(_stage(model, title, (_run_sql(last),), (state,), (), kind="alone", further=imports))
    return Rendered(tuple(stages), (SetFieldOption(column.field, "null", None if operation.not_null else "True"),))


@render.register
def _(operation: c.AlterColumnType, model: DjangoModel) -> Rendered[ModelEdit]:
    from django.db import models

    column = model.column(operation.column)
    if column.references:
        return _as_sql(operation, model)  # its field has the type of what it refers to
    before = _own_field(model, column)
    wanted = _WIDER.get(operation.new_type, {}).get(type(before).__name__)
    if wanted is None or type(before) is not getattr(models, type(before).__name__, None):
        reason = f"no field of Django's takes the place of {model.source.name}.{column.field} for {operation.new_type}"
        raise NotForCode(f"{reason}; `dbwright apply` changes the column, and the field stays to be changed by hand")
    _, _, arguments, keywords = before.deconstruct()
    field = getattr(models, wanted)(*arguments, **keywords)
    field.set_attributes_from_name(column.field)
    state, imports = alter_field(model, column, field)
    (phase,) = phases(operation)
    title = f"{column.field}_{operation.new_type}"
    stage = _stage(model, title, (_run_sql(phase),), (state,), (), kind="alone", further=imports)
    return Rendered((stage,), (SetFieldClass(column.field, type(before).__name__, wanted),))


def _own_field(model: DjangoModel, column: SourceColumn) -> Any:
    field = model.fields.get(column.field)
    if field is None or not model.is_whole:
        raise NotForCode(f"the migrations could not be read as far as {model.source.name}.{column.field}")
    return field


def alter_field(model: DjangoModel, column: SourceColumn, field: Any) -> tuple[str, frozenset[str]]:
    """The operation that makes a field another, with the imports it needs. Raises NotForCode where it cannot be written."""
    from django.db.migrations.writer import MigrationWriter

    try:
        spelled, imports = MigrationWriter.serialize(field)
    except Exception as error:  # whatever the project's own field makes of it
        reason = " ".join(str(error).split())[:120]
        raise NotForCode(f"{model.source.name}.{column.field} cannot be written in a migration: {reason}") from error
    if any(one.startswith("import dbwright.") for one in imports):
        raise NotForCode(
            f"{model.source.name}.{column.field} has a default, validator or the like that was not followed"
        )
    user = f"to='{model.user_label.lower()}'"
    if user in spelled:  # the project's user model, whichever it is
        spelled, imports = (
            spelled.replace(user, "to=settings.AUTH_USER_MODEL"),
            {*imports, "from django.conf import settings"},
        )
    arguments = [("model_name", text(model.name)), ("name", text(column.field)), ("field", spelled)]
    return call("migrations.AlterField", arguments), frozenset(imports)


# What Django does not know of ----------------------------------------------------------------------------------------------


@render.register(c.SetOnDelete)
@render.register(c.SetDefault)
@render.register(c.AlterColumn)
@render.register(c.SetStorageParameter)
@render.register(c.CreateExtension)
@render.register(c.DropExtension)
@render.register(c.PromoteToPrimaryKey)
@render.register(c.DropRangeCheck)
@render.register(c.Verbatim)
def _(operation: c.Operation, model: DjangoModel) -> Rendered[ModelEdit]:
    return _as_sql(operation, model)


def _as_sql(operation: c.Operation, model: DjangoModel) -> Rendered[ModelEdit]:
    found = phases(operation)
    named = zip(titles(operation, len(found)), found, strict=True)
    return Rendered(tuple(_stage(model, title, (_run_sql(phase),), (), (), kind=phase.kind) for title, phase in named))


# Text ----------------------------------------------------------------------------------------------------------------------


def _entry_kind(model: DjangoModel, name: str) -> str | None:
    """In which list of the model's options an entry of that name stands."""
    for kind in ("indexes", "constraints"):
        if any(getattr(entry, "name", None) == name for entry in model.options.get(kind) or ()):
            return kind
    return None


def _add_constraint(model: DjangoModel, entry: AddEntry) -> str:
    return call("migrations.AddConstraint", [("model_name", text(model.name)), ("constraint", entry.text)])


def _remove_constraint(model: DjangoModel, name: str) -> str:
    return call("migrations.RemoveConstraint", [("model_name", text(model.name)), ("name", text(name))])


def _run_sql(phase: Phase) -> str:
    def spelled(statements: Sequence[str]) -> str:
        if len(statements) == 1:
            return text(statements[0])
        return listing(statements) if statements else "migrations.RunSQL.noop"

    return call("migrations.RunSQL", [("sql", spelled(phase.forward)), ("reverse_sql", spelled(phase.backward))])


def _stage(
    model: DjangoModel,
    title: str,
    database: tuple[str, ...],
    state: tuple[str, ...],
    imports: Imports,
    *,
    kind: Kind = "brief",
    is_plain: bool = False,
    further: frozenset[str] = frozenset(),
) -> Stage:
    """``is_plain``: the operations for the database bring the state along."""
    names = {f"from {module} import {name}" for module, name in imports} | further
    for name in ("AddConstraintNotValid", "ValidateConstraint"):
        if any(operation.startswith(f"{name}(") for operation in database):
            names.add(f"from {_OPERATIONS} import {name}")
    if model.on_sqlite or (state and not is_plain):
        cls = "Online" if model.on_sqlite else "migrations.SeparateDatabaseAndState"
        lists = [("database_operations", database), ("state_operations", state)]
        database = (call(cls, [(name, f"[{', '.join(found)}]") for name, found in lists]),)
    return Stage(title, database, kind, frozenset(names))


def migration(dependencies: Sequence[tuple[str, str]], stages: Sequence[Stage], reasons: Sequence[str]) -> str:
    """The text of a migration file. ``reasons`` are the findings that it mends."""
    imports = {name for stage in stages for name in stage.imports} | {"from django.db import migrations"}
    body = "".join(f"        {spread(one, 8)},\n" for stage in stages for one in stage.operations)
    if "models." in body.replace("django.db.models.", ""):
        imports.add("from django.db import models")
    classes = f"{ONLINE}\n\n" if "        Online(" in body else ""
    again = body.replace("        AddIndexConcurrently(", "        AddIndexOnline(")
    classes, body = classes + (f"{ADD_INDEX_ONLINE}\n\n" if again != body else ""), again
    outside = any(stage.kind in ("outside", "resumable") for stage in stages)
    atomic = "    atomic = False\n\n" if outside else ""
    parents = "".join(f"        ({text(label)}, {text(name)}),\n" for label, name in dependencies)
    return (
        f'"""{docstring(reasons)}"""\n\n{import_lines(imports)}\n\n\n{classes}class Migration(migrations.Migration):\n{atomic}'
        f"    dependencies = [\n{parents}    ]\n\n    operations = [\n{body}    ]\n"
    )


def import_lines(imports: set[str]) -> str:
    """Import statements, those of one module in one, in the usual order."""
    whole = sorted(line for line in imports if line.startswith("import "))
    modules: dict[str, set[str]] = {}
    for line in imports - set(whole):
        module, _, name = line.removeprefix("from ").partition(" import ")
        modules.setdefault(module, set()).add(name)
    parts = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]
    standard = [line for line in (*whole, *parts) if not re.match(r"(?:import|from) django\b", line)]
    others = [line for line in (*whole, *parts) if line not in standard]
    return "\n".join([*standard, *([""] if standard and others else []), *others])
