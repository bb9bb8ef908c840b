"""Nothing records who connected or who changed the structure of the database.

## Why it matters

After an incident the first questions are who was in, from where, and what was altered. log_connections and log_statement = ddl answer
them at the cost of a few lines; nothing can answer them afterwards.

## When to ignore

With a pooler or pgaudit that records it, or where the application opens a connection for each request and the log would drown.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import remote_sessions
from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, client, with_sessions, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("settings", "activity.sessions")
LIMITS: dict[str, float] = {"sessions": 1}
COVERS = ("log-connections-off", "log-line-prefix", "log-statement-ddl", "audit-extension", "AB-20")

_REMOTE = with_sessions(client("web", is_remote=True, encrypted=True))
BAD = (Sample(edit=_REMOTE),)
GOOD = (
    Sample(edit=with_sessions(client("web"))),
    Sample(edit=both(_REMOTE, with_settings(log_connections="on", log_line_prefix="%m [%p] %u@%d %h "))),
    Sample(edit=both(_REMOTE, with_settings(shared_preload_libraries="pg_stat_statements,pgaudit"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings = snapshot.settings
    remote = len(remote_sessions(snapshot))
    if remote < limits["sessions"] or "pgaudit" in (settings.text("shared_preload_libraries") or ""):
        return
    connections = settings.text("log_connections")
    if connections is None or connections not in ("", "off"):
        return
    prefix, statement = settings.text("log_line_prefix") or "", settings.text("log_statement")
    steps = [SetServerParameter("log_connections", connections, "on")]
    if not ("%u" in prefix and ("%h" in prefix or "%r" in prefix)):
        steps.append(SetServerParameter("log_line_prefix", prefix, "%m [%p] %u@%d %h "))
    if statement == "none":
        steps.append(SetServerParameter("log_statement", statement, "ddl"))
    yield Finding(
        title="Connections are not recorded",
        message=f"{counted(remote, 'session')} from other machines now, and the log will not tell who they were"
        + (" or who ran DDL." if statement == "none" else "."),
        objects=(ObjectRef("setting", "log_connections"),),
        impact=Impact(remote, "sessions", 10, 10_000),
        evidence={"log_connections": connections, "log_line_prefix": prefix, "log_statement": statement},
        confidence="medium",
        change=Change(tuple(steps), note="Only sessions that begin afterwards are recorded."),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    connections = snapshot.settings.text("log_connections")
    if connections and connections != "off":
        yield Strength(
            "Connections are recorded", f"log_connections is {connections}.", {"log_connections": connections}
        )
