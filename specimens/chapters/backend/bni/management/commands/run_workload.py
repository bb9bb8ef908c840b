"""Use the site as members, the office and directors do: real requests to the real views, in this process.

    python manage.py run_workload --requests 300 --seed 1

Every kind of request is made once; after that they come as often as `MIX` says, and a few members and chapters are
asked for most. The last line says how many requests there were, how long they took and how many were answered in a way
they should not have been; if there was one, the exit code says so too. `--verbosity 2` lists the kinds.
A view that never answered counts as an error.
"""

import itertools
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.test import Client
from django.urls import get_resolver, resolve, reverse

from bni.specimen_data import FIRST_NAMES, KINDS, LAST_NAMES, PLACES, SECTORS
from chapters.models import Chapter, Region
from meetings.models import Meeting
from members.models import Member
from reports.models import MonthlyReport

# How often each kind of request comes.
MIX = {
    "member-list": 12,
    "chapter-roster": 12,
    "member-by-email": 14,
    "email-taken": 4,
    "member-newest": 8,
    "member-detail": 10,
    "member-cards": 4,
    "member-search": 4,
    "member-quick-search": 6,
    "event-create": 12,
    "chapter-detail": 6,
    "chapter-page": 4,
    "chapter-list": 3,
    "report-list": 4,
    "report-detail": 3,
    "reports-busy": 2,
    "reports-weak": 2,
    "meeting-list": 2,
    "meeting-detail": 2,
    "referrals-given": 3,
    "referrals-received": 3,
    "member-activity": 3,
    "activity-by-kind": 2,
    "logins-by-week": 2,
    "attendance-sheet": 1,
    "sheet-statements": 1,
    "sheet-chapters": 1,
    "member-wall": 1,
    "admin": 2,
}


@dataclass
class Site:
    """What there is to ask for, the most popular first."""

    members: list[tuple[int, str]]
    chapters: list[tuple[int, str]]
    regions: list[int]
    meetings: list[int]
    reports: list[int]
    periods: list[str]

    @classmethod
    def look(cls) -> "Site":
        return cls(
            members=list(Member.objects.active().order_by("-score", "id").values_list("id", "email")[:2000]),
            chapters=list(Chapter.objects.order_by("id").values_list("id", "slug")),
            regions=list(Region.objects.order_by("id").values_list("id", flat=True)),
            meetings=list(Meeting.objects.order_by("-id").values_list("id", flat=True)[:500]),
            reports=list(MonthlyReport.objects.order_by("-id").values_list("id", flat=True)[:500]),
            periods=list(MonthlyReport.objects.order_by("-period").values_list("period", flat=True).distinct()[:12]),
        )


