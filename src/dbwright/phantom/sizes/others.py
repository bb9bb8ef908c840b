"""Sizes of BRIN, hash and GiST indexes right after they were built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from dbwright.phantom.sizes.btree import PAGE, aligned, pages_above
from dbwright.phantom.sizes.keys import Cells

PAGES_PER_RANGE = 128
RANGES_PER_MAP = (PAGE - 24 - 8) // 6
"""Pointers to summaries on a page of BRIN's map (``REVMAP_PAGE_MAXITEMS``)."""
HASH_TUPLE = 8 + 8 + 4
HASH_TARGET = PAGE * 75 // 100 // HASH_TUPLE
"""Rows that a bucket is meant for: fill factor 75."""
HASH_ROOM = (PAGE - 24 - 16) // HASH_TUPLE
LEXEME = 14
"""Bytes of a ``tsvector`` for each lexeme: an entry of 4, some letters, and a position or two."""
GIST_SPACE = PAGE - 24 - 16 - 4
GIST_FILL, GIST_ORDERED_FILL = 0.65, 0.5
"""How full pages get by splitting, and where the table is in the order of the key so that nothing comes to the older half again.
Measured, not derived."""


def brin(table_pages: int, widths: Sequence[int], pages_per_range: int = PAGES_PER_RANGE) -> int:
    """Metapage, map, and one summary of two values for each column and range."""
    ranges = max(math.ceil(table_pages / pages_per_range), 1)
    summary = 8 + aligned(sum(2 * width for width in widths)) + 4
    return 1 + math.ceil(ranges / RANGES_PER_MAP) + math.ceil(ranges / ((PAGE - 24 - 8) // summary))


def hashed(cells: Sequence[Cells], rows: float, table_rows: float) -> int:
    """Metapage, bitmap, the buckets that the table's rows ask for (``_hash_init``), and what flows over.

    Where the buckets are no power of two, those that are not split yet have twice the rows of the others."""
    buckets = _buckets(table_rows / HASH_TARGET)
    places = 1 << (buckets - 1).bit_length()
    over = 0.0
    for number, share in ((places - buckets, 2 / places), (2 * buckets - places, 1 / places)):
        over += number * _overflow(cells, rows, share)
    return 2 + buckets + round(over)


def _overflow(cells: Sequence[Cells], rows: float, part: float) -> float:
    """Pages beyond the first of a bucket that gets ``part`` of the possible keys."""
    cells = [c for c in cells if not c.null]  # hash indexes hold no NULL
    light = [(c.count, c.share * rows) for c in cells if c.share * rows <= HASH_ROOM]
    mean = sum(count * each for count, each in light) * part
    spread = math.sqrt(sum(count * (each + each**2) for count, each in light) * part)
    load = NormalDist(mean, spread) if spread > 0 else None
    over = sum(1 - load.cdf(HASH_ROOM * page) for page in range(1, 9)) if load else 0.0
    heavy = [(c.count, c.share * rows) for c in cells if c.share * rows > HASH_ROOM]
    return over + part * sum(count * (math.ceil((each + mean) / HASH_ROOM) - 1) for count, each in heavy)


def _buckets(wanted: float) -> int:
    """Powers of two up to 512, then four steps between them (``_hash_spareindex``)."""
    if wanted <= 2:
        return 2
    power = math.ceil(math.log2(wanted))
    if power < 10:
        return 1 << power
    lower = 1 << (power - 1)
    return lower + math.ceil((wanted - lower) * 4 / lower) * lower // 4


def gist(width: int, rows: float, ordered: bool) -> int:
    """Leaves, and pages above with keys of the same width."""
    size = 8 + aligned(width) + 4
    room = max(GIST_SPACE / size * (GIST_ORDERED_FILL if ordered else GIST_FILL), 2.0)
    leaves = max(math.ceil(rows / room), 1)
    inner, _ = pages_above(leaves, room)
    return leaves + inner


def gist_width(type_: str, length: int, opclass: str | None, average: int) -> int:
    """Bytes of a leaf's key: points are kept as boxes, texts as their trigrams, lexemes as hashes, numbers (``btree_gist``) as two."""
    if type_ == "point":
        return 32
    if type_ == "tsvector":
        return 5 + 4 * max((average - 8) // LEXEME, 1)
    if opclass == "gist_trgm_ops":
        return 5 + 3 * (average + 1)
    if length > 0 and opclass is not None and opclass.startswith("gist_"):
        return 2 * length
    return length if length > 0 else average
