"""Recall on problems that real projects fixed: the audit of the source before and after each fix.

    python benchmarks/corpus.py --cases CASES.jsonl --mirrors DIR --trees DIR [--kind n+1] [--repo wger] [--sample 40] [--output RUN.json]
    python benchmarks/corpus.py ... --against EARLIER.json

A case is one JSON object a line: ``repo``, ``parent``, ``fix``, ``kind``, ``file``, ``line``, ``symbol_range``, ``stmt_range``, ``model``,
``fields`` … ``--mirrors`` holds bare repositories as ``owner+name/repo`` (or ``owner+name``); trees are written to ``--trees`` once,
source files only, and nothing of them is run. A finding hits a case when its rule is of the case's kind (`KINDS`) and it speaks of the
model and fields, or points into the statement or symbol; ``strict`` asks for the fields wherever the case names some. ``gone``: some
finding that hit is not left on the fix's tree, or no longer speaks of the case's model and fields there. Reasons of misses say how far
the reader came. Cases of unsafe migrations are judged by ``dbwright migrations check`` on their file (hints left out).
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import re
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

KINDS: dict[str, tuple[str, ...]] = {
    "missing-index": (
        "queries/missing-index*", "queries/*index*", "models/*without-index", "foreign-keys/without-index", "search/*", "queries/*search*",
    ),
    "ineffective-index": ("queries/missing-index*", "indexes/*", "queries/*search*", "queries/*contains*"),
    "unindexed-search": ("queries/missing-index*", "queries/*search*", "queries/*wildcard*", "queries/*contains*"),
    "n+1": ("queries/n-plus-one*", "queries/*loop*", "queries/*lazy*", "n-plus-one/*", "queries/*prefetch*"),
    "missing-constraint": (
        "constraints/*", "models/*unique*", "models/duplicate*", "models/*check*", "queries/*unique*", "queries/*race*",
        "indexes/unique-over-nullable",
    ),
    "migration-conflict": ("migrations/*conflict*", "migrations/*heads*", "migrations/*leaf*", "migrations/several*", "migrations/*graph*"),
    "unsafe-migration": ("migrations/*",),
    "model-migration-drift": ("migrations/*", "drift/*", "models/*drift*"),
    "redundant-index": ("indexes/*", "models/redundant-index"),
    "int-overflow": ("types/*", "sequences/*", "models/*integer*", "models/narrow*"),
    "nullable-string": ("constraints/*null*", "constraints/two-kinds-of-empty", "models/*null*", "types/*null*"),
    "timezone": ("types/timestamp*", "*/*naive*", "*/*time-zone*", "*/*timezone*", "*/*utcnow*"),
    "connection-settings": ("connections/*", "settings/*", "project/*", "configuration/*"),
    "bulk-operation": ("queries/*bulk*", "queries/*loop*", "queries/*count*", "queries/*exists*", "queries/*batch*"),
    "race-condition": ("queries/*race*", "*/read-modify-write*", "*/check-then*", "*/get-or-create*", "*/lost-update*"),
    "sql-injection": ("*/*injection*",),
    "raw-sql": ("*/*injection*", "*/*raw*", "*/*extra*"),
    "offset-pagination": ("queries/*offset*", "workload/deep-offset"),
}  # fmt: skip
"""Rule ids (patterns) by the kind that their findings may hit."""
ON_MODEL = frozenset(
    (
        "missing-index",
        "ineffective-index",
        "missing-constraint",
        "redundant-index",
        "int-overflow",
        "nullable-string",
        "timezone",
    )
)
"""Kinds whose symbol is a whole class, so that only the fields tell one finding from another."""
ENDINGS = (
    ".py", ".html", ".jinja", ".jinja2", ".j2", ".txt", ".toml", ".cfg", ".ini", ".yml", ".yaml", ".env", ".sql", ".graphql",
    ".mako", ".conf", ".sh",
)  # fmt: skip
NAMES = re.compile(r"(^|/)(Dockerfile|Procfile|Pipfile|\.env[^/]*|requirements[^/]*)$")
OUTSIDE = re.compile(r"(^|/)(node_modules|static|locale|fixtures|\.git)/")
MOST_BYTES = 5_000_000
PLACE = re.compile(r"^(?P<file>[^\s:]+\.\w+):(?P<line>\d+)$")


@dataclass(frozen=True)
class Case:
    """A line of the corpus."""

    facts: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.facts.get(name)

    def tree(self, which: str) -> tuple[str, str]:
        return self.facts["repo"], self.facts[which]


@dataclass
class Audited:
    """What the audit of a tree gave, small enough to send and keep."""

    seconds: float = 0.0
    lines: int = 0
    peak_mib: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    queries: dict[str, list[int]] = field(default_factory=dict)
    """Lines by file where some query is built, sent or looped over."""
    table_queries: dict[str, int] = field(default_factory=dict)
    sites: tuple[int, int, int] = (0, 0, 0)
    problems: int = 0
    not_checked: list[str] = field(default_factory=list)
    error: str = ""


# Trees


def extract(mirror: Path, commit: str, target: Path) -> bool:
    """Writes a commit's source files; False when the mirror does not have it. What the mirror lacks of a tree is left out."""
    if (target / ".complete").exists():
        return True
    listed = subprocess.run(
        ["git", "-C", str(mirror), "ls-tree", "-r", "-l", "-z", commit], capture_output=True, check=False
    )
    if listed.returncode:
        return False
    wanted: list[tuple[str, str]] = []
    for entry in listed.stdout.decode("utf-8", "surrogateescape").split("\0"):
        head, _, path = entry.partition("\t")
        facts = head.split()  # mode, type, object, size
        if len(facts) != 4 or facts[0] == "120000" or not facts[3].isdigit() or int(facts[3]) > MOST_BYTES:
            continue
        if (path.endswith(ENDINGS) or NAMES.search(path)) and not OUTSIDE.search(path):
            wanted.append((facts[2], path))
    store = target.parents[1] / ".blobs"
    read_blobs(mirror, store, [blob for blob, _ in wanted if not (store / blob).exists()])
    for blob, path in wanted:
        file = target / path
        if (store / blob).exists() and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.hardlink_to(store / blob)
    (target / ".complete").touch()
    return True


