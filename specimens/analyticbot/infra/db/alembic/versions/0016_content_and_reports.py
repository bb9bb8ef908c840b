"""Protected content, snapshots and shared reports.

Revision ID: 0016
Revises: 0014
Create Date: 2025-07-02
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "content_protection",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("protection_type", sa.String(length=20), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column(
            "options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="content_protection_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="content_protection_pkey"),
        sa.UniqueConstraint("fingerprint", name="content_protection_fingerprint_key"),
    )
    op.create_index("idx_content_protection_created_at", "content_protection", ["created_at"], unique=False)
    op.create_index("idx_content_protection_type", "content_protection", ["protection_type"], unique=False)
    op.create_index("idx_content_protection_user_id", "content_protection", ["user_id"], unique=False)
    op.create_table(
        "content_theft_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("protection_id", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.Text(), nullable=False),
        sa.Column("similarity", sa.Double(), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["protection_id"],
            ["content_protection.id"],
            name="content_theft_log_protection_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="content_theft_log_pkey"),
    )
    op.create_index("idx_content_theft_log_detected_at", "content_theft_log", ["detected_at"], unique=False)
    op.create_index("idx_content_theft_log_protection_id", "content_theft_log", ["protection_id"], unique=False)
    op.create_index("idx_content_theft_log_similarity", "content_theft_log", ["similarity"], unique=False)
    op.create_table(
        "reporting_snapshots",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="reporting_snapshots_channel_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="reporting_snapshots_pkey"),
    )
    op.create_index("idx_reporting_snapshots_channel_id", "reporting_snapshots", ["channel_id"], unique=False)
    op.create_index("idx_reporting_snapshots_created_at", "reporting_snapshots", ["created_at"], unique=False)
    op.create_index("idx_reporting_snapshots_kind", "reporting_snapshots", ["kind"], unique=False)
    op.create_table(
        "shared_reports",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("snapshot_id", sa.BigInteger(), nullable=False),
        sa.Column("share_token", sa.String(length=43), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["reporting_snapshots.id"], name="shared_reports_snapshot_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="shared_reports_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="shared_reports_pkey"),
        sa.UniqueConstraint("share_token", name="shared_reports_share_token_key"),
    )
    op.create_index("idx_shared_reports_expires_at", "shared_reports", ["expires_at"], unique=False)
    op.create_index("idx_shared_reports_snapshot_id", "shared_reports", ["snapshot_id"], unique=False)
    op.create_index("idx_shared_reports_user_id", "shared_reports", ["user_id"], unique=False)


def downgrade() -> None:
    op.drop_table("shared_reports")
    op.drop_table("reporting_snapshots")
    op.drop_table("content_theft_log")
    op.drop_table("content_protection")
