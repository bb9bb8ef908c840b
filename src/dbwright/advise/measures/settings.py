"""Settings of the server and of single tables: what the audit's rules say of them, with their arithmetic, beside the rest of the advice."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright import rules
from dbwright.advise.evidence import Evidence
from dbwright.fixes.sql import forward, is_possible, script
from dbwright.model.advice import Measure
from dbwright.model.change import SetServerParameter, SetStorageParameter
from dbwright.model.finding import Finding

AREAS = frozenset(("settings", "vacuum"))


def measures(evidence: Evidence) -> Iterator[Measure]:
    snapshot = evidence.snapshot
    gaps = tuple(gap.section for gap in snapshot.gaps if not gap.partial)
    for name in rules.names():
        rule = rules.load(name) if name.split("/")[0] in AREAS else None
        if rule is None or rule.risk != "performance" or "postgresql" not in rule.engines:
            continue
        if snapshot.target.major >= rule.minimum_major and not any(_is_missing(need, gaps) for need in rule.needs):
            yield from (_measure(name, finding) for finding in rule.check(snapshot, rule.limits) if _sets(finding))


def _sets(finding: Finding) -> bool:
    """Whether it is about a setting: a change of one, or one that must be set by hand."""
    if finding.change is not None:
        return any(isinstance(o, SetServerParameter | SetStorageParameter) for o in finding.change.operations)
    return any(reference.kind == "setting" for reference in finding.objects)


def _is_missing(section: str, gaps: tuple[str, ...]) -> bool:
    return any(section == gap or section.startswith(gap + ".") for gap in gaps)


def _measure(rule: str, finding: Finding) -> Measure:
    change = finding.change
    text = script(forward(change)) if change is not None and is_possible(change) else ""
    return Measure(
        kind="settings",
        title=finding.title,
        evidence=(finding.message, *_arithmetic(finding)),
        change=text or (f"-- {finding.next_step}" if finding.next_step else ""),
        price=change.note if change is not None and change.note else "",
        confidence=finding.confidence,
        proof=f"`dbwright audit` shows all its figures, and the way back ({rule})",
    )


def _arithmetic(finding: Finding) -> Iterator[str]:
    told = [str(finding.evidence[key]) for key in ("formula", "computation", "worst_case") if finding.evidence.get(key)]
    if told:
        yield f"Computed as {'; '.join(told)}."
