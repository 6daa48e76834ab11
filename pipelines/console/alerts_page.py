"""The list of alerts: the worst first, filtered, a hundred at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response
from starlette.routing import Route

from pipelines.bad_input import BadInput
from pipelines.console.answer import console_of, in_thread, show
from pipelines.console.page import Page
from pipelines.serve.board import Board, Filter
from schemas.severity import SEVERITIES

if TYPE_CHECKING:
    from starlette.requests import Request

ON_A_PAGE: Final = 100


async def alerts(request: Request) -> Response:
    """GET /alerts?severity=S&device=D&page=N."""
    board, query = console_of(request).boards.alerts, request.query_params
    least, device = query.get("severity", ""), query.get("device", "").strip()
    if least and least not in SEVERITIES:
        raise BadInput(f"expected severity to be one of {', '.join(SEVERITIES)}, got {least!r}")
    page = query.get("page", "1")
    if not page.isdecimal() or not 1 <= int(page[:6]) <= 1000:
        raise BadInput(f"expected a page from 1 to 1000, got {page!r}")
    wanted = Filter(frozenset([device] if device else ()), least or None)
    rows, total = await in_thread(_rows, board, wanted, int(page))
    return await show(
        request,
        "alerts.html",
        title="Alerts",
        rows=rows,
        total=total,
        page=int(page),
        pages=max(1, -(-total // ON_A_PAGE)),
        filters={"severity": least, "device": device},
        severities=SEVERITIES,
    )


def _rows(board: Board, wanted: Filter, page: int) -> tuple[list[dict[str, Any]], int]:
    found = board.find(wanted)
    shown = found[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    return [orjson.loads(board.json(one)) for one in shown], len(found)


PAGE = Page(
    routes=[Route("/alerts", alerts)],
    title="Alerts",
    path="/alerts",
    chinese={
        "Alerts": "告警",
        "{n} open alert": "{n} 条未恢复的告警",
        "{n} open alerts": "{n} 条未恢复的告警",
        "At least": "至少",
        "any severity": "任何级别",
        "Device": "设备",
        "Show": "显示",
        "Severity": "级别",
        "What": "内容",
        "Since": "起始",
        "Events": "事件数",
        "Taken by": "处理人",
        "No open alert. All is quiet.": "没有未恢复的告警。一切正常。",
        "Page {n} of {of}": "第 {n} 页，共 {of} 页",
        "Earlier": "上一页",
        "Next": "下一页",
    },
)
