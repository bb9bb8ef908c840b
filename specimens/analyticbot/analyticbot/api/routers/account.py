"""Logging in, plans, payments, media, shared reports."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException

from analyticbot.api.deps import CurrentUser, Paged, Session
from analyticbot.api.schemas import LoginIn, PaymentOut, PlanOut, SubscriptionOut, UserOut, WebhookIn
from analyticbot.config import get_settings
from analyticbot.repositories.business import PaymentRepository, ReportRepository
from analyticbot.repositories.users import UserRepository

router = APIRouter(tags=["account"])


@router.post("/login", status_code=201)
async def login(session: Session, body: LoginIn) -> dict[str, datetime]:
    """Telegram has already said who it is; the token is the one it signed."""
    users = UserRepository(session)
    user = await users.by_username(body.username)
    if user is None:
        raise HTTPException(401, "nobody has this name")
    expires_at = datetime.now(UTC) + timedelta(hours=get_settings().session_lifetime_hours)
    await users.open_session(user, body.token, expires_at)
    return {"expires_at": expires_at}


@router.get("/me")
async def me(user: CurrentUser) -> UserOut:
    return UserOut.model_validate(user)


@router.get("/plans")
async def plans(session: Session) -> list[PlanOut]:
    return [PlanOut.model_validate(plan) for plan in await UserRepository(session).plans()]


@router.get("/subscriptions")
async def subscriptions(session: Session, user: CurrentUser) -> list[SubscriptionOut]:
    return [SubscriptionOut.model_validate(row) for row in await UserRepository(session).subscriptions(user.id)]


@router.get("/payments")
async def payments(session: Session, user: CurrentUser, page: Paged) -> list[PaymentOut]:
    rows = await PaymentRepository(session).for_user(user.id, page.limit, page.offset)
    return [PaymentOut.model_validate(row) for row in rows]


@router.get("/media")
async def media(session: Session, user: CurrentUser, page: Paged, after: int = 0) -> list[dict[str, Any]]:
    rows = await ReportRepository(session).media(user.id, page.limit, after)
    return [{"id": row.id, "type": row.file_type, "size": row.file_size} for row in rows]


@router.get("/shared/{token}")
async def shared_report(session: Session, token: str) -> dict[str, Any]:
    reports = ReportRepository(session)
    report = await reports.shared(token, datetime.now(UTC))
    if report is None:
        raise HTTPException(404, "this report is not shared any more")
    await reports.opened(report.id)
    return report.snapshot.figures


@router.post("/webhooks/{provider}", status_code=202)
async def webhook(session: Session, provider: str, body: WebhookIn) -> dict[str, bool]:
    return {"new": await PaymentRepository(session).take_webhook(provider, body.id, body.type, body.data)}
