"""Columns that are added and altered."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.quoting import quote_identifier
from dbwright.safety import sequences
from dbwright.safety.fitting import is_text, unfit, using
from dbwright.safety.judged import Check, Finding, Severity, Step, quoted, shown
from dbwright.safety.nodes import Name, Node, constraints_of, is_constant, type_name
from dbwright.source.ddl import type_text

REWRITING = Check(
    "rewriting-column",
    "error",
    (
        "A default that differs from row to row, a serial, an identity or a stored generated column is computed for "
        "every row: the table is written anew under an ACCESS EXCLUSIVE lock. A constant is kept once (from PostgreSQL "
        "11 on)."
    ),
    ("add-column-volatile-default", "add-column-default-old-version", "add-serial-column", "add-stored-generated"),
)
CONSTANT = Check(
    "constant-default",
    "info",
    "A constant default is kept once in the catalog; no row is written (from PostgreSQL 11 on).",
    ("add-column-constant-default-info",),
)
REQUIRED = Check(
    "required-column-without-default",
    "error",
    (
        "A NOT NULL column without a default fails at once when the table has rows; where it has none, code that does "
        "not know the column can no longer insert."
    ),
    ("add-required-column",),
)
DEFAULT_DROPPED = Check(
    "default-dropped-on-required-column",
    "error",
    (
        "Without a default of the database, every INSERT of code that does not know the column fails, and that code "
        "runs until the deployment has ended. Django drops the default of a column as soon as it has filled the old "
        "rows; db_default stays."
    ),
    ("add-required-column-orm-default",),
)
NOT_NULL = Check(
    "not-null-scan",
    "error",
    (
        "SET NOT NULL reads the whole table under an ACCESS EXCLUSIVE lock, unless a validated CHECK proves that there "
        "are no NULLs (from PostgreSQL 12 on)."
    ),
    ("set-not-null-scan", "set-not-null-may-fail"),
)
PROVEN = Check(
    "not-null-proven",
    "info",
    "A validated CHECK proves that there are no NULLs, so that no row is read.",
)
TYPE = Check(
    "rewriting-type-change",
    "error",
    (
        "Most changes of type write every row and every index anew under an ACCESS EXCLUSIVE lock, and need as much "
        "disk again. Only a wider limit and varchar to text leave the rows as they are."
    ),
    ("alter-type-rewrite", "alter-type-recheck-constraint"),
)
TYPE_UNKNOWN = Check(
    "type-change",
    "warning",
    (
        "A change of type writes the table anew under an ACCESS EXCLUSIVE lock, unless the old type is one that the new"
        " one contains (varchar to text, a wider limit). Code that runs may send or expect the old type."
    ),
    ("alter-type-rewrite",),
)
NARROWED = Check(
    "type-change-reads-rows",
    "warning",
    "The new type leaves the rows as they are, but each is looked at, or an index is built, under an ACCESS EXCLUSIVE lock.",
    ("alter-type-safe-widening",),
)
OPTIONAL = Check(
    "not-null-dropped",
    "warning",
    "Code that reads the column counts on a value; NULLs can come from now on, and the way back is a scan.",
    ("drop-not-null",),
)
DEFAULT_GONE = Check(
    "default-dropped",
    "info",
    "INSERTs that leave the column out get NULL from now on.",
)
IDENTITY = Check(
    "identity-added",
    "info",
    "An existing column gets its values from a sequence from now on; the sequence begins at 1, whatever the rows hold.",
)
JSON = Check(
    "json-without-equality",
    "info",
    "The type json has no equality: SELECT DISTINCT, GROUP BY and UNION on the table fail as soon as the column is there. jsonb has one.",
)


def look(step: Step) -> Iterator[Finding]:
    for name, one in step.altered():
        subtype, column = one.get("subtype"), one.get("name", "")
        if subtype == "AT_AddColumn":
            yield from _added(step, name, one["def"]["ColumnDef"])
        elif subtype == "AT_SetNotNull":
            yield from _not_null(step, name, column)
        elif subtype == "AT_AlterColumnType":
            yield from _type(step, name, column, one["def"]["ColumnDef"])
        elif subtype == "AT_DropNotNull":
            known: Severity | None = "info" if step.framework != "sql" else None  # the models of code tell it
            yield step.finding(
                OPTIONAL, f"{shown(name)}.{column} may be NULL from now on.", name, column=column, severity=known
            )
        elif subtype == "AT_ColumnDefault" and "def" not in one:
            yield from _default_dropped(step, name, column)
        elif subtype == "AT_AddIdentity":
            yield step.finding(IDENTITY, f"{shown(name)}.{column} gets values of a new sequence.", name, column=column)


def _added(step: Step, name: Name, column: Node) -> Iterator[Finding]:
    label, kinds = column["colname"], {str(one.get("contype")): one for one in constraints_of(column)}
    type_, bare = type_text(column["typeName"]), type_name(column["typeName"])
    required = "CONSTR_NOTNULL" in kinds or "CONSTR_PRIMARY" in kinds
    default = kinds.get("CONSTR_DEFAULT", {}).get("raw_expr")
    filled = default is not None or "serial" in bare or bool({"CONSTR_IDENTITY", "CONSTR_GENERATED"} & kinds.keys())
    if default is not None and _is_null(default):
        default, filled = None, False
    if required and not filled:
        yield step.finding(
            REQUIRED, f"{label} is added to {shown(name)} as NOT NULL and has no default.", name, column=label,
            rewrite=sequences.required_column(step.framework, quoted(name), quote_identifier(label), type_, step.state.major),
            observed=step.observation is not None and step.observation.sqlstate == "23502",
        )  # fmt: skip
    told = (
        "serial" in bare
        or "CONSTR_IDENTITY" in kinds
        or _is_stored(kinds)
        or (default is not None and not is_constant(default) and not _is_stable(default))
    )
    old = default is not None and step.state.major < 11
    if old or step.rewrites(name, told):
        why = (
            "a serial"
            if "serial" in bare
            else "a default that differs by row"
            if default is not None
            else "a computed column"
        )
        text = _text(default) if default is not None else "…"
        yield step.slow(
            REWRITING, f"{label} is {why}: {shown(name)} is written anew while nobody can use it.", name, column=label,
            rewrite=sequences.new_column(
                step.framework, quoted(name), quote_identifier(label), type_, text, required=required, major=step.state.major
            ),
        )  # fmt: skip
    elif default is not None:
        yield step.finding(
            CONSTANT, f"The default of {shown(name)}.{label} costs nothing: no row is written.", name, column=label
        )
    if bare == "json":
        yield step.finding(
            JSON, f"{shown(name)}.{label} is json: DISTINCT and GROUP BY on whole rows fail.", name, column=label
        )


def _is_stored(kinds: dict[str, Node]) -> bool:
    generated = kinds.get("CONSTR_GENERATED")
    return generated is not None and generated.get("generated_kind") != "v"


def _is_null(node: Node) -> bool:
    return bool(node.get("A_Const", {}).get("isnull")) or (
        "TypeCast" in node and _is_null(node["TypeCast"].get("arg", {}))
    )


_STABLE = frozenset(("now", "current_date", "transaction_timestamp", "statement_timestamp", "current_user"))


def _is_stable(node: Node) -> bool:
    """Whether a default is the same for all rows of a statement: then the server computes it once (from PostgreSQL 11 on)."""
    from dbwright.safety.nodes import names, walk

    called = {names(one.get("funcname"))[-1] for one in walk({"top": node}, "FuncCall") if one.get("funcname")}
    return called <= _STABLE


def _text(node: Node) -> str:
    from dbwright.source.expressions import expression_text

    return expression_text(node) or "…"


def _not_null(step: Step, name: Name, column: str) -> Iterator[Finding]:
    if not step.scans(name) and step.state.major >= 12:
        yield step.finding(
            PROVEN, f"{shown(name)}.{column} becomes NOT NULL without a scan.", name, column=column, observed=True
        )
        return
    shown_column = quote_identifier(column)
    yield step.slow(
        NOT_NULL, f"{shown(name)} is read for NULLs in {column} while nobody can use it; it fails where there are some.", name,
        column=column,
        rewrite=sequences.not_null(step.framework, quoted(name), shown_column, step.state.major),
        counting=f"SELECT count(*) FROM {quoted(name)} WHERE {shown_column} IS NULL",
    )  # fmt: skip


def _type(step: Step, name: Name, column: str, definition: Node) -> Iterator[Finding]:
    type_ = type_text(definition["typeName"])
    how = using(definition)
    # An explicit cast cuts texts off instead of failing: `losses` tells those.
    never_fails = how == "computed" or (how == "cast" and is_text(type_))
    counting = None if never_fails else unfit(name, quote_identifier(column), type_)
    rewrite = sequences.change_type(step.framework, quoted(name), quote_identifier(column), type_)
    if step.ran is None or step.key(name) in step.state.invented_tables:
        yield step.slow(
            TYPE_UNKNOWN, f"{shown(name)}.{column} becomes {type_}; what it was is not known here.", name, column=column, rewrite=rewrite,
            counting=counting,
        )  # fmt: skip
    elif step.rewrites(name):
        yield step.slow(
            TYPE,
            f"{shown(name)} is written anew while nobody can use it, because {column} becomes {type_}.",
            name,
            column=column,
            rewrite=rewrite,
            counting=counting,
        )
    elif step.scans(name, told=False) or step.ran.rebuilt:
        yield step.slow(
            NARROWED, f"{shown(name)} is read, or its indexes are built, while nobody can use it, because {column} becomes {type_}.", name,
            column=column, rewrite=rewrite, counting=counting,
        )  # fmt: skip


def _default_dropped(step: Step, name: Name, column: str) -> Iterator[Finding]:
    added = step.state.defaults_set.get((step.key(name), column))
    if added is not None:
        yield step.finding(
            DEFAULT_DROPPED,
            (
                f"{shown(name)}.{column} is NOT NULL and loses its default in the same migration: the INSERTs of code that does "
                "not know it fail."
            ),
            name,
            column=column,
            rewrite=_keeps_default(step, name, column),
        )
    else:
        yield step.finding(DEFAULT_GONE, f"{shown(name)}.{column} loses its default.", name, column=column)


def _keeps_default(step: Step, name: Name, column: str) -> str:
    if step.framework == "django":
        return (
            "Give the field db_default=… (Django 5.0 and later) instead of default=…: the database keeps it, and old code's INSERTs get it."
            f" Before 5.0: add {column} with null=True first."
        )
    drop = f"ALTER TABLE {quoted(name)} ALTER COLUMN {quote_identifier(column)} DROP DEFAULT;"
    return f"Leave the default until all code writes {column}; then {drop}"
