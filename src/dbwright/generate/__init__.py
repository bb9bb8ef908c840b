"""What a project lacks beyond single changes, written into it: partitions, row security, an audit trail, and more.

A generator (``generators/<name>.py``) has a docstring, ``LIBRARIES`` (which well-kept library does the same, and why it is used or not),
``OPTIONS``, and ``generate(workspace, given)``. It reads the project's source and writes nothing itself.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

_FOLDER = Path(__file__).parent / "generators"


def names() -> list[str]:
    """The names of all generators."""
    return sorted(path.stem.replace("_", "-") for path in _FOLDER.glob("[a-z]*.py"))


def title(name: str) -> str:
    """What a generator leaves, in a line; read without importing it."""
    tree = ast.parse((_FOLDER / f"{name.replace('-', '_')}.py").read_bytes())
    return (ast.get_docstring(tree) or "").split("\n")[0]


def load(name: str) -> ModuleType:
    """The module of a generator that ``names`` tells."""
    return importlib.import_module(f"dbwright.generate.generators.{name.replace('-', '_')}")
