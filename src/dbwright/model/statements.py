"""Recorded statements as rules judge them: which count, over what time, what they spend it on, which tables they name.

The texts are those of pg_stat_statements: constants are parameters. They are matched with care, not parsed; what is not
recognised is left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

from dbwright.model.activity import Statement, Workload
from dbwright.model.catalog import Catalog, Column, Table
from dbwright.model.finding import ObjectRef
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.wording import duration

_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.S)
_OF_USERS = re.compile(r"\(*\s*(select|insert|update|delete|merge|with|values)\b", re.I)
_OF_SYSTEM = re.compile(
    r"\b(pg_catalog|information_schema|pg_stat\w*|pg_class|pg_database|pg_locks|pg_settings|pg_index|pg_namespace)\b",
    re.I,
)
_WAITING = re.compile(r"\b(pg_(try_)?advisory_\w+|pg_sleep|pg_notify|set_config)\s*\(", re.I)
_NAME = r'(?:"(?:[^"]|"")+"|[a-z_][\w$]*)'
_NO_ALIAS = frozenset(
    "where on using join inner left right full cross natural group order having limit offset set values union except intersect "
    "returning for window as select default fetch".split()
)
_SOURCE = re.compile(
    rf"\b(?:from|join|into|update|using)\s+(?:only\s+)?(?P<name>{_NAME}(?:\.{_NAME})?)"
    rf"(?:\s+(?:as\s+)?(?!(?:{'|'.join(sorted(_NO_ALIAS))})\b)(?P<alias>{_NAME}))?",
    re.I,
)


def statements(workload: Workload) -> tuple[Statement, ...]:
    """The users' own queries and changes, costliest first: one entry for each query id, whoever ran it. Left out are utility
    commands (transactions, maintenance, cursors, COPY), advisory locks, and what reads the system's tables, such as monitoring."""
    groups: defaultdict[int, list[Statement]] = defaultdict(list)
    for row in workload.statements:
        if row.calls > 0 and is_users(row.query):
            groups[row.query_id].append(row)
    merged = (group[0] if len(group) == 1 else _merged(group) for group in groups.values())
    return tuple(sorted(merged, key=lambda row: (-row.total_milliseconds, row.query_id)))


@lru_cache(maxsize=4096)
def is_users(query: str) -> bool:
    """Whether a text is a query or change of the users' own tables."""
    text = _COMMENT.sub(" ", query).lstrip()
    if not _OF_USERS.match(text):
        return False
    lower = text.lower()
    suspect = "pg_" in lower or "information_schema" in lower or "set_config" in lower
    return not suspect or not (_OF_SYSTEM.search(text) or _WAITING.search(text))


def _merged(rows: list[Statement]) -> Statement:
    first, calls = rows[0], sum(row.calls for row in rows)
    total = sum(row.total_milliseconds for row in rows)
    jit = [row.jit_milliseconds for row in rows if row.jit_milliseconds is not None]
    return replace(
        first,
        user=None,
        calls=calls,
        total_milliseconds=total,
        mean_milliseconds=total / calls,
        min_milliseconds=min(row.min_milliseconds for row in rows),
        max_milliseconds=max(row.max_milliseconds for row in rows),
        stddev_milliseconds=max(row.stddev_milliseconds for row in rows),
        plan_milliseconds=sum(row.plan_milliseconds for row in rows),
        rows=sum(row.rows for row in rows),
        shared_blocks_hit=sum(row.shared_blocks_hit for row in rows),
        shared_blocks_read=sum(row.shared_blocks_read for row in rows),
        shared_blocks_dirtied=sum(row.shared_blocks_dirtied for row in rows),
        temporary_blocks_read=sum(row.temporary_blocks_read for row in rows),
        temporary_blocks_written=sum(row.temporary_blocks_written for row in rows),
        read_milliseconds=sum(row.read_milliseconds for row in rows),
        write_milliseconds=sum(row.write_milliseconds for row in rows),
        wal_bytes=sum(row.wal_bytes for row in rows),
        jit_milliseconds=sum(jit) if jit else None,
    )


def window_hours(snapshot: Snapshot) -> float:
    """Hours for which statements were recorded. Where the server does not tell (before PostgreSQL 14) the age of its other
    counters, else a day."""
    began = snapshot.workload.collected_from
    if began:
        return max((snapshot.taken_at - began).total_seconds() / 3600, 1 / 60)
    days = snapshot.counting_days
    return max(days * 24, 1 / 60) if days else 24.0


