"""Statements written otherwise, on PostgreSQL's own parse tree, and judged by its planner before and after.

Trees are plain dictionaries (the parser's JSON). A rewriting changes a copy; its text is written by PostgreSQL's own writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec
import postgast
from google.protobuf import json_format

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.relations import Relations
from dbwright.fixes.sql import create_index
from dbwright.model.advice import Measure
from dbwright.model.catalog import Column, Table
from dbwright.model.change import CreateIndex
from dbwright.model.wording import bytes_text
from dbwright.source.expressions import string_of
from dbwright.source.placeholders import numbered
from dbwright.source.sql import CannotTakeApart, fingerprint, parse_statements

Node = dict[str, Any]

LEAST_SHARE = 0.005
"""Of the workload that a rewriting must save to be told."""
MOST_AFTER = 0.75
"""Share of a statement's cost above which a rewriting is not told: estimates err by more."""


def select_of(sql: str) -> Node | None:
    """The tree of a statement that is one SELECT, to be changed at will; None for anything else."""
    tree = _parsed(sql)
    return _decode(tree) if tree else None


@lru_cache(maxsize=1024)
def _parsed(sql: str) -> bytes:
    """As JSON, which is made into a new tree sooner than a tree is copied: every kind of measure asks for it."""
    try:
        statements = parse_statements(numbered(sql)[0])
    except CannotTakeApart:
        return b""
    select = statements[0].get("SelectStmt") if len(statements) == 1 else None
    return msgspec.json.encode(select) if select is not None else b""


_decode = msgspec.json.Decoder(Node).decode


def text_of(select: Node) -> str | None:
    """A SELECT as SQL; None where PostgreSQL's writer has no text for it."""
    tree = postgast.ParseResult()
    try:
        json_format.ParseDict({"version": 170000, "stmts": [{"stmt": {"SelectStmt": select}}]}, tree)
        return str(postgast.deparse(tree)).strip()
    except (json_format.ParseError, postgast.PgQueryError, RecursionError):
        return None


def on_lines(sql: str) -> str:
    """The text on several lines, for people; as it is where that would say something else."""
    try:
        spread = str(postgast.format_sql(sql)).strip().rstrip(";")
    except (postgast.PgQueryError, RecursionError):
        return sql
    return spread if fingerprint(spread) == fingerprint(sql) else sql


def walk(node: Any) -> Iterator[Node]:
    """All dictionaries of a tree, each before those in it."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            yield here
            waiting.extend(reversed(here.values()))
        elif isinstance(here, list):
            waiting.extend(reversed(here))


def selects(root: Node) -> Iterator[Node]:
    """A SELECT and all SELECTs in it that are no combination (UNION …) of others."""
    for node in walk({"SelectStmt": root}):
        inner = node.get("SelectStmt")
        if isinstance(inner, dict) and "fromClause" in inner:
            yield inner
    for node in walk(root):
        for side in ("larg", "rarg"):
            inner = node.get(side)
            if isinstance(inner, dict) and "fromClause" in inner and "targetList" in inner:
                yield inner


def conjuncts(condition: Node | None) -> list[Node]:
    """What AND ties together."""
    if condition is None:
        return []
    both = condition.get("BoolExpr")
    if both and both.get("boolop") == "AND_EXPR":
        return [part for argument in both["args"] for part in conjuncts(argument)]
    return [condition]


def all_of(parts: Sequence[Node]) -> Node | None:
    """AND of conditions."""
    if len(parts) < 2:
        return parts[0] if parts else None
    return {"BoolExpr": {"boolop": "AND_EXPR", "args": list(parts)}}


def set_where(select: Node, parts: Sequence[Node]) -> None:
    """Give a SELECT these conditions for its WHERE."""
    select.pop("whereClause", None)
    if condition := all_of(parts):
        select["whereClause"] = condition


def operation(operator: str, left: Node, right: Node) -> Node:
    return {"A_Expr": {"kind": "AEXPR_OP", "name": [{"String": {"sval": operator}}], "lexpr": left, "rexpr": right}}


def operator_of(node: Node) -> str:
    """The operator of a plain comparison or computation, empty for anything else."""
    expression = node.get("A_Expr", {})
    return string_of(expression["name"][-1]) if expression.get("kind") == "AEXPR_OP" else ""


def exists(select: Node, wanted: bool = True) -> Node:
    """EXISTS of a SELECT, whatever it gives and in which order; else NOT EXISTS."""
    inner = {key: value for key, value in select.items() if key != "sortClause"}
    inner["targetList"] = [{"ResTarget": {"val": {"A_Const": {"ival": {"ival": 1}}}}}]
    link: Node = {"SubLink": {"subLinkType": "EXISTS_SUBLINK", "subselect": {"SelectStmt": inner}}}
    return link if wanted else {"BoolExpr": {"boolop": "NOT_EXPR", "args": [link]}}


def column_node(alias: str | None, name: str) -> Node:
    parts = (alias, name) if alias else (name,)
    return {"ColumnRef": {"fields": [{"String": {"sval": part}} for part in parts]}}


def rewrites(evidence: Evidence, rewrite: Callable[[Evidence, Observed, Node], Rewriting | None]) -> Iterator[Measure]:
    """What one kind of rewriting gives for the SELECTs of the workload: one measure for what is alike."""
    alike: dict[str, Measure] = {}
    for observed in evidence.observed:
        if observed.query.verb != "select":
            continue
        root = select_of(observed.statement.sql)
        rewriting = rewrite(evidence, observed, root) if root is not None else None
        measure = judged(evidence, observed, rewriting) if rewriting is not None else None
        if measure is None:
            continue
        first = alike.get(measure.title)
        alike[measure.title] = measure if first is None else _with(first, measure)
    for measure in alike.values():
        yield replace(measure, evidence=(*measure.evidence, f"This is {evidence.share_text(measure.share)}."))


def _with(first: Measure, other: Measure) -> Measure:
    """Another statement of the same kind: the first is the example."""
    return replace(first, statements=(*first.statements, *other.statements), share=first.share + other.share)


def function_name(node: Node) -> str:
    """The bare name of a function that is called, empty for anything else."""
    call = node.get("FuncCall")
    return string_of(call["funcname"][-1]) if call else ""


@dataclass(frozen=True, slots=True)
class Source:
    """A table in a FROM clause. ``optional``: an outer join may leave its columns NULL."""

    alias: str
    table: Table
    optional: bool


@dataclass(frozen=True)
class Scope:
    """The FROM clause of one SELECT. ``opaque`` are the aliases of what is no table of the snapshot: sub-selects, functions."""

    sources: Mapping[str, Source]
    opaque: frozenset[str]
    relations: Relations

    @property
    def complete(self) -> bool:
        """Whether it holds tables of the snapshot only."""
        return not self.opaque

    def is_opaque(self, node: Node) -> bool:
        """Whether a reference names a column of what is no table."""
        fields = node.get("ColumnRef", {}).get("fields", ())
        return len(fields) == 2 and string_of(fields[0]) in self.opaque and "A_Star" not in fields[1]

    def owner(self, node: Node) -> tuple[Source, Column] | None:
        """The source and column that a reference means, when it is one of this SELECT's tables."""
        fields = node.get("ColumnRef", {}).get("fields", ())
        if not fields or "A_Star" in fields[-1]:
            return None
        name = string_of(fields[-1])
        if len(fields) > 1:
            source = self.sources.get(string_of(fields[-2]))
            return self._column(source, name) if source else None
        found = [one for source in self.sources.values() if (one := self._column(source, name))]
        return found[0] if len(found) == 1 and self.complete else None

    def _column(self, source: Source, name: str) -> tuple[Source, Column] | None:
        column = self.relations.catalog.column(source.table, name)
        return (source, column) if column else None

    def owners(self, node: Any) -> set[str] | None:
        """Aliases whose columns stand in an expression; None when one of them is not known, or a sub-select stands in it."""
        aliases: set[str] = set()
        for part in walk(node):
            if "SubLink" in part:
                return None
            if self.is_opaque(part):
                aliases.add(string_of(part["ColumnRef"]["fields"][0]))
            elif "ColumnRef" in part:
                found = self.owner(part)
                if found is None:
                    return None
                aliases.add(found[0].alias)
        return aliases


