"""Rows made from statistics: as many as production has, as skewed, as correlated, with as many NULLs, and with every key in place.

What statistics do not tell is not there: how columns depend on each other (but by keys), what words a text holds, what the JSON of wide
documents looks like. Plans and times of statements that rest on these differ from production's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod

import psycopg

from dbwright.embedded import EmbeddedServer
from dbwright.errors import DbwrightError
from dbwright.model.catalog import Column, Constraint, Table
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.phantom.schema import Step, steps, stored
from dbwright.phantom.server import PLANNER_SETTINGS
from dbwright.phantom.whatif import reason_of
from dbwright.prove import copies, keys, values
from dbwright.prove.keys import Connection, Keys
from dbwright.prove.literals import numbers
from dbwright.prove.segments import segments_of

SMALL = 1_000
"""Tables of up to so many rows are made whole, whatever the fraction: they are lists of kinds and settings."""
_ROUNDS = 6
"""How often rows that break a rule are made anew."""
_SHORT = 0.02
_DENSE = 20
"""A key whose columns could combine to no more than so many times the rows."""


class NothingToFillFrom(DbwrightError):
    """The snapshot does not hold what rows could be made from."""


@dataclass
class Filling:
    """A database that is being filled. ``notes`` say in what it differs from production."""

    snapshot: Snapshot
    fraction: float
    seed: int
    connection: Connection
    notes: list[str] = field(default_factory=list)
    single: dict[tuple[int, str], Keys] = field(default_factory=dict)
    several: dict[int, Keys] = field(default_factory=dict)

    def rows(self, table: Table) -> int:
        """How many rows the table gets."""
        if table.kind == "partitioned table":
            return 0
        row = self.snapshot.statistics.table_by_oid.get(table.oid)
        real = row.estimated_rows if row else 0
        return max(round(real * self.fraction), min(real, SMALL))

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def estimate(snapshot: Snapshot, fraction: float) -> float:
    """Bytes that the database will take."""
    return sum(row.total_bytes for row in snapshot.statistics.tables) * fraction


@contextmanager
def of_statistics(
    snapshot: Snapshot, fraction: float, seed: int, progressed: Callable[[str, float], None]
) -> Iterator[copies.Copies]:
    """Two copies of a database made from a snapshot's statistics. Raises NothingToFillFrom, NoRoom, EmbeddedServerError."""
    if snapshot.target.engine != "postgresql" or not snapshot.catalog.tables:
        raise NothingToFillFrom(
            "The snapshot holds no PostgreSQL tables.", "Take one of production with `dbwright snapshot --db ADDRESS`."
        )
    if not snapshot.statistics.tables or not any(row.estimated_rows for row in snapshot.statistics.tables):
        raise NothingToFillFrom(
            "The snapshot tells of no rows, so none can be made.",
            "Give one of production, whose tables were analysed; or a backup with --dump.",
        )
    if not snapshot.statistics.columns:
        raise NothingToFillFrom(
            "The snapshot has no statistics of columns, so rows made from it would be like no one's.",
            "Let the role read them (GRANT pg_read_all_data), run ANALYZE, take it again; or give a backup with --dump.",
        )
    with copies.own_server(snapshot.target.major, 2 * estimate(snapshot, fraction)) as (server, password):
        before = copies.new_database(server, password, "before")
        notes = fill(snapshot, fraction, seed, server, before, progressed)
        part = "as many rows" if fraction == 1 else f"{fraction:g} times the rows"
        data = f"a database made from the statistics of {snapshot.taken_at:%Y-%m-%d %H:%M} UTC, {part}"
        yield copies.doubled(server, password, "before", data, notes)


