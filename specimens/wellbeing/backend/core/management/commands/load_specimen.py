"""Fill an empty, migrated database with made-up rows.

    python manage.py load_specimen --scale small
    python manage.py load_specimen --scale 0.1 --replace

Scale 1 has a million messages; `small` is scale 0.01. `core/specimen_data.py` tells what is skewed and how.
"""

import itertools
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils import timezone

from core import models
from core.specimen_data import Row, Sizes, Specimen

NAMED_SCALES = {"small": 0.01}
BATCH = 5_000

# What a table is filled faster without: how to drop it, and how to make it again.
DROP_AND_MAKE = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
           format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint
    WHERE conrelid = %s::regclass AND contype = 'f'
    UNION ALL
    SELECT format('DROP INDEX %%s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
    FROM pg_index i
    WHERE i.indrelid = %s::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
"""

COLUMNS = {
    models.Team: "id name slug timezone is_active created_at updated_at",
    models.TeamMembership: "id team_id user_hash role left_at created_at updated_at",
    models.ConsentRecord: "id user_hash granted version created_at updated_at",
    models.Channel: "id type external_id name team_id is_active created_at updated_at",
    models.Message: (
        "id channel_id external_id user_hash content language char_count processing_status processed_at metadata"
        " created_at updated_at"
    ),
    models.MessageAnalysis: (
        "id message_id model_name sentiment sentiment_score emotion emotion_score stress stress_score keywords"
        " raw_output created_at updated_at"
    ),
    models.WellbeingAggregate: (
        "id source user_hash team_id period_type period_start period_end message_count sentiment_weighted_avg"
        " stress_weighted_avg wellbeing_score emotion_distribution created_at updated_at"
    ),
    models.AlertRule: "id team_id metric threshold is_active created_at updated_at",
    models.Alert: "id rule_id aggregate_id status closed_at created_at updated_at",
    models.IngestBatch: "id channel_id received accepted created_at updated_at",
    models.SurveyResponse: "id team_id user_hash question score created_at updated_at",
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
        raise CommandError(f"--now is a date and time like 2025-08-01T12:00, not {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Fill an empty, migrated database with made-up rows, skewed like a company's chat."

    def add_arguments(self, parser):
        parser.add_argument("--scale", default="small", help="small, or a number: 1 has a million messages")
        parser.add_argument("--seed", type=int, default=1, help="another seed gives other rows")
        parser.add_argument("--now", help="the moment the rows lead up to, instead of this one")
        parser.add_argument("--replace", action="store_true", help="empty the tables first")

    def handle(self, *args, scale, seed, now, replace, **options):
        specimen = Specimen(Sizes.at(parse_scale(scale)), seed, parse_now(now))
        if replace:
            tables = [model._meta.db_table for model in COLUMNS]
            connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables, reset_sequences=True))
        elif models.Message.objects.exists() or models.Team.objects.exists():
            raise CommandError("the tables are not empty; --replace empties them first")
        started = time.monotonic()
        loaded = sum(self.load(model, rows) for model, rows in self.tables(specimen))
        self.finish()
        self.stdout.write(f"rows={loaded} seconds={time.monotonic() - started:.2f}")

    def tables(self, specimen: Specimen) -> Iterator[tuple[type, Iterable[Row]]]:
        """The tables, each after those it refers to."""
        yield models.Team, specimen.teams()
        yield models.TeamMembership, specimen.memberships()
        yield models.ConsentRecord, specimen.consents()
        yield models.Channel, specimen.channels()

        # Analyses wait in memory until all messages are there.
        analyses: list[Row] = []
        sums: dict[tuple, tuple[int, float, float]] = {}

        def messages() -> Iterator[Row]:
            for message, analysis, figures in specimen.messages_and_analyses():
                yield message
                if analysis:
                    analyses.append(analysis)
                    add(sums, *figures)

        yield models.Message, messages()
        yield models.MessageAnalysis, analyses
        yield models.WellbeingAggregate, specimen.aggregates(sums)
        yield models.AlertRule, specimen.rules()
        yield models.Alert, specimen.alerts(len(sums))
        yield models.IngestBatch, specimen.batches()
        yield models.SurveyResponse, specimen.surveys()

    def load(self, model, rows: Iterable[Row]) -> int:
        table = connection.ops.quote_name(model._meta.db_table)
        columns = ", ".join(connection.ops.quote_name(name) for name in COLUMNS[model].split())
        write = self.copy if connection.vendor == "postgresql" else self.insert
        rows = iter(rows)
        batches = iter(lambda: list(itertools.islice(rows, BATCH)), [])
        with transaction.atomic(), connection.cursor() as cursor:
            return write(cursor, table, columns, batches)

    @staticmethod
    def copy(cursor, table: str, columns: str, batches: Iterable[list[Row]]) -> int:
        cursor.execute(DROP_AND_MAKE, [table, table])
        drop_and_make = cursor.fetchall()
        for drop, _ in drop_and_make:
            cursor.execute(drop)
        loaded = 0
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for batch in batches:
                for row in batch:
                    copy.write_row(row)
                loaded += len(batch)
        for _, make in reversed(drop_and_make):
            cursor.execute(make)
        return loaded

    @staticmethod
    def insert(cursor, table: str, columns: str, batches: Iterable[list[Row]]) -> int:
        places = ", ".join(["%s"] * len(columns.split(", ")))
        loaded = 0
        for batch in batches:
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", batch)
            loaded += len(batch)
        return loaded

    @staticmethod
    def finish() -> None:
        """Let new rows follow the loaded ones, and let the planner know them."""
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(COLUMNS)):
                cursor.execute(statement)
            # With VACUUM, so that plans do not depend on whether autovacuum has already come by.
            cursor.execute("VACUUM (ANALYZE)" if connection.vendor == "postgresql" else "ANALYZE")


def add(sums: dict, source: str, person: int, at: datetime, sentiment: float, stress: float) -> None:
    """Count a message into its day and its week."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    for key in ((source, person, "daily", day), (source, person, "weekly", day - timedelta(days=day.weekday()))):
        count, sentiments, stresses = sums.get(key, (0, 0.0, 0.0))
        sums[key] = (count + 1, sentiments + sentiment, stresses + stress)
