"""`hubbub doctor`: look at the machine, the broker and the models, and say what is wrong."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.options import broker_options, chosen_models, json_option, settings_of


@click.command(epilog="Example: hubbub doctor --broker sqlite:hubbub.db")
@broker_options
@json_option
def doctor(*, broker: str | None, config: Path | None, as_json: bool) -> int:
    """Look at this machine, its packages, the broker and the models, and say in plain words what is wrong.

    Each line is fine, worth a look, or wrong. Exit status 1 when something is wrong.
    """
    from pipelines.commands.findings import print_findings
    from pipelines.doctor.broker import look_at_broker
    from pipelines.doctor.finding import any_wrong
    from pipelines.doctor.machine import look_at_machine
    from pipelines.doctor.models import look_at_models

    settings = settings_of(broker, config)
    findings = [*look_at_machine(), *look_at_broker(settings.broker, settings.kafka)]
    findings += look_at_models(chosen_models(settings))
    print_findings(findings, as_json=as_json)
    return 1 if any_wrong(findings) else 0
