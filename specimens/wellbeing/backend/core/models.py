"""Messages, what was read out of them, and what it adds up to.

Nobody is named: a person is a `user_hash`, made from the account's number and a salt before anything is stored.
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q


class AbstractBaseModel(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Team(AbstractBaseModel):
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    timezone = models.CharField(max_length=40, default="UTC")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class TeamMembership(AbstractBaseModel):
    ROLES = [("member", "Member"), ("lead", "Lead")]

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user_hash = models.UUIDField(db_index=True)
    role = models.CharField(max_length=10, choices=ROLES, default="member")
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user_hash"], name="one_membership_per_team"),
            models.CheckConstraint(condition=Q(role__in=["member", "lead"]), name="membership_role_known"),
        ]

    def __str__(self):
        return f"{self.user_hash} in {self.team_id}"


class Channel(AbstractBaseModel):
    TYPES = [("discord", "Discord"), ("slack", "Slack"), ("web", "Web form")]

    type = models.CharField(max_length=20, choices=TYPES)
    external_id = models.CharField(max_length=50)
    name = models.CharField(max_length=120)
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="channels")
    is_active = models.BooleanField(default=True)

    def __str__(self):
        return f"{self.type}: {self.name}"


class Message(AbstractBaseModel):
    STATUSES = [("pending", "Pending"), ("processed", "Processed"), ("failed", "Failed"), ("skipped", "Skipped")]

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="messages")
    external_id = models.CharField(max_length=50)
    user_hash = models.UUIDField(db_index=True)
    content = models.TextField()
    language = models.CharField(max_length=8, default="en")
    char_count = models.PositiveIntegerField(default=0)
    processing_status = models.CharField(max_length=20, choices=STATUSES, default="pending")
    processed_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "external_id"], name="message_once_per_channel"),
        ]

    def __str__(self):
        return f"message {self.external_id}"


class MessageAnalysis(AbstractBaseModel):
    SENTIMENTS = [("positive", "Positive"), ("neutral", "Neutral"), ("negative", "Negative")]
    EMOTIONS = [(name, name.title()) for name in ("joy", "calm", "surprise", "sadness", "fear", "anger")]
    STRESS = [("low", "Low"), ("medium", "Medium"), ("high", "High")]

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="analyses")
    model_name = models.CharField(max_length=60)
    sentiment = models.CharField(max_length=10, choices=SENTIMENTS)
    sentiment_score = models.FloatField(validators=[MinValueValidator(-1), MaxValueValidator(1)])
    emotion = models.CharField(max_length=10, choices=EMOTIONS)
    emotion_score = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(1)])
    stress = models.CharField(max_length=10, choices=STRESS)
    stress_score = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(1)])
    keywords = models.JSONField(default=list, blank=True)
    raw_output = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "message analyses"
        indexes = [
            models.Index(fields=["message"]),
        ]

    def __str__(self):
        return f"{self.sentiment}, {self.stress} stress"


class WellbeingAggregate(AbstractBaseModel):
    PERIODS = [("daily", "Daily"), ("weekly", "Weekly")]

    source = models.CharField(max_length=20, choices=Channel.TYPES)
    user_hash = models.UUIDField(null=True, blank=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="aggregates")
    period_type = models.CharField(max_length=10, choices=PERIODS)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    message_count = models.PositiveIntegerField(default=0)
    sentiment_weighted_avg = models.FloatField(default=0)
    stress_weighted_avg = models.FloatField(default=0)
    wellbeing_score = models.FloatField(default=0)
    emotion_distribution = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="aggregate_period_has_length"),
        ]

    def __str__(self):
        return f"{self.period_type} of {self.period_start:%Y-%m-%d}"


class AlertRule(AbstractBaseModel):
    METRICS = [("wellbeing_score", "Wellbeing"), ("stress_weighted_avg", "Stress")]

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="alert_rules")
    metric = models.CharField(max_length=30, choices=METRICS)
    threshold = models.FloatField()
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "metric"], name="one_rule_per_metric")]

    def __str__(self):
        return f"{self.metric} of team {self.team_id}"


class Alert(AbstractBaseModel):
    STATUSES = [("open", "Open"), ("acknowledged", "Acknowledged"), ("closed", "Closed")]

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    aggregate = models.ForeignKey(WellbeingAggregate, on_delete=models.CASCADE, related_name="alerts")
    status = models.CharField(max_length=15, choices=STATUSES, default="open")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "aggregate"], name="one_alert_per_aggregate")]
        indexes = [models.Index(fields=["created_at"], condition=Q(status="open"), name="alert_open")]

    def __str__(self):
        return f"{self.status} alert"


class ConsentRecord(AbstractBaseModel):
    """Who agreed to be counted. Without a record nothing of a person is kept."""

    user_hash = models.UUIDField(unique=True)
    granted = models.BooleanField(default=True)
    version = models.CharField(max_length=10, default="1")

    def __str__(self):
        return f"{self.user_hash}: {self.granted}"


class IngestBatch(AbstractBaseModel):
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="batches")
    received = models.PositiveIntegerField()
    accepted = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="batch_by_time")]

    def __str__(self):
        return f"{self.accepted} of {self.received}"


class SurveyResponse(AbstractBaseModel):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="survey_responses")
    user_hash = models.UUIDField()
    question = models.CharField(max_length=40)
    score = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(score__gte=1, score__lte=5), name="survey_score_in_range"),
        ]
        indexes = [models.Index(fields=["team", "created_at"], name="survey_by_team")]

    def __str__(self):
        return f"{self.question}: {self.score}"
