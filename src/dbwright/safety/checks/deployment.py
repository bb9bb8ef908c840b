"""What holds for a whole migration: its transactions, its place among the others, and the code that runs while it does."""

from __future__ import annotations

from dbwright.safety.judged import Check

NESTED = Check(
    "transaction-nested",
    "warning",
    "A BEGIN inside a transaction only warns, and the first COMMIT ends the outer one: what comes after runs unprotected.",
    ("transaction-nesting",),
)
NOT_CLOSED = Check(
    "transaction-not-closed",
    "warning",
    "Without COMMIT the session's end takes everything back, and until then the locks are held.",
    ("transaction-not-closed",),
)
NOT_BEGUN = Check(
    "commit-without-begin",
    "warning",
    "The COMMIT ends the transaction of the tool that runs the file, whose record of the migration is then no longer in it.",
    ("explicit-commit-forbidden",),
)
HEADS = Check(
    "several-heads",
    "error",
    "Two migrations come last in one history: migrate, or upgrade, stops there with the deployment half done.",
    ("migration-branches",),
)
PARENT = Check("missing-parent", "error", "A migration follows one that does not exist: nothing can be migrated.")
CIRCLE = Check("circular", "error", "Migrations wait for each other: none of them can run.")
DUPLICATE = Check("duplicate-revision", "error", "Two files have one revision's id: one of them never runs.")
BROKEN = Check(
    "query-broken-by-migration",
    "error",
    "The statement worked on the schema before and is refused by the one after: code that sends it fails from then on.",
    ("drop-column", "rename-column", "drop-table", "rename-table"),
)
TOO_EARLY = Check(
    "query-needs-migration",
    "info",
    "The statement is refused by the schema before and works on the one after: code that sends it must not run before the migration has.",
)
LEFT_OUT = Check(
    "insert-leaves-out-required-column",
    "error",
    "After the migration the column is required and has no default: INSERTs of code that does not write it fail.",
    ("add-required-column", "add-required-column-orm-default"),
)

OF_TRANSACTIONS = {"nested": NESTED, "not closed": NOT_CLOSED, "not begun": NOT_BEGUN}
OF_GRAPH = {"heads": HEADS, "missing parent": PARENT, "cycle": CIRCLE, "duplicate": DUPLICATE}
