"""What the user names, as scripts: SQL files, and folders of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from dbwright.errors import DbwrightError
from dbwright.safety.statements import Script, script_of

MOST_BYTES = 20_000_000
_WAY_DOWN = re.compile(r"(^|[._-])(down|undo|rollback|revert)\.sql$|^U\d.*__", re.I)
"""Files that take a migration back: ``….down.sql``, Flyway's ``U1__…``."""


class NothingToCheck(DbwrightError):
    """No migration was found where the user said."""


def sql_files(folder: Path) -> list[Path]:
    """SQL files of a folder in the order of their names, numbers read as such; those that take migrations back left out."""
    found = [path for path in folder.rglob("*.sql") if path.is_file() and not _WAY_DOWN.search(path.name)]
    return sorted(found, key=lambda path: [_natural(part) for part in path.relative_to(folder).parts])


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def read_sql(path: Path) -> str:
    """The text of an SQL file, without a mark at its beginning. Raises NothingToCheck for what is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NothingToCheck(
                f"{path} is larger than {MOST_BYTES // 1_000_000} MB.", "Give the file of a migration."
            )
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise NothingToCheck(f"{path} is no text in UTF-8.", "Give a file of SQL.") from None
    except OSError as error:
        raise NothingToCheck(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    return text


def scripts_of(paths: Iterable[Path]) -> list[Script]:
    """The scripts in these files and folders."""
    files = [file for path in paths for file in (sql_files(path) if path.is_dir() else [path])]
    return [script_of(read_sql(file), file.as_posix(), file.name) for file in files]
