"""Findings on a migration, and what a check may ask of the statement that it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dbwright.model.quoting import quote_identifier
from dbwright.model.wording import bytes_text, counted, duration
from dbwright.safety.nodes import Name, Node, commands, dotted, names, relation
from dbwright.safety.observed import BLOCKS_READS, Observation
from dbwright.safety.scratch import Prior, Relation
from dbwright.safety.statements import Framework, Script, Statement

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
SMALL_ROWS = 10_000
"""A table of so few rows is read or written anew in some tens of milliseconds: what locks it for that long is told as info."""


@dataclass(frozen=True, slots=True)
class Check:
    """A defect that migrations have. ``name`` follows ``migrations/`` in its id, ``why`` is the PostgreSQL reason, in a sentence or two.
    ``covers``: checks of the catalogue of rivals that it stands for."""

    name: str
    severity: Severity
    why: str
    covers: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"migrations/{self.name}"


@dataclass(frozen=True, slots=True)
class Finding:
    """``observed``: it was seen on the scratch server, not told by the text. ``rewrite`` is the safe way, in the words of the migration's
    framework; ``counting`` a query that counts the rows that would break the statement, ``rows`` its answer; ``disk`` the bytes that it
    needs beside what is there, estimated."""

    check: str
    severity: Severity
    message: str
    why: str
    line: int
    table: str | None = None
    column: str | None = None
    observed: bool = False
    rewrite: str | None = None
    counting: str | None = None
    rows: int | None = None
    statement: int | None = None
    disk: int | None = None


@dataclass
class State:
    """What is known of a script before the statement that is looked at."""

    script: Script
    prior: Prior
    major: int
    """PostgreSQL's major version where the migration will run."""
    sizes: Mapping[Name, int] = field(default_factory=dict)
    """Rows of the real tables, where they are known."""
    invented_tables: frozenset[Name] = frozenset()
    """Tables of which only the migration tells."""
    begins_itself: bool = False
    """The file begins and ends its transactions."""
    made: set[str] = field(default_factory=set)
    made_columns: set[tuple[Name, str]] = field(default_factory=set)
    made_names: set[str] = field(default_factory=set)
    renamed: dict[str, Name] = field(default_factory=dict)
    unvalidated: dict[str, int | None] = field(default_factory=dict)
    """Constraints added NOT VALID, with the transaction that added them."""
    dropped_constraints: set[tuple[Name, str]] = field(default_factory=set)
    lock_timeout: str | None = None
    statement_timeout: str | None = None
    local_limits: dict[str, str | None] = field(default_factory=dict)
    """What the limits were before this transaction set them for itself."""
    told_limit: bool = False
    altered_in: dict[tuple[Name, int | None], int] = field(default_factory=dict)
    exclusive: dict[Name, int] = field(default_factory=dict)
    """Tables that this transaction holds an ACCESS EXCLUSIVE lock on, with the line of the statement that took it."""
    defaults_set: dict[tuple[Name, str], int] = field(default_factory=dict)
    """Columns added as NOT NULL with a default, with the line."""

    def end_transaction(self) -> None:
        """Its locks are given back, and so are the limits that it set for itself."""
        self.exclusive.clear()
        for name, value in self.local_limits.items():
            setattr(self, name, value)
        self.local_limits.clear()


