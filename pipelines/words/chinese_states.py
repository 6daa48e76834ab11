"""Severities, states and kinds of evidence, in Chinese; severities as Chinese operators of networks call them."""

from __future__ import annotations

from typing import Final

CHINESE: Final = {
    "critical": "紧急",
    "major": "重要",
    "minor": "次要",
    "warning": "警告",
    "indeterminate": "未定",
    "cleared": "已清除",
    "pending": "待定",
    "firing": "触发中",
    "resolved": "已恢复",
    "open": "未恢复",
    "updated": "有更新",
    "log": "日志",
    "message": "消息",
    "alarm": "告警信号",
    "telemetry": "遥测",
}
