"""An audit trail: who changed which row when, and what it was before, kept by triggers

A log in a schema of its own, which is only added to; triggers on the chosen tables that write to it whatever changes them, also by hand or
by bulk operations; of secrets only that they changed. Django gets a middleware that tells who is asking and a function `history(row)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import APPLY, Workspace
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.source_table import SourceTable

LIBRARIES = """\
django-pghistory (on django-pgtrigger) does the same with an event table and a model for each tracked model. Where the project requires it,
this refuses and says so. Otherwise it is SQL: one log, no dependency, and the same for Alembic."""
OPTIONS = (
    Option("tables", "Tables or models.", required=True, several=True, is_argument=True),
    Option("secret", "A column whose values are not written down, in any of the tables.", several=True),
    Option("value", "Django: who is asking, as Python of the request.", default="request.user.pk"),
)


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for tables without a key of one column."""
    if workspace.requires("django-pghistory"):
        raise Refused(
            "The project requires django-pghistory, which does this.",
            "Put @pghistory.track() on the models, and run makemigrations.",
        )
    tables = [workspace.table(name) for name in given["tables"]]
    for name in given["secret"]:
        if not any(table.column(name) for table in tables):
            raise Refused(f"None of the tables has a column {name}.", "Name a column whose values are secret.")
    keys = {table.name: workspace.primary_key(table) for table in tables}
    back = list(dict.fromkeys(map(workspace.last_migration, tables)))
    first = tables[0]
    log = templates.statements("audit_trail/log.sql"), templates.statements("audit_trail/log_back.sql")
    workspace.migrate(first, [Step("audit_log", "The audit log, which is only added to.", *log)])
    for table in tables:
        secret = [name for name in given["secret"] if table.column(name)]
        workspace.migrate(table, [_step(table, keys[table.name], secret)])
    notes = [
        "The log grows with every write; archive it by month. Its values are those of the rows: name secrets with --secret."
    ]
    if first.framework == "django":
        folder = workspace.folder_of_application(first)
        values = {"value": given["value"], "on_sqlite": workspace.project.on_sqlite}
        workspace.add(f"{folder}/audit.py", templates.text("audit_trail/django.py.txt", **values))
        module = workspace.module(first, f"{folder}/audit.py")
        notes += workspace.add_middleware(f"{module}.AuditActor")
    else:
        notes.append("Who is asking: SELECT set_config('app.actor', :who, true) at the beginning of each transaction.")
    return workspace.generated([APPLY[first.framework]], f"{' && '.join(back)}; the log goes with it", notes)


def _step(table: SourceTable, key: str, secret: list[str]) -> Step:
    source = quote_identifier(table.schema or "public", table.name)
    arguments = ", ".join(quote_literal(name).strip() for name in (key, *secret))
    forward = (
        "SET LOCAL lock_timeout = '5s'",
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {source}\n    FOR EACH ROW EXECUTE FUNCTION audit.record({arguments})",
    )
    return Step(
        f"{table.name}_audit",
        f"Changes of {table.name} are written down.",
        forward,
        (f"DROP TRIGGER audit ON {source}",),
    )
