"""What is dropped or renamed while code that runs still uses it."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.quoting import quote_identifier
from dbwright.safety import sequences
from dbwright.safety.judged import Check, Finding, Step, quoted, shown
from dbwright.safety.nodes import relation

COLUMN = Check(
    "column-dropped",
    "warning",
    (
        "Code that runs until the deployment has ended still names the column in its SELECTs and INSERTs (an ORM names "
        "every column); its data is gone for good."
    ),
    ("drop-column", "drop-column-state-split"),
)
TABLE = Check(
    "table-dropped",
    "warning",
    "Code that runs until the deployment has ended still uses the table; its rows are gone for good.",
    ("drop-table", "create-table-force", "drop-table-without-staging-name"),
)
FORGOTTEN = Check(
    "dropped-after-models",
    "info",
    "The models of the release before no longer know it (SeparateDatabaseAndState), so that no code names it; its data is gone for good.",
    ("drop-column-state-split",),
)
SCHEMA = Check("schema-dropped", "error", "Everything in the schema goes with it.", ("drop-schema",))
DATABASE = Check("database-dropped", "error", "Everything in the database goes with it.", ("drop-database",))
VIEW = Check("view-dropped", "warning", "Code that runs may still read the view.")
TYPE = Check("type-dropped", "info", "What is declared with the type goes, or refuses the drop.")
CASCADE = Check(
    "dropped-with-dependents",
    "warning",
    "CASCADE drops what depends on it, whatever that is by then: views, foreign keys, columns.",
    ("drop-cascade",),
)
RENAMED_COLUMN = Check(
    "column-renamed",
    "error",
    "There is no moment at which old and new code both work: the one fails before the rename, the other after it.",
    ("rename-column",),
)
RENAMED_TABLE = Check(
    "table-renamed",
    "error",
    "There is no moment at which old and new code both work: the one fails before the rename, the other after it.",
    ("rename-table",),
)
RENAMED_SCHEMA = Check(
    "schema-renamed", "error", "Every statement that names the schema fails from then on.", ("rename-schema",)
)
RENAMED_VALUE = Check(
    "enum-value-renamed",
    "error",
    "Code that runs still sends the old label, and fails on reading the new one.",
    ("rename-enum-value",),
)
MOVED = Check(
    "moved-to-another-schema",
    "error",
    "Code that names the old schema, or does not search the new one, no longer finds it.",
)


def look(step: Step) -> Iterator[Finding]:
    for name, one in step.altered():
        if (
            one.get("subtype") == "AT_DropColumn"
            and (step.key(name), one.get("name", "")) not in step.state.made_columns
        ):
            column = one.get("name", "")
            models = step.state.script.models
            if models is not None and column not in models.get(name[1], ()):
                yield step.finding(
                    FORGOTTEN, f"{shown(name)}.{column} goes; the models before did not know it.", name, column=column
                )
                continue
            yield step.finding(
                COLUMN, f"{shown(name)}.{column} goes while code may still use it.", name, column=column,
                rewrite=sequences.drop_column(step.framework, quoted(name), quote_identifier(column)), observed=step.ran is not None,
            )  # fmt: skip
    if step.kind == "DropStmt":
        yield from _dropped(step)
    elif step.kind == "DropdbStmt":
        yield step.finding(DATABASE, f"The database {step.node.get('dbname', '')} is dropped.")
    elif step.kind == "RenameStmt":
        yield from _renamed(step)
    elif (
        step.kind == "AlterObjectSchemaStmt"
        and "relation" in step.node
        and step.exists(relation(step.node["relation"]))
    ):
        name = relation(step.node["relation"])
        yield step.finding(MOVED, f"{shown(name)} moves to the schema {step.node.get('newschema')}.", name)
    elif step.kind == "AlterEnumStmt" and step.node.get("oldVal"):
        yield step.finding(RENAMED_VALUE, f"The label {step.node['oldVal']} becomes {step.node.get('newVal')}.")
    if _cascades(step):
        yield step.finding(CASCADE, "What depends on it is dropped with it, unseen.")


def _cascades(step: Step) -> bool:
    node = step.node
    if step.framework == "django" and step.statement.operation != "RunSQL":
        return False  # Django writes it, and nobody can change that
    if step.kind == "DropStmt":
        made = all(
            name[1] in step.state.made | step.state.made_names for name in step.dropped(str(node.get("removeType")))
        )
        return node.get("behavior") == "DROP_CASCADE" and not made
    return any(one.get("behavior") == "DROP_CASCADE" for _, one in step.altered() if "Drop" in one.get("subtype", ""))


def _dropped(step: Step) -> Iterator[Finding]:
    for name in step.dropped("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
        models = step.state.script.models
        if step.exists(name) and models is not None and name[1] not in models:
            yield step.finding(FORGOTTEN, f"{shown(name)} goes; the models before did not know it.", name)
        elif step.exists(name):
            yield step.finding(
                TABLE, f"{shown(name)} goes, with its rows.", name, rewrite=sequences.drop_table(step.framework, quoted(name)),
                observed=step.ran is not None,
            )  # fmt: skip
    for name in step.dropped("OBJECT_VIEW", "OBJECT_MATVIEW"):
        if name[1] not in step.state.made:
            yield step.finding(VIEW, f"{shown(name)} goes while code may still read it.", name)
    for name in step.dropped("OBJECT_SCHEMA"):
        yield step.finding(SCHEMA, f"The schema {name[1]} is dropped.")
    for name in step.dropped("OBJECT_TYPE", "OBJECT_DOMAIN"):
        yield step.finding(TYPE, f"The type {shown(name)} is dropped.")


def _renamed(step: Step) -> Iterator[Finding]:
    node, kind = step.node, step.node.get("renameType")
    new = node.get("newname", "")
    if kind == "OBJECT_SCHEMA":
        yield step.finding(RENAMED_SCHEMA, f"The schema {node.get('subname')} becomes {new}.")
    if "relation" not in node:
        return
    name = relation(node["relation"])
    if name[1] in step.state.made:
        return
    if kind == "OBJECT_COLUMN" and (step.key(name), node["subname"]) not in step.state.made_columns:
        old = node["subname"]
        yield step.finding(
            RENAMED_COLUMN, f"{shown(name)}.{old} becomes {new}: code that uses the old name fails.", name, column=old,
            rewrite=sequences.rename("column", old, new, step.framework),
        )  # fmt: skip
    elif kind in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"):
        yield step.finding(
            RENAMED_TABLE, f"{shown(name)} becomes {new}: code that uses the old name fails.", name,
            rewrite=sequences.rename("table", quoted(name), quote_identifier(new), step.framework),
        )  # fmt: skip
