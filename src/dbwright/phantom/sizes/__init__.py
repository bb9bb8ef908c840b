"""How large an index would be that does not exist, from the catalog and the planner's statistics alone.

`facts` finds what is said of the index's table and columns. `keys`, with the help of `analyze`, `widths` and `expressions`, makes of it how
many rows share a key and how wide keys are. `btree`, `gin` and `others` lay the keys out on pages as PostgreSQL does when it builds the
index. `benchmarks/index_sizes` compares with indexes really built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dbwright.errors import DbwrightError
from dbwright.model.catalog import Catalog, Index
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.statistics import Statistics
from dbwright.phantom.sizes import btree, gin, others
from dbwright.phantom.sizes.analyze import ORDERED
from dbwright.phantom.sizes.facts import Facts
from dbwright.phantom.sizes.keys import UNKNOWN_WIDTH, Cells, Key, by_width, cells_of, filled, product

__all__ = ["IndexSize", "Key", "NoSizeModel", "btree_levels", "index_size"]


class NoSizeModel(DbwrightError):
    """An access method whose sizes cannot be told: SP-GiST, and those of extensions."""

    def __init__(self, method: str) -> None:
        super().__init__(
            f"How large an index with the access method {method} gets cannot be told.",
            "Try one with btree, gin, gist, brin or hash.",
        )


@dataclass(frozen=True, slots=True)
class IndexSize:
    """``pages`` of 8 KiB; ``levels`` above the leaves of a B-tree (``bt_metap``'s), None for other access methods."""

    pages: int
    levels: int | None = None


def index_size(
    index: CreateIndex,
    catalog: Catalog,
    statistics: Statistics,
    rows: float | None = None,
    expressions: Mapping[str, Key] | None = None,
    distinct: Mapping[frozenset[str], float] | None = None,
) -> IndexSize:
    """The size of an index right after it would be built.

    ``rows`` is how many rows a partial index holds (the planner tells it), all of the table when None. ``expressions`` says what is
    known of keys that are expressions; else the statistics of another index on the same expression are taken, else it is guessed.
    ``distinct`` says how many different tuples sets of columns have, where extended statistics tell; else columns are independent.

    Raises KeyError for a table or column that the catalog does not have, and NoSizeModel."""
    facts = Facts(index, catalog, statistics, expressions or {}, distinct or {})
    entries = facts.rows if rows is None else rows
    match index.method:
        case "btree":
            return _btree(facts, entries)
        case "gin":
            return IndexSize(_gin(facts, entries))
        case "gist":
            return IndexSize(_gist(facts, entries))
        case "hash":
            return IndexSize(others.hashed(facts.cells(index.keys[0]), entries, facts.rows))
        case "brin":
            return IndexSize(_brin(facts))
    raise NoSizeModel(index.method)


def btree_levels(index: Index, catalog: Catalog, statistics: Statistics, pages: int) -> int:
    """Levels above the leaves of a B-tree that exists and has so many pages. One that grew, row by row, has a fuller root than one that
    was built. Keys of columns that the catalog does not have are taken as short."""
    least, most = (btree.levels_of(pages, *children) for children in (btree.MOST_CHILDREN, btree.FEW_CHILDREN))
    if least == most:
        return least
    table = catalog.table_by_oid[index.table_oid]
    if not all(catalog.column(table, name) for name in (*filter(None, index.columns), *index.include)):
        return btree.levels_of(pages, btree.MOST_CHILDREN[0])
    keys = tuple(IndexKey(c) if c else IndexKey(expression=k) for c, k in zip(index.columns, index.keys, strict=True))
    made = CreateIndex(
        table.schema,
        table.name,
        index.name,
        keys,
        index.is_unique,
        "btree",
        index.include,
        index.predicate,
        options=index.options,
    )
    facts = Facts(made, catalog, statistics, {}, {})
    row = statistics.index_by_oid.get(index.oid)
    rows = row.rows if row and row.rows > 0 else facts.rows
    prefixes = _prefixes(facts, rows)
    tuples = max(sum(btree.leaf_tuples(prefixes[-1], rows, _deduplicates(facts)).values()), 1)
    grew = pages > _btree(facts, rows).pages * btree.GREW
    of_root = btree.most_children(prefixes, rows, tuples) if grew else 0
    return btree.levels_of(pages, btree.fanout(prefixes, rows, tuples), of_root)


def _btree(facts: Facts, rows: float) -> IndexSize:
    prefixes = _prefixes(facts, rows)
    leaf = by_width(prefixes[-1]) if facts.index.include else prefixes[-1]
    for name in facts.index.include:
        payload = facts.column(name)
        leaf = product(leaf, by_width(cells_of(payload, facts.rows, facts.pages)), payload.alignment)
    fillfactor = int(facts.option("fillfactor") or btree.LEAF_FILL)
    tree = btree.build(prefixes, leaf, rows, _deduplicates(facts), fillfactor)
    return IndexSize(tree.pages, tree.levels)


def _prefixes(facts: Facts, rows: float) -> list[tuple[Cells, ...]]:
    """The cells of the first key, of the first two, and so on."""
    prefixes: list[tuple[Cells, ...]] = []
    before = 1.0
    for number, key in enumerate(facts.index.keys, 1):
        own = facts.cells(key)
        cells = product(prefixes[-1], own, facts.key(key).alignment) if prefixes else own
        names = [k.column for k in facts.index.keys[:number]]
        cells = facts.together(names, cells, before, filled(own, rows), rows)
        before = filled(cells, rows)
        prefixes.append(cells)
    return prefixes


def _deduplicates(facts: Facts) -> bool:
    index = facts.index
    if index.unique or index.include or facts.option("deduplicate_items") in ("off", "false", "no", "0"):
        return False
    return all(facts.key(key).type in btree.LIKE_EQUALS for key in index.keys)


def _gin(facts: Facts, rows: float) -> int:
    column_number = 2 if len(facts.index.keys) > 1 else 0
    elements = []
    for key in facts.index.keys:
        what = facts.key(key)
        for element in gin.elements_of(what.statistics, facts.rows, what.type, key.opclass):
            elements.append(gin.Elements(element.count, element.share, element.bytes + column_number))  # noqa: PERF401
    return gin.build(elements, rows, rows / max(facts.pages, 1))


def _gist(facts: Facts, rows: float) -> int:
    width, ordered = 0, False
    for key in facts.index.keys:
        what = facts.key(key)
        width += others.gist_width(what.type, what.length, key.opclass, _average(what))
        correlation = what.statistics.correlation if what.statistics else None
        ordered = (
            ordered or abs(correlation or 0) >= ORDERED or what.type.endswith("range")
        )  # ranges follow time mostly
    return others.gist(width, rows, ordered)


def _brin(facts: Facts) -> int:
    widths = [what.length if what.length > 0 else _average(what) for what in map(facts.key, facts.index.keys)]
    return others.brin(facts.pages, widths, int(facts.option("pages_per_range") or others.PAGES_PER_RANGE))


def _average(key: Key) -> int:
    return key.statistics.average_width if key.statistics else UNKNOWN_WIDTH