def read_blobs(mirror: Path, store: Path, blobs: list[str]) -> None:
    """Writes objects once each; trees of neighbouring commits share most of them."""
    store.mkdir(parents=True, exist_ok=True)
    names = "".join(f"{blob}\n" for blob in blobs).encode()
    command = ["git", "-C", str(mirror), "cat-file", "--batch"]
    answer = subprocess.run(command, input=names, capture_output=True, check=True).stdout
    position = 0
    for blob in blobs:
        end = answer.index(b"\n", position)
        head = answer[position:end].split()
        position = end + 1
        if len(head) == 3:  # else the mirror lacks it
            size = int(head[2])
            (store / blob).write_bytes(answer[position : position + size])
            position += size + 1


def mirror_of(mirrors: Path, repo: str) -> Path | None:
    folder = mirrors / repo.replace("/", "+")
    return next((path for path in (folder / "repo", folder) if (path / "HEAD").exists()), None)


# The audit of one tree, in a process that may be ended


def audit_tree(root: Path) -> Audited:
    """Reads the project and runs the rules on it, as ``dbwright audit`` does without a database."""
    from dbwright import __version__, audit
    from dbwright.collect.project import read_project
    from dbwright.model.snapshot import SCHEMA_VERSION, Gap, Snapshot, Target
    from dbwright.source import read

    began = time.perf_counter()
    source = read(root)
    reason, remedy = "no database is read here", "Give a database."
    sections = (
        "server",
        "catalog",
        "statistics",
        "workload",
        "activity",
        "settings",
        "replication",
        "hba",
        "migrations",
    )
    snapshot = Snapshot(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        taken_at=datetime.now(UTC),
        target=Target("postgresql", "source only", "source", "", 180000, "unknown", "", False, False),
        gaps=tuple(Gap(section, reason, remedy) for section in sections),
        source=source,
        project=read_project(root),
    )
    report = audit.audit(snapshot)
    queries: defaultdict[str, set[int]] = defaultdict(set)
    on_table: Counter[str] = Counter()
    for query in source.queries:
        for place in (query.made, query.issued, *(loop.place for loop in query.loops), *query.calls):
            queries[place.file].add(place.line)
        on_table.update({t.name for t in query.query.tables} if query.query else {query.table or ""})
    return Audited(
        seconds=time.perf_counter() - began,
        lines=source.lines,
        findings=[as_facts(finding) for finding in report.findings],
        tables=[
            {
                "name": table.name,
                "symbol": table.symbol,
                "file": table.place.file,
                "columns": {c.field: c.name for c in table.columns},
            }
            for table in source.tables
        ],
        queries={file: sorted(lines) for file, lines in queries.items()},
        table_queries=dict(on_table),
        sites=(source.sites, source.sites_with_table, source.sites_with_sql),
        problems=len(source.problems),
        not_checked=sorted({f"{n.rule}: {n.reason}" for n in report.not_checked if "rule failed" in n.reason}),
    )


