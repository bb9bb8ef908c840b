"""The BAD samples of the rules as what a run carries out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import zoo
from proof import SampleDatabase

from dbwright import rules
from dbwright.apply import engine, plan
from dbwright.apply.engine import Door, Entry
from dbwright.apply.plan import Plan
from dbwright.apply.session import Session
from dbwright.embedded import EmbeddedServer
from dbwright.model.sample import Sample
from dbwright.options import Patience
from dbwright.postgres import parse_address
from dbwright.rules import Rule


def all_samples(major: int) -> Iterator[tuple[Rule, int, Sample]]:
    """The samples whose findings a server of that version really has."""
    for rule in rules.load_all():
        for number, sample in enumerate(rule.bad):
            real = sample.engine == "postgresql" and not sample.source and not sample.edit
            if real and max(sample.minimum_major, rule.minimum_major) <= major:
                yield rule, number, sample


def carry_out_and_back(server: EmbeddedServer, rule: Rule, sample: Sample, name: str) -> list[str]:
    """Apply a sample's changes and take them back. Answers with what went wrong: a refusal, a finding that stayed, a trace."""
    database = SampleDatabase(server, name, sample)
    database.changed_server = True
    try:
        found = [finding for finding in database.findings(rule) if finding.change]
        if not found:
            return []
        before = zoo.seen(database.conninfo)
        with contextlib.closing(Session(parse_address(database.conninfo), "sample", lambda _: None)) as session:
            parts = tuple(plan.part_of(finding, session.major) for finding in found)
            problems = [f"refused: {problem}" for _, problem, _ in engine.refusals(parts, session)]
            entries: dict[str, Entry] = {}
            door = Door(session, lambda _: None, patience=Patience(total=20))

            def record(name: str, function):
                return entries[name] if name in entries else entries.setdefault(name, function())

            forth = Plan("r", "apply", name, parts)
            problems += [
                f"{e['state']}: {e['problems']}" for e in engine.carry_out(forth, door, record) if e["state"] != "done"
            ]
            left = [f.title for f in database.findings(rule) if f.change] if not sample.settings else []
            problems += [f"still found: {title}" for title in left]
            back = plan.undoing(forth, entries, "u")
            entries = {}
            problems += [
                f"back {e['state']}: {e['problems']}"
                for e in engine.carry_out(back, door, record)
                if e["state"] != "done"
            ]
        if sample.reversible and all(
            entry.step.back for part in back.parts for entry in part.started if entry.step.work != "scan"
        ):
            to_json = any(getattr(o, "new_type", "").startswith("json") for f in found for o in f.change.operations)
            differences = zoo.difference(before, zoo.seen(database.conninfo))
            # JSON comes back as the same document, in other words.
            problems += [line for line in differences if not (to_json and line.startswith("rows of"))]
        return problems
    finally:
        database.close()
