"""Which indexes may go: on a database with rows, and what each of the four witnesses can object."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from loaded import loaded

from dbwright.advise.advice import advise
from dbwright.advise.implication import implies
from dbwright.advise.selection import Limits
from dbwright.embedded import EmbeddedServer
from dbwright.fixes import sql
from dbwright.model.activity import Replication, Standby
from dbwright.model.advice import Advice
from dbwright.model.change import Change
from dbwright.model.query import Query
from dbwright.model.removal import Removal
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place, Source, SourceQuery
from dbwright.model.statistics import NodeStatistics
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom
from dbwright.report.advice import FORMATS, render
from dbwright.source.sql import take_apart

SCHEMA = """
CREATE TABLE person (id bigint PRIMARY KEY, email text);
CREATE TABLE job (
    id bigint PRIMARY KEY, person_id bigint NOT NULL REFERENCES person, queue int NOT NULL, state text NOT NULL, ran timestamptz NOT NULL,
    cost int NOT NULL, note text, done boolean NOT NULL
);
CREATE INDEX queue_one ON job (queue);
CREATE INDEX queue_two ON job (queue DESC);
CREATE INDEX state_short ON job (state, cost);
CREATE INDEX state_long ON job (state, cost, ran);
CREATE INDEX ran_bare ON job (ran);
CREATE INDEX ran_carrying ON job (ran) INCLUDE (cost);
CREATE INDEX cost_part ON job (cost) WHERE cost > 10 AND NOT done;
CREATE INDEX cost_whole ON job (cost) WHERE NOT done;
CREATE INDEX idle_note ON job (note);
CREATE INDEX only_key ON job (person_id);
CREATE UNIQUE INDEX once ON job (state, id);
CREATE INDEX once_plain ON job (state, id);
CREATE INDEX few ON job (id) WHERE state = 'rare';
INSERT INTO person SELECT g, 'p' || g FROM generate_series(1, 2000) g;
INSERT INTO job
    SELECT g, 1 + g % 2000, g % 900, CASE WHEN g % 500 = 0 THEN 'rare' ELSE 'often' || g % 40 END,
        '2024-01-01'::timestamptz + g * interval '1 minute', g * 31 % 1000, 'note ' || g, g % 3 = 0
    FROM generate_series(1, 80000) g;
