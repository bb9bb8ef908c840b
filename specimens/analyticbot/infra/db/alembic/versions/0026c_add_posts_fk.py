"""Posts belong to a channel.

Revision ID: 0026
Revises: 0025
Create Date: 2025-10-22
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM posts p WHERE NOT EXISTS (SELECT FROM channels c WHERE c.id = p.channel_id)")
    op.create_foreign_key("fk_posts_channel", "posts", "channels", ["channel_id"], ["id"], ondelete="CASCADE")


def downgrade() -> None:
    op.drop_constraint("fk_posts_channel", "posts", type_="foreignkey")
