"""Alerts as they are drawn: rows in, revisions out."""

# ruff: noqa: E501 - a table reads better with each row on one line

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from operators.alert_rule import AlertRule
from operators.condition import Condition
from operators.default_alert_rules import DEVICE_ALARM, TELEMETRY_ANOMALY
from operators.raise_alerts import RaiseAlerts
from schemas.alerts import ALERT
from schemas.answers import (
    ALARMS_ENRICHED,
    CUSTOMER_MESSAGES_ENRICHED,
    DEVICE_LOGS_ENRICHED,
    DEVICE_TELEMETRY_ENRICHED,
)
from schemas.customer_messages import CUSTOMER_MESSAGES
from tests.alert_revisions import RAISE, no_memory, raised, said
from tests.drawn_rows import microseconds, rows


def test_a_second_odd_reading_fires_and_quiet_resolves() -> None:
    revisions = raised(
        rows(
            DEVICE_TELEMETRY_ENRICHED,
            """
            device_id | event_time | metric   | value | hubbub.anomaly.is_anomaly | hubbub.anomaly.score | hubbub.anomaly.expected_low | hubbub.anomaly.expected_high
            freezer-2 | 02:13      | box_temp | -18.3 | false                     | 0.1                  | -21.0                       | -17.2
            freezer-2 | 02:14      | box_temp | -11.0 | true                      | 0.91                 | -21.0                       | -17.2
            freezer-2 | 02:15      | power    | 3.0   | true                      | 0.91                 | -                           | -
            freezer-2 | 02:16      | box_temp | -2.5  | true                      | 0.97                 | -21.0                       | -17.2
            freezer-2 | 02:18      | box_temp | 9.1   | true                      | 0.99                 | -21.0                       | -17.2
            """,
        ),
        until="04:00",
    )
    assert said(
        revisions, "event_time", "state", "revision", "opened_at", "fired_at", "resolved_at", "resolved_by", "count"
    ) == [
        "02:14:00 pending 1 02:14:00 None None None 1",
        "02:15:00 pending 1 02:15:00 None None None 1",
        "02:16:00 firing 2 02:14:00 02:16:00 None None 2",
        "02:30:00 resolved 2 02:15:00 None 02:30:00 quiet 1",
        "02:48:00 resolved 3 02:14:00 02:16:00 02:48:00 quiet 3",
    ]
    last = revisions[-1]
    assert last["summary"] == "freezer-2: box_temp 9.1 is outside -21 ... -17.2 (3 readings since 02:14)"
    assert last["labels"] == [("alertname", "telemetry_anomaly"), ("device_id", "freezer-2"), ("metric", "box_temp")]
    assert (last["severity"], last["duration_s"], last["_row"]) == ("warning", 34 * 60.0, None)
    assert last["_deadline"] == last["resolved_at"] == last["event_time"]
    assert revisions[2]["_row"] == 3
    assert [(e["event_id"], e["topic"], e["offset"], e["value"], e["kind"]) for e in last["evidence"]] == [
        ("e1", "device.telemetry", 1, -11.0, "telemetry"),
        ("e3", "device.telemetry", 3, -2.5, "telemetry"),
        ("e4", "device.telemetry", 4, 9.1, "telemetry"),
    ]


