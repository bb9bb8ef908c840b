"""Subscriptions and payments.

Revision ID: 0007
Revises: 0005
Create Date: 2025-03-28
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_methods",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("provider_method_id", sa.String(length=120), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=True),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="payment_methods_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="payment_methods_pkey"),
        sa.UniqueConstraint("provider_method_id", name="payment_methods_provider_method_id_key"),
    )
    op.create_index("idx_payment_methods_is_default", "payment_methods", ["is_default"], unique=False)
    op.create_index("idx_payment_methods_provider", "payment_methods", ["provider"], unique=False)
    op.create_index("idx_payment_methods_user_id", "payment_methods", ["user_id"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("payment_method_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="trialing", nullable=False),
        sa.Column("current_period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('trialing', 'active', 'past_due', 'canceled')", name=op.f("subscriptions_status_check")
        ),
        sa.ForeignKeyConstraint(
            ["payment_method_id"],
            ["payment_methods.id"],
            name="subscriptions_payment_method_id_fkey",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="subscriptions_plan_id_fkey", ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="subscriptions_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="subscriptions_pkey"),
    )
    op.create_index("idx_subscriptions_payment_method_id", "subscriptions", ["payment_method_id"], unique=False)
    op.create_index("idx_subscriptions_period_end", "subscriptions", ["current_period_end"], unique=False)
    op.create_index("idx_subscriptions_plan_id", "subscriptions", ["plan_id"], unique=False)
    op.create_index("idx_subscriptions_status", "subscriptions", ["status"], unique=False)
    op.create_index("idx_subscriptions_user_id", "subscriptions", ["user_id"], unique=False)
    op.create_index("idx_subscriptions_user_status", "subscriptions", ["user_id", "status"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("provider_payment_id", sa.String(length=120), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="USD", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'succeeded', 'failed', 'refunded')", name=op.f("payments_status_check")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("payments_amount_check")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name="payments_subscription_id_fkey", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="payments_user_id_fkey", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="payments_pkey"),
        sa.UniqueConstraint("idempotency_key", name="payments_idempotency_key_key"),
        sa.UniqueConstraint("provider_payment_id", name="payments_provider_payment_id_key"),
    )
    op.create_index("idx_payments_created_at", "payments", ["created_at"], unique=False)
    op.create_index("idx_payments_provider", "payments", ["provider"], unique=False)
    op.create_index("idx_payments_status", "payments", ["status"], unique=False)
    op.create_index("idx_payments_subscription_id", "payments", ["subscription_id"], unique=False)
    op.create_index("idx_payments_user_id", "payments", ["user_id"], unique=False)


def downgrade() -> None:
    op.drop_table("payments")
    op.drop_table("subscriptions")
    op.drop_table("payment_methods")
