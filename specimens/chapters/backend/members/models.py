"""Members of chapters, what they do and what they paid."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from chapters.models import Chapter


class Profession(models.Model):
    """What a member does for a living; a chapter takes one member of each."""

    name = models.CharField(max_length=120, unique=True)
    sector = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Interest(models.Model):
    """What members look for in each other."""

    name = models.CharField(max_length=80, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class MemberQuerySet(models.QuerySet):
    def active(self):
        return self.filter(status=Member.Status.ACTIVE)

    def in_chapter(self, chapter):
        return self.filter(chapter=chapter)

    def with_places(self):
        return self.select_related("chapter__region", "profession")


class Member(models.Model):
    """A person in a chapter. Who moves to another chapter is a new member there."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PENDING = "pending"
        ON_LEAVE = "on_leave"
        LEFT = "left"

    chapter = models.ForeignKey(Chapter, on_delete=models.CASCADE, related_name="members")
    profession = models.ForeignKey(Profession, on_delete=models.SET_NULL, null=True, related_name="members")
    name = models.CharField(max_length=200)
    email = models.EmailField()
    phone = models.CharField(max_length=32, blank=True)
    business_name = models.CharField(max_length=200, blank=True)
    website = models.URLField(blank=True)
    bio = models.TextField(blank=True)
    # Where the picture lies below MEDIA_ROOT.
    photo = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)
    score = models.DecimalField(
        max_digits=5, decimal_places=2, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    joined_on = models.DateField()
    renewed_until = models.DateField(null=True, blank=True)
    interests = models.ManyToManyField(Interest, blank=True, related_name="members")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = MemberQuerySet.as_manager()

    def __str__(self):
        return self.name

    @property
    def region_name(self) -> str:
        return self.chapter.region.name

    @property
    def is_due(self) -> bool:
        return self.renewed_until is not None and self.renewed_until <= timezone.localdate()


class OfficerTerm(models.Model):
    """Who held which office of a chapter, and when."""

    class Role(models.TextChoices):
        PRESIDENT = "president"
        VICE_PRESIDENT = "vice_president"
        TREASURER = "treasurer"

    chapter = models.ForeignKey(Chapter, on_delete=models.CASCADE, related_name="officer_terms")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="officer_terms")
    role = models.CharField(max_length=20, choices=Role.choices)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["-starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["chapter", "role"], condition=models.Q(ends_on__isnull=True), name="one_officer_per_role"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=models.F("starts_on")),
                name="officer_term_ends_later",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=["president", "vice_president", "treasurer"]), name="officer_role_known"
            ),
        ]

    def __str__(self):
        return f"{self.member} as {self.get_role_display()}"


class Payment(models.Model):
    """A membership fee that arrived."""

    # The index of (member, paid_on) serves the foreign key.
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="payments", db_index=False)
    invoice_number = models.CharField(max_length=20, unique=True)
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    paid_on = models.DateField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-paid_on"]
        indexes = [models.Index(fields=["member", "-paid_on"], name="payment_member_paid_idx")]
        constraints = [models.CheckConstraint(condition=models.Q(amount__gt=0), name="payment_amount_positive")]

    def __str__(self):
        return self.invoice_number
