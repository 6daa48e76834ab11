"""`hubbub serve`: alerts over HTTP, for programs, feed readers and pages."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import broker_options, opened_broker, settings_of

if TYPE_CHECKING:
    import socket

GRACE_S = 2


@click.command(epilog="Example: HUBBUB_SERVE_TOKEN=$(cat token) hubbub serve --port 8484")
@click.option("--host", metavar="ADDRESS", help="Where to listen (default: 127.0.0.1; others need a token).")
@click.option("--port", type=int, metavar="PORT", help="On which port (default: 8484; 0: a free one).")
@broker_options
def serve(*, host: str | None, port: int | None, broker: str | None, config: Path | None) -> None:
    """Serve alerts over HTTP until stopped: /api/alerts, /api/alerts/stream, /api/alerts.atom, /api/silences.

    With a token (HUBBUB_SERVE_TOKEN, or serve.token_file) every request must bring it, and alerts can be acknowledged
    and silenced; without one only this machine is served, and nothing can be changed.
    """
    from infra.serve_settings import token_of
    from pipelines.stop_signals import StopSignals
    from schemas.alerts import ALERTS

    try:
        import uvicorn

        from pipelines.serve.app import make_app
        from pipelines.serve.board import Board
    except ImportError as error:
        raise ImportError("`hubbub serve` needs hubbub[console]", name=error.name) from error

    settings = settings_of(broker, config, serve__host=host, serve__port=port)
    token = token_of(settings.serve)
    with opened_broker(broker, config) as following, opened_broker(broker, config) as opened, StopSignals() as stop:
        opened.expect_topics([ALERTS])
        listening = _listen(settings.serve.host, settings.serve.port)
        board = Board(following, settings.job.poll_s)
        app = make_app(board, opened, token, stop.requested)
        options = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_S,
        )
        server = uvicorn.Server(options)
        # In a thread of its own, so that signals are ours: they stop what is open in order.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="http", daemon=True)
        board.start()
        thread.start()
        name, number = listening.getsockname()[:2]
        shown = f"[{name}]" if ":" in name else name
        click.echo(f"serving http://{shown}:{number}/api/alerts; Ctrl-C stops", err=True)
        while not stop.requested.is_set() and thread.is_alive():
            stop.requested.wait(1)
        server.should_exit = True
        thread.join(3 * GRACE_S)
        board.stop()
        listening.close()


def _listen(host: str, port: int) -> socket.socket:
    import socket

    from infra.settings import WrongSetting

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise WrongSetting(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
