"""What happens without anybody asking. Plain coroutines; `celery_app` wraps them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from analyticbot.config import get_settings
from analyticbot.database import session_scope
from analyticbot.models import SentPost
from analyticbot.repositories.analytics import AnalyticsRepository
from analyticbot.repositories.business import PaymentRepository
from analyticbot.repositories.channels import ChannelRepository
from analyticbot.repositories.schedule import ScheduleRepository
from analyticbot.services.alerts import AlertService


async def send_due_posts() -> int:
    now = datetime.now(UTC)
    async with session_scope() as session:
        schedule = ScheduleRepository(session)
        due = await schedule.due(now, get_settings().scheduler_batch)
        if not due:
            return 0
        # Telegram answers with the number of the message; here they are counted on.
        last = await session.scalar(select(func.coalesce(func.max(SentPost.message_id), 0)))
        for number, post in enumerate(due, start=last + 1):
            await schedule.mark_sent(post, number, now)
        return len(due)


async def process_webhooks() -> int:
    async with session_scope() as session:
        payments = PaymentRepository(session)
        events = await payments.waiting_webhooks(100)
        if events:
            await payments.close_webhooks([event.id for event in events])
        return len(events)


async def look_for_spikes() -> int:
    async with session_scope() as session:
        return await AlertService(session).spikes()


async def remind_of_quiet_channels() -> int:
    async with session_scope() as session:
        return await AlertService(session).quiet()


async def queue_collection() -> int:
    async with session_scope() as session:
        return len(await ChannelRepository(session).due_for_collection(100))


async def clean_up() -> int:
    now = datetime.now(UTC)
    async with session_scope() as session:
        raw = await AnalyticsRepository(session).forget_raw(now - timedelta(days=get_settings().raw_stats_keep_days))
        cancelled = await ScheduleRepository(session).forget_cancelled(now - timedelta(days=90))
        return raw + cancelled
