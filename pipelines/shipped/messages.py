"""The pipeline `messages`: in which language somebody writes, about what, in what mood, how urgently."""

from __future__ import annotations

from models.text_model import TextModel
from operators.collect_answers import CollectAnswers
from operators.operator import KeyedOperator, Operator
from operators.understand_messages import UnderstandMessages
from pipelines.pipeline import Pipeline
from schemas.answers import CUSTOMER_MESSAGES_ENRICHED
from schemas.customer_messages import CUSTOMER_MESSAGES


def message_operators(text: TextModel) -> tuple[Operator | KeyedOperator, ...]:
    """Return what is asked of each message."""
    return (UnderstandMessages(text, explain=("sentiment", "topic", "urgency")),)


def messages(text: TextModel) -> Pipeline:
    """Return the pipeline from customer.messages to customer.messages.enriched."""
    return Pipeline(
        "messages",
        [CUSTOMER_MESSAGES],
        [*message_operators(text), CollectAnswers(CUSTOMER_MESSAGES_ENRICHED)],
        [CUSTOMER_MESSAGES_ENRICHED],
    )
