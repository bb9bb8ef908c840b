"""Show the plan that production would choose for a statement, without touching production."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dbwright.errors import DbwrightError
from dbwright.options import Source, note, source_options_beside, write_or_show

if TYPE_CHECKING:
    from dbwright.model.query_plan import Plan
    from dbwright.phantom import Phantom, WhatIfIndex
    from dbwright.statements import Named


class NothingAsked(DbwrightError):
    """Neither a statement nor a folder was given."""


@click.command("plan")
@click.argument("what", required=False, metavar="[SQL|FILE:LINE|FINGERPRINT]")
@source_options_beside
@click.option("--sql-dir", type=click.Path(path_type=Path), metavar="DIR", help="Plan each .sql file of a folder.")
@click.option("--index", "indexes", multiple=True, metavar="SQL", help="Suppose this CREATE INDEX; may be repeated.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file.")
def command(
    what: str | None, source: Source, sql_dir: Path | None, indexes: tuple[str, ...], format_: str, output: Path | None
) -> int:
    """Show the plan that production would choose for a statement, without touching production.

    A private PostgreSQL without rows gets the schema, sizes and statistics of the snapshot (or of the database that is found or given)
    and plans there. Parameters such as $1 are planned for values that are not known. With --index it shows the plan with an index that
    does not exist beside the one without.
    """
    import os

    from dbwright import config
    from dbwright.phantom import Phantom
    from dbwright.statements import named

    if not what and not sql_dir:
        raise NothingAsked(
            "No statement was given.", 'Give SQL ("select …"), a FILE:LINE of your code, or --sql-dir DIR.'
        )
    snapshot = source.read(config.load(source.path.resolve(), os.environ))
    statements = _in_folder(sql_dir) if sql_dir else named(what or "", snapshot)
    with Phantom.of(snapshot) as phantom:
        supposed = _supposed(phantom, indexes)
        answers = [_answer(phantom, statement, supposed) for statement in statements]
        gaps = phantom.gaps
        about = {
            "planner": phantom.server.version,
            "production": snapshot.target.version_text,
            "taken_at": snapshot.taken_at.isoformat(),
            "gaps": [{"section": g.section, "reason": g.reason, "remedy": g.remedy} for g in gaps],
        }
    failed = [answer for answer in answers if answer["error"]]
    if format_ == "json":
        text = json.dumps({"schema_version": 1, **about, "statements": [_as_json(a) for a in answers]}, indent=1)
    elif format_ == "html":
        text = _page(answers, about)
    else:
        text = _text(answers, about)
    write_or_show(text, output)
    for answer in failed:
        note(f"{answer['name']}: {answer['error']}")
    return 2 if failed and len(failed) == len(answers) else 0


def _in_folder(folder: Path) -> tuple[Named, ...]:
    from dbwright.statements import Named
    from dbwright.workload.folder import read_folder

    read = read_folder(folder)
    for problem in read.problems:
        note(f"{problem.origin}: {problem.reason}.")
    if not read.statements:
        raise NothingAsked(f"{folder} holds no statement that can be planned.", "Give a folder of .sql files.")
    return tuple(Named(statement.origin, statement.sql) for statement in read.statements)


def _supposed(phantom: Phantom, texts: tuple[str, ...]) -> list[WhatIfIndex]:
    from dbwright.advise.sizing import supposed_from_text

    return [supposed_from_text(phantom, text) for text in texts]


def _answer(phantom: Phantom, statement: Named, supposed: list[WhatIfIndex]) -> dict[str, Any]:
    from dbwright.phantom import PlanFailed

    answer: dict[str, Any] = {"name": statement.name, "sql": statement.sql, "plan": None, "with": None, "error": None}
    try:
        with phantom.session() as session:
            answer["plan"] = session.plan(statement.sql)
            if supposed:
                with session.what_if(supposed) as what_if:
                    what_if.switch(range(len(supposed)))
                    answer["with"] = what_if.plan(statement.sql)[0]
    except PlanFailed as error:
        answer["error"] = error.message
    return answer


def _as_json(answer: dict[str, Any]) -> dict[str, Any]:
    plan: Plan | None = answer["plan"]
    beside: Plan | None = answer["with"]
    return {
        "name": answer["name"],
        "total_cost": plan and plan.cost,
        "plan": plan and plan.root,
        "total_cost_with_indexes": beside and beside.cost,
        "plan_with_indexes": beside and beside.root,
        "error": answer["error"],
    }


def _plans(answer: dict[str, Any]) -> list[tuple[str, Plan]]:
    plans = [(answer["name"], answer["plan"])] if answer["plan"] else []
    if answer["with"]:
        plans.append(
            (
                f"{answer['name']}, with the index: {answer['with'].cost / answer['plan'].cost:.1%} of the cost",
                answer["with"],
            )
        )
    return plans


def _text(answers: list[dict[str, Any]], about: dict[str, Any]) -> str:
    from dbwright.report import query_plan

    parts = [f"-- {name}\n{query_plan.text(plan)}" for answer in answers for name, plan in _plans(answer)]
    same = about["planner"].split(".")[0] == about["production"].split(".")[0]
    parts.append(
        f"Planned by PostgreSQL {about['planner']} {'as production' if same else 'where production has ' + about['production']},"
        f" as of {about['taken_at'][:16].replace('T', ' ')} UTC. Costs are the planner's units."
    )
    parts += [f"Not as production: {gap['reason']}. {gap['remedy']}" for gap in about["gaps"]]
    return "\n\n".join(parts)


def _page(answers: list[dict[str, Any]], about: dict[str, Any]) -> str:
    from dbwright.report import query_plan

    return query_plan.page(f"Plans as of {about['taken_at'][:10]}", [p for answer in answers for p in _plans(answer)])
