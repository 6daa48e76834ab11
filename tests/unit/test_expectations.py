"""What is expected of rows: counted right, refused by the codec where it is declared, and column by column."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pyarrow as pa
import pytest

from pipelines.demo.building import MULBERRY_CORNER
from pipelines.demo.plan import A_QUICK_DAY
from pipelines.demo.simulate import Simulation
from pipelines.replay.quality.tally import Tally
from schemas.alarms import ALARMS
from schemas.catalog import ENRICHED, INPUTS, TOPICS
from schemas.expectations import AHEAD_S, Expectation, broken, column_at, declared, expectations
from schemas.json_codec import JsonCodec
from schemas.record import Record
from schemas.topic import Topic
from tests.python_calls import python_calls

END_US = 1_767_312_000_000_000
SEED = 11
BY_NAME = {topic.name: topic for topic in INPUTS}


def decoded(topic: Topic, *events: dict[str, Any], now_us: int = END_US) -> pa.RecordBatch:
    records = [Record(offset, now_us, b"d1", orjson.dumps(event)) for offset, event in enumerate(events)]
    found = JsonCodec(topic).decode(topic.name, 0, records)
    assert not found.refused
    return found.batch


@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
def test_what_is_declared_the_codec_refuses(topic: Topic) -> None:
    """So of decoded rows it always holds; only what makes the key and the time may come from elsewhere."""
    for one in declared(topic):
        if one.column in (topic.key, topic.event_time):
            continue
        whole: dict[str, Any] = {"device_id": "d1", "event_time": "2026-01-01T00:00:00Z", "metric": "m"}
        event = {**whole, one.column: None if one.kind == "filled" else "of another kind"}
        refused = JsonCodec(topic).decode(topic.name, 0, [Record(0, END_US, b"d1", orjson.dumps(event))]).refused
        assert len(refused) == 1 and one.column in refused[0][1].message, str(one)
    assert {one.column for one in declared(topic)} >= {"device_id", "event_time"}


def test_every_closed_list_is_expected() -> None:
    assert [str(one) for one in declared(ALARMS) if one.kind == "one of"] == [
        "perceived_severity is one of critical, major, minor, warning, indeterminate, cleared",
        "state is one of raise, clear",
    ]


def test_scores_of_answers_are_shares() -> None:
    paths = {one.column for topic in ENRICHED for one in expectations(topic) if one.high == 1.0}
    assert {"hubbub.abnormal.score", "hubbub.novelty", "hubbub.urgency.score", "hubbub.anomaly.score"} <= paths


@pytest.mark.parametrize(
    "topic", [one for one in TOPICS.values() if one.content == "json"], ids=lambda topic: topic.name
)
def test_every_expectation_reads_a_column_of_its_topic(topic: Topic) -> None:
    empty = topic.decoded_schema.empty_table().to_batches()
    batch = empty[0] if empty else pa.RecordBatch.from_pylist([], schema=topic.decoded_schema)
    for one in expectations(topic):
        assert broken(batch, one) == (0, 0), str(one)
        assert len(column_at(batch, one.column)) == 0


KINDS = [
    Expectation("value", "filled"),
    Expectation("unit", "one of", values=("Cel", "%")),
    Expectation("value", "between", low=-10, high=10),
    Expectation("value", "between", low=0),
    Expectation("value", "between", high=0),
    Expectation("value", "between", low=0, high=50, only_where=("unit", "%")),
    Expectation("metric", "length", low=2, high=3),
    Expectation("metric", "unique"),
]


@pytest.mark.parametrize("expectation", KINDS, ids=str)
def test_counts_are_what_a_loop_counts(expectation: Expectation) -> None:
    print("seed", SEED)
    draw = random.Random(SEED)
    rows = [
        {
            "metric": "m" * draw.randrange(1, 6) + draw.choice(("", "é", "温")),
            "unit": draw.choice(("Cel", "%", "K", None)),
            "value": draw.choice((None, draw.uniform(-30, 80))),
        }
        for _ in range(400)
    ]
    schema = pa.schema([("metric", pa.string()), ("unit", pa.string()), ("value", pa.float64())])
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    about = [row for row in rows if expectation.only_where is None or row["unit"] == expectation.only_where[1]]
    values = [row[expectation.column] for row in about]
    assert broken(batch, expectation) == (len(about), _broken(expectation, values))
    assert 0 < _broken(expectation, values) < len(about)


def _broken(one: Expectation, values: list[Any]) -> int:
    known = [value for value in values if value is not None]
    if one.kind == "filled":
        return len(values) - len(known)
    if one.kind == "unique":
        return len(known) - len(set(known))
    if one.kind == "one of":
        return sum(value not in one.values for value in known)
    sizes = [len(value) if one.kind == "length" else value for value in known]
    return sum((one.low is not None and x < one.low) or (one.high is not None and x > one.high) for x in sizes)


def test_an_event_far_ahead_of_its_arrival_is_counted() -> None:
    [ahead] = [one for one in expectations(ALARMS) if one.column == AHEAD_S]
    batch = decoded(ALARMS, {"event_time": "2030-01-01T00:00:00Z"}, {"event_time": "2020-01-01T00:00:00Z"})
    assert broken(batch, ahead) == (2, 1)


def test_a_day_of_the_demo_is_as_expected() -> None:
    """Incidents are trouble in the building, not in the data."""
    simulation = Simulation(MULBERRY_CORNER, A_QUICK_DAY, seed=SEED, end_us=END_US, about=2000, learning_days=0)
    tally = Tally()
    for name, topic in BY_NAME.items():
        events = [event for event in simulation.events() if event.topic == name]
        times = [event.time_us for event in events]
        records = [
            Record(offset, at, event.device_id.encode(), orjson.dumps(event.fields))
            for offset, (event, at) in enumerate(zip(events, times, strict=True))
        ]
        found = JsonCodec(topic).decode(name, 0, records)
        assert not found.refused
        tally.take(topic, found.batch)
    assert set(tally.topics) == set(BY_NAME)
    assert tally.failing() == {}


def test_mostly_leaves_room() -> None:
    """One reading in twenty may be missing, not one in ten."""
    telemetry = BY_NAME["device.telemetry"]
    for missing, fails in ((5, False), (10, True)):
        events = [{"metric": "m", "value": None if number < missing else 1.0} for number in range(100)]
        tally = Tally()
        tally.take(telemetry, decoded(telemetry, *events))
        failing = [str(one) for counts in tally.failing().values() for one in counts]
        assert ("value is there (in 95 % of the rows)" in failing) == fails


def test_a_thousand_rows_are_as_much_work_in_python_as_ten() -> None:
    """Arrow counts whole columns; no row is looked at by itself."""
    telemetry = BY_NAME["device.telemetry"]
    rows = [{"metric": f"m{n % 7}", "value": n / 9, "unit": "Cel"} for n in range(1000)]
    tally = Tally()
    tally.take(telemetry, decoded(telemetry, *rows))  # what is imported at the first time
    few, many = (decoded(telemetry, *rows[:count]) for count in (10, 1000))
    calls = [python_calls(lambda batch=batch: tally.take(telemetry, batch)) for batch in (few, many)]  # type: ignore[misc]
    assert calls[0] == calls[1] > 0
