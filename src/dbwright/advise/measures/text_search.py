"""Searches inside texts that read the whole table: words by a ``tsvector``, pieces of short texts by trigrams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.measures import or_across_tables
from dbwright.advise.rewriting import (
    LEAST_SHARE,
    MOST_AFTER,
    Node,
    conjuncts,
    on_lines,
    select_of,
    set_where,
    text_of,
    walk,
)
from dbwright.advise.tables import TableFacts
from dbwright.fixes.sql import create_index
from dbwright.model.advice import Measure
from dbwright.model.catalog import Table
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.indexing import free_name
from dbwright.model.query import Predicate
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.wording import bytes_text, listed
from dbwright.source.expressions import string_of

LEAST_PAGES = 100
"""Of a table; smaller ones are read as fast as an index of them."""
PROSE = 80
"""Average bytes of a text from which people look for words in it rather than for pieces of a name or a code."""
FEW = 0.01
"""Share of a table's rows that is compared faster than found by words."""
MOST_WEIGHTS = 4
"""Weights that a ``tsvector`` has: A to D."""
_TEXTS = frozenset(("text", "varchar", "bpchar", "citext"))
_PATTERNS = frozenset(("like", "ilike"))
_LIKES = frozenset(("AEXPR_LIKE", "AEXPR_ILIKE"))
_FOLDS = frozenset(("", "upper", "lower", "::text", "::varchar"))


@dataclass(frozen=True)
class _Searched:
    """A column that statements look for a text in; ``expression``: the SQL around it, empty when it stands bare."""

    name: str
    expression: str
    is_document: bool
    width: float


def measures(evidence: Evidence) -> Iterator[Measure]:
    groups: defaultdict[int, list[tuple[Observed, list[_Searched]]]] = defaultdict(list)
    tables: dict[int, Table] = {}
    across: list[Measure] = []
    for observed in evidence.observed:
        searched = {
            alias: (table, columns)
            for alias, table in sorted(observed.tables.items())
            if (columns := _searched(observed, alias, evidence.facts(table)))
        }
        if measure := _across(evidence, observed, list(searched.values())):
            across.append(measure)
            continue
        for table, columns in searched.values():
            tables[table.oid] = table
            groups[table.oid].append((observed, columns))
    yield from across
    for oid in sorted(groups):
        if measure := _measure(evidence, tables[oid], groups[oid]):
            yield measure


def _searched(observed: Observed, alias: str, facts: TableFacts) -> list[_Searched]:
    """Columns of one table that a statement looks for a text in, wherever it stands in them."""
    if facts.pages is not None and facts.pages < LEAST_PAGES:
        return []
    found: dict[_Searched, None] = {}
    for predicate in observed.query.predicates:
        column = facts.columns.get(predicate.column.column)
        if predicate.column.alias != alias or column is None or not _is_search(predicate):
            continue
        document = column.base_type in ("jsonb", "json")
        if document or column.base_type in _TEXTS:
            expression = observed.usage.expressions.get(predicate.wrapped, "")
            found[_Searched(column.name, expression, document, facts.width(column.name))] = None
    return list(found)


def _is_search(predicate: Predicate) -> bool:
    """``LIKE '%x%'``; of a parameter only where the pattern's case is folded, as frameworks do for "contains"."""
    if predicate.operator not in _PATTERNS or predicate.negated or predicate.wrapper not in _FOLDS:
        return False
    if predicate.leading_wildcard is None:
        return predicate.operator == "ilike" or predicate.wrapper in ("upper", "lower")
    return predicate.leading_wildcard


def _measure(evidence: Evidence, table: Table, found: Sequence[tuple[Observed, list[_Searched]]]) -> Measure | None:
    scanning = [(o, columns) for o, columns in found if _scans(evidence, o, table)]
    columns = tuple(dict.fromkeys(column for _, of_one in (scanning or found) for column in of_one))
    if not scanning:
        return _served(evidence, table, found, listed(column.name for column in columns))
    prose = any(column.is_document or column.width >= PROSE for column in columns)
    make = _words if prose else _pieces
    return make(evidence, evidence.facts(table), columns, [observed for observed, _ in scanning])


