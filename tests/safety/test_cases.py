"""What PostgreSQL's manual says of each statement, against what is found: bad and good twins in ``cases/*.toml``.

``finds`` are the findings of severity warning and error, without ``migrations/``; ``hints`` some that must be among the infos; ``blocks``
who was seen to wait, of any statement of the file; ``scans`` what was seen to be read whole.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dbwright.safety.judge import Before, judge
from dbwright.safety.scratch import Scratch
from dbwright.safety.statements import script_of

CASES = [
    pytest.param(case, id=f"{file.stem}: {case['name']}")
    for file in sorted(Path(__file__).parent.glob("cases/*.toml"))
    for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]
]


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any], scratch: Scratch) -> None:
    if scratch.major < case.get("from", 0):
        pytest.skip(f"PostgreSQL {case['from']} and later")
    before = tuple(one.sql for one in script_of(case.get("before", ""), "before.sql").statements)
    (judgement,) = judge([script_of(case["sql"], "case.sql")], Before(before, major=case.get("major")), scratch)
    told = {f.check.removeprefix("migrations/") for f in judgement.findings if f.severity != "info"}
    assert told == set(case["finds"]), [f"{f.severity} {f.check}: {f.message}" for f in judgement.findings]
    hints = {f.check.removeprefix("migrations/") for f in judgement.findings if f.severity == "info"}
    assert set(case.get("hints", ())) <= hints
    assert not (set(case.get("not", ())) & (hints | told))
    for who, tables in case.get("blocks", {}).items():
        seen = {name for o in judgement.observations if o is not None for _, name in getattr(o, who)}
        assert seen == set(tables)
    if "scans" in case:
        assert {name for o in judgement.observations if o is not None for _, name in o.scanned} == set(case["scans"])
    if case["finds"] != ["syntax-error"] and not case.get("fails"):
        assert not any("failed" in gap for gap in judgement.gaps if "inside a transaction" not in gap), judgement.gaps


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= 150


def test_a_session_that_ends_itself(scratch: Scratch) -> None:
    """What comes after is judged by its text, and the next migration finds a whole server."""
    text = "SELECT pg_terminate_backend(pg_backend_pid());\nCREATE INDEX users_email ON users (email);"
    (judgement,) = judge([script_of(text, "case.sql")], Before(), scratch)
    assert any(gap.startswith("line 1: failed") for gap in judgement.gaps)
    assert "migrations/blocking-index-build" in {f.check for f in judgement.findings}
    (after,) = judge([script_of("ALTER TABLE users ADD COLUMN a int;", "case.sql")], Before(), scratch)
    assert after.gaps == ()
