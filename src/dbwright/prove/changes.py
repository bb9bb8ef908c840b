"""What is to be proven: findings of the audit, advice from a file, or SQL, each as statements with those that take them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import postgast

from dbwright.errors import DbwrightError
from dbwright.fixes import sql
from dbwright.model.change import Change, Operation, SetServerParameter, Verbatim
from dbwright.model.finding import Finding
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.report import Report
from dbwright.source.sql import CannotTakeApart, parse_statements
from dbwright.workload.folder import read_folder

REWRITES = frozenset(
    ("not_in", "correlated_scalar", "range_of_column", "count_as_exists", "distinct_join", "or_across_tables")
)
"""Measures whose change is the statement written otherwise."""


class NothingToProve(DbwrightError):
    """No change was given, or none that can be carried out on a copy."""


@dataclass(frozen=True)
class Proposal:
    """What is tried. ``forward`` and ``backward`` are statements in order, ``tables`` those whose rows they concern, ``findings`` what must
    go and come back; ``rewritten`` has, by origin of a statement, the text that takes its place. ``one_way`` says what has no way back."""

    title: str
    forward: tuple[str, ...] = ()
    backward: tuple[str, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    rewritten: Mapping[str, str] = field(default_factory=dict)
    one_way: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def of_findings(report: Report, names: Sequence[str]) -> Proposal:
    """The changes of findings, named by their id or by their rule (``indexes/missing``); all that have one when none is named.

    Raises NothingToProve for a name that is not found, and when nothing has a change.
    """
    named = [f for f in report.findings if not names or f.id in names or f.rule in names]
    if unknown := [name for name in names if not any(name in (f.id, f.rule) for f in named)]:
        raise NothingToProve(
            f"There is no finding {unknown[0]!r} in this database.",
            "`dbwright audit --format json` lists the findings with their ids.",
        )
    changes = [(f, f.change) for f in named if f.change is not None and f.change.operations]
    if not changes:
        raise NothingToProve(
            "None of the findings has a change that could be tried."
            if named
            else "The audit found nothing that needs changing.",
            "Give --advice FILE.json or --sql FILE.",
        )
    forward: list[str] = []
    backward: list[str] = []
    one_way: list[str] = []
    for finding, change in changes:
        on_copy = _for_one_database(change)
        forward += sql.forward(on_copy)
        back = sql.backward(on_copy)
        backward = [*back, *backward]
        if not back:
            one_way.append(finding.title)
    objects = [ref for finding, _ in changes for ref in finding.objects]
    tables = dict.fromkeys((ref.schema or "public", ref.table) for ref in objects if ref.table)
    title = changes[0][0].title if len(changes) == 1 else f"{len(changes)} findings"
    left_out = tuple(f"{f.title}: has no change" for f in named if f.change is None)
    return Proposal(
        title,
        tuple(forward),
        tuple(backward),
        tuple(tables),
        tuple(finding for finding, _ in changes),
        one_way=tuple(one_way),
        notes=left_out if names else (),
    )


def _for_one_database(change: Change) -> Change:
    """Both copies share a server: what would be set for all of it is set for the one database."""
    return replace(change, operations=tuple(map(_of_database, change.operations)))


def _of_database(operation: Operation) -> Operation:
    if not isinstance(operation, SetServerParameter):
        return operation
    if operation.restart:
        raise NothingToProve(
            f"{operation.name} takes effect for a whole server only, so two copies on one server cannot be compared.",
            "Measure it in staging; `dbwright prove` tries what belongs to one database.",
        )
    return Verbatim(_set(operation.name, operation.new), _set(operation.name, None))


def _set(name: str, value: str | None) -> str:
    to = (
        f"RESET {quote_identifier(name)}" if value is None else f"SET {quote_identifier(name)} = {quote_literal(value)}"
    )
    alter = quote_literal(f"ALTER DATABASE %I {to}")
    return "DO " + quote_literal(f"BEGIN EXECUTE format({alter}, current_database()); END")


def of_advice(path: Path) -> Proposal:
    """What `dbwright advise --format json` wrote: its indexes, what may go, and statements written otherwise. Raises NothingToProve."""
    try:
        advice: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict)
        indexes = [row["sql"] for row in advice["indexes"]]
        going = [row for row in advice["removals"] if row["verdict"] == "remove"]
        rewritten = {
            origin: measure["change"]
            for measure in advice["beyond_indexes"]
            if measure["kind"] in REWRITES and measure["verdict"] == "advised" and len(measure["statements"]) == 1
            for origin in measure["statements"]
        }
        added = [
            row["change"] for row in advice["beyond_indexes"] if row["verdict"] == "advised" and _is_made(row["change"])
        ]
        removed, back = [row["sql"] for row in going], [row["reverse_sql"] for row in going]
    except OSError as error:
        raise NothingToProve(f"{path}: {error.strerror}.", "Give what `dbwright advise --format json` wrote.") from None
    except (msgspec.DecodeError, KeyError, TypeError):
        raise NothingToProve(f"{path} is no advice.", "Give what `dbwright advise --format json` wrote.") from None
    made = of_statements([*indexes, *added], path.name)
    if not (made.forward or removed or rewritten):
        raise NothingToProve(f"{path} advises nothing that could be tried.", "There is nothing to prove.")
    title = ", ".join(
        text
        for count, text in (
            (len(indexes), f"{len(indexes)} advised indexes"),
            (len(removed), f"{len(removed)} that may go"),
            (len(rewritten), f"{len(rewritten)} statements written otherwise"),
            (len(added), f"{len(added)} other measures"),
        )
        if count
    )
    return replace(
        made,
        title=title,
        forward=(*made.forward, *removed),
        backward=(*reversed(back), *made.backward),
        tables=tuple(dict.fromkeys((*made.tables, *((row["schema"], row["table"]) for row in going)))),
        rewritten=rewritten,
    )


def _is_made(text: str) -> bool:
    return text.lstrip().upper().startswith("CREATE STATISTICS")


def of_file(path: Path, undo: Path | None) -> Proposal:
    """SQL of a user's own, and the file that takes it back; without one what makes a named index or statistics is taken back by its name.
    Raises NothingToProve."""
    made = of_statements(statements_of(path), path.name)
    if undo is None:
        return made
    return replace(made, backward=tuple(statements_of(undo)), one_way=())


def statements_of(path: Path) -> list[str]:
    """The statements of a file. Raises NothingToProve when it is no SQL."""
    try:
        found = [text.strip().rstrip(";") for text in postgast.split(path.read_text("utf-8-sig"))]
    except OSError as error:
        raise NothingToProve(f"{path}: {error.strerror}.", "Give a file of SQL statements.") from None
    except (postgast.PgQueryError, UnicodeError) as error:
        raise NothingToProve(f"{path} is not SQL: {error}.", "Give a file of SQL statements.") from None
    if not found:
        raise NothingToProve(f"{path} holds no statement.", "Give a file of SQL statements.")
    return found


def of_statements(texts: Sequence[str], name: str) -> Proposal:
    """Statements with what takes each back, as far as their text tells."""
    backward: list[str] = []
    one_way: list[str] = []
    tables: dict[tuple[str, str], None] = {}
    for text in texts:
        try:
            nodes = parse_statements(text)
        except CannotTakeApart as error:
            raise NothingToProve(f"{name} holds what is not SQL: {error}.", "Correct it.") from None
        for node in nodes:
            kind, body = next(iter(node.items()))
            tables.update(dict.fromkeys(_tables(body)))
            back = _undone(kind, body)
            backward = [back, *backward] if back else backward
            if back is None:
                one_way.append(text.split("\n")[0][:80])
    return Proposal(name, tuple(texts), tuple(backward), tuple(tables), one_way=tuple(one_way))


def _undone(kind: str, body: Mapping[str, Any]) -> str | None:
    """The statement that takes it back; empty when nothing needs to be."""
    if kind == "IndexStmt" and body.get("idxname"):
        return f"DROP INDEX {quote_identifier(body['relation'].get('schemaname', 'public'), body['idxname'])}"
    if kind == "CreateStatsStmt" and body.get("defnames"):
        return f"DROP STATISTICS {quote_identifier(*(part['String']['sval'] for part in body['defnames']))}"
    return "" if kind in ("VacuumStmt", "VariableSetStmt") else None


def _tables(body: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    relations = [body.get("relation"), *(item.get("RangeVar") for item in body.get("relations", ()))]
    for relation in relations:
        if isinstance(relation, Mapping) and "relname" in relation:
            yield relation.get("schemaname", "public"), relation["relname"]


def of_folder(folder: Path) -> dict[str, str]:
    """Statements written otherwise, by the name of the file that holds the statement they replace. Raises NothingToProve."""
    read = read_folder(folder)
    if not read.statements:
        raise NothingToProve(f"{folder} holds no statement.", "Give .sql files.")
    return {statement.origin: statement.sql for statement in read.statements}
