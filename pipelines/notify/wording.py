"""Alerts and incidents in the languages that receivers ask for, as they are told from their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from operators.alert_rule import AlertRule
from pipelines.notify.alert import MOST_SUMMARY
from pipelines.notify.plan import Receiver
from pipelines.words.alert_words import AlertWords
from pipelines.words.incident_words import cause, paragraph
from pipelines.words.languages import translation_to

InLanguage = dict[str, dict[str, str]]
"""By language what differs in it from what was written: `summary`, and of an incident `probable_cause`."""


@dataclass(frozen=True)
class Wording:
    """Which languages, and the rules whose alerts have words in them."""

    languages: Sequence[str] = ()
    rules: Sequence[AlertRule] = ()
    _words: Mapping[str, AlertWords] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the words of each language."""
        words = {name: AlertWords(self.rules, translation_to(name)) for name in self.languages}
        object.__setattr__(self, "_words", words)

    def of_alert(self, event: Mapping[str, Any]) -> InLanguage:
        """Return the sentence of an event of the topic `alerts`."""
        written = str(event.get("summary") or "")
        said = {name: words.sentence(event) for name, words in self._words.items()}
        return {name: {"summary": sentence[:MOST_SUMMARY]} for name, sentence in said.items() if sentence != written}

    def of_incident(self, event: Mapping[str, Any]) -> InLanguage:
        """Return the paragraph and the cause of an event of the topic `incidents`."""
        found: InLanguage = {}
        for name in self.languages:
            told = {"summary": paragraph(event, name), "probable_cause": cause(event, name)}
            if told != {column: str(event.get(column) or "") for column in told}:
                found[name] = {column: text[:MOST_SUMMARY] for column, text in told.items()}
        return found


def languages_of(receivers: Mapping[str, Receiver]) -> tuple[str, ...]:
    """Return the languages that some receiver asks for."""
    return tuple(sorted({one.language for one in receivers.values() if one.language is not None}))
