"""Mark posts as deleted.

Revision ID: 0026d
Revises: 0026
Create Date: 2025-10-23
"""

import sqlalchemy as sa
from alembic import op

revision = "0026d"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posts", sa.Column("is_deleted", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("posts", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("posts", "deleted_at")
    op.drop_column("posts", "is_deleted")
