"""People who keep a journal."""

from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import models

from core.models import AbstractBaseModel


class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False, unique=True)
    email = models.EmailField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "users"

    def __str__(self):
        return self.username


class Profile(AbstractBaseModel):
    """What a person tells about themselves, and how the app looks for them."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="profile")
    display_name = models.CharField(max_length=120, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    about = models.TextField(blank=True)
    timezone = models.CharField(max_length=40, default="UTC")
    preferences = models.JSONField(default=dict, blank=True)

    def __str__(self):
        return self.display_name or str(self.user_id)


class Integration(AbstractBaseModel):
    """An account elsewhere from which photographs or calendars are fetched."""

    class Service(models.TextChoices):
        CALENDAR = "calendar"
        PHOTOS = "photos"
        WEATHER = "weather"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="integrations", db_index=False)
    service = models.CharField(max_length=20, choices=Service.choices)
    account = models.CharField(max_length=200)
    access_token = models.TextField()
    refresh_token = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "service"], name="unique_user_service")]

    def __str__(self):
        return f"{self.service}: {self.account}"
