"""Rows are written one by one in a loop.

## Why it matters

Each write is a round trip, and outside a transaction a commit that waits for the disk: a thousand rows take seconds where one statement
takes milliseconds.

## When to ignore

When each write needs what `save()` or signals do beside it (`bulk_create` and `update` send none), or the loop writes a handful.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dbwright.model.asked import is_aid, is_batch, locations, model_name, rows_of
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.grouping import told_once
from dbwright.model.parents import fetched_by_line, scope_of
from dbwright.model.repeats import goes_few_times, in_job, is_remembered, only_on_failure
from dbwright.model.sample import Sample
from dbwright.model.shapes import shape_of_source
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import Place, QueryLoop, SourceQuery
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    # Turns written in the source, and rows.
    "count": 100,
    "rows": 20,
}
COVERS = ("n-plus-one-writes", "CH-10", "BP-19", "WB-08")

_MODELS = """\
from django.db import models


class Store(models.Model):
    name = models.TextField()
    rank = models.IntegerField(default=0)
    opened = models.DateTimeField(auto_now_add=True)


class Door(models.Model):
    store = models.ForeignKey(Store, models.CASCADE, related_name="doors")
    opened = models.DateTimeField(auto_now_add=True)

    def save(self, **kwargs):
        super().save(**kwargs)
        print("painted")
