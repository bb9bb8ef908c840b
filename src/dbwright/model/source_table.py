"""Tables as a project's source defines them.

Files are named relative to the project's root with forward slashes; lines count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Framework = Literal["django", "sqlalchemy", "sql"]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the project and the function (``Class.method``) that it stands in."""

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class SourceReference:
    """A foreign key in the code. ``on_delete`` is what the framework does, ``database_on_delete`` what the database is told."""

    table: str
    column: str
    on_delete: str | None = None
    database_on_delete: str | None = None


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as the code defines it. ``field`` is the attribute's name, ``type`` PostgreSQL's, ``options`` what else the field says
    that rules want to know (``choices``, ``validators``, ``auto_now``, ``blank``, ``default``: plain values)."""

    name: str
    field: str
    type: str | None
    not_null: bool
    primary_key: bool = False
    unique: bool = False
    has_default: bool = False
    references: SourceReference | None = None
    line: int = 0
    file: str = ""
    field_class: str = ""
    options: tuple[tuple[str, Any], ...] = ()

    def option(self, name: str) -> Any:
        return next((value for key, value in self.options if key == name), None)

    @property
    def validated_range(self) -> tuple[float | None, float | None]:
        """The least and the greatest value that Django's validators let through, each None where none says so."""
        bounds: dict[str, float] = {}
        for entry in self.option("validators") or ():
            if isinstance(entry, list | tuple) and len(entry) == 2 and isinstance(entry[1], int | float):
                bounds[str(entry[0])] = float(entry[1])
        return bounds.get("MinValueValidator"), bounds.get("MaxValueValidator")


@dataclass(frozen=True, slots=True)
class SourceIndex:
    """An index in the code. ``columns`` are names, or expressions as text (then ``is_expression``); ``implicit``: made by a field's own
    option or by a foreign key; ``nulls_not_distinct``: two rows with NULL count as equal."""

    name: str | None
    columns: tuple[str, ...]
    unique: bool = False
    method: str = "btree"
    descending: tuple[bool, ...] = ()
    is_expression: tuple[bool, ...] = ()
    opclasses: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    condition: str | None = None
    implicit: bool = False
    line: int = 0
    nulls_not_distinct: bool = False


@dataclass(frozen=True, slots=True)
class SourceConstraint:
    """A constraint in the code; ``kind`` as in the catalog."""

    name: str | None
    kind: Literal["primary key", "unique", "check", "foreign key", "exclusion"]
    columns: tuple[str, ...] = ()
    condition: str | None = None
    deferrable: bool = False
    line: int = 0
    nulls_not_distinct: bool = False


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table as the code defines it. ``symbol`` is the class (``shop.models.Order``) or the variable; ``ordering`` the default order
    in the framework's own words; ``owned``: the class stands in the project, not in a library."""

    name: str
    schema: str | None
    symbol: str
    place: Place
    framework: Framework
    columns: tuple[SourceColumn, ...] = ()
    indexes: tuple[SourceIndex, ...] = ()
    constraints: tuple[SourceConstraint, ...] = ()
    ordering: tuple[str, ...] = ()
    managed: bool = True
    owned: bool = True
    through: bool = False

    def column(self, name: str) -> SourceColumn | None:
        return next((c for c in self.columns if c.name == name), None)
