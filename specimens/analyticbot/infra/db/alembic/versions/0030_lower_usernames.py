"""Telegram's user names do not tell capitals from small letters; neither do ours any more.

Revision ID: 0030
Revises: 0029
Create Date: 2025-11-12
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE users SET username = lower(username) WHERE username <> lower(username)")
    op.execute("UPDATE channels SET username = lower(username) WHERE username <> lower(username)")


def downgrade() -> None:
    # How a name was written before is not known any more.
    pass
