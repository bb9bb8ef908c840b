"""Changes in Alembic's words: after the edits nothing is left to migrate, and the revisions leave what the SQL of the change leaves."""

from collections.abc import Sequence
from pathlib import Path

import psycopg

from dbwright.embedded import EmbeddedServer
from dbwright.fixes import sql
from dbwright.fixes.drafts import Draft, Drafter, Wanted
from dbwright.fixes.project import Project
from dbwright.model import change as c
from dbwright.model.surroundings import Surroundings
from fixes.alembic_shop import Shop
from fixes.catalog import catalog, differing

Key = c.IndexKey
P = "public"
CHANGES: tuple[c.Operation, ...] = (
    c.CreateIndex(P, "customers", "customers_email_idx", (Key("email"),)),
    c.CreateIndex(P, "orders", "orders_last_idx", (Key("customer_id"), Key("placed", descending=True))),
    c.CreateIndex(P, "orders", "orders_failed_idx", (Key("number"),), predicate="status = 'failed' AND NOT paid"),
    c.CreateIndex(
        P, "orders", "orders_covering_idx", (Key("placed"),), include=("status",), options=("fillfactor=90",)
    ),
    c.CreateIndex(
        P, "customers", "customers_lower_idx", (Key(expression="lower(email::text)", opclass="varchar_pattern_ops"),)
    ),
    c.CreateIndex(P, "customer_tags", "customer_tags_tag_idx", (Key("tag"),)),
    c.CreateIndex(P, "notes", "notes_text_idx", (Key(expression="to_tsvector('simple', text)"),), method="gin"),
    c.CreateIndex(P, "stock", "stock_place_key", (Key("place"), Key("amount")), unique=True),
    c.CreateIndex(P, "orders", "orders_number_key", (Key("number"),), unique=True, predicate="paid"),
    c.AddRangeCheck(P, "customers", "customers_score_range", "score", 0, 100),
    c.AddConstraint(P, "orders", "orders_status_known", "CHECK (status IN ('new', 'a:b'))", validate=True),
    c.SetNotNull(P, "orders", "number"),
    c.SetNotNull(P, "customers", "name"),
    c.SetNotNull(P, "stock", "place", not_null=False),
    c.DropIndex(P, "orders_status", "CREATE INDEX orders_status ON public.orders USING btree (status)"),
    c.DropIndex(P, "ix_customers_name", "CREATE INDEX ix_customers_name ON public.customers USING btree (name)"),
    c.DropConstraint(P, "stock", "ck_stock_amount_positive", "CHECK ((amount >= 0))"),
    c.SetOnDelete(
        P,
        "orders",
        "fk_orders_customer_id_customers",
        "FOREIGN KEY (customer_id) REFERENCES public.customers(id)",
        "FOREIGN KEY (customer_id) REFERENCES public.customers(id) ON DELETE CASCADE",
    ),
    c.AddConstraint(
        P,
        "stock",
        "stock_amount_fkey",
        "FOREIGN KEY (amount) REFERENCES public.customers(id) ON DELETE SET NULL",
        validate=True,
    ),
    c.SetStorageParameter(P, "orders", "fillfactor", None, "90"),
    c.Verbatim("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1::int -- :it$$", "DROP FUNCTION f()"),
)


def drafted(folder: Path, changes: Sequence[c.Change]) -> Draft:
    project = Project(folder, Surroundings())
    wanted = [Wanted(change, f"Reason {n}", table=(P, "notes")) for n, change in enumerate(changes)]
    draft = Drafter(project).draft(wanted, "2026-01-31")
    unlike = project.unlike({file.file: file.new for file in draft.files})
    assert unlike == []
    return draft


def run(conninfo: str, statements: Sequence[str]) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_every_rendering_leaves_the_same_catalog_and_can_be_taken_back(server: EmbeddedServer, tmp_path: Path) -> None:
    by_alembic, by_sql = (server.create_database(f"fixes_{name}") for name in ("alembic", "statements"))
    shop = Shop(tmp_path, by_alembic)
    for database in (by_alembic, by_sql):
        shop.alembic("upgrade", "head", database=database)
    before = catalog(by_alembic)
    draft = drafted(tmp_path, [c.Change((operation,)) for operation in CHANGES])
    assert not draft.left, [one.reason for one in draft.left]
    shop.write({file.file: file.new for file in draft.files})
    shop.alembic("upgrade", "head", database=by_alembic)
    assert "No new upgrade operations" in shop.alembic("check", database=by_alembic)
    for _, change in draft.changes:
        run(by_sql, sql.forward(change))
    assert differing(catalog(by_alembic), catalog(by_sql)) == {}
    assert len(catalog(by_alembic)["indexes"] - before["indexes"]) == 9
    assert "CREATE INDEX CONCURRENTLY" in shop.alembic("upgrade", "--sql", "0001:head", database=by_alembic)
    shop.alembic("downgrade", "0001", database=by_alembic)
    for _, change in reversed(draft.changes):
        run(by_sql, sql.backward(change))
    assert differing(catalog(by_alembic), before) == {}
    assert differing(catalog(by_sql), before) == {}
