"""The schema that a file takes for granted, made up from what it refers to.

A table that a statement changes and no earlier one makes must have been there before: with the columns that are named, of a type that their
use or their name tells; with the indexes and constraints that are dropped, validated or attached. What is made up is told as SQL, because a
judgement that rests on it (was the column text before?) is worth as much as it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbwright.model.quoting import quote_identifier
from dbwright.safety import guesses
from dbwright.safety.nodes import (
    Name,
    Node,
    columns_in,
    commands,
    constraints_of,
    dotted,
    names,
    relation,
    tables_in,
    text_of,
    type_name,
    walk,
)
from dbwright.safety.statements import Statement, parsed

_DROPPED_IF_THERE = frozenset(("OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_TRIGGER"))
_SYSTEM = frozenset(("pg_catalog", "information_schema", "pg_toast"))


@dataclass
class Table:
    """A table to be made up. ``key`` are the columns of its primary key."""

    columns: dict[str, str] = field(default_factory=dict)
    not_null: set[str] = field(default_factory=set)
    key: tuple[str, ...] = ()
    partitioned_by: tuple[str, str] | None = None
    materialized: bool = False
    view: bool = False


class Inventor:
    """Walks over the statements of a script and keeps what must have been there before. ``known``: columns by table of what was given."""

    def __init__(self, known: Mapping[Name, Iterable[str]]) -> None:
        self.known = {name: set(columns) for name, columns in known.items()}
        self.tables: dict[Name, Table] = {}
        self.before: dict[str, None] = {}
        """Schemas, types, functions, roles: statements, in order."""
        self.after: dict[str, None] = {}
        """Indexes, constraints, triggers, partitions."""
        self.made: set[str] = set()
        """Bare names of relations that the script makes."""
        self.made_columns: set[tuple[str, str]] = set()
        self.made_names: set[str] = set()
        """Indexes, constraints, types, functions … that the script makes."""
        self.renamed: dict[str, Name] = {}
        self.index_columns: dict[str, list[str]] = {}
        """Columns of the indexes that the script makes."""
        self._schemas: set[str] = set()

    def statements(self) -> list[str]:
        """What makes the schema, in the order in which it can run."""
        return [*self.before, *(self._create(name, table) for name, table in self.tables.items()), *self.after]

    def read(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            handler: Callable[[Node], None] | None = getattr(self, f"_{_snake(statement.kind)}", None)
            if handler is not None and statement.node:
                handler(statement.node)

    # What the server missed ----------------------------------------------------------------------------------------------------

    def miss(self, message: str) -> bool:
        """Make up what the server says does not exist; False when that is not told, or was made up already."""
        before = self.statements()
        for pattern, handler in _MISSED:
            if match := pattern.search(message):
                handler(self, *match.groups())
                return self.statements() != before
        return False

    def _missed_relation(self, name: str) -> None:
        self.table(_split(name))

    def _missed_column(self, column: str, table: str | None) -> None:
        name = _split(table) if table else next(iter(self.tables), None) if len(self.tables) == 1 else None
        if name is not None:
            self.column(name, column)

    def _missed_qualified(self, table: str, column: str) -> None:
        name = next((n for n in self.tables if n[1] == table), None)
        if name is not None:
            self.column(name, column)

    def _missed_constraint(self, constraint: str, table: str) -> None:
        self._constraint_there(_split(table), constraint, "")

    def _missed_type(self, name: str) -> None:
        self.type_({"names": [{"String": {"sval": part}} for part in name.split(".")]})

    def _missed_function(self, name: str, arguments: str) -> None:
        returns = "uuid" if "uuid" in name else "text"
        types = arguments.replace("unknown", "text")
        self.schema(name.rpartition(".")[0] or None)
        shown = quote_identifier(*name.split("."))
        body = f"RETURNS {returns} VOLATILE LANGUAGE sql AS $$ SELECT {_value_of(returns)} $$"
        self.before.setdefault(f"CREATE FUNCTION {shown}({types}) {body}")

    def _missed_operators(self, name: str) -> None:
        if "trgm" in name:
            self._extension("pg_trgm")

    def _missed_default_operators(self, method: str) -> None:
        self._extension("btree_gin" if method == "gin" else "btree_gist")

    def _extension(self, name: str) -> None:
        self.before = {f'CREATE EXTENSION IF NOT EXISTS "{name}"': None, **self.before}

    # What there is -----------------------------------------------------------------------------------------------------------

    def table(self, name: Name) -> Table | None:
        """The table to be made up under a name; None when it is known, or made by the script."""
        schema, bare = name
        if schema in _SYSTEM or bare.startswith("pg_") or bare in self.made:
            return None
        if bare in self.renamed:
            return self.tables.get(self.renamed[bare])
        if any(bare == known and schema in (None, of, "public") for of, known in self.known):
            return None
        if name not in self.tables:
            other = next((n for n in self.tables if n[1] == bare and (schema is None or n[0] in (None, schema))), None)
            if other is not None:
                return self.tables[other]
            self.schema(schema)
            self.tables[name] = Table()
        return self.tables[name]

    def schema(self, name: str | None) -> None:
        if (
            name not in (None, "public", *_SYSTEM)
            and name not in self._schemas
            and not any(name == of for of, _ in self.known)
        ):
            assert name is not None
            self._schemas.add(name)
            self.before.setdefault(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(name)}")

    def column(self, name: Name, column: str, type_: str | None = None) -> None:
        """A column of a table that must have been there before."""
        table = self.table(name)
        if table is None or (name[1], column) in self.made_columns or column in ("*", "ctid", "xmin", "tableoid", ""):
            return
        table.columns.setdefault(column, type_ or guesses.by_name(column))

    def expression(self, name: Name, node: Any) -> None:
        """The columns of one table that an expression reads, with what it compares them with."""
        for one in walk({"top": node}, "A_Expr"):
            sides = one.get("lexpr"), one.get("rexpr")
            for this, other in (sides, sides[::-1]):
                if isinstance(this, dict) and "ColumnRef" in this and isinstance(other, dict):
                    told = guesses.by_constant(_first_constant(other))
                    if told == "text" and one.get("kind") not in ("AEXPR_LIKE", "AEXPR_ILIKE"):
                        own = guesses.by_name(names(this["ColumnRef"].get("fields"))[-1])
                        told = own if own in ("date", "timestamp with time zone", "uuid", "jsonb") else told
                    self._seen(name, this, told)
        self._arguments(name, node)
        for one in walk({"top": node}, "BoolExpr"):
            for argument in one.get("args", ()):
                self._seen(name, argument, "boolean")
        for path in columns_in({"top": node}):
            if len(path) == 1 or path[-2] == name[1]:
                self.column(name, path[-1])

    def _arguments(self, name: Name, node: Any) -> None:
        """What functions on texts are called with."""
        for one in walk({"top": node}, "FuncCall"):
            called = names(one.get("funcname"))[-1]
            if called in ("lower", "upper", "length", "char_length", "btrim", "trim", "concat"):
                for argument in one.get("args", ()):
                    self._seen(name, argument, "text")
            elif called == "to_tsvector":
                self._seen(name, (one.get("args") or [{}])[-1], "text")

    def _seen(self, name: Name, node: Any, type_: str | None) -> None:
        if isinstance(node, dict) and "ColumnRef" in node:
            path = names(node["ColumnRef"].get("fields"))
            if path and path[-1] and (len(path) == 1 or path[-2] == name[1]):
                self.column(name, path[-1], type_)

    def type_(self, node: Node) -> None:
        """A type that a statement names: one of nobody's making is made an enum, or a domain where extensions have one of that name."""
        parts = names(node.get("names"))
        if not parts or parts[0] == "pg_catalog" or parts[-1] in self.made_names or parts[-1] in _BUILT_IN:
            return
        schema = parts[-2] if len(parts) > 1 else None
        self.schema(schema)
        base = "text" if parts[-1] in _OF_EXTENSIONS else None
        shown = quote_identifier(*parts[-2:])
        made = f"CREATE DOMAIN {shown} AS {base}" if base else f"CREATE TYPE {shown} AS ENUM ('one', 'two')"
        if not any(line.startswith((f"CREATE TYPE {shown} ", f"CREATE DOMAIN {shown} ")) for line in self.before):
            self.before.setdefault(made)

    # Statements --------------------------------------------------------------------------------------------------------------

    def _create_stmt(self, node: Node) -> None:
        name = relation(node["relation"])
        self.schema(name[0])
        for parent in node.get("inhRelations", ()):
            above = relation(parent["RangeVar"])
            if node.get("partbound"):
                self._parent_of_partition(above, node["partbound"])
            else:
                self.table(above)
        if not (node.get("if_not_exists") and name in self.known):
            self.made.add(name[1])
        for element in node.get("tableElts", ()):
            if "ColumnDef" in element:
                self.type_(element["ColumnDef"].get("typeName", {}))
                for one in constraints_of(element["ColumnDef"]):
                    self._constraint(name, one, (element["ColumnDef"]["colname"],), element["ColumnDef"])
            elif "Constraint" in element:
                self._constraint(name, element["Constraint"], (), None)
            elif "TableLikeClause" in element:
                self.table(relation(element["TableLikeClause"]["relation"]))

    def _create_table_as_stmt(self, node: Node) -> None:
        self._reading(node.get("query", {}))
        self.made.add(relation(node["into"]["rel"])[1])

    def _view_stmt(self, node: Node) -> None:
        self._reading(node.get("query", {}))
        self.made.add(relation(node["view"])[1])

    def _index_stmt(self, node: Node) -> None:
        name = relation(node["relation"])
        self.table(name)
        for element in node.get("indexParams", ()):
            part = element["IndexElem"]
            if "name" in part:
                self.column(name, part["name"], guesses.by_index(node.get("accessMethod", "btree"), part, part["name"]))
            else:
                self.expression(name, part.get("expr"))
        for element in node.get("indexIncludingParams", ()):
            self.column(name, element["IndexElem"].get("name", ""))
        if "whereClause" in node:
            self.expression(name, node["whereClause"])
        if node.get("idxname"):
            self.made_names.add(node["idxname"])
            self.index_columns[node["idxname"]] = [
                one["IndexElem"].get("name", "") for one in node.get("indexParams", ())
            ]

    def _alter_table_stmt(self, node: Node) -> None:
        name = relation(node["relation"])
        kind = node.get("objtype")
        if kind == "OBJECT_INDEX":
            self._index_of_some_table(name)
            return
        table = self.table(name)
        if kind in ("OBJECT_VIEW", "OBJECT_MATVIEW") and table is not None:
            table.view, table.materialized = kind == "OBJECT_VIEW", kind == "OBJECT_MATVIEW"
        for one in commands(node):
            self._command(name, one)

    def _command(self, name: Name, one: Node) -> None:
        subtype, column, part = one.get("subtype", ""), one.get("name", ""), one.get("def", {})
        if subtype == "AT_AddColumn":
            self._added_column(name, part["ColumnDef"])
        elif subtype == "AT_AlterColumnType":
            definition = part["ColumnDef"]
            self.type_(definition["typeName"])
            self.column(name, column, guesses.before_change(definition["typeName"], "raw_default" in definition))
        elif subtype == "AT_AddConstraint":
            self._constraint(name, part["Constraint"], (), None)
        elif subtype in ("AT_DropConstraint", "AT_ValidateConstraint", "AT_AlterConstraint"):
            inner = part.get("ATAlterConstraint", part.get("Constraint", {}))
            self._constraint_there(name, column or inner.get("conname", ""), subtype)
        elif subtype in ("AT_AttachPartition", "AT_DetachPartition", "AT_DetachPartitionFinalize"):
            self._partition(name, part["PartitionCmd"], attached=subtype == "AT_AttachPartition")
        else:
            self._other_command(name, one)

    def _added_column(self, name: Name, definition: Node) -> None:
        self.type_(definition.get("typeName", {}))
        self.made_columns.add((name[1], definition["colname"]))
        for constraint in constraints_of(definition):
            self._constraint(name, constraint, (definition["colname"],), definition)

    def _other_command(self, name: Name, one: Node) -> None:
        subtype, column, part = one.get("subtype", ""), one.get("name", ""), one.get("def", {})
        if subtype in ("AT_EnableTrig", "AT_DisableTrig", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig"):
            self._trigger(name, column)
        elif subtype in ("AT_ClusterOn", "AT_ReplicaIdentity"):
            if index := column or part.get("ReplicaIdentityStmt", {}).get("name"):
                self._index_there(name, index)
        elif subtype in ("AT_AddInherit", "AT_DropInherit"):
            self.table(relation(part["RangeVar"]))
        elif subtype == "AT_ChangeOwner":
            self._role(one.get("newowner", {}).get("rolename"))
        elif column:
            self._altered(name, column, subtype)

    def _altered(self, name: Name, column: str, subtype: str) -> None:
        table = self.table(name)
        self.column(
            name, column, "bigint" if subtype in ("AT_AddIdentity", "AT_SetIdentity", "AT_DropIdentity") else None
        )
        if table is not None and subtype in ("AT_DropNotNull", "AT_AddIdentity", "AT_SetIdentity", "AT_DropIdentity"):
            table.not_null.add(column)
        if table is not None and subtype in ("AT_DropIdentity", "AT_SetIdentity"):
            self.after.setdefault(
                f"ALTER TABLE {_shown(name)} ALTER COLUMN {quote_identifier(column)} ADD GENERATED BY DEFAULT AS IDENTITY"
            )

    def _constraint(self, name: Name, part: Node, columns: tuple[str, ...], definition: Node | None) -> None:
        """What a constraint that is added refers to; ``definition``: the column that it stands at."""
        kind = part.get("contype")
        if part.get("conname"):
            self.made_names.add(part["conname"])
        keys = tuple(names(part.get("keys"))) or columns
        if kind == "CONSTR_FOREIGN":
            own = tuple(names(part.get("fk_attrs"))) or columns
            self._reference(name, own, relation(part["pktable"]), tuple(names(part.get("pk_attrs"))), definition)
        elif kind in ("CONSTR_CHECK", "CONSTR_GENERATED"):
            self.expression(name, part.get("raw_expr"))
        elif kind == "CONSTR_EXCLUSION":
            for element in part.get("exclusions", ()):
                self._excluded(name, element["List"]["items"])
        elif kind in ("CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_NOTNULL") and definition is None:
            if part.get("indexname"):
                self._index_there(name, part["indexname"], unique=True, required=kind == "CONSTR_PRIMARY")
            if kind == "CONSTR_PRIMARY" and (table := self.table(name)) is not None:
                # Whether they are is not told: a key's columns mostly are.
                table.not_null |= set(self.index_columns.get(part.get("indexname", ""), ()))
            for key in keys:
                self.column(name, key)

    def _excluded(self, name: Name, pair: list[Node]) -> None:
        if column := pair[0]["IndexElem"].get("name"):
            operator = names(pair[1]["List"]["items"])[-1]
            self.column(name, column, "tstzrange" if operator == "&&" else None)
        else:
            self.expression(name, pair[0]["IndexElem"].get("expr"))

    def _reference(
        self, name: Name, own: tuple[str, ...], target: Name, keys: tuple[str, ...], definition: Node | None
    ) -> None:
        other = self.table(target)
        types = [_column_type(definition) if definition else None] * len(own or (None,))
        if other is not None:
            keys = keys or other.key or ("id",) * 1
            for key, type_ in zip(keys, types or [None], strict=False):
                self.column(target, key, type_)
            if not other.key:
                other.key = keys
        for column, key in zip(own, keys or ("id",) * len(own), strict=False):
            known = (other.columns.get(key) if other is not None else None) or guesses.by_name(key)
            if definition is None:
                self.column(name, column, known)

    def _constraint_there(self, name: Name, constraint: str, subtype: str) -> None:
        """A constraint that is dropped or validated, of a kind that its name tells."""
        table = self.table(name)
        if table is None or not constraint or constraint in self.made_names:
            return
        self.made_names.add(constraint)
        validated = "" if subtype != "AT_ValidateConstraint" else " NOT VALID"
        add, lowered = f"ALTER TABLE {_shown(name)} ADD CONSTRAINT {quote_identifier(constraint)}", constraint.lower()
        if re.search(r"(^|_)pkey$|(^|_)pk(_|$)|primary", lowered) and not validated:
            table.columns.setdefault("id", "bigint")
            self.after.setdefault(f"{add} PRIMARY KEY (id)")
        elif re.search(r"fk(ey)?(_|$)|foreign", lowered) or subtype == "AT_AlterConstraint":
            other = (None, "referred_to")
            target = self.table(other)
            if target is not None:
                target.columns.setdefault("id", "bigint")
                target.key = ("id",)
            column = _between(name[1], lowered) or "referred_id"
            table.columns.setdefault(column, "bigint")
            self.after.setdefault(
                f"{add} FOREIGN KEY ({quote_identifier(column)}) REFERENCES referred_to (id){validated}"
            )
        elif re.search(r"(^|_)(key|uniq(ue)?|uq|uk)(_|$)", lowered) and not validated:
            column = _between(name[1], lowered) or "unique_value"
            table.columns.setdefault(column, guesses.by_name(column))
            self.after.setdefault(f"{add} UNIQUE ({quote_identifier(column)})")
        else:
            tested = _between(name[1], lowered)
            if tested and "null" in lowered:
                table.columns.setdefault(tested, guesses.by_name(tested))
            condition = f"{quote_identifier(tested)} IS NOT NULL" if tested in table.columns and tested else "true"
            self.after.setdefault(f"{add} CHECK ({condition}){validated}")

    def _index_there(self, name: Name, index: str, *, unique: bool = False, required: bool = False) -> None:
        """An index that is used, dropped or rebuilt, with one column that its name may tell."""
        table = self.table(name)
        if table is None or index in self.made_names:
            return
        self.made_names.add(index)
        column = (
            next((c for c in table.columns if c in index), None) or _between(name[1], index.lower()) or "indexed_value"
        )
        table.columns.setdefault(column, guesses.by_name(column))
        if required:
            table.not_null.add(column)
        word = "UNIQUE INDEX" if unique else "INDEX"
        self.after.setdefault(f"CREATE {word} {quote_identifier(index)} ON {_shown(name)} ({quote_identifier(column)})")

    def _index_of_some_table(self, index: Name) -> None:
        if index[1] in self.made_names or index in self.known:
            return
        known = [
            name
            for name in (*self.tables, *self.known)
            if index[1].startswith((f"{name[1]}_", f"idx_{name[1]}", f"ix_{name[1]}"))
        ]
        name = next(iter(known), (index[0], "indexed_table"))
        if self.table(name) is None and name in self.known:
            self.after.setdefault(
                f"CREATE INDEX {quote_identifier(index[1])} ON {_shown(name)} ({quote_identifier(min(self.known[name]))})"
            )
            self.made_names.add(index[1])
        else:
            self._index_there(name, index[1])

    def _trigger(self, name: Name, trigger: str) -> None:
        if self.table(name) is None or not trigger or trigger in self.made_names:
            return
        self.made_names.add(trigger)
        self._function([{"String": {"sval": "invented_trigger"}}], "trigger")
        self.after.setdefault(
            f"CREATE TRIGGER {quote_identifier(trigger)} BEFORE INSERT ON {_shown(name)} FOR EACH ROW EXECUTE FUNCTION invented_trigger()"
        )

    def _function(self, parts: Any, returns: str) -> None:
        path = names(parts)
        if not path or path[-1] in self.made_names or path[0] == "pg_catalog":
            return
        self.made_names.add(path[-1])
        self.schema(path[-2] if len(path) > 1 else None)
        body = "BEGIN RETURN NEW; END" if returns == "trigger" else f"SELECT NULL::{returns}"
        language = "plpgsql" if returns == "trigger" else "sql"
        self.before.setdefault(
            f"CREATE FUNCTION {quote_identifier(*path[-2:])}() RETURNS {returns} LANGUAGE {language} AS $$ {body} $$"
        )

    def _role(self, name: str | None) -> None:
        if name:
            self.before.setdefault(f"CREATE ROLE {quote_identifier(name)}")
            self.before.setdefault(f"GRANT {quote_identifier(name)} TO CURRENT_USER")

    def _parent_of_partition(self, name: Name, bound: Node) -> None:
        table = self.table(name)
        if table is None or table.partitioned_by:
            return
        strategy = {"r": "RANGE", "l": "LIST", "h": "HASH"}.get(bound.get("strategy", "l"), "LIST")
        constants: list[Node] = bound.get("lowerdatums") or bound.get("listdatums") or []
        constant = constants[0] if constants else {}
        told = guesses.by_constant(constant)
        value = str(constant.get("A_Const", {}).get("sval", {}).get("sval", ""))
        if re.match(r"\d{4}-\d\d-\d\d", value):
            told = "timestamp with time zone"
        column = next((c for c, t in table.columns.items() if t == told), None) or "partition_key"
        table.columns.setdefault(column, told or "bigint")
        table.partitioned_by = strategy, column

    def _partition(self, name: Name, part: Node, *, attached: bool) -> None:
        self._attached(name, part) if attached else self._detached(name, part)

    def _attached(self, name: Name, part: Node) -> None:
        child = relation(part["name"])
        bound = part.get("bound", {})
        if "strategy" in bound:
            self._parent_of_partition(name, bound)
        elif (table := self.table(name)) is not None and not table.partitioned_by:
            table.columns.setdefault("partition_key", "bigint")
            table.partitioned_by = "LIST", "partition_key"
        parent, own = self.table(name), self.table(child)
        if own is not None and parent is not None:
            own.columns |= parent.columns

    def _detached(self, name: Name, part: Node) -> None:
        child = relation(part["name"])
        table = self.table(name)
        if table is None or child in self.known or child[1] in self.made:
            return
        table.columns.setdefault("partition_key", "bigint")
        table.partitioned_by = table.partitioned_by or ("RANGE", "partition_key")
        self.made.add(child[1])
        self.after.setdefault(
            f"CREATE TABLE {_shown(child)} PARTITION OF {_shown(name)} FOR VALUES FROM (0) TO (1000000)"
        )

    def _rename_stmt(self, node: Node) -> None:
        kind, new = node.get("renameType"), node.get("newname", "")
        if kind in ("OBJECT_COLUMN", "OBJECT_ATTRIBUTE") and "relation" in node:
            name = relation(node["relation"])
            self.column(name, node["subname"])
            self.made_columns.add((name[1], new))
        elif kind in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"):
            name = relation(node["relation"])
            table = self.table(name)
            if table is not None:
                table.view, table.materialized = kind == "OBJECT_VIEW", kind == "OBJECT_MATVIEW"
                self.renamed[new] = next(n for n, t in self.tables.items() if t is table)
            else:
                self.made.add(new)
        elif kind == "OBJECT_INDEX":
            self._index_of_some_table(relation(node["relation"]))
            self.made_names.add(new)
        elif kind == "OBJECT_SCHEMA":
            self.schema(node.get("subname"))
            self.made.add(new)
        elif kind == "OBJECT_TABCONSTRAINT":
            self._constraint_there(relation(node["relation"]), node["subname"], "")
            self.made_names.add(new)
        elif kind == "OBJECT_TYPE":
            self.type_({"names": node.get("object", {}).get("List", {}).get("items", ())})
            self.made_names.add(new)
        elif kind == "OBJECT_SEQUENCE":
            self.before.setdefault(f"CREATE SEQUENCE {_shown(relation(node['relation']))}")

    def _drop_stmt(self, node: Node) -> None:
        kind = node.get("removeType", "")
        if node.get("missing_ok") and kind not in _DROPPED_IF_THERE:
            return
        for one in node.get("objects", ()):
            name = dotted(one)
            if kind in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"):
                table = self.table(name)
                if table is not None and not table.columns:
                    table.view, table.materialized = kind == "OBJECT_VIEW", kind == "OBJECT_MATVIEW"
                self.made.discard(name[1])
            elif kind == "OBJECT_INDEX":
                self._index_of_some_table(name)
            elif kind in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
                self._dropped_of_table(kind, names(one["List"]["items"]))
            else:
                self._dropped_object(kind, one, name)

    def _dropped_object(self, kind: str, one: Node, name: Name) -> None:
        if kind == "OBJECT_TYPE":
            self.type_({"names": one["TypeName"].get("names", ())})
        elif kind == "OBJECT_DOMAIN":
            self.before.setdefault(f"CREATE DOMAIN {_shown(name)} AS text")
        elif kind == "OBJECT_SCHEMA":
            self.schema(text_of(one))
        elif kind == "OBJECT_SEQUENCE":
            self.before.setdefault(f"CREATE SEQUENCE {_shown(name)}")
        elif kind == "OBJECT_FUNCTION":
            self._function([{"String": {"sval": name[1]}}], "integer")

    def _dropped_of_table(self, kind: str, parts: list[str]) -> None:
        name = (parts[-3] if len(parts) > 2 else None), parts[-2]
        if kind == "OBJECT_TRIGGER":
            self._trigger(name, parts[-1])
        elif kind == "OBJECT_POLICY" and self.table(name) is not None:
            self.after.setdefault(f"CREATE POLICY {quote_identifier(parts[-1])} ON {_shown(name)}")

    def _alter_enum_stmt(self, node: Node) -> None:
        path = names(node.get("typeName"))
        if path[-1] in self.made_names or path[-1] in _BUILT_IN:
            return
        labels = [label for label in (node.get("oldVal"), node.get("newValNeighbor")) if label] or ["one", "two"]
        self.schema(path[-2] if len(path) > 1 else None)
        shown = quote_identifier(*path[-2:])
        started = next((line for line in self.before if line.startswith(f"CREATE TYPE {shown} AS ENUM")), None)
        if started is None:
            listed = ", ".join("'" + label.replace("'", "''") + "'" for label in labels)
            self.before.setdefault(f"CREATE TYPE {shown} AS ENUM ({listed})")

    def _create_enum_stmt(self, node: Node) -> None:
        self.made_names.add(names(node.get("typeName"))[-1])

    def _create_domain_stmt(self, node: Node) -> None:
        self.made_names.add(names(node.get("domainname"))[-1])

    def _composite_type_stmt(self, node: Node) -> None:
        self.made_names.add(relation(node["typevar"])[1])

    def _alter_domain_stmt(self, node: Node) -> None:
        path = names(node.get("typeName"))
        if path[-1] not in self.made_names:
            told = next(
                (guesses.by_constant(c) for e in walk(node, "A_Expr") for c in (_first_constant(e.get("rexpr", {})),)),
                None,
            )
            self.before.setdefault(f"CREATE DOMAIN {quote_identifier(*path[-2:])} AS {told or 'text'}")
            table = self.table((None, "uses_the_domain"))
            if table is not None:
                table.columns.setdefault("value", quote_identifier(*path[-2:]))

    def _create_function_stmt(self, node: Node) -> None:
        self.made_names.add(names(node.get("funcname"))[-1])

    def _create_schema_stmt(self, node: Node) -> None:
        self._schemas.add(node.get("schemaname", ""))

    def _create_seq_stmt(self, node: Node) -> None:
        self.made.add(relation(node["sequence"])[1])

    def _create_trig_stmt(self, node: Node) -> None:
        self.table(relation(node["relation"]))
        self._function(node.get("funcname"), "trigger")
        for column in names(node.get("columns")):
            self.column(relation(node["relation"]), column)
        self.made_names.add(node.get("trigname", ""))

    def _create_policy_stmt(self, node: Node) -> None:
        name = relation(node["table"])
        self.table(name)
        self.expression(name, node.get("qual"))
        self.expression(name, node.get("with_check"))
        for role in walk(node, "RoleSpec"):
            self._role(role.get("rolename"))

    def _grant_stmt(self, node: Node) -> None:
        for one in node.get("objects", ()):
            if "RangeVar" in one:
                self.table(relation(one["RangeVar"]))
        for role in walk(node, "RoleSpec"):
            self._role(role.get("rolename"))

    def _alter_object_schema_stmt(self, node: Node) -> None:
        self.schema(node.get("newschema"))
        if "relation" in node:
            self.table(relation(node["relation"]))

    def _alter_owner_stmt(self, node: Node) -> None:
        self._role(node.get("newowner", {}).get("rolename"))

    def _truncate_stmt(self, node: Node) -> None:
        for one in node.get("relations", ()):
            self.table(relation(one["RangeVar"]))

    def _lock_stmt(self, node: Node) -> None:
        self._truncate_stmt(node)

    def _vacuum_stmt(self, node: Node) -> None:
        for one in node.get("rels", ()):
            self.table(relation(one["VacuumRelation"]["relation"]))

    def _cluster_stmt(self, node: Node) -> None:
        if "relation" in node:
            name = relation(node["relation"])
            self.table(name)
            self._index_there(name, node.get("indexname") or f"{name[1]}_clustered")

    def _reindex_stmt(self, node: Node) -> None:
        if "relation" not in node:
            self.schema(node.get("name"))
        elif node.get("kind") == "REINDEX_OBJECT_INDEX":
            self._index_of_some_table(relation(node["relation"]))
        else:
            self.table(relation(node["relation"]))

    def _refresh_mat_view_stmt(self, node: Node) -> None:
        name = relation(node["relation"])
        table = self.table(name)
        if table is not None:
            table.materialized = True
            table.columns.setdefault("id", "bigint")
            self.after.setdefault(f"CREATE UNIQUE INDEX ON {_shown(name)} (id)")

    def _comment_stmt(self, node: Node) -> None:
        path = names(node.get("object", {}).get("List", {}).get("items"))
        if node.get("objtype") == "OBJECT_TABLE" and path:
            self.table((path[-2] if len(path) > 1 else None, path[-1]))
        elif node.get("objtype") == "OBJECT_COLUMN" and len(path) > 1:
            self.column((path[-3] if len(path) > 2 else None, path[-2]), path[-1])

    def _do_stmt(self, node: Node) -> None:
        """The statements in the body of a DO block, as far as they stand there as such."""
        for one in node.get("args", ()):
            part = one.get("DefElem", {})
            if part.get("defname") == "as":
                self.read(inner_statements(text_of(part.get("arg", {}))))

    # Rows --------------------------------------------------------------------------------------------------------------------

    def _select_stmt(self, node: Node) -> None:
        self._reading({"SelectStmt": node})

    def _insert_stmt(self, node: Node) -> None:
        name = relation(node["relation"])
        self.table(name)
        rows = node.get("selectStmt", {}).get("SelectStmt", {})
        values = [one["List"]["items"] for one in rows.get("valuesLists", ())]
        for number, target in enumerate(node.get("cols", ())):
            constant = values[0][number] if values and number < len(values[0]) else {}
            told = guesses.by_constant(constant)
            own = guesses.by_name(target["ResTarget"]["name"])
            self.column(name, target["ResTarget"]["name"], own if told in (None, "text") and own != "boolean" else told)
        if "selectStmt" in node:
            self._reading(node["selectStmt"])

    def _update_stmt(self, node: Node) -> None:
        name = relation(node["relation"])
        self.table(name)
        for target in node.get("targetList", ()):
            part = target["ResTarget"]
            told = guesses.by_constant(part.get("val", {}))
            self.column(name, part.get("name", ""), told or guesses.by_name(part.get("name", "")))
        self._reading(node)

    def _delete_stmt(self, node: Node) -> None:
        self.table(relation(node["relation"]))
        self._reading(node)

    def _reading(self, node: Node) -> None:
        """The tables and columns of a statement on rows; a column without its table is the only table's, where there is one."""
        tables = [name for name in tables_in(node) if self.table(name) is not None]
        aliases = {
            one.get("alias", {}).get("aliasname", one.get("relname")): relation(one)
            for one in walk({"top": node}, "RangeVar")
            if "relname" in one
        }
        if isinstance(node.get("relation"), dict) and "relname" in node["relation"]:
            own = node["relation"]
            aliases[own.get("alias", {}).get("aliasname", own["relname"])] = relation(own)
        if len(tables) == 1 and len(aliases) == 1:
            self.expression(tables[0], {k: v for k, v in node.items() if k not in ("relation", "relations")})
        for path in columns_in({"top": node}):
            if len(path) > 1 and path[-2] in aliases:
                self.column(aliases[path[-2]], path[-1])
            elif len(tables) == 1 and len(path) == 1:
                self.column(tables[0], path[-1])

    # SQL ---------------------------------------------------------------------------------------------------------------------

    def _create(self, name: Name, table: Table) -> str:
        columns = dict(table.columns) or {"id": "bigint"}
        if table.view:
            return f"CREATE VIEW {_shown(name)} AS SELECT {_nulls(columns)}"
        if table.materialized:
            series = ", ".join(
                f"{'n' if type_ in _OF_NUMBERS else 'NULL'}::{type_} AS {quote_identifier(column)}"
                for column, type_ in columns.items()
            )
            return f"CREATE MATERIALIZED VIEW {_shown(name)} AS SELECT {series} FROM generate_series(1, 2000) n"
        parts = [
            f"{quote_identifier(column)} {type_}{' NOT NULL' if column in table.not_null else ''}"
            for column, type_ in columns.items()
        ]
        if table.key and not table.partitioned_by:
            parts.append(f"PRIMARY KEY ({', '.join(map(quote_identifier, table.key))})")
        parted = (
            f" PARTITION BY {table.partitioned_by[0]} ({quote_identifier(table.partitioned_by[1])})"
            if table.partitioned_by
            else ""
        )
        return f"CREATE TABLE {_shown(name)} ({', '.join(parts)}){parted}"


_OF_NUMBERS = frozenset(("bigint", "integer", "numeric", "text"))
_OF_EXTENSIONS = frozenset(("citext", "hstore", "ltree", "geometry", "geography", "vector", "cube", "isbn", "semver"))
_BUILT_IN = frozenset(
    "text json jsonb uuid date time timetz timestamp timestamptz interval bytea inet cidr macaddr macaddr8"
    " money xml tsvector tsquery point line lseg box path polygon circle int2 int4 int8 integer bigint smallint"
    " float4 float8 real numeric decimal bool boolean varchar bpchar char character bit varbit oid name serial"
    " bigserial smallserial serial4 serial8 serial2 int4range int8range numrange tsrange tstzrange daterange"
    " int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange regclass regtype"
    " regproc pg_lsn txid_snapshot pg_snapshot jsonpath xid xid8 tid cid record void trigger".split()
)


def inner_statements(body: str) -> list[Statement]:
    """Statements inside procedural code that the grammar reads when they stand alone; conditions and loops around them are passed over."""
    found: list[Statement] = []
    for part in body.split(";"):
        if match := _INNER.search(part):
            found += [one for one in parsed(part[match.start() :]) if not one.error]
    return found


_INNER = re.compile(
    r"\b(ALTER\s+TABLE|CREATE\s+(UNIQUE\s+)?INDEX|DROP\s+(TABLE|INDEX)|UPDATE|DELETE\s+FROM|INSERT\s+INTO|TRUNCATE)\b",
    re.I,
)


def _value_of(type_: str) -> str:
    return "gen_random_uuid()" if type_ == "uuid" else "random()::text"


_MISSED: tuple[tuple[re.Pattern[str], Callable[..., None]], ...] = (
    (re.compile(r'^column "([^"]+)" of relation "([^"]+)" does not exist'), Inventor._missed_column),
    (re.compile(r'^constraint "([^"]+)" of relation "([^"]+)" does not exist'), Inventor._missed_constraint),
    (re.compile(r'^(?:relation|table|view|materialized view) "([^"]+)" does not exist'), Inventor._missed_relation),
    (re.compile(r'^column "?([^" ]+)"?(?: named in key)? does not exist()'), lambda self, column, _: (
        self._missed_qualified(*column.split(".")[-2:]) if "." in column else self._missed_column(column, None)
    )),
    (re.compile(r'^type "([^"]+)" does not exist'), Inventor._missed_type),
    (re.compile(r'^role "([^"]+)" does not exist'), Inventor._role),
    (re.compile(r'^schema "([^"]+)" does not exist'), Inventor.schema),
    (re.compile(r"^function ([\w.]+)\((.*)\) does not exist"), Inventor._missed_function),
    (re.compile(r'^operator class "([^"]+)" does not exist'), Inventor._missed_operators),
    (re.compile(r'has no default operator class for access method "(\w+)"'), Inventor._missed_default_operators),
)  # fmt: skip
"""What the server says is missing, and what makes it."""


def _split(name: str) -> Name:
    schema, _, bare = name.rpartition(".")
    return schema or None, bare


def _column_type(definition: Node) -> str | None:
    """The type of a column as it must be in what it refers to."""
    name = type_name(definition.get("typeName", {}))
    return {
        "int4": "integer",
        "int8": "bigint",
        "int2": "smallint",
        "serial": "integer",
        "bigserial": "bigint",
        "bpchar": "text",
    }.get(name, name if name in _BUILT_IN else None)


def _first_constant(node: Any) -> Node:
    """A constant, or the first of a list of them."""
    if not isinstance(node, dict):
        return {}
    if "List" in node:
        return next(iter(node["List"].get("items", ())), {})
    if "A_ArrayExpr" in node:
        return next(iter(node["A_ArrayExpr"].get("elements", ())), {})
    return node


def _between(table: str, name: str) -> str | None:
    """The column in the name of an index or constraint: ``users_email_key`` of ``users`` is of ``email``."""
    stem = re.sub(r"^(idx|ix|index|uq|uk|fk|ck|chk|unique|check|index)_(on_)?", "", name)
    stem = re.sub(rf"^{re.escape(table.lower())}_", "", stem)
    stem = re.sub(
        r"(_(pkey|fkey|fk|key|uniq|unique|uq|uk|idx|ix|index|check|chk|ck|not_null|notnull|nn|null|constraint|excl))+$",
        "",
        stem,
    )
    return stem if re.fullmatch(r"[a-z_][a-z0-9_]{0,50}", stem) and stem != table.lower() else None


def _nulls(columns: Mapping[str, str]) -> str:
    return ", ".join(f"NULL::{type_} AS {quote_identifier(column)}" for column, type_ in columns.items())


def _shown(name: Name) -> str:
    return quote_identifier(*(part for part in name if part))


def _snake(kind: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
