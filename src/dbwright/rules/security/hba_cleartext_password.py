"""pg_hba.conf has clients send their passwords in clear over an unencrypted connection.

## Why it matters

With the methods password, ldap, pam, radius and bsd the client sends the password itself. Without TLS, everybody on the way reads it.

## When to ignore

When the network in between is encrypted by other means.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import exposure, is_loopback, listens_remotely
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, hba, with_hba, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("hba", "settings")
LIMITS: dict[str, float] = {}
COVERS = ("hba-password-or-md5",)

_CLEARTEXT = frozenset(("password", "ldap", "pam", "radius", "bsd"))
_OPEN = with_settings(listen_addresses="*")
_PASSWORD = hba("host", "10.0.0.0/255.0.0.0", "password")
BAD = (Sample(edit=both(with_hba(_PASSWORD), _OPEN)), Sample(edit=both(with_hba(hba("host", "all", "ldap")), _OPEN)))
GOOD = (
    Sample(edit=with_hba(_PASSWORD)),
    Sample(edit=both(with_hba(hba("hostssl", "all", "password")), _OPEN)),
    Sample(
        edit=both(with_hba(hba("local", None, "password"), hba("host", "127.0.0.1/255.255.255.255", "password")), _OPEN)
    ),
    Sample(edit=both(with_hba(hba("host", "all", "scram-sha-256"), hba("host", "all", "md5")), _OPEN)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    lines = [
        line
        for line in snapshot.hba
        if line.kind in ("host", "hostnossl") and line.method in _CLEARTEXT and not is_loopback(line)
    ]
    if not lines or not listens_remotely(snapshot):
        return
    first = lines[0]
    where = "any address" if first.address == "all" else first.address
    better = "scram-sha-256 instead of password" if first.method == "password" else "hostssl instead of host"
    yield Finding(
        title="Passwords may cross the network in clear",
        message=f"Line {first.line} of pg_hba.conf asks clients from {where} for their password by {first.method}, which sends it "
        "as it is, and does not demand TLS.",
        objects=(ObjectRef("setting", "pg_hba.conf"),),
        impact=Impact(exposure(snapshot).value, "reach", 1, 10),
        evidence={"lines": [{"line": x.line, "address": x.address, "method": x.method} for x in lines[:20]]},
        next_step=f"Write {better} in line {first.line} of pg_hba.conf, then SELECT pg_reload_conf();",
        identity="cleartext",
    )
