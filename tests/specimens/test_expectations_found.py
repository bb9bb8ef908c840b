"""What the audit of the source alone finds on the specimens: each expectation that some rule can answer, at its line.

An expectation is answered by a finding of a rule of its area that names a line of the expected statement, or that speaks of the expected
table and columns. Those that are not answered yet stand in `NOT_YET` with the reason; one of them that is answered fails the test, so the
list can only shrink.
"""

import ast
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import expectations
import pytest
from expectations import SPECIMENS, Entry

from dbwright.acquire import Request, acquire
from dbwright.audit import audit
from dbwright.model.finding import Finding

RULES: dict[str, tuple[str, ...]] = {
    "n+1": ("queries/n-plus-one",),
    "queries in a loop": ("queries/n-plus-one", "queries/write-in-loop"),
    "count in a loop": ("queries/n-plus-one",),
    "get in a loop": ("queries/n-plus-one",),
    "lookup in a loop": ("queries/n-plus-one", "queries/write-in-loop"),
    "unloaded relation touched": ("queries/n-plus-one",),
    "create in a loop": ("queries/write-in-loop",),
    "save in a loop": ("queries/write-in-loop",),
    "writes in a loop": ("queries/write-in-loop",),
    "sql injection": ("queries/sql-injection",),
    "SQL injection": ("queries/sql-injection",),
    "rows fetched to be counted": ("queries/len-instead-of-count",),
    "missing unique constraint": (
        "queries/get-or-create-without-unique",
        "queries/get-without-unique",
        "models/duplicate-link",
    ),
    "constraints: natural key without uniqueness": (
        "queries/get-or-create-without-unique",
        "queries/get-without-unique",
    ),
    "race between look-up and insert": ("queries/get-or-create-without-unique",),
    "missing check constraint": ("models/*-unchecked",),
    "constraints: range unchecked": ("models/range-unchecked",),
    "json key used as a column": ("queries/json-key-filter",),
    "search in json": ("queries/leading-wildcard-search",),
    "search without index": ("queries/leading-wildcard-search",),
    "column in a function": ("queries/not-sargable-filter",),
    "offset pagination": ("queries/offset-paging",),
    "deep OFFSET": ("queries/offset-paging",),
    "redundant index": ("models/redundant-index",),
    "indexes: duplicate": ("models/redundant-index",),
    "missing index": ("queries/missing-index",),
    "indexes: missing": ("queries/missing-index",),
    "indexes: missing, partial": ("queries/missing-index",),
    "connections: pool too small": ("connections/pool-smaller-than-threads",),
    "connections: pool without pool_recycle and pool_pre_ping": ("connections/pool-not-pinged",),
    "connections: the pools together exceed max_connections": ("connections/pools-exceed-limit",),
    "connections: URL without +asyncpg in an async application": ("connections/url-without-async-driver",),
    "connection settings": ("connections/opened-per-request", "connections/without-timeouts"),
    "security: password that anybody guesses": ("security/weak-password",),
    "weak password": ("security/weak-password",),
    "tests on another engine": ("project/tests-on-sqlite",),
    "engine: SQLite in production": ("project/sqlite-in-production",),
}
"""Rules on code by the area of an expectation. Areas that are not here belong to rules on live databases, migrations and settings."""

NOT_YET: dict[str, dict[str, str]] = {
    "analyticbot": {
        "pool-too-small": "asynchronous processes serve without a bound, and the server has no room for larger pools: the sum is told",
        "duplicate-user-count": "the index stands in a migration only, of which the models know nothing",
        "posts-of-channel-by-date": "queries/missing-index takes the primary key for enough",
        "n-plus-one-spikes": "the loop calls the same function twice; the reader keeps the first call",
    },
    "chapters": {
        "member-chapter-status": "an index leads with chapter_id: without statistics the second column is not proposed",
        "differs-icontains": "the queries name the view and the filter set's class, not the line of the filter",
        "member-email-format": "told of every address in every project, it would be noise",
    },
    "daylog": {
        "offset-settings": "the queries name the views, not the class of the pagination",
    },
    "wellbeing": {
        "alert-by-score": "two ranges: without statistics none of the indexes is proposed",
        "alert-by-stress": "a range alone: without statistics the index is not proposed",
        "people-summed-up-one-by-one": "a job that commands run: nobody waits for its queries, so queries/n-plus-one leaves it out",
    },
}
"""By specimen and key, why a rule does not answer yet."""


