"""Records the queries of a real application on SQLAlchemy with the lines that they came from, while it is used through its own routes.

Run by the application's own interpreter, in the environment that ``settings.sh`` prints::

    python record_sqlalchemy.py --package "$APP_ROOT" --out queries.jsonl flask superset.app:create_app
    python record_sqlalchemy.py --package … --out … asgi prefect.server.api.server:create_app
    python record_sqlalchemy.py --package … --out … protobuf mlflow.server:app     a Flask application whose requests are messages
    python record_sqlalchemy.py --package … --out … pytest path/of/tests …          an application's own tests
    python record_sqlalchemy.py --package … --out … module shop.workload …          a module as a program, with its arguments

Every route is asked with values that the database holds under the names of its parameters (PGHOST and the like say where it is); request
bodies come from the application's own description of them (OpenAPI, Flask-AppBuilder's ``_info``, protocol messages), once with what is
required and once for each thing that may be given. Queries of a request that fails count as well: they were issued.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.util
import json
import os
import runpy
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from recording import Recording, frames_here

AVOIDED = ("logout", "/static/", "shutdown", "/health", "login/", "/ws", "/export_example")


def record(recording: Recording) -> None:
    """Every engine tells its statements, also the synchronous one inside an asynchronous engine."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def before(_connection: Any, _cursor: Any, statement: Any, *_rest: Any) -> None:
        with contextlib.suppress(Exception):
            recording.add(str(statement), frames_here(greenlet_aware=True))

    event.listen(Engine, "before_cursor_execute", before)


class Samples:
    """Values that the database holds, by table and by column name."""

    def __init__(self, database: str) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        ask = self._psycopg2 if importlib.util.find_spec("psycopg2") else self._asyncpg
        ask(database)
        self.columns: dict[str, list[Any]] = {}
        for rows in self.rows.values():
            for row in rows:
                for name, value in row.items():
                    if value is not None and len(self.columns.setdefault(name, [])) < 5:
                        self.columns[name].append(value)

    TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"

    def _psycopg2(self, database: str) -> None:
        import psycopg2

        connection = psycopg2.connect(dbname=database)
        with connection, connection.cursor() as cursor:
            cursor.execute(self.TABLES)
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT * FROM "{table}" LIMIT 5')
                names = [c[0] for c in cursor.description]
                self.rows[table] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        connection.close()

    def _asyncpg(self, database: str) -> None:
        import asyncpg

        async def ask() -> None:
            connection = await asyncpg.connect(database=database)
            for (table,) in await connection.fetch(self.TABLES):
                self.rows[table] = [dict(r) for r in await connection.fetch(f'SELECT * FROM "{table}" LIMIT 5')]
            await connection.close()

        asyncio.run(ask())

    def table(self, word: str) -> list[dict[str, Any]]:
        """Rows of the table that a word of a path means."""
        word = word.lower().replace("-", "_")
        for name in (word, word.removesuffix("s"), word + "s", word.removesuffix("ies") + "y"):
            for table in (name, f"{name}s", f"ab_{name}", name.replace("_", "")):
                if self.rows.get(table):
                    return self.rows[table]
        return next((rows for table, rows in self.rows.items() if word.removesuffix("s") in table and rows), [])

    def value(self, name: str, path: str = "", number: int = 0) -> Any:
        """A value for a parameter."""
        words = [w for w in path.replace("{", "<").split("/") if w and not w.startswith("<")]
        before = path.replace("{", "<").split(f"<{name}")[0].rstrip("/").split("/")[-1]
        plain = name.split(":")[-1]
        if plain in ("pk", "id", "id_", "uuid", "id_or_slug", "id_or_uuid", "pk_list") or plain in self.singulars(
            before
        ):
            for rows in map(self.table, [before, *words[::-1]]):
                if rows:
                    row = rows[number % len(rows)]
                    return row.get("uuid" if plain == "uuid" else "id", next(iter(row.values())))
        if plain in self.columns:
            return self.columns[plain][number % len(self.columns[plain])]
        for ending in ("_id", "_pk", "_name", "_uuid"):
            if plain.endswith(ending) and (rows := self.table(plain.removesuffix(ending))):
                row = rows[number % len(rows)]
                return row.get(ending[1:], row.get("id", next(iter(row.values()))))
        return 1

    def singulars(self, word: str) -> set[str]:
        return {word, word.removesuffix("s"), word.removesuffix("s") + "_id"}


