"""Analytics: events come in from the front end, figures go out to the dashboard.

The dashboard is for staff. Its answers are kept for five minutes in the cache of the process.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAdminUser
from rest_framework.response import Response
from rest_framework.views import APIView

from core.models import CLICK_EVENT_TYPES, EVENT_TYPES, DailyAgg, Event, PromoCode
from core.serializers import EventSerializer
from core.views import get_client_ip

# The same event of the same session counts as one visit within this time.
UNIQUE_WINDOW = timedelta(minutes=30)

# An address that sends more events than this in a minute is a robot.
EVENTS_PER_MINUTE = 120


def get_days(request, default: int = 7) -> int:
    """The `days` parameter: how far back the figures go."""
    try:
        days = int(request.query_params.get("days", default))
    except ValueError as error:
        raise ValidationError({"days": "must be a whole number"}) from error
    if not 1 <= days <= 365:
        raise ValidationError({"days": "must be between 1 and 365"})
    return days


class EventCreateView(generics.CreateAPIView):
    """The front end tells what a visitor did."""

    serializer_class = EventSerializer
    queryset = Event.objects.none()

    def create(self, request, *args, **kwargs):
        client_ip = get_client_ip(request)
        if self.is_robot(client_ip):
            return Response(status=status.HTTP_204_NO_CONTENT)

        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if serializer.validated_data["event_type"] not in EVENT_TYPES:
            raise ValidationError({"event_type": "unknown"})
        serializer.save(
            client_ip=client_ip,
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:500],
            is_unique=self.is_first(serializer.validated_data),
        )
        return Response(status=status.HTTP_201_CREATED)

    @staticmethod
    def is_robot(client_ip: str | None) -> bool:
        if client_ip is None:
            return False
        last_minute = timezone.now() - timedelta(minutes=1)
        return Event.objects.filter(client_ip=client_ip, created_at__gte=last_minute).count() >= EVENTS_PER_MINUTE

    @staticmethod
    def is_first(data) -> bool:
        return not Event.objects.filter(
            session_id=data["session_id"],
            event_type=data["event_type"],
            promo=data.get("promo"),
            created_at__gte=timezone.now() - UNIQUE_WINDOW,
            is_unique=True,
        ).exists()


class CachedStatsView(APIView):
    """A figure of the dashboard, computed at most once in five minutes."""

    permission_classes = [IsAdminUser]

    def get(self, request):
        days = get_days(request)
        key = f"stats:{type(self).__name__}:{days}"
        data = cache.get(key)
        if data is None:
            data = self.compute(days, timezone.now().date() - timedelta(days=days))
            cache.set(key, data, settings.STATS_CACHE_TTL)
        return Response(data)

    def compute(self, days: int, start_date):
        raise NotImplementedError


class StatsSummaryView(CachedStatsView):
    """How many events of each type there were, and from how many visits."""

    def compute(self, days, start_date):
        rows = (
            DailyAgg.objects.filter(date__gte=start_date)
            .values("event_type")
            .annotate(
                total_count=Sum("count"),
                total_unique=Sum("unique_count"),
                promos_affected=Count("promo_id", distinct=True),
            )
            .order_by("event_type")
        )
        return {"days": days, "types": list(rows)}


class StatsTopPromosView(CachedStatsView):
    """The ten promo codes that were used most."""

    def compute(self, days, start_date):
        # The daily aggregates would answer this too, but the aggregation has stopped more than once, and then the
        # list stood still without anybody noticing. Until that is solved: the raw events.
        #
        # rows = DailyAgg.objects.filter(date__gte=start_date, event_type__in=["click", "copy"], promo__isnull=False)
        # rows = rows.values("promo_id", "promo__title").annotate(total_clicks=Sum("count"))
        rows = (
            Event.objects.filter(
                created_at__date__gte=start_date,
                event_type__in=CLICK_EVENT_TYPES,
                promo__isnull=False,
            )
            .values("promo_id", "promo__title")
            .annotate(total_clicks=Count("id"))
            .order_by("-total_clicks")[:10]
        )
        return {"days": days, "promos": list(rows)}


class StatsTopStoresView(CachedStatsView):
    """The ten stores that were used most."""

    def compute(self, days, start_date):
        rows = (
            Event.objects.filter(
                created_at__date__gte=start_date,
                event_type__in=CLICK_EVENT_TYPES,
                store__isnull=False,
            )
            .values("store_id", "store__name")
            .annotate(total_clicks=Count("id"), visits=Count("session_id", distinct=True))
            .order_by("-total_clicks")[:10]
        )
        return {"days": days, "stores": list(rows)}


class StatsTimelineView(CachedStatsView):
    """Events per day, all and unique."""

    def compute(self, days, start_date):
        rows = (
            Event.objects.filter(created_at__date__gte=start_date)
            .annotate(day=TruncDate("created_at"))
            .values("day")
            .annotate(total=Count("id"), unique=Count("id", filter=Q(is_unique=True)))
            .order_by("day")
        )
        return {"days": days, "timeline": list(rows)}


class StatsSourcesView(CachedStatsView):
    """Where visitors come from."""

    def compute(self, days, start_date):
        rows = (
            Event.objects.filter(created_at__date__gte=start_date)
            .exclude(utm_source="")
            .values("utm_source", "utm_medium")
            .annotate(total=Count("id"))
            .order_by("-total")[:20]
        )
        return {"days": days, "sources": list(rows)}


class StatsOfferTypesView(CachedStatsView):
    """How many usable promo codes there are of each type, and how often those of each type were opened."""

    def compute(self, days, start_date):
        now = timezone.now()
        types = {}
        for offer_type in PromoCode.OfferType.values:
            types[offer_type] = PromoCode.objects.filter(
                offer_type=offer_type, is_active=True, expires_at__gt=now
            ).aggregate(promos=Count("id"), views=Sum("views_count"))
        return {"days": days, "types": types}


class StatsSessionView(APIView):
    """What one visitor did, step by step: for complaints about a code that did not work."""

    permission_classes = [IsAdminUser]

    def get(self, request, session_id):
        events = Event.objects.filter(session_id=session_id).order_by("created_at")
        return Response(list(events.values("created_at", "event_type", "promo_id", "store_id", "is_unique")))


class StatsVisitorsView(APIView):
    """The addresses that sent most events on one day."""

    permission_classes = [IsAdminUser]

    def get(self, request):
        try:
            day = datetime.strptime(request.query_params.get("day", ""), "%Y-%m-%d").date()
        except ValueError:
            day = timezone.now().date()
        rows = (
            Event.objects.filter(created_at__date=day, client_ip__isnull=False)
            .values("client_ip")
            .annotate(total=Count("id"))
            .order_by("-total")[:20]
        )
        return Response({"day": day, "visitors": list(rows)})
