"""The HTTP API: routes over the board, and what a person writes through it. Made by `make_app`; nothing at import."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from infra.broker import Broker, BrokerUnavailable
from infra.secret import Secret
from pipelines.alert_actions import write_action
from pipelines.bad_input import BadInput
from pipelines.duration import WrongDuration, duration_us
from pipelines.serve.atom import atom_feed
from pipelines.serve.board import Board, Filter, changes_from
from pipelines.serve.follower import Follower
from pipelines.serve.guard import Guard
from pipelines.serve.watched import ROUTES, Watched
from pipelines.silences import expired, new_silence, silence_named, silences_of, write_silence
from pipelines.since import time_us
from schemas.alert_actions import ALERT_ACTIONS
from schemas.matcher import WrongMatcher, parse_matchers
from schemas.refused import Refused
from schemas.severity import SEVERITIES
from schemas.strict_json import Limits, parse_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

_Written = TypeVar("_Written")
MOST_BODY: Final = 64 << 10
MOST_ALERTS: Final = 10_000
MOST_STREAMS: Final = 200
MOST_CAUGHT_UP: Final = 10_000
FEED: Final = 100
HEARTBEAT_S: Final = 15.0
_LIMITS: Final = Limits(bytes=MOST_BODY, depth=8, values=1000)


class Api:
    """The routes. `broker` is used by threads that take turns for writing."""

    def __init__(self, board: Board, follower: Follower, broker: Broker, stopping: threading.Event) -> None:
        self._board = board
        self._follower = follower
        self._broker = broker
        self._stopping = stopping
        self._writing = threading.Lock()

    def routes(self) -> list[Route]:
        """Return the table of routes."""
        return [
            Route("/api/alerts", self.alerts),
            Route("/api/alerts.atom", self.feed),
            Route("/api/alerts/stream", self.stream),
            Route("/api/alerts/{fingerprint}", self.alert),
            Route("/api/alerts/{fingerprint}/{action}", self.act, methods=["POST"]),
            Route("/api/silences", self.silences),
            Route("/api/silences", self.silence, methods=["POST"]),
            Route("/api/silences/{id}", self.expire, methods=["DELETE"]),
            *ROUTES,
        ]

    async def alerts(self, request: Request) -> Response:
        """GET /api/alerts?state=open|all&min_severity=S&device=D&matcher=M&limit=N."""
        query = request.query_params
        state = query.get("state", "open")
        if state not in ("open", "all"):
            raise BadInput(f"expected state=open or state=all, got {state!r}")
        limit = query.get("limit", "1000")
        if not limit.isdecimal() or not 1 <= int(limit[:9]) <= MOST_ALERTS:
            raise BadInput(f"expected a limit from 1 to {MOST_ALERTS}, got {limit!r}")
        found = await run_in_threadpool(self._board.find, _filter(request), ended=state == "all")
        body = b",".join(self._board.json(one) for one in found[: int(limit)])
        return Response(b'{"total":%d,"alerts":[%b]}' % (len(found), body), media_type="application/json")

    async def alert(self, request: Request) -> Response:
        """GET /api/alerts/FINGERPRINT."""
        found = self._board.alert(request.path_params["fingerprint"])
        return _nothing() if found is None else Response(self._board.json(found), media_type="application/json")

    async def feed(self, request: Request) -> Response:
        """GET /api/alerts.atom."""
        wanted = _filter(request)
        found = await run_in_threadpool(self._board.latest, MOST_ALERTS)
        alerts = [one.alert for one in found if wanted.takes(one.alert)][:FEED]
        url = str(request.url.replace(query=""))
        return Response(atom_feed(alerts, url=url), media_type="application/atom+xml")

    async def stream(self, request: Request) -> Response:
        """GET /api/alerts/stream: Server-Sent Events; `Last-Event-ID` goes on where a client was."""
        if self._follower.listeners >= MOST_STREAMS:
            return JSONResponse({"error": f"expected at most {MOST_STREAMS} streams, and all are taken"}, 503)
        wanted = _filter(request)
        last = request.headers.get("last-event-id", "")
        return StreamingResponse(self._events(wanted, last), media_type="text/event-stream")

    async def act(self, request: Request) -> Response:
        """POST /api/alerts/FINGERPRINT/ACTION {"by": ..., "text": ..., "should_be": ...}."""
        action = request.path_params["action"]
        if action not in ALERT_ACTIONS:
            return JSONResponse({"error": f"expected one of {', '.join(ALERT_ACTIONS)}"}, 404)
        said = await _body(request)
        found = self._board.alert(request.path_params["fingerprint"])
        if found is None:
            return _nothing()
        by, text = _text(said, "by"), _text(said, "text", required=action == "comment")
        should_be = _text(said, "should_be", required=False)
        write = partial(write_action, by=by, text=text, should_be=should_be, now_us=time.time_ns() // 1000)
        event = await run_in_threadpool(self._write, write, orjson.loads(found.event), action)
        return JSONResponse(dict(event), 202)

    async def silences(self, request: Request) -> Response:
        """GET /api/silences?state=all."""
        now_us = time.time_ns() // 1000
        every = request.query_params.get("state") == "all"
        found = await run_in_threadpool(silences_of, self._broker)
        return JSONResponse({"silences": [one.to_json(now_us) for one in found if every or one.ends_us > now_us]})

    async def silence(self, request: Request) -> Response:
        """POST /api/silences {"matchers": [...], "for": "2h", "by": ..., "comment": ..., "starts_at": ...}."""
        said = await _body(request)
        now_us = time.time_ns() // 1000
        matchers = said.get("matchers")
        if not isinstance(matchers, list) or not all(isinstance(one, str) for one in matchers):
            raise BadInput('expected "matchers": a list of texts like "site=lab"')
        starts = _text(said, "starts_at", required=False)
        made = new_silence(
            matchers,
            now_us=now_us,
            for_us=duration_us(_text(said, "for")),
            starts_us=time_us(starts, now_us) if starts else None,
            by=_text(said, "by"),
            comment=_text(said, "comment", required=False),
        )
        await run_in_threadpool(self._write, write_silence, made, now_us)
        return JSONResponse(made.to_json(now_us), 201)

    async def expire(self, request: Request) -> Response:
        """DELETE /api/silences/ID: it ends now."""
        now_us = time.time_ns() // 1000
        found = await run_in_threadpool(silence_named, self._broker, request.path_params["id"])
        ended = expired(found, now_us)
        await run_in_threadpool(self._write, write_silence, ended, now_us)
        return JSONResponse(ended.to_json(now_us))

    def _write(self, write: Callable[..., _Written], *arguments: object) -> _Written:
        with self._writing:
            return write(self._broker, *arguments)

    async def _events(self, wanted: Filter, last: str) -> AsyncIterator[bytes]:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        self._follower.listen(loop, changed)
        try:
            yield b"retry: 2000\n\n"
            number = self._board.number
            if last:
                known = self._board.number_of(last)
                if known is not None:
                    number = known
                else:
                    missed = await run_in_threadpool(
                        changes_from, self._broker, last, wanted, MOST_CAUGHT_UP, self._board.registry
                    )
                    if missed is None:
                        yield b"event: reset\ndata: {}\n\n"
                    for id_, posted in missed or ():
                        yield _event(id_, self._board.json(posted))
            while not self._stopping.is_set():
                changed.clear()
                changes = self._board.after(number)
                if changes is None:  # too slow, or a storm: read /api/alerts anew
                    number = self._board.number
                    yield b"event: reset\ndata: {}\n\n"
                    continue
                for one in changes:
                    number = one.number
                    if wanted.takes(one.posted.alert):
                        yield _event(one.id, self._board.json(one.posted))
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._follower.leave(loop, changed)


def make_app(
    board: Board, follower: Follower, broker: Broker, token: Secret | None, stopping: threading.Event
) -> ASGIApp:
    """Return the application, guarded."""
    handlers: dict[Any, Any] = {BrokerUnavailable: _away}
    handlers.update(dict.fromkeys((BadInput, WrongMatcher, WrongDuration, Refused), _wrong))
    routes = Api(board, follower, broker, stopping).routes()
    app = Starlette(routes=routes, exception_handlers=handlers)
    watched = app.state.watched = Watched(follower)
    return watched.counting(Guard(app, token), routes)


async def _wrong(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _away(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "the broker cannot be reached or written just now"}, 503)


def _nothing() -> Response:
    return JSONResponse({"error": "there is no such alert, or it was over long ago"}, 404)


def _event(id_: str, json: bytes) -> bytes:
    return b"id: %b\nevent: alert\ndata: %b\n\n" % (id_.encode(), json)


def _filter(request: Request) -> Filter:
    query = request.query_params
    least = query.get("min_severity")
    if least is not None and least not in SEVERITIES:
        raise BadInput(f"expected min_severity to be one of {', '.join(SEVERITIES)}, got {least!r}")
    matchers = parse_matchers(query.getlist("matcher")[:50], may_match_all=True)
    return Filter(frozenset(query.getlist("device")), least, matchers)


async def _body(request: Request) -> Mapping[str, object]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadInput("expected a body of the content type application/json")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise BadInput(f"expected a body of at most {MOST_BODY} bytes, got more")
    said = parse_json(bytes(body), _LIMITS)
    if not isinstance(said, dict):
        raise BadInput("expected a JSON object as the body")
    return said


def _text(said: Mapping[str, object], name: str, *, required: bool = True) -> str:
    value = said.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise BadInput(f'expected a text "{name}" in the body')
    return value
