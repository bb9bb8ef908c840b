"""Sum up a day by person and raise alerts; meant for a nightly job.

python manage.py aggregate_wellbeing                     yesterday
python manage.py aggregate_wellbeing --day 2025-08-01    that day, again if need be
"""

from datetime import UTC, date, datetime, time, timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.aggregation import aggregate_people, raise_alerts
from core.models import Channel


class Command(BaseCommand):
    help = "Sum up a day by person."

    def add_arguments(self, parser):
        parser.add_argument("--day", help="a date like 2025-08-01 instead of yesterday")

    def handle(self, *args, day, **options):
        try:
            chosen = date.fromisoformat(day) if day else timezone.now().date() - timedelta(days=1)
        except ValueError:
            raise CommandError(f"--day is a date like 2025-08-01, not {day!r}") from None
        start = datetime.combine(chosen, time(), UTC)
        written = sum(aggregate_people(source, start, timedelta(days=1)) for source, _ in Channel.TYPES)
        self.stdout.write(f"day={chosen} aggregates={written} alerts={raise_alerts(start)}")
