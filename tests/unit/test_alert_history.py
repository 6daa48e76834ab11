"""What holds for any rows: arrival within the lateness changes no history, and where rows are cut changes nothing."""

from __future__ import annotations

from random import Random

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.alert_memory import MOST_MARKS, decode_memories
from operators.alert_rule import AlertRule, SeverityFrom
from operators.condition import Condition
from operators.raise_alerts import RaiseAlerts
from schemas.identity import alert_id, identity
from schemas.severity import SEVERITIES
from tests.alert_jobs import Job, arrivals, batch_of, history, seconds, told
from tests.alert_oracle import Patience, Sign, expected_alerts
from tests.drawn_rows import LATENESS_S, microseconds

patience = st.builds(
    Patience, st.integers(1, 4), st.sampled_from([2.0, 5.0, 12.0]), st.sampled_from([1.0, 6.0, 15.0, 60.0])
)


def operator_of(patience: Patience, *, clears: bool = True) -> RaiseAlerts:
    rule = AlertRule(
        name="flapping",
        source="alarm",
        when=(Condition("state", "==", "raise"),),
        clears=(Condition("state", "==", "clear"),) if clears else (),
        severity=SeverityFrom(("perceived_severity",), "indeterminate"),
        labels=(("code", "code"),),
        count=patience.count,
        within_s=patience.within_s,
        resolve_after_s=patience.resolve_after_s,
        summary="{device_id}: {code} {severity}, {counted} since {since}",
    )
    return RaiseAlerts((rule,))


@settings(max_examples=200, deadline=None)
@given(patience, arrivals(), st.booleans(), st.integers(1, 60))
def test_arrival_within_the_lateness_leaves_the_history_that_sorting_gives(
    rule: Patience, arrived: list[Sign], clears: bool, width: int
) -> None:
    # Behind them come two rows about something else: they make what is open end in the same call, untold anew.
    later = [Sign(time, f"end {time}", True) for time in (10_000, 10_020)]
    batch = batch_of([*(("d1", "E-1", sign) for sign in arrived), *(("d1", "E-2", sign) for sign in later)])
    assert not any(batch.column("late").to_pylist())
    revisions = Job(operator_of(rule, clears=clears)).run(batch, range(width, batch.num_rows, width))
    revisions = [row for row in revisions if dict(row["labels"])["code"] == "E-1"]
    if not clears:
        arrived = [sign for sign in arrived if sign.raises]
    fingerprint = identity("alert", "flapping", "d1", "E-1")
    expected = expected_alerts(rule, arrived, until=1e9)
    found = history(revisions)
    assert set(found) == {alert_id(fingerprint, alert.opening_id) for alert in expected}
    for alert in expected:
        assert told(found[alert_id(fingerprint, alert.opening_id)], alert.opening_id) == alert
    # Revisions count without a gap, and the one that a compacted topic keeps is the newest alert's.
    assert [row["revision"] for row in revisions] == list(range(1, len(revisions) + 1))
    if expected:
        assert revisions[-1]["alert_id"] == alert_id(fingerprint, expected[-1].opening_id)


@settings(max_examples=60, deadline=None)
@given(patience, arrivals())
def test_at_every_moment_the_last_word_is_where_the_newest_alert_stands(rule: Patience, arrived: list[Sign]) -> None:
    """After each row, what a compacted topic holds is what the oracle says of the rows so far."""
    batch = batch_of(("d1", "E-1", sign) for sign in arrived)
    job, said = Job(operator_of(rule)), None
    for end in range(1, batch.num_rows + 1):
        watermark = batch.column("watermark")[end - 1].value
        for row in job.step(batch.slice(end - 1, 1), watermark):
            said = row
        until = -1e9 if watermark is None else (watermark - microseconds("0")) / 1e6
        alerts = expected_alerts(rule, arrived[:end], until)
        if not alerts:
            assert said is None
            continue
        newest = alerts[-1]
        state = "resolved" if newest.resolved_by else "pending" if newest.fired_at is None else "firing"
        assert said is not None
        assert (said["state"], seconds(said["opened_at"])) == (state, newest.opened_at)
        assert SEVERITIES.index(said["severity"]) == newest.severity
        assert (seconds(said["resolved_at"]), said["resolved_by"]) == (newest.resolved_at, newest.resolved_by)
        assert said["count"] <= newest.count <= max(2.5 * said["count"], 1) or state == "pending"


@st.composite
def partitions(draw: st.DrawFn) -> list[tuple[str, str, Sign]]:
    """Rows of three devices and two codes, some of them late."""
    arrived = draw(arrivals(most_late_s=3 * LATENESS_S))
    chance = Random(draw(st.integers(0, 2**32)))
    return [(chance.choice(["d1", "d2", "d3"]), chance.choice(["E-1", "E-2"]), sign) for sign in arrived]


@settings(max_examples=40, deadline=None)
@given(patience, partitions(), st.data())
def test_where_rows_are_cut_changes_nothing(
    rule: Patience, arrived: list[tuple[str, str, Sign]], data: st.DataObject
) -> None:
    batch = batch_of(arrived)
    operator = operator_of(rule)
    straight = Job(operator).run(batch)
    cuts = sorted(data.draw(st.lists(st.integers(0, batch.num_rows), max_size=5)))
    assert Job(operator).run(batch, cuts) == straight
    assert Job(operator).run(batch, range(1, batch.num_rows)) == straight


@settings(max_examples=40, deadline=None)
@given(patience, partitions(), st.data())
def test_a_deadline_fires_once_whatever_the_cut(
    rule: Patience, arrived: list[tuple[str, str, Sign]], data: st.DataObject
) -> None:
    batch = batch_of(arrived)
    cuts = sorted(data.draw(st.lists(st.integers(0, batch.num_rows), max_size=8)))
    revisions = Job(operator_of(rule)).run(batch, cuts)
    ids = [row["event_id"] for row in revisions]
    assert len(set(ids)) == len(ids)
    fired = [(row["fingerprint"], row["_deadline"]) for row in revisions if row["_deadline"] is not None]
    assert len(set(fired)) == len(fired)
    assert all(row["resolved_at"] == row["_deadline"] for row in revisions if row["_deadline"] is not None)
    # In the end nothing is open: each fingerprint's last word is a resolution.
    last = {row["fingerprint"]: row["state"] for row in revisions}
    assert set(last.values()) <= {"resolved"}


def test_more_unsettled_rows_than_the_bound_settle_early_and_the_same_wherever_cut() -> None:
    """A device that says 700 things within the lateness: memory keeps 256 of them, and no count is lost."""
    told_in = [Sign(20 + (i * 7919 % 997) / 100, identity("x", i)[:8], i % 5 != 0, 2) for i in range(700)]
    batch = batch_of(("d1", "E-1", sign) for sign in told_in)
    operator = operator_of(Patience(1, 5.0, 60.0))
    straight = Job(operator).run(batch)
    assert Job(operator).run(batch, [1, 100, 257, 258, 500]) == straight
    nothing = pa.RecordBatch.from_arrays(
        [pa.nulls(1, f.type) for f in operator.state_schema], schema=operator.state_schema
    )
    states, _ = operator.process(nothing, batch)
    (memory,) = decode_memories(states.column("memory")[0].as_py()).values()
    assert len(memory.marks) == MOST_MARKS
    assert sum(row["count"] for row in history(straight).values()) == sum(sign.raises for sign in told_in)
