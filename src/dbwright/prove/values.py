"""SQL that makes a column's values from its statistics, one for each row, the same for the same seed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from dbwright.model.catalog import Column
from dbwright.model.statistics import ColumnStatistics
from dbwright.prove.literals import array, numbers
from dbwright.prove.segments import Segments

_WHOLE = frozenset(("int2", "int4", "int8"))
_FLOATS = frozenset(("float4", "float8"))
_MOMENTS = frozenset(("timestamp", "timestamptz", "time", "interval"))
_TEXTS = frozenset(("text", "varchar", "bpchar", "citext", "name"))
_ADDRESSES = frozenset(("inet",))
_MOST_ELEMENTS = 60
"""Frequent elements of an array column that are drawn, each by its own frequency."""
LONGEST = 8_000
"""Characters of a made-up text."""
_WORDS = (
    "the of and to in a is that for it was on are as with his they at be this from have or by one had not but what all were when we there"
    " can an your which their said if do will each about how up out them then she many some so these would other into has more her two"
    " like him see time could no make than first been its who now people my made over did down only way find use may water long little"
).split()
"""For texts of which nothing but the width is known."""


def random(seed: str, row: str = "i") -> str:
    """A number from 0 to below 1 for each row; ``seed`` tells columns apart."""
    return f"((hashint8extended({row}, {_number(seed)}) & 9007199254740991)::float8 / 9007199254740992)"


def _number(seed: str) -> int:
    return int.from_bytes(sha256(seed.encode()).digest()[:7], "big")


def place(seed: str, rows: int, correlation: float | None) -> str:
    """Where a row stands among all rows ordered by the column: by lot, and with the correlation's share where the row itself stands."""
    lot, share = random(f"{seed} place"), abs(correlation or 0.0)
    if share < 0.05 or rows < 2:
        return lot
    own = f"((i % {rows}) + {random(f'{seed} within')}) / {rows}"
    own = own if (correlation or 0.0) > 0 else f"1 - ({own})"
    return f"CASE WHEN {random(f'{seed} order')} < {share!r} THEN least({own}, 0.9999999999) ELSE {lot} END"


def beyond_ties(known: ColumnStatistics | None) -> float | None:
    """The correlation beyond what rows of equal values have by themselves: these count as in order among each other."""
    if known is None or known.correlation is None:
        return None
    filled = max(1.0 - known.null_fraction, 1e-9)
    ties = min(sum((share / filled) ** 2 for share in known.common_frequencies), 0.999)
    beyond = max(abs(known.correlation) - ties, 0.0) / (1 - ties)
    return beyond if known.correlation > 0 else -beyond


def permuted(seed: str, rows: int, correlation: float | None) -> str:
    """A different number below ``rows`` for each row: its own where the column is in the table's order, else by a fixed shuffle."""
    if rows < 2 or (correlation or 0.0) > 0.9:
        return "i"
    if (correlation or 0.0) < -0.9:
        return f"({rows} - 1 - i)"
    step = _coprime(_number(f"{seed} step") % rows, rows)
    return f"((i * {step} + {_number(f'{seed} shift') % rows}) % {rows})"


def _coprime(number: int, rows: int) -> int:
    from math import gcd

    number = max(number, 1)
    while gcd(number, rows) != 1:
        number += 1
    return number


def from_segments(column: Column, segments: Segments, q: str, s: str) -> str:
    """The value at place ``q``, which lies in piece ``s``."""
    starts = numbers(segments.starts)
    low = array((piece.low for piece in segments.pieces), column.type)
    high = array((piece.high for piece in segments.pieces), column.type)
    inside = f"(({q} - ({starts})[{s}]) / nullif(({starts})[{s} + 1] - ({starts})[{s}], 0))"
    many = max(segments.per_bucket, 1.0)
    step = f"floor(coalesce({inside}, 0) * {many!r})"
    return between(column, f"({low})[{s}]", f"({high})[{s}]", f"({step} / {many!r})", step)


def lower_end(column: Column, segments: Segments, q: str) -> str:
    """The known value at or below place ``q``."""
    return f"({array((piece.low for piece in segments.pieces), column.type)})[width_bucket({q}, {numbers(segments.starts[:-1])})]"


def between(column: Column, low: str, high: str, share: str, step: str) -> str:
    """The value that lies by ``share`` between two, the ``step``-th of those between them. What has no arithmetic takes the lower one."""
    base, apart = column.base_type, f"{low} IS DISTINCT FROM {high}"
    if base in _WHOLE:
        return f"({low} + floor(({high}::float8 - {low}::float8) * {share})::int8)::{column.type}"
    if base == "numeric":
        scale = re.search(r",(\d+)\)", column.type)
        made = f"{low} + ({high} - {low}) * {share}::numeric"
        return f"round({made}, {scale[1]})" if scale else f"round({made}, 6)"
    if base in _FLOATS:
        return f"({low} + ({high} - {low}) * {share})"
    if base in _MOMENTS:
        return f"({low} + ({high} - {low}) * {share})"
    if base == "date":
        return f"({low} + floor(({high} - {low}) * {share})::int)"
    if base == "uuid":
        return f"CASE WHEN {apart} AND {step} > 0 THEN {uuid_between(low, high, share)} ELSE {low} END"
    if base in _TEXTS:
        return f"CASE WHEN {apart} AND {step} > 0 THEN {suffixed(column, low, f'{step}::int8')} ELSE {low} END"
    if base in _ADDRESSES:
        return f"CASE WHEN {apart} AND {step} > 0 THEN {low} + ({step}::int8 % 200) ELSE {low} END"
    if base == "jsonb":
        more = f"{low} || jsonb_build_object('~', {step})"
        return f"CASE WHEN {apart} AND {step} > 0 AND jsonb_typeof({low}) = 'object' THEN {more} ELSE {low} END"
    return low


