"""Who may look after the service, and what they and the collectors did."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from analyticbot.models.base import Base, Timestamped
from analyticbot.models.core import ScheduledPost


class SuperadminUser(Timestamped, Base):
    __tablename__ = "superadmin_users"
    __table_args__ = (
        CheckConstraint("role IN ('support', 'moderator', 'admin', 'owner')", name="role"),
        Index("idx_superadmin_users_role", "role"),
        Index("idx_superadmin_users_is_active", "is_active"),
        Index("idx_superadmin_users_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    role: Mapped[str] = mapped_column(String(20), server_default="support")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class AdminSession(Base):
    __tablename__ = "admin_sessions"
    __table_args__ = (
        Index("idx_admin_sessions_admin_id", "admin_id"),
        Index("idx_admin_sessions_expires_at", "expires_at"),
        Index("idx_admin_sessions_is_active", "is_active"),
        Index("idx_admin_sessions_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("superadmin_users.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ip_address: Mapped[str | None] = mapped_column(INET)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]


class AdminApiKey(Timestamped, Base):
    __tablename__ = "admin_api_keys"
    __table_args__ = (
        Index("idx_admin_api_keys_admin_id", "admin_id"),
        Index("idx_admin_api_keys_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("superadmin_users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    expires_at: Mapped[datetime | None]


class AdminAllowedAddress(Base):
    __tablename__ = "admin_allowed_addresses"
    __table_args__ = (
        UniqueConstraint("admin_id", "ip_address"),
        Index("idx_admin_allowed_addresses_admin_id", "admin_id"),
        Index("idx_admin_allowed_addresses_ip_address", "ip_address"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("superadmin_users.id", ondelete="CASCADE"))
    ip_address: Mapped[str] = mapped_column(INET)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AdminBotAction(Base):
    __tablename__ = "admin_bot_actions"
    __table_args__ = (
        Index("idx_admin_bot_actions_admin_id", "admin_id"),
        Index("idx_admin_bot_actions_bot_id", "bot_id"),
        Index("idx_admin_bot_actions_action", "action"),
        Index("idx_admin_bot_actions_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("superadmin_users.id", ondelete="RESTRICT"))
    bot_id: Mapped[int | None] = mapped_column(ForeignKey("user_bots.id", ondelete="SET NULL"))
    action: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AdminAuditLog(Base):
    __tablename__ = "admin_audit_log"
    __table_args__ = (
        Index("idx_admin_audit_log_admin_id", "admin_id"),
        Index("idx_admin_audit_log_action", "action"),
        Index("idx_admin_audit_log_resource", "resource_type", "resource_id"),
        Index("idx_admin_audit_log_created_at", text("created_at DESC")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("superadmin_users.id", ondelete="RESTRICT"))
    action: Mapped[str] = mapped_column(String(60))
    resource_type: Mapped[str] = mapped_column(String(40))
    resource_id: Mapped[str | None] = mapped_column(String(80))
    old_values: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    new_values: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    ip_address: Mapped[str | None] = mapped_column(INET)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    admin: Mapped[SuperadminUser] = relationship()


class MtprotoAuditLog(Base):
    __tablename__ = "mtproto_audit_log"
    __table_args__ = (
        Index("idx_mtproto_audit_log_user_id", "user_id"),
        Index("idx_mtproto_audit_log_channel_id", "channel_id"),
        Index("idx_mtproto_audit_log_action", "action"),
        Index("idx_mtproto_audit_log_timestamp", "timestamp"),
        Index("idx_mtproto_audit_log_user_timestamp", "user_id", "timestamp"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    action: Mapped[str] = mapped_column(String(50))
    previous_state: Mapped[bool | None]
    new_state: Mapped[bool | None]
    ip_address: Mapped[str | None] = mapped_column(INET)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    timestamp: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Delivery(Timestamped, Base):
    """One attempt to send a scheduled post."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'processing', 'delivered', 'failed')", name="status"),
        Index("idx_deliveries_scheduled_post_id", "scheduled_post_id"),
        Index("idx_deliveries_channel_id", "channel_id"),
        Index("idx_deliveries_status", "status"),
        Index("idx_deliveries_delivered_at", "delivered_at"),
        Index("idx_deliveries_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    scheduled_post_id: Mapped[int] = mapped_column(ForeignKey("scheduled_posts.id", ondelete="CASCADE"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(String(20), server_default="pending")
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    attempt: Mapped[int] = mapped_column(server_default="1")
    error_message: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None]

    scheduled_post: Mapped[ScheduledPost] = relationship(back_populates="deliveries")
