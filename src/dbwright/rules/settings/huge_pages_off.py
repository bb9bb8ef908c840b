"""Large shared buffers are mapped in small pages of 4 kB.

## Why it matters

Each backend keeps its own table of the pages of shared memory that it touched. With many gigabytes of shared_buffers and many
connections these tables alone take gigabytes, and looking addresses up gets slower. Huge pages of 2 MB make them 512 times smaller.

## When to ignore

In a container or on a machine where the kernel's settings are not yours.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_target
from dbwright.model.server import setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS = {"shared_buffers_bytes": 8 * 1024**3}
COVERS = ("huge-pages",)

_LARGE = with_settings(shared_buffers="4194304")
BAD = (
    Sample(edit=both(_LARGE, with_settings(huge_pages="off", huge_pages_status="off"))),
    Sample(edit=both(_LARGE, with_settings(huge_pages="try", huge_pages_status="off"))),
)
GOOD = (
    Sample(),
    Sample(edit=both(_LARGE, with_settings(huge_pages="try", huge_pages_status="on"))),
    Sample(edit=both(_LARGE, with_settings(huge_pages="try", huge_pages_status="unknown"))),
    Sample(
        edit=both(
            _LARGE, with_settings(huge_pages="off", huge_pages_status="off"), with_target(managed_by="Amazon RDS")
        )
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings = snapshot.settings
    buffers = settings.bytes("shared_buffers")
    # huge_pages_status exists from PostgreSQL 17; before it, "try" does not tell whether it succeeded.
    unused = settings.text("huge_pages") == "off" or settings.text("huge_pages_status") == "off"
    if not unused or buffers is None or buffers < limits["shared_buffers_bytes"] or snapshot.target.managed_by:
        return
    pages = settings.number("shared_memory_size_in_huge_pages")
    count = f"{pages:.0f}" if pages and pages > 0 else "(size of shared memory / 2 MB)"
    yield Finding(
        title=f"Huge pages are not used for {bytes_text(buffers)} of shared_buffers",
        message=f"huge_pages is {settings.text('huge_pages')} and shared memory is mapped in pages of 4 kB; with "
        f"{settings.text('max_connections')} connections allowed, page tables may grow large.",
        objects=(setting_ref("huge_pages"),),
        impact=Impact(buffers, "bytes", limits["shared_buffers_bytes"], 1e13),
        evidence={"shared_buffers_bytes": buffers, "huge_pages": settings.text("huge_pages"), "pages_needed": pages},
        confidence="medium",
        next_step=f"Reserve them in the kernel with `sysctl -w vm.nr_hugepages={count}` (and in /etc/sysctl.conf), leave huge_pages = try, "
        "restart the server, and look at `SHOW huge_pages_status` (PostgreSQL 17 and later).",
    )
