"""PostgreSQL's compilers, without the conversion of values that come back: those are made up."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import compiler


class _NoConverters:
    def get_converters(self, expressions: Any) -> dict[int, Any]:
        return {}


class SQLCompiler(_NoConverters, compiler.SQLCompiler):  # type: ignore[misc]
    pass


class SQLInsertCompiler(_NoConverters, compiler.SQLInsertCompiler):  # type: ignore[misc]
    pass


class SQLDeleteCompiler(_NoConverters, compiler.SQLDeleteCompiler):  # type: ignore[misc]
    pass


class SQLUpdateCompiler(_NoConverters, compiler.SQLUpdateCompiler):  # type: ignore[misc]
    pass


class SQLAggregateCompiler(_NoConverters, compiler.SQLAggregateCompiler):  # type: ignore[misc]
    pass
