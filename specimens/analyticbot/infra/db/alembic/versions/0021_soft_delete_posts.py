"""Posts that vanished from Telegram are kept and marked.

Revision ID: 0021
Revises: 0018
Create Date: 2025-08-27
"""

from alembic import op

revision = "0021"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE posts ADD COLUMN IF NOT EXISTS is_deleted boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE posts ADD COLUMN IF NOT EXISTS deleted_at timestamptz")


def downgrade() -> None:
    op.drop_column("posts", "deleted_at")
    op.drop_column("posts", "is_deleted")