def fill(
    snapshot: Snapshot,
    fraction: float,
    seed: int,
    server: EmbeddedServer,
    conninfo: str,
    progressed: Callable[[str, float], None],
) -> tuple[str, ...]:
    """Make the schema and all rows in an empty database of ``copies.ROLE``; answers in what it differs from production."""
    with (
        psycopg.connect(server.conninfo(_name(conninfo)), autocommit=True, prepare_threshold=None) as owner,
        psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection,
    ):
        filling = Filling(snapshot, fraction, seed, connection)
        if server.major != snapshot.target.major:
            filling.note(f"production runs PostgreSQL {snapshot.target.major}, this is {server.major}")
        namespaces, types, _, attachments, indexes, checks, statistics, views = steps(snapshot.catalog, str)
        _run(owner, namespaces, filling)
        for schema in snapshot.catalog.schemas:
            owner.execute(
                f"GRANT USAGE, CREATE ON SCHEMA {quote_identifier(schema.name)} TO {copies.ROLE}".encode()
                if schema.name not in ("pg_catalog", "information_schema", "pg_toast")
                else b"SELECT 1"
            )
        owner.execute(f"CREATE SCHEMA {keys.SCHEMA} AUTHORIZATION {copies.ROLE}".encode())
        _plan_as_production(filling, owner)
        for name, value in (("work_mem", "128MB"), ("search_path", "public"), ("timezone", "UTC")):
            connection.execute(f"SET {name} = {quote_literal(value)}".encode())
        _run(connection, types, filling)
        _make_tables(filling)
        _make_keys(filling)
        order = _in_order(filling)
        for number, table in enumerate(order):
            progressed(f"filling {table.name}", number / len(order) * 0.5)
            _fill_table(filling, table)
        connection.execute(f"DROP SCHEMA {keys.SCHEMA} CASCADE".encode())
        for group in (attachments, indexes, checks):
            progressed("building indexes", 0.6)
            _run(connection, group, filling)
        _run(connection, statistics, filling)
        _run(connection, tuple(_references(filling)), filling)
        _run(connection, tuple(_sequences(filling)), filling)
        _run(connection, views, filling)
    triggers = [t.name for t in snapshot.catalog.triggers if not t.is_internal]
    if triggers:
        filling.note(f"triggers are not made ({listed(triggers)}): what they add to writes is not measured")
    return tuple(filling.notes)


def _plan_as_production(filling: Filling, owner: Connection) -> None:
    """Production's planner settings for every later session on the copies; memory as far as this machine should give it."""
    for row in filling.snapshot.settings.rows:
        if row.name.lower() in PLANNER_SETTINGS or row.name.startswith("enable_"):
            value = quote_literal(row.value) if row.name != "search_path" else row.value
            try:
                owner.execute(f"ALTER ROLE {copies.ROLE} SET {quote_identifier(row.name)} = {value}".encode())
            except psycopg.Error:
                filling.note(f"{row.name} = {row.value} of production is not to be had here")


def _name(conninfo: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])


def _run(connection: Connection, group: tuple[Step, ...], filling: Filling) -> None:
    for step in group:
        try:
            connection.execute(step.sql.encode())
        except psycopg.Error as error:
            filling.note(f"{step.makes} could not be made: {reason_of(error)}")


def _make_tables(filling: Filling) -> None:
    """With defaults and identities; without constraints, which come when the rows are there."""
    catalog = filling.snapshot.catalog
    for sequence in catalog.sequences:
        if sequence.extension is None and not _is_identity(filling, sequence.table_oid, sequence.column):
            name = quote_identifier(sequence.schema, sequence.name)
            _run(
                filling.connection,
                (Step(f"CREATE SEQUENCE {name} AS {sequence.type}", f"sequence {sequence.name}"),),
                filling,
            )
    for table in stored(catalog):
        columns = catalog.columns_of(table)
        parted = (
            f" PARTITION BY {table.partition_key}" if table.kind == "partitioned table" and table.partition_key else ""
        )
        options = [o for o in table.options if not parted and o.startswith(("fillfactor=", "parallel_workers="))]
        end = parted + (f" WITH ({', '.join(options)})" if options else "")
        name = quote_identifier(table.schema, table.name)
        whole = f"CREATE TABLE {name} ({', '.join(map(_column, columns))}){end}"
        bare = f"CREATE TABLE {name} ({', '.join(_column(c, plain=True) for c in columns)}){end}"
        for column in columns:
            if column.generated:
                told = "is generated in production and an ordinary column here: snapshots do not hold the expression"
                filling.note(f"{table.name}.{column.name} {told}")
        try:
            filling.connection.execute(whole.encode())
        except psycopg.Error as error:
            filling.note(f"{table.name} is made without its defaults: {reason_of(error)}")
            _run(filling.connection, (Step(bare, f"table {table.name}"),), filling)


