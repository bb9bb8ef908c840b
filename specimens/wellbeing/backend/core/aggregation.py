"""Sums up what was read: by person, by source, and what is worth an alert."""

from datetime import datetime, timedelta

from django.db.models import Avg, Count, Max

from core.models import Alert, AlertRule, MessageAnalysis, TeamMembership, WellbeingAggregate


def wellbeing(sentiment: float | None, stress: float | None) -> float:
    """0 is bad, 100 is good."""
    return round(50 + 30 * (sentiment or 0) - 20 * (stress or 0), 2)


def summary(start: datetime, end: datetime) -> dict:
    """Averages over everything that was written in a period."""
    return MessageAnalysis.objects.filter(message__created_at__range=(start, end)).aggregate(
        sentiment_avg=Avg("sentiment_score"),
        stress_avg=Avg("stress_score"),
        messages=Count("id"),
    )


def by_channel(start: datetime, end: datetime) -> list[dict]:
    """The same, channel by channel."""
    return list(
        MessageAnalysis.objects.filter(message__created_at__gte=start, message__created_at__lt=end)
        .values("message__channel_id", "message__channel__name")
        .annotate(sentiment_avg=Avg("sentiment_score"), stress_avg=Avg("stress_score"), messages=Count("id"))
        .order_by("-messages")[:20]
    )


def aggregate_people(source: str, start: datetime, length: timedelta, people: list | None = None) -> int:
    """Write the aggregates of a period, person by person; how many there are."""
    end = start + length
    if people is None:
        people = list(
            MessageAnalysis.objects.filter(message__created_at__gte=start, message__created_at__lt=end)
            .order_by()
            .values_list("message__user_hash", flat=True)
            .distinct()
        )
    written = 0
    for person in people:
        figures = MessageAnalysis.objects.filter(
            message__user_hash=person,
            message__channel__type=source,
            message__created_at__gte=start,
            message__created_at__lt=end,
        ).aggregate(sentiment=Avg("sentiment_score"), stress=Avg("stress_score"), count=Count("id"))
        if figures["count"]:
            WellbeingAggregate.objects.update_or_create(
                source=source,
                user_hash=person,
                period_type="daily",
                period_start=start,
                defaults={
                    "period_end": end,
                    "message_count": figures["count"],
                    "sentiment_weighted_avg": figures["sentiment"],
                    "stress_weighted_avg": figures["stress"],
                    "wellbeing_score": wellbeing(figures["sentiment"], figures["stress"]),
                },
            )
            written += 1
    return written


def low_scores(since: datetime, below: float) -> list[WellbeingAggregate]:
    """People who are doing badly lately."""
    return list(
        WellbeingAggregate.objects.filter(
            wellbeing_score__lt=below, period_start__gte=since, user_hash__isnull=False
        ).order_by("wellbeing_score")[:50]
    )


def stressed_people(above: float) -> list[dict]:
    """Who was stressed how often."""
    return list(
        WellbeingAggregate.objects.filter(stress_weighted_avg__gt=above, user_hash__isnull=False)
        .values("user_hash")
        .annotate(times=Count("id"), worst=Max("stress_weighted_avg"))
        .order_by("-times")[:20]
    )


def raise_alerts(since: datetime) -> int:
    """Look at each team's rules; how many alerts are new."""
    raised = 0
    for rule in AlertRule.objects.filter(is_active=True):
        people = TeamMembership.objects.filter(team=rule.team, left_at=None).values_list("user_hash", flat=True)
        lookup = "lt" if rule.metric == "wellbeing_score" else "gt"
        found = WellbeingAggregate.objects.filter(
            user_hash__in=people, period_start__gte=since, **{f"{rule.metric}__{lookup}": rule.threshold}
        )
        for aggregate in found:
            _, new = Alert.objects.get_or_create(rule=rule, aggregate=aggregate)
            raised += new
    return raised