@dataclass(frozen=True)
class Step:
    """A statement with what is known before it and what running it showed."""

    number: int
    statement: Statement
    observation: Observation | None
    state: State

    @property
    def kind(self) -> str:
        return self.statement.kind

    @property
    def node(self) -> Node:
        return self.statement.node

    @property
    def framework(self) -> Framework:
        return self.state.script.framework

    @property
    def ran(self) -> Observation | None:
        """What running it showed; None when it was not run, or failed."""
        return self.observation if self.observation is not None and self.observation.error is None else None

    # Names -------------------------------------------------------------------------------------------------------------------

    def relation(self, name: Name) -> Relation | None:
        """The relation as it was before the migration; None for one that the migration makes, or that nobody knows."""
        if name[1] in self.state.made:
            return None
        if name[1] in self.state.renamed:
            return self.state.prior.find(self.state.renamed[name[1]])
        return self.state.prior.find(name)

    def exists(self, name: Name) -> bool:
        """Whether a table was there before the migration, so that somebody may use it. One that nobody knows is taken to be."""
        if name[1] in self.state.made:
            return False
        known = self.relation(name)
        return known is None or known.relkind != "v"

    def key(self, name: Name) -> Name:
        """A table's name as observations tell it."""
        known = self.relation(name)
        return known.key if known is not None else (name[0] or "public", name[1])

    def altered(self) -> Iterator[tuple[Name, Node]]:
        """The parts of an ALTER TABLE on a table that was there before."""
        if self.kind == "AlterTableStmt" and self.node.get("objtype", "OBJECT_TABLE") in (
            "OBJECT_TABLE",
            "OBJECT_FOREIGN_TABLE",
        ):
            name = relation(self.node["relation"])
            if self.exists(name):
                yield from ((name, one) for one in commands(self.node))

    def dropped(self, *kinds: str) -> Iterator[Name]:
        """What a DROP of these kinds names."""
        if self.kind == "DropStmt" and self.node.get("removeType") in kinds:
            yield from (dotted(one) for one in self.node.get("objects", ()))

    # What was seen -----------------------------------------------------------------------------------------------------------

    def scans(self, name: Name, told: bool = True) -> bool:
        """Whether the statement reads the whole table; ``told`` is what its text says, for one that could not be looked at."""
        key = self.key(name)
        known = self.relation(name)
        if self.ran is None or known is None or not self.state.prior.rows.get(known.oid):
            return told
        return key in self.ran.scanned or key in self.ran.rewritten

    def rewrites(self, name: Name, told: bool = True) -> bool:
        """Whether the statement writes the whole table anew."""
        if self.ran is None or self.relation(name) is None:
            return told
        return self.key(name) in self.ran.rewritten

    def takes(self, *modes: str) -> set[Name]:
        """Tables that were there before, and that the statement locks in one of these modes, for the first time in the transaction or
        not."""
        if self.ran is None:
            return set()
        return {
            lock.relation
            for lock in self.ran.locks
            if lock.mode in modes and lock.kind in ("table", "materialized view")
        }

    def rows(self, name: Name) -> int | None:
        """Rows of the real table, where they are known."""
        return self.state.sizes.get(self.key(name))

    def is_small(self, name: Name) -> bool:
        count = self.rows(name)
        return count is not None and count <= SMALL_ROWS

    def estimated(self, name: Name) -> float | None:
        """Seconds that it takes on the real table, by the time on the scratch server; None where rows are not known."""
        scale = self._scale(name)
        return self.ran.milliseconds / 1000 * scale if self.ran is not None and scale else None

    def _scale(self, name: Name) -> float | None:
        """How many times as many rows the real table has."""
        known, count = self.relation(name), self.rows(name)
        here = self.state.prior.rows.get(known.oid) if known is not None else None
        return count / here if count and here else None

    def disk(self, name: Name) -> int | None:
        """Bytes that it takes for the real table beside what is there, by what it took on the scratch server; None where not known."""
        scale = self._scale(name)
        return round(self.ran.bytes * scale) if self.ran is not None and self.ran.bytes and scale else None

    def cost(self, name: Name) -> str:
        """How long that may be, and what disk it needs, as a clause; empty where rows are not known."""
        seconds, count, disk = self.estimated(name), self.rows(name), self.disk(name)
        if seconds is None or count is None:
            return ""
        space = f" and {bytes_text(disk)} of disk" if disk else ""
        return f" About {duration(max(seconds, 0.1))}{space} for {counted(count, 'row')}, by the scratch server (an estimate)."

    # Findings ----------------------------------------------------------------------------------------------------------------

    def finding(
        self,
        check: Check,
        message: str,
        name: Name | None = None,
        *,
        column: str | None = None,
        rewrite: str | None = None,
        severity: Severity | None = None,
        counting: str | None = None,
        observed: bool = False,
        disk: int | None = None,
    ) -> Finding:
        """A finding at this statement. What locks a table for a scan is info where the table is known to be small."""
        chosen = severity or check.severity
        return Finding(
            check.id,
            chosen,
            message,
            check.why,
            self.statement.line,
            shown(self.key(name)) if name is not None else None,
            column,
            observed,
            rewrite,
            counting,
            statement=self.number,
            disk=disk,
        )

    def slow(self, check: Check, message: str, name: Name, **more: str | None) -> Finding:
        """A finding whose harm lasts as long as the table is large."""
        small = self.is_small(name)
        count = self.rows(name)
        size = f" The table has {counted(count or 0, 'row')}, so that is short." if small else self.cost(name)
        return self.finding(
            check, message + size, name, column=more.get("column"), rewrite=more.get("rewrite"), counting=more.get("counting"),
            severity="info" if small else None, observed=self.ran is not None, disk=self.disk(name),
        )  # fmt: skip


