"""Where members meet: regions and their chapters."""

from django.db import models


class Region(models.Model):
    """A region has a director and some tens of chapters."""

    name = models.CharField(max_length=120, unique=True)
    country = models.CharField(max_length=2)
    timezone = models.CharField(max_length=40, default="UTC")
    director_email = models.EmailField(blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Chapter(models.Model):
    """A group of members that meets every week."""

    class MeetingDay(models.IntegerChoices):
        MONDAY = 1
        TUESDAY = 2
        WEDNESDAY = 3
        THURSDAY = 4
        FRIDAY = 5

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="chapters")
    name = models.CharField(max_length=200)
    location = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    meeting_day = models.PositiveSmallIntegerField(choices=MeetingDay.choices, default=MeetingDay.WEDNESDAY)
    meeting_time = models.TimeField(null=True, blank=True)
    founded_on = models.DateField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    # Colours and texts of the chapter's page, as its editor left them.
    appearance = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return f"{self.name} ({self.location})"


class Announcement(models.Model):
    """A notice on a chapter's page."""

    chapter = models.ForeignKey(Chapter, on_delete=models.CASCADE, related_name="announcements", db_index=False)
    title = models.CharField(max_length=200)
    body = models.TextField()
    published_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-published_at"]
        indexes = [models.Index(fields=["chapter", "-published_at"], name="announcement_chapter_pub_idx")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=models.F("published_at")),
                name="announcement_expires_later",
            )
        ]

    def __str__(self):
        return self.title
