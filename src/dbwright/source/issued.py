"""The record of a query that is issued, as the frameworks' readers make it while a function is walked."""

from __future__ import annotations

from dataclasses import dataclass

from dbwright.model.source import Framework, Issued, Parameter
from dbwright.source.events import Place


@dataclass(frozen=True, slots=True)
class Origin(Place):
    """Where the query of a row was made, the lines that built it further, and its table: two that begin at one line are told apart."""

    built: tuple[Place, ...] = ()
    table: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedQuery:
    """A query sent to the database. ``made`` is None when it was built in a stub (then it is where it is issued).

    ``sql`` has ``%s`` placeholders in the order of ``parameters``. ``rows`` of a loop over this query's rows is this record.
    """

    framework: Framework
    issued_by: Issued
    made: Place | None
    sql: str | None = None
    parameters: tuple[Parameter, ...] = ()
    symbol: str | None = None
    table: str | None = None
    relation: str | None = None
    unknown: str | None = None
    partial: str | None = None
    in_async: bool = False
    in_transaction: bool = False
    request_text: bool = False
    built: tuple[Place, ...] = ()
    """The lines after ``made`` that made the query what it is."""
    owner: Place | None = None
    """Where the query was made whose rows ``relation`` starts from."""
    whole: bool = False
    """All rows of a relation are asked for, as prefetching keeps them."""
    asked: Place | None = None
    """Of rows that were prefetched with a queryset of their own, made elsewhere: where they are asked for."""
    consumer: str = ""
    """What asked for it, in a word: iterated, len, bool, save, get_or_create, touch …"""

    @property
    def origin(self) -> Origin | None:
        """What tells the rows of this query from those of others."""
        if self.made is None:
            return None
        return Origin(self.made.file, self.made.line, self.made.function, self.built, self.table)