def shown(name: Name) -> str:
    """A table's name for people: without the default schema."""
    return ".".join(part for part in name if part and part != "public")


def quoted(name: Name) -> str:
    """A table's name for SQL, as the migration writes it."""
    return quote_identifier(*(part for part in name if part))


def note(step: Step) -> None:
    """Carry what a statement did into the state, for those after it."""
    state = step.state
    handler = _NOTES.get(step.kind)
    if handler is not None:
        handler(step)
    if step.ran is not None and step.statement.transaction is not None:
        for lock in step.ran.locks:
            if lock.mode in BLOCKS_READS and lock.kind in ("table", "materialized view"):
                state.exclusive.setdefault(lock.relation, step.statement.line)


def _note_table(step: Step) -> None:
    node = step.node
    name = relation(node["relation"])
    if not (node.get("if_not_exists") and step.state.prior.find(name)) or node["relation"].get("relpersistence") == "t":
        step.state.made.add(name[1])


def _note_view(step: Step) -> None:
    name = relation(step.node["view"])
    if not (step.node.get("replace") and step.state.prior.find(name)):
        step.state.made.add(name[1])


def _note_rename(step: Step) -> None:
    node = step.node
    if node.get("renameType") in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"):
        old = step.relation(relation(node["relation"]))
        if old is not None:
            step.state.renamed[node["newname"]] = old.key
        else:
            step.state.made.add(node["newname"])


def _note_columns(step: Step) -> None:
    state, name = step.state, relation(step.node["relation"])
    for one in commands(step.node):
        part = one.get("def", {})
        if one.get("subtype") == "AT_AddColumn":
            column = part["ColumnDef"]["colname"]
            state.made_columns.add((step.key(name), column))
            kinds = {c["Constraint"]["contype"] for c in part["ColumnDef"].get("constraints", ())}
            if {"CONSTR_NOTNULL", "CONSTR_DEFAULT"} <= kinds:
                state.defaults_set[step.key(name), column] = step.statement.line
        elif one.get("subtype") == "AT_AddConstraint":
            constraint = part["Constraint"]
            if constraint.get("skip_validation") and constraint.get("conname"):
                state.unvalidated[constraint["conname"]] = step.statement.transaction
        elif one.get("subtype") == "AT_DropConstraint":
            state.dropped_constraints.add((step.key(name), one.get("name", "")))


_NOTES: dict[str, Callable[[Step], object]] = {
    "CreateStmt": _note_table,
    "CreateTableAsStmt": lambda step: step.state.made.add(relation(step.node["into"]["rel"])[1]),
    "ViewStmt": _note_view,
    "IndexStmt": lambda step: step.state.made_names.add(step.node.get("idxname", "")),
    "CreateEnumStmt": lambda step: step.state.made_names.add(names(step.node.get("typeName"))[-1]),
    "RenameStmt": _note_rename,
    "AlterTableStmt": _note_columns,
}
