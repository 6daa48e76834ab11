"""Conditions over time as they are drawn: lasting, kept firing, together, absent, flapping."""

# ruff: noqa: E501 - a table reads better with each row on one line

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from operators.alert_rule import AlertRule, Flapping
from operators.condition import Condition
from operators.raise_alerts import RaiseAlerts
from schemas.answers import ALARMS_ENRICHED, DEVICE_LOGS_ENRICHED, DEVICE_TELEMETRY_ENRICHED
from tests.alert_revisions import Row, said
from tests.drawn_rows import microseconds, rows

WARM = AlertRule(
    "warm",
    "telemetry",
    where=(Condition("metric", "==", "temp"),),
    when=(Condition("value", ">", 8),),
    severity="major",
    for_s=300,
    clears_otherwise=True,
    resolve_after_s=600,
    summary="{device_id} is at {value} ({counted})",
)
ALARM = AlertRule(
    "alarm",
    "alarm",
    when=(Condition("state", "==", "raise"),),
    clears=(Condition("state", "==", "clear"),),
    severity="major",
    labels=(("code", "code"),),
    fixed_labels=(("team", "cold_chain"),),
    annotations=(("runbook_url", "https://runbooks.example/{code}"),),
    summary="{device_id}: {code}",
)
SILENT = AlertRule(
    "silent",
    "log",
    when=(),
    severity="major",
    absent_s=600,
    resolve_after_s=86_400,
    summary="{device_id} since {since}",
)
POWER_AND_NETWORK = AlertRule(
    "power_and_network",
    "log",
    when=(Condition("severity", "in", ("major", "critical")),),
    together=(
        (Condition("hubbub.category.label", "==", "power"),),
        (Condition("hubbub.category.label", "==", "network"), Condition("message", "contains", "LINK")),
    ),
    within_s=120,
    severity="critical",
    summary="{device_id}: {counted}",
)


def revisions_of(rule: AlertRule, batch: pa.RecordBatch, until: str | None = None) -> list[Row]:
    """What comes out row by row, the deadlines of all devices fired behind each, then until a time."""
    operator = RaiseAlerts((rule,))
    schema = operator.state_schema
    memory: dict[str, list[Any]] = {}
    out: list[Row] = []

    def states(keys: list[str]) -> pa.RecordBatch:
        found = [memory.get(key, [None] * len(schema)) for key in keys]
        return pa.RecordBatch.from_arrays(
            [pa.array([row[i] for row in found], field.type) for i, field in enumerate(schema)], schema=schema
        )

    def keep(keys: list[str], after: pa.RecordBatch) -> None:
        for i, key in enumerate(keys):
            memory[key] = [column[i].as_py() for column in after.columns]

    def fire(watermark_us: int) -> None:
        keys = sorted(memory)
        after, made = operator.fire(pa.array(keys, pa.string()), states(keys), watermark_us)
        keep(keys, after)
        out.extend(made.to_pylist())

    for i in range(batch.num_rows):
        one = batch.slice(i, 1)
        if (watermark := one.column("watermark")[0]).is_valid:
            fire(watermark.value)
        keys = one.column("device_id").to_pylist()
        after, made = operator.process(states(keys), one)
        keep(keys, after)
        out.extend(made.to_pylist())
    if until is not None:
        fire(microseconds(until))
    return out


def test_it_fires_when_it_has_lasted_and_no_reading_said_otherwise() -> None:
    revisions = revisions_of(
        WARM,
        rows(
            DEVICE_TELEMETRY_ENRICHED,
            """
            event_time | metric | value
            08:00      | temp   | 9.0
            08:04      | temp   | 7.0
            08:05      | temp   | 9.0
            08:06      | power  | 1.0
            08:08      | temp   | -
            08:09      | temp   | 11.0
            08:11      | temp   | 12.0
            08:12      | temp   | 6.0
            """,
        ),
    )
    assert said(revisions, "event_time", "state", "opened_at", "fired_at", "resolved_by", "summary") == [
        "08:00:00 pending 08:00:00 None None d1 is at 9 (1 reading)",
        "08:04:00 resolved 08:00:00 None clear d1 is at 9 (1 reading)",
        "08:05:00 pending 08:05:00 None None d1 is at 9 (1 reading)",
        "08:10:00 firing 08:05:00 08:10:00 None d1 is at 12 (3 readings)",
        "08:12:00 resolved 08:05:00 08:10:00 clear d1 is at 12 (3 readings)",
    ]
    assert revisions[3]["_deadline"] == revisions[3]["fired_at"]


