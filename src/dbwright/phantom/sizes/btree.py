"""The size of a B-tree right after it was built, page by page as ``nbtsort.c`` fills them.

Rows come in order. Equal keys are put into posting lists (``_bt_load``, from PostgreSQL 13), unless the index is unique, has INCLUDE
columns, or has a key whose equal values may look different (``btequalimage``). A leaf is closed when what is free falls below the fill
factor's share, its last tuple going to the next page; the keys that separate leaves lose the columns that they do not need
(``_bt_truncate``) and fill the pages above to 70 %.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

from dbwright.phantom.sizes.keys import Cells, filled

PAGE = 8192
USABLE = PAGE - 24 - 16 - 4 - 4
"""Bytes of a page less its header, its special space, the line pointer of the high key, and the one of the next tuple."""
TUPLE_HEADER, NULL_BITMAP, LINE_POINTER, ROW_POINTER = 8, 8, 4, 6
POSTING_LIMIT = PAGE // 10 // 8 * 8 - LINE_POINTER
"""``_bt_load`` makes posting lists that leave room for ten on a page."""
LEAF_FILL, INNER_FILL = 90, 70
MINUS_INFINITY = TUPLE_HEADER + LINE_POINTER
"""What the first tuple of an inner page takes."""
LIKE_EQUALS = frozenset(
    "bit bool bpchar bytea char cidr date enum inet int2 int4 int8 macaddr macaddr8 money name oid oidvector pg_lsn "
    "text tid time timestamp timestamptz timetz uuid varbit varchar xid8".split()
)
"""Types of which equal values are the same bytes (``btequalimage`` and ``btvarstrequalimage`` in ``pg_amproc.dat``).
Not so numeric, floats, intervals, jsonb, arrays, ranges, records and the types of extensions."""
_RANDOM = random.Random(0)  # noqa: S311
DRAWN = tuple(_RANDOM.random() for _ in range(1000))
"""Tuples put on pages to see how full pages of unlike tuples get: always the same lots."""
QUANTILES = [NormalDist().inv_cdf((i + 0.5) / 15) for i in range(15)]
GREW = 1.05
"""A tree with that many times the pages that it would be built with was filled by inserts."""
COUNTED = 30
"""Up to this mean, each number of rows a key may have is looked at; above, fifteen of them."""


@dataclass(frozen=True, slots=True)
class BTree:
    """``pages`` of 8 KiB, metapage included; ``levels`` above the leaves, as the metapage has it."""

    pages: int
    levels: int


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple of a leaf with its line pointer: ``bytes``, of which ``posting`` go when it becomes a separator."""

    bytes: int
    posting: int = 0


def build(
    prefixes: Sequence[Sequence[Cells]],
    leaf: Sequence[Cells],
    rows: float,
    deduplicate: bool,
    fillfactor: int = LEAF_FILL,
) -> BTree:
    """``prefixes``: the cells of the first key, of the first two, and so on; ``leaf``: those of all that a leaf tuple holds."""
    if rows < 1:
        return BTree(1, 0)
    tuples = leaf_tuples(leaf, rows, deduplicate)
    count = sum(tuples.values())
    total = sum(t.bytes * n for t, n in tuples.items())
    # The last leaf is never closed, so it has room for the tuple that others pass on.
    leaves = max(math.ceil((total - total / count) / _load(tuples, fillfactor)), 1)
    inner, levels = pages_above(leaves, fanout(prefixes, rows, count))
    return BTree(1 + leaves + inner, levels)


def fanout(prefixes: Sequence[Sequence[Cells]], rows: float, tuples: float) -> int:
    """Children of an inner page, in a tree whose leaves have so many tuples of so many rows."""
    return _children(_separator(prefixes, rows, tuples))


def most_children(prefixes: Sequence[Sequence[Cells]], rows: float, tuples: float) -> int:
    """Children of an inner page that is full: the root of a tree that grew, which is split no sooner."""
    return _children(_separator(prefixes, rows, tuples), 100)


def _children(separator: float, fill: int = INNER_FILL) -> int:
    """Keys of so many bytes that an inner page takes, the first of which is cut to nothing."""
    filled_to = USABLE - PAGE * (100 - fill) // 100
    return max(math.floor((filled_to - MINUS_INFINITY) / separator) + 1, 2)


MOST_CHILDREN = _children(TUPLE_HEADER + 8 + LINE_POINTER), _children(TUPLE_HEADER + 8 + LINE_POINTER, 100)
FEW_CHILDREN = (_children(96),)
"""Children of an inner page, and of a root that is full, with the shortest keys; and of an inner page with rather long ones."""


