"""Options that commands share, and the settings that come of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from infra.broker import Broker
    from infra.settings import Settings
    from pipelines.alert_rules.rule_file import RuleSet
    from pipelines.engines.job_settings import JobSettings
    from pipelines.words.alert_words import AlertWords

Command = TypeVar("Command", bound=Callable[..., Any])


def broker_options(command: Command) -> Command:
    """Add --broker and --config, which every command that opens a broker has."""
    command = click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Settings file (default: hubbub.toml, if there is one).",
    )(command)
    return click.option(
        "--broker", metavar="URL", help="sqlite:PATH (default: sqlite:hubbub.db) or kafka://HOST:PORT."
    )(command)


def json_option(command: Command) -> Command:
    """Add --json, for a program that reads what is printed."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def language_option(command: Command) -> Command:
    """Add --language, for what people read; JSON has no language."""
    return click.option(
        "--language", type=click.Choice(("en", "zh")), help="Say it in English or Chinese (default: as it was written)."
    )(command)


def log_format_option(command: Command) -> Command:
    """Add --log-format, for whoever collects what is said on stderr."""
    return click.option(
        "--log-format", type=click.Choice(("text", "json")), help="How to speak on stderr (default: text)."
    )(command)


def listening_options(port: int) -> Callable[[Command], Command]:
    """Add --host and --port, for what listens for HTTP; `port` is the one of its settings, for the help."""

    def add(command: Command) -> Command:
        said = f"On which port (default: {port}; 0: a free one)."
        command = click.option("--port", type=int, metavar="PORT", help=said)(command)
        return click.option(
            "--host", metavar="ADDRESS", help="Where to listen (default: 127.0.0.1; others need a token)."
        )(command)

    return add


def rules_option(command: Command) -> Command:
    """Add --rules, for what raises alerts."""
    return click.option(
        "--rules", type=click.Path(path_type=Path), metavar="FILE", help="Alert rules (default: alerts.toml)."
    )(command)


def false_alarms_option(command: Command) -> Command:
    """Add --false-alarms-per-month, for what judges readings."""
    return click.option(
        "--false-alarms-per-month",
        type=float,
        metavar="N",
        help="Of a series, by telemetry (default: 1).",
    )(command)


def settings_of(broker: str | None, config: Path | None, **flags: object) -> Settings:
    """Return the settings that hold here; further flags by name with `__` for the dot."""
    import os

    from infra.settings import load_settings

    given = {"broker.url": broker, **{name.replace("__", "."): value for name, value in flags.items()}}
    return load_settings(flags=given, environment=os.environ, config=config, directory=Path())


def opened_broker(broker: str | None, config: Path | None, *, must_exist: bool = False) -> Broker:
    """Open the broker that the settings name."""
    from infra.broker_url import open_broker

    settings = settings_of(broker, config)
    return open_broker(settings.broker, settings.kafka, must_exist=must_exist)


def chosen_models(settings: Settings) -> dict[str, str | Path]:
    """Return the bundles that stand in for shipped ones, by name: find_bundle's `chosen`."""
    return dict(settings.models)


def chosen_rules(settings: Settings) -> RuleSet:
    """Return the alert rules that hold here; BadInput says what is wrong with their file."""
    from pipelines.alert_rules.rule_file import read_rules

    return read_rules(Path(settings.alerts.rules) if settings.alerts.rules else None, chosen_models(settings))


def words_in(language: str | None, broker: str | None, config: Path | None) -> AlertWords:
    """Return what says alerts in a language, by the rules that hold here; of None: as they were written."""
    from pipelines.words.alert_words import AlertWords
    from pipelines.words.languages import translation_to

    rules = () if language is None else chosen_rules(settings_of(broker, config)).rules
    return AlertWords(rules, translation_to(language))


def job_settings(settings: Settings) -> JobSettings:
    """Return what the settings say about jobs, in the engine's own terms."""
    import msgspec

    from pipelines.engines.job_settings import JobSettings

    values = msgspec.structs.asdict(settings.job)
    return JobSettings(**{**values, "tick_s": settings.job.tick_s or None})