def as_facts(finding: Any) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "id": finding.id,
        "title": finding.title,
        "severity": finding.severity,
        "objects": [[o.kind, o.name, o.table, list(o.columns)] for o in finding.objects],
        "places": sorted({*((at.file, at.line) for at in finding.locations), *places_in(finding.evidence)}),
        "columns": list(finding.evidence.get("columns", ())),
    }


def check_migrations(root: Path, files: frozenset[str]) -> list[dict[str, Any]]:
    """What ``dbwright migrations check`` says of some migration files, but for hints."""
    from dbwright.safety import project
    from dbwright.safety.judge import Before, judge
    from dbwright.safety.scratch import Scratch

    with Scratch.start() as scratch:
        found = project.read(root, lambda _label, file: file in files, scratch)
        judged = list(judge(found.scripts, Before(tuple(found.before), made_of_code=True), scratch))
    return [
        {
            "rule": finding.check,
            "id": f"{finding.check} {one.script.file}:{finding.line} {finding.message}",
            "title": finding.message,
            "severity": finding.severity,
            "objects": [],
            "places": [(one.script.file, finding.line)],
            "columns": [],
        }
        for one in judged
        for finding in one.findings
        if finding.severity != "info"
    ]


def places_in(value: Any) -> Iterator[tuple[str, int]]:
    """Every ``file:line`` in a finding's evidence."""
    if isinstance(value, str):
        if found := PLACE.match(value):
            yield found["file"], int(found["line"])
    elif isinstance(value, dict):
        if isinstance(value.get("file"), str) and isinstance(value.get("line"), int):
            yield value["file"], value["line"]
        for item in value.values():
            yield from places_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from places_in(item)


def work(pipe: Connection, entry: str) -> None:
    module, _, name = entry.partition(":")
    function: Callable[[Path], Audited] = audit_tree if not module else getattr(importlib.import_module(module), name)
    while (order := pipe.recv()) is not None:
        root, files, is_audited = order
        try:
            outcome = function(Path(root)) if is_audited else Audited()
            if files:
                outcome.findings += check_migrations(Path(root), frozenset(files))
        except BaseException as error:
            outcome = Audited(error=f"{type(error).__name__}: {error}"[:500])
        outcome.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        pipe.send(outcome)


class Worker:
    """A process that audits trees one after the other and is ended when one takes too long."""

    PER_PROCESS = 12

    def __init__(self, entry: str, limit: float) -> None:
        self.entry, self.limit = entry, limit
        self.process: SpawnProcess | None = None
        self.tree: tuple[str, str] | None = None
        self.done = 0

    def start(self, tree: tuple[str, str], root: Path, files: list[str], is_audited: bool) -> None:
        """``files`` are migrations to be checked."""
        if self.process is None or self.done >= self.PER_PROCESS:
            self.stop()
            self.pipe, theirs = multiprocessing.Pipe()
            self.process = SpawnProcess(target=work, args=(theirs, self.entry), daemon=True)
            self.process.start()
            theirs.close()
            self.done = 0
        self.tree, self.deadline = tree, time.monotonic() + self.limit
        self.pipe.send((str(root), files, is_audited))

    def result(self) -> Audited:
        try:
            outcome: Audited = self.pipe.recv()
            self.done += 1
        except EOFError:
            outcome = Audited(error="the process ended")
            self.stop()
        self.tree = None
        return outcome

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None
        self.tree = None


