"""Runs in this process, with a dictionary for a journal: what is refused, retried, cleaned up, taken back."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import zoo

from dbwright.apply import engine, watch
from dbwright.apply.session import AnotherRun, Session
from dbwright.fixes.steps.step import alone
from dbwright.model import change as c
from dbwright.options import Patience
from dbwright.postgres import parse_address
from standby import standby_of

TABLE = (
    "CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t SELECT i, i, 'x' FROM generate_series(1, 500) i"
)
INDEX = c.CreateIndex("public", "t", "t_a", (c.IndexKey("a"),))


def fill(rehearsal, statements=TABLE):
    rehearsal.ask(statements)


@contextmanager
def holding(rehearsal, statement: str) -> Iterator[psycopg.Connection]:
    """A transaction of the application that is open."""
    with psycopg.connect(rehearsal.conninfo) as connection:
        connection.execute(statement.encode())
        yield connection
        connection.rollback()


@contextmanager
def for_a_while(rehearsal, statement: str, seconds: float) -> Iterator[None]:
    """The same, ending by itself."""
    ready = threading.Event()

    def hold() -> None:
        with holding(rehearsal, statement):
            ready.set()
            time.sleep(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait(10)
    yield
    thread.join()


def invalid(rehearsal) -> list[str]:
    rows = rehearsal.ask("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    return sorted(name for (name,) in rows)


def test_every_kind_of_change_is_done_and_taken_back_without_a_trace(rehearsal):
    zoo.make(rehearsal.conninfo, 2000)
    before = zoo.seen(rehearsal.conninfo)
    (database,) = rehearsal.ask("SELECT current_database()")[0]
    parts = zoo.parts(database, rehearsal.session.major)
    assert rehearsal.refused(*parts) == []
    assert {entry["state"] for entry in rehearsal.carry_out(*parts)} == {"done"}
    done = zoo.seen(rehearsal.conninfo)
    told = " ".join(zoo.difference(before, done))
    for sign in "item_store plain_label part_x item_old plain_store plain_pkey bigint fillfactor zoo_reader".split():
        assert sign in told
    assert before["rows of ledger"] != done["rows of ledger"]
    assert {entry["state"] for entry in rehearsal.take_back(*parts)} == {"done"}
    assert zoo.difference(before, zoo.seen(rehearsal.conninfo)) == []


def test_what_is_in_effect_already_is_neither_done_nor_taken_back(rehearsal):
    fill(rehearsal, TABLE + "; CREATE INDEX t_a ON t (a)")
    part = rehearsal.part(INDEX)
    assert rehearsal.refused(part) == []
    assert rehearsal.carry_out(part)[0]["state"] == "done"
    assert "0.0 done" not in rehearsal.entries
    assert rehearsal.take_back(part) == []
    assert rehearsal.ask("SELECT to_regclass('t_a') IS NOT NULL") == [(True,)]


@pytest.mark.parametrize(
    ("prepare", "operation", "said"),
    [
        ("DROP TABLE t", INDEX, "public.t is no longer there"),
        (
            "CREATE INDEX t_a ON t (b)",
            INDEX,
            "t_a is taken by another index: CREATE INDEX t_a ON public.t USING btree (b)",
        ),
        ("CREATE UNIQUE INDEX t_a ON t (a)", INDEX, "t_a is taken by another index"),
        ("CREATE VIEW t_a AS SELECT 1", INDEX, "t_a is taken by something that is no index"),
        (
            "CREATE INDEX t_b ON t (b)",
            c.DropIndex("public", "t_b", "CREATE INDEX t_b ON public.t USING btree (a)"),
            "public.t_b is another index now: CREATE INDEX t_b ON public.t USING btree (b)",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)",
            c.DropConstraint("public", "t", "k", "CHECK ((a > 5))"),
            "the constraint k on public.t is another one: CHECK ((a > 0))",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)",
            c.AddConstraint("public", "t", "k", "CHECK (a > 5)", validate=True),
            "the constraint k on public.t is another one",
        ),
        (
            "SELECT 1",
            c.ValidateConstraint("public", "t", "k", "CHECK (a > 0) NOT VALID"),
            "the constraint k on public.t is no longer",
        ),
        (
            "SELECT 1",
            c.AlterColumnType("public", "t", "a", "smallint", "bigint"),
            "public.t.a is no longer of the type smallint",
        ),
        ("ALTER TABLE t DROP COLUMN a", c.SetNotNull("public", "t", "a"), "public.t.a is no longer there"),
        (
            "ALTER TABLE t DROP CONSTRAINT t_pkey",
            c.Backfill("public", "t", "id", "a = 0", "a IS NULL"),
            "no primary or unique key on id",
        ),
        ("SELECT 1", c.CreateExtension("no_such"), "the server does not have the extension no_such"),
        ("DROP TABLE t; CREATE TABLE t (id int, a int) PARTITION BY RANGE (id)", INDEX, "public.t is partitioned"),
        (
            "DROP TABLE t; CREATE TABLE t (id int, a int) PARTITION BY RANGE (id)",
            c.AddUnique("public", "t", "t_a_key", ("a",)),
            "a unique one must hold the partition key",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT a_not_null CHECK (a > 0)",
            c.SetNotNull("public", "t", "a"),
            "the name a_not_null on public.t is taken",
        ),
    ],
)
def test_what_no_longer_fits_is_refused_before_anything_is_touched(rehearsal, prepare, operation, said):
    fill(rehearsal)
    rehearsal.ask(prepare)
    (refusal,) = rehearsal.refused(rehearsal.part(operation))
    assert said in refusal


def test_a_step_that_makes_what_a_later_one_needs_is_no_reason_to_refuse(rehearsal):
    fill(rehearsal, TABLE + "; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID")
    part = rehearsal.part(
        c.DropConstraint("public", "t", "k", "CHECK ((a > 0)) NOT VALID"),
        c.AddConstraint("public", "t", "k", "CHECK (a > -1)", validate=True),
    )
    assert rehearsal.refused(part) == []
    assert rehearsal.carry_out(part)[0]["state"] == "done"
    assert rehearsal.take_back(part)[0]["state"] == "done"
    assert rehearsal.ask("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'k'") == [
        ("CHECK ((a > 0)) NOT VALID",)
    ]


@pytest.mark.parametrize(
    ("operation", "grant"),
    [
        (INDEX, "GRANT owner_of_t TO reader_of_t, or ALTER TABLE public.t OWNER TO reader_of_t."),
        (c.Backfill("public", "t", "id", "a = 0", "a IS NULL"), "GRANT SELECT, UPDATE ON public.t TO reader_of_t."),
        (c.SetServerParameter("work_mem", None, "8MB"), "ALTER SYSTEM needs a superuser"),
        (c.AlterRole("owner_of_t", "LOGIN", "NOLOGIN"), "ALTER ROLE owner_of_t needs a superuser"),
        (c.Maintain("public", "t", vacuum=True), "GRANT owner_of_t TO reader_of_t"),
        (c.Verbatim("ALTER TABLE public.t ENABLE ROW LEVEL SECURITY", None), "GRANT owner_of_t TO reader_of_t"),
    ],
)
def test_a_missing_privilege_is_refused_with_the_grant_that_gives_it(rehearsal, operation, grant):
    fill(rehearsal)
    rehearsal.ask("CREATE ROLE owner_of_t; CREATE ROLE reader_of_t LOGIN; ALTER TABLE t OWNER TO owner_of_t")
    rehearsal.ask("ALTER ROLE reader_of_t PASSWORD 'x'")
    rehearsal.session.connection.execute("SET SESSION AUTHORIZATION reader_of_t")
    found = rehearsal.refused(rehearsal.part(operation))
    assert any(grant in refusal for refusal in found), found
    rehearsal.session.close()
    rehearsal.ask("DROP OWNED BY owner_of_t; DROP OWNED BY reader_of_t")


def test_a_unique_index_over_duplicates_leaves_nothing_and_the_other_changes_stay(rehearsal):
    fill(rehearsal, TABLE + "; UPDATE t SET a = 1 WHERE id < 3; CREATE TABLE other (x int)")
    twice = c.CreateIndex("public", "t", "t_twice", (c.IndexKey("a"),), unique=True)
    first = c.SetDefault("public", "t", "b", None, "'y'")
    one, two, three = rehearsal.carry_out(
        rehearsal.part(c.CreateIndex("public", "t", "t_b", (c.IndexKey("b"),))),
        rehearsal.part(first, twice),
        rehearsal.part(c.SetStorageParameter("public", "other", "fillfactor", None, "70")),
    )
    assert [entry["state"] for entry in (one, two, three)] == ["done", "taken back", "done"]
    assert two["problems"] == ['could not create unique index "t_twice"']
    assert invalid(rehearsal) == []
    assert rehearsal.ask("SELECT to_regclass('t_twice'), to_regclass('t_b')::text") == [(None, "t_b")]
    assert rehearsal.ask("SELECT count(*) FROM pg_attrdef WHERE adrelid = 't'::regclass") == [(0,)]


def test_values_of_rows_are_not_in_what_is_recorded(rehearsal):
    fill(rehearsal, TABLE + "; UPDATE t SET b = 'jane@example.org'")
    rehearsal.carry_out(rehearsal.part(c.CreateIndex("public", "t", "t_b", (c.IndexKey("b"),), unique=True)))
    assert "jane" not in repr(rehearsal.entries)


def test_only_our_own_invalid_indexes_are_dropped(rehearsal):
    """One that was there before, of another name or even of this one, is not what our build left."""
    fill(rehearsal, TABLE + "; UPDATE t SET a = 1")
    with psycopg.connect(rehearsal.conninfo, autocommit=True) as connection:
        for name in ("theirs", "t_a_ccnew"):
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON t (a)".encode())
    assert invalid(rehearsal) == ["t_a_ccnew", "theirs"]
    unique = c.CreateIndex("public", "t", "t_a", (c.IndexKey("a"),), unique=True)
    assert rehearsal.carry_out(rehearsal.part(unique))[0]["state"] == "taken back"
    assert invalid(rehearsal) == ["t_a_ccnew", "theirs"]
    assert (
        rehearsal.carry_out(rehearsal.part(INDEX))[0]["state"] == "taken back"
    )  # the same journal: nothing new is done
    rehearsal.entries = {}
    assert rehearsal.carry_out(rehearsal.part(INDEX))[0]["state"] == "done"


def test_what_an_interrupted_build_left_is_dropped_and_built_again(rehearsal):
    fill(rehearsal)
    part = rehearsal.part(INDEX)
    before = rehearsal.record("0.0 before", lambda: {"against": None, "done": False, "invalid": []})
    with (
        psycopg.connect(rehearsal.conninfo, autocommit=True) as connection,
        holding(rehearsal, "UPDATE t SET b = 'z' WHERE id = 1"),
    ):
        connection.execute("SET lock_timeout = 100")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("CREATE INDEX CONCURRENTLY t_a ON t (a)")
    assert invalid(rehearsal) == ["t_a"]
    assert before["invalid"] == []
    assert rehearsal.carry_out(part)[0]["state"] == "done"
    assert invalid(rehearsal) == []
    assert "Dropping public.t_a, which an interrupted build left." in rehearsal.told


def test_a_lock_that_others_hold_is_queued_for_briefly_and_again(rehearsal, monkeypatch):
    """An application's transaction, too young to be waited for, keeps the lock; meanwhile nobody stands behind us for long."""
    monkeypatch.setattr(watch, "OLD_SECONDS", 3600)
    fill(rehearsal)
    rehearsal.door.patience = Patience(0.2, 20)
    waits: list[float] = []
    over = threading.Event()

    def write() -> None:
        with psycopg.connect(rehearsal.conninfo, autocommit=True) as connection:
            while not over.is_set():
                began = time.monotonic()
                connection.execute("UPDATE t SET b = 'y' WHERE id = 400")
                waits.append(time.monotonic() - began)
                time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    with for_a_while(rehearsal, "UPDATE t SET b = 'z' WHERE id = 1", 1.5):
        state = rehearsal.carry_out(rehearsal.part(c.SetDefault("public", "t", "b", None, "'y'")))
    over.set()
    writer.join()
    assert state[0]["state"] == "done"
    assert rehearsal.entries["0.0 done"]["tries"] > 1
    assert max(waits) < 0.2 + 0.5
    assert len(waits) > 20