@dataclass(frozen=True)
class _Gain:
    """What an index does for the statements that it helps: ``saved`` of the workload; costs are those of the first."""

    helped: tuple[Observed, ...]
    saved: float
    before: float
    after: float

    @property
    def share(self) -> float:
        return sum(observed.share for observed in self.helped)


def _gain(evidence: Evidence, costs: Sequence[tuple[Observed, float | None]]) -> _Gain | None:
    """None when what is saved is little."""
    helped: list[tuple[Observed, float, float]] = []
    for observed, after in costs:
        before = evidence.plan_of(observed)
        if before is not None and after is not None and after <= before.cost * MOST_AFTER:
            helped.append((observed, before.cost, after))
    saved = sum(observed.share * (1 - after / before) for observed, before, after in helped)
    if saved < LEAST_SHARE:
        return None
    return _Gain(tuple(observed for observed, _, _ in helped), saved, helped[0][1], helped[0][2])


def _scans(evidence: Evidence, observed: Observed, table: Table) -> bool:
    plan = evidence.plan_of(observed)
    return plan is not None and any(
        node["Node Type"] == "Seq Scan" and node.get("Relation Name") == table.name for node in plan.nodes()
    )


def _served(
    evidence: Evidence, table: Table, found: Sequence[tuple[Observed, list[_Searched]]], names: str
) -> Measure | None:
    """Why nothing more is needed: an index that is advised already, or other conditions that leave few rows to compare."""
    share = sum(observed.share for observed, _ in found)
    if share < LEAST_SHARE:
        return None
    advised = [
        index
        for index in evidence.advised
        if (index.definition.schema, index.definition.table, index.definition.method)
        == (table.schema, table.name, "gin")
    ]
    if advised:
        why = f"the index advised above serves it ({bytes_text(sum(index.bytes for index in advised))})."
    else:
        left = max((_compared(evidence, observed, table) for observed, _ in found), default=0.0)
        rows = evidence.facts(table).assumed_rows
        why = f"its other conditions leave about {left:,.0f} of {rows:,.0f} rows to compare, fewer than an index of words would give."
        if left > rows * FEW:
            return None
    return Measure(
        "text_search",
        f"Search in {names} of {table.name}",
        (why,),
        "not advised",
        tuple(observed.number for observed, _ in found),
        share,
    )


def _compared(evidence: Evidence, observed: Observed, table: Table) -> float:
    """Rows of the table that the other conditions leave, by their shares alone."""
    facts = evidence.facts(table)
    aliases = {alias for alias, of in observed.tables.items() if of == table}
    equal = [
        p
        for p in observed.query.predicates
        if p.narrows
        and p.column.alias in aliases
        and p.operator in ("=", "in")
        and p.value not in ("column", "sub-select")
        and not (p.wrapped or p.negated)
    ]
    left = facts.assumed_rows
    for predicate in equal:
        left *= facts.equal_fraction(predicate.column.column)
    return left


# Words


