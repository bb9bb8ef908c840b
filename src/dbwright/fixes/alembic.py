"""Changes as Alembic revisions and edits of SQLAlchemy models.

Alembic runs all revisions in one transaction unless told otherwise. What must stand outside, and what reads old rows, is therefore put into
an ``autocommit_block``, which commits what came before: no strong lock is held while a table is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from hashlib import blake2b

from dbwright.fixes import sql
from dbwright.fixes.phases import Phase, phases, titles
from dbwright.fixes.spelling import call, listing, spread, text
from dbwright.fixes.sqlalchemy_models import (
    AddArgument,
    MappedClass,
    RemoveArgument,
    SetColumnOption,
    SetOnDelete,
    TableEdit,
)
from dbwright.fixes.stage import NotForCode, Rendered, Stage, docstring, for_the_server, unique_constraint
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier
from dbwright.model.source_table import SourceColumn, SourceTable

_TYPES = {
    "bigint": "BigInteger",
    "integer": "Integer",
    "text": "Text",
    "timestamp with time zone": "DateTime(timezone=True)",
}


@dataclass(frozen=True)
class SqlalchemyTable:
    """A table of the project: where it stands in the code, and the naming convention of its metadata. ``on_sqlite``: some environment of
    the project runs the same revisions on SQLite."""

    table: SourceTable
    source: MappedClass
    convention: Mapping[str, str]
    on_sqlite: bool = False

    @property
    def schema(self) -> list[tuple[str, str]]:
        """The argument that names the schema, where the code names one."""
        return [("schema", text(self.table.schema))] if self.table.schema else []

    def named(self, kind: str, name: str, final: str) -> str:
        """The name of a constraint, said to be final where the convention would add to it."""
        return f"{final}({text(name)})" if "constraint_name" in self.convention.get(kind, "") else text(name)

    @property
    def patterns(self) -> Iterator[str]:
        """What the convention makes of names that are given, as patterns with the given name in them."""
        for template in self.convention.values():
            if "%(constraint_name)s" in template:
                before, _, after = (
                    part.replace("%(table_name)s", self.table.name)
                    for part in template.partition("%(constraint_name)s")
                )
                yield f"{re.escape(before)}(?P<name>.+){re.escape(after)}"

    def column(self, name: str) -> SourceColumn:
        """Raises NotForCode for a column that the model does not have."""
        found = self.table.column(name)
        if found is None:
            raise NotForCode(f"{self.source.name} has no column {name}")
        return found


def fitted(operation: c.Operation) -> c.Operation:
    """The operation as models can express it: a unique index on plain columns as the constraint that ``UniqueConstraint`` makes."""
    return unique_constraint(operation) if isinstance(operation, c.CreateIndex) else operation


@singledispatch
def render(operation: c.Operation, table: SqlalchemyTable) -> Rendered[TableEdit]:
    """An operation on a table of the project. Raises NotForCode for what belongs to the server and not to the application."""
    raise NotForCode(for_the_server(operation, table.table.name))


# Indexes -------------------------------------------------------------------------------------------------------------------


@render.register
def _(operation: c.CreateIndex, table: SqlalchemyTable) -> Rendered[TableEdit]:
    if operation.on_partitioned:
        return _as_sql(operation, table)
    for key in operation.keys:
        if key.column is not None:
            table.column(key.column)
    plain = [key == c.IndexKey(key.column, opclass=key.opclass) for key in operation.keys]
    if table.on_sqlite and not all(plain) and any(key.opclass for key in operation.keys):
        return _as_sql(operation, table)
    options = _options(operation)
    keys = [
        text(key.column) if key.column is not None and is_plain else f"@text({text(sql.index_key(key))})"
        for key, is_plain in zip(operation.keys, plain, strict=True)
    ]
    written = call("@Index", options, [text(operation.name), *keys])
    names = ("Index", *(["text"] if "@text(" in written else []))
    made = call(
        "op.create_index",
        [*options, *table.schema, ("postgresql_concurrently", "True")],
        [text(operation.name), text(operation.table), f"[{', '.join(keys)}]"],
    ).replace("@", "sa.")
    drop = _execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quote_identifier(operation.schema, operation.name)}", table)
    stage = Stage(operation.name, _outside(drop, made), "resumable", reverse=_outside(drop))
    return Rendered((stage,), (AddArgument(written, names),))


def _options(operation: c.CreateIndex) -> list[tuple[str, str]]:
    """What an index is beside its keys, as SQLAlchemy spells it."""
    found = [("unique", "True")] if operation.unique else []
    if operation.method != "btree":
        found.append(("postgresql_using", text(operation.method)))
    classes = [(str(key.column), str(key.opclass)) for key in operation.keys if key.column and key.opclass]
    if classes and all(key == c.IndexKey(key.column, opclass=key.opclass) for key in operation.keys):
        found.append(("postgresql_ops", _mapping(classes)))
    if operation.include:
        found.append(("postgresql_include", listing(operation.include)))
    if operation.nulls_not_distinct:
        found.append(("postgresql_nulls_not_distinct", "True"))
    if operation.options:
        pairs = [option.partition("=") for option in operation.options]
        found.append(("postgresql_with", _mapping([(name.strip(), value.strip()) for name, _, value in pairs])))
    if operation.predicate:
        found.append(("postgresql_where", f"@text({text(_escaped(operation.predicate))})"))
    return found


def _mapping(pairs: Sequence[tuple[str, str]]) -> str:
    return f"{{{', '.join(f'{text(name)}: {text(value)}' for name, value in pairs)}}}"


@render.register
def _(operation: c.DropNewIndex, table: SqlalchemyTable) -> Rendered[TableEdit]:
    created = operation.created
    return render(c.DropIndex(created.schema, created.name, sql.create_index(created, online=False)), table)


@render.register
def _(operation: c.DropIndex, table: SqlalchemyTable) -> Rendered[TableEdit]:
    (phase,) = phases(operation)
    back = [_execute(statement, table) for statement in phase.backward]
    stage = Stage(
        f"remove_{operation.name}",
        _outside(*(_execute(statement, table) for statement in phase.forward)),
        "resumable",
        reverse=_outside(*back),
    )
    known = next((index for index in table.table.indexes if index.name == operation.name), None)
    if known is None:
        return Rendered((stage,))
    if known.implicit or operation.name == f"ix_{table.table.name}_{known.columns[0]}":
        column = table.column(known.columns[0])
        return Rendered((stage,), (SetColumnOption(column.field, "index", None),))
    return Rendered((stage,), (RemoveArgument(operation.name),))


# Constraints ---------------------------------------------------------------------------------------------------------------


@render.register
def _(operation: c.AddUnique, table: SqlalchemyTable) -> Rendered[TableEdit]:
    columns = [text(table.column(name).name) for name in operation.columns]
    options = [("postgresql_nulls_not_distinct", "True")] if operation.nulls_not_distinct else []
    name = table.named("uq", operation.name, "@conv")
    written = call("@UniqueConstraint", [("name", name), *options], columns)
    names = ("UniqueConstraint", *(["conv"] if "@conv(" in name else []))
    rendered = _as_sql(operation, table)
    return Rendered(rendered.stages, (AddArgument(written, names),))


@render.register
def _(operation: c.AddConstraint, table: SqlalchemyTable) -> Rendered[TableEdit]:
    rendered = _as_sql(operation, table)
    match = re.fullmatch(r"CHECK \((?P<condition>.*)\)(?: NOT VALID)?", operation.definition, re.DOTALL | re.IGNORECASE)
    key = _foreign_key(operation.definition)
    if key is not None:
        targets = listing(f"{key.table}.{target}" for target in key.targets)
        action = [("ondelete", text(key.on_delete))] if key.on_delete else []
        written = call(
            "@ForeignKeyConstraint", [("name", text(operation.name)), *action], [listing(key.columns), targets]
        )
        return Rendered(rendered.stages, (AddArgument(written, ("ForeignKeyConstraint",)),))
    if match is None:
        return rendered
    return Rendered(rendered.stages, (_check_argument(operation.name, match["condition"], table),))


@render.register
def _(operation: c.AddRangeCheck, table: SqlalchemyTable) -> Rendered[TableEdit]:
    definition = sql.range_check(operation)
    rendered = _as_sql(operation, table)
    condition = definition.removeprefix("CHECK (").removesuffix(")")
    return Rendered(rendered.stages, (_check_argument(operation.name, condition, table),))


def _check_argument(name: str, condition: str, table: SqlalchemyTable) -> AddArgument:
    spelled = table.named("ck", name, "@conv")
    written = call("@CheckConstraint", [("name", spelled)], [text(_escaped(condition))])
    return AddArgument(written, ("CheckConstraint", *(["conv"] if "@conv(" in spelled else [])))


@render.register
def _(operation: c.DropConstraint, table: SqlalchemyTable) -> Rendered[TableEdit]:
    rendered = _as_sql(operation, table)
    known = any(constraint.name == operation.name for constraint in table.table.constraints)
    is_named = known and not operation.definition.upper().startswith(("PRIMARY", "FOREIGN"))
    edit = RemoveArgument(operation.name, tuple(table.patterns))
    return Rendered(rendered.stages, (edit,) if is_named else ())


@render.register
def _(operation: c.DropUnique, table: SqlalchemyTable) -> Rendered[TableEdit]:
    added = operation.added
    return render(c.DropConstraint(added.schema, added.table, added.name, "UNIQUE"), table)


# Columns -------------------------------------------------------------------------------------------------------------------


@render.register
def _(operation: c.SetNotNull, table: SqlalchemyTable) -> Rendered[TableEdit]:
    column = table.column(operation.column)
    edit = SetColumnOption(column.field, "nullable", str(not operation.not_null))
    return Rendered(_as_sql(operation, table).stages, (edit,))


@render.register
def _(operation: c.AlterColumnType, table: SqlalchemyTable) -> Rendered[TableEdit]:
    reason = f"the type of {table.source.name}.{operation.column} is changed in the database only"
    raise NotForCode(
        f"{reason}; `dbwright apply` does it, and the column's type in the class stays to be changed by hand"
    )


@render.register
def _(operation: c.SetOnDelete, table: SqlalchemyTable) -> Rendered[TableEdit]:
    key = _foreign_key(operation.new_definition)
    if key is None or len(key.columns) > 1:
        raise NotForCode(f"the models say {operation.name} in a way that is not followed; `dbwright apply` does it")
    edit = SetOnDelete(table.column(key.columns[0]).field, key.on_delete)
    return Rendered(_as_sql(operation, table).stages, (edit,))


@dataclass(frozen=True)
class _ForeignKey:
    columns: tuple[str, ...]
    table: str
    targets: tuple[str, ...]
    on_delete: str | None


def _foreign_key(definition: str) -> _ForeignKey | None:
    """What the text of a foreign key says; None for one that says more than its actions."""
    match = re.fullmatch(
        r"FOREIGN KEY \((?P<columns>[\w\", ]+)\) REFERENCES (?P<table>[\w\".]+) ?\((?P<targets>[\w\", ]+)\)"
        r"(?: ON DELETE (?P<action>CASCADE|SET NULL|SET DEFAULT|RESTRICT|NO ACTION))?",
        definition.removesuffix(" NOT VALID"),
    )
    if match is None:
        return None

    def names(listed: str) -> tuple[str, ...]:
        return tuple(name.strip().strip('"') for name in listed.split(","))

    table = ".".join(part.strip('"') for part in match["table"].split(".")).removeprefix("public.")
    return _ForeignKey(names(match["columns"]), table, names(match["targets"]), match["action"])


@render.register(c.ValidateConstraint)
@render.register(c.SetDefault)
@render.register(c.AlterColumn)
@render.register(c.SetStorageParameter)
@render.register(c.CreateExtension)
@render.register(c.DropExtension)
@render.register(c.PromoteToPrimaryKey)
@render.register(c.DropRangeCheck)
@render.register(c.RecreateIndex)
@render.register(c.Verbatim)
def _(operation: c.Operation, table: SqlalchemyTable) -> Rendered[TableEdit]:
    return _as_sql(operation, table)


def _as_sql(operation: c.Operation, table: SqlalchemyTable) -> Rendered[TableEdit]:
    found = phases(operation)
    named = zip(titles(operation, len(found)), found, strict=True)
    return Rendered(tuple(_of_phase(title, phase, table) for title, phase in named))


def _of_phase(title: str, phase: Phase, table: SqlalchemyTable) -> Stage:
    forward = [_execute(statement, table) for statement in phase.forward]
    backward = [_execute(statement, table) for statement in phase.backward]
    outside = [" VALIDATE CONSTRAINT " in statement for statement in phase.forward]
    if phase.kind in ("outside", "resumable"):
        return Stage(title, _outside(*forward), phase.kind, reverse=_outside(*backward) if backward else ())
    steps = [_outside(one) if is_apart else (one,) for one, is_apart in zip(forward, outside, strict=True)]
    return Stage(title, tuple(line for step in steps for line in step), phase.kind, reverse=tuple(backward))


# Text ----------------------------------------------------------------------------------------------------------------------


def _escaped(statement: str) -> str:
    """SQL as ``text()`` takes it: a colon before a name would be a parameter's."""
    return re.sub(r"(?<![:\\]):(?=[A-Za-z_])", r"\\:", statement)


