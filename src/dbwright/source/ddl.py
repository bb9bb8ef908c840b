"""SQL of migrations that changes the schema, taken apart by PostgreSQL's own grammar and carried out on tables of the source.

    left = carry_out("ALTER TABLE shop_order ADD note text; CREATE INDEX …", SchemaEdits(tables, place))

What touches rows, functions, triggers, types, views, roles or settings leaves the tables as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from dbwright.model.migrations import RISK_ORDER, Risk
from dbwright.model.source import SourceColumn, SourceConstraint, SourceIndex, SourceReference, SourceTable
from dbwright.source.expressions import Node, expression_text, string_of
from dbwright.source.placeholders import numbered
from dbwright.source.schema_edits import SchemaEdits
from dbwright.source.sql import CannotTakeApart, parse_statements

_TYPES = {
    "bpchar": "char",
    "float8": "double precision",
    "float4": "real",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
    "serial": "integer",
    "bigserial": "bigint",
    "smallserial": "smallint",
}
_ACTIONS = {"a": None, "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
_READ_TO_BE_ADDED = frozenset(("CONSTR_CHECK", "CONSTR_FOREIGN", "CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_EXCLUSION"))
_ALTERED: dict[str, Risk] = {
    "AT_DropColumn": "data loss",
    "AT_AlterColumnType": "table rewrite",
    "AT_SetNotNull": "long lock",
    "AT_ValidateConstraint": "none",
    "AT_AddColumn": "brief lock",
    "AT_SetTableSpace": "table rewrite",
    "AT_SetLogged": "table rewrite",
    "AT_SetUnLogged": "table rewrite",
}
CHANGES_SCHEMA = re.compile(r"\b(ALTER|CREATE|DROP)\s+(TABLE|(UNIQUE\s+)?INDEX)\b", re.IGNORECASE)
_ROWS = frozenset(
    ("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "DoStmt", "CallStmt", "CopyStmt")
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: ``what`` it does in a few words, its ``risk``, and whether its effect on tables is known. ``column``: all that it
    does is to add this one."""

    what: str
    risk: Risk
    is_followed: bool = True
    table: str | None = None
    column: str | None = None


def carry_out(text: str, edits: SchemaEdits) -> list[Statement]:
    """Every statement of a text, its effects made. Raises CannotTakeApart for what is not PostgreSQL's SQL."""
    return [_one(kind, node, edits) for statement in parse_statements(text) for kind, node in statement.items()]


def _one(kind: str, node: Node, edits: SchemaEdits) -> Statement:
    handler = _HANDLERS.get(kind)
    if handler is not None:
        return handler(node, edits)
    if kind in _ROWS:
        return Statement(kind.removesuffix("Stmt").upper(), "runs code")
    return Statement(_words(kind), "brief lock" if kind.startswith(("Create", "Drop", "Alter")) else "none")


