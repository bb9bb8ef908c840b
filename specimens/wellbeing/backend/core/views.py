"""The API: what bots send, and what dashboards show."""

import json
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Avg, Count, Max, Prefetch, Q
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from core import aggregation, ingest
from core.models import (
    Alert,
    Channel,
    Message,
    MessageAnalysis,
    SurveyResponse,
    Team,
    TeamMembership,
    WellbeingAggregate,
)


def number(request: HttpRequest, name: str, default: int, most: int) -> int:
    """A number of the query string, within reason."""
    try:
        return max(1, min(int(request.GET.get(name, default)), most))
    except ValueError:
        return default


def since(request: HttpRequest, default: int = 30) -> datetime:
    return timezone.now() - timedelta(days=number(request, "days", default, 365))


def page_of(request: HttpRequest, rows, show) -> JsonResponse:
    page = Paginator(rows, settings.PAGE_SIZE).get_page(request.GET.get("page"))
    return JsonResponse({"count": page.paginator.count, "results": [show(row) for row in page]})


def show_message(message: Message) -> dict:
    return {
        "id": message.pk,
        "channel": message.channel.name,
        "at": message.created_at,
        "length": message.char_count,
        "status": message.processing_status,
    }


def show_analysis(analysis: MessageAnalysis) -> dict:
    return {
        "id": analysis.pk,
        "sentiment": analysis.sentiment,
        "score": analysis.sentiment_score,
        "emotion": analysis.emotion,
        "stress": analysis.stress,
        "at": analysis.created_at,
    }


def show_aggregate(aggregate: WellbeingAggregate) -> dict:
    return {
        "from": aggregate.period_start,
        "source": aggregate.source,
        "messages": aggregate.message_count,
        "stress": aggregate.stress_weighted_avg,
        "wellbeing": aggregate.wellbeing_score,
    }


# --- What bots send --------------------------------------------------------------------------------------------------


def refused(request: HttpRequest) -> JsonResponse | None:
    if constant_time_compare(request.headers.get("X-Ingest-Key", ""), settings.INGEST_KEY):
        return None
    return JsonResponse({"detail": "the key is missing or wrong"}, status=403)


@csrf_exempt
@require_POST
def ingest_batch(request: HttpRequest) -> JsonResponse:
    if answer := refused(request):
        return answer
    body = json.loads(request.body)
    batch = ingest.take_batch(body["type"], body["channel"], body["name"], body["messages"][:500])
    return JsonResponse({"received": batch.received, "accepted": batch.accepted}, status=202)


@csrf_exempt
@require_POST
def ingest_one(request: HttpRequest) -> JsonResponse:
    if answer := refused(request):
        return answer
    body = json.loads(request.body)
    message = ingest.take_one(body["type"], body["channel"], body["message"])
    return JsonResponse({"id": message.pk}, status=202)


# --- Messages --------------------------------------------------------------------------------------------------------


@require_GET
def user_messages(request: HttpRequest, user_hash: uuid.UUID) -> JsonResponse:
    messages = Message.objects.filter(user_hash=user_hash, created_at__gte=since(request)).select_related("channel")
    return page_of(request, messages.order_by("-created_at"), show_message)


@require_GET
def channel_messages(request: HttpRequest, channel_id: int) -> JsonResponse:
    channel = get_object_or_404(Channel, pk=channel_id)
    messages = Message.objects.filter(channel=channel, created_at__gte=since(request, 7)).select_related("channel")
    return page_of(request, messages.order_by("-created_at"), show_message)


@require_GET
def user_in_channel(request: HttpRequest, channel_id: int, user_hash: uuid.UUID) -> JsonResponse:
    messages = Message.objects.filter(channel_id=channel_id, user_hash=user_hash, created_at__gte=since(request))
    latest = messages.order_by("-created_at").values("id", "created_at", "char_count")[:20]
    return JsonResponse({"count": messages.count(), "latest": list(latest)})


