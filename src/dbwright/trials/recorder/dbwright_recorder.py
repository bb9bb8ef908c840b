"""Written down for each test of a project: its outcome, the statements that it sends, the rows that it fetches, and what comes out.

It runs in the project's own interpreter, beside any version of Django, SQLAlchemy and pytest: standard library only, Python 3.9 or later.
One line of JSON a test goes to a file for each process in the folder that ``DBWRIGHT_RECORD`` names. What comes out are the responses of
the test clients, and what the functions return that are decorated with ``returns``.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import random
import sys
import unittest
from contextlib import contextmanager

FOLDER = os.environ.get("DBWRIGHT_RECORD", "")
LONGEST = 400_000
"""Characters of one result; what is longer is not compared, and so is no evidence."""
MOST_RESULTS = 500
_current = None
_paused = False
_watched = set()


class _Test:
    def __init__(self, name):
        self.name = name
        self.outcome = "passed"
        self.statements = 0
        self.rows = 0
        self.reached = set()
        self.results = []

    def result(self, kind, text):
        if len(self.results) < MOST_RESULTS:
            self.results.append([kind, text if text is None or len(text) <= LONGEST else None])


def begin(name):
    """A test begins. What it draws by chance it draws alike each time."""
    global _current
    for watch, module in (
        (_watch_django, "django.db.backends.utils"),
        (_watch_django_client, "django.test.client"),
        (_watch_sqlalchemy, "sqlalchemy.engine"),
        (_watch_httpx, "httpx"),
        (_watch_werkzeug, "werkzeug.test"),
    ):
        if module in sys.modules and module not in _watched:
            _watched.add(module)
            watch(sys.modules[module])
    random.seed(name)
    if "faker" in sys.modules:
        sys.modules["faker"].Faker.seed(0)
    if "factory.random" in sys.modules:
        sys.modules["factory.random"].reseed_random(0)
    _current = _Test(name)


def end():
    """The test is over: it is written down."""
    global _current
    test, _current = _current, None
    row = {
        "test": test.name,
        "outcome": test.outcome,
        "statements": test.statements,
        "rows": test.rows,
        "reached": sorted(test.reached),
        "results": test.results,
    }
    with open(os.path.join(FOLDER, f"{os.getpid()}.jsonl"), "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


# Marks in the source


def reached(number, value):
    """An expression that is to be edited was come to; its value goes on."""
    if _current is not None:
        _current.reached.add(number)
    return value


def returns(function):
    """Have what a function returns written down. Generators give their values later, and are left alone."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return function
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*arguments, **named):
            return _returned(function, await function(*arguments, **named))

    else:

        @functools.wraps(function)
        def wrapper(*arguments, **named):
            return _returned(function, function(*arguments, **named))

    return wrapper


def _returned(function, value):
    test = _current
    if test is not None and not _paused:
        with _pause():
            test.result(function.__qualname__ + "()", plain(value))
    return value


@contextmanager
def _pause():
    """What the recorder itself asks does not count."""
    global _paused
    before, _paused = _paused, True
    try:
        yield
    finally:
        _paused = before


# Values as text


class _Opaque(Exception):
    """A value of which nothing can be compared."""


def plain(value):
    """A value as text that is equal for equal values; None where it cannot be told."""
    try:
        return json.dumps(_plain(value, 0), ensure_ascii=False, default=str)
    except Exception:
        # Whatever a value of the application's does when it is looked at: the test goes on, and the value is not compared.
        return None


def _plain(value, depth):
    if depth > 12:
        raise _Opaque
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(_plain(key, depth + 1)): _plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(one, depth + 1) for one in value), key=str)
    if type(value).__module__ in ("datetime", "decimal", "uuid", "zoneinfo"):
        return type(value).__name__ + " " + str(value)
    return _object(value, depth)


def _object(value, depth):
    if hasattr(value, "status_code"):
        return [value.status_code, bytes(value.content).decode("utf-8", "replace")]
    if hasattr(value, "_meta") and hasattr(value, "pk"):
        return type(value).__name__ + " " + str(value.pk)
    if hasattr(value, "query") and hasattr(value, "_chain") and hasattr(value, "ordered"):
        return _queryset(value, depth)
    if hasattr(value, "_sa_instance_state"):
        return type(value).__name__ + " " + str(value._sa_instance_state.identity)
    if hasattr(value, "model_dump") and hasattr(type(value), "model_fields"):
        return _plain(value.model_dump(), depth + 1)
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name), depth + 1) for name in value.__dataclass_fields__}
    raise _Opaque


