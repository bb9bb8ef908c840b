"""The API: `uvicorn analyticbot.api.app:app --workers 4`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from analyticbot.api.deps import Session
from analyticbot.api.routers import account, analytics, channels, schedule, staff
from analyticbot.database import dispose


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await dispose()


app = FastAPI(title="AnalyticBot", lifespan=lifespan)
for module in (account, channels, analytics, schedule, staff):
    app.include_router(module.router)


@app.exception_handler(IntegrityError)
async def conflict(request: Request, error: IntegrityError) -> JSONResponse:
    return JSONResponse({"detail": "this contradicts what is already there"}, status_code=409)


@app.get("/health")
async def health(session: Session) -> dict[str, bool]:
    return {"database": await session.scalar(text("SELECT 1")) == 1}
