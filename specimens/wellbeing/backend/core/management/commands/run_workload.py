"""Use the service as bots, dashboards and the staff do: real requests to the real views, in this process.

    python manage.py run_workload --requests 300 --seed 1

Which person and channel is asked for is skewed like the rows are. The last line says how many requests there were, how long they
took and how many were answered in a way they should not have been; if there was one, the exit code says so too.
`--verbosity 2` lists the kinds.
"""

import itertools
import logging
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.test import Client

from core import aggregation, ingest
from core.models import Channel, ConsentRecord, Message, Team
from core.specimen_data import CALM, TENSE

SENTIMENTS = ("negative", "negative", "positive", "neutral")


@dataclass
class Site:
    """What there is to ask for, the liveliest first."""

    people: list[uuid.UUID]
    channels: list[tuple[int, str, str]]
    teams: list[str]

    @classmethod
    def look(cls) -> "Site":
        people = Message.objects.values_list("user_hash").annotate(times=Count("id")).order_by("-times", "user_hash")
        channels = Channel.objects.filter(is_active=True).order_by("id").values_list("id", "type", "external_id")
        return cls(
            people=[person for person, _ in people[:500]],
            channels=list(channels),
            teams=list(Team.objects.order_by("id").values_list("slug", flat=True)),
        )


