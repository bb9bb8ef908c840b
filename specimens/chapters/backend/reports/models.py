"""What a chapter achieved in a month."""

from django.conf import settings
from django.db import models

from chapters.models import Chapter
from members.models import Member


class MonthlyReport(models.Model):
    """The report of one chapter for one month.

    `data` holds the figures: total_referrals, tyfcb (thank you for closed business), attendance_rate, members,
    visitors and highlights.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        FINAL = "final"
        SENT = "sent"

    chapter = models.ForeignKey(Chapter, on_delete=models.CASCADE, related_name="reports")
    period = models.CharField(max_length=7)  # YYYY-MM
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    data = models.JSONField()
    remarks = models.TextField(blank=True)
    generated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="reports"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-period"]

    def __str__(self):
        return f"{self.chapter_id} {self.period}"


class MemberStatement(models.Model):
    """A member's share of a report."""

    report = models.ForeignKey(MonthlyReport, on_delete=models.CASCADE, related_name="statements", db_index=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="statements")
    referrals_given = models.PositiveIntegerField(default=0)
    referrals_received = models.PositiveIntegerField(default=0)
    tyfcb = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    attendance_rate = models.DecimalField(max_digits=5, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "member"], name="one_statement_per_member"),
            models.CheckConstraint(
                condition=models.Q(attendance_rate__gte=0) & models.Q(attendance_rate__lte=100),
                name="statement_attendance_range",
            ),
        ]

    def __str__(self):
        return f"{self.member_id} in {self.report_id}"


class ReportDelivery(models.Model):
    """A report sent to a reader."""

    report = models.ForeignKey(MonthlyReport, on_delete=models.CASCADE, related_name="deliveries")
    recipient = models.EmailField()
    queued_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            # What the sender polls for: few rows wait at any time.
            models.Index(fields=["queued_at"], condition=models.Q(sent_at__isnull=True), name="delivery_waiting_idx"),
        ]

    def __str__(self):
        return f"{self.report_id} to {self.recipient}"


class ImportBatch(models.Model):
    """A file of members or attendances that a chapter uploaded."""

    class Status(models.TextChoices):
        NEW = "new"
        DONE = "done"
        FAILED = "failed"

    chapter = models.ForeignKey(Chapter, on_delete=models.CASCADE, related_name="imports")
    kind = models.CharField(max_length=20)
    filename = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    rows = models.PositiveIntegerField(default=0)
    # Lines that could not be read, as the parser reports them.
    problems = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return self.filename
