"""Files of a project written together: all of them or none."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dbwright.errors import DbwrightError
from dbwright.fixes.drafts import FileText

SECONDS = 20
"""How long git may take to answer."""


class NotWritten(DbwrightError):
    """A file could not be written, or is not what it was when it was read. Nothing was changed."""


def dirty(root: Path, files: Sequence[FileText]) -> list[str] | None:
    """Those of the files that hold changes which git has not committed; None where git cannot tell."""
    program = shutil.which("git")
    names = [file.file for file in files if file.old is not None]
    if program is None:
        return None
    command = [program, "-C", str(root), "status", "--porcelain", "--untracked-files=all", "-z", "--", *names]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    told = [entry[3:] for entry in done.stdout.decode("utf-8", "replace").split("\0") if entry]
    return [name for name in names if any(entry.endswith(name) for entry in told)]


def write(root: Path, files: Sequence[FileText]) -> None:
    """Raises NotWritten, with every file as it was."""
    for file in files:
        _require_unchanged(root / file.file, file)
    prepared: list[tuple[Path, Path, FileText]] = []
    done: list[tuple[Path, bytes | None]] = []
    try:
        for file in files:
            path = (root / file.file).resolve()  # a link stays one
            temporary = path.with_name(f".{path.name}.dbwright-{os.getpid()}")
            prepared.append((temporary, path, file))
            if file.gone:
                continue
            path.parent.mkdir(exist_ok=True)
            temporary.write_bytes(encoded(file))
            if file.old is not None:
                shutil.copymode(path, temporary)
        for temporary, path, file in prepared:
            done.append((path, path.read_bytes() if file.old is not None else None))
            if file.gone:
                path.unlink()
            else:
                temporary.replace(path)
    except BaseException as error:
        for path, before in done:
            _put_back(path, before)
        for temporary, _, _ in prepared:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise NotWritten(
                f"Nothing was written: {error.strerror}: {error.filename}.", "Mend that, and run it again."
            ) from None
        raise


def encoded(file: FileText) -> bytes:
    """The new text as bytes, with the line ends that the file had."""
    text = file.new if not file.crlf else file.new.replace("\n", "\r\n")
    return text.encode("utf-8")


def _require_unchanged(path: Path, file: FileText) -> None:
    if file.old is None:
        if path.exists():
            raise NotWritten(f"{file.file} is there already.", "Move it away, and run it again.")
        return
    try:
        now = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError as error:
        raise NotWritten(f"{file.file}: {error.strerror}.", "Run it again.") from None
    if now != file.old:
        raise NotWritten(f"{file.file} was edited since it was read.", "Run it again.")


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(before)
