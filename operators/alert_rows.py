"""Rows of the topic `alerts`: one revision of one alert, with its sentence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import msgspec
import pyarrow as pa

from operators.alert_history import News
from operators.alert_memory import Episode, Evidence
from operators.alert_rule import AlertRule, Source
from operators.alert_rule_words import span
from operators.alert_sentence import Occasion, fields_of
from operators.operator import CAUSE
from operators.summary_template import SummaryTemplate
from schemas.alerts import ALERT
from schemas.identity import alert_id
from schemas.safe_text import safe_text
from schemas.severity import SEVERITIES

EMITTED: Final = pa.schema([*ALERT, pa.field("traceparent", pa.string()), *CAUSE])
_NONE: Final = pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in EMITTED], schema=EMITTED)


class AlertRows:
    """Collects revisions of alerts and makes one batch of them."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {field.name: [] for field in EMITTED}

    def add(
        self,
        rule: AlertRule,
        fingerprint: str,
        device_id: str,
        labels: Sequence[str | None],
        news: News,
        *,
        event_time: int,
        row: int | None,
        deadline: int | None,
    ) -> None:
        """Add one revision. `event_time` is its cause's: of the input row `row`, or the deadline."""
        episode = news.episode
        named = {name: value for (name, _), value in zip(rule.labels, labels, strict=False) if value is not None}
        annotations = {"description": rule.description} if rule.description else {}
        for title, text in rule.annotations:
            is_address = title.endswith("_url")
            annotations[title] = _filled(text, rule, device_id, named, episode, quoted=is_address)
        if episode.flapping:
            annotations["flapping"] = _flapping(rule, episode)
        if news.merged_into is not None:
            annotations["merged_into"] = alert_id(fingerprint, news.merged_into)
        resolved_at = episode.resolved_at
        values = {
            "fingerprint": fingerprint,
            "alert_id": alert_id(fingerprint, episode.opening_id),
            "revision": news.revision,
            "device_id": device_id,
            "event_time": event_time,
            "rule": rule.name,
            "state": episode.state,
            "severity": SEVERITIES[episode.severity],
            "category": episode.category,
            "summary": summary_of(rule, device_id, named, episode),
            "labels": [
                ("alertname", rule.name),
                ("device_id", device_id),
                *_safe(named),
                *_safe(dict(rule.fixed_labels)),
            ],
            "annotations": list(annotations.items()) or None,
            "opened_at": episode.opened_at,
            "fired_at": episode.fired_at,
            "updated_at": episode.updated_at,
            "resolved_at": resolved_at,
            "resolved_by": episode.resolved_by,
            "duration_s": None if resolved_at is None else (resolved_at - episode.opened_at) / 1e6,
            "count": episode.count,
            "evidence": [_evidence(rule.source, evidence) for evidence in episode.evidence],
            "traceparent": episode.evidence[-1].traceparent if episode.evidence else None,
            "_row": row,
            "_deadline": deadline,
            "_key": device_id,
        }
        for name, column in self._columns.items():
            column.append(values.get(name))

    def batch(self) -> pa.RecordBatch:
        """Return the revisions in the order in which they were added."""
        if not self._columns["_key"]:
            return _NONE
        return pa.RecordBatch.from_arrays(
            [pa.array(self._columns[field.name], field.type) for field in EMITTED], schema=EMITTED
        )


def summary_of(rule: AlertRule, device_id: str, labels: dict[str, str], episode: Episode) -> str:
    """Fill the rule's sentence from an episode and its latest event."""
    return _filled(rule.summary, rule, device_id, labels, episode)


def _filled(
    text: str, rule: AlertRule, device_id: str, labels: dict[str, str], episode: Episode, *, quoted: bool = False
) -> str:
    """Fill a template; `quoted` for an address, of which no value may become more than a piece."""
    occasion = Occasion(
        SEVERITIES[episode.severity],
        episode.category,
        episode.count,
        episode.opened_at,
        episode.updated_at,
        episode.evidence[-1] if episode.first else None,
    )
    fields = fields_of(rule, device_id, labels, occasion)
    if quoted:
        fields = {name: quote(value, safe="") if isinstance(value, str) else value for name, value in fields.items()}
    return _template(text).fill(fields)


def _flapping(rule: AlertRule, episode: Episode) -> str:
    """Say that it flaps, and what is done about it."""
    if rule.flapping is None:
        return f"opened {episode.flapping} times"
    within = span(rule.flapping.within_s)
    return f"opened {episode.flapping} times within {within}; stays firing until it was quiet for {within}"


def _safe(labels: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, safe_text(value)) for name, value in labels.items()]


def _evidence(kind: Source, evidence: Evidence) -> dict[str, Any]:
    return {"kind": kind} | msgspec.structs.asdict(evidence)


@lru_cache(maxsize=1024)
def _template(text: str) -> SummaryTemplate:
    return SummaryTemplate(text)