def _words(kind: str) -> str:
    name = kind.removesuffix("Stmt")
    return "".join(f" {c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def _relation(node: Node) -> tuple[str, str | None]:
    return node["relname"], node.get("schemaname")


def _create(node: Node, edits: SchemaEdits) -> Statement:
    name, schema = _relation(node["relation"])
    if node["relation"].get("relpersistence") == "t" or node.get("partbound") or node.get("inhRelations"):
        return Statement(f"create table {name}", "none", table=name)
    if edits.get(name, schema) is None:
        edits.put(SourceTable(name, schema, name, edits.place, "sql"))
        for element in node.get("tableElts", ()):
            for kind, part in element.items():
                _element(kind, part, name, schema, edits)
    followed = all(set(element) <= {"ColumnDef", "Constraint"} for element in node.get("tableElts", ()))
    return Statement(f"create table {name}", "none", followed, name)


def _element(kind: str, part: Node, name: str, schema: str | None, edits: SchemaEdits) -> None:
    if kind == "ColumnDef":
        _column(part, name, schema, edits)
    elif kind == "Constraint":
        _constraint(part, name, schema, edits, ())


def _column(part: Node, name: str, schema: str | None, edits: SchemaEdits) -> None:
    kinds = {c["Constraint"]["contype"] for c in part.get("constraints", ())}
    column = SourceColumn(
        part["colname"],
        part["colname"],
        type_text(part["typeName"]),
        "CONSTR_NOTNULL" in kinds or _is_serial(part["typeName"]),
        has_default=bool(kinds & {"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"})
        or _is_serial(part["typeName"]),
        line=edits.place.line,
        file=edits.place.file,
    )
    table = edits.get(name, schema)
    if table is None or table.column(column.name) is not None:
        return
    edits.add_column(table, column)
    for constraint in part.get("constraints", ()):
        _constraint(constraint["Constraint"], name, schema, edits, (column.name,))


def _constraint(part: Node, name: str, schema: str | None, edits: SchemaEdits, columns: tuple[str, ...]) -> None:
    """``columns``: that of the column that the constraint stands at."""
    table = edits.get(name, schema)
    kind = part["contype"]
    if table is None:
        return
    own, deferrable = part.get("conname"), bool(part.get("deferrable"))
    if kind == "CONSTR_CHECK":
        edits.add_constraint(table, SourceConstraint(own, "check", columns, expression_text(part.get("raw_expr"))))
    elif kind in ("CONSTR_UNIQUE", "CONSTR_PRIMARY"):
        keys = tuple(string_of(k) for k in part.get("keys", ())) or columns
        using = next((i for i in table.indexes if i.name == part.get("indexname")), None)
        if using is not None:
            keys = using.columns
            edits.drop_index(str(using.name))
            table = edits.get(name, schema) or table
        word: Literal["unique", "primary key"] = "unique" if kind == "CONSTR_UNIQUE" else "primary key"
        edits.add_constraint(table, SourceConstraint(own, word, keys, deferrable=deferrable))
    elif kind == "CONSTR_FOREIGN":
        keys = tuple(string_of(k) for k in part.get("fk_attrs", ())) or columns
        others = [string_of(k) for k in part.get("pk_attrs", ())]
        action = _ACTIONS.get(part.get("fk_del_action", "a"))
        reference = (
            SourceReference(part["pktable"]["relname"], others[0] if others else "id", None, action)
            if len(keys) == 1
            else None
        )
        edits.add_constraint(table, SourceConstraint(own, "foreign key", keys, deferrable=deferrable), reference)
    elif kind == "CONSTR_EXCLUSION":
        edits.add_constraint(table, SourceConstraint(own, "exclusion"))


def type_text(node: Node) -> str:
    """A type as PostgreSQL prints it: ``varchar(20)[]``."""
    names = [string_of(n) for n in node["names"]]
    name = names[-1] if names[0] == "pg_catalog" or len(names) == 1 else ".".join(names)
    name = _TYPES.get(name, name)
    sizes = [
        str(m["A_Const"]["ival"].get("ival", 0)) for m in node.get("typmods", ()) if "ival" in m.get("A_Const", {})
    ]
    arrays = "[]" * len(node.get("arrayBounds", ()))
    return name + (f"({','.join(sizes)})" if sizes and not name.startswith("interval") else "") + arrays


def _is_serial(node: Node) -> bool:
    return string_of(node["names"][-1]).endswith("serial")


def _alter(node: Node, edits: SchemaEdits) -> Statement:
    if node.get("objtype") != "OBJECT_TABLE":
        return Statement(f"alter {str(node.get('objtype', 'object')).removeprefix('OBJECT_').lower()}", "brief lock")
    name, schema = _relation(node["relation"])
    commands = [c["AlterTableCmd"] for c in node["cmds"]]
    followed = [_command(command, name, schema, edits) for command in commands]
    risks = [_risk(command) for command in commands]
    words = sorted({c["subtype"].removeprefix("AT_") for c in commands})
    added = commands[0]["def"]["ColumnDef"]["colname"] if words == ["AddColumn"] and len(commands) == 1 else None
    what = f"alter table {name}: {', '.join(words)}"
    return Statement(what, max(risks, key=RISK_ORDER.index), all(followed), name, added)


def _risk(command: Node) -> Risk:
    if command["subtype"] == "AT_AddConstraint":
        constraint = command["def"]["Constraint"]
        if constraint.get("skip_validation") or constraint.get("indexname"):
            return "brief lock"
        return "long lock" if constraint["contype"] in _READ_TO_BE_ADDED else "brief lock"
    return _ALTERED.get(command["subtype"], "brief lock")


def _command(command: Node, name: str, schema: str | None, edits: SchemaEdits) -> bool:
    """Whether the effect is known."""
    table = edits.get(name, schema)
    kind, own = command["subtype"], command.get("name", "")
    if table is None:
        return True
    match kind:
        case "AT_AddColumn":
            _column(command["def"]["ColumnDef"], name, schema, edits)
        case "AT_DropColumn":
            edits.drop_column(table, own)
        case "AT_AlterColumnType":
            edits.alter_column(table, own, type=type_text(command["def"]["ColumnDef"]["typeName"]))
        case "AT_SetNotNull" | "AT_DropNotNull":
            edits.alter_column(table, own, not_null=kind == "AT_SetNotNull")
        case "AT_ColumnDefault":
            edits.alter_column(table, own, has_default="def" in command)
        case "AT_AddIdentity" | "AT_DropIdentity":
            edits.alter_column(table, own, has_default=kind == "AT_AddIdentity")
        case "AT_AddConstraint":
            _constraint(command["def"]["Constraint"], name, schema, edits, ())
        case "AT_DropConstraint":
            edits.drop_constraint(table, own)
        case "AT_AttachPartition" | "AT_DetachPartition" | "AT_AddInherit" | "AT_DropInherit":
            return False
    return True


def _rename(node: Node, edits: SchemaEdits) -> Statement:
    kind, new = node["renameType"], node["newname"]
    if "relation" not in node:
        return Statement(f"rename {kind.removeprefix('OBJECT_').lower()}", "brief lock")
    name, schema = _relation(node["relation"])
    table = edits.get(name, schema)
    if kind == "OBJECT_INDEX":
        edits.rename_index(name, new)
        return Statement(f"rename index {name} to {new}", "brief lock")
    if kind == "OBJECT_TABLE":
        edits.rename(name, new, schema)
        return Statement(f"rename table {name} to {new}", "breaks running code", table=new)
    if kind == "OBJECT_COLUMN" and node.get("relationType") == "OBJECT_TABLE":
        if table is not None:
            edits.rename_column(table, node["subname"], new)
        return Statement(f"rename column {name}.{node['subname']} to {new}", "breaks running code", table=name)
    if kind == "OBJECT_TABCONSTRAINT" and table is not None:
        edits.rename_constraint(table, node["subname"], new)
    return Statement(f"rename {kind.removeprefix('OBJECT_').lower()} of {name}", "brief lock", table=name)


def _index(node: Node, edits: SchemaEdits) -> Statement:
    name, schema = _relation(node["relation"])
    entries = [p["IndexElem"] for p in node.get("indexParams", ())]
    columns = tuple(e.get("name") or expression_text(e["expr"]) for e in entries)
    classes = tuple(string_of(e["opclass"][-1]) if e.get("opclass") else "" for e in entries)
    index = SourceIndex(
        node.get("idxname") or "_".join([name, *(c for c in columns if c.isidentifier()), "idx"]),
        columns,
        bool(node.get("unique")),
        node.get("accessMethod", "btree"),
        tuple(e.get("ordering") == "SORTBY_DESC" for e in entries),
        tuple("name" not in e for e in entries),
        classes if any(classes) else (),
        tuple(p["IndexElem"]["name"] for p in node.get("indexIncludingParams", ())),
        expression_text(node["whereClause"]) if "whereClause" in node else None,
    )
    table = edits.get(name, schema)
    if table is not None:
        edits.add_index(table, index)
    return Statement(
        f"create index {index.name} on {name}", "none" if node.get("concurrent") else "long lock", table=name
    )


def _drop(node: Node, edits: SchemaEdits) -> Statement:
    kind = node["removeType"]
    names: list[str] = []
    for item in node["objects"]:
        parts = [string_of(p) for p in item["List"]["items"]] if "List" in item else []
        if not parts:
            continue
        names.append(parts[-1])
        if kind == "OBJECT_TABLE":
            edits.drop(parts[-1], parts[-2] if len(parts) > 1 else None)
        elif kind == "OBJECT_INDEX":
            edits.drop_index(parts[-1])
    risk: Risk = "data loss" if kind == "OBJECT_TABLE" else "none" if node.get("concurrent") else "brief lock"
    return Statement(f"drop {kind.removeprefix('OBJECT_').lower()} {', '.join(names)}".strip(), risk)


def _move(node: Node, edits: SchemaEdits) -> Statement:
    if node.get("objectType") == "OBJECT_TABLE":
        name, schema = _relation(node["relation"])
        edits.move(name, schema, node["newschema"])
    return Statement("move to another schema", "breaks running code")


def _create_as(node: Node, edits: SchemaEdits) -> Statement:
    """What columns it has only the SELECT tells."""
    into: dict[str, Any] = node.get("into", {}).get("rel", {})
    is_table = node.get("objtype") == "OBJECT_TABLE" and into.get("relpersistence") != "t"
    return Statement(
        f"create table {into.get('relname', '')} as select", "runs code", not is_table, into.get("relname")
    )


_HANDLERS: dict[str, Callable[[Node, SchemaEdits], Statement]] = {
    "CreateStmt": _create,
    "AlterTableStmt": _alter,
    "RenameStmt": _rename,
    "IndexStmt": _index,
    "DropStmt": _drop,
    "AlterObjectSchemaStmt": _move,
    "CreateTableAsStmt": _create_as,
}


def statements(text: str, edits: SchemaEdits) -> Iterator[Statement]:
    """As ``carry_out``, for texts with placeholders too; what the grammar refuses is one statement, not followed where it may change
    the schema."""
    for one in (text, numbered(text)[0]):
        try:
            yield from carry_out(one, edits)
            return
        except CannotTakeApart as error:
            reason = str(error)
    yield Statement(f"SQL that is not PostgreSQL's: {reason}", "not known", not CHANGES_SCHEMA.search(text))