def seconds_an_hour(snapshot: Snapshot, row: Statement) -> float:
    """Seconds of database time that a statement takes in an hour; 3600 is one core always busy."""
    return row.total_milliseconds / 1000 / window_hours(snapshot)


def load(snapshot: Snapshot, hourly: float) -> str:
    """``hourly`` seconds an hour as words; where less than an hour was recorded, what was measured in it."""
    hours = window_hours(snapshot)
    if hours >= 1:
        return f"{hourly:,.0f} seconds of each hour"
    return f"{hourly * hours:,.1f} s of the {duration(hours * 3600)} recorded"


def scanning(snapshot: Snapshot, limits: Mapping[str, float]) -> Iterator[Statement]:
    """Statements that read much for what they do, by the limits milliseconds, blocks_a_call and seconds_an_hour; of
    the costliest ones, as many as the limit statements says."""
    for row in statements(snapshot.workload)[: int(limits["statements"])]:
        blocks = row.shared_blocks_hit + row.shared_blocks_read
        slow = row.mean_milliseconds >= limits["milliseconds"] and blocks >= limits["blocks_a_call"] * row.calls
        if slow and seconds_an_hour(snapshot, row) >= limits["seconds_an_hour"]:
            yield row


def reference(row: Statement) -> ObjectRef:
    return ObjectRef("statement", str(row.query_id))


