"""pg_hba.conf lets clients in without any proof of who they are.

## Why it matters

With the method trust, whoever reaches the port is whichever role he says, superusers included, without a password.

## When to ignore

For a local socket in a container or on a machine where nobody else runs programs.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import is_any_address, is_loopback, listens_remotely
from dbwright.model.activity import HbaRule
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, hba, with_hba, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("hba", "settings")
LIMITS: dict[str, float] = {}
COVERS = ("hba-trust", "hba-local-method")

_LOCAL = hba("local", None, "trust")
_NETWORK = hba("host", "10.0.0.0/255.0.0.0", "trust")
_ANY = hba("host", "0.0.0.0/0.0.0.0", "trust")
_OPEN = with_settings(listen_addresses="*")
BAD = (
    Sample(edit=with_hba(_LOCAL)),
    Sample(edit=both(with_hba(_LOCAL, _NETWORK), _OPEN)),
    Sample(edit=both(with_hba(_ANY), _OPEN)),
)
GOOD = (
    Sample(),
    Sample(edit=with_hba(hba("local", None, "peer"), hba("host", "all", "scram-sha-256"))),
    Sample(edit=with_hba(hba("host", "0.0.0.0/0.0.0.0", "reject"), _ANY)),
    Sample(edit=with_hba(hba("local", None, "trust", users=("watcher",)))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    trusting = [line for line in _reached(snapshot.hba) if line.method == "trust"]
    listening = listens_remotely(snapshot)
    remote = [line for line in trusting if listening and not is_loopback(line)]
    if remote:
        yield _remote(remote)
    elif local := [line for line in trusting if "all" in line.users or "postgres" in line.users]:
        yield _local(local)


def _reached(lines: tuple[HbaRule, ...]) -> Iterator[HbaRule]:
    """Lines above one that rejects every network address, and local ones: the first that fits decides."""
    rejected = False
    for line in lines:
        if line.kind == "local" or not rejected:
            yield line
        rejected |= line.method == "reject" and is_any_address(line) and line.kind == "host" and "all" in line.users
    return


def _remote(lines: list[HbaRule]) -> Finding:
    addresses = [f"{line.address or ''} (line {line.line})" for line in lines]
    wide = any(is_any_address(line) for line in lines)
    whom = "any role, superusers included," if "all" in lines[0].users else listed(lines[0].users)
    return Finding(
        title=f"pg_hba.conf trusts {'every client' if wide else lines[0].address} without a password",
        message=f"Clients from {listed(addresses)} become {whom} without a password.",
        objects=(ObjectRef("setting", "pg_hba.conf"),),
        impact=Impact(10 if wide else 5, "reach", 1, 10),
        evidence={"lines": [{"line": x.line, "address": x.address, "users": list(x.users)} for x in lines[:20]]},
        next_step=f"Write scram-sha-256 instead of trust in line {lines[0].line} of pg_hba.conf, then SELECT pg_reload_conf();",
        identity="remote",
    )


def _local(lines: list[HbaRule]) -> Finding:
    numbers = ", ".join(str(line.line) for line in lines)
    return Finding(
        title="pg_hba.conf trusts every program on the server's machine",
        message=f"In line {numbers}: any local account, such as one that a web process was taken over by, is a superuser if it says so.",
        objects=(ObjectRef("setting", "pg_hba.conf"),),
        impact=Impact(1, "reach", 1, 10),
        evidence={"lines": [line.line for line in lines]},
        confidence="low",
        next_step=f"Write peer (local) or scram-sha-256 (host) instead of trust in line {numbers} of pg_hba.conf, "
        "then SELECT pg_reload_conf(); in a container of its own it may stay.",
        identity="local",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    remote = [line for line in snapshot.hba if not is_loopback(line) and line.method != "reject"]
    if remote and listens_remotely(snapshot):
        methods = sorted({line.method for line in remote})
        yield Strength(
            "Nobody gets in over the network without proof",
            f"{len(remote)} lines of pg_hba.conf let clients in from other machines, by {', '.join(methods)}.",
            {"lines": len(remote), "methods": methods},
        )
