"""Media kept in Telegram, webhooks, settings, deliveries.

Revision ID: 0018
Revises: 0016
Create Date: 2025-07-30
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "user_storage_channels",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="user_storage_channels_user_id_fkey", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="user_storage_channels_pkey"),
        sa.UniqueConstraint("user_id", "chat_id", name="user_storage_channels_user_id_chat_id_key"),
    )
    op.create_index("idx_user_storage_channels_is_active", "user_storage_channels", ["is_active"], unique=False)
    op.create_table(
        "telegram_media",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("storage_channel_id", sa.BigInteger(), nullable=False),
        sa.Column("telegram_file_id", sa.String(length=200), nullable=False),
        sa.Column("file_type", sa.String(length=20), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column(
            "details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["storage_channel_id"],
            ["user_storage_channels.id"],
            name="telegram_media_storage_channel_id_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="telegram_media_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="telegram_media_pkey"),
        sa.UniqueConstraint("telegram_file_id", name="telegram_media_telegram_file_id_key"),
    )
    op.create_index("idx_telegram_media_created_at", "telegram_media", ["created_at"], unique=False)
    op.create_index("idx_telegram_media_details", "telegram_media", ["details"], unique=False, postgresql_using="gin")
    op.create_index("idx_telegram_media_file_type", "telegram_media", ["file_type"], unique=False)
    op.create_index("idx_telegram_media_storage_channel_id", "telegram_media", ["storage_channel_id"], unique=False)
    op.create_index("idx_telegram_media_user_id", "telegram_media", ["user_id"], unique=False)
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("event_type", sa.String(length=60), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("processed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="webhook_events_pkey"),
        sa.UniqueConstraint("provider", "external_id", name="webhook_events_provider_external_id_key"),
    )
    op.create_index("idx_webhook_events_event_type", "webhook_events", ["event_type"], unique=False)
    op.create_index("idx_webhook_events_processed", "webhook_events", ["processed"], unique=False)
    op.create_index("idx_webhook_events_provider", "webhook_events", ["provider"], unique=False)
    op.create_index("idx_webhook_events_received_at", "webhook_events", ["received_at"], unique=False)
    op.create_table(
        "system_settings",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key", name="system_settings_pkey"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_post_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'delivered', 'failed')", name=op.f("deliveries_status_check")
        ),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="deliveries_channel_id_fkey", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["scheduled_post_id"], ["scheduled_posts.id"], name="deliveries_scheduled_post_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="deliveries_pkey"),
    )
    op.create_index("idx_deliveries_channel_id", "deliveries", ["channel_id"], unique=False)
    op.create_index("idx_deliveries_created_at", "deliveries", ["created_at"], unique=False)
    op.create_index("idx_deliveries_delivered_at", "deliveries", ["delivered_at"], unique=False)
    op.create_index("idx_deliveries_scheduled_post_id", "deliveries", ["scheduled_post_id"], unique=False)
    op.create_index("idx_deliveries_status", "deliveries", ["status"], unique=False)


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("system_settings")
    op.drop_table("webhook_events")
    op.drop_table("telegram_media")
    op.drop_table("user_storage_channels")
