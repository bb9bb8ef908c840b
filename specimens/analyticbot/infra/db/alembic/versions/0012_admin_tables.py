"""Accounts of the staff and the log of what they do.

Revision ID: 0012
Revises: 0010
Create Date: 2025-05-19
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "superadmin_users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=20), server_default="support", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "role IN ('support', 'moderator', 'admin', 'owner')", name=op.f("superadmin_users_role_check")
        ),
        sa.PrimaryKeyConstraint("id", name="superadmin_users_pkey"),
        sa.UniqueConstraint("email", name="superadmin_users_email_key"),
        sa.UniqueConstraint("telegram_id", name="superadmin_users_telegram_id_key"),
        sa.UniqueConstraint("username", name="superadmin_users_username_key"),
    )
    op.create_index("idx_superadmin_users_created_at", "superadmin_users", ["created_at"], unique=False)
    op.create_index("idx_superadmin_users_is_active", "superadmin_users", ["is_active"], unique=False)
    op.create_index("idx_superadmin_users_role", "superadmin_users", ["role"], unique=False)
    op.create_table(
        "admin_sessions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("ip_address", postgresql.INET(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["superadmin_users.id"], name="admin_sessions_admin_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="admin_sessions_pkey"),
        sa.UniqueConstraint("token_hash", name="admin_sessions_token_hash_key"),
    )
    op.create_index("idx_admin_sessions_admin_id", "admin_sessions", ["admin_id"], unique=False)
    op.create_index("idx_admin_sessions_created_at", "admin_sessions", ["created_at"], unique=False)
    op.create_index("idx_admin_sessions_expires_at", "admin_sessions", ["expires_at"], unique=False)
    op.create_index("idx_admin_sessions_is_active", "admin_sessions", ["is_active"], unique=False)
    op.create_table(
        "admin_api_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["superadmin_users.id"], name="admin_api_keys_admin_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="admin_api_keys_pkey"),
        sa.UniqueConstraint("key_hash", name="admin_api_keys_key_hash_key"),
    )
    op.create_index("idx_admin_api_keys_admin_id", "admin_api_keys", ["admin_id"], unique=False)
    op.create_index("idx_admin_api_keys_expires_at", "admin_api_keys", ["expires_at"], unique=False)
    op.create_table(
        "admin_allowed_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("ip_address", postgresql.INET(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["superadmin_users.id"], name="admin_allowed_addresses_admin_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="admin_allowed_addresses_pkey"),
        sa.UniqueConstraint("admin_id", "ip_address", name="admin_allowed_addresses_admin_id_ip_address_key"),
    )
    op.create_index("idx_admin_allowed_addresses_admin_id", "admin_allowed_addresses", ["admin_id"], unique=False)
    op.create_index("idx_admin_allowed_addresses_ip_address", "admin_allowed_addresses", ["ip_address"], unique=False)
    op.create_table(
        "admin_audit_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("resource_type", sa.String(length=40), nullable=False),
        sa.Column("resource_id", sa.String(length=80), nullable=True),
        sa.Column("old_values", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("new_values", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("ip_address", postgresql.INET(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["superadmin_users.id"], name="admin_audit_log_admin_id_fkey", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="admin_audit_log_pkey"),
    )
    op.create_index("idx_admin_audit_log_action", "admin_audit_log", ["action"], unique=False)
    op.create_index("idx_admin_audit_log_admin_id", "admin_audit_log", ["admin_id"], unique=False)
    op.create_index(
        "idx_admin_audit_log_created_at", "admin_audit_log", [sa.literal_column("created_at DESC")], unique=False
    )
    op.create_index("idx_admin_audit_log_resource", "admin_audit_log", ["resource_type", "resource_id"], unique=False)


def downgrade() -> None:
    op.drop_table("admin_audit_log")
    op.drop_table("admin_allowed_addresses")
    op.drop_table("admin_api_keys")
    op.drop_table("admin_sessions")
    op.drop_table("superadmin_users")