@require_GET
def recent_activity(request: HttpRequest) -> JsonResponse:
    """The latest messages with what was read out of each."""
    latest = Message.objects.filter(processing_status="processed").order_by("-id")[:30]
    rows = []
    for message in latest:
        analysis = message.analyses.first()
        rows.append(
            {
                **show_message(message),
                "team": message.channel.team.name if message.channel.team else None,
                "sentiment": analysis.sentiment if analysis else None,
            }
        )
    return JsonResponse({"results": rows})


@require_GET
def message_feed(request: HttpRequest) -> JsonResponse:
    """The same for the mobile page: everything is fetched before it is shown."""
    latest = (
        Message.objects.filter(processing_status="processed")
        .select_related("channel__team")
        .prefetch_related(Prefetch("analyses", MessageAnalysis.objects.only("message_id", "sentiment")))
        .defer("content", "metadata")
        .order_by("-id")[:30]
    )
    rows = [
        {**show_message(message), "sentiment": [analysis.sentiment for analysis in message.analyses.all()]}
        for message in latest
    ]
    return JsonResponse({"results": rows})


@require_GET
def queue(request: HttpRequest) -> JsonResponse:
    """How far behind the analysis is."""
    waiting = Message.objects.filter(processing_status="pending")
    oldest = waiting.order_by("created_at").values_list("created_at", flat=True).first()
    failed = Message.objects.filter(processing_status="failed", created_at__gte=since(request, 1)).count()
    return JsonResponse({"waiting": waiting.count(), "oldest": oldest, "failed": failed})


# --- Analyses --------------------------------------------------------------------------------------------------------


@require_GET
def analyses_by_sentiment(request: HttpRequest, sentiment: str) -> JsonResponse:
    rows = MessageAnalysis.objects.filter(sentiment=sentiment, created_at__gte=since(request, 7))
    return page_of(request, rows.order_by("-created_at"), show_analysis)


@require_GET
def analyses_by_emotion(request: HttpRequest, emotion: str) -> JsonResponse:
    rows = MessageAnalysis.objects.filter(emotion=emotion, created_at__gte=since(request, 7))
    return page_of(request, rows.order_by("-created_at"), show_analysis)


@require_GET
def analyses_by_stress(request: HttpRequest, stress: str) -> JsonResponse:
    rows = MessageAnalysis.objects.filter(stress=stress, created_at__gte=since(request, 7))
    return JsonResponse({"count": rows.count(), "average": rows.aggregate(score=Avg("stress_score"))["score"]})


@require_GET
def stressful_messages(request: HttpRequest) -> JsonResponse:
    """Where it is stressful, for the leads."""
    analyses = MessageAnalysis.objects.filter(stress="high").order_by("-id")[:25]
    return JsonResponse({"results": [{**show_analysis(row), "channel": row.message.channel.name} for row in analyses]})


@require_GET
def mood(request: HttpRequest) -> JsonResponse:
    """The mood of the last day, as one number."""
    analyses = MessageAnalysis.objects.filter(created_at__gte=timezone.now() - timedelta(days=1))
    scores = [analysis.sentiment_score for analysis in analyses]
    return JsonResponse({"mood": sum(scores) / len(scores) if scores else None, "messages": len(scores)})


@require_GET
def trend(request: HttpRequest) -> JsonResponse:
    """Emotions of the period, counted by the database."""
    rows = MessageAnalysis.objects.filter(created_at__gte=since(request, 14)).values("emotion")
    return JsonResponse({row["emotion"]: row["times"] for row in rows.annotate(times=Count("id")).order_by("-times")})


@require_GET
def summary(request: HttpRequest) -> JsonResponse:
    end = timezone.now()
    return JsonResponse(aggregation.summary(end - timedelta(days=number(request, "days", 7, 90)), end))


@require_GET
def channel_comparison(request: HttpRequest) -> JsonResponse:
    end = timezone.now()
    return JsonResponse({"results": aggregation.by_channel(end - timedelta(days=number(request, "days", 7, 90)), end)})


