"""The reader's queries against those that the applications were recorded to issue.

    READER_APPS=… python -m benchmarks.reader.queries [APP …] [--details] [--sample 300] [--reason TEXT]

A recorded query belongs to the application's innermost line of its stack; the reader's queries for it are those made or issued in the
statement that the line is part of, else those of the next frames out. For each application: how many call sites the reader knows, for
how many it has tables, for how many SQL, and for how many of those every recorded query equals one of the reader's on the parse tree.
Sites at which a library acts for the application (a form, a serializer, the session) are counted apart. Then the reasons for failure,
the largest first.
``--details`` shows examples of each reason, ``--reason`` those of one reason only, ``--sites FILE`` writes everything as JSON lines.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain, combinations
from pathlib import Path
from typing import Any

from benchmarks.reader.compare import Comparison, NotSql, compare, cost, parse
from benchmarks.reader.models import applications, project_of

DIRECT = re.compile(
    r"^(\w*QuerySet|\w*Manager|Model|ModelBase|CursorWrapper|CursorDebugWrapper|\w*Descriptor|DeferredAttribute|create_\w+manager|RawQuerySet|"
    r"Query|Session|AsyncSession|scoped_session|Connection|AsyncConnection|Engine|Result|ScalarResult|AsyncResult|AsyncScalarResult|"
    r"InstrumentedAttribute|QueryableAttribute|InstanceState|SessionTransaction|_QueryEntity|Bundle|get_object_or_404|get_list_or_404|"
    r"prefetch_related_objects|aget_object_or_404|AppenderQuery|AppenderMixin|Paginator|Page|Atomic|instrument_class|greenlet_spawn|"
    r"_AsyncSessionContextManager|sessionmaker|instances|load_\w+|Bulk\w*)\b"
)
"""Functions of the frameworks by whose call the application's line itself issues a query."""
TOUCH = re.compile(r"(InstrumentedAttribute|QueryableAttribute|\w*Descriptor)\.__get__$")
PROXIED = frozenset("add add_all commit delete execute flush get merge query refresh scalar scalars".split())
"""Methods of a session that one for each thread hands on under their bare names."""
BEFORE_OPTIONAL = ("AND", "OR", "WHERE", "NOT", "HAVING", "ON")
NOT_OR = "(?! OR )"
BOUND = re.compile(r"(?:LIMIT|OFFSET) $")
JOINED = re.compile(r"(?:INNER|LEFT OUTER) JOIN ")
LEFT_OUT = "\x01"
MOST_NONE = 8
"""Placeholders of a statement that are tried with None."""


@dataclass
class Site:
    """A line of the application with what was recorded there and what the reader says of it."""

    file: str
    line: int
    recorded: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[Any] = field(default_factory=list)
    at: str = "line"
    results: list[tuple[dict[str, Any], str, str, Comparison | None]] = field(default_factory=list)

    @property
    def direct(self) -> bool:
        return any(is_direct(row["through"]) for row in self.recorded)

    @property
    def touches(self) -> bool:
        """Whether the line reads attributes of rows: it was not handed a query, and the lines that call it issue none in its place."""
        return all(row["through"] and TOUCH.match(row["through"][0]) for row in self.recorded)

    @property
    def known(self) -> bool:
        return bool(self.candidates)

    @property
    def with_table(self) -> bool:
        return any(c.table for c in self.candidates)

    @property
    def with_sql(self) -> bool:
        return any(c.sql for c in self.candidates)

    @property
    def equal(self) -> bool:
        return all(reason == "" for _row, reason, _sql, _comparison in self.results)

    @property
    def equal_but_for_columns(self) -> bool:
        """Tables, joins, predicates, grouping, order and limit are equal; the columns that are written may differ."""
        return all(reason in ("", "differs in written") for _row, reason, _sql, _comparison in self.results)

    @property
    def some_equal(self) -> bool:
        return any(reason == "" for _row, reason, _sql, _comparison in self.results)


def is_direct(through: Sequence[str]) -> bool:
    """Whether the application's line calls the ORM, by the functions of libraries below it."""
    if not through or DIRECT.match(through[0]):
        return True
    return through[0] in PROXIED and len(through) > 1 and through[1].startswith("Session.")


