"""Find a pipeline by what a person types: a shipped one's name, an entry point's, or `package.module:NAME`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.pipeline import Pipeline

if TYPE_CHECKING:
    from operators.alert_rule import AlertRule

SHIPPED = ("logs", "messages", "alarms", "telemetry", "alerts")
# Run when they are named: alerts re-keyed by site with the registry of devices, and what belongs together.
REKEYED = ("sites", "incidents")
# Run when they are named: what is notable by device, how probable a serious alarm is, and alerts of that.
FORECASTING = ("signals", "forecasts", "forecast_alerts")
# Run when they are named: regular lines that stay away, and alerts of that.
LISTENING = ("log_silences", "log_silence_alerts")
ENTRY_POINTS = "hubbub.pipelines"
Chosen = Mapping[str, str | Path]
Rules = Sequence["AlertRule"]
# Of a series that is read once a minute; what the setting `telemetry.false_alarms_per_month` is without a file.
ONE_A_MONTH = 1.0


class UnknownPipeline(ValueError):
    """No pipeline goes by this name, or what it names is none."""


def shipped_pipeline(
    name: str,
    models: Chosen | None = None,
    rules: Rules | None = None,
    false_alarms_per_month: float = ONE_A_MONTH,
) -> Pipeline:
    """Build a shipped pipeline; `models` overrides bundles by name (see models/find_bundle.py).

    `rules` are those of the alerts, None for the default ones; `false_alarms_per_month` is of what finds odd readings.
    What a pipeline needs is imported when it is built: a job pays only for what it runs.
    """
    if name == "alerts":
        from pipelines.shipped.alerts import alerts

        return alerts() if rules is None else alerts(rules)
    if name == "sites":
        from pipelines.shipped.sites import sites

        return sites()
    if name == "incidents":
        from pipelines.shipped.incidents import incidents

        return incidents()
    if name in FORECASTING:
        return _forecasting(name, models, rules)
    if name in LISTENING:
        from pipelines.shipped.log_silences import log_silence_alerts, log_silences

        return log_silences() if name == "log_silences" else log_silence_alerts(rules)
    if name == "telemetry":
        from models.telemetry_model import TelemetryModel
        from pipelines.shipped.telemetry import telemetry

        return telemetry(TelemetryModel.named(chosen=models), false_alarms_per_month)
    from models.text_model import TextModel

    if name == "logs":
        from models.telemetry_model import TelemetryModel
        from models.template_model import TemplateModel
        from pipelines.shipped.logs import logs

        templates, readings = TemplateModel.named(chosen=models), TelemetryModel.named(chosen=models)
        return logs(TextModel.named(chosen=models), templates, readings, false_alarms_per_month)
    build = getattr(importlib.import_module(f"pipelines.shipped.{name}"), name)
    pipeline = build(TextModel.named(chosen=models))
    assert isinstance(pipeline, Pipeline)
    return pipeline


def _forecasting(name: str, models: Chosen | None, rules: Rules | None) -> Pipeline:
    if name == "signals":
        from pipelines.shipped.signals import signals

        return signals()
    if name == "forecast_alerts":
        from pipelines.shipped.forecast_alerts import forecast_alerts

        return forecast_alerts() if rules is None else forecast_alerts(rules)
    from models.forecast_model import ForecastModel
    from pipelines.shipped.forecasts import forecasts

    return forecasts(ForecastModel.named(chosen=models))


def shipped_pipelines(
    models: Chosen | None = None, rules: Rules | None = None, false_alarms_per_month: float = ONE_A_MONTH
) -> list[Pipeline]:
    """Build all shipped pipelines."""
    return [shipped_pipeline(name, models, rules, false_alarms_per_month) for name in SHIPPED]


def with_feeders(names: Sequence[str]) -> list[str]:
    """Return names of pipelines, each once, with what is run for them alone.

    That is `sites` before `incidents`, `signals` before `forecasts`, and the alerts behind these and `log_silences`.
    """
    groups = {"incidents": REKEYED, "forecasts": FORECASTING, "log_silences": LISTENING}
    found: list[str] = []
    for name in names:
        found += [one for one in groups.get(name, (name,)) if one not in found]
    return found


def find_pipeline(
    name: str,
    models: Chosen | None = None,
    rules: Rules | None = None,
    false_alarms_per_month: float = ONE_A_MONTH,
) -> Pipeline:
    """Return the pipeline that `name` means; UnknownPipeline says what was expected.

    A user's own is a Pipeline, or a function without arguments that makes one.
    """
    if name in (*SHIPPED, *REKEYED, *FORECASTING, *LISTENING):
        return shipped_pipeline(name, models, rules, false_alarms_per_month)
    if ":" in name:
        found = _attribute(name)
    else:
        named = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
        if name not in named:
            known = ", ".join([*SHIPPED, *REKEYED, *FORECASTING, *LISTENING, *named])
            raise UnknownPipeline(f"expected one of the pipelines {known}, or package.module:NAME, got {name!r}")
        found = named[name].load()
    if callable(found) and not isinstance(found, Pipeline):
        found = found()
    if not isinstance(found, Pipeline):
        raise UnknownPipeline(
            f"expected {name} to be a Pipeline or a function that makes one, got {type(found).__name__}"
        )
    return found


def _attribute(name: str) -> object:
    module, _, attribute = name.partition(":")
    try:
        found = importlib.import_module(module)
    except Exception as error:  # a person's own file may raise anything
        why = f"{type(error).__name__}: {error}"
        raise UnknownPipeline(f"cannot import {module!r} for the pipeline {name}: {why}") from error
    if not hasattr(found, attribute):
        raise UnknownPipeline(f"module {module} has no {attribute!r} for the pipeline {name}")
    return getattr(found, attribute)
