"""The tasks of `score`: for each, what it reads, which pipeline's operators answer, and how the answers are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from operators.operator import KeyedOperator, Operator
from pipelines.bad_input import BadInput
from pipelines.catalog import ONE_A_MONTH
from pipelines.model_folder import model_folder
from schemas.alarms import ALARMS
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.device_logs import DEVICE_LOGS
from schemas.device_metrics import DEVICE_METRICS
from schemas.device_sessions import SEQUENCES
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.topic import Topic

if TYPE_CHECKING:
    from models.template_model import TemplateModel

Operators: TypeAlias = tuple[Operator | KeyedOperator, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks beside the answers themselves."""

    probabilities: bool = False
    provenance: bool = False
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which bundle answers: the one that a person named for this run, else one that settings put in its place.

    `false_alarms_per_month` is of the task `telemetry`.
    """

    model: str | None
    instead: Mapping[str, str | Path]
    false_alarms_per_month: float = ONE_A_MONTH

    def folder(self, shipped: str) -> Path:
        """Return the folder of the bundle; `shipped` is the name of the one that came with hubbub."""
        return model_folder(shipped if self.model is None else self.model, self.instead)


@dataclass(frozen=True, slots=True)
class Task:
    """One task: rows of `topic`, of which only the columns in `reads` are looked at, get `answers` from operators."""

    name: str
    topic: Topic
    reads: tuple[str, ...]
    answers: tuple[str, ...]
    operators: Callable[[Chosen, Asked], Operators]


# What a task needs is imported when it is built: a person who scores messages does not wait for the others.


def _of_text(name: str, topic: Topic) -> Callable[[Chosen, Asked], Operators]:
    def build(chosen: Chosen, asked: Asked) -> Operators:
        from models.text_model import SHIPPED_TEXT_MODEL, TextModel
        from pipelines.scoring.probabilities import RememberingModel, with_options

        folder = chosen.folder(SHIPPED_TEXT_MODEL)
        model = RememberingModel(folder) if asked.probabilities else TextModel(folder)
        model.load()
        shipped = getattr(import_module(f"pipelines.shipped.{name}s"), f"{name}_operators")
        operators = shipped(model, _templates(chosen)) if name == "log" else shipped(model)
        return with_options(operators, topic.row_schema, model, explain=asked.explain)

    return build


def _templates(chosen: Chosen) -> TemplateModel:
    from models.template_model import SHIPPED_TEMPLATES, TemplateModel

    return TemplateModel(model_folder(SHIPPED_TEMPLATES, chosen.instead))


def _of_telemetry(chosen: Chosen, asked: Asked) -> Operators:
    from models.telemetry_model import SHIPPED_TELEMETRY_MODEL, TelemetryModel
    from pipelines.shipped.telemetry import telemetry_operators

    model = TelemetryModel(chosen.folder(SHIPPED_TELEMETRY_MODEL))
    model.load()
    return telemetry_operators(model, chosen.false_alarms_per_month)


def _of_intents(chosen: Chosen, asked: Asked) -> Operators:
    from models.text_model import TextModel
    from operators.classify_text import ClassifyText
    from pipelines.scoring.probabilities import RememberingModel, with_options

    if chosen.model is None:
        raise BadInput("score intents needs --model BUNDLE, the folder that `hubbub train intents` wrote")
    folder = chosen.folder(chosen.model)
    model = RememberingModel(folder) if asked.probabilities else TextModel(folder)
    if "intent" not in model.heads:
        raise BadInput(f"{folder}: expected a bundle with the head intent, got one with {', '.join(model.heads)}")
    model.load()
    operators = (ClassifyText(model, ("intent",)),)
    return with_options(operators, CUSTOMER_MESSAGES.row_schema, model, explain=asked.explain)


def _of_sequences(chosen: Chosen, asked: Asked) -> Operators:
    from models.sequence_model import SequenceModel
    from operators.score_sequences import ScoreSequences

    if chosen.model is None:
        raise BadInput("score sequences needs --model BUNDLE, the folder that `hubbub train sequences` wrote")
    model = SequenceModel(chosen.folder(chosen.model))
    model.load()
    return (ScoreSequences(model),)


def _of_multivariate(chosen: Chosen, asked: Asked) -> Operators:
    from models.multivariate_model import MultivariateModel
    from operators.detect_together import DetectTogether

    if chosen.model is None:
        raise BadInput("score multivariate needs --model BUNDLE, the folder that `hubbub train multivariate` wrote")
    model = MultivariateModel(chosen.folder(chosen.model))
    model.load()
    return (DetectTogether(model),)


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "messages",
            CUSTOMER_MESSAGES,
            ("text", "language"),
            ("language", "sentiment", "topic", "urgency"),
            _of_text("message", CUSTOMER_MESSAGES),
        ),
        Task(
            "logs",
            DEVICE_LOGS,
            ("message", "device_id", "event_time", "component", "severity"),
            ("template", "template_id", "parameters", "category", "abnormal", "novelty", "novelty_kind"),
            _of_text("log", DEVICE_LOGS),
        ),
        Task("intents", CUSTOMER_MESSAGES, ("text",), ("intent",), _of_intents),
        Task("alarms", ALARMS, ("text", "code"), ("category", "severity"), _of_text("alarm", ALARMS)),
        Task(
            "telemetry",
            DEVICE_TELEMETRY,
            ("device_id", "metric", "event_time", "value"),
            ("anomaly",),
            _of_telemetry,
        ),
        Task("sequences", SEQUENCES, ("events",), ("anomaly",), _of_sequences),
        Task(
            "multivariate",
            DEVICE_METRICS,
            ("device_id", "event_time", "metrics"),
            ("anomaly", "contributions"),
            _of_multivariate,
        ),
    )
}
