"""Labels that a column can hold: those of its closed list, or those that the model behind it may answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from models.bundle import BundleRefused, read_card
from models.find_bundle import find_bundle
from models.text_model import SHIPPED_TEXT_MODEL
from operators.alert_rule import AlertRule, Source
from pipelines.alert_rules.rule_values import Place, check_names
from pipelines.catalog import Chosen
from schemas.answers import (
    ALARMS_ENRICHED,
    CUSTOMER_MESSAGES_ENRICHED,
    DEVICE_LOGS_ENRICHED,
    DEVICE_TELEMETRY_ENRICHED,
)
from schemas.closed_values import closed_values
from schemas.device_forecasts import DEVICE_FORECASTS, FORECAST_LABELS
from schemas.log_silences import DEVICE_LOG_SILENCES, SILENCE_LABELS
from schemas.topic import Topic

TOPIC_OF: Final[Mapping[Source, Topic]] = {
    "log": DEVICE_LOGS_ENRICHED,
    "message": CUSTOMER_MESSAGES_ENRICHED,
    "alarm": ALARMS_ENRICHED,
    "telemetry": DEVICE_TELEMETRY_ENRICHED,
    "forecast": DEVICE_FORECASTS,
    "silence": DEVICE_LOG_SILENCES,
}
Labels = Mapping[str, tuple[str, ...]]
# Labels that no model's card names.
_OWN_LABELS: Final[Labels] = {"forecast": FORECAST_LABELS, "silence": SILENCE_LABELS}


def labels_of_models(models: Chosen | None) -> Labels:
    """Return the labels of each head of the text model; none where it must not serve, which others say."""
    try:
        card, _ = read_card(find_bundle(SHIPPED_TEXT_MODEL, models))
    except BundleRefused:
        return {}
    return {head.name: tuple(head.labels) for head in card.heads}


def known_labels(path: str, schema: pa.Schema, heads: Labels) -> tuple[str, ...]:
    """Return what the column at `path` may hold; nothing where anything may stand there."""
    first, *rest = path.split(".")
    if not rest:
        return tuple(closed_values(schema.field(first)))
    if first == "hubbub" and len(rest) == 2 and rest[1] == "label":
        return _OWN_LABELS.get(rest[0]) or heads.get(rest[0], ())
    return ()


def check_labels(place: Place, rule: AlertRule, heads: Labels) -> None:
    """Refuse a condition, or a severity's table, that names a label which its column can never hold."""
    schema = TOPIC_OF[rule.source].row_schema
    for condition in rule.conditions:
        if labels := known_labels(condition.column, schema, heads):
            check_names(place.at(condition.column), condition.texts, labels, "label")
    if not isinstance(rule.severity, str):
        known = [known_labels(path, schema, heads) for path in rule.severity.columns]
        if all(known):
            labels = tuple(dict.fromkeys(label for labels in known for label in labels))
            check_names(place.at("severity.map"), (value for value, _ in rule.severity.mapping), labels, "label")
