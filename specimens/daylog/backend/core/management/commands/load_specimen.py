"""Fill an empty, migrated database with made-up rows.

    python manage.py load_specimen --scale small
    python manage.py load_specimen --scale 0.1 --replace

Scale 1 has a million entries of 20,000 people, which take two gigabytes; `small` is scale 0.01.
`core/specimen_data.py` tells what is skewed and how.
"""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils import timezone

from core.specimen_data import Row, Sizes, Specimen
from insights.models import Goal, MoodCheckIn, WritingDay
from journal.models import Attachment, Comment, JournalEntry, Prompt, Tag
from reminders.models import Reminder
from users.models import Integration, Profile

NAMED_SCALES = {"small": 0.01}

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

User = get_user_model()
ENTRY_TAGS = JournalEntry.tags.through

BASE = "id created_at updated_at"
COLUMNS = {
    User: (
        "id password is_superuser username first_name last_name email is_staff is_active date_joined"
        " created_at updated_at"
    ),
    Profile: f"{BASE} user_id display_name phone birth_date about timezone preferences",
    Integration: f"{BASE} user_id service account access_token refresh_token expires_at",
    Reminder: f"{BASE} user_id hour text is_active next_at",
    Goal: f"{BASE} user_id entries_per_week words_per_week",
    Prompt: f"{BASE} text is_active",
    Tag: f"{BASE} user_id name",
    JournalEntry: f"{BASE} user_id title content is_public is_pinned share_token prompt_id",
    ENTRY_TAGS: "id journalentry_id tag_id",
    Attachment: f"{BASE} entry_id position path bytes media_type",
    Comment: f"{BASE} entry_id author_id body is_hidden",
    MoodCheckIn: f"{BASE} user_id mood note felt_at",
    WritingDay: f"{BASE} user_id day entries words",
}


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
    help = "Fill an empty, migrated database with made-up rows, skewed like those of a journal that many people keep."

    def add_arguments(self, parser):
        parser.add_argument("--scale", default="small", help="small, or a number: 1 has a million entries")
        parser.add_argument("--seed", type=int, default=1, help="another seed gives other rows")
        parser.add_argument("--now", help="the moment the rows lead up to, instead of this one")
        parser.add_argument("--replace", action="store_true", help="empty the tables first")

    def handle(self, *args, scale, seed, now, replace, verbosity, **options):
        self.verbose = verbosity > 1
        specimen = Specimen(Sizes.at(parse_scale(scale)), seed, parse_now(now))
        if replace:
            tables = [model._meta.db_table for model in COLUMNS]
            flush = connection.ops.sql_flush(no_style(), tables, reset_sequences=True, allow_cascade=True)
            connection.ops.execute_sql_flush(flush)
        elif JournalEntry.objects.exists():
            raise CommandError("the tables are not empty; --replace empties them first")

        started = time.monotonic()
        loaded = sum(self.load(model, rows) for model, rows in self.tables(specimen))
        self.finish()
        self.stdout.write(f"rows={loaded} seconds={time.monotonic() - started:.2f}")

    @staticmethod
    def tables(specimen: Specimen) -> Iterator[tuple[type, Iterable[Row]]]:
        """The tables, each after those it refers to."""
        yield User, specimen.people()
        yield Profile, specimen.profiles()
        yield Integration, specimen.integrations()
        yield Reminder, specimen.reminders()
        yield Goal, specimen.goals()
        yield Prompt, specimen.prompts()
        yield Tag, specimen.tags()
        yield JournalEntry, specimen.entries()
        yield ENTRY_TAGS, specimen.entry_tags()
        yield Attachment, specimen.attachments()
        yield Comment, specimen.comments()
        yield MoodCheckIn, specimen.moods()
        yield WritingDay, specimen.writing_days()

    def load(self, model, rows: Iterable[Row]) -> int:
        """Copy into a table without its indexes and foreign keys, then make these again, all in one transaction."""
        table = connection.ops.quote_name(model._meta.db_table)
        columns = ", ".join(connection.ops.quote_name(name) for name in COLUMNS[model].split())
        started = time.monotonic()
        loaded = 0
        with transaction.atomic(), connection.cursor() as cursor:
            again = []
            for query in (FOREIGN_KEYS, SECONDARY_INDEXES):
                cursor.execute(query, [table])
                for drop, make in cursor.fetchall():
                    cursor.execute(drop)
                    again.append(make)
            command = f"COPY {table} ({columns}) FROM STDIN"
            with cursor.copy(command) as copy:
                for row in rows:
                    copy.write_row(row)
                    loaded += 1
            for make in reversed(again):
                cursor.execute(make)
        if self.verbose:
            self.stdout.write(f"{model._meta.db_table}: {loaded} rows in {time.monotonic() - started:.2f} s")
        return loaded

    @staticmethod
    def finish() -> None:
        """Let new rows follow the loaded ones, and let the planner know them."""
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), [ENTRY_TAGS]):
                cursor.execute(statement)
            # With VACUUM, so that plans do not depend on whether autovacuum has already come by.
            tables = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in COLUMNS)
            cursor.execute(f"VACUUM (ANALYZE) {tables}")
