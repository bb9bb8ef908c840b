"""Whether two SQL texts are the same query, on PostgreSQL's parse tree.

Values and parameters are alike, an IN list has no length, aliases are the names of their tables, the order of conditions and of inner
joins does not count, ``a = b`` is ``b = a``. What is selected is compared apart: an ORM's writer may name other columns and read the
same rows the same way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice, permutations, product
from typing import Any

import postgast

VALUE = "?"
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
SYMMETRIC = frozenset(("=", "<>"))
PARTS = (
    "statement",
    "tables",
    "joins",
    "predicates",
    "grouping",
    "having",
    "order",
    "limit",
    "distinct",
    "locking",
    "written",
    "select",
)
"""What is compared. ``select`` does not count for equality."""

Form = Any
"""A canonical, hashable piece of a parse tree: nested tuples and strings."""


class NotSql(ValueError):
    """PostgreSQL's grammar refuses the text; the message is the grammar's."""


@dataclass(frozen=True)
class Difference:
    """One part that differs: what only the first and what only the second text has, as readable pieces."""

    part: str
    expected: tuple[str, ...]
    actual: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.part}: {' ; '.join(self.expected) or '-'} <> {' ; '.join(self.actual) or '-'}"


@dataclass(frozen=True)
class Comparison:
    """The differences of two queries, in the order of `PARTS`."""

    differences: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        """The same tables, joins, predicates, grouping, order and limit."""
        return not any(d.part != "select" for d in self.differences)

    @property
    def same_select(self) -> bool:
        return not any(d.part == "select" for d in self.differences)

    @property
    def reason(self) -> str:
        """The parts that differ, without the select list; empty when equal."""
        return ", ".join(d.part for d in self.differences if d.part != "select")


def compare(expected: str, actual: str) -> Comparison:
    """Compare two statements. Raises `NotSql` when either is not a statement of PostgreSQL."""
    first, second = parse(expected), parse(actual)
    best: Comparison | None = None
    wanted = Shape.of(first)
    # Two occurrences of one table: which of them is which is only known by trying, and not worth it where the tables are others.
    counts = tables_in(actual)
    alike = tables_in(expected) == counts
    for numbers in islice(numberings(counts), None if alike else 1):
        found = Comparison(tuple(wanted.against(Shape.of(second, numbers))))
        if best is None or cost(found) < cost(best):
            best = found
        if found.equal:
            break
    assert best is not None
    return best


def cost(comparison: Comparison) -> tuple[int, int]:
    differences = [d for d in comparison.differences if d.part != "select"]
    return len(differences), sum(len(d.expected) + len(d.actual) for d in differences)


def placeholders(sql: str) -> str:
    """The text with a driver's placeholders (``%s``, ``%(name)s``) as PostgreSQL's, numbered.

    What SQLAlchemy adds to IN of an empty list is left out: a list has no length.
    """
    sql = re.sub(r"\(NULL\) (?:AND \(1 != 1\)|OR \(1 = 1\))", "(NULL)", sql)
    if "%" not in sql:
        return sql
    numbers = iter(range(1, 1_000_000))
    text = re.sub(r"%%|%s|%\(\w+\)s", lambda m: "%" if m.group() == "%%" else f"${next(numbers)}", sql)
    return re.sub(r"(?<![:\w]):(\w+)\b(?!:)", r"\g<0>", text)


@lru_cache(maxsize=4_000)
def parse(sql: str) -> Any:
    """The parse tree of the one statement in a text."""
    try:
        tree = postgast.parse(placeholders(sql))
    except (postgast.PgQueryError, UnicodeError) as error:
        raise NotSql(str(error)) from error
    if len(tree.stmts) != 1:
        raise NotSql(f"{len(tree.stmts)} statements")
    return tree.stmts[0].stmt


def tables_of(statement: Any) -> Counter[str]:
    """How often each table stands in a statement."""
    return Counter(n.relname for n in nodes(statement, "RangeVar"))


@lru_cache(maxsize=4_000)
def tables_in(sql: str) -> Counter[str]:
    """How often each table stands in a text."""
    return tables_of(parse(sql))


def numberings(counts: Counter[str]) -> Iterator[dict[str, tuple[int, ...]]]:
    """Ways of numbering the tables that occur more than once, the order of the text first; at most 720."""
    several = [(name, count) for name, count in sorted(counts.items()) if count > 1]
    ways = product(*(permutations(range(min(count, 5))) for _name, count in several))
    for way in islice(ways, 720):
        yield {name: order for (name, _count), order in zip(several, way, strict=True)}


def is_rows(source: Any) -> bool:
    """Whether a SELECT only turns arrays into rows: how a framework writes the VALUES of an INSERT when there are several."""
    return (
        len(source.from_clause) == 1
        and kind_of(inner(source.from_clause[0])) == "RangeFunction"
        and all(call.funcname[-1].string.sval == "unnest" for call in nodes(source, "FuncCall"))
    )


def nodes(message: Any, kind: str) -> Iterator[Any]:
    if message.DESCRIPTOR.name == kind:
        yield message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for child in value if is_repeated(value) else (value,):
                yield from nodes(child, kind)


def is_repeated(value: Any) -> bool:
    return hasattr(value, "__len__") and not hasattr(value, "DESCRIPTOR") and not isinstance(value, str | bytes)


def inner(node: Any) -> Any:
    """The message that a Node wraps; itself when it is none."""
    if node.DESCRIPTOR.name != "Node":
        return node
    name = node.WhichOneof("node")
    return None if name is None else getattr(node, name)


def kind_of(message: Any) -> str:
    return "" if message is None else str(message.DESCRIPTOR.name)


@dataclass
class Scope:
    """The names that a level of the query knows, and the levels around it."""

    labels: dict[str, str] = field(default_factory=dict)
    outer: Scope | None = None
    outputs: dict[str, Form] = field(default_factory=dict)

    def label(self, alias: str) -> str:
        scope: Scope | None = self
        while scope is not None:
            if alias in scope.labels:
                return scope.labels[alias]
            scope = scope.outer
        return alias

    @property
    def only(self) -> str:
        """The one table of this level, or nothing."""
        labels = list(dict.fromkeys(self.labels.values()))
        return labels[0] if len(labels) == 1 else ""


@dataclass
class Numbers:
    """Counts the occurrences of each table through the whole statement, in the order of the text or as told."""

    told: dict[str, tuple[int, ...]]
    seen: Counter[str] = field(default_factory=Counter)
    tables: Counter[str] = field(default_factory=Counter)

    def label(self, name: str) -> str:
        position = self.seen[name]
        self.seen[name] += 1
        order = self.told.get(name, ())
        number = order[position] if position < len(order) else position
        return f"{name}#{number + 1}" if number else name


@dataclass
class Shape:
    """The canonical parts of a statement."""

    parts: dict[str, Counter[Form] | tuple[Form, ...]]

    @classmethod
    def of(cls, statement: Any, told: dict[str, tuple[int, ...]] | None = None) -> Shape:
        numbers = Numbers(told or {})
        parts = Reader(numbers).statement(inner(statement), None)
        parts["tables"] = numbers.tables
        return cls(parts)

    def against(self, other: Shape) -> Iterator[Difference]:
        for part in PARTS:
            first, second = self.parts.get(part, Counter()), other.parts.get(part, Counter())
            if isinstance(first, tuple) or isinstance(second, tuple):  # what has an order
                if tuple(first) != tuple(second):
                    yield Difference(part, tuple(map(text_of, first)), tuple(map(text_of, second)))
            elif first != second:
                missing, extra = first - second, second - first
                yield Difference(part, texts(missing.elements()), texts(extra.elements()))

    def frozen(self) -> Form:
        return frozen(self.parts)


def frozen(parts: dict[str, Any], without: tuple[str, ...] = ()) -> Form:
    rows = []
    for part in PARTS:
        value = parts.get(part)
        if value and part not in without:
            rows.append((part, value if isinstance(value, tuple) else tuple(sorted(value.items(), key=repr))))
    return tuple(rows)


class Reader:
    """Turns parse trees into canonical parts."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    def statement(self, message: Any, outer: Scope | None) -> dict[str, Any]:
        kind = kind_of(message)
        read = {
            "SelectStmt": self.select,
            "InsertStmt": self.insert,
            "UpdateStmt": self.update,
            "DeleteStmt": self.delete,
        }.get(kind)
        if read is None:
            return {"statement": (kind,)}
        scope = Scope(outer=outer)
        common = self.common_tables(message, scope)
        parts = read(message, scope)
        if common:
            parts["joins"] = parts.get("joins", Counter()) + Counter(common)
        return parts

    def common_tables(self, message: Any, scope: Scope) -> list[Form]:
        if not message.HasField("with_clause"):
            return []
        found = []
        for number, node in enumerate(message.with_clause.ctes, 1):
            expression = node.common_table_expr
            # The name first: a recursive one speaks of itself.
            scope.labels["with " + expression.ctename] = f"with{number}"
            body = self.statement(inner(expression.ctequery), scope)
            found.append(("with", f"with{number}", frozen(body, ("select",))))
        return found

    def select(self, message: Any, scope: Scope) -> dict[str, Any]:
        if message.larg.ListFields():
            return self.combined(message, scope)
        parts: dict[str, Any] = {"statement": ("select",)}
        joins: Counter[Form] = Counter()
        conditions: list[Form] = []
        # Every name of the level before any condition: an ON may speak of what comes later in a lateral join.
        sources = [self.source(item, scope) for item in message.from_clause]
        for source in sources:
            conditions += self.joined(source, scope, joins)
        targets = []
        for node in message.target_list:
            target = node.res_target
            form = self.expression(target.val, scope)
            targets.append(form)
            if target.name:
                scope.outputs[target.name] = form
        parts["select"] = Counter(targets)
        conditions += conjuncts(self.expression(message.where_clause, scope))
        between, alone = split(conditions)
        joins.update(between)
        parts["joins"], parts["predicates"] = joins, Counter(c for c in alone if c != VALUE)  # WHERE true
        parts["grouping"] = Counter(dict.fromkeys((self.key(n, scope, targets) for n in message.group_clause), 1))
        parts["having"] = Counter(dict.fromkeys(conjuncts(self.expression(message.having_clause, scope)), 1))
        parts["order"] = tuple(self.sort(n.sort_by, scope, targets) for n in message.sort_clause)
        self.ending(message, scope, parts)
        if message.values_lists:
            parts["written"] = Counter({("values",): 1})
        return parts

    def ending(self, message: Any, scope: Scope, parts: dict[str, Any]) -> None:
        limits = []
        if message.HasField("limit_count"):
            limits.append("limit")
        if message.HasField("limit_offset"):
            limits.append("offset")
        parts["limit"] = Counter(limits)
        if message.distinct_clause:
            columns = [self.expression(n, scope) for n in message.distinct_clause if inner(n) is not None]
            parts["distinct"] = Counter([("distinct on", *columns) if columns else "distinct"])
        locks = Counter()
        for node in message.locking_clause:
            clause = node.locking_clause
            tables = tuple(sorted(scope.label(n.range_var.relname) for n in clause.locked_rels))
            locks[(clause.strength, clause.wait_policy, tables)] += 1
        parts["locking"] = locks

    def combined(self, message: Any, scope: Scope) -> dict[str, Any]:
        """UNION and its kin: the parts of each side are those of the whole, told apart by the side."""
        word = f"{message.op}{' all' if message.all else ''}"
        sides = [self.statement(side, scope) for side in (message.larg, message.rarg)]
        parts: dict[str, Any] = {"statement": ("select", word)}
        for part in PARTS:
            values = [side.get(part) for side in sides]
            if part != "statement" and any(values):
                rows = [
                    (n, v if isinstance(v, tuple) else tuple(sorted(v.items(), key=repr)))
                    for n, v in enumerate(values)
                    if v
                ]
                parts[part] = Counter(rows)
        order = tuple(self.sort(n.sort_by, scope, []) for n in message.sort_clause)
        parts["order"] = (*parts.get("order", Counter()), *order) if order else tuple(parts.get("order", ()))
        ending: dict[str, Any] = {}
        self.ending(message, scope, ending)
        for part, value in ending.items():
            parts[part] = parts.get(part, Counter()) + value
        return parts

    def insert(self, message: Any, scope: Scope) -> dict[str, Any]:
        label = self.table(message.relation, scope)
        parts: dict[str, Any] = {"statement": ("insert", label)}
        parts["written"] = Counter(n.res_target.name for n in message.cols)
        source = inner(message.select_stmt)
        if source is not None and not source.values_lists and not is_rows(source):
            parts["joins"] = Counter([("from", frozen(self.statement(source, scope)))])
        if message.HasField("on_conflict_clause"):
            clause = message.on_conflict_clause
            targets = tuple(sorted(n.index_elem.name for n in clause.infer.index_elems))
            parts["predicates"] = Counter([("on conflict", clause.action, targets)])
            parts["written"] += Counter(("on conflict", n.res_target.name) for n in clause.target_list)
        parts["select"] = Counter(self.expression(n.res_target.val, scope) for n in message.returning_clause.exprs)
        return parts

    def update(self, message: Any, scope: Scope) -> dict[str, Any]:
        label = self.table(message.relation, scope)
        parts = self.changed(message, scope, message.from_clause)
        parts["statement"] = ("update", label)
        parts["written"] = Counter(
            (n.res_target.name, self.expression(n.res_target.val, scope)) for n in message.target_list
        )
        return parts

    def delete(self, message: Any, scope: Scope) -> dict[str, Any]:
        label = self.table(message.relation, scope)
        parts = self.changed(message, scope, message.using_clause)
        parts["statement"] = ("delete", label)
        return parts

    def changed(self, message: Any, scope: Scope, others: Any) -> dict[str, Any]:
        joins: Counter[Form] = Counter()
        conditions: list[Form] = []
        for source in [self.source(item, scope) for item in others]:
            conditions += self.joined(source, scope, joins)
        conditions += conjuncts(self.expression(message.where_clause, scope))
        between, alone = split(conditions)
        joins.update(between)
        parts: dict[str, Any] = {"joins": joins, "predicates": Counter(alone)}
        parts["select"] = Counter(self.expression(n.res_target.val, scope) for n in message.returning_clause.exprs)
        return parts

    def table(self, relation: Any, scope: Scope) -> str:
        cte = scope.label("with " + relation.relname)
        if not relation.schemaname and not cte.startswith("with "):
            label = self.numbers.label(cte)
        else:
            label = self.numbers.label(relation.relname)
            self.numbers.tables[relation.relname] += 1
        scope.labels[relation.alias.aliasname if relation.HasField("alias") else relation.relname] = label
        return label

    def source(self, item: Any, scope: Scope) -> Any:
        """An entry of FROM as (kind, …), with its names made known to the scope."""
        message = inner(item)
        kind = kind_of(message)
        if kind == "RangeVar":
            return ("table", self.table(message, scope))
        if kind == "JoinExpr":
            left, right = self.source(message.larg, scope), self.source(message.rarg, scope)
            return ("join", message.jointype, left, right, message.quals, [n.string.sval for n in message.using_clause])
        if kind == "RangeSubselect":
            label = self.numbers.label("(select)")
            scope.labels[message.alias.aliasname] = label
            # Its select list is that of a select: compared apart, since what is read of it is seen where it is used.
            body = self.statement(inner(message.subquery), scope if message.lateral else scope.outer)
            return ("sub-select", label, frozen(body, ("select",)))
        if kind == "RangeFunction":
            label = self.numbers.label("(function)")
            scope.labels[message.alias.aliasname] = label
            return ("function", label, self.generic(message, scope))
        return ("other", kind)

    def joined(self, source: Any, scope: Scope, joins: Counter[Form]) -> list[Form]:
        """Counts the outer joins and the sub-selects of an entry; gives the conditions of its inner joins."""
        if source[0] == "table":
            return []
        if source[0] != "join":
            joins[source] += 1
            return []
        _join, kind, left, right, condition, using = source
        given = conjuncts(self.expression(condition, scope))
        given += [("using", name) for name in using]
        name = {1: "inner", 2: "left", 3: "full", 4: "right"}.get(int(kind), str(kind))
        if name == "inner":
            return [*self.joined(left, scope, joins), *self.joined(right, scope, joins), *given]
        if name == "right":
            left, right, name = right, left, "left"
        below = self.joined(right, scope, joins)
        tables = tuple(sorted(labels_of(right)))
        joins[(name, tables, tuple(sorted({*given, *below}, key=repr)))] += 1
        return self.joined(left, scope, joins)

    def key(self, node: Any, scope: Scope, targets: list[Form]) -> Form:
        """An entry of GROUP BY or ORDER BY: a position or a name of the select list stands for what is selected."""
        message = inner(node)
        if kind_of(message) == "A_Const" and message.HasField("ival") and 0 < message.ival.ival <= len(targets):
            return targets[message.ival.ival - 1]
        if kind_of(message) == "ColumnRef" and len(message.fields) == 1:
            name = message.fields[0].string.sval
            if name in scope.outputs:
                return scope.outputs[name]
        return self.expression(node, scope)

    def sort(self, item: Any, scope: Scope, targets: list[Form]) -> Form:
        descending = item.sortby_dir == postgast.pg_query_pb2.SORTBY_DESC
        nulls = {
            postgast.pg_query_pb2.SORTBY_NULLS_FIRST: True,
            postgast.pg_query_pb2.SORTBY_NULLS_LAST: False,
        }.get(item.sortby_nulls, descending)
        words = ("desc" if descending else "asc",) + (
            ("nulls first" if nulls else "nulls last",) if nulls != descending else ()
        )
        return (self.key(item.node, scope, targets), *words)

    # Expressions

    def expression(self, node: Any, scope: Scope) -> Form:
        message = inner(node)
        if message is None or not hasattr(message, "DESCRIPTOR"):
            return ()
        kind = kind_of(message)
        read = getattr(self, "on_" + kind.lower(), None)
        return self.generic(message, scope) if read is None else read(message, scope)

    def generic(self, message: Any, scope: Scope) -> Form:
        rows: list[Form] = [kind_of(message)]
        for descriptor, value in message.ListFields():
            if descriptor.name in ("location", "funcformat", "stmt_location", "stmt_len"):
                continue
            if descriptor.message_type is None:
                rows.append((descriptor.name, tuple(value) if is_repeated(value) else value))
            elif is_repeated(value):
                rows.append((descriptor.name, tuple(self.expression(child, scope) for child in value)))
            else:
                rows.append((descriptor.name, self.expression(value, scope)))
        return tuple(rows)

    def on_a_const(self, _message: Any, _scope: Scope) -> Form:
        return VALUE

    def on_paramref(self, _message: Any, _scope: Scope) -> Form:
        return VALUE

    def on_string(self, message: Any, _scope: Scope) -> Form:
        return str(message.sval)

    def on_typecast(self, message: Any, scope: Scope) -> Form:
        form = self.expression(message.arg, scope)
        if form == VALUE or is_values(form):
            return form
        name = message.type_name.names[-1].string.sval
        return ("cast", form, name, len(message.type_name.array_bounds))

    def on_columnref(self, message: Any, scope: Scope) -> Form:
        names = [inner(n).sval if kind_of(inner(n)) == "String" else "*" for n in message.fields]
        if len(names) == 1:
            if names[0] in scope.labels:  # a whole row
                return ("column", scope.label(names[0]), "*")
            return ("column", scope.only, names[0])
        return ("column", scope.label(names[-2]), names[-1])

    def on_boolexpr(self, message: Any, scope: Scope) -> Form:
        arguments = [self.expression(n, scope) for n in message.args]
        pb = postgast.pg_query_pb2
        if message.boolop == pb.NOT_EXPR:
            return negation(arguments[0])
        word = "and" if message.boolop == pb.AND_EXPR else "or"
        flat: list[Form] = []
        for argument in arguments:
            flat += argument[1:] if isinstance(argument, tuple) and argument[:1] == (word,) else [argument]
        rows = sorted(set(flat), key=repr)
        return rows[0] if len(rows) == 1 else (word, *rows)

    def on_a_expr(self, message: Any, scope: Scope) -> Form:
        pb = postgast.pg_query_pb2
        operator = message.name[-1].string.sval if message.name else ""
        left = self.expression(message.lexpr, scope)
        if message.kind in (pb.AEXPR_BETWEEN, pb.AEXPR_NOT_BETWEEN):
            low, high = (self.expression(n, scope) for n in message.rexpr.list.items)
            both = ("and", *sorted({comparison(">=", left, low), comparison("<=", left, high)}, key=repr))
            return negation(both) if message.kind == pb.AEXPR_NOT_BETWEEN else both
        right = self.expression(message.rexpr, scope)
        if message.kind == pb.AEXPR_IN:
            found = ("in", left, VALUE if is_values(right) else right)
            return negation(found) if operator == "<>" else found
        if message.kind == pb.AEXPR_OP_ANY:
            return ("in", left, right) if operator == "=" else ("any", operator, left, right)
        if message.kind == pb.AEXPR_OP_ALL:
            return negation(("in", left, right)) if operator == "<>" else ("all", operator, left, right)
        if message.kind in (pb.AEXPR_LIKE, pb.AEXPR_ILIKE):
            word = "like" if message.kind == pb.AEXPR_LIKE else "ilike"
            found = (word, left, right)
            return negation(found) if operator.startswith("!") else found
        if message.kind in (pb.AEXPR_DISTINCT, pb.AEXPR_NOT_DISTINCT):
            found = ("distinct from", *sorted((left, right), key=repr))
            return found if message.kind == pb.AEXPR_DISTINCT else negation(found)
        if message.kind == pb.AEXPR_NULLIF:
            return ("nullif", left, right)
        return comparison(operator, left, right)

    def on_caseexpr(self, message: Any, scope: Scope) -> Form:
        # One WHEN for each row of a bulk update: like an IN list, it has no length.
        whens = tuple(dict.fromkeys(self.expression(n, scope) for n in message.args))
        return ("case", self.expression(message.arg, scope), whens, self.expression(message.defresult, scope))

    def on_list(self, message: Any, scope: Scope) -> Form:
        return ("list", *(self.expression(n, scope) for n in message.items))

    def on_a_arrayexpr(self, message: Any, scope: Scope) -> Form:
        elements = tuple(self.expression(n, scope) for n in message.elements)
        return VALUE if all(e == VALUE for e in elements) else ("array", *elements)

    def on_nulltest(self, message: Any, scope: Scope) -> Form:
        found = ("is null", self.expression(message.arg, scope))
        return found if message.nulltesttype == postgast.pg_query_pb2.IS_NULL else negation(found)

    def on_funccall(self, message: Any, scope: Scope) -> Form:
        name = message.funcname[-1].string.sval.lower()
        rows: list[Form] = ["call", name, *(self.expression(n, scope) for n in message.args)]
        if message.agg_star:
            rows.append("*")
        if message.agg_distinct:
            rows.append("distinct")
        if message.agg_order:
            rows.append(("order", *(self.sort(n.sort_by, scope, []) for n in message.agg_order)))
        if message.HasField("agg_filter"):
            rows.append(("filter", self.expression(message.agg_filter, scope)))
        if message.HasField("over"):
            rows.append(("over", self.expression(message.over, scope)))
        return tuple(rows)

    def on_sortby(self, message: Any, scope: Scope) -> Form:
        return self.sort(message, scope, [])

    def on_sublink(self, message: Any, scope: Scope) -> Form:
        pb = postgast.pg_query_pb2
        body = self.statement(inner(message.subselect), scope)
        if message.sub_link_type == pb.EXISTS_SUBLINK:
            return ("exists", frozen(body, ("select", "limit")))
        test = self.expression(message.testexpr, scope)
        operator = message.oper_name[-1].string.sval if message.oper_name else "="
        if message.sub_link_type == pb.ANY_SUBLINK:
            return ("in", test, frozen(body)) if operator == "=" else ("any", operator, test, frozen(body))
        if message.sub_link_type == pb.ALL_SUBLINK:
            return negation(("in", test, frozen(body))) if operator == "<>" else ("all", operator, test, frozen(body))
        return ("sub-select", int(message.sub_link_type), frozen(body))

    def on_selectstmt(self, message: Any, scope: Scope) -> Form:
        return frozen(self.statement(message, scope))