class Driver:
    """Sends requests and counts the answers."""

    def __init__(self, samples: Samples, until: float, send: Callable[..., int]) -> None:
        self.samples, self.until, self.send = samples, until, send
        self.answers: dict[int, int] = {}

    def request(self, method: str, path: str, **options: Any) -> Any:
        if time.monotonic() > self.until:
            return None
        try:
            response = self.send(method, path, **options)
            status = response.status_code
        except Exception as error:
            response, status = None, 0
            if os.environ.get("READER_VERBOSE"):
                print(f"{method} {path}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        self.answers[status] = self.answers.get(status, 0) + 1
        if os.environ.get("READER_VERBOSE"):
            print(f"{method} {path} {options} {status}"[:300], file=sys.stderr)
        return response


ORDER = {"GET": 0, "POST": 1, "PATCH": 2, "PUT": 2, "DELETE": 3}


def flask(app: Any, samples: Samples, until: float) -> Driver:
    """A Flask application: Superset with its REST API by Flask-AppBuilder."""
    client = app.test_client()
    sign_in(app, client)

    def send(method: str, path: str, **options: Any) -> Any:
        return client.open(path, method=method, **options)

    driver = Driver(samples, until, send)
    routes = [
        (not rule.rule.startswith("/api"), ORDER.get(method, 4), rule.rule, method, rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if not any(word in rule.rule for word in AVOIDED)
    ]
    for _page, _order, text, method, rule in sorted(routes, key=lambda r: r[:4]):
        for number in range(2 if method == "GET" and rule.arguments else 1):
            path = text
            for name in rule.arguments:
                value = samples.value(name, text, number + (method == "DELETE") * 2)
                path = replace_argument(path, name, str(value))
            one_route(driver, text, path, method)
    for _page, _order, text, _method, _rule in routes:
        if text.endswith("/_info"):
            appbuilder_lists(driver, text.removesuffix("_info"))
    return driver


def one_route(driver: Driver, text: str, path: str, method: str) -> None:
    if method == "GET":
        driver.request("GET", path)
        return
    for body in appbuilder_bodies(driver, text, method):
        driver.request(method, path, json=body)
    if method == "DELETE" and "<" not in text:
        driver.request("DELETE", f"{path}?q=!(1,2)")


def sign_in(app: Any, client: Any) -> None:
    manager = getattr(getattr(app, "appbuilder", None), "sm", None)
    if manager is None:
        return
    with app.test_request_context():
        user = manager.find_user("measure") or manager.add_user(
            "measure",
            "The",
            "Measure",
            "measure@example.org",
            manager.find_role("Admin"),
            password="of-the-measure-only",
        )
        identity = str(user.id)
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = identity, True


def replace_argument(path: str, name: str, value: str) -> str:
    start = next(i for i in (path.find(f"<{name}>"), path.find(f":{name}>")) if i >= 0)
    begin = path.rfind("<", 0, start + 1)
    return path[:begin] + value + path[path.index(">", start) + 1 :]


def appbuilder_lists(driver: Driver, path: str) -> None:
    """Pages, orders and each filter that the list tells of."""
    answer = driver.request("GET", f"{path}_info?q=(keys:!(filters))")
    filters = ((answer.json if answer is not None else None) or {}).get("filters", {})
    driver.request("GET", f"{path}?q=(page:1,page_size:10)")
    for column, operators in filters.items():
        driver.request("GET", f"{path}?q=(order_column:{column},order_direction:desc,page:0,page_size:10)")
        driver.request("GET", f"{path}related/{column}?q=(filter:a)")
        driver.request("GET", f"{path}distinct/{column}?q=(filter:a)")
        for operator in operators:
            name = operator["operator"]
            value = "!(1)" if name in ("in", "rel_m_m") else "1" if name.startswith("rel") else "amber"
            driver.request("GET", f"{path}?q=(filters:!((col:{column},opr:{name},value:{value})))")


def appbuilder_bodies(driver: Driver, path: str, method: str) -> list[dict[str, Any]]:
    base = path.split("<")[0]
    answer = driver.request("GET", f"{base}_info") if base.endswith("/") else None
    document = answer.json if answer is not None and answer.status_code == 200 and answer.is_json else None
    if not document:
        return [{}]
    columns = document.get("add_columns" if method == "POST" else "edit_columns", [])
    body = {}
    for column in columns:
        kind = column.get("type")
        if column.get("required") or kind == "String":
            body[column["name"]] = (
                1 if kind in ("Integer", "Related") else True if kind == "Boolean" else f"amber {time.monotonic_ns()}"
            )
        elif kind == "RelatedList":
            body[column["name"]] = [1]
    required = {c["name"]: body[c["name"]] for c in columns if c.get("required") and c["name"] in body}
    return [required, body, {}]


def asgi(app: Any, samples: Samples, until: float) -> Driver:
    """An application that describes itself by OpenAPI: FastAPI's, with the applications mounted in it."""
    from starlette.testclient import TestClient

    with TestClient(app, raise_server_exceptions=False) as client:
        token = airflow_token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}

        def send(method: str, path: str, **options: Any) -> Any:
            return client.request(method, path, headers=headers, **options)

        driver = Driver(samples, until, send)
        operations = [
            (ORDER.get(method.upper(), 4), prefix + path, method.upper(), operation, document)
            for prefix, document in documents(app, "")
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if method.upper() in ORDER and not any(word in path for word in AVOIDED)
        ]
        for _order, path, method, operation, document in sorted(operations, key=lambda o: o[:3]):
            one_operation(driver, path, method, operation, document)
    return driver


def documents(app: Any, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with contextlib.suppress(Exception):
        document = app.openapi()
        if document.get("paths"):
            yield prefix, document
    for route in getattr(app, "routes", ()):
        inside = getattr(route, "app", None)
        if inside is not None and hasattr(inside, "openapi"):
            yield from documents(inside, prefix + route.path)


def airflow_token() -> str | None:
    with contextlib.suppress(Exception):
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        return str(get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="measure", role="admin")))
    return None


