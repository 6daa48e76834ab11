"""One alert: how it went, what it rests on, and what a person does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response
from starlette.routing import Route

from pipelines.console.answer import NotFound, console_of, show
from pipelines.console.page import Page

if TYPE_CHECKING:
    from starlette.requests import Request


async def alert(request: Request) -> Response:
    """GET /alerts/FINGERPRINT."""
    board = console_of(request).boards.alerts
    found = board.alert(request.path_params["fingerprint"])
    if found is None:
        raise NotFound("there is no such alert, or it was over long ago")
    event = orjson.loads(board.json(found))
    return await show(request, "alert.html", title="Alert", alert=event)


PAGE = Page(
    routes=[Route("/alerts/{fingerprint}", alert)],
    chinese={
        "Alert": "告警",
        "there is no such alert, or it was over long ago": "没有这条告警，或者它早已结束",
    },
)
