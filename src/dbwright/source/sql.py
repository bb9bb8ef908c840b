"""SQL text taken apart into the typed `Query`, on PostgreSQL's own parse tree.

The tree is read as JSON: decoding protobuf and walking its messages costs several times as much as plain dictionaries.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import msgspec
import postgast
from postgast.native import lib

from dbwright.model.query import (
    NO_COLUMN,
    Amount,
    Clause,
    InnerSelect,
    JoinKind,
    OrderKey,
    Predicate,
    Query,
    QueryColumn,
    QueryTable,
    with_values,
)
from dbwright.source.expressions import (
    Node,
    begins_wild,
    constant_text,
    expression_text,
    literal_text,
    string_of,
    wrapper_of,
)
from dbwright.source.placeholders import numbered

Schema = Mapping[str, Iterable[str]]
"""Columns of each table, to tell whose an unqualified column is."""

LONGEST = 500_000
"""Characters; what is longer is data rather than a query."""
_AGGREGATES = frozenset(
    "count sum avg min max array_agg string_agg bool_and bool_or every json_agg jsonb_agg json_object_agg jsonb_object_agg bit_and bit_or "
    "stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp regr_slope regr_count percentile_cont "
    "percentile_disc mode xmlagg any_value range_agg".split()
)
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "@>": "<@", "<@": "@>"}
_OPPOSITE = {"is null": "is not null", "is not null": "is null"}
_LIKES = {"~~": "like", "~~*": "ilike", "!~~": "like", "!~~*": "ilike"}
_PATTERNS = frozenset(("like", "ilike", "similar to"))
_JOINS: dict[str, JoinKind] = {"JOIN_LEFT": "left", "JOIN_RIGHT": "right", "JOIN_FULL": "full"}
_STRENGTHS = {
    "LCS_FORUPDATE": "update",
    "LCS_FORNOKEYUPDATE": "no key update",
    "LCS_FORSHARE": "share",
    "LCS_FORKEYSHARE": "key share",
}
_WAITS = {"LockWaitError": " nowait", "LockWaitSkip": " skip locked"}
_TRUTH = {
    "IS_TRUE": ("true", False),
    "IS_FALSE": ("false", False),
    "IS_NOT_TRUE": ("true", True),
    "IS_NOT_FALSE": ("false", True),
}


class CannotTakeApart(ValueError):
    """A text that is not one statement of PostgreSQL's grammar; the message says why."""


def take_apart(sql: str, schema: Schema | None = None, values: Mapping[int, Any] | None = None) -> Query:
    """The query of one statement, with placeholders as any driver writes them. ``schema`` resolves unqualified columns; ``values`` are
    values of parameters that the source states, by number from 1. Raises `CannotTakeApart`."""
    query, unresolved = _kept(sql)
    if schema and unresolved:
        query = _read(_only(parse_statements(numbered(sql)[0])), schema, query.fingerprint)[0]
    return with_values(query, values) if values else query


def take_apart_all(sql: str, schema: Schema | None = None) -> tuple[Query, ...]:
    """The queries of a text with several statements; fingerprints are left empty when there is more than one."""
    text = numbered(sql)[0]
    statements = parse_statements(text)
    if len(statements) == 1:
        return (take_apart(sql, schema),)
    return tuple(_read(statement, schema, "")[0] for statement in statements)


def _read(statement: Node, schema: Schema | None, fingerprint: str) -> tuple[Query, bool]:
    """A statement's query, and whether columns are left whose table a schema could tell."""
    reader = Reader(schema)
    try:
        return reader.statement(statement, fingerprint), reader.unresolved
    except RecursionError:
        raise CannotTakeApart("nested too deeply") from None
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError) as error:
        raise CannotTakeApart(f"a form that is not understood ({type(error).__name__}: {error})") from None


@lru_cache(maxsize=20_000)
def _kept(sql: str) -> tuple[Query, bool]:
    """A text's query as far as the text alone tells, and whether a schema could tell more. ORMs write the same texts again and again."""
    text = numbered(sql)[0]
    # A parse tree is thousands of containers that die at once by their counts; the collector finds nothing and costs a quarter.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _read(_only(parse_statements(text)), None, fingerprint(text))
    finally:
        if collecting:
            gc.enable()


def fingerprint(text: str) -> str:
    """postgast's fingerprint of a text with ``$1`` placeholders, as hexadecimal digits; empty when there is none."""
    try:
        return str(postgast.fingerprint(text).hex)
    except (postgast.PgQueryError, UnicodeError):
        return ""


def _only(statements: list[Node]) -> Node:
    if len(statements) != 1:
        raise CannotTakeApart("no statement" if not statements else f"{len(statements)} statements in one text")
    return statements[0]


_decode = msgspec.json.Decoder().decode


