"""What the lists of `hubbub alerts`, `subscribe` and `incidents` say on a terminal, in Chinese."""

from __future__ import annotations

from typing import Final

CHINESE: Final = {
    "SEVERITY": "级别",
    "STATE": "状态",
    "OPENED": "起始",
    "STARTED": "开始",
    "DEVICE": "设备",
    "DEVICES": "设备数",
    "EVENTS": "事件数",
    "ALERTS": "告警数",
    "SITE": "站点",
    "CAUSE": "原因",
    "ID": "编号",
    "SUMMARY": "摘要",
    "no alerts": "没有告警",
    "no open alerts": "没有未恢复的告警",
    "no incidents": "没有事故",
    "no open incidents": "没有未恢复的事故",
}
