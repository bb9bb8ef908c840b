"""A new strong password for a database role: made, set, proven and written into the project's files, shown nowhere

A script that logs in with the old password, sets one of 48 letters (the server gets its SCRAM secret, so no log has it), connects with
it, and only then exchanges it in the files where the old one stands: as a variable's value and within addresses. Whatever fails leaves the
old one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dbwright.fixes.spelling import listing, text
from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.workspace import Workspace

LIBRARIES = """\
Vault, the managers of secrets of clouds and IAM logins rotate without files; where one of them is in use, this is not needed."""
OPTIONS = (
    Option("role", "The role.", required=True, is_argument=True),
    Option("variable", "The variable with its password, or with an address that has it.", default="DATABASE_URL"),
    Option(
        "file", "A file in which it stands; else .env files and what sets addresses or weak passwords.", several=True
    ),
    Option("folder", "Where the script goes.", default="database"),
)


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused where no file is known that has the variable."""
    role, variable, folder = given["role"], given["variable"], given["folder"].strip("/")
    if not re.fullmatch(r"[A-Za-z_]\w*", variable):
        raise Refused(f"{variable} is no name of a variable.", "Take letters, digits and underscores.")
    root = workspace.project.root
    around = workspace.project.surroundings
    known = [
        *(path.name for path in sorted(root.glob(".env*")) if path.is_file() and not _is_example(path.name)),
        *(one.place.file for one in around.urls if not one.is_example),
        *(one.place.file for one in around.passwords),
    ]
    files = [name for name in dict.fromkeys(given["file"] or known) if not name.endswith(".py")]
    for name in files:
        if not (root / name).resolve().is_relative_to(root) or not (root / name).is_file():
            raise Refused(f"{name} is no file of the project.", "Name files below the project's folder.")
    named = re.compile(rf"^\s*(export\s+|-\s*)?{variable}\s*[=:]", re.MULTILINE)
    if not any(named.search((root / name).read_text(errors="replace")) for name in files):
        raise Refused(
            f"{variable} stands in {'none of ' + ', '.join(files) if files else 'no file here'}.",
            "Name the variable with --variable and its file with --file.",
        )
    script = f"{folder}/rotate_{re.sub(r'[^a-z0-9]+', '_', role.lower()).strip('_') or 'role'}.py"
    workspace.add(
        script,
        templates.text(
            "password_rotation/script.py.txt",
            role=re.sub(r"[^\w.-]", "?", role),
            role_text=text(role),
            variable_text=text(variable),
            files=listing(files),
            file=script,
            depth=script.count("/"),
        ),
    )
    notes = [f"It changes {', '.join(files)}; copies elsewhere (a CI, a host's settings) stay to be changed by hand."]
    return workspace.generated(
        [f"python {script} --dry-run", f'python {script} --restart "COMMAND"'],
        "run it again: the password before is not kept",
        notes,
    )


def _is_example(name: str) -> bool:
    return bool(re.search(r"example|sample|template|dist", name))
