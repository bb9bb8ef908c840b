"""Made-up rows, skewed as a real service's are. The same seed, scale and moment give the same rows.

* users own channels by a weight of 1 / rank ** 0.9: most have one, a few agencies have dozens;
* channels are posted to by 1 / rank ** 1.1, so that the first of a hundred has a fifth of the posts;
* a post is looked at often in its first days and then ever more rarely; views rise like 1 - exp(-age);
* one scheduled post in fifty still waits, the others were sent, failed or cancelled;
* names, mail addresses and texts are invented; mail addresses end in `.example`.
"""

import itertools
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Any

Row = tuple[Any, ...]

WORDS = (
    "update market news channel release today weekly offer photo guide answer question list review city travel music "
    "coffee garden science history match result season ticket recipe report figure growth signal winter summer"
).split()
CATEGORIES = ("news", "technology", "education", "humour", "music", "travel", "shops", "other")
CATEGORY_WEIGHTS = (30, 20, 12, 12, 8, 6, 6, 6)
CONTENT = ("text", "photo", "video", "poll", "document")
CONTENT_WEIGHTS = (52, 30, 12, 2, 4)
LINKS = ("https://news.example/a", "https://shop.example/sale", "https://video.example/live", "https://t.example/join")
FIRST_CHANNEL = 1_001_000_000
FIRST_USER = 200_000_000


def token_of(user_id: int) -> str:
    """The token of a made-up session."""
    return f"made-up-session-of-{user_id}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows; scale 1 has 1.5 million counters of posts."""

    users: int
    channels: int
    posts: int
    metrics: int
    days: int
    scheduled: int
    payments: int
    edges: int
    raw: int
    webhooks: int
    logs: int
    media: int

    @classmethod
    def at(cls, scale: float) -> "Sizes":
        def rows(at_one: int, least: int) -> int:
            return max(least, round(at_one * scale))

        return cls(
            users=rows(4_000, 60),
            channels=rows(1_500, 60),
            posts=rows(60_000, 1_200),
            metrics=rows(1_500_000, 3_000),
            days=30 if scale < 0.01 else 90,
            scheduled=rows(40_000, 400),
            payments=rows(20_000, 150),
            edges=rows(20_000, 200),
            raw=rows(50_000, 200),
            webhooks=rows(30_000, 200),
            logs=rows(40_000, 200),
            media=rows(30_000, 150),
        )


