"""Figures over time. These read a lot and write nothing but events."""

from datetime import timedelta

from django.db.models import Avg, Count, Max, Sum
from django.db.models.functions import TruncMonth, TruncWeek
from django.utils import timezone
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.models import ActivityEvent, ChapterMetric, ScoreHistory
from members.models import Member


def days_ago(request, default=30):
    text = request.query_params.get("days", "")
    return timezone.now() - timedelta(days=int(text) if text.isdigit() else default)


class EventCreateView(APIView):
    """The front end tells what a member did."""

    def post(self, request):
        kind = request.data.get("kind")
        if kind not in ActivityEvent.Kind.values:
            return Response({"detail": "Unknown kind."}, status=status.HTTP_400_BAD_REQUEST)
        ActivityEvent.objects.create(
            member_id=request.data["member"],
            kind=kind,
            occurred_at=timezone.now(),
            metadata=request.data.get("metadata", {}),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ActivityByKindView(APIView):
    """How often each kind happened lately."""

    def get(self, request):
        events = ActivityEvent.objects.filter(occurred_at__gte=days_ago(request))
        counts = events.values("kind").annotate(count=Count("pk")).order_by("-count")
        return Response(list(counts))


class LoginsByWeekView(APIView):
    """Logins a week, for the curve."""

    def get(self, request):
        logins = ActivityEvent.objects.filter(kind="login", occurred_at__gte=days_ago(request, 90))
        weeks = logins.annotate(week=TruncWeek("occurred_at")).values("week").annotate(count=Count("pk"))
        return Response(list(weeks.order_by("week")))


class MemberActivityView(APIView):
    """What a member did last."""

    def get(self, request, member):
        events = ActivityEvent.objects.filter(member_id=member).order_by("-occurred_at")[:50]
        return Response([{"kind": e.kind, "at": e.occurred_at, "more": e.metadata} for e in events])


class QuietMembersView(APIView):
    """Active members that did nothing for long."""

    def get(self, request):
        quiet = (
            Member.objects.filter(status="active")
            .annotate(last=Max("activity__occurred_at"))
            .filter(last__lt=days_ago(request, 60))
            .select_related("chapter")
            .order_by("last")[:50]
        )
        return Response([{"member": m.name, "chapter": m.chapter.name, "last": m.last} for m in quiet])


class GrowthView(APIView):
    """Members and business by month."""

    def get(self, request):
        months = (
            ChapterMetric.objects.filter(day__gte=days_ago(request, 365).date())
            .annotate(month=TruncMonth("day"))
            .values("month")
            .annotate(members=Avg("active_members"), business=Sum("closed_business"))
            .order_by("month")
        )
        return Response(list(months))


class ChapterMetricsView(APIView):
    """A chapter's days."""

    def get(self, request, chapter):
        days = ChapterMetric.objects.filter(chapter_id=chapter, day__gte=days_ago(request).date())
        return Response(list(days.values("day", "active_members", "referrals", "closed_business").order_by("day")))


class TopChaptersView(APIView):
    """The chapters with the most business lately, with who scored best there."""

    def get(self, request):
        since = days_ago(request).date()
        sums = (
            ChapterMetric.objects.filter(day__gte=since)
            .values("chapter_id", "chapter__name")
            .annotate(business=Sum("closed_business"))
            .order_by("-business")[:10]
        )
        answer = []
        for row in sums:
            best = Member.objects.filter(chapter_id=row["chapter_id"]).order_by("-score").first()
            answer.append({"chapter": row["chapter__name"], "business": row["business"], "best": best.name})
        return Response(answer)


class ScoreCurveView(APIView):
    """How a member's score went."""

    def get(self, request, member):
        scores = ScoreHistory.objects.filter(member_id=member, calculated_at__gte=days_ago(request, 720))
        return Response(list(scores.order_by("calculated_at").values("calculated_at", "score")))


class ScoreMoversView(APIView):
    """Scores calculated lately, the highest first, with member and chapter."""

    def get(self, request):
        latest = ScoreHistory.objects.filter(calculated_at__gte=days_ago(request)).select_related("member__chapter")
        return Response(
            [
                {"member": s.member.name, "chapter": s.member.chapter.name, "score": s.score}
                for s in latest.order_by("-score", "id")[:20]
            ]
        )
