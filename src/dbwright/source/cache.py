"""What was read of a project, kept by its content: a second audit of the same files reads nothing anew.

The key is the content of all Python files and templates, the versions of dbwright and of the frameworks, and the environment's path.
Losing the cache costs time only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from platformdirs import user_cache_path

from dbwright import __version__
from dbwright.model.source import Source
from dbwright.source import kept, read
from dbwright.source.files import MOST_BYTES, find_environment, find_files, find_texts

FORMAT = 11
MOST_KEPT = 40
"""Files of a kind that are kept; the oldest go."""
T = TypeVar("T")


def default_folder(environment: Mapping[str, str]) -> Path:
    """Where readings are kept: ``DBWRIGHT_CACHE``, else the user's cache folder."""
    given = environment.get("DBWRIGHT_CACHE")
    return Path(given) if given else user_cache_path("dbwright", appauthor=False) / "source"


def digest(root: Path, environment: Path | None) -> str:
    """The key of a project's content. Files that cannot be read count as empty."""
    found = blake2b(digest_size=20)
    for part in (
        __version__,
        str(FORMAT),
        _version("django"),
        _version("sqlalchemy"),
        str(environment and environment.resolve()),
    ):
        found.update(part.encode() + b"\0")
    if environment is not None:  # what is installed is read as well, where models go on from it
        for name in sorted(path.name for path in environment.glob("*.dist-info")):
            found.update(name.encode() + b"\0")
    for path in (*(file.path for file in find_files(root)), *find_texts(root)):
        found.update(str(path.relative_to(root)).encode("utf-8", "surrogateescape") + b"\0")
        try:
            found.update(_digest_of(path))
        except OSError:
            continue
    return found.hexdigest()


def _digest_of(path: Path) -> bytes:
    """Of a file that is too large to be read, its size and time stand for its content."""
    status = path.stat()
    if status.st_size > MOST_BYTES:
        return f"{status.st_size} {status.st_mtime_ns}".encode()
    return blake2b(path.read_bytes(), digest_size=20).digest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def kept_or_made(path: Path, decode: Callable[[bytes], T], make: Callable[[], T], encode: Callable[[T], bytes]) -> T:
    """What a file holds, else what is made, which is then kept there, beside the newest others that end alike. A folder that cannot be
    used is passed over: what was asked for is the thing itself. ``decode`` raises ValueError for what it cannot read."""
    try:
        return decode(path.read_bytes())
    except (OSError, ValueError):
        pass  # nothing is kept, or nothing that can be read
    made = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(encode(made))
        temporary.replace(path)
        alike = sorted(path.parent.glob(f"*{path.suffix}"), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in alike[MOST_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        pass
    return made


def read_cached(root: Path, environment: Path | None, folder: Path, read: Callable[[], Source]) -> Source:
    """The reading of this very content from the folder, else a new one."""
    key = digest(root, environment)
    return replace(kept_or_made(folder / f"{key}.msgpack", kept.decode, read, kept.encode), key=key)


def read_project(root: Path, environment: Mapping[str, str], queries: Source | None = None) -> Source:
    """Read a project, or take what was read of the very same content before. ``queries``: a reading whose queries are taken over."""
    packages = find_environment(root)
    if queries is not None:
        read_anew = read(root, packages, queries=False)
        sites = {name: getattr(queries, name) for name in ("queries", "sites", "sites_with_table", "sites_with_sql")}
        return replace(read_anew, **sites)
    return read_cached(root, packages, default_folder(environment), lambda: read(root, packages))
