"""Read by every Python that starts while dbwright runs a project's tests, because its folder then comes first on the path."""

import importlib.machinery
import importlib.util
import os
import sys

import dbwright_recorder  # type: ignore[import-not-found]

dbwright_recorder.watch_unittest()

_here = os.path.dirname(os.path.abspath(__file__))
_others = [folder for folder in sys.path if os.path.abspath(folder or ".") != _here]
_own = importlib.machinery.PathFinder.find_spec("sitecustomize", _others)
if _own is not None and _own.loader is not None:  # the environment's own goes on
    _own.loader.exec_module(importlib.util.module_from_spec(_own))
