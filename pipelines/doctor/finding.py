"""One thing that was looked at, and what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["fine", "look", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`area` is what was looked at; `level`: fine, worth a look, or wrong (something will not work)."""

    area: str
    level: Level
    sentence: str


def any_wrong(findings: Iterable[Finding]) -> bool:
    """Return whether something is wrong."""
    return any(finding.level == "wrong" for finding in findings)
