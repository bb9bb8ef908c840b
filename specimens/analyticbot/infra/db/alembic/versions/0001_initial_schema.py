"""Users, plans, channels, posts and the scheduler.

Revision ID: 0001
Revises:
Create Date: 2025-02-03
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("price", sa.Numeric(precision=10, scale=2), server_default="0", nullable=False),
        sa.Column("max_channels", sa.Integer(), server_default="1", nullable=False),
        sa.Column("max_posts_per_month", sa.Integer(), server_default="30", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("max_channels >= 0", name=op.f("plans_max_channels_check")),
        sa.CheckConstraint("price >= 0", name=op.f("plans_price_check")),
        sa.PrimaryKeyConstraint("id", name="plans_pkey"),
        sa.UniqueConstraint("name", name="plans_name_key"),
    )
    op.create_index("idx_plans_is_active", "plans", ["is_active"], unique=False)
    op.create_index("idx_plans_price", "plans", ["price"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("username", sa.String(length=64), nullable=True),
        sa.Column("full_name", sa.String(length=160), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("hashed_password", sa.String(length=255), nullable=True),
        sa.Column("role", sa.String(length=20), server_default="user", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="active", nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=True),
        sa.Column("locale", sa.String(length=8), server_default="en", nullable=False),
        sa.Column("timezone", sa.String(length=40), server_default="UTC", nullable=False),
        sa.Column("last_login", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'user', 'moderator', 'admin', 'owner')", name=op.f("users_role_check")),
        sa.CheckConstraint("status IN ('active', 'suspended', 'deleted')", name=op.f("users_status_check")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="users_plan_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("email", name="users_email_key"),
        sa.UniqueConstraint("username", name="users_username_key"),
    )
    op.create_index("idx_users_created_at", "users", ["created_at"], unique=False)
    op.create_index("idx_users_last_login", "users", ["last_login"], unique=False)
    op.create_index("idx_users_plan_id", "users", ["plan_id"], unique=False)
    op.create_index("idx_users_role", "users", ["role"], unique=False)
    op.create_index("idx_users_status", "users", ["status"], unique=False)
    op.create_index("idx_users_status_created", "users", ["status", "created_at"], unique=False)
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="user_sessions_user_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="user_sessions_pkey"),
        sa.UniqueConstraint("token_hash", name="user_sessions_token_hash_key"),
    )
    op.create_index("idx_user_sessions_expires_at", "user_sessions", ["expires_at"], unique=False)
    op.create_index("idx_user_sessions_user_expires", "user_sessions", ["user_id", "expires_at"], unique=False)
    op.create_index("idx_user_sessions_user_id", "user_sessions", ["user_id"], unique=False)
    op.create_table(
        "channels",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("category", sa.String(length=40), server_default="other", nullable=False),
        sa.Column("language", sa.String(length=8), server_default="en", nullable=False),
        sa.Column("subscriber_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="channels_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="channels_pkey"),
        sa.UniqueConstraint("username", name="channels_username_key"),
    )
    op.create_index("idx_channels_category", "channels", ["category"], unique=False)
    op.create_index("idx_channels_created_at", "channels", ["created_at"], unique=False)
    op.create_index("idx_channels_is_active", "channels", ["is_active"], unique=False)
    op.create_index("idx_channels_subscriber_count", "channels", ["subscriber_count"], unique=False)
    op.create_index("idx_channels_title", "channels", ["title"], unique=False)
    op.create_index("idx_channels_user_id", "channels", ["user_id"], unique=False)
    op.create_table(
        "posts",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("msg_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("content_type", sa.String(length=20), server_default="text", nullable=False),
        sa.Column("has_media", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "links", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "content_type IN ('text', 'photo', 'video', 'poll', 'document')", name=op.f("posts_content_type_check")
        ),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="posts_channel_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("channel_id", "msg_id", name="posts_pkey"),
    )
    op.create_index("idx_posts_channel_content_type", "posts", ["channel_id", "content_type", "date"], unique=False)
    op.create_index("idx_posts_channel_id", "posts", ["channel_id"], unique=False)
    op.create_index("idx_posts_content_type", "posts", ["content_type"], unique=False)
    op.create_index("idx_posts_created_at", "posts", ["created_at"], unique=False)
    op.create_index("idx_posts_date", "posts", ["date"], unique=False)
    op.create_index("idx_posts_has_media", "posts", ["has_media"], unique=False)
    op.create_index("idx_posts_links", "posts", ["links"], unique=False, postgresql_using="gin")
    op.create_table(
        "scheduled_posts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("post_text", sa.Text(), nullable=True),
        sa.Column("media_id", sa.String(length=200), nullable=True),
        sa.Column("media_type", sa.String(length=20), nullable=True),
        sa.Column("inline_buttons", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("schedule_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("is_recurring", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'sent', 'failed', 'cancelled')", name=op.f("scheduled_posts_status_check")
        ),
        sa.CheckConstraint("retry_count >= 0", name=op.f("scheduled_posts_retry_count_check")),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="scheduled_posts_channel_id_fkey", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="scheduled_posts_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="scheduled_posts_pkey"),
    )
    op.create_index("idx_scheduled_posts_channel_id", "scheduled_posts", ["channel_id"], unique=False)
    op.create_index("idx_scheduled_posts_schedule_time", "scheduled_posts", ["schedule_time"], unique=False)
    op.create_index("idx_scheduled_posts_status", "scheduled_posts", ["status"], unique=False)
    op.create_index("idx_scheduled_posts_user_id", "scheduled_posts", ["user_id"], unique=False)
    op.create_table(
        "sent_posts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_post_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="sent_posts_channel_id_fkey", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["scheduled_post_id"], ["scheduled_posts.id"], name="sent_posts_scheduled_post_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="sent_posts_pkey"),
        sa.UniqueConstraint("channel_id", "message_id", name="sent_posts_channel_id_message_id_key"),
    )
    op.create_index("idx_sent_posts_channel_id", "sent_posts", ["channel_id"], unique=False)
    op.create_index("idx_sent_posts_scheduled_post_id", "sent_posts", ["scheduled_post_id"], unique=False)
    op.create_index("idx_sent_posts_sent_at", "sent_posts", ["sent_at"], unique=False)


def downgrade() -> None:
    op.drop_table("sent_posts")
    op.drop_table("scheduled_posts")
    op.drop_table("posts")
    op.drop_table("channels")
    op.drop_table("user_sessions")
    op.drop_table("users")
    op.drop_table("plans")