def test_an_old_transaction_is_waited_for_and_named(rehearsal):
    fill(rehearsal)
    with for_a_while(rehearsal, "UPDATE t SET b = 'z' WHERE id = 1", 3.0):
        time.sleep(1.2)
        assert rehearsal.carry_out(rehearsal.part(INDEX))[0]["state"] == "done"
    (told, *_) = [line for line in rehearsal.told if line.startswith("Waiting for session")]
    assert "idle in transaction" in told
    assert "transaction open for" in told


def test_an_old_transaction_that_does_not_end_stops_the_run_which_can_go_on(rehearsal):
    fill(rehearsal)
    rehearsal.door.patience = Patience(0.2, 1.5)
    default, index = c.SetDefault("public", "t", "b", None, "'y'"), INDEX
    part = rehearsal.part(default, index)
    with holding(rehearsal, "UPDATE t SET b = 'z' WHERE id = 1"):
        rehearsal.ask("SELECT 1")
        time.sleep(1.1)
        with pytest.raises(engine.Stopped, match="does not end") as stopped:
            rehearsal.carry_out(part)
        assert "pg_terminate_backend" in stopped.value.remedy
    assert rehearsal.carry_out(part)[0]["state"] == "done"
    assert rehearsal.take_back(part)[0]["state"] == "done"