def parse_statements(text: str) -> list[Node]:
    """The statements of a text as PostgreSQL's parse trees. Raises `CannotTakeApart`."""
    if len(text) > LONGEST:
        raise CannotTakeApart(f"longer than {LONGEST} characters")
    if "\0" in text:
        raise CannotTakeApart("holds a NUL character")
    try:
        result = lib.pg_query_parse(text.encode())
    except UnicodeError:
        raise CannotTakeApart("not valid Unicode") from None
    try:
        if result.error:
            raise CannotTakeApart(result.error.contents.message.decode("utf-8", "replace"))
        tree = _decode(result.parse_tree)
    except RecursionError:
        raise CannotTakeApart("nested too deeply") from None
    except msgspec.DecodeError as error:
        raise CannotTakeApart(f"its parse tree cannot be read: {error}") from None
    finally:
        lib.pg_query_free_parse_result(result)
    return [raw["stmt"] for raw in tree.get("stmts", ()) if "stmt" in raw]


@dataclass(slots=True)
class Outputs:
    """What a SELECT gives to the one around it: names with the column behind, None for an expression. ``open`` are relations all of
    whose columns come through, though the text does not tell which."""

    columns: dict[str, QueryColumn | None] = field(default_factory=dict)
    open: list[Relation] = field(default_factory=list)

    def renamed(self, names: list[str]) -> Outputs:
        known = list(self.columns.values()) if not self.open else []
        return Outputs({name: known[i] if i < len(known) else None for i, name in enumerate(names)})

    def column(self, name: str) -> tuple[bool, QueryColumn | None]:
        if name in self.columns:
            return True, self.columns[name]
        if len(self.open) == 1:
            return self.open[0].column(name)
        return False, None


@dataclass(slots=True)
class Relation:
    """An entry of a FROM clause: a table with its columns when they are known, or a sub-select with its outputs (None for a function)."""

    alias: str
    unique: str
    table: str | None = None
    known: frozenset[str] | None = None
    outputs: Outputs | None = None

    def column(self, name: str) -> tuple[bool, QueryColumn | None]:
        """Whether it has, or may have, a column of that name; and which it is."""
        if self.table is not None:
            if self.known is not None and name not in self.known:
                return False, None
            return True, QueryColumn(self.table, name, self.unique)
        return self.outputs.column(name) if self.outputs else (True, None)

    @property
    def certain(self) -> bool:
        """Its columns are known."""
        return self.known is not None if self.table is not None else self.outputs is not None and not self.outputs.open


@dataclass(slots=True)
class Level:
    """A SELECT being read."""

    number: int
    depth: int
    parent: Level | None
    first: JoinKind = "from"
    relations: list[Relation] = field(default_factory=list)
    ctes: dict[str, Outputs | None] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=Outputs)
    targets: dict[str, Node] = field(default_factory=dict)
    target_list: list[Node] = field(default_factory=list)
    group_by: list[QueryColumn] = field(default_factory=list)
    group_expressions: list[str] = field(default_factory=list)
    order_by: list[OrderKey] = field(default_factory=list)
    aggregates: list[str] = field(default_factory=list)
    windows: list[str] = field(default_factory=list)
    columns: list[QueryColumn] = field(default_factory=list)
    distinct_on: list[QueryColumn] = field(default_factory=list)
    limit: Amount = ""
    offset: Amount = ""
    distinct: bool = False
    correlated: bool = False

    def cte(self, name: str) -> tuple[bool, Outputs | None]:
        level: Level | None = self
        while level is not None:
            if name in level.ctes:
                return True, level.ctes[name]
            level = level.parent
        return False, None

    def inner(self) -> InnerSelect:
        return InnerSelect(
            number=self.number,
            depth=self.depth,
            group_by=tuple(self.group_by),
            order_by=tuple(self.order_by),
            aggregates=tuple(self.aggregates),
            limit=self.limit,
            offset=self.offset,
            distinct=self.distinct,
            distinct_on=tuple(self.distinct_on),
            correlated=self.correlated,
        )


@dataclass(slots=True)
class Side:
    """One side of a comparison: the columns in it with their names, parameters, and whether it is a bare column or literal."""

    node: Node | None
    columns: list[QueryColumn] = field(default_factory=list)
    parameter: int = 0
    bare: bool = False
    literal: str = ""
    sub_select: bool = False
    sub_column: QueryColumn | None = None

    @property
    def value(self) -> str:
        if self.literal:
            return self.literal
        if self.sub_select:
            return "sub-select"
        if self.columns:
            return "column"
        return "parameter" if self.parameter else "expression"


@dataclass(frozen=True, slots=True)
class _Context:
    """Where a condition stands."""

    clause: Clause = "where"
    negated: bool = False
    alternative: int = 0
    branch: int = 0


