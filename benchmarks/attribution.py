"""How much of the specimens' database time is led back to lines, and to the right ones.

    .venv/bin/python benchmarks/attribution.py [SPECIMEN …] [--scale 0.02] [--requests 300] [--verbose]

Each specimen is loaded on a private server and its workload is run once under the recorders of ``benchmarks/reader``, which write down
each statement with the line of the application that issued it, or the class or template line that a library issued it for.
``pg_stat_statements`` counts the time. A statement's time is *attributed* when dbwright names lines for it, and *right* in the share of
those lines that were recorded to issue it; ``any`` counts it whole when at least one of the lines is such a one. A workload does not
visit all lines, so the truth lies between the two.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dbwright.acquire import Request, acquire
from dbwright.embedded import EmbeddedServer
from dbwright.model.attribution import StatementOrigin
from dbwright.source.attribution import form_of
from dbwright.source.sql import CannotTakeApart, take_apart

SPECIMENS = Path(__file__).parent.parent / "specimens"
READER = Path(__file__).parent / "reader"
SETTINGS = {"DB_HOST": "host", "DB_PORT": "port", "DB_NAME": "dbname", "DB_USER": "user", "PGPASSFILE": "passfile"}
SETTINGS_MODULE = re.compile(r"DJANGO_SETTINGS_MODULE\W+([\w.]+)")
Span = tuple[str, int, int]
RUNNER = re.compile(r"(run_workload|workload)\.py$")


class Specimen:
    """A specimen on a database: the commands of its ``specimen.toml``, else those of a Django project in ``backend``."""

    def __init__(self, name: str, address: str, scale: str, requests: str) -> None:
        self.root = SPECIMENS / name
        description = self.root / "specimen.toml"
        values = tomllib.loads(description.read_text()) if description.exists() else {}
        self.folder = self.root / values.get("folder", "backend")
        commands = values.get("commands", {})
        self.address = address
        self.steps: list[list[str]] = commands.get("migrate", [["python", "manage.py", "migrate", "--verbosity", "0"]])
        load = commands.get("load", [["python", "manage.py", "load_specimen", "--scale", ""]])[0]
        self.steps = [*self.steps, [*load[:-1], scale]]
        workload = commands.get("workload", [["python", "manage.py", "run_workload"]])[0]
        self.workload = [*workload[1:3], "--requests", requests, "--seed", "1"]

    def environment(self) -> dict[str, str]:
        parts = conninfo_to_dict(self.address)
        ours = {name: str(parts[part]) for name, part in SETTINGS.items() if parts.get(part) is not None}
        socket = quote(str(parts["host"]), safe="")
        ours["DATABASE_URL"] = f"postgresql://{parts['user']}@/{parts['dbname']}?host={socket}&port={parts['port']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "DB_", "PG"))}
        manage = self.folder / "manage.py"
        if manage.exists():
            ours["DJANGO_SETTINGS_MODULE"] = SETTINGS_MODULE.findall(manage.read_text())[0]
        return kept | ours

    def run(self, words: Iterable[str]) -> None:
        command = [sys.executable, *words]
        subprocess.run(command, cwd=self.folder, env=self.environment(), check=True, stdout=subprocess.DEVNULL)

    def record(self, out: Path) -> None:
        """Runs the workload; every statement with its lines goes to ``out``."""
        if self.workload[0] == "-m":
            package = self.folder / self.workload[1].partition(".")[0]
            script = [str(READER / "record_sqlalchemy.py"), "--package", str(package), "--out", str(out), "module"]
        else:
            script = [str(READER / "record_django.py"), "--package", str(self.folder), "--out", str(out), "--command"]
        self.run([*script, *self.workload[1:]])


class Truth:
    """The places that issued each statement, as spans of lines, by fingerprint and by structure."""

    def __init__(self, path: Path, root: Path, schema: dict[str, frozenset[str]]) -> None:
        self.root = root
        self.spans: defaultdict[object, set[Span]] = defaultdict(set)
        for text in path.read_text().splitlines():
            row = json.loads(text)
            try:
                query = take_apart(row["sql"].replace("%s", "$1"), schema)
            except CannotTakeApart:
                continue
            for span in self.spans_of(row):
                self.spans[query.fingerprint].add(span)
                self.spans[form_of(query).key].add(span)

    def spans_of(self, row: dict[str, Any]) -> Iterator[Span]:
        """The statement around the innermost line, unless the workload itself stands there; the owners' classes and template lines."""
        place = row["stack"][0]
        if not RUNNER.search(place["file"]):
            yield (place["file"], *statement(self.root / place["file"], place["line"]))
        for owner in row["owners"]:
            file, colon, line = owner.rpartition(":")
            if colon:
                yield (file, int(line), int(line))
            else:
                yield from classes(self.root).get(owner, ())

    def of(self, origin: StatementOrigin) -> set[Span]:
        if origin.query is None:
            return set()
        return self.spans.get(origin.query.fingerprint) or self.spans.get(form_of(origin.query).key, set())


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def statement(path: Path, line: int) -> tuple[int, int]:
    """First and last line of the innermost simple statement at a line; else the line itself."""
    found = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.stmt) and not hasattr(node, "body") and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return min(found, key=lambda span: span[1] - span[0], default=(line, line))