def test_that_it_lasted_is_said_when_the_watermark_has_come_there_and_not_before() -> None:
    revisions = revisions_of(
        WARM,
        rows(
            DEVICE_TELEMETRY_ENRICHED,
            """
            event_time | metric | value
            08:00:00   | temp   | 9.0
            08:05:05   | temp   | 9.0
            08:04:58   | temp   | 7.0
            08:15:00   | other  | 7.0
            """,
        ),
        until="08:20",
    )
    # At 08:05:05 the watermark is 08:04:55: the reading of 08:04:58 is not late, and makes two short ones of it.
    assert said(revisions, "state", "opened_at", "fired_at", "resolved_at") == [
        "pending 08:00:00 None None",
        "resolved 08:00:00 None 08:04:58",
        "pending 08:05:05 None None",
        "firing 08:05:05 08:10:05 None",
        "resolved 08:05:05 08:10:05 08:15:05",
    ]


def test_it_keeps_firing_for_a_while_and_goes_on_when_raised_again() -> None:
    rule = dataclasses.replace(ALARM, keep_firing_for_s=60.0)
    revisions = revisions_of(
        rule,
        rows(
            ALARMS_ENRICHED,
            """
            event_time | code | state
            08:00:00   | E-1  | raise
            08:01:00   | E-1  | clear
            08:01:59   | E-1  | raise
            08:02:10   | E-1  | clear
            08:02:20   | E-1  | clear
            """,
        ),
        until="08:04",
    )
    assert said(revisions, "event_time", "state", "resolved_by", "count") == [
        "08:00:00 firing None 1",
        "08:01:59 firing None 2",
        "08:03:10 resolved clear 2",
    ]
    assert dict(revisions[0]["labels"]) == {
        "alertname": "alarm",
        "device_id": "d1",
        "code": "E-1",
        "team": "cold_chain",
    }
    assert ("runbook_url", "https://runbooks.example/E-1") in revisions[0]["annotations"]


def test_all_conditions_within_the_time_in_any_order() -> None:
    table = """
        device_id | event_time | severity | message   | hubbub.category.label
        d1        | 08:00:00   | major    | link down | network
        d2        | 08:00:10   | minor    | low       | power
        d1        | 08:02:00   | major    | low       | power
        d1        | 08:02:30   | major    | no net    | network
        d1        | 08:03:59   | critical | Link lost | network
        d1        | 08:04:10   | critical | Link lost | network
    """
    revisions = revisions_of(POWER_AND_NETWORK, rows(DEVICE_LOGS_ENRICHED, table))
    assert said(revisions, "device_id", "event_time", "state", "opened_at", "count") == [
        "d1 08:00:00 pending 08:00:00 1",
        "d1 08:02:00 resolved 08:00:00 1",
        "d1 08:02:00 pending 08:02:00 1",
        "d1 08:03:59 firing 08:02:00 2",
    ], "the first pair lies two minutes apart, which is not within two minutes"


def test_three_conditions_that_lie_just_too_far_apart_are_not_together() -> None:
    three = tuple((Condition("message", "contains", word),) for word in ("one", "two", "three"))
    rule = dataclasses.replace(POWER_AND_NETWORK, when=(), together=three)
    table = "event_time | message\n08:00:00 | one\n08:01:00 | two\n08:02:00 | three"
    assert said(revisions_of(rule, rows(DEVICE_LOGS_ENRICHED, table)), "state") == ["pending"]
    table = f"{table}\n08:02:59 | ONE"
    assert said(revisions_of(rule, rows(DEVICE_LOGS_ENRICHED, table)), "state", "count") == ["pending 1", "firing 4"]


