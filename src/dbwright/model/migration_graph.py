"""What rules on migrations ask of their graph: which belong to a fault, what only one branch does, how things are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dbwright.model.finding import Location, ObjectRef
from dbwright.model.migrations import GraphFault, GraphProblem, MigrationFile, Migrations
from dbwright.model.snapshot import Snapshot


def faults(snapshot: Snapshot, fault: GraphFault) -> Iterator[GraphProblem]:
    """The faults of one kind."""
    return (problem for problem in snapshot.source.migrations.problems if problem.fault == fault)


def group_name(framework: str, group: str) -> str:
    """A history as people call it: the application, or the folder of scripts."""
    return group if framework == "django" else f"the Alembic scripts in {group or 'the project'}"


def migration_ref(group: str, name: str) -> ObjectRef:
    """A migration as findings name it."""
    return ObjectRef("migration", f"{group}.{name}")


def locations_of(problem: GraphProblem) -> tuple[Location, ...]:
    """The files of a fault, that of its message first where it stands alone."""
    places = problem.places or (problem.place,)
    return tuple(dict.fromkeys(Location(place.file, max(place.line, 1)) for place in places if place.file))


def changed_twice(migrations: Migrations, group: str, heads: Iterable[str]) -> tuple[str, ...]:
    """What several branches change each for themselves: ``shop_order.status``. A merge alone leaves it as the last one makes it."""
    by_name = {file.name: file for file in migrations.files if file.group == group}
    lines = [_ancestors(by_name, head) for head in heads]
    common = set.intersection(*lines) if lines else set()
    touched = [_touched(by_name[name] for name in line - common if name in by_name) for line in lines]
    counts: dict[str, int] = {}
    for one in touched:
        for thing in one:
            counts[thing] = counts.get(thing, 0) + 1
    return tuple(sorted(thing for thing, count in counts.items() if count > 1))


def _ancestors(by_name: dict[str, MigrationFile], head: str) -> set[str]:
    found: set[str] = set()
    waiting = [head]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += by_name[name].parents if name in by_name else ()
    return found


def _touched(files: Iterable[MigrationFile]) -> set[str]:
    return {
        f"{o.table}.{o.name}" for file in files for o in file.operations if o.table and o.name and o.part == "column"
    }
