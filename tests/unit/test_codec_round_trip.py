"""Rows that are encoded and decoded again are the same rows: any rows, on every topic whose content is JSON."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.catalog import TOPICS
from schemas.cloudevents import headers
from schemas.json_codec import JsonCodec
from schemas.record import Record
from schemas.topic import TIMESTAMP, Topic

JSON_TOPICS = [topic for topic in TOPICS.values() if topic.content == "json"]
TEXT = st.text(max_size=8)
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
TIMES = st.datetimes(timezones=st.just(UTC))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def values_of(type_: pa.DataType, closed: list[str]) -> st.SearchStrategy[Any]:
    """Python values that pa.array takes for a type; nothing is null at the top."""
    if closed:
        return st.sampled_from(closed)
    if pa.types.is_string(type_):
        return TEXT
    if pa.types.is_boolean(type_):
        return st.booleans()
    if pa.types.is_integer(type_):
        return st.integers(-(2 ** (type_.bit_width - 1)), 2 ** (type_.bit_width - 1) - 1)
    if pa.types.is_floating(type_):
        return st.floats(allow_nan=False, allow_infinity=False)
    if type_ == TIMESTAMP:
        return TIMES
    if pa.types.is_list(type_):
        return st.lists(st.none() | values_of(type_.value_type, []), max_size=3)
    if pa.types.is_map(type_):
        return st.dictionaries(TEXT, st.none() | values_of(type_.item_type, []), max_size=3).map(
            lambda d: list(d.items())
        )
    assert pa.types.is_struct(type_)
    fields = [type_.field(i) for i in range(type_.num_fields)]
    return st.fixed_dictionaries({f.name: st.none() | values_of(f.type, []) for f in fields})


def rows_of(topic: Topic) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of a topic with their envelope, as the codec gives them."""
    known = {*topic.schema.names, "hubbub"}
    columns: dict[str, st.SearchStrategy[Any]] = {
        "event_id": HEX,
        "received_at": TIMES,
        "origin": st.fixed_dictionaries(
            {
                "topic": st.sampled_from(["alarms", "device.logs"]),
                "partition": st.integers(0, 7),
                "offset": st.integers(0, 10**18 - 1),
            }
        ),
        "traceparent": st.none()
        | HEX.filter(lambda text: text.strip("0")).map(lambda text: f"00-{text}-{'a' * 16}-01"),
        "extra": st.none()
        | st.dictionaries(TEXT.filter(lambda name: name not in known), JSON, min_size=1, max_size=3).map(
            lambda extra: orjson.dumps(extra).decode()
        ),
    }
    for column in topic.schema:
        closed = (column.metadata or {}).get(b"values", b"").decode().split()
        values = values_of(column.type, closed)
        columns[column.name] = st.none() | values if column.nullable else values
    return st.fixed_dictionaries(columns)


@pytest.mark.parametrize("topic", JSON_TOPICS, ids=lambda topic: topic.name)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_was_encoded_is_decoded_to_the_same(topic: Topic, data: st.DataObject) -> None:
    rows = data.draw(st.lists(rows_of(topic), max_size=4))
    batch = pa.RecordBatch.from_pylist(rows, schema=topic.decoded_schema)
    codec = JsonCodec(topic)
    records = [
        Record(
            offset=7 + 2 * row,
            timestamp_us=batch["received_at"][row].value,
            key=batch[topic.key][row].as_py().encode(),
            value=value,
            headers=attributes,
        )
        for row, (value, attributes) in enumerate(
            zip(codec.encode(batch), headers(topic, "p", batch, with_origin=True), strict=True)
        )
    ]
    decoded = codec.decode("elsewhere", 1, records)
    assert decoded.refused == []
    decoded.batch.validate(full=True)
    assert decoded.batch.equals(batch), (decoded.batch.to_pylist(), batch.to_pylist())
    cut = data.draw(st.integers(0, len(rows)))
    assert codec.encode(batch[:cut]) + codec.encode(batch[cut:]) == codec.encode(batch), "a cut means nothing"
