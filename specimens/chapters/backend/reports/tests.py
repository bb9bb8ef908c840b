from datetime import date
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from bni.services import import_service
from bni.services.aggregation_service import AggregationService, month_range
from chapters.models import Chapter, Region
from meetings.models import Attendance, Meeting, Referral
from members.models import Member
from reports.models import MonthlyReport, ReportDelivery

PERIOD = "2025-09"


class ReportTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        region = Region.objects.create(name="North", country="DE")
        cls.chapter = Chapter.objects.create(region=region, name="Anchor", location="Kassel", slug="anchor")
        cls.a, cls.b = (
            Member.objects.create(
                chapter=cls.chapter, name=name, email=f"{name}@mail.example", score=0, joined_on=date(2024, 1, 1)
            )
            for name in ("a", "b")
        )
        cls.meeting = Meeting.objects.create(chapter=cls.chapter, held_on=date(2025, 9, 3))
        import_service.import_attendance(cls.meeting, {cls.a.pk: "present", cls.b.pk: "absent"})
        Referral.objects.create(giver=cls.a, receiver=cls.b, given_on=date(2025, 9, 3), status="closed", amount=900)

    def setUp(self):
        self.client.force_login(get_user_model().objects.create(username="office"))


class AggregationTests(ReportTestCase):
    def test_months(self):
        self.assertEqual(month_range("2024-02"), (date(2024, 2, 1), date(2024, 2, 29)))

    def test_a_report_is_made_once(self):
        service = AggregationService(PERIOD)
        first = service.build_report(self.chapter)
        again = service.build_report(self.chapter)
        self.assertEqual(first.pk, again.pk)
        self.assertEqual(again.data["total_referrals"], 1)
        self.assertEqual(again.data["tyfcb"], 900.0)
        self.assertEqual(again.data["attendance_rate"], 50)
        received = again.statements.get(member=self.b)
        self.assertEqual((received.referrals_received, received.tyfcb), (1, Decimal(900)))

    def test_scores(self):
        service = AggregationService(PERIOD)
        service.build_report(self.chapter)
        self.assertEqual(service.recalculate_scores(self.chapter), 2)
        self.a.refresh_from_db()
        self.assertEqual(self.a.score, 55)

    def test_attendance_can_be_corrected(self):
        import_service.import_attendance(self.meeting, {self.b.pk: "late", 999: "present"})
        self.assertEqual(Attendance.objects.get(member=self.b).status, "late")

    def test_metrics(self):
        self.assertEqual(AggregationService.write_metrics(date(2025, 9, 3)), 1)
        self.assertEqual(AggregationService.write_metrics(date(2025, 9, 3)), 1)
        self.assertEqual(self.chapter.metrics.get().referrals, 1)


class ReportViewTests(ReportTestCase):
    def setUp(self):
        super().setUp()
        self.report = AggregationService(PERIOD).build_report(self.chapter)

    def test_detail_takes_four_statements(self):
        path = reverse("report-detail", kwargs={"chapter": self.chapter.pk, "period": PERIOD})
        with self.assertNumQueries(2 + 2):  # session and user; report and statements
            self.assertEqual(len(self.client.get(path).json()["statements"]), 2)

    def test_busy_chapters(self):
        path = reverse("reports-busy")
        self.assertEqual(self.client.get(path, {"period": PERIOD, "least": 1}).json()["count"], 1)
        self.assertEqual(self.client.get(path, {"period": PERIOD, "least": 2}).json()["count"], 0)

    def test_sheets(self):
        (row,) = self.client.get(reverse("sheet-chapters", kwargs={"period": PERIOD})).json()
        self.assertEqual((row["chapter"], row["members"], row["best"]), ("Anchor", 2, "b"))

    def test_director_sheet(self):
        path = reverse("sheet-director", kwargs={"region": self.chapter.region_id, "period": PERIOD})
        with self.assertNumQueries(2 + 2):
            self.client.get(path)

    def test_closing(self):
        path = reverse("report-close", kwargs={"chapter": self.chapter.pk, "period": PERIOD})
        self.assertEqual(self.client.post(path).json(), {"scored": 2, "closed": 1})
        self.report.refresh_from_db()
        self.assertEqual(self.report.status, MonthlyReport.Status.FINAL)

    def test_deliveries_go_out_once(self):
        AggregationService.queue_deliveries(self.report, ["a@mail.example", "b@mail.example"])
        self.assertEqual(len(self.client.post(reverse("reports-send")).json()["sent"]), 2)
        self.assertEqual(self.client.post(reverse("reports-send")).json()["sent"], [])
        self.assertFalse(ReportDelivery.objects.filter(sent_at=None).exists())
