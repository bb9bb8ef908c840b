"""The dashboard's first page and the weekly digest."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from analyticbot.models import Channel, Post, User
from analyticbot.repositories.analytics import AnalyticsRepository
from analyticbot.repositories.channels import ChannelRepository
from analyticbot.repositories.posts import PostRepository


def card(channel: Channel, posts: list[Post]) -> dict[str, Any]:
    return {
        "id": channel.id,
        "title": channel.title,
        "subscribers": channel.subscriber_count,
        "latest": [{"id": post.msg_id, "date": post.date, "text": post.text[:80]} for post in posts],
    }


class OverviewService:
    def __init__(self, session: AsyncSession) -> None:
        self.channels = ChannelRepository(session)
        self.posts = PostRepository(session)
        self.analytics = AnalyticsRepository(session)

    async def dashboard(self, user: User) -> list[dict[str, Any]]:
        """Every channel of a user with its latest posts."""
        cards = []
        for channel in await self.channels.get_active_with_settings(user.id):
            posts = await self.posts.get_posts_for_channel(channel.id)
            cards.append(card(channel, posts))
        return cards

    async def digest(self, user: User) -> list[dict[str, Any]]:
        """The same for the weekly letter, with how many posts there are in all."""
        channels = await self.channels.get_active_with_settings(user.id)
        ids = [channel.id for channel in channels]
        if not ids:
            return []
        posts = await self.posts.get_posts_for_channels(ids)
        totals = await self.channels.post_totals(ids)
        return [{**card(channel, posts[channel.id]), "posts": totals.get(channel.id, 0)} for channel in channels]

    async def compare(self, user: User, days: int) -> list[dict[str, Any]]:
        """How a user's channels grew beside each other."""
        since = datetime.now(UTC).date() - timedelta(days=days)
        channels = await self.channels.get_for_user(user.id, limit=20)
        growth = {channel.id: await self.analytics.growth(channel.id, since) for channel in channels}
        return [
            {"id": channel.id, "title": channel.title, "gain": line[-1][1] - line[0][1] if line else 0}
            for channel in channels
            for line in (growth[channel.id],)
        ]