def _is_identity(filling: Filling, oid: int | None, name: str | None) -> bool:
    table = filling.snapshot.catalog.table_by_oid.get(oid or 0)
    return table is not None and any(c.name == name and c.identity for c in filling.snapshot.catalog.columns_of(table))


def _column(column: Column, *, plain: bool = False) -> str:
    text = f"{quote_identifier(column.name)} {column.type}"
    if column.collation not in (None, "default"):
        text += f" COLLATE {quote_identifier(column.collation or '')}"
    if column.not_null:
        text += " NOT NULL"
    if plain:
        return text
    if column.identity:
        return f"{text} GENERATED BY DEFAULT AS IDENTITY"
    return f"{text} DEFAULT {column.default}" if column.default else text


def _make_keys(filling: Filling) -> None:
    """The keys of every column that others refer to alone, those first that refer to none themselves."""
    catalog = filling.snapshot.catalog
    wanted: dict[tuple[int, str], None] = {}
    for constraint in catalog.constraints:
        if constraint.kind == "foreign key" and len(constraint.columns) == 1 and constraint.foreign_table_oid:
            wanted[constraint.foreign_table_oid, constraint.foreign_columns[0]] = None

    def make(oid: int, name: str, above: frozenset[int]) -> Keys | None:
        table = catalog.table_by_oid.get(oid)
        if (oid, name) in filling.single or table is None or oid in above:
            return filling.single.get((oid, name))
        column = next(c for c in catalog.columns_of(table) if c.name == name)
        own = keys.single_reference(table, name, filling.snapshot)
        parent = (
            make(own.foreign_table_oid, own.foreign_columns[0], above | {oid})
            if own and own.foreign_table_oid
            else None
        )
        rows = filling.rows(table)
        if rows:
            filling.single[oid, name] = keys.make(table, column, rows, filling.snapshot, filling.connection, parent)
        return filling.single.get((oid, name))

    for oid, name in wanted:
        make(oid, name, frozenset())


def _in_order(filling: Filling) -> list[Table]:
    """Tables, each after those that it refers to by several columns at once."""
    tables = {table.oid: table for table in stored(filling.snapshot.catalog) if table.kind != "partitioned table"}
    order: dict[int, Table] = {}

    def add(oid: int, above: frozenset[int]) -> None:
        if oid in order or oid not in tables or oid in above:
            return
        for constraint in _composite(filling, tables[oid]):
            add(constraint.foreign_table_oid or 0, above | {oid})
        order[oid] = tables[oid]

    for oid in tables:
        add(oid, frozenset())
    return list(order.values())


def _composite(filling: Filling, table: Table) -> list[Constraint]:
    return [c for c in filling.snapshot.catalog.constraints_of(table, "foreign key") if len(c.columns) > 1]


@dataclass
class _Made:
    """A SELECT of rows being put together: places and pieces of columns, joined keys, and the values by column. ``salt`` makes other values
    of the same statistics; ``forced`` are columns that must be other in each row, ``chosen`` those that are taken from elsewhere."""

    salt: str = ""
    forced: frozenset[str] = frozenset()
    chosen: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    joins: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)


def _fill_table(filling: Filling, table: Table) -> None:
    own = [keys_of.count for (oid, _), keys_of in filling.single.items() if oid == table.oid]
    rows = min([filling.rows(table), *own])
    if not rows:
        return
    try:
        if _rules(filling, table):
            done = _fill_by_rules(filling, table, rows)
        else:
            _insert(filling, table, _select(_make(filling, table, rows, _Made()), _numbered(rows)))
            done = rows
    except psycopg.errors.DiskFull:
        raise copies.NoRoom(
            f"The disk is full: {table.name} did not fit.", "Free some space, or give --fraction 0.1."
        ) from None
    except psycopg.Error as error:
        filling.note(f"{table.name} could not be filled: {reason_of(error)}")
        return
    if done < rows * (1 - _SHORT):
        filling.note(f"{table.name} has {done:,} of {counted(rows, 'row')}: no more fit its keys and checks")


