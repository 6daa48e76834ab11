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
    """GET /live: `event: changed` with the names of the topics that have grown."""
    console = console_of(request)
    if console.follower.listeners >= MOST_STREAMS:
        return JSONResponse({"error": f"expected at most {MOST_STREAMS} open pages, and all are taken"}, 503)
    return StreamingResponse(_changes(console), media_type="text/event-stream")


async def _changes(console: Console) -> AsyncIterator[bytes]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    console.follower.listen(loop, changed)
    known = console.follower.changes()
    try:
        yield b"retry: 2000\nevent: hello\ndata: {}\n\n"
        while not console.stopping.is_set():
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            changed.clear()
            now = console.follower.changes()
            names = " ".join(sorted(now - known))
            known = now
            if names:
                yield f"event: changed\ndata: {names}\n\n".encode()
            await asyncio.sleep(LEAST_PAUSE_S)
    finally:
        console.follower.leave(loop, changed)


PAGE = Page(routes=[Route("/live", live)])
