"""Changes in Django's words: after the edits nothing is left to migrate, and the migrations leave what the SQL of the change leaves."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from dbwright.embedded import EmbeddedServer
from dbwright.fixes import sql
from dbwright.fixes.drafts import Draft, Drafter, Wanted
from dbwright.fixes.project import Project
from dbwright.model import change as c
from dbwright.model.surroundings import Surroundings
from fixes.catalog import catalog, differing
from fixes.django_shop import Shop

Key = c.IndexKey
P = "public"
WITH_MODEL: tuple[c.Operation, ...] = (
    c.CreateIndex(P, "shop_customer", "shop_customer_email_idx", (Key("email"),)),
    c.CreateIndex(
        P,
        "shop_customer",
        "a_name_that_is_much_longer_than_django_allows_idx",
        (Key("score", descending=True), Key("id")),
    ),
    c.CreateIndex(
        P, "shop_order", "shop_order_failed_idx", (Key("customer_id"),), predicate="NOT paid AND status = 'failed'"
    ),
    c.CreateIndex(P, "shop_order", "shop_order_covering_idx", (Key("number"),), include=("status", "customer_id")),
    c.CreateIndex(
        P, "shop_order", "shop_order_brin", (Key("created"),), method="brin", options=("pages_per_range=32",)
    ),
    c.CreateIndex(P, "shop_customer", "shop_customer_upper_idx", (Key(expression="upper(email::text)"),)),
    c.CreateIndex(P, "shop_note", "shop_note_data_idx", (Key("data", opclass="jsonb_path_ops"),), method="gin"),
    c.CreateIndex(P, "shop_order", "shop_order_full_idx", (Key("amount"),), options=("fillfactor=90",)),
    c.CreateIndex(P, "shop_order", "shop_order_last_idx", (Key("number", descending=True, nulls_first=False),)),
    c.CreateIndex(P, "labels", "labels_label_key", (Key("label"), Key("weight")), unique=True),
    c.CreateIndex(
        P, "shop_order", "shop_order_number_new", (Key("number"),), unique=True, predicate="number IS NOT NULL"
    ),
    c.AddRangeCheck(P, "shop_customer", "shop_customer_score_range", "score", 0, 100),
    c.AddConstraint(P, "shop_order", "shop_order_status_known", "CHECK (status IN ('new', 'failed'))", validate=True),
    c.SetNotNull(P, "shop_order", "number"),
    c.SetNotNull(P, "shop_customer", "visits", not_null=False),
    c.AlterColumnType(P, "shop_order", "amount", "integer", "bigint"),
    c.DropIndex(P, "labels_weight", "CREATE INDEX labels_weight ON public.labels USING btree (weight)"),
    c.DropConstraint(P, "labels", "labels_weight_positive", "CHECK (weight >= 0)"),
)
"""Changes that models say."""
BESIDE: tuple[c.Operation, ...] = (
    c.CreateIndex(
        P, "shop_note", "shop_note_words_idx", (Key(expression="to_tsvector('simple', text)"),), method="gin"
    ),
    c.CreateIndex(P, "shop_customer", "shop_customer_odd_idx", (Key("visits"),), predicate="email <> ''"),
    c.CreateIndex(P, "shop_order_tags", "shop_order_tags_both_idx", (Key("tag_id"), Key("order_id"))),
    c.AddConstraint(P, "shop_note", "shop_note_size", "CHECK (octet_length(data::text) < 100000)", validate=True),
    c.SetStorageParameter(P, "shop_order", "fillfactor", None, "90"),
    c.AlterColumn(P, "shop_note", "text", "STATISTICS", "-1", "500"),
    c.SetDefault(P, "shop_customer", "visits", None, "0"),
    c.Verbatim("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1 -- 100% of :it$$", "DROP FUNCTION f()"),
)
"""Changes that models have no words for."""


def drafted(folder: Path, changes: Sequence[c.Change], taken: frozenset[str] = frozenset()) -> Draft:
    project = Project(folder, Surroundings())
    wanted = [Wanted(change, f"Reason {n}", table=(P, "shop_note")) for n, change in enumerate(changes)]
    draft = Drafter(project, taken).draft(wanted, "2026-01-31")
    assert project.unlike({file.file: file.new for file in draft.files}) == []
    return draft


@pytest.fixture(scope="module")
def databases(server: EmbeddedServer) -> Callable[[str], str]:
    return server.create_database


def run(conninfo: str, statements: Sequence[str]) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_every_rendering_leaves_the_same_catalog_and_can_be_taken_back(server: EmbeddedServer, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    by_django, by_sql = (server.create_database(f"fixes_{name}") for name in ("django", "sql"))
    for database in (by_django, by_sql):
        shop.manage("migrate", database=database)
    before = catalog(by_django)
    draft = drafted(tmp_path, [c.Change((operation,)) for operation in (*WITH_MODEL, *BESIDE)])
    assert not draft.left, [one.reason for one in draft.left]
    shop.write({file.file: file.new for file in draft.files})
    assert "No changes" in shop.manage("makemigrations", "--check", "--dry-run", database=by_django)
    shop.manage("migrate", database=by_django)
    for _, change in draft.changes:
        run(by_sql, sql.forward(change))
    after = catalog(by_django)
    assert differing(after, catalog(by_sql)) == {}
    assert len(after["indexes"] - before["indexes"]) == 14
    shop.manage("migrate", "shop", "0001", database=by_django)
    for _, change in reversed(draft.changes):
        run(by_sql, sql.backward(change))
    assert catalog(by_django) == before == catalog(by_sql)


@pytest.mark.parametrize(("installed", "word"), [(None, "condition"), ("5.0.9", "check"), ("5.2.1", "condition")])
def test_a_check_is_spelled_for_the_django_that_is_installed(tmp_path: Path, installed: str | None, word: str) -> None:
    Shop(tmp_path)
    if installed:
        (tmp_path / f".venv/lib/python3.11/site-packages/django-{installed}.dist-info").mkdir(parents=True)
    rule = c.AddConstraint(P, "shop_order", "shop_order_known", "CHECK (status IN ('new', 'failed'))", validate=True)
    draft = drafted(tmp_path, [c.Change((rule,))])
    (models,) = [file.new for file in draft.files if file.file == "shop/models.py"]
    before = models[: models.index('"shop_order_known"')]
    assert re.findall(r"(check|condition)=", before)[-1] == word
