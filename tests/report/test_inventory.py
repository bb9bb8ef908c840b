"""Tables by group, and a verdict for each index."""

import dataclasses
from datetime import timedelta

import shop

from dbwright.model.statistics import NodeStatistics, Statistics
from dbwright.report import inventory


def verdicts(report: shop.Report) -> dict[str, inventory.IndexRow]:
    return {i.name: i for g in inventory.groups(report) for t in g.tables for i in t.indexes}


def test_each_index_has_a_verdict_with_its_reason() -> None:
    rows = verdicts(shop.shop())
    told = {name: (row.verdict, row.why) for name, row in rows.items()}
    assert told["shop_customer_pkey"] == ("needed", "primary key")
    assert told["shop_customer_email_key"] == ("needed", "keeps email unique")
    assert told["shop_order_customer_idx"] == ("good", "serves the foreign key to shop_customer")
    assert told["shop_order_customer_again"] == (
        "redundant",
        "shop_order_customer_again repeats shop_order_customer_idx",
    )
    assert told["shop_line_broken"][0] == "invalid"
    assert told["shop_line_order_id_idx"] == ("missing", "without index, 60 points")
    assert told["shop_order_busy_idx"] == ("good", "7 scans in 12 days")
    assert told["shop_order_day_idx"][0] == "unused, accepted"


def test_no_scans_is_no_verdict_of_guilt() -> None:
    report = dataclasses.replace(shop.shop(), ignored=())
    row = verdicts(report)["shop_order_day_idx"]
    assert (row.verdict, row.tone, row.finding) == ("no scans seen", "quiet", None)
    assert "in 12 days" in row.why
    assert "no proof" in row.why


def test_scans_on_a_replica_count() -> None:
    report = dataclasses.replace(shop.shop(), ignored=())
    statistics = report.snapshot.statistics
    used = dataclasses.replace(next(i for i in statistics.indexes if i.oid == 23), scans=40)
    node = NodeStatistics("replica", None, shop.BEFORE, (), (used,))
    snapshot = dataclasses.replace(report.snapshot, statistics=dataclasses.replace(statistics, nodes=(node,)))
    row = verdicts(dataclasses.replace(report, snapshot=snapshot))["shop_order_day_idx"]
    assert (row.verdict, row.why) == ("good", "40 scans on replicas in 12 days")


def test_without_counters_the_verdict_is_not_known() -> None:
    report = dataclasses.replace(shop.shop(), ignored=())
    snapshot = dataclasses.replace(report.snapshot, statistics=Statistics())
    row = verdicts(dataclasses.replace(report, snapshot=snapshot))["shop_order_day_idx"]
    assert (row.verdict, row.scans, row.bytes) == ("not known", None, None)


def test_only_the_index_a_comparing_rule_blames_is_redundant() -> None:
    report = shop.shop()
    kept = shop.ObjectRef("index", "shop_order_customer_idx", "public", "shop_order")
    both = tuple(
        dataclasses.replace(f, objects=(*f.objects, kept)) if f.rule == "indexes/duplicate" else f
        for f in report.findings
    )
    assert verdicts(dataclasses.replace(report, findings=both))["shop_order_customer_idx"].verdict == "good"


def test_groups_are_prefixes_and_frameworks_come_last() -> None:
    groups = inventory.groups(shop.shop())
    assert [(g.name, len(g.tables)) for g in groups] == [("shop", 3), ("Framework tables", 1)]
    assert groups[0].index_count == 9
    assert groups[0].rows == 6000


def test_schemas_tell_groups_apart_where_there_are_several() -> None:
    report = shop.shop()
    catalog = report.snapshot.catalog
    other = (shop.table(9, "shop_order", schema="archive"), shop.table(10, "single", schema="archive"))
    snapshot = dataclasses.replace(report.snapshot, catalog=dataclasses.replace(catalog, tables=catalog.tables + other))
    names = {g.name for g in inventory.groups(dataclasses.replace(report, snapshot=snapshot))}
    assert names == {"public · shop", "archive · other tables", "Framework tables"}


def test_columns_tell_their_keys() -> None:
    rows = {t.name: t for g in inventory.groups(shop.shop()) for t in g.tables}
    assert {c.name: c.keys for c in rows["shop_order"].columns} == {
        "id": "primary key",
        "customer_id": "→ shop_customer",
        "day": "",
    }
    assert rows["shop_customer"].purpose == "People who buy"


def test_the_window_is_told_with_what_it_is_worth() -> None:
    snapshot = shop.shop().snapshot
    assert inventory.window_text(snapshot) == "in 12 days"
    recent = dataclasses.replace(snapshot.statistics, reset_at=shop.NOW - timedelta(minutes=5))
    assert inventory.window_text(dataclasses.replace(snapshot, statistics=recent)) == "in less than two hours"