def _insert(filling: Filling, table: Table, select: str) -> None:
    names = ", ".join(quote_identifier(c.name) for c in filling.snapshot.catalog.columns_of(table))
    identity = any(column.identity for column in filling.snapshot.catalog.columns_of(table))
    override = " OVERRIDING SYSTEM VALUE" if identity else ""
    name = quote_identifier(table.schema, table.name)
    filling.connection.execute(f"INSERT INTO {name} ({names}){override} {select}".encode())


def _fill_by_rules(filling: Filling, table: Table, rows: int) -> int:
    """Beside the table first: rows that break a rule are made anew there, and all go into the table in order. Answers how many."""
    staged = f"{keys.SCHEMA}.s{table.oid}"
    columns = filling.snapshot.catalog.columns_of(table)
    listed_columns = "".join(f", {quote_identifier(c.name)} {c.type}" for c in columns)
    filling.connection.execute(f"CREATE UNLOGGED TABLE {staged} (dbwright_row int8{listed_columns})".encode())
    rules = _rules(filling, table)
    left = _numbered(rows)
    for number in range(_ROUNDS):
        last = number == _ROUNDS - 1
        made = _Made(f" again {number}" if number else "")
        if number and (key := _dense_key(filling, table, staged, rows)):
            _choose_missing(filling, staged, key, left, made)
        elif last:
            made.forced = frozenset(_forced(filling, table))
        _make(filling, table, rows, made)
        filling.connection.execute(f"INSERT INTO {staged} {_select(made, left, 'r.i, ')}".encode())
        removed = sum(filling.connection.execute(rule.replace("@table@", staged).encode()).rowcount for rule in rules)
        if not removed:
            break
        filling.connection.execute(f"ANALYZE {staged}".encode())
        there = f"SELECT 1 FROM {staged} AS s WHERE s.dbwright_row = g.i"  # noqa: S608
        left = f"{_numbered(rows)} WHERE NOT EXISTS ({there})"
    names = ", ".join(quote_identifier(c.name) for c in columns)
    _insert(filling, table, f"SELECT {names} FROM {staged} ORDER BY dbwright_row")  # noqa: S608
    row = filling.connection.execute(f"SELECT count(*) FROM {staged}".encode()).fetchone()  # noqa: S608
    filling.connection.execute(f"DROP TABLE {staged}".encode())
    return int(str(row[0])) if row else 0


def _numbered(rows: int) -> str:
    return f"generate_series(0, {rows - 1}::int8) AS g(i)"


def _forced(filling: Filling, table: Table) -> Iterator[str]:
    """Of each unique key of several columns one that can be made different in every row."""
    references = {n for c in filling.snapshot.catalog.constraints_of(table, "foreign key") for n in c.columns}
    columns = {c.name: c for c in filling.snapshot.catalog.columns_of(table)}
    for index in filling.snapshot.catalog.indexes_of(table):
        if index.is_unique and len(index.keys) > 1:
            free = [key for key in index.keys if key in columns and key not in references]
            yield from sorted(free, key=lambda name: columns[name].base_type not in ("text", "varchar"))[:1]


def _dense_key(filling: Filling, table: Table, staged: str, rows: int) -> list[str]:
    """The columns of a unique key that takes up much of what its columns could combine to: values by lot would collide for ever."""
    several = {name for constraint in _composite(filling, table) for name in constraint.columns}
    for index in filling.snapshot.catalog.indexes_of(table):
        names = list(index.keys)
        if not index.is_unique or len(names) < 2 or any(index.is_expression) or index.predicate or several & set(names):
            continue
        counts = ", ".join(f"count(DISTINCT {quote_identifier(name)})" for name in names)
        found = filling.connection.execute(f"SELECT {counts} FROM {staged}".encode()).fetchone() or ()  # noqa: S608
        if prod(int(str(count)) for count in found) <= _DENSE * rows:
            return names
    return []


