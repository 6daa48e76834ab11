"""The pipeline `logs`: what kind of line it is, how new to its device, and whether something is wrong."""

from __future__ import annotations

from models.text_model import TextModel
from operators.classify_text import understand_logs
from operators.collect_answers import CollectAnswers
from operators.mine_templates import MineTemplates
from operators.operator import KeyedOperator, Operator
from pipelines.pipeline import Pipeline
from schemas.answers import DEVICE_LOGS_ENRICHED
from schemas.device_logs import DEVICE_LOGS


def log_operators(text: TextModel) -> tuple[Operator | KeyedOperator, ...]:
    """Return what is asked of each log line."""
    return MineTemplates(), understand_logs(text, explain=("abnormal",))


def logs(text: TextModel) -> Pipeline:
    """Return the pipeline from device.logs to device.logs.enriched."""
    return Pipeline(
        "logs", [DEVICE_LOGS], [*log_operators(text), CollectAnswers(DEVICE_LOGS_ENRICHED)], [DEVICE_LOGS_ENRICHED]
    )
