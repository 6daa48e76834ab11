"""What people are told, in English or Chinese. English is what code and templates say; the rest is looked up by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LANGUAGES: Final = {"en": "English", "zh": "中文"}


@dataclass(frozen=True, slots=True)
class Translation:
    """One language. `words` gives a text in it by the English text; what is missing is said in English."""

    language: str
    words: Mapping[str, str]

    def say(self, english: str, /, **values: object) -> str:
        """Return a text, its fields in braces filled in."""
        text = self.words.get(english, english)
        return text.format_map({name: _shown(value) for name, value in values.items()}) if values else text

    def count(self, n: int, one: str, many: str, **values: object) -> str:
        """Return `one` or `many`, as English has it, with `{n}`; another language may know `many` alone."""
        english = one if n == 1 and (one in self.words or many not in self.words) else many
        return self.say(english, n=n, **values)


def language_of(chosen: str | None, accepted: str) -> str:
    """Return the language somebody chose, else the first of the header Accept-Language that there is."""
    if chosen in LANGUAGES:
        return str(chosen)
    for piece in accepted[:1000].split(","):
        name = piece.partition(";")[0].strip().lower().partition("-")[0]
        if name in LANGUAGES:
            return name
    return "en"


def _shown(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
