"""What a person learns from the journal: moods, goals, days of writing."""

from django.conf import settings
from django.db import models

from core.models import AbstractBaseModel


class MoodCheckIn(AbstractBaseModel):
    """How somebody felt, and why."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="moods", db_index=False)
    mood = models.SmallIntegerField()
    note = models.TextField(blank=True)
    felt_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "-felt_at"], name="mood_user_felt_idx")]
        constraints = [
            models.CheckConstraint(condition=models.Q(mood__gte=1) & models.Q(mood__lte=5), name="mood_range")
        ]

    def __str__(self):
        return f"{self.user_id}: {self.mood}"


class WritingDay(AbstractBaseModel):
    """How much somebody wrote on a day."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="writing_days", db_index=False
    )
    day = models.DateField()
    entries = models.PositiveIntegerField(default=0)
    words = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="one_row_per_day")]

    def __str__(self):
        return f"{self.user_id} on {self.day}"


class Goal(AbstractBaseModel):
    """What somebody wants to write a week."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="goal")
    entries_per_week = models.PositiveSmallIntegerField(default=3)
    words_per_week = models.PositiveIntegerField(default=0)

    def __str__(self):
        return f"{self.entries_per_week} entries a week"
