"""The server accepts TLS versions that are no longer safe.

## Why it matters

TLS 1.0 and 1.1 were deprecated in 2021 (RFC 8996) for known attacks; since PostgreSQL 13 the server's default is 1.2.
Every maintained client can do 1.2.

## When to ignore

While a client that cannot do TLS 1.2 is being replaced.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("ssl-weak-ciphers",)

BAD = (
    Sample(edit=with_settings(ssl="on", ssl_min_protocol_version="TLSv1")),
    Sample(edit=with_settings(ssl="on", ssl_min_protocol_version="")),
)
GOOD = (
    Sample(edit=with_settings(ssl="on")),
    Sample(edit=with_settings(ssl="on", ssl_min_protocol_version="TLSv1.3")),
    Sample(edit=with_settings(ssl="off", ssl_min_protocol_version="TLSv1")),
)

_OLD = frozenset(("", "TLSv1", "TLSv1.1"))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    version = snapshot.settings.text("ssl_min_protocol_version")
    if version is None or version not in _OLD or not snapshot.settings.on("ssl"):
        return
    yield Finding(
        title=f"TLS is accepted from version {version.removeprefix('TLSv') or '1.0'} on",
        message="Clients may choose a version of TLS that was deprecated in 2021 for known attacks.",
        objects=(ObjectRef("setting", "ssl_min_protocol_version"),),
        impact=Impact(1, "reach", 1, 10),
        evidence={"ssl_min_protocol_version": version},
        change=Change((SetServerParameter("ssl_min_protocol_version", version, "TLSv1.2"),)),
    )
