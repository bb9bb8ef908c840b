"""An edit of the source that a finding proposes: what to write into the expression that builds a query at a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dbwright.model.source_table import Place

Doing = Literal["select_related", "prefetch_related", "selectinload", "count", "exists"]


@dataclass(frozen=True, slots=True)
class CodeEdit:
    """What is written at a line, as long as the text there leaves no doubt how; it is good only once it has been tried.

    * ``select_related``, ``prefetch_related``, ``selectinload``: the relations in ``names`` are loaded along with the rows of ``model``
      (the class, ``shop.models.Book``), by the queryset or statement that is built at ``place``.
    * ``count``: ``len(queryset)`` becomes ``queryset.count()``.
    * ``exists``: a queryset that is tested, or counted to be tested, becomes ``queryset.exists()``. ``names`` is the variable, where
      there is one.
    """

    place: Place
    do: Doing
    names: tuple[str, ...] = ()
    model: str = ""

    @property
    def words(self) -> str:
        """As people name it: ``.select_related("author") at shop/views.py:12``."""
        named = ", ".join(f'"{name}"' for name in self.names if self.do not in ("count", "exists"))
        return f".{self.do}({named}) at {self.place}"


def together(edits: Iterable[CodeEdit]) -> tuple[tuple[CodeEdit, ...], ...]:
    """The edits of one function stand and fall together, those of others by themselves."""
    groups: dict[tuple[str, str], dict[CodeEdit, None]] = {}
    for edit in edits:
        groups.setdefault((edit.place.file, edit.place.function), {})[edit] = None
    return tuple(tuple(group) for group in groups.values())
