"""A test that no view sends a query a row: with few rows and with more it may send hardly more statements (Django)

It asks every view whose route needs no key, logged in as a superuser, with two and with ten rows of each model; views that are added
later are asked as well. It fails where a view sends a query for each row it shows, which `dbwright audit` names with the line to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbwright.fixes.spelling import listing
from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.workspace import Workspace

LIBRARIES = """\
model_bakery makes the rows. django-perf-rec and pytest-django's django_assert_num_queries pin numbers that change with every feature; what
matters is that the number does not grow with the rows."""
OPTIONS = (
    Option("apps", "Applications whose models get rows; else all with models here.", several=True, is_argument=True),
    Option("file", "The test's file; else test_query_counts.py in the first application."),
)


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for applications that are none."""
    by_label = workspace.applications(given["apps"])
    labels = sorted(given["apps"] or by_label)
    test = templates.text("query_count_tests/test.py.txt", applications=listing(labels))
    if given["file"]:
        file = given["file"].strip("/")
        if not file.endswith(".py"):
            raise Refused(f"{file} is no file of Python.", "Name one such as tests/test_counts.py.")
        workspace.add(file, test)
    else:
        file = workspace.add_test(by_label[labels[0]], "test_query_counts", test)
    notes = [
        "It fails for views that send a query a row today: mend them, or let them off in EXCEPT, each with its reason."
    ]
    name = workspace.module(by_label[labels[0]], file)
    return workspace.generated(["pip install model-bakery", f"python manage.py test {name}"], f"remove {file}", notes)
