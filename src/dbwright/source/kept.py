"""A Source as bytes, for the cache and between processes: each statement is written once, however many lines send it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from dbwright.model.query import Query
from dbwright.model.source import Source


@dataclass(frozen=True)
class Kept:
    """``queries`` are the distinct ones; ``which`` gives for each of ``source.queries``, which stand there without theirs, its number
    (-1: none)."""

    source: Source
    queries: tuple[Query, ...]
    which: tuple[int, ...]


def encode(source: Source) -> bytes:
    """The bytes of a Source."""
    numbers: dict[Query, int] = {}
    which = [-1 if q.query is None else numbers.setdefault(q.query, len(numbers)) for q in source.queries]
    bare = replace(source, queries=tuple(replace(q, query=None) for q in source.queries))
    return msgspec.msgpack.encode(Kept(bare, tuple(numbers), tuple(which)))


def decode(data: bytes) -> Source:
    """The Source of its bytes. Raises ValueError when they are none."""
    kept = msgspec.msgpack.decode(data, type=Kept)
    try:
        found = [
            query if number < 0 else replace(query, query=kept.queries[number])
            for query, number in zip(kept.source.queries, kept.which, strict=True)
        ]
    except IndexError as error:
        raise ValueError(f"a statement is missing: {error}") from None
    return replace(kept.source, queries=tuple(found))