def shortened(query: str, length: int = 300) -> str:
    """One line, without comments, cut."""
    text = " ".join(_COMMENT.sub(" ", query).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def headline(row: Statement, snapshot: Snapshot) -> str:
    """What a title calls a statement: its verb and first table, ``SELECT on orders``."""
    verb = _COMMENT.sub(" ", row.query).split(None, 1)[0].lstrip("(").upper() or "SELECT"
    tables = tables_in(row.query, snapshot.catalog)
    name = next(iter(tables.values())).name if tables else None
    if verb == "WITH":
        verb = "Query"
    return f"{verb} on {name[:40]}" if name else f"{verb} {row.query_id}"


def tables_in(query: str, catalog: Catalog) -> dict[str, Table]:
    """The users' tables that a text names after FROM, JOIN, INTO, UPDATE or USING, by alias (else by name)."""
    found: dict[str, Table] = {}
    for match in _SOURCE.finditer(_COMMENT.sub(" ", query)):
        parts = tuple(map(unquoted, re.findall(_NAME, match["name"], re.I)))
        table = catalog.table_by_name.get((parts[0], parts[1])) if len(parts) == 2 else _by_bare_name(catalog, parts[0])
        if table is None or table.extension:
            continue
        alias = match["alias"]
        found[unquoted(alias) if alias else table.name] = table
    return found


def _by_bare_name(catalog: Catalog, name: str) -> Table | None:
    """The table of that name: in ``public``, else in the first schema that has one."""
    schemas = ("public", *(schema.name for schema in catalog.schemas))
    return next((table for schema in schemas if (table := catalog.table_by_name.get((schema, name)))), None)


def unquoted(name: str) -> str:
    """An identifier as the catalog holds it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def evidence(snapshot: Snapshot, row: Statement) -> dict[str, Any]:
    """The figures of a statement that every finding about one shows."""
    total = snapshot.workload.total_milliseconds
    blocks = row.shared_blocks_hit + row.shared_blocks_read
    return {
        "query": shortened(row.query),
        "query_id": row.query_id,
        "tables": sorted({table.name for table in tables_in(row.query, snapshot.catalog).values()}),
        "calls": row.calls,
        "total_seconds": round(row.total_milliseconds / 1000, 1),
        "share_of_all_time": round(row.total_milliseconds / total, 4) if total else None,
        "seconds_an_hour": round(seconds_an_hour(snapshot, row), 2),
        "mean_milliseconds": round(row.mean_milliseconds, 3),
        "rows_a_call": round(row.rows / row.calls, 1),
        "blocks_a_call": round(blocks / row.calls, 1),
        "read_blocks_a_call": round(row.shared_blocks_read / row.calls, 1),
    }


def symptoms(row: Statement) -> str:
    """What stands out in how a statement spends its time, as a sentence; empty when nothing does."""
    found = []
    total = max(row.total_milliseconds, 0.001)
    blocks = row.shared_blocks_hit + row.shared_blocks_read
    if row.temporary_blocks_written / row.calls >= 128:
        found.append(f"writes {row.temporary_blocks_written * 8 / 1024 / row.calls:,.0f} MB of temporary files a call")
    if (row.jit_milliseconds or 0) >= 0.3 * total:
        found.append(f"spends {(row.jit_milliseconds or 0) / total:.0%} on JIT compilation")
    if row.read_milliseconds >= 0.5 * total:
        found.append(f"waits {min(row.read_milliseconds / total, 1):.0%} of its time for reads")
    if blocks / row.calls >= 1000 and blocks >= 20 * max(row.rows, 1):
        found.append(
            f"reads {blocks / row.calls:,.0f} blocks for {row.rows / row.calls:,.1f} rows a call: a missing index is likely"
        )
    return f" It {', '.join(found)}." if found else ""


def explain_step(snapshot: Snapshot, row: Statement) -> str:
    """How to see the plan of a recorded statement."""
    if snapshot.target.major >= 16 and "$1" in row.query:
        return "EXPLAIN (GENERIC_PLAN) with the text in the evidence, as it is; or EXPLAIN (ANALYZE, BUFFERS) with usual values."
    return "EXPLAIN (ANALYZE, BUFFERS) with the text in the evidence and usual values for its parameters."


def sample_statement(query: str, calls: int = 1000, mean: float = 1.0, query_id: int = 1, **more: Any) -> Statement:
    """For samples: a statement with the few figures that matter there."""
    base = Statement(
        query_id=query_id,
        user="app",
        query=query,
        calls=calls,
        total_milliseconds=calls * mean,
        mean_milliseconds=mean,
        min_milliseconds=mean,
        max_milliseconds=mean,
        stddev_milliseconds=0.0,
        plan_milliseconds=0.0,
        rows=calls,
        shared_blocks_hit=4 * calls,
        shared_blocks_read=0,
        shared_blocks_dirtied=0,
        temporary_blocks_read=0,
        temporary_blocks_written=0,
        read_milliseconds=0.0,
        write_milliseconds=0.0,
        wal_bytes=0,
        jit_milliseconds=0.0,
    )
    return replace(base, **more)


def recorded(*rows: Statement, hours: float | None = 24, evicted: int = 0) -> Callable[[Snapshot], Snapshot]:
    """For samples: an edit that makes these the statements recorded over so many hours."""

    def edit(snapshot: Snapshot) -> Snapshot:
        began = snapshot.taken_at - timedelta(hours=hours) if hours else None
        workload = Workload(available=True, statements=rows, evicted=evicted, collected_from=began)
        gaps = tuple(gap for gap in snapshot.gaps if not gap.section.startswith("workload"))
        return replace(snapshot, workload=workload, gaps=gaps)

    return edit


_COLUMN = rf"(?:(?P<source>{_NAME})\.)?(?P<column>{_NAME})"
_CAST = r"(?:::\s*(?:text|character varying|varchar))?"
_WRAPPED = rf"(?:(?P<function>upper|lower)\s*\(\s*\(*{_COLUMN}{_CAST}\)*\s*\)|\(*{_COLUMN.replace('P<', 'P<plain_')}{_CAST}\)*)"
_PATTERN = re.compile(rf"(?<![\w.\"]){_WRAPPED}\s*(?<!not )(?:i?like|~~\*?)\s*(?!any|all)[(\w$']", re.I)
_CASE = re.compile(
    rf"(?<![\w.\"])(?P<function>upper|lower)\s*\(\s*\(*{_COLUMN}{_CAST}\)*\s*\)\s*=\s*(?:\(*(?:upper|lower)\s*\()?\s*\$\d",
    re.I,
)
_AT_ZONE = r"(?:\s+at\s+time\s+zone\s+(?:\$\d+|'[^']*'))?"
_COMPARED = r"\s*(?:=|<=?|>=?|between\b|in\s*\()"
_IN, _CAST_OF = _COLUMN.replace("P<", "P<in_"), _COLUMN.replace("P<", "P<cast_")
_DAY = re.compile(
    rf"(?<![\w.\"])(?:\(*{_COLUMN}{_AT_ZONE}\)*::\s*date\b"
    rf"|(?:date|date_trunc)\s*\((?:\$\d+\s*,|'\w+'\s*,)?\s*\(*{_IN}{_AT_ZONE}\)*\s*\)"
    rf"|cast\s*\(\s*\(*{_CAST_OF}{_AT_ZONE}\)*\s+as\s+date\s*\))\)*{_COMPARED}",
    re.I,
)
_WHERE = re.compile(r"\bwhere\b", re.I)


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition that a plain index on the column cannot serve: ``function`` is upper, lower, date or None."""

    table: Table
    column: Column
    function: str | None


def pattern_filters(query: str, catalog: Catalog) -> tuple[Filter, ...]:
    """``LIKE`` and ``ILIKE`` conditions on columns of the users' tables."""
    return _filters(_PATTERN, query, catalog, "like", "~~")


def case_filters(query: str, catalog: Catalog) -> tuple[Filter, ...]:
    """``upper(column) = …`` and ``lower(column) = …``."""
    return _filters(_CASE, query, catalog, "upper", "lower")


def day_filters(query: str, catalog: Catalog) -> tuple[Filter, ...]:
    """Times that are cut to days (``::date``, ``date()``, ``date_trunc``) before they are compared."""
    return tuple(replace(found, function="date") for found in _filters(_DAY, query, catalog, "date"))


_CONDITIONS = re.compile(r"\b(?:where|on|using|having)\b", re.I)
_OTHER_SIDE = _COLUMN.replace("P<", "P<right_")
_COMPARISON = re.compile(
    rf"(?<![\w.\"$]){_COLUMN}\s*(?=(?:=|<|>|!)|(?:not\s+)?(?:in|between|is)\b)|(?:=|<|>)\s*\(*{_OTHER_SIDE}(?![\w(])",
    re.I,
)
_JOINED_BY = re.compile(rf"\busing\s*\(\s*(?P<columns>{_NAME}(?:\s*,\s*{_NAME})*)\s*\)", re.I)


@once
def compared_columns(snapshot: Snapshot) -> frozenset[tuple[int, str]]:
    """Columns (table's oid, name) that some recorded statement filters or joins by, as far as its text tells: what stands in the
    list of a SELECT or of SET alone does not count. Where a bare name may mean several tables' columns, each counts."""
    found: set[tuple[int, str]] = set()
    for row in statements(snapshot.workload):
        text = _COMMENT.sub(" ", row.query)
        start = _CONDITIONS.search(text)
        if start is None:
            continue
        tables = tables_in(row.query, snapshot.catalog)
        everywhere = {table.oid: table for table in tables.values()}
        for match in _COMPARISON.finditer(text, start.start()):
            name, source = match["column"] or match["right_column"], match["source"] or match["right_source"]
            table = tables.get(unquoted(source)) if source else None
            found |= {(t.oid, unquoted(name)) for t in ([table] if table else everywhere.values())}
        for match in _JOINED_BY.finditer(text, start.start()):
            names = [unquoted(name) for name in re.findall(_NAME, match["columns"], re.I)]
            found |= {(oid, name) for oid in everywhere for name in names}
    return frozenset(found)


def _filters(pattern: re.Pattern[str], query: str, catalog: Catalog, *words: str) -> tuple[Filter, ...]:
    lower = query.lower()
    if not any(word in lower for word in words):
        return ()
    text = _COMMENT.sub(" ", query)
    where = _WHERE.search(text)
    if where is None:
        return ()
    tables = tables_in(query, catalog)
    found = {}
    for match in pattern.finditer(text, where.start()):
        groups = match.groupdict()
        name = next((groups[key] for key in groups if key.endswith("column") and groups[key]), None)
        source = next((groups[key] for key in groups if key.endswith("source") and groups[key]), None)
        place = name and _resolve(tables, source, name, catalog)
        if place:
            function = groups.get("function")
            one = Filter(*place, function.lower() if function else None)
            found[(one.table.oid, one.column.name, one.function)] = one
    return tuple(found.values())


def _resolve(tables: dict[str, Table], source: str | None, name: str, catalog: Catalog) -> tuple[Table, Column] | None:
    """The column that a name means, when only one can be meant."""
    if source is not None:
        sources = [table for alias, table in tables.items() if alias == unquoted(source)]
    else:
        sources = list({table.oid: table for table in tables.values()}.values())
    found = [(table, column) for table in sources if (column := catalog.column(table, unquoted(name)))]
    return found[0] if len(found) == 1 else None
