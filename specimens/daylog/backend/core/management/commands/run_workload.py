"""Use the site as people do who keep a journal: real requests to the real views, in this process.

    python manage.py run_workload --requests 300 --seed 1

Every kind of request is made once; after that they come as often as `MIX` says, and whoever writes most asks most.
The last line says how many requests there were, how long they took and how many were answered in a way they should
not have been; if there was one, the exit code says so too. `--verbosity 2` lists the kinds.
A view that never answered counts as an error.
"""

import itertools
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.test import Client
from django.urls import get_resolver, resolve, reverse
from django.utils import timezone

from core.specimen_data import BLOCK_KINDS, COMMON, TAGS, vocabulary
from journal.models import JournalEntry, Tag

# How often each kind of request comes.
MIX = {
    "entry-list": 22,
    "entries-recent": 14,
    "entry-detail": 14,
    "entry-create": 8,
    "entry-update": 6,
    "entries-edited": 5,
    "tag-list": 6,
    "tags-names": 5,
    "public-feed": 6,
    "public-latest": 4,
    "public-entry": 4,
    "entry-comments": 4,
    "entries-page": 2,
    "entries-calendar": 3,
    "entries-on-this-day": 2,
    "comment-notices": 2,
    "moods": 2,
    "streak": 3,
    "goal": 2,
    "lengths": 1,
    "timeline": 1,
    "me": 2,
    "reminders": 1,
    "admin": 1,
}

# Views that are asked for by a method of their own below, and are not GETs of their name.
WRITES = [
    "entry-create",
    "entry-update",
    "entry-delete",
    "tag-create",
    "comment-create",
    "mood-create",
    "reminder-create",
]


@dataclass
class Site:
    """What there is to ask for, who writes most first."""

    writers: list
    entries: dict
    public: list[tuple]

    @classmethod
    def look(cls) -> "Site":
        counts = JournalEntry.objects.values("user").annotate(entries=Count("pk")).order_by("-entries", "user")[:40]
        users = get_user_model().objects.in_bulk([row["user"] for row in counts])
        writers = [users[row["user"]] for row in counts]
        newest = {
            user.pk: list(
                JournalEntry.objects.filter(user=user).order_by("-created_at").values_list("pk", flat=True)[:80]
            )
            for user in writers
        }
        public = JournalEntry.objects.filter(is_public=True).annotate(said=Count("comments")).order_by("-said", "pk")
        return cls(writers, newest, list(public.values_list("pk", "share_token")[:200]))


