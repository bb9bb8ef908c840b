"""Channels and their posts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Query

from analyticbot.api.deps import CurrentUser, Paged, Session
from analyticbot.api.schemas import ChannelIn, ChannelOut, MetricOut, PostOut
from analyticbot.models import Channel, User
from analyticbot.repositories.channels import ChannelRepository
from analyticbot.repositories.posts import SORTABLE, PostRepository
from analyticbot.services.overview import OverviewService

router = APIRouter(prefix="/channels", tags=["channels"])


async def own(session: Session, channel_id: int, user: User) -> Channel:
    channel = await ChannelRepository(session).get(channel_id, user.id)
    if channel is None:
        raise HTTPException(404, "there is no such channel of yours")
    return channel


@router.get("")
async def list_channels(session: Session, user: CurrentUser, page: Paged) -> list[ChannelOut]:
    channels = await ChannelRepository(session).get_for_user(user.id, page.limit, page.offset)
    return [ChannelOut.model_validate(channel) for channel in channels]


@router.get("/dashboard")
async def dashboard(session: Session, user: CurrentUser) -> list[dict[str, Any]]:
    return await OverviewService(session).dashboard(user)


@router.get("/digest")
async def digest(session: Session, user: CurrentUser) -> list[dict[str, Any]]:
    return await OverviewService(session).digest(user)


@router.get("/compare")
async def compare(session: Session, user: CurrentUser, days: int = 30) -> list[dict[str, Any]]:
    return await OverviewService(session).compare(user, days)


@router.get("/largest")
async def largest(session: Session, user: CurrentUser, category: str | None = None) -> list[ChannelOut]:
    channels = await ChannelRepository(session).largest(category, 20)
    return [ChannelOut.model_validate(channel) for channel in channels]


@router.post("", status_code=201)
async def add_channel(session: Session, user: CurrentUser, body: ChannelIn) -> ChannelOut:
    channels = ChannelRepository(session)
    if user.plan and await channels.count_for_user(user.id) >= user.plan.max_channels:
        raise HTTPException(402, "your plan has no room for another channel")
    channel = await channels.add(Channel(user_id=user.id, **body.model_dump()))
    return ChannelOut.model_validate(channel, from_attributes=True)


@router.get("/{channel_id}")
async def get_channel(session: Session, user: CurrentUser, channel_id: int) -> ChannelOut:
    return ChannelOut.model_validate(await own(session, channel_id, user))


@router.delete("/{channel_id}", status_code=204)
async def delete_channel(session: Session, user: CurrentUser, channel_id: int) -> None:
    await ChannelRepository(session).delete(await own(session, channel_id, user))


@router.get("/{channel_id}/posts")
async def list_posts(
    session: Session, user: CurrentUser, channel_id: int, page: Paged, before: datetime | None = None
) -> list[PostOut]:
    await own(session, channel_id, user)
    return [PostOut.model_validate(post) for post in await PostRepository(session).page(channel_id, before, page.limit)]


@router.get("/{channel_id}/top")
async def top_posts(
    session: Session, user: CurrentUser, channel_id: int, order: str = "views", days: int = 30
) -> list[dict[str, Any]]:
    if order not in SORTABLE:
        raise HTTPException(422, f"order is one of {', '.join(SORTABLE)}")
    since = datetime.now(UTC) - timedelta(days=days)
    return await PostRepository(session).top(channel_id, since, order, 10)


@router.get("/{channel_id}/linking")
async def posts_with_link(
    session: Session, user: CurrentUser, channel_id: int, link: str = Query(min_length=4)
) -> list[PostOut]:
    return [PostOut.model_validate(post) for post in await PostRepository(session).by_link(channel_id, link)]


@router.get("/{channel_id}/posts/{msg_id}")
async def get_post(session: Session, user: CurrentUser, channel_id: int, msg_id: int) -> dict[str, Any]:
    posts = PostRepository(session)
    post = await posts.get(channel_id, msg_id)
    if post is None:
        raise HTTPException(404, "there is no such post")
    metrics = await posts.metrics(channel_id, msg_id)
    return {
        "post": PostOut.model_validate(post),
        "metrics": [MetricOut.model_validate(metric) for metric in metrics],
    }
