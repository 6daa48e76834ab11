"""How many CPUs this process may use: a container's quota, not what the machine has.

Sources: cgroup v2 `cpu.max`, cgroup v1 `cpu.cfs_quota_us`, and the scheduler's affinity mask.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _first_numbers(path: Path) -> list[int]:
    try:
        return [int(word) for word in path.read_text(encoding="ascii").split() if word.lstrip("-").isdigit()]
    except (OSError, ValueError):
        return []


def _folders(base: Path, inside: str) -> list[Path]:
    """The group's folder and those above it: each may set a quota. A container sees its own group as the root."""
    path = base / inside.strip().lstrip("/")
    return [path, *(parent for parent in path.parents if parent.is_relative_to(base))]


def _quotas(root: Path) -> list[float]:
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found: list[float] = []
    base = root / "sys/fs/cgroup"
    for line in groups:
        _, _, rest = line.partition(":")
        controllers, _, inside = rest.partition(":")
        if not controllers:
            for folder in _folders(base, inside):
                numbers = _first_numbers(folder / "cpu.max")
                if len(numbers) == 2 and numbers[1] > 0:  # "max 100000" has one number: no quota
                    found.append(numbers[0] / numbers[1])
        elif "cpu" in controllers.split(","):
            for folder in _folders(base / controllers, inside) + _folders(base / "cpu", inside):
                quota, period = (_first_numbers(folder / f"cpu.cfs_{what}_us") for what in ("quota", "period"))
                if quota and period and quota[0] > 0 and period[0] > 0:
                    found.append(quota[0] / period[0])
    return found


def cpu_quota(root: Path = Path("/")) -> int:
    """Return the whole CPUs this process may use, at least 1.

    Half a CPU is rounded down: a thread too many is throttled together with all the others.
    """
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, int(min([allowed, *_quotas(root)])))