# --- Channels and teams ----------------------------------------------------------------------------------------------


@require_GET
def channels(request: HttpRequest) -> JsonResponse:
    """All channels with how lively they are."""
    rows = []
    for channel in Channel.objects.filter(is_active=True).order_by("name"):
        latest = channel.messages.order_by("-created_at").first()
        rows.append(
            {
                "id": channel.pk,
                "name": channel.name,
                "messages": channel.messages.count(),
                "latest": latest.created_at if latest else None,
            }
        )
    return JsonResponse({"results": rows})


@require_GET
def channel_list(request: HttpRequest) -> JsonResponse:
    """Channels by name, with their teams."""
    rows = Channel.objects.select_related("team").order_by("name", "id")
    return page_of(
        request, rows, lambda channel: {"name": channel.name, "team": channel.team.name if channel.team else None}
    )


@require_GET
def teams(request: HttpRequest) -> JsonResponse:
    """Teams with their channels and how many people they have."""
    rows = (
        Team.objects.filter(is_active=True)
        .annotate(people=Count("memberships", filter=Q(memberships__left_at=None)))
        .prefetch_related("channels")
    )
    return JsonResponse(
        {
            "results": [
                {"name": team.name, "people": team.people, "channels": [c.name for c in team.channels.all()]}
                for team in rows
            ]
        }
    )


@require_GET
def team_survey(request: HttpRequest, slug: str) -> JsonResponse:
    team = get_object_or_404(Team, slug=slug)
    rows = (
        SurveyResponse.objects.filter(team=team, created_at__gte=since(request, 90))
        .values("question")
        .annotate(average=Avg("score"), answers=Count("id"))
        .order_by("question")
    )
    return JsonResponse({"results": list(rows)})


# --- Dashboards ------------------------------------------------------------------------------------------------------


@require_GET
def user_dashboard(request: HttpRequest, user_hash: uuid.UUID) -> JsonResponse:
    rows = WellbeingAggregate.objects.filter(
        user_hash=user_hash, period_type=request.GET.get("period", "daily"), period_start__gte=since(request)
    ).order_by("period_start")
    return JsonResponse({"results": [show_aggregate(row) for row in rows]})


@require_GET
def source_dashboard(request: HttpRequest, source: str) -> JsonResponse:
    rows = (
        WellbeingAggregate.objects.filter(source=source, period_type="daily", period_start__gte=since(request, 14))
        .values("period_start")
        .annotate(wellbeing=Avg("wellbeing_score"), stress=Avg("stress_weighted_avg"), people=Count("user_hash"))
        .order_by("period_start")
    )
    return JsonResponse({"results": list(rows)})


@require_GET
def team_dashboard(request: HttpRequest, slug: str) -> JsonResponse:
    people = TeamMembership.objects.filter(team__slug=slug, left_at=None).values("user_hash")
    rows = (
        WellbeingAggregate.objects.filter(
            user_hash__in=people, period_type="daily", period_start__gte=since(request, 14)
        )
        .values("period_start")
        .annotate(wellbeing=Avg("wellbeing_score"), worst=Max("stress_weighted_avg"))
        .order_by("period_start")
    )
    return JsonResponse({"results": list(rows)})


@require_GET
def worrying(request: HttpRequest) -> JsonResponse:
    rows = aggregation.low_scores(since(request, 7), below=30)
    return JsonResponse(
        {
            "low": [{"user": row.user_hash, **show_aggregate(row)} for row in rows],
            "stressed": aggregation.stressed_people(above=0.7),
        }
    )


@require_GET
def open_alerts(request: HttpRequest) -> JsonResponse:
    rows = Alert.objects.filter(status="open").select_related("rule__team", "aggregate").order_by("-created_at")
    return page_of(
        request, rows, lambda alert: {"team": alert.rule.team.name, "score": alert.aggregate.wellbeing_score}
    )