"""


def _module(body: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": _MODELS,
        "shop/views.py": f"from shop.models import Door, Store\n\n\n{body}\n",
    }


BAD = (
    # As many as were chosen on a page.
    Sample(
        source=_module(
            "def rank(keys):\n    for store in Store.objects.filter(pk__in=keys):\n        store.rank = 1\n        store.save()"
        )
    ),
    # A job, told with the others.
    Sample(
        source=_module(
            "from celery import shared_task\n\n\n@shared_task\ndef forget():\n"
            "    for store in Store.objects.filter(rank=0):\n        store.delete()"
        )
    ),
    # Two loops of one function, each with its own write.
    Sample(
        source=_module(
            "def tidy(names):\n    for store in Store.objects.filter(rank=0):\n        store.delete()\n    for name in names:\n"
            "        Store.objects.create(name=name)"
        )
    ),
    # By the members of what was handed in.
    Sample(
        source=_module(
            "def add(data):\n    by_key = {one['id']: one for one in data}\n    for key, one in by_key.items():\n"
            "        Store.objects.create(name=one)"
        )
    ),
    Sample(source=_module("def add(names):\n    for name in names:\n        Store.objects.create(name=name)")),
    Sample(
        source=_module(
            "def rank():\n    for store in Store.objects.all():\n        store.rank = 1\n        store.save()"
        )
    ),
    Sample(source=_module("def forget():\n    for store in Store.objects.filter(rank=0):\n        store.delete()")),
    Sample(source=_module("def add(names):\n    for name in names:\n        Store(name=name).save()")),
    Sample(
        source=_module(
            "def mark():\n    for store in Store.objects.all():\n        Store.objects.filter(pk=store.pk).update(rank=2)"
        )
    ),
    Sample(
        source=_module("def add(text):\n    return [Store.objects.get_or_create(name=n)[0] for n in text.splitlines()]")
    ),
    # The loop stands in the caller.
    Sample(
        source=_module(
            "def add(names):\n    for n in names:\n        one(n)\n\n\ndef one(n):\n    Store.objects.create(name=n)"
        )
    ),
)
GOOD = (
    # A command that somebody types.
    Sample(
        source={
            **_module("x = 1"),
            "shop/management/commands/forget.py": "from shop.models import Store\n\n\ndef run():\n"
            "    for store in Store.objects.filter(rank=0):\n        store.delete()\n",
        }
    ),
    # What must be there is made ready.
    Sample(source=_module("def add(names):\n    return [Store.objects.get_or_create(name=n)[0] for n in names]")),
    # One write at most, however many rows there are: the loop ends with it.
    Sample(
        source=_module(
            "def use(code):\n    for store in Store.objects.all():\n        if store.name == code:\n            store.rank = 1\n"
            "            store.save()\n            break"
        )
    ),
    Sample(
        source=_module(
            "def use(names):\n    for name in names:\n        try:\n            return Store.objects.create(name=name)\n"
            "        except ValueError:\n            continue"
        )
    ),
    # Only where something failed.
    Sample(
        source=_module(
            "def check(names):\n    for name in names:\n        try:\n            int(name)\n        except ValueError:\n"
            "            Store.objects.create(name=name)"
        )
    ),
    # The fields of a form, and its forms.
    Sample(
        source=_module(
            "def keep(form):\n    for name, value in form.cleaned_data.items():\n        Store.objects.create(name=name)"
        )
    ),
    Sample(source=_module("def keep(formset):\n    for form in formset:\n        Store.objects.create(name=form)")),
    # save() of the model does more, and so does who listens to it.
    Sample(source=_module("def shut():\n    for door in Door.objects.all():\n        door.save()")),
    Sample(
        source=_module(
            "from django.db.models.signals import post_save\n\n\ndef index(**kwargs):\n    print(kwargs)\n\n\n"
            "post_save.connect(index, sender=Store)\n\n\n"
            "def add(names):\n    for name in names:\n        Store.objects.create(name=name)"
        )
    ),
    # Each turn does several things.
    Sample(
        source=_module(
            "def move():\n    for store in Store.objects.all():\n        store.rank = 2\n        store.save()\n        tell(store)\n\n\n"
            "def tell(store):\n    note(store)\n\n\ndef note(store):\n    Door.objects.create(store=store)"
        )
    ),
    Sample(source=_module("def add(names):\n    Store.objects.bulk_create([Store(name=n) for n in names])")),
    Sample(source=_module("def rank():\n    Store.objects.all().update(rank=1)")),
    Sample(
        source=_module(
            "def rank():\n    stores = list(Store.objects.all())\n    for s in stores:\n        s.rank = 1\n"
            "    Store.objects.bulk_update(stores, ['rank'])"
        )
    ),
    Sample(source=_module("def add(name):\n    Store.objects.create(name=name)")),
    Sample(source=_module("def three():\n    for name in ('a', 'b', 'c'):\n        Store.objects.create(name=name)")),
    # Batches are the right way.
    Sample(
        source=_module(
            "def forget(batches):\n    for ids in batches:\n        Store.objects.filter(pk__in=ids).delete()"
        )
    ),
    Sample(
        source=_module(
            "def add(batches):\n    for names in batches:\n        Store.objects.bulk_create([Store(name=n) for n in names])"
        )
    ),
    Sample(
        source={
            **_module("x = 1"),
            "shop/management/commands/seed_stores.py": "from shop.models import Store\n\n\ndef run(names):\n"
            "    for name in names:\n        Store.objects.create(name=name)\n",
        }
    ),
)


@dataclass(frozen=True)
class _Write:
    """A write with the loop that repeats it."""

    query: SourceQuery
    loop: QueryLoop
    is_sure: bool
    """It goes round many times, not merely as often as a caller or an owner says."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    served: defaultdict[tuple[str, str], list[_Write]] = defaultdict(list)
    in_jobs: defaultdict[tuple[str, str], list[_Write]] = defaultdict(list)
    for (_, at), alike in _repeated(snapshot, limits).items():
        if all(_is_typed(snapshot, write) for write in alike):
            continue
        of_job = all(_is_of_a_job(snapshot, write.query) for write in alike)
        if of_job and not any(write.is_sure for write in alike):
            continue  # nobody waits for it, and nothing tells that it is many
        (in_jobs if of_job else served)[at.file, at.function].append(max(alike, key=lambda write: write.is_sure))
    found = [_finding(snapshot, *where, writes, limits) for where, writes in served.items()]
    yield from (finding for finding in found if finding.confidence != "low")
    unsure = [finding for finding in found if finding.confidence == "low"]
    yield from told_once(unsure, "{} functions write row by row what may be few", identity="perhaps few")
    jobs = [_finding(snapshot, *where, writes, limits, in_job=True) for where, writes in in_jobs.items()]
    yield from told_once(jobs, "{} jobs write rows one by one", identity="jobs")


def _repeated(snapshot: Snapshot, limits: Limits) -> dict[tuple[Place, Place], list[_Write]]:
    """The writes that could be collected, by their line and their loop's."""
    writes: defaultdict[tuple[Place, Place], list[_Write]] = defaultdict(list)
    for query in snapshot.source.queries:
        if not _is_single(query) or "migrations/" in query.issued.file or is_aid(query.issued):
            continue
        if only_on_failure(snapshot, (*query.calls, query.issued)) or _does_more(snapshot, query):
            continue
        for loop in _loops_near(query):
            many = _many(snapshot, query, loop, limits)
            if many:
                writes[query.issued, loop.place].append(_Write(query, loop, many == "sure"))
                break
    lines: defaultdict[Place, set[Place]] = defaultdict(set)
    for issued, at in writes:
        lines[at].add(issued)
    made_ready = {
        at for at in lines if all(map(_makes_ready, (w for (_, a), ws in writes.items() if a == at for w in ws)))
    }
    return {
        (issued, at): alike
        for (issued, at), alike in writes.items()
        if at not in made_ready and _written_under(snapshot).get(at, set()) <= lines[at]
    }