def test_an_alarm_is_raised_and_cleared_by_its_code() -> None:
    revisions = raised(
        rows(
            ALARMS_ENRICHED,
            """
            device_id | event_time | code | text           | perceived_severity | state | hubbub.category.label | hubbub.severity.label
            d1        | 08:00      | E-21 | High pressure  | minor              | raise | mechanical            | major
            d1        | 08:01      | F3   | Fan stopped    | -                  | raise | mechanical            | major
            d1        | 08:02      | E-21 | High pressure  | critical           | raise | thermal               | major
            d1        | 08:03      | E-21 | High pressure  | major              | raise | thermal               | major
            d1        | 08:04      | E-21 | -              | -                  | clear | normal                | cleared
            d1        | 08:05      | F3   | Fan turns      | cleared            | -     | normal                | cleared
            d1        | 08:06      | F9   | never raised   | -                  | clear | normal                | cleared
            d1        | 08:07      | E-21 | High pressure  | minor              | raise | mechanical            | major
            """,
        )
    )
    assert said(revisions, "event_time", "state", "severity", "category", "resolved_by", "summary") == [
        "08:00:00 firing minor mechanical None d1: alarm E-21: High pressure",
        "08:01:00 firing major mechanical None d1: alarm F3: Fan stopped",
        "08:02:00 firing critical mechanical None d1: alarm E-21: High pressure",
        "08:04:00 resolved critical mechanical clear d1: alarm E-21: High pressure",
        "08:05:00 resolved major mechanical clear d1: alarm F3: Fan stopped",
        "08:07:00 firing minor mechanical None d1: alarm E-21: High pressure",
    ]
    first, again = revisions[0], revisions[-1]
    assert first["fingerprint"] == again["fingerprint"]
    assert first["alert_id"] != again["alert_id"]
    assert again["revision"] == 4


def test_an_urgent_message_about_a_fault_says_its_words() -> None:
    revisions = raised(
        rows(
            CUSTOMER_MESSAGES_ENRICHED,
            """
            device_id | event_time | text                      | hubbub.topic.label | hubbub.urgency.label | hubbub.urgency.score | hubbub.urgency.words | hubbub.urgency.model
            d1        | 09:00      | Smoke comes out of it     | safety_hazard      | critical             | 0.93                 | smoke,out            | text@1+abc
            d1        | 09:01      | I must have my bill NOW   | billing_order      | high                 | 0.9                  | NOW                  | text@1+abc
            d1        | 09:02      | it might be a bit hot     | device_fault       | high                 | 0.4                  | hot                  | text@1+abc
            d1        | 09:03      | -                         | -                  | -                    | -                    | -                    | -
            """,
        )
    )
    assert said(revisions, "rule", "state", "severity", "category", "summary") == [
        'message_urgent firing critical safety_hazard d1: urgent message about safety hazard: "Smoke comes out of it"'
    ]
    (evidence,) = revisions[0]["evidence"]
    assert (evidence["words"], evidence["label"], evidence["score"], evidence["model"]) == (
        ["smoke", "out"],
        "critical",
        0.93,
        "text@1+abc",
    )


def test_a_third_complaint_within_a_day_fires() -> None:
    revisions = raised(
        rows(
            CUSTOMER_MESSAGES_ENRICHED,
            """
            device_id | event_time           | text       | hubbub.sentiment.label | hubbub.sentiment.score
            d1        | 2026-03-01T09:00:00Z | bad        | negative               | 0.9
            d1        | 2026-03-02T08:00:00Z | still bad  | negative               | 0.9
            d1        | 2026-03-02T08:30:00Z | well       | neutral                | 0.9
            d1        | 2026-03-02T08:59:59Z | very bad   | negative               | 0.9
            """,
        )
    )
    assert said(revisions, "rule", "state") == ["customer_unhappy pending", "customer_unhappy firing"]
    assert revisions[-1]["summary"] == 'd1: 3 messages of complaint since 2026-03-01 09:00, the last: "very bad"'


