"""Events of a device around a time, found by halving: against a plain look through everything."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.partitioner import partition_of_key
from infra.sqlite.broker import SqliteBroker
from pipelines.console import events_near as module
from pipelines.console.events_near import event_us, events_near
from pipelines.seen_event import time_text
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.record import Append

START_US = 1_772_352_000_000_000
SECOND_US = 1_000_000
TOPIC = DEVICE_TELEMETRY.name


def filled(folder: Path, seconds: list[tuple[int, bool]]) -> SqliteBroker:
    """Return a broker with one reading of d1 or of another device at each of these seconds, in this order."""
    broker = SqliteBroker(folder / "hubbub.db", durability="off")
    broker.create_topics([DEVICE_TELEMETRY])
    other = next(f"x{n}" for n in range(99) if partition_of_key(f"x{n}".encode(), 8) == partition_of_key(b"d1", 8))
    rows = [
        {"device_id": "d1" if mine else other, "event_time": time_text(START_US + second * SECOND_US), "metric": "m"}
        for second, mine in seconds
    ]
    broker.append([Append(TOPIC, str(row["device_id"]).encode(), orjson.dumps({**row, "value": 1.0})) for row in rows])
    return broker


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=400),
    st.integers(0, 20_000),
    st.integers(0, 5_000),
)
def test_it_finds_what_a_plain_look_finds(gaps: list[tuple[int, bool]], begin: int, span: int) -> None:
    """Steps go forward by up to a minute, with some a little back, as devices' clocks and networks have it."""
    at, seconds = 0, []
    for number, (gap, mine) in enumerate(gaps):
        at += gap
        seconds.append((max(0, at - (90 if number % 7 == 3 else 0)), mine))
    with TemporaryDirectory() as folder, filled(Path(folder), seconds) as broker:
        from_us, until_us = START_US + begin * SECOND_US, START_US + (begin + span) * SECOND_US
        found = events_near(broker, TOPIC, "d1", from_us, until_us)
    times = sorted(START_US + second * SECOND_US for second, mine in seconds if mine)
    assert [event_us(one) for one in found.events] == [one for one in times if from_us <= one <= until_us]
    assert found.whole


def test_what_is_too_much_is_cut_at_its_beginning(tmp_path: Path) -> None:
    with filled(tmp_path, [(second, True) for second in range(9000)]) as broker:
        until_us = START_US + 10_000 * SECOND_US
        found = events_near(broker, TOPIC, "d1", START_US, until_us, most=100)
        assert not found.whole
        assert event_us(found.events[-1]) == START_US + 8999 * SECOND_US
        assert len(found.events) == 100
        clock = iter([0.0, *[module.MOST_S + 1] * 99])
        found = events_near(broker, TOPIC, "d1", START_US, until_us, clock=lambda: next(clock))
        assert (found.whole, len(found.events)) == (False, module.AT_ONCE)
        reads: list[int] = []
        plain = broker.read

        def counted(*arguments: Any, **named: Any) -> Any:
            reads.append(1)
            return plain(*arguments, **named)

        broker.read = counted  # type: ignore[method-assign]
        assert len(events_near(broker, TOPIC, "d1", START_US, START_US + 60 * SECOND_US).events) == 61
        assert len(reads) < 20, "halving, not looking through"
        assert events_near(broker, "no.such.topic", "d1", 0, until_us).events == []
