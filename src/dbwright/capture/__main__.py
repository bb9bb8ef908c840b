"""``python -m dbwright.capture -o FILE SCRIPT …`` or ``-m MODULE …``: run it, and write down the statements that it sends."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from dbwright.capture import capture
from dbwright.errors import DbwrightError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dbwright.capture",
        description="Run a Django or SQLAlchemy script and write down the statements that it sends.",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("statements.jsonl"), metavar="FILE")
    parser.add_argument("-m", dest="module", action="store_true", help="SCRIPT is a module")
    parser.add_argument("script", metavar="SCRIPT")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…")
    given = parser.parse_args()
    sys.argv = [given.script, *given.arguments]
    sys.path.insert(0, str(Path.cwd() if given.module else Path(given.script).resolve().parent))
    try:
        with capture(given.output) as calls:
            if given.module:
                runpy.run_module(given.script, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(str(Path(given.script).resolve()), run_name="__main__")
    except DbwrightError as error:
        print(f"dbwright: {error.message}\n  {error.remedy}", file=sys.stderr)
        return 2
    finally:
        print(f"{len(calls)} statements written to {given.output}.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
