"""What the Python of a data migration does to rows."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.safety.checks.data import UPDATE
from dbwright.safety.judged import Check, Finding, Severity
from dbwright.safety.statements import Opaque, Script

ROW_BY_ROW = Check(
    "rows-changed-one-by-one",
    "warning",
    "Each row costs a round trip, all in one transaction: a million rows take the better part of an hour, and what is changed first stays"
    " locked all that time.",
)
LOADED = Check(
    "rows-loaded-at-once",
    "warning",
    "Without iterator() the query set keeps every row in memory until the loop has ended.",
)
UNBATCHED = Check(
    "bulk-without-batches",
    "warning",
    "Without batch_size every row goes into one statement, which takes memory here and on the server for all of them.",
)
BATCH = Check(
    "batch-too-large",
    "warning",
    "Beyond some thousands of rows a batch is no faster; its locks and memory grow with it.",
)
REAL_MODEL = Check(
    "real-model-in-migration",
    "warning",
    "A model imported from the application is that of today: once it gets a column that a later migration adds, this one no longer runs."
    " apps.get_model gives the model as it was.",
    ("runpython-imports-model",),
)
NO_REVERSE = Check(
    "no-reverse", "info", "The migration cannot be taken back.", ("runpython-irreversible", "runsql-irreversible")
)
NOT_READ = Check(
    "opaque-operation",
    "info",
    "What is put together at run time cannot be judged from the files.",
    ("opaque-operation",),
)

_BY_HABIT: dict[str, tuple[Check, str, str | None]] = {
    "row by row": (
        ROW_BY_ROW,
        "The rows of {what} are changed one at a time.",
        "Let one statement do it (update() with F(), Subquery), or collect some thousands and bulk_update(…, batch_size=1000),\n"
        "in a migration with atomic = False that commits each batch.",
    ),
    "loaded whole": (LOADED, "{what} is loaded whole.", "for row in ….iterator(chunk_size=2000):"),
    "unbatched": (
        UNBATCHED,
        "{what}(…) takes all rows in one statement.",
        "….bulk_update(rows, fields, batch_size=1000)",
    ),
    "whole table": (
        UPDATE,
        "{what}(…) changes all rows in one statement.",
        "In batches by primary key, each committed: atomic = False, and\n"
        "while ids := list(pending.values_list('pk', flat=True)[:5000]):\n    Model.objects.filter(pk__in=ids).update(…)",
    ),
    "batch too large": (BATCH, "{what} is a large batch.", "batch_size=1000"),
    "real model": (REAL_MODEL, "{what} is the model of today.", 'Model = apps.get_model("app", "Model")'),
    "no reverse": (NO_REVERSE, "{what} has no reverse.", None),
    "not read": (NOT_READ, "{what}: its function is not in the file.", None),
}


def of_script(script: Script) -> Iterator[Finding]:
    """Findings on the steps whose SQL is not known."""
    for one in script.opaque:
        yield _finding(one)


def _finding(one: Opaque) -> Finding:
    check, text, rewrite = _BY_HABIT.get(one.reason, (NOT_READ, f"{{what}}: {one.reason}.", None))
    severity: Severity = check.severity
    return Finding(check.id, severity, text.format(what=one.what), check.why, one.line, rewrite=rewrite)
