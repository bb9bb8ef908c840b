"""Sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbwright.source.values import Arguments, Value

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy


class SessionAdoption:
    def __init__(self, framework: SQLAlchemy, cls: Any, base: Any) -> None: ...
    def class_attribute(self, name, at): return None
    def instantiate(self, arguments, at): return None
    def typed(self, at): return None
class QueryAdoption(SessionAdoption):
    def __init__(self, framework, cls): ...

def call(framework, thing, arguments, at): return None
def typed(framework, value, parameters, at): return None