def _choose_missing(filling: Filling, staged: str, key: list[str], left: str, made: _Made) -> None:
    """Give each row that is missing a combination of the key's values that no other row has, by lot."""
    name = f"{staged}_left"
    columns = [quote_identifier(column) for column in key]
    filling.connection.execute(f"DROP TABLE IF EXISTS {name}".encode())
    each = ", ".join(f"(SELECT DISTINCT {c} FROM {staged}) AS d{n}" for n, c in enumerate(columns))  # noqa: S608
    taken = " AND ".join(f"s.{c} = d{n}.{c}" for n, c in enumerate(columns))
    picked = ", ".join(f"d{n}.{c}" for n, c in enumerate(columns))
    lot = f"hashtextextended(concat_ws(' ', {picked}), {filling.seed})"
    free = (
        f"SELECT row_number() OVER (ORDER BY {lot}) AS n, {picked} FROM {each}"  # noqa: S608
        f" WHERE NOT EXISTS (SELECT 1 FROM {staged} AS s WHERE {taken})"
    )
    missing = f"SELECT g.i AS dbwright_row, row_number() OVER (ORDER BY g.i) AS n FROM {left}"  # noqa: S608
    text = f"CREATE UNLOGGED TABLE {name} AS SELECT * FROM ({missing}) AS m JOIN ({free}) AS f USING (n)"  # noqa: S608
    filling.connection.execute(text.encode())
    made.joins.append(f"JOIN {name} AS dbwright_left ON dbwright_left.dbwright_row = r.i")
    made.chosen = {column: f"dbwright_left.{quote_identifier(column)}" for column in key}


def _make(filling: Filling, table: Table, rows: int, made: _Made) -> _Made:
    """The values of all columns."""
    catalog = filling.snapshot.catalog
    unique = keys.unique_columns(table, filling.snapshot)
    for constraint in _composite(filling, table):
        _refer_by_several(filling, table, constraint, rows, made)
    for column in catalog.columns_of(table):
        if column.name in made.values:
            continue
        if column.name in made.chosen:
            made.values[column.name] = made.chosen[column.name]
            continue
        value = _value(filling, table, column, rows, made, column.name in unique)
        if value is not None and column.name in made.forced:
            value = values.different(column, value)
        made.values[column.name] = value or column.default or f"NULL::{column.type}"
    return made


def _value(filling: Filling, table: Table, column: Column, rows: int, made: _Made, unique: bool) -> str | None:
    """SQL for one column; None leaves it to its default or NULL."""
    known = filling.snapshot.statistics.column(table, column.name)
    fixed = f"{filling.seed}:{table.schema}.{table.name}.{column.name}"
    seed = fixed + made.salt
    own = filling.single.get((table.oid, column.name))
    reference = keys.single_reference(table, column.name, filling.snapshot)
    empty = known.null_fraction if known and not column.not_null else 0.0
    correlation = known.correlation if known else None
    if own is not None:
        # Keys that others refer to stand in their own table, each once.
        return _joined(made, column, own, values.permuted(fixed, own.count, correlation))
    if reference is not None and reference.foreign_table_oid:
        parent = filling.single.get((reference.foreign_table_oid, reference.foreign_columns[0]))
        if parent is None or not parent.count:
            if column.not_null:
                filling.note(f"{table.name}.{column.name} refers to a table without rows")
            return None
        drawn = _joined(made, column, parent, _reference(filling, table, column, parent, rows, made, seed, unique))
        return _emptied(drawn, seed, empty)
    if unique:
        rank = values.permuted(fixed, rows, correlation)
        return _emptied(keys.unique_value(column, known, rows, rank, filling.connection), seed, empty)
    value = _plain(filling, table, column, rows, made, seed)
    if value is None and (known is None or known.null_fraction < 1):
        left = "its default" if column.default else "NULL"
        filling.note(f"{table.name}.{column.name} ({column.type}) is {left}: no values can be made of its statistics")
    return _emptied(value, seed, empty) if value is not None else None


def _emptied(value: str, seed: str, share: float) -> str:
    return f"CASE WHEN {values.random(f'{seed} null')} < {share!r} THEN NULL ELSE {value} END" if share > 0 else value


