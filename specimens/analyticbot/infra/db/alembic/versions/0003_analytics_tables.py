"""What is collected about posts and channels.

Revision ID: 0003
Revises: 0001
Create Date: 2025-02-21
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "post_metrics",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("msg_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("snapshot_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("views", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("forwards", sa.Integer(), server_default="0", nullable=False),
        sa.Column("replies_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "reactions", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("reactions_count", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id", "msg_id"],
            ["posts.channel_id", "posts.msg_id"],
            name="post_metrics_channel_id_msg_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "msg_id", "snapshot_time", name="post_metrics_pkey"),
    )
    op.create_index("idx_post_metrics_channel_id", "post_metrics", ["channel_id"], unique=False)
    op.create_index(
        "idx_post_metrics_lookup",
        "post_metrics",
        ["channel_id", "msg_id", sa.literal_column("snapshot_time DESC")],
        unique=False,
    )
    op.create_index("idx_post_metrics_snapshot_time", "post_metrics", ["snapshot_time"], unique=False)
    op.create_index("idx_post_metrics_views", "post_metrics", ["views"], unique=False)
    op.create_table(
        "channel_daily",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("metric", sa.String(length=20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "metric IN ('followers', 'views', 'forwards', 'mentions')", name=op.f("channel_daily_metric_check")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="channel_daily_channel_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "day", "metric", name="channel_daily_pkey"),
    )
    op.create_index("idx_channel_daily_channel_metric", "channel_daily", ["channel_id", "metric", "day"], unique=False)
    op.create_index("idx_channel_daily_day", "channel_daily", ["day"], unique=False)
    op.create_index("idx_channel_daily_metric", "channel_daily", ["metric"], unique=False)
    op.create_table(
        "stats_raw",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="stats_raw_channel_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="stats_raw_pkey"),
    )
    op.create_index("idx_stats_raw_channel_id", "stats_raw", ["channel_id"], unique=False)
    op.create_index("idx_stats_raw_channel_key", "stats_raw", ["channel_id", "key"], unique=False)
    op.create_index("idx_stats_raw_fetched_at", "stats_raw", ["fetched_at"], unique=False)
    op.create_table(
        "hourly_activity",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("average_views", sa.Double(), server_default="0", nullable=False),
        sa.CheckConstraint("hour BETWEEN 0 AND 23", name=op.f("hourly_activity_hour_check")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("hourly_activity_weekday_check")),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="hourly_activity_channel_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "weekday", "hour", name="hourly_activity_pkey"),
    )
    op.create_index("idx_hourly_activity_hour", "hourly_activity", ["hour"], unique=False)
    op.create_index("idx_hourly_activity_weekday", "hourly_activity", ["weekday"], unique=False)
    op.create_table(
        "channel_edges",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("dst_username", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("weight", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('mention', 'forward')", name=op.f("channel_edges_kind_check")),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="channel_edges_channel_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "dst_username", "kind", name="channel_edges_pkey"),
    )
    op.create_index("idx_channel_edges_dst", "channel_edges", ["dst_username"], unique=False)
    op.create_index("idx_channel_edges_kind", "channel_edges", ["kind"], unique=False)
    op.create_index("idx_channel_edges_last_seen", "channel_edges", ["last_seen"], unique=False)


def downgrade() -> None:
    op.drop_table("channel_edges")
    op.drop_table("hourly_activity")
    op.drop_table("stats_raw")
    op.drop_table("channel_daily")
    op.drop_table("post_metrics")
