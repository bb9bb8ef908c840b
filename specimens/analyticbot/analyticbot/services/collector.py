"""What the MTProto collector hands in."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from analyticbot.repositories.analytics import AnalyticsRepository
from analyticbot.repositories.channels import ChannelRepository
from analyticbot.repositories.posts import PostRepository


class CollectorService:
    def __init__(self, session: AsyncSession) -> None:
        self.channels = ChannelRepository(session)
        self.posts = PostRepository(session)
        self.analytics = AnalyticsRepository(session)

    async def take(self, channel_id: int, subscribers: int, posts: list[dict[str, Any]]) -> int:
        """Keep posts and their counters; how many there were."""
        now = datetime.now(UTC)
        await self.channels.set_subscribers(channel_id, subscribers)
        if not posts:
            return 0
        await self.posts.upsert(
            {
                "channel_id": channel_id,
                "msg_id": post["id"],
                "date": post["date"],
                "text": post["text"],
                "links": post.get("links", []),
            }
            for post in posts
        )
        await self.posts.add_metrics(
            [
                {
                    "channel_id": channel_id,
                    "msg_id": post["id"],
                    "snapshot_time": now,
                    "views": post["views"],
                    "forwards": post["forwards"],
                }
                for post in posts
            ]
        )
        await self.analytics.keep_raw(channel_id, "history", {"messages": len(posts)})
        return len(posts)
