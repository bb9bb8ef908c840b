"""Scheduled posts and the attempts to send them."""

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from analyticbot.models import Delivery, ScheduledPost, SentPost


class ScheduleRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def due(self, now: datetime, limit: int) -> list[ScheduledPost]:
        """What is to be sent by now; locked, so that two workers do not send it twice."""
        query = (
            select(ScheduledPost)
            .where(ScheduledPost.status == "pending", ScheduledPost.schedule_time <= now)
            .order_by(ScheduledPost.schedule_time)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(await self.session.scalars(query))

    async def upcoming(self, now: datetime, limit: int) -> list[ScheduledPost]:
        """What comes next over all users; the bot's countdown shows it."""
        query = (
            select(ScheduledPost)
            .where(ScheduledPost.status == "pending", ScheduledPost.schedule_time > now)
            .options(joinedload(ScheduledPost.channel))
            .order_by(ScheduledPost.schedule_time)
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def for_user(self, user_id: int, status: str | None, limit: int, offset: int) -> list[ScheduledPost]:
        query = select(ScheduledPost).where(ScheduledPost.user_id == user_id)
        if status:
            query = query.where(ScheduledPost.status == status)
        query = (
            query.options(joinedload(ScheduledPost.channel), selectinload(ScheduledPost.deliveries))
            .order_by(ScheduledPost.schedule_time.desc())
            .limit(limit)
            .offset(offset)
        )
        return list(await self.session.scalars(query))

    async def add(self, post: ScheduledPost) -> ScheduledPost:
        self.session.add(post)
        await self.session.flush()
        return post

    async def cancel(self, post_id: int, user_id: int) -> bool:
        done = await self.session.execute(
            update(ScheduledPost)
            .where(ScheduledPost.id == post_id, ScheduledPost.user_id == user_id, ScheduledPost.status == "pending")
            .values(status="cancelled")
        )
        return done.rowcount == 1

    async def mark_sent(self, post: ScheduledPost, message_id: int, now: datetime) -> None:
        post.status = "sent"
        self.session.add(
            Delivery(
                scheduled_post_id=post.id,
                channel_id=post.channel_id,
                status="delivered",
                message_id=message_id,
                delivered_at=now,
            )
        )
        self.session.add(SentPost(scheduled_post_id=post.id, channel_id=post.channel_id, message_id=message_id))

    async def counts_by_status(self, user_id: int) -> dict[str, int]:
        rows = await self.session.execute(
            select(ScheduledPost.status, func.count())
            .where(ScheduledPost.user_id == user_id)
            .group_by(ScheduledPost.status)
        )
        return dict(rows.all())

    async def failed_deliveries(self, channel_id: int, limit: int) -> list[Delivery]:
        query = (
            select(Delivery)
            .where(Delivery.channel_id == channel_id, Delivery.status == "failed")
            .order_by(Delivery.created_at.desc())
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def forget_cancelled(self, before: datetime) -> int:
        done = await self.session.execute(
            delete(ScheduledPost).where(ScheduledPost.status == "cancelled", ScheduledPost.schedule_time < before)
        )
        return done.rowcount
