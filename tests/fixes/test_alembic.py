"""Changes in Alembic's words: after the edits nothing is left to migrate, and the revisions leave what the SQL of the change leaves."""

from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from cli import Outcome, assert_one_clear_error, dbwright
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


SCRIPT = '''\
"""{0}

Revision ID: {0}
Revises: {1}
"""
import sqlalchemy as sa
from alembic import op

revision = "{0}"
down_revision = {2}
branch_labels = None
depends_on = None


def upgrade():
    {3}


def downgrade():
    pass
'''
NOTE = 'op.add_column("customers", sa.Column("note", sa.Text()))'
SIZE = 'op.add_column("customers", sa.Column("size", sa.Integer()))'
SIZE_IN_SQL = 'op.execute("ALTER TABLE customers ADD COLUMN size integer")'


def broken(folder: Path, **scripts: tuple[str, str, str]) -> None:
    """Scripts by file: id, parent, what it does."""
    for name, (revision, parent, does) in scripts.items():
        text = SCRIPT.format(revision, parent, f'"{parent}"', does)
        (folder / f"alembic/versions/{name[1:]}.py").write_text(text)


def fixed(folder: Path, *arguments: str) -> Outcome:
    (folder / "home").mkdir(exist_ok=True)
    return dbwright("fix", "--no-db", "--yes", *arguments, folder=folder)


@pytest.fixture
def shop(server: EmbeddedServer, tmp_path: Path, database: str) -> Shop:
    return Shop(tmp_path, database)


def test_a_history_with_twins_and_several_ends_runs_again(shop: Shop, database: str) -> None:
    """AB-01: one id in two files, a branch that was never merged, and a revision whose work another does in SQL."""
    broken(
        shop.folder,
        _0002_size=("0002", "0001", SIZE_IN_SQL),
        _0003_note=("0003", "0002", NOTE),
        _0003b_index=("0003", "0002", 'op.create_index("note_idx", "notes", ["id"])'),
        _0004_more=("0004", "0003", 'op.create_index("more_idx", "stock", ["amount"])'),
        _0002b_size=("0002b", "0001", SIZE),
        _0002c_place=("0002c", "0001", 'op.add_column("customers", sa.Column("place", sa.Text()))'),
    )
    outcome = fixed(shop.folder, "migrations/several-heads")
    assert outcome.code == 0, outcome.err
    assert "Every history has one end now" in outcome.err
    versions = shop.folder / "alembic/versions"
    assert not (versions / "0002b_size.py").exists()
    assert SIZE in (shop.folder / "alembic/archived/0002b_size.py.txt").read_text()
    assert 'revision = "0003b"\ndown_revision = "0003"' in (versions / "0003b_index.py").read_text()
    assert 'down_revision = "0003b"' in (versions / "0004_more.py").read_text()
    assert shop.alembic("heads", database=database).count("(head)") == 1
    shop.alembic("upgrade", "head", database=database)
    with psycopg.connect(database) as connection:
        columns = {
            name
            for (name,) in connection.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'customers'::regclass")
        }
        assert {"size", "note", "place"} <= columns
        assert connection.execute("SELECT to_regclass('note_idx'), to_regclass('more_idx')").fetchone() != (None, None)


def test_what_a_branch_alone_makes_is_never_set_aside(shop: Shop) -> None:
    broken(
        shop.folder,
        _0002_size=("0002", "0001", SIZE),
        _0003_note=("0003", "0002", NOTE),
        _0002b_rows=("0002b", "0001", f'{SIZE}\n    op.execute("UPDATE customers SET size = 1")'),
    )
    assert fixed(shop.folder, "migrations/several-heads").code == 0
    assert (shop.folder / "alembic/versions/0002b_rows.py").exists()
    assert not (shop.folder / "alembic/archived").exists()


def test_a_broken_history_is_mended_before_anything_follows_it(shop: Shop) -> None:
    broken(shop.folder, _0002_size=("0002", "0001", SIZE), _0002b_note=("0002b", "0001", NOTE))
    views = "from sqlalchemy import select\nfrom shop.models import Order\n\n\ndef last(session, customer):\n"
    views += "    query = select(Order).where(Order.customer_id == customer).order_by(Order.placed.desc()).limit(20)\n"
    views += "    return session.scalars(query).all()\n"
    (shop.folder / "shop/views.py").write_text(views)
    outcome = fixed(shop.folder, "queries/missing-index")
    assert_one_clear_error(outcome)
    assert "dbwright fix migrations/several-heads" in outcome.err
    assert fixed(shop.folder, "migrations/several-heads").code == 0
    outcome = fixed(shop.folder, "queries/missing-index")
    assert outcome.code == 0, outcome.err
    assert 'Index("' in (shop.folder / "shop/models.py").read_text()
