"""Log of what is switched on and off for MTProto.

Revision ID: 0025b
Revises: 0024b
Create Date: 2025-10-16
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025b"
down_revision = "0024b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mtproto_audit_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("previous_state", sa.Boolean(), nullable=True),
        sa.Column("new_state", sa.Boolean(), nullable=True),
        sa.Column("ip_address", postgresql.INET(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("timestamp", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="mtproto_audit_log_channel_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="mtproto_audit_log_user_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="mtproto_audit_log_pkey"),
    )
    op.create_index("idx_mtproto_audit_log_action", "mtproto_audit_log", ["action"], unique=False)
    op.create_index("idx_mtproto_audit_log_channel_id", "mtproto_audit_log", ["channel_id"], unique=False)
    op.create_index("idx_mtproto_audit_log_timestamp", "mtproto_audit_log", ["timestamp"], unique=False)
    op.create_index("idx_mtproto_audit_log_user_id", "mtproto_audit_log", ["user_id"], unique=False)
    op.create_index("idx_mtproto_audit_log_user_timestamp", "mtproto_audit_log", ["user_id", "timestamp"], unique=False)


def downgrade() -> None:
    op.drop_table("mtproto_audit_log")
