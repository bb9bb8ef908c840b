"""A trigger is switched off for everybody.

## Why it matters

`ALTER TABLE … DISABLE TRIGGER` is meant for the minutes of a bulk load and is kept until somebody enables it again.
Until then what the trigger guards or records (an audit trail, a derived column, a rule) is silently missing from every write.

## When to ignore

When the trigger is being retired and nothing reads what it made; then drop it.
Triggers that fire on replicas only (`ENABLE REPLICA`) are meant that way and not reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.triggers",)
LIMITS = {"writes": 1}
COVERS = ("trigger-disabled", "AB-20")

_TABLE = """
CREATE TABLE account (id int PRIMARY KEY, balance int);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER account_audit AFTER UPDATE ON account FOR EACH ROW EXECUTE FUNCTION audit();
"""

BAD = (
    Sample(_TABLE + "ALTER TABLE account DISABLE TRIGGER account_audit;"),
    Sample(_TABLE + "ALTER TABLE account DISABLE TRIGGER USER;"),
)
GOOD = (
    Sample(_TABLE),
    Sample(_TABLE + "ALTER TABLE account ENABLE REPLICA TRIGGER account_audit;"),
    Sample(_TABLE + "ALTER TABLE account ENABLE ALWAYS TRIGGER account_audit;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.user_tables:
        for trigger in snapshot.catalog.triggers_of(table):
            if trigger.is_internal or trigger.enabled != "disabled":
                continue
            writes = snapshot.writes(table)
            alter = f"ALTER TABLE {quote_identifier(table.schema, table.name)}"
            name = quote_identifier(trigger.name)
            yield Finding(
                title=f"Trigger {trigger.name[:40]} on {table.name[:30]} is disabled",
                message=f"{trigger.function}() runs for none of the writes to {table.name} "
                f"({writes:,} rows written since the counters began, some perhaps before it was disabled).",
                objects=(object_ref("trigger", table, trigger.name),),
                impact=Impact(writes, "rows written", limits["writes"], 1_000_000),
                evidence={"rows_written": writes, "definition": trigger.definition},
                confidence="medium",
                change=Change(
                    (Verbatim(f"{alter} ENABLE TRIGGER {name}", f"{alter} DISABLE TRIGGER {name}"),),
                    note="Rows written meanwhile were not seen by the trigger; mend what it should have made.",
                ),
            )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    triggers = [t for t in snapshot.catalog.triggers if not t.is_internal]
    if triggers:
        yield Strength(
            "Every trigger is enabled", f"None of {len(triggers)} triggers is disabled.", {"triggers": len(triggers)}
        )