class Reader:
    """Reads one statement."""

    def __init__(self, schema: Schema | None) -> None:
        self.schema = schema
        self.unresolved = False
        self.tables: list[QueryTable] = []
        self.predicates: list[Predicate] = []
        self.levels: list[Level] = []
        self.aliases: set[str] = set()
        self.alternatives = 0
        self.has_union = False
        self.has_sub_select = False
        self.locking = ""
        self.commas: list[int] = []

    # Statements

    def statement(self, statement: Node, fingerprint: str) -> Query:
        kind, node = next(iter(statement.items()))
        handler = self.HANDLERS.get(kind)
        if handler is None:
            inner = node.get("query") or node.get("copy") if isinstance(node, dict) else None
            if kind in _CARRIERS and isinstance(inner, dict):
                return self.statement(inner, fingerprint)
            tables = _named_tables(node) if isinstance(node, dict) else []
            level = self.level(None)
            for table in tables:
                self.table(table, level, "from")
            return Query(verb="other", tables=tuple(self.tables), fingerprint=fingerprint)
        own = handler(self, node)
        self.tie_commas()
        outer = self.levels[0]
        return Query(
            **own,
            tables=tuple(self.tables),
            predicates=tuple(_merged_alternatives(self.predicates) if self.alternatives else self.predicates),
            group_by=tuple(outer.group_by),
            order_by=tuple(outer.order_by),
            aggregates=tuple(outer.aggregates),
            columns=tuple(outer.columns),
            limit=outer.limit,
            offset=outer.offset,
            distinct=outer.distinct,
            locking=self.locking,
            has_sub_select=self.has_sub_select,
            has_union=self.has_union,
            fingerprint=fingerprint,
            inner=tuple(level.inner() for level in self.levels[1:]),
            distinct_on=tuple(outer.distinct_on),
            group_expressions=tuple(outer.group_expressions),
            windows=tuple(outer.windows),
        )

    def read_select(self, node: Node) -> dict[str, Any]:
        self.select(node, self.level(None))
        return {"verb": "select", "has_where": "whereClause" in node}

    def read_insert(self, node: Node) -> dict[str, Any]:
        level = self.level(None)
        self.with_clause(node, level)
        self.table(node["relation"], level, "from")
        if select := node.get("selectStmt", {}).get("SelectStmt"):
            if "valuesLists" in select and "fromClause" not in select:
                for row in select["valuesLists"]:
                    self.side(row, level)
            else:
                self.select(select, self.level(level, first="sub-select"))
        conflict = node.get("onConflictClause", {})
        target = conflict.get("infer", {}).get("indexElems", ())
        if condition := conflict.get("whereClause"):
            self.condition(condition, level, _Context())
        written = tuple(column["ResTarget"].get("name", "") for column in node.get("cols", ()))
        computed = self.assignments(conflict.get("targetList", ()), level)[1]
        action = conflict.get("action", "")
        self.returning(node, level)
        return {
            "verb": "insert",
            "set_columns": written,
            "computed_columns": computed,
            "conflict": "nothing" if action == "ONCONFLICT_NOTHING" else "update" if action else "",
            "conflict_columns": tuple(element["IndexElem"].get("name", "") for element in target),
        }

    def read_update(self, node: Node) -> dict[str, Any]:
        level = self.level(None)
        self.with_clause(node, level)
        self.table(node["relation"], level, "from")
        for item in node.get("fromClause", ()):
            self.from_item(item, level, "comma")
        written, computed = self.assignments(node.get("targetList", ()), level)
        self.where(node, level)
        self.returning(node, level)
        return {
            "verb": "update",
            "set_columns": written,
            "computed_columns": computed,
            "has_where": "whereClause" in node,
        }

    def read_delete(self, node: Node) -> dict[str, Any]:
        level = self.level(None)
        self.with_clause(node, level)
        self.table(node["relation"], level, "from")
        for item in node.get("usingClause", ()):
            self.from_item(item, level, "comma")
        self.where(node, level)
        self.returning(node, level)
        return {"verb": "delete", "has_where": "whereClause" in node}

    def read_merge(self, node: Node) -> dict[str, Any]:
        level = self.level(None)
        self.with_clause(node, level)
        self.table(node["relation"], level, "from")
        self.from_item(node["sourceRelation"], level, "inner")
        self.condition(node["joinCondition"], level, _Context(clause="on"))
        return {"verb": "other"}

    HANDLERS: dict[str, Callable[[Reader, Node], dict[str, Any]]] = {  # noqa: RUF012  # a table of methods, never changed
        "SelectStmt": read_select,
        "InsertStmt": read_insert,
        "UpdateStmt": read_update,
        "DeleteStmt": read_delete,
        "MergeStmt": read_merge,
    }

    def assignments(self, targets: Iterable[Node], level: Level) -> tuple[tuple[str, ...], tuple[str, ...]]:
        names: list[str] = []
        computed: list[str] = []
        for target in targets:
            node = target["ResTarget"]
            name = node.get("name", "")
            names.append(name)
            if self.side(node.get("val"), level).columns:
                computed.append(name)
        return tuple(names), tuple(computed)

    def returning(self, node: Node, level: Level) -> None:
        listed = node.get("returningList") or node.get("returningClause", {}).get("exprs", ())
        for target in listed:
            self.side(target.get("ResTarget", {}).get("val"), level)

    # SELECT

    def level(self, parent: Level | None, deeper: int = 1, first: JoinKind = "from") -> Level:
        level = Level(len(self.levels), parent.depth + deeper if parent else 0, parent, first)
        self.levels.append(level)
        return level

    def with_clause(self, node: Node, level: Level) -> None:
        clause = node.get("withClause")
        if not clause:
            return
        for item in clause["ctes"]:
            cte = item["CommonTableExpr"]
            name = cte["ctename"]
            names = [string_of(column) for column in cte.get("aliascolnames", ())]
            kind, query = next(iter(cte["ctequery"].items()))
            if clause.get("recursive"):
                level.ctes[name] = None
            self.has_sub_select = True
            if kind == "SelectStmt":
                outputs = self.select(query, self.level(level, first="sub-select"))
                level.ctes[name] = outputs.renamed(names) if names else outputs
            else:
                self.written_cte(kind, query, level)
                level.ctes[name] = None

    def written_cte(self, kind: str, node: Node, level: Level) -> None:
        """A CTE that writes: its table and conditions belong to a SELECT of their own."""
        inner = self.level(level, first="sub-select")
        if "relation" in node:
            self.table(node["relation"], inner, "sub-select")
        for item in (*node.get("fromClause", ()), *node.get("usingClause", ())):
            self.from_item(item, inner, "comma")
        self.where(node, inner)
        if select := node.get("selectStmt", {}).get("SelectStmt"):
            self.select(select, self.level(inner, first="sub-select"))

    def select(self, node: Node, level: Level) -> Outputs:
        self.with_clause(node, level)
        if node.get("op", "SETOP_NONE") != "SETOP_NONE":
            self.has_union = True
            first = self.level(level, 0, level.first)
            level.outputs = self.select(node["larg"], first)
            level.columns = first.columns
            self.select(node["rarg"], self.level(level, 0, level.first))
        elif "valuesLists" in node:
            for row in node["valuesLists"]:
                self.side(row, level)
            width = len(node["valuesLists"][0].get("List", {}).get("items", ()))
            level.outputs = Outputs({f"column{i + 1}": None for i in range(width)})
        else:
            for position, item in enumerate(node.get("fromClause", ())):
                self.from_item(item, level, "comma" if position else level.first)
            self.targets(node.get("targetList", ()), level)
            self.where(node, level)
            self.grouping(node, level)
        self.ordering(node, level)
        for clause in node.get("lockingClause", ()):
            locking = clause["LockingClause"]
            self.locking = _STRENGTHS.get(locking.get("strength", ""), "") + _WAITS.get(
                locking.get("waitPolicy", ""), ""
            )
        return level.outputs

    def from_item(self, item: Node, level: Level, join: str) -> None:
        """An entry of FROM. ``join`` is a `JoinKind` or ``comma``."""
        kind, node = next(iter(item.items()))
        if kind == "RangeVar":
            self.table(node, level, join)
        elif kind == "JoinExpr":
            self.join(node, level, join)
        elif kind == "RangeSubselect":
            self.has_sub_select = True
            outputs = self.select(node["subquery"]["SelectStmt"], self.level(level, first="sub-select"))
            alias = node.get("alias", {})
            names = [string_of(column) for column in alias.get("colnames", ())]
            name = alias.get("aliasname", "")
            level.relations.append(Relation(name, name, outputs=outputs.renamed(names) if names else outputs))
        else:
            name = node.get("alias", {}).get("aliasname", "")
            if kind == "RangeTableSample":
                self.from_item(node["relation"], level, join)
                return
            self.side(item, level)
            level.relations.append(Relation(name, name))

    def table(self, node: Node, level: Level, join: str) -> None:
        name = node["relname"]
        alias = node.get("alias", {}).get("aliasname", name)
        if "schemaname" not in node:
            found, outputs = level.cte(name)
            if found:
                level.relations.append(Relation(alias, alias, outputs=outputs))
                return
        unique = alias
        if unique in self.aliases:
            unique = next(f"{alias}#{n}" for n in range(2, 1_000_000) if f"{alias}#{n}" not in self.aliases)
        self.aliases.add(unique)
        known = None
        if self.schema is not None and (columns := self.schema.get(name)) is not None:
            known = columns if isinstance(columns, frozenset) else frozenset(columns)
        level.relations.append(Relation(alias, unique, name, known))
        kind: JoinKind = "cross" if join == "comma" else join  # type: ignore[assignment]
        if join == "comma":
            self.commas.append(len(self.tables))
        self.tables.append(QueryTable(name, node.get("schemaname"), unique, kind, level.depth, level.number))

    def tie_commas(self) -> None:
        """A table after a comma is joined when a condition compares its column with another table's."""
        if not self.commas:
            return
        tied = {c.alias for p in self.predicates if p.other and p.value == "column" for c in (p.column, p.other)}
        for position in self.commas:
            if self.tables[position].alias in tied:
                self.tables[position] = replace(self.tables[position], join="inner")

    def join(self, node: Node, level: Level, join: str) -> None:
        self.from_item(node["larg"], level, join)
        before = len(level.relations)
        bare = not any(key in node for key in ("quals", "usingClause", "isNatural"))
        jointype = node.get("jointype", "JOIN_INNER")
        self.from_item(node["rarg"], level, "cross" if bare else _JOINS.get(jointype, "inner"))
        if quals := node.get("quals"):
            self.condition(quals, level, _Context(clause="on"))
        for item in node.get("usingClause", ()):
            self.using(string_of(item), level, before)

    def using(self, name: str, level: Level, before: int) -> None:
        left = next((c for r in level.relations[:before] for found, c in (r.column(name),) if found and c), None)
        right = next((c for r in level.relations[before:] for found, c in (r.column(name),) if found and c), None)
        if left and right:
            self.predicates.append(
                Predicate(left, "=", "column", right, clause="on", depth=level.depth, select=level.number)
            )

    def targets(self, targets: Iterable[Node], level: Level) -> None:
        for item in targets:
            target = item["ResTarget"]
            value = target["val"]
            name = target.get("name")
            if "ColumnRef" in value:
                fields = value["ColumnRef"]["fields"]
                if "A_Star" in fields[-1]:
                    self.star(fields, level)
                    continue
                column = self.column(fields, level)
                level.columns.append(column)
                level.outputs.columns[name or string_of(fields[-1])] = column if column.table else None
            else:
                side = self.side(value, level)
                column_name = name or _output_name(value)
                # a cast alone keeps the column
                level.outputs.columns[column_name] = (
                    side.columns[0] if _is_cast(value) and len(side.columns) == 1 else None
                )
            if name:
                level.targets[name] = value
            level.target_list.append(value)

    def star(self, fields: list[Node], level: Level) -> None:
        alias = string_of(fields[-2]) if len(fields) > 1 else None
        for relation in level.relations:
            if alias is not None and relation.alias != alias:
                continue
            if relation.table is not None:
                level.columns.append(QueryColumn(relation.table, "*", relation.unique))
                if relation.known is None:
                    level.outputs.open.append(relation)
                for name in relation.known or ():
                    level.outputs.columns.setdefault(name, QueryColumn(relation.table, name, relation.unique))
            elif relation.outputs is not None:
                level.columns.extend(c for c in relation.outputs.columns.values() if c)
                level.columns.extend(QueryColumn(str(r.table), "*", r.unique) for r in relation.outputs.open)
                for name, column in relation.outputs.columns.items():
                    level.outputs.columns.setdefault(name, column)
                level.outputs.open.extend(relation.outputs.open)
            else:
                level.columns.append(QueryColumn("", "*", relation.alias))

    def where(self, node: Node, level: Level) -> None:
        if condition := node.get("whereClause"):
            self.condition(condition, level, _Context())

    def grouping(self, node: Node, level: Level) -> None:
        if having := node.get("havingClause"):
            self.condition(having, level, _Context(clause="having"))
        for item in _group_items(node.get("groupClause", ())):
            key, column = self.key(item, level, prefer_output=False)
            if column:
                level.group_by.append(column)
            else:
                level.group_expressions.append(expression_text(key))
        if "distinctClause" in node:
            level.distinct = True
            for item in node["distinctClause"]:
                if item:
                    _, column = self.key(item, level, prefer_output=True)
                    if column:
                        level.distinct_on.append(column)

    def ordering(self, node: Node, level: Level) -> None:
        for item in node.get("sortClause", ()):
            sort = item["SortBy"]
            key, column = self.key(sort["node"], level, prefer_output=True)
            level.order_by.append(order_key(sort, column, "" if column else expression_text(key)))
        level.limit = self.amount(node.get("limitCount"), level)
        level.offset = self.amount(node.get("limitOffset"), level)

    def amount(self, node: Node | None, level: Level) -> Amount:
        if node is None or node.get("A_Const", {}).get("isnull"):
            return ""
        return "parameter" if self.side(node, level).parameter else "constant"

    def key(self, node: Node, level: Level, *, prefer_output: bool) -> tuple[Node, QueryColumn | None]:
        """A key of ORDER BY, GROUP BY or DISTINCT ON, through names and numbers of the select list: its node, and its column
        when it is one."""
        constant = node.get("A_Const")
        if constant and "ival" in constant:
            position = constant["ival"].get("ival", 0)
            if 0 < position <= len(level.target_list):
                node = level.target_list[position - 1]
        elif "ColumnRef" in node and len(fields := node["ColumnRef"]["fields"]) == 1 and "A_Star" not in fields[0]:
            name = string_of(fields[0])
            known = name in level.targets or name in level.outputs.columns
            if known and (prefer_output or not self.input_has(name, level)):
                if column := level.outputs.columns.get(name):
                    return node, column
                node = level.targets.get(name, node)
        if "ColumnRef" in node:
            fields = node["ColumnRef"]["fields"]
            if "A_Star" in fields[-1]:
                return node, None
            found = self.column(fields, level)
            return node, found if found.table or level.relations else None
        self.side(node, level)
        return node, None

    def input_has(self, name: str, level: Level) -> bool:
        return any(r.certain and r.column(name)[0] for r in level.relations)

    # Columns

    def column(self, fields: list[Node], level: Level) -> QueryColumn:
        name = string_of(fields[-1])
        if len(fields) > 1:
            return self.qualified(string_of(fields[-2]), name, level)
        here: Level | None = level
        while here is not None:
            found = self.unqualified(name, here)
            if found is not None:
                if here is not level:
                    self.note_correlation(level, here)
                return found
            here = here.parent
        self.unresolved = True
        return QueryColumn("", name)

    def unqualified(self, name: str, level: Level) -> QueryColumn | None:
        """The column of this SELECT that a bare name means; None when it has none of that name."""
        certain = [c for r in level.relations if r.certain for found, c in (r.column(name),) if found]
        if certain:
            return certain[0] or QueryColumn("", name)
        uncertain = [r for r in level.relations if not r.certain]
        if not uncertain:
            return None
        tables = [r for r in uncertain if r.table is not None or r.outputs is not None]
        if len(level.relations) > 1 or level.parent is not None:
            self.unresolved = True
        if len(uncertain) == 1 and tables:
            return tables[0].column(name)[1] or QueryColumn("", name)
        return QueryColumn("", name)

    def qualified(self, alias: str, name: str, level: Level) -> QueryColumn:
        here: Level | None = level
        while here is not None:
            for relation in here.relations:
                if relation.alias == alias:
                    if here is not level:
                        self.note_correlation(level, here)
                    if relation.table is not None:
                        return QueryColumn(relation.table, name, relation.unique)
                    return relation.column(name)[1] or QueryColumn("", name, alias)
            here = here.parent
        return QueryColumn("", name, alias)

    def note_correlation(self, level: Level, found: Level) -> None:
        """The SELECTs between a column's use and its table depend on the outer row."""
        here: Level | None = level
        while here is not None and here is not found:
            here.correlated = True
            here = here.parent

    # Expressions

    def side(self, node: Node | None, level: Level) -> Side:
        """What an expression is made of. Sub-selects in it are read on the way, aggregates noted."""
        side = Side(node)
        if node is None:
            return side
        kind = next(iter(node))
        if kind == "ColumnRef":
            fields = node[kind]["fields"]
            if "A_Star" not in fields[-1]:
                side.columns.append(self.column(fields, level))
                side.bare = True
        elif kind == "ParamRef":
            side.parameter = node[kind].get("number", 0) or -1
        elif kind == "A_Const":
            side.literal = constant_text(node[kind])
        else:
            self.parts(node, level, side)
            if not side.columns and not side.parameter and not side.sub_select:
                side.literal = literal_text(node)
        return side

    def parts(self, node: Any, level: Level, side: Side) -> None:
        stack: list[Any] = [node]
        while stack:
            item = stack.pop()
            if item.__class__ is list:
                stack.extend(reversed(item))
                continue
            if item.__class__ is not dict:
                continue
            for kind, child in item.items():
                if kind in _LEAVES:
                    self.leaf(kind, child, level, side)
                elif child.__class__ is dict:
                    if kind == "FuncCall":
                        self.function(child, level)
                    stack.append(child)
                elif child.__class__ is list:
                    stack.append(child)

    def leaf(self, kind: str, node: Node, level: Level, side: Side) -> None:
        if kind == "ParamRef":
            side.parameter = side.parameter or node.get("number", 0) or -1
        elif kind == "SubLink":
            side.sub_select = True
            side.sub_column = self.sub_select(node["subselect"], level) or side.sub_column
            self.parts(node.get("testexpr"), level, side)
        elif "A_Star" not in node["fields"][-1]:
            column = self.column(node["fields"], level)
            if column not in side.columns:
                side.columns.append(column)

    def function(self, node: Node, level: Level) -> None:
        name = string_of(node["funcname"][-1])
        if "over" in node:
            level.windows.append(name)
        elif name in _AGGREGATES or any(key in node for key in _AGGREGATE_MARKS):
            if name not in level.aggregates:
                level.aggregates.append(name)

    def sub_select(self, node: Node, level: Level) -> QueryColumn | None:
        """Reads a sub-select; the column that it returns, when it returns one."""
        self.has_sub_select = True
        outputs = self.select(node["SelectStmt"], self.level(level, first="sub-select"))
        return next(iter(outputs.columns.values()), None) if len(outputs.columns) == 1 and not outputs.open else None

    # Conditions

    def condition(self, node: Node, level: Level, at: _Context) -> None:
        kind, content = next(iter(node.items()))
        if kind == "BoolExpr":
            self.boolean(content, level, at)
        elif kind == "A_Expr":
            self.comparison(content, level, at)
        elif kind == "NullTest":
            operator = "is null" if content.get("nulltesttype", "IS_NULL") == "IS_NULL" else "is not null"
            operator = _OPPOSITE[operator] if at.negated else operator
            self.emit(
                self.side(content["arg"], level),
                operator,
                None,
                level,
                replace(at, negated=False) if at.negated else at,
            )
        elif kind == "BooleanTest":
            value, negated = _TRUTH.get(content.get("booltesttype", "IS_TRUE"), ("null", False))
            context = replace(at, negated=at.negated != negated) if negated else at
            self.emit(self.side(content["arg"], level), "is", Side(None, literal=value), level, context)
        elif kind == "SubLink":
            self.sub_link(content, level, at)
        elif kind == "A_Const":
            return
        else:
            self.truth(node, level, at)

    def truth(self, node: Node, level: Level, at: _Context) -> None:
        """An expression that is a condition itself: ``is_active`` under NOT is ``is_active = false``."""
        side = self.side(node, level)
        if side.bare:
            at, value = (replace(at, negated=False), "false") if at.negated else (at, "true")
        else:
            value = "true"
        if side.columns:
            self.emit(side, "=", Side(None, literal=value), level, at)

    def boolean(self, node: Node, level: Level, at: _Context) -> None:
        operator = node["boolop"]
        arguments = node["args"]
        if operator == "NOT_EXPR":
            self.condition(arguments[0], level, replace(at, negated=not at.negated))
            return
        if (operator == "OR_EXPR") == at.negated or at.alternative:  # NOT (a OR b) is NOT a AND NOT b
            for argument in arguments:
                self.condition(argument, level, at)
            return
        self.alternatives += 1
        number = self.alternatives
        for branch, argument in enumerate(arguments, 1):
            self.condition(argument, level, replace(at, alternative=number, branch=branch))

    def sub_link(self, node: Node, level: Level, at: _Context) -> None:
        kind = node.get("subLinkType", "EXISTS_SUBLINK")
        returned = self.sub_select(node["subselect"], level)
        value = Side(None, sub_select=True, sub_column=returned)
        if "testexpr" not in node:
            self.add(NO_COLUMN, "exists" if kind == "EXISTS_SUBLINK" else "=", value, level, at)
            return
        operator = string_of(node["operName"][-1]) if "operName" in node else "="
        if kind == "ALL_SUBLINK" and operator == "<>":
            operator, at = "=", replace(at, negated=not at.negated)
        tests = node["testexpr"].get("RowExpr", {}).get("args") or [node["testexpr"]]
        for test in tests:
            self.emit(self.side(test, level), "in" if operator == "=" else operator, value, level, at)

    def comparison(self, node: Node, level: Level, at: _Context) -> None:
        kind = node.get("kind", "AEXPR_OP")
        operator = string_of(node["name"][-1]) if "name" in node else ""
        left, right = node.get("lexpr"), node.get("rexpr")
        operator, negate = _operator(kind, operator)
        if negate:
            at = replace(at, negated=not at.negated)
        left_row, right_row = _row(left), _row(right)
        if left_row and kind == "AEXPR_IN":
            self.row_in(left_row, right, level, at)
        elif left_row and right_row and len(left_row) == len(right_row):
            for position, (a, b) in enumerate(zip(left_row, right_row, strict=True), 1):
                self.pair(
                    self.side(a, level), operator, self.side(b, level), level, at, 0 if operator == "=" else position
                )
        elif kind == "AEXPR_OP_ANY" and operator == "in":
            self.any_of(self.side(left, level), self.side(right, level), level, at)
        elif kind == "AEXPR_NULLIF":
            self.truth({"A_Expr": node}, level, at)
        else:
            self.pair(self.side(left, level), operator, self.side(right, level), level, at)

    def any_of(self, left: Side, right: Side, level: Level, at: _Context) -> None:
        """``a = ANY ($1)`` is ``a IN (…)``; ``$1 = ANY (array_column)`` seeks in the array."""
        if not left.columns and right.columns:
            self.emit(right, "any", left, level, at)
        else:
            self.emit(left, "in", right, level, at)

    def row_in(self, columns: list[Node], right: Node | None, level: Level, at: _Context) -> None:
        value = self.side(right, level)
        for column in columns:
            self.emit(self.side(column, level), "in", value, level, at)

    def pair(self, left: Side, operator: str, right: Side, level: Level, at: _Context, row: int = 0) -> None:
        if not left.columns and right.columns:
            if operator in ("in", *_PATTERNS):  # 'x' LIKE column: the column is the pattern
                self.emit(right, f"{operator} of", left, level, at, row)
                return
            left, right, operator = right, left, _FLIPPED.get(operator, operator)
        elif not left.bare and right.bare and operator in ("=", "<>"):
            left, right = right, left
        self.emit(left, operator, right, level, at, row)

    def emit(self, left: Side, operator: str, right: Side | None, level: Level, at: _Context, row: int = 0) -> None:
        """A predicate for each column of the left side."""
        wrapped = wrapper = ""
        if not left.bare and left.columns:
            wrapped, wrapper = expression_text(left.node), wrapper_of(left.node)
        for column in left.columns[:4]:
            self.add(column, operator, right, level, at, wrapped, wrapper, row)
        if not left.columns and (left.sub_select or (right is not None and right.sub_select)):
            self.add(NO_COLUMN, operator, right, level, at)

    def add(
        self,
        column: QueryColumn,
        operator: str,
        right: Side | None,
        level: Level,
        at: _Context,
        wrapped: str = "",
        wrapper: str = "",
        row: int = 0,
    ) -> None:
        value, other, other_wrapped, parameter = "", None, "", 0
        wildcard: bool | None = False
        if right is not None:
            value, parameter = right.value, max(right.parameter, 0)
            if value == "column":
                other = right.columns[0]
                other_wrapped = "" if right.bare else expression_text(right.node)
            elif value == "sub-select":
                other = right.sub_column
            if operator in _PATTERNS:
                wildcard = begins_wild(right.node)
        self.predicates.append(
            Predicate(
                column=column,
                operator=operator,
                value=value,
                other=other,
                wrapped=wrapped,
                negated=at.negated,
                alternative=at.alternative,
                clause=at.clause,
                depth=level.depth,
                leading_wildcard=wildcard,
                select=level.number,
                branch=at.branch,
                parameter=parameter,
                wrapper=wrapper,
                other_wrapped=other_wrapped,
                row=row,
            )
        )


