"""The audit: rules over a Snapshot give a Report. Pure; collecting comes before it, rendering after."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from hashlib import sha256

from dbwright import ranking, rules
from dbwright.fixes import sql
from dbwright.model import statements
from dbwright.model.change import DropIndex, Engine, SetServerParameter
from dbwright.model.finding import Finding, Impact, Location, NotChecked, ObjectRef, Strength
from dbwright.model.report import Ignore, IgnoredFinding, Report
from dbwright.model.snapshot import NEWEST_VERSION, OTHER_DATABASE, UNREAD, Gap, Snapshot
from dbwright.model.statistics import Statistics
from dbwright.model.wording import counted, in_singular, listed
from dbwright.rules import Rule

_REBUILD = "SQLite cannot alter this in place: change the model and let the migration rebuild the table."


def audit(
    snapshot: Snapshot,
    *,
    only: Iterable[str] = (),
    ignores: Iterable[Ignore] = (),
    baseline: Mapping[str, str] | None = None,
    limits: Mapping[str, Mapping[str, float]] | None = None,
) -> Report:
    """Run every rule that applies to the snapshot.

    ``only``: patterns of rule ids to run; ``ignores``: accepted findings; ``baseline``: ids of findings known before (they are held
    back); ``limits``: thresholds by rule id and name.
    """
    began = time.perf_counter()
    in_production = _in_production(snapshot)
    seen = {rule.id: in_production if set(rule.needs) <= {"source"} else snapshot for rule in rules.load_all()}
    chosen = [rule for rule in rules.load_all() if _applies(rule, seen[rule.id]) and _matches(rule.id, tuple(only))]
    findings: list[Finding] = []
    strengths: list[Strength] = []
    not_checked: list[NotChecked] = []
    not_checked += [
        NotChecked("*", gap.reason, gap.remedy, partial=True)
        for gap in snapshot.gaps
        if gap.section in (OTHER_DATABASE, UNREAD)
    ]
    for rule in chosen:
        gap = _gap(rule, snapshot.gaps)
        if gap:
            not_checked.append(NotChecked(rule.id, gap.reason, gap.remedy, gap.partial))
        if gap and not gap.partial:
            continue
        try:
            own_limits = {**rule.limits, **(limits or {}).get(rule.id, {})}
            found, praised = _look(rule, seen[rule.id], snapshot, own_limits, in_part=gap is not None)
        except Exception as error:
            # One rule that breaks on an unusual database must not cost the user the answers of all others; it is told.
            reason = f"the rule failed: {type(error).__name__}: {error}"
            not_checked.append(NotChecked(rule.id, reason, f"Report it for dbwright {snapshot.tool_version}."))
            continue
        findings += found
        strengths += praised
    ordered = sorted(
        _dropped_once(_one_message_each(findings, chosen)), key=lambda f: (-f.points, f.rule, f.title, f.id)
    )
    kept, held, unused, expired = _apply_ignores(ordered, tuple(ignores), snapshot.taken_at.date().isoformat())
    accepted = [finding for finding in kept if finding.id in (baseline or {})]
    held += [IgnoredFinding(finding, "in the baseline") for finding in accepted]
    kept = [finding for finding in kept if finding.id not in (baseline or {})]
    return Report(
        snapshot=snapshot,
        findings=tuple(kept),
        strengths=tuple(strengths),
        not_checked=tuple(not_checked),
        ignored=tuple(held),
        unused_ignores=unused,
        expired_ignores=expired,
        # What the baseline accepts is still there; only new findings fail, but all of them count.
        scores=ranking.scores(chosen, [*kept, *accepted], not_checked),
        rules_run=tuple(
            rule.id for rule in chosen if not any(n.rule == rule.id and not n.partial for n in not_checked)
        ),
        audit_seconds=round(time.perf_counter() - began, 3),
    )


def _in_production(snapshot: Snapshot) -> Snapshot:
    """What rules on code alone look at. Beside the SQLite file of a developer whose application runs on PostgreSQL elsewhere they judge
    for PostgreSQL, and the file's few rows are no sizes."""
    if not snapshot.runs_elsewhere:
        return snapshot
    target = replace(snapshot.target, engine="postgresql", version=NEWEST_VERSION)
    return replace(snapshot, target=target, statistics=Statistics())


def _look(
    rule: Rule, seen: Snapshot, snapshot: Snapshot, limits: Mapping[str, float], *, in_part: bool
) -> tuple[list[Finding], list[Strength]]:
    """The findings and the praise of one rule on what it sees of the snapshot; no praise for what was seen in part only."""
    found = _identified([_complete(finding, rule, snapshot) for finding in rule.check(seen, limits)])
    for finding in found:
        if finding.change:
            sql.script(sql.forward(finding.change) + sql.backward(finding.change))  # what cannot be rendered fails here
    praise = rule.praise(seen, limits) if rule.praise and not found and not in_part else ()
    return found, [replace(s, rule=rule.id, message=in_singular(s.message)) for s in praise]