def comparison(operator: str, left: Form, right: Form) -> Form:
    if operator in SYMMETRIC:
        left, right = sorted((left, right), key=value_last)
    elif operator in FLIPPED and value_last(left) > value_last(right):
        operator, left, right = FLIPPED[operator], right, left
    if left in ((), VALUE) and right == VALUE and operator in "+-*/":
        return VALUE
    if operator == "<>":
        return negation(("=", left, right))
    return (operator, left, right)


def value_last(form: Form) -> tuple[bool, str]:
    return form == VALUE, repr(form)


def negation(form: Form) -> Form:
    return form[1] if isinstance(form, tuple) and form[:1] == ("not",) else ("not", form)


def is_values(form: Form) -> bool:
    return isinstance(form, tuple) and form[:1] == ("list",) and all(f == VALUE or is_values(f) for f in form[1:])


def conjuncts(form: Form) -> list[Form]:
    if form == ():
        return []
    return list(form[1:]) if isinstance(form, tuple) and form[:1] == ("and",) else [form]


def split(conditions: Iterable[Form]) -> tuple[list[Form], list[Form]]:
    """Conditions that tie two tables by equal columns, and the others. Each counts once."""
    between, alone = [], []
    for condition in dict.fromkeys(conditions):
        ties = (
            isinstance(condition, tuple)
            and len(condition) == 3
            and condition[0] == "="
            and all(isinstance(side, tuple) and side[:1] == ("column",) for side in condition[1:])
            and condition[1][1] != condition[2][1]
        )
        (between if ties or condition[:1] == ("using",) else alone).append(condition)
    return between, alone


def labels_of(source: Any) -> Iterator[str]:
    if source[0] == "join":
        yield from labels_of(source[2])
        yield from labels_of(source[3])
    else:
        yield str(source[1])


def texts(forms: Iterable[Form]) -> tuple[str, ...]:
    return tuple(sorted(map(text_of, forms)))


def text_of(form: Form) -> str:
    """A canonical piece as a person reads it."""
    if not isinstance(form, tuple):
        return str(form)
    if form[:1] == ("column",) and len(form) == 3:
        return f"{form[1]}.{form[2]}" if form[1] else str(form[2])
    if len(form) == 3 and form[0] in ("=", "<", ">", "<=", ">=", "in", "like", "ilike"):
        return f"{text_of(form[1])} {form[0]} {text_of(form[2])}"
    if form[:1] in (("and",), ("or",)):
        return "(" + f" {form[0]} ".join(map(text_of, form[1:])) + ")"
    if form[:1] == ("call",):
        return f"{form[1]}({', '.join(map(text_of, form[2:]))})"
    return "[" + " ".join(map(text_of, form)) + "]"
