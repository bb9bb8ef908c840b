"""The bot at a terminal: `python -m analyticbot.bot`; the library that talks to Telegram is not part of this copy."""

import asyncio
import sys

from analyticbot.bot import handlers
from analyticbot.database import dispose
from analyticbot.environment import use_async_driver

COMMANDS = {"start": handlers.start, "channels": handlers.my_channels, "views": handlers.last_views}


async def main() -> None:
    for line in sys.stdin:
        command, _, user = line.strip().partition(" ")
        if command in COMMANDS and user.isdigit():
            print(await COMMANDS[command](int(user)))
    await dispose()


if __name__ == "__main__":
    use_async_driver()
    asyncio.run(main())
