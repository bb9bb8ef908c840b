"""Settings for debugging PostgreSQL itself are on in a server that people use.

## Why it matters

They delay every connection, write out every plan, check what need not be checked, or open the catalog to changes.
They are meant for developers of PostgreSQL and forgotten easily, for nothing fails.

## When to ignore

While a bug is being hunted.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.activity import Setting
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("debug-print-settings", "auth-delay-debug")

BAD = (
    Sample(settings={"post_auth_delay": "1"}),
    Sample(settings={"debug_print_plan": "on", "log_planner_stats": "on"}),
    Sample(settings={"allow_system_table_mods": "on"}),
)
GOOD = (
    Sample(),
    Sample(settings={"debug_pretty_print": "on"}),  # on by default
)

_DEBUGGING = frozenset(
    "pre_auth_delay post_auth_delay allow_system_table_mods ignore_system_indexes trace_notify trace_sort trace_locks trace_lwlocks "
    "log_parser_stats log_planner_stats log_executor_stats log_statement_stats log_btree_build_stats wal_consistency_checking "
    "debug_print_parse debug_print_rewritten debug_print_plan debug_print_raw_parse debug_discard_caches debug_parallel_query "
    "force_parallel_mode debug_assertions debug_logical_replication_streaming jit_dump_bitcode".split()
)


def _is_set(row: Setting) -> bool:
    if row.name == "debug_assertions":  # fixed when the server was built
        return row.value == "on"
    return row.name in _DEBUGGING and row.boot_value is not None and row.value != row.boot_value


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [row for row in snapshot.settings.rows if _is_set(row)]
    if not found:
        return
    values = {row.name: row.boot_value or "" for row in found if row.context != "internal"}
    change = set_parameters(snapshot, values) if len(values) == len(found) else None
    by_hand = set_by_hand(snapshot, values) if values else "Install a build of PostgreSQL without --enable-cassert."
    yield Finding(
        title=f"Settings for debugging are on: {', '.join(row.name for row in found)}"[:79],
        message=f"{', '.join(f'{row.name} = {row.value}' for row in found)}: meant for developers of PostgreSQL, not for a server in use.",
        objects=tuple(setting_ref(row.name) for row in found),
        impact=Impact(len(found), "settings", 1, 20),
        evidence={row.name: {"value": row.value, "default": row.boot_value} for row in found},
        change=change,
        next_step=None if change else by_hand,
    )