def test_a_deadlock_is_tried_again_and_nothing_is_lost(rehearsal):
    """The batch and the application change the same two rows in crossed order."""
    fill(rehearsal, TABLE + "; UPDATE t SET a = NULL")
    crossed = threading.Event()

    def cross() -> None:
        with psycopg.connect(rehearsal.conninfo) as connection:
            connection.execute("SET deadlock_timeout = '10s'")
            connection.execute("UPDATE t SET b = 'crossed' WHERE id = 400")
            crossed.set()
            time.sleep(0.5)
            connection.execute("UPDATE t SET b = 'crossed' WHERE id = 1")
            connection.commit()

    thread = threading.Thread(target=cross)
    thread.start()
    crossed.wait(10)
    part = rehearsal.part(c.Backfill("public", "t", "id", "a = id", "a IS NULL"))
    assert rehearsal.carry_out(part)[0]["state"] == "done"
    thread.join()
    assert rehearsal.entries["0.0 batches 0"]["tries"] > 1
    assert rehearsal.ask("SELECT count(*) FROM t WHERE a = id") == [(500,)]
    assert rehearsal.ask("SELECT id FROM t WHERE b = 'crossed' ORDER BY id") == [(1,), (400,)]


def test_batches_go_on_where_they_were(rehearsal, monkeypatch):
    fill(rehearsal, TABLE + "; UPDATE t SET a = NULL")
    monkeypatch.setattr(engine, "BATCHES_SECONDS", 0.0)
    monkeypatch.setattr(engine.sql, "BATCH_ROWS", 1000)
    part = rehearsal.part(c.Backfill("public", "t", "id", "a = id", "a IS NULL", "a = NULL", "a = id"))
    rehearsal.door.stop = lambda: "enough" if "0.0 batches 0" in rehearsal.entries else None
    with pytest.raises(engine.Stopped, match="enough"):
        rehearsal.carry_out(part)
    (filled,) = rehearsal.ask("SELECT count(*) FROM t WHERE a IS NOT NULL")[0]
    assert 0 < filled < 500
    rehearsal.door.stop = lambda: None
    assert rehearsal.carry_out(part)[0]["state"] == "done"
    assert rehearsal.ask("SELECT count(*) FROM t WHERE a = id") == [(500,)]
    rehearsal.take_back(part)
    assert rehearsal.ask("SELECT count(*) FROM t WHERE a IS NULL") == [(500,)]


