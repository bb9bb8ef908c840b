"""Channels."""

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from analyticbot.models import Channel, ChannelMtprotoSettings, Post


class ChannelRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get_for_user(self, user_id: int, limit: int, offset: int = 0) -> list[Channel]:
        query = (
            select(Channel)
            .where(Channel.user_id == user_id)
            .order_by(Channel.created_at.desc(), Channel.id)
            .limit(limit)
            .offset(offset)
        )
        return list(await self.session.scalars(query))

    async def get_active_with_settings(self, user_id: int) -> list[Channel]:
        """The channels of one user, who may have at most as many as the plan allows."""
        query = (
            select(Channel)
            .where(Channel.user_id == user_id, Channel.is_active)
            .options(selectinload(Channel.mtproto))
            .order_by(Channel.title)
        )
        return list(await self.session.scalars(query))

    async def get(self, channel_id: int, user_id: int) -> Channel | None:
        return await self.session.scalar(select(Channel).where(Channel.id == channel_id, Channel.user_id == user_id))

    async def count_for_user(self, user_id: int) -> int:
        return await self.session.scalar(select(func.count()).select_from(Channel).where(Channel.user_id == user_id))

    async def add(self, channel: Channel) -> Channel:
        self.session.add(channel)
        await self.session.flush()
        return channel

    async def set_subscribers(self, channel_id: int, subscribers: int) -> None:
        await self.session.execute(
            update(Channel)
            .where(Channel.id == channel_id)
            .values(subscriber_count=subscribers, last_synced_at=func.now())
        )

    async def delete(self, channel: Channel) -> None:
        await self.session.delete(channel)
        await self.session.flush()

    async def due_for_collection(self, limit: int) -> list[Channel]:
        query = (
            select(Channel)
            .join(ChannelMtprotoSettings, ChannelMtprotoSettings.channel_id == Channel.id)
            .where(ChannelMtprotoSettings.mtproto_enabled, Channel.is_active)
            .order_by(Channel.last_synced_at.nulls_first())
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def largest(self, category: str | None, limit: int) -> list[Channel]:
        query = select(Channel).where(Channel.is_active)
        if category:
            query = query.where(Channel.category == category)
        return list(await self.session.scalars(query.order_by(Channel.subscriber_count.desc()).limit(limit)))

    async def post_totals(self, channel_ids: list[int]) -> dict[int, int]:
        rows = await self.session.execute(
            select(Post.channel_id, func.count()).where(Post.channel_id.in_(channel_ids)).group_by(Post.channel_id)
        )
        return dict(rows.all())
