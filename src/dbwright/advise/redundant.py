"""Indexes that look superfluous: another one gives all that they give, or nobody reads them. Pure; whether they may go is for the
witnesses to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dbwright.advise.existing import answers_for
from dbwright.advise.implication import implies
from dbwright.model.catalog import Index, Table
from dbwright.model.change import CreateIndex
from dbwright.model.index_use import (
    columns_text,
    holds_payload,
    is_half_of_a_pair,
    is_idle_cover,
    is_plain,
    keep_rank,
    leads,
    own_tables,
    size_of,
    use_of,
)
from dbwright.model.snapshot import Snapshot

LEAST_BYTES = 1024**2
"""Smaller ones are not worth a change, but for exact copies."""


@dataclass(frozen=True, slots=True)
class Cover:
    """An index that gives what another one gives: one that exists, or ``new``, one that is advised. ``how`` says why, in words."""

    name: str
    how: str
    index: Index | None = None
    new: CreateIndex | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """An index that looks superfluous: because of its ``covers``, the best first, or because it is ``idle``, never read on any node."""

    table: Table
    index: Index
    bytes: int
    covers: tuple[Cover, ...]
    idle: bool


def suspects(snapshot: Snapshot, advised: Sequence[CreateIndex]) -> list[Suspect]:
    """All indexes that look superfluous beside the others and the advised ones, in the order in which they are to be judged: those that
    only lie idle first, so that none is said to be answered for by one that goes."""
    found = list(_found(snapshot, advised))
    return sorted(found, key=lambda s: (bool(s.covers), -s.bytes, s.table.schema, s.table.name, s.index.name))


def _found(snapshot: Snapshot, advised: Sequence[CreateIndex]) -> Iterator[Suspect]:
    for table, indexes in own_tables(snapshot):
        new = [one for one in advised if (one.schema, one.table) == (table.schema, table.name)]
        for index in indexes:
            use = use_of(snapshot, index)
            if use is None or index.parent_oid is not None:
                continue
            covers = tuple(_covers(snapshot, table, index, indexes, new))
            idle = not use.scans and use.last_scan is None and not (index.is_unique or index.is_exclusion)
            if idle and not covers and is_half_of_a_pair(snapshot, indexes, index):
                continue
            least = 0 if any(cover.how == _SAME for cover in covers) else LEAST_BYTES
            if (covers or idle) and use.bytes >= least:
                yield Suspect(table, index, use.bytes, covers, idle)


_SAME = "is the same index"


def _covers(
    snapshot: Snapshot, table: Table, index: Index, indexes: Sequence[Index], advised: Sequence[CreateIndex]
) -> Iterator[Cover]:
    others = sorted((o for o in indexes if o.oid != index.oid), key=lambda o: keep_rank(snapshot, table, o))
    found = [(other, _how(snapshot, table, other, index)) for other in others]
    yield from (Cover(other.name, how, index=other) for other, how in found if how)
    if not index.is_unique and is_plain(snapshot, table, index):
        how = "is advised and gives all that it gives"
        yield from (Cover(one.name, how, new=one) for one in advised if answers_for(one, index))


def _how(snapshot: Snapshot, table: Table, wide: Index, narrow: Index) -> str | None:
    """Why the wide index gives all that the narrow one gives, None when it does not."""
    if not _keeps_unique(wide, narrow) or wide.is_exclusion != narrow.is_exclusion:
        return None
    if _is_same(wide, narrow):
        return _SAME if keep_rank(snapshot, table, wide) < keep_rank(snapshot, table, narrow) else None
    if not leads(wide, narrow) or not holds_payload(wide, narrow) or is_idle_cover(snapshot, wide, narrow):
        return None
    if wide.predicate != narrow.predicate:
        return "holds all its rows" if implies(narrow.predicate, wide.predicate) else None
    if len(wide.keys) > len(narrow.keys):
        return "begins with its keys"
    wider = set(wide.include) > set(narrow.include)
    if wider or keep_rank(snapshot, table, wide) < keep_rank(snapshot, table, narrow):
        return "has its keys and carries more" if wider else "has its keys"
    return None


def _is_same(one: Index, other: Index) -> bool:
    """The same in all but the name: also of other access methods than B-trees."""
    nameless = {"oid": 0, "name": "", "definition": "", "constraint": None, "is_primary": False, "options": ()}
    nameless |= {"is_clustered": False, "is_replica_identity": False, "is_unique": False, "nulls_not_distinct": False}
    return replace(one, **nameless) == replace(other, **nameless)  # type: ignore[arg-type]


def _keeps_unique(wide: Index, narrow: Index) -> bool:
    """Whether the wide one stops the same second rows, where the narrow one stops any."""
    if not narrow.is_unique:
        return True
    same_keys = len(wide.keys) == len(narrow.keys) and wide.predicate == narrow.predicate
    return wide.is_unique and same_keys and wide.nulls_not_distinct == narrow.nulls_not_distinct


def looks_so(suspect: Suspect, cover: Cover | None) -> str:
    """Why it looks superfluous, in words."""
    keys = columns_text(suspect.index)
    return f"({keys}): {cover.name} {cover.how}" if cover else f"({keys}): nobody reads it"


def ratio(snapshot: Snapshot, suspect: Suspect, cover: Cover) -> float:
    """How many times as large the cover is; 1 for one that does not exist yet, whose plans tell enough."""
    return size_of(snapshot, suspect.table, cover.index) / max(suspect.bytes, 1) if cover.index else 1.0
