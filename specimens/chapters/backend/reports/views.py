"""Monthly reports: lists, one report, comparisons, and the sheets that are sent out."""

from decimal import Decimal

from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, connection, transaction
from django.db.models import Avg, Count, FloatField, Prefetch, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.shortcuts import get_object_or_404, render
from rest_framework import generics, status
from rest_framework.response import Response
from rest_framework.views import APIView

from bni.pagination import StandardPagination
from bni.services.aggregation_service import AggregationService
from chapters.models import Chapter
from reports.models import MemberStatement, MonthlyReport, ReportDelivery
from reports.serializers import MonthlyReportSerializer, ReportRowSerializer, StatementSerializer


class ReportListView(generics.ListAPIView):
    """Reports of a chapter, the last month first."""

    serializer_class = MonthlyReportSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        return (
            MonthlyReport.objects.filter(chapter_id=self.kwargs["chapter"])
            .select_related("chapter")
            .order_by("-period", "id")
        )


class ReportDetailView(APIView):
    """A report with its statements."""

    def get(self, request, chapter, period):
        lines = Prefetch("statements", queryset=MemberStatement.objects.select_related("member").order_by("member"))
        reports = MonthlyReport.objects.select_related("chapter").prefetch_related(lines)
        report = reports.filter(chapter_id=chapter, period=period).first()
        if report is None:
            return Response({"detail": "There is no such report."}, status=status.HTTP_404_NOT_FOUND)
        answer = MonthlyReportSerializer(report).data
        answer["statements"] = StatementSerializer(report.statements.all(), many=True).data
        return Response(answer)


class ReportBuildView(APIView):
    """Make the report of a month, or make it again."""

    def post(self, request, chapter, period):
        place = get_object_or_404(Chapter, pk=chapter)
        try:
            with transaction.atomic():
                report = AggregationService(period).build_report(place)
        except IntegrityError:
            return Response({"detail": "Somebody else is at it."}, status=status.HTTP_409_CONFLICT)
        return Response({"id": report.pk, "data": report.data}, status=status.HTTP_201_CREATED)


class ReportCloseView(APIView):
    """Scores are calculated, then the month is final."""

    def post(self, request, chapter, period):
        place = get_object_or_404(Chapter, pk=chapter)
        service = AggregationService(period)
        scored = service.recalculate_scores(place)
        return Response({"scored": scored, "closed": service.close_month(place)})


class BusyChaptersView(generics.ListAPIView):
    """Reports of a month with at least so many referrals: ?period=2025-09&least=40"""

    serializer_class = ReportRowSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        period = self.request.query_params.get("period", "")
        least = int(self.request.query_params.get("least", 10))
        return MonthlyReport.objects.filter(period=period, data__total_referrals__gte=least).order_by("-data__tyfcb")


class WeakAttendanceView(APIView):
    """Chapters whose attendance was below a limit in a month."""

    def get(self, request):
        limit = float(request.query_params.get("limit", 80))
        reports = MonthlyReport.objects.filter(data__attendance_rate__lt=limit).select_related("chapter")
        reports = reports.filter(period=request.query_params.get("period", "")).order_by("chapter__name")
        return Response([{"chapter": r.chapter.name, "rate": r.data["attendance_rate"]} for r in reports])


class PeriodTotalsView(APIView):
    """The sum over all chapters, by month."""

    def get(self, request):
        referrals = Cast(KeyTextTransform("total_referrals", "data"), FloatField())
        totals = (
            MonthlyReport.objects.values("period")
            .annotate(reports=Count("pk"), referrals=Sum(referrals))
            .order_by("-period")[:24]
        )
        return Response(list(totals))


class HighlightsView(APIView):
    """Reports that name a highlight."""

    def get(self, request):
        word = request.query_params.get("word", "")
        reports = MonthlyReport.objects.filter(data__highlights__contains=[word]).order_by("-period")[:20]
        return Response(ReportRowSerializer(reports, many=True).data)


class LatestReportsView(APIView):
    """The last report of every chapter."""

    def get(self, request):
        latest = MonthlyReport.objects.order_by("chapter_id", "-period").distinct("chapter_id")
        return Response(ReportRowSerializer(latest.defer("remarks"), many=True).data)


# --- Sheets ----------------------------------------------------------------------------------------------------------
#
# The office puts these into spreadsheets; the columns are agreed with the directors.


def sheet_row(report, **more):
    """What every sheet has."""
    return {"period": report.period, "status": report.status, **more}


class StatementSheetView(APIView):
    """All statements of a month with member, chapter and region."""

    def get(self, request, period):
        rows = []
        for statement in MemberStatement.objects.filter(report__period=period).order_by("id")[:400]:
            rows.append(
                {
                    "member": statement.member.name,
                    "chapter": statement.member.chapter.name,
                    "region": statement.member.region_name,
                    "given": statement.referrals_given,
                    "tyfcb": statement.tyfcb,
                }
            )
        return Response(rows)


