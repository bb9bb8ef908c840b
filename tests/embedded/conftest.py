"""A temporary folder that the server's account can enter, and that must be empty afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    # First, or pytest would make its own folders in this one.
    tmp_path_factory.getbasetemp()
    # Short and with a space: pytest's own folders are closed to other accounts, and too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="my pg ", dir="/tmp"))
    folder.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    left = [path.name for path in folder.iterdir()]
    shutil.rmtree(folder)
    assert left == []
