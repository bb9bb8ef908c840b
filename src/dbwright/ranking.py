"""How findings are ranked and scored. The one place where points, severities and scores are made; ``docs/scoring.md`` explains it.

Points (0 to 100) = weight of the risk x (0.25 + 0.75 x magnitude) x confidence.
The magnitude is measured (``Impact``): rows, bytes, calls, time, exposure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from math import log10, prod

from dbwright.model.finding import Finding, NotChecked, Risk, Severity
from dbwright.model.report import Score
from dbwright.rules import Rule

WEIGHTS: dict[Risk, int] = {
    "data loss": 100,
    "outage": 100,
    "security": 90,
    "integrity": 65,
    "performance": 65,
    "operations": 45,
    "waste": 35,
    "hygiene": 20,
}
CONFIDENCE = {"high": 1.0, "medium": 0.8, "low": 0.55}
FLOOR = 0.25
"""Share of a risk's weight that a finding has even where its measured cost is smallest."""
SEVERITY_FROM: tuple[tuple[float, Severity], ...] = (
    (75, "critical"),
    (50, "high"),
    (25, "medium"),
    (10, "low"),
    (0, "info"),
)
AREA_WEIGHTS = {
    "indexes": 2.0,
    "constraints": 1.5,
    "types": 1.0,
    "foreign-keys": 1.5,
    "vacuum": 2.0,
    "settings": 1.5,
    "connections": 1.5,
    "replication": 1.5,
    "security": 2.0,
    "storage": 1.0,
    "sequences": 1.0,
    "views": 1.0,
    "workload": 2.0,
}
"""Weight of an area in the overall score; 1 for those not named."""
LEAST_CHECKED = 0.5
"""Where fewer of the rules could look there is no overall score: it would praise what was not seen."""
LOSS_AT = 130.0
"""A single finding of 100 points costs its area 100/130 of its score."""


def points(finding: Finding) -> float:
    """0 to 100."""
    weight = WEIGHTS[finding.risk]
    return round(weight * (FLOOR + (1 - FLOOR) * finding.impact.magnitude) * CONFIDENCE[finding.confidence], 1)


def severity(finding_points: float) -> Severity:
    """The severity that so many points stand for."""
    return next(name for least, name in SEVERITY_FROM if finding_points >= least)


def scores(rules: Iterable[Rule], findings: Iterable[Finding], not_checked: Iterable[NotChecked]) -> tuple[Score, ...]:
    """The overall score, then one for each area by name.

    A rule that found n things, the worst of p points, costs its area the share p x (1 + log10 n) / 130, at most 0.95;
    the area keeps the product of what the rules leave: 100 x product(1 - share). Overall: mean of the areas by weight.
    Areas of which nothing could be checked have no score and no part in the mean; there is no overall score where fewer than half of all
    rules could look.
    """
    skipped = {entry.rule for entry in not_checked if not entry.partial}
    by_rule: defaultdict[str, list[float]] = defaultdict(list)
    for finding in findings:
        by_rule[finding.rule].append(finding.points)
    areas: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        areas[rule.area].append(rule)
    result = []
    for area, members in sorted(areas.items()):
        checked = [rule for rule in members if rule.id not in skipped]
        losses = {r.id: _loss(by_rule[r.id]) for r in checked if r.id in by_rule}
        value = round(100 * prod(1 - loss for loss in losses.values())) if checked else None
        result.append(Score(area, value, len(checked), len(members) - len(checked), losses))
    known = [(AREA_WEIGHTS.get(s.area, 1.0), s.value) for s in result if s.value is not None]
    total = sum(weight for weight, _ in known)
    checked_rules = sum(s.rules_checked for s in result)
    enough = checked_rules >= LEAST_CHECKED * sum(s.rules_checked + s.rules_not_checked for s in result)
    overall = round(sum(weight * value for weight, value in known) / total) if total and enough else None
    return (Score("overall", overall, checked_rules, sum(s.rules_not_checked for s in result)), *result)


def _loss(rule_points: list[float]) -> float:
    return round(min(0.95, max(rule_points) * (1 + log10(len(rule_points))) / LOSS_AT), 4)


def leading(findings: Iterable[Finding], count: int = 5) -> list[tuple[Finding, int]]:
    """The worst findings, one for each rule, each with how many more the rule has."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, []).append(finding)
    return [(group[0], len(group) - 1) for group in list(groups.values())[:count]]
