"""Made-up rows for the fourteen tables, skewed the way a real site's are.

Every function yields rows of one table as text (None for NULL), in the order of its columns, so that the same rows go
into SQLite and into PostgreSQL. The same seed, scale and moment always give the same rows.

What is skewed, and how:

* promo codes, stores, categories, visitors' addresses and search terms are drawn by rank, with a weight of
  1 / rank ** 1.1; which promo code has which rank does not depend on its id;
* events come in the order of time, more of them lately than long ago and more at midday than at night;
* two of three events are views, one in ten is unique, a visit has about five events;
* contact messages are spam for the most part: they came in six waves, most of them from a few addresses.

Addresses are from the ranges kept for benchmarks and documentation (RFC 2544, RFC 3849); mail addresses end in
`.example` or `.test`.
"""

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.models import AGGREGATED_AS

Row = tuple[str | None, ...]

HISTORY = timedelta(days=180)
AGGREGATED_DAYS = 21

WORDS = (
    "discount",
    "sale",
    "free delivery",
    "first order",
    "gift",
    "cashback",
    "weekend",
    "season",
    "bonus",
    "new customers",
    "app only",
    "students",
    "clearance",
    "subscription",
    "bundle",
    "night sale",
)
THINGS = (
    "shoes",
    "phones",
    "books",
    "groceries",
    "flights",
    "hotels",
    "toys",
    "laptops",
    "cosmetics",
    "furniture",
    "pizza",
    "taxi rides",
    "courses",
    "garden tools",
    "pet food",
    "tickets",
    "insurance",
    "debit cards",
    "bicycles",
    "headphones",
)
SENTENCES = (
    "Enter the code at the checkout before you pay.",
    "The offer holds for everything that is not already reduced.",
    "One use per customer, not to be combined with other offers.",
    "The discount is taken off once the goods are in the basket.",
    "Delivery is free from a basket of fifty upwards.",
    "The store may end the offer earlier when its stock is sold.",
    "New customers have to confirm their mail address first.",
    "The bonus arrives within thirty days after the order.",
)
STORE_BEGINNINGS = ("Nord", "Blue", "Quick", "Green", "Mega", "Smart", "Urban", "Silver", "Happy", "Prime")
STORE_ENDINGS = ("Market", "Shop", "Travel", "Books", "Tech", "Home", "Style", "Food", "Sport", "Kids")
USER_AGENTS = (
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/18.6 Mobile Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example/)",
)
# ref, utm_source, utm_medium, utm_campaign; nine visits in ten have none.
SOURCES = (
    ("search", "", "", ""),
    ("", "telegram", "social", "channel"),
    ("", "newsletter", "email", "weekly"),
    ("", "ads", "cpc", "autumn"),
    ("", "ads", "cpc", "brand"),
    ("partner", "partner", "referral", ""),
)
EVENT_WEIGHTS = {
    "promo_view": 640,
    "promo_open": 120,
    "promo_copy": 90,
    "deal_open": 55,
    "showcase_view": 40,
    "click": 20,
    "finance_open": 12,
    "copy": 12,
    "showcase_open": 8,
    "open": 3,
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows each table gets.

    Scale 1 is the upper estimate of the report that the specimen follows: 5,000 promo codes and a million events.
    Contact messages are the exception: 200,000 instead of 1,000. The form counts the messages of an address without an
    index, and a form that robots have found is where this hurts; with a thousand rows nobody would notice.
    """

    stores: int
    categories: int
    promocodes: int
    banners: int
    showcases: int
    showcase_items: int
    partners: int
    events: int
    messages: int
    admin_actions: int
    addresses: int

    @classmethod
    def at(cls, scale: float) -> "Sizes":
        events = max(500, round(1_000_000 * scale))
        return cls(
            stores=max(100, round(500 * scale)),
            categories=max(20, min(50, round(50 * scale))),
            promocodes=max(500, round(5_000 * scale)),
            banners=12,
            showcases=max(10, min(50, round(50 * scale))),
            showcase_items=max(100, min(1_000, round(1_000 * scale))),
            partners=20,
            events=events,
            messages=max(100, round(200_000 * scale)),
            admin_actions=max(100, round(5_000 * min(scale, 4))),
            addresses=max(200, events // 40),
        )


# --- Building blocks -------------------------------------------------------------------------------------------------


class Ranked:
    """Draws ids 1..size, a few of them very often."""

    def __init__(self, size: int, exponent: float = 1.1) -> None:
        self.size = size
        # A step that has no factor in common with the size visits every id once, in an order unlike the ids' own.
        step = max(1, round(size * 0.618))
        while math.gcd(step, size) != 1:
            step += 1
        self.by_rank = [(rank * step + step // 2) % size + 1 for rank in range(size)]
        self.cumulative = list(itertools.accumulate(1 / (rank + 1) ** exponent for rank in range(size)))

    def draw(self, rng: random.Random, count: int) -> list[int]:
        return rng.choices(self.by_rank, cum_weights=self.cumulative, k=count)

    def rank_of(self) -> dict[int, int]:
        return {number: rank for rank, number in enumerate(self.by_rank)}


def stamp(moment: datetime) -> str:
    """A moment as both databases read it; connections speak UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def flag(value: bool) -> str:
    return "1" if value else "0"


def address(number: int) -> str:
    """An address that belongs to nobody: IPv4 for most, IPv6 for every fifth."""
    if number % 5 == 4 or number >= 131_072:
        return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"
    return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def moments(count: int, now: datetime, history: timedelta = HISTORY) -> Iterator[float]:
    """`count` times as POSIX seconds, ascending: denser towards `now`, and denser at midday than at night."""
    end = now.timestamp()
    days = history.total_seconds() / 86_400
    for position in range(count):
        at = days * ((position + 0.5) / count) ** 0.7
        day, part = divmod(at, 1.0)
        yield end - (days - day - part - 0.12 * math.sin(2 * math.pi * part)) * 86_400


def prose(rng: random.Random, sentences: int) -> str:
    return " ".join(rng.choices(SENTENCES, k=sentences))


# --- Content ---------------------------------------------------------------------------------------------------------


class Specimen:
    """The rows of one seed, scale and moment."""

    def __init__(self, sizes: Sizes, seed: int, now: datetime) -> None:
        self.sizes = sizes
        self.seed = seed
        self.now = now
        self.promo_ranks = Ranked(sizes.promocodes)
        stores = Ranked(sizes.stores, exponent=0.9)
        self.store_of = [0, *stores.draw(self.rng("promo stores"), sizes.promocodes)]

    def rng(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed}:{purpose}")

    def stores(self) -> Iterator[Row]:
        rng = self.rng("stores")
        for number in range(1, self.sizes.stores + 1):
            name = f"{rng.choice(STORE_BEGINNINGS)}{rng.choice(STORE_ENDINGS)} {number}"
            slug = name.lower().replace(" ", "-")
            created = self.now - HISTORY - timedelta(days=rng.expovariate(1 / 200))
            rating = min(5.0, max(0.0, rng.gauss(4.1, 0.6)))
            yield (
                str(number),
                name,
                slug,
                f"stores/{slug}.png" if rng.random() < 0.8 else "",
                f"{rating:.1f}",
                prose(rng, rng.randint(0, 3)),
                f"https://{slug}.example/",
                flag(rng.random() < 0.88),
                stamp(created),
                stamp(created + (self.now - created) * rng.random()),
            )

    def categories(self) -> Iterator[Row]:
        rng = self.rng("categories")
        for number in range(1, self.sizes.categories + 1):
            thing = THINGS[(number - 1) % len(THINGS)]
            name = thing.capitalize() if number <= len(THINGS) else f"{thing.capitalize()} {number}"
            yield (
                str(number),
                name,
                name.lower().replace(" ", "-"),
                thing.split()[0] if rng.random() < 0.7 else "",
                prose(rng, 1) if rng.random() < 0.5 else "",
                flag(rng.random() < 0.9),
                stamp(self.now - HISTORY - timedelta(days=number)),
            )

    def promocodes(self) -> Iterator[Row]:
        rng = self.rng("promocodes")
        ranks = self.promo_ranks.rank_of()
        events = self.sizes.events
        offer_types = rng.choices(
            ("coupon", "deal", "financial", "cashback"), weights=(62, 26, 5, 7), k=self.sizes.promocodes
        )
        created_at = moments(self.sizes.promocodes, self.now, HISTORY * 2)
        for number, (offer_type, created) in enumerate(zip(offer_types, created_at, strict=True), start=1):
            at = datetime.fromtimestamp(created, UTC)
            percent = rng.choice((0, 5, 10, 10, 15, 20, 20, 25, 30, 40, 50, 70))
            expired = rng.random() < 0.3
            expires = self.now + timedelta(days=-rng.uniform(0, 90) if expired else rng.expovariate(1 / 40))
            thing, word = rng.choice(THINGS), rng.choice(WORDS)
            yield (
                str(number),
                f"{percent}% off {thing}: {word}" if percent else f"{word.capitalize()} on {thing}",
                prose(rng, rng.randint(1, 3)),
                offer_type,
                f"{thing[:4].upper().strip()}{number}" if offer_type == "coupon" else "",
                str(percent),
                "" if percent else word,
                prose(rng, rng.randint(2, 8)) if rng.random() < 0.4 else "",
                prose(rng, 3) if rng.random() < 0.3 else "",
                prose(rng, 2) if rng.random() < 0.2 else "",
                prose(rng, 2) if offer_type == "financial" else "",
                flag(rng.random() < 0.08),
                flag(rng.random() < 0.12),
                stamp(max(expires, at)),
                str(round(events / 8 / (ranks[number] + 1) ** 1.1)),
                f"https://go.example/{number}",
                str(self.store_of[number]),
                flag(rng.random() < 0.85),
                stamp(at),
                stamp(at + (self.now - at) * rng.random()),
            )

    def promocode_categories(self) -> Iterator[Row]:
        rng = self.rng("promocode categories")
        headings = Ranked(self.sizes.categories, exponent=0.8)
        row = itertools.count(1)
        for number in range(1, self.sizes.promocodes + 1):
            for heading in sorted(set(headings.draw(rng, rng.randint(1, 3)))):
                yield (str(next(row)), str(number), str(heading))

    def banners(self) -> Iterator[Row]:
        for number in range(1, self.sizes.banners + 1):
            at = stamp(self.now - timedelta(days=10 * number))
            subtitle = SENTENCES[number % len(SENTENCES)] if number % 3 else ""
            image, phone = f"banners/{number}.webp", f"banners/mobile/{number}.webp" if number % 2 else ""
            link = f"/promocodes/{number}"
            yield (
                str(number),
                f"Banner {number}",
                subtitle,
                image,
                phone,
                "Look",
                link,
                str(number),
                flag(number <= 8),
                at,
                at,
            )

    def showcases(self) -> Iterator[Row]:
        rng = self.rng("showcases")
        for number in range(1, self.sizes.showcases + 1):
            at = stamp(self.now - timedelta(days=rng.uniform(1, 60)))
            title = f"{rng.choice(WORDS).capitalize()} on {rng.choice(THINGS)}"
            slug, banner = f"showcase-{number}", f"showcases/{number}.webp"
            yield (str(number), title, slug, prose(rng, 1), banner, str(number % 7), flag(rng.random() < 0.8), at, at)

    def showcase_items(self) -> Iterator[Row]:
        per_showcase = self.sizes.showcase_items // self.sizes.showcases
        rng = self.rng("showcase items")
        row = itertools.count(1)
        for showcase in range(1, self.sizes.showcases + 1):
            chosen = dict.fromkeys(self.promo_ranks.draw(rng, per_showcase * 3))
            for position, promo in enumerate(itertools.islice(chosen, per_showcase)):
                yield (str(next(row)), str(position), str(promo), str(showcase))

    def static_pages(self) -> Iterator[Row]:
        rng = self.rng("static pages")
        at = stamp(self.now - HISTORY)
        for number, title in enumerate(("FAQ", "Terms", "Privacy", "About", "How it works"), start=1):
            slug = title.lower().replace(" ", "-")
            yield (str(number), title, slug, f"<p>{prose(rng, 12)}</p>", "1", at, at)

    def partners(self) -> Iterator[Row]:
        for number in range(1, self.sizes.partners + 1):
            at = stamp(self.now - timedelta(days=9 * number))
            url = f"https://partner-{number}.example/"
            yield (str(number), f"Partner {number}", f"partners/{number}.svg", url, str(number // 2), "1", at)

    def site_assets(self) -> Iterator[Row]:
        yield ("1", "1", "site/favicon.png", "site/logo.svg", "", stamp(self.now - HISTORY))

    def site_settings(self) -> Iterator[Row]:
        yield ("1", "1", "BoltPromo", "hello@boltpromo.example", "", "", "", "0", stamp(self.now - HISTORY))

    # --- Visitors ----------------------------------------------------------------------------------------------------

    def messages(self) -> Iterator[Row]:
        """One in eight is a visitor's; the rest is spam, in six waves of six hours; the last one ends now."""
        rng = self.rng("messages")
        count = self.sizes.messages
        real = count // 8
        waves = [self.now.timestamp() - (HISTORY * part).total_seconds() for part in (0.85, 0.61, 0.4, 0.22, 0.08, 0.0)]
        arrivals = [(at, False) for at in moments(real, self.now)]
        arrivals += [(waves[number % 6] - rng.uniform(0, 21_600), True) for number in range(count - real)]
        arrivals.sort()
        senders = Ranked(self.sizes.addresses).draw(rng, count)
        robots = Ranked(max(20, count // 500)).draw(rng, count)
        old = (self.now - timedelta(days=4)).timestamp()
        for number, (at, wave) in enumerate(arrivals, start=1):
            thing = rng.choice(THINGS)
            if wave:
                name, mail = "Best offers", f"offer{robots[number - 1]}@spam.test"
                text = f"Buy {thing} now: http://spam.test/{robots[number - 1]} " + prose(rng, 4)
                ip = address(100_000 + robots[number - 1])
            else:
                name, mail = f"Visitor {number}", f"visitor{number}@mail.example"
                text = f"The code for {thing} was refused. " + prose(rng, rng.randint(1, 4))
                ip = address(senders[number - 1])
            yield (
                str(number),
                name,
                mail,
                "" if rng.random() < 0.3 else thing.capitalize(),
                text,
                None if rng.random() < 0.01 else ip,
                USER_AGENTS[number % len(USER_AGENTS)],
                flag(at < old and rng.random() < 0.97),
                flag(wave and rng.random() < 0.95),
                stamp(datetime.fromtimestamp(at, UTC)),
            )

    def events(self, aggregate: Counter | None = None, unique: Counter | None = None) -> Iterator[Row]:
        """Events in the order of time. The counters receive what the daily aggregates of the last days hold."""
        rng = self.rng("events")
        count = self.sizes.events
        addresses = [address(number) for number in Ranked(self.sizes.addresses).draw(rng, 65_536)]
        agents = rng.choices(USER_AGENTS, weights=(40, 22, 20, 8, 8, 2), k=256)
        sources = rng.choices((("",) * 4, *SOURCES), weights=(70, 12, 6, 4, 4, 2, 2), k=256)
        showcases = Ranked(self.sizes.showcases)
        types, weights = list(EVENT_WEIGHTS), list(itertools.accumulate(EVENT_WEIGHTS.values()))
        aggregated_from = (self.now - timedelta(days=AGGREGATED_DAYS)).timestamp()
        times = moments(count, self.now)
        number = 0
        while number < count:
            batch = min(20_000, count - number)
            drawn = zip(
                itertools.islice(times, batch),
                rng.choices(types, cum_weights=weights, k=batch),
                self.promo_ranks.draw(rng, batch),
                showcases.draw(rng, batch),
                [rng.getrandbits(16) for _ in range(batch)],
                strict=True,
            )
            for at, event_type, promo, showcase, dice in drawn:
                number += 1
                # Visits overlap: the event belongs to one of those that are open at the moment.
                visit = ((number // 5) + (dice & 7)) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
                keys: tuple[str | None, str | None, str | None]
                if event_type.startswith("showcase"):
                    keys = (None, None, str(showcase))
                else:
                    keys = (str(promo), str(self.store_of[promo]) if dice & 0x1F00 else None, None)
                is_unique = dice % 10 == 0
                moment = datetime.fromtimestamp(at, UTC)
                when = moment.strftime("%Y-%m-%d %H:%M:%S.%f")
                if aggregate is not None and at >= aggregated_from:
                    key = (when[:10], AGGREGATED_AS[event_type], *keys)
                    aggregate[key] += 1
                    if is_unique and unique is not None:
                        unique[key] += 1
                yield (
                    str(number),
                    when,
                    event_type,
                    f"{visit:016x}",
                    addresses[visit >> 32 & 0xFFFF] if dice & 0x3E0 else None,
                    agents[visit >> 24 & 0xFF],
                    *sources[visit >> 16 & 0xFF],
                    "1" if is_unique else "0",
                    *keys,
                )

    def admin_actions(self) -> Iterator[Row]:
        rng = self.rng("admin actions")
        count = self.sizes.admin_actions
        users = Ranked(12).draw(rng, count)
        for number, at in enumerate(moments(count, self.now), start=1):
            action = rng.choices(("update", "create", "delete", "mark_spam", "mark_processed"), (60, 20, 3, 7, 10))[0]
            model = "contactmessage" if action.startswith("mark") else rng.choice(("promocode", "promocode", "store"))
            user = users[number - 1]
            target = str(rng.randint(1, self.sizes.promocodes))
            moment = stamp(datetime.fromtimestamp(at, UTC))
            yield (str(number), f"editor{user}", action, model, target, "", address(90_000 + user), moment)
