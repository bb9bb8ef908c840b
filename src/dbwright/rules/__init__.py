"""The rules. The folder is the list: ``rules/<area>/<defect>.py`` is the rule ``area/defect`` (underscores become dashes).

A rule module holds, in this order: its docstring (the defect in one sentence, then ``## Why it matters`` and ``## When to ignore``),
``RISK``, ``NEEDS``, ``LIMITS``, ``COVERS``, ``BAD``, ``GOOD``, and ``check``. It may hold ``ENGINES``, ``MINIMUM_MAJOR``,
``YIELDS_TO`` and ``praise``. See ``Rule`` for what each means.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import cast

from dbwright.model.change import Engine
from dbwright.model.finding import Finding, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot

Limits = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as read from its module.

    ``risk``: what kind of harm the defect does; it bounds the severity.
    ``needs``: the sections of the snapshot without which the rule cannot look (``server`` when version and role are enough); a Gap
    in one makes it *not checked*.
    ``limits``: thresholds by name, overridable by configuration.
    ``covers``: names of the checks of the field that it stands for, and rows of the ledger.
    ``yields_to``: rules whose finding about the same object says it better, so that one defect gives one message.
    ``praise``: called when the rule found nothing; yields strengths with their evidence.
    """

    id: str
    title: str
    why: str
    when_to_ignore: str
    risk: Risk
    needs: tuple[str, ...]
    limits: Limits
    covers: tuple[str, ...]
    bad: tuple[Sample, ...]
    good: tuple[Sample, ...]
    check: Callable[[Snapshot, Limits], Iterable[Finding]]
    engines: tuple[Engine, ...] = ("postgresql",)
    minimum_major: int = 0
    yields_to: tuple[str, ...] = ()
    praise: Callable[[Snapshot, Limits], Iterable[Strength]] | None = None

    @property
    def area(self) -> str:
        return self.id.split("/")[0]


def _read(module: ModuleType, rule_id: str) -> Rule:
    parts = (module.__doc__ or "").split("\n## ")
    sections = {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip() for part in parts[1:]}
    return Rule(
        id=rule_id,
        title=" ".join(parts[0].split()),
        why=sections["Why it matters"],
        when_to_ignore=sections["When to ignore"],
        risk=cast(Risk, module.RISK),
        needs=module.NEEDS,
        limits=module.LIMITS,
        covers=module.COVERS,
        bad=module.BAD,
        good=module.GOOD,
        check=module.check,
        engines=getattr(module, "ENGINES", ("postgresql",)),
        minimum_major=getattr(module, "MINIMUM_MAJOR", 0),
        yields_to=getattr(module, "YIELDS_TO", ()),
        praise=getattr(module, "praise", None),
    )


@cache
def names() -> tuple[str, ...]:
    """The ids of all rules, without importing them."""
    found = []
    for area in pkgutil.iter_modules(__path__):
        if area.ispkg:
            folder = [f"{path}/{area.name}" for path in __path__]
            found += [f"{area.name}/{rule.name}".replace("_", "-") for rule in pkgutil.iter_modules(folder)]
    return tuple(sorted(found))


@cache
def load(rule_id: str) -> Rule:
    """The rule of that id. Raises KeyError when there is none."""
    if rule_id not in names():
        raise KeyError(rule_id)
    path = rule_id.replace("-", "_").replace("/", ".")
    return _read(importlib.import_module(f"{__name__}.{path}"), rule_id)


def load_all() -> tuple[Rule, ...]:
    return tuple(load(rule_id) for rule_id in names())
