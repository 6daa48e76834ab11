"""A real HTTP server on the loopback that takes notifications: answers as it is told to, and keeps what came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from tests.broker_subject import eventually
from tests.patience import PATIENCE_S

Answer = Callable[["Came"], int]
"""Says which status a request gets; it may take its time, or do something to the sender."""


@dataclass(frozen=True)
class Came:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class HttpReceiver:
    """The server. `answer` may be changed while it runs."""

    answer: Answer
    came: list[Came] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def await_requests(self, count: int) -> list[Came]:
        assert eventually(lambda: len(self.came) >= count), f"{len(self.came)} of {count} requests came"
        return self.came

    def hang(self, came: Came) -> int:
        """Answer only when the test is over."""
        self.released.wait(PATIENCE_S)
        return 200


@contextmanager
def http_receiver(answer: Answer = lambda came: 200) -> Iterator[HttpReceiver]:
    receiver = HttpReceiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            came = Came(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.came.append(came)
            status = receiver.answer(came)
            try:
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")
            except OSError:  # the sender did not wait
                pass

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
