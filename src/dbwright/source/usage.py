"""What a statement reads of each of its tables: the reader of `source.sql`, which also keeps every column that it meets.

The other reader is left as quick as it is: projects have thousands of queries of which only columns that are compared count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
import postgast
from google.protobuf import json_format

from dbwright.model.query import OrderKey, QueryColumn, Usage, with_values
from dbwright.source.expressions import Node, expression_text, string_of
from dbwright.source.placeholders import numbered
from dbwright.source.sql import (
    CannotTakeApart,
    Level,
    Outputs,
    Reader,
    Relation,
    Schema,
    Side,
    fingerprint,
    order_key,
    parse_statements,
)

MOST_SELECTS = 500
"""SELECTs of one statement, with those of its views; what has more is not read."""


def usage_of(
    sql: str, schema: Schema, values: Mapping[int, Any] | None = None, views: Mapping[str, str] | None = None
) -> Usage:
    """One statement with all columns that it reads. ``views`` are the definitions of views by their names: a view is read as the
    sub-select that it is. ``values`` are those of parameters, by number from 1. Raises `CannotTakeApart`."""
    text = numbered(sql)[0]
    statements = parse_statements(text)
    if len(statements) != 1:
        raise CannotTakeApart("no statement" if not statements else f"{len(statements)} statements in one text")
    reader = _UsageReader(schema, views or {})
    reader.inserts = "InsertStmt" in statements[0]
    try:
        query = reader.statement(statements[0], fingerprint(text))
    except RecursionError:
        raise CannotTakeApart("nested too deeply") from None
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError) as error:
        raise CannotTakeApart(f"a form that is not understood ({type(error).__name__}: {error})") from None
    return Usage(
        query=with_values(query, values) if values else query,
        columns=reader.columns(),
        extremes=tuple(reader.extremes),
        windows=tuple(reader.windows),
        twins=tuple(reader.twins),
        expressions=reader.expressions(values or {}),
    )


class _UsageReader(Reader):
    """Reads one statement and keeps the columns, the expressions, and which outputs of a UNION stand at one place."""

    def __init__(self, schema: Schema, views: Mapping[str, str]) -> None:
        super().__init__(schema)
        self.views = views
        self.inserts = False
        self.open_views: list[str] = []
        self.used: dict[QueryColumn, None] = {}
        self.extremes: dict[QueryColumn, None] = {}
        self.windows: dict[tuple[OrderKey, ...], None] = {}
        self.twins: dict[tuple[QueryColumn, QueryColumn], None] = {}
        self.nodes: dict[str, Node] = {}
        self.asked: Counter[int] = Counter()

    def columns(self) -> tuple[QueryColumn, ...]:
        """What is read of the first branch of a UNION is read of the others."""
        found = dict.fromkeys(column for column in self.used if column.table)
        for one, other in self.twins:
            if one in found:
                found[other] = None
        return tuple(found)

    def expressions(self, values: Mapping[int, Any]) -> dict[str, str]:
        found = ((text, faithful(node, values)) for text, node in self.nodes.items())
        return {text: sql for text, sql in found if sql}

    def level(self, parent: Level | None, deeper: int = 1, first: Any = "from") -> Level:
        if len(self.levels) >= MOST_SELECTS:
            raise CannotTakeApart(f"more than {MOST_SELECTS} SELECTs")
        return super().level(parent, deeper, first)

    def column(self, fields: list[Node], level: Level) -> QueryColumn:
        found = super().column(fields, level)
        if len(fields) == 1 and (row := _relation(string_of(fields[0]), level)) and not row.column(row.alias)[0]:
            found = QueryColumn(str(row.table), "*", row.unique)  # a whole row: count(t), row_to_json(t)
        self.used[found] = None
        return found

    def using(self, name: str, level: Level, before: int) -> None:
        known = len(self.predicates)
        super().using(name, level, before)
        for predicate in self.predicates[known:]:
            self.used[predicate.column] = None
            if predicate.other:
                self.used[predicate.other] = None

    def star(self, fields: list[Node], level: Level) -> None:
        known = len(level.columns)
        super().star(fields, level)
        if level.first != "sub-select":
            self.used.update(dict.fromkeys(level.columns[known:]))

    def targets(self, targets: Iterable[Node], level: Level) -> None:
        """A column that a sub-select only hands on counts where it is asked for."""
        for item in targets:
            known = len(self.used)
            super().targets([item], level)
            if level.first == "sub-select" and "ColumnRef" in item["ResTarget"]["val"]:
                while len(self.used) > known:
                    self.used.popitem()

    def hand_on(self, outputs: Outputs) -> None:
        """All that a SELECT gives counts, whoever asks for it."""
        self.used.update((column, None) for column in outputs.columns.values() if column)
        self.used.update((QueryColumn(str(relation.table), "*", relation.unique), None) for relation in outputs.open)

    def with_clause(self, node: Node, level: Level) -> None:
        super().with_clause(node, level)
        clause = node.get("withClause", {})
        for item in clause.get("ctes", ()):
            cte = item["CommonTableExpr"]
            outputs = level.ctes.get(cte["ctename"])
            if outputs and (clause.get("recursive") or cte.get("ctematerialized") == "CTEMaterializeAlways"):
                self.hand_on(outputs)

    def sub_select(self, node: Node, level: Level) -> QueryColumn | None:
        column = super().sub_select(node, level)
        if column:
            self.used[column] = None
        return column

    def leaf(self, kind: str, node: Node, level: Level, side: Side) -> None:
        super().leaf(kind, node, level, side)
        if kind == "ColumnRef" and "A_Star" in node["fields"][-1] and len(node["fields"]) > 1:
            if row := _relation(string_of(node["fields"][-2]), level):
                self.used[QueryColumn(str(row.table), "*", row.unique)] = None

    def select(self, node: Node, level: Level) -> Outputs:
        outputs = super().select(node, level)
        for item in node.get("windowClause", ()):
            self.side(item, level)
            self.window(item["WindowDef"], level)
        operation = node.get("op", "SETOP_NONE")
        if operation != "SETOP_NONE":
            branches = [b for b in self.levels[level.number + 1 :] if b.parent is level and b.depth == level.depth]
            self.pair_outputs(branches[0].outputs, branches[-1].outputs)
            if operation != "SETOP_UNION" or not node.get("all"):
                self.hand_on(branches[0].outputs)
                self.hand_on(branches[-1].outputs)
        if "distinctClause" in node or (self.inserts and level.depth == 1):
            self.hand_on(outputs)
        return outputs

    def pair_outputs(self, first: Outputs, second: Outputs) -> None:
        if len(first.columns) != len(second.columns) or first.open or second.open:
            self.hand_on(second)  # names that stand twice, or stars over tables that are not known
            return
        for one, other in zip(first.columns.values(), second.columns.values(), strict=True):
            if one and other:
                self.twins[one, other] = None
            elif other:
                self.used[other] = None  # beside an expression: who asks for it is not told

    def table(self, node: Node, level: Level, join: str) -> None:
        name = node["relname"]
        definition = None if name in self.open_views or level.cte(name)[0] else self.views.get(name)
        if definition is None:
            super().table(node, level, join)
            if (outputs := level.relations[-1].outputs) is not None:
                self.asked[id(outputs)] += 1
                if self.asked[id(outputs)] > 1:
                    self.hand_on(outputs)  # a CTE that is read twice is made whole
            return
        statements = parse_statements(definition)
        if len(statements) != 1 or "SelectStmt" not in statements[0]:
            raise CannotTakeApart(f"the view {name} is not one SELECT")
        self.open_views.append(name)
        # A view sees none of the statement's CTEs and columns, so its SELECT has no parent; its depth does not matter then.
        inner = self.level(None, first="sub-select")
        inner.depth = level.depth + 1
        outputs = self.select(statements[0]["SelectStmt"], inner)
        self.open_views.pop()
        alias = node.get("alias", {})
        names = [string_of(column) for column in alias.get("colnames", ())]
        shown = alias.get("aliasname", name)
        level.relations.append(Relation(shown, shown, outputs=outputs.renamed(names) if names else outputs))

    def function(self, node: Node, level: Level) -> None:
        super().function(node, level)
        arguments = node.get("args", ())
        if "over" in node:
            self.window(node["over"], level)
        elif len(arguments) == 1 and string_of(node["funcname"][-1]) in ("min", "max"):
            if column := self.bare(arguments[0], level):
                self.extremes[column] = None

    def window(self, node: Node, level: Level) -> None:
        """The order that a window needs its rows in, as far as it is one of columns."""
        keys: list[OrderKey] = []
        for item in (*node.get("partitionClause", ()), *node.get("orderClause", ())):
            sort = item.get("SortBy", {"node": item})
            column = self.bare(sort["node"], level)
            if column is None:
                break
            keys.append(order_key(sort, column))
        if keys:
            self.windows[tuple(keys)] = None

    def bare(self, node: Node, level: Level) -> QueryColumn | None:
        """The column that an expression is, when it is one of a table."""
        if "ColumnRef" not in node or "A_Star" in node["ColumnRef"]["fields"][-1]:
            return None
        column = self.column(node["ColumnRef"]["fields"], level)
        return column if column.table and column.column != "*" else None

    def key(self, node: Node, level: Level, *, prefer_output: bool) -> tuple[Node, QueryColumn | None]:
        found, column = super().key(node, level, prefer_output=prefer_output)
        if column is not None:
            self.used[column] = None
        else:
            self.nodes.setdefault(expression_text(found), found)
        return found, column

    def emit(self, left: Side, operator: str, right: Side | None, level: Level, at: Any, row: int = 0) -> None:
        for side in (left, right):
            if side is not None and side.node is not None and side.columns and not side.bare:
                self.nodes.setdefault(expression_text(side.node), side.node)
        super().emit(left, operator, right, level, at, row)


def _relation(alias: str, level: Level) -> Relation | None:
    """The table of that alias in this SELECT, or in one around it."""
    here: Level | None = level
    while here is not None:
        for relation in here.relations:
            if relation.alias == alias:
                return relation if relation.table is not None and relation.known is not None else None
        here = here.parent
    return None


def faithful(node: Node, values: Mapping[int, Any]) -> str:
    """An expression as SQL that means the same in the definition of an index: columns are unqualified, known parameters stand as constants,
    types and quoting are kept. Empty when PostgreSQL's own writer has no text for it."""
    return _written(msgspec.json.encode(_plain(node, values)))


