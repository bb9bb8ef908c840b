"""From what the user asks to a report: the scripts and the schema before are found, the scratch server is started, all is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dbwright.safety import given, sources
from dbwright.safety.judge import Before, Judgement, judge
from dbwright.safety.judged import Severity
from dbwright.safety.report import Report
from dbwright.safety.scratch import Scratch
from dbwright.safety.sources import NothingToCheck
from dbwright.safety.statements import Script

Progressed = Callable[[str, float], None]


@dataclass(frozen=True)
class Asked:
    """The command's arguments."""

    paths: Sequence[Path]
    schemas: Sequence[Path] = ()
    snapshot: Path | None = None
    database: str | None = None
    count: bool = False
    major: int | None = None
    since: str | None = None


def check(asked: Asked, threshold: Severity, progressed: Progressed) -> Report:
    """Raises DbwrightError when there is nothing to check, or no server to run it on."""
    scripts = sources.scripts_of(asked.paths)
    if not scripts:
        raise NothingToCheck("No migration was found.", "Give a project, a folder of SQL or SQL files.")
    before = given.before(asked.schemas, None, asked.major)
    with Scratch.start(before.major) as scratch:
        return Report(
            _all(scripts, before, scratch, progressed),
            scratch.server.version,
            before.major or scratch.major,
            threshold,
            _notes(before, scratch),
        )


def _all(scripts: Sequence[Script], before: Before, scratch: Scratch, progressed: Progressed) -> list[Judgement]:
    found = []
    for number, judgement in enumerate(judge(scripts, before, scratch)):
        progressed(judgement.script.name, number / len(scripts))
        found.append(judgement)
    return found


def _notes(before: Before, scratch: Scratch) -> list[str]:
    found = []
    if before.major and before.major != scratch.major:
        found.append(
            f"Judged for PostgreSQL {before.major}, run on {scratch.server.version}: no server of that version is installed here."
        )
    if not before.sizes:
        found.append("Row counts are not known (--db, --snapshot): every table is taken to be large.")
    return found
