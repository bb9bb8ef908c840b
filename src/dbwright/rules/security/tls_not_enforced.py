"""The server offers TLS, but lets clients on other machines in without it.

## Why it matters

A client with sslmode=prefer, the default of libpq, goes on in clear when the TLS handshake is disturbed, and its user does not notice.
Only hostssl lines make the server insist.

## When to ignore

Where a VPN or a service mesh encrypts already.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import exposure, is_any_address, is_loopback, listens_remotely
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, hba, with_hba, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("hba", "settings")
LIMITS: dict[str, float] = {}
COVERS = ("ssl-not-enforced", "AB-20")
YIELDS_TO = ("security/unencrypted-sessions",)

_ON = with_settings(ssl="on", listen_addresses="*")
_HOST = hba("host", "10.0.0.0/255.0.0.0", "scram-sha-256")
BAD = (Sample(edit=both(with_hba(_HOST), _ON)),)
GOOD = (
    Sample(edit=both(with_hba(hba("hostssl", "all", "scram-sha-256")), _ON)),
    Sample(edit=both(with_hba(hba("hostnossl", "all", "reject"), _HOST), _ON)),
    Sample(edit=both(with_hba(hba("host", "127.0.0.1/255.255.255.255", "scram-sha-256")), _ON)),
    Sample(edit=both(with_hba(_HOST), with_settings(ssl="off", listen_addresses="*"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    lines = _plain_lines(snapshot)
    if not lines or not snapshot.settings.on("ssl") or not listens_remotely(snapshot):
        return
    numbers = ", ".join(str(line) for line in lines[:5])
    yield Finding(
        title="TLS is offered but not required",
        message=f"pg_hba.conf says host in line {numbers}, so that clients on other machines may also talk in clear.",
        objects=(ObjectRef("setting", "ssl"),),
        impact=Impact(exposure(snapshot).value, "reach", 4, 40),
        evidence={"lines": lines[:50]},
        confidence="medium",
        next_step=f"When every client uses sslmode=require or better, write hostssl instead of host in line {numbers} of pg_hba.conf, "
        "then SELECT pg_reload_conf();",
    )


def _plain_lines(snapshot: Snapshot) -> list[int]:
    """Lines that let remote clients in without TLS, up to one that turns them all away."""
    found = []
    for line in snapshot.hba:
        if (
            line.kind in ("host", "hostnossl")
            and line.method == "reject"
            and is_any_address(line)
            and "all" in line.users
        ):
            break
        if line.kind in ("host", "hostnossl") and line.method != "reject" and not is_loopback(line):
            found.append(line.line)
    return found


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    secured = sum(1 for line in snapshot.hba if line.kind == "hostssl" and line.method != "reject")
    if snapshot.settings.on("ssl") and listens_remotely(snapshot) and secured:
        yield Strength(
            "TLS is required of clients on other machines",
            f"All {secured} lines of pg_hba.conf for other machines say hostssl.",
            {"lines": secured},
        )
