"""Figures over time, for directors."""

from django.db import models

from chapters.models import Chapter
from members.models import Member


class ActivityEvent(models.Model):
    """Something a member did on the site. Written on every page; read for the figures."""

    class Kind(models.TextChoices):
        LOGIN = "login"
        PROFILE_VIEW = "profile_view"
        REFERRAL = "referral"
        DOWNLOAD = "download"
        MESSAGE = "message"

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="activity")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    occurred_at = models.DateTimeField()
    # Whatever the page sent along; kept to be looked at by people.
    metadata = models.JSONField(default=dict, blank=True)

    def __str__(self):
        return f"{self.member_id} {self.kind}"


class ChapterMetric(models.Model):
    """A chapter's figures of one day."""

    chapter = models.ForeignKey(Chapter, on_delete=models.CASCADE, related_name="metrics", db_index=False)
    day = models.DateField()
    active_members = models.PositiveIntegerField(default=0)
    referrals = models.PositiveIntegerField(default=0)
    closed_business = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["chapter", "day"], name="one_metric_per_day")]
        indexes = [models.Index(fields=["day"], name="metric_day_idx")]

    def __str__(self):
        return f"{self.chapter_id} on {self.day}"


class ScoreHistory(models.Model):
    """A member's score as it was calculated."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="scores")
    score = models.DecimalField(max_digits=5, decimal_places=2)
    calculated_at = models.DateTimeField()

    def __str__(self):
        return f"{self.member_id}: {self.score}"
