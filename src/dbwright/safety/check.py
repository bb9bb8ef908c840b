"""From what the user asks to a report: the scripts and the schema before are found, the scratch server is started, all is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dbwright.collect.project import find_root
from dbwright.model import migration_state
from dbwright.model.snapshot import Snapshot
from dbwright.safety import given, project, sources
from dbwright.safety.code import Code
from dbwright.safety.counted import with_counts
from dbwright.safety.judge import Before, Judgement, judge, of_graph
from dbwright.safety.judged import Severity
from dbwright.safety.project import Chooses, Found
from dbwright.safety.report import Report
from dbwright.safety.scratch import Scratch
from dbwright.safety.sources import NothingToCheck
from dbwright.safety.statements import Script

Progressed = Callable[[str, float], None]


@dataclass(frozen=True)
class Asked:
    """The command's arguments. ``snapshot`` is of the database that the migrations are for; ``changed`` the files that count, where only
    those do."""

    paths: Sequence[Path]
    schemas: Sequence[Path] = ()
    snapshot: Snapshot | None = None
    major: int | None = None
    codes: Sequence[Code] = ()
    counts_on: str | None = None
    """Address of the database in which rows that would break a statement are counted."""
    changed: frozenset[Path] | None = None


def check(asked: Asked, threshold: Severity, progressed: Progressed) -> Report:
    """Raises DbwrightError when there is nothing to check, or no server to run it on."""
    before = given.before(asked.schemas, asked.snapshot, asked.major)
    with Scratch.start(before.major) as scratch:
        found = _found(asked, scratch)
        if not found.scripts and not found.has_migrations:
            raise NothingToCheck(
                f"{asked.paths[0]} holds no migrations.",
                "Give a Django or Alembic project, a folder of SQL or SQL files.",
            )
        if not before.statements:
            before = replace(before, statements=tuple(found.before), made_of_code=True)
        judgements = [
            *map(of_graph, found.problems),
            *_all(found.scripts, before, scratch, asked.codes, progressed),
        ]
        if asked.counts_on is not None:
            judgements = list(with_counts(judgements, asked.counts_on))
        notes = [*_notes(before, scratch, found), *found.gaps]
        return Report(judgements, scratch.server.version, before.major or scratch.major, threshold, notes)


def _all(
    scripts: Sequence[Script], before: Before, scratch: Scratch, codes: Sequence[Code], progressed: Progressed
) -> list[Judgement]:
    found = []
    for number, judgement in enumerate(judge(scripts, before, scratch, codes)):
        progressed(judgement.script.name, number / len(scripts))
        found.append(judgement)
    return found


def _found(asked: Asked, scratch: Scratch) -> Found:
    """The scripts that the paths name: SQL first, then those of projects."""
    found = Found()
    of_files: dict[Path, set[str]] = {}
    for path in asked.paths:
        if path.is_dir():
            _folder(path, asked, scratch, found)
        elif path.suffix == ".py":
            root = find_root(path.resolve().parent)
            of_files.setdefault(root, set()).add(path.resolve().relative_to(root).as_posix())
        else:
            found.scripts += sources.scripts_of([path])
    for root, files in of_files.items():
        _add(found, project.read(root, partial(_is_of, frozenset(files)), scratch))
    return found


def _is_of(files: frozenset[str], _label: str, file: str) -> bool:
    return file in files


def _folder(path: Path, asked: Asked, scratch: Scratch, found: Found) -> None:
    read = project.read(path, _chooser(path, asked), scratch) if any(path.rglob("*.py")) else Found()
    if read.has_migrations:
        _add(found, read)
    else:
        files = [file for file in sources.sql_files(path) if asked.changed is None or file.resolve() in asked.changed]
        found.scripts += sources.scripts_of(files)
        found.has_migrations |= bool(files)


def _add(found: Found, read: Found) -> None:
    found.before += read.before
    found.scripts += read.scripts
    found.gaps += read.gaps
    found.has_migrations |= read.has_migrations
    found.problems += read.problems


def _chooser(root: Path, asked: Asked) -> Chooses | None:
    """Pending ones of a known database; those in changed files; else all."""
    waiting = None
    if asked.snapshot is not None and _knows_applied(asked.snapshot):
        waiting = {file.label for file in migration_state.pending(asked.snapshot)}
    if waiting is None and asked.changed is None:
        return None

    def chooses(label: str, file: str) -> bool:
        changed = asked.changed is None or (root / file).resolve() in asked.changed
        return changed and (waiting is None or label in waiting)

    return chooses


def _knows_applied(snapshot: Snapshot) -> bool:
    return not any(gap.section == "migrations" and not gap.partial for gap in snapshot.gaps)


def _notes(before: Before, scratch: Scratch, found: Found) -> list[str]:
    told = []
    if before.major and before.major != scratch.major:
        told.append(
            f"Judged for PostgreSQL {before.major}, run on {scratch.server.version}: no server of that version is installed here."
        )
    if not before.sizes:
        told.append("Row counts are not known (--db, --snapshot): every table is taken to be large.")
    if found.has_migrations and not found.scripts:
        told.append("No migration is left to check.")
    return told
