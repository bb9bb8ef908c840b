"""Fresh statistics for the planner after the moves of November.

Revision ID: 0031
Revises: 0030
Create Date: 2025-11-18
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("users", "channels", "posts", "post_metrics", "scheduled_posts"):
        op.execute(f"ANALYZE {table}")


def downgrade() -> None:
    """Nothing to take back."""
