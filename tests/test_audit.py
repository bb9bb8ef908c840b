"""Ignores, baselines, Gaps, ranking: what happens to findings between the rules and the report."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from dbwright import ranking, rules
from dbwright.audit import _dropped_once, _one_message_each, audit, fingerprint, ignore_matches
from dbwright.collect.postgres import collect
from dbwright.model.activity import Workload
from dbwright.model.attribution import Attribution, StatementOrigin
from dbwright.model.change import Change, CreateIndex, DropIndex, IndexKey
from dbwright.model.finding import Finding, Impact, ObjectRef
from dbwright.model.query import Query, QueryTable
from dbwright.model.report import Ignore, Report, without_hints
from dbwright.model.snapshot import SCHEMA_VERSION, Gap, Snapshot, Target
from dbwright.model.source import Place
from dbwright.model.statements import sample_statement
from dbwright.options import Look, show
from dbwright.postgres import connect, parse_address
from dbwright.source import read
from dbwright.source.attribution import attribute

TARGET = Target("postgresql", "app@db/shop", "f00d", "shop", 130000, "13.0", "app", False, True)
SNAPSHOT = Snapshot(SCHEMA_VERSION, "0", datetime(2026, 11, 21, tzinfo=UTC), TARGET)
END_OF_LIFE = "settings/version-end-of-life"


def test_a_finding_and_its_ignores() -> None:
    assert [f.rule for f in audit(SNAPSHOT, only=[END_OF_LIFE]).findings] == [END_OF_LIFE]
    accepted = Ignore(END_OF_LIFE, "moving in January")
    report = audit(SNAPSHOT, only=[END_OF_LIFE], ignores=[accepted])
    assert not report.findings
    assert [held.reason for held in report.ignored] == ["moving in January"]
    assert not report.unused_ignores


def test_an_ignore_that_ended_counts_no_more_and_one_that_matches_nothing_is_reported() -> None:
    ended = Ignore(END_OF_LIFE, "until last week", until="2026-11-20")
    unused = Ignore("indexes/unused", "batch job", object="orders.*")
    report = audit(SNAPSHOT, only=[END_OF_LIFE], ignores=[ended, unused])
    assert [f.rule for f in report.findings] == [END_OF_LIFE]
    assert report.expired_ignores == (ended,)
    assert report.unused_ignores == (unused,)
    today = Ignore(END_OF_LIFE, "last day", until="2026-11-21")
    assert not audit(SNAPSHOT, only=[END_OF_LIFE], ignores=[today]).findings


def test_the_baseline_holds_back_only_what_it_names() -> None:
    (found,) = audit(SNAPSHOT, only=[END_OF_LIFE]).findings
    assert not audit(SNAPSHOT, only=[END_OF_LIFE], baseline={found.id: "x"}).findings
    assert audit(SNAPSHOT, only=[END_OF_LIFE], baseline={"0" * 16: "x"}).findings


@pytest.mark.parametrize(
    ("rule", "object_", "matches"),
    [
        ("indexes/duplicate", "*", True),
        ("indexes/*", "orders.*", True),
        ("indexes/*", "orders_a", True),
        ("indexes/*", "customer.*", False),
        ("types/*", "*", False),
        ("0123456789abcdef", "*", True),
    ],
)
def test_what_an_ignore_matches(rule: str, object_: str, matches: bool) -> None:
    ref = ObjectRef("index", "orders_a", "public", "orders")
    finding = Finding("t", "m", (ref,), Impact.certain(), rule="indexes/duplicate", id="0123456789abcdef")
    assert ignore_matches(Ignore(rule, "r", object_), finding) is matches


def test_a_gap_makes_rules_not_checked_with_the_remedy() -> None:
    gap = Gap("settings", "hidden", "GRANT pg_monitor TO app;")
    report = audit(replace(SNAPSHOT, gaps=(gap,)))
    blind = {entry.rule for entry in report.not_checked}
    assert {rule.id for rule in rules.load_all() if "settings" in rule.needs and "postgresql" in rule.engines} >= blind
    assert blind
    assert all((entry.reason, entry.remedy) == (gap.reason, gap.remedy) for entry in report.not_checked)
    assert not blind & set(report.rules_run)


def test_a_partial_gap_lets_the_rule_look_and_says_so() -> None:
    report = audit(
        replace(SNAPSHOT, gaps=(Gap("server", "half seen", "look again", partial=True),)), only=[END_OF_LIFE]
    )
    assert report.findings
    assert [(entry.rule, entry.partial) for entry in report.not_checked] == [(END_OF_LIFE, True)]


def test_the_fingerprint_knows_neither_figures_nor_numbers() -> None:
    ref = ObjectRef("index", "a", "public", "t")
    one = Finding("10 rows", "x", (ref,), Impact(10, "rows", 1, 100), {"rows": 10}, rule="a/b")
    two = Finding("99 rows", "y", (ref,), Impact(99, "rows", 1, 100), {"rows": 99}, rule="a/b")
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one) != fingerprint(replace(one, identity="other"))
    assert fingerprint(one) != fingerprint(replace(one, objects=(replace(ref, table="u"),)))


def test_a_group_stays_the_same_when_one_more_joins_it() -> None:
    def about(*names: str, identity: str = "") -> Finding:
        refs = tuple(ObjectRef("column", "c", "public", name) for name in names)
        return Finding("t", "m", refs, Impact.certain(), rule="a/b", identity=identity)

    assert fingerprint(about("t", "u")) == fingerprint(about("t", "u", "v"))
    assert fingerprint(about("t", "t")) != fingerprint(about("u", "u"))
    assert fingerprint(about("t", "u", identity="x")) != fingerprint(about("t", "u", identity="y"))


@pytest.mark.parametrize(("value", "magnitude"), [(5, 0.0), (10, 0.0), (100, 0.5), (1000, 1.0), (10**9, 1.0)])
def test_magnitude_is_logarithmic_between_its_ends(value: float, magnitude: float) -> None:
    assert Impact(value, "rows", 10, 1000).magnitude == pytest.approx(magnitude)


def test_points_and_severity() -> None:
    worst = Finding("t", "m", (), Impact.certain(), risk="data loss")
    assert ranking.points(worst) == 100
    assert ranking.severity(100) == "critical"
    unsure = replace(worst, confidence="low")
    assert ranking.points(unsure) == 55
    least = Finding("t", "m", (), Impact(1, "rows", 10, 100), risk="hygiene")
    assert ranking.points(least) == 5
    assert ranking.severity(5) == "info"


def test_a_rule_that_breaks_is_told_and_costs_no_other_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Finding]:
        raise ValueError("an unusual catalog")

    broken = replace(rules.load("settings/version-prerelease"), check=fail)
    monkeypatch.setattr(rules, "load_all", lambda: (broken, rules.load(END_OF_LIFE)))
    report = audit(SNAPSHOT)
    assert [f.rule for f in report.findings] == [END_OF_LIFE]
    assert [(entry.rule, entry.reason) for entry in report.not_checked] == [
        (broken.id, "the rule failed: ValueError: an unusual catalog")
    ]
    assert broken.id not in report.rules_run


def test_an_area_of_which_nothing_could_be_checked_has_no_score() -> None:
    gaps = tuple(
        Gap(s, "not reached", "start it")
        for s in (
            "server",
            "settings",
            "catalog",
            "statistics",
            "activity",
            "hba",
            "workload",
            "replication",
            "integrity",
            "project",
            "source",
        )
    )
    report = audit(replace(SNAPSHOT, gaps=gaps))
    assert not report.findings
    assert not report.rules_run
    assert {score.value for score in report.scores} == {None}


PRAISED = (
    "constraints/natural-key-not-unique", "constraints/no-primary-key", "constraints/not-validated", "constraints/range-unchecked",
    "types/json-instead-of-jsonb", "foreign-keys/type-mismatch", "indexes/none-on-large-table", "foreign-keys/sibling-actions-differ",
)  # fmt: skip


def test_no_praise_of_tables_that_hold_nothing_or_were_never_analyzed(database: str) -> None:
    def praised(*commands: str) -> set[str]:
        with psycopg.connect(database, autocommit=True) as connection:
            for command in commands:
                connection.execute(command)  # type: ignore[arg-type]
        parameters = parse_address(database)
        with connect(parameters) as connection:
            return {s.rule for s in audit(collect(connection, parameters), only=PRAISED).strengths}

    empty = praised(
        "CREATE TABLE author (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, age int CHECK (age > 0), more jsonb)",
        "CREATE TABLE tag (id bigint PRIMARY KEY, name text NOT NULL UNIQUE)",
        "CREATE TABLE author_tag (author_id bigint NOT NULL REFERENCES author ON DELETE CASCADE,"
        " tag_id bigint NOT NULL REFERENCES tag ON DELETE CASCADE,"
        " by_id bigint REFERENCES author ON DELETE CASCADE, PRIMARY KEY (author_id, tag_id))",
        "CREATE INDEX ON author_tag (tag_id); CREATE INDEX ON author_tag (by_id)",
    )
    assert empty == set()
    assert praised("ANALYZE") == set()
    filled = praised(
        "INSERT INTO author SELECT g, g || '@example.com', 30, '{}' FROM generate_series(1, 50) g",
        "INSERT INTO tag SELECT g, 'tag ' || g FROM generate_series(1, 50) g",
        "INSERT INTO author_tag SELECT g, g, g FROM generate_series(1, 50) g",
        "ANALYZE",
    )
    assert filled >= {*PRAISED} - {"indexes/none-on-large-table"}  # which speaks of join tables of two keys


VIEWS = """\
from django.db import models


