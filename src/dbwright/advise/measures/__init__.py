"""Measures beyond indexes, one kind a file: each has ``measures(evidence)``. The folder is the list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence

from dbwright.advise.evidence import Evidence
from dbwright.model.advice import Effect, Measure
from dbwright.model.snapshot import Snapshot
from dbwright.phantom import Session, WhatIfIndex

_ORDER = {"advised": 0, "not advised": 1, "not judged": 2}


def beyond_indexes(
    session: Session,
    snapshot: Snapshot,
    effects: Sequence[Effect],
    advised: Sequence[WhatIfIndex],
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Measure, ...]:
    """What the workload needs beside the advised indexes: what is advised first, by its share of the workload. Once ``stop`` says so,
    nothing more is looked at."""
    with Evidence(session, snapshot, effects, advised, stop) as evidence:
        found = [measure for name in kinds() if not stop() for measure in _of(name, evidence)]
    return tuple(sorted(found, key=lambda m: (_ORDER[m.verdict], -m.share, m.kind, m.title)))


def kinds() -> tuple[str, ...]:
    """The names of the files."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def _of(name: str, evidence: Evidence) -> Iterator[Measure]:
    module = importlib.import_module(f"{__name__}.{name}")
    found: Iterator[Measure] = module.measures(evidence)
    return found
