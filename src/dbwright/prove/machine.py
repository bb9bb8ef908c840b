"""The machine that measures."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from dbwright.model.proved import Machine


def load() -> float:
    """The mean number of running processes of the last minute; 0 where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return 0.0


def machine(load_before: float) -> Machine:
    """What it is, with its load before and now."""
    return Machine(
        _processor(), os.cpu_count() or 1, _memory(), f"{platform.system()} {platform.release()}", load_before, load()
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
