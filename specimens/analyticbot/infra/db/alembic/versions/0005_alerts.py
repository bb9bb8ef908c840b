"""Alerts and who wants them.

Revision ID: 0005
Revises: 0003
Create Date: 2025-03-10
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_sent",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="alert_sent_pkey"),
        sa.UniqueConstraint("chat_id", "key", name="alert_sent_chat_id_key_key"),
    )
    op.create_index("idx_alert_sent_sent_at", "alert_sent", ["sent_at"], unique=False)
    op.create_table(
        "alert_subscriptions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("threshold", sa.Double(), server_default="2", nullable=False),
        sa.Column("window_hours", sa.SmallInteger(), server_default="48", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('spike', 'quiet', 'growth')", name=op.f("alert_subscriptions_kind_check")),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="alert_subscriptions_channel_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="alert_subscriptions_user_id_fkey", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="alert_subscriptions_pkey"),
        sa.UniqueConstraint("user_id", "channel_id", "kind", name="alert_subscriptions_user_id_channel_id_kind_key"),
    )
    op.create_index("idx_alert_subscriptions_channel_id", "alert_subscriptions", ["channel_id"], unique=False)
    op.create_index("idx_alert_subscriptions_enabled", "alert_subscriptions", ["enabled"], unique=False)
    op.create_table(
        "alerts_sent",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["alert_subscriptions.id"], name="alerts_sent_subscription_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="alerts_sent_pkey"),
    )
    op.create_index("idx_alerts_sent_key", "alerts_sent", ["key"], unique=False)
    op.create_index("idx_alerts_sent_sent_at", "alerts_sent", ["sent_at"], unique=False)
    op.create_index("idx_alerts_sent_subscription_id", "alerts_sent", ["subscription_id"], unique=False)
    op.create_table(
        "user_alert_preferences",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("frequency", sa.String(length=20), server_default="immediate", nullable=False),
        sa.Column("muted_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "frequency IN ('immediate', 'hourly', 'daily')", name=op.f("user_alert_preferences_frequency_check")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="user_alert_preferences_user_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name="user_alert_preferences_pkey"),
    )
    op.create_index("idx_user_alert_preferences_frequency", "user_alert_preferences", ["frequency"], unique=False)


def downgrade() -> None:
    op.drop_table("user_alert_preferences")
    op.drop_table("alerts_sent")
    op.drop_table("alert_subscriptions")
    op.drop_table("alert_sent")