class Note(models.Model):
    created_at = models.DateTimeField()

    class Meta:
        db_table = "note"


def of_day(day):
    return list(Note.objects.filter(created_at__date=day))
"""


def recorded(tmp_path: Path, query: str) -> Report:
    """The audit of a project whose server recorded a statement that took ten of twelve seconds, for an hour."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("")
    (tmp_path / "app" / "models.py").write_text(VIEWS)
    source = read(tmp_path, strict=True)
    rows = (sample_statement(query, 100, 100.0), sample_statement("SELECT 1 FROM other", 100, 20.0, query_id=2))
    workload = Workload(available=True, statements=rows, collected_from=SNAPSHOT.taken_at - timedelta(hours=1))
    gaps = tuple(Gap(name, "not here", "") for name in ("catalog", "statistics", "settings", "activity"))
    attribution = attribute(workload, source)
    return audit(
        replace(SNAPSHOT, source=source, workload=workload, attribution=attribution, gaps=gaps), only=["queries"]
    )


def test_a_finding_on_code_says_what_the_server_recorded_of_its_lines(tmp_path: Path) -> None:
    query = "SELECT id, created_at FROM note WHERE (created_at AT TIME ZONE $1)::date = $2"
    (finding,) = [f for f in recorded(tmp_path, query).findings if f.rule == "queries/not-sargable-filter"]
    assert finding.evidence["recorded"] == {"calls": 100, "seconds": 10.0, "share_of_all_time": 0.8333}
    assert "took 83% of the application's database time (100 calls, 10.0 s)" in finding.message
    assert finding.impact.unit == "share of the application's database time"


