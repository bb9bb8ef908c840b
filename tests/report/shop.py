"""Reports to render: a small shop, a large one, one made to do harm, and an empty one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from dbwright.model.activity import Statement, Workload
from dbwright.model.attribution import Attribution, StatementOrigin
from dbwright.model.catalog import Catalog, Column, Constraint, Index, Table
from dbwright.model.change import Change, CreateIndex, DropIndex, IndexKey, SetServerParameter
from dbwright.model.code_edit import CodeEdit
from dbwright.model.finding import Finding, Impact, Location, NotChecked, ObjectRef, Severity, Strength
from dbwright.model.report import Ignore, IgnoredFinding, Life, Report, ResolvedFinding, Score
from dbwright.model.snapshot import Gap, Project, Snapshot, Target
from dbwright.model.source import Place
from dbwright.model.statistics import IndexStatistics, Statistics, TableStatistics

NOW = datetime(2026, 3, 9, 12, 30, tzinfo=UTC)
BEFORE = NOW - timedelta(days=30)
GONE = Life("resolved", BEFORE, BEFORE, NOW)
Row = TypeVar("Row")
SEVERITY_POINTS: dict[Severity, float] = {"critical": 90, "high": 60, "medium": 30, "low": 15, "info": 5}


def made(kind: type[Row], /, **given: Any) -> Row:
    """A row with the given fields and plain values for the others."""
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    return kind(**{f.name: given[f.name] if f.name in given else _plain(hints[f.name]) for f in fields})


def _plain(hint: Any) -> Any:
    arguments = get_args(hint)
    if type(None) in arguments:
        return None
    if get_origin(hint) is tuple or hint is tuple:
        return ()
    if arguments:
        return arguments[0]
    return hint()


def table(oid: int, name: str, **given: Any) -> Table:
    return made(Table, oid=oid, name=name, **{"schema": "public", "kind": "table", "persistence": "permanent"} | given)


def column(owner: Table, number: int, name: str, **given: Any) -> Column:
    return made(Column, table_oid=owner.oid, number=number, name=name, **{"type": "bigint", "not_null": True} | given)


def index(owner: Table, oid: int, name: str, *keys: str, **given: Any) -> Index:
    flags = {"is_valid": True, "is_ready": True, "is_live": True, "access_method": "btree"}
    each = {
        "is_expression": (False,) * len(keys),
        "descending": (False,) * len(keys),
        "nulls_first": (False,) * len(keys),
        "opclasses": ("int8_ops",) * len(keys),
        "default_opclass": (True,) * len(keys),
        "collations": (None,) * len(keys),
    }
    place = {"schema": owner.schema, "table_oid": owner.oid, "oid": oid, "name": name, "keys": keys}
    return made(Index, **place | each | flags | given)


def foreign_key(owner: Table, oid: int, to: Table, *columns: str, on_delete: str = "no action") -> Constraint:
    return made(
        Constraint, oid=oid, table_oid=owner.oid, name=f"{owner.name}_{columns[0]}_fkey", kind="foreign key",
        columns=columns, foreign_table_oid=to.oid, foreign_columns=("id",), on_delete=on_delete, is_validated=True,
    )  # fmt: skip


def primary_key(owner: Table, oid: int, of: Index) -> Constraint:
    return made(
        Constraint, oid=oid, table_oid=owner.oid, name=of.name, kind="primary key", columns=("id",), index_oid=of.oid
    )


def finding(
    rule: str, title: str, ref: ObjectRef, severity: Severity = "high", change: Change | None = None, **given: Any
) -> Finding:
    """A finding as the audit leaves it. Its id is made of its rule and object."""
    return Finding(
        title=title,
        message=given.pop("message", f"{title}; that costs 1,234 rows."),
        objects=(ref,),
        impact=Impact(1234, "rows", 100, 1_000_000),
        evidence=given.pop("evidence", {"rows": 1234, "total_bytes": 5_000_000, "share": 0.25}),
        change=change,
        rule=rule,
        risk=given.pop("risk", "performance"),
        severity=severity,
        points=given.pop("points", SEVERITY_POINTS[severity]),
        id=given.pop("id", sha256(repr((rule, ref)).encode()).hexdigest()[:16]),
        **given,
    )


def index_on(owner: Table, name: str, column_name: str) -> Change:
    return Change(
        (CreateIndex(owner.schema, owner.name, name, (IndexKey(column_name),)),), "Builds while writers go on."
    )


def shop() -> Report:
    """Customers, orders and their lines; five findings with every state, and everything else a report can hold."""
    customer, orders = table(1, "shop_customer", comment="People who buy"), table(2, "shop_order")
    line, migrations = table(3, "shop_line"), table(4, "django_migrations")
    tables = (customer, orders, line, migrations)
    keys = [index(t, 10 + t.oid, f"{t.name}_pkey", "id", is_unique=True, is_primary=True) for t in tables]
    others = [
        index(orders, 21, "shop_order_customer_idx", "customer_id"),
        index(orders, 22, "shop_order_customer_again", "customer_id"),
        index(orders, 23, "shop_order_day_idx", "day", "state", predicate="(state <> 'done')"),
        index(customer, 24, "shop_customer_email_key", "email", is_unique=True),
        index(line, 25, "shop_line_broken", "note", is_valid=False),
        index(orders, 26, "shop_order_busy_idx", "state"),
    ]
    columns = [column(t, 1, "id") for t in tables]
    columns += [column(customer, 2, "email", type="text"), column(orders, 2, "customer_id"), column(orders, 3, "day")]
    columns += [column(line, 2, "order_id"), column(line, 3, "note", type="text", not_null=False, comment="free text")]
    constraints = [primary_key(t, 100 + t.oid, key) for t, key in zip(tables, keys, strict=True)]
    constraints += [
        foreign_key(orders, 201, customer, "customer_id", on_delete="cascade"),
        foreign_key(line, 202, orders, "order_id"),
    ]
    sizes = [
        made(TableStatistics, oid=t.oid, rows=1000.0 * t.oid, table_bytes=t.oid * 2**20, index_bytes=2**20)
        for t in tables
    ]
    uses = [
        made(IndexStatistics, oid=i.oid, table_oid=i.table_oid, bytes=2**19, scans=7 if "busy" in i.name else 0)
        for i in (*keys, *others)
    ]
    snapshot = _snapshot(tables, columns, (*keys, *others), constraints, sizes, uses)
    found = (
        finding("settings/crash-safety-off", "fsync is off", ObjectRef("setting", "fsync"), "critical",
                Change((SetServerParameter("fsync", None, "on"),)), risk="data loss"),
        finding("foreign-keys/without-index", "shop_line(order_id) references shop_order without an index",
                ObjectRef("constraint", "shop_line_order_id_fkey", "public", "shop_line", ("order_id",)), "high",
                index_on(line, "shop_line_order_id_idx", "order_id"), locations=(Location("shop/models.py", 41),)),
        finding("indexes/duplicate", "shop_order_customer_again repeats shop_order_customer_idx",
                ObjectRef("index", "shop_order_customer_again", "public", "shop_order"), "medium",
                Change((DropIndex("public", "shop_order_customer_again",
                                  "CREATE INDEX shop_order_customer_again ON public.shop_order USING btree (customer_id)"),))),
        finding("constraints/no-primary-key", "shop_line says too little", ObjectRef("table", "shop_line", "public"), "low",
                next_step="Ask who writes shop_line."),
        finding("naming/reserved-word", "a word is reserved", ObjectRef("table", "shop_order", "public"), "info",
                next_step="Rename it.", edits=(CodeEdit(Place("shop/views.py", 7), "select_related", ("order",)),)),
    )  # fmt: skip
    states = ("unchanged", "new", "regressed", "unchanged", "unchanged")
    lives = {f.id: Life(s, NOW if s == "new" else BEFORE, NOW) for f, s in zip(found, states, strict=True)}  # type: ignore[arg-type]
    day_index = ObjectRef("index", "shop_order_day_idx", "public", "shop_order")
    accepted = finding("indexes/unused", "shop_order_day_idx was not used", day_index, "low")
    gone = ResolvedFinding("0123456789abcdef", "vacuum/dead-rows", "shop_order held dead rows", GONE)
    return Report(
        snapshot=snapshot,
        findings=found,
        strengths=(Strength("Data checksums are on", "Pages are verified.", {"data_checksums": "on"}, "settings/checksums-off"),),
        not_checked=(
            NotChecked("workload/temporary-files", "pg_stat_statements is not there", "CREATE EXTENSION pg_stat_statements"),
            NotChecked("workload/window-too-short", "pg_stat_statements is not there", "CREATE EXTENSION pg_stat_statements"),
            NotChecked("security/md5-passwords", "pg_authid may not be read", "GRANT pg_read_all_data", partial=True),
        ),
        ignored=(IgnoredFinding(accepted, "needed at the end of the year"),),
        unused_ignores=(Ignore("indexes/*", "we thought so", "old_*", None, "pyproject.toml"),),
        expired_ignores=(Ignore("naming/*", "until the rewrite", until="2026-01-01"),),
        scores=(
            Score("overall", 61, 20, 3, {}),
            Score("foreign-keys", 54, 9, 0, {"foreign-keys/without-index": 0.46}),
            Score("workload", None, 0, 2, {}),
        ),
        lives=lives,
        resolved=(gone,),
        rules_run=tuple(sorted({f.rule for f in found} | {"security/md5-passwords"})),
        audit_seconds=0.25,
    )  # fmt: skip


def _snapshot(
    tables: Iterable[Table],
    columns: Iterable[Column],
    indexes: Iterable[Index],
    constraints: Iterable[Constraint],
    sizes: Iterable[TableStatistics],
    uses: Iterable[IndexStatistics],
) -> Snapshot:
    return Snapshot(
        schema_version=1,
        tool_version="0.0.test",
        taken_at=NOW,
        target=Target(
            "postgresql", "app@db.example:5432/shop", "feed", "shop", 170002, "17.2", "app", False, True, BEFORE
        ),
        catalog=Catalog(
            tables=tuple(tables), columns=tuple(columns), indexes=tuple(indexes), constraints=tuple(constraints)
        ),
        statistics=Statistics(tables=tuple(sizes), indexes=tuple(uses), reset_at=NOW - timedelta(days=12)),
        gaps=(Gap("workload.statements", "pg_stat_statements is not there", "CREATE EXTENSION pg_stat_statements"),),
        project=Project(root="/srv/shop"),
        collection_seconds=1.5,
        server_seconds=1.0,
    )


def worked() -> Report:
    """The shop, with what its server recorded and the lines that sent it."""
    report = shop()
    rows = (
        made(Statement, query_id=-11, query="SELECT * FROM shop_orders WHERE placed::date = $1", calls=900, total_milliseconds=41_000.0),
        made(Statement, query_id=12, query="UPDATE shop_line SET amount = $1", calls=30, total_milliseconds=9_000.0),
    )  # fmt: skip
    origins = (
        StatementOrigin(-11, "fingerprint", (Place("shop/views.py", 145, "daily"),), calls=900, milliseconds=41_000.0),
        StatementOrigin(12, "", calls=30, milliseconds=9_000.0, reason="no query of the source has its structure"),
    )
    workload = Workload(available=True, statements=rows)
    snapshot = dataclasses.replace(report.snapshot, workload=workload, attribution=Attribution(origins))
    return dataclasses.replace(report, snapshot=snapshot)


def empty() -> Report:
    """Nothing found, nothing there."""
    return Report(_snapshot((), (), (), (), (), ()), ())


HARM = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>|`x`|](javascript:alert(3))**b**@everyone #1 ::error::%0A##[add-mask]{0}"
CONTROLS = "\x1b]0;owned\x07\x1b[31mred\x9b2J\x08\r\n::error::spoofed\u202egnp.exe\u2066\u200b\u2028"
UGLY = HARM + CONTROLS


def hostile() -> Report:
    """Every text that a database or a user gives is made to do harm."""
    plain = shop()
    customer, orders = table(1, UGLY, comment=UGLY), table(2, "a" + UGLY, schema=UGLY)
    columns = [column(t, 1, UGLY, type="text", default=UGLY, comment=UGLY) for t in (customer, orders)]
    indexes = [index(orders, 21, UGLY, UGLY, schema=UGLY, predicate=UGLY), index(customer, 22, "i" + UGLY, UGLY)]
    keys = [foreign_key(orders, 201, customer, UGLY, on_delete="cascade")]
    snapshot = _snapshot((customer, orders), columns, indexes, keys, (), ())
    target = dataclasses.replace(
        snapshot.target, name=UGLY, database=UGLY, user=UGLY, version_text=UGLY, managed_by=UGLY
    )
    ref = ObjectRef("index", UGLY, UGLY, "a" + UGLY, (UGLY,))
    change = Change((CreateIndex(UGLY, "a" + UGLY, UGLY, (IndexKey(UGLY),)),), UGLY)
    rules = (("indexes/duplicate", "critical"), ("naming/reserved-word", "medium"), ("types/odd", "info"))
    found = tuple(
        finding(rule, UGLY, ref, severity, change, message=UGLY, evidence={UGLY: UGLY, "list": [UGLY], "map": {UGLY: UGLY}},
                next_step=UGLY, locations=(Location("src/" + UGLY, 3),), id=f"{number:016x}")
        for number, (rule, severity) in enumerate(rules)
    )  # fmt: skip
    return dataclasses.replace(
        plain,
        snapshot=dataclasses.replace(snapshot, target=target, gaps=(Gap(UGLY, UGLY, UGLY),)),
        findings=found,
        strengths=(Strength(UGLY, UGLY, {UGLY: UGLY}, "settings/checksums-off"),),
        not_checked=(NotChecked("workload/temporary-files", UGLY, UGLY),),
        ignored=(IgnoredFinding(found[0], UGLY),),
        unused_ignores=(Ignore(UGLY, UGLY, UGLY, None, UGLY),),
        expired_ignores=(Ignore(UGLY, UGLY, UGLY, UGLY),),
        lives={f.id: Life("regressed", BEFORE, NOW, BEFORE) for f in found},
        resolved=(
            ResolvedFinding("0123456789abcdef", "vacuum/dead-rows", UGLY, Life("resolved", BEFORE, BEFORE, NOW)),
        ),
        rules_run=(),
    )


def large(tables: int = 300) -> Report:
    """About three findings a table: foreign keys without an index."""
    made_tables = [table(n, f"app{n % 12}_table{n}") for n in range(1, tables + 1)]
    columns, indexes, keys, found = [], [], [], []
    for number, owner in enumerate(made_tables):
        key = index(owner, 10_000 + owner.oid, f"{owner.name}_pkey", "id", is_unique=True, is_primary=True)
        indexes.append(key)
        columns.append(column(owner, 1, "id"))
        for k in range(3):
            parent = made_tables[(number * 7 + k * 13) // 2 % max(1, number)] if number else owner
            columns.append(column(owner, 2 + k, f"ref{k}_id"))
            keys.append(foreign_key(owner, 20_000 + owner.oid * 3 + k, parent, f"ref{k}_id"))
        found += [
            finding("foreign-keys/without-index", f"{owner.name}(ref{k}_id) has no index",
                    ObjectRef("constraint", f"{owner.name}_ref{k}_id_fkey", "public", owner.name, (f"ref{k}_id",)),
                    ("high", "medium", "low")[k], index_on(owner, f"{owner.name}_ref{k}_id_idx", f"ref{k}_id"),
                    id=f"{number:013x}{k:03x}")
            for k in range(3)
        ]  # fmt: skip
    sizes = [made(TableStatistics, oid=t.oid, rows=1e5, table_bytes=2**24, index_bytes=2**22) for t in made_tables]
    found.sort(key=lambda f: (-f.points, f.title))
    plain = shop()
    snapshot = _snapshot(made_tables, columns, indexes, keys, sizes, ())
    return dataclasses.replace(
        plain, snapshot=snapshot, findings=tuple(found), lives={}, rules_run=("foreign-keys/without-index",)
    )
