"""Records the queries of a real Django application with the lines that they came from, while it is used through its own URLs.

Run by the application's own interpreter, in the environment that ``settings.sh`` prints::

    python record_django.py --package "$APP_ROOT" --out queries.jsonl [--setup module:function] [--seconds 600]
    python record_django.py --package … --out … --command test weblate.trans      a management command, such as its own tests
    python record_django.py --fill ../field_trials/django_use.py --rows 400       content, by the field trials' filler; records nothing

A superuser is logged in; every URL that resolves is opened with the test client, with objects that fit its arguments; lists also with
a search, with filters and with an order; the admin's lists with each of their filters; forms are sent as they were rendered, and API views
get POST, PATCH and DELETE. Then its own Celery tasks and management commands run. What a request writes is rolled back. Queries of a
request that fails count as well: they were issued.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib
import inspect
import io
import itertools
import os
import random
import runpy
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from recording import Recording, frames_here

LIST_QUERIES = (
    "",
    "q=amber&query=amber&search=amber&filter=amber&page=1",
    "ordering=-id&sort=id&o=-1&order=id&page_size=5&limit=5&offset=0",
)
COMMANDS_AVOIDED = (
    "run",
    "shell",
    "server",
    "migrate",
    "flush",
    "celery",
    "worker",
    "make",
    "compile",
    "collect",
    "test",
    "rebuild",
)
AVOIDED = ("logout", "jsi18n", "/static/", "/media/", "jsreverse", "silk", "__debug__", "/delete-account", "password")


class Late(Exception):
    """A request took too long."""


def record(recording: Recording) -> None:
    """Every connection, also one that a thread opens later, tells its queries."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    def wrapper(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        with contextlib.suppress(Exception):
            recording.add(str(sql), frames_here())
        return execute(sql, params, many, context)

    made = BaseDatabaseWrapper.__init__

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        self.execute_wrappers.append(wrapper)

    BaseDatabaseWrapper.__init__ = init
    from django.db import connections

    for connection in connections.all():
        if wrapper not in connection.execute_wrappers:
            connection.execute_wrappers.append(wrapper)