class ChapterSheetView(APIView):
    """The reports of a month, a line each."""

    def get(self, request, period):
        rows = []
        for report in MonthlyReport.objects.filter(period=period):
            best = report.statements.order_by("-tyfcb").first()
            rows.append(
                sheet_row(
                    report,
                    chapter=report.chapter.name,
                    members=report.statements.count(),
                    best=best.member.name if best else "",
                )
            )
        return Response(rows)


class RegionSheetView(APIView):
    """The reports of a region's chapters in one year, chapter by chapter."""

    def get(self, request, region, year):
        rows = []
        chapters = Chapter.objects.filter(region_id=region)
        for chapter in chapters:
            reports = chapter.reports.filter(period__startswith=f"{year}-")
            total = Decimal(0)
            for report in reports:
                total += Decimal(str(report.data.get("tyfcb", 0)))
            rows.append({"chapter": chapter.name, "reports": len(reports), "tyfcb": total})
        return Response(rows)


class PeopleSheetView(APIView):
    """Who stands in the reports of a month: the members by report, with what they are interested in."""

    def get(self, request, period):
        rows = []
        for report in MonthlyReport.objects.filter(period=period).select_related("chapter")[:20]:
            people = []
            for statement in report.statements.all():
                member = statement.member
                interests = ", ".join(interest.name for interest in member.interests.all())
                people.append({"name": member.name, "interests": interests})
            rows.append(sheet_row(report, chapter=report.chapter.name, people=people))
        return Response(rows)


class DeliverySheetView(APIView):
    """To whom the reports of a month went."""

    def get(self, request, period):
        reports = MonthlyReport.objects.filter(period=period).order_by("chapter__name")
        rows = []
        for report in reports:
            sent = ReportDelivery.objects.filter(report_id=report.pk, sent_at__isnull=False)
            rows.append(sheet_row(report, recipients=[delivery.recipient for delivery in sent]))
        return Response(rows)


class DirectorSheetView(APIView):
    """The same for a director, in two statements."""

    def get(self, request, region, period):
        statements = MemberStatement.objects.select_related("member__profession").order_by("-tyfcb")
        reports = (
            MonthlyReport.objects.filter(chapter__region_id=region, period=period)
            .select_related("chapter__region")
            .prefetch_related(Prefetch("statements", queryset=statements))
        )
        rows = []
        for report in reports:
            lines = report.statements.all()
            rows.append(
                sheet_row(
                    report,
                    chapter=report.chapter.name,
                    region=report.chapter.region.name,
                    members=len(lines),
                    professions=[line.member.profession.name for line in lines if line.member.profession],
                )
            )
        return Response(rows)


# --- Figures ---------------------------------------------------------------------------------------------------------


class StatementAveragesView(APIView):
    """The average member of each chapter in a month."""

    def get(self, request, period):
        averages = (
            MemberStatement.objects.filter(report__period=period)
            .values("report__chapter__name")
            .annotate(given=Avg("referrals_given"), tyfcb=Avg("tyfcb"))
            .order_by("report__chapter__name")
        )
        return Response(list(averages))


class ReportTableView(APIView):
    """A table of reports in the order the column heads ask for: ?order=period&direction=desc"""

    COLUMNS = {"period": "period", "chapter": "chapter_id", "status": "status"}

    def get(self, request):
        column = self.COLUMNS.get(request.query_params.get("order", ""), "period")
        direction = "DESC" if request.query_params.get("direction") == "desc" else "ASC"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id, chapter_id, period, status FROM reports_monthlyreport ORDER BY {column} {direction} LIMIT %s",
                [50],
            )
            names = [head[0] for head in cursor.description]
            return Response([dict(zip(names, row, strict=True)) for row in cursor.fetchall()])


class ReportFindView(APIView):
    """The office's search over remarks."""

    def get(self, request):
        text = request.query_params.get("q", "")
        found = MonthlyReport.objects.extra(where=[f"remarks ILIKE '%%{text}%%'"])
        return Response(ReportRowSerializer(found.order_by("-id")[:20], many=True).data)


class SendReportsView(APIView):
    """Send what waits; called by the scheduler every minute."""

    def post(self, request):
        taken = AggregationService.next_deliveries()
        return Response({"sent": [f"{d.report.period} to {d.recipient}" for d in taken]})


@login_required
def report_page(request, pk):
    """A report to print."""
    lines = MemberStatement.objects.select_related("member__chapter").order_by("-tyfcb", "id")
    report = get_object_or_404(
        MonthlyReport.objects.select_related("chapter").prefetch_related(Prefetch("statements", queryset=lines)), pk=pk
    )
    return render(request, "reports/page.html", {"report": report})


@login_required
def report_archive(request, period):
    """All reports of a month to leaf through."""
    reports = MonthlyReport.objects.filter(period=period)
    return render(request, "reports/archive.html", {"reports": reports, "period": period})