class MadeUp:
    """Rows table by table; ids that the database numbers are counted from 1."""

    def __init__(self, sizes: Sizes, seed: int, now: datetime) -> None:
        self.sizes = sizes
        self.rng = random.Random(seed)
        self.now = now.astimezone(UTC).replace(microsecond=0)

    # --- Drawing -----------------------------------------------------------------------------------------------------

    def ranked(self, count: int, power: float) -> list[float]:
        return list(itertools.accumulate(1 / rank**power for rank in range(1, count + 1)))

    def draw(self, count: int, among: int, power: float = 1.1) -> list[int]:
        """Numbers from 0, the first of them drawn most."""
        return self.rng.choices(range(among), cum_weights=self.ranked(among, power), k=count)

    def words(self, least: int, most: int) -> str:
        return " ".join(self.rng.choices(WORDS, k=self.rng.randint(least, most)))

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(seconds=self.rng.randrange(round(days * 86_400)))

    # --- Who and what there is ---------------------------------------------------------------------------------------

    @cached_property
    def owners(self) -> list[int]:
        """The owner of each channel; every user has a chance of one."""
        return [FIRST_USER + number for number in self.draw(self.sizes.channels, self.sizes.users, 0.9)]

    @cached_property
    def channel_ids(self) -> list[int]:
        """In the order of their weight, which is not the order of their numbers."""
        ids = [FIRST_CHANNEL + number for number in range(self.sizes.channels)]
        self.rng.shuffle(ids)
        return ids

    @cached_property
    def post_keys(self) -> list[tuple[int, int, datetime]]:
        """Channel, number and date of each post."""
        counts = [0] * self.sizes.channels
        for channel in self.draw(self.sizes.posts, self.sizes.channels):
            counts[channel] += 1
        keys = []
        for channel, count in zip(self.channel_ids, counts, strict=True):
            dates = sorted(self.ago(365 * self.rng.random() + 1) for _ in range(count))
            keys += [(channel, number, date) for number, date in enumerate(dates, start=1)]
        return keys

    # --- Tables ------------------------------------------------------------------------------------------------------

    def plans(self) -> Iterator[Row]:
        for name, price, channels, posts in (
            ("free", "0", 3, 30),
            ("pro", "9.90", 20, 500),
            ("business", "29.90", 200, 5_000),
            ("agency", "99.00", 5_000, 100_000),
        ):
            yield name, Decimal(price), channels, posts

    def users(self) -> Iterator[Row]:
        for number in range(self.sizes.users):
            role = "owner" if number == 0 else "admin" if number < 4 else "user"
            status = "active" if number < 20 else self.rng.choices(("active", "suspended", "deleted"), (94, 2, 4))[0]
            plan = 4 if number < 20 else self.rng.choices((1, 2, 3), (80, 16, 4))[0]
            name = f"{self.rng.choice(WORDS)}_{number}"
            yield (
                FIRST_USER + number,
                name,
                f"{name.title().replace('_', ' ')}",
                f"{name}@mail.example",
                role,
                status,
                plan,
                self.ago(600),
                self.ago(30) if self.rng.random() < 0.5 else None,
            )

    def user_sessions(self) -> Iterator[Row]:
        for number in range(self.sizes.users):
            user = FIRST_USER + number
            yield user, sha256(token_of(user).encode()).hexdigest(), self.ago(10), self.now + timedelta(days=14)
            if self.rng.random() < 0.4:
                old = f"old-{user}"
                yield user, sha256(old.encode()).hexdigest(), self.ago(200), self.ago(100)

    def user_bots(self) -> Iterator[Row]:
        for number in range(max(5, self.sizes.users // 20)):
            yield FIRST_USER + number, f"helper_{number}_bot", "gAAAA-made-up", "active", self.ago(3)

    def channels(self) -> Iterator[Row]:
        for rank, (channel, owner) in enumerate(zip(self.channel_ids, self.owners, strict=True), start=1):
            yield (
                channel,
                owner,
                self.words(2, 4).title(),
                f"channel_{channel}" if self.rng.random() < 0.9 else None,
                self.words(5, 25),
                self.rng.choices(CATEGORIES, CATEGORY_WEIGHTS)[0],
                self.rng.choices(("en", "uz", "ru"), (5, 3, 2))[0],
                round(90_000 / rank**0.8) + self.rng.randrange(200),
                rank <= 10 or self.rng.random() < 0.85,
                self.ago(500),
            )

    def mtproto_settings(self) -> Iterator[Row]:
        for channel, owner in zip(self.channel_ids, self.owners, strict=True):
            yield owner, channel, self.rng.random() < 0.7, self.rng.choice((30, 60, 60, 240))

    def posts(self) -> Iterator[Row]:
        for channel, number, date in self.post_keys:
            kind = self.rng.choices(CONTENT, CONTENT_WEIGHTS)[0]
            links = [self.rng.choice(LINKS)] if self.rng.random() < 0.2 else []
            gone = self.rng.random() < 0.03
            deleted_at = date + timedelta(days=1) if gone else None
            text = self.words(8, 90)
            yield channel, number, date, text, kind, kind != "text", json.dumps(links), gone, deleted_at

    def post_metrics(self) -> Iterator[Row]:
        """Looks at posts: as many for each, by rank of the channel, as make up the number wanted."""
        rank = {channel: number for number, channel in enumerate(self.channel_ids, start=1)}
        keys = self.post_keys
        each, rest = divmod(self.sizes.metrics, len(keys))
        for position, (channel, number, date) in enumerate(keys):
            looks = each + (position < rest)
            lifetime = max(3_600.0, (self.now - date).total_seconds())
            best = 4_000 / rank[channel] ** 0.6 * (0.3 + self.rng.random())
            for look in range(looks):
                # Dense at first, sparse later.
                age = lifetime * ((look + 1) / looks) ** 3
                views = round(best * (1 - math.exp(-age / 90_000)))
                liked = views // 40
                reactions = json.dumps({"👍": liked}) if liked else "{}"
                moment = date + timedelta(seconds=age, microseconds=look)
                yield channel, number, moment, views, views // 25, views // 60, reactions, liked

    def channel_daily(self) -> Iterator[Row]:
        today = self.now.date()
        for rank, channel in enumerate(self.channel_ids, start=1):
            followers = 90_000 / rank**0.8
            for day in range(self.sizes.days):
                followers *= 1.001 + self.rng.random() / 1_000
                date = today - timedelta(days=self.sizes.days - day)
                yield channel, date, "followers", round(followers)
                yield channel, date, "views", round(followers * (0.2 + self.rng.random() / 5))

    def hourly_activity(self) -> Iterator[Row]:
        for channel in self.channel_ids[:200]:
            for weekday, hour in itertools.product(range(7), range(24)):
                yield channel, weekday, hour, 100 * (1 + math.sin((hour - 6) / 24 * 2 * math.pi)) + self.rng.random()

    def channel_edges(self) -> Iterator[Row]:
        seen = set()
        for number in self.draw(self.sizes.edges, self.sizes.channels):
            key = (
                self.channel_ids[number],
                f"other_{self.rng.randrange(5_000)}",
                self.rng.choice(("mention", "forward")),
            )
            if key not in seen:
                seen.add(key)
                yield *key, self.rng.randint(1, 40), self.ago(120)

    def stats_raw(self) -> Iterator[Row]:
        for number in self.draw(self.sizes.raw, self.sizes.channels):
            payload = json.dumps({"messages": self.rng.randrange(100), "flood_wait": 0})
            yield self.channel_ids[number], self.rng.choice(("history", "full", "stats")), self.ago(40), payload

    @cached_property
    def plans_of_posts(self) -> list[tuple[int, str, datetime]]:
        """Rank of the channel, status and time of each scheduled post."""
        posts = []
        for channel in self.draw(self.sizes.scheduled, self.sizes.channels):
            status = self.rng.choices(("pending", "sent", "failed", "cancelled"), (2, 88, 4, 6))[0]
            # A third of what waits is due already.
            late = self.rng.random() < 0.33
            when = self.ago(300)
            if status == "pending":
                when = self.ago(0.02) if late else self.now + timedelta(minutes=self.rng.randrange(20_000))
            posts.append((channel, status, when))
        return posts

    def scheduled_posts(self) -> Iterator[Row]:
        for channel, status, when in self.plans_of_posts:
            media = self.rng.random() < 0.3
            tags = self.rng.sample(WORDS[:12], self.rng.choice((0, 0, 1, 2)))
            error = "Forbidden: bot was kicked" if status == "failed" else None
            yield (
                self.owners[channel],
                self.channel_ids[channel],
                self.words(10, 60),
                f"file-{self.rng.randrange(10**9)}" if media else None,
                "photo" if media else None,
                tags,
                when,
                status,
                self.rng.random() < 0.05,
                3 if status == "failed" else 0,
                error,
                min(when, self.now) - timedelta(days=2),
            )

    def deliveries(self) -> Iterator[Row]:
        for number, (channel, status, when) in enumerate(self.plans_of_posts, start=1):
            where = self.channel_ids[channel]
            if status == "sent":
                yield number, where, "delivered", number, 1, None, when, when
            elif status == "failed":
                for attempt in (1, 2, 3):
                    yield number, where, "failed", None, attempt, "Forbidden: bot was kicked", None, when

    def sent_posts(self) -> Iterator[Row]:
        for number, (channel, status, when) in enumerate(self.plans_of_posts, start=1):
            if status == "sent":
                yield number, self.channel_ids[channel], number, when

    @cached_property
    def payers(self) -> list[int]:
        return list(range(min(self.sizes.users, max(20, self.sizes.payments // 8))))

    def payment_methods(self) -> Iterator[Row]:
        for user in self.payers:
            yield (
                FIRST_USER + user,
                "stripe" if user % 3 else "click",
                f"pm_made_up_{user}",
                f"{user % 10_000:04}",
                True,
            )

    def subscriptions(self) -> Iterator[Row]:
        for user in self.payers:
            status = self.rng.choices(("active", "past_due", "canceled", "trialing"), (80, 5, 10, 5))[0]
            yield FIRST_USER + user, 2 + user % 3, user + 1, status, self.now + timedelta(days=self.rng.randrange(30))

    def payments(self) -> Iterator[Row]:
        for number in range(self.sizes.payments):
            user = self.rng.choice(self.payers)
            status = self.rng.choices(("succeeded", "failed", "refunded", "pending"), (90, 6, 2, 2))[0]
            yield (
                FIRST_USER + user,
                user + 1,
                "stripe" if user % 3 else "click",
                f"pay_made_up_{number}",
                sha256(str(number).encode()).hexdigest(),
                Decimal(("9.90", "29.90", "99.00")[user % 3]),
                status,
                self.ago(400),
            )

    def alert_subscriptions(self) -> Iterator[Row]:
        for channel, owner in zip(self.channel_ids, self.owners, strict=True):
            for kind in ("spike", "quiet"):
                if self.rng.random() < 0.6:
                    yield owner, channel, kind, 1.5 + self.rng.random(), self.rng.random() < 0.9

    def user_alert_preferences(self) -> Iterator[Row]:
        for number in range(self.sizes.users):
            if self.rng.random() < 0.5:
                yield FIRST_USER + number, self.rng.choice(("immediate", "hourly", "daily"))

    def webhook_events(self) -> Iterator[Row]:
        for number in range(self.sizes.webhooks):
            payload = json.dumps({"amount": 990, "object": f"pay_made_up_{number}"})
            provider = self.rng.choice(("stripe", "click"))
            yield provider, f"evt_{number}", "payment.succeeded", payload, self.rng.random() < 0.99, self.ago(300)

    def reporting_snapshots(self) -> Iterator[Row]:
        for number in self.draw(self.sizes.logs // 4, self.sizes.channels):
            yield self.channel_ids[number], "weekly", json.dumps({"views": self.rng.randrange(9_000)}), self.ago(300)

    def shared_reports(self) -> Iterator[Row]:
        for number in range(self.sizes.logs // 40):
            yield FIRST_USER + number % 20, number + 1, f"made-up-share-{number}", self.now + timedelta(days=7)

    def storage_channels(self) -> Iterator[Row]:
        for number in range(max(10, self.sizes.users // 10)):
            yield FIRST_USER + number, -1_000_000 - number, "Storage"

    def telegram_media(self) -> Iterator[Row]:
        storages = max(10, self.sizes.users // 10)
        for number, storage in enumerate(self.draw(self.sizes.media, storages)):
            size = self.rng.randrange(10_000, 4_000_000)
            kind = self.rng.choice(("photo", "video"))
            yield FIRST_USER + storage, storage + 1, f"AgAC-made-up-{number}", kind, size, json.dumps({"w": 1280})

    def superadmins(self) -> Iterator[Row]:
        for number, role in enumerate(("owner", "admin", "admin", "support"), start=1):
            yield FIRST_USER + number - 1, f"staff_{number}", f"staff_{number}@mail.example", role

    def admin_log(self) -> Iterator[Row]:
        for _ in range(self.sizes.logs):
            action = self.rng.choices(("set_status", "view_user", "refund"), (10, 85, 5))[0]
            yield self.rng.randint(1, 4), action, "user", str(FIRST_USER + self.rng.randrange(100)), self.ago(300)

    def mtproto_log(self) -> Iterator[Row]:
        for number in self.draw(self.sizes.logs, self.sizes.channels):
            action = self.rng.choice(("enabled", "disabled", "collected"))
            yield self.owners[number], self.channel_ids[number], action, self.ago(60)

    def bot_health(self) -> Iterator[Row]:
        bots = max(5, self.sizes.users // 20)
        for _ in range(self.sizes.logs):
            requests = self.rng.randrange(500)
            yield self.rng.randint(1, bots), self.ago(30), "healthy", requests, requests // 100, 80 * self.rng.random()

    def settings(self) -> Iterator[Row]:
        yield "banner", json.dumps({"text": "Welcome"})
        yield "limits", json.dumps({"requests_per_minute": 60})
