"""The queries of TPC-H and TPC-DS as PostgreSQL takes them, one SELECT a file, from the kits' own generators.

    python benchmarks/advisor/queries.py TPCH_KIT TPCDS_KIT FOLDER

TPC-H with its default parameters, without 2, 17 and 20. TPC-DS in the dialect netezza with the parameters of its qualification run, without
those nine that take too long without indexes; of the four that are two statements, the first.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TPCH_LEFT_OUT = {2, 17, 20}
TPCDS_LEFT_OUT = {4, 6, 9, 10, 11, 32, 35, 41, 95}


def main() -> None:
    tpch_kit, tpcds_kit, folder = map(Path, sys.argv[1:])
    for name, queries in (("tpch", tpch(tpch_kit.resolve())), ("tpcds", tpcds(tpcds_kit.resolve()))):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, text in queries.items():
            (folder / name / f"q{number:02}.sql").write_text(text + "\n")
        print(f"{name}: {len(queries)} queries")


def tpch(kit: Path) -> dict[int, str]:
    run = subprocess.run(
        ["./qgen", "-c", "-d", "-s", "1"],
        cwd=kit / "dbgen",
        env={**os.environ, "DSS_QUERY": "queries"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    parts = re.split(r"Query \(Q(\d+)\)\n", run.stdout)[1:]
    queries = {int(number): text for number, text in zip(parts[::2], parts[1::2], strict=True)}
    return {number: _tpch_query(text) for number, text in queries.items() if number not in TPCH_LEFT_OUT}


def _tpch_query(text: str) -> str:
    text = _one_statement_limit(_without_comments(text.replace("\t", " ").replace("day (3)", "day")))
    view = re.search(r"create view (\w+) (\([^)]*\)) as\s*(.*?);(.*?)drop view", text, re.DOTALL)
    if view:
        name, columns, inner, outer = view.groups()
        text = f"with {name} {columns} as ({inner.strip()})\n{outer.strip()}"
    return _with_aliases(text).strip().rstrip(";").strip()


def tpcds(kit: Path) -> dict[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        options = (
            "-DIRECTORY ../query_templates -INPUT ../query_templates/templates.lst -DIALECT netezza -QUALIFY Y -SCALE 1"
        )
        subprocess.run(["./dsqgen", *options.split(), "-OUTPUT_DIR", folder], cwd=kit / "tools", check=True)
        text = (Path(folder) / "query_0.sql").read_text()
    parts = re.split(r"-- start query \d+ in stream \d+ using template query(\d+)\.tpl\n", text)[1:]
    queries = {int(number): text for number, text in zip(parts[::2], parts[1::2], strict=True)}
    return {number: _tpcds_query(text) for number, text in queries.items() if number not in TPCDS_LEFT_OUT}


def _tpcds_query(text: str) -> str:
    text = _one_statement_limit(_without_comments(text)).replace(") returns", ") as returns")
    text = re.sub(r" (\d+) days\)", r" interval '\1 days')", text)
    level = re.search(r"(grouping\(.*\)\+grouping\(.*\)) as lochierarchy", text)
    if level:  # PostgreSQL does not know a column's new name inside an expression of ORDER BY
        text = text.replace("case when lochierarchy = 0", f"case when {level[1]} = 0")
    return _with_aliases(text.strip().partition(";")[0]).strip()


def _without_comments(text: str) -> str:
    return re.sub(r"--.*", "", text)


def _one_statement_limit(text: str) -> str:
    return text.replace(";\nlimit -1", ";").replace(";\nlimit ", " limit ").replace("limit -1", "")


def _with_aliases(text: str) -> str:
    """With a name for each subquery in FROM that has none, which PostgreSQL 15 still wants."""
    ends = []
    for opening in re.finditer(r"(from|,)\s*\(", text, re.IGNORECASE):
        depth, end = 1, opening.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if re.match(r"\s*($|[),;]|(limit|group|order|where)\b)", text[end:], re.IGNORECASE):
            ends.append(end)
    for number, end in enumerate(sorted(ends, reverse=True)):
        text = f"{text[:end]} as subquery_{number}{text[end:]}"
    return text


if __name__ == "__main__":
    main()
