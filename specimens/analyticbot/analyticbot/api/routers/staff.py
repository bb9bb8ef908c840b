"""For the staff and for the collector."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException

from analyticbot.api.deps import Paged, Session, Staff
from analyticbot.api.schemas import AuditOut, ChannelOut, CollectedIn, UserOut
from analyticbot.repositories.business import AdminRepository, PaymentRepository
from analyticbot.repositories.users import UserRepository
from analyticbot.services.collector import CollectorService

router = APIRouter(prefix="/staff", tags=["staff"])


@router.get("/users")
async def search_users(session: Session, staff: Staff, page: Paged, q: str) -> list[UserOut]:
    return [UserOut.model_validate(user) for user in await UserRepository(session).search(q, page.limit, page.offset)]


@router.get("/users/{user_id}")
async def get_user(session: Session, staff: Staff, user_id: int) -> dict[str, Any]:
    users = await UserRepository(session).with_channels([user_id])
    if not users:
        raise HTTPException(404, "there is no such user")
    log = await AdminRepository(session).mtproto_log(user_id, 20)
    return {
        "name": users[0].full_name,
        "channels": [ChannelOut.model_validate(channel) for channel in users[0].channels],
        "mtproto": [row.action for row in log],
    }


@router.post("/users/{user_id}/status/{status}")
async def set_status(session: Session, staff: Staff, user_id: int, status: str) -> dict[str, bool]:
    if status not in {"active", "suspended"}:
        raise HTTPException(422, "status is active or suspended")
    done = await UserRepository(session).set_status(user_id, status)
    await AdminRepository(session).write(1, "set_status", "user", str(user_id), status=status)
    return {"done": done}


@router.get("/audit")
async def audit(session: Session, staff: Staff, page: Paged, before: int | None = None) -> list[AuditOut]:
    return [AuditOut.model_validate(row) for row in await AdminRepository(session).audit_log(page.limit, before)]


@router.get("/figures")
async def figures(session: Session, staff: Staff) -> dict[str, Any]:
    since = datetime.now(UTC) - timedelta(days=30)
    return {
        "users": await UserRepository(session).count_by_status(),
        "revenue": await PaymentRepository(session).revenue(since),
        "banner": await AdminRepository(session).setting("banner"),
    }


@router.post("/collected", status_code=202)
async def collected(session: Session, staff: Staff, body: CollectedIn) -> dict[str, int]:
    posts = [post.model_dump() for post in body.posts]
    return {"posts": await CollectorService(session).take(body.channel_id, body.subscribers, posts)}