@cache
def findings(specimen: str) -> tuple[Finding, ...]:
    """As on PostgreSQL, also for the one that still runs on SQLite (its WB-12)."""
    snapshot = acquire(Request(SPECIMENS / specimen, use_database=False), {})
    snapshot = replace(snapshot, target=replace(snapshot.target, engine="postgresql", version=170000))
    patterns = sorted({pattern for patterns in RULES.values() for pattern in patterns})
    return audit(snapshot, only=patterns).findings


@cache
def statement(path: Path, line: int) -> tuple[int, int]:
    """The lines of the innermost statement around a line; of a template the line itself."""
    if path.suffix != ".py":
        return line, line
    found = (line, line)
    smallest = 10**9
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            end = node.end_lineno or node.lineno
            if isinstance(
                node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.For | ast.If | ast.With | ast.Try
            ):
                end = node.lineno  # its head alone
                if line > end:
                    continue
            if end - node.lineno < smallest:
                smallest, found = end - node.lineno, (node.lineno, end)
    return found


def answers(finding: Finding, entry: Entry, expected: expectations.Expectations) -> bool:
    """Whether a finding is about the entry: it names a line of its statement, or its table and columns."""
    if not any(fnmatchcase(finding.rule, pattern) for pattern in RULES[entry["area"]]):
        return False
    columns = set(entry.get("columns", ()))
    of_table = [set(ref.columns) for ref in finding.objects if ref.table == entry.get("table")]
    if of_table:
        of_table.append(set(finding.evidence.get("columns", ())))
    named = set().union(*of_table)
    if columns and any(columns <= one for one in of_table):
        return True
    if "file" not in entry:
        return False
    if columns and named and not columns & named:
        return False
    first, last = statement(SPECIMENS / expected.specimen / entry["file"], expected.line_number(entry))
    return any(place.file == entry["file"] and first <= place.line <= last for place in finding.locations)


def entries(kind: str) -> list[object]:
    return [
        pytest.param(name, entry["key"], id=f"{name}-{entry['key']}")
        for name in expectations.NAMES
        for entry in getattr(expectations.read(name), kind)
        if entry["area"] in RULES
    ]


def entry_of(name: str, kind: str, key: str) -> tuple[expectations.Expectations, Entry]:
    expected = expectations.read(name)
    return expected, next(entry for entry in getattr(expected, kind) if entry["key"] == key)


@pytest.mark.parametrize(("name", "key"), entries("find"))
def test_found(name: str, key: str) -> None:
    expected, entry = entry_of(name, "find", key)
    found = any(answers(finding, entry, expected) for finding in findings(name))
    if key in NOT_YET.get(name, {}):
        assert not found, "it is answered now: take it off NOT_YET"
    else:
        assert found, f"{entry['note']} ({entry.get('file')}: {entry.get('line')})"


@pytest.mark.parametrize(("name", "key"), [*entries("right")])
def test_right_code_is_left_alone(name: str, key: str) -> None:
    expected, entry = entry_of(name, "right", key)
    told = [f.title for f in findings(name) if answers(f, entry, expected)]
    if key in NOT_YET.get(name, {}):
        assert told, "it is silent now: take it off NOT_YET"
    else:
        assert not told


def test_what_is_not_answered_yet_is_expected() -> None:
    for name, reasons in NOT_YET.items():
        expected = expectations.read(name)
        assert reasons.keys() <= {entry["key"] for entry in expected.entries()}
