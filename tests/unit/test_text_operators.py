"""Operators that ask a text model: what they read, what they add, where they have no opinion."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from models.text_model import TextModel
from operators.classify_text import ClassifyText, understand_alarms, understand_logs
from operators.collect_answers import CollectAnswers
from operators.understand_messages import UnderstandMessages, read_language
from schemas.alarms import ALARMS
from schemas.answers import ALARMS_ENRICHED, CUSTOMER_MESSAGES_ENRICHED, LABEL
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.device_logs import DEVICE_LOGS
from tests.tiny_text_bundle import write_tiny_text_bundle

ENGLISH = "The lock has been beeping since noon"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TextModel:
    return TextModel(write_tiny_text_bundle(tmp_path_factory.mktemp("models") / "tiny-text"))


def labels(batch: pa.RecordBatch, column: str) -> list[str | None]:
    return [None if one is None else one["label"] for one in batch.column(column).to_pylist()]


def best(model: TextModel, head: str, *texts: str | None) -> list[str | None]:
    """The labels that the model itself gives."""
    answers = model.predict(texts)
    rows = zip(answers.best(head), answers.present, strict=True)
    return [answers.labels[head][place] if there else None for place, there in rows]


def strings(**columns: list[str | None]) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})


def test_labels_each_text_with_its_most_probable_label(model: TextModel) -> None:
    batch = strings(text=[ENGLISH, None, " ", "fire"])
    out = ClassifyText(model, ("topic", "urgency"), explain=("topic",)).process(batch)
    assert out.schema.names == ["text", "topic", "urgency"]
    assert labels(out, "topic") == best(model, "topic", ENGLISH, None, None, "fire")
    first = out.column("topic")[0].as_py()
    assert first["model"] == model.identity
    assert first["score"] == model.predict([ENGLISH]).probabilities["topic"][0].max()
    assert first["words"] == model.predict([ENGLISH], explain=("topic",)).words["topic"][0]
    assert out.column("urgency")[0].as_py()["words"] is None


def test_logs_are_read_as_component_and_message(model: TextModel) -> None:
    component: list[str | None] = ["dhcpd", None, "", "dhcpd", "dhcpd"]
    out = understand_logs(model).process(
        strings(component=component, message=["link down", "fan hot", "fan hot", None, " "])
    )
    expected = ("dhcpd: link down", "fan hot", "fan hot", None, None)
    assert labels(out, "category") == best(model, "category", *expected)
    assert labels(out, "abnormal") == best(model, "abnormal", *expected)


def test_alarms_are_read_as_code_and_text_or_either(model: TextModel) -> None:
    out = understand_alarms(model).process(
        strings(code=["E-21", None, "E-21", " ", None], text=["high pressure", "high pressure", "", None, None])
    )
    expected = ("E-21 high pressure", "high pressure", "E-21", None, None)
    assert labels(out, "category") == best(model, "category", *expected)
    assert labels(out, "severity") == best(model, "severity", *expected)


def test_the_language_that_a_message_came_with_stands(model: TextModel) -> None:
    out = UnderstandMessages(model).process(
        strings(text=[ENGLISH, ENGLISH, ENGLISH, None], language=["en-GB", "zh_Hans", "fr", "en"])
    )
    assert out.column("language_answer").to_pylist() == [
        {"label": "en", "score": 1.0, "model": None, "words": None},
        {"label": "zh-CN", "score": 1.0, "model": None, "words": None},
        {"label": "und", "score": 1.0, "model": None, "words": None},
        None,
    ]
    (topic,) = best(model, "topic", ENGLISH)
    assert labels(out, "topic") == [topic, topic, None, None]
    assert labels(out, "sentiment")[2:] == [None, None]
    assert out.column("language").to_pylist() == ["en-GB", "zh_Hans", "fr", "en"]


def test_the_model_says_the_language_where_nobody_did(model: TextModel) -> None:
    texts: list[str | None] = [ENGLISH, "空调漏水了，请马上来人", "noon", "door", "fan", "port is down", "leak", "hot"]
    spoken = best(model, "language", *texts)
    assert {"und"} < set(spoken), "the miniature model must say und and something else for this to test anything"
    for batch in (strings(text=texts), strings(text=texts, language=[" "] * len(texts))):
        out = UnderstandMessages(model).process(batch)
        assert labels(out, "language_answer") == spoken
        heard = [
            None if language == "und" else topic
            for language, topic in zip(spoken, best(model, "topic", *texts), strict=True)
        ]
        assert labels(out, "topic") == heard


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"),
        ("EN_us", "en"),
        ("zh", "zh-CN"),
        ("zh-Hant-TW", "zh-CN"),
        ("fr-CA", "und"),
        ("und", "und"),
        ("eng", "und"),
    ],
)
def test_tags_are_read_by_their_primary_subtag(tag: str, language: str) -> None:
    assert read_language(tag) == language


def test_columns_line_up_with_the_enriched_topics(model: TextModel) -> None:
    for topic, operator, enriched in (
        (CUSTOMER_MESSAGES, UnderstandMessages(model), CUSTOMER_MESSAGES_ENRICHED),
        (ALARMS, understand_alarms(model), ALARMS_ENRICHED),
    ):
        schema = operator.output_schema(topic.row_schema)
        assert (
            CollectAnswers(enriched).output_schema(schema).field("hubbub").type == enriched.schema.field("hubbub").type
        )
    added = understand_logs(model).output_schema(DEVICE_LOGS.row_schema)
    assert added.field("category").type == added.field("abnormal").type == LABEL


def test_what_does_not_line_up_is_refused_at_once(model: TextModel, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected heads of TextModel\(tiny-text@1\.0\.0.*got \['weather'\]"):
        ClassifyText(model, ("weather",))
    with pytest.raises(ValueError, match=r"expected explain to be among topic, got \['urgency'\]"):
        ClassifyText(model, ("topic",), explain=("urgency",))
    with pytest.raises(ValueError, match="expected needs to be among"):
        ClassifyText(model, ("topic",), needs=("message",))
    with pytest.raises(ValueError, match="expected a column 'text'"):
        ClassifyText(model, ("topic",)).output_schema(pa.schema([("message", pa.string())]))
    with pytest.raises(ValueError, match="expected 'text' to be string, got int64"):
        UnderstandMessages(model).output_schema(pa.schema([("text", pa.int64())]))
    with pytest.raises(ValueError, match="would add a column 'topic'"):
        ClassifyText(model, ("topic",)).output_schema(pa.schema([("text", pa.string()), ("topic", pa.string())]))