def _applies(rule: Rule, snapshot: Snapshot) -> bool:
    if "plans" in rule.needs and snapshot.planned is None:
        return False  # nobody asked for plans
    return snapshot.target.engine in rule.engines and snapshot.target.major >= rule.minimum_major


def _matches(rule_id: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(rule_id, p) or rule_id.startswith(p.rstrip("/") + "/") for p in patterns)


def _gap(rule: Rule, gaps: tuple[Gap, ...]) -> Gap | None:
    """The Gap that keeps a rule from looking: a whole one before a partial one."""
    blocking = [gap for gap in gaps for need in rule.needs if need == gap.section or need.startswith(gap.section + ".")]
    return min(blocking, key=lambda gap: gap.partial, default=None)


def _complete(finding: Finding, rule: Rule, snapshot: Snapshot) -> Finding:
    ranked = replace(
        finding,
        rule=rule.id,
        risk=rule.risk,
        title=in_singular(finding.title),
        message=in_singular(finding.message),
        locations=finding.locations or _locations(finding, snapshot),
    )
    ranked = _with_recorded_cost(ranked, snapshot)
    points = ranking.points(ranked)
    ranked = _for_engine(ranked, snapshot.target.engine)
    if snapshot.replication.recovery and snapshot.replication.recovery.in_recovery:
        ranked = _on_primary(ranked)
    if snapshot.target.managed_by and finding.change and _sets_server(finding):
        parameters = ", ".join(
            f"{step.name} = {step.new}" for step in finding.change.operations if isinstance(step, SetServerParameter)
        )
        step = f"Set {parameters} in the parameter group of {snapshot.target.managed_by}."
        ranked = replace(ranked, change=None, next_step=step)
    return replace(ranked, points=points, severity=ranking.severity(points))


def _with_recorded_cost(finding: Finding, snapshot: Snapshot) -> Finding:
    """A finding on code with what the server recorded of the statements that its lines send: the figures, and the greatest of the
    impacts: its own, the time, and the share of the application's time where that time is worth anything."""
    if not finding.rule.startswith("queries/") or finding.risk != "performance":
        return finding
    tables = {o.table or o.name for o in finding.objects}
    places = {(place.file, place.line) for place in finding.locations}
    calls, milliseconds = snapshot.attribution.recorded_at(places, tables)
    if not milliseconds:
        return finding
    hourly = milliseconds / 1000 / statements.window_hours(snapshot)
    share = milliseconds / snapshot.attribution.milliseconds
    impacts = [finding.impact, Impact(hourly, _TIME, _HOURLY_FROM, _HOURLY_TO)]
    if hourly >= _HOURLY_FROM:
        impacts.append(Impact(share, "share of the application's database time", *_SHARES))
    recorded = {"calls": calls, "seconds": round(milliseconds / 1000, 2), "share_of_all_time": round(share, 4)}
    told = f" Its statements took {share:.0%} of the application's database time ({counted(calls, 'call')}, {milliseconds / 1000:,.1f} s)."
    return replace(
        finding,
        evidence={**finding.evidence, "recorded": recorded},
        impact=max(impacts, key=lambda impact: impact.magnitude),
        message=finding.message + told * (share >= _SHARES[0]),
    )


_TIME = "seconds an hour"
_HOURLY_FROM, _HOURLY_TO = 3.6, 3600.0
"""Seconds of database time an hour: a thousandth of a core, and a core that is always busy. As the rules on the workload have it."""
_SHARES = 0.01, 0.5
"""Shares of the application's time: what rounds to nothing, and a half, which nothing else can be worth."""


def _for_engine(finding: Finding, engine: Engine) -> Finding:
    """The finding with a change that its engine can carry out, or with what to do instead; migrations may still carry it out there."""
    if finding.change is None or finding.change.engine == engine:
        return finding
    change = replace(finding.change, engine=engine)
    if sql.is_possible(change):
        return replace(finding, change=change)
    return replace(finding, change=None, code_change=finding.change, next_step=finding.next_step or _REBUILD)


def _on_primary(finding: Finding) -> Finding:
    """A standby takes settings of its own only; everything else is changed on its primary."""
    if finding.change is None or _sets_server(finding):
        return finding
    note = " ".join(filter(None, ("This server is a standby: run it on its primary.", finding.change.note)))
    return replace(finding, change=replace(finding.change, note=note))


def _sets_server(finding: Finding) -> bool:
    return finding.change is not None and any(isinstance(o, SetServerParameter) for o in finding.change.operations)


def fingerprint(finding: Finding, *, by_members: bool = False) -> str:
    """The stable identity of a finding: its rule and what it is about, without figures, lines or object numbers.

    A finding about several objects is one decision: it stays the same when one more joins them. It is known by its ``identity``, else
    by the one table that all are on, else by the rule alone; ``by_members`` takes the objects themselves.
    """
    objects = finding.objects
    if len(objects) == 1 or by_members:
        # Which tables a function of the code asks may change with any line of it.
        about: object = [
            (o.kind, o.schema, None if o.kind == "function" else o.table, o.name, *o.columns) for o in objects
        ]
    else:
        tables = {(o.schema, o.table) for o in objects}
        about = tables.pop() if len(tables) == 1 and not finding.identity else ()
    return sha256(repr((finding.rule, about, finding.identity)).encode()).hexdigest()[:16]


