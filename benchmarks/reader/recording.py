"""What the recorders share: queries with the application's own lines that they came from, counted, as JSON lines.

Standard library only; it runs inside the environments of the applications. One line of the file::

    {"sql": …, "count": 3, "stack": [{"file": "shop/views.py", "line": 12, "function": "OrderList.get"}, …], "through": ["QuerySet.count"],
     "owners": ["shop.views.OrderList", "shop/templates/orders.html:7"]}

``stack`` holds frames of the application's own package, the innermost first, files relative to the package's parent; ``through`` the
library functions between the innermost of them and the driver, the outermost first; ``owners`` for whom those act: classes of the
application whose objects they are methods of, and nodes of its templates. Statements that only steer a transaction are left out.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

FRAMES = 6
"""So many frames of the application tell two uses of a line apart."""
STEERING = re.compile(
    r"\s*(SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT|SET|SHOW|LOCK|START|DECLARE|FETCH|CLOSE|CREATE|DROP|ALTER|TRUNCATE|ANALYZE)\b",
    re.I,
)
LISTS = re.compile(r"\((%s|%\(\w+\)s|\$\d+(?:::[\w ]+)?)(?:, ?(?:%s|%\(\w+\)s|\$\d+(?:::[\w ]+)?))+\)")
NUMBERED = re.compile(r"%\(\w+\)s|\$\d+|:\w+")


class Recording:
    """Counts queries by text and stack. Safe among threads."""

    def __init__(self, package: Path) -> None:
        self._prefix = str(package.resolve()) + os.sep
        self._base = len(str(package.resolve().parent)) + 1
        self._rows: dict[tuple[str, tuple[tuple[str, int, str], ...]], dict[str, object]] = {}
        self._lock = threading.Lock()

    def add(self, sql: str, frames: list[FrameType]) -> None:
        """A query that was issued at these frames, the innermost first."""
        if STEERING.match(sql):
            return
        stack, through = [], []
        owners: dict[str, None] = {}
        for frame in frames:
            code = frame.f_code
            name = code.co_filename
            function = getattr(code, "co_qualname", code.co_name)
            if name.startswith(self._prefix):
                stack.append((name[self._base :], frame.f_lineno, function))
                if len(stack) == FRAMES:
                    break
            elif not stack:
                through.append(function)
                owners.update(dict.fromkeys(self._owners(frame)))
        if not stack:
            return
        key = (NUMBERED.sub("?", LISTS.sub("(*)", sql)), tuple(stack))
        with self._lock:
            row = self._rows.get(key)
            if row is None:
                self._rows[key] = {
                    "sql": sql,
                    "count": 1,
                    "stack": [{"file": f, "line": n, "function": q} for f, n, q in stack],
                    "through": through[::-1][:12],
                    "owners": list(owners),
                }
            else:
                row["count"] = int(str(row["count"])) + 1
                row["owners"] = list(dict.fromkeys([*row["owners"], *owners]))  # type: ignore[misc]

    def _owners(self, frame: FrameType) -> Iterator[str]:
        """The application's class whose method a library's frame is, and the line of its template that the frame renders."""
        owner = frame.f_locals.get("self")
        module = sys.modules.get(type(owner).__module__)
        if (getattr(module, "__file__", None) or "").startswith(self._prefix):
            yield f"{type(owner).__module__}.{type(owner).__qualname__}"
        origin, token = (
            (owner.__dict__.get(name) for name in ("origin", "token")) if hasattr(owner, "__dict__") else (None, None)
        )
        name = str(getattr(origin, "name", ""))
        if name.startswith(self._prefix) and hasattr(token, "lineno"):
            yield f"{name[self._base :]}:{token.lineno}"

    def write(self, path: Path) -> None:
        """Adds the rows to a file; rows of an earlier run with the same text and stack are summed."""
        with self._lock:
            rows = list(self._rows.values())
        if path.exists():
            known = {json.dumps([r["sql"], r["stack"]]): r for r in rows}
            for line in path.read_text(encoding="utf-8").splitlines():
                old = json.loads(line)
                same = known.get(json.dumps([old["sql"], old["stack"]]))
                if same is None:
                    rows.append(old)
                else:
                    same["count"] = int(str(same["count"])) + int(old["count"])
        begun = path.with_suffix(".begun")
        begun.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        begun.rename(path)
        sites = {(r["stack"][0]["file"], r["stack"][0]["line"]) for r in rows}  # type: ignore[index]
        print(f"{len(rows)} queries at {len(sites)} lines of the application: {path}", file=sys.stderr)


def frames_here(greenlet_aware: bool = False) -> list[FrameType]:
    """The caller's frames, the innermost first; across greenlets, in which an asynchronous SQLAlchemy talks to its driver."""
    frame: FrameType | None = sys._getframe(2)
    found = []
    current = None
    if greenlet_aware and "greenlet" in sys.modules:
        current = sys.modules["greenlet"].getcurrent()
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
        while frame is None and current is not None:
            current = current.parent
            frame = current.gr_frame if current is not None else None
    return found
