"""Use the service as people, the bot and its workers do: `python -m analyticbot.workload --requests 300`.

Requests go through the real application in this process. Who asks and for which channel is skewed like the rows are.
The last line counts requests, seconds and answers that should not have been; if there was one, the exit code is 1.
"""

import argparse
import asyncio
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from analyticbot.environment import use_async_driver

PREFIX = "http://analyticbot.example"


class Visitors:
    """Makes requests and remembers what came of them."""

    def __init__(self, client: Any, rng: random.Random) -> None:
        self.client = client
        self.rng = rng
        self.errors: list[str] = []
        self.seconds: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.users: list[int] = []
        self.channels: dict[int, list[int]] = {}
        self.posts: dict[int, int] = {}
        self.asked: set[tuple[str, str]] = set()
        # In turn, so that none is left out.
        self.figure = itertools.cycle(("daily", "growth", "daily", "hours", "growth", "mentions", "snapshots"))
        self.account_page = itertools.cycle(("/subscriptions", "/payments", "/media", "/plans"))
        self.serial = int(time.time() * 1_000)

    async def look(self) -> None:
        """Learn whom and what there is, the busiest first."""
        from sqlalchemy import func, select

        from analyticbot.database import session_scope
        from analyticbot.models import Channel, Post, User

        async with session_scope() as session:
            rows = await session.execute(
                select(User.id, func.count(Channel.id))
                .join(Channel)
                .where(User.status == "active", User.id.not_in(select(User.id).where(User.role == "admin")))
                .group_by(User.id)
                .order_by(func.count(Channel.id).desc(), User.id)
                .limit(500)
            )
            self.users = [user for user, _ in rows]
            for channel, user in await session.execute(
                select(Channel.id, Channel.user_id).order_by(Channel.subscriber_count.desc())
            ):
                self.channels.setdefault(user, []).append(channel)
            rows = await session.execute(select(Post.channel_id, func.max(Post.msg_id)).group_by(Post.channel_id))
            self.posts = dict(rows.all())
            self.staff = await session.scalar(select(User.id).where(User.role == "owner").limit(1))

    def one_of(self, choices: Any) -> Any:
        """The first choices come up most: the k-th with a weight of 1 / k."""
        weights = list(itertools.accumulate(1 / rank for rank in range(1, len(choices) + 1)))
        return self.rng.choices(choices, cum_weights=weights)[0]

    def pick(self) -> tuple[int, int]:
        """A user and a channel of this user."""
        user = self.one_of(self.users)
        return user, self.one_of(self.channels[user])

    async def ask(
        self, user: int | None, method: str, path: str, expected: tuple[int, ...] = (200,), **options: Any
    ) -> Any:
        from analyticbot.made_up import token_of

        headers = {"Authorization": f"Bearer {token_of(user)}"} if user else {}
        self.asked.add((method, path))
        response = await self.client.request(method, path, headers=headers, **options)
        if response.status_code not in expected:
            self.errors.append(f"{method} {path}: {response.status_code} {response.text[:200]}")
        return response

    async def get(self, user: int | None, path: str, **parameters: Any) -> Any:
        return await self.ask(user, "GET", path, params=parameters)

    # --- People ------------------------------------------------------------------------------------------------------

    async def dashboard(self) -> None:
        await self.get(self.one_of(self.users), "/channels/dashboard")

    async def digest(self) -> None:
        user = self.one_of(self.users)
        await self.get(user, "/channels/digest")
        await self.get(user, "/channels/compare")

    async def channel_list(self) -> None:
        user, channel = self.pick()
        await self.get(user, "/channels", limit=20)
        await self.get(user, f"/channels/{channel}")

    async def largest(self) -> None:
        await self.get(self.one_of(self.users), "/channels/largest", **self.rng.choice(({}, {"category": "news"})))

    async def post_list(self) -> None:
        user, channel = self.pick()
        page = (await self.get(user, f"/channels/{channel}/posts", limit=20)).json()
        if len(page) == 20 and self.rng.random() < 0.3:
            await self.get(user, f"/channels/{channel}/posts", limit=20, before=page[-1]["date"])

    async def post_page(self) -> None:
        user, channel = self.pick()
        last = self.posts.get(channel)
        if last:
            await self.get(user, f"/channels/{channel}/posts/{self.one_of(range(last, 0, -1))}")

    async def post_top(self) -> None:
        user, channel = self.pick()
        await self.get(user, f"/channels/{channel}/top", order=self.rng.choice(("views", "forwards", "reactions")))
        await self.get(user, f"/channels/{channel}/linking", link="https://news.example/a")

    async def figures(self) -> None:
        user, channel = self.pick()
        await self.get(user, f"/analytics/{next(self.figure)}/{channel}")

    async def best(self) -> None:
        user = self.one_of(self.users)
        await self.get(user, "/analytics/best")
        await self.get(user, "/analytics/alerts")

    async def schedule_list(self) -> None:
        user, channel = self.pick()
        await self.get(user, "/schedule", limit=20, **self.rng.choice(({}, {"status": "pending"})))
        await self.get(user, "/schedule/counts")
        await self.get(user, f"/schedule/failures/{channel}")

    async def schedule_post(self) -> None:
        user, channel = self.pick()
        when = datetime.now(UTC) + timedelta(minutes=self.rng.randrange(-5, 600))
        body = {"channel_id": channel, "post_text": "Soon", "schedule_time": when.isoformat(), "tags": ["news"]}
        made = await self.ask(user, "POST", "/schedule", (201,), json=body)
        if self.rng.random() < 0.3:
            await self.ask(user, "POST", f"/schedule/{made.json()['id']}/cancel")

    async def account(self) -> None:
        user = self.one_of(self.users)
        await self.get(user, "/me")
        await self.get(user, next(self.account_page))

    async def login(self) -> None:
        user = self.one_of(self.users)
        name = (await self.get(user, "/me")).json()["username"]
        self.serial += 1
        await self.ask(None, "POST", "/login", (201,), json={"username": name, "token": f"made-up-token-{self.serial}"})

    async def shared(self) -> None:
        await self.get(None, "/shared/made-up-share-0")
        await self.get(None, "/health")

    async def channel_life(self) -> None:
        self.serial += 1
        user = self.staff
        body = {"id": self.serial, "title": "A short life", "username": None}
        await self.ask(user, "POST", "/channels", (201,), json=body)
        await self.ask(user, "DELETE", f"/channels/{self.serial}", (204,))

    async def channel_in_use(self) -> None:
        """Whoever has something scheduled cannot delete the channel."""
        user = self.users[0]
        channel = self.channels[user][0]
        self.serial += 1
        body = {"channel_id": channel, "post_text": "Later", "schedule_time": "2099-01-01T00:00:00Z"}
        await self.ask(user, "POST", "/schedule", (201,), json=body)
        await self.ask(user, "DELETE", f"/channels/{channel}", (409,))

    # --- Staff, collector, providers ---------------------------------------------------------------------------------

    async def staff_pages(self) -> None:
        await self.get(self.staff, "/staff/users", q=self.rng.choice("abcm"))
        await self.get(self.staff, f"/staff/users/{self.one_of(self.users)}")
        await self.get(self.staff, "/staff/audit", limit=20)
        await self.get(self.staff, "/staff/figures")

    async def staff_status(self) -> None:
        await self.ask(self.staff, "POST", f"/staff/users/{self.users[-1]}/status/active")

    async def collected(self) -> None:
        _, channel = self.pick()
        last = self.posts.get(channel, 0)
        now = datetime.now(UTC).isoformat()
        posts = [
            {"id": number, "date": now, "text": "As collected", "views": 10 * number, "forwards": number}
            for number in range(max(1, last - 5), last + 1)
        ]
        await self.ask(
            self.staff,
            "POST",
            "/staff/collected",
            (202,),
            json={"channel_id": channel, "subscribers": self.rng.randrange(90_000), "posts": posts},
        )

    async def webhook(self) -> None:
        self.serial += 1
        body = {"id": f"evt-w-{self.serial}", "type": "payment.succeeded", "data": {"amount": 990}}
        for _ in range(self.rng.choice((1, 1, 2))):
            await self.ask(None, "POST", "/webhooks/stripe", (202,), json=body)

    # --- Bot and workers ---------------------------------------------------------------------------------------------

    async def bot(self) -> None:
        from analyticbot.bot import handlers

        user = self.one_of(self.users)
        await self.rng.choice((handlers.start, handlers.my_channels, handlers.last_views, handlers.last_views))(user)
        await handlers.countdown()

    async def scheduler(self) -> None:
        from analyticbot.worker import tasks

        await tasks.send_due_posts()

    async def workers(self) -> None:
        from analyticbot.worker import tasks

        await tasks.process_webhooks()
        await tasks.queue_collection()
        await tasks.look_for_spikes()
        await tasks.remind_of_quiet_channels()
        await tasks.clean_up()

    # --- All of it ---------------------------------------------------------------------------------------------------

    def mix(self) -> dict[Callable[[], Awaitable[None]], int]:
        """How often each kind of request comes; reads outnumber writes, the dashboard comes first."""
        return {
            self.dashboard: 22,
            self.digest: 3,
            self.channel_list: 10,
            self.largest: 2,
            self.post_list: 16,
            self.post_page: 12,
            self.post_top: 5,
            self.figures: 14,
            self.best: 4,
            self.schedule_list: 8,
            self.schedule_post: 4,
            self.account: 6,
            self.login: 2,
            self.shared: 2,
            self.channel_life: 1,
            self.channel_in_use: 1,
            self.staff_pages: 2,
            self.staff_status: 1,
            self.collected: 8,
            self.webhook: 3,
            self.bot: 6,
            self.scheduler: 10,
            self.workers: 1,
        }

    async def run(self, count: int) -> None:
        kinds = self.mix()
        # Each kind once, then by weight: a short run misses no query.
        drawn = self.rng.choices(list(kinds), list(kinds.values()), k=max(0, count - len(kinds)))
        for kind in [*list(kinds)[:count], *drawn]:
            started = time.monotonic()
            await kind()
            self.requests[kind.__name__] += 1
            self.seconds[kind.__name__] += time.monotonic() - started


async def run(requests: int, seed: int, verbose: bool) -> Visitors:
    import httpx

    from analyticbot.api.app import app
    from analyticbot.database import dispose

    try:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PREFIX) as client:
            visitors = Visitors(client, random.Random(seed))
            await visitors.look()
            if not (visitors.users and visitors.posts and visitors.staff):
                raise SystemExit("there is nothing to look at; run analyticbot.load first")
            started = time.monotonic()
            await visitors.run(requests)
            seconds = time.monotonic() - started
    finally:
        await dispose()
    if verbose:
        for kind, total in visitors.seconds.most_common():
            count = visitors.requests[kind]
            print(f"{kind}: {count} requests, {1000 * total / count:.1f} ms each")
    print(f"requests={requests} seconds={seconds:.2f} errors={len(visitors.errors)}")
    return visitors


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m analyticbot.workload", description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="how many to make")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other requests")
    parser.add_argument("--verbose", action="store_true", help="list the kinds")
    options = parser.parse_args()
    use_async_driver()
    errors = asyncio.run(run(options.requests, options.seed, options.verbose)).errors
    if errors:
        sys.exit("\n".join(errors[:20]))


if __name__ == "__main__":
    main()