def _words(
    evidence: Evidence, facts: TableFacts, columns: Sequence[_Searched], scanning: Sequence[Observed]
) -> Measure | None:
    table = facts.table
    language = (evidence.snapshot.settings.text("default_text_search_config") or "english").rpartition(".")[2]
    by_name = {column.name: column for column in columns}
    ordered = sorted(by_name.values(), key=lambda c: (c.is_document, c.width, c.name))
    column = next(
        n
        for n in ("search", "search_words", "search_vector", *(f"search_{k}" for k in range(9)))
        if n not in facts.columns
    )
    vector = _vector(ordered, language)
    name = free_name(evidence.snapshot.catalog, table, (column,))
    index = CreateIndex(table.schema, table.name, name, (IndexKey(column),), method="gin")
    gain = _gain(evidence, [(o, _planned_with_words(evidence, facts, ordered, o, language)) for o in scanning])
    if gain is None:
        return None
    rows = facts.assumed_rows
    text = rows * sum(column.width for column in ordered)
    quoted = quote_identifier(table.schema, table.name)
    return Measure(
        kind="text_search",
        title=f"words of {listed(c.name for c in ordered)} of {table.name} in a tsvector",
        evidence=(
            f"The search compares {listed(c.name for c in ordered)} of {rows:,.0f} rows ({bytes_text(text)}) with a pattern that begins"
            " with a wildcard; they are long enough to be prose.",
            f"The statements are {evidence.share_text(gain.share)}; an estimated {gain.saved:.1%} would be saved.",
        ),
        statements=tuple(observed.number for observed in gain.helped),
        share=gain.share,
        before=gain.before,
        after=gain.after,
        method="The planner's cost of a call of the first statement, its patterns replaced by @@ on an index of the same words",
        change=f"ALTER TABLE {quoted} ADD COLUMN {quote_identifier(column)} tsvector\n    GENERATED ALWAYS AS ({vector}) STORED;\n"
        f"{create_index(index, online=True)};\n"
        f"-- the statement then asks: {quote_identifier(column)} @@ websearch_to_tsquery({quote_literal(language)}, $1)",
        price=f"the column is about as large as the texts ({bytes_text(text)}), its index about a third of that (rough estimates); adding"
        f" it rewrites the table ({bytes_text(facts.assumed_pages * 8192)}) under an ACCESS EXCLUSIVE lock; each write of a text makes"
        " its words anew. It finds words and their forms, no pieces of words",
        confidence="medium",
        proof="make both on a copy, compare what people look for, and time it with EXPLAIN (ANALYZE, BUFFERS)",
    )


def _vector(columns: Sequence[_Searched], language: str) -> str:
    """All columns as one vector, the shortest with the greatest weight: a title counts for more than a text."""
    parts = []
    for place, column in enumerate(columns):
        weight = "ABCD"[min(place, MOST_WEIGHTS - 1)]
        quoted = quote_identifier(column.name)
        if column.is_document:
            words = f"jsonb_to_tsvector({quote_literal(language)}, {quoted}, '[\"string\"]')"
            words = f"coalesce({words}, '')"
        else:
            words = f"to_tsvector({quote_literal(language)}, coalesce({quoted}, ''))"
        parts.append(f"setweight({words}, '{weight}')")
    return " || ".join(parts)


def _planned_with_words(
    evidence: Evidence, facts: TableFacts, columns: Sequence[_Searched], observed: Observed, language: str
) -> float | None:
    """What the statement costs when it asks for words in an index on the expression, which is like one on the column."""
    table = facts.table
    vector = _vector(columns, language)
    root = select_of(observed.statement.sql)
    asked = select_of(f"SELECT 1 WHERE ({vector}) @@ websearch_to_tsquery({quote_literal(language)}, 'word')")
    if root is None or asked is None:
        return None
    names = {column.name for column in columns}
    parts = conjuncts(root.get("whereClause"))
    rest = [part for part in parts if not _only_patterns(part, names)]
    if len(rest) == len(parts):
        return None
    set_where(root, [*rest, asked["whereClause"]])
    index = CreateIndex(table.schema, table.name, "words", (IndexKey(expression=f"({vector})"),), method="gin")
    sql = text_of(root)
    plan = evidence.plan(sql, (index,), like=observed) if sql else None
    return plan.cost if plan else None


def _only_patterns(part: Node, names: set[str]) -> bool:
    """Whether a condition is patterns of these columns, tied by OR."""
    branches = part.get("BoolExpr", {})
    if branches.get("boolop") == "OR_EXPR":
        return all(_only_patterns(branch, names) for branch in branches["args"])
    if part.get("A_Expr", {}).get("kind") not in _LIKES:
        return False
    columns = {string_of(n["ColumnRef"]["fields"][-1]) for n in walk(part["A_Expr"]["lexpr"]) if "ColumnRef" in n}
    return bool(columns) and columns <= names


# Pieces


