"""The scheduler."""

from fastapi import APIRouter, HTTPException

from analyticbot.api.deps import CurrentUser, Paged, Session
from analyticbot.api.schemas import DeliveryOut, ScheduledIn, ScheduledOut
from analyticbot.models import ScheduledPost
from analyticbot.repositories.channels import ChannelRepository
from analyticbot.repositories.schedule import ScheduleRepository

router = APIRouter(prefix="/schedule", tags=["schedule"])


@router.get("")
async def list_scheduled(
    session: Session, user: CurrentUser, page: Paged, status: str | None = None
) -> list[ScheduledOut]:
    posts = await ScheduleRepository(session).for_user(user.id, status, page.limit, page.offset)
    return [ScheduledOut.model_validate(post) for post in posts]


@router.get("/counts")
async def counts(session: Session, user: CurrentUser) -> dict[str, int]:
    return await ScheduleRepository(session).counts_by_status(user.id)


@router.post("", status_code=201)
async def add_scheduled(session: Session, user: CurrentUser, body: ScheduledIn) -> dict[str, int]:
    if await ChannelRepository(session).get(body.channel_id, user.id) is None:
        raise HTTPException(404, "there is no such channel of yours")
    post = await ScheduleRepository(session).add(ScheduledPost(user_id=user.id, **body.model_dump()))
    return {"id": post.id}


@router.post("/{post_id}/cancel")
async def cancel(session: Session, user: CurrentUser, post_id: int) -> dict[str, bool]:
    return {"cancelled": await ScheduleRepository(session).cancel(post_id, user.id)}


@router.get("/failures/{channel_id}")
async def failures(session: Session, user: CurrentUser, channel_id: int) -> list[DeliveryOut]:
    rows = await ScheduleRepository(session).failed_deliveries(channel_id, 50)
    return [DeliveryOut.model_validate(row) for row in rows]
