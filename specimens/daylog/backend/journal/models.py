"""Entries, their tags, and what hangs on them."""

import re

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models

from core.models import AbstractBaseModel

TAG_NAME = re.compile(r"[\w][\w \-]*")


def validate_tag_name(value):
    if not TAG_NAME.fullmatch(value):
        raise ValidationError("A tag has letters, digits, blanks and hyphens only.")


class Tag(AbstractBaseModel):
    user = models.ForeignKey(get_user_model(), on_delete=models.CASCADE, db_index=True)
    name = models.CharField(max_length=100, validators=[validate_tag_name])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="unique_user_tag")]

    def __str__(self):
        return self.name


class Prompt(AbstractBaseModel):
    """A question for those who do not know what to write about."""

    text = models.CharField(max_length=300, unique=True)
    is_active = models.BooleanField(default=True)

    def __str__(self):
        return self.text


class JournalEntry(AbstractBaseModel):
    user = models.ForeignKey(get_user_model(), on_delete=models.CASCADE, db_index=True)
    title = models.CharField(max_length=255)
    content = models.JSONField()
    tags = models.ManyToManyField(Tag, blank=True)
    prompt = models.ForeignKey(Prompt, on_delete=models.SET_NULL, null=True, blank=True, related_name="entries")
    is_public = models.BooleanField(default=False)
    is_pinned = models.BooleanField(default=False)
    share_token = models.UUIDField(unique=True, null=True, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "journal entries"
        indexes = [models.Index(fields=["user"], condition=models.Q(is_pinned=True), name="entry_pinned_idx")]

    def __str__(self):
        return self.title

    @property
    def tag_names(self) -> list[str]:
        return [tag.name for tag in self.tags.all()]


class Attachment(AbstractBaseModel):
    """A file of an entry."""

    entry = models.ForeignKey(JournalEntry, on_delete=models.CASCADE, related_name="attachments", db_index=False)
    position = models.PositiveSmallIntegerField(default=0)
    path = models.CharField(max_length=200)
    bytes = models.PositiveIntegerField()
    media_type = models.CharField(max_length=80)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["entry", "position"], name="one_attachment_per_position"),
            models.CheckConstraint(
                condition=models.Q(bytes__gt=0) & models.Q(bytes__lte=20 * 1024 * 1024), name="attachment_size"
            ),
        ]

    def __str__(self):
        return self.path


class Comment(AbstractBaseModel):
    """What readers say to a public entry."""

    entry = models.ForeignKey(JournalEntry, on_delete=models.CASCADE, related_name="comments", db_index=False)
    author = models.ForeignKey(get_user_model(), on_delete=models.CASCADE, related_name="comments")
    body = models.TextField()
    is_hidden = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["entry", "-created_at", "-id"], name="comment_entry_newest_idx")]
        constraints = [models.CheckConstraint(condition=~models.Q(body=""), name="comment_has_body")]

    def __str__(self):
        return f"{self.author_id} on {self.entry_id}"