def _across(
    evidence: Evidence, observed: Observed, searched: Sequence[tuple[Table, list[_Searched]]]
) -> Measure | None:
    """One OR over texts of several tables: an index of each, but for small ones, serves it once the OR is a UNION."""
    root = select_of(observed.statement.sql) if searched and observed.share >= LEAST_SHARE else None
    united = or_across_tables.rewriting(evidence, observed, root) if root is not None else None
    sql = text_of(united.select) if united is not None else None
    if united is None or sql is None or not evidence.has_extension("pg_trgm"):
        return None
    indexes = tuple(_trigrams(evidence, table, columns) for table, columns in searched)
    before, after = evidence.plan_of(observed), evidence.plan(sql, indexes, like=observed)
    gain = _gain(evidence, [(observed, after.cost if after else None)])
    if before is None or after is None or gain is None:
        return None
    names = listed(dict.fromkeys(table.name for table, _ in searched))
    extension = "" if _has_trigrams(evidence) else "CREATE EXTENSION pg_trgm;\n"
    made = "".join(f"{create_index(index, online=True)};\n" for index in indexes)
    size = sum(evidence.size_of(index) for index in indexes)
    return Measure(
        kind="text_search",
        title=f"{united.title}, and trigrams of {names}",
        evidence=(
            united.why,
            f"The statement is {evidence.share_text(observed.share)}; an estimated {gain.saved:.1%} would be saved.",
        ),
        statements=(observed.number,),
        share=observed.share,
        before=before.cost,
        after=after.cost,
        method="The planner's cost of a call beside the advised indexes, and as UNION with these",
        change=f"{extension}{made}{on_lines(sql)};",
        price=f"{bytes_text(size)} (estimate), entries for every three letters that are written, and a change of the code. The rows are the"
        " same",
        confidence="medium",
        proof="run both on a copy with EXPLAIN (ANALYZE, BUFFERS) and compare the rows that they give",
    )


def _has_trigrams(evidence: Evidence) -> bool:
    return any(extension.name == "pg_trgm" for extension in evidence.snapshot.catalog.extensions)


def _trigrams(evidence: Evidence, table: Table, columns: Sequence[_Searched]) -> CreateIndex:
    names = tuple(dict.fromkeys(column.name for column in columns))
    keys = tuple(
        IndexKey(None if c.expression else c.name, c.expression or None, opclass="gin_trgm_ops") for c in columns
    )
    name = free_name(evidence.snapshot.catalog, table, names)
    return CreateIndex(table.schema, table.name, name, keys, method="gin")


def _pieces(
    evidence: Evidence, facts: TableFacts, columns: Sequence[_Searched], scanning: Sequence[Observed]
) -> Measure | None:
    """A trigram index, where the server lacks the extension: with it, it is among the candidates for indexes."""
    table = facts.table
    if _has_trigrams(evidence):
        return None
    index = _trigrams(evidence, table, columns)
    if not evidence.has_extension("pg_trgm"):
        return None
    plans = [(observed, evidence.plan(observed.statement.sql, (index,), like=observed)) for observed in scanning]
    gain = _gain(evidence, [(observed, plan.cost if plan else None) for observed, plan in plans])
    if gain is None:
        return None
    size = evidence.size_of(index)
    return Measure(
        kind="text_search",
        title=f"trigrams of {listed(c.name for c in columns)} of {table.name}",
        evidence=(
            f"The search compares {listed(c.name for c in columns)} of {facts.assumed_rows:,.0f} rows with a pattern that begins with a"
            " wildcard; they are short, so pieces of them are looked for.",
            f"The statements are {evidence.share_text(gain.share)}; an estimated {gain.saved:.1%} would be saved.",
            "The extension pg_trgm is not installed; once it is, `dbwright advise` weighs the index like any other.",
        ),
        statements=tuple(observed.number for observed in gain.helped),
        share=gain.share,
        before=gain.before,
        after=gain.after,
        method="The planner's cost of a call of the first statement, without and with the index",
        change=f"CREATE EXTENSION pg_trgm;\n{create_index(index, online=True)};",
        price=f"{bytes_text(size)} (estimate); each write of such a column adds an entry for every three letters. Patterns of fewer than"
        " three letters read the table as before",
        confidence="medium",
        proof="make it on a copy and time the statements with EXPLAIN (ANALYZE, BUFFERS)",
    )
