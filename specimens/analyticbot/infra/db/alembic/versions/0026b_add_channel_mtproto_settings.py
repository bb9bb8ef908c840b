"""MTProto collection by channel.

Revision ID: 0026
Revises: 0025
Create Date: 2025-10-22
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_mtproto_settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("mtproto_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("collection_interval_minutes", sa.Integer(), server_default="60", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="channel_mtproto_settings_channel_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="channel_mtproto_settings_user_id_fkey", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="channel_mtproto_settings_pkey"),
        sa.UniqueConstraint("user_id", "channel_id", name="channel_mtproto_settings_user_id_channel_id_key"),
    )
    op.create_index("idx_channel_mtproto_settings_channel_id", "channel_mtproto_settings", ["channel_id"], unique=False)
    op.create_index(
        "idx_channel_mtproto_settings_enabled", "channel_mtproto_settings", ["mtproto_enabled"], unique=False
    )


def downgrade() -> None:
    op.drop_table("channel_mtproto_settings")
