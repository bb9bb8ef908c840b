"""What is lost with a migration, and with its way back: told by the statements themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbwright.model.quoting import quote_identifier
from dbwright.safety.fitting import is_text, unfit, using
from dbwright.safety.judged import quoted, shown
from dbwright.safety.nodes import Name, Node, commands, dotted, relation
from dbwright.safety.statements import Statement
from dbwright.source.ddl import type_text


@dataclass(frozen=True, slots=True)
class Loss:
    """``counting`` counts what is lost: rows of a table, values of a column; None where only the rows written later are. ``count`` is the
    answer, where it was asked."""

    what: str
    line: int
    counting: str | None = None
    count: int | None = None


def forward(statements: Sequence[Statement]) -> tuple[Loss, ...]:
    """What the statements take away of what was there before them."""
    made: set[str] = set()
    found = []
    for statement in statements:
        for name, column, loss in _taken(statement):
            if name[1] not in made and f"{name[1]}.{column}" not in made:
                found.append(loss)
        made |= {label for label, _ in _made(statement)}
    return tuple(found)


def backward(statements: Sequence[Statement]) -> tuple[Loss, ...]:
    """What was written since the migration and goes when it is taken back: that which its new tables and columns hold."""
    gone = {loss.what for statement in statements for _, _, loss in _taken(statement)}
    made = [loss for statement in statements for _, loss in _made(statement)]
    tables = {loss.what for loss in made}
    return tuple(loss for loss in made if loss.what not in gone and loss.what.rpartition(".")[0] not in tables)


def _taken(statement: Statement) -> Iterator[tuple[Name, str, Loss]]:
    node = statement.node
    if statement.kind == "DropStmt" and node.get("removeType") in ("OBJECT_TABLE", "OBJECT_MATVIEW"):
        for name in (dotted(one) for one in node.get("objects", ())):
            yield name, "", _rows(name, statement)
    elif statement.kind == "TruncateStmt":
        for one in node.get("relations", ()):
            name = relation(one["RangeVar"])
            yield name, "", _rows(name, statement)
    elif statement.kind == "DeleteStmt":
        name = relation(node["relation"])
        if "whereClause" not in node:
            yield name, "", _rows(name, statement)
    elif statement.kind == "AlterTableStmt":
        name = relation(node["relation"])
        for one in commands(node):
            if one.get("subtype") == "AT_DropColumn":
                column = one.get("name", "")
                counting = f"SELECT count({quote_identifier(column)}) FROM {quoted(name)}"
                yield name, column, Loss(f"{shown(name)}.{column}", statement.line, counting)
            elif one.get("subtype") == "AT_AlterColumnType":
                yield from _cut(name, one.get("name", ""), one["def"]["ColumnDef"], statement)


def _cut(name: Name, column: str, definition: Node, statement: Statement) -> Iterator[tuple[Name, str, Loss]]:
    """Texts that an explicit cast to a shorter type cuts off."""
    type_ = type_text(definition["typeName"])
    counting = unfit(name, quote_identifier(column), type_) if using(definition) == "cast" and is_text(type_) else None
    if counting is not None:
        yield name, f"{column} cut", Loss(f"{shown(name)}.{column} beyond {type_}", statement.line, counting)


def _rows(name: Name, statement: Statement) -> Loss:
    return Loss(shown(name), statement.line, f"SELECT count(*) FROM {quoted(name)}")


def _made(statement: Statement) -> Iterator[tuple[str, Loss]]:
    """Names as ``forward`` looks for them, and what the way back loses of them."""
    if statement.kind == "CreateStmt" and statement.node["relation"].get("relpersistence") != "t":
        name = relation(statement.node["relation"])
        yield name[1], Loss(shown(name), statement.line)
    elif statement.kind == "AlterTableStmt":
        name = relation(statement.node["relation"])
        for one in commands(statement.node):
            if one.get("subtype") == "AT_AddColumn":
                column = one["def"]["ColumnDef"]["colname"]
                yield f"{name[1]}.{column}", Loss(f"{shown(name)}.{column}", statement.line)