@dataclass
class Visitors:
    """Makes requests and remembers what came of them."""

    site: Site
    rng: random.Random
    public: Client
    staff: Client
    requests: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    serial: int = field(default_factory=lambda: time.time_ns() // 1_000)

    def one_of(self, choices):
        """The first choices come up most: the k-th with a weight of 1 / k."""
        weights = itertools.accumulate(1 / rank for rank in range(1, len(choices) + 1))
        return self.rng.choices(choices, cum_weights=list(weights))[0]

    def check(self, path: str, response, expected: int) -> None:
        if response.status_code != expected:
            self.errors.append(f"{path}: {response.status_code}")

    def get(self, path: str, **parameters) -> None:
        self.check(path, self.public.get(f"/api/{path}", query_params=parameters), 200)

    def get_as_staff(self, path: str, **parameters) -> None:
        self.check(path, self.staff.get(f"/admin/core/{path}/", query_params=parameters), 200)

    def post(self, path: str, body: dict, key: str = settings.INGEST_KEY, expected: int = 202) -> None:
        headers = {"X-Ingest-Key": key}
        response = self.public.post(f"/api/{path}", body, content_type="application/json", headers=headers)
        self.check(path, response, expected)

    def message(self) -> dict:
        self.serial += 1
        words = self.rng.choices((*CALM, *TENSE), k=self.rng.randint(3, 25))
        author = f"writer-{self.one_of(range(200))}"
        return {"id": str(self.serial), "author": author, "content": " ".join(words)}

    # --- Bots --------------------------------------------------------------------------------------------------------

    def batch(self) -> None:
        _, type_, external = self.one_of(self.site.channels)
        messages = [self.message() for _ in range(self.rng.randint(5, 40))]
        self.post("ingest/", {"type": type_, "channel": external, "name": "as sent", "messages": messages})

    def single(self) -> None:
        _, type_, external = self.one_of(self.site.channels)
        body = {"type": type_, "channel": external, "message": self.message()}
        self.post("ingest/one/", body)
        if self.rng.random() < 0.2:
            self.post("ingest/one/", body)

    def new_channel(self) -> None:
        self.serial += 1
        body = {"type": "discord", "channel": str(self.serial), "name": "new", "messages": [self.message()]}
        self.post("ingest/", body)
        self.post("ingest/", body, key="wrong", expected=403)

    def analyze(self) -> None:
        ingest.analyze_pending(100)

    def nightly(self) -> None:
        start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        aggregation.aggregate_people("discord", start, timedelta(days=1), self.site.people[:5])
        aggregation.aggregate_people("discord", start, timedelta(days=1))
        aggregation.raise_alerts(start)

    # --- Dashboards --------------------------------------------------------------------------------------------------

    def person(self) -> None:
        person = self.one_of(self.site.people)
        self.get(f"users/{person}/messages/", days=self.rng.choice((7, 30)))
        self.get(f"users/{person}/wellbeing/", period=self.rng.choice(("daily", "daily", "weekly")))

    def channel(self) -> None:
        channel = self.one_of(self.site.channels)[0]
        self.get(f"channels/{channel}/messages/", days=7)
        if self.rng.random() < 0.5:
            self.get(f"channels/{channel}/users/{self.one_of(self.site.people)}/")

    def channel_pages(self) -> None:
        self.get("channels/")
        self.get("channels/list/")

    def activity(self) -> None:
        self.get("messages/recent/")

    def feed(self) -> None:
        self.get("messages/feed/")

    def queue(self) -> None:
        self.get("messages/queue/")

    def analyses(self) -> None:
        self.get(f"analyses/sentiment/{self.rng.choice(SENTIMENTS)}/", page=self.rng.choice((1, 1, 1, 2)))
        self.get(f"analyses/emotion/{self.rng.choice(('fear', 'anger', 'sadness'))}/")
        self.get(f"analyses/stress/{self.rng.choice(('high', 'high', 'medium'))}/")

    def stressful(self) -> None:
        self.get("analyses/stressful/")

    def figures(self) -> None:
        self.get("analyses/summary/", days=self.rng.choice((1, 7, 7, 30)))
        self.get("analyses/trend/")

    def comparison(self) -> None:
        self.get("analyses/channels/", days=7)
        self.get("analyses/mood/")

    def team(self) -> None:
        team = self.one_of(self.site.teams)
        self.get(f"teams/{team}/wellbeing/")
        self.get(f"teams/{team}/survey/")

    def team_list(self) -> None:
        self.get("teams/")

    def source(self) -> None:
        self.get(f"sources/{self.rng.choice(('discord', 'discord', 'slack'))}/wellbeing/")

    def alerts(self) -> None:
        self.get("alerts/")
        self.get("alerts/worrying/")

    def admin(self) -> None:
        self.get_as_staff("message", processing_status="pending")
        self.get_as_staff("messageanalysis", stress="high")
        self.get_as_staff("channel")
        self.get_as_staff("alertrule")
        self.get_as_staff("alert", status="open")
        self.get_as_staff("team", q="pay")

    # --- All of it ---------------------------------------------------------------------------------------------------

    def mix(self) -> dict:
        """How often each kind of request comes: what bots send comes first."""
        return {
            self.batch: 14,
            self.single: 20,
            self.new_channel: 1,
            self.analyze: 8,
            self.nightly: 1,
            self.person: 14,
            self.channel: 10,
            self.channel_pages: 2,
            self.activity: 5,
            self.feed: 5,
            self.queue: 6,
            self.analyses: 6,
            self.stressful: 3,
            self.figures: 5,
            self.comparison: 2,
            self.team: 6,
            self.team_list: 2,
            self.source: 5,
            self.alerts: 4,
            self.admin: 1,
        }

    def run(self, count: int) -> None:
        kinds = self.mix()
        # Each kind once, then by weight: a short run misses no query.
        drawn = self.rng.choices(list(kinds), list(kinds.values()), k=max(0, count - len(kinds)))
        for kind in [*list(kinds)[:count], *drawn]:
            started = time.monotonic()
            kind()
            self.requests[kind.__name__] += 1
            self.seconds[kind.__name__] += time.monotonic() - started


class Command(BaseCommand):
    help = "Use the service as bots, dashboards and the staff do."

    def add_arguments(self, parser):
        parser.add_argument("--requests", type=int, default=300, help="how many requests to make")
        parser.add_argument("--seed", type=int, default=1, help="another seed makes other requests")

    def handle(self, *args, requests, seed, verbosity, **options):
        site = Site.look()
        if not all((site.people, site.channels, site.teams)):
            raise CommandError("there is nothing to look at; run load_specimen first")
        # The workload's own writers have agreed to be counted, but for one in ten.
        ConsentRecord.objects.bulk_create(
            [ConsentRecord(user_hash=ingest.hash_of(f"writer-{n}"), granted=n % 10 != 9) for n in range(200)],
            ignore_conflicts=True,
        )
        logging.getLogger("django.request").setLevel(logging.ERROR)
        started = time.monotonic()
        visitors = Visitors(site, random.Random(seed), self.client(), self.client(staff=True))
        visitors.run(requests)
        seconds = time.monotonic() - started
        if verbosity > 1:
            for kind, total in visitors.seconds.most_common():
                count = visitors.requests[kind]
                self.stdout.write(f"{kind}: {count} requests, {1000 * total / count:.1f} ms each")
        self.stdout.write(f"requests={requests} seconds={seconds:.2f} errors={len(visitors.errors)}")
        if visitors.errors:
            raise CommandError("\n".join(visitors.errors[:20]))

    @staticmethod
    def client(staff: bool = False) -> Client:
        client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        if staff:
            user, _ = get_user_model().objects.get_or_create(
                username="workload", defaults={"is_staff": True, "is_superuser": True, "password": "!"}
            )
            client.force_login(user)
        return client
