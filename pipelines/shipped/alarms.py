"""The pipeline `alarms`: what an alarm is about, and how severe its words are."""

from __future__ import annotations

from models.text_model import TextModel
from operators.classify_text import understand_alarms
from operators.collect_answers import CollectAnswers
from operators.operator import KeyedOperator, Operator
from pipelines.pipeline import Pipeline
from schemas.alarms import ALARMS
from schemas.answers import ALARMS_ENRICHED


def alarm_operators(text: TextModel) -> tuple[Operator | KeyedOperator, ...]:
    """Return what is asked of each alarm."""
    return (understand_alarms(text, explain=("severity",)),)


def alarms(text: TextModel) -> Pipeline:
    """Return the pipeline from alarms to alarms.enriched."""
    return Pipeline("alarms", [ALARMS], [*alarm_operators(text), CollectAnswers(ALARMS_ENRICHED)], [ALARMS_ENRICHED])
