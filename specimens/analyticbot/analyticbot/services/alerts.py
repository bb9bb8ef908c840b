"""Tells people what is unusual about their channels."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from analyticbot.repositories.analytics import AnalyticsRepository
from analyticbot.repositories.business import AlertRepository


class AlertService:
    def __init__(self, session: AsyncSession) -> None:
        self.alerts = AlertRepository(session)
        self.analytics = AnalyticsRepository(session)

    async def spikes(self, limit: int = 50) -> int:
        """Look for channels with far more views than before; how many people were told."""
        now = datetime.now(UTC)
        told = 0
        for subscription in await self.alerts.enabled("spike", limit):
            window = timedelta(hours=subscription.window_hours)
            current = await self.analytics.views_between(subscription.channel_id, now - window, now)
            before = await self.analytics.views_between(subscription.channel_id, now - 2 * window, now - window)
            key = f"spike:{now:%Y-%m-%d}"
            unusual = before and current > before * subscription.threshold
            if unusual and not await self.alerts.was_sent(subscription.id, key):
                await self.alerts.remember(subscription.id, key)
                told += 1
        return told

    async def quiet(self, limit: int = 50) -> int:
        """Remind people of channels in which nothing is posted; how many were."""
        now = datetime.now(UTC)
        subscriptions = await self.alerts.enabled("quiet", limit)
        if not subscriptions:
            return 0
        sent = await self.alerts.sent_keys([s.id for s in subscriptions], now - timedelta(days=7))
        key = f"quiet:{now:%G-%V}"
        fresh = [s for s in subscriptions if (s.id, key) not in sent]
        for subscription in fresh:
            await self.alerts.remember(subscription.id, key)
        return len(fresh)
