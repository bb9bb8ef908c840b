"""``dbwright fix`` on projects as people have them."""

import subprocess
from pathlib import Path

import pytest

from cli import Outcome, assert_one_clear_error, dbwright
from dbwright.fixes import writing
from dbwright.fixes.drafts import FileText
from fixes.django_shop import MODELS, Shop

VIEWS = """\
from shop.models import Customer, Order


def find(email):
    return Customer.objects.get(email=email)


def find_named(email, name):
    return Customer.objects.filter(email=email, name=name).exists()


def last(customer):
    return list(Order.objects.filter(customer=customer).order_by("-created")[:20])
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    (tmp_path / "home").mkdir()
    shop = Shop(tmp_path)
    (tmp_path / "shop/views.py").write_text(VIEWS)
    return shop


def fix(shop: Shop, *arguments: str) -> Outcome:
    return dbwright("fix", "--no-db", *arguments, folder=shop.folder)


def refused(outcome: Outcome, words: str) -> None:
    assert_one_clear_error(outcome)
    assert words in outcome.err


def git(shop: Shop, *arguments: str) -> None:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *names, *arguments], cwd=shop.folder, check=True, capture_output=True)


def test_models_and_migrations_are_written_and_the_finding_is_gone(shop: Shop) -> None:
    done = fix(shop, "queries/missing-index", "--yes")
    assert done.code == 0, done.err
    models = (shop.folder / "shop/models.py").read_text()
    assert 'models.Index(fields=["customer", "created"], name=' in models
    assert "*Timed.Meta.indexes," in models
    assert "finding gone" in done.err or "findings gone" in done.err
    assert "Next: python manage.py migrate" in done.err
    assert len(list((shop.folder / "shop/migrations").glob("0002_*.py"))) == 1
    database = shop.folder / "shop.sqlite3"
    shop.manage("makemigrations", "--check", database=None, sqlite=database)
    shop.manage("migrate", database=None, sqlite=database)
    shop.manage("migrate", "shop", "0001", database=None, sqlite=database)
    again = fix(shop, "queries/missing-index", "--yes")
    refused(again, "finds nothing that is called")


def test_nothing_is_written_unless_somebody_agrees(shop: Shop) -> None:
    before = (shop.folder / "shop/models.py").read_text()
    shown = fix(shop, "queries/missing-index", "--dry-run")
    assert shown.code == 0
    assert "+++ b/shop/models.py" in shown.out
    assert "AddIndexConcurrently" in shown.out
    refused(fix(shop, "queries/missing-index"), "Nobody is here to agree")
    assert (shop.folder / "shop/models.py").read_text() == before
    assert not list((shop.folder / "shop/migrations").glob("0002_*.py"))


def test_work_that_is_not_committed_is_kept_apart(shop: Shop) -> None:
    git(shop, "init", "-q")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "first")
    models = shop.folder / "shop/models.py"
    models.write_text(models.read_text() + "\n# not yet committed\n")
    refused(fix(shop, "queries/missing-index", "--yes"), "Uncommitted changes in shop/models.py")
    assert fix(shop, "queries/missing-index", "--yes", "--dirty").code == 0
    assert models.read_text().endswith("# not yet committed\n")


def test_two_last_migrations_are_refused_with_the_way_on(shop: Shop) -> None:
    text = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
    text += '    dependencies = [("shop", "0001_initial")]\n    operations = []\n'
    for name in ("0002_one", "0002_other"):
        (shop.folder / f"shop/migrations/{name}.py").write_text(text)
    outcome = fix(shop, "queries/missing-index", "--yes")
    refused(outcome, "makemigrations --merge")
    assert (shop.folder / "shop/models.py").read_text() == MODELS


def test_line_ends_and_quotes_stay_as_the_file_has_them(shop: Shop) -> None:
    models = shop.folder / "shop/models.py"
    text = (
        MODELS.replace('"""', "'''")
        .replace('"', "'")
        .replace("'It's new'", '"It is new"')
        .replace("'Not 'done''", "'Not done'")
    )
    models.write_bytes(text.replace("\n", "\r\n").encode())
    done = fix(shop, "queries/missing-index", "--yes")
    assert done.code == 0, done.err
    data = models.read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n")
    assert b"models.Index(fields=['customer', 'created'], name='" in data


def test_migrations_that_cannot_be_followed_are_not_said_to_agree(shop: Shop) -> None:
    first = next((shop.folder / "shop/migrations").glob("0001_*.py"))
    first.write_text(first.read_text().replace("operations = [", "operations = made_elsewhere() + [", 1))
    outcome = fix(shop, "queries/missing-index", "--yes")
    assert outcome.code == 0
    assert "Not checked whether models and migrations of shop agree" in outcome.err


def test_an_index_that_goes_by_another_name_is_not_taken_for_a_free_one(shop: Shop) -> None:
    done = fix(shop, "queries/missing-index", "--yes")
    assert done.code == 0
    names = [line for line in (shop.folder / "shop/models.py").read_text().splitlines() if "_idx" in line]
    assert len(names) == len(set(names))


def file(name: str, old: str | None, new: str = "new\n") -> FileText:
    return FileText(name, old, new)


def test_what_was_edited_since_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("theirs\n")
    with pytest.raises(writing.NotWritten, match="edited since"):
        writing.write(tmp_path, [file("b.py", None), file("a.py", "ours\n")])
    assert (tmp_path / "a.py").read_text() == "theirs\n"
    assert not (tmp_path / "b.py").exists()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("theirs\n")
    with pytest.raises(writing.NotWritten, match="is there already"):
        writing.write(tmp_path, [file("b.py", None)])
    assert (tmp_path / "b.py").read_text() == "theirs\n"


def test_files_are_written_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("old\n")
    with pytest.raises(writing.NotWritten, match="Nothing was written"):
        writing.write(tmp_path, [file("a.py", "old\n"), file("no/such/folder/b.py", None)])
    assert (tmp_path / "a.py").read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]


def test_the_mode_of_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("old\n")
    (tmp_path / "a.py").chmod(0o640)
    writing.write(tmp_path, [file("a.py", "old\n")])
    assert (tmp_path / "a.py").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a.py").read_text() == "new\n"
