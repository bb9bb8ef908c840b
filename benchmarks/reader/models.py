"""The static reader's tables against those of the frameworks themselves.

    READER_APPS=… python -m benchmarks.reader.models [APP …] [--details] [--own]

For each application that `oracle.sh` has asked: how many tables, columns, indexes and constraints are equal, missing in the reader's
answer, extra in it, or there but different; the percentage is equal ÷ all four. ``--own`` leaves out what installed packages define.
Exit status 1 when a figure to be reached (tables 99 %, the others 98 %) is not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.reader.compare import NotSql, Numbers, Reader, Scope, conjuncts, inner, parse

WANTED = {"tables": 99.0, "columns": 98.0, "indexes": 98.0, "constraints": 98.0}
TYPES = {
    "character varying": "varchar",
    "timestamp": "timestamp without time zone",
    "time": "time without time zone",
    "timestamptz": "timestamp with time zone",
    "float": "double precision",
    "float8": "double precision",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "int2": "smallint",
    "serial": "integer",
    "bigserial": "bigint",
    "smallserial": "smallint",
    "bool": "boolean",
    "decimal": "numeric",
    "character": "char",
}


@dataclass
class Count:
    """What became of one kind of thing."""

    equal: int = 0
    different: int = 0
    missing: int = 0
    extra: int = 0
    lines: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def percent(self) -> float:
        whole = self.equal + self.different + self.missing + self.extra
        return 100 * self.equal / whole if whole else 100.0

    def add(self, other: Count) -> None:
        self.equal += other.equal
        self.different += other.different
        self.missing += other.missing
        self.extra += other.extra
        self.lines += other.lines
        self.reasons += other.reasons


def applications() -> Path:
    return Path(os.environ.get("READER_APPS") or Path(tempfile.gettempdir(), "reader-apps"))


def type_name(text: str | None) -> str | None:
    """One spelling for a type: ``character varying(20)`` and ``VARCHAR(20)`` are ``varchar(20)``."""
    if text is None:
        return None
    text = re.sub(r"\s+", " ", re.sub(r"\s*([(),\[\]])\s*", r"\1", text.strip().strip('"')))
    match = re.fullmatch(r"([A-Za-z_0-9 ]+?)(\(.*?\))?( with(?:out)? time zone)?((?:\[\])*)", text, re.IGNORECASE)
    if match is None:
        return text
    name, length, zone, arrays = (part or "" for part in match.groups())
    name = (name + zone).lower()
    return TYPES.get(name, name) + length + arrays


def expression(text: str | None) -> Any:
    """A condition or an index's expression in canonical form; its text in lower case when the grammar refuses it."""
    if not text:
        return None
    try:
        tree = inner(parse(f"SELECT 1 WHERE {literal_marked(text)}"))
        return tuple(sorted(set(conjuncts(Reader(Numbers({})).expression(tree.where_clause, Scope()))), key=repr))
    except NotSql:
        return re.sub(r"\s+", " ", text.replace('"', "").strip("() ")).lower()


def literal_marked(text: str) -> str:
    """Constants count in a constraint; as names they survive a form in which all values are alike."""
    marked = re.sub(r"'((?:[^']|'')*)'", lambda m: f"literal_text({name_of(m.group(1))})", text)
    return re.sub(r"(?<![\w.\"$(])(\d+(?:\.\d+)?)(?![\w.\"])", lambda m: name_of(m.group(1)), marked)


def name_of(value: str) -> str:
    return '"=' + value.replace('"', "'") + '"'


def flags(values: Iterable[Any], count: int) -> tuple[bool, ...]:
    found = tuple(bool(v) for v in values or ())
    return found + (False,) * (count - len(found))