class Crawler:
    """Opens what the URL configuration names."""

    def __init__(self, seconds: float) -> None:
        from django.apps import apps
        from django.contrib.auth import get_user_model

        self.until = time.monotonic() + seconds
        self.models = [m for m in apps.get_models() if not m._meta.proxy]
        self.by_name: dict[str, list[Any]] = {}
        for model in self.models:
            self.by_name.setdefault(model._meta.model_name, []).append(model)
        self.user = self.superuser(get_user_model())
        self.client = self.logged_in()
        self.cookies = copy.deepcopy(self.client.cookies)
        self.statuses: dict[int, int] = {}
        self.objects: dict[Any, list[Any]] = {}

    def superuser(self, model: Any) -> Any:
        everybody = model._base_manager.order_by("-pk")
        with contextlib.suppress(Exception):
            everybody = everybody.exclude(username="anonymous")
        user = everybody.first()
        for name in ("is_active", "is_superuser", "is_staff", "is_verified", "is_administrator"):
            if any(f.name == name for f in model._meta.fields):
                setattr(user, name, True)
        with contextlib.suppress(Exception):
            user.set_password("of-the-measure-only")
        user.save()
        for hook in HOOKS:
            with contextlib.suppress(LookupError):  # another application's
                hook(user)
        return user

    def logged_in(self) -> Any:
        from django.conf import settings
        from django.contrib.auth import load_backend
        from django.test import Client

        class Quiet(Client):
            pass

        client = Quiet(raise_request_exception=False)
        # Some backends know permissions only.
        backend = next(b for b in settings.AUTHENTICATION_BACKENDS if hasattr(load_backend(b), "get_user"))
        client.force_login(self.user, backend=backend)
        session = client.session
        # What pretix and Label Studio ask of a session.
        session.update(
            {
                "pretix_auth_long_session": True,
                "pretix_auth_login_time": int(time.time()),
                "pretix_auth_last_used": int(time.time()),
                "last_login": time.time(),
                "keep_me_logged_in": True,
            }
        )
        session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key  # a session that lives in its cookie
        return client

    # Arguments

    def sample(self, model: Any, count: int = 4) -> list[Any]:
        if model not in self.objects:
            found: list[Any] = []
            with contextlib.suppress(Exception):
                found = list(model._base_manager.order_by("pk")[:count])
            self.objects[model] = found
        return self.objects[model]

    def candidates(self, name: str, view_model: Any, before: str = "") -> list[Any]:
        """Objects that an argument may mean: by its own name, by the word before it in the path, by the view's model."""
        plain = name.lower()
        for ending in ("_pk", "_id", "_slug", "_uuid", "_code", "_name"):
            plain = plain.removesuffix(ending)
        found: list[Any] = []
        for word in (
            plain,
            before,
            before.removesuffix("s"),
            before.removesuffix("es"),
            before.removesuffix("ies") + "y",
        ):
            for model in self.by_name.get(word.replace("_", "").replace("-", ""), []):
                found += self.sample(model)
        if view_model is not None:
            found += self.sample(view_model)
        for model in self.models:
            if len(found) > 12:
                break
            if plain not in ("pk", "id", "slug", "name") and any(f.name == plain for f in model._meta.local_fields):
                found += self.sample(model, 1)
        return found

    def arguments(self, path: str, names: list[str], view_model: Any) -> list[dict[str, Any]]:
        """Values for the arguments of a URL that belong together: those of one object and of what it points at."""
        if not names:
            return [{}]
        found: list[tuple[int, dict[str, Any]]] = []
        for position, anchor in enumerate(reversed(names)):
            before = path.split(f"%({anchor})s")[0].strip("/").split("/")[-1]
            for number, thing in enumerate(self.candidates(anchor, view_model if position == 0 else None, before)):
                values = {anchor: identity(thing, anchor)}
                known = 0
                for name in names:
                    if name == anchor:
                        continue
                    other = related(thing, name)
                    own = getattr(thing, name, None)
                    if other is not None:
                        values[name] = identity(other, name)
                    elif isinstance(own, str | int) and own != "":
                        values[name] = own
                    else:
                        options = self.candidates(name, None)
                        values[name] = identity(options[0], name) if options else 1
                        continue
                    known += 1
                found.append((-known * 100 + position * 20 + number, values))
        found.sort(key=lambda row: row[0])
        return [v for _score, v in found[:3]] or [dict.fromkeys(names, 1)]

    # Requests

    def request(self, method: str, path: str, data: Any = None, kind: str | None = None) -> Any:
        from django.db import transaction

        response = None

        def late(_signal: int, _frame: Any) -> None:
            raise Late

        self.client.cookies = copy.deepcopy(self.cookies)  # a page may log out
        signal.signal(signal.SIGALRM, late)
        signal.alarm(20)
        try:
            with transaction.atomic():
                options: dict[str, Any] = {"content_type": kind} if kind else {}
                response = getattr(self.client, method)(path, data, **options)
                # A streamed answer has not asked for its rows yet.
                if getattr(response, "streaming", False):
                    with contextlib.suppress(Exception):
                        for _part in itertools.islice(response.streaming_content, 50):
                            pass
                transaction.set_rollback(True)
        except Late:
            pass
        except Exception as error:
            if os.environ.get("READER_VERBOSE"):
                print(f"{method} {path}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        finally:
            signal.alarm(0)
        status = getattr(response, "status_code", 0)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if os.environ.get("READER_VERBOSE"):
            print(f"{method} {path} {status}", file=sys.stderr)
        return response

    def crawl(self) -> None:
        from django.urls import get_resolver

        routes = list(flat(get_resolver(), "", []))
        random.Random(os.environ.get("READER_SEED", "5")).shuffle(routes)
        opened = 0
        for path, names, callback in routes:
            if time.monotonic() > self.until:
                print("time is up", file=sys.stderr)
                break
            if "format" in names or any(word in path for word in AVOIDED):
                continue
            if self.route(path, names, callback):
                opened += 1
        print(f"{len(routes)} routes, {opened} opened, answers {dict(sorted(self.statuses.items()))}", file=sys.stderr)

    def background(self, package: str) -> None:
        """Runs the package's own Celery tasks, with keys of rows that their parameters name, and its management commands that need no
        argument. What they write is rolled back."""
        from django.core.management import call_command, get_commands, load_command_class

        runs: list[tuple[str, Any]] = []
        with contextlib.suppress(ImportError):
            from celery import current_app

            for name, task in sorted(current_app.tasks.items()):
                if name.startswith(package + "."):
                    named = {p: self.key_of(p) for p in required(task.run) if p not in ("self", "args", "kwargs")}
                    runs.append((name, lambda task=task, named=named: task.apply(kwargs=named, throw=True)))
        for name, application in sorted(get_commands().items()):
            if str(application).startswith(package) and not any(word in name for word in COMMANDS_AVOIDED):
                with contextlib.suppress(Exception):
                    command = load_command_class(application, name)
                    if not any(action.required for action in command.create_parser("", name)._actions):
                        quiet = {"stdout": io.StringIO(), "stderr": io.StringIO()}
                        runs.append((name, lambda name=name, quiet=quiet: call_command(name, **quiet)))
        ended = sum(self.bounded(name, run) for name, run in runs)
        print(f"{len(runs)} tasks and commands, {ended} came to their end", file=sys.stderr)

    def key_of(self, name: str) -> Any:
        found = self.candidates(name, None)
        return found[0].pk if found else 1

    def bounded(self, name: str, run: Any) -> bool:
        """Runs something for 20 seconds at most, without a trace in the database; whether it came to its end."""
        from django.db import transaction

        def late(_signal: int, _frame: Any) -> None:
            raise Late

        signal.signal(signal.SIGALRM, late)
        signal.alarm(20)
        try:
            with transaction.atomic():
                run()
                transaction.set_rollback(True)
        except (Exception, SystemExit) as error:
            if os.environ.get("READER_VERBOSE"):
                print(f"{name}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
            return False
        finally:
            signal.alarm(0)
        return True

    def route(self, path: str, names: list[str], callback: Any) -> bool:
        view = getattr(callback, "view_class", None) or getattr(callback, "cls", None)
        response = None
        address = ""
        for values in self.arguments(path, names, model_of(view)):
            address = "/" + path % {n: str(v) for n, v in values.items()}
            response = self.request("get", address)
            if getattr(response, "status_code", 500) < 300:
                break
        actions = getattr(callback, "actions", None) or {}
        if actions or hasattr(view, "serializer_class"):
            self.write_api(address, actions, view)
        if response is None or response.status_code >= 300:
            return False
        if self.is_list(names, path, view, actions):
            for query in LIST_QUERIES[1:]:
                self.request("get", f"{address}?{query}")
            for name, value in filters_of(view, callback):
                self.request("get", address, {name: value})
        else:
            self.request("get", address)
        self.send_form(address, response)
        return True

    def is_list(self, names: list[str], path: str, view: Any, actions: dict[str, str]) -> bool:
        return (
            "list" in actions.values()
            or not names
            or hasattr(view, "paginate_by")
            or hasattr(view, "get_queryset")
            or "list" in path
        )

    def write_api(self, address: str, actions: dict[str, str], view: Any) -> None:
        if "post" in actions or hasattr(view, "post"):
            self.request("post", address, self.body(view), "application/json")
        for method in ("patch", "put"):
            if method in actions or hasattr(view, method):
                self.request(method, address, self.body(view) if method == "put" else {}, "application/json")
        if "delete" in actions or hasattr(view, "delete"):
            self.request("delete", address)

    def body(self, view: Any) -> dict[str, Any]:
        """A body for a serializer: what its model's first row says, as the serializer itself writes it."""
        made: dict[str, Any] = {}
        with contextlib.suppress(Exception):
            serializer = view.serializer_class
            model = serializer.Meta.model
            things = self.sample(model)
            for name, field in serializer().fields.items():
                if field.read_only:
                    continue
                with contextlib.suppress(Exception):
                    made[name] = field.to_representation(field.get_attribute(things[0]))
        return made

    def send_form(self, address: str, response: Any) -> None:
        """Sends the forms of a page as they were rendered, with something in what must not be empty."""
        context = getattr(response, "context", None)
        if not context:
            return
        forms: list[Any] = []
        for layer in context if isinstance(context, list) else [context]:
            with contextlib.suppress(Exception):
                for value in (layer.flatten() if hasattr(layer, "flatten") else dict(layer)).values():
                    value = getattr(value, "form", None) if type(value).__name__ == "AdminForm" else value
                    if hasattr(value, "management_form") or hasattr(value, "base_fields"):
                        forms.append(value)
        data: dict[str, Any] = {}
        for form in list({id(f): f for f in forms}.values())[:12]:
            with contextlib.suppress(Exception):
                for one in [form.management_form, *form.forms] if hasattr(form, "management_form") else [form]:
                    for bound in one:
                        found = filled(bound)
                        if found is not None:
                            data[bound.html_name] = found
        if data:
            self.request("post", address, data)


def required(function: Any) -> list[str]:
    """The parameters without which a function cannot be called."""
    with contextlib.suppress(TypeError, ValueError):
        parameters = inspect.signature(function).parameters.values()
        return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return []


def filled(bound: Any) -> Any:
    value = bound.value()
    if hasattr(value, "pk"):
        value = value.pk
    if value in (None, "", []) and bound.field.required:
        choices = getattr(bound.field, "choices", None)
        if choices is not None:
            value = next(
                (
                    str(key)
                    for key, _label in choices
                    if key not in ("", None) and not isinstance(_label, (list, tuple))
                ),
                None,
            )
        else:
            kind = type(bound.field).__name__
            value = {
                "IntegerField": 3,
                "DecimalField": "3.00",
                "EmailField": "amber@example.org",
                "DateField": "2026-01-02",
            }.get(kind, "amber")
    if isinstance(value, (list, tuple)):
        return [str(getattr(v, "pk", v)) for v in value]
    if value is True:
        return "on"
    return None if value is None or value is False else str(value)


def identity(thing: Any, name: str) -> Any:
    """What of an object stands in a URL."""
    plain = name.rsplit("_", 1)[-1].lower()
    order = (plain, "slug", "code", "identifier", "pk") if plain not in ("pk", "id") else ("pk",)
    for attribute in order:
        value = getattr(thing, attribute, None)
        if (isinstance(value, str | int) and value != "") or type(value).__name__ == "UUID":
            return value
    return thing.pk


def related(thing: Any, name: str, depth: int = 3) -> Any:
    """What an object points at by a name or by a class name, over a few steps."""
    plain = name.lower()
    for ending in ("_pk", "_id", "_slug"):
        plain = plain.removesuffix(ending)
    edge = [thing]
    for _step in range(depth):
        following = []
        for one in edge:
            for field in one._meta.fields:
                if field.is_relation and field.many_to_one:
                    with contextlib.suppress(Exception):
                        other = getattr(one, field.name)
                        if other is None:
                            continue
                        if plain in (field.name, other._meta.model_name):
                            return other
                        following.append(other)
        edge = following[:20]
    return None


def model_of(view: Any) -> Any:
    for attribute in (
        lambda: view.model,
        lambda: view.queryset.model,
        lambda: view.serializer_class.Meta.model,
        lambda: view.form_class.Meta.model,
    ):
        with contextlib.suppress(Exception):
            model = attribute()
            if model is not None and hasattr(model, "_meta"):
                return model
    return None


def filters_of(view: Any, callback: Any) -> list[tuple[str, str]]:
    """Parameters of a list and a value for each: a filter set's, a filter form's, the admin's."""
    found: dict[str, str] = {}
    with contextlib.suppress(Exception):
        filter_set = getattr(view, "filterset_class", None) or getattr(view, "filterset", None)
        for name, one in filter_set.base_filters.items():
            kind = type(one).__name__
            found[name] = (
                "2026-01-02"
                if "Date" in kind
                else "true"
                if "Bool" in kind
                else "1"
                if "Number" in kind or "Model" in kind
                else "amber"
            )
            with contextlib.suppress(Exception):
                found[name] = str(next(iter(dict(one.extra["choices"]))))
    with contextlib.suppress(Exception):
        for name in getattr(view, "filterset_fields", None) or getattr(view, "filter_fields", None) or ():
            found.setdefault(name, "1")
    with contextlib.suppress(Exception):
        for name, one in view.filter_form_class.base_fields.items():
            found.setdefault(name, "amber" if type(one).__name__ == "CharField" else "1")
    admin = getattr(callback, "model_admin", None)
    for item in getattr(admin, "list_filter", ()) or ():
        if isinstance(item, str):
            found.setdefault(f"{item}__exact", "1")
    return list(found.items())[:25]


def flat(resolver: Any, prefix: str, names: list[str]) -> Any:
    """(path with %(name)s, argument names, callback) of every pattern below a resolver."""
    from django.urls.resolvers import URLPattern
    from django.utils.regex_helper import normalize

    for entry in resolver.url_patterns:
        pattern = entry.pattern
        regex = pattern.regex.pattern if not hasattr(pattern, "_route") else None
        if regex is None:
            from django.urls.resolvers import _route_to_regex

            regex = _route_to_regex(pattern._route, isinstance(entry, URLPattern))[0]
            regex = getattr(regex, "pattern", regex).replace(r"\Z", "")
        with contextlib.suppress(Exception):
            for part, more in normalize(regex)[:1]:
                own = [n for n in more if not n.startswith("_")]
                if isinstance(entry, URLPattern):
                    yield prefix + part, names + own, entry.callback
                else:
                    yield from flat(entry, prefix + part, names + own)


def staff_of_pretix(user: Any) -> None:
    """Permissions come from teams; staff has them all in a session of its own. Organizers have the channel that their save() makes."""
    from django.apps import apps

    model = apps.get_model("pretixbase", "Event")
    apps.get_model("pretixbase", "Team")._base_manager.update(require_2fa=False)
    channels = apps.get_model("pretixbase", "SalesChannel")
    channels._base_manager.update(type="api")
    type(user).has_active_staff_session = lambda *_arguments: True
    user.needs_password_change = False
    user.require_2fa = False
    user.save()
    for organizer in apps.get_model("pretixbase", "Organizer")._base_manager.all()[:10]:
        with importlib.import_module("django_scopes").scopes_disabled():
            organizer.create_default_sales_channels()
    plugins = "banktransfer statistics sendmail checkinlists ticketoutputpdf badges paypal2 stripe autocheckin webcheckin manualpayment"
    model._base_manager.update(
        plugins=",".join("pretix.plugins." + p for p in plugins.split()), live=True, currency="EUR"
    )


def organization_of_label_studio(user: Any) -> None:
    from django.apps import apps

    organization = apps.get_model("organizations", "Organization").objects.order_by("pk").first()
    apps.get_model("organizations", "OrganizationMember").objects.get_or_create(user=user, organization=organization)
    user.active_organization = organization
    user.save()
    project = apps.get_model("projects", "Project")
    for number in range(3 - project.objects.count()):
        # The filler's words are no labelling configuration.
        project.objects.create(
            title=f"amber {number}", label_config="<View></View>", organization=organization, created_by=user
        )
    project.objects.update(organization=organization)
    apps.get_model("tasks", "Task").objects.filter(project=None).update(project=project.objects.first())


def profile_of_weblate(user: Any) -> None:
    from django.apps import apps

    apps.get_model("accounts", "Profile").objects.get_or_create(user=user)


HOOKS = (profile_of_weblate, staff_of_pretix, organization_of_label_studio)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--package", type=Path, help="the application's own package")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--setup", metavar="MODULE:FUNCTION")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--fill", metavar="SCRIPT")
    parser.add_argument("--rows", default="400")
    parser.add_argument("--command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    if arguments.setup:
        module, _, function = arguments.setup.partition(":")
        getattr(importlib.import_module(module), function)()
    import django

    django.setup()
    if arguments.fill:
        sys.argv = [arguments.fill, "--rows", arguments.rows, "--queries", "0"]
        runpy.run_path(arguments.fill, run_name="__main__")
        return
    recording = Recording(arguments.package)
    record(recording)
    try:
        if arguments.command:
            from django.core.management import execute_from_command_line

            execute_from_command_line(["manage.py", *arguments.command])
        else:
            from django.conf import settings

            settings.ALLOWED_HOSTS = ["*"]
            crawler = Crawler(arguments.seconds)
            crawler.crawl()
            crawler.background(arguments.package.name)
    finally:
        recording.write(arguments.out)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of the application must not keep the process
