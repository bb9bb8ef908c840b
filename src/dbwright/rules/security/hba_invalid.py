"""pg_hba.conf has lines that the server cannot read.

## Why it matters

A running server goes on with the rules it had and ignores every later change of the file; at its next start it refuses to come up.

## When to ignore

Never; mend the line or remove it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import hba, with_hba
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("hba",)
LIMITS: dict[str, float] = {}
COVERS = ("configuration-load-failed",)

BAD = (Sample(edit=with_hba(hba("", None, "", error='invalid authentication method "skram"', databases=(), users=()))),)
GOOD = (Sample(), Sample(edit=with_hba(hba("local", None, "peer"))))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    wrong = [line for line in snapshot.hba if line.error]
    if not wrong:
        return
    yield Finding(
        title=f"pg_hba.conf cannot be read at line {wrong[0].line}",
        message=f"{wrong[0].error}; until it is mended the server ignores changes of the file, and it will not start again with it.",
        objects=(ObjectRef("setting", "pg_hba.conf"),),
        impact=Impact(len(wrong), "lines", 0.1, 10),
        evidence={"errors": [{"line": line.line, "error": line.error} for line in wrong[:20]]},
        confidence="medium",
        next_step=f"Mend line {wrong[0].line} of pg_hba.conf, check with SELECT * FROM pg_hba_file_rules WHERE error IS NOT NULL, "
        "then SELECT pg_reload_conf();",
        identity="invalid",
    )