@pytest.mark.parametrize(
    ("places", "tables", "expected"),
    [
        ({("app/a.py", 3)}, {"note"}, (100, 10_000.0)),  # where it is built
        ({("app/a.py", 9)}, {"note"}, (50, 5_000.0)),  # one of the two lines that send it
        ({("app/a.py", 9), ("app/b.py", 9), ("app/a.py", 3)}, {"note"}, (100, 10_000.0)),
        ({("app/a.py", 9)}, {"other"}, (0, 0.0)),
        ({("app/c.py", 9)}, {"note"}, (0, 0.0)),
    ],
)
def test_what_lines_cost(places: set[tuple[str, int]], tables: set[str], expected: tuple[int, float]) -> None:
    query = Query("select", (QueryTable("note", None, "note", "from"),), ())
    sent = (Place("app/a.py", 9, "f"), Place("app/b.py", 9, "g"))
    origin = StatementOrigin(1, "fingerprint", sent, (Place("app/a.py", 3, "f"),), query, 100, 10_000.0)
    assert (
        Attribution((origin, StatementOrigin(2, "", calls=5, milliseconds=7.0))).recorded_at(places, tables) == expected
    )


def test_what_other_lines_cost_is_not_said_of_a_finding(tmp_path: Path) -> None:
    (finding,) = [f for f in recorded(tmp_path, "SELECT id FROM note WHERE id = $1").findings if "sargable" in f.rule]
    assert "recorded" not in finding.evidence
    assert finding.impact.unit == "places"


