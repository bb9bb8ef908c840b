"""Use the site as visitors, robots and editors do: real requests to the real views, in this process.

    python manage.py run_workload --requests 300 --seed 1

Which page is asked for is skewed like the rows are: a few promo codes, stores and search terms get most requests.
The last line says how many requests there were, how long they took and how many were answered in a way they should
not have been; if there was one, the exit code says so too. `--verbosity 2` lists the kinds.

An answer of 429 from the contact form is its rate limit at work, not an error.
"""

import itertools
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management.base import BaseCommand, CommandError
from django.test import Client
from django.utils import timezone

from core.models import EVENT_TYPES, Category, Event, PromoCode, Showcase, Store
from core.specimen_data import SENTENCES, THINGS, USER_AGENTS, WORDS, address

# Requests after which the cache is emptied: the five minutes it keeps an answer, in a run of seconds.
CACHE_LIFE = 60

API = "/api/v1"


@dataclass
class Site:
    """What there is to ask for, the most popular first."""

    promos: list[int]
    stores: list[str]
    categories: list[str]
    showcases: list[str]
    sessions: list[str]

    @classmethod
    def look(cls) -> "Site":
        now = timezone.now()
        promos = PromoCode.objects.filter(is_active=True, expires_at__gt=now).order_by("-views_count", "id")
        return cls(
            promos=list(promos.values_list("pk", flat=True)),
            stores=list(Store.objects.filter(is_active=True).order_by("-rating", "id").values_list("slug", flat=True)),
            categories=list(Category.objects.filter(is_active=True).order_by("id").values_list("slug", flat=True)),
            showcases=list(Showcase.objects.filter(is_active=True).order_by("id").values_list("slug", flat=True)),
            sessions=list(Event.objects.order_by("-id").values_list("session_id", flat=True)[:50]),
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

    def one_of(self, choices):
        """The first choices come up most: the k-th with a weight of 1 / k."""
        weights = itertools.accumulate(1 / rank for rank in range(1, len(choices) + 1))
        return self.rng.choices(choices, cum_weights=list(weights))[0]

    def ask(self, client: Client, method: str, path: str, expected: tuple[int, ...] = (200,), **request) -> None:
        visitor = address(self.rng.randrange(20_000))
        headers = {"X-Forwarded-For": visitor, "User-Agent": self.rng.choice(USER_AGENTS), **request.pop("headers", {})}
        response = getattr(client, method)(path, headers=headers, **request)
        if response.status_code not in expected:
            self.errors.append(f"{method.upper()} {path}: {response.status_code}")

    def get(self, path: str, **parameters) -> None:
        self.ask(self.public, "get", f"{API}{path}", query_params=parameters)

    def get_as_staff(self, path: str, **parameters) -> None:
        self.ask(self.staff, "get", path, query_params=parameters)

    # --- What visitors do --------------------------------------------------------------------------------------------

    def home(self) -> None:
        self.get(self.rng.choice(("/home/", "/home/", "/banners/", "/partners/", "/pages/faq/", "/site/settings/")))

    def promo_list(self) -> None:
        filters = self.rng.choice(
            (
                {},
                {"page": 2},
                {"is_hot": "true"},
                {"category": self.one_of(self.site.categories)},
                {"store": self.one_of(self.site.stores)},
                {"offer_type": "coupon", "ordering": "expiring"},
                {"min_discount": 20, "ordering": "discount"},
            )
        )
        # A page beyond the last is answered with 404.
        if "page" in filters and len(self.site.promos) <= 20:
            filters = {}
        self.get("/promocodes/", **filters)

    def promo_popular(self) -> None:
        path = self.rng.choice(("/promocodes/", "/promocodes/", "/promocodes/recommended/"))
        self.get(path, ordering="popular")

    def promo_search(self) -> None:
        self.get("/promocodes/", search=self.one_of((*THINGS, *WORDS)))

    def promo_page(self) -> None:
        self.get(f"/promocodes/{self.one_of(self.site.promos)}/")

    def promo_similar(self) -> None:
        self.get(f"/promocodes/{self.one_of(self.site.promos)}/similar/")

    def promo_financial(self) -> None:
        self.get("/promocodes/financial/")

    def store_list(self) -> None:
        self.get("/stores/", **self.rng.choice(({}, {}, {"letter": "M"}, {"ordering": "promos"})))

    def store_page(self) -> None:
        store = self.one_of(self.site.stores)
        self.get(f"/stores/{store}/{self.rng.choice(('', 'promocodes/'))}")

    def category_list(self) -> None:
        self.get("/categories/")

    def category_page(self) -> None:
        category = self.one_of(self.site.categories)
        self.get(f"/categories/{category}/promocodes/", ordering=self.rng.choice(("newest", "newest", "popular")))

    def showcase_list(self) -> None:
        self.get("/showcases/")

    def showcase_page(self) -> None:
        self.get(f"/showcases/{self.one_of(self.site.showcases)}/")

    def search(self) -> None:
        self.get("/search/", q=self.one_of((*THINGS, *WORDS, "no such thing")))

    def event(self) -> None:
        body = {
            "event_type": self.one_of(EVENT_TYPES[:5]),
            "promo": self.one_of(self.site.promos),
            "session_id": f"{self.rng.getrandbits(64):016x}",
        }
        path = f"{API}/analytics/events/"
        self.ask(self.public, "post", path, (201, 204), data=body, content_type="application/json")

    def contact(self) -> None:
        """A visitor writes once; a robot writes from one of two addresses again and again."""
        robot = self.rng.random() < 0.6
        sender = self.rng.randrange(2 if robot else 20_000)
        body = {
            "name": "Best offers" if robot else f"Visitor {sender}",
            "email": f"offer{sender}@spam.test" if robot else f"visitor{sender}@mail.example",
            "subject": self.rng.choice(("", "Question")),
            "message": " ".join(self.rng.choices(SENTENCES, k=2)),
        }
        headers = {"X-Forwarded-For": address((140_000 if robot else 0) + sender)}
        path = f"{API}/contact/"
        self.ask(self.public, "post", path, (201, 429), data=body, content_type="application/json", headers=headers)

    def contact_incomplete(self) -> None:
        self.ask(self.public, "post", f"{API}/contact/", (400,), data={"name": "x"}, content_type="application/json")

    # --- What editors do ---------------------------------------------------------------------------------------------

    def stats(self) -> None:
        figure = self.one_of(("top-promos", "summary", "timeline", "top-stores", "sources", "offer-types", "visitors"))
        parameters = {} if figure == "visitors" else {"days": self.rng.choice((7, 7, 30, 90))}
        self.get_as_staff(f"{API}/analytics/stats/{figure}/", **parameters)

    def stats_session(self) -> None:
        self.get_as_staff(f"{API}/analytics/sessions/{self.rng.choice(self.site.sessions)}/")

    def admin_messages(self) -> None:
        filters = self.rng.choice(
            ({}, {"is_processed__exact": 0, "is_spam__exact": 0}, {"is_processed__exact": 0}, {"q": "refused"})
        )
        self.get_as_staff("/admin/core/contactmessage/", **filters)

    def admin_lists(self) -> None:
        path, filters = self.rng.choice(
            (
                ("promocode", {}),
                ("promocode", {"q": "shoes", "is_active__exact": 1}),
                ("store", {"is_active__exact": 1}),
                ("category", {}),
                ("event", {"event_type": "promo_copy"}),
                ("dailyagg", {}),
                ("adminactionlog", {"user": "editor1"}),
                ("banner", {}),
                ("partner", {}),
                ("showcase", {}),
            )
        )
        self.get_as_staff(f"/admin/core/{path}/", **filters)

    def mix(self) -> dict[Callable[[], None], int]:
        """How often each kind of request comes, in per cent."""
        return {
            self.home: 5,
            self.promo_list: 14,
            self.promo_popular: 8,
            self.promo_search: 4,
            self.promo_page: 15,
            self.promo_similar: 4,
            self.promo_financial: 1,
            self.store_list: 5,
            self.store_page: 7,
            self.category_list: 4,
            self.category_page: 5,
            self.showcase_list: 1,
            self.showcase_page: 2,
            self.search: 5,
            self.event: 5,
            self.contact: 6,
            self.contact_incomplete: 1,
            self.stats: 3,
            self.stats_session: 1,
            self.admin_messages: 2,
            self.admin_lists: 2,
        }

    def run(self, count: int) -> None:
        kinds = self.mix()
        for number, kind in enumerate(self.rng.choices(list(kinds), list(kinds.values()), k=count)):
            if number % CACHE_LIFE == 0:
                cache.clear()
            started = time.monotonic()
            kind()
            self.requests[kind.__name__] += 1
            self.seconds[kind.__name__] += time.monotonic() - started


class Command(BaseCommand):
    help = "Use the site as visitors, robots and editors do."

    def add_arguments(self, parser):
        parser.add_argument("--requests", type=int, default=300, help="how many requests to make")
        parser.add_argument("--seed", type=int, default=1, help="another seed makes other requests")

    def handle(self, *args, requests, seed, verbosity, **options):
        site = Site.look()
        if not all((site.promos, site.stores, site.categories, site.showcases, site.sessions)):
            raise CommandError("there is nothing to look at; run load_specimen first")

        # What is refused on purpose is not worth a line each; failures still are.
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
