"""Every pattern that hubbub matches against others' texts, and texts of 64 KB that somebody might write against one."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import re2

from schemas.log_lines import FORMATS

PACKAGES = ("schemas", "models", "operators", "infra", "pipelines")
ROOT = Path(__file__).parents[1]
SIZE = 65_536


def sources() -> Iterator[tuple[str, str]]:
    """Name and text of every module; training reads texts that people chose, and runs nowhere else."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if not name.startswith("models.training"):
                yield name, path.read_text(encoding="utf-8")


def shipped_patterns() -> dict[str, str]:
    """Every pattern by where it stands: the log formats, and all that modules keep compiled."""
    found = {f"format {one.name}": one.pattern for one in FORMATS}
    for module, text in sources():
        if "import re2" in text:
            for name, value in vars(importlib.import_module(module)).items():
                if isinstance(value, re2._Regexp):
                    pattern = value.pattern
                    found[f"{module}.{name}"] = pattern.decode() if isinstance(pattern, bytes) else pattern
    return found


def evil_texts(pattern: str, rng: Random) -> Iterator[str]:
    """64 KB of what a pattern likes, and of what it almost likes."""
    alphabet = sorted({c for c in pattern if c.isprintable()} | set("a0 \t\"'\\[(:=-/.,%Z"))
    for one in alphabet:
        yield one * SIZE
    for _ in range(40):
        length = rng.randint(2, 12)
        piece = "".join(rng.choice(alphabet) for _ in range(length))
        yield (piece * (SIZE // length + 1))[:SIZE]
    for _ in range(10):
        yield "".join(rng.choices(alphabet, k=SIZE))
    yield (pattern * (SIZE // len(pattern) + 1))[:SIZE]
    # A front that looks right, then more of the same than anybody would write.
    for front in ("2026-03-01T08:30:00Z ", "<34>1 ", "Mar  1 08:30:00 host ", '{"a":', "[", 'key="'):
        yield (front + front[-1] * SIZE)[: SIZE - 1] + "\x00"
        yield (front * (SIZE // len(front) + 1))[:SIZE]
