"""Clients on other machines talk to the server without encryption.

## Why it matters

Everything goes in clear: statements, rows, and what is needed to take over the session. libpq's default (sslmode=prefer) falls back
to it silently when the server offers no TLS.

## When to ignore

On a container network of one machine, or where a VPN or a service mesh encrypts already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dbwright.model.access import remote_sessions
from dbwright.model.finding import Confidence, Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, client, with_sessions, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("activity.sessions", "settings")
LIMITS: dict[str, float] = {}
COVERS = ("clients-unencrypted", "ssl-off-remote", "AB-20", "BP-31")

_REMOTE = client("web", is_remote=True, encrypted=False)
_VISITOR = client("web", is_remote=True, encrypted=False, from_internet=True)
BAD = (
    Sample(edit=with_sessions(_REMOTE, client("web"))),
    Sample(edit=both(with_sessions(_VISITOR), with_settings(ssl="on"))),
)
GOOD = (
    Sample(edit=with_sessions(client("web", encrypted=False), client("web"))),
    Sample(edit=with_sessions(client("web", is_remote=True, encrypted=True))),
    Sample(edit=with_sessions(client("web", is_remote=True, encrypted=None))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    plain = [s for s in remote_sessions(snapshot) if s.encrypted is False]
    if not plain:
        return
    internet = sum(1 for s in plain if s.from_internet)
    offered = snapshot.settings.on("ssl")
    roles = Counter(s.user or "?" for s in plain)
    confidence: Confidence = "medium" if internet else "low"
    yield Finding(
        title=f"{counted(len(plain), 'session')} from other machines without encryption",
        message=f"{listed([f'{name} ({count})' for name, count in roles.most_common()])} in clear"
        + (f", {internet} of them over the internet" if internet else " over a private network")
        + ("; the server offers TLS." if offered else "; the server offers no TLS (ssl is off)."),
        objects=(ObjectRef("setting", "ssl"),),
        impact=Impact(10 if internet else 1.5, "reach", 1, 10),
        evidence={"sessions": dict(roles), "over_internet": internet, "ssl": offered},
        confidence=confidence,
        next_step=_next_step(bool(offered)),
    )


def _next_step(offered: bool) -> str:
    require = (
        "add sslmode=require to the application's address (better verify-full with sslrootcert), then write hostssl instead of host "
        "in pg_hba.conf"
    )
    if offered:
        return require[0].upper() + require[1:] + "."
    return (
        "Put server.crt and server.key (mode 0600) into the data directory, ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf(); "
        f"then {require}."
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    remote = [s for s in remote_sessions(snapshot) if s.encrypted is not None]
    if remote:
        yield Strength(
            "Clients on other machines use TLS",
            f"All {len(remote)} sessions from other machines are encrypted.",
            {"sessions": len(remote)},
        )
