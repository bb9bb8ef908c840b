"""Bots that users bring along, and how they fare.

Revision ID: 0014
Revises: 0012
Create Date: 2025-06-11
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "user_bots",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("bot_username", sa.String(length=64), nullable=False),
        sa.Column("token_encrypted", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('pending', 'active', 'paused', 'error')", name=op.f("user_bots_status_check")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="user_bots_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="user_bots_pkey"),
        sa.UniqueConstraint("bot_username", name="user_bots_bot_username_key"),
        sa.UniqueConstraint("user_id", name="user_bots_user_id_key"),
    )
    op.create_index("idx_user_bots_created_at", "user_bots", ["created_at"], unique=False)
    op.create_index("idx_user_bots_last_used_at", "user_bots", ["last_used_at"], unique=False)
    op.create_index("idx_user_bots_status", "user_bots", ["status"], unique=False)
    op.create_table(
        "bot_health_metrics",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("bot_id", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("average_ms", sa.Double(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["bot_id"], ["user_bots.id"], name="bot_health_metrics_bot_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="bot_health_metrics_pkey"),
    )
    op.create_index("idx_bot_health_metrics_bot_id", "bot_health_metrics", ["bot_id"], unique=False)
    op.create_index("idx_bot_health_metrics_bot_time", "bot_health_metrics", ["bot_id", "recorded_at"], unique=False)
    op.create_index("idx_bot_health_metrics_recorded_at", "bot_health_metrics", ["recorded_at"], unique=False)
    op.create_index("idx_bot_health_metrics_status", "bot_health_metrics", ["status"], unique=False)
    op.create_table(
        "admin_bot_actions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("bot_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["superadmin_users.id"], name="admin_bot_actions_admin_id_fkey", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["bot_id"], ["user_bots.id"], name="admin_bot_actions_bot_id_fkey", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="admin_bot_actions_pkey"),
    )
    op.create_index("idx_admin_bot_actions_action", "admin_bot_actions", ["action"], unique=False)
    op.create_index("idx_admin_bot_actions_admin_id", "admin_bot_actions", ["admin_id"], unique=False)
    op.create_index("idx_admin_bot_actions_bot_id", "admin_bot_actions", ["bot_id"], unique=False)
    op.create_index("idx_admin_bot_actions_created_at", "admin_bot_actions", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_table("admin_bot_actions")
    op.drop_table("bot_health_metrics")
    op.drop_table("user_bots")
