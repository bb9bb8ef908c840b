from datetime import date, timedelta

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.urls import reverse
from django.utils import timezone

from bni.services import import_service, roster_service
from chapters.models import Chapter, Region
from members.models import Member, OfficerTerm, Payment, Profession
from reports.models import ImportBatch


class MemberTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.region = Region.objects.create(name="North", country="DE")
        cls.chapter = Chapter.objects.create(region=cls.region, name="Anchor", location="Kassel", slug="anchor")
        cls.baker = Profession.objects.create(name="Baker", sector="Trades")
        cls.members = Member.objects.bulk_create(
            [
                Member(
                    chapter=cls.chapter,
                    profession=cls.baker,
                    name=f"Member {number}",
                    email=f"member{number}@mail.example",
                    score=50 + number,
                    joined_on=date(2024, 1, 1),
                )
                for number in range(10)
            ]
        )

    def setUp(self):
        self.client.force_login(get_user_model().objects.create(username="office"))


class MemberListTests(MemberTestCase):
    def test_filters(self):
        answer = self.client.get(reverse("member-list"), {"chapter": self.chapter.pk, "min_score": 55}).json()
        self.assertEqual(answer["count"], 5)

    def test_search_ignores_case(self):
        answer = self.client.get(reverse("member-list"), {"q": "MEMBER 3"}).json()
        self.assertEqual([row["name"] for row in answer["results"]], ["Member 3"])

    def test_cards_take_two_statements(self):
        with self.assertNumQueries(2 + 2):  # session and user; count and page
            self.client.get(reverse("member-cards", kwargs={"slug": "anchor"}))

    def test_by_email(self):
        answer = self.client.get(reverse("member-by-email"), {"email": "member4@mail.example"}).json()
        self.assertEqual(answer["chapter"], "Anchor")
        self.assertEqual(self.client.get(reverse("member-by-email"), {"email": "x"}).status_code, 404)

    def test_batch_keeps_the_order(self):
        wanted = [self.members[5].pk, self.members[2].pk]
        answer = self.client.get(reverse("member-batch"), {"ids": ",".join(map(str, wanted))}).json()
        self.assertEqual([row["name"] for row in answer], ["Member 5", "Member 2"])

    def test_table_is_paginated(self):
        self.assertContains(self.client.get(reverse("member-table")), "Page 1 of 1")


class MemberWriteTests(MemberTestCase):
    def test_an_address_is_taken_once_in_a_chapter(self):
        body = {"chapter": self.chapter.pk, "name": "New", "email": "member1@mail.example", "score": 1}
        answer = self.client.post(reverse("member-create"), {**body, "joined_on": "2025-01-01"})
        self.assertEqual(answer.status_code, 400)

    def test_the_score_has_limits(self):
        body = {"chapter": self.chapter.pk, "name": "New", "email": "new@mail.example", "score": 101}
        answer = self.client.post(reverse("member-create"), {**body, "joined_on": "2025-01-01"})
        self.assertEqual(list(answer.json()), ["score"])

    def test_import_reports_lines_without_address(self):
        rows = [{"name": "A", "email": "a@mail.example"}, {"name": "B", "email": ""}]
        batch = import_service.import_members(self.chapter, rows)
        self.assertEqual((batch.rows, batch.problems, batch.status), (1, [3], ImportBatch.Status.DONE))

    def test_tags(self):
        import_service.tag_members(self.members[:3], ["golf", "wine"])
        import_service.tag_members(self.members[:3], ["golf"])
        self.assertEqual(self.members[0].interests.count(), 2)


class OfficerTests(MemberTestCase):
    def test_one_president_at_a_time(self):
        today = timezone.localdate()
        term = {"chapter": self.chapter, "role": OfficerTerm.Role.PRESIDENT}
        OfficerTerm.objects.create(member=self.members[0], starts_on=today - timedelta(400), ends_on=today, **term)
        OfficerTerm.objects.create(member=self.members[1], starts_on=today, **term)
        with self.assertRaises(IntegrityError), transaction.atomic():
            OfficerTerm.objects.create(member=self.members[2], starts_on=today, **term)

    def test_payments_are_positive(self):
        with self.assertRaises(IntegrityError), transaction.atomic():
            Payment.objects.create(member=self.members[0], invoice_number="F1", amount=-1, paid_on=timezone.localdate())


class RosterTests(MemberTestCase):
    def test_rosters_hold_active_members(self):
        self.members[0].status = Member.Status.LEFT
        self.members[0].save()
        (roster,) = roster_service.region_roster(self.region.pk)
        self.assertEqual(len(roster["members"]), 9)
        self.assertEqual(roster["members"][0]["profession"], "Baker")
