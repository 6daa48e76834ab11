"""The pipeline `logs`: what kind of line it is, how new to its device, whether something is wrong, and odd numbers."""

from __future__ import annotations

from models.telemetry_model import READINGS_A_MONTH, TelemetryModel
from models.template_model import TemplateModel
from models.text_model import TextModel
from operators.classify_text import understand_logs
from operators.collect_answers import CollectAnswers
from operators.detect_log_metrics import DetectLogMetrics
from operators.mine_templates import MineTemplates
from operators.operator import KeyedOperator, Operator
from pipelines.pipeline import Pipeline
from schemas.answers import DEVICE_LOGS_ENRICHED
from schemas.device_logs import DEVICE_LOGS


def log_operators(text: TextModel, templates: TemplateModel | None = None) -> tuple[Operator | KeyedOperator, ...]:
    """Return what is asked of each log line; `templates` are those that came with hubbub unless others are given."""
    return MineTemplates(templates or TemplateModel.named()), understand_logs(text, explain=("abnormal",))


def logs(
    text: TextModel,
    templates: TemplateModel | None = None,
    telemetry: TelemetryModel | None = None,
    false_alarms_per_month: float = 1.0,
) -> Pipeline:
    """Return the pipeline from device.logs to device.logs.enriched.

    `telemetry` judges the numbers that come with lines: the model that came with hubbub unless another is given. The
    false alarms are those of a number that comes once a minute.
    """
    judge = DetectLogMetrics(telemetry or TelemetryModel.named(), false_alarms_per_month / READINGS_A_MONTH)
    operators = [*log_operators(text, templates), judge, CollectAnswers(DEVICE_LOGS_ENRICHED)]
    return Pipeline("logs", [DEVICE_LOGS], operators, [DEVICE_LOGS_ENRICHED])
