"""A TCP proxy before a Kafka broker that loses what a test wants lost: a request on its way in, or its answer."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

END_TRANSACTION = 26
_HEAD = struct.Struct(">hhi")  # api key, version, correlation id

Loss = Literal["nothing", "request", "answer"]


class DroppingProxy:
    """Forwards each connection to 127.0.0.1:`target`; `judge(api_key)` says what to lose of each request.

    What is lost is not missed quietly: the connection breaks, as it would when a machine on the way dies. `on_the_way`
    is called before each request and each answer goes on, and may take its time.
    """

    def __init__(
        self, target: int, judge: Callable[[int], Loss], on_the_way: Callable[[], None] = lambda: None
    ) -> None:
        self._target = target
        self._judge = judge
        self._on_the_way = on_the_way
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def aim(self, target: int) -> None:
        """Forward new connections to this port."""
        self._target = target

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self._target), 5)
                broker.settimeout(None)
            except OSError:
                client.close()
                continue
            doomed: set[int] = set()
            for run in (self._requests, self._answers):
                threading.Thread(target=run, args=(client, broker, doomed), daemon=True).start()

    def _requests(self, client: socket.socket, broker: socket.socket, doomed: set[int]) -> None:
        while (frame := _frame(client)) is not None:
            key, _, correlation = _HEAD.unpack_from(frame, 4)
            loss = self._judge(key)
            if loss == "request":
                break
            if loss == "answer":
                doomed.add(correlation)
            self._on_the_way()
            if not _forward(frame, broker):
                break
        _end(client, broker)

    def _answers(self, client: socket.socket, broker: socket.socket, doomed: set[int]) -> None:
        while (frame := _frame(broker)) is not None:
            (correlation,) = struct.unpack_from(">i", frame, 4)
            self._on_the_way()
            if correlation in doomed or not _forward(frame, client):
                break
        _end(client, broker)


def _frame(source: socket.socket) -> bytes | None:
    head = _exactly(source, 4)
    if head is None:
        return None
    body = _exactly(source, int.from_bytes(head))
    return None if body is None else head + body


def _exactly(source: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        try:
            part = source.recv(min(size, 1 << 16))
        except OSError:
            return None
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _forward(frame: bytes, target: socket.socket) -> bool:
    try:
        target.sendall(frame)
    except OSError:
        return False
    return True


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
