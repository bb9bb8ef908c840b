"""Copies of a project in which its tests run: what is written there stays there."""

import os
from pathlib import Path

import pytest

from dbwright.trials.runs import CannotRunTests, Command, room


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (elsewhere / "views.py").write_text("x = 1\n")
    (project / "views.py").symlink_to(elsewhere / "views.py")
    (project / "linked").symlink_to(elsewhere, target_is_directory=True)
    os.mkfifo(project / "pipe")
    with room(project) as place:
        copy = place.copy({"views.py": "x = 2\n"})
        assert (copy / "views.py").read_text() == "x = 2\n"
        assert not (copy / "pipe").exists()
        with pytest.raises(CannotRunTests, match="leads out of the project"):
            place.copy({"linked/views.py": "x = 3\n"})
    assert (elsewhere / "views.py").read_text() == "x = 1\n"


def test_what_tests_have_started_ends_with_them(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    left = "import subprocess, pathlib; pathlib.Path('/proc'); child = subprocess.Popen(['sleep', '300']); print(child.pid, flush=True)"
    with room(project) as place, pytest.raises(CannotRunTests, match=r"No test ran \(exit code 0\): \d+") as told:
        place.run(Command(("python", "-c", left)), {})
    pid = int(str(told.value).partition("): ")[2].split()[0].rstrip("."))
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]
