"""The tests run on SQLite and production on PostgreSQL.

## Why it matters

What the tests prove holds for another database.
SQLite ignores row locks and lengths, folds case in ASCII only, has no DISTINCT ON and other JSON operators, and checks foreign keys at
another time; errors of that kind show up in production first.

## When to ignore

When the tests that touch the database also run on PostgreSQL somewhere. Workflows that start one are seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import is_aid, locations
from dbwright.model.deployments import judged, uses_postgresql
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import databases, django, engine
from dbwright.model.snapshot import Snapshot
from dbwright.model.source_table import Place
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("CH-23",)

_TESTS = (
    'if "test" in sys.argv:\n    DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}\n'
)
_SQLITE = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}\n'
_WORKFLOW = "jobs:\n  test:\n    services:\n      db:\n        image: postgres:17\n"
_CONFTEST = "from sqlalchemy import create_engine\n\nengine = create_engine('sqlite://')\n"
BAD = (
    Sample(source=django(databases() + _TESTS)),
    Sample(source=django(databases(), {"shop/settings_test.py": _SQLITE})),
    Sample(source=engine("create_engine('postgresql://app@db/shop')", {"tests/conftest.py": _CONFTEST})),
)
GOOD = (
    Sample(source=django(databases())),
    Sample(source=django(_SQLITE + _TESTS)),
    Sample(source=django(databases() + _TESTS, {".github/workflows/ci.yml": _WORKFLOW})),
    Sample(source=django(databases(), {"shop/settings_dev.py": _SQLITE})),
    Sample(
        source=engine(
            "create_engine('postgresql://app@db/shop')",
            {"tests/conftest.py": _CONFTEST + "other = create_engine('postgresql://t@db/test')\n"},
        )
    ),
)

_DIFFERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bDISTINCT ON\b"), "DISTINCT ON"),
    (re.compile(r"\bFOR (NO KEY )?UPDATE\b|\bSKIP LOCKED\b"), "row locks"),
    (re.compile(r"@>|<@|\?\||\?&|\bjsonb_"), "JSON operators"),
    (re.compile(r"\bUPPER\([^)]*\)\s*LIKE\s*UPPER\("), "searches that fold case"),
)
_OWN = re.compile(r"\bILIKE\b|\bSIMILAR TO\b|\bLATERAL\b|::|\bDATE_TRUNC\b|\bINTERVAL\b", re.IGNORECASE)
"""In SQL that the project writes itself; the frameworks write each engine's own."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    tests = [access for access in around.accesses if access.environment == "tests"]
    on_sqlite = [access for access in tests if access.engine == "sqlite"]
    if not on_sqlite or len(on_sqlite) < len(tests) or around.hints_of("ci database"):
        return
    real = [a for framework in ("django", "sqlalchemy") for a in judged(around, framework)]
    if not any(uses_postgresql(access, around) for access in real):
        return
    differing = _differing(snapshot)
    what = (
        f" Here that concerns {listed(f'{name} ({len(found)})' for name, found in differing.items())}."
        if differing
        else ""
    )
    places = [place for found in differing.values() for place in found]
    yield Finding(
        title="The tests run on SQLite, production on PostgreSQL",
        message=f"{on_sqlite[0].place} gives the tests SQLite.{what}",
        objects=(ObjectRef("setting", "tests"),),
        impact=Impact(1 + len(places), "places", 1, 200, estimated=True),
        evidence={
            "tests": [str(a.place) for a in on_sqlite],
            **{k: sorted({str(p) for p in v})[:20] for k, v in differing.items()},
        },
        confidence="high" if len(tests) == len(on_sqlite) and not what else "medium",
        next_step=f"Run them on the PostgreSQL of production's version: take SQLite out at {on_sqlite[0].place} and start a server for "
        "the tests (a container, or dbwright's embedded one).",
        locations=locations(
            [*(p for a in on_sqlite for p in (a.condition, a.place) if p), *_first_of_each(differing)], most=60
        ),
    )


def _differing(snapshot: Snapshot) -> dict[str, list[Place]]:
    """Places whose behaviour differs between the two, by what it is about."""
    found: dict[str, dict[Place, None]] = {}
    for query in snapshot.source.queries:
        own = ((_OWN, "PostgreSQL's own syntax"),) if query.issued_by == "raw" else ()
        for pattern, name in (*_DIFFERS, *own):
            if query.sql and not is_aid(query.issued) and pattern.search(query.sql):
                found.setdefault(name, {})[query.made] = None
                found[name][query.issued] = None
    lengths = {
        Place(column.file or table.place.file, column.line): None
        for table in snapshot.source.tables
        if table.owned
        for column in table.columns
        if column.line and (column.type or "").startswith(("character varying(", "varchar("))
    }
    if lengths:
        found["lengths of text"] = lengths
    return {name: list(places) for name, places in found.items()}


def _first_of_each(differing: dict[str, list[Place]]) -> list[Place]:
    """The places in turns, so that none of the kinds is cut off."""
    kinds = list(differing.values())
    return [found[turn] for turn in range(max(map(len, kinds), default=0)) for found in kinds if turn < len(found)]