def _execute(statement: str, table: SqlalchemyTable) -> str:
    run = call("op.execute", [], [text(_escaped(statement))])
    return f'if op.get_context().dialect.name == "postgresql":\n    {run}' if table.on_sqlite else run


def _outside(*steps: str) -> tuple[str, ...]:
    """Steps outside of any transaction."""
    inside = "\n".join(f"    {line}" for step in steps for line in step.split("\n"))
    return (f"with op.get_context().autocommit_block():\n{inside}",)


def revision(
    identifier: str, parents: Sequence[str], stages: Sequence[Stage], reasons: Sequence[str], date: str
) -> str:
    """The text of a revision's file. ``reasons`` are the findings that it mends; ``date`` is the day it is written."""
    forward = [step for stage in stages for step in stage.operations]
    backward = [step for stage in reversed(stages) for step in stage.reverse]
    above = text(parents[0]) if len(parents) == 1 else f"({', '.join(map(text, parents))})" if parents else "None"
    body = _body(forward)
    imports = "import sqlalchemy as sa\n" if "sa." in body else ""
    return f'''\
"""{docstring(reasons).strip()}

Revision ID: {identifier}
Revises: {", ".join(parents)}
Create Date: {date}
"""

{imports}from alembic import op

revision = {text(identifier)}
down_revision = {above}
branch_labels = None
depends_on = None


def upgrade() -> None:
{body}

def downgrade() -> None:
{_body(backward)}'''


def _body(steps: Sequence[str]) -> str:
    lines: list[str] = []
    for line in (line for step in steps for line in step.split("\n")):
        if line.startswith("with ") and line in lines and lines[-1].startswith(" "):
            last = max(n for n, one in enumerate(lines) if not one.startswith(" "))
            if lines[last] == line:
                continue  # one block for what follows each other
        lines.append(line)
    spelled = []
    for line in lines:
        indent = len(line) - len(line.lstrip()) + 4
        spelled.append(f"{' ' * indent}{spread(line.strip(), indent)}\n")
    return "".join(spelled) or "    pass\n"


def next_identifier(names: Sequence[str], parent: str, stages: Sequence[Stage]) -> str:
    """The id of a new revision in the manner of the others: the next number where they are numbered, else digits that stand for it."""
    numbered = [name for name in names if re.fullmatch(r"\d{3,6}", name)]
    if re.fullmatch(r"\d{3,6}", parent) and len(numbered) * 2 > len(names):
        return str(max(map(int, numbered)) + 1).zfill(len(parent))
    content = "\0".join([parent, *(step for stage in stages for step in stage.operations)])
    return blake2b(content.encode(), digest_size=6).hexdigest()
