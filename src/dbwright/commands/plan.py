"""Show the plan that production would choose for a statement, without touching production."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dbwright.errors import DbwrightError
from dbwright.options import Source, note, source_options_beside, write_or_show
from dbwright.plaintext import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbwright.model.query_plan import Plan
    from dbwright.model.snapshot import Snapshot
    from dbwright.model.workload import WorkloadStatement
    from dbwright.phantom import Phantom, Session, WhatIfIndex


class NothingAsked(DbwrightError):
    """Neither a statement nor a folder was given."""


@dataclass
class Answer:
    """A statement with its plan and the one ``beside`` it, with the supposed indexes; or why there is none."""

    name: str
    plan: Plan | None = None
    beside: Plan | None = None
    error: str | None = None

    @property
    def plans(self) -> list[tuple[str, Plan]]:
        """The plans with their titles."""
        plans = [(self.name, self.plan)] if self.plan else []
        if self.plan and self.beside:
            share = self.beside.cost / self.plan.cost
            plans.append((f"{self.name}, with the index: {share:.1%} of the cost", self.beside))
        return plans


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
    from dbwright import config
    from dbwright.advise.sizing import supposed_from_text
    from dbwright.phantom import Phantom
    from dbwright.report import query_plan
    from dbwright.workload.named import read_named

    if not what and not sql_dir:
        raise NothingAsked(
            "No statement was given.", 'Give SQL ("select …"), a FILE:LINE of your code, or --sql-dir DIR.'
        )
    snapshot = source.read(config.load(source.path.resolve(), os.environ))
    statements = _in_folder(sql_dir) if sql_dir else read_named(what or "", snapshot)
    with Phantom.of(snapshot) as phantom, phantom.session() as session:
        supposed = [supposed_from_text(phantom, text) for text in indexes]
        answers = [_answer(session, statement, supposed) for statement in statements]
    if format_ == "json":
        text = json.dumps(_as_json(answers, phantom, snapshot), indent=1)
    elif format_ == "html":
        title = f"Plans as of {snapshot.taken_at:%Y-%m-%d}"
        text = query_plan.pictures(title, [plan for answer in answers for plan in answer.plans])
    else:
        text = _text(answers, phantom, snapshot)
    write_or_show(text, output)
    failed = [answer for answer in answers if answer.error]
    for answer in failed:
        note(f"{answer.name}: {answer.error}")
    return 2 if len(failed) == len(answers) else 0


def _in_folder(folder: Path) -> Sequence[WorkloadStatement]:
    from dbwright.workload.folder import read_folder

    read = read_folder(folder)
    for problem in read.problems:
        note(f"{problem.origin}: {problem.reason}.")
    if not read.statements:
        raise NothingAsked(f"{folder} holds no statement that can be planned.", "Give a folder of .sql files.")
    return read.statements


def _answer(session: Session, statement: WorkloadStatement, supposed: list[WhatIfIndex]) -> Answer:
    from dbwright.phantom import PlanFailed

    answer = Answer(statement.origin)
    try:
        answer.plan = session.plan(statement.sql)
        if supposed:
            with session.what_if(supposed) as what_if:
                what_if.switch(range(len(supposed)))
                answer.beside = what_if.plan(statement.sql)[0]
    except PlanFailed as error:
        answer.error = error.message
    return answer


def _as_json(answers: list[Answer], phantom: Phantom, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "planner": phantom.server.version,
        "production": snapshot.target.version_text,
        "taken_at": snapshot.taken_at.isoformat(),
        "gaps": [{"section": gap.section, "reason": gap.reason, "remedy": gap.remedy} for gap in phantom.gaps],
        "statements": [
            {
                "name": answer.name,
                "total_cost": answer.plan and answer.plan.cost,
                "plan": answer.plan and answer.plan.root,
                "total_cost_with_indexes": answer.beside and answer.beside.cost,
                "plan_with_indexes": answer.beside and answer.beside.root,
                "error": answer.error,
            }
            for answer in answers
        ],
    }


def _text(answers: list[Answer], phantom: Phantom, snapshot: Snapshot) -> str:
    from dbwright.report import query_plan

    parts = [f"-- {one_line(name)}\n{query_plan.text(plan)}" for answer in answers for name, plan in answer.plans]
    if not snapshot.was_read:
        as_there = "on the tables of the code alone, whose sizes are not known"
    else:
        as_there = "as production" if phantom.same_major else f"where production has {snapshot.target.version_text}"
    parts.append(
        f"Planned by PostgreSQL {phantom.server.version} {as_there}, as of {snapshot.taken_at:%Y-%m-%d %H:%M} UTC."
        " Costs are the planner's units."
    )
    parts += [f"Not as production: {one_line(gap.reason)}. {gap.remedy}" for gap in phantom.gaps]
    return "\n\n".join(parts)