_CARRIERS = frozenset(("ExplainStmt", "DeclareCursorStmt", "PrepareStmt", "CreateTableAsStmt", "CopyStmt", "ViewStmt"))
_LEAVES = frozenset(("ColumnRef", "ParamRef", "SubLink"))
_AGGREGATE_MARKS = ("agg_star", "agg_distinct", "agg_order", "agg_filter", "agg_within_group")


def _merged_alternatives(predicates: list[Predicate]) -> Iterator[Predicate]:
    """``a = 1 OR a = 2`` is ``a IN (1, 2)``: an OR whose branches are one equality each, all on one column, narrows like one condition."""
    groups: dict[int, list[Predicate]] = {}
    for predicate in predicates:
        if predicate.alternative:
            groups.setdefault(predicate.alternative, []).append(predicate)
    merged = {number for number, group in groups.items() if _is_list(group)}
    done: set[int] = set()
    for predicate in predicates:
        if predicate.alternative not in merged:
            yield predicate
        elif predicate.alternative not in done:
            done.add(predicate.alternative)
            values = [p.value for p in groups[predicate.alternative]]
            value = "parameter" if "parameter" in values else f"({', '.join(values)})"
            yield replace(predicate, operator="in", value=value, alternative=0, branch=0)


def _is_list(group: list[Predicate]) -> bool:
    first = group[0]
    return len({p.branch for p in group}) == len(group) and all(
        p.operator == "="
        and not p.negated
        and p.column == first.column
        and p.wrapped == first.wrapped
        and p.value not in ("column", "sub-select", "expression")
        for p in group
    )