def _makes_ready(write: _Write) -> bool:
    """What must be there for the members of a list is looked for and made where it lacks: mostly nothing is written."""
    return write.loop.table is None and not write.is_sure and write.query.consumer.endswith("or_create")


@once
def _written_under(snapshot: Snapshot) -> dict[Place, set[Place]]:
    """By loop all lines that write in its turns, however far below: a turn that does many things is no list to be written at once."""
    found: defaultdict[Place, set[Place]] = defaultdict(set)
    for query in snapshot.source.queries:
        if query.issued_by in ("insert", "update", "delete") and not only_on_failure(snapshot, query.calls):
            for loop in query.loops:
                found[loop.place].add(query.issued)
    return dict(found)


def _loops_near(query: SourceQuery) -> Iterator[QueryLoop]:
    """The loops of the function that writes, or of one in the same file that calls it, from the inside out: what happens far below a
    loop is no loop's to collect, and what a framework walks over is not to be changed."""
    functions = {place.function for place in (query.issued, *query.calls[-1:]) if place.file == query.issued.file}
    for loop in reversed(query.loops):
        if not loop.by_framework and loop.place.file == query.issued.file and loop.place.function in functions:
            yield loop


def _many(snapshot: Snapshot, query: SourceQuery, loop: QueryLoop, limits: Limits) -> Literal["sure", "perhaps", ""]:
    """Whether the loop goes round for many rows or members of a list, and goes on after the write."""
    at = query.issued if loop.place.function == query.issued.function else query.calls[-1]
    if (at.file, at.line, loop.place.line) in _last_turns(snapshot) or goes_few_times(snapshot, loop.place):
        return ""
    if is_remembered(snapshot, (query.issued,), loop.place):
        return ""
    if loop.count is not None:
        return "sure" if loop.count >= limits["count"] else ""
    if loop.table is None:
        given = _handed_in(snapshot).get((loop.place.file, loop.place.line))
        if given == "parsed":
            return "sure"
        return "perhaps" if given else ""
    rows = rows_of(snapshot, loop.table)
    if rows is not None:
        return "sure" if rows >= limits["rows"] else ""
    return _many_rows(snapshot, loop)


@once
def _handed_in(snapshot: Snapshot) -> dict[tuple[str, int], str]:
    return {(f.place.file, f.place.line): f.name for f in snapshot.source.facts if f.kind == "list handed in"}


@once
def _last_turns(snapshot: Snapshot) -> frozenset[tuple[str, int, int]]:
    """Lines after which the loop whose head stands on the other line goes round no more."""
    return frozenset(
        (fact.place.file, line, int(fact.owner))
        for fact in snapshot.source.facts
        if fact.kind == "left after"
        for line in range(fact.place.line, fact.end_line + 1)
    )


def _many_rows(snapshot: Snapshot, loop: QueryLoop) -> Literal["sure", "perhaps", ""]:
    """The rows walked over are not the first of them, nor a list of values; those of one parent may be few."""
    table = snapshot.source.table_by_name.get(loop.table or "")
    if table is None or shape_of_source(snapshot, table).is_list_of_values:
        return ""
    queries = fetched_by_line(snapshot).get((loop.rows_made, table.name), ())
    if not queries:
        return "" if loop.relation is not None else "perhaps"
    scopes = {
        scope_of(snapshot, q.query, table) for q in queries if q.query is not None and q.query.limit != "constant"
    }
    if scopes & {"", "rows"}:
        return "sure"
    return "perhaps" if scopes & {"tenant", "parent"} else ""


def _does_more(snapshot: Snapshot, query: SourceQuery) -> bool:
    """The write is a step of the project's own ``save()`` or ``delete()`` (of a model, a form, a serializer), or somebody listens to it:
    in bulk that would be passed over."""
    if query.issued.function.rpartition(".")[2] in ("save", "delete") and query.consumer in ("save", "delete"):
        return not any(loop.place.function == query.issued.function for loop in query.loops)
    model = query.symbol.rpartition(".")[2] if query.symbol else ""
    return query.issued_by != "delete" and not _listened_to(snapshot).isdisjoint((model, ""))


@once
def _listened_to(snapshot: Snapshot) -> frozenset[str]:
    """The models with something beside their writes: a listener, an own ``save()``, a table of their history."""
    names = {model_name(table) for table in snapshot.source.tables}
    kept = {name.removeprefix("Historical") for name in names if name.startswith("Historical")}
    return frozenset(kept | {fact.owner for fact in snapshot.source.facts if fact.kind == "listens to writes"})


