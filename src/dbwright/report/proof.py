"""How to prove an advised index before production gets it: the next commands, exactly."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from dbwright.fixes.sql import create_index
from dbwright.model.advice import Advice, AdvisedIndex, Effect
from dbwright.model.snapshot import Snapshot
from dbwright.plaintext import one_line

_LONGEST = 600
"""Characters of a statement that is written out."""


def steps(advice: Advice, row: AdvisedIndex, snapshot: Snapshot, given: Sequence[str]) -> tuple[str, ...]:
    """Commands in order: the plan without touching anything, the measurement on a copy, then by hand beside real rows. ``given`` are the
    options that tell `dbwright plan` where to read."""
    effects = sorted((advice.effects[n] for n in row.statements), key=lambda e: -e.gain)
    if not effects:
        return ()
    first = effects[0]
    bare = create_index(row.index, online=False)
    what = [] if "--sql-dir" in given else [_named(first, snapshot)]
    return (
        f"dbwright plan {shlex.join([*what, *given, '--index', bare])}",
        f"dbwright prove {shlex.join(['--advice', 'advice.json', *given])}, where advice.json is this with --format json: measured before"
        " and after on rows made from the statistics, or with --dump BACKUP on production's",
        f"In staging, with production's rows: EXPLAIN (ANALYZE, BUFFERS) {_statement(first)}",
        f"{create_index(row.index, online=True)}; ANALYZE {row.index.table}; then the same EXPLAIN again, for fewer buffers and less time",
    )


def _named(effect: Effect, snapshot: Snapshot) -> str:
    """The statement as `dbwright plan` takes it: a line of the code, a recorded one's number, or its text."""
    origin = effect.statement.origin
    if any(str(query.issued) == origin for query in snapshot.source.queries):
        return origin
    if number := re.fullmatch(r"query (-?\d+)", origin):
        return number[1]
    return effect.statement.sql


def _statement(effect: Effect) -> str:
    text = one_line(effect.statement.sql).rstrip("; ")
    shown = text if len(text) <= _LONGEST else f"… (the statement of {effect.statement.origin})"
    with_values = ", with values of yours for the parameters" if re.search(r"\$\d", text) else ""
    return shown + with_values
