"""The key under which a reading is kept tells everything that was read."""

from pathlib import Path

from dbwright.source.cache import digest


def test_templates_of_any_folder_and_what_is_installed_are_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    page = tmp_path / "html/books.html"
    page.write_text("{{ book }}")
    packages = tmp_path / "site-packages"
    (packages / "library-1.0.dist-info").mkdir(parents=True)
    before = digest(tmp_path, packages)
    assert digest(tmp_path, packages) == before
    page.write_text("{{ book.author }}")
    edited = digest(tmp_path, packages)
    (packages / "library-1.0.dist-info").rename(packages / "library-1.1.dist-info")
    elsewhere = tmp_path / "linked"
    elsewhere.symlink_to(packages)
    assert digest(tmp_path, elsewhere) == digest(tmp_path, packages)
    assert len({before, edited, digest(tmp_path, packages)}) == 3
