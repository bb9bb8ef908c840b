"""Payments, alerts, reports, webhooks, and the log of the staff."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from analyticbot.models import (
    AdminAuditLog,
    AlertSent,
    AlertSubscription,
    MtprotoAuditLog,
    Payment,
    ReportingSnapshot,
    SharedReport,
    Subscription,
    SystemSetting,
    TelegramMedia,
    WebhookEvent,
)


class PaymentRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def for_user(self, user_id: int, limit: int, offset: int) -> list[Payment]:
        query = (
            select(Payment)
            .where(Payment.user_id == user_id)
            .options(joinedload(Payment.subscription).joinedload(Subscription.plan))
            .order_by(Payment.created_at.desc())
            .limit(limit)
            .offset(offset)
        )
        return list(await self.session.scalars(query))

    async def revenue(self, since: datetime) -> list[tuple[str, Any]]:
        query = (
            select(Payment.provider, func.sum(Payment.amount))
            .where(Payment.status == "succeeded", Payment.created_at >= since)
            .group_by(Payment.provider)
        )
        return [(provider, total) for provider, total in await self.session.execute(query)]

    async def take_webhook(self, provider: str, external_id: str, event_type: str, payload: dict[str, Any]) -> bool:
        """Keep an event; False if the provider has sent it before."""
        statement = (
            insert(WebhookEvent)
            .values(provider=provider, external_id=external_id, event_type=event_type, payload=payload)
            .on_conflict_do_nothing(index_elements=[WebhookEvent.provider, WebhookEvent.external_id])
            .returning(WebhookEvent.id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def waiting_webhooks(self, limit: int) -> list[WebhookEvent]:
        query = (
            select(WebhookEvent)
            .where(WebhookEvent.processed.is_(False))
            .order_by(WebhookEvent.received_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(await self.session.scalars(query))

    async def close_webhooks(self, ids: list[int]) -> None:
        await self.session.execute(update(WebhookEvent).where(WebhookEvent.id.in_(ids)).values(processed=True))


class AlertRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def for_user(self, user_id: int) -> list[AlertSubscription]:
        query = select(AlertSubscription).where(AlertSubscription.user_id == user_id).limit(200)
        return list(await self.session.scalars(query))

    async def enabled(self, kind: str, limit: int) -> list[AlertSubscription]:
        query = (
            select(AlertSubscription)
            .where(AlertSubscription.enabled, AlertSubscription.kind == kind)
            .order_by(AlertSubscription.id)
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def was_sent(self, subscription_id: int, key: str) -> bool:
        query = select(AlertSent.id).where(AlertSent.subscription_id == subscription_id, AlertSent.key == key).limit(1)
        return await self.session.scalar(query) is not None

    async def sent_keys(self, subscription_ids: list[int], since: datetime) -> set[tuple[int, str]]:
        rows = await self.session.execute(
            select(AlertSent.subscription_id, AlertSent.key).where(
                AlertSent.subscription_id.in_(subscription_ids), AlertSent.sent_at >= since
            )
        )
        return {(subscription, key) for subscription, key in rows}

    async def remember(self, subscription_id: int, key: str) -> None:
        self.session.add(AlertSent(subscription_id=subscription_id, key=key))


class ReportRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def shared(self, token: str, now: datetime) -> SharedReport | None:
        query = (
            select(SharedReport)
            .where(SharedReport.share_token == token, SharedReport.expires_at > now)
            .options(joinedload(SharedReport.snapshot))
        )
        return await self.session.scalar(query)

    async def opened(self, report_id: int) -> None:
        await self.session.execute(
            update(SharedReport).where(SharedReport.id == report_id).values(opened=SharedReport.opened + 1)
        )

    async def latest_snapshots(self, channel_id: int, limit: int) -> list[ReportingSnapshot]:
        query = (
            select(ReportingSnapshot)
            .where(ReportingSnapshot.channel_id == channel_id)
            .order_by(ReportingSnapshot.created_at.desc())
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def media(self, user_id: int, limit: int, after: int) -> list[TelegramMedia]:
        query = (
            select(TelegramMedia)
            .where(TelegramMedia.user_id == user_id, TelegramMedia.id > after)
            .order_by(TelegramMedia.id)
            .limit(limit)
        )
        return list(await self.session.scalars(query))


class AdminRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def audit_log(self, limit: int, before: int | None) -> list[AdminAuditLog]:
        query = select(AdminAuditLog).options(joinedload(AdminAuditLog.admin))
        if before is not None:
            query = query.where(AdminAuditLog.id < before)
        return list(await self.session.scalars(query.order_by(AdminAuditLog.id.desc()).limit(limit)))

    async def write(self, admin_id: int, action: str, resource_type: str, resource_id: str, **values: Any) -> None:
        self.session.add(
            AdminAuditLog(
                admin_id=admin_id,
                action=action,
                resource_type=resource_type,
                resource_id=resource_id,
                new_values=values or None,
            )
        )

    async def mtproto_log(self, user_id: int, limit: int) -> list[MtprotoAuditLog]:
        query = (
            select(MtprotoAuditLog)
            .where(MtprotoAuditLog.user_id == user_id)
            .order_by(MtprotoAuditLog.timestamp.desc())
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def setting(self, key: str) -> Any:
        return await self.session.scalar(select(SystemSetting.value).where(SystemSetting.key == key))
