"""What a change does is told as it is: help, harm, nothing, other answers; and nothing is left behind."""

from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest

from dbwright.audit import audit
from dbwright.embedded import EmbeddedServer
from dbwright.model.proved import Proof, ProvedStatement
from dbwright.model.workload import WorkloadStatement
from dbwright.prove import changes, measuring
from dbwright.prove.changes import NothingToProve, Proposal
from dbwright.prove.copies import CannotCopy, of_database
from dbwright.prove.measuring import Effort
from dbwright.prove.proving import ChangeDoesNotFit, NothingRuns, ServerGone, Workload, prove
from dbwright.prove.reversing import snapshot_of

QUICK = Effort(repeats=9, draws=2, seconds=3, limit_seconds=20, cold=False)
BY_STATUS = WorkloadStatement(
    "SELECT (SELECT count(*) FROM orders WHERE address = '10.0.0.0'::inet + g) FROM generate_series(1, 30) g",
    10,
    origin="by-address",
)
BY_KEY = WorkloadStatement("SELECT * FROM orders WHERE id = $1", 100, origin="by-key")


def never() -> bool:
    return False


def silent(_step: str, _share: float) -> None:
    return


def proof_of(
    shop: str,
    proposal: Proposal,
    *statements: WorkloadStatement,
    rewritten: Mapping[str, str] | None = None,
    effort: Effort = QUICK,
    interrupted: Callable[[], bool] = never,
) -> Proof:
    workload = Workload(statements, rewritten=rewritten or {})
    with of_database(shop) as copies:
        return prove(copies, proposal, workload, effort=effort, seed=1, progressed=silent, interrupted=interrupted)


def only(proof: Proof, origin: str) -> ProvedStatement:
    (row,) = [row for row in proof.statements if row.origin == origin]
    return row


def databases(server: EmbeddedServer) -> list[str]:
    with psycopg.connect(server.conninfo()) as connection:
        return [
            r[0] for r in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'dbwright_prove%'")
        ]


def test_a_change_that_helps_helps_and_one_that_does_not_concern_a_statement_is_inside_noise(
    server: EmbeddedServer, shop: str
) -> None:
    proposal = changes.of_statements(["CREATE INDEX CONCURRENTLY orders_address ON orders (address)"], "test")
    proof = proof_of(shop, proposal, BY_STATUS, BY_KEY)
    helped, other = only(proof, "by-address"), only(proof, "by-key")
    assert helped.verdict == "faster"
    assert helped.at_least
    assert helped.at_least > 2
    assert helped.plan_changed
    assert helped.answers == "same"
    assert helped.before.buffers
    assert helped.after.buffers
    assert helped.after.buffers < helped.before.buffers / 5
    assert not other.plan_changed
    assert other.answers == "same"  # its time may differ on a machine that others use
    assert other.drawn == "drawn from the statistics"
    assert other.draws == 2
    (insert,) = proof.writes
    assert insert.wal_after > insert.wal_before
    assert proof.bytes_after > proof.bytes_before
    assert proof.applied[0].seconds > 0
    assert proof.reversal
    assert proof.reversal.catalog_same
    assert not proof.reversal.plans_other
    assert not databases(server)


def test_a_change_that_makes_things_worse_is_told_so(own_shop: str) -> None:
    proposal = changes.of_statements(["DROP INDEX orders_pkey_too"], "test")
    with psycopg.connect(own_shop, autocommit=True) as connection:
        connection.execute("CREATE INDEX orders_pkey_too ON orders (note)")
    statement = WorkloadStatement(
        "SELECT (SELECT count(*) FROM orders WHERE note = 'x' || g) FROM generate_series(1, 30) g", 1, origin="by-note"
    )
    proof = proof_of(own_shop, proposal, statement)
    row = only(proof, "by-note")
    assert row.verdict == "slower"
    assert row.at_least
    assert row.at_least < 0.5
    assert proof.reversal
    assert proof.reversal.problem  # a text alone does not tell how a dropped index is made again
    assert "--undo" in proof.reversal.problem