def test_a_device_that_says_nothing_fires_and_its_next_word_ends_it() -> None:
    table = """
        device_id | event_time | message
        d1        | 08:00:00   | hello
        d2        | 08:00:00   | hello
        d1        | 08:09:00   | hello
        d2        | 08:09:59   | hello
        d1        | 08:20:00   | hello
        d2        | 08:21:00   | back
        d1        | 08:29:00   | hello
        d1        | 08:30:20   | hello
    """
    revisions = revisions_of(SILENT, rows(DEVICE_LOGS_ENRICHED, table), until="2026-03-02T09:00:00+00:00")
    assert said(revisions, "device_id", "state", "opened_at", "fired_at", "resolved_at", "resolved_by") == [
        "d1 resolved 08:09:00 08:19:00 08:20:00 clear",
        "d2 resolved 08:09:59 08:19:59 08:21:00 clear",
        "d1 firing 08:30:20 08:40:20 None None",
        "d1 resolved 08:30:20 08:40:20 08:40:20 quiet",
        "d2 firing 08:21:00 08:31:00 None None",
        "d2 resolved 08:21:00 08:31:00 08:31:00 quiet",
    ]
    assert revisions[0]["summary"] == "d1 since 08:09"
    assert [e["text"] for e in revisions[1]["evidence"]] == ["hello"], "what it said last"


def test_the_silence_of_one_device_is_seen_by_the_words_of_another() -> None:
    table = "device_id | event_time\nd1 | 08:00\nd2 | 08:05\nd2 | 08:12\nd2 | 08:15\nd1 | 08:16"
    revisions = revisions_of(SILENT, rows(DEVICE_LOGS_ENRICHED, table))
    assert said(revisions, "device_id", "event_time", "state") == ["d1 08:10:00 firing", "d1 08:16:00 resolved"]


def test_one_that_opens_and_closes_again_and_again_stays_until_it_is_quiet() -> None:
    rule = dataclasses.replace(ALARM, flapping=Flapping(2, 600.0))
    lines = [
        f"08:0{minute}:{second:02d} | E-1 | {state}"
        for minute in range(6)
        for second, state in ((0, "raise"), (30, "clear"))
    ]
    table = "\n".join(["event_time | code | state", *lines, "08:40:00 | E-1 | raise"])
    revisions = revisions_of(rule, rows(ALARMS_ENRICHED, table), until="08:39")
    assert said(revisions, "event_time", "state", "opened_at", "count") == [
        "08:00:00 firing 08:00:00 1",
        "08:00:30 resolved 08:00:00 1",
        "08:01:00 firing 08:01:00 1",
        "08:01:30 resolved 08:01:00 1",
        "08:02:00 firing 08:02:00 1",
        "08:03:00 firing 08:02:00 2",
        "08:40:00 resolved 08:02:00 4",
        "08:40:00 firing 08:40:00 1",
    ]
    told = [dict(row["annotations"]).get("flapping") for row in revisions]
    assert told[3] is None
    assert told[4:7] == ["opened 3 times within 10 min; stays firing until it was quiet for 10 min"] * 3
    assert told[7] is None


def test_a_removed_rule_of_absence_says_nothing_more() -> None:
    operator = RaiseAlerts((SILENT,))
    nothing = pa.RecordBatch.from_arrays(
        [pa.nulls(1, f.type) for f in operator.state_schema], schema=operator.state_schema
    )
    states, _ = operator.process(nothing, rows(DEVICE_LOGS_ENRICHED, "event_time\n08:00"))
    _, fired = RaiseAlerts((ALARM,)).fire(pa.array(["d1"]), states, microseconds("12:00"))
    assert fired.num_rows == 0