def test_three_abnormal_lines_fire_and_a_new_kind_of_line_fires_at_once() -> None:
    revisions = raised(
        rows(
            DEVICE_LOGS_ENRICHED,
            """
            device_id | event_time | message             | severity      | hubbub.template  | hubbub.template_id | hubbub.novelty | hubbub.novelty_kind | hubbub.category.label | hubbub.abnormal.label | hubbub.abnormal.score
            d1        | 10:00:00   | overload on phase 1 | minor         | overload on <*>  | t1                 | 0.1            | -                   | power                 | true                  | 0.9
            d1        | 10:00:10   | overload on phase 2 | minor         | overload on <*>  | t1                 | 0.1            | -                   | power                 | true                  | 0.9
            d1        | 10:00:20   | hello               | indeterminate | hello            | t2                 | 1.0            | new                 | normal                | false                 | 0.9
            d1        | 10:00:30   | overload on phase 3 | major         | overload on <*>  | t1                 | 0.1            | -                   | power                 | true                  | 0.9
            d1        | 10:00:40   | disk 7 gone         | -             | disk <*> gone    | t3                 | 1.0            | new                 | storage               | true                  | 0.95
            d1        | 10:00:50   | disk 7 gone         | indeterminate | disk <*> gone    | t3                 | 1.0            | new                 | network               | true                  | 0.95
            d1        | 10:00:55   | fan 3 slow          | minor         | fan <*> slow     | t4                 | 0.95           | silence             | thermal               | true                  | 0.95
            """,
        )
    )
    assert said(revisions, "rule", "state", "severity", "summary") == [
        'log_abnormal pending minor d1: 1 line of power trouble since 10:00, the last: "overload on phase 1"',
        'log_abnormal firing major d1: 3 lines of power trouble since 10:00, the last: "overload on phase 3"',
        'log_abnormal pending warning d1: 1 line of storage trouble since 10:00, the last: "disk 7 gone"',
        'log_novel firing warning d1: a storage line never seen before: "disk 7 gone"',
        'log_abnormal pending minor d1: 1 line of thermal trouble since 10:00, the last: "fan 3 slow"',
    ], "what the device itself calls routine raises nothing, and what is back after a silence is not new"
    evidence = revisions[1]["evidence"][-1]
    assert (evidence["template"], evidence["template_id"], evidence["text"]) == (
        "overload on <*>",
        "t1",
        "overload on phase 3",
    )


def test_a_flood_of_one_harmless_line_fires_once() -> None:
    revisions = raised(
        rows(
            DEVICE_LOGS_ENRICHED,
            """
            device_id | event_time | message      | hubbub.template | hubbub.template_id | hubbub.novelty | hubbub.novelty_kind | hubbub.category.label | hubbub.abnormal.label
            d1        | 10:00:00   | retry 7      | retry <*>       | t1                 | 0.89           | burst               | normal                | false
            d1        | 10:00:01   | retry 8      | retry <*>       | t1                 | 0.9            | burst               | normal                | false
            d1        | 10:00:02   | retry 9      | retry <*>       | t1                 | 0.91           | burst               | normal                | false
            d1        | 10:00:03   | door opened  | door opened     | t2                 | 1.0            | new                 | normal                | false
            """,
        )
    )
    fired = [row for row in revisions if row["state"] == "firing"]
    assert {row["rule"] for row in fired} == {"log_burst"} and len({row["fingerprint"] for row in fired}) == 1
    assert fired[0]["summary"] == 'd1: a flood of one line since 10:00: "retry 8"'
    assert dict(fired[0]["labels"])["template_id"] == "t1"


def test_an_alert_that_lasts_is_news_only_at_steps_of_its_count() -> None:
    lines = "\n".join(f"d1 | {i} | temp | {i} | true" for i in range(120))
    table = f"device_id | event_time | metric | value | hubbub.anomaly.is_anomaly\n{lines}"
    revisions = raised(rows(DEVICE_TELEMETRY_ENRICHED, table), until="12:00")
    assert [row["count"] for row in revisions] == [1, 2, 5, 10, 20, 50, 100, 120]
    assert [e["value"] for e in revisions[-1]["evidence"]] == [0, 1, 2, 115, 116, 117, 118, 119]


def test_a_device_with_too_many_alerts_gives_up_what_ended_first() -> None:
    lines = ["device_id | event_time | code | state", "d1 | 0 | ended | raise", "d1 | 1 | ended | clear"]
    lines += [f"d1 | {i + 2} | c{i} | raise" for i in range(65)]
    revisions = raised(rows(ALARMS_ENRICHED, "\n".join(lines)))
    assert len(revisions) == 2 + 65 + 1
    evicted = [row for row in revisions if row["resolved_by"] == "evicted"]
    assert [dict(row["labels"])["code"] for row in evicted] == ["c0"]
    assert evicted[0]["_row"] == 66


