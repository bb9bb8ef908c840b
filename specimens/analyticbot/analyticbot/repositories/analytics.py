"""Figures for the dashboards."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from analyticbot.models import ChannelDaily, ChannelEdge, HourlyActivity, PostMetric, StatsRaw


class AnalyticsRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def daily(self, channel_id: int, metric: str) -> list[dict[str, Any]]:
        """A figure of a channel by day, of the last four months."""
        query = text(
            "SELECT day, value FROM mv_channel_daily_recent WHERE channel_id = :channel AND metric = :metric ORDER BY day"
        )
        rows = await self.session.execute(query, {"channel": channel_id, "metric": metric})
        return [dict(row) for row in rows.mappings()]

    async def best_recent(self, channel_ids: list[int], limit: int) -> list[dict[str, Any]]:
        query = text(
            """
            SELECT channel_id, msg_id, views, forwards, reactions_count
            FROM mv_post_metrics_recent
            WHERE channel_id IN :channels
            ORDER BY views DESC
            LIMIT :limit
            """
        ).bindparams(bindparam("channels", expanding=True))
        rows = await self.session.execute(query, {"channels": channel_ids, "limit": limit})
        return [dict(row) for row in rows.mappings()]

    async def growth(self, channel_id: int, since: date) -> list[tuple[date, int]]:
        query = (
            select(ChannelDaily.day, ChannelDaily.value)
            .where(
                ChannelDaily.channel_id == channel_id,
                ChannelDaily.metric == "followers",
                ChannelDaily.day >= since,
            )
            .order_by(ChannelDaily.day)
        )
        return [(day, value) for day, value in await self.session.execute(query)]

    async def views_by_hour(self, channel_id: int) -> list[HourlyActivity]:
        query = (
            select(HourlyActivity)
            .where(HourlyActivity.channel_id == channel_id)
            .order_by(HourlyActivity.weekday, HourlyActivity.hour)
        )
        return list(await self.session.scalars(query))

    async def mentions(self, channel_id: int, limit: int) -> list[ChannelEdge]:
        query = (
            select(ChannelEdge)
            .where(ChannelEdge.channel_id == channel_id)
            .order_by(ChannelEdge.weight.desc())
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def views_between(self, channel_id: int, start: datetime, end: datetime) -> int:
        query = select(func.coalesce(func.max(PostMetric.views), 0)).where(
            PostMetric.channel_id == channel_id,
            PostMetric.snapshot_time >= start,
            PostMetric.snapshot_time < end,
        )
        return await self.session.scalar(query)

    async def keep_raw(self, channel_id: int, key: str, payload: dict[str, Any]) -> None:
        self.session.add(StatsRaw(channel_id=channel_id, key=key, payload=payload))

    async def forget_raw(self, before: datetime) -> int:
        done = await self.session.execute(delete(StatsRaw).where(StatsRaw.fetched_at < before))
        return done.rowcount
