"""Indexes for the LATERAL joins of the overview.

Revision ID: 0027
Revises: 0026
Create Date: 2025-10-28
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("idx_posts_updated_at", "posts", ["updated_at"])
    op.create_index("idx_posts_is_deleted", "posts", ["is_deleted"])
    op.create_index("idx_posts_deleted_at", "posts", ["deleted_at"])
    op.create_index("idx_posts_channel_msg", "posts", ["channel_id", "msg_id"])
    op.create_index("idx_post_metrics_forwards", "post_metrics", ["forwards"])
    op.create_index("idx_post_metrics_channel_time", "post_metrics", ["channel_id", "snapshot_time"])


def downgrade() -> None:
    op.drop_index("idx_post_metrics_channel_time", table_name="post_metrics")
    op.drop_index("idx_post_metrics_forwards", table_name="post_metrics")
    op.drop_index("idx_posts_channel_msg", table_name="posts")
    op.drop_index("idx_posts_deleted_at", table_name="posts")
    op.drop_index("idx_posts_is_deleted", table_name="posts")
    op.drop_index("idx_posts_updated_at", table_name="posts")
