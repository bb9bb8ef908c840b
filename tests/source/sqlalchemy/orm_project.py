"""A small project on SQLAlchemy: what is read of it, and what SQLAlchemy itself says and sends when it really runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from dbwright import source
from dbwright.model.source import Source, SourceQuery, SourceTable

sys.path.insert(0, str(Path(__file__).parents[3]))
from benchmarks.reader.compare import compare
from benchmarks.reader.queries import none_numbers, read_as

ORACLE = Path(source.__file__).parent / "oracle" / "sqlalchemy_registry.py"

RUNNER = """\
import importlib, json, sys
from dbwright.source.sqlalchemy.runtime import Recorder
sys.path.insert(0, sys.argv[1])
module, _, name = sys.argv[2].partition(":")
recorder = Recorder()
function = getattr(importlib.import_module(module), name)
with recorder.recording() as sent:
    function(recorder.session(), *json.loads(sys.argv[3]))
print(json.dumps([sql for sql, _ in sent]))
"""


def written(root: Path, files: dict[str, str]) -> Path:
    """A project with these files in a package ``shop``."""
    for name, text in {"shop/__init__.py": "", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def read(root: Path) -> Source:
    return source.read(root, strict=True)


def registry(root: Path, *modules: str) -> dict[str, dict[str, Any]]:
    """The tables as SQLAlchemy's own metadata has them, by name: the project is imported in a process of its own."""
    done = subprocess.run([sys.executable, ORACLE, *modules], cwd=root, capture_output=True, text=True, check=True)
    return {table["name"]: table for table in json.loads(done.stdout)["tables"]}


def sent(root: Path, function: str, *arguments: Any) -> list[str]:
    """The statements that a function of the project really sends, called with a session and these arguments."""
    command = [sys.executable, "-c", RUNNER, str(root), function, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def as_rows(table: SourceTable) -> dict[str, Any]:
    """What the two views of a table have in common, in one form."""
    return {
        "schema": table.schema,
        "columns": [(c.name, c.field, c.type, c.not_null, c.primary_key, c.has_default) for c in table.columns],
        "references": {c.name: (c.references.table, c.references.column) for c in table.columns if c.references},
        "indexes": sorted((str(i.name), i.columns, i.unique, i.method, i.condition) for i in table.indexes),
        "constraints": sorted((c.kind, str(c.name), c.columns, str(c.condition)) for c in table.constraints),
    }


def truth_rows(table: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "field", "type", "not_null", "primary_key", "has_default")
    return {
        "schema": table["schema"],
        "columns": [tuple(c[key] for key in keys) for c in table["columns"]],
        "references": {
            c["name"]: (c["references"]["table"], c["references"]["column"])
            for c in table["columns"]
            if c["references"]
        },
        "indexes": sorted(
            (str(i["name"]), tuple(i["columns"]), i["unique"], i["method"], i["condition"]) for i in table["indexes"]
        ),
        "constraints": sorted(
            (c["kind"], str(c["name"]), tuple(c["columns"]), str(c["condition"])) for c in table["constraints"]
        ),
    }


def queries(root: Path, file: str = "shop/code.py") -> list[SourceQuery]:
    return [query for query in read(root).queries if query.issued.file == file]


def same(issued: list[str], found: list[SourceQuery]) -> bool:
    """Whether what is read has every statement that is really sent, as the parse tree tells."""
    read = [(query.sql, none_numbers(query), query.optional) for query in found if query.sql is not None]
    return all(any(compare(one, text).equal for each in read for text in read_as(*each, one)) for one in issued)
