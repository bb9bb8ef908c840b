"""What a change touches, asked of git: the lines of each file that differ from a revision."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dbwright import pysource
from dbwright.errors import DbwrightError
from dbwright.model.report import Report

SECONDS = 20
_FILE = re.compile(r"^\+\+\+ (?:b/)?(.*?)\t?$")
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")

ChangedLines = Mapping[str, tuple[range, ...]]
"""Ranges of lines by file, relative to the project's root."""


class CannotCompare(DbwrightError):
    """git could not tell what changed."""


def changed_lines(root: Path, revision: str) -> ChangedLines:
    """The lines that differ from ``revision`` in the work tree, new files included. Raises CannotCompare."""
    found: defaultdict[str, list[range]] = defaultdict(list)
    name = ""
    options = (
        "--relative",
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        "--end-of-options",
    )
    for line in _git(root, "-c", "core.quotepath=off", "diff", *options, revision, "--").splitlines():
        if file := _FILE.match(line):
            name = file[1]
        elif hunk := _HUNK.match(line):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            found[name].append(range(start, start + count))
    for name in _git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0"):
        if name:
            found[name].append(range(1, 10**9))
    return {file: (*ranges, *_statements(root / file, ranges)) for file, ranges in found.items()}


def _statements(path: Path, ranges: list[range]) -> Iterator[range]:
    """The statements that changed lines are part of: a finding names the first line of one, the change may stand in its last."""
    tree = pysource.parse(path) if path.suffix == ".py" and path.is_file() else None
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or node.lineno) + 1
            if any(span.start < end and span.stop > node.lineno for span in ranges):
                yield range(node.lineno, end)


@contextmanager
def tree_at(root: Path, revision: str) -> Iterator[Path]:
    """The folder as it was at a revision, in a temporary one. Raises CannotCompare."""
    with tempfile.TemporaryDirectory(prefix="dbwright-revision-") as folder:
        archive = Path(folder, "tree.tar")
        _git(root, "archive", "--format=tar", f"--output={archive}", "--end-of-options", revision, ".")
        with tarfile.open(archive) as packed:
            packed.extractall(Path(folder, "tree"), filter="data")
        archive.unlink()
        yield Path(folder, "tree")


def _git(root: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise CannotCompare("git is not installed, so --since cannot tell what changed.", "Leave --since out.")
    try:
        done = subprocess.run(
            [program, "-C", str(root), *arguments],
            capture_output=True,
            timeout=SECONDS,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotCompare(f"git did not answer: {type(error).__name__}.", "Leave --since out.") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotCompare(
            f"git could not compare: {reason}.", "Give a revision of this repository, such as origin/main."
        )
    return done.stdout


def touched(report: Report, lines: ChangedLines) -> Report:
    """The report with the findings that have a place among the lines, and of their places those. Findings of the database alone are left
    out: no change brought them."""
    kept = []
    for finding in report.findings:
        places = tuple(p for p in finding.locations if any(p.line in span for span in lines.get(p.file, ())))
        if places:
            kept.append(replace(finding, locations=places))
    return replace(report, findings=tuple(kept))