def test_measured_twin_gives_way_to_the_finding_on_code_and_leaves_it_its_cost() -> None:
    column = ObjectRef("column", "created_at", "public", "note", ("created_at",))
    statement = ObjectRef("statement", "7")
    places, time = Impact(1, "places", 1, 30), Impact(3600, "seconds an hour", 3.6, 3600)
    code = replace(Finding("c", "In code.", (column,), places), rule="queries/not-sargable-filter", id="a")
    twin = Finding("m", "Measured.", (column, statement), time, {"query": "q"})
    twin = replace(twin, rule="workload/function-on-column", id="b", points=60)
    alone = replace(twin, objects=(replace(column, name="other", columns=("other",)), statement), id="c")
    chosen = [rule for rule in rules.load_all() if rule.id in (code.rule, twin.rule)]
    code, twin, alone = (replace(finding, risk="performance") for finding in (code, twin, alone))
    left = {finding.id: finding for finding in _one_message_each([code, twin, alone], chosen)}
    assert left.keys() == {"a", "c"}
    assert left["a"].message == "In code. Measured."
    assert left["a"].evidence["recorded"] == {"query": "q"}
    assert left["a"].points > ranking.points(code)


def test_an_index_is_dropped_by_one_change() -> None:
    index, place = ObjectRef("index", "i", "public", "note"), ObjectRef("column", "guid", "public", "note", ("guid",))
    old = DropIndex("public", "i", "CREATE INDEX i ON public.note USING btree (guid)")
    other = replace(old, name="j")
    unique = CreateIndex("public", "note", "u", (IndexKey("guid"),), unique=True)
    bytes_ = Impact(1, "bytes", 1, 30)
    unused = Finding("u", "Unused.", (index,), bytes_, change=Change((old,)))
    natural = Finding("n", "Unique so far.", (place,), bytes_, change=Change((unique, old, other), note="Look first."))
    alone = replace(natural, change=Change((unique, other)))
    left = list(_dropped_once([natural, unused, alone]))
    assert left[1:] == [unused, alone]
    assert left[0].change is not None
    assert left[0].change.operations == (unique, other)
    assert left[0].change.note == "Look first. i would be superfluous then too; another finding proposes to drop it."


def test_what_is_only_info_is_set_aside_and_counted() -> None:
    told, hint = (Finding(name, "…", (), Impact.certain(), severity=name) for name in ("low", "info"))
    report = without_hints(Report(SNAPSHOT, (told, hint)))
    assert (report.findings, report.hints) == ((told,), (hint,))


def test_people_ask_for_hints_and_programs_get_them(capsys: pytest.CaptureFixture[str]) -> None:
    place = (ObjectRef("table", "orders", "public", "orders"),)
    told = Finding("worth telling", "…", place, Impact.certain(), rule="indexes/unused", severity="low", id="1")
    habit = replace(told, title="a mere habit", severity="info", id="2", rule="indexes/duplicate")
    report = Report(SNAPSHOT, (told, habit))
    for format_ in ("text", "markdown", "github"):
        show(report, format_, None)
        out = capsys.readouterr().out
        assert "worth telling" in out
        assert "a mere habit" not in out
        assert "1 hint not listed" in out
    for format_, look in (("json", None), ("sarif", None), ("text", Look((), (), None, True, hints=True))):
        show(report, format_, None, look=look)
        assert "a mere habit" in capsys.readouterr().out
