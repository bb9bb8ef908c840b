"""Whether the adviser's candidates hold every index that a rival chose: else its proof would be over a smaller choice than theirs.

    python benchmarks/advisor/containment.py --snapshot tpch1.json --queries QUERIES/tpch --indexes rivals/tpch/*.sql

Each file holds CREATE INDEX statements, one on a line. An index is told as one of: a candidate; one that exists or that a unique index
gives; one on a tiny table (the adviser makes none; what they save together is told); ``unused``: with all rivals' indexes in place, no plan
of the workload uses it, so that no choice is better for it; ``outdone``: wherever a plan uses it, a candidate in its place costs no more
and takes no more bytes; or missing. Exit code 1 when any is missing: `frontier.py --consider` says what these would change.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from dbwright import snapshots
from dbwright.advise.candidates import TINY_PAGES, Candidates, candidates
from dbwright.advise.existing import answers_for
from dbwright.advise.sizing import definition_of, supposed
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.index_use import create_like
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom, PlanFailed, Session

Form = tuple[str, str, tuple[IndexKey, ...]]


def form(index: CreateIndex) -> Form:
    return index.schema, index.table, index.keys


def chosen(paths: list[Path], snapshot: Snapshot) -> dict[Form, tuple[CreateIndex, list[str]]]:
    """The rivals' indexes, each once, with the names of the sets that hold it."""
    found: dict[Form, tuple[CreateIndex, list[str]]] = {}
    for path in paths:
        for line in path.read_text().splitlines():
            text = line.split("--")[0].strip().rstrip(";")
            if text:
                index = definition_of(snapshot, text)
                found.setdefault(form(index), (index, []))[1].append(path.stem)
    return found


def exists(snapshot: Snapshot, index: CreateIndex) -> bool:
    table = snapshot.catalog.table_by_name[index.schema, index.table]
    own = snapshot.catalog.indexes_of(table)
    if any(
        answers_for(create_like(table, i, "", unique=False), i)
        and i.columns[: len(index.keys)] == tuple(k.column for k in index.keys)
        for i in own
    ):
        return True
    # With all columns of a unique index fixed there is one row.
    return any(i.is_unique and set(i.columns) <= {k.column for k in index.keys[: len(i.columns)]} for i in own)


def uses(
    session: Session, snapshot: Snapshot, statements: list[WorkloadStatement], indexes: list[CreateIndex]
) -> dict[int, set[int]]:
    """Which statements use each of these, all of them in place, and with all but those that were used."""
    definitions = [replace(index, name=f"rival{n}") for n, index in enumerate(indexes)]
    with_sizes = supposed(session, snapshot, definitions)
    found: defaultdict[int, set[int]] = defaultdict(set)
    with session.what_if(with_sizes) as what_if:
        for number, statement in enumerate(statements):
            left = set(range(len(indexes)))
            for _ in range(8):
                what_if.switch(left)
                try:
                    _, used = what_if.plan(statement.sql)
                except PlanFailed:
                    break
                for one in used:
                    found[one].add(number)
                if not used:
                    break
                left -= used
    return found


def saves(
    session: Session, snapshot: Snapshot, statements: list[WorkloadStatement], indexes: list[CreateIndex]
) -> float:
    """What all of these together save of the workload's cost, beside nothing else."""
    before = after = 0.0
    with session.what_if(
        supposed(session, snapshot, [replace(i, name=f"tiny{n}") for n, i in enumerate(indexes)])
    ) as what_if:
        for statement in statements:
            what_if.switch(())
            before += what_if.plan(statement.sql)[0].cost
            what_if.switch(range(len(indexes)))
            after += what_if.plan(statement.sql)[0].cost
    return 1 - after / before


def _is_tiny(snapshot: Snapshot, index: CreateIndex) -> bool:
    row = snapshot.statistics.table_by_oid.get(snapshot.catalog.table_by_name[index.schema, index.table].oid)
    return row is not None and row.pages < TINY_PAGES


def outdone(
    session: Session,
    snapshot: Snapshot,
    statements: list[WorkloadStatement],
    index: CreateIndex,
    where: set[int],
    ours: Candidates,
) -> CreateIndex | None:
    """A candidate that does as well as the index wherever a plan uses it, alone, for no more bytes; of all candidates that begin alike."""
    (own,) = supposed(session, snapshot, [replace(index, name="rival")])
    alike = [
        c.index
        for c in ours.indexes
        if (c.index.schema, c.index.table) == (index.schema, index.table) and c.index.method == "btree"
    ]
    others = [one for one in supposed(session, snapshot, alike) if one.bytes <= own.bytes * 1.01]
    with session.what_if([own, *others]) as what_if:
        left = set(range(1, len(others) + 1))
        for number in sorted(where):
            what_if.switch({0})
            cost = what_if.plan(statements[number].sql)[0].cost
            for one in sorted(left):
                what_if.switch({one})
                if what_if.plan(statements[number].sql)[0].cost > cost * 1.002:
                    left.discard(one)
    return others[min(left) - 1].definition if left else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--indexes", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()
    from dbwright.workload.folder import read_folder

    snapshot = snapshots.load(arguments.snapshot)
    statements = list(read_folder(arguments.queries).statements)
    ours = candidates(statements, snapshot)
    plain = {
        form(c.index)
        for c in ours.indexes
        if c.index.method == "btree" and not c.index.include and c.index.predicate is None
    }
    rivals = chosen(arguments.indexes, snapshot)
    verdicts: Counter[str] = Counter()
    open_: list[Form] = []
    tiny: list[CreateIndex] = []
    for key, (index, _) in rivals.items():
        if key in plain:
            verdicts["candidate"] += 1
        elif exists(snapshot, index):
            verdicts["exists or given by a unique one"] += 1
        elif _is_tiny(snapshot, index):
            verdicts["on a tiny table"] += 1
            tiny.append(index)
        else:
            open_.append(key)
    missing = []
    with Phantom.of(snapshot) as phantom, phantom.session() as session:
        used = uses(session, snapshot, statements, [rivals[key][0] for key in open_])
        saved = saves(session, snapshot, statements, tiny)
        for number, key in enumerate(open_):
            index, names = rivals[key]
            where = used.get(number, set())
            by = outdone(session, snapshot, statements, index, where, ours) if where else None
            columns = ", ".join(k.column or "" for k in key[2])
            if not where:
                verdicts["unused"] += 1
            elif by is not None:
                verdicts["outdone"] += 1
                other = ", ".join(k.column or f"({k.expression})" for k in by.keys)
                more = f" include {by.include}" * bool(by.include) + f" where {by.predicate}" * bool(by.predicate)
                print(f"outdone: {key[1]} ({columns}) by ({other}){more}")
            else:
                verdicts["missing"] += 1
                missing.append(
                    f"missing: {key[1]} ({columns}) of {', '.join(names)}, used by {[statements[n].origin for n in sorted(where)]}"
                )
    print(f"{len(rivals)} different indexes in {len(arguments.indexes)} sets of rivals; {len(ours.indexes)} candidates")
    print(", ".join(f"{name}: {count}" for name, count in sorted(verdicts.items())))
    print(f"all {len(tiny)} on tiny tables together save {saved:.3%} of the workload's cost")
    print("\n".join(missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
