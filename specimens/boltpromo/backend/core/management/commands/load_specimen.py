"""Fill an empty, migrated database with made-up rows.

    python manage.py load_specimen --scale small
    python manage.py load_specimen --scale 0.1 --replace

Scale 1 has 5,000 promo codes, 500 stores, 1,000,000 events, about 50,000 daily aggregates, and 200,000 contact
messages: far more messages than a quiet site gets, because the form's missing index hurts only once robots have found
the form.
`small` is scale 0.01. `core/specimen_data.py` tells what is skewed and how.
"""

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils import timezone

from core import models
from core.specimen_data import Row, Sizes, Specimen

NAMED_SCALES = {"small": 0.01}

# Rows per write to the server, or per executemany.
BATCH = 5_000

# What a table is filled faster without: how to drop it, and how to make it again.
SECONDARY_INDEXES = """
    SELECT format('DROP INDEX %%s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
    FROM pg_index i
    WHERE i.indrelid = %s::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
"""
FOREIGN_KEYS = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
           format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint
    WHERE conrelid = %s::regclass AND contype = 'f'
"""

PROMOCODE_CATEGORIES = models.PromoCode.categories.through

COLUMNS = {
    models.Store: "id name slug logo rating description site_url is_active created_at updated_at",
    models.Category: "id name slug icon description is_active created_at",
    models.PromoCode: (
        "id title description offer_type code discount_value discount_label long_description steps fine_print"
        " disclaimer is_hot is_recommended expires_at views_count affiliate_url store_id is_active"
        " created_at updated_at"
    ),
    PROMOCODE_CATEGORIES: "id promocode_id category_id",
    models.Banner: "id title subtitle image image_mobile cta_text cta_url sort_order is_active created_at updated_at",
    models.Showcase: "id title slug description banner sort_order is_active created_at updated_at",
    models.ShowcaseItem: "id position promocode_id showcase_id",
    models.StaticPage: "id title slug content is_active created_at updated_at",
    models.Partner: "id name logo url order is_active created_at",
    models.SiteAssets: "id singleton_id favicon logo og_image updated_at",
    models.SiteSettings: (
        "id singleton_id site_name contact_email yandex_metrika_id ga4_id telegram_url maintenance_mode updated_at"
    ),
    models.ContactMessage: "id name email subject message ip_address user_agent is_processed is_spam created_at",
    models.Event: (
        "id created_at event_type session_id client_ip user_agent ref utm_source utm_medium utm_campaign is_unique"
        " promo_id store_id showcase_id"
    ),
    models.DailyAgg: "id date event_type promo_id store_id showcase_id count unique_count",
    models.AdminActionLog: "id user action model_name object_id details ip_address created_at",
}


def batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def parse_scale(text: str) -> float:
    scale = NAMED_SCALES.get(text)
    if scale is None:
        try:
            scale = float(text)
        except ValueError:
            raise CommandError(f"--scale is a number or one of {', '.join(NAMED_SCALES)}, not {text!r}") from None
    if not 0 < scale <= 100:
        raise CommandError("--scale must be above 0 and not above 100")
    return scale


def parse_now(text: str | None) -> datetime:
    if text is None:
        return timezone.now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--now is a date and time like 2025-10-06T12:00, not {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Fill an empty, migrated database with made-up rows, skewed like a real site's."

    def add_arguments(self, parser):
        parser.add_argument("--scale", default="small", help="small, or a number: 1 has a million events")
        parser.add_argument("--seed", type=int, default=1, help="another seed gives other rows")
        parser.add_argument("--now", help="the moment the rows lead up to, instead of this one")
        parser.add_argument("--replace", action="store_true", help="empty the tables first")

    def handle(self, *args, scale, seed, now, replace, verbosity, **options):
        self.verbose = verbosity > 1
        specimen = Specimen(Sizes.at(parse_scale(scale)), seed, parse_now(now))
        if replace:
            self.empty()
        elif models.Store.objects.exists() or models.Event.objects.exists():
            raise CommandError("the tables are not empty; --replace empties them first")

        started = time.monotonic()
        loaded = sum(self.load(model, rows) for model, rows in self.tables(specimen))
        self.finish()
        self.stdout.write(f"rows={loaded} seconds={time.monotonic() - started:.2f}")

    def tables(self, specimen: Specimen) -> Iterator[tuple[type, Iterable[Row]]]:
        """The tables, each after those it refers to."""
        yield models.Store, specimen.stores()
        yield models.Category, specimen.categories()
        yield models.PromoCode, specimen.promocodes()
        yield PROMOCODE_CATEGORIES, specimen.promocode_categories()
        yield models.Banner, specimen.banners()
        yield models.Showcase, specimen.showcases()
        yield models.ShowcaseItem, specimen.showcase_items()
        yield models.StaticPage, specimen.static_pages()
        yield models.Partner, specimen.partners()
        yield models.SiteAssets, specimen.site_assets()
        yield models.SiteSettings, specimen.site_settings()
        yield models.ContactMessage, specimen.messages()
        yield models.AdminActionLog, specimen.admin_actions()
        counts, unique = Counter(), Counter()
        yield models.Event, specimen.events(counts, unique)
        yield (
            models.DailyAgg,
            (
                (str(number), *key, str(count), str(unique[key]))
                for number, (key, count) in enumerate(counts.items(), start=1)
            ),
        )

    def load(self, model, rows: Iterable[Row]) -> int:
        table = model._meta.db_table
        columns = [connection.ops.quote_name(name) for name in COLUMNS[model].split()]
        write = self.copy if connection.vendor == "postgresql" else self.insert
        started = time.monotonic()
        with transaction.atomic(), connection.cursor() as cursor:
            loaded = write(cursor, table, columns, batched(rows))
        if self.verbose:
            self.stdout.write(f"{table}: {loaded} rows in {time.monotonic() - started:.2f} s")
        return loaded

    @staticmethod
    def copy(cursor, table: str, columns: list[str], batches: Iterable[list[Row]]) -> int:
        """Copy into a table without its indexes and foreign keys, then make these again: twice as fast.

        All of it is one transaction: whoever interrupts it finds the table as it was.
        """
        drop_and_make = []
        for query in (FOREIGN_KEYS, SECONDARY_INDEXES):
            cursor.execute(query, [table])
            drop_and_make += cursor.fetchall()
        for drop, _ in drop_and_make:
            cursor.execute(drop)
        loaded = 0
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for batch in batches:
                # No value holds a tab, a line break or a backslash, so nothing needs escaping.
                lines = ["\t".join(["\\N" if value is None else value for value in row]) for row in batch]
                copy.write("\n".join(lines) + "\n")
                loaded += len(batch)
        for _, make in reversed(drop_and_make):
            cursor.execute(make)
        return loaded

    @staticmethod
    def insert(cursor, table: str, columns: list[str], batches: Iterable[list[Row]]) -> int:
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
        loaded = 0
        for batch in batches:
            cursor.executemany(statement, batch)
            loaded += len(batch)
        return loaded

    @staticmethod
    def empty() -> None:
        tables = [model._meta.db_table for model in COLUMNS]
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables, reset_sequences=True))

    @staticmethod
    def finish() -> None:
        """Let new rows follow the loaded ones, and let the planner know them."""
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(COLUMNS)):
                cursor.execute(statement)
            if connection.vendor == "postgresql":
                # With VACUUM, so that plans do not depend on whether autovacuum has already come by.
                tables = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in COLUMNS)
                cursor.execute(f"VACUUM (ANALYZE) {tables}")
            else:
                cursor.execute("ANALYZE")
