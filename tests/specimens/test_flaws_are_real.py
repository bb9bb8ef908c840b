"""What the files of chapters and daylog say is measured here, not believed: on a loaded PostgreSQL."""

import json
from collections.abc import Iterator

import expectations
import pytest
from test_specimens_run import Running, described

from dbwright.embedded import EmbeddedServer

# Views that send one statement again for every row. All others send as many whatever the number of rows.
ROW_BY_ROW = {
    "chapters": """
        absences attendance-sheet chapter-comparison meeting-board member-compare member-directory member-import member-list
        member-wall referrals-received report-archive report-build report-close roster-summary sheet-chapters
        sheet-deliveries sheet-people sheet-region sheet-statements top-chapters
    """,
    "daylog": "comment-notices entries-export entries-page tag-use timeline",
}
WORKLOADS = {"chapters": "bni.management.commands.run_workload", "daylog": "core.management.commands.run_workload"}

# Asks every view three times and prints how often it repeated a statement at most.
COUNT = """
import collections, importlib, json, random
from django.db import connection
workload = importlib.import_module({module!r})
site, rng, repeats = workload.Site.look(), random.Random(3), {{}}
if hasattr(site, "writers"):
    clients = {{user.pk: workload.Command.client(user) for user in site.writers}}
    people = workload.People(site, rng, clients, workload.Command.client(workload.Command.operator()))
else:
    people = workload.People(site, rng, workload.Command.client())
for view, arguments in sorted(workload.own_views().items()):
    for _ in range(3):
        sent = collections.Counter()
        def count(execute, sql, parameters, many, context):
            sent[sql] += 1
            return execute(sql, parameters, many, context)
        with connection.execute_wrapper(count):
            people.ask(view, arguments)
        repeats[view] = max(repeats.get(view, 0), *sent.values())
assert not people.errors, people.errors
print(json.dumps(repeats))
"""


@pytest.fixture(scope="module", params=sorted(ROW_BY_ROW))
def loaded(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[Running]:
    folder, commands = described(request.param)
    shell = [
        "python",
        "manage.py",
        "shell",
        "--verbosity",
        "0",
        "--command",
        COUNT.format(module=WORKLOADS[request.param]),
    ]
    database = f"flaws_{request.param}"
    running = Running(request.param, folder, {**commands, "count": [shell]}, server.create_database(database))
    running.run("migrate")
    running.run("load")
    yield running
    server.drop_database(database)


def test_views_repeat_statements_where_the_file_says_so_and_nowhere_else(loaded: Running) -> None:
    repeats = json.loads(loaded.run("count"))
    assert {view for view, times in repeats.items() if times > 2} == set(ROW_BY_ROW[loaded.name].split()), repeats


def leading_columns(loaded: Running, table: str) -> list[tuple[list[str], bool, bool]]:
    """The columns of each index, whether it is unique, whether it is partial."""
    return loaded.rows(
        """
        SELECT (SELECT array_agg(attname::text ORDER BY place) FROM unnest(indkey[0:indnkeyatts - 1]) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute ON attrelid = indrelid AND attnum = number), indisunique, indpred IS NOT NULL
        FROM pg_index WHERE indrelid = %s::regclass
        """,
        table,
    )


def checks_of(loaded: Running, table: str) -> list[list[str]]:
    """The columns of each check constraint that the models declare; those of Django's positive integers are left out."""
    return [
        columns
        for columns, definition in loaded.rows(
            """
            SELECT (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)),
                   pg_get_constraintdef(oid)
            FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass
            """,
            table,
        )
        if not definition.endswith(">= 0))")
    ]


def test_what_is_said_to_be_missing_is_missing(loaded: Running) -> None:
    found = 0
    for entry in expectations.read(loaded.name).find:
        if "columns" not in entry:
            continue
        table, columns = entry["table"], entry["columns"]
        whole = [(names, unique) for names, unique, partial in leading_columns(loaded, table) if not partial]
        if entry["area"] == "missing index":
            assert columns not in [names[: len(columns)] for names, _ in whole], entry["key"]
        elif entry["area"] == "missing unique constraint":
            assert set(columns) not in [set(names) for names, unique in whole if unique], entry["key"]
        elif entry["area"] == "missing check constraint":
            assert columns not in checks_of(loaded, table), entry["key"]
        else:
            continue
        found += 1
    assert found >= 9


def test_what_is_said_to_be_right_is_there(loaded: Running) -> None:
    found = 0
    for entry in expectations.read(loaded.name).right:
        if entry["area"] == "foreign key without index":
            indexes = leading_columns(loaded, entry["table"])
            assert entry["columns"] in [names[: len(entry["columns"])] for names, _, _ in indexes], entry["key"]
        elif entry["area"] == "missing check constraint":
            assert entry["columns"] in checks_of(loaded, entry["table"]), entry["key"]
        else:
            continue
        found += 1
    assert found >= 3


def test_grants_compression_and_policies_are_as_said(loaded: Running) -> None:
    everybody = loaded.rows(
        """
        SELECT DISTINCT relname::text FROM pg_class, aclexplode(relacl) a
        WHERE relnamespace = 'public'::regnamespace AND a.grantee = 0 AND a.privilege_type = 'UPDATE' ORDER BY 1
        """
    )
    if loaded.name == "chapters":
        assert everybody == [("members_member",), ("members_officerterm",), ("members_payment",)]
        return
    assert everybody == []
    assert loaded.rows("SELECT count(*) FROM pg_class WHERE relrowsecurity") == [(0,)]
    methods = "SELECT DISTINCT pg_column_compression(content) FROM journal_journalentry"
    assert loaded.rows(f"{methods} WHERE pg_column_compression(content) IS NOT NULL") == [("pglz",)]