def _joined(made: _Made, column: Column, parent: Keys, rank: str) -> str:
    alias = f"k{column.number}"
    made.joins.append(f"LEFT JOIN {parent.table} AS {alias} ON {alias}.rank = {rank}")
    return f"{alias}.key"


def _reference(
    filling: Filling, table: Table, column: Column, parent: Keys, rows: int, made: _Made, seed: str, unique: bool
) -> str:
    """The rank of the key that a row refers to."""
    known = filling.snapshot.statistics.column(table, column.name)
    if unique or (known is not None and known.distinct <= -0.999 and rows <= parent.count):
        step = f"({values.permuted(seed, rows, known.correlation if known else None)}) * {parent.count} / {rows}"
        return f"least({step}, {parent.count - 1})" if rows <= parent.count else f"({step}) % {parent.count}"
    found = segments_of(known, column, rows, filling.connection) if known else None
    q = _place(made, column, seed, rows, values.beyond_ties(known))
    if found is None:
        return f"floor({q} * {parent.count})::int8"
    pieces = keys.ranks_of(found, column, parent, filling.connection)
    return keys.rank_expression(pieces, found.per_bucket, q)


def _refer_by_several(filling: Filling, table: Table, constraint: Constraint, rows: int, made: _Made) -> None:
    parent = filling.snapshot.catalog.table_by_oid.get(constraint.foreign_table_oid or 0)
    if parent is None or parent.oid == table.oid or not filling.rows(parent):
        return
    if constraint.oid not in filling.several:
        filling.several[constraint.oid] = keys.composite(constraint, parent, filling.connection)
    of = filling.several[constraint.oid]
    columns = {column.name: column for column in filling.snapshot.catalog.columns_of(table)}
    first = columns[constraint.columns[0]]
    known = filling.snapshot.statistics.column(table, first.name)
    seed = f"{filling.seed}:{table.schema}.{table.name}.{constraint.name}{made.salt}"
    q = _place(made, first, seed, rows, values.beyond_ties(known))
    found = segments_of(known, first, rows, filling.connection) if known else None
    if found is None:
        rank = f"floor({q} * {of.count})::int8"
    else:
        rank = keys.rank_expression(
            keys.ranks_of(found, first, of, filling.connection, "key0"), max(found.per_bucket, 1e6), q
        )
    made.joins.append(f"LEFT JOIN {of.table} AS c{constraint.oid} ON c{constraint.oid}.rank = {rank}")
    for number, name in enumerate(constraint.columns):
        made.values[name] = f"c{constraint.oid}.key{number}"


def _place(made: _Made, column: Column, seed: str, rows: int, correlation: float | None) -> str:
    made.places[f"q{column.number}"] = values.place(seed, rows, correlation)
    return f"q{column.number}"


def _plain(filling: Filling, table: Table, column: Column, rows: int, made: _Made, seed: str) -> str | None:
    """A column that is neither unique nor a reference."""
    known = filling.snapshot.statistics.column(table, column.name)
    if known and (drawn := values.elements(column, known, seed)):
        return drawn
    if known and known.range_bounds_histogram:
        return values.one_of(column, known.range_bounds_histogram, f"{seed} range")
    rest = values.unknown(column, known, rows, seed)
    found = segments_of(known, column, rows, filling.connection) if known else None
    if found is None:
        return rest
    q = _place(made, column, seed, rows, values.beyond_ties(known))
    starts = numbers(found.starts[:-1])
    value = values.from_segments(column, found, q, f"width_bucket({q}, {starts})")
    if not _is_accepted(filling, value, made.places[q], q):
        filling.note(f"{table.name}.{column.name} ({column.type}): values between the known ones cannot be made")
        value = values.lower_end(column, found, q)
    if found.rest > 0.001 and rest is not None:
        return f"CASE WHEN {values.random(f'{seed} rest')} < {found.rest!r} THEN {rest} ELSE {value} END"
    return value


