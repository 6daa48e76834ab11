"""What machine this is: processors that may be used, memory, Python and the packages that answers depend on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import re2

from models.cpu_quota import cpu_quota
from pipelines.doctor.finding import Finding
from pipelines.version import VERSION

OLDEST_PYTHON = (3, 11)
# What a job with all pipelines takes at most, with room for the system.
LEAST_MEMORY_BYTES = 1 << 30
# The name with which a requirement begins (PEP 508).
_NAME = re2.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SHOWN_PACKAGES = ("pyarrow", "onnxruntime", "tokenizers", "numpy")


def look_at_machine() -> list[Finding]:
    """Return the findings about the machine and what is installed on it."""
    return [_processors(), _memory(), _python(), _packages()]


def _processors() -> Finding:
    allowed, all_ = cpu_quota(), os.cpu_count() or 1
    limit = "" if allowed == all_ else f"; hubbub may use {allowed} of them and starts no more threads than that"
    return Finding("machine", "fine", f"{platform.system()} on {platform.machine()}, {all_} processors{limit}")


def _memory() -> Finding:
    free = available_memory()
    if free is None:
        return Finding("memory", "look", "this system does not say how much memory is free")
    if free < LEAST_MEMORY_BYTES:
        return Finding("memory", "look", f"{gigabytes(free)} free: a job with all pipelines may need more")
    return Finding("memory", "fine", f"{gigabytes(free)} free")


def available_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process may still take: the machine's, or what its container leaves."""
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    group = root / "sys/fs/cgroup"
    try:  # cgroup v2, as a container sees its own
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
        found += [int(limit) - used] if limit != "max" else []
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def _python() -> Finding:
    told = f"Python {platform.python_version()} ({sys.executable}), hubbub {VERSION}"
    if sys.version_info < OLDEST_PYTHON:
        return Finding("python", "wrong", f"{told}: expected Python 3.11 or newer")
    return Finding("python", "fine", told)


def _packages() -> Finding:
    try:
        core = [one for one in requires("hubbub") or [] if "extra ==" not in one]
    except PackageNotFoundError:
        return Finding("packages", "look", "hubbub runs from a checkout that was never installed")
    missing = [one for one in core if not _installed(_NAME.match(one).group())]
    if missing:
        return Finding("packages", "wrong", f"not installed: {', '.join(missing)}; `pip install hubbub` brings them")
    return Finding("packages", "fine", ", ".join(f"{name} {version(name)}" for name in SHOWN_PACKAGES))


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def gigabytes(size: int) -> str:
    """Write a size in bytes as a person would.

    >>> gigabytes(1_500_000_000), gigabytes(20_000_000)
    ('1.5 GB', '20 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
