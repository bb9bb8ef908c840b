"""Reading a project's source: its models, its queries as SQL and its migrations, without running any of it.

``read`` is the entry. ``modules`` finds and parses, ``interpreter`` walks with abstract ``values``, ``django`` and ``sqlalchemy`` know their frameworks,
``walk`` goes through all functions, ``sql`` takes SQL apart.
"""

from __future__ import annotations

from dbwright.source.reader import Reading, read

__all__ = ["Reading", "read"]
