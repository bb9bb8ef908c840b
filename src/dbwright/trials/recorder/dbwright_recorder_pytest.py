"""The plugin that has the tests of pytest written down."""

import dbwright_recorder
import pytest


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    dbwright_recorder.begin(item.nodeid)
    yield
    dbwright_recorder.end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    outcome = yield
    report = outcome.get_result()
    if report.outcome != "passed":
        dbwright_recorder.failed(report.outcome)
