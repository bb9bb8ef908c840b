"""Plans, payments, alerts, reports, media and the rest of what the service keeps."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from analyticbot.models.base import Base, Timestamped
from analyticbot.models.core import User


class Plan(Timestamped, Base):
    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("max_channels >= 0", name="max_channels"),
        CheckConstraint("price >= 0", name="price"),
        Index("idx_plans_is_active", "is_active"),
        Index("idx_plans_price", "price"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="0")
    max_channels: Mapped[int] = mapped_column(server_default="1")
    max_posts_per_month: Mapped[int] = mapped_column(server_default="30")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class PaymentMethod(Timestamped, Base):
    __tablename__ = "payment_methods"
    __table_args__ = (
        Index("idx_payment_methods_user_id", "user_id"),
        Index("idx_payment_methods_provider", "provider"),
        Index("idx_payment_methods_is_default", "is_default"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    provider: Mapped[str] = mapped_column(String(20))
    provider_method_id: Mapped[str] = mapped_column(String(120), unique=True)
    last_four: Mapped[str | None] = mapped_column(String(4))
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))


class Subscription(Timestamped, Base):
    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("status IN ('trialing', 'active', 'past_due', 'canceled')", name="status"),
        Index("idx_subscriptions_user_id", "user_id"),
        Index("idx_subscriptions_plan_id", "plan_id"),
        Index("idx_subscriptions_status", "status"),
        Index("idx_subscriptions_period_end", "current_period_end"),
        Index("idx_subscriptions_user_status", "user_id", "status"),
        Index("idx_subscriptions_payment_method_id", "payment_method_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="RESTRICT"))
    payment_method_id: Mapped[int | None] = mapped_column(ForeignKey("payment_methods.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(String(20), server_default="trialing")
    current_period_end: Mapped[datetime]

    user: Mapped[User] = relationship()
    plan: Mapped[Plan] = relationship()
    payments: Mapped[list["Payment"]] = relationship(back_populates="subscription")


class Payment(Base):
    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("status IN ('pending', 'succeeded', 'failed', 'refunded')", name="status"),
        Index("idx_payments_user_id", "user_id"),
        Index("idx_payments_subscription_id", "subscription_id"),
        Index("idx_payments_status", "status"),
        Index("idx_payments_created_at", "created_at"),
        Index("idx_payments_provider", "provider"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    provider: Mapped[str] = mapped_column(String(20))
    provider_payment_id: Mapped[str] = mapped_column(String(120), unique=True)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    currency: Mapped[str] = mapped_column(String(3), server_default="USD")
    status: Mapped[str] = mapped_column(String(20), server_default="pending")
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    subscription: Mapped[Subscription] = relationship(back_populates="payments")


class AlertSubscription(Timestamped, Base):
    __tablename__ = "alert_subscriptions"
    __table_args__ = (
        UniqueConstraint("user_id", "channel_id", "kind"),
        CheckConstraint("kind IN ('spike', 'quiet', 'growth')", name="kind"),
        Index("idx_alert_subscriptions_channel_id", "channel_id"),
        Index("idx_alert_subscriptions_enabled", "enabled"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    threshold: Mapped[float] = mapped_column(server_default="2")
    window_hours: Mapped[int] = mapped_column(SmallInteger, server_default="48")
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))


class AlertSent(Base):
    __tablename__ = "alerts_sent"
    __table_args__ = (
        Index("idx_alerts_sent_subscription_id", "subscription_id"),
        Index("idx_alerts_sent_sent_at", "sent_at"),
        Index("idx_alerts_sent_key", "key"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("alert_subscriptions.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(120))
    sent_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AlertSentLegacy(Base):
    """The bot's own record of alerts, from before there were subscriptions."""

    __tablename__ = "alert_sent"
    __table_args__ = (UniqueConstraint("chat_id", "key"), Index("idx_alert_sent_sent_at", "sent_at"))

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(120))
    sent_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class UserAlertPreference(Timestamped, Base):
    __tablename__ = "user_alert_preferences"
    __table_args__ = (
        CheckConstraint("frequency IN ('immediate', 'hourly', 'daily')", name="frequency"),
        Index("idx_user_alert_preferences_frequency", "frequency"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    frequency: Mapped[str] = mapped_column(String(20), server_default="immediate")
    muted_until: Mapped[datetime | None]


class ContentProtection(Timestamped, Base):
    __tablename__ = "content_protection"
    __table_args__ = (
        Index("idx_content_protection_user_id", "user_id"),
        Index("idx_content_protection_type", "protection_type"),
        Index("idx_content_protection_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    protection_type: Mapped[str] = mapped_column(String(20))
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))


class ContentTheftLog(Base):
    __tablename__ = "content_theft_log"
    __table_args__ = (
        Index("idx_content_theft_log_protection_id", "protection_id"),
        Index("idx_content_theft_log_detected_at", "detected_at"),
        Index("idx_content_theft_log_similarity", "similarity"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    protection_id: Mapped[int] = mapped_column(ForeignKey("content_protection.id", ondelete="CASCADE"))
    found_at: Mapped[str] = mapped_column(Text)
    similarity: Mapped[float]
    detected_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class ReportingSnapshot(Base):
    __tablename__ = "reporting_snapshots"
    __table_args__ = (
        Index("idx_reporting_snapshots_channel_id", "channel_id"),
        Index("idx_reporting_snapshots_created_at", "created_at"),
        Index("idx_reporting_snapshots_kind", "kind"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SharedReport(Base):
    __tablename__ = "shared_reports"
    __table_args__ = (
        Index("idx_shared_reports_user_id", "user_id"),
        Index("idx_shared_reports_snapshot_id", "snapshot_id"),
        Index("idx_shared_reports_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("reporting_snapshots.id", ondelete="CASCADE"))
    share_token: Mapped[str] = mapped_column(String(43), unique=True)
    expires_at: Mapped[datetime]
    opened: Mapped[int] = mapped_column(server_default="0")

    snapshot: Mapped[ReportingSnapshot] = relationship()


class UserStorageChannel(Timestamped, Base):
    __tablename__ = "user_storage_channels"
    __table_args__ = (
        UniqueConstraint("user_id", "chat_id"),
        Index("idx_user_storage_channels_is_active", "is_active"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    chat_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class TelegramMedia(Timestamped, Base):
    __tablename__ = "telegram_media"
    __table_args__ = (
        Index("idx_telegram_media_user_id", "user_id"),
        Index("idx_telegram_media_storage_channel_id", "storage_channel_id"),
        Index("idx_telegram_media_file_type", "file_type"),
        Index("idx_telegram_media_created_at", "created_at"),
        Index("idx_telegram_media_details", "details", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    storage_channel_id: Mapped[int] = mapped_column(ForeignKey("user_storage_channels.id", ondelete="CASCADE"))
    telegram_file_id: Mapped[str] = mapped_column(String(200), unique=True)
    file_type: Mapped[str] = mapped_column(String(20))
    file_size: Mapped[int] = mapped_column(BigInteger)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))


class WebhookEvent(Base):
    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("provider", "external_id"),
        Index("idx_webhook_events_provider", "provider"),
        Index("idx_webhook_events_processed", "processed"),
        Index("idx_webhook_events_received_at", "received_at"),
        Index("idx_webhook_events_event_type", "event_type"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    external_id: Mapped[str] = mapped_column(String(120))
    event_type: Mapped[str] = mapped_column(String(60))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    processed: Mapped[bool] = mapped_column(server_default=text("false"))
    received_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SystemSetting(Base):
    __tablename__ = "system_settings"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSONB)
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