def order_key(sort: Node, column: QueryColumn | None, expression: str = "") -> OrderKey:
    """A key as its node in ORDER BY says."""
    nulls = sort.get("sortby_nulls", "SORTBY_NULLS_DEFAULT")
    return OrderKey(
        column,
        descending=sort.get("sortby_dir") == "SORTBY_DESC",
        nulls_first=None if nulls == "SORTBY_NULLS_DEFAULT" else nulls == "SORTBY_NULLS_FIRST",
        expression=expression,
    )


def _operator(kind: str, operator: str) -> tuple[str, bool]:
    """An operator as `Predicate` spells it, and whether it says the opposite."""
    if kind in ("AEXPR_LIKE", "AEXPR_ILIKE"):
        return _LIKES.get(operator, operator), operator.startswith("!")
    if kind == "AEXPR_SIMILAR":
        return "similar to", operator.startswith("!")
    if kind in ("AEXPR_IN", "AEXPR_OP_ANY", "AEXPR_OP_ALL"):
        if operator == "=" and kind != "AEXPR_OP_ALL":
            return "in", False
        if operator == "<>" and kind != "AEXPR_OP_ANY":
            return "in", True
        return _LIKES.get(operator, operator) + (" all" if kind == "AEXPR_OP_ALL" else " any"), False
    if "BETWEEN" in kind:
        return "between", kind.startswith("AEXPR_NOT")
    if kind == "AEXPR_DISTINCT":
        return "is not distinct from", True
    if kind == "AEXPR_NOT_DISTINCT":
        return "is not distinct from", False
    return _LIKES.get(operator, operator), operator in ("!~~", "!~~*")


