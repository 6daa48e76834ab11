"""`/metrics`, `/healthz` and `/readyz` of a process that serves nothing else over HTTP, for those who watch it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client.registry import Collector

from pipelines.bad_input import BadInput
from pipelines.speaking import say
from pipelines.watching.exposition import CONTENT_TYPE, Exposition

# Tells what is wrong; None when nothing is.
Check = Callable[[], str | None]
READ_TIMEOUT_S = 10.0


class WrongAddress(ValueError):
    """An address that nobody can listen on."""


def address_of(text: str) -> tuple[str, int]:
    """Read HOST:PORT; this machine alone without a host.

    >>> address_of(":9464"), address_of("[::1]:0")
    (('127.0.0.1', 9464), ('::1', 0))
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise WrongAddress(f"expected an address to listen on, like 127.0.0.1:9464, got {text!r}")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


@contextmanager
def watched(listen: str, collector: Collector, *, healthy: Check, ready: Check) -> Iterator[None]:
    """Answer at an address while the block runs, and say where; nowhere when `listen` is empty."""
    if not listen:
        yield
        return
    try:
        address = address_of(listen)
    except WrongAddress as error:
        raise BadInput(f"metrics: {error}") from error
    with ExitStack() as stack:
        try:
            host, port = stack.enter_context(listening(address, Exposition(collector), healthy=healthy, ready=ready))
        except OSError as error:
            raise BadInput(f"metrics: cannot listen on {listen}: {error.strerror}") from error
        say(f"hubbub: metrics at http://{host}:{port}/metrics")
        yield


@contextmanager
def listening(
    address: tuple[str, int], exposition: Exposition, *, healthy: Check, ready: Check
) -> Iterator[tuple[str, int]]:
    """Answer requests from threads of their own until the block ends; gives the address that was taken (port 0: any).

    Raises OSError when the address cannot be listened on.
    """

    class Answer(BaseHTTPRequestHandler):
        timeout = READ_TIMEOUT_S

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE, exposition.text())
            elif self.path in ("/healthz", "/readyz"):
                wrong = (healthy if self.path == "/healthz" else ready)()
                status = HTTPStatus.OK if wrong is None else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, "text/plain; charset=utf-8", (wrong or "ok").encode() + b"\n")
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"/metrics, /healthz, /readyz\n")

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a scrape every few seconds is no news."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        daemon_threads = True

    server = Server(address, Answer)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield (str(server.server_address[0]), int(server.server_address[1]))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