def columns_of_truth(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows = {}
    for column in table["columns"]:
        reference = column["references"]
        rows[column["name"]] = {
            "type": type_name(column["type"]),
            "not_null": column["not_null"],
            "primary_key": column["primary_key"],
            "unique": column["unique"],
            "has_default": column["has_default"],
            "field": column["field"],
            "references": reference and (reference["table"], reference["column"]),
            "on_delete": reference and (reference["framework_on_delete"] or None),
            "database_on_delete": reference and none_of(reference["on_delete"]),
        }
    return rows


def none_of(action: str | None) -> str | None:
    """``NO ACTION`` is what happens when nothing is said."""
    return None if action is None or action.lower() == "no action" else action.lower()


def columns_of_source(table: Any) -> dict[str, dict[str, Any]]:
    rows = {}
    for column in table.columns:
        reference = column.references
        rows[column.name] = {
            "type": type_name(column.type),
            "not_null": bool(column.not_null),
            "primary_key": bool(column.primary_key),
            "unique": bool(column.unique),
            "has_default": bool(column.has_default),
            "field": column.field,
            "references": reference and (reference.table, reference.column),
            "on_delete": reference and reference.on_delete,
            "database_on_delete": reference and none_of(reference.database_on_delete),
        }
    return rows


def index_of_truth(row: dict[str, Any]) -> dict[str, Any]:
    expressions = flags(row["is_expression"], len(row["columns"]))
    pairs = zip(row["columns"], expressions, strict=True)
    return {
        "columns": tuple(expression(c) if e else c for c, e in pairs),
        "unique": row["unique"],
        "method": row["method"],
        "descending": flags(row["descending"], len(row["columns"])),
        "opclasses": tuple(row["opclasses"]),
        "include": tuple(row["include"]),
        "condition": expression(row["condition"]),
        "implicit": row["implicit"],
        "name": row["name"],
    }


def index_of_source(index: Any) -> dict[str, Any]:
    expressions = flags(index.is_expression, len(index.columns))
    opclasses = tuple(o or "" for o in index.opclasses)
    return {
        "columns": tuple(expression(c) if e else c for c, e in zip(index.columns, expressions, strict=True)),
        "unique": bool(index.unique),
        "method": index.method,
        "descending": flags(index.descending, len(index.columns)),
        "opclasses": opclasses if any(opclasses) else (),
        "include": tuple(index.include),
        "condition": expression(index.condition),
        "implicit": bool(index.implicit),
        "name": index.name,
    }


def constraint_of_truth(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "columns": tuple(row["columns"]) if row["kind"] != "check" else (),
        "condition": expression(row["condition"]),
        "deferrable": bool(row["deferrable"]),
        "name": row["name"],
    }


def constraint_of_source(constraint: Any) -> dict[str, Any]:
    return {
        "kind": constraint.kind,
        "columns": tuple(constraint.columns) if constraint.kind != "check" else (),
        "condition": expression(constraint.condition),
        "deferrable": bool(constraint.deferrable),
        "name": constraint.name,
    }


def differing(truth: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The attributes that differ. A name counts when both have one: the server chooses some, a library others."""
    return [
        key
        for key, value in truth.items()
        if value != found[key] and not (key == "name" and (value is None or found[key] is None))
    ]


def paired(where: str, truth: list[dict[str, Any]], found: list[dict[str, Any]], count: Count) -> None:
    """Matches two lists of indexes or constraints: equal ones first, then those of the same name, then of the same columns."""
    ways: list[Callable[[dict[str, Any], dict[str, Any]], bool]] = [
        lambda a, b: not differing(a, b),
        lambda a, b: a["name"] is not None and a["name"] == b["name"],
        lambda a, b: (
            a["columns"] == b["columns"] and a.get("kind") == b.get("kind") and a["condition"] == b["condition"]
        ),
        lambda a, b: a["columns"] == b["columns"] and a.get("kind") == b.get("kind"),
    ]
    left, right = list(truth), list(found)
    for way in ways:
        for one in list(left):
            other = next((o for o in right if way(one, o)), None)
            if other is None:
                continue
            left.remove(one)
            right.remove(other)
            keys = differing(one, other)
            if not keys:
                count.equal += 1
                continue
            count.different += 1
            count.reasons[", ".join(keys)] += 1
            values = "; ".join(f"{k}: {one[k]!r} read as {other[k]!r}" for k in keys)
            count.lines.append(f"different {where}({', '.join(map(str, one['columns']))}): {values}")
    for word, rows in (("missing", left), ("extra", right)):
        for row in rows:
            kind = row.get("kind") or ("implicit index" if row["implicit"] else "index")
            count.reasons[f"{word} {kind}"] += 1
            count.lines.append(f"{word} {where}: { {k: v for k, v in row.items() if v} }")
    count.missing += len(left)
    count.extra += len(right)


def compare_tables(truth: list[dict[str, Any]], found: Iterable[Any]) -> dict[str, Count]:
    """The four counts of one application."""
    counts = {name: Count() for name in WANTED}
    source = {(t.schema, t.name): t for t in found}
    for table in truth:
        key = (table["schema"], table["name"])
        read = source.pop(key, None)
        where = table["name"]
        if read is None:
            counts["tables"].missing += 1
            counts["tables"].lines.append(f"missing {where} ({table['symbol']})")
            for part in ("columns", "indexes", "constraints"):
                counts[part].missing += len(table[part])
                counts[part].reasons["table missing"] += len(table[part])
            continue
        keys = []
        if read.managed != table["managed"]:
            keys.append("managed")
        if not table["auto_created"] and table["symbol"] and read.symbol != table["symbol"]:
            keys.append("symbol")
        if keys:
            counts["tables"].different += 1
            counts["tables"].reasons[", ".join(keys)] += 1
            counts["tables"].lines.append(f"different {where}: {keys}: {table['symbol']} read as {read.symbol}")
        else:
            counts["tables"].equal += 1
        compare_columns(where, columns_of_truth(table), columns_of_source(read), counts["columns"])
        indexes = [index_of_truth(i) for i in table["indexes"]]
        paired(where, indexes, [index_of_source(i) for i in read.indexes], counts["indexes"])
        constraints = [constraint_of_truth(c) for c in table["constraints"]]
        paired(where, constraints, [constraint_of_source(c) for c in read.constraints], counts["constraints"])
    for (_schema, name), read in source.items():
        counts["tables"].extra += 1
        counts["tables"].lines.append(f"extra {name} ({read.symbol}, {read.place})")
        for part in ("columns", "indexes", "constraints"):
            counts[part].extra += len(getattr(read, part))
            counts[part].reasons["table extra"] += len(getattr(read, part))
    return counts


def compare_columns(
    where: str, truth: dict[str, dict[str, Any]], found: dict[str, dict[str, Any]], count: Count
) -> None:
    for name, column in truth.items():
        other = found.get(name)
        if other is None:
            count.missing += 1
            count.reasons["missing"] += 1
            count.lines.append(f"missing {where}.{name} ({column['type']})")
            continue
        keys = differing(column, other)
        if not keys:
            count.equal += 1
            continue
        count.different += 1
        count.reasons[", ".join(keys)] += 1
        values = "; ".join(f"{k}: {column[k]!r} read as {other[k]!r}" for k in keys)
        count.lines.append(f"different {where}.{name}: {values}")
    for name in found.keys() - truth.keys():
        count.extra += 1
        count.reasons["extra"] += 1
        count.lines.append(f"extra {where}.{name}")


def only_own(app: str, truth: list[dict[str, Any]]) -> list[dict[str, Any]]:
    package = package_of(app)
    return [t for t in truth if t["file"] and Path(t["file"]).is_relative_to(package)]


def package_of(app: str) -> Path:
    """The application's package within its environment, as settings.sh names it."""
    name = {"weblate": "weblate", "label-studio": "label_studio"}.get(app, app)
    return next((applications() / app / "venv" / "lib").glob("python3.*")) / "site-packages" / name


def project_of(app: str) -> Path:
    """A project folder as its developers have it: a copy of the package, and the environment beside it as ``.venv``. Made when missing."""
    project = applications() / app / "project"
    if not project.exists():
        begun = project.with_suffix(".begun")
        shutil.rmtree(begun, ignore_errors=True)
        left_out = shutil.ignore_patterns("__pycache__", "static", "node_modules", "locale", "translations")
        shutil.copytree(package_of(app), begun / package_of(app).name, ignore=left_out)
        (begun / ".venv").symlink_to(applications() / app / "venv")
        begun.rename(project)
    return project


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("apps", nargs="*")
    parser.add_argument("--details", action="store_true", help="every difference")
    parser.add_argument("--own", action="store_true", help="only what the application itself defines")
    parser.add_argument("--root", type=Path, help="read this folder instead (with one application)")
    arguments = parser.parse_args()
    from dbwright.source import read as read_source  # here, so that the comparison alone needs no reader

    apps = arguments.apps or sorted(p.parent.name for p in applications().glob("*/oracle.json"))
    reached = True
    for app in apps:
        document = json.loads((applications() / app / "oracle.json").read_text())
        truth = document["tables"]
        began = time.perf_counter()
        read = read_source(arguments.root or project_of(app), queries=False)
        seconds = time.perf_counter() - began
        found = read.tables
        if arguments.own:
            truth = only_own(app, truth)
            names = {(t["schema"], t["name"]) for t in truth}
            found = tuple(t for t in found if t.owned or (t.schema, t.name) in names)
        counts = compare_tables(truth, found)
        print(
            f"{app} ({document['framework']} {document['version']}): {read.files} files, {read.lines} lines, {seconds:.1f} s"
        )
        for name, count in counts.items():
            reached = reached and count.percent >= WANTED[name]
            print(
                f"  {name:<12}{count.percent:6.1f} %  equal {count.equal:5}  different {count.different:4}"
                f"  missing {count.missing:4}  extra {count.extra:4}"
            )
            for reason, number in count.reasons.most_common(None if arguments.details else 6):
                print(f"      {number:5}  {reason}")
            if arguments.details:
                for line in count.lines:
                    print(f"        {line}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