@dataclass
class People:
    """Makes requests and remembers what came of them."""

    site: Site
    rng: random.Random
    client: Client
    requests: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def one_of(self, choices):
        """The first choices come up most: the k-th with a weight of 1 / k."""
        weights = itertools.accumulate(1 / rank for rank in range(1, len(choices) + 1))
        return self.rng.choices(choices, cum_weights=list(weights))[0]

    # What a name in a path stands for.

    def argument(self, view: str, name: str):
        if name in ("member", "pk") and view.startswith(("member", "referrals", "score")):
            return self.one_of(self.site.members)[0]
        if name == "pk" and view.startswith(("meeting", "attendance")):
            return self.one_of(self.site.meetings)
        if name == "pk":
            return self.one_of(self.site.reports)
        if name == "period":
            return self.one_of(self.site.periods)
        if name == "year":
            return int(self.site.periods[0][:4])
        if name == "region":
            return self.one_of(self.site.regions)
        return self.one_of(self.site.chapters)[1 if name == "slug" else 0]

    # What is asked or sent along.

    def parameters(self, view: str) -> dict:
        rng, site = self.rng, self.site
        ids = ",".join(str(self.one_of(site.members)[0]) for _ in range(6))
        chapter = self.one_of(site.chapters)[0]
        choices = {
            "member-list": [{"chapter": chapter, "status": "active"}, {"status": "active"}, {"q": "an"}, {"page": 2}],
            "chapter-roster": [{}, {}, {}, {"status": "pending"}],
            "chapter-list": [{}, {}, {"region": "Region 01"}],
            "member-by-email": [{"email": self.one_of(site.members)[1]}],
            "email-taken": [{"email": f"new{rng.randrange(10_000)}@mail.example"}],
            "member-search": [{"q": rng.choice(LAST_NAMES)}, {"q": rng.choice(FIRST_NAMES), "sort": "id DESC"}],
            "member-quick-search": [{"q": rng.choice(FIRST_NAMES)[:2]}],
            "member-by-sector": [{"sector": rng.choice(SECTORS)}],
            "member-age": [{"location": rng.choice(PLACES), "minimum": 1}],
            "member-compare": [{"ids": ids}],
            "member-batch": [{"ids": ids}],
            "member-table": [{}, {"page": 2}, {"sort": "joined"}],
            "member-wall": [{"region": self.one_of(site.regions)}],
            "reports-busy": [{"period": self.one_of(site.periods), "least": 20}],
            "reports-weak": [{"period": self.one_of(site.periods), "limit": 85}],
            "reports-highlights": [{"word": "award"}],
            "reports-table": [{"order": "chapter", "direction": "desc"}, {}],
            "reports-find": [{"q": "offers"}],
            "activity-by-kind": [{"days": rng.choice((7, 30))}],
        }
        return rng.choice(choices.get(view, [{}]))

    def body(self, view: str) -> dict | None:
        rng = self.rng
        # Not of the seed: the same run again must find other free names.
        fresh = uuid4().hex
        member = self.one_of(self.site.members)[0]
        if view == "event-create":
            return {"member": member, "kind": self.one_of(list(KINDS)), "metadata": {"agent": "app"}}
        if view == "member-create":
            return {
                "chapter": self.one_of(self.site.chapters)[0],
                "profession": 1,
                "name": f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}",
                "email": f"{fresh}@mail.example",
                "score": 0,
                "joined_on": "2025-10-01",
            }
        if view == "chapter-create":
            return {
                "region": self.one_of(self.site.regions),
                "name": f"New {fresh}",
                "location": rng.choice(PLACES),
                "slug": f"new-{fresh}",
            }
        if view == "member-import":
            lines = [f"{rng.choice(FIRST_NAMES)} New,{fresh}{n}@mail.example,Baker" for n in range(12)]
            return {"csv": "\n".join(["name,email,profession", *lines])}
        if view == "attendance-record":
            return {"attendances": {str(pk): rng.choice(("present", "excused")) for pk, _ in self.site.members[:40]}}
        if view in ("report-build", "report-close", "reports-send"):
            return {}
        return None

    def ask(self, view: str, pattern_arguments: list[str]) -> None:
        path = reverse(view, kwargs={name: self.argument(view, name) for name in pattern_arguments})
        body = self.body(view)
        if body is None:
            self.request("get", path, query_params=self.parameters(view))
        else:
            self.request("post", path, data=body, content_type="application/json")

    def ask_admin(self) -> None:
        path, parameters = self.rng.choice(
            (
                ("members/member/", {}),
                ("members/member/", {"status__exact": "active"}),
                ("members/member/", {"q": "member1"}),
                ("members/payment/", {}),
                ("chapters/chapter/", {}),
                ("meetings/referral/", {"status__exact": "open"}),
                ("reports/monthlyreport/", {"status__exact": "draft"}),
                ("reports/reportdelivery/", {}),
                ("analytics/activityevent/", {"kind__exact": "login"}),
            )
        )
        self.request("get", f"/admin/{path}", query_params=parameters)

    def request(self, method: str, path: str, **request) -> None:
        response = getattr(self.client, method)(path, **request)
        # The answer of a page beyond the last, and of a chapter without that report.
        expected = (
            (200, 201, 204, 404) if path.startswith("/api/chapters/") or "page" in str(request) else (200, 201, 204)
        )
        if response.status_code not in expected:
            self.errors.append(f"{method.upper()} {path}: {response.status_code}")
        if getattr(response, "streaming", False):
            list(response.streaming_content)
        if response.status_code < 400:
            self.asked.add(resolve(path).url_name)


def own_views() -> dict[str, list[str]]:
    """The names of the project's own views with the arguments of their paths."""
    resolver = get_resolver()
    return {
        name: arguments
        for name in resolver.reverse_dict
        if isinstance(name, str)
        for ((_, arguments),) in [resolver.reverse_dict.getlist(name)[0][0]]
    }


class Command(BaseCommand):
    help = "Use the site as members, the office and directors do."

    def add_arguments(self, parser):
        parser.add_argument("--requests", type=int, default=300, help="how many requests to make")
        parser.add_argument("--seed", type=int, default=1, help="another seed makes other requests")

    def handle(self, *args, requests, seed, verbosity, **options):
        site = Site.look()
        if not all((site.members, site.chapters, site.regions, site.meetings, site.reports)):
            raise CommandError("there is nothing to look at; run load_specimen first")

        # What is refused on purpose is not worth a line each; failures still are.
        logging.getLogger("django.request").setLevel(logging.ERROR)
        views = own_views()
        people = People(site, random.Random(seed), self.client())
        once = [*sorted(views), *["admin"] * 9]
        rest = people.rng.choices(list(MIX), list(MIX.values()), k=max(0, requests - len(once)))
        started = time.monotonic()
        for view in [*once, *rest]:
            begun = time.monotonic()
            if view == "admin":
                people.ask_admin()
            else:
                people.ask(view, views[view])
            people.requests[view] += 1
            people.seconds[view] += time.monotonic() - begun
        seconds = time.monotonic() - started
        people.errors += [f"{view} never answered" for view in sorted(views.keys() - people.asked)]

        if verbosity > 1:
            for view, total in people.seconds.most_common():
                count = people.requests[view]
                self.stdout.write(f"{view}: {count} requests, {1000 * total / count:.1f} ms each")
        self.stdout.write(f"requests={len(once) + len(rest)} seconds={seconds:.2f} errors={len(people.errors)}")
        if people.errors:
            raise CommandError("\n".join(people.errors[:20]))

    @staticmethod
    def client() -> Client:
        client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        user, _ = get_user_model().objects.get_or_create(
            username="workload", defaults={"is_staff": True, "is_superuser": True, "password": "!"}
        )
        client.force_login(user)
        return client
