"""Posts and the counters under them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from analyticbot.models import Post, PostMetric

SORTABLE = {"views": "m.views", "forwards": "m.forwards", "reactions": "m.reactions_count"}


class PostRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get_posts_for_channel(self, channel_id: int, limit: int = 5) -> list[Post]:
        """The latest posts of a channel."""
        query = (
            select(Post)
            .where(Post.channel_id == channel_id, Post.is_deleted.is_(False))
            .order_by(Post.date.desc())
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def get_posts_for_channels(self, channel_ids: list[int], limit: int = 5) -> dict[int, list[Post]]:
        """The latest posts of several channels."""
        rank = func.row_number().over(partition_by=Post.channel_id, order_by=Post.msg_id.desc()).label("rank")
        numbered = (
            select(Post.channel_id, Post.msg_id, rank).where(Post.channel_id.in_(channel_ids)).subquery("numbered")
        )
        query = (
            select(Post)
            .join(numbered, tuple_(Post.channel_id, Post.msg_id) == tuple_(numbered.c.channel_id, numbered.c.msg_id))
            .where(numbered.c.rank <= limit)
            .order_by(Post.channel_id, Post.msg_id.desc())
        )
        posts: dict[int, list[Post]] = {channel: [] for channel in channel_ids}
        for post in await self.session.scalars(query):
            posts[post.channel_id].append(post)
        return posts

    async def page(self, channel_id: int, before: datetime | None, limit: int) -> list[Post]:
        """Posts of a channel, the latest first, from a moment backwards."""
        query = select(Post).where(Post.channel_id == channel_id, Post.is_deleted.is_(False))
        if before is not None:
            query = query.where(Post.date < before)
        return list(await self.session.scalars(query.order_by(Post.date.desc()).limit(limit)))

    async def get(self, channel_id: int, msg_id: int) -> Post | None:
        return await self.session.get(Post, (channel_id, msg_id))

    async def metrics(self, channel_id: int, msg_id: int, limit: int = 100) -> list[PostMetric]:
        query = (
            select(PostMetric)
            .where(PostMetric.channel_id == channel_id, PostMetric.msg_id == msg_id)
            .order_by(PostMetric.snapshot_time.desc())
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def top(self, channel_id: int, since: datetime, order: str, limit: int) -> list[dict[str, Any]]:
        """The posts of a channel with the best latest counters. Raises KeyError for an order that there is not."""
        column = SORTABLE[order]
        query = text(
            f"""
            SELECT p.msg_id, p.date, left(p.text, 80) AS text, m.views, m.forwards, m.reactions_count
            FROM posts p
            JOIN LATERAL (
                SELECT views, forwards, reactions_count
                FROM post_metrics
                WHERE channel_id = p.channel_id AND msg_id = p.msg_id
                ORDER BY snapshot_time DESC
                LIMIT 1
            ) m ON true
            WHERE p.channel_id = :channel AND p.date >= :since AND NOT p.is_deleted
            ORDER BY {column} DESC
            LIMIT :limit
            """
        )
        rows = await self.session.execute(query, {"channel": channel_id, "since": since, "limit": limit})
        return [dict(row) for row in rows.mappings()]

    async def by_link(self, channel_id: int, link: str) -> list[Post]:
        query = select(Post).where(Post.channel_id == channel_id, Post.links.contains([link])).limit(50)
        return list(await self.session.scalars(query))

    async def upsert(self, posts: Iterable[dict[str, Any]]) -> None:
        statement = insert(Post)
        statement = statement.on_conflict_do_update(
            index_elements=[Post.channel_id, Post.msg_id],
            set_={"text": statement.excluded.text, "links": statement.excluded.links, "updated_at": func.now()},
        )
        await self.session.execute(statement, list(posts))

    async def add_metrics(self, rows: list[dict[str, Any]]) -> None:
        await self.session.execute(insert(PostMetric).on_conflict_do_nothing(), rows)