def audit_all(
    trees: list[tuple[str, str]],
    root_of: Callable[[tuple[str, str]], Path | None],
    options: argparse.Namespace,
    cases: list[Case],
) -> dict[tuple[str, str], Audited]:
    """Audits each tree once, several at a time."""
    workers = [Worker(options.entry, options.limit) for _ in range(options.jobs)]
    waiting = list(reversed(trees))
    results: dict[tuple[str, str], Audited] = {}
    while waiting or any(worker.tree for worker in workers):
        for worker in workers:
            while worker.tree is None and waiting:
                tree = waiting.pop()
                root = root_of(tree)
                if root is None:
                    results[tree] = Audited(error="the mirror does not have it")
                else:
                    own = [case for case in cases if tree in (case.tree("parent"), case.tree("fix"))]
                    files = sorted({case.file for case in own if case.kind == "unsafe-migration"})
                    worker.start(tree, root, files, any(case.kind != "unsafe-migration" for case in own))
        busy = [worker for worker in workers if worker.tree]
        ready = wait([worker.pipe for worker in busy], timeout=1)
        for worker in busy:
            if (done := worker.tree) is None:
                continue
            if worker.pipe in ready:
                results[done] = worker.result()
            elif time.monotonic() > worker.deadline:
                results[done] = Audited(error=f"longer than {options.limit:.0f} s")
                worker.stop()
            else:
                continue
            told = results[done]
            outcome = told.error or f"{told.seconds:.1f} s, {len(told.findings)} findings"
            print(f"[{len(results)}/{len(trees)}] {done[0]} {done[1][:8]} {outcome}", file=sys.stderr, flush=True)
    for worker in workers:
        worker.stop()
    return results


# Hits


def rules_of(kind: str, rules: Iterable[str]) -> list[str]:
    """The rules whose findings may hit a kind."""
    return sorted(rule for rule in rules if any(fnmatchcase(rule, pattern) for pattern in KINDS.get(kind, ())))


def tables_of(case: Case, audited: Audited) -> list[dict[str, Any]]:
    """The case's model among the tables read; by file first, because names repeat."""
    named = [
        t
        for t in audited.tables
        if t["symbol"].rpartition(".")[2] == case.model or (case.table and t["name"] == case.table)
    ]
    return [t for t in named if t["file"] == case.file] or named


def field_names(case: Case, tables: Iterable[dict[str, Any]]) -> set[str]:
    """The case's fields and the columns that they are."""
    names = set()
    for name in case.fields or ():
        names |= {name, f"{name}_id"}
        for table in tables:
            names |= {table["columns"][name]} if name in table["columns"] else set()
    return names


def matches(case: Case, finding: dict[str, Any], audited: Audited) -> str:
    """How a finding of the right kind hits the case: ``strict``, ``loose`` or empty."""
    tables = tables_of(case, audited)
    names = {t["name"] for t in tables} | ({case.table} if case.table else set())
    fields = field_names(case, tables)
    of_table = [o for o in finding["objects"] if o[1] in names or o[2] in names]
    about_table = bool(of_table)
    named = [[o[1]] if o[0] == "column" else o[3] for o in of_table]
    named = [columns for columns in named if columns] or ([finding["columns"]] if about_table else [])
    if case.kind in ("missing-index", "redundant-index", "ineffective-index"):
        right_fields = any(c[:1] and c[0] in fields and len(fields & set(c)) * 4 >= len(case.fields) for c in named)
    else:
        right_fields = any(fields & set(columns) for columns in named)
    right_fields = right_fields or not fields
    inside = any(is_inside(case, file, line) for file, line in finding["places"])
    if case.kind in ON_MODEL:
        if about_table and right_fields:
            return "strict"
        return "loose" if inside else ""
    if case.kind == "unsafe-migration":
        return "strict" if inside else ""
    if case.kind in ("migration-conflict", "model-migration-drift"):
        files = {case.file, *(case.leaves or ())}
        return "strict" if any(file in files for file, _ in finding["places"]) else ""
    return "strict" if inside else "loose" if about_table and fields and right_fields else ""


def is_inside(case: Case, file: str, line: int) -> bool:
    """In the statement or the symbol, or at one of the places that the case names as evidence."""
    if f"{file}:{line}" in (case.evidence or ()):
        return True
    if file != case.file:
        return False
    spans = [span for span in (case.stmt_range, case.symbol_range) if span] or [[case.line - 2, case.line + 2]]
    return any(low <= line <= high for low, high in spans)


