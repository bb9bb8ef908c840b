"""What stands around the code of a project, read from its files: settings, env and compose files, commands, requirements, CI.

Nothing is run, and no value of a secret leaves this package: what it returns (``Surroundings``) holds none.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dbwright.collect.surroundings import commands, compose, engines, hints, passwords
from dbwright.collect.surroundings.compose import Deployment, NotYaml
from dbwright.collect.surroundings.files import File, Files, environment_of
from dbwright.collect.surroundings.passwords import Written
from dbwright.collect.surroundings.settings import Settings, access
from dbwright.collect.surroundings.variables import EnvFile, Variable, parse_url, read_env
from dbwright.model.source import SourceProblem
from dbwright.model.source_table import Place
from dbwright.model.surroundings import (
    Amount,
    DatabaseAccess,
    DatabaseUrl,
    Environment,
    Hint,
    Service,
    Surroundings,
)
from dbwright.source.files import role_of

_URL_NAME = re.compile(r"(^|_)(DATABASE|DB|POSTGRES|PG|SQLALCHEMY)\w*(UR[IL]|DSN)$|^DATABASE(_\w+)?$", re.IGNORECASE)
_SCHEME = re.compile(r"\w*\+(asyncpg|psycopg|psycopg2|psycopg_async)(://)?")


def read(root: Path) -> tuple[Surroundings, tuple[SourceProblem, ...]]:
    """The surroundings of a project, and what of them could not be read."""
    return _Reader(Files(root), root).read()


class _Reader:
    def __init__(self, files: Files, root: Path) -> None:
        self.files = files
        self.root = root
        self.problems: list[SourceProblem] = []
        self.written: list[Written] = []
        self.urls: list[DatabaseUrl] = []
        self.hints: list[Hint] = []

    def read(self) -> tuple[Surroundings, tuple[SourceProblem, ...]]:
        if self.files.cut:
            self.problems.append(SourceProblem("", 0, "the folder holds more files than were looked through"))
        env_files = {file.name: read_env(file) for file in self.files.of("env")}
        deployments = list(self.deployments(env_files))
        env_files = self.told_by_deployments(env_files, deployments)
        variables = [v for env in env_files.values() for v in env.variables]
        variables += [v for deployment in deployments for v in deployment.variables]
        for variable in variables:
            self.url_of(variable)
        self.written += passwords.of_variables(variables)
        accesses = (*self.django(), *self.as_configured(list(self.sqlalchemy(variables))))
        mode, mode_place = self.pool_mode(deployments)
        self.hints += hints.traces(self.files)
        self.hints += [
            Hint("pool ping", "pool_pre_ping", place) for place in hints.words(self.files, b"pool_pre_ping")
        ][:1]
        self.ci()
        self.sqlite_files(env_files, deployments)
        found = Surroundings(
            accesses=accesses,
            urls=tuple(self.urls),
            services=(*(s for d in deployments for s in d.services), *self.other_services()),
            passwords=tuple(passwords.weak(self.written)),
            hints=tuple(dict.fromkeys(self.hints)),
            packages=tuple(sorted(hints.packages(self.files))),
            django_version=hints.django_version(self.files),
            max_connections=self.max_connections(deployments),
            pool_mode=mode,
            pool_mode_place=mode_place,
        )
        return found, tuple(self.problems)

    # Deployments

    def deployments(self, env_files: dict[str, EnvFile]) -> Iterator[Deployment]:
        for file in self.files.of("compose"):
            try:
                found = compose.read(file, self.files, env_files)
            except NotYaml as error:
                self.problems.append(SourceProblem(file.name, error.line, str(error)))
                continue
            if found is not None:
                yield found

    def told_by_deployments(self, env_files: dict[str, EnvFile], deployments: list[Deployment]) -> dict[str, EnvFile]:
        """An env file for developers that a deployment is started with is no longer one."""
        deployed = {name for d in deployments if d.environment != "development" for name in d.env_files}
        return {
            name: env.told("any") if name in deployed and env.environment == "development" else env
            for name, env in env_files.items()
        }

    def other_services(self) -> Iterator[Service]:
        started = [(file, entry) for file in self.files.of("procfile") for entry in commands.of_procfile(file)]
        started += [(f, e) for f in self.files.of("script") if f.name.endswith(".service") for e in commands.of_unit(f)]
        for file, (name, text, line) in started:
            found = commands.understand(text, {}, self.files)
            if found is not None and name != "release":
                yield _service(file, name, line, found)
        for file in self.files.of("dockerfile"):
            command = commands.of_dockerfile(file)
            found = commands.understand(command[0], {}, self.files) if command else None
            if command is not None and found is not None:
                yield replace(_service(file, "image", command[1], found), group=f"{file.name} alone")

    def max_connections(self, deployments: list[Deployment]) -> Amount | None:
        for deployment in deployments:
            if deployment.max_connections:
                return deployment.max_connections
            for name in deployment.postgres_conf:
                file = self.files.by_name.get(name)
                found = hints.server_limits(file) if file else None
                if found:
                    return found
        return None

    def pool_mode(self, deployments: list[Deployment]) -> tuple[str | None, Place | None]:
        for deployment in deployments:
            if deployment.pool_mode:
                return deployment.pool_mode
        for file in self.files.of("settings"):
            found = hints.pooler_mode(file) if "bouncer" in file.name.lower() else None
            if found:
                return found
        return None, None

    def ci(self) -> None:
        """A server of PostgreSQL that the workflows start for the tests."""
        for file in self.files.of("ci"):
            try:
                images = compose.names_of_images(file)
            except NotYaml as error:
                self.problems.append(SourceProblem(file.name, error.line, str(error)))
                continue
            if (
                any(commands.role_of_image(image) == "database" for image in images)
                or b"postgres" in file.read().lower()
            ):
                self.hints.append(Hint("ci database", "postgresql", Place(file.name, 1)))

    def sqlite_files(self, env_files: dict[str, EnvFile], deployments: list[Deployment]) -> None:
        """Deployments that name a SQLite file."""
        sources: list[tuple[Environment, tuple[Variable, ...]]] = [
            (e.environment, e.variables) for e in env_files.values()
        ]
        sources += [(d.environment, d.variables) for d in deployments]
        for environment, variables in sources:
            for variable in variables:
                address = parse_url(variable.value)
                named = re.search(r"SQLITE|^(DB|DATABASE)_(NAME|PATH|FILE)$", variable.name) and re.search(
                    r"\.(sqlite3?|db)$", variable.value
                )
                if (address and address.engine == "sqlite") or named:
                    self.hints.append(Hint("sqlite file", variable.name, variable.place, environment))

    # Addresses and accesses

    def url_of(self, variable: Variable) -> None:
        address = parse_url(variable.value) if _URL_NAME.search(variable.name) else None
        if address:
            self.urls.append(
                DatabaseUrl(
                    variable.name,
                    address.engine,
                    address.driver,
                    variable.place,
                    variable.environment,
                    variable.is_example,
                )
            )

    def django(self) -> Iterator[DatabaseAccess]:
        files = [file for file in self.files.of("python") if role_of(file.name) != "migrations"]
        for file, entry, alias in Settings(files, self.root).read():
            if entry.password and entry.password_place and entry.is_complete:
                self.written.append(
                    Written(
                        f"DATABASES[{alias!r}]",
                        entry.password,
                        entry.password_place,
                        entry.environment,
                        entry.user,
                        is_fallback=entry.password_variable is not None,
                    )
                )
            if role_of(file.name) == "tests" and entry.environment != "tests":
                entry.environment = "tests"
            yield access(entry, alias)

    def sqlalchemy(self, variables: list[Variable]) -> Iterator[DatabaseAccess]:
        by_name: defaultdict[str, list[Variable]] = defaultdict(list)
        for variable in variables:
            by_name[variable.name.upper()].append(variable)
        modules: list[tuple[File, ast.Module]] = []
        for file in self.files.of("python"):
            content = file.read()
            if engines.MAKERS.search(content) or b"BaseSettings" in content:
                tree = file.tree()
                if tree is not None and role_of(file.name) != "migrations":
                    modules.append((file, tree))
        defaults: dict[str, Amount] = {}
        for file, tree in modules:
            for name, value, place in engines.class_defaults(file, tree):
                if isinstance(value, int) and not isinstance(value, bool):
                    defaults.setdefault(name.upper(), Amount(value, place))
                elif isinstance(value, str):
                    self.default_text(name, value, place)
        options = [found for file, tree in modules for found in engines.flask_options(file, tree)]
        for file, tree in modules:
            if engines.MAKERS.search(file.read()):
                yield from engines.EngineReader(file, tree, by_name, defaults).read()
                yield from engines.flask_accesses(file, tree, options)

    def default_text(self, name: str, text: str, place: Place) -> None:
        """An address or a password that a settings class falls back to."""
        environment = environment_of(place.file)
        if role_of(place.file) == "tests":
            return
        variable = Variable(name.upper(), text, place, environment, is_fallback=True)
        self.url_of(variable)
        self.written += passwords.of_variables([variable])

    def as_configured(self, accesses: list[DatabaseAccess]) -> Iterator[DatabaseAccess]:
        """The accesses; those whose address gets its driver from code on the way (``replace("postgresql://", "postgresql+asyncpg://")``) do
        not use it as it is configured. Only code that the engine's module imports is on its way."""
        writers = set(filter(self.names_driver, self.files.of("python")))
        settings = Settings(list(self.files.of("python")), self.root)
        for one in accesses:
            file = self.files.by_name[one.place.file]
            on_the_way = settings.reachable(file.path) if writers and one.variable else set()
            is_rewritten = any(writer.path in on_the_way for writer in writers)
            yield replace(one, variable=None) if is_rewritten else one

    def names_driver(self, file: File) -> bool:
        """Whether a module holds the scheme of an address with a driver as a text of its own."""
        tree = file.tree() if b"+asyncpg" in file.read() or b"+psycopg" in file.read() else None
        return any(
            isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_SCHEME.fullmatch(node.value))
            for node in (ast.walk(tree) if tree else ())
        )


def _service(file: File, name: str, line: int, found: commands.Command) -> Service:
    place = Place(file.name, line)
    environment = environment_of(file.name)
    return Service(
        name=name,
        place=place,
        environment="development" if found.is_development else environment,
        runs=found.runs,
        server=found.server,
        group=file.name,
        is_async=found.is_async,
        processes=Amount(found.processes, place) if found.processes is not None else None,
        threads=Amount(found.threads, place) if found.threads is not None else None,
        shares_database=True,
    )


__all__ = ["read"]
