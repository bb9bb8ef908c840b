"""A channel has no negative number of subscribers.

Revision ID: 0028
Revises: 0027
Create Date: 2025-11-03
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The collector wrote -1 for "unknown" until September.
    op.execute("UPDATE channels SET subscriber_count = 0 WHERE subscriber_count < 0")
    op.execute(
        "ALTER TABLE channels ADD CONSTRAINT channels_subscriber_count_check CHECK (subscriber_count >= 0) NOT VALID"
    )
    op.execute("ALTER TABLE channels VALIDATE CONSTRAINT channels_subscriber_count_check")


def downgrade() -> None:
    op.drop_constraint(op.f("channels_subscriber_count_check"), "channels", type_="check")