def why_missed(case: Case, audited: Audited, rules: Iterable[str]) -> str:
    if audited.error:
        return audited.error
    if not rules_of(case.kind, rules):
        return "no rule of this kind"
    tables = tables_of(case, audited)
    if case.model and not tables:
        return "its table was not read"
    if case.kind == "missing-index":
        queries = sum(audited.table_queries.get(t["name"], 0) for t in tables)
        places = [e.rpartition(":") for e in case.evidence or ()]
        seen = sum(int(line) in audited.queries.get(file, ()) for file, _, line in places)
        return (
            f"no query on its table was read ({len(places)} known)"
            if not queries
            else f"{queries} queries on its table, {seen} of {len(places)} known lines"
        )
    if case.kind in ("n+1", "bulk-operation", "unindexed-search", "offset-pagination", "race-condition"):
        near = [line for line in audited.queries.get(case.file, ()) if is_inside(case, case.file, line)]
        return f"queries read at lines {near[:5]}" if near else "no query was read there"
    return "nothing found there"


def judge(case: Case, before: Audited, after: Audited, rules: Iterable[str]) -> dict[str, Any]:
    allowed = set(rules_of(case.kind, rules))
    hits: dict[str, list[dict[str, Any]]] = {"strict": [], "loose": []}
    for finding in before.findings:
        how = matches(case, finding, before) if finding["rule"] in allowed else ""
        if how:
            hits[how].append(finding)
    found = hits["strict"] or hits["loose"]
    lines = {finding["id"]: lines_in(case.file, finding) for finding in found}
    left = {
        finding["id"]
        for finding in after.findings
        if (
            matches(case, finding, after) == "strict"
            if hits["strict"]
            else lines_in(case.file, finding)
            >= lines.get(finding["id"], 0)  # one message keeps its id when it loses a line
        )
    }
    return {
        "id": case.id,
        "repo": case.repo,
        "kind": case.kind,
        "subkind": case.subkind,
        "place": f"{case.file}:{case.line}",
        "model": case.model,
        "fields": case.fields,
        "doubtful": bool(case.disputed or case.confidence == "low"),
        "hit": bool(found),
        "strict": bool(hits["strict"]),
        "gone": None if not found or after.error else any(finding["id"] not in left for finding in found),
        "findings": [f"{finding['rule']}: {finding['title']}" for finding in found[:5]],
        "reason": "" if found else why_missed(case, before, rules),
    }


def lines_in(file: str, finding: dict[str, Any]) -> int:
    """Lines of a file that a finding names."""
    return len({line for at, line in finding["places"] if at == file})


# Figures


