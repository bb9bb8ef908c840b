"""The gate inside a test run: ``pytest --dbwright-plans=production.json``.

Every statement that the project's code sends while its tests run is planned as production would plan it, and the run fails when one would
read or sort a large table there. The tests may run on SQLite. Statements that a test sends by itself do not count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dbwright.capture import Calls

_ROWS = "dbwright_rows"
_SECONDS = 900


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("dbwright", "queries as production would plan them")
    group.addoption(
        "--dbwright-plans",
        metavar="FILE",
        help="Plan what the code sends on this snapshot of production, and fail on what would read or sort a large table.",
    )
    group.addoption("--dbwright-baseline", metavar="FILE", help="Hold back the findings listed here.")
    parser.addini("dbwright_plans", "The snapshot of production for --dbwright-plans.", default="")


def pytest_configure(config: pytest.Config) -> None:
    if given := config.getoption("--dbwright-plans"):
        snapshot = config.invocation_params.dir / given
    elif configured := config.getini("dbwright_plans"):
        snapshot = (config.inipath.parent if config.inipath else config.rootpath) / configured
    else:
        return
    config.pluginmanager.register(_Gate(config, snapshot), "dbwright_gate")


class _Gate:
    def __init__(self, config: pytest.Config, snapshot: Path) -> None:
        from dbwright import capture, snapshots
        from dbwright.collect.project import find_root
        from dbwright.errors import DbwrightError

        self.config = config
        self.snapshot = snapshot
        self.root = find_root(config.invocation_params.dir)
        self.calls: Calls = capture.Calls(self.root)
        self.report: Mapping[str, Any] | None = None
        self.failure = ""
        self._watching = ExitStack()
        try:
            snapshots.load(snapshot)
        except DbwrightError as error:
            raise pytest.UsageError(f"dbwright: {error.message} {error.remedy}") from None
        self._watching.enter_context(capture.watching(self.calls))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.calls.test = item.nodeid
        yield
        self.calls.test = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A process of pytest-xdist ended: what it saw."""
        self.calls.merge(getattr(node, "workeroutput", {}).get(_ROWS, ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._watching.close()
        output: dict[str, Any] | None = getattr(self.config, "workeroutput", None)
        if output is not None:
            output[_ROWS] = self.calls.rows()
            return
        if len(self.calls):
            self._plan()
        found = self.report["findings"] if self.report else ()
        if (self.failure or found) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _plan(self) -> None:
        """In a process of its own: dbwright reads the project with a Django that the project has not set up."""
        with tempfile.TemporaryDirectory(prefix="dbwright-") as folder:
            captured = Path(folder) / "captured.jsonl"
            self.calls.write(captured)
            command = [sys.executable, "-m", "dbwright", "check", str(self.root)]
            command += ["--snapshot", str(self.snapshot), "--captured", str(captured), "--only", "plans/*"]
            command += ["--fail-on", "never", "--no-history", "--format", "json"]
            if baseline := self.config.getoption("--dbwright-baseline"):
                command += ["--baseline", str(self.config.invocation_params.dir / baseline)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
            except subprocess.TimeoutExpired:
                self.failure = f"planning took longer than {_SECONDS} s"
                return
        if done.returncode:
            self.failure = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        else:
            self.report = json.loads(done.stdout)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        from dbwright.plaintext import clean, one_line

        if hasattr(self.config, "workeroutput"):
            return
        terminalreporter.section("queries as production would plan them")
        if self.failure:
            terminalreporter.line(f"Nothing was planned: {one_line(self.failure)}", red=True)
        elif self.report is None:
            terminalreporter.line("No statement was seen.")
        else:
            for line in _lines(self.report):
                terminalreporter.line(clean(line))
            found = len(self.report["findings"])
            terminalreporter.line(
                f"{len(self.calls)} statements were sent; {found} of the code would read or sort a large table.",
                red=bool(found),
            )


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    for finding in report["findings"]:
        places = ", ".join(f"{place['file']}:{place['line']}" for place in finding["locations"][:3])
        yield f"{places}  {finding['title']}"
        yield f"    {finding['message']}"
        if finding["change"]:
            yield f"    fix: {finding['change']['sql']}"
        elif finding["next_step"]:
            yield f"    {finding['next_step']}"
        tests = finding["evidence"].get("tests") or ()
        if tests:
            yield f"    sent in {tests[0]}" + (f" and {len(tests) - 1} more" if len(tests) > 1 else "")
        yield ""
    for entry in report["not_checked"]:
        if entry["rule"].startswith("plans/"):
            yield f"Not as production, or not checked: {entry['reason']}. {entry['remedy']}"
