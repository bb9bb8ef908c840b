"""The same files give the same answers: in every process, whatever order its sets have and wherever its objects lie in memory."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from dbwright.model.source import Source

SPECIMENS = Path(__file__).parents[2] / "specimens"
READ = (
    "import sys, msgspec\n"
    "from pathlib import Path\n"
    "from dbwright.source import read\n"
    "crowd = [object() for _ in range(int(sys.argv[2]))]\n"  # other addresses
    "sys.stdout.buffer.write(msgspec.msgpack.encode(read(Path(sys.argv[1]))))\n"
)


def reading(root: Path, seed: int) -> Source:
    command = [sys.executable, "-W", "ignore", "-c", READ, str(root), str(seed * 10_007)]
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    run = subprocess.run(command, env=environment, check=True, capture_output=True)
    return msgspec.msgpack.decode(run.stdout, type=Source)


@pytest.mark.parametrize("specimen", ["chapters", "analyticbot"])
def test_two_readings_are_equal(specimen: str) -> None:
    first, second = reading(SPECIMENS / specimen, 1), reading(SPECIMENS / specimen, 2)
    assert first.queries
    assert first == second


def test_neither_the_moment_nor_numbers_of_unknown_values_are_told(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/models.py").write_text(
        "from django.db import models\n"
        "class Author(models.Model):\n"
        "    seen = models.DateTimeField(auto_now=True)\n"
        "class Book(models.Model):\n"
        "    author = models.ForeignKey(Author, models.CASCADE)\n"
        "def wrong(given):\n"
        "    Author.objects.create()\n"
        "    Book.objects.create(author=given)\n"
        "    Book.objects.filter(no_such_field=given).count()\n"
    )
    first, second = reading(tmp_path, 1), reading(tmp_path, 2)
    assert {q.issued.line for q in first.queries} >= {7, 9}
    assert [p.origin for q in first.queries if q.issued.line == 7 for p in q.parameters] == ["unknown"]
    assert first == second