def test_answers_that_differ_are_found(shop: str) -> None:
    statement = WorkloadStatement("SELECT id FROM orders WHERE store_id <> 3", 1, origin="q1.sql")
    lost = {"q1.sql": "SELECT id FROM orders WHERE store_id IS DISTINCT FROM 3"}  # with the NULLs
    proof = proof_of(shop, Proposal("rewritten"), statement, rewritten=lost)
    assert only(proof, "q1.sql").answers == "differ"
    assert proof.differing


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("SELECT id FROM store WHERE city IN ('city1')", "SELECT id FROM store WHERE city = 'city1'", "same"),
        ("SELECT id, city FROM store ORDER BY id", "SELECT id, city FROM store ORDER BY id DESC", "other order"),
        ("SELECT id FROM store", "SELECT id FROM store ORDER BY id DESC", "same"),
        ("SELECT id FROM store ORDER BY id LIMIT 3", "SELECT id FROM store LIMIT 3 OFFSET 1", "differ"),
        ("SELECT random()", "SELECT random()", "not comparable"),
        ("SELECT id FROM store WHERE id = 1", "SELECT id FROM store WHERE id = 1 UNION ALL SELECT 1", "differ"),
    ],
)
def test_how_answers_are_compared(shop: str, before: str, after: str, expected: str) -> None:
    effort = Effort(repeats=6, draws=1, seconds=1, cold=False)
    statement = WorkloadStatement(before, 1, origin="q.sql")
    proof = proof_of(shop, Proposal("rewritten"), statement, rewritten={"q.sql": after}, effort=effort)
    assert only(proof, "q.sql").answers == expected


def test_a_statement_written_otherwise_gets_the_same_values(shop: str) -> None:
    statement = WorkloadStatement("SELECT id FROM orders WHERE customer_id = $1 OR customer_id = $2", 1, origin="q.sql")
    right = {"q.sql": "SELECT id FROM orders WHERE customer_id IN ($2, $1)"}
    wrong = {"q.sql": "SELECT id FROM orders WHERE customer_id IN ($1)"}
    effort = Effort(repeats=6, draws=3, seconds=1, cold=False)
    row = only(proof_of(shop, Proposal("rewritten"), statement, rewritten=right, effort=effort), "q.sql")
    assert (row.answers, row.draws, row.rewritten) == ("same", 3, True)
    assert (
        only(proof_of(shop, Proposal("rewritten"), statement, rewritten=wrong, effort=effort), "q.sql").answers
        == "differ"
    )


def test_which_of_several_is_written_otherwise_is_not_guessed(shop: str) -> None:
    twins = (WorkloadStatement("SELECT 1", 1, origin="q.sql:1"), WorkloadStatement("SELECT 2", 1, origin="q.sql:1"))
    proof = proof_of(shop, Proposal("rewritten"), *twins, BY_KEY, rewritten={"q.sql:1": "SELECT 3"})
    assert [row.reason for row in proof.skipped] == ["is written otherwise, but 2 statements have that name"] * 2


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("SELECT a FROM t ORDER BY a LIMIT 10", "SELECT a FROM t ORDER BY a"),
        ("SELECT a FROM t LIMIT '10'::INTEGER OFFSET '0'::BIGINT", "SELECT a FROM t"),
        ("SELECT a FROM t OFFSET 5 LIMIT 3;", "SELECT a FROM t;"),
        ("SELECT a FROM t LIMIT 3 FOR UPDATE SKIP LOCKED", "SELECT a FROM t FOR UPDATE SKIP LOCKED"),
        ("SELECT a FROM (SELECT b FROM t LIMIT 3) AS s", None),
    ],
)
def test_the_last_limit_is_taken_off(text: str, cut: str | None) -> None:
    assert measuring._without_limit(text) == cut


def test_values_of_secret_columns_are_drawn_from_the_copy(own_shop: str) -> None:
    with psycopg.connect(own_shop, autocommit=True) as connection:
        connection.execute("ALTER TABLE customer RENAME key TO user_hash")
    statement = WorkloadStatement("SELECT id FROM customer WHERE user_hash = $1", 1, origin="q")
    row = only(proof_of(own_shop, Proposal("nothing"), statement), "q")
    assert row.drawn == "drawn from rows of the copy"
    assert row.after.rows == 1


def test_ties_at_a_limit_are_no_difference(shop: str) -> None:
    statement = WorkloadStatement("SELECT id FROM orders WHERE status = 'paid' ORDER BY status LIMIT 5", 1, origin="q")
    proposal = changes.of_statements(["CREATE INDEX orders_status_down ON orders (status, id DESC)"], "test")
    assert only(proof_of(shop, proposal, statement), "q").answers in ("same", "same rows, ties cut otherwise")


def test_findings_go_and_return(shop: str) -> None:
    report = audit(snapshot_of(shop), only=["foreign-keys/without-index"])
    assert report.findings
    proof = proof_of(shop, changes.of_findings(report, ()), BY_KEY)
    assert len(proof.findings) == sum(1 for f in report.findings if f.change)
    assert all(row.as_told for row in proof.findings)
    assert proof.writes