def _identified(findings: list[Finding]) -> list[Finding]:
    """Findings of one rule with their ids; groups that would share one are told apart by their members."""
    ids = Counter(fingerprint(finding) for finding in findings)
    return [replace(f, id=fingerprint(f, by_members=ids[fingerprint(f)] > 1)) for f in findings]


def _locations(finding: Finding, snapshot: Snapshot) -> tuple[Location, ...]:
    statements_ = [snapshot.attribution.by_query_id.get(int(o.name)) for o in finding.objects if o.kind == "statement"]
    issued = dict.fromkeys(Location(p.file, p.line) for origin in statements_ if origin for p in origin.issued)
    if issued:
        return tuple(issued)[:3]
    tables = {o.table or o.name for o in finding.objects if o.kind not in ("setting", "role", "session", "slot")}
    return tuple(Location(t.place.file, t.place.line) for t in snapshot.source.tables if t.owned and t.name in tables)[
        :3
    ]


def _one_message_each(findings: list[Finding], chosen: list[Rule]) -> Iterator[Finding]:
    """Drop a finding where rules that say it better speak of all its objects, or one proposes the same change. Those that say it better
    take over what it cost by measurement."""
    yields = {rule.id: frozenset(rule.yields_to) for rule in chosen}
    speakers: defaultdict[ObjectRef, list[Finding]] = defaultdict(list)
    for finding in findings:
        for o in finding.objects:
            speakers[o].append(finding)
    costs: dict[str, Finding] = {}
    best: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda f: -f.points):
        others = yields.get(finding.rule, ())
        about = [o for o in finding.objects if o.kind != "statement"] or finding.objects
        better = [[other for other in speakers[o] if other.rule in others] for o in about]
        if better and all(better):
            if finding.impact.unit == _TIME:
                costs |= {other.id: finding for group in better for other in group if other.id not in costs}
            continue
        key = sql.script(sql.forward(finding.change)) if finding.change else finding.id
        if key not in best:
            best[key] = finding
    yield from (_as_costly(finding, costs.get(finding.id)) for finding in best.values())


def _dropped_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Each index is dropped by one change: where a message is about the index, others only tell that they would do without it too."""
    findings = list(findings)
    about = {
        (step.schema, step.name)
        for f in findings
        if f.change and all(isinstance(o, DropIndex) for o in f.change.operations)
        for step in f.change.operations
        if isinstance(step, DropIndex)
    }
    for f in findings:
        steps = f.change.operations if f.change else ()
        told = [o for o in steps if isinstance(o, DropIndex) and (o.schema, o.name) in about]
        if f.change is None or not told or all(isinstance(o, DropIndex) for o in steps):
            yield f
            continue
        note = f"{listed(o.name for o in told)} would be superfluous then too; another finding proposes to drop it."
        left = tuple(o for o in steps if o not in told)
        yield replace(f, change=replace(f.change, operations=left, note=" ".join(filter(None, (f.change.note, note)))))


def _as_costly(finding: Finding, measured: Finding | None) -> Finding:
    """A finding with the time that another one about the same objects measured, where it has none of its own."""
    if measured is None or "recorded" in finding.evidence or "calls" in finding.evidence:
        return finding
    costlier = replace(
        finding,
        evidence={**finding.evidence, "recorded": dict(measured.evidence)},
        impact=max(finding.impact, measured.impact, key=lambda impact: impact.magnitude),
        message=f"{finding.message} {measured.message}",
    )
    points = ranking.points(costlier)
    return replace(costlier, points=points, severity=ranking.severity(points))


def _apply_ignores(
    findings: list[Finding], ignores: tuple[Ignore, ...], today: str
) -> tuple[list[Finding], list[IgnoredFinding], tuple[Ignore, ...], tuple[Ignore, ...]]:
    expired = tuple(i for i in ignores if i.until and i.until < today)
    active = [i for i in ignores if i not in expired]
    kept: list[Finding] = []
    held: list[IgnoredFinding] = []
    used: set[Ignore] = set()
    for finding in findings:
        ignore = next((i for i in active if ignore_matches(i, finding)), None)
        if ignore:
            used.add(ignore)
            held.append(IgnoredFinding(finding, ignore.reason))
        else:
            kept.append(finding)
    return kept, held, tuple(i for i in active if i not in used), expired


def ignore_matches(ignore: Ignore, finding: Finding) -> bool:
    """An ignore names a rule (or ``*``, or the finding's id) and an object (any of its labels)."""
    if ignore.rule == finding.id:
        return True
    labels = [label for o in finding.objects for label in (o.label, o.name, o.table or "")]
    return fnmatchcase(finding.rule, ignore.rule) and (
        ignore.object == "*" or any(fnmatchcase(label, ignore.object) for label in labels)
    )
