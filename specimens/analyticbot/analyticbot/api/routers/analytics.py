"""Figures."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter

from analyticbot.api.deps import CurrentUser, Session
from analyticbot.repositories.analytics import AnalyticsRepository
from analyticbot.repositories.business import AlertRepository, ReportRepository
from analyticbot.repositories.channels import ChannelRepository

router = APIRouter(prefix="/analytics", tags=["analytics"])


@router.get("/daily/{channel_id}")
async def daily(session: Session, user: CurrentUser, channel_id: int, metric: str = "views") -> list[dict[str, Any]]:
    return await AnalyticsRepository(session).daily(channel_id, metric)


@router.get("/best")
async def best(session: Session, user: CurrentUser) -> list[dict[str, Any]]:
    channels = await ChannelRepository(session).get_for_user(user.id, limit=50)
    if not channels:
        return []
    return await AnalyticsRepository(session).best_recent([channel.id for channel in channels], 20)


@router.get("/growth/{channel_id}")
async def growth(session: Session, user: CurrentUser, channel_id: int, days: int = 90) -> list[tuple[str, int]]:
    since = datetime.now(UTC).date() - timedelta(days=days)
    return [(day.isoformat(), value) for day, value in await AnalyticsRepository(session).growth(channel_id, since)]


@router.get("/hours/{channel_id}")
async def hours(session: Session, user: CurrentUser, channel_id: int) -> list[tuple[int, int, float]]:
    rows = await AnalyticsRepository(session).views_by_hour(channel_id)
    return [(row.weekday, row.hour, row.average_views) for row in rows]


@router.get("/mentions/{channel_id}")
async def mentions(session: Session, user: CurrentUser, channel_id: int) -> list[tuple[str, int]]:
    rows = await AnalyticsRepository(session).mentions(channel_id, 50)
    return [(row.dst_username, row.weight) for row in rows]


@router.get("/alerts")
async def alerts(session: Session, user: CurrentUser) -> list[dict[str, Any]]:
    rows = await AlertRepository(session).for_user(user.id)
    return [{"channel": row.channel_id, "kind": row.kind, "enabled": row.enabled} for row in rows]


@router.get("/snapshots/{channel_id}")
async def snapshots(session: Session, user: CurrentUser, channel_id: int) -> list[dict[str, Any]]:
    rows = await ReportRepository(session).latest_snapshots(channel_id, 12)
    return [{"kind": row.kind, "at": row.created_at, "figures": row.figures} for row in rows]
