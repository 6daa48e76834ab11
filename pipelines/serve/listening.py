"""An application served until somebody stops it: the listening socket, and uvicorn in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from infra.settings import WrongSetting

if TYPE_CHECKING:
    from starlette.types import ASGIApp

GRACE_S = 2


def listen(host: str, port: int) -> socket.socket:
    """Listen; WrongSetting where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise WrongSetting(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


def address_of(listening: socket.socket) -> str:
    """Return HOST:PORT as an address of the web has it."""
    name, number = listening.getsockname()[:2]
    return f"[{name}]:{number}" if ":" in name else f"{name}:{number}"


def serve_until_stopped(
    app: ASGIApp,
    listening: socket.socket,
    stop: threading.Event,
    *,
    started: Callable[[], None],
    is_well: Callable[[], bool],
) -> None:
    """Serve until `stop` is set, or what is served from is not well; open requests get GRACE_S seconds.

    Closes the socket.
    """
    options = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(options)
    # In a thread of its own, so that signals are ours: they stop what is open in order. It is no daemon, nor are those
    # of requests, which come of it: a process that ends while a thread of it is in native code may be aborted.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="http", daemon=False)
    thread.start()
    try:
        started()
        while not stop.is_set() and thread.is_alive() and is_well():
            stop.wait(1)
    finally:
        server.should_exit = True
        thread.join(3 * GRACE_S)
        listening.close()
