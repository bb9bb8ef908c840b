"""Compose files: the services that share a database, what they run and what they are given.

PyYAML composes the nodes (nothing is constructed), because only nodes know their lines; an alias stays one node, so none can swell.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from dbwright.collect.surroundings import commands
from dbwright.collect.surroundings.files import File, Files, environment_of
from dbwright.collect.surroundings.variables import (
    REFERENCE,
    EnvFile,
    Variable,
    environment_said,
    expand,
)
from dbwright.model.source_table import Place
from dbwright.model.surroundings import Amount, Environment, Role, Service

MOST_SERVICES = 200
DEEPEST_MERGE = 10


class NotYaml(Exception):
    """The file cannot be read as YAML. ``line`` counts from 1."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True)
class Deployment:
    """What one compose file says. ``env_files`` are those that its services are given (a variable's default counts)."""

    file: str
    environment: Environment
    services: tuple[Service, ...] = ()
    variables: tuple[Variable, ...] = ()
    env_files: frozenset[str] = frozenset()
    max_connections: Amount | None = None
    postgres_conf: tuple[str, ...] = ()
    pool_mode: tuple[str, Place] | None = None


def parse(file: File) -> Any:
    """The root node of a YAML file (its first document). Raises NotYaml."""
    try:
        import yaml
    except ImportError:
        raise NotYaml("PyYAML is not installed") from None
    try:
        return next(iter(yaml.compose_all(file.read().decode("utf-8", "replace"), yaml.SafeLoader)), None)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYaml(f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NotYaml(f"not YAML: {type(error).__name__}") from None


def items(node: Any, depth: int = 0) -> dict[str, Any]:
    """The values of a mapping node by key, those merged with ``<<`` included; empty for any other node."""
    if getattr(node, "id", "") != "mapping" or depth > DEEPEST_MERGE:
        return {}
    found: dict[str, Any] = {}
    for key, value in node.value:
        if getattr(key, "value", None) == "<<":
            for merged in value.value if value.id == "sequence" else [value]:
                found = {**items(merged, depth + 1), **found}
    found.update({str(key.value): value for key, value in node.value if key.id == "scalar" and key.value != "<<"})
    return found


def text(node: Any) -> str:
    return str(node.value) if getattr(node, "id", "") == "scalar" else ""


def line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def sequence(node: Any) -> list[Any]:
    return list(node.value) if getattr(node, "id", "") == "sequence" else []


def read(file: File, files: Files, env_files: Mapping[str, EnvFile]) -> Deployment | None:
    """The deployment of a compose file; None when it is none. Raises NotYaml."""
    root = items(parse(file))
    services = items(root.get("services"))
    if not services or not any(items(node).keys() & {"image", "build", "command"} for node in services.values()):
        return None
    reader = _Reader(file, files, env_files)
    for name, node in list(services.items())[:MOST_SERVICES]:
        reader.service(name, node)
    return reader.deployment()


class _Reader:
    def __init__(self, file: File, files: Files, env_files: Mapping[str, EnvFile]) -> None:
        self.file = file
        self.files = files
        self.env_files = env_files
        self.folder = posixpath.dirname(file.name)
        self.environment: Environment = environment_of(file.name)
        self.services: list[Service] = []
        self.variables: list[Variable] = []
        self.used: set[str] = set()
        self.max_connections: Amount | None = None
        self.postgres_conf: list[str] = []
        self.pool_mode: tuple[str, Place] | None = None
        self.is_development = False
        self.is_deployed = False
        self.outside = self._env_file(".env")

    def _env_file(self, name: str) -> dict[str, str]:
        found = self.env_files.get(posixpath.normpath(posixpath.join(self.folder, name)))
        return {v.name: v.value for v in found.variables} if found else {}

    def deployment(self) -> Deployment:
        environment = self.environment
        if environment == "any" and self.is_development:
            environment = "development"
        if environment == "any" and not self.is_deployed:
            environment = "development"  # a database for the developer's machine; the application runs outside
        return Deployment(
            self.file.name,
            environment,
            tuple(replace(s, environment=environment) for s in self.services),
            tuple(replace(v, environment=environment) for v in self.variables),
            frozenset(self.used),
            self.max_connections,
            tuple(self.postgres_conf),
            self.pool_mode,
        )

    def service(self, name: str, node: Any) -> None:
        parts = items(node)
        given = dict(self._given(parts))
        variables = {**self._from_env_files(parts), **self.outside}
        image = expand(text(parts.get("image")), self.outside)
        role = commands.role_of_image(image)
        if environment_said(given.items()) == "production" and self.environment == "any":
            self.environment = "production"
        variables |= given
        command, at = self._command(parts, node)
        if role == "database":
            self._postgres(command, at, parts)
        elif role == "pooler":
            self._pooler(given, at)
        found = commands.understand(command, variables, self.files) if command and role is None else None
        runs: Role = role or (found.runs if found else "other")
        if found and (found.is_development or self._mounts_source(parts)):
            self.is_development = True
        if found and found.runs in ("web", "worker") and not found.is_development:
            self.is_deployed = True
        if text(parts.get("restart")).strip("\"'") == "no":
            runs = "once"
        place = Place(self.file.name, at if command and "command" in parts else line(node))
        self.services.append(
            Service(
                name=name,
                place=place,
                environment="any",
                runs=runs,
                server=found.server if found else image.rpartition("/")[2].partition(":")[0],
                group=self.file.name,
                is_async=bool(found and found.is_async),
                processes=Amount(found.processes, place) if found and found.processes is not None else None,
                threads=Amount(found.threads, place) if found and found.threads is not None else None,
                replicas=self._replicas(parts),
                shares_database=self._shares_database(parts, variables),
            )
        )

    def _given(self, parts: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """The variables of a service, each also kept with its line."""
        node = parts.get("environment")
        pairs = [(key, text(value), line(value)) for key, value in items(node).items()]
        for entry in sequence(node):
            key, _, value = text(entry).partition("=")
            pairs.append((key.strip(), value, line(entry)))
        for key, value, at in pairs:
            expanded = expand(value, self.outside)
            is_fallback = any(match[2] and match[2].endswith("-") for match in REFERENCE.finditer(value))
            place = Place(self.file.name, at)
            self.variables.append(Variable(key, expanded, place, "any", is_fallback=is_fallback))
            yield key, expanded

    def _from_env_files(self, parts: dict[str, Any]) -> dict[str, str]:
        node = parts.get("env_file")
        names = [text(node)] if text(node) else [text(e) or text(items(e).get("path")) for e in sequence(node)]
        found: dict[str, str] = {}
        for name in names:
            path = posixpath.normpath(posixpath.join(self.folder, expand(name, self.outside)))
            if path in self.env_files:
                self.used.add(path)
                found |= {v.name: v.value for v in self.env_files[path].variables}
        return found

    def _command(self, parts: dict[str, Any], node: Any) -> tuple[str | list[str], int]:
        for key in ("command", "entrypoint"):
            given = parts.get(key)
            if given is not None:
                words = [text(word) for word in sequence(given)]
                if words or text(given):
                    return (words or text(given)), line(given)
        build = parts.get("build")
        if build is None:
            return "", line(node)
        context = text(build) or text(items(build).get("context")) or "."
        name = text(items(build).get("dockerfile")) or "Dockerfile"
        file = self.files.by_name.get(posixpath.normpath(posixpath.join(self.folder, context, name)))
        found = commands.of_dockerfile(file) if file else None
        return (found[0] if found else ""), line(node)

    def _mounts_source(self, parts: dict[str, Any]) -> bool:
        """``.:/app``: the container runs what the developer edits."""
        for volume in sequence(parts.get("volumes")):
            source = text(volume).partition(":")[0] or text(items(volume).get("source"))
            if source.rstrip("/") in (".", "..", "./src", "./backend", "./app", "./api", "./server", "$PWD", "${PWD}"):
                return True
        return False

    def _replicas(self, parts: dict[str, Any]) -> int:
        given = text(items(parts.get("deploy")).get("replicas")) or text(parts.get("scale"))
        number = expand(given, self.outside)
        return int(number) if re.fullmatch(r"\d{1,4}", number) else 1

    def _shares_database(self, parts: dict[str, Any], variables: Mapping[str, str]) -> bool:
        waits = parts.get("depends_on")
        names = {text(e) for e in sequence(waits)} | set(items(waits))
        given = any(re.search(r"DATABASE|POSTGRES|^DB_|^PG", key) for key in variables)
        return given or any(re.search(r"db|postgres|database|sql", name, re.IGNORECASE) for name in names)

    def _postgres(self, command: str | list[str], at: int, parts: dict[str, Any]) -> None:
        words = " ".join(command) if isinstance(command, list) else command
        if match := re.search(r"max_connections\s*=\s*['\"]?(\d+)", words):
            self.max_connections = Amount(int(match[1]), Place(self.file.name, at))
        for volume in sequence(parts.get("volumes")):
            source = text(volume).partition(":")[0] or text(items(volume).get("source"))
            if source.endswith(".conf"):
                self.postgres_conf.append(posixpath.normpath(posixpath.join(self.folder, source)))

    def _pooler(self, given: Mapping[str, str], at: int) -> None:
        mode = next((v for k, v in given.items() if k.endswith("POOL_MODE")), "")
        if mode in ("transaction", "session", "statement"):
            self.pool_mode = (mode, Place(self.file.name, at))


def names_of_images(file: File) -> set[str]:
    """The images that a workflow or compose file names, wherever they stand. Raises NotYaml."""
    found: set[str] = set()
    waiting = [parse(file)]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if node.id == "mapping":
            for key, value in node.value:
                if getattr(key, "value", "") == "image" and value.id == "scalar":
                    found.add(PurePosixPath(value.value).as_posix())
                waiting.append(value)
        elif node.id == "sequence":
            waiting += node.value
    return found
