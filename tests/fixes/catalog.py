"""What a database holds, to be compared: definitions by name, whatever made them."""

import psycopg

_PARTS = {
    "indexes": "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid FROM pg_index"
    " JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "columns": "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid),"
    " attstorage, attstattarget FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)"
    " JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND relkind = 'r'"
    " AND NOT attisdropped",
    "options": "SELECT oid::regclass::text, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace",
}


def catalog(conninfo: str) -> dict[str, set[str]]:
    """Indexes, constraints, columns and storage parameters of the schema ``public``."""
    with psycopg.connect(conninfo) as connection:
        return {
            name: {str(tuple(str(one) for one in row)) for row in connection.execute(query)}  # type: ignore[call-overload]
            for name, query in _PARTS.items()
        }


def differing(one: dict[str, set[str]], other: dict[str, set[str]]) -> dict[str, tuple[set[str], set[str]]]:
    """What only one of two catalogs has, by part; empty when they are equal."""
    return {name: (one[name] - other[name], other[name] - one[name]) for name in one if one[name] != other[name]}
