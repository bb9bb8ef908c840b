"""Fill a migrated database with made-up rows: `python -m analyticbot.load --scale 0.1`."""

import argparse
import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from analyticbot.environment import use_async_driver

NAMED_SCALES = {"small": 0.01}
BATCH = 10_000


def tables(rows: Any) -> Iterator[tuple[str, str, Iterable[tuple[Any, ...]]]]:
    """Each table with the columns of its rows, after the tables it refers to."""
    yield "plans", "name price max_channels max_posts_per_month", rows.plans()
    yield (
        "users",
        "id username full_name email role status plan_id created_at last_login",
        rows.users(),
    )
    yield "user_sessions", "user_id token_hash created_at expires_at", rows.user_sessions()
    yield "user_alert_preferences", "user_id frequency", rows.user_alert_preferences()
    yield "user_bots", "user_id bot_username token_encrypted status last_used_at", rows.user_bots()
    yield (
        "channels",
        "id user_id title username description category language subscriber_count is_active created_at",
        rows.channels(),
    )
    yield (
        "channel_mtproto_settings",
        "user_id channel_id mtproto_enabled collection_interval_minutes",
        rows.mtproto_settings(),
    )
    yield "posts", "channel_id msg_id date text content_type has_media links is_deleted deleted_at", rows.posts()
    yield (
        "post_metrics",
        "channel_id msg_id snapshot_time views forwards replies_count reactions reactions_count",
        rows.post_metrics(),
    )
    yield "channel_daily", "channel_id day metric value", rows.channel_daily()
    yield "hourly_activity", "channel_id weekday hour average_views", rows.hourly_activity()
    yield "channel_edges", "channel_id dst_username kind weight last_seen", rows.channel_edges()
    yield "stats_raw", "channel_id key fetched_at payload", rows.stats_raw()
    yield (
        "scheduled_posts",
        "user_id channel_id post_text media_id media_type tags schedule_time status is_recurring retry_count "
        "error_message created_at",
        rows.scheduled_posts(),
    )
    yield (
        "deliveries",
        "scheduled_post_id channel_id status message_id attempt error_message delivered_at created_at",
        rows.deliveries(),
    )
    yield "sent_posts", "scheduled_post_id channel_id message_id sent_at", rows.sent_posts()
    yield "payment_methods", "user_id provider provider_method_id last_four is_default", rows.payment_methods()
    yield "subscriptions", "user_id plan_id payment_method_id status current_period_end", rows.subscriptions()
    yield (
        "payments",
        "user_id subscription_id provider provider_payment_id idempotency_key amount status created_at",
        rows.payments(),
    )
    yield "alert_subscriptions", "user_id channel_id kind threshold enabled", rows.alert_subscriptions()
    yield "webhook_events", "provider external_id event_type payload processed received_at", rows.webhook_events()
    yield "reporting_snapshots", "channel_id kind figures created_at", rows.reporting_snapshots()
    yield "shared_reports", "user_id snapshot_id share_token expires_at", rows.shared_reports()
    yield "user_storage_channels", "user_id chat_id title", rows.storage_channels()
    yield (
        "telegram_media",
        "user_id storage_channel_id telegram_file_id file_type file_size details",
        rows.telegram_media(),
    )
    yield "superadmin_users", "telegram_id username email role", rows.superadmins()
    yield "admin_audit_log", "admin_id action resource_type resource_id created_at", rows.admin_log()
    yield "mtproto_audit_log", "user_id channel_id action timestamp", rows.mtproto_log()
    yield "bot_health_metrics", "bot_id recorded_at status requests failures average_ms", rows.bot_health()
    yield "system_settings", "key value", rows.settings()


# What a table is filled faster without: how to drop it, and how to make it again.
DROP_AND_MAKE = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint
    WHERE conrelid = $1::text::regclass AND contype = 'f'
    UNION ALL
    SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
    FROM pg_index i
    WHERE i.indrelid = $1::text::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
"""

# What a day of use leaves behind: the collector writes each channel's subscribers every hour, editors correct posts.
WEAR = (
    "UPDATE channels SET subscriber_count = subscriber_count + 1, last_synced_at = now()",
    "UPDATE channels SET subscriber_count = subscriber_count + 2, last_synced_at = now()",
    "UPDATE posts SET text = text || '.', updated_at = now() WHERE msg_id % 14 = 0",
)


async def fill(raw: Any, table: str, columns: list[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """Copy rows into a table without its secondary indexes and foreign keys, then make these again."""
    drop_and_make = await raw.fetch(DROP_AND_MAKE, table)
    for drop, _ in drop_and_make:
        await raw.execute(drop)
    loaded = 0
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH)):
        await raw.copy_records_to_table(table, records=batch, columns=columns)
        loaded += len(batch)
    for _, make in reversed(drop_and_make):
        await raw.execute(make)
    return loaded


async def load(scale: float, seed: int, now: datetime, replace: bool) -> int:
    from analyticbot.database import dispose, get_engine
    from analyticbot.made_up import MadeUp, Sizes
    from analyticbot.models import Base

    loaded = 0
    try:
        async with get_engine().connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            if replace:
                await raw.execute(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY CASCADE")
            elif await raw.fetchval("SELECT EXISTS (SELECT FROM users)"):
                raise SystemExit("the tables are not empty; --replace empties them first")
            async with raw.transaction():
                for table, columns, rows in tables(MadeUp(Sizes.at(scale), seed, now)):
                    loaded += await fill(raw, table, columns.split(), rows)
            # With VACUUM, so that plans do not depend on whether autovacuum has already come by.
            await raw.execute("VACUUM (ANALYZE)")
            for statement in WEAR:
                await raw.execute(statement)
    finally:
        await dispose()
    return loaded


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m analyticbot.load", description=__doc__)
    parser.add_argument(
        "--scale", default="small", help="small (0.01), or a number: 1 has 1.5 million counters of posts"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other rows")
    parser.add_argument(
        "--now", type=datetime.fromisoformat, help="the moment the rows lead up to, instead of this one"
    )
    parser.add_argument("--replace", action="store_true", help="empty the tables first")
    options = parser.parse_args()
    try:
        scale = NAMED_SCALES.get(options.scale) or float(options.scale)
    except ValueError:
        parser.error(f"--scale is a number or one of {', '.join(NAMED_SCALES)}, not {options.scale!r}")
    if not 0 < scale <= 100:
        parser.error("--scale must be above 0 and not above 100")
    now = options.now or datetime.now(UTC)
    use_async_driver()
    started = time.monotonic()
    loaded = asyncio.run(load(scale, options.seed, now.replace(tzinfo=now.tzinfo or UTC), options.replace))
    print(f"rows={loaded} seconds={time.monotonic() - started:.2f}")


if __name__ == "__main__":
    main()
