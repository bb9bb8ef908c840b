"""Reminders to write."""

from django.conf import settings
from django.db import models

from core.models import AbstractBaseModel


class Reminder(AbstractBaseModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reminders")
    hour = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    next_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["next_at"], condition=models.Q(is_active=True), name="reminder_due_idx")]
        constraints = [models.CheckConstraint(condition=models.Q(hour__lte=23), name="reminder_hour_of_day")]

    def __str__(self):
        return f"{self.user_id} at {self.hour}"
