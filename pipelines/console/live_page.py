"""What tells open pages that something has changed: Server-Sent Events, at most one a second, whatever the storm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pipelines.console.answer import console_of
from pipelines.console.page import Page

if TYPE_CHECKING:
    from starlette.requests import Request

    from pipelines.console.console import Console

MOST_STREAMS: Final = 200
LEAST_PAUSE_S: Final = 1.0
HEARTBEAT_S: Final = 15.0


async def live(request: Request) -> Response:
    """GET /live: `event: changed` with the name of what has changed."""
    console = console_of(request)
    if console.board.listeners >= MOST_STREAMS:
        return JSONResponse({"error": f"expected at most {MOST_STREAMS} open pages, and all are taken"}, 503)
    return StreamingResponse(_changes(console), media_type="text/event-stream")


async def _changes(console: Console) -> AsyncIterator[bytes]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    console.board.listen(loop, changed)
    try:
        yield b"retry: 2000\nevent: hello\ndata: {}\n\n"
        while not console.stopping.is_set():
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            changed.clear()
            yield b"event: changed\ndata: alerts\n\n"
            await asyncio.sleep(LEAST_PAUSE_S)
    finally:
        console.board.leave(loop, changed)


PAGE = Page(routes=[Route("/live", live)])
