"""The questions the text encoder answers, and the labels each may give.

The order of heads and labels is the order of the columns of `logits`: it is part of the bundle's interface.
Source of the labels: the command line's documentation (tasks `messages`, `logs`, `alarms`).
"""

from __future__ import annotations

from models.training.encoder.rows import label_count

CATEGORY = (
    "power",
    "network",
    "thermal",
    "mechanical",
    "sensor",
    "storage",
    "software",
    "security",
    "safety",
    "normal",
)
TOPIC = (
    "device_fault",
    "connectivity",
    "power_battery",
    "safety_hazard",
    "account_access",
    "billing_order",
    "setup_howto",
    "command",
    "service_request",
    "feedback",
    "privacy_security",
    "other",
)

HEADS: dict[str, tuple[str, ...]] = {
    "language": ("en", "zh-CN", "und"),
    "sentiment": ("negative", "neutral", "positive"),
    "topic": TOPIC,
    "urgency": ("critical", "high", "normal", "low"),
    "category": CATEGORY,
    "abnormal": ("true", "false"),
    "severity": ("critical", "major", "minor", "warning", "indeterminate", "cleared"),
}
LABEL_COUNT = label_count(HEADS)
