"""What the Telegram bot answers. The library that talks to Telegram calls these with the number of the account."""

from datetime import UTC, datetime

from analyticbot.database import session_scope
from analyticbot.models import User
from analyticbot.repositories.channels import ChannelRepository
from analyticbot.repositories.posts import PostRepository
from analyticbot.repositories.schedule import ScheduleRepository


async def start(user_id: int) -> str:
    async with session_scope() as session:
        user = await session.get(User, user_id)
        if user is None:
            return "Welcome! Send me the name of your channel."
        count = await ChannelRepository(session).count_for_user(user_id)
        return f"Hello {user.full_name}, I look after {count} of your channels."


async def my_channels(user_id: int) -> str:
    async with session_scope() as session:
        channels = await ChannelRepository(session).get_for_user(user_id, limit=20)
        return "\n".join(f"{channel.title}: {channel.subscriber_count}" for channel in channels) or "None yet."


async def last_views(user_id: int) -> str:
    """The latest post of each channel with its views."""
    async with session_scope() as session:
        channels, posts = ChannelRepository(session), PostRepository(session)
        lines = []
        for channel in await channels.get_for_user(user_id, limit=20):
            for post in await posts.get_posts_for_channel(channel.id, limit=1):
                metrics = await posts.metrics(post.channel_id, post.msg_id, limit=1)
                views = metrics[0].views if metrics else 0
                lines.append(f"{channel.title}: {views}")
        return "\n".join(lines) or "Nothing posted yet."


async def countdown() -> str:
    async with session_scope() as session:
        now = datetime.now(UTC)
        upcoming = await ScheduleRepository(session).upcoming(now, limit=5)
        return "\n".join(f"{post.channel.title} in {post.schedule_time - now}" for post in upcoming)
