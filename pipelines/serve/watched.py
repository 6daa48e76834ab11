"""How whoever watches a server asks it: `/healthz` and `/readyz` for anybody, `/metrics` for who may read.

An app takes ROUTES among its own and has a `Watched` as `app.state.watched`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pipelines.serve.follower import Follower
from pipelines.watching.exposition import CONTENT_TYPE, Exposition
from pipelines.watching.served_metrics import ServedMetrics

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH: Final = frozenset({"/healthz", "/readyz"})
"""What anybody may ask: the answer is one sentence, which names nothing."""
METRICS: Final = "/metrics"
OTHER: Final = "other"


class Watched:
    """What is known of a server: how it keeps up, and the requests that it answered."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self._requests: Counter[tuple[str, str]] = Counter()
        self._exposition = Exposition(ServedMetrics(follower, self._requests))

    def text(self) -> bytes:
        """Return what Prometheus reads."""
        return self._exposition.text()

    def counting(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> ASGIApp:
        """Return the app with its answers counted by route and status, those of its guard too."""
        known = [one for one in routes if isinstance(one, Route)]

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            async def counting_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    path = next((one.path for one in known if one.path_regex.match(scope["path"])), OTHER)
                    self._requests[path, str(message["status"])] += 1
                await send(message)

            await app(scope, receive, counting_send)

        return counted


async def healthz(request: Request) -> Response:
    """GET /healthz: 503 when what is shown would grow old for ever."""
    follower = _watched(request).follower
    return _sentence(follower.heartbeat.trouble() if follower.is_well() else "the follower has failed")


async def readyz(request: Request) -> Response:
    """GET /readyz: 503 until everything was read once, and while the broker is away."""
    follower = _watched(request).follower
    if not follower.caught_up.is_set():
        return _sentence("what lies in the topics is still being read")
    return _sentence("the broker does not answer" if follower.is_away else None)


async def metrics(request: Request) -> Response:
    """GET /metrics."""
    return Response(await run_in_threadpool(_watched(request).text), media_type=CONTENT_TYPE)


ROUTES: Final = (Route("/healthz", healthz), Route("/readyz", readyz), Route(METRICS, metrics))


def _watched(request: Request) -> Watched:
    return cast(Watched, request.app.state.watched)


def _sentence(wrong: str | None) -> Response:
    return PlainTextResponse(f"{wrong or 'ok'}\n", 200 if wrong is None else 503)
