"""Sessions of events: cut by quiet time or by id, bounded, each with its reason."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from models.sequence_model import SequenceModel
from operators.cut_sessions import CutSessions
from operators.mine_templates import MineTemplates
from operators.session_memory import DeviceSessions
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOGS
from schemas.device_sessions import DEVICE_SESSIONS
from tests.drawn_rows import rows
from tests.tiny_sequence_bundle import write_tiny_sequence_bundle

MINUTE_US = 60_000_000


def cut(operator: CutSessions, batch: pa.RecordBatch) -> list[tuple[str, str | None, str, str]]:
    """Each session as device, id, events and cut."""
    keys = batch.column("device_id").unique()
    states = pa.RecordBatch.from_pylist([{}] * len(keys), schema=operator.state_schema)
    after, made = operator.process(states, batch)
    due = pa.RecordBatch.from_arrays(after.columns, schema=operator.state_schema)
    _, fired = operator.fire(keys, due, 10**17)
    return [
        (one["device_id"], one["session"], " ".join(one["events"]), one["cut"])
        for part in (made, fired)
        for one in part.to_pylist()
    ]


def test_a_pause_ends_a_session() -> None:
    """Only the watermark ends one: the same pause on another device does not."""
    batch = rows(
        DEVICE_LOGS,
        """
        device_id | event_time | watermark | component
        d1        | 08:00:00   | -         | a
        d1        | 08:00:30   | 08:00:00  | b
        d2        | 08:00:31   | 08:00:30  | a
        d1        | 08:03:00   | 08:02:50  | c
        d1        | 08:03:01   | 08:02:55  | -
        """,
    )
    assert cut(CutSessions(event="component"), batch) == [
        ("d1", None, "a b", "quiet"),
        ("d1", None, "c", "quiet"),
        ("d2", None, "a", "quiet"),
    ]


def test_the_first_event_behind_a_pause_begins_a_session() -> None:
    """Its own watermark is still that of the rows before the pause."""
    batch = rows(
        DEVICE_LOGS,
        """
        device_id | event_time | component
        d1        | 08:00:00   | a
        d1        | 08:00:30   | b
        d1        | 08:05:00   | c
        """,
    )
    sessions = cut(CutSessions(event="component"), batch)
    assert sessions == [("d1", None, "a b", "quiet"), ("d1", None, "c", "quiet")]


def test_an_id_keeps_sessions_apart_and_limits_end_them() -> None:
    batch = rows(
        DEVICE_LOGS,
        """
        device_id | event_time | watermark | component | message
        d1        | 08:00:00   | -         | a           | block 1 begins
        d1        | 08:00:01   | -         | a           | block 2 begins
        d1        | 08:00:02   | -         | b           | block 1 goes on
        d1        | 08:00:03   | -         | x           | nothing of a block
        d1        | 08:00:04   | -         | c           | block 1 goes on
        d1        | 08:00:05   | -         | a           | block 3 begins
        d1        | 08:00:06   | -         | a           | block 4 begins
        """,
    )
    operator = CutSessions(event="component", session_pattern=r"block (\d+)", most_events=3, most_sessions=2)
    assert cut(operator, batch) == [
        ("d1", "1", "a b c", "full"),
        ("d1", "2", "a", "crowded"),
        ("d1", "3", "a", "quiet"),
        ("d1", "4", "a", "quiet"),
    ]


def test_what_comes_too_late_is_a_session_of_its_own() -> None:
    """It is over when it comes: its own doing, so it has a row and no deadline."""
    batch = rows(
        DEVICE_LOGS,
        """
        device_id | event_time | watermark | component
        d1        | 08:00:00   | 08:30:00  | a
        """,
    )
    operator = CutSessions(event="component")
    states = pa.RecordBatch.from_pylist([{}], schema=operator.state_schema)
    after, made = operator.process(states, batch)
    [row] = made.to_pylist()
    assert (row["_row"], row["_deadline"], row["events"]) == (0, None, ["a"])
    assert after.to_pylist() == [{"sessions": None, "deadline": None}]


def test_a_model_says_what_is_odd_about_a_session(tmp_path: Path) -> None:
    batch = rows(
        DEVICE_LOGS,
        """
        device_id | event_time | watermark | component
        d1        | 08:00:00   | -         | power
        d1        | 08:00:01   | -         | kernel
        d1        | 08:00:02   | -         | net
        d1        | 08:00:03   | -         | login
        d1        | 08:10:00   | 08:09:50  | power
        """,
    )
    model = SequenceModel(write_tiny_sequence_bundle(tmp_path))
    operator = CutSessions(model, event="component")
    _, made = operator.process(pa.RecordBatch.from_pylist([{}], schema=operator.state_schema), batch)
    [row] = made.to_pylist()
    assert row["anomaly"]["is_anomaly"] and row["anomaly"]["model"] == model.identity
    assert row["anomaly"]["because"] == [{"kind": "missing", "event": "disk", "at": 2}]


def test_it_lines_up_with_templates_in_a_pipeline() -> None:
    pipeline = Pipeline("sessions", [DEVICE_LOGS], [MineTemplates(), CutSessions()], [DEVICE_SESSIONS])
    assert pipeline.emits


def test_memory_is_bounded() -> None:
    """A million events of as many sessions leave what the docstring says."""
    device = DeviceSessions(MINUTE_US)
    for i in range(20_000):
        device.take(f"s{i % 300}", f"e{i % 50}", i, most_events=64, most_sessions=32)
    stored = device.stored()
    assert len(device) <= 32 and stored is not None and len(stored) < 32 * 64 * 3
    assert DeviceSessions.read(stored, MINUTE_US).stored() == stored


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"quiet_s": 0.0}, "expected quiet_s above 0"),
        ({"most_events": 0}, "expected limits of at least 1"),
        ({"session_pattern": "("}, "expected a pattern of RE2"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CutSessions(**wrong)  # type: ignore[arg-type]
