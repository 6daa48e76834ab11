"""The list of alerts: the worst first, filtered, a hundred at a time, live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from pipelines.console.alert_rows import alert_rows, choice_of
from pipelines.console.answer import console_of, in_thread, show, words_for
from pipelines.console.page import Page
from schemas.severity import SEVERITIES

if TYPE_CHECKING:
    from starlette.requests import Request


async def alerts(request: Request) -> Response:
    """GET /alerts?q=TEXT&severity=S&device=D&taken=no|yes&state=open|heard|all&page=N."""
    choice = choice_of(request.query_params)
    boards, words = console_of(request).boards, words_for(request)
    found = await in_thread(alert_rows, boards, choice, time.time_ns() // 1000, words)
    return await show(
        request,
        "alerts.html",
        title="Alerts",
        found=found,
        choice=choice,
        incidents=[one for one in console_of(request).boards.incidents.all() if one.is_open],
        severities=[one for one in SEVERITIES if one != "cleared"],
    )


PAGE = Page(
    routes=[Route("/alerts", alerts)],
    title="Alerts",
    path="/alerts",
    chinese={
        "Alerts": "告警",
        "{n} open alert": "{n} 条未恢复的告警",
        "{n} open alerts": "{n} 条未恢复的告警",
        "{n} alert": "{n} 条告警",
        "{n} alerts": "{n} 条告警",
        "Search": "搜索",
        "At least": "至少",
        "any severity": "任何级别",
        "Which": "范围",
        "open ones": "未恢复",
        "open, not silenced": "未恢复且未静默",
        "those just over, too": "包括刚恢复的",
        "Acknowledged": "确认状态",
        "whether or not": "不限",
        "by nobody yet": "尚无人确认",
        "by somebody": "已有人确认",
        "Device": "设备",
        "Show": "显示",
        "Reset": "重置",
        "Severity": "级别",
        "What": "内容",
        "Since": "起始",
        "Events": "事件数",
        "{n} event": "{n} 个事件",
        "{n} events": "{n} 个事件",
        "Acknowledge": "确认",
        "acknowledged by {name}": "{name} 已确认",
        "silenced": "已静默",
        "incident": "事故",
        "{n} open incident": "{n} 起未恢复的事故",
        "{n} open incidents": "{n} 起未恢复的事故",
        "{n} device": "{n} 台设备",
        "{n} devices": "{n} 台设备",
        "over": "已恢复",
        "judged wrong": "被判为误报",
        "{n} comment": "{n} 条评论",
        "{n} comments": "{n} 条评论",
        "No open alert. All is quiet.": "没有未恢复的告警。一切正常。",
        "No alert is like that.": "没有符合条件的告警。",
        "Page {n} of {of}": "第 {n} 页，共 {of} 页",
        "Previous": "上一页",
        "Next": "下一页",
        "Acknowledge: {what}": "确认：{what}",
        "only {severity}": "仅{severity}",
    },
)
