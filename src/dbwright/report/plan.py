"""The plan: what to do this week, this month, this quarter. An estimate, made by the rules that stand here.

One item is what one rule found at one level (critical and high, medium, low and info). Its hours are those of its
kinds of change: the first of a kind costs ``HOURS`` in full (reading, reviewing, rolling out), each further one the share ``AGAIN``.
Its yield is its points divided by its hours. Critical items come first, whatever they cost; other items go to the earliest
period whose ``YIELD`` they reach, quick wins before others, low and info ones no earlier than this month. A period that is full
passes the rest on, so a long piece of work may be cut.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from dbwright import ranking, rules
from dbwright.model import change as c
from dbwright.model.finding import Finding
from dbwright.model.report import Report

AGAIN = 0.15
HOURS = {
    "server setting, reloaded": 0.25,
    "server setting, with a restart": 1.0,
    "setting of a table, column or role": 0.25,
    "privilege": 0.5,
    "maintenance": 0.25,
    "index": 0.5,
    "constraint": 2.0,
    "change of a column's type": 8.0,
    "other statement": 1.0,
    "setting to decide": 0.5,
    "work to design": 4.0,
}
"""Hours of one engineer for the first change of a kind. Ours, to be corrected by experience; waiting for locks and
rewrites is not in them."""
KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("change of a column's type", (c.AlterColumnType,)),
    (
        "constraint",
        (
            c.AddConstraint,
            c.DropConstraint,
            c.ValidateConstraint,
            c.AddRangeCheck,
            c.SetOnDelete,
            c.SetNotNull,
            c.PromoteToPrimaryKey,
        ),
    ),
    ("other statement", (c.Verbatim, c.CreateExtension, c.DropExtension)),
    ("index", (c.CreateIndex, c.DropIndex, c.RecreateIndex, c.DropNewIndex, c.Reindex)),
    ("privilege", (c.ChangePrivileges, c.AlterRole)),
    (
        "setting of a table, column or role",
        (c.SetStorageParameter, c.SetDefault, c.AlterColumn, c.SetRoleParameter),
    ),
    ("maintenance", (c.Maintain,)),
)
_SETTING_OBJECTS = frozenset({"setting", "role", "database", "extension", "session", "slot"})
PERIODS = ("This week", "This month", "This quarter", "Later")
ROOM = (20.0, 60.0, 180.0, float("inf"))
"""Hours that a period takes: half of one engineer's time, more or less."""
YIELD = (25.0, 5.0, 0.0, 0.0)
"""Points per hour that an item must bring to be in a period."""
_LEVELS = {"critical": 0, "high": 0, "medium": 1, "low": 2, "info": 2}
QUICK_HOURS = 1.0


@dataclass(frozen=True, slots=True)
class Item:
    """What one rule found at one level. ``points`` are summed; ``kinds`` names the work."""

    rule: str
    findings: tuple[Finding, ...]
    points: float
    hours: float
    kinds: tuple[str, ...]

    @property
    def title(self) -> str:
        return self.findings[0].title

    @property
    def severity(self) -> str:
        return self.findings[0].severity

    @property
    def is_quick(self) -> bool:
        """A quick win: at most an hour, and worth the attention of this week."""
        return self.hours <= QUICK_HOURS and self.points / self.hours >= YIELD[0]

    @property
    def effort(self) -> str:
        """minutes, hours or days."""
        return effort_class(self.hours)


@dataclass(frozen=True, slots=True)
class Period:
    """``score`` is the overall score once the items of this and all earlier periods are done; None when unknown, and when they bring
    none."""

    name: str
    items: tuple[Item, ...]
    score: int | None

    @property
    def hours(self) -> float:
        return sum(item.hours for item in self.items)

    @property
    def points(self) -> float:
        return sum(item.points for item in self.items)


def effort_class(hours: float) -> str:
    return "minutes" if hours < 1 else "hours" if hours < 8 else "days"


def hours_text(hours: float) -> str:
    """Estimated hours, coarse: no figure is better than its method."""
    if hours < 1:
        return f"{max(5, round(hours * 12) * 5)} min"
    return f"{hours:.0f} h" if hours < 16 else f"{hours / 8:.0f} days"


def kind_of_work(finding: Finding) -> str:
    """The heaviest kind of change of a finding: a key of ``HOURS``."""
    if finding.change is None:
        objects = {ref.kind for ref in finding.objects}
        return "setting to decide" if objects and objects <= _SETTING_OBJECTS else "work to design"
    operations = finding.change.operations
    server = [o for o in operations if isinstance(o, c.SetServerParameter)]
    for kind, types in KINDS:
        if any(isinstance(o, types) for o in operations):
            return kind
    if server:
        return "server setting, with a restart" if any(o.restart for o in server) else "server setting, reloaded"
    return "other statement"


def _item(rule: str, findings: list[Finding]) -> Item:
    kinds = Counter(kind_of_work(finding) for finding in findings)
    hours = sum(HOURS[kind] * (1 + AGAIN * (count - 1)) for kind, count in kinds.items())
    return Item(rule, tuple(findings), round(sum(f.points for f in findings), 1), round(hours, 2), tuple(kinds))


def items(findings: Iterable[Finding]) -> list[Item]:
    """The items: critical ones, then quick wins, then those that yield most."""
    groups: defaultdict[tuple[str, int], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.rule, _LEVELS[finding.severity]].append(finding)
    made = [_item(rule, group) for (rule, _), group in groups.items()]
    return sorted(made, key=lambda i: (i.severity != "critical", not i.is_quick, -i.points / i.hours, i.rule))


def _earliest(item: Item) -> int:
    if item.severity == "critical":
        return 0
    first = next(n for n, least in enumerate(YIELD) if item.points / item.hours >= least)
    return max(first, 1) if item.severity in ("low", "info") else first


def plan(report: Report) -> tuple[Period, ...]:
    """The periods that hold something, with the score that each leads to."""
    holds: list[list[Item]] = [[] for _ in PERIODS]
    for item in items(report.findings):
        _put(holds, item, _earliest(item))
    result = []
    done: set[int] = set()
    before = report.overall.value if report.overall else None
    for name, held in zip(PERIODS, holds, strict=True):
        done |= {id(f) for item in held for f in item.findings}
        if held:
            after = _score_without(report, done)
            result.append(Period(name, tuple(held), after if after != before else None))
            before = after
    return tuple(result)


def _put(holds: list[list[Item]], item: Item | None, period: int) -> None:
    """Put an item into a period; what of it has no room goes on to the next."""
    while item is not None:
        room = ROOM[period] - sum(held.hours for held in holds[period])
        fitting, item = _split(item, room)
        if fitting:
            holds[period].append(fitting)
        period += 1


def _split(item: Item, room: float) -> tuple[Item | None, Item | None]:
    """The worst findings of an item that fit into so many hours, and the rest. One that fits in no period goes whole."""
    if item.hours <= room:
        return item, None
    count = bisect_right(
        range(1, len(item.findings)), room, key=lambda n: _item(item.rule, list(item.findings[:n])).hours
    )
    if count == 0:
        return None, item
    return _item(item.rule, list(item.findings[:count])), _item(item.rule, list(item.findings[count:]))


def _score_without(report: Report, done: set[int]) -> int | None:
    """The overall score of the same audit with some findings gone."""
    known = set(rules.names())
    names = {*report.rules_run, *(entry.rule for entry in report.not_checked), *(f.rule for f in report.findings)}
    if not names <= known or not report.scores:
        return None
    left = [finding for finding in report.findings if id(finding) not in done]
    return ranking.scores([rules.load(name) for name in sorted(names)], left, report.not_checked)[0].value
