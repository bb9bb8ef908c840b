"""Users, their channels, what was posted there and what will be."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from analyticbot.models.base import Base, Timestamped


class User(Timestamped, Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('viewer', 'user', 'moderator', 'admin', 'owner')", name="role"),
        CheckConstraint("status IN ('active', 'suspended', 'deleted')", name="status"),
        Index("idx_users_plan_id", "plan_id"),
        Index("idx_users_status", "status"),
        Index("idx_users_role", "role"),
        Index("idx_users_created_at", "created_at"),
        Index("idx_users_last_login", "last_login"),
        Index("idx_users_status_created", "status", "created_at"),
    )

    # Telegram's own number of the account.
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    username: Mapped[str | None] = mapped_column(String(64), unique=True)
    full_name: Mapped[str] = mapped_column(String(160))
    email: Mapped[str | None] = mapped_column(String(255), unique=True)
    hashed_password: Mapped[str | None] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20), server_default="user")
    status: Mapped[str] = mapped_column(String(20), server_default="active")
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id", ondelete="RESTRICT"))
    locale: Mapped[str] = mapped_column(String(8), server_default="en")
    timezone: Mapped[str] = mapped_column(String(40), server_default="UTC")
    last_login: Mapped[datetime | None]

    channels: Mapped[list["Channel"]] = relationship(back_populates="user")
    plan: Mapped["Plan | None"] = relationship()  # noqa: F821


class UserSession(Base):
    __tablename__ = "user_sessions"
    __table_args__ = (
        Index("idx_user_sessions_user_id", "user_id"),
        Index("idx_user_sessions_expires_at", "expires_at"),
        Index("idx_user_sessions_user_expires", "user_id", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_agent: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship()


class UserBot(Timestamped, Base):
    __tablename__ = "user_bots"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'active', 'paused', 'error')", name="status"),
        Index("idx_user_bots_status", "status"),
        Index("idx_user_bots_created_at", "created_at"),
        Index("idx_user_bots_last_used_at", "last_used_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), unique=True)
    bot_username: Mapped[str] = mapped_column(String(64), unique=True)
    token_encrypted: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), server_default="pending")
    last_used_at: Mapped[datetime | None]


class Channel(Timestamped, Base):
    __tablename__ = "channels"
    __table_args__ = (
        CheckConstraint("subscriber_count >= 0", name="subscriber_count"),
        Index("idx_channels_user_id", "user_id"),
        Index("idx_channels_is_active", "is_active"),
        Index("idx_channels_created_at", "created_at"),
        Index("idx_channels_title", "title"),
        Index("idx_channels_category", "category"),
        Index("idx_channels_subscriber_count", "subscriber_count"),
    )

    # Telegram's own number of the channel.
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    title: Mapped[str] = mapped_column(String(255))
    username: Mapped[str | None] = mapped_column(String(64), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str] = mapped_column(String(40), server_default="other")
    language: Mapped[str] = mapped_column(String(8), server_default="en")
    subscriber_count: Mapped[int] = mapped_column(server_default="0")
    is_active: Mapped[bool] = mapped_column(server_default=sa.text("true"))
    last_synced_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(back_populates="channels")
    posts: Mapped[list["Post"]] = relationship(back_populates="channel", passive_deletes=True)
    mtproto: Mapped["ChannelMtprotoSettings | None"] = relationship(back_populates="channel", passive_deletes=True)


class ChannelMtprotoSettings(Timestamped, Base):
    __tablename__ = "channel_mtproto_settings"
    __table_args__ = (
        UniqueConstraint("user_id", "channel_id"),
        Index("idx_channel_mtproto_settings_channel_id", "channel_id"),
        Index("idx_channel_mtproto_settings_enabled", "mtproto_enabled"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    mtproto_enabled: Mapped[bool] = mapped_column(server_default=sa.text("true"))
    collection_interval_minutes: Mapped[int] = mapped_column(server_default="60")

    channel: Mapped[Channel] = relationship(back_populates="mtproto")


class Post(Timestamped, Base):
    __tablename__ = "posts"
    __table_args__ = (
        CheckConstraint("content_type IN ('text', 'photo', 'video', 'poll', 'document')", name="content_type"),
        Index("idx_posts_channel_id", "channel_id"),
        Index("idx_posts_date", "date"),
        Index("idx_posts_created_at", "created_at"),
        Index("idx_posts_content_type", "content_type"),
        Index("idx_posts_channel_content_type", "channel_id", "content_type", "date"),
        Index("idx_posts_has_media", "has_media"),
        Index("idx_posts_links", "links", postgresql_using="gin"),
    )

    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True)
    msg_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    date: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text, server_default="")
    content_type: Mapped[str] = mapped_column(String(20), server_default="text")
    has_media: Mapped[bool] = mapped_column(server_default=sa.text("false"))
    links: Mapped[list[Any]] = mapped_column(JSONB, server_default=sa.text("'[]'::jsonb"))
    is_deleted: Mapped[bool] = mapped_column(server_default=sa.text("false"))
    deleted_at: Mapped[datetime | None]

    channel: Mapped[Channel] = relationship(back_populates="posts")


class ScheduledPost(Timestamped, Base):
    __tablename__ = "scheduled_posts"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'sending', 'sent', 'failed', 'cancelled')", name="status"),
        CheckConstraint("retry_count >= 0", name="retry_count"),
        Index("idx_scheduled_posts_user_id", "user_id"),
        Index("idx_scheduled_posts_channel_id", "channel_id"),
        Index("idx_scheduled_posts_status", "status"),
        Index("idx_scheduled_posts_schedule_time", "schedule_time"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="RESTRICT"))
    post_text: Mapped[str | None] = mapped_column(Text)
    media_id: Mapped[str | None] = mapped_column(String(200))
    media_type: Mapped[str | None] = mapped_column(String(20))
    inline_buttons: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=sa.text("'{}'"))
    schedule_time: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20), server_default="pending")
    is_recurring: Mapped[bool] = mapped_column(server_default=sa.text("false"))
    retry_count: Mapped[int] = mapped_column(server_default="0")
    error_message: Mapped[str | None] = mapped_column(Text)

    channel: Mapped[Channel] = relationship()
    deliveries: Mapped[list["Delivery"]] = relationship(  # noqa: F821
        back_populates="scheduled_post", passive_deletes=True
    )


class SentPost(Base):
    __tablename__ = "sent_posts"
    __table_args__ = (
        UniqueConstraint("channel_id", "message_id"),
        Index("idx_sent_posts_scheduled_post_id", "scheduled_post_id"),
        Index("idx_sent_posts_sent_at", "sent_at"),
        Index("idx_sent_posts_channel_id", "channel_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    scheduled_post_id: Mapped[int] = mapped_column(ForeignKey("scheduled_posts.id", ondelete="CASCADE"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    message_id: Mapped[int] = mapped_column(BigInteger)
    sent_at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))
