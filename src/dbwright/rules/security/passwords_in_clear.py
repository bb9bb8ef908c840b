"""A column of passwords seems to hold them as they were typed.

## Why it matters

Whoever sees one backup or one injected query then has the passwords of all users, who use them elsewhere too.
No salted hash in use is shorter than 50 characters (bcrypt 60, scrypt and Argon2 about 100); values this short are clear text or
encrypted with a key that the application holds.

## When to ignore

When the column holds something else, or passwords of other systems that are encrypted in the application.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.tables", "catalog.columns", "statistics.tables", "statistics.columns")
LIMITS: dict[str, float] = {
    "rows": 20,
    "least_width": 5,
    "clear_width": 24,
    "unsalted_width": 45,
    "distinct_share": 0.2,
}
COVERS = ("readable-passwords",)

_NAME = re.compile(r"(?:\w+_)?(?:password|passwd|pwd|passphrase|passcode)\Z|(?:user|login|account)_?pass\Z", re.I)
_TEXT = frozenset(("text", "varchar", "bpchar", "citext"))

_TABLE = "CREATE TABLE member (id bigint, login text, {} text);"
_FILL = "INSERT INTO member SELECT n, 'user' || n, {} FROM generate_series(1, 400) n; ANALYZE member;"
BAD = (
    Sample(_TABLE.format("password") + _FILL.format("'sunny' || n * 7919")),
    Sample(_TABLE.format("user_pass") + _FILL.format("md5('sunny' || n)")),
)
GOOD = (
    Sample(_TABLE.format("password") + _FILL.format("'pbkdf2_sha256$600000$' || md5(n::text) || md5(n::text)")),
    Sample(_TABLE.format("password") + _FILL.format("''")),
    Sample(_TABLE.format("password") + _FILL.format("'!' || md5(n::text) || 'abcdefgh12345'")),
    Sample(_TABLE.format("password_hint") + _FILL.format("'the dog ' || n")),
    Sample(_TABLE.format("password") + "INSERT INTO member VALUES (1, 'a', 'sunny1'); ANALYZE member;"),
    Sample(_TABLE.format("reset_password").replace("reset_password text", "reset_password boolean")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    names = {column.table_oid: column for column in snapshot.catalog.columns if _holds_passwords(column)}
    if not names:
        return
    for table in snapshot.catalog.user_tables:
        column = names.get(table.oid)
        rows = snapshot.rows(table) if column else 0
        if column is None or rows < limits["rows"]:
            continue
        row = snapshot.statistics.column(table, column.name)
        if row is None or not limits["least_width"] <= row.average_width < limits["unsalted_width"]:
            continue
        filled = rows * (1 - row.null_fraction)
        if row.distinct_values(rows) < limits["distinct_share"] * max(filled, 1) or _is_unusable(row.average_width):
            continue
        yield _finding(table, column, int(filled), row.average_width, limits)


def _holds_passwords(column: Column) -> bool:
    return bool(_NAME.match(column.name)) and column.base_type in _TEXT


def _is_unusable(width: int) -> bool:
    """Django's mark for 'no password': an exclamation mark and 40 characters, with a byte of length before."""
    return 41 <= width <= 42


def _finding(table: Table, column: Column, rows: int, width: int, limits: Limits) -> Finding:
    clear = width < limits["clear_width"]
    what = "look like clear text" if clear else "look like unsalted hashes (MD5 or SHA-1) at best"
    return Finding(
        title=f"{table.name}.{column.name} may hold passwords in clear"
        if clear
        else f"{table.name}.{column.name} is too short for a safe hash",
        message=f"About {rows:,} values of {width} bytes on average {what}: a salted hash takes 60 or more.",
        objects=(object_ref("column", table, column.name),),
        impact=Impact(rows, "rows", limits["rows"] / 10, 100_000, estimated=True),
        evidence={"rows": rows, "average_width": width, "how": "width in the planner's statistics; no value was read"},
        confidence="medium" if clear else "low",
        next_step="Hash them in the application (Django make_password, argon2-cffi) into a new column, switch logins over, then drop "
        f"{column.name}; passwords of other systems belong in a secret store.",
    )