def test_a_forgotten_fingerprint_begins_at_revision_one() -> None:
    """The moment of forgetting is the watermark's: seven days after the end."""
    table = """
        event_time           | code | state
        2026-03-01T00:00:00Z | E-1  | raise
        2026-03-01T00:00:01Z | E-1  | clear
        2026-03-08T00:00:00Z | E-1  | raise
        2026-03-08T00:00:01Z | E-1  | clear
        2026-04-08T00:00:00Z | E-2  | raise
        2026-04-08T00:01:00Z | E-1  | raise
    """
    revisions = [row for row in raised(rows(ALARMS_ENRICHED, table)) if dict(row["labels"])["code"] == "E-1"]
    assert [row["revision"] for row in revisions] == [1, 2, 3, 4, 1]


def test_hostile_text_is_shown_safe() -> None:
    revisions = raised(
        rows(
            ALARMS_ENRICHED,
            """
            device_id        | event_time | code                                | text                       | state
            d\x1b[31m{count} | 08:00      | \u202eedoc{0.__class__}\x07{device} | <b>{count!r}</b> {summary} | raise
            """,
        )
    )
    (row,) = revisions
    assert row["summary"] == "d[31m{count}: alarm edoc{0.__class__}{device}: <b>{count!r}</b> {summary}"
    assert dict(row["labels"])["code"] == "edoc{0.__class__}{device}"


def test_the_alert_of_a_removed_rule_still_ends() -> None:
    batch = rows(ALARMS_ENRICHED, "event_time | code | state\n08:00 | E-1 | raise")
    states, _ = RAISE.process(no_memory(RAISE, 1), batch)
    other = RaiseAlerts((TELEMETRY_ANOMALY,))
    _, fired = other.fire(pa.array(["d1"]), states, microseconds("2026-03-20T00:00:00+00:00"))
    assert said(fired.to_pylist(), "rule", "state", "resolved_by") == ["device_alarm resolved quiet"]


def test_a_more_patient_rule_postpones_what_was_due() -> None:
    batch = rows(ALARMS_ENRICHED, "event_time | code | state\n08:00 | E-1 | raise")
    states, _ = RAISE.process(no_memory(RAISE, 1), batch)
    fields = {name: getattr(DEVICE_ALARM, name) for name in DEVICE_ALARM.__dataclass_fields__}
    patient = RaiseAlerts((AlertRule(**fields | {"resolve_after_s": 14 * 86_400.0}),))
    keys = pa.array(["d1"])
    states, fired = patient.fire(keys, states, microseconds("2026-03-10T00:00:00+00:00"))
    assert fired.num_rows == 0
    _, fired = patient.fire(keys, states, microseconds("2026-03-20T00:00:00+00:00"))
    assert said(fired.to_pylist(), "resolved_at", "state") == ["08:00:00 resolved"]


def test_rules_are_checked_against_the_columns() -> None:
    wrong = AlertRule("typo", "log", (Condition("hubbub.abnormall.label", "==", "true"),), "minor", "{device_id}")
    with pytest.raises(ValueError, match=r"typo.*hubbub\.abnormall\.label.*abnormal"):
        RaiseAlerts((wrong,)).output_schema(DEVICE_LOGS_ENRICHED.row_schema)
    with pytest.raises(ValueError, match="enriched"):
        RAISE.output_schema(CUSTOMER_MESSAGES.row_schema)
    with pytest.raises(ValueError, match="more than once"):
        RaiseAlerts((wrong, wrong))


def test_rows_are_alerts() -> None:
    batch = rows(ALARMS_ENRICHED, "event_time | code | state\n08:00 | E-1 | raise")
    _, out = RAISE.process(no_memory(RAISE, 1), batch)
    out.validate(full=True)
    assert out.schema.names[: len(ALERT)] == ALERT.names
    assert out.schema == RAISE.output_schema(batch.schema)
    for field in out.schema:
        assert field.nullable or out.column(field.name).null_count == 0
    assert pickle.loads(pickle.dumps(RAISE)) == RAISE
