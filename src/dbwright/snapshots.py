"""Snapshots as files: one JSON document each, read back identically."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from dbwright.errors import DbwrightError
from dbwright.model.snapshot import SCHEMA_VERSION, Snapshot

MAX_BYTES = 2**31


class SnapshotUnreadable(DbwrightError):
    """The file is not a snapshot that this version can read."""


class FileNotWritten(DbwrightError):
    """A file could not be written."""


def encode(snapshot: Snapshot) -> bytes:
    """One JSON document. Values that the source gave and JSON has no form for become text."""
    return msgspec.json.encode(snapshot, enc_hook=str)


def decode(data: bytes, name: str = "snapshot") -> Snapshot:
    """Raises SnapshotUnreadable, with the reason, when it is not one."""
    try:
        read = msgspec.json.decode(data, type=Snapshot)
        return replace(read, source=replace(read.source, key=""))  # a file may have been edited
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        version = _version(data)
        if version is not None and version != SCHEMA_VERSION:
            raise SnapshotUnreadable(
                f"{name} has snapshot format {version}; this dbwright reads format {SCHEMA_VERSION}.",
                "Take it again with this version, or install the version that wrote it.",
            ) from None
        reason = (
            "is cut off or not JSON" if not isinstance(error, msgspec.ValidationError) else f"is no snapshot: {error}"
        )
        raise SnapshotUnreadable(f"{name} {reason}.", "Give a file that `dbwright snapshot` wrote.") from None


def _version(data: bytes) -> int | None:
    try:
        head: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    version = head.get("schema_version") if isinstance(head, dict) else None
    return version if isinstance(version, int) else None


def load(path: Path) -> Snapshot:
    """Read a snapshot file. Raises SnapshotUnreadable."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SnapshotUnreadable(f"{path} is larger than 2 GiB.", "Give a file that `dbwright snapshot` wrote.")
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotUnreadable(f"{path}: {error.strerror}.", "Give a file that `dbwright snapshot` wrote.") from None
    return decode(data, str(path))


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all. Raises FileNotWritten (disk full, no permission)."""
    path = path.resolve()
    if path.is_dir():
        raise FileNotWritten(f"{path} is a folder.", "Give a file with --output.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            # A device or a pipe: there is nothing to replace.
            path.write_bytes(data)
            return
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileNotWritten(
            f"{path} could not be written: {error.strerror}.", "Give another place with --output."
        ) from None