@dataclass
class People:
    """Makes requests and remembers what came of them."""

    site: Site
    rng: random.Random
    clients: dict
    staff: Client
    requests: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def one_of(self, choices):
        """The first choices come up most: the k-th with a weight of 1 / k."""
        weights = itertools.accumulate(1 / rank for rank in range(1, len(choices) + 1))
        return self.rng.choices(choices, cum_weights=list(weights))[0]

    def argument(self, view: str, name: str, user):
        if name == "share_token":
            return self.one_of(self.site.public)[1]
        if name == "entry":
            return self.one_of(self.site.public)[0]
        if name == "pk" and view.startswith("tag"):
            return Tag.objects.filter(user=user).values_list("pk", flat=True)[0]
        if name == "pk":
            return self.one_of(self.site.entries[user.pk])
        if name == "kind":
            return self.rng.choice(BLOCK_KINDS)
        today = timezone.localdate()
        return {"year": today.year, "month": today.month}[name]

    def parameters(self, view: str) -> dict:
        rng = self.rng
        words = vocabulary()
        day = timezone.localdate() - timedelta(days=rng.choice((7, 30, 90, 365)))
        choices = {
            "entry-list": [
                {},
                {},
                {"page": self.rng.choice((1, 2, 2, 3, 8))},
                {"search": self.one_of(words[60:])},
                {"search": rng.choice(words[-2000:])},
                {"tags": self.one_of(TAGS)},
                {"tags": f"{TAGS[0]},{rng.choice(TAGS)}"},
                {"date_from": day},
                {"date_from": day, "date_to": timezone.localdate()},
                {"public": 1},
            ],
            "entries-page": [{}, {"start": 25, "end": 50}, {"start": 200, "end": 225}],
            "public-feed": [{}, {}, {"page": self.rng.choice((2, 3, 5))}],
            "tags-names": [{"q": rng.choice(TAGS)[:1]}],
            "name-taken": [
                {"username": f"new{rng.randrange(1000)}", "email": f"new{rng.randrange(1000)}@mail.example"}
            ],
        }
        return rng.choice(choices.get(view, [{}]))

    def content(self) -> dict:
        text = " ".join(self.rng.choices(COMMON, k=40))
        return {"time": 0, "blocks": [{"type": "paragraph", "data": {"text": text}}], "version": "2.30.6"}

    def write(self, view: str, user) -> None:
        """Requests that change something."""
        rng, client = self.rng, self.clients[user.pk]
        if view == "entry-create":
            body = {"title": rng.choice(COMMON).title(), "content": self.content(), "tag_names": [self.one_of(TAGS)]}
            self.request(client, "post", reverse("entry-list"), body=body)
        elif view == "entry-update":
            path = reverse("entry-detail", kwargs={"pk": self.one_of(self.site.entries[user.pk])})
            self.request(client, "patch", path, body={"content": self.content()})
        elif view == "entry-delete":
            body = {"title": "To be deleted", "content": self.content()}
            made = self.request(client, "post", reverse("entry-list"), body=body).json()
            self.request(client, "delete", reverse("entry-detail", kwargs={"pk": made["id"]}))
        elif view == "tag-create":
            # Not of the seed: the same run again must find another free name.
            body = {"name": f"tag {uuid4().hex}"}
            self.request(client, "post", reverse("tag-list"), body=body)
        elif view == "comment-create":
            path = reverse("entry-comments", kwargs={"entry": self.one_of(self.site.public)[0]})
            self.request(client, "post", path, body={"body": "So it was with us."})
        elif view == "mood-create":
            self.request(client, "post", reverse("moods"), body={"mood": 4, "felt_at": timezone.now().isoformat()})
        else:
            body = {"hour": 21, "next_at": timezone.now().isoformat()}
            self.request(client, "post", reverse("reminders"), body=body)

    def ask(self, view: str, arguments: list[str]) -> None:
        user = self.one_of(self.site.writers)
        if view in WRITES:
            self.write(view, user)
            return
        path = reverse(view, kwargs={name: self.argument(view, name, user) for name in arguments})
        client = self.clients[user.pk]
        if view == "entries-delete":
            self.request(client, "post", path, body={"ids": [str(JournalEntry().pk)]})
        elif view == "tags-merge":
            old, new = Tag.objects.filter(user=user).order_by("-name").values_list("name", flat=True)[:2]
            self.request(client, "post", path, body={"old": old, "new": new})
        elif view == "entry-share":
            self.request(client, "post", path, body={})
        elif view == "reminders-due":
            self.request(self.staff, "post", path, body={})
        elif view == "integrations":
            body = {"service": "weather", "account": "home", "access_token": f"at-{self.rng.getrandbits(80):020x}"}
            self.request(client, "put", path, body=body)
            self.request(client, "get", path)
        elif view == "me" and self.rng.random() < 0.3:
            self.request(client, "patch", path, body={"about": "I write in the evening."})
        else:
            self.request(client, "get", path, parameters=self.parameters(view))

    def ask_admin(self) -> None:
        path, parameters = self.rng.choice(
            (
                ("journal/journalentry/", {}),
                ("journal/journalentry/", {"is_public__exact": 1}),
                ("journal/comment/", {"is_hidden__exact": 1}),
                ("journal/tag/", {"q": "work"}),
                ("users/user/", {"q": "writer1"}),
                ("insights/writingday/", {}),
            )
        )
        self.request(self.staff, "get", f"/admin/{path}", parameters=parameters)

    def request(self, client: Client, method: str, path: str, body: dict | None = None, parameters: dict | None = None):
        given = {"query_params": parameters or {}}
        if body is not None:
            given = {"data": body, "content_type": "application/json"}
        response = getattr(client, method)(path, **given)
        # A page beyond the last is answered with 404.
        expected = (200, 201, 204, 404) if parameters and "page" in parameters else (200, 201, 204)
        if response.status_code not in expected:
            self.errors.append(f"{method.upper()} {path}: {response.status_code}")
        if response.status_code < 400:
            self.asked.add(resolve(path).url_name)
        return response


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
    help = "Use the site as people do who keep a journal."

    def add_arguments(self, parser):
        parser.add_argument("--requests", type=int, default=300, help="how many requests to make")
        parser.add_argument("--seed", type=int, default=1, help="another seed makes other requests")

    def handle(self, *args, requests, seed, verbosity, **options):
        site = Site.look()
        if not site.public:
            raise CommandError("there is nothing to look at; run load_specimen first")

        # What is refused on purpose is not worth a line each; failures still are.
        logging.getLogger("django.request").setLevel(logging.ERROR)
        views = own_views()
        clients = {user.pk: self.client(user) for user in site.writers}
        people = People(site, random.Random(seed), clients, self.client(self.operator()))
        once = [*sorted(views), *WRITES, *["entry-list"] * 10, *["admin"] * 6]
        rest = people.rng.choices(list(MIX), list(MIX.values()), k=max(0, requests - len(once)))
        started = time.monotonic()
        for view in [*once, *rest]:
            begun = time.monotonic()
            if view == "admin":
                people.ask_admin()
            else:
                people.ask(view, views.get(view, []))
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
    def operator():
        operator, _ = get_user_model().objects.get_or_create(
            username="workload",
            defaults={
                "email": "workload@mail.example",
                "is_staff": True,
                "is_superuser": True,
                "password": "!",
            },
        )
        return operator

    @staticmethod
    def client(user) -> Client:
        client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        client.force_login(user)
        return client
