"""Reading a project's source: its models, its queries as SQL and its migrations, without running any of it.

``read`` is the entry. ``modules`` finds and parses, ``interpreter`` walks with abstract ``values``, ``django`` and ``sqlalchemy`` know
their frameworks, ``walk`` goes through all functions, ``sql`` takes SQL apart.
"""

from __future__ import annotations

from pathlib import Path

from dbwright.model.source import Source


def read(root: Path, environment: Path | None = None, queries: bool = True, strict: bool = False) -> Source:
    """Read a project. ``environment`` is its ``site-packages`` folder (found by itself in ``.venv`` and ``venv``);
    ``strict`` raises on faults of dbwright's own, for benchmarks and tests."""
    from dbwright.source.reader import Reading  # the frameworks are imported only when something must be read anew

    return Reading(root, environment, strict).source(queries)
