"""The frame of a notification in Chinese: what is put around the sentences of alerts and incidents."""

from __future__ import annotations

from typing import Final

CHINESE: Final = {
    "{severity}: {what}": "{severity}：{what}",
    "{severity} still, for {length}: {what}": "{severity}，已持续 {length}：{what}",
    "{severity}, nobody acknowledged since {when}: {what}": "{severity}，自 {when} 起无人确认：{what}",
    "RESOLVED: {what}": "已恢复：{what}",
    "{firing} firing": "{firing} 条触发中",
    "{firing} firing, {over} resolved": "{firing} 条触发中，{over} 条已恢复",
    "RESOLVED, all {over}": "{over} 条已全部恢复",
    "still {counts}": "仍有 {counts}",
    "nobody acknowledged: {counts}": "无人确认：{counts}",
    "{counts}: {about}": "{counts}：{about}",
    "DIGEST of {groups} groups: {firing} firing, {over} resolved": (
        "{groups} 组告警的汇总：{firing} 条触发中，{over} 条已恢复"
    ),
    "{counts}, worst: {what}": "{counts}，最严重的是：{what}",
    "- {state}, since {when}: {what}": "- {state}，自 {when} 起：{what}",
    "... and {n} more": "…… 另有 {n} 条",
    "runbook: {url}": "处理手册：{url}",
    "{when}Z": "{when} UTC",
    "d h m s": "天 小时 分钟 秒",
    "a test by `hubbub notify try`": "由 `hubbub notify try` 发出的测试",
}
