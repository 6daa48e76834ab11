"""`hubbub console`: alerts and incidents in a browser."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path

import click

from pipelines.commands.options import (
    broker_options,
    chosen_rules,
    listening_options,
    log_format_option,
    opened_broker,
    settings_of,
)


@click.command(epilog="Example: hubbub console --broker sqlite:hubbub-demo.db")
@listening_options(port=8585)
@log_format_option
@broker_options
def console(
    *, host: str | None, port: int | None, log_format: str | None, broker: str | None, config: Path | None
) -> None:
    """Show alerts and incidents in a browser, live, until stopped: evidence, acknowledge, comment, silence.

    People log in with a token: HUBBUB_CONSOLE_TOKEN, or console.token_file. Without one a token is made up and printed,
    and only this machine is served.
    """
    from infra.listening_settings import token_of
    from infra.secret import Secret
    from pipelines.speaking import say, speaking
    from pipelines.stop_signals import StopSignals
    from schemas.alerts import ALERTS

    try:
        from pipelines.console.app import make_console
        from pipelines.console.console import Boards, Console
        from pipelines.console.drift_look import DriftLook
        from pipelines.serve.listening import address_of, listen, serve_until_stopped
    except ImportError as error:
        raise ImportError("`hubbub console` needs hubbub[console]", name=error.name) from error

    settings = settings_of(broker, config, console__host=host, console__port=port, logs__format=log_format)
    rules = chosen_rules(settings)
    given = token_of(settings.console, "console")
    token = given or Secret(secrets.token_urlsafe(24), "this start of the console")
    with (
        speaking(settings.logs.format),
        opened_broker(broker, config) as following,
        opened_broker(broker, config) as opened,
        closing(DriftLook()) as drift,
        StopSignals() as stop,
    ):
        opened.expect_topics([ALERTS])
        listening = listen(settings.console.host, settings.console.port)
        address = address_of(listening)
        boards = Boards()
        follower = boards.followed(following, settings.job.poll_s)
        # A cookie is sent to every port of a host: each console has one of its own name.
        name = f"hubbub_session_{listening.getsockname()[1]}"
        shown = Console(opened, boards, follower, settings, rules, token, stop.requested, cookie=name, drift=drift)

        def started() -> None:
            say(f"the console is at http://{address}; Ctrl-C stops")
            if given is None:
                # What stands behind `#` a browser sends to nobody.
                say(f"log in by http://{address}/login#token={token.reveal()}")

        follower.start()
        try:
            app = make_console(shown)
            serve_until_stopped(app, listening, stop.requested, started=started, is_well=follower.is_well)
        finally:
            follower.stop()