def test_half_of_the_batches_is_taken_back(rehearsal, monkeypatch):
    fill(rehearsal, TABLE + "; UPDATE t SET a = NULL")
    monkeypatch.setattr(engine, "BATCHES_SECONDS", 0.0)
    monkeypatch.setattr(engine.sql, "BATCH_ROWS", 1000)
    part = rehearsal.part(c.Backfill("public", "t", "id", "a = id", "a IS NULL", "a = NULL", "a = id"))
    rehearsal.door.stop = lambda: "enough" if "0.0 batches 0" in rehearsal.entries else None
    with pytest.raises(engine.Stopped):
        rehearsal.carry_out(part)
    rehearsal.door.stop = lambda: None
    rehearsal.take_back(part)
    assert rehearsal.ask("SELECT count(*) FROM t WHERE a IS NULL") == [(500,)]


@pytest.mark.parametrize("undo", [True, False])
@pytest.mark.parametrize("committed", [True, False])
def test_the_fate_of_a_transaction_tells_whether_a_step_was_done(rehearsal, committed, undo):
    """The session dies between what was recorded of the open transaction and what was to be recorded of its end."""
    fill(rehearsal, "CREATE TABLE ledger (line text)")
    part = rehearsal.part(c.Verbatim("INSERT INTO public.ledger VALUES ('once')", "DELETE FROM public.ledger"))

    def dying(name, function):
        if name == "0.0 committed 0" and name not in rehearsal.entries:
            if committed:
                function()
            rehearsal.session.close()
            raise engine.Stopped("killed")
        return rehearsal.record(name, function)

    with pytest.raises(engine.Stopped):
        engine.carry_out(engine.Plan("r", "apply", "d", (part,)), rehearsal.door, dying)
    assert rehearsal.ask("SELECT count(*) FROM ledger") == [(int(committed),)]
    if undo:
        rehearsal.take_back(part)
        assert rehearsal.ask("SELECT count(*) FROM ledger") == [(0,)]
        assert ("0.back0.0 done" in rehearsal.entries) == committed
        return
    assert rehearsal.carry_out(part)[0]["state"] == "done"
    assert rehearsal.ask("SELECT count(*) FROM ledger") == [(1,)]