class Statements:
    """The lines of the statement around a line. A compound statement ends with its header: a loop is not its body."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cache  # noqa: B019  one object, one run
    def _spans(self, file: str) -> list[tuple[int, int]]:
        try:
            tree = ast.parse((self._root / file).read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return []
        spans = []
        for node in ast.walk(tree):
            if isinstance(node, ast.stmt):
                body = getattr(node, "body", None)
                last = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or node.lineno
                spans.append((node.lineno, max(node.lineno, last)))
        return spans

    def around(self, file: str, line: int) -> tuple[int, int]:
        found = [s for s in self._spans(file) if s[0] <= line <= s[1]]
        return min(found, key=lambda s: s[1] - s[0]) if found else (line, line)


def recorded(app: str) -> list[dict[str, Any]]:
    rows = []
    for line in (applications() / app / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        try:
            parse(row["sql"])
        except NotSql:
            continue  # PRAGMA and the like; statements that are cut
        rows.append(row)
    return rows


def sites_of(rows: list[dict[str, Any]]) -> list[Site]:
    found: dict[tuple[str, int], Site] = {}
    for row in rows:
        key = (row["stack"][0]["file"], row["stack"][0]["line"])
        found.setdefault(key, Site(*key)).recorded.append(row)
    return [found[key] for key in sorted(found)]


class Reading:
    """The reader's queries by file and line."""

    def __init__(self, source: Any, root: Path) -> None:
        self._by_line: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
        self._statements = Statements(root)
        for query in source.queries:
            for place in dict.fromkeys((query.issued, query.made)):
                self._by_line[(place.file, place.line)].append(query)

    def at(self, file: str, line: int) -> list[Any]:
        begin, end = self._statements.around(file, line)
        found = [
            q
            for n in [line, *(n for n in range(begin, end + 1) if n != line)]
            for q in self._by_line.get((file, n), ())
        ]
        return list({id(q): q for q in found}.values())

    def fill(self, site: Site) -> None:
        site.candidates = self.at(site.file, site.line)
        if site.candidates or site.touches:
            return
        # A function that was handed a query: the reader may have put it at the line that called.
        for depth in range(1, 4):
            frames = {
                (r["stack"][depth]["file"], r["stack"][depth]["line"]) for r in site.recorded if len(r["stack"]) > depth
            }
            site.candidates = list({id(q): q for f, n in sorted(frames) for q in self.at(f, n)}.values())
            if site.candidates:
                site.at = f"frame {depth}"
                return


@lru_cache(maxsize=200_000)
def compared(expected: str, actual: str) -> Comparison | None:
    try:
        return compare(expected, actual)
    except NotSql:
        return None


def none_numbers(query: Any) -> tuple[int, ...]:
    """The numbers of the placeholders whose value may be None, as the reader says."""
    return tuple(number for number, one in enumerate(query.parameters, 1) if one.or_none)[:MOST_NONE]


def read_as(sql: str, numbers: tuple[int, ...], optional: tuple[tuple[int, int], ...], issued: str) -> Iterator[str]:
    """The statements that one of the reader's stands for, as far as they can be the one that was issued: as it is, with IS NULL for each
    choice of the values that may be None, and with a choice of its optional conditions."""
    sql = with_choice(sql, optional, likeness(issued)) if optional else sql
    yield sql
    more = issued.count("IS NULL") - sql.count("IS NULL")
    for count in range(1, min(more, len(numbers)) + 1):
        for chosen in combinations(numbers, count):
            text = re.sub(rf" = \$(?:{'|'.join(map(str, chosen))})(?!\d)", " IS NULL", sql)
            if text != sql:
                yield text


def with_choice(sql: str, optional: tuple[tuple[int, int], ...], issued: str) -> str:
    """A statement with those of its optional conditions that stand in what was issued. Which they are is guessed by their text, the
    longest first: what stands in a longer one that is there stands for that. Whether the statement is then equal is not guessed."""

    def chosen(begin: int, end: int, inside: Sequence[tuple[int, int]], taken: list[str]) -> str:
        outer = outermost(inside)
        texts: dict[tuple[int, int], str] = {}
        for span in sorted(outer, key=lambda one: one[0] - one[1]):
            before = len(taken)
            text = chosen(*span, outer[span], taken)
            del taken[before:]
            like = likeness(text)
            if there := _is_there(like, sql, span, issued, taken):
                taken.append(like)
            texts[span] = text if there else "" if JOINED.match(text) else LEFT_OUT
        parts = []
        for span in sorted(texts):
            parts += [sql[begin : span[0]] if texts[span] else sql[begin : span[0]].rstrip(" "), texts[span]]
            begin = span[1]
        return without_left_out("".join((*parts, sql[begin:end])))

    ends = (0, *chain(*outermost(optional)), len(sql))
    always = "".join(sql[begin:end] for begin, end in zip(ends[::2], ends[1::2], strict=True))
    return chosen(0, len(sql), optional, [likeness(always)]).replace(LEFT_OUT, "TRUE")


