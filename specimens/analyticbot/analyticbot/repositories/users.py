"""Accounts, their sessions and plans."""

from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from analyticbot.models import Plan, Subscription, User, UserSession


class UserRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def by_token(self, token: str) -> User | None:
        """Whose token this is, if it is still good."""
        query = (
            select(UserSession)
            .where(
                UserSession.token_hash == sha256(token.encode()).hexdigest(),
                UserSession.expires_at > datetime.now(UTC),
            )
            .options(joinedload(UserSession.user).joinedload(User.plan))
        )
        found = (await self.session.execute(query)).scalar_one_or_none()
        return found.user if found else None

    async def by_username(self, username: str) -> User | None:
        return await self.session.scalar(select(User).where(User.username == username.lower()))

    async def open_session(self, user: User, token: str, expires_at: datetime) -> None:
        self.session.add(
            UserSession(user_id=user.id, token_hash=sha256(token.encode()).hexdigest(), expires_at=expires_at)
        )
        await self.session.execute(update(User).where(User.id == user.id).values(last_login=datetime.now(UTC)))

    async def search(self, words: str, limit: int, offset: int) -> list[User]:
        """For the staff, who have a few thousand users to look through."""
        pattern = f"{words.lower()}%"
        query = (
            select(User)
            .where(or_(User.username.like(pattern), User.email.like(pattern)))
            .options(joinedload(User.plan))
            .order_by(User.id)
            .limit(limit)
            .offset(offset)
        )
        return list(await self.session.scalars(query))

    async def with_channels(self, user_ids: list[int]) -> list[User]:
        query = select(User).where(User.id.in_(user_ids)).options(selectinload(User.channels)).order_by(User.id)
        return list(await self.session.scalars(query))

    async def count_by_status(self) -> dict[str, int]:
        rows = await self.session.execute(select(User.status, func.count()).group_by(User.status))
        return dict(rows.all())

    async def set_status(self, user_id: int, status: str) -> bool:
        done = await self.session.execute(update(User).where(User.id == user_id).values(status=status))
        return done.rowcount == 1

    async def plans(self) -> list[Plan]:
        return list(await self.session.scalars(select(Plan).where(Plan.is_active).order_by(Plan.price)))

    async def subscriptions(self, user_id: int) -> list[Subscription]:
        query = (
            select(Subscription)
            .where(Subscription.user_id == user_id)
            .options(joinedload(Subscription.plan), selectinload(Subscription.payments))
            .order_by(Subscription.current_period_end.desc())
        )
        return list(await self.session.scalars(query))