def test_a_session_that_is_ended_is_opened_again(rehearsal):
    fill(rehearsal)
    (pid,) = rehearsal.session.rows("SELECT pg_backend_pid()")[0]
    rehearsal.ask(f"SELECT pg_terminate_backend({pid})")
    assert rehearsal.carry_out(rehearsal.part(INDEX))[0]["state"] == "done"


def test_two_runs_never_change_one_database_together(rehearsal):
    fill(rehearsal)
    rehearsal.session.rows("SELECT 1")
    other = Session(parse_address(rehearsal.conninfo), "other", lambda _: None)
    with pytest.raises(AnotherRun, match=r"dbwright apply test \(pid \d+"):
        other.rows("SELECT 1")
    other.close()


def test_what_a_killed_process_of_ours_left_on_the_server_is_ended(rehearsal):
    """The backend goes on after its client, and holds the lock."""
    fill(rehearsal)
    rehearsal.session.rows("SELECT 1")
    told: list[str] = []
    other = Session(parse_address(rehearsal.conninfo), "next", told.append, ["older", "test"])
    assert other.rows("SELECT 1") == [(1,)]
    other.close()


def test_a_replica_that_falls_behind_is_waited_for(rehearsal, server, monkeypatch):
    monkeypatch.setattr(watch, "LAG_BYTES", 1_000_000)
    fill(rehearsal)
    with standby_of(server, "replica_1") as standby, psycopg.connect(standby.conninfo(), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        rehearsal.ask("CREATE TABLE much AS SELECT repeat('x', 100) FROM generate_series(1, 50000)")
        threading.Timer(1.5, lambda: connection.execute("SELECT pg_wal_replay_resume()")).start()
        assert rehearsal.carry_out(rehearsal.part(INDEX))[0]["state"] == "done"
    assert any(re.fullmatch(r"Waiting for replica replica_1, \d+ [kM]B behind\.", line) for line in rehearsal.told), (
        rehearsal.told
    )


def test_a_disk_that_is_nearly_full_stops_the_run_before_it_writes(rehearsal, monkeypatch):
    fill(rehearsal)
    monkeypatch.setattr(watch, "LEAST_FREE_BYTES", 10**18)
    with pytest.raises(engine.Stopped, match="are free where the server keeps its data"):
        rehearsal.carry_out(rehearsal.part(INDEX))
    assert rehearsal.ask("SELECT to_regclass('t_a')") == [(None,)]


def test_a_full_disk_is_no_reason_to_try_again(rehearsal):
    error = psycopg.errors.DiskFull("could not extend file")
    assert not engine._is_worth_another_try(error)


def test_a_run_is_known_by_its_name_in_the_server(rehearsal):
    rehearsal.session.rows("SELECT 1")
    assert rehearsal.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dbwright apply test'") == [
        (1,)
    ]


def test_autovacuum_makes_way(rehearsal, monkeypatch):
    """What it locks is locked by us more gently first, for as long as it takes it to notice."""
    fill(rehearsal)
    monkeypatch.setattr(watch, "autovacuum_works_on", lambda step, connection: True)
    assert rehearsal.carry_out(rehearsal.part(c.SetDefault("public", "t", "b", None, "'y'")))[0]["state"] == "done"


def test_every_operation_has_steps():
    operations = [
        value
        for value in vars(c).values()
        if isinstance(value, type) and value.__module__ == c.__name__ and hasattr(value, "reverse")
    ]
    known = alone.registry
    assert [o.__name__ for o in operations if o not in known and o not in (c.Operation, c.Change)] == []


@pytest.mark.parametrize("attached", [False, True])
def test_a_key_that_was_half_made_leaves_no_index_when_it_is_taken_back(rehearsal, attached):
    fill(rehearsal)
    part = rehearsal.part(c.AddUnique("public", "t", "t_a_key", ("a",)))
    build, attach = part.steps
    rehearsal.ask("; ".join(build.statements).replace("CONCURRENTLY ", ""))
    if attached:
        rehearsal.ask(attach.statements[0])
    rehearsal.record("0.0 before", lambda: {"against": None, "done": False, "invalid": []})
    rehearsal.record("0.0 done", lambda: {"state": "done"})
    rehearsal.record("0.1 before", lambda: {"against": None, "done": False, "invalid": []})
    rehearsal.take_back(part)
    assert rehearsal.ask("SELECT to_regclass('t_a_key')") == [(None,)]