def outermost(spans: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """The spans that stand in no other one, with those that stand in each."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    last = (0, 0)
    for span in spans:
        if span[1] <= last[1]:
            found[last].append(span)
        else:
            last = span
            found[span] = []
    return found


def _is_there(like: str, sql: str, span: tuple[int, int], issued: str, taken: list[str]) -> bool:
    """Whether an optional part stands in what was issued, besides where it stands for what is there already."""
    if like not in issued:
        return False
    if JOINED.match(like):
        return True
    if bound := BOUND.search(sql[: span[0]]):
        return likeness(bound[0] + like) in issued
    after = "" if _one_of_several(sql, *span) else NOT_OR
    pattern = re.compile(rf"\b(?:{'|'.join(BEFORE_OPTIONAL)}) {re.escape(like)}{after}")
    used = sum(len(pattern.findall(text)) + (text == like) for text in taken)
    return len(pattern.findall(issued)) > used


def _one_of_several(sql: str, begin: int, end: int) -> bool:
    """Whether a condition is one of those that OR ties."""
    return sql[:begin].rstrip("( ").endswith(" OR") or sql[end:].lstrip(") ").startswith("OR ")


def without_left_out(text: str) -> str:
    """A text without the conditions that are left out, nor what tied them to others."""
    before = ""
    while text != before:
        before = text
        text = re.sub(rf"{LEFT_OUT} (?:AND|OR) |(?: AND | OR ){LEFT_OUT}", "", text)
        text = re.sub(rf" (?:WHERE|HAVING|LIMIT|OFFSET) {LEFT_OUT}(?! AND | OR )", "", text)
        text = re.sub(rf"(?<![A-Z]) ?\({LEFT_OUT}\)", f" {LEFT_OUT}", text).replace("  ", " ")
    return text


@lru_cache(maxsize=50_000)
def likeness(text: str) -> str:
    """A text as the same condition has it in another statement: without values, casts, brackets and quotes."""
    text = re.sub(r"\(NULL\) AND \(1 != 1\)", "?", " ".join(text.split()))
    text = re.sub(r"::\w+(?: WITH TIME ZONE)?(?:\[\])?", "", text)
    text = re.sub(r"%\(\w+\)s|%s|\$\d+", "?", text)
    return re.sub(r"\?(?:, \?)+", "?", re.sub(r'[()"]', "", text))


def judge(site: Site) -> None:
    """For each recorded query: an empty reason when one of the reader's equals it, else what is wrong with the nearest."""
    unreadable = Counter(q.unknown or "no SQL and no reason" for q in site.candidates if not q.sql)
    read = list({(q.sql, none_numbers(q), q.optional): None for q in site.candidates if q.sql})[:200]
    for row in site.recorded:
        if not site.candidates:
            site.results.append((row, missing_reason(row), "", None))
            continue
        best: tuple[tuple[int, int], str, Comparison] | None = None
        refused = 0
        for text in (text for one in read for text in read_as(*one, row["sql"])):
            comparison = compared(row["sql"], text)
            if comparison is None:
                refused += 1
            elif best is None or cost(comparison) < best[0]:
                best = (cost(comparison), text, comparison)
                if comparison.equal:
                    break
        if best is not None and best[2].equal:
            site.results.append((row, "", best[1], best[2]))
        elif best is not None and "tables" not in best[2].reason and "statement" not in best[2].reason:
            site.results.append((row, f"differs in {best[2].reason}", best[1], best[2]))
        elif unreadable:
            site.results.append((row, f"unknown: {unreadable.most_common(1)[0][0]}", "", None))
        elif best is not None:
            site.results.append((row, f"differs in {best[2].reason}", best[1], best[2]))
        else:
            site.results.append((row, "reader's SQL is refused by the grammar" if refused else "no SQL", "", None))


def missing_reason(row: dict[str, Any]) -> str:
    through = row["through"][0] if row["through"] else "driver"
    if not is_direct(row["through"]):
        return f"no query at the line; a library acts: {through}"
    return f"no query at the line; issued by {through}"


def percent(part: int, whole: int) -> str:
    return f"{part:5} {100 * part / whole:5.1f} %" if whole else f"{part:5}     - "


def report(sites: list[Site], details: bool, only: str | None) -> None:
    for word, chosen in (
        ("own", [s for s in sites if s.direct]),
        ("through a library", [s for s in sites if not s.direct]),
    ):
        rows = [r for s in chosen for r in s.results]
        print(f"  {word} call sites {len(chosen)}, recorded queries {len(rows)}")
        outer = sum(s.at != "line" for s in chosen)
        print(
            f"    known to the reader {percent(sum(s.known for s in chosen), len(chosen))}; {outer} of them at a caller's line only"
        )
        print(f"    with a table        {percent(sum(s.with_table for s in chosen), len(chosen))}")
        print(f"    with SQL            {percent(sum(s.with_sql for s in chosen), len(chosen))}")
        answered = [s for s in chosen if s.with_sql]
        print(f"    all queries equal   {percent(sum(s.equal for s in answered), len(answered))} of those with SQL")
        print(
            f"      or but in columns {percent(sum(s.equal_but_for_columns for s in answered), len(answered))} that are written"
        )
        print(
            f"    some query equal    {percent(sum(s.some_equal for s in answered), len(answered))} of those with SQL"
        )
        equal = [c for _r, reason, _t, c in rows if reason == "" and c is not None]
        selects = percent(sum(c.same_select for c in equal), len(equal))
        print(f"    queries equal       {percent(len(equal), len(rows))}; with the same select list {selects}")
    reasons: defaultdict[str, list[tuple[Site, Any]]] = defaultdict(list)
    for site in sites:
        for result in site.results:
            if result[1]:
                reasons[result[1]].append((site, result))
    print("  reasons, by recorded queries (and lines)")
    for reason, found in sorted(reasons.items(), key=lambda item: -len(item[1]))[: None if details else 25]:
        if only is not None and only not in reason:
            continue
        lines = {(s.file, s.line) for s, _r in found}
        print(f"    {len(found):5} ({len(lines)})  {reason[:160]}")
        if not details and only is None:
            continue
        for site, (row, _reason, text, comparison) in found[:5]:
            print(f"          {site.file}:{site.line} {row['stack'][0]['function']}")
            print(f"            issued {row['sql'][:600]}")
            if comparison is not None:
                print(f"            read   {text[:600]}")
                for difference in comparison.differences:
                    if difference.part != "select":
                        print(f"            {str(difference)[:400]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("apps", nargs="*")
    parser.add_argument("--details", action="store_true", help="all reasons, each with examples")
    parser.add_argument("--reason", metavar="TEXT", help="examples of the reasons that contain this text")
    parser.add_argument(
        "--sample", type=int, help="judge so many sites over all applications, chosen with a fixed seed"
    )
    parser.add_argument(
        "--sites", type=Path, metavar="FILE", help="write each recorded query with its judgement as JSON lines"
    )
    arguments = parser.parse_args()
    from dbwright.source import read as read_source  # here, so that the comparison alone needs no reader

    apps = arguments.apps or sorted(p.parent.name for p in applications().glob("*/queries.jsonl"))
    by_app = {app: sites_of(recorded(app)) for app in apps}
    if arguments.sample:
        everything = [(app, site) for app, sites in by_app.items() for site in sites]
        random.Random(11).shuffle(everything)
        chosen = {id(site) for _app, site in everything[: arguments.sample]}
        by_app = {app: [s for s in sites if id(s) in chosen] for app, sites in by_app.items()}
    written = []
    total: list[Site] = []
    for app, sites in by_app.items():
        root = project_of(app)
        began = time.perf_counter()
        read = read_source(root)
        print(f"{app}: {len(sites)} recorded call sites; read in {time.perf_counter() - began:.1f} s")
        print(
            f"  the reader's own count: {read.sites} sites, {read.sites_with_table} with a table, {read.sites_with_sql} with SQL"
        )
        reading = Reading(read, root)
        for site in sites:
            reading.fill(site)
            judge(site)
            for row, reason, text, comparison in site.results:
                written.append(
                    {
                        "app": app,
                        "file": site.file,
                        "line": site.line,
                        "at": site.at,
                        "sql": site.with_sql,
                        "reason": reason,
                        "issued": row["sql"],
                        "read": text,
                        "differences": [str(d) for d in comparison.differences] if comparison else [],
                        "through": row["through"],
                        "stack": row["stack"],
                    }
                )
        report(sites, arguments.details, arguments.reason)
        total += sites
    if len(by_app) > 1:
        print(f"all: {len(total)} recorded call sites")
        report(total, False, None)
    if arguments.sites:
        arguments.sites.write_text("".join(json.dumps(row) + "\n" for row in written), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