def _named_tables(node: Node) -> list[Node]:
    """The tables that a utility statement names."""
    named = [item["RangeVar"] for item in node.get("relations", ()) if "RangeVar" in item]
    relation = node.get("relation")
    return [*named, relation] if isinstance(relation, dict) and "relname" in relation else named


def _row(node: Node | None) -> list[Node] | None:
    row = node.get("RowExpr") if node else None
    return row["args"] if row and "args" in row else None


def _group_items(items: Iterable[Node]) -> Iterator[Node]:
    for item in items:
        if "GroupingSet" in item:
            yield from _group_items(item["GroupingSet"].get("content", ()))
        elif "RowExpr" in item:
            yield from _group_items(item["RowExpr"].get("args", ()))
        else:
            yield item


def _output_name(node: Node) -> str:
    kind, content = next(iter(node.items()))
    if kind == "FuncCall":
        return string_of(content["funcname"][-1])
    if kind == "TypeCast":
        inner = content["arg"]
        if "ColumnRef" in inner:
            return string_of(inner["ColumnRef"]["fields"][-1])
        return _output_name(inner) if "FuncCall" in inner or "TypeCast" in inner else "?column?"
    return {"CaseExpr": "case", "CoalesceExpr": "coalesce", "SubLink": "exists"}.get(kind, "?column?")


def _is_cast(node: Node) -> bool:
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    return "ColumnRef" in node
