"""The figures of a month: from meetings and referrals to reports and statements."""

import calendar
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from analytics.models import ChapterMetric, ScoreHistory
from chapters.models import Chapter
from meetings.models import Attendance, Meeting, Referral
from members.models import Member
from reports.models import MemberStatement, MonthlyReport, ReportDelivery

PRESENT = [Attendance.Status.PRESENT, Attendance.Status.LATE, Attendance.Status.SUBSTITUTE]


def month_range(period: str) -> tuple[date, date]:
    """First and last day of a month written as YYYY-MM."""
    year, month = (int(part) for part in period.split("-"))
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


class AggregationService:
    """Builds the reports of one month."""

    def __init__(self, period: str) -> None:
        self.period = period
        self.first, self.last = month_range(period)

    # --- Reports -----------------------------------------------------------------------------------------------------

    def build_report(self, chapter: Chapter) -> MonthlyReport:
        """The report of a chapter, made or made again."""
        report = MonthlyReport.objects.filter(chapter=chapter, period=self.period).first()
        data = self.figures(chapter)
        if report is None:
            report = MonthlyReport.objects.create(chapter=chapter, period=self.period, data=data)
        else:
            report.data = data
            report.save()
        self.write_statements(report)
        return report

    def figures(self, chapter: Chapter) -> dict:
        referrals = Referral.objects.filter(
            receiver__chapter=chapter, given_on__range=(self.first, self.last)
        ).aggregate(total=Count("pk"), closed=Sum("amount", filter=Q(status=Referral.Status.CLOSED)))
        attendance = Attendance.objects.filter(
            meeting__chapter=chapter, meeting__held_on__range=(self.first, self.last)
        ).aggregate(all=Count("pk"), present=Count("pk", filter=Q(status__in=PRESENT)))
        rate = 100 * attendance["present"] / attendance["all"] if attendance["all"] else 0
        return {
            "total_referrals": referrals["total"],
            "tyfcb": float(referrals["closed"] or 0),
            "attendance_rate": round(rate, 2),
            "members": chapter.members.filter(status="active").count(),
            "visitors": 0,
            "highlights": [],
        }

    def write_statements(self, report: MonthlyReport) -> None:
        """A statement for every member of the chapter."""
        report.statements.all().delete()
        for member in Member.objects.filter(chapter=report.chapter, status="active"):
            given = member.referrals_given.filter(given_on__range=(self.first, self.last)).count()
            received = member.referrals_received.filter(given_on__range=(self.first, self.last))
            closed = received.aggregate(total=Sum("amount"))["total"] or Decimal(0)
            MemberStatement.objects.create(
                report=report,
                member=member,
                referrals_given=given,
                referrals_received=received.count(),
                tyfcb=closed,
                attendance_rate=self.attendance_rate(member),
            )

    def attendance_rate(self, member: Member) -> Decimal:
        attendances = member.attendances.filter(meeting__held_on__range=(self.first, self.last))
        total = attendances.count()
        if total == 0:
            return Decimal(0)
        return Decimal(100 * attendances.filter(status__in=PRESENT).count() / total).quantize(Decimal("0.01"))

    # --- Scores ------------------------------------------------------------------------------------------------------

    def recalculate_scores(self, chapter: Chapter) -> int:
        """The score of each member from the statements of the month."""
        now = timezone.now()
        members = Member.objects.filter(chapter=chapter, status="active")
        for member in members:
            statement = MemberStatement.objects.filter(member=member, report__period=self.period).first()
            if statement is None:
                continue
            member.score = min(Decimal(100), statement.attendance_rate / 2 + 5 * statement.referrals_given)
            member.save()
            history = ScoreHistory(member=member, score=member.score, calculated_at=now)
            history.save()
        return len(members)

    # --- Daily figures -----------------------------------------------------------------------------------------------

    @staticmethod
    def write_metrics(day: date) -> int:
        """One row a chapter, with three statements however many chapters there are."""
        members = dict(
            Member.objects.filter(status="active").values_list("chapter").annotate(Count("pk")).order_by("chapter")
        )
        referrals = {
            chapter: (count, amount)
            for chapter, count, amount in Referral.objects.filter(given_on=day)
            .values_list("receiver__chapter")
            .annotate(Count("pk"), Sum("amount"))
            .order_by("receiver__chapter")
        }
        rows = []
        for chapter, active in members.items():
            count, amount = referrals.get(chapter, (0, Decimal(0)))
            rows.append(
                ChapterMetric(
                    chapter_id=chapter, day=day, active_members=active, referrals=count, closed_business=amount
                )
            )
        ChapterMetric.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
        return len(rows)

    # --- Upkeep ------------------------------------------------------------------------------------------------------

    @staticmethod
    @transaction.atomic
    def lapse_members() -> int:
        """Members whose time ended a month ago have left."""
        limit = timezone.localdate() - timedelta(days=30)
        return Member.objects.filter(status="active", renewed_until__lt=limit).update(
            status=Member.Status.LEFT, updated_at=timezone.now()
        )

    def close_month(self, chapter: Chapter) -> int:
        """Reports of the month are final from now on."""
        closed = 0
        for report in MonthlyReport.objects.filter(chapter=chapter, period=self.period, status="draft"):
            report.status = MonthlyReport.Status.FINAL
            report.save(update_fields=["status", "updated_at"])
            closed += 1
        return closed

    @staticmethod
    def queue_deliveries(report: MonthlyReport, recipients: list[str]) -> None:
        ReportDelivery.objects.bulk_create([ReportDelivery(report=report, recipient=to) for to in recipients])

    @staticmethod
    def next_deliveries(limit: int = 20) -> list[ReportDelivery]:
        """Deliveries that no other sender has taken."""
        with transaction.atomic():
            waiting = ReportDelivery.objects.select_for_update(skip_locked=True, of=("self",)).filter(
                sent_at__isnull=True
            )
            taken = list(waiting.select_related("report").order_by("queued_at")[:limit])
            for delivery in taken:
                delivery.sent_at = timezone.now()
                delivery.attempts += 1
            ReportDelivery.objects.bulk_update(taken, ["sent_at", "attempts"], batch_size=100)
        return taken

    @staticmethod
    def meeting_days(chapter: Chapter, days: int = 90) -> list[date]:
        since = timezone.localdate() - timedelta(days=days)
        return list(Meeting.objects.filter(chapter=chapter, held_on__gte=since).values_list("held_on", flat=True))
