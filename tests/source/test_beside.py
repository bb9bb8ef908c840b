"""Modules that are imported by their bare name from the file beside them, as Python 2 and scripts do."""

from pathlib import Path

import pytest

from dbwright import source

META = "from sqlalchemy import MetaData\n\nmetadata = MetaData()\nengine = None\n"
ITEM = (
    "from sqlalchemy import Column, Integer, Table\n{imported}\n\n"
    'item = Table("item", {metadata}, Column("id", Integer, primary_key=True))\n'
)


def tables(root: Path, imported: str, metadata: str, **others: str) -> list[str]:
    files = {"shop/__init__.py": "", "shop/model/__init__.py": "", "shop/model/meta.py": META}
    files["shop/model/item.py"] = ITEM.format(imported=imported, metadata=metadata)
    for name, text in (files | {name.replace("__", "/") + ".py": text for name, text in others.items()}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [table.name for table in source.read(root, strict=True).tables]


@pytest.mark.parametrize(
    ("imported", "metadata"),
    [
        ("import meta", "meta.metadata"),
        ("import meta as m", "m.metadata"),
        ("from meta import metadata", "metadata"),
        ("from . import meta", "meta.metadata"),
        ("from shop.model import meta", "meta.metadata"),
    ],
)
def test_the_file_beside_is_found(tmp_path: Path, imported: str, metadata: str) -> None:
    assert tables(tmp_path, imported, metadata) == ["item"]


def test_a_module_that_is_called_so_comes_first(tmp_path: Path) -> None:
    assert tables(tmp_path, "import meta", "meta.metadata", meta="metadata = None\n") == []


def test_a_folder_without_code_is_no_module(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/list.html").touch()
    assert tables(tmp_path, "import meta", "meta.metadata") == ["item"]


def test_a_folder_with_code_is_one(tmp_path: Path) -> None:
    assert tables(tmp_path, "import meta", "meta.metadata", meta__other="x = 1\n") == []


@pytest.mark.parametrize(
    ("imported", "metadata"),
    [("import meta", "meta.registry.metadata"), ("from meta import metadata, Registry", "metadata")],
)
def test_a_library_that_only_shares_the_name_is_not_the_file(tmp_path: Path, imported: str, metadata: str) -> None:
    assert tables(tmp_path, imported, metadata) == []


def test_a_file_that_is_called_like_the_library_it_imports_is_not_itself(tmp_path: Path) -> None:
    text = "import payments\n\n\ndef charge():\n    return payments.charge()\n"
    assert tables(tmp_path, "from . import meta", "meta.metadata", shop__model__payments=text) == ["item"]
