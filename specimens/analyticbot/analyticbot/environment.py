"""The database of the commands below, when it is not the one of `.env.development`."""

import os

from sqlalchemy.engine import make_url


def use_async_driver() -> None:
    """Let DATABASE_URL, as other tools write it, be one for the driver that is installed here."""
    given = os.environ.get("DATABASE_URL")
    if not given:
        return
    url = make_url(given)
    if "+" not in url.drivername:
        url = url.set(drivername="postgresql+asyncpg")
    os.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)
