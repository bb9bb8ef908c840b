"""The Celery application: `celery -A analyticbot.worker.celery_app:app worker --beat`."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from analyticbot.config import get_settings
from analyticbot.database import dispose
from analyticbot.worker import tasks

if TYPE_CHECKING:
    from celery import Celery

BEAT_SCHEDULE = {
    "send-due-posts": {
        "task": "analyticbot.worker.tasks.send_due_posts",
        "schedule": 30.0,
        "options": {"queue": "scheduler", "priority": 9},
    },
    "process-webhooks": {
        "task": "analyticbot.worker.tasks.process_webhooks",
        "schedule": 60.0,
        "options": {"queue": "payments", "priority": 8},
    },
    "queue-collection": {
        "task": "analyticbot.worker.tasks.queue_collection",
        "schedule": 300.0,
        "options": {"queue": "mtproto", "priority": 5},
    },
    "look-for-spikes": {
        "task": "analyticbot.worker.tasks.look_for_spikes",
        "schedule": 900.0,
        "options": {"queue": "alerts", "priority": 4},
    },
    "remind-of-quiet-channels": {
        "task": "analyticbot.worker.tasks.remind_of_quiet_channels",
        "schedule": 86400.0,
        "options": {"queue": "alerts", "priority": 3},
    },
    "clean-up": {
        "task": "analyticbot.worker.tasks.clean_up",
        "schedule": 86400.0,
        "options": {"queue": "maintenance", "priority": 2},
    },
}

TASKS = (
    tasks.send_due_posts,
    tasks.process_webhooks,
    tasks.queue_collection,
    tasks.look_for_spikes,
    tasks.remind_of_quiet_channels,
    tasks.clean_up,
)


def runner(task: Callable[[], Coroutine[Any, Any, int]]) -> Callable[[], int]:
    """A coroutine as Celery wants it. The event loop ends with the task, and so must its connections."""

    async def run() -> int:
        try:
            return await task()
        finally:
            await dispose()

    return lambda: asyncio.run(run())


def make_app() -> "Celery":
    from celery import Celery

    celery = Celery("analyticbot", broker=get_settings().redis_url)
    celery.conf.update(
        beat_schedule=BEAT_SCHEDULE,
        task_acks_late=True,
        task_default_queue="default",
        worker_concurrency=8,
        worker_prefetch_multiplier=1,
    )
    for task in TASKS:
        celery.task(name=f"{task.__module__}.{task.__name__}", autoretry_for=(OSError,), retry_backoff=True)(
            runner(task)
        )
    return celery


def __getattr__(name: str) -> "Celery":
    if name == "app":
        return make_app()
    raise AttributeError(name)
