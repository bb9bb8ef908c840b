"""Configuration: ``[tool.dbwright]`` in the nearest pyproject.toml, ``DBWRIGHT_*`` in the environment, and the baseline file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from dbwright.errors import DbwrightError
from dbwright.model.finding import SEVERITIES, Finding
from dbwright.model.report import Ignore

BASELINE_NAME = ".dbwright-baseline.json"
_IGNORE_EXAMPLE = 'Write {rule = "indexes/unused", object = "orders.*", reason = "…", until = 2027-01-31}.'
_KEYS = {"database", "fail-on", "only", "ignore", "limits", "baseline"}


class ConfigurationError(DbwrightError):
    """The configuration cannot be read."""


@dataclass(frozen=True)
class Configuration:
    """What a project configured. ``limits`` are thresholds by rule id and name; ``baseline`` is relative to the file that names it, in the
    environment to the working directory."""

    file: Path | None = None
    database: str | None = field(default=None, repr=False)
    fail_on: str | None = None
    only: tuple[str, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    baseline: Path | None = None


def load(root: Path, environment: Mapping[str, str]) -> Configuration:
    """Read the configuration for a folder. Raises ConfigurationError with file and key."""
    path = next((p / "pyproject.toml" for p in (root, *root.parents) if (p / "pyproject.toml").is_file()), None)
    table: Any = {}
    if path:
        try:
            tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
            table = tools.get("dbwright", {}) if isinstance(tools, dict) else {}
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: {error}.", "Mend the file; the line is named above.") from None
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: tool.dbwright is no table.", "Write [tool.dbwright] and keys below it.")
    for key in ("database", "baseline", "fail-on"):
        if not isinstance(table.get(key, ""), str):
            raise ConfigurationError(f"{path}: {key} must be a string.", f'Write {key} = "…".')
    if not isinstance(table.get("ignore", []), list):
        raise ConfigurationError(f"{path}: ignore must be a list of tables.", _IGNORE_EXAMPLE)
    for key in table:
        if key not in _KEYS:
            raise ConfigurationError(
                f"{path}: [tool.dbwright] has no key {key!r}.", f"Known keys: {', '.join(sorted(_KEYS))}."
            )
    fail_on = environment.get("DBWRIGHT_FAIL_ON") or table.get("fail-on")
    if fail_on is not None and fail_on not in (*SEVERITIES, "never"):
        raise ConfigurationError(
            f"fail-on = {fail_on!r} is no severity.", f"Use one of {', '.join(SEVERITIES)}, never."
        )
    return Configuration(
        file=path if table else None,
        database=environment.get("DBWRIGHT_DATABASE") or table.get("database"),
        fail_on=fail_on,
        only=_strings(table, "only"),
        ignores=tuple(_ignore(entry, str(path)) for entry in table.get("ignore", ())),
        limits=_limits(table.get("limits", {}), path),
        baseline=_baseline(environment.get("DBWRIGHT_BASELINE"), table.get("baseline"), path),
    )


def _baseline(wanted: str | None, configured: str | None, path: Path | None) -> Path | None:
    if wanted:
        return Path.cwd() / wanted
    return path.parent / configured if path and configured else None


def _strings(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, ())
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"[tool.dbwright] {key} must be a list of strings.", f'Write {key} = ["indexes/*"].')
    return tuple(value)


def _limits(table: Any, path: Path | None) -> dict[str, dict[str, float]]:
    shown = 'Write [tool.dbwright.limits."indexes/duplicate"] with name = number.'
    if not isinstance(table, dict) or not all(isinstance(value, dict) for value in table.values()):
        raise ConfigurationError(f"{path}: limits must be tables by rule.", shown)
    for rule, limits in table.items():
        for name, value in limits.items():
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ConfigurationError(f"{path}: limits.{rule}.{name} is not a number.", shown)
    return table


def _ignore(entry: Any, source: str) -> Ignore:
    """An ignore needs a reason: what is accepted without one is forgotten, not decided."""
    example = _IGNORE_EXAMPLE
    if not isinstance(entry, dict) or not entry.get("rule"):
        raise ConfigurationError(f"{source}: an ignore names no rule.", example)
    if not str(entry.get("reason", "")).strip():
        raise ConfigurationError(f"{source}: the ignore of {entry['rule']} gives no reason.", example)
    until = entry.get("until")
    try:
        until = None if until is None else date.fromisoformat(str(until)).isoformat()
    except ValueError:
        raise ConfigurationError(f"{source}: until = {until!r} is no date.", example) from None
    return Ignore(str(entry["rule"]), str(entry["reason"]), str(entry.get("object", "*")), until, source)


# -- baseline ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Baseline:
    """Findings of one database known before: id to a line that people can read. Only findings that are not in it fail a check.
    ``target`` is the identity of the database; another's audit never shortens it."""

    version: int
    target: str
    findings: dict[str, str]


def read_baseline(path: Path) -> Baseline:
    """Raises ConfigurationError when the file is no baseline."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Baseline)
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a baseline file"
        raise ConfigurationError(f"{path}: {reason}.", "Write it anew with `dbwright baseline`.") from None


def encode_baseline(target: str, findings: Mapping[str, str]) -> bytes:
    """Sorted and indented, so that it can be reviewed and merged."""
    ordered = dict(sorted(findings.items(), key=lambda item: (item[1], item[0])))
    return msgspec.json.format(msgspec.json.encode(Baseline(1, target, ordered)), indent=1) + b"\n"


def baseline_line(finding: Finding) -> str:
    return f"{finding.rule}: {finding.title}"
