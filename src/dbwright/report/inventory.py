"""The inventory: tables by group, their columns and their indexes, each index with a verdict and its reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from dbwright.model.catalog import FRAMEWORK_TABLES, Column, Constraint, Index, Table
from dbwright.model.change import CreateIndex
from dbwright.model.finding import Finding
from dbwright.model.indexing import is_usable, serves_equality
from dbwright.model.report import Report
from dbwright.model.snapshot import Snapshot
from dbwright.model.source_table import SourceTable
from dbwright.model.wording import counted

_VERDICTS = (
    ("unused", "unused", ("unused", "never-used", "without-scans")),
    (
        "redundant",
        "redundant",
        ("duplicate", "prefix", "covered", "beside", "inside", "implied", "redundant", "overlap"),
    ),
    ("invalid", "broken", ("invalid", "not-valid", "corrupt", "damaged")),
    ("bloated", "review", ("bloat",)),
)
"""(verdict, tone, words of rule names that lead to it)"""


TONES = ("broken", "missing", "redundant", "unused", "review", "quiet", "good")


@dataclass(frozen=True, slots=True)
class IndexRow:
    """An index as it is, or one that a finding asks for (``verdict`` missing). ``tone`` is good, quiet, or one that asks
    for something: redundant, unused, missing, broken, review. ``finding`` is the id of the finding behind the verdict."""

    name: str
    keys: str
    details: str
    bytes: int | None
    scans: int | None
    verdict: str
    tone: str
    why: str
    finding: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnRow:
    name: str
    type: str
    required: bool
    default: str
    keys: str
    comment: str


@dataclass(frozen=True, slots=True)
class TableRow:
    table: Table
    name: str
    kind: str
    rows: int
    heap_bytes: int
    index_bytes: int
    total_bytes: int
    purpose: str
    model: str
    source: str
    indexes: tuple[IndexRow, ...]
    columns: tuple[ColumnRow, ...]

    @property
    def is_urgent(self) -> bool:
        """Something is to be done about its indexes."""
        return any(index.finding for index in self.indexes)

    @property
    def is_framework(self) -> bool:
        return self.table.name in FRAMEWORK_TABLES

    @property
    def verdicts(self) -> list[tuple[str, str, int]]:
        """(verdict, tone, how many), what asks for something first."""
        counts = Counter((index.verdict, index.tone) for index in self.indexes)
        return sorted(((v, t, n) for (v, t), n in counts.items()), key=lambda row: (TONES.index(row[1]), row[0]))


@dataclass(frozen=True, slots=True)
class Group:
    """Tables that belong together by schema and name."""

    name: str
    tables: tuple[TableRow, ...]

    @property
    def rows(self) -> int:
        return sum(t.rows for t in self.tables)

    @property
    def total_bytes(self) -> int:
        return sum(t.total_bytes for t in self.tables)

    @property
    def index_count(self) -> int:
        return sum(1 for t in self.tables for i in t.indexes if i.verdict != "missing")

    @property
    def index_bytes(self) -> int:
        return sum(t.index_bytes for t in self.tables)


class _Verdicts:
    """What findings say about indexes, looked up by place."""

    def __init__(self, report: Report) -> None:
        self.of_index: dict[tuple[str | None, str], tuple[Finding, bool]] = {}
        self.missing: defaultdict[tuple[str, str], list[tuple[Finding, CreateIndex]]] = defaultdict(list)
        held = [(h.finding, True) for h in report.ignored]
        for finding, accepted in [*((f, False) for f in (*report.findings, *report.hints)), *held]:
            self._take(finding, accepted)

    def _take(self, finding: Finding, accepted: bool) -> None:
        for ref in finding.objects[: None if _is_about_all(finding) else 1]:
            if ref.kind == "index":
                self.of_index.setdefault((ref.schema, ref.name), (finding, accepted))
        for operation in finding.change.operations if finding.change and not accepted else ():
            if isinstance(operation, CreateIndex):
                self.missing[operation.schema, operation.table].append((finding, operation))


def _is_about_all(finding: Finding) -> bool:
    """Rules about several indexes at once name them all; rules that compare name the faulty one first."""
    return _verdict_of(finding.rule)[0] == "unused"


def _verdict_of(rule: str) -> tuple[str, str]:
    defect = rule.split("/")[-1]
    return next(
        ((v, tone) for v, tone, words in _VERDICTS if any(word in defect for word in words)), ("look", "review")
    )


def groups(report: Report) -> tuple[Group, ...]:
    """All user tables and materialized views by group, largest group first, framework tables last."""
    snapshot = report.snapshot
    shown = [t for t in snapshot.catalog.user_relations if _is_shown(t)]
    names = _group_names(shown)
    verdicts = _Verdicts(report)
    models = {(m.schema, m.name): m for m in snapshot.source.tables if m.owned}
    by_group: defaultdict[str, list[TableRow]] = defaultdict(list)
    for table in shown:
        model = models.get((table.schema, table.name)) or models.get((None, table.name))
        by_group[names[table.oid]].append(_table(snapshot, table, model, verdicts))
    made = [Group(name, tuple(sorted(rows, key=lambda r: (-r.total_bytes, r.name)))) for name, rows in by_group.items()]
    return tuple(sorted(made, key=lambda g: (g.name.startswith("Framework"), -g.total_bytes, g.name)))


def _is_shown(table: Table) -> bool:
    return not table.is_partition and table.kind in ("table", "partitioned table", "materialized view", "foreign table")


def _group_names(tables: list[Table]) -> dict[int, str]:
    """The group of each table: its schema where there are several, then what stands before the first ``_`` where at least
    two tables share it."""
    schemas = {t.schema for t in tables}
    prefixes = Counter((t.schema, _prefix(t)) for t in tables if t.name not in FRAMEWORK_TABLES)
    result = {}
    for table in tables:
        prefix = _prefix(table)
        if table.name in FRAMEWORK_TABLES:
            name = "Framework tables"
        elif prefix and prefixes[table.schema, prefix] > 1:
            name = prefix
        else:
            name = "other tables"
        several = len(schemas) > 1 and name != "Framework tables"
        result[table.oid] = f"{table.schema} · {name}" if several else name
    return result


def _prefix(table: Table) -> str:
    head, separator, _ = table.name.partition("_")
    return head if separator else table.name


def table_name(table: Table) -> str:
    return table.name if table.schema in ("public", "main") else f"{table.schema}.{table.name}"


def _table(snapshot: Snapshot, table: Table, model: SourceTable | None, verdicts: _Verdicts) -> TableRow:
    leaves = [snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table)]
    known = [row for row in leaves if row]
    symbol = model.symbol.rpartition(".")[2] if model else ""
    kind: str = "" if table.kind == "table" else table.kind
    if table.kind == "partitioned table":
        kind = f"{len(snapshot.catalog.leaves_of(table))} partitions"
    return TableRow(
        table=table,
        name=table_name(table),
        kind=kind,
        rows=sum(row.estimated_rows for row in known),
        heap_bytes=sum(row.table_bytes for row in known),
        index_bytes=sum(row.index_bytes for row in known),
        total_bytes=sum(row.total_bytes for row in known),
        purpose=table.comment or "",
        model=symbol,
        source=f"{symbol} ({model.place})" if model else "",
        indexes=_indexes(snapshot, table, verdicts),
        columns=tuple(_column(snapshot, table, column) for column in snapshot.catalog.columns_of(table)),
    )


def _column(snapshot: Snapshot, table: Table, column: Column) -> ColumnRow:
    keys = []
    for constraint in snapshot.catalog.constraints_of(table, "primary key", "unique", "foreign key"):
        if column.name not in constraint.columns:
            continue
        target = snapshot.catalog.table_by_oid.get(constraint.foreign_table_oid or 0)
        keys.append(f"→ {table_name(target)}" if target else constraint.kind)
    default = column.default or ""
    if column.identity or column.generated:
        default = f"identity, {column.identity}" if column.identity else f"generated, {column.generated}"
    return ColumnRow(column.name, column.type, column.not_null, default, ", ".join(keys), column.comment or "")


def _indexes(snapshot: Snapshot, table: Table, verdicts: _Verdicts) -> tuple[IndexRow, ...]:
    rows = [_index(snapshot, table, index, verdicts) for index in snapshot.catalog.indexes_of(table)]
    rows.sort(key=lambda row: (row.verdict != "needed", row.name))
    for finding, wanted in verdicts.missing.get((table.schema, table.name), ()):
        keys = ", ".join(k.column or k.expression or "" for k in wanted.keys)
        rows.append(IndexRow(wanted.name, keys, wanted.method if wanted.method != "btree" else "", None, None,
                             "missing", "missing", _asked_by(finding), finding.id))  # fmt: skip
    return tuple(rows)


def _asked_by(finding: Finding) -> str:
    return f"{finding.rule.split('/')[-1].replace('-', ' ')}, {finding.points:g} points"


def _index(snapshot: Snapshot, table: Table, index: Index, verdicts: _Verdicts) -> IndexRow:
    leaves = [snapshot.statistics.index_by_oid.get(leaf.oid) for leaf in snapshot.catalog.index_leaves_of(index)]
    known = [row for row in leaves if row]
    scans = sum(row.scans for row in known) if known else None
    replicas = sum(snapshot.statistics.node_index_scans.get(row.oid, 0) for row in known)
    verdict, tone, why, finding = _judge(snapshot, table, index, verdicts, scans, replicas)
    return IndexRow(
        index.name, _keys(index), _details(index), sum(row.bytes for row in known) if known else None, scans,
        verdict, tone, why, finding,
    )  # fmt: skip


def _keys(index: Index) -> str:
    parts = [key + (" desc" if down else "") for key, down in zip(index.keys, index.descending, strict=True)]
    return ", ".join(parts)


def _details(index: Index) -> str:
    parts = ["unique"] if index.is_unique and not index.is_primary else []
    parts += [index.access_method] if index.access_method != "btree" else []
    parts += [name for name, usual in zip(index.opclasses, index.default_opclass, strict=True) if not usual]
    parts += [f"include {', '.join(index.include)}"] if index.include else []
    parts += [f"where {index.predicate}"] if index.predicate else []
    return "; ".join(parts)


_Judgement = tuple[str, str, str, str | None]


def _judge(
    snapshot: Snapshot, table: Table, index: Index, verdicts: _Verdicts, scans: int | None, replicas: int
) -> _Judgement:
    """(verdict, tone, reason, finding): what a finding says goes before what the catalog says, that before the counters."""
    found = verdicts.of_index.get((index.schema, index.name))
    if found:
        finding, accepted = found
        verdict, tone = _verdict_of(finding.rule)
        return (
            (f"{verdict}, accepted", "quiet", finding.title, None)
            if accepted
            else (verdict, tone, finding.title, finding.id)
        )
    if not is_usable(index):
        return "invalid", "broken", "the server does not use it; a build failed or is under way", None
    return _needed(snapshot, table, index, scans) or _by_use(snapshot, scans, replicas)


def _needed(snapshot: Snapshot, table: Table, index: Index, scans: int | None) -> _Judgement | None:
    if index.is_primary:
        return "needed", "good", "primary key", None
    if index.is_exclusion:
        return "needed", "good", "exclusion constraint", None
    if index.is_unique:
        return "needed", "good", f"keeps {_keys(index)} unique" + _scans(scans), None
    key = _foreign_key_served(snapshot, table, index)
    if key is None:
        return None
    target = snapshot.catalog.table_by_oid.get(key.foreign_table_oid or 0)
    return "good", "good", f"serves the foreign key to {table_name(target) if target else '?'}{_scans(scans)}", None


def _scans(scans: int | None) -> str:
    return f", {counted(scans, 'scan')}" if scans else ""


def _foreign_key_served(snapshot: Snapshot, table: Table, index: Index) -> Constraint | None:
    keys = snapshot.catalog.constraints_of(table, "foreign key")
    return next((key for key in keys if serves_equality(index, key.columns)), None)


def _by_use(snapshot: Snapshot, scans: int | None, replicas: int) -> _Judgement:
    if snapshot.target.engine == "sqlite":
        return "not known", "quiet", "SQLite counts no scans", None
    window = window_text(snapshot)
    if scans:
        return "good", "good", f"{counted(scans, 'scan')} {window}", None
    if replicas:
        return "good", "good", f"{counted(replicas, 'scan')} on replicas {window}", None
    if scans is None:
        return "not known", "quiet", "its counters could not be read", None
    return "no scans seen", "quiet", f"none {window}; no proof that nobody needs it", None


def window_text(snapshot: Snapshot) -> str:
    """The time that the counters cover, as words."""
    days = snapshot.statistics_days
    if days is None:
        return "since the counters began (when is not known)"
    if days < 2:
        return f"in {days * 24:.0f} hours" if days >= 1 / 12 else "in less than two hours"
    return f"in {days:,.0f} days"
