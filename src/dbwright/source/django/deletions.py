"""Deleting a row that others are protected by: where they are there nothing is deleted, so it is read as if they were not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unprotected(models: Iterable[Any]) -> Iterator[None]:
    """Foreign keys of these models that protect or restrict are asked for rows, as Django does, and then let them go."""
    from django.db.models import PROTECT, RESTRICT

    relations = [field.remote_field for model in models for field in model._meta.local_fields if field.remote_field]
    kept = [(relation, relation.on_delete) for relation in relations if relation.on_delete in (PROTECT, RESTRICT)]
    for relation, _on_delete in kept:
        relation.on_delete = _absent
    try:
        yield
    finally:
        for relation, on_delete in kept:
            relation.on_delete = on_delete


def _absent(collector: Any, field: Any, rows: Any, using: str) -> None:
    """There are no such rows."""
