"""The server's parameters, roles, rights, extensions and maintenance as steps."""

from __future__ import annotations

from dbwright.fixes.steps import catalog as ask
from dbwright.fixes.steps.step import Step, alone, statements_of
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier, quote_literal


@alone.register
def _set_server(operation: c.SetServerParameter, major: int) -> tuple[Step, ...]:
    name = quote_literal(operation.name)
    may = f"has_parameter_privilege({name}, 'ALTER SYSTEM')" if major >= 15 else "false"
    needs = (ask.superuser("ALTER SYSTEM", may),)
    alter, *reload = statements_of(operation)
    return (
        Step((alter,), transactional=False, needs=needs, subject=operation.name),
        *(Step((statement,), transactional=False) for statement in reload),
    )


@alone.register
def _set_role(operation: c.SetRoleParameter, major: int) -> tuple[Step, ...]:
    if operation.role:
        need = _may_alter_role(operation.role, own=True)
    else:
        owner = f"(SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database d WHERE d.datname = {quote_literal(operation.database or '')})"
        need = ask.superuser(f"ALTER DATABASE {operation.database}", owner)
    return (Step(statements_of(operation), needs=(need,), subject=f"role {operation.role} {operation.name}"),)


def _may_alter_role(role: str, *, own: bool = False) -> str:
    may = "(SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user)"
    if own:
        may = f"({may} OR current_user = {quote_literal(role)})"
    return ask.superuser(f"ALTER ROLE {role}", may)


@alone.register
def _alter_role(operation: c.AlterRole, major: int) -> tuple[Step, ...]:
    need = _may_alter_role(operation.role)
    return (Step(statements_of(operation), needs=(need,), subject=f"role {operation.role}"),)


@alone.register
def _privileges(operation: c.ChangePrivileges, major: int) -> tuple[Step, ...]:
    subject = operation.signature or quote_identifier(*operation.name)
    needs = (ask.owner(*operation.name),) if operation.on == "TABLE" and len(operation.name) == 2 else ()
    return (Step(statements_of(operation), needs=needs, subject=subject),)


def _extension(name: str, condition: str = "true") -> str:
    return f"EXISTS (SELECT FROM pg_extension e WHERE e.extname = {quote_literal(name)} AND {condition})"


def _may_install(name: str) -> str:
    trusted = (
        f"(has_database_privilege(current_database(), 'CREATE') AND "
        f"EXISTS (SELECT FROM pg_available_extension_versions v WHERE v.name = {quote_literal(name)} AND v.trusted))"
    )
    return ask.superuser(f"the extension {name}", trusted)


@alone.register
def _create_extension(operation: c.CreateExtension, major: int) -> tuple[Step, ...]:
    missing = ask.row(
        f"NOT EXISTS (SELECT FROM pg_available_extensions v WHERE v.name = {quote_literal(operation.name)})",
        f"the server does not have the extension {operation.name}",
        "Install its package on the server.",
    )
    needs = (missing, _may_install(operation.name))
    return (Step(statements_of(operation), done=_extension(operation.name), repeatable=False, needs=needs),)


@alone.register
def _drop_extension(operation: c.DropExtension, major: int) -> tuple[Step, ...]:
    return (Step(statements_of(operation), done=f"NOT {_extension(operation.name)}", repeatable=False),)


@alone.register
def _update_extension(operation: c.UpdateExtension, major: int) -> tuple[Step, ...]:
    done = _extension(operation.name, f"e.extversion = {quote_literal(operation.new)}")
    return (Step(statements_of(operation), done=done, repeatable=False, needs=(_may_install(operation.name),)),)


@alone.register
def _refresh_collation(operation: c.RefreshCollationVersion, major: int) -> tuple[Step, ...]:
    return (Step(statements_of(operation), subject=operation.database),)


@alone.register
def _maintain(operation: c.Maintain, major: int) -> tuple[Step, ...]:
    if operation.schema is None or operation.name is None:
        return (Step(statements_of(operation), "SHARE UPDATE EXCLUSIVE", (), "scan", transactional=False),)
    label = quote_identifier(operation.schema, operation.name)
    needs = (ask.owner(operation.schema, operation.name, maintain=major >= 17),)
    return (
        Step(statements_of(operation), "SHARE UPDATE EXCLUSIVE", (label,), "scan", transactional=False, needs=needs),
    )