def one_operation(driver: Driver, path: str, method: str, operation: dict[str, Any], document: dict[str, Any]) -> None:
    given = [p for p in operation.get("parameters", ()) if "name" in p]
    for number in range(2):
        target, query = path, {}
        optional = {}
        for parameter in given:
            name = parameter["name"]
            if parameter["in"] == "path":
                target = target.replace("{" + name + "}", str(driver.samples.value(name, path, number)))
            elif parameter["in"] == "query":
                value = example(parameter.get("schema", {}), document, driver.samples, name)
                (query if parameter.get("required") else optional)[name] = value
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        bodies: list[Any] = [None]
        if content:
            bodies = list(examples(content.get("schema", {}), document, driver.samples))
        for body in bodies:
            driver.request(method, target, params=query, json=body)
        for name, value in optional.items() if method == "GET" and number == 0 else ():
            driver.request(method, target, params={**query, name: value})
        if method != "GET" or "{" not in path:
            break


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            first = next((s for s in schema[word] if s.get("type") != "null"), {})
            return resolved(first, document)
    return schema


def example(schema: dict[str, Any], document: dict[str, Any], samples: Samples, name: str = "", depth: int = 0) -> Any:
    """A value that a schema allows, from the database where it knows the name."""
    schema = resolved(schema, document)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        names = schema.get("required", []) or (list(properties)[:1] if depth and properties else [])
        return (
            {n: example(properties[n], document, samples, n, depth + 1) for n in names if n in properties}
            if depth < 5
            else {}
        )
    if kind == "array":
        return [example(schema.get("items", {}), document, samples, name, depth + 1)] if depth < 5 else []
    known = samples.columns.get(name.rstrip("_")) or samples.columns.get(name.removesuffix("s"))
    if schema.get("format") == "uuid":
        return str(known[0] if known else next(iter(samples.columns.get("id", [1]))))
    if schema.get("format") == "date-time":
        return "2026-01-02T03:04:05Z"
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    if kind == "boolean":
        return True
    return str(known[0]) if known else "amber"


def examples(schema: dict[str, Any], document: dict[str, Any], samples: Samples) -> Iterator[Any]:
    """A body with what is required, then one more for each thing that may be given; for things within things as well."""
    plain = example(schema, document, samples)
    yield plain
    properties = resolved(schema, document).get("properties", {})
    for name, inside in properties.items():
        inner = resolved(inside, document)
        fields = inner.get("properties", {})
        if not fields:
            yield {**(plain or {}), name: example(inside, document, samples, name, 1)}
        for field, deeper in list(fields.items())[:20]:
            yield {**(plain or {}), name: {field: example(deeper, document, samples, field, 2)}}
            within = resolved(deeper, document).get("properties", {})
            for key, deepest in list(within.items())[:8]:
                yield {**(plain or {}), name: {field: {key: example(deepest, document, samples, key, 3)}}}


