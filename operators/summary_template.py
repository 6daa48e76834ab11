"""The sentence of an alert: text with named fields in braces, filled with values that are made safe first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

import re2

from schemas.safe_text import safe_text

MOST_FIELD_CHARACTERS: Final = 120
MOST_SUMMARY_CHARACTERS: Final = 300
UNKNOWN: Final = "unknown"

# Names only: "{a.b}", "{a[0]}" and "{a!r}" would reach into objects, and a width in a format could fill the memory.
_NAME = re2.compile(r"[a-z_][a-z0-9_]*")
_SPEC = re2.compile(r"(\.[0-9][fge%])?")


@dataclass(frozen=True)
class SummaryTemplate:
    """A sentence such as `{device_id}: {metric} is {value:.1f}`.

    Fields are plain names; a number may have a precision (`:.1f`), and has four significant digits without. A value
    that is null reads "unknown". Values are made safe one by one, so nothing in them is taken for part of the template.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse anything in braces that is not a plain name with an optional precision."""
        try:
            pieces = list(Formatter().parse(self.text))
        except ValueError as error:
            raise ValueError(f"summary {self.text!r}: {error}") from error
        for _, name, spec, conversion in pieces:
            if name is None:
                continue
            if not _NAME.fullmatch(name) or conversion is not None:
                raise ValueError(f"summary {self.text!r}: expected a plain name in braces, got {name!r}")
            if not _SPEC.fullmatch(spec or ""):
                raise ValueError(
                    f"summary {self.text!r}: expected a precision such as .1f after {name!r}, got {spec!r}"
                )

    @property
    def fields(self) -> tuple[str, ...]:
        """The names in braces, in order, once each."""
        return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(self.text) if name is not None))

    def fill(self, values: Mapping[str, str | float | None]) -> str:
        """Return the sentence; a field without a value in `values` reads "unknown"."""
        pieces = []
        for literal, name, spec, _ in Formatter().parse(self.text):
            pieces.append(literal)
            if name is not None:
                pieces.append(_shown(values.get(name), spec or ""))
        return safe_text("".join(pieces), MOST_SUMMARY_CHARACTERS)


def _shown(value: str | float | None, spec: str) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return safe_text(value, MOST_FIELD_CHARACTERS)
    if isinstance(value, int) and not spec:
        return str(value)
    return format(value, spec or ".4g")
