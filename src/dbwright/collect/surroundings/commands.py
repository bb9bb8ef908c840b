"""Command lines that keep something running: what they start, how many processes and threads."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dbwright.collect.surroundings.files import File, Files
from dbwright.collect.surroundings.variables import expand
from dbwright.model.surroundings import Role

_ONCE = re.compile(
    r"\b(migrate|collectstatic|compilemessages|createsuperuser|loaddata|init_?db|seed\w*|pytest|alembic|upgrade|check|test|backup|dumpdata)\b"
)
_POOLERS = re.compile(r"bouncer|pgcat|odyssey|supavisor", re.IGNORECASE)
_DATABASES = re.compile(
    r"(^|/)(postgres|postgis|timescaledb|postgresql|pgvector|spilo|supabase/postgres)[\w-]*([:@]|$)"
)


@dataclass(frozen=True, slots=True)
class Command:
    """What a command line starts. ``processes`` and ``threads`` are None when it does not say."""

    runs: Role
    server: str = ""
    is_async: bool = False
    processes: int | None = None
    threads: int | None = None
    is_development: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """The words from the program on, the variables that are known, and the files around."""

    words: list[str]
    variables: Mapping[str, str]
    files: Files


def role_of_image(image: str) -> Role | None:
    """What an image runs, for those that hold a database or a pooler."""
    name = image.rpartition("/")[2]
    if _POOLERS.search(name):
        return "pooler"
    return "database" if _DATABASES.search(image) else None


def words_of(command: str) -> list[str]:
    """The words of a shell command."""
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return command.split()


def understand(command: str | list[str], variables: Mapping[str, str], files: Files) -> Command | None:
    """What a command starts; None when it starts nothing that is known here."""
    text = command if isinstance(command, str) else shlex.join(command)
    return _of_text(expand(text, variables), variables, files, 0)


def _of_text(text: str, variables: Mapping[str, str], files: Files, depth: int) -> Command | None:
    found: Command | None = None
    for part in re.split(r"&&|\|\||;|\n", text):
        words = [word for word in words_of(part) if word not in ("exec", "nohup", "sudo", "time", "wait")]
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words.pop(0)
        if len(words) >= 3 and words[0].rpartition("/")[2] in ("sh", "bash") and words[1] in ("-c", "-lc", "-ec"):
            one = _of_text(words[2], variables, files, depth)
        else:
            one = _of_words(words, variables, files, depth)
        if one is not None and (found is None or found.runs in ("once", "other")):
            found = one
    return found


_RUNNERS = frozenset(
    "poetry uv pipenv run tini dumb-init -- newrelic-admin run-program ddtrace-run opentelemetry-instrument python python3 -m env sh bash "
    "/usr/bin/env".split()
)


def _of_words(words: list[str], variables: Mapping[str, str], files: Files, depth: int) -> Command | None:
    rest = list(words)
    while len(rest) > 1 and (rest[0].rpartition("/")[2] in _RUNNERS or rest[0] in _RUNNERS):
        rest.pop(0)
    if not rest:
        return None
    program = PurePosixPath(rest[0]).name
    handler = _SERVERS.get(program)
    if handler is not None:
        return handler(_Line(rest, variables, files))
    if program == "manage.py":
        return _manage(rest)
    script = files.named(program) if depth < 2 and "." not in program.replace(".sh", "") else None
    if script is not None and script.kind in ("script", "other"):
        lines = "\n".join(line for line in script.lines() if not line.lstrip().startswith("#"))
        return _of_text(expand(lines.replace("\\\n", " "), variables), variables, files, depth + 1)
    if program in ("alembic", "pytest") or (_ONCE.search(" ".join(rest)) and words[0] != rest[0]):
        return Command("once", program)
    return Command("other", program, processes=1, threads=1) if words[0] != rest[0] else None


def _manage(words: list[str]) -> Command | None:
    verb = words[1] if len(words) > 1 else ""
    if verb in ("runserver", "runserver_plus"):
        return Command("web", "runserver", processes=1, is_development=True)
    if _ONCE.search(verb):
        return Command("once", verb)
    return Command("worker", verb, processes=1, threads=1) if verb else None


def _number(words: list[str], *names: str) -> int | None:
    """The number behind an option: ``-w 4``, ``-w4``, ``--workers=4``."""
    for position, word in enumerate(words):
        for name in names:
            if word == name and position + 1 < len(words) and words[position + 1].isdigit():
                return int(words[position + 1])
            if match := re.fullmatch(rf"{re.escape(name)}={'' if name.startswith('--') else '?'}(\d+)", word):
                return int(match[1])
    return None


def _text(words: list[str], *names: str) -> str | None:
    for position, word in enumerate(words):
        for name in names:
            if word == name and position + 1 < len(words):
                return words[position + 1]
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return None


def _gunicorn(line: _Line) -> Command:
    config = _text(line.words, "-c", "--config")
    configured = _gunicorn_settings(line.files, config)
    kind = _text(line.words, "-k", "--worker-class") or str(configured.get("worker_class", ""))
    concurrency = line.variables.get("WEB_CONCURRENCY", "")
    processes = _number(line.words, "-w", "--workers")
    if processes is None:
        value = configured.get("workers", int(concurrency) if concurrency.isdigit() else 1)
        said = _text(line.words, "-w", "--workers") is not None
        processes = value if isinstance(value, int) and not said else None
    threads = _number(line.words, "--threads")
    if threads is None:
        value = configured.get("threads", 1)
        threads = value if isinstance(value, int) and _text(line.words, "--threads") is None else None
    if re.search("gevent|eventlet", kind):
        threads = None
    return Command(
        "web",
        "gunicorn",
        "uvicorn" in kind.lower() or "asgi" in kind.lower(),
        processes,
        threads,
        "--reload" in line.words,
    )


def _gunicorn_settings(files: Files, config: str | None) -> dict[str, object]:
    """The constants of a gunicorn configuration; a name that is computed stands for nobody knows."""
    name = PurePosixPath(config.removeprefix("file:")).name if config else "gunicorn.conf.py"
    file = files.named(name)
    tree = file.tree() if file is not None and file.kind == "python" else None
    found: dict[str, object] = {}
    for node in tree.body if tree else ():
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value.value if isinstance(node.value, ast.Constant) else None
    return found


def _uvicorn(line: _Line) -> Command:
    said = _text(line.words, "--workers") is not None
    concurrency = line.variables.get("WEB_CONCURRENCY", "")
    processes = _number(line.words, "--workers") or (None if said else int(concurrency) if concurrency.isdigit() else 1)
    return Command(
        "web",
        PurePosixPath(line.words[0]).name,
        True,
        processes,
        None,
        "--reload" in line.words or line.words[1:2] == ["dev"],
    )


def _uwsgi(line: _Line) -> Command:
    return Command(
        "web",
        "uwsgi",
        False,
        _number(line.words, "-p", "--processes", "--workers"),
        _number(line.words, "--threads") or 1,
    )


def _celery(line: _Line) -> Command:
    if "beat" in line.words and "worker" not in line.words:
        return Command("scheduler", "celery beat", processes=1)
    if "worker" not in line.words:
        return Command("other", "celery", processes=0)
    concurrency = _number(line.words, "-c", "--concurrency")
    pool = _text(line.words, "-P", "--pool") or "prefork"
    if pool == "solo":
        return Command("worker", "celery", False, 1, 1)
    if pool != "prefork":
        return Command("worker", f"celery ({pool})", False, 1, concurrency)
    return Command("worker", "celery", False, concurrency, 1)


def _dramatiq(line: _Line) -> Command:
    return Command(
        "worker",
        "dramatiq",
        False,
        _number(line.words, "-p", "--processes"),
        _number(line.words, "-t", "--threads") or 8,
    )


def _single(line: _Line) -> Command:
    return Command("worker", PurePosixPath(line.words[0]).name, False, 1, 1)


def _asgi(line: _Line) -> Command:
    return Command("web", PurePosixPath(line.words[0]).name, True, _number(line.words, "-w", "--workers") or 1, None)


_SERVERS = {
    "gunicorn": _gunicorn, "uvicorn": _uvicorn, "fastapi": _uvicorn, "uwsgi": _uwsgi, "celery": _celery, "dramatiq": _dramatiq,
    "rq": _single, "rqworker": _single, "huey_consumer": _single, "huey_consumer.py": _single, "arq": _single,
    "daphne": _asgi, "hypercorn": _asgi, "granian": _asgi,
}  # fmt: skip


def of_dockerfile(file: File) -> tuple[list[str], int] | None:
    """The command that a Dockerfile's last stage starts, and its line."""
    found: dict[str, tuple[list[str], int]] = {}
    text = ""
    began = 0
    for number, line in enumerate(file.lines(), 1):
        if line.lstrip().startswith("#"):
            continue
        began = began or number
        text += line.rstrip()
        if text.endswith("\\"):
            text = text[:-1] + " "
            continue
        if match := re.match(r"\s*(FROM|CMD|ENTRYPOINT)\s+(.*)", text, re.IGNORECASE):
            if match[1].upper() == "FROM":
                found.clear()
            else:
                found[match[1].upper()] = (_docker_words(match[2]), began)
        text, began = "", 0
    parts = [found[name] for name in ("ENTRYPOINT", "CMD") if name in found]
    return ([word for words, _ in parts for word in words], parts[-1][1]) if parts else None


def _docker_words(text: str) -> list[str]:
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            return words_of(text)
        return [str(word) for word in words] if isinstance(words, list) else []
    return words_of(text)


def of_procfile(file: File) -> Iterator[tuple[str, str, int]]:
    """Name, command and line of each process."""
    for number, line in enumerate(file.lines(), 1):
        if match := re.match(r"([\w-]+):\s*(.+)", line):
            yield match[1], match[2], number


def of_unit(file: File) -> Iterator[tuple[str, str, int]]:
    """Name, command and line of what a systemd unit starts."""
    for number, line in enumerate(file.lines(), 1):
        if match := re.match(r"ExecStart\s*=\s*[-@+!]*(.+)", line):
            yield PurePosixPath(file.name).stem, match[1], number
