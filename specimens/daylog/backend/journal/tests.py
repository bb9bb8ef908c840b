from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.urls import reverse
from django.utils import timezone

from core import editorjs
from journal.models import Attachment, Comment, JournalEntry, Tag


def content(text):
    return {"time": 0, "version": "2.30.6", "blocks": [{"type": "paragraph", "data": {"text": text}}]}


class JournalTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        users = get_user_model().objects
        cls.ana = users.create(username="ana", email="ana@mail.example")
        cls.ben = users.create(username="ben", email="ben@mail.example")
        cls.entry = JournalEntry.objects.create(user=cls.ana, title="Garden", content=content("The first beans."))
        JournalEntry.objects.create(user=cls.ben, title="Work", content=content("A long day."))

    def setUp(self):
        self.client.force_login(self.ana)

    def titles(self, **asked):
        return [row["title"] for row in self.client.get(reverse("entry-list"), asked).json()["results"]]


class EntryTests(JournalTestCase):
    def test_people_see_their_own(self):
        self.assertEqual(self.titles(), ["Garden"])
        theirs = JournalEntry.objects.get(user=self.ben)
        self.assertEqual(self.client.get(reverse("entry-detail", kwargs={"pk": theirs.pk})).status_code, 404)

    def test_search_looks_into_the_text(self):
        self.assertEqual(self.titles(search="BEANS"), ["Garden"])
        self.assertEqual(self.titles(search="day"), [])

    def test_dates(self):
        today = timezone.localdate()
        self.assertEqual(self.titles(date_from=today, date_to=today), ["Garden"])
        self.assertEqual(self.titles(date_from=today + timedelta(days=2)), [])

    def test_tags_are_made_on_the_way(self):
        body = {"title": "Beans", "content": content("More."), "tag_names": ["garden", "food", "garden"]}
        made = self.client.post(reverse("entry-list"), body, content_type="application/json").json()
        self.assertEqual(sorted(made["tags"]), ["food", "garden"])
        self.assertEqual(self.titles(tags="garden,food"), ["Beans"])

    def test_other_content_is_refused(self):
        for wrong in ([], {"blocks": {}}, {"blocks": [{"type": "script"}]}):
            body = {"title": "x", "content": wrong}
            answer = self.client.post(reverse("entry-list"), body, content_type="application/json")
            self.assertEqual(answer.status_code, 400)

    def test_sharing(self):
        token = self.client.post(reverse("entry-share", kwargs={"pk": self.entry.pk})).json()["share_token"]
        self.client.logout()
        shared = self.client.get(reverse("public-entry", kwargs={"share_token": token})).json()
        self.assertEqual(shared["author"], "ana")

    def test_the_archive_takes_three_statements(self):
        with self.assertNumQueries(2 + 3):  # session and user; entries, tags, files
            self.client.get(reverse("entries-archive"))

    def test_merging_tags(self):
        old, new = (Tag.objects.create(user=self.ana, name=name) for name in ("old", "new"))
        self.entry.tags.add(old)
        answer = self.client.post(reverse("tags-merge"), {"old": "old", "new": "new"}).json()
        self.assertEqual(answer, {"moved": 1})
        self.assertEqual(self.entry.tags.get(), new)


class ConstraintTests(JournalTestCase):
    def refused(self, model, **values):
        with self.assertRaises(IntegrityError), transaction.atomic():
            model.objects.create(**values)

    def test_the_database_refuses(self):
        Tag.objects.create(user=self.ana, name="garden")
        self.refused(Tag, user=self.ana, name="garden")
        self.refused(Attachment, entry=self.entry, path="a", bytes=0, media_type="image/webp")
        self.refused(Comment, entry=self.entry, author=self.ben, body="")


class EditorTests(TestCase):
    def test_words(self):
        self.assertEqual(editorjs.word_count(content("One <b>two</b> three")), 3)
        self.assertEqual(editorjs.word_count({"blocks": [{"type": "list", "data": {"items": ["a b", "c"]}}]}), 3)
