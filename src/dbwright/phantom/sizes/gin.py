"""The size of a GIN index right after it was built (``src/backend/access/gin``).

Its entries are the elements that the rows are made of: members of an array, lexemes, trigrams, keys and values of a document. Each has the
list of the rows it is in, packed into one to four bytes a row, in its own tuple while that is small, else in a tree of its own, whose pages
are filled completely. Entries are inserted in their order, so that a page is split in the middle and its left half stays as it is.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dbwright.model.statistics import ColumnStatistics
from dbwright.phantom.sizes.btree import PAGE, aligned, pages_above

ENTRY_SPACE = PAGE - 24 - 8
"""Bytes of an entry page less its header and its special space."""
LIST_SPACE = PAGE - 24 - 8 - 8
"""Bytes of a posting tree's page less header, right bound and special space (``GinDataPageMaxDataSize``)."""
LARGEST = (PAGE - 40 - 8) // 3 // 8 * 8
"""Bytes of the largest entry tuple (``GinMaxItemSize``); a longer list becomes a tree."""
SEGMENT, SEGMENT_HEADER = 256, 8
"""Bytes of a packed piece of a list (``GinPostingListSegmentTargetSize``), and of its first row's pointer."""
CHILDREN = 815
"""Downlinks that an inner page of a posting tree has room for: 10 bytes each."""
HASHED = 125
"""``jsonb_ops`` stores a hash of longer strings (``JGIN_MAXLENGTH``)."""
UNKNOWN_ELEMENTS, UNKNOWN_KINDS = 8, 1000
"""Elements of a row, and different ones in all, where nothing tells of them."""
UNKNOWN_BYTES = 8
RELIABLE = 10
"""An element that a sample of rows shows so often is about as frequent as the sample says; the rarer ones are told together."""


@dataclass(frozen=True, slots=True)
class Elements:
    """``count`` elements, each in ``share`` of the rows, whose keys take ``bytes``."""

    count: float
    share: float
    bytes: int


def build(elements: Sequence[Elements], rows: float, rows_per_page: float) -> int:
    """Pages of the index, its metapage included."""
    entries = entry_bytes = key_bytes = 0.0
    trees = 0.0
    if rows < 1:
        return 2
    for element in elements:
        listed = element.count if rows * element.share >= 1 else element.count * -math.expm1(-rows * element.share)
        size, pages = _entry(element, rows, rows_per_page)
        entries += listed
        entry_bytes += listed * size
        key_bytes += listed * (aligned(8 + element.bytes) + 4)
        trees += listed * pages
    if entries < 1:
        return 2
    leaves = 1 if entry_bytes <= ENTRY_SPACE else math.ceil(entry_bytes / _left_half(entry_bytes / entries))
    inner, _ = pages_above(leaves, ENTRY_SPACE / 2 / (key_bytes / entries))
    return 1 + leaves + inner + round(trees)


def _left_half(size: float) -> float:
    """Bytes that stay on an entry page when a tuple of ``size`` bytes too much splits it: tuples until they are more than half."""
    return min((ENTRY_SPACE + size / 2) / 2 + size / 2, ENTRY_SPACE)


def _entry(element: Elements, rows: float, rows_per_page: float) -> tuple[int, float]:
    """Bytes of an entry's tuple with its line pointer, and the pages of its tree."""
    number = max(rows * element.share, 1)
    key = aligned(8 + element.bytes)
    packed = (number - 1) * row_bytes(number / rows, rows_per_page)
    alone = aligned(key + math.ceil(SEGMENT_HEADER + packed))
    if alone <= LARGEST:
        return alone + 4, 0
    segments = packed / (SEGMENT - SEGMENT_HEADER)
    leaves = segments * SEGMENT / (LIST_SPACE - SEGMENT / 2)
    if leaves <= 1:
        return key + 4, 1.0
    return key + 4, leaves + 0.5 + math.ceil(leaves / CHILDREN)  # half of the last page is empty on average


def row_bytes(share: float, rows_per_page: float) -> float:
    """Bytes of one more row in a list that ``share`` of all rows are in, these lying anywhere in the table.

    What is stored is the distance to the row before, 2048 for each page and one for each place on it, seven bits a byte."""
    page = -math.expm1(-share * rows_per_page)
    first = page / (share * rows_per_page)
    beyond = [(1 - page) ** pages for pages in (7, 1023, 131071)]
    return (1 - first) + first * (2 + sum(beyond))


def elements_of(statistics: ColumnStatistics | None, rows: float, type_: str, opclass: str | None) -> list[Elements]:
    """What rows of a column are made of, for the operator class that the index is to have."""
    if statistics is None:
        return [Elements(UNKNOWN_KINDS, UNKNOWN_ELEMENTS / UNKNOWN_KINDS, UNKNOWN_BYTES)]
    nulls = [Elements(1, statistics.null_fraction, 0)] if statistics.null_fraction > 0 else []
    return nulls + _present(statistics, rows, type_, opclass)


def _present(statistics: ColumnStatistics, rows: float, type_: str, opclass: str | None) -> list[Elements]:
    width = _key_width(type_, opclass)
    if statistics.common_element_frequencies and type_ != "jsonb":
        return _measured(statistics, width)
    split = _splitter(type_, opclass)
    if split and (statistics.common_values or statistics.histogram):
        return _sampled(statistics, rows, split, width)
    number = max(statistics.average_width / 10 if type_ == "jsonb" else statistics.average_width, 1)
    return [Elements(UNKNOWN_KINDS, min(number * (1 - statistics.null_fraction) / UNKNOWN_KINDS, 1), 4)]


