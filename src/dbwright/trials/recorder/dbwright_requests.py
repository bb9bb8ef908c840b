"""``python -m dbwright_requests [--as USER] URL …``: pages of a Django project as tests, on the database that its settings name.

Each page is asked for twice, and the second time written down: what is kept in caches then is. All that a page writes to the databases
is taken back; mails go nowhere, as in Django's own tests.
"""

import argparse
import contextlib
import os
import re
import sys

import dbwright_recorder

SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)""")


def main():
    parser = argparse.ArgumentParser(prog="dbwright_requests")
    parser.add_argument("--as", dest="user", default="")
    parser.add_argument("urls", nargs="+")
    given = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    if "DJANGO_SETTINGS_MODULE" not in os.environ and os.path.exists("manage.py"):
        with open("manage.py", encoding="utf-8") as file:
            found = SETTINGS.search(file.read())
        if found:
            os.environ["DJANGO_SETTINGS_MODULE"] = found[1]
    import django

    django.setup()
    from django.test.utils import setup_test_environment

    setup_test_environment(debug=False)
    for url in given.urls:
        with taken_back():
            client = _client(given.user)
            client.get(url, follow=True, secure=True)
            dbwright_recorder.begin(url)
            try:
                response = client.get(url, follow=True, secure=True)
                if response.status_code >= 400:
                    dbwright_recorder.failed(f"answered {response.status_code}")
            finally:
                dbwright_recorder.end()


@contextlib.contextmanager
def taken_back():
    from django.db import connections, transaction

    with contextlib.ExitStack() as stack:
        for alias in connections:
            stack.enter_context(transaction.atomic(using=alias))
        yield
        for alias in connections:
            transaction.set_rollback(True, using=alias)


def _client(name):
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client(raise_request_exception=False)
    if name:
        user = get_user_model()._default_manager.get_by_natural_key(name)
        client.force_login(user)
        answer = client.handler.get_response

        def answer_to(request):
            request._force_auth_user = user  # REST framework may know no sessions
            return answer(request)

        client.handler.get_response = answer_to
    return client


if __name__ == "__main__":
    main()
