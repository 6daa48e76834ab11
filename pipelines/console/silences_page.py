"""The silences: what nobody is told of, until when, by whom and why; a new one, and ending one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from pipelines.console.answer import NotFound, console_of, form_of, go_to, in_thread, say, show
from pipelines.console.page import Page
from pipelines.console.silence_form import silence_as_asked
from pipelines.serve.board import Filter
from pipelines.silences import expired, write_silence
from schemas.silences import SILENCES

if TYPE_CHECKING:
    from starlette.requests import Request


async def silences(request: Request) -> Response:
    """GET /silences?state=all."""
    boards, now_us = console_of(request).boards, time.time_ns() // 1000
    every = request.query_params.get("state") == "all"
    known = boards.silences.all()
    shown = [one for one in known if every or one.ends_us > now_us]
    firing = await in_thread(boards.alerts.find, Filter())
    return await show(
        request,
        "silences.html",
        title="Silences",
        rows=[
            (one, one.state(now_us), sum(one.covers(posted.alert.labels, now_us) for posted in firing)) for one in shown
        ],
        over=len(known) - len(shown),
        every=every,
    )


async def add(request: Request) -> Response:
    """POST /silences with `matchers` (one a line), `for` and `text`."""
    matchers = [line for line in form_of(request).get("matchers", "").splitlines() if line.strip()]
    say(request, "Silenced for {length}.", length=await silence_as_asked(request, matchers))
    return go_to("/silences")


async def expire(request: Request) -> Response:
    """POST /silences/ID/expire: it ends now."""
    console, now_us = console_of(request), time.time_ns() // 1000
    found = next((one for one in console.boards.silences.all() if one.id == request.path_params["id"]), None)
    if found is None:
        raise NotFound("there is no such silence")
    await in_thread(console.write, write_silence, expired(found, now_us), now_us)
    await in_thread(console.settle, SILENCES.name)
    say(request, "The silence has ended.")
    return go_to("/silences")


PAGE = Page(
    routes=[
        Route("/silences", silences, methods=["GET"]),
        Route("/silences", add, methods=["POST"]),
        Route("/silences/{id}/expire", expire, methods=["POST"]),
    ],
    title="Silences",
    path="/silences",
    chinese={
        "Silences": "静默",
        "Nobody is told of alerts whose labels match. The alerts go on as they are.": (
            "标签匹配的告警不会通知任何人；告警本身照常进行。"
        ),
        "Alerts whose labels are": "匹配的标签",
        "From": "开始",
        "Until": "结束",
        "By": "创建人",
        "Why": "原因",
        "Takes now": "当前匹配",
        "active": "生效中",
        "expired": "已结束",
        "End it": "结束静默",
        "End the silence of {what}": "结束静默：{what}",
        "Nothing is silenced.": "没有静默。",
        "A new silence": "新建静默",
        "Labels, one condition a line": "标签条件，每行一个",
        "like site=lab, device_id=~pump-.*, severity!=critical; all must hold": (
            "例如 site=lab、device_id=~pump-.*、severity!=critical；须全部满足"
        ),
        "How long": "时长",
        "like 30m, 2h, 1d": "例如 30m、2h、1d",
        "Silence": "静默",
        "Silenced for {length}.": "已静默 {length}。",
        "The silence has ended.": "静默已结束。",
        "there is no such silence": "没有这条静默",
        "Show the {n} that has ended": "显示已结束的 {n} 条",
        "Show the {n} that have ended": "显示已结束的 {n} 条",
    },
)
