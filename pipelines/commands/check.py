"""`hubbub check`: configuration and pipelines, without running anything."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.options import chosen_models, json_option, settings_of


@click.command(epilog="Example: hubbub check hubbub.toml")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@json_option
def check(*, file: Path | None, as_json: bool) -> int:
    """Check the settings (of FILE, default hubbub.toml, if there is one), the models, rules, notify.toml and pipelines.

    Nothing is run, and no broker is opened. Exit status 1 when something is wrong.
    """
    import os

    from infra.broker_url import check_url
    from infra.settings import FILE_NAME, WrongSetting
    from pipelines.bad_input import BadInput
    from pipelines.commands.findings import print_findings
    from pipelines.doctor.finding import Finding, any_wrong
    from pipelines.doctor.models import look_at_models
    from pipelines.doctor.telling import look_at_notify
    from pipelines.doctor.wiring import look_at_pipelines, look_at_rules

    if file is not None and not file.is_file():
        raise BadInput(f"expected a settings file at {file}, got none")
    try:
        settings = settings_of(None, file)
        check_url(settings.broker.url, settings.kafka)
    except WrongSetting as wrong:
        findings = [Finding("settings", "wrong", str(wrong))]
    else:
        said = file or (Path(FILE_NAME) if Path(FILE_NAME).is_file() else None)
        told = f"no {FILE_NAME} here, so the defaults hold" if said is None else f"{said} says nothing wrong"
        models = look_at_models(chosen_models(settings))
        findings = [Finding("settings", "fine", told), *models]
        rules = Path(settings.alerts.rules) if settings.alerts.rules else None
        findings += look_at_rules(rules, chosen_models(settings))
        findings += look_at_notify(file.parent if file is not None else Path(), os.environ)
        findings += look_at_pipelines(chosen_models(settings))
    print_findings(findings, as_json=as_json)
    return 1 if any_wrong(findings) else 0
