"""The table that an operation is about."""

from __future__ import annotations

import re

from dbwright.model import change as c


def table_of(operation: c.Operation) -> tuple[str, str] | None:
    """Schema and name of the table that an operation is about; None where it does not say."""
    if isinstance(operation, c.DropNewIndex):
        operation = operation.created
    if isinstance(operation, c.RecreateIndex):
        operation = operation.dropped
    if isinstance(operation, c.DropRangeCheck | c.DropUnique):
        operation = operation.added
    schema, table = getattr(operation, "schema", None), getattr(operation, "table", None)
    if isinstance(operation, c.DropIndex):
        match = re.search(r' ON (?:ONLY )?(?:"?\w+"?\.)?"?(?P<table>[^\s"(]+)"? ', operation.definition)
        table = match["table"] if match else None
    if isinstance(operation, c.SetStorageParameter) and operation.relation == "TABLE":
        table = operation.name
    if isinstance(schema, str) and isinstance(table, str):
        return schema, table
    return None