def _queryset(value, depth):
    """Its rows as it would give them, without filling it; of one without an order in any order."""
    rows = [_plain(one, depth + 1) for one in value._chain()]
    return rows if value.ordered else sorted(rows, key=str)


# What is sent and what comes out


def _sent(many=1):
    if _current is not None and not _paused:
        _current.statements += many


def _watch_django(utils):
    wrapper = utils.CursorWrapper

    def counting(name):
        before = getattr(wrapper, name)

        @functools.wraps(before)
        def counted(self, *arguments, **named):
            _sent()
            return before(self, *arguments, **named)

        setattr(wrapper, name, counted)

    for name in ("execute", "executemany"):
        counting(name)
    ask = wrapper.__getattr__

    def fetched(self, name):
        value = ask(self, name)
        if name in ("fetchone", "fetchmany", "fetchall") and _current is not None and not _paused:
            return _counted_rows(value, name)
        return value

    wrapper.__getattr__ = fetched


def _counted_rows(fetch, name):
    def fetched(*arguments, **named):
        found = fetch(*arguments, **named)
        if _current is not None:
            _current.rows += (found is not None) if name == "fetchone" else len(found or ())
        return found

    return fetched


def _watch_sqlalchemy(_engine):
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "before_cursor_execute", lambda *_: _sent())


def _response(method, path, status, headers, body):
    test = _current
    if test is None:
        return
    text = None
    if body is not None:
        kind = str(headers.get("Content-Type", ""))
        text = f"{status} {headers.get('Location', '')}\n"
        text += body.decode("utf-8", "replace") if _is_text(kind) else f"{kind} {len(body)} bytes {body!r}"
    test.result(f"{method} {path}", text)


def _is_text(kind):
    return kind.startswith("text/") or "json" in kind or "xml" in kind or "javascript" in kind or not kind


def _watch_django_client(client):
    def note(request, response):
        body = None if getattr(response, "streaming", False) else bytes(response.content)
        method, path = (
            request.get("REQUEST_METHOD") or request.get("method"),
            request.get("PATH_INFO") or request.get("path"),
        )
        _response(method, path, response.status_code, response.headers, body)
        return response

    before = client.Client.request

    @functools.wraps(before)
    def request(self, **given):
        return note(given, before(self, **given))

    client.Client.request = request
    if hasattr(client, "AsyncClient"):
        before_async = client.AsyncClient.request

        @functools.wraps(before_async)
        async def request_async(self, **given):
            return note(given, await before_async(self, **given))

        client.AsyncClient.request = request_async


def _watch_httpx(httpx):
    """Starlette's and FastAPI's test client is one of httpx's."""

    def note(request, response, stream):
        body = None if stream or not response.is_closed else response.content
        _response(request.method, request.url.path, response.status_code, response.headers, body)
        return response

    before, before_async = httpx.Client.send, httpx.AsyncClient.send

    @functools.wraps(before)
    def send(self, request, *arguments, **given):
        return note(request, before(self, request, *arguments, **given), given.get("stream", False))

    @functools.wraps(before_async)
    async def send_async(self, request, *arguments, **given):
        return note(request, await before_async(self, request, *arguments, **given), given.get("stream", False))

    httpx.Client.send, httpx.AsyncClient.send = send, send_async


def _watch_werkzeug(test):
    before = test.Client.open

    @functools.wraps(before)
    def opened(self, *arguments, **given):
        response = before(self, *arguments, **given)
        body = None if response.is_streamed else response.get_data()
        _response(response.request.method, response.request.path, response.status_code, response.headers, body)
        return response

    test.Client.open = opened


# Tests of unittest and Django


def watch_unittest():
    """Have the tests of unittest, and so of ``manage.py test``, written down."""
    before = unittest.TestCase.run

    @functools.wraps(before)
    def run(self, result=None):
        if _current is not None or not FOLDER:
            return before(self, result)
        result = result if result is not None else self.defaultTestResult()
        kinds = ("failures", "errors", "unexpectedSuccesses")
        had = [len(getattr(result, kind, ())) for kind in kinds]
        skipped = len(getattr(result, "skipped", ()))
        begin(self.id())
        try:
            return before(self, result)
        finally:
            if [len(getattr(result, kind, ())) for kind in kinds] != had:
                _current.outcome = "failed"
            elif len(getattr(result, "skipped", ())) != skipped:
                _current.outcome = "skipped"
            end()

    unittest.TestCase.run = run


def failed(outcome):
    """The running test had an outcome that is not ``passed``; a failure stays one."""
    if _current is not None and _current.outcome != "failed":
        _current.outcome = outcome
