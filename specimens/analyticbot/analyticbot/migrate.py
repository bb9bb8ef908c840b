"""Bring a database to the revision that production runs: `python -m analyticbot.migrate`.

The settings table of 0025 was made by hand in production before its second migration came,
so 0026 is marked as done there and not run; the same is done here.
"""

import warnings
from pathlib import Path

from alembic import command
from alembic.config import Config

from analyticbot.environment import use_async_driver

ROOT = Path(__file__).parents[1]
PRODUCTION = "0031"


def main() -> None:
    use_async_driver()
    config = Config(ROOT / "alembic.ini")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Revision .* is present more than once")
        command.upgrade(config, "0025")
        command.stamp(config, "0026")
        command.upgrade(config, PRODUCTION)


if __name__ == "__main__":
    main()
