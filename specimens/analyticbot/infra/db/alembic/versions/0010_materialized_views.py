"""Recent figures by channel and post, so that the dashboards need not read the whole history.

Revision ID: 0010
Revises: 0007
Create Date: 2025-04-24
"""

from alembic import op

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE MATERIALIZED VIEW IF NOT EXISTS mv_channel_daily_recent AS
        SELECT channel_id, metric, day, value
        FROM channel_daily
        WHERE day >= CURRENT_DATE - INTERVAL '120 days'
        """
    )
    op.execute(
        """
        CREATE MATERIALIZED VIEW IF NOT EXISTS mv_post_metrics_recent AS
        SELECT DISTINCT ON (channel_id, msg_id)
            channel_id, msg_id, views, forwards, replies_count, reactions, reactions_count, snapshot_time
        FROM post_metrics
        WHERE snapshot_time >= now() - INTERVAL '120 days'
        ORDER BY channel_id, msg_id, snapshot_time DESC
        """
    )
    op.execute(
        "CREATE INDEX IF NOT EXISTS idx_mv_channel_daily_recent_channel ON mv_channel_daily_recent (channel_id, day)"
    )
    op.execute(
        "CREATE INDEX IF NOT EXISTS idx_mv_post_metrics_recent_channel ON mv_post_metrics_recent (channel_id, views)"
    )


def downgrade() -> None:
    op.execute("DROP MATERIALIZED VIEW IF EXISTS mv_post_metrics_recent")
    op.execute("DROP MATERIALIZED VIEW IF EXISTS mv_channel_daily_recent")