def pages_above(leaves: int, children: float, of_root: float = 0) -> tuple[int, int]:
    """Inner pages of a tree with so many leaves, and their levels. ``of_root``: children that the root may have, if more than others."""
    pages, levels, width = 0, 0, leaves
    while width > 1:
        width = 1 if width <= of_root else math.ceil(width / max(children, 2))
        pages, levels = pages + width, levels + 1
    return pages, levels


def levels_of(pages: int, children: int, of_root: int = 0) -> int:
    """Levels above the leaves of a tree of so many pages in all."""
    leaves = max(pages - 1, 1)
    for _ in range(4):  # what is above the leaves is a small part of them, so this comes to rest at once
        inner, levels = pages_above(leaves, children, of_root)
        leaves = max(pages - 1 - inner, 1)
    return levels


def tuple_bytes(cell: Cells) -> int:
    return aligned(TUPLE_HEADER + (NULL_BITMAP if cell.null else 0) + cell.bytes)


def aligned(size: int) -> int:
    return (size + 7) & ~7


def leaf_tuples(leaf: Sequence[Cells], rows: float, deduplicate: bool) -> dict[Tuple, float]:
    """The tuples of all leaves, with how many of each there are."""
    return _deduplicated(leaf, rows) if deduplicate else _one_each(leaf, rows)


def _one_each(leaf: Sequence[Cells], rows: float) -> dict[Tuple, float]:
    tuples: defaultdict[Tuple, float] = defaultdict(float)
    for cell in leaf:
        tuples[Tuple(tuple_bytes(cell) + LINE_POINTER)] += rows * cell.mass
    return tuples


def _deduplicated(leaf: Sequence[Cells], rows: float) -> dict[Tuple, float]:
    """Full posting lists, and one with the rest of each key's rows."""
    tuples: defaultdict[Tuple, float] = defaultdict(float)
    for cell in leaf:
        alone = tuple_bytes(cell)
        most = (POSTING_LIMIT // 8 * 8 - alone) // ROW_POINTER
        full = Tuple(aligned(alone + most * ROW_POINTER) + LINE_POINTER, most * ROW_POINTER)
        for repeats, keys in _multiplicities(rows * cell.share):
            lists, rest = divmod(repeats, most) if most > 1 else (0, 1)
            number = keys * cell.count
            if lists:
                tuples[full] += number * lists
            if rest == 1:
                tuples[Tuple(alone + LINE_POINTER)] += number * (1 if most > 1 else repeats)
            elif rest:
                tuples[Tuple(aligned(alone + rest * ROW_POINTER) + LINE_POINTER, rest * ROW_POINTER)] += number
    return tuples


def _multiplicities(mean: float) -> Iterator[tuple[int, float]]:
    """How many rows a possible key has, with how likely that is, when it has ``mean`` on average (Poisson)."""
    if mean < COUNTED:
        likely = mean * math.exp(-mean)
        for repeats in range(1, math.ceil(mean + 6 * math.sqrt(mean)) + 3):
            yield repeats, likely
            likely *= mean / (repeats + 1)
    else:
        for quantile in QUANTILES:
            yield max(round(mean + quantile * math.sqrt(mean)), 1), 1 / len(QUANTILES)


def _load(tuples: dict[Tuple, float], fillfactor: int) -> float:
    """Bytes that a closed leaf holds on average, seen by filling some with tuples drawn at random (always the same ones)."""
    least = PAGE * (100 - fillfactor) // 100
    kinds = list(tuples)
    sums = list(accumulate(tuples.values()))
    drawn = [kinds[bisect(sums, lot * sums[-1], hi=len(kinds) - 1)] for lot in DRAWN]
    loads: list[int] = []
    used, last, number = drawn[0].bytes, drawn[0], 1
    for item in drawn[1:]:
        free = USABLE - used
        if free < item.bytes - LINE_POINTER + 8 or (free + last.posting < least and number > 1):
            loads.append(used - last.bytes if number > 1 else used)
            if len(kinds) == 1:
                break
            used, number = (last.bytes, 1) if number > 1 else (0, 0)
        used, last, number = used + item.bytes, item, number + 1
    return sum(loads) / len(loads) if loads else USABLE - least


def _separator(prefixes: Sequence[Sequence[Cells]], rows: float, tuples: float) -> float:
    """Average bytes of the key between two leaves: cut behind the first column in which neighbours differ, and with a row pointer
    where they differ in none."""
    total, before = 0.0, 0.0
    size = 0.0
    for cells in prefixes:
        differing = min(filled(cells, rows), tuples)
        weights = [(c.filled(rows), tuple_bytes(c)) for c in cells]
        size = sum(w * b for w, b in weights) / (sum(w for w, _ in weights) or 1)
        total += max(differing - before, 0) * size
        before = max(differing, before)
    total += max(tuples - before, 0) * (size + 8)
    return total / tuples + LINE_POINTER
