"""Commits wait for a synchronous standby that is not there.

## Why it matters

With synchronous_standby_names set, every commit waits until enough of the named standbys have confirmed it. With none connected
all writing sessions hang; cancelled ones commit locally.

## When to ignore

When synchronous_commit is off or local for the sessions that write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, standby, with_settings, with_standbys
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("replication.standbys", "replication.recovery", "settings")
LIMITS: dict[str, float] = {}
COVERS = ("standby-missing",)

_WANTED = with_settings(synchronous_standby_names="FIRST 1 (a, b)", synchronous_commit="on")
BAD = (
    Sample(edit=_WANTED),
    Sample(edit=both(with_standbys(standby("c")), _WANTED)),
    Sample(
        edit=both(
            with_standbys(standby("a", sync_state="sync")),
            with_settings(synchronous_standby_names="ANY 2 (a, b)", synchronous_commit="on"),
        )
    ),
)
GOOD = (
    Sample(edit=both(with_standbys(standby("a", sync_state="sync")), _WANTED)),
    Sample(edit=both(with_standbys(standby("a", sync_state="quorum"), standby("b", sync_state="quorum")), _WANTED)),
    Sample(edit=both(_WANTED, with_settings(synchronous_commit="local"))),
    Sample(edit=both(with_standbys(standby("a", sync_state="hidden", state="hidden")), _WANTED)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    names = snapshot.settings.text("synchronous_standby_names") or ""
    state = snapshot.replication.recovery
    standbys = snapshot.replication.standbys
    if not names.strip() or state is None or state.in_recovery:
        return
    if snapshot.settings.text("synchronous_commit") in ("off", "local") or any(
        s.sync_state == "hidden" for s in standbys
    ):
        return
    confirming = sum(1 for s in standbys if s.sync_state in ("sync", "quorum") and s.state == "streaming")
    needed = _needed(names)
    if confirming >= needed:
        return
    yield Finding(
        title="Commits wait for a synchronous standby that is not there",
        message=f"synchronous_standby_names ({names}) asks for {counted(needed, 'standby')} to confirm, and {confirming} of "
        f"{len(standbys)} connected can: every commit hangs.",
        objects=(ObjectRef("setting", "synchronous_standby_names"),),
        impact=Impact.certain(),
        evidence={"needed": needed, "confirming": confirming, "connected": [s.application for s in standbys]},
        confidence="high",
        change=Change(
            (SetServerParameter("synchronous_standby_names", names, ""),),
            note="Commits no longer wait, so a failover may lose the last of them; put the name back when the standby streams again.",
        ),
    )


def _needed(names: str) -> int:
    match = re.match(r"\s*(?:FIRST|ANY)?\s*(\d+)\s*\(", names, re.I)
    return int(match[1]) if match else 1


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    confirming = [s.application for s in snapshot.replication.standbys if s.sync_state in ("sync", "quorum")]
    if confirming:
        yield Strength(
            "Commits are confirmed by a second server",
            f"{len(confirming)} synchronous standbys confirm each commit.",
            {"standbys": confirming},
        )
