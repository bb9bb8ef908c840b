"""What the rules said of a project without a database, kept by all that they looked at: nothing that is the same is judged again.

Rules are pure, so the same snapshot, configuration and code of dbwright give the same report. The key holds the content of the project's
files (``Source.key``), everything else in the snapshot, the day, the arguments of the audit, and the size and time of each of dbwright's
own files. A snapshot with a database in it changes with every look and is not kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from dbwright.audit import audit
from dbwright.model import change as changes
from dbwright.model.change import Change, Operation
from dbwright.model.finding import Finding, NotChecked, Strength
from dbwright.model.report import Ignore, IgnoredFinding, Report, Score
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Source
from dbwright.source.cache import kept_or_made


@dataclass(frozen=True)
class Judged:
    """A report without its snapshot. Its operations have their kinds beside them."""

    findings: tuple[Finding, ...]
    strengths: tuple[Strength, ...]
    not_checked: tuple[NotChecked, ...]
    ignored: tuple[IgnoredFinding, ...]
    unused_ignores: tuple[Ignore, ...]
    expired_ignores: tuple[Ignore, ...]
    scores: tuple[Score, ...]
    rules_run: tuple[str, ...]


def judge(
    snapshot: Snapshot,
    folder: Path,
    *,
    only: tuple[str, ...] = (),
    ignores: tuple[Ignore, ...] = (),
    baseline: Mapping[str, str] | None = None,
    limits: Mapping[str, Mapping[str, float]] | None = None,
) -> Report:
    """The report of ``audit`` on the snapshot, from the folder where it was judged before. A folder that cannot be used is passed over."""
    began = time.perf_counter()
    if not can_be_kept(snapshot):
        return audit(snapshot, only=only, ignores=ignores, baseline=baseline, limits=limits)
    report = kept_or_made(
        folder / f"{_mark(snapshot, (only, ignores, baseline, limits))}.judged",
        lambda data: _report(snapshot, decode(data)),
        lambda: audit(snapshot, only=only, ignores=ignores, baseline=baseline, limits=limits),
        encode,
    )
    return report if report.audit_seconds else replace(report, audit_seconds=round(time.perf_counter() - began, 3))


def _report(snapshot: Snapshot, judged: Judged) -> Report:
    return Report(snapshot=snapshot, **{name: getattr(judged, name) for name in Judged.__dataclass_fields__})


def can_be_kept(snapshot: Snapshot) -> bool:
    """Whether nothing but files was looked at, and those are known by their content."""
    unread = any(gap.section == "server" and not gap.partial for gap in snapshot.gaps)
    return bool(snapshot.source.key) and unread and not snapshot.source.exact and snapshot.planned is None


def encode(report: Report) -> bytes:
    """The bytes of what was judged."""
    found = Judged(**{name: getattr(report, name) for name in Judged.__dataclass_fields__})
    return msgspec.msgpack.encode(
        replace(
            found,
            findings=tuple(map(_with_kinds, found.findings)),
            ignored=tuple(replace(one, finding=_with_kinds(one.finding)) for one in found.ignored),
        ),
        enc_hook=str,
    )


def decode(data: bytes) -> Judged:
    """What was judged, of its bytes. Raises msgspec.DecodeError when they are none."""
    return msgspec.msgpack.decode(data, type=Judged, dec_hook=_operation)


def _with_kinds(finding: Finding) -> Finding:
    return replace(finding, change=_told(finding.change), code_change=_told(finding.code_change))


def _told(change: Change | None) -> Change | None:
    if change is None:
        return None
    pairs: Any = tuple((type(operation).__name__, operation) for operation in change.operations)
    return replace(change, operations=pairs)


def _operation(wanted: type, value: Any) -> Any:
    if wanted is not Operation:
        raise NotImplementedError(wanted)
    kind, fields = value
    operation = vars(changes).get(kind)
    if not isinstance(operation, type):
        raise ValueError(f"no operation is called {kind}")
    return msgspec.convert(fields, operation)


def _mark(snapshot: Snapshot, arguments: object) -> str:
    """The name of all that a report depends on."""
    bare = replace(
        snapshot,
        source=Source(),
        taken_at=snapshot.taken_at.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    found = blake2b(digest_size=20)
    for part in (snapshot.source.key, _own_files(), arguments, bare):
        found.update(msgspec.msgpack.encode(part, enc_hook=str, order="deterministic"))
    return found.hexdigest()


@cache
def _own_files() -> tuple[tuple[str, int, int], ...]:
    return tuple(sorted(_files(Path(__file__).parent)))


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _files(Path(entry.path)) if entry.name != "__pycache__" else ()
        elif not entry.name.endswith(".pyc"):
            status = entry.stat()
            yield entry.path, status.st_size, status.st_mtime_ns