def scope_of(select: Node, relations: Relations, hidden: frozenset[str] = frozenset()) -> Scope:
    """``hidden`` are names of common table expressions, which are no tables."""
    sources: dict[str, Source] = {}
    opaque: set[str] = set()

    def enter(item: Node, optional: bool) -> None:
        kind, node = next(iter(item.items()))
        if kind == "JoinExpr":
            how = node.get("jointype", "JOIN_INNER")
            enter(node["larg"], optional or how in ("JOIN_RIGHT", "JOIN_FULL"))
            enter(node["rarg"], optional or how in ("JOIN_LEFT", "JOIN_FULL"))
            return
        table = None
        if kind == "RangeVar" and (node.get("schemaname") or node["relname"] not in hidden):
            table = relations.find(node.get("schemaname"), node["relname"])
        alias = node.get("alias", {}).get("aliasname") or node.get("relname", "")
        if table is None or table.kind == "view" or alias in sources:
            opaque.add(alias)
            return
        sources[alias] = Source(alias, table, optional)

    for item in select.get("fromClause", ()):
        enter(item, False)
    return Scope(sources, frozenset(opaque), relations)


def common_names(root: Node) -> frozenset[str]:
    """The names of all common table expressions of a statement."""
    return frozenset(node["CommonTableExpr"]["ctename"] for node in walk(root) if "CommonTableExpr" in node)


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A statement written otherwise. ``why`` is the reason, ``equality`` on what the result is the same; ``indexes`` are needed beside
    those advised."""

    kind: str
    title: str
    select: Node
    why: str
    equality: str
    indexes: tuple[CreateIndex, ...] = ()


def judged(evidence: Evidence, observed: Observed, rewriting: Rewriting) -> Measure | None:
    """The rewriting as advice, when the planner finds it cheaper by more than estimates err and the workload would notice."""
    sql = text_of(rewriting.select)
    before = evidence.plan_of(observed)
    after = evidence.plan(sql, rewriting.indexes, like=observed) if sql else None
    if sql is None or before is None or after is None or before.cost <= 0:
        return None
    saved = observed.share * (1 - after.cost / before.cost)
    if after.cost > before.cost * MOST_AFTER or saved < LEAST_SHARE:
        return None
    made = "".join(create_index(index, online=True) + ";\n" for index in rewriting.indexes)
    size = sum(evidence.size_of(index) for index in rewriting.indexes)
    return Measure(
        kind=rewriting.kind,
        title=rewriting.title,
        evidence=(rewriting.why,),
        statements=(observed.number,),
        share=observed.share,
        before=before.cost,
        after=after.cost,
        method="The planner's cost of a call of the first statement, both beside the advised indexes"
        + (" and the rewriting with the index given" if made else ""),
        change=f"{made}{on_lines(sql)};",
        price=f"{_bytes(size)}a change of the code. {rewriting.equality}",
        confidence="high" if after.cost < before.cost / 10 else "medium",
        proof="run both on a copy with EXPLAIN (ANALYZE, BUFFERS) and compare the rows that they give",
    )


def _bytes(size: int) -> str:
    return f"an index of {bytes_text(size)} (estimate) and " if size else ""
