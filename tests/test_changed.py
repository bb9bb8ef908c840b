"""``check --since``: only what a change touches."""

import json
import subprocess
from pathlib import Path

import pytest

from cli import dbwright
from dbwright.changed import CannotCompare, changed_lines

MODELS = """\
from django.db import models


class Author(models.Model):
    name = models.TextField()


class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
"""
OLD = "from shop.models import Book\n\n\ndef old():\n    return [book.author.name for book in Book.objects.all()]\n"


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    for name, text in {"__init__.py": "", "models.py": MODELS, "views.py": OLD}.items():
        (root / "shop" / name).write_text(text)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


def check(root: Path, *options: str) -> tuple[int, list[dict]]:
    arguments = [
        "check",
        str(root),
        "--no-db",
        "--only",
        "queries/n-plus-one",
        "--fail-on",
        "info",
        "--format",
        "json",
        *options,
    ]
    done = dbwright(*arguments, *options, folder=root.parent)
    return done.code, json.loads(done.out)["findings"] if done.code in (0, 1) else []


def test_an_old_fault_does_not_fail_a_change_that_leaves_it_alone(project):
    (project / "shop" / "views.py").write_text(OLD + "\n\n\n\ndef other():\n    return Book.objects.count()\n")
    assert check(project)[0] == 1
    assert check(project, "--since", "HEAD") == (0, [])


def test_a_new_fault_fails_in_a_known_file_and_in_a_new_one(project):
    new = OLD.replace("old", "new")
    (project / "shop" / "views.py").write_text(OLD + "\n\n\n\n" + new.partition("\n\n\n")[2])
    (project / "shop" / "späte views.py").write_text(new)
    code, findings = check(project, "--since", "HEAD")
    assert code == 1
    places = [(place["file"], place["line"]) for f in findings for place in f["locations"]]
    assert {file for file, _ in places} == {"shop/views.py", "shop/späte views.py"}
    assert ("shop/views.py", 5) not in places


def test_a_statement_is_touched_by_a_change_in_its_last_line(project):
    long = OLD.replace("for book in Book.objects.all()]", "\n        for book in Book.objects.all()\n    ]")
    (project / "shop" / "views.py").write_text(long)
    git(project, "commit", "-qam", "longer")
    (project / "shop" / "views.py").write_text(long.replace("    ]", "    ] or None"))
    assert check(project, "--since", "HEAD")[0] == 1


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", ""])
def test_what_is_no_revision_is_said(project, revision):
    with pytest.raises(CannotCompare, match="git could not compare"):
        changed_lines(project, revision)
    assert not (project / "x").exists()


def test_without_a_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(CannotCompare):
        changed_lines(tmp_path, "HEAD")
