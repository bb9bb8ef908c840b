"""Count the events of one day into the daily aggregates; meant for a nightly cron job.

python manage.py aggregate_events                     yesterday
python manage.py aggregate_events --day 2025-10-05    that day, again if need be
"""

from collections import Counter
from datetime import date, timedelta

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from core.models import AGGREGATED_AS, DailyAgg, Event


class Command(BaseCommand):
    help = "Count the events of one day into the daily aggregates."

    def add_arguments(self, parser):
        parser.add_argument("--day", help="a date like 2025-10-05 instead of yesterday")

    def handle(self, *args, day, **options):
        try:
            chosen = date.fromisoformat(day) if day else timezone.now().date() - timedelta(days=1)
        except ValueError:
            raise CommandError(f"--day is a date like 2025-10-05, not {day!r}") from None

        rows = (
            Event.objects.filter(created_at__date=chosen)
            .values_list("event_type", "promo_id", "store_id", "showcase_id")
            .annotate(total=Count("id"), unique=Count("id", filter=Q(is_unique=True)))
            .order_by()
        )
        totals, uniques = Counter(), Counter()
        for event_type, promo, store, showcase, total, unique in rows:
            key = (AGGREGATED_AS.get(event_type, event_type), promo, store, showcase)
            totals[key] += total
            uniques[key] += unique

        # Replaced as a whole: most keys hold a NULL, and to the unique constraint no NULL equals another.
        with transaction.atomic():
            DailyAgg.objects.filter(date=chosen).delete()
            DailyAgg.objects.bulk_create(
                [
                    DailyAgg(
                        date=chosen,
                        event_type=event_type,
                        promo_id=promo,
                        store_id=store,
                        showcase_id=showcase,
                        count=total,
                        unique_count=uniques[event_type, promo, store, showcase],
                    )
                    for (event_type, promo, store, showcase), total in totals.items()
                ],
                batch_size=1_000,
            )
        self.stdout.write(f"day={chosen} aggregates={len(totals)} events={totals.total()}")
