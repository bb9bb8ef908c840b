"""The queue of webhook events that nobody has worked on yet.

Revision ID: 0029
Revises: 0028
Create Date: 2025-11-07
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "idx_webhook_events_queue",
            "webhook_events",
            ["received_at"],
            postgresql_where=sa.text("NOT processed"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(
            "idx_webhook_events_queue", table_name="webhook_events", postgresql_concurrently=True, if_exists=True
        )