def _is_typed(snapshot: Snapshot, write: _Write) -> bool:
    """A command that somebody types and may wait for, where nothing tells that the rows are many."""
    measured = rows_of(snapshot, write.loop.table) is not None
    return not measured and any(is_batch(place) for place in (write.query.issued, *write.query.calls))


def _is_of_a_job(snapshot: Snapshot, query: SourceQuery) -> bool:
    return any(in_job(snapshot, place) for place in (query.issued, *query.calls))


def _is_single(query: SourceQuery) -> bool:
    if not query.loops or query.issued_by not in ("insert", "update", "delete") or query.table is None:
        return False
    if query.consumer in ("bulk_create", "bulk_update", "add", "remove", "clear", "set", "flush", "commit"):
        return False  # one statement for many rows; sessions of SQLAlchemy send theirs together
    if query.consumer in ("save", "delete", "create", "get_or_create", "update_or_create"):
        return True
    if query.issued_by == "insert":
        return query.framework == "django"
    predicates = query.query.predicates if query.query else ()
    by_row = any(p.origin == "row" for p in query.parameters)
    return by_row and bool(query.rows_loops) and not any(p.operator == "in" for p in predicates)


def _finding(
    snapshot: Snapshot, file: str, function: str, writes: Sequence[_Write], limits: Limits, *, in_job: bool = False
) -> Finding:
    by_loop: defaultdict[Place, list[_Write]] = defaultdict(list)
    for write in sorted(writes, key=lambda w: (w.loop.place.line, w.query.issued.line)):
        by_loop[write.loop.place].append(write)
    queries = [write.query for found in by_loop.values() for write in found]
    rows = max((r for w in writes if (r := rows_of(snapshot, w.loop.table)) is not None), default=None)
    return Finding(
        title=f"Writes one by one in {function or file}"[:79],
        message=" ".join(_said(snapshot, place, found) for place, found in by_loop.items()),
        objects=(ObjectRef("function", function or file, table=queries[0].table),),
        impact=Impact(rows, "rows", limits["rows"], 100_000)
        if rows is not None
        else Impact(1 if in_job else len(by_loop), "loops", 10, 100, estimated=True),
        evidence={
            "loops": {
                str(place): [f"{_verb(w.query)} {w.query.table} at {w.query.issued}" for w in found]
                for place, found in by_loop.items()
            },
            "rows": rows or "not measured",
        },
        confidence="medium" if rows is not None and not in_job and any(write.is_sure for write in writes) else "low",
        next_step=" ".join(dict.fromkeys(_step(q) for q in queries)),
        identity=f"{file}:{function}",
        locations=locations([q.issued for q in queries] + list(by_loop)),
    )


def _said(snapshot: Snapshot, place: Place, writes: Sequence[_Write]) -> str:
    """One loop and what it writes."""
    tables = list(dict.fromkeys(write.query.table or "" for write in writes))
    table = writes[0].loop.table
    rows = rows_of(snapshot, table)
    over = f"each row of {table}" if table else "each member of the list it walks over"
    sites = listed([f"{_verb(write.query)} at {write.query.issued}" for write in writes], 3)
    return f"The loop at {place} writes {listed(tables)} once for {over}{f' (about {rows:,} rows)' if rows else ''}: {sites}."


def _verb(query: SourceQuery) -> str:
    return query.consumer or {"insert": "create", "update": "update", "delete": "delete"}[query.issued_by]


def _step(query: SourceQuery) -> str:
    name = query.symbol.rpartition(".")[2] if query.symbol else "Model"
    if query.consumer == "update_or_create":
        return f"Write {name}.objects.bulk_create(objects, update_conflicts=True, unique_fields=[…], update_fields=[…]) after the loop."
    if query.consumer == "get_or_create":
        return (
            f"Fetch the {name} rows that are there with one filter(…__in=keys), then "
            f"{name}.objects.bulk_create(missing, ignore_conflicts=True) behind a unique constraint."
        )
    if query.framework != "django":
        return f"Send one statement for all rows of {query.table}: execute(insert(…), list_of_dicts) or an UPDATE … WHERE id IN (…)."
    if query.issued_by == "insert":
        return f"Collect the objects in a list and write {name}.objects.bulk_create(objects, batch_size=500) after the loop."
    if query.issued_by == "delete":
        return f"Delete them in one statement: {name}.objects.filter(…).delete()."
    return (
        f"The same value for all rows: {name}.objects.filter(…).update(…); a value for each: collect them and "
        f"{name}.objects.bulk_update(objects, [fields], batch_size=500)."
    )