@pytest.mark.parametrize(
    ("rule", "fields", "words"),
    [
        (SILENT, {"when": (Condition("message", "==", "x"),)}, "absent"),
        (SILENT, {"for_s": 10.0}, "either absent_s or for_s"),
        (SILENT, {"absent_s": 0.0}, "absent_s"),
        (ALARM, {"for_s": -1.0}, "for_s"),
        (ALARM, {"clears_otherwise": True}, "either conditions in `clears`"),
        (ALARM, {"fixed_labels": (("code", "x"),)}, "of their own"),
        (ALARM, {"annotations": (("runbook_url", "{nothing}"),)}, "runbook_url names"),
        (POWER_AND_NETWORK, {"count": 2}, "either `together` or a count"),
        (POWER_AND_NETWORK, {"together": ((Condition("message", "==", "x"),),)}, "2 to 8 groups"),
        (WARM, {"when": (Condition("value", ">", 8), Condition("value", "<", 2))}, "no row can fulfil both value > 8"),
        (WARM, {"when": (Condition("metric", "==", "power"),)}, "no row can fulfil both metric is temp"),
        (WARM, {"when": (Condition("hubbub.anomaly.score", ">", 1),)}, "a score lies between 0 and 1"),
    ],
)
def test_what_could_never_be_is_refused(rule: AlertRule, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(rule, **fields)


def test_a_flapping_rule_is_bounded() -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        Flapping(0, 10.0)
    with pytest.raises(ValueError, match="within_s"):
        Flapping(3, float("nan"))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            WARM,
            "warm: a telemetry row with metric is temp and value > 8; one alert for each device_id; fires when it has lasted 5 min; severity major; ends after 10 min without another, or at the next row that is none.",
        ),
        (
            SILENT,
            "silent: no log row; one alert for each device_id; fires when the last one lies 10 min back; severity major; ends when one comes, or is given up 1 d after it fired.",
        ),
        (
            POWER_AND_NETWORK,
            'power_and_network: a log row with severity is major or critical and any of (1) hubbub.category.label is power, (2) hubbub.category.label is network and message contains "LINK"; one alert for each device_id; fires when all 2 come within 2 min; severity critical; ends after 1 h without another.',
        ),
    ],
)
def test_it_is_said_in_words(rule: AlertRule, words: str) -> None:
    assert rule.describe() == words


def test_an_address_takes_values_as_pieces_only() -> None:
    batch = rows(ALARMS_ENRICHED, "event_time | code | state\n08:00 | ../a?b=c d | raise")
    (row,) = revisions_of(ALARM, batch)
    assert ("runbook_url", "https://runbooks.example/..%2Fa%3Fb%3Dc%20d") in row["annotations"]


def test_memory_that_was_written_before_there_were_times_goes_on() -> None:
    """Fields were added at the ends of what is remembered, so an older record lacks them."""
    batch = rows(ALARMS_ENRICHED, "event_time | code | state\n08:00 | E-1 | raise\n08:01 | E-1 | raise")
    operator = RaiseAlerts((ALARM,))
    nothing = pa.RecordBatch.from_arrays(
        [pa.nulls(1, field.type) for field in operator.state_schema], schema=operator.state_schema
    )
    states, _ = operator.process(nothing, batch)
    [(fingerprint, memory)] = msgspec.msgpack.decode(states.column("memory")[0].as_py()).items()
    assert len(memory) == 11
    episode, marks, published = memory[3], memory[5], memory[6]
    older = [*memory[:3], episode and episode[:12], memory[4], [one[:7] for one in marks]]
    older += [{name: one[:7] for name, one in published.items()}, *memory[7:10]]
    stored = pa.array([msgspec.msgpack.encode({fingerprint: older})], pa.binary())
    before = pa.RecordBatch.from_arrays([stored, *states.columns[1:]], schema=states.schema)
    _, fired = operator.fire(pa.array(["d1"]), before, microseconds("12:00"))
    assert said(fired.to_pylist(), "state", "resolved_by", "count") == ["resolved quiet 2"]
