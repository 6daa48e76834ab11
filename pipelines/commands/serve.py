"""`hubbub serve`: alerts over HTTP, for programs, feed readers and pages."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.options import broker_options, listening_options, log_format_option, opened_broker, settings_of


@click.command(epilog="Example: HUBBUB_SERVE_TOKEN=$(cat token) hubbub serve --port 8484")
@listening_options(port=8484)
@log_format_option
@broker_options
def serve(
    *, host: str | None, port: int | None, log_format: str | None, broker: str | None, config: Path | None
) -> None:
    """Serve alerts over HTTP until stopped: /api/alerts, /api/alerts/stream, /api/alerts.atom, /api/silences.

    With a token (HUBBUB_SERVE_TOKEN, or serve.token_file) every request must bring it, and alerts can be acknowledged
    and silenced; without one only this machine is served, and nothing can be changed.
    """
    from infra.listening_settings import token_of
    from pipelines.speaking import say, speaking
    from pipelines.stop_signals import StopSignals
    from schemas.alerts import ALERTS

    try:
        from pipelines.serve.app import make_app
        from pipelines.serve.board import Board
        from pipelines.serve.follower import Follower
        from pipelines.serve.listening import address_of, listen, serve_until_stopped
    except ImportError as error:
        raise ImportError("`hubbub serve` needs hubbub[console]", name=error.name) from error

    settings = settings_of(broker, config, serve__host=host, serve__port=port, logs__format=log_format)
    token = token_of(settings.serve, "serve")
    with (
        speaking(settings.logs.format),
        opened_broker(broker, config) as following,
        opened_broker(broker, config) as opened,
        StopSignals() as stop,
    ):
        opened.expect_topics([ALERTS])
        listening = listen(settings.serve.host, settings.serve.port)
        board = Board()
        follower = Follower(following, settings.job.poll_s, board.follows())
        app = make_app(board, follower, opened, token, stop.requested)
        follower.start()
        shown = f"serving http://{address_of(listening)}/api/alerts; Ctrl-C stops"
        try:
            serve_until_stopped(app, listening, stop.requested, started=lambda: say(shown), is_well=follower.is_well)
        finally:
            follower.stop()
