"""Alerts that rules really raise, as the topic `alerts` has them."""

from __future__ import annotations

from typing import Any

from operators.alert_rule import AlertRule
from pipelines.alert_rules.example import example_of


def event_of(rule: AlertRule) -> dict[str, Any]:
    """Return an alert that a rule really raises, as its topic has it."""
    example = example_of(rule, {})
    assert example is not None
    return example.event


def has_han(text: str) -> bool:
    """Tell whether there is a Chinese character in a text."""
    return any("\u4e00" <= one <= "\u9fff" for one in text)
