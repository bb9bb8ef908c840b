"""Fill an empty, migrated PostgreSQL database with made-up rows.

    python manage.py load_specimen --scale small
    python manage.py load_specimen --scale 0.1 --replace

Scale 1 has 600 chapters, 30,000 members, about two million attendances and a million events; `small` is scale 0.01.
`bni/specimen_data.py` tells what is skewed and how.

`--violations 5` adds five rows of each kind that the code refuses and the database does not: second chapters, members
and reports of one kind, scores out of range, addresses that are none.
"""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils import timezone

from analytics.models import ActivityEvent, ChapterMetric, ScoreHistory
from bni.specimen_data import Row, Sizes, Specimen
from chapters.models import Announcement, Chapter, Region
from meetings.models import Attendance, Meeting, Referral
from members.models import Interest, Member, OfficerTerm, Payment, Profession
from reports.models import ImportBatch, MemberStatement, MonthlyReport, ReportDelivery

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

MEMBER_INTERESTS = Member.interests.through

COLUMNS = {
    Region: "id name country timezone director_email",
    Chapter: (
        "id region_id name location slug meeting_day meeting_time founded_on is_active appearance created_at updated_at"
    ),
    Announcement: "id chapter_id title body published_at expires_at",
    Profession: "id name sector",
    Interest: "id name",
    Member: (
        "id chapter_id profession_id name email phone business_name website bio photo status score joined_on"
        " renewed_until created_at updated_at"
    ),
    MEMBER_INTERESTS: "id member_id interest_id",
    OfficerTerm: "id chapter_id member_id role starts_on ends_on",
    Payment: "id member_id invoice_number amount currency paid_on created_at",
    Meeting: "id chapter_id held_on topic speaker_id",
    Attendance: "id meeting_id member_id status recorded_at",
    Referral: "id giver_id receiver_id meeting_id status amount given_on note",
    MonthlyReport: "id chapter_id period status data remarks generated_by_id created_at updated_at",
    MemberStatement: "id report_id member_id referrals_given referrals_received tyfcb attendance_rate",
    ReportDelivery: "id report_id recipient queued_at sent_at attempts",
    ImportBatch: "id chapter_id kind filename status rows problems created_at",
    ActivityEvent: "id member_id kind occurred_at metadata",
    ChapterMetric: "id chapter_id day active_members referrals closed_business",
    ScoreHistory: "id member_id score calculated_at",
}

VIOLATIONS = {
    "second chapters": """
        INSERT INTO chapters_chapter (region_id, name, location, slug, meeting_day, is_active, appearance, created_at, updated_at)
        SELECT region_id, name, location, slug || '-2', meeting_day, is_active, '{}', created_at, updated_at
        FROM chapters_chapter ORDER BY id LIMIT %s
    """,
    "second members": """
        INSERT INTO members_member (chapter_id, name, email, phone, business_name, website, bio, photo, status, score, joined_on,
                                    created_at, updated_at)
        SELECT chapter_id, name, email, '', '', '', '', '', 'pending', 0, joined_on, created_at, updated_at
        FROM members_member ORDER BY id LIMIT %s
    """,
    "second reports": """
        INSERT INTO reports_monthlyreport (chapter_id, period, status, data, remarks, created_at, updated_at)
        SELECT chapter_id, period, status, data, remarks, created_at, updated_at
        FROM reports_monthlyreport ORDER BY id LIMIT %s
    """,
    "scores out of range": """
        UPDATE members_member SET score = 105 WHERE id IN (SELECT id FROM members_member ORDER BY id DESC LIMIT %s)
    """,
    "addresses that are none": """
        UPDATE members_member SET email = replace(email, '@', ' at ')
        WHERE id IN (SELECT id FROM members_member ORDER BY id DESC LIMIT %s)
    """,
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
    help = "Fill an empty, migrated database with made-up rows, skewed like those of a network of chapters."

    def add_arguments(self, parser):
        parser.add_argument("--scale", default="small", help="small, or a number: 1 has 30,000 members")
        parser.add_argument("--seed", type=int, default=1, help="another seed gives other rows")
        parser.add_argument("--now", help="the moment the rows lead up to, instead of this one")
        parser.add_argument("--replace", action="store_true", help="empty the tables first")
        parser.add_argument(
            "--violations", type=int, default=0, help="rows of each kind that a constraint would refuse"
        )

    def handle(self, *args, scale, seed, now, replace, violations, verbosity, **options):
        if connection.vendor != "postgresql":
            raise CommandError("the rows are copied in, which only PostgreSQL can do")
        self.verbose = verbosity > 1
        specimen = Specimen(Sizes.at(parse_scale(scale)), seed, parse_now(now))
        if replace:
            tables = [model._meta.db_table for model in COLUMNS]
            connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables, reset_sequences=True))
        elif Chapter.objects.exists():
            raise CommandError("the tables are not empty; --replace empties them first")

        started = time.monotonic()
        loaded = sum(self.load(model, rows) for model, rows in self.tables(specimen))
        self.finish()
        if violations:
            with connection.cursor() as cursor:
                for statement in VIOLATIONS.values():
                    cursor.execute(statement, [violations])
        self.stdout.write(f"rows={loaded} seconds={time.monotonic() - started:.2f}")

    @staticmethod
    def tables(specimen: Specimen) -> Iterator[tuple[type, Iterable[Row]]]:
        """The tables, each after those it refers to."""
        yield Region, specimen.regions()
        yield Chapter, specimen.chapters()
        yield Announcement, specimen.announcements()
        yield Profession, specimen.professions()
        yield Interest, specimen.interests()
        yield Member, specimen.members()
        yield MEMBER_INTERESTS, specimen.member_interests()
        yield OfficerTerm, specimen.officer_terms()
        yield Payment, specimen.payments()
        yield Meeting, specimen.meetings()
        yield Attendance, specimen.attendances()
        yield Referral, specimen.referrals()
        yield MonthlyReport, specimen.reports()
        yield MemberStatement, specimen.statements()
        yield ReportDelivery, specimen.deliveries()
        yield ImportBatch, specimen.imports()
        yield ActivityEvent, specimen.events()
        yield ChapterMetric, specimen.metrics()
        yield ScoreHistory, specimen.scores()

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
            for statement in connection.ops.sequence_reset_sql(no_style(), list(COLUMNS)):
                cursor.execute(statement)
            # With VACUUM, so that plans do not depend on whether autovacuum has already come by.
            tables = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in COLUMNS)
            cursor.execute(f"VACUUM (ANALYZE) {tables}")