def protobuf(app: Any, samples: Samples, until: float) -> Driver:
    """mlflow: its handlers know the message that each route takes."""
    handlers = importlib.import_module("mlflow.server.handlers")
    client = app.test_client()

    def send(method: str, path: str, **options: Any) -> Any:
        return client.open(path, method=method, **options)

    driver = Driver(samples, until, send)
    messages = {getattr(h, "__wrapped__", h): m for m, h in handlers.HANDLERS.items()}
    names = {h.__name__: m for h, m in messages.items()}
    routes = [
        (ORDER.get(method, 4), path, method, names.get(getattr(handler, "__name__", "")))
        for path, handler, methods in handlers.get_endpoints()
        for method in methods
    ]
    for _order, path, method, message in sorted(routes, key=lambda r: r[:3]):
        if "/ajax-api/" in path:
            continue
        target = path
        while "<" in target:
            name = target[target.index("<") + 1 : target.index(">")]
            target = replace_argument(target, name.split(":")[-1], str(samples.value(name.split(":")[-1], path)))
        for body in message_bodies(message, samples):
            if method == "GET":
                driver.request("GET", target, query_string=body)
            else:
                driver.request(method, target, json=body)
    return driver


def message_bodies(message: Any, samples: Samples) -> list[dict[str, Any]]:
    if message is None:
        return [{}]
    everything = {f.name: message_value(f, samples) for f in message.DESCRIPTOR.fields}
    simple = {
        k: v
        for k, v in everything.items()
        if k.endswith(("id", "key", "name", "uuid", "ids", "value", "version")) and v != []
    }
    bodies: list[dict[str, Any]] = [simple, everything, {}]
    for name in ("filter", "order_by", "max_results", "view_type", "run_view_type", "page_token"):
        if name in everything:
            bodies += [{**simple, name: value} for value in SEARCHES.get(name, [everything[name]])]
    return bodies


SEARCHES: dict[str, list[Any]] = {
    "filter": [
        "name = 'amber'",
        "name LIKE 'a%'",
        "metrics.loss > 1",
        "params.alpha = '1'",
        "tags.kind = 'amber'",
        "attributes.status = 'FINISHED'",
        "attributes.start_time > 1",
        "run_id = 'amber'",
    ],
    "order_by": [
        ["name DESC"],
        ["metrics.loss ASC"],
        ["params.alpha"],
        ["attributes.start_time DESC"],
        ["tags.kind"],
        ["last_updated_timestamp DESC"],
    ],
}


def message_value(field: Any, samples: Samples) -> Any:
    value: Any
    if field.message_type is not None:
        value = {f.name: message_value(f, samples) for f in field.message_type.fields if f.message_type is None}
    elif field.enum_type is not None:
        value = field.enum_type.values[0].name
    else:
        known = (
            samples.columns.get(field.name)
            or samples.columns.get(field.name.removesuffix("s"))
            or samples.columns.get("run_uuid" if field.name.startswith("run_") else "")
        )
        value = known[0] if known else "amber"
        if field.cpp_type in (1, 2, 3, 4):
            value = int(value) if str(value).isdigit() else 3
        elif field.cpp_type in (5, 6):
            value = 1.5
        elif field.cpp_type == 7:
            value = True
        else:
            value = str(value)
    repeated = getattr(field, "is_repeated", None)
    return [value] if (repeated if isinstance(repeated, bool) else field.label == 3) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--database", default=os.environ.get("PGDATABASE", ""))
    parser.add_argument("drive", choices=("flask", "asgi", "protobuf", "pytest", "module"))
    parser.add_argument("target", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    recording = Recording(arguments.package)
    record(recording)
    try:
        if arguments.drive == "pytest":
            importlib.import_module("pytest").main(["-q", "-p", "no:cacheprovider", *arguments.target])
            return
        if arguments.drive == "module":
            sys.argv = arguments.target
            runpy.run_module(arguments.target[0], run_name="__main__", alter_sys=True)
            return
        module, _, name = arguments.target[0].partition(":")
        app = getattr(importlib.import_module(module), name)
        if arguments.drive != "protobuf" and not hasattr(app, "routes") and not hasattr(app, "url_map"):
            app = app()
        samples = Samples(arguments.database or arguments.package.name)
        until = time.monotonic() + arguments.seconds  # the import alone can take long
        driver = {"flask": flask, "asgi": asgi, "protobuf": protobuf}[arguments.drive](app, samples, until)
        print(f"answers {json.dumps(dict(sorted(driver.answers.items())))}", file=sys.stderr)
    finally:
        recording.write(arguments.out)


if __name__ == "__main__":
    try:
        main()
    except Exception:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of the application must not keep the process
