"""The sentence of an alert, and the paragraph of an incident, in the reader's language, where they are known in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operators.alert_memory import Evidence
from operators.alert_rule import AlertRule
from operators.alert_sentence import Occasion, fields_of, spaced
from operators.summary_template import SummaryTemplate
from pipelines.bad_input import BadInput
from pipelines.since import time_us
from pipelines.words.incident_words import paragraph
from pipelines.words.translation import Translation

_NUMBERS = ("score", "value", "expected_low", "expected_high")


@dataclass(frozen=True)
class AlertWords:
    """Says alerts in one language, by the rules that hold where it is read."""

    rules: Sequence[AlertRule]
    translation: Translation

    def sentence(self, alert: Mapping[str, Any]) -> str:
        """Return an alert's sentence, made anew from its event.

        It stays as it was written where the language has no words for its rule's sentence, and where the event does
        not give the very sentence that was written: then another rule of this name has raised it.
        """
        written = str(alert.get("summary") or "")
        rule = next((one for one in self.rules if one.name == alert.get("rule")), None)
        template = None if rule is None else self.translation.words.get(rule.summary)
        if rule is None or template is None:
            return written
        try:
            occasion = _occasion(alert)
        except (KeyError, TypeError, ValueError, BadInput):
            return written
        device, given = str(alert["device_id"]), dict(alert.get("labels") or {})
        labels = {name: str(given[name]) for name, _ in rule.labels if name in given}
        if SummaryTemplate(rule.summary).fill(fields_of(rule, device, labels, occasion)) != written:
            return written
        fields = fields_of(rule, device, labels, occasion, self.translation.say, self.label)
        named = {name: self.label(str(fields[name])) for name in ("label", "severity") if fields.get(name)}
        labelled = {name: self.label(text) for name, text in labels.items() if name == "category"}
        return SummaryTemplate(template).fill({**fields, **named, **labelled})

    def paragraph(self, incident: Mapping[str, Any]) -> str:
        """Return an incident's paragraph, as it was written where it cannot be told anew."""
        return paragraph(incident, self.translation.language)

    def label(self, name: str) -> str:
        """Return what a model or rule answers, as people say it."""
        return self.translation.words.get(name, spaced(name))

    def rules_saying(self, text: str) -> frozenset[str]:
        """Return the names of the rules whose sentence, in this language, has a text in it; none in English."""
        words = self.translation.words
        return frozenset(one.name for one in self.rules if text in words.get(one.summary, "").casefold())


def _occasion(alert: Mapping[str, Any]) -> Occasion:
    opened, updated = time_us(str(alert["opened_at"]), 0), time_us(str(alert["updated_at"]), 0)
    evidence = alert.get("evidence") or ()
    last = None
    if evidence:
        told = {name: evidence[-1].get(name) for name in Evidence.__struct_fields__}
        told.update({name: float(told[name]) for name in _NUMBERS if told[name] is not None})
        last = Evidence(**told)
    category = alert.get("category")
    return Occasion(
        str(alert["severity"]), None if category is None else str(category), int(alert["count"]), opened, updated, last
    )
