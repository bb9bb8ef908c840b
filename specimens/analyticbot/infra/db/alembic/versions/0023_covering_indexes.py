"""Covering indexes for the dashboards, and indexes for every column the scheduler's pages can be sorted by.

Revision ID: 0023
Revises: 0021
Create Date: 2025-09-30
"""

from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

CHANNELS = {
    "idx_channels_user_lookup_cover": "(user_id) INCLUDE (id, title, username, is_active)",
    "idx_channels_user_dashboard": (
        "(user_id) INCLUDE (id, title, username, subscriber_count, is_active, created_at, last_synced_at)"
    ),
    "idx_channels_user_analytics_cover": "(user_id) INCLUDE (id, title, subscriber_count, created_at)",
    "idx_channels_performance_lookup": "(user_id, created_at DESC)",
    "idx_channels_user_active": "(user_id, title)",
    "idx_channels_user_count": "(user_id)",
    "idx_channels_active_subscribers": "(is_active, subscriber_count DESC)",
    "idx_channels_language": "(language)",
}

SCHEDULED_POSTS = {
    "idx_scheduled_posts_created_at": "(created_at)",
    "idx_scheduled_posts_updated_at": "(updated_at)",
    "idx_scheduled_posts_user_status": "(user_id, status)",
    "idx_scheduled_posts_channel_status": "(channel_id, status)",
    "idx_scheduled_posts_user_created": "(user_id, created_at DESC)",
    "idx_scheduled_posts_user_schedule": "(user_id, schedule_time)",
    "idx_scheduled_posts_channel_schedule": "(channel_id, schedule_time)",
    "idx_scheduled_posts_channel_created": "(channel_id, created_at DESC)",
    "idx_scheduled_posts_media_type": "(media_type)",
    "idx_scheduled_posts_is_recurring": "(is_recurring)",
    "idx_scheduled_posts_retry_count": "(retry_count)",
    "idx_scheduled_posts_tags": "USING gin (tags)",
    "idx_scheduled_posts_inline_buttons": "USING gin (inline_buttons)",
    "idx_scheduled_posts_user_cover": "(user_id) INCLUDE (channel_id, status, schedule_time)",
}

DELIVERIES = {
    "idx_deliveries_post_attempt": "(scheduled_post_id, attempt)",
    "idx_deliveries_channel_status": "(channel_id, status)",
    "idx_deliveries_message_id": "(message_id)",
}


def upgrade() -> None:
    for table, indexes in (("channels", CHANNELS), ("scheduled_posts", SCHEDULED_POSTS), ("deliveries", DELIVERIES)):
        for name, definition in indexes.items():
            op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} {definition}")
    op.execute("CREATE INDEX IF NOT EXISTS idx_system_settings_updated_at ON system_settings (updated_at)")


def downgrade() -> None:
    op.execute("DROP INDEX IF EXISTS idx_system_settings_updated_at")
    for indexes in (DELIVERIES, SCHEDULED_POSTS, CHANNELS):
        for name in reversed(indexes):
            op.execute(f"DROP INDEX IF EXISTS {name}")
