"""Quoting for PostgreSQL, SQLite and the shell. Identifiers are quoted here and nowhere else."""

from __future__ import annotations

import re
import shlex
from hashlib import sha256

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")

_RESERVED = frozenset(
    "all analyse analyze and any array as asc asymmetric authorization between binary both case cast check collate collation column "
    "concurrently constraint create cross current_catalog current_date current_role current_schema current_time "
    "current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from "
    "full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit "
    "localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references "
    "returning right select session_user similar some symmetric system_user table tablesample then to trailing true union "
    "unique user using variadic verbose when where window with values bigint bit boolean char character coalesce dec decimal "
    "exists extract float greatest grouping inout int integer interval least national nchar none normalize nullif numeric "
    "out overlay position precision real row setof smallint substring time timestamp treat trim varchar xmlattributes "
    "xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable merge_action json "
    "json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize json_table "
    "json_value "
    # SQLite's own
    "add alter autoincrement commit delete drop escape index insert nothing raise set transaction update".split()
)


def quote_identifier(*parts: str) -> str:
    """Quote a (dotted) identifier for PostgreSQL and SQLite, only where it is needed.

    Raises ValueError on an empty part or one that holds a NUL, which no catalog can hold.
    """
    for part in parts:
        if not part or "\0" in part:
            raise ValueError(f"not an identifier: {part!r}")
    return ".".join(
        part if _PLAIN.match(part) and part not in _RESERVED else '"' + part.replace('"', '""') + '"' for part in parts
    )


def quote_literal(value: str) -> str:
    """Quote a string constant; backslashes are kept safe under any ``standard_conforming_strings``."""
    quoted = "'" + value.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def quote_shell(name: str) -> str:
    """Quote one word of a shell's command line."""
    return shlex.quote(name)


def shortened(stem: str, ending: str, spare: int = 0) -> str:
    """``stem``, cut so that a name of it and ``ending`` has at most 63 bytes, as PostgreSQL keeps, with ``spare`` more if it is cut.
    What is cut off stands as a digest, so that two long names do not become one."""
    if len(stem.encode()) <= 63 - len(ending.encode()):
        return stem
    digest = sha256(stem.encode()).hexdigest()[:6]
    return stem.encode()[: 63 - len(f"_{digest}{ending}".encode()) - spare].decode(errors="ignore") + f"_{digest}"
