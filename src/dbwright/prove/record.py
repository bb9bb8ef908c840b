"""The record of a proof: what was put in, how, on what machine, and all figures, so that a third person can measure it again.

It holds no value of a row, no address and no password: files are named by their place beside the record and by their digest, parameters are
drawn again from the same seed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec

from dbwright.errors import DbwrightError
from dbwright.model.proved import Proof

FORMAT = 1
_REMEDY = "Give a record that `dbwright prove --record FILE` wrote."


class RecordUnreadable(DbwrightError):
    """The file is no record of a proof."""


class InputChanged(DbwrightError):
    """A file that the record names is not there, or not as it was."""


@dataclass(frozen=True, slots=True)
class Input:
    """A file that was read: its place, as seen from the record's folder, and its digest (of a folder: of all .sql files in it)."""

    file: str
    digest: str


@dataclass(frozen=True)
class Inputs:
    """Everything that decides what is measured. ``on`` is the name of a database that was given, without user, host and password."""

    findings: tuple[str, ...] = ()
    on: str | None = None
    fraction: float = 1.0
    draws: int = 3
    repeats: int = 9
    seconds: float = 20.0
    limit: float = 30.0
    cold: bool = True
    seed: int = 1
    files: Mapping[str, tuple[Input, ...]] = field(default_factory=dict)
    """By option: snapshot, dump, advice, sql, undo, rewritten, sql_dir, logs, captured, since."""


@dataclass(frozen=True)
class Record:
    """A proof with what it was made of."""

    dbwright_proof: int
    tool_version: str
    inputs: Inputs
    proof: Proof

    @property
    def statements(self) -> dict[str, str]:
        """The verdict of each statement."""
        return {row.origin + "\n" + row.sql: row.verdict for row in self.proof.statements}


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of all .sql files of a folder with their names."""
    digest = sha256()
    for part in sorted(path.rglob("*.sql")) if path.is_dir() else [path]:
        if part != path:
            digest.update(part.relative_to(path).as_posix().encode() + b"\0")
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def input_of(path: Path, record: Path) -> Input:
    """A file as the record names it. Raises InputChanged when it cannot be read."""
    try:
        return Input(os.path.relpath(path.resolve(), record.resolve().parent), digest_of(path))
    except OSError as error:
        raise InputChanged(f"{path}: {error.strerror}.", "Give a file that can be read.") from None


def encode(record: Record) -> bytes:
    """As indented JSON."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def load(path: Path) -> Record:
    """Raises RecordUnreadable, with the reason."""
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except OSError as error:
        raise RecordUnreadable(f"{path}: {error.strerror}.", _REMEDY) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordUnreadable(f"{path} is no record of a proof: {error}.", _REMEDY) from None
    if record.dbwright_proof != FORMAT:
        raise RecordUnreadable(f"{path} has format {record.dbwright_proof}, not {FORMAT}.", _REMEDY)
    return record


def files_of(record: Record, place: Path) -> dict[str, tuple[Path, ...]]:
    """The files that a record names, by option, found from its folder. Raises InputChanged."""
    found: dict[str, tuple[Path, ...]] = {}
    for option, named in record.inputs.files.items():
        paths = tuple(place.resolve().parent / row.file for row in named)
        for row, path in zip(named, paths, strict=True):
            if not path.exists():
                raise InputChanged(
                    f"The record was made with {row.file}, which is not there.", "Put it beside the record."
                )
            if digest_of(path) != row.digest:
                raise InputChanged(
                    f"{row.file} is not as it was when the record was made.", "Put the earlier one there."
                )
        found[option] = paths
    return found


def command(path: Path, inputs: Inputs) -> str:
    """What measures it again."""
    on = " --on ADDRESS" if inputs.on else ""
    return f"dbwright prove --again {shlex.quote(path.name)}{on}"


def compared(earlier: Record, proof: Proof) -> Iterator[str]:
    """How a proof agrees with an earlier one of the same inputs."""
    before, now = earlier.statements, {row.origin + "\n" + row.sql: row.verdict for row in proof.statements}
    both = [key for key in before if key in now]
    others = [key for key in both if before[key] != now[key]]
    yield f"Measured again: {len(both) - len(others)} of {len(both)} verdicts are as in the record of {earlier.proof.taken_at}."
    yield from (f"- {key.splitlines()[0]}: {before[key]} then, {now[key]} now" for key in others)