def _is_accepted(filling: Filling, value: str, place: str, q: str) -> bool:
    """Whether the server can compute it, tried on some rows."""
    rows = f"SELECT g.i, {place} AS {q} FROM {_numbered(200)}"  # noqa: S608
    text = f"SELECT count(v) FROM (SELECT {value} AS v FROM ({rows}) AS p) AS t"  # noqa: S608
    try:
        with filling.connection.transaction():
            filling.connection.execute(text.encode())
    except psycopg.Error:
        return False
    return True


def _select(made: _Made, numbered: str, first: str = "") -> str:
    places = "".join(f", {text} AS {name}" for name, text in made.places.items())
    rows = f"(SELECT g.i{places} FROM {numbered} OFFSET 0) AS r"  # noqa: S608
    order = " ORDER BY r.i" if made.joins else ""
    return f"SELECT {first}{', '.join(made.values.values())} FROM {rows} {' '.join(made.joins)}{order}"  # noqa: S608


def _rules(filling: Filling, table: Table) -> list[str]:
    """Statements that delete from ``{table}`` the rows that break a unique key or a check that the way values are made does not keep."""
    rules = []
    kept_anyway = keys.unique_columns(table, filling.snapshot) - _risky(filling, table)
    for index in filling.snapshot.catalog.indexes_of(table):
        if not index.is_unique or (len(index.keys) == 1 and index.keys[0] in kept_anyway):
            continue
        keyed = zip(index.keys, index.is_expression, strict=True)
        parts = [key if is_expression else quote_identifier(key) for key, is_expression in keyed]
        where = [f"({index.predicate})"] if index.predicate else []
        where += [] if index.nulls_not_distinct else [f"({part}) IS NOT NULL" for part in parts]
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        over = f"PARTITION BY {', '.join(f'({part})' for part in parts)} ORDER BY dbwright_row"
        twins = f"SELECT ctid, row_number() OVER ({over}) AS n FROM @table@{condition}"  # noqa: S608
        rules.append(f"DELETE FROM @table@ WHERE ctid IN (SELECT ctid FROM ({twins}) AS t WHERE n > 1)")  # noqa: S608
    for constraint in filling.snapshot.catalog.constraints_of(table, "check"):
        if constraint.is_validated and constraint.definition.upper().startswith("CHECK"):
            rule = constraint.definition[len("CHECK") :].removesuffix(" NO INHERIT").strip()
            rules.append(f"DELETE FROM @table@ WHERE {rule} IS FALSE")  # noqa: S608
    return rules


def _risky(filling: Filling, table: Table) -> set[str]:
    """Unique columns whose values are not different by the way they are made."""
    return {
        column.name
        for column in filling.snapshot.catalog.columns_of(table)
        if (table.oid, column.name) not in filling.single
        and (
            column.base_type not in ("int4", "int8", "uuid")
            or keys.single_reference(table, column.name, filling.snapshot)
        )
    }


def _references(filling: Filling) -> Iterator[Step]:
    catalog = filling.snapshot.catalog
    for constraint in catalog.constraints:
        table = catalog.table_by_oid.get(constraint.table_oid)
        if (
            constraint.kind == "foreign key"
            and table is not None
            and not constraint.is_inherited
            and not table.extension
        ):
            name = quote_identifier(table.schema, table.name)
            rule = f"{quote_identifier(constraint.name)} {constraint.definition}"
            yield Step(f"ALTER TABLE {name} ADD CONSTRAINT {rule}", f"foreign key {constraint.name}")


def _sequences(filling: Filling) -> Iterator[Step]:
    """Each goes on behind the largest key."""
    catalog = filling.snapshot.catalog
    for table in stored(catalog):
        name = quote_identifier(table.schema, table.name)
        for column in catalog.columns_of(table):
            if column.identity or (column.default and "nextval" in column.default):
                own = quote_identifier(column.name)
                sequence = (
                    f"pg_get_serial_sequence({quote_literal(name)}, {quote_literal(column.name)})"
                    if column.identity
                    else column.default.partition("(")[2].partition("::")[0]
                    if column.default
                    else ""
                )
                yield Step(
                    f"SELECT setval({sequence}, max({own})) FROM {name} HAVING max({own}) > 0",  # noqa: S608
                    f"sequence of {table.name}.{column.name}",
                )
