"""Names of new indexes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dbwright.collect.sqlite import collect
from dbwright.model.indexing import free_name


@pytest.mark.parametrize("name", ["orders", "o" * 55, "é" * 31, "x" * 63])
def test_names_fit_and_differ(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f'CREATE TABLE "{name}" (customer_id int, customer_number int)')
    catalog = collect(path).catalog
    table = catalog.table_by_name["main", name]
    names = {free_name(catalog, table, (column,)) for column in ("customer_id", "customer_number")}
    assert len(names) == 2
    assert all(len(n.encode()) <= 63 and n.endswith("_idx") for n in names)


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE t (a int); CREATE INDEX t_a_idx ON t (a);")
    catalog = collect(path).catalog
    assert free_name(catalog, catalog.table_by_name["main", "t"], ("a",)) == "t_a_idx1"
