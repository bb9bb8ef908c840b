"""The process that is killed: carries out a plan as `dbwright apply --yes` does once it has asked.

python runner.py PLAN.json CONNINFO
"""

from __future__ import annotations

import sys
from pathlib import Path

from dbwright.apply import commanded, journal, plan
from dbwright.apply.conduct import conduct
from dbwright.errors import DbwrightError
from dbwright.options import Patience, Source


def main() -> int:
    planned = plan.decode(Path(sys.argv[1]).read_text())
    source = Source(Path(), (sys.argv[2],), None, False, False, False, None)
    try:
        target = commanded.target(source)
        with journal.alone(target.journal):
            conduct(
                target.journal, planned, target.parameters, lambda line: print(line, flush=True), Patience(total=60)
            )
    except DbwrightError as error:
        print(error, flush=True)
        return 2
    print("ended", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
