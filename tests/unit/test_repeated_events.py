"""Which rows the engine takes for an event that was delivered before: bounded, and the same wherever rows are cut."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engines.repeated_events import first_deliveries
from pipelines.engines.state_rows import StateRows
from schemas.device_logs import DEVICE_LOGS
from schemas.identity import identity
from schemas.record import Record
from tests.drawn_rows import rows
from tests.jobs.counting import NumberLines

Event = tuple[str, int, int]  # device, id, second
DAY_S = 86_400


def batch_of(events: list[Event]) -> pa.RecordBatch:
    lines = [f"{device} | {second} | {identity(number)} | x" for device, number, second in events]
    return rows(DEVICE_LOGS, "\n".join(["device_id | event_time | event_id | message", *lines]))


def records_of(batch: pa.RecordBatch, *headers: tuple[str, bytes]) -> list[Record]:
    return [Record(row, 0, None, None, headers) for row in range(batch.num_rows)]


def firsts(events: list[Event], cuts: list[int] | None = None) -> list[bool]:
    """Which of the events are taken, with the memory stored and loaded again at each cut."""
    store: dict[str, bytes | None] = {}
    batch = batch_of(events)
    found: list[bool] = []
    for start, end in pairwise([0, *(cuts or []), len(events)]):
        part = batch.slice(start, end - start)
        states = StateRows([NumberLines()], lambda keys: [store.get(key) for key in keys])
        mask = first_deliveries(states, DEVICE_LOGS, "device_id", part, records_of(part))
        found += [True] * part.num_rows if mask is None else mask.tolist()
        store.update({change.key: change.value for change in states.changes()})
    return found


def test_an_event_counts_once_for_its_device() -> None:
    assert firsts([("a", 1, 0), ("a", 1, 0), ("b", 1, 0), ("a", 2, 1), ("a", 1, 0), ("b", 1, 0)]) == [
        *(True, False, True),
        *(True, False, False),
    ]


@pytest.mark.parametrize(("others", "again"), [(31, False), (32, True)])
def test_thirty_two_events_are_remembered(others: int, again: bool) -> None:
    events = [("a", 0, 0), *(("a", n + 1, 0) for n in range(others)), ("a", 0, 0)]
    assert firsts(events)[-1] is again


@pytest.mark.parametrize(("watermark_s", "again"), [(DAY_S - 1, False), (DAY_S, True)])
def test_for_a_day(watermark_s: int, again: bool) -> None:
    """The time of another device moves the watermark, ten seconds ahead of it."""
    assert firsts([("a", 0, 0), ("b", 1, watermark_s + 10), ("a", 0, 0)])[-1] is again


@given(st.data())
def test_where_rows_are_cut_changes_nothing(data: st.DataObject) -> None:
    device, number = st.sampled_from("ab"), st.integers(0, 40)
    second = st.sampled_from([0, 5, DAY_S, 2 * DAY_S, 3 * DAY_S])
    events = data.draw(st.lists(st.tuples(device, number, second), min_size=1, max_size=80))
    cuts = data.draw(st.lists(st.integers(0, len(events)), max_size=6).map(sorted))
    assert firsts(events, cuts) == firsts(events)


def test_memory_that_is_only_ids_ends_with_them() -> None:
    states = StateRows([NumberLines()], lambda keys: [None] * len(keys))
    batch = batch_of([("a", 0, 60)])
    first_deliveries(states, DEVICE_LOGS, "device_id", batch, records_of(batch))
    (change,) = states.changes()
    assert change.expires_us == batch.column("event_time")[0].value + DAY_S * 1_000_000


def test_a_dead_letter_that_is_sent_again_is_no_repeat() -> None:
    states = StateRows([NumberLines()], lambda keys: [None] * len(keys))
    batch = batch_of([("a", 0, 60), ("a", 0, 60)])
    again = records_of(batch, ("dlq.replayed_from", b"dead.letters/1@2"))
    assert first_deliveries(states, DEVICE_LOGS, "device_id", batch, again) is None
