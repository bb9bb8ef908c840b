"""What routes ask for."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Query
from sqlalchemy.ext.asyncio import AsyncSession

from analyticbot.config import get_settings
from analyticbot.database import get_sessionmaker
from analyticbot.models import User
from analyticbot.repositories.users import UserRepository


async def get_session() -> AsyncIterator[AsyncSession]:
    async with get_sessionmaker()() as session:
        try:
            yield session
            await session.commit()
        except BaseException:
            await session.rollback()
            raise


Session = Annotated[AsyncSession, Depends(get_session)]


async def get_user(session: Session, authorization: Annotated[str, Header()] = "") -> User:
    token = authorization.removeprefix("Bearer ").strip()
    user = await UserRepository(session).by_token(token) if token else None
    if user is None or user.status != "active":
        raise HTTPException(401, "log in first")
    return user


CurrentUser = Annotated[User, Depends(get_user)]


async def get_staff(user: CurrentUser) -> User:
    if user.role not in {"admin", "owner"}:
        raise HTTPException(403, "for the staff only")
    return user


Staff = Annotated[User, Depends(get_staff)]


class Page:
    """Which part of a list is wanted."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1)] = get_settings().page_size,
        offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
    ) -> None:
        self.limit = min(limit, get_settings().max_page_size)
        self.offset = offset


Paged = Annotated[Page, Depends()]