def _measured(statistics: ColumnStatistics, width: Callable[[str], int]) -> list[Elements]:
    """By the most common elements, the rest continuing as the tail of these does."""
    counts = statistics.element_count_histogram
    behind = 3 if counts else 2  # arrays: the least frequency, the largest, and that of NULL; tsvector: the first two
    frequencies = sorted((f for f in statistics.common_element_frequencies[:-behind] if f > 0), reverse=True)
    widths = [width(element) for element in statistics.common_elements] or [UNKNOWN_BYTES]
    bytes_ = round(sum(widths) / len(widths))
    # A tsvector has an entry of 4 bytes, the lexeme, and 2 + 2 bytes of positions for each, aligned.
    number = counts[-1] if counts else (statistics.average_width - 8) / (bytes_ + 7.5)
    left = number - sum(frequencies)
    tail = _tail(frequencies, left) if left > 0.005 * number and frequencies else ()
    present = 1 - statistics.null_fraction
    common = [Elements(1, f * present, bytes_) for f in frequencies]
    return _together(common + [Elements(count, f * present, bytes_) for count, f in tail])


def _tail(frequencies: Sequence[float], left: float) -> Iterator[tuple[float, float]]:
    """Numbers and frequencies of rarer elements that are ``left`` of each row, falling with their rank as those before did."""
    known = len(frequencies)
    last, before = frequencies[-1], frequencies[known // 4]
    slope = min(max(math.log(before / last) / math.log(4), 0.0), 2.0) if known >= 8 else 1.0
    rank = float(known)
    while left > 0 and rank < 1e9:
        frequency = last * (rank * 1.2 / known) ** -slope
        number = min(rank * 0.4, left / frequency)
        yield number, frequency
        left -= number * frequency
        rank *= 1.4


def _sampled(
    statistics: ColumnStatistics, rows: float, split: Callable[[str], set[str]], width: Callable[[str], int]
) -> list[Elements]:
    """By the values that the statistics show: each common one with its frequency, and the histogram's for all others."""
    common: defaultdict[str, float] = defaultdict(float)
    for text, frequency in zip(statistics.common_values, statistics.common_frequencies, strict=False):
        for element in split(text):
            common[element] += frequency
    seen: Counter[str] = Counter()
    for text in statistics.histogram:
        seen.update(split(text))
    shown = max(len(statistics.histogram), 1)
    others = 1 - statistics.null_fraction - sum(statistics.common_frequencies)
    rare = [element for element, times in seen.items() if times < RELIABLE and element not in common]
    known = (common.keys() | seen.keys()) - set(rare)
    elements = [Elements(1, min(common[e] + others * seen[e] / shown, 1.0), width(e)) for e in sorted(known)]
    if rare and others > 0:
        times = [seen[element] for element in rare]
        # What was not seen by Chao's estimate, but not more than all different values could have.
        unseen = times.count(1) ** 2 / (2 * max(times.count(2), 1))
        most = statistics.distinct_values(rows) * sum(times) / shown
        number = max(min(len(rare) + unseen, most), len(rare))
        mean_width = round(sum(map(width, rare)) / len(rare))
        elements.append(Elements(number, min(others * sum(times) / shown / number, 1.0), mean_width))
    return _together(e for e in elements if e.share > 0)


def _together(elements: Iterable[Elements]) -> list[Elements]:
    """Elements of about equal frequency and equal width as one kind."""
    groups: defaultdict[tuple[int, int], tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for element in elements:
        key = round(4 * math.log2(element.share)), element.bytes
        count, mass = groups[key]
        groups[key] = count + element.count, mass + element.count * element.share
    return [Elements(count, mass / count, width) for (_, width), (count, mass) in groups.items()]


def _key_width(type_: str, opclass: str | None) -> Callable[[str], int]:
    if opclass in ("gin_trgm_ops", "jsonb_path_ops") or type_ in ("_int4", "_date", "_float4", "_oid"):
        return lambda _: 4
    if type_ in ("_int8", "_timestamptz", "_timestamp", "_float8"):
        return lambda _: 8
    if type_ == "_uuid":
        return lambda _: 16
    return lambda text: 1 + len(text.encode())


def _splitter(type_: str, opclass: str | None) -> Callable[[str], set[str]] | None:
    if opclass == "gin_trgm_ops":
        return trigrams
    if type_ == "jsonb":
        return _paths if opclass == "jsonb_path_ops" else _members
    return None


def trigrams(text: str) -> set[str]:
    """As ``pg_trgm`` makes them: words in lower case with two blanks before and one behind."""
    found: set[str] = set()
    for word in re.findall(r"\w+", text.lower()):
        padded = f"  {word} "
        found.update(padded[i : i + 3] for i in range(len(padded) - 2))
    return found


def _members(text: str) -> set[str]:
    """Entries of ``jsonb_ops``: each key, and each value, with a letter for its kind."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                found.add("K" + key[:HASHED])
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, str):
                    found.add("K" + inner[:HASHED])
                else:
                    walk(inner)
        else:
            found.add("V" + str(value)[:HASHED])

    _read(text, walk)
    return found


def _paths(text: str) -> set[str]:
    """Entries of ``jsonb_path_ops``: a hash of each value with the keys above it."""
    found: set[str] = set()

    def walk(value: Any, path: str = "") -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}\0{key}")
        elif isinstance(value, list):
            for inner in value:
                walk(inner, path)
        else:
            found.add(f"{path}\0\0{value}")

    _read(text, walk)
    return found


def _read(text: str, walk: Callable[[Any], None]) -> None:
    """Values that were cut or are masked are passed over: they tell nothing."""
    try:
        walk(json.loads(text))
    except (ValueError, RecursionError):
        return