"""
WORKLOAD = (
    "select * from job where queue = $1",
    "select * from job where state = $1 and cost = $2",
    "select cost from job where ran > $1 order by ran limit 10",
    "select * from person where id = $1",
)
READ = dict.fromkeys(("queue_one", "state_long", "ran_carrying", "cost_whole", "once", "person_pkey"), 9000)


@pytest.fixture(scope="module")
def snapshot(server: EmbeddedServer) -> Iterator[Snapshot]:
    """Counters of 60 days; the table was scanned, and some of its indexes were."""
    with loaded(server, "removals", SCHEMA) as of:
        yield with_counters(larger(of.snapshot, 20), 60, READ)


def larger(snapshot: Snapshot, times: int) -> Snapshot:
    """So many times the rows, because small indexes are not worth a change."""
    sizes = ("rows", "pages", "bytes", "heap_bytes", "all_visible_pages", "inserted")
    grown = {
        part: tuple(
            replace(row, **{name: getattr(row, name) * times for name in sizes if hasattr(row, name)})
            for row in getattr(snapshot.statistics, part)
        )
        for part in ("tables", "indexes")
    }
    return replace(snapshot, statistics=replace(snapshot.statistics, **grown))


def with_counters(snapshot: Snapshot, days: float, scans: dict[str, int]) -> Snapshot:
    names = {index.oid: index.name for index in snapshot.catalog.indexes}
    indexes = tuple(
        replace(row, scans=scans.get(names.get(row.oid, ""), 0), last_scan=None) for row in snapshot.statistics.indexes
    )
    tables = tuple(replace(row, sequential_scans=5000) for row in snapshot.statistics.tables)
    began = snapshot.taken_at - timedelta(days=days)
    statistics = replace(snapshot.statistics, indexes=indexes, tables=tables, reset_at=began)
    return replace(snapshot, statistics=statistics)


def advice(snapshot: Snapshot, statements: tuple[str, ...] = WORKLOAD, count: int = 0) -> Advice:
    workload = [WorkloadStatement(text, 100.0, None, f"q{n}") for n, text in enumerate(statements)]
    with Phantom.of(snapshot) as phantom:
        return advise(phantom, workload, Limits(count=count))


@pytest.fixture(scope="module")
def found(snapshot: Snapshot) -> Advice:
    return advice(snapshot)


@pytest.fixture(scope="module")
def told(found: Advice) -> dict[str, Removal]:
    return by_name(found)


def by_name(found: Advice) -> dict[str, Removal]:
    return {removal.drop.name: removal for removal in found.removals}


@pytest.mark.parametrize(
    ("index", "by"),
    [
        ("queue_two", "queue_one"),
        ("state_short", "state_long"),
        ("ran_bare", "ran_carrying"),
        ("cost_part", "cost_whole"),
        ("once_plain", "once"),
    ],
)
def test_what_another_index_gives_may_go(told: dict[str, Removal], index: str, by: str) -> None:
    removal = told[index]
    assert removal.objection is None
    assert removal.answered_by == by
    assert [witness.name for witness in removal.witnesses] == ["counters", "constraints", "code", "plans"]
    (forward,) = sql.forward(Change((removal.drop,)))
    (backward,) = sql.backward(Change((removal.drop,)))
    assert forward == f"DROP INDEX CONCURRENTLY public.{index}"
    assert backward.startswith("CREATE INDEX CONCURRENTLY")


def test_of_two_that_are_the_same_one_stays(told: dict[str, Removal]) -> None:
    assert "queue_one" not in told or told["queue_one"].objection
    assert "once" not in told


@pytest.mark.parametrize(
    ("index", "objection"),
    [
        ("only_key", "looks rows up by it when a row of person is deleted"),
    ],
)
def test_what_something_relies_on_stays(told: dict[str, Removal], index: str, objection: str) -> None:
    assert objection in (told[index].objection or "")


def test_what_nobody_reads_and_no_plan_uses_may_go_and_it_is_said_that_no_code_was_read(snapshot: Snapshot) -> None:
    without_note = advice(snapshot)
    removal = by_name(without_note)["idle_note"]
    assert removal.goes
    assert removal.answered_by is None
    assert removal.confidence == "medium"
    code = next(witness for witness in removal.witnesses if witness.name == "code")
    assert not code.looked
    assert code.text.startswith("not looked at, because")


def test_what_a_plan_uses_stays_and_the_statement_is_named(snapshot: Snapshot) -> None:
    removal = by_name(advice(snapshot, (*WORKLOAD, "select sum(cost) from job where note = $1")))["idle_note"]
    assert "without it q4 would cost" in (removal.objection or "")
    assert removal.worst
    assert removal.worst.origin == "q4"
    assert removal.worst.after > removal.worst.before


@pytest.mark.parametrize(
    ("edit", "objection"),
    [
        (lambda s: with_counters(s, 12, READ), "in 12 days"),
        (lambda s: with_counters(s, 60, {**READ, "idle_note": 3}), None),
        (
            lambda s: replace(
                s, replication=replace(s.replication, standbys=(Standby("standby", "u", "streaming", "async", 0, 0.0),))
            ),
            "1 of its 1 replicas were not looked at",
        ),
    ],
)
def test_counters_object(snapshot: Snapshot, edit: Callable[[Snapshot], Snapshot], objection: str | None) -> None:
    found = by_name(advice(edit(snapshot)))
    if objection is None:
        assert "idle_note" not in found, "what is read is no suspect"
    else:
        assert objection in (found["idle_note"].objection or "")
        assert found["queue_two"].goes, "another index gives the same, whoever reads"


def test_replicas_that_read_it_keep_it_and_those_that_do_not_let_it_go(snapshot: Snapshot) -> None:
    standby = Replication(snapshot.replication.recovery, (), (Standby("s", "u", "streaming", "async", 0, 0.0),))
    for scans in (0, 7):
        rows = tuple(replace(row, scans=scans) for row in snapshot.statistics.indexes)
        began = snapshot.taken_at - timedelta(days=60)
        node = NodeStatistics("replica", began, began, snapshot.statistics.tables, rows)
        seen = replace(snapshot, replication=standby, statistics=replace(snapshot.statistics, nodes=(node,)))
        found = by_name(advice(seen))
        assert ("idle_note" in found) == (not scans)
        if not scans:
            assert found["idle_note"].goes
            assert "replica: 0 scans" in found["idle_note"].witnesses[0].text


def query(text: str, place: Place) -> SourceQuery:
    taken: Query = take_apart(text)
    return SourceQuery("django", "rows", place, place, table="job", sql=text, query=taken)


def test_code_that_would_read_by_it_keeps_it_and_its_line_is_named(snapshot: Snapshot) -> None:
    lines = {
        "SELECT job.id FROM job WHERE job.note = $1": "shop/views.py:31 would read by it",
        "SELECT job.id FROM job WHERE job.note <> $1": None,
        "SELECT job.id FROM job WHERE job.id = $1": None,
    }
    for text, objection in lines.items():
        source = Source(queries=(query(text, Place("shop/views.py", 31)),))
        removal = by_name(advice(replace(snapshot, source=source)))["idle_note"]
        assert removal.objection == objection if objection is None else objection in (removal.objection or "")
        assert removal.goes == (objection is None)
        if objection is None:
            assert removal.confidence == "high"


def test_code_that_cannot_be_planned_lowers_the_confidence(snapshot: Snapshot) -> None:
    text = "SELECT job.id FROM job WHERE job.note = $1 AND no_such_function(job.id)"
    source = Source(queries=(query(text, Place("shop/views.py", 31)),))
    removal = by_name(advice(replace(snapshot, source=source)))["idle_note"]
    witness = next(w for w in removal.witnesses if w.name == "code")
    assert not witness.looked
    assert "1 of them was not planned" in witness.text
    assert removal.confidence == "medium"


def test_an_advised_index_takes_over_from_an_old_one(snapshot: Snapshot) -> None:
    text = "select cost, ran from job where person_id = $1 order by ran desc limit 5"
    found = advice(snapshot, (text,), count=1)
    assert [row.replaces for row in found.indexes] == [("only_key",)]
    removal = by_name(found)["only_key"]
    assert removal.answered_by == found.indexes[0].index.name
    assert removal.goes, "the new one leads with the key of the foreign key"


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_tells_of_it(snapshot: Snapshot, found: Advice, format_: str) -> None:
    text = render(found, snapshot, (), "15", format_)
    assert "DROP INDEX CONCURRENTLY" in text
    assert "queue_two" in text
    assert format_ != "sql" or all(line.startswith(("--", "CREATE INDEX")) for line in text.splitlines())


def test_a_hostile_name_does_not_end_the_comment(snapshot: Snapshot, found: Advice) -> None:
    (first, *_) = (removal for removal in found.removals if removal.goes)
    drop = replace(first.drop, name="x\nDROP TABLE job; --", definition="CREATE INDEX x\nDROP TABLE job")
    hostile = replace(found, removals=(replace(first, drop=drop),))
    assert not any(line.startswith("DROP") for line in render(hostile, snapshot, (), "15", "sql").splitlines())


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ("(a > 5)", "(a > 3)", True),
        ("(a >= 5)", "(a > 5)", False),
        ("(a = 5)", "(a > 3)", True),
        ("(s = 'x'::text)", "(s IS NOT NULL)", True),
        ("(s IS NULL)", "(s IS NOT NULL)", False),
        ("(s = 'a'::text)", "(s = ANY (ARRAY['a'::text, 'b'::text]))", True),
        ("(s = ANY (ARRAY['a'::text, 'c'::text]))", "(s = ANY (ARRAY['a'::text, 'b'::text]))", False),
        ("((a = 1) AND (NOT d))", "(NOT d)", True),
        ("(NOT d)", "((a = 1) AND (NOT d))", False),
        ("(a = 1)", "((a = 1) OR (b = 2))", False),
        ("(s = 'a'::text)", "(s <> 'b'::text)", True),
        ("(s = '1'::text)", "(s <> '1.0'::text)", True),
        ("(a = 1)", "(a <> 1.0)", False),
        ("(lower(s) = 'a'::text)", "(s = 'a'::text)", False),
        ("(a = 1)", None, True),
        (None, "(a = 1)", False),
        ("(a ~~ '%x'::text)", "(random() > 1)", False),
        ("(f(a) = f(b))", "(f(a) = f(c))", False),
    ],
)
def test_conditions_that_follow(narrow: str | None, wide: str | None, expected: Any) -> None:
    assert implies(narrow, wide) is expected
