"""The weekly meetings: who came, and who recommended whom."""

from django.db import models

from chapters.models import Chapter
from members.models import Member


class Meeting(models.Model):
    """One meeting of a chapter."""

    chapter = models.ForeignKey(Chapter, on_delete=models.CASCADE, related_name="meetings", db_index=False)
    held_on = models.DateField()
    topic = models.CharField(max_length=200, blank=True)
    speaker = models.ForeignKey(Member, on_delete=models.SET_NULL, null=True, blank=True, related_name="talks")
    attendees = models.ManyToManyField(Member, through="Attendance", related_name="meetings")

    class Meta:
        ordering = ["-held_on"]
        constraints = [models.UniqueConstraint(fields=["chapter", "held_on"], name="one_meeting_per_day")]

    def __str__(self):
        return f"{self.chapter_id} on {self.held_on}"


class Attendance(models.Model):
    """A member at a meeting, or the reason for being absent."""

    class Status(models.TextChoices):
        PRESENT = "present"
        LATE = "late"
        EXCUSED = "excused"
        ABSENT = "absent"
        SUBSTITUTE = "substitute"

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="attendances", db_index=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="attendances")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PRESENT)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["meeting", "member"], name="one_attendance_per_meeting")]
        indexes = [models.Index(fields=["recorded_at"], name="attendance_recorded_idx")]

    def __str__(self):
        return f"{self.member_id} at {self.meeting_id}: {self.status}"


class Referral(models.Model):
    """A member recommended another to somebody; `amount` is the business that came of it."""

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"
        LOST = "lost"

    giver = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="referrals_given", db_index=False)
    receiver = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="referrals_received", db_index=False)
    meeting = models.ForeignKey(Meeting, on_delete=models.SET_NULL, null=True, related_name="referrals")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    amount = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    given_on = models.DateField()
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-given_on"]
        indexes = [
            models.Index(fields=["giver", "-given_on"], name="referral_giver_given_idx"),
            models.Index(fields=["receiver", "-given_on"], name="referral_receiver_given_idx"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="referral_amount_not_negative"),
            models.CheckConstraint(
                condition=~models.Q(giver=models.F("receiver")), name="referral_between_two_members"
            ),
        ]

    def __str__(self):
        return f"{self.giver_id} to {self.receiver_id} on {self.given_on}"
