"""A router that sends reads to a replica, and whoever has just written to the primary (Django)

The replica is an entry of DATABASES that is there when the environment names its host, so development and tests go on without one. Reads in
a transaction stay on the primary, and so do those of a user who wrote some seconds ago, also when another process answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbwright.fixes.spelling import listing
from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused, require_variable
from dbwright.generate.workspace import Workspace

LIBRARIES = """\
django-multidb-router does the same with several replicas and its own middleware; where the project requires it, this refuses. For one
replica, or a proxy before several, this is a module of forty lines."""
OPTIONS = (
    Option("apps", "Applications whose reads may go to the replica; else all.", several=True, is_argument=True),
    Option("seconds", "How long who wrote reads from the primary.", default=5),
    Option("variable", "The environment variable with the replica's host.", default="REPLICA_HOST"),
    Option("settings", "The settings file, where there are several."),
)


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused where it is not clear which settings are meant."""
    if workspace.requires("django-multidb-router"):
        raise Refused(
            "The project requires django-multidb-router, which does this.", "Give it the replica in REPLICA_DATABASES."
        )
    require_variable(given["variable"])
    models = workspace.applications(given["apps"])
    settings = workspace.settings_file(given["settings"])
    folder = settings.rpartition("/")[0]
    file = f"{folder}/replica_router.py".lstrip("/")
    workspace.add(
        file, templates.text("replica_router/module.py.txt", seconds=given["seconds"], apps=listing(given["apps"]))
    )
    module = workspace.module(next(iter(models.values())), file)
    workspace.add_to_settings(settings, _replica(module, given["variable"]))
    notes = [
        f"Without {given['variable']} in the environment nothing changes.",
        f"Put {module}.PinAfterWrite first into MIDDLEWARE.",
    ]
    return workspace.generated(
        [f"{given['variable']}=… python manage.py check --database replica"], "take the edits back", notes
    )


def _replica(module: str, variable: str) -> str:
    return (
        f'if os.environ.get("{variable}"):\n    DATABASES["replica"] = {{\n        **DATABASES["default"],\n'
        f'        "HOST": os.environ["{variable}"],\n        "TEST": {{"MIRROR": "default"}},\n    }}\n'
        f'    DATABASE_ROUTERS = ["{module}.ReplicaRouter"]\n'
    )