def summary(judged: list[dict[str, Any]], audits: Iterable[Audited]) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {}
    for kind, count in Counter(j["kind"] for j in judged).most_common():
        of_kind = [j for j in judged if j["kind"] == kind]
        kinds[kind] = {
            "cases": count,
            "hits": sum(j["hit"] for j in of_kind),
            "strict": sum(j["strict"] for j in of_kind),
            "gone": sum(j["gone"] is True for j in of_kind),
        }
    whole = [a for a in audits if not a.error]
    lines = sum(a.lines for a in whole)
    findings = Counter(finding["rule"] for a in whole for finding in a.findings)
    seconds = sorted(a.seconds for a in whole)
    return {
        "kinds": kinds,
        "cases": len(judged),
        "hits": sum(j["hit"] for j in judged),
        "strict": sum(j["strict"] for j in judged),
        "gone": sum(j["gone"] is True for j in judged),
        "trees": len(whole),
        "lines": lines,
        "findings": sum(findings.values()),
        "findings_per_1000_lines": round(1000 * sum(findings.values()) / lines, 3) if lines else None,
        "findings_by_rule": dict(findings.most_common()),
        "seconds": round(sum(seconds), 1),
        "seconds_median": round(seconds[len(seconds) // 2], 2) if seconds else None,
        "seconds_most": round(seconds[-1], 2) if seconds else None,
        "lines_a_second": round(lines / sum(seconds)) if sum(seconds) else None,
        "peak_mib": max((a.peak_mib for a in whole), default=0),
        "failed_trees": Counter(a.error for a in audits if a.error).most_common(),
        "failed_rules": sorted({text for a in whole for text in a.not_checked}),
    }  # fmt: skip


def show(run: dict[str, Any]) -> None:
    total = run["summary"]
    print(f"{'kind':24}{'cases':>6}{'found':>7}{'recall':>8}{'strict':>8}{'gone':>6}")
    for kind, row in (*total["kinds"].items(), ("all", total)):
        recall, strict = share(row["hits"], row["cases"]), share(row["strict"], row["cases"])
        print(f"{kind:24}{row['cases']:>6}{row['hits']:>7}{recall:>8}{strict:>8}{row['gone']:>6}")
    print(
        f"{total['trees']} trees, {total['lines']:,} lines: {total['findings']} findings, "
        f"{total['findings_per_1000_lines']} per 1,000 lines; {total['seconds']} s, median {total['seconds_median']} s, "
        f"most {total['seconds_most']} s, {total['lines_a_second']} lines a second, at most {total['peak_mib']} MiB"
    )
    for rule, count in total["findings_by_rule"].items():
        print(f"  {count:6} {rule}")
    for text in (*(f"{count} trees: {error}" for error, count in total["failed_trees"]), *total["failed_rules"]):
        print(f"  FAILED {text}")
    print("Missed:")
    for case in run["cases"]:
        if not case["hit"]:
            print(
                f"  {case['kind']:18} {case['id']:32} {case['place']} {case['model']} {case['fields']}: {case['reason']}"
            )


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def compare(run: dict[str, Any], earlier: dict[str, Any]) -> None:
    before = {case["id"]: case["hit"] for case in earlier["cases"]}
    both = [case for case in run["cases"] if case["id"] in before]
    won = [case for case in both if case["hit"] and not before[case["id"]]]
    lost = [case for case in both if not case["hit"] and before[case["id"]]]
    print(f"Against {earlier['when']} ({earlier['version']}): {len(won)} won, {len(lost)} lost of {len(both)}")
    for sign, cases in (("+", won), ("-", lost)):
        for case in cases:
            print(f"  {sign} {case['kind']} {case['id']} {case['place']} {case['findings'][:1] or case['reason']}")


def known_rules() -> list[str]:
    from dbwright import rules
    from dbwright.safety import checks

    return [*(rule.id for rule in rules.load_all()), *checks.checks()]


def version() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def chosen(options: argparse.Namespace) -> list[Case]:
    cases = [Case(json.loads(line)) for line in options.cases.read_text().splitlines() if line.strip()]
    cases = [
        c
        for c in cases
        if (not options.kind or c.kind in options.kind) and (not options.repo or any(r in c.repo for r in options.repo))
    ]
    cases = [c for c in cases if not options.id or c.id in options.id]
    if options.sample and options.sample < len(cases):
        step = len(cases) / options.sample
        cases = [cases[int(n * step)] for n in range(options.sample)]
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--mirrors", type=Path, required=True)
    parser.add_argument("--trees", type=Path, required=True, help="where the trees are written; outside the repository")
    parser.add_argument("--kind", action="append")
    parser.add_argument("--repo", action="append", help="part of the name")
    parser.add_argument("--id", action="append")
    parser.add_argument("--sample", type=int, help="that many cases, evenly spread")
    parser.add_argument(
        "--parents-only", action="store_true", help="leave the fixes' trees out: half the time, no `gone`"
    )
    parser.add_argument("--limit", type=float, default=120, help="seconds for a tree")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--entry", default="", help="module:function from a folder to an Audited, in place of the audit"
    )
    parser.add_argument("--extract-only", action="store_true")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()

    def root_of(tree: tuple[str, str]) -> Path | None:
        mirror = mirror_of(options.mirrors, tree[0])
        target = options.trees / tree[0].replace("/", "+") / tree[1][:12]
        return target if mirror and extract(mirror, tree[1], target) else None

    cases = chosen(options)
    sides = ("parent",) if options.parents_only else ("parent", "fix")
    trees = list(dict.fromkeys(case.tree(side) for case in cases for side in sides))
    if options.extract_only:
        print(f"{sum(root_of(tree) is not None for tree in trees)} of {len(trees)} trees")
        return
    began = time.perf_counter()
    audits = audit_all(trees, root_of, options, cases)
    rules = known_rules()
    skipped = Audited(error="not audited")
    judged = [judge(case, audits[case.tree("parent")], audits.get(case.tree("fix"), skipped), rules) for case in cases]
    run = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version(),
        "wall_seconds": round(time.perf_counter() - began, 1),
        "summary": summary(judged, list(audits.values())),
        "cases": judged,
        "trees": [
            {
                "repo": repo,
                "commit": commit,
                "seconds": round(a.seconds, 2),
                "lines": a.lines,
                "findings": len(a.findings),
                "error": a.error,
            }
            for (repo, commit), a in audits.items()
        ],
    }  # fmt: skip
    show(run)
    if options.output:
        options.output.write_text(json.dumps(run, indent=1) + "\n")
    if options.against:
        compare(run, json.loads(options.against.read_text()))


if __name__ == "__main__":
    main()