@lru_cache(maxsize=4096)
def _written(node: bytes) -> str:
    value = {"ResTarget": {"val": msgspec.json.decode(node)}}
    select = {"targetList": [value], "limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE"}
    tree = postgast.ParseResult()
    try:
        json_format.ParseDict({"version": 170000, "stmts": [{"stmt": {"SelectStmt": select}}]}, tree)
        return str(postgast.deparse(tree)).removeprefix("SELECT ").strip()
    except (json_format.ParseError, postgast.PgQueryError, RecursionError):
        return ""


def _plain(node: Any, values: Mapping[int, Any]) -> Any:
    """The tree without what belongs to the statement: qualification, parameters, places in the text."""
    if isinstance(node, list):
        return [_plain(item, values) for item in node]
    if not isinstance(node, dict):
        return node
    plain: dict[str, Any] = {}
    for key, child in node.items():
        if key == "ColumnRef":
            plain[key] = {"fields": child["fields"][-1:]}
        elif key == "ParamRef" and (constant := _constant(values.get(child.get("number", 0)))):
            plain["A_Const"] = constant
        elif key != "location":
            plain[key] = _plain(child, values)
    return plain


def _constant(value: Any) -> Node | None:
    if isinstance(value, str):
        return {"sval": {"sval": value}}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31:
        return {"ival": {"ival": value}}
    return None