def uuid_between(low: str, high: str, share: str) -> str:
    """By its first 48 bits; the others are made of these, so that the same place gives the same value."""
    first, last = (f"('x' || left(replace({end}::text, '-', ''), 12))::bit(48)::int8" for end in (low, high))
    bits = f"lpad(to_hex({first} + floor(({last} - {first})::float8 * {share})::int8), 12, '0')"
    return f"({bits} || substr(md5({bits}), 1, 20))::uuid"


def suffixed(column: Column, text: str, number: str) -> str:
    """A text with a number at its end, in place of its last characters where it has enough of them."""
    longest = column.max_length or LONGEST
    kept = f"greatest(least(length({text}::text), {longest}) - 1 - length(({number})::text), length({text}::text) / 2)"
    kept = f"least({kept}, {longest} - 1 - length(({number})::text))" if column.max_length else kept
    return f"(left({text}::text, {kept}) || '~' || {number})"


def different(column: Column, value: str) -> str:
    """The value, made another one in each row."""
    if column.base_type in _TEXTS:
        return suffixed(column, f"coalesce({value}, '')", "i")
    if column.base_type in _WHOLE:
        return f"(1000000 + i)::{column.type}"
    if column.base_type in ("timestamp", "timestamptz"):
        return f"({value} + interval '1 microsecond' * i)"
    return f"({value} + i::int)" if column.base_type == "date" else value


def unknown(column: Column, known: ColumnStatistics | None, rows: float, seed: str) -> str | None:
    """A value of which nothing but its type, its width and how many there are is known. None where no such value can be made."""
    distinct = max(known.distinct_values(rows) if known else rows, 1.0)
    number = f"floor({random(f'{seed} unknown')} * {distinct!r})::int8"
    base = column.base_type
    if base in _WHOLE:
        most = {"int2": 32_000, "int4": 2_000_000_000}.get(base)
        return f"({number}{f' % {most}' if most else ''})::{column.type}"
    if base in _FLOATS or base == "numeric":
        return f"({number} % 100)::{column.type}"
    if base == "bool":
        return f"({number} % 2 = 0)"
    if base in ("timestamp", "timestamptz"):
        return f"(timestamp '2025-01-01' + interval '1 minute' * ({number} % 500000))"
    if base == "date":
        return f"(date '2025-01-01' + ({number} % 365)::int)"
    if base == "uuid":
        return f"md5('{_number(seed)}' || {number})::uuid"
    if base in _TEXTS:
        return words(column, known.average_width if known else 20, number, seed)
    if base in ("jsonb", "json"):
        width = max((known.average_width if known else 60) - 20, 5)
        return f"json_build_object('text', {words(None, width, number, seed)})::{base}"
    if base == "bytea":
        return f"decode(repeat(md5(({number})::text), {max(round((known.average_width if known else 16) / 16), 1)}), 'hex')"
    return None


def words(column: Column | None, width: int, number: str, seed: str) -> str:
    """Words of about that width, with the number before them."""
    longest = min(column.max_length if column and column.max_length else LONGEST, LONGEST)
    width = max(min(width, longest), 1)
    text = " ".join(_WORDS) + " "
    text *= 1 + (width + 1000) // len(text)
    begin = f"1 + ({number} + {_number(seed) % 1000}) % 500"
    return f"left(to_hex({number}) || ' ' || substr('{text[: width + 600]}', ({begin})::int, {width}), {longest})"


def one_of(column: Column, known: Sequence[str], seed: str) -> str:
    """One of some values, each as often as the others."""
    return f"({array(known, column.type)})[1 + floor({random(seed)} * {len(known)})::int]"


def elements(column: Column, known: ColumnStatistics, seed: str) -> str | None:
    """An array of its frequent elements, each by its own frequency; a ``tsvector`` likewise."""
    pairs = list(zip(known.common_elements, known.common_element_frequencies, strict=False))[:_MOST_ELEMENTS]
    if not pairs:
        return None
    kind = "text" if column.base_type == "tsvector" else column.type.removesuffix("[]")
    values = array((value for value, _ in pairs), kind)
    shares = numbers(share for _, share in pairs)
    lot = f"((hashint8extended(i * 64 + e.n, {_number(seed + ' elements')}) & 9007199254740991)::float8 / 9007199254740992)"
    chosen = (
        f"ARRAY(SELECT ({values})[e.n] FROM generate_series(1, {len(pairs)}) AS e(n) WHERE {lot} < ({shares})[e.n])"  # noqa: S608
    )
    return f"array_to_tsvector({chosen})" if column.base_type == "tsvector" else f"{chosen}::{column.type}"