def test_writes_are_run_and_rolled_back(shop: str) -> None:
    statement = WorkloadStatement("UPDATE orders SET status = 'gone' WHERE customer_id = $1", 5, origin="w")
    proposal = changes.of_statements(["CREATE INDEX orders_status ON orders (status)"], "test")
    proof = proof_of(shop, proposal, statement)
    assert only(proof, "w").verdict in ("inside noise", "slower", "faster")
    update = next(row for row in proof.writes if row.what == "UPDATE of status")
    assert update.hot_before is not None
    assert update.hot_after == 0
    assert update.wal_after > update.wal_before
    with psycopg.connect(shop) as connection:
        assert connection.execute("SELECT count(*) FROM orders WHERE status = 'gone'").fetchone() == (5000,)


def test_what_does_not_run_is_told_and_the_rest_measured(shop: str) -> None:
    statements = [
        BY_KEY,
        WorkloadStatement("SELECT * FROM nowhere", 1, origin="gone"),
        WorkloadStatement("DROP TABLE line", 1, origin="drop"),
        WorkloadStatement("INSERT INTO store VALUES ($1, $2, $3)", 1, origin="insert"),
        WorkloadStatement("SELECT 1; SELECT 2", 1, origin="two"),
    ]
    proof = proof_of(shop, Proposal("nothing"), *statements)
    assert [row.origin for row in proof.statements] == ["by-key"]
    assert {row.what for row in proof.skipped} == {"gone", "drop", "insert", "two"}


def test_a_statement_that_fails_on_one_side_is_failed(shop: str) -> None:
    proposal = changes.of_statements(["ALTER TABLE orders DROP COLUMN note"], "test")
    statement = WorkloadStatement("SELECT note FROM orders WHERE id = 5", 1, origin="note")
    row = only(proof_of(shop, proposal, statement, BY_KEY), "note")
    assert row.verdict == "failed"
    assert row.after.error
    assert "note" in row.after.error


def test_an_unfit_change_and_a_workload_of_another_database_leave_nothing(server: EmbeddedServer, shop: str) -> None:
    with pytest.raises(ChangeDoesNotFit, match="nowhere"):
        proof_of(shop, changes.of_statements(["CREATE INDEX x ON nowhere (a)"], "test"), BY_KEY)
    with pytest.raises(NothingRuns, match="elsewhere"):
        proof_of(shop, Proposal("nothing"), WorkloadStatement("SELECT * FROM elsewhere", 1, origin="q"))
    assert not databases(server)


def test_a_database_in_use_is_not_copied(server: EmbeddedServer, shop: str) -> None:
    with psycopg.connect(shop), pytest.raises(CannotCopy, match="session"):
        proof_of(shop, Proposal("nothing"), BY_KEY)
    assert not databases(server)


def test_an_interruption_gives_what_was_measured_and_leaves_nothing(server: EmbeddedServer, shop: str) -> None:
    asked = iter([False, False])
    proof = proof_of(shop, Proposal("nothing"), BY_KEY, BY_STATUS, interrupted=lambda: next(asked, True), effort=QUICK)
    assert proof.interrupted
    assert len(proof.statements) <= 2
    assert not databases(server)
    with pytest.raises(KeyboardInterrupt):
        proof_of(shop, Proposal("nothing"), BY_KEY, interrupted=_broken_off)
    assert not databases(server)


def test_a_server_that_goes_away_is_one_line_and_leaves_nothing(server: EmbeddedServer, shop: str) -> None:
    def end_all() -> bool:
        with psycopg.connect(server.conninfo()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'dbwright_prove%'"
            )
        return False

    with pytest.raises(ServerGone):
        proof_of(shop, Proposal("nothing"), BY_KEY, interrupted=end_all)
    assert not databases(server)


def _broken_off() -> bool:
    raise KeyboardInterrupt


def test_settings_of_the_server_are_tried_on_the_one_database(shop: str) -> None:
    from dataclasses import replace

    from dbwright.model.change import Change, SetServerParameter
    from dbwright.model.report import Report

    report: Report = audit(snapshot_of(shop), only=["foreign-keys/without-index"])
    change = Change((SetServerParameter("work_mem", "4MB", "64MB"),))
    finding = replace(report.findings[0], change=change)
    proposal = changes.of_findings(replace(report, findings=(finding,)), ())
    proof = proof_of(shop, proposal, BY_KEY)
    assert proof.reversal
    assert proof.reversal.catalog_same
    restart = replace(finding, change=Change((SetServerParameter("shared_buffers", "1", "2", restart=True),)))
    with pytest.raises(NothingToProve, match="whole server"):
        changes.of_findings(replace(report, findings=(restart,)), ())


@pytest.mark.parametrize("text", ["", "selec 1", "-- nothing"])
def test_files_that_are_no_sql(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(NothingToProve):
        changes.of_file(tmp_path / "x.sql", None)


def test_advice_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"indexes": 3}')
    with pytest.raises(NothingToProve, match="no advice"):
        changes.of_advice(tmp_path / "x.json")