@cache
def classes(root: Path) -> dict[str, list[Span]]:
    """The classes of a project by module and name; a module's name begins somewhere below the root."""
    found: defaultdict[str, list[Span]] = defaultdict(list)
    for path in root.rglob("*.py"):
        file = path.relative_to(root)
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef):
                for start in range(len(file.parts)):
                    module = ".".join(file.with_suffix("").parts[start:])
                    found[f"{module}.{node.name}"].append((str(file), node.lineno, node.end_lineno or node.lineno))
    return found


def measure(name: str, server: EmbeddedServer, options: argparse.Namespace) -> None:
    specimen = Specimen(name, server.create_database(f"attribution_{name}"), options.scale, options.requests)
    for step in specimen.steps:
        specimen.run(step[1:])
    with psycopg.connect(specimen.address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset()")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "recorded.jsonl")
        specimen.record(out)
        snapshot = acquire(Request(specimen.root, (specimen.address,)), os.environ)
        schema = {t.name: frozenset(c.name for c in t.columns) for t in snapshot.source.tables}
        truth = Truth(out, specimen.root, schema)
    texts = {row.query_id: " ".join(row.query.split()) for row in snapshot.workload.statements}
    statements = [origin for origin in snapshot.attribution.statements if truth.of(origin)]
    total = sum(origin.milliseconds for origin in statements)
    attributed = right = any_right = 0.0
    for origin in statements:
        spans = truth.of(origin)
        lines = {(place.file, place.line) for place in origin.issued}
        hits = sum(any(file == f and a <= line <= b for f, a, b in spans) for file, line in lines)
        attributed += origin.milliseconds if lines else 0
        right += origin.milliseconds * hits / len(lines) if lines else 0
        any_right += origin.milliseconds if hits else 0
        if options.verbose and hits < max(len(lines), 1):
            print(f"  {origin.milliseconds / total:6.1%} {origin.match or '-':12} {texts[origin.query_id][:150]}")
            print(f"         said {sorted(lines)[:6] or origin.reason}; recorded {sorted(spans)[:6]}")
    unknown = sum(o.milliseconds for o in snapshot.attribution.statements) - total
    print(
        f"{name:12} {len(statements):4} statements {total / 1000:8.2f} s (and {unknown / 1000:.2f} s of others): "
        f"attributed {attributed / total:6.1%}, right {right / total:6.1%}, any {any_right / total:6.1%}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specimens", nargs="*", default=sorted(p.name for p in SPECIMENS.iterdir() if p.is_dir()))
    parser.add_argument("--scale", default="0.02")
    parser.add_argument("--requests", default="300")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with EmbeddedServer.start(settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        for name in options.specimens:
            measure(name, server, options)


if __name__ == "__main__":
    main()
