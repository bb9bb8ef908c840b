"""Figures about one's own writing."""

from datetime import timedelta

from django.db.models import Avg, Count, Sum
from django.db.models.functions import TruncMonth, TruncWeek
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from core import editorjs
from insights.models import Goal, MoodCheckIn, WritingDay
from journal.models import JournalEntry, Tag


class MoodSerializer(serializers.ModelSerializer):
    class Meta:
        model = MoodCheckIn
        fields = ["mood", "note", "felt_at"]


class MoodView(APIView):
    def get(self, request):
        since = timezone.now() - timedelta(days=30)
        moods = MoodCheckIn.objects.filter(user=request.user, felt_at__gte=since).order_by("-felt_at")
        return Response(MoodSerializer(moods, many=True).data)

    def post(self, request):
        serializer = MoodSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save(user=request.user)
        return Response(serializer.data, status=status.HTTP_201_CREATED)


class MoodCurveView(APIView):
    """The average mood of each month."""

    def get(self, request):
        months = (
            MoodCheckIn.objects.filter(user=request.user)
            .annotate(month=TruncMonth("felt_at"))
            .values("month")
            .annotate(mood=Avg("mood"), times=Count("pk"))
            .order_by("month")
        )
        return Response(list(months))


class StreakView(APIView):
    """On how many days without a gap somebody has written."""

    def get(self, request):
        days = WritingDay.objects.filter(user=request.user, entries__gt=0).order_by("-day")
        streak, expected = 0, timezone.localdate()
        for day in days.values_list("day", flat=True)[:400]:
            if day < expected - timedelta(days=1):
                break
            streak, expected = streak + 1, day
        return Response({"streak": streak})


class GoalView(APIView):
    """This week against the goal."""

    def get(self, request):
        goal = Goal.objects.filter(user=request.user).first()
        monday = timezone.localdate() - timedelta(days=timezone.localdate().weekday())
        week = WritingDay.objects.filter(user=request.user, day__gte=monday)
        sums = week.aggregate(entries=Sum("entries"), words=Sum("words"))
        wanted = {"entries": goal.entries_per_week, "words": goal.words_per_week} if goal else None
        return Response({"week": sums, "goal": wanted})


class WeeksView(APIView):
    """Words a week over the last year."""

    def get(self, request):
        since = timezone.localdate() - timedelta(days=365)
        weeks = (
            WritingDay.objects.filter(user=request.user, day__gte=since)
            .annotate(week=TruncWeek("day"))
            .values("week")
            .annotate(words=Sum("words"))
            .order_by("week")
        )
        return Response(list(weeks))


class LengthView(APIView):
    """How long the entries of the last ninety days are, in words."""

    def get(self, request):
        since = timezone.localdate() - timedelta(days=90)
        entries = JournalEntry.objects.filter(user=request.user, created_at__date__gte=since)
        lengths = [editorjs.word_count(entry.content) for entry in entries]
        return Response({"entries": len(lengths), "words": sum(lengths), "longest": max(lengths, default=0)})


class TagUseView(APIView):
    """How often each tag of a person was used this year."""

    def get(self, request):
        first = timezone.now().replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
        answer = []
        for tag in Tag.objects.filter(user=request.user).order_by("name"):
            used = JournalEntry.objects.filter(tags=tag, created_at__gte=first).count()
            answer.append({"tag": tag.name, "entries": used})
        return Response(answer)


class ActiveWritersView(APIView):
    """For the operators: who wrote how much this month."""

    def get(self, request):
        first = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        writers = (
            JournalEntry.objects.filter(created_at__gte=first)
            .values("user__username")
            .annotate(entries=Count("pk"))
            .order_by("-entries")[:20]
        )
        return Response(list(writers))
