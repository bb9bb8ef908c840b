"""What Telegram tells about channels and posts, as collected."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from analyticbot.models.base import Base


class PostMetric(Base):
    """One look at the counters of a post."""

    __tablename__ = "post_metrics"
    __table_args__ = (
        ForeignKeyConstraint(
            ["channel_id", "msg_id"],
            ["posts.channel_id", "posts.msg_id"],
            name="post_metrics_channel_id_msg_id_fkey",
            ondelete="CASCADE",
        ),
        Index("idx_post_metrics_lookup", "channel_id", "msg_id", text("snapshot_time DESC")),
        Index("idx_post_metrics_snapshot_time", "snapshot_time"),
        Index("idx_post_metrics_channel_id", "channel_id"),
        Index("idx_post_metrics_views", "views"),
    )

    channel_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    msg_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    snapshot_time: Mapped[datetime] = mapped_column(primary_key=True)
    views: Mapped[int] = mapped_column(BigInteger, server_default="0")
    forwards: Mapped[int] = mapped_column(server_default="0")
    replies_count: Mapped[int] = mapped_column(server_default="0")
    reactions: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    reactions_count: Mapped[int] = mapped_column(server_default="0")


class ChannelDaily(Base):
    __tablename__ = "channel_daily"
    __table_args__ = (
        CheckConstraint("metric IN ('followers', 'views', 'forwards', 'mentions')", name="metric"),
        Index("idx_channel_daily_day", "day"),
        Index("idx_channel_daily_metric", "metric"),
        Index("idx_channel_daily_channel_metric", "channel_id", "metric", "day"),
    )

    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class StatsRaw(Base):
    """Answers of Telegram as they came; kept for some days in case they have to be read again."""

    __tablename__ = "stats_raw"
    __table_args__ = (
        Index("idx_stats_raw_channel_id", "channel_id"),
        Index("idx_stats_raw_fetched_at", "fetched_at"),
        Index("idx_stats_raw_channel_key", "channel_id", "key"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(40))
    fetched_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


class HourlyActivity(Base):
    __tablename__ = "hourly_activity"
    __table_args__ = (
        CheckConstraint("hour BETWEEN 0 AND 23", name="hour"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        Index("idx_hourly_activity_weekday", "weekday"),
        Index("idx_hourly_activity_hour", "hour"),
    )

    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True)
    weekday: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    hour: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    average_views: Mapped[float] = mapped_column(server_default="0")


class ChannelEdge(Base):
    """One channel mentioned or forwarded another, which need not be one of ours."""

    __tablename__ = "channel_edges"
    __table_args__ = (
        CheckConstraint("kind IN ('mention', 'forward')", name="kind"),
        Index("idx_channel_edges_dst", "dst_username"),
        Index("idx_channel_edges_last_seen", "last_seen"),
        Index("idx_channel_edges_kind", "kind"),
    )

    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True)
    dst_username: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    weight: Mapped[int] = mapped_column(server_default="1")
    last_seen: Mapped[datetime] = mapped_column(server_default=text("now()"))


class BotHealthMetric(Base):
    __tablename__ = "bot_health_metrics"
    __table_args__ = (
        Index("idx_bot_health_metrics_bot_id", "bot_id"),
        Index("idx_bot_health_metrics_status", "status"),
        Index("idx_bot_health_metrics_recorded_at", "recorded_at"),
        Index("idx_bot_health_metrics_bot_time", "bot_id", "recorded_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("user_bots.id", ondelete="CASCADE"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    status: Mapped[str] = mapped_column(String(20))
    requests: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    average_ms: Mapped[float] = mapped_column(server_default="0")
