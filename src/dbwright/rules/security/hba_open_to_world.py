"""pg_hba.conf lets any address try to log in as any role.

## Why it matters

Only a password then stands between the internet and every role, superusers included, wherever the firewall or the platform does not.
PostgreSQL does not slow down or lock out who keeps guessing.

## When to ignore

When a firewall, a security group or a container network lets in the application alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import is_any_address, listens_remotely, remote_sessions
from dbwright.model.activity import HbaRule
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, client, hba, with_hba, with_sessions, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("hba", "settings", "activity.sessions")
LIMITS: dict[str, float] = {}
COVERS = ("hba-wide-network", "hba-all-users-databases", "listen-all-addresses", "superuser-remote-login")

_OPEN = with_settings(listen_addresses="*")
_ANY = hba("host", "0.0.0.0/0.0.0.0", "scram-sha-256")
_VISITOR = with_sessions(client("web", is_remote=True, from_internet=True, encrypted=False))
BAD = (Sample(edit=both(with_hba(_ANY), _OPEN)), Sample(edit=both(with_hba(_ANY), _OPEN, _VISITOR)))
GOOD = (
    Sample(edit=with_hba(_ANY)),
    Sample(edit=both(with_hba(hba("host", "0.0.0.0/0.0.0.0", "scram-sha-256", users=("web",))), _OPEN)),
    Sample(edit=both(with_hba(hba("host", "10.0.0.0/255.0.0.0", "scram-sha-256")), _OPEN)),
    Sample(edit=both(with_hba(hba("hostssl", "all", "cert"), hba("host", "all", "reject")), _OPEN)),
)

_PROOFS = frozenset(("cert", "gss", "sspi", "reject", "trust"))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    lines = [line for line in snapshot.hba if _is_open(line)]
    if not lines or not listens_remotely(snapshot):
        return
    internet = sum(1 for s in remote_sessions(snapshot) if s.from_internet)
    first = lines[0]
    yield Finding(
        title="Any address may try to log in as any role",
        message=f"Line {first.line} of pg_hba.conf lets all roles log in from {first.address} by {first.method}"
        + (
            f", and {counted(internet, 'client')} came over the internet."
            if internet
            else "; what a firewall keeps out is not visible here."
        ),
        objects=(ObjectRef("setting", "pg_hba.conf"),),
        impact=Impact(5 if internet else 1, "reach", 1, 10),
        evidence={
            "lines": [{"line": x.line, "address": x.address, "method": x.method} for x in lines[:20]],
            "clients_from_internet": internet,
        },
        confidence="medium" if internet else "low",
        next_step=f"Name in line {first.line} of pg_hba.conf the application's database, role and network instead of all, "
        "let superusers in by local or from named hosts only, then SELECT pg_reload_conf();",
        identity="open",
    )


def _is_open(line: HbaRule) -> bool:
    ways = line.kind.startswith("host") and is_any_address(line) and line.method not in _PROOFS
    return ways and "all" in line.users and "all" in line.databases
