"""What the processes do that are killed: a run as `dbwright apply --yes` begins it once it has asked, and the command line itself.

    python runner.py PLAN.json CONNINFO

Everything they need is imported here, before any of them is forked.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dbwright import audit, cli, rules
from dbwright.apply import commanded, journal, plan
from dbwright.apply.conduct import conduct
from dbwright.commands import apply, undo
from dbwright.errors import DbwrightError
from dbwright.options import Patience, Source

IMPORTED = (audit, rules, apply, undo)


def main(planned: plan.Plan, conninfo: str) -> int:
    source = Source(Path(), (conninfo,), None, False, False, False, None)
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


def command_line(arguments: list[str]) -> int:
    """`dbwright` with these arguments."""
    sys.argv = ["dbwright", *arguments]
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main(plan.decode(Path(sys.argv[1]).read_text()), sys.argv[2]))
