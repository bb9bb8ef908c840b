"""Samples: the evidence that a rule works. Each rule carries BAD ones, which it must find, and GOOD ones, on which it
must stay silent. The generic proof builds them on a real server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbwright.model.change import Engine
from dbwright.model.snapshot import Snapshot


@dataclass(frozen=True)
class Sample:
    """A database in which a defect is present or is not.

    ``ddl`` is run as the owner, statement by statement outside a transaction; ``settings`` are server parameters, really set (with a
    restart where they need one); ``statistics`` overrides counters and sizes of tables and indexes by name after they
    were read (``{"orders": {"rows": 2e6}}``): real size without real rows; ``edit`` gives another snapshot for what a private
    server cannot show (lag, wraparound, a full disk). ``limits`` overrides the rule's thresholds; ``findings`` is
    how many a BAD sample must yield. ``minimum_major`` skips older servers. ``reversible`` is False where the change's reverse
    cannot restore the same finding (the reason stands beside it). ``source`` is a project: the text of each file by its name; with it and
    without ``ddl`` there is no database, as in an audit with ``--no-db``.
    """

    ddl: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    statistics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    edit: Callable[[Snapshot], Snapshot] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    findings: int = 1
    engine: Engine = "postgresql"
    minimum_major: int = 0
    reversible: bool = True
    source: Mapping[str, str] = field(default_factory=dict)
