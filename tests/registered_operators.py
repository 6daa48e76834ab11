"""Every operator, with rows to try it on. A new operator joins the contract suite by one line in `CASES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from models.forecast_model import ForecastModel
from models.multivariate_model import MultivariateModel
from models.sequence_model import SequenceModel
from models.telemetry_model import TelemetryModel
from models.template_model import TemplateModel
from models.text_model import TextModel
from operators.alert_rule import AlertRule, Flapping
from operators.classify_text import ClassifyText, understand_alarms, understand_logs
from operators.collect_answers import CollectAnswers
from operators.condition import Condition
from operators.correlate_incidents import CorrelateIncidents
from operators.cut_sessions import CutSessions
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from operators.detect_anomalies import DetectAnomalies
from operators.detect_log_metrics import DetectLogMetrics
from operators.detect_together import DetectTogether
from operators.expect_profile import ExpectProfile
from operators.forecast_failures import ForecastFailures
from operators.locate_devices import LocateDevices
from operators.mine_templates import MineTemplates
from operators.note_signals import NoteSignals
from operators.operator import KeyedOperator, Operator
from operators.raise_alerts import RaiseAlerts
from operators.report_log_silences import ReportLogSilences
from operators.score_sequences import ScoreSequences
from operators.understand_messages import UnderstandMessages
from schemas.alarms import ALARMS
from schemas.alerts_by_site import ALERTS_BY_DEVICE, ALERTS_BY_SITE
from schemas.answers import ALARM_ANSWERS, ALARMS_ENRICHED, DEVICE_LOGS_ENRICHED
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.device_logs import DEVICE_LOGS
from schemas.device_metrics import DEVICE_METRICS
from schemas.device_sessions import SEQUENCES
from schemas.device_signals import DEVICE_SIGNALS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.devices import DEVICES
from schemas.json_codec import JsonCodec
from schemas.record import Record
from schemas.topic import PROGRESS, TIMESTAMP, Topic
from tests.jobs.counting import NumberLines, ReportSilence
from tests.signal_rows import signals
from tests.silence_rows import SILENCES
from tests.site_rows import SITE_EVENTS, alert_rows, registry_rows
from tests.tiny_multivariate_bundle import pump, write_tiny_multivariate_bundle
from tests.tiny_sequence_bundle import BOOT, write_tiny_sequence_bundle
from tests.tiny_text_bundle import write_tiny_text_bundle

Row = dict[str, Any]
LATENESS_US = 10_000_000


@dataclass(frozen=True)
class Case:
    """One operator on the rows of a topic. On row `silent` it has nothing to say: its columns `adds` are null there."""

    make: Callable[[Path], Operator | KeyedOperator]
    topic: Topic
    rows: Sequence[Row]
    adds: tuple[str, ...] = ()
    silent: int | None = None
    prepare: Callable[[pa.RecordBatch], pa.RecordBatch] = lambda batch: batch

    def batch(self) -> pa.RecordBatch:
        """The rows as the operator would meet them."""
        return self.prepare(row_batch(self.topic, self.rows))


def row_batch(topic: Topic, rows: Sequence[Row]) -> pa.RecordBatch:
    """Decode rows as they would come from one partition of a topic, with watermark and lateness."""
    records = [Record(i, 1_790_000_000_000_000 + i, None, orjson.dumps(row)) for i, row in enumerate(rows)]
    decoded = JsonCodec(topic).decode(topic.name, 0, records)
    assert not decoded.refused, decoded.refused
    times = decoded.batch.column(topic.event_time).cast(pa.int64()).to_numpy()
    never = np.iinfo(np.int64).min
    highs = np.maximum.accumulate(np.concatenate([[never], times]))[:-1]
    watermark = np.where(highs == never, never, highs - LATENESS_US)
    columns = [
        pa.array(watermark, pa.int64(), mask=watermark == never).cast(TIMESTAMP),
        pa.array((watermark != never) & (times < watermark)),
    ]
    return pa.RecordBatch.from_arrays(
        [*decoded.batch.columns, *columns], schema=pa.schema([*decoded.batch.schema, *PROGRESS])
    )


def at(second: int) -> str:
    return f"2026-03-01T08:{second // 60:02d}:{second % 60:02d}Z"


LOG_LINES: list[Row] = [
    {"device_id": f"d{i % 3}", "event_time": at(i * 13 - (i % 4) * 5), "message": text, "component": component}
    for i, (text, component) in enumerate(
        [
            ("link down on port 4", "switchd"),
            ("link down on port 7", "switchd"),
            ("temperature 81.5 C above limit 75.0 C", "thermald"),
            (None, None),
            ("   ", "kernel"),
            ("user admin logged in from 10.0.0.7", "sshd"),
            ("link down on port 9", "switchd"),
            ("门锁电池电量低 12%", None),
            ("line number 8 \u202e with \u0000 odd characters", "x"),
            ("link down on port 12", "switchd"),
            ("temperature 82.5 C above limit 75.0 C", "thermald"),
        ]
    )
]
MESSAGES: list[Row] = [
    {"device_id": f"d{i % 3}", "event_time": at(i * 7), "text": text, "language": language}
    for i, (text, language) in enumerate(
        [
            ("The lock has been beeping since noon", None),
            ("空调漏水了，请马上来人", None),
            (None, None),
            ("", "en"),
            ("Das Schloss piept", "de"),
            ("The lock has been beeping since noon", "en"),
            ("🔥" * 50, None),
            ("water leak under the door please come", None),
        ]
    )
]
ALARM_ROWS: list[Row] = [
    {
        "device_id": f"d{i % 2}",
        "event_time": at(i * 11),
        "code": code,
        "text": text,
        "perceived_severity": severity,
        "state": state,
    }
    for i, (code, text, severity, state) in enumerate(
        [
            ("E-21", "High discharge pressure", "major", "raise"),
            (None, None, None, None),
            ("E-21", None, "cleared", "clear"),
            ("F3", "Fan stopped", None, "raise"),
            ("E-21", "High discharge pressure", "critical", "raise"),
            ("F3", "Fan stopped", "cleared", "clear"),
        ]
    )
]
READINGS: list[Row] = [
    {
        "device_id": f"d{i % 3}",
        "event_time": at(i * 9 - (i % 5) * 4),
        "metric": ["temp_c", "power_w"][i % 2],
        "value": None if i == 4 else 20.0 + (i * 7 % 5) + (400.0 if i > 40 else 0.0),
    }
    for i in range(48)
]
# Lines with one number, two, none, a null one; some late.
COUNTING_LINES: list[Row] = [
    {
        "device_id": f"d{i % 3}",
        "event_time": at(i * 9 - (i % 5) * 4),
        "message": "queue checked",
        "metrics": None
        if i == 4
        else {}
        if i == 7
        else {"lag": None if i == 9 else i * 7 % 5 + (i > 40) * 400.0} | ({"free": 3.0 - i % 4} if i % 2 else {}),
    }
    for i in range(48)
]
# Four Mondays of two meters, an hour of them each quarter of an hour, some rows late; and a voltage.
METER_ROWS: list[Row] = [
    {
        "device_id": f"m{i % 2}",
        "event_time": f"2026-03-{2 + i // 14 * 7:02d}T{(i % 14 - i % 3) // 2 + 5:02d}:{i % 4 * 15:02d}:00Z",
        "metric": "voltage" if i == 4 else "demand",
        "value": None if i == 9 else 3.0 + i % 5 + (9.0 if i > 50 else 0.0),
    }
    for i in range(56)
]
LABELLED: list[Row] = [
    {
        **row,
        "hubbub": {
            "input": {"event_id": f"{i:032x}", "topic": "alarms", "partition": 0, "offset": i},
            "late": False,
            "category": {"label": "thermal", "score": 0.9, "model": "m"},
            "severity": {"label": "major", "score": 0.9, "model": "m", "words": ["pressure"]},
        },
    }
    for i, row in enumerate(ALARM_ROWS)
]

SEQUENCE_ROWS: list[Row] = [
    {"device_id": f"d{i % 2}", "event_time": at(i), "events": events}
    for i, events in enumerate([list(BOOT), None, list(BOOT[:2]), [], ["power", "fire", *BOOT], list(BOOT[::-1])])
]
# Steps of jobs 1 to 3 of three devices, some late, one of no job, and a pause in which sessions end.
JOB_LINES: list[Row] = [
    {
        "device_id": f"d{i % 3}",
        "event_time": at(i * 4 - (i % 5) * 9 + 20 + (90 if i > 22 else 0)),
        "message": None if i == 4 else f"{BOOT[i // 3 % len(BOOT)]} job-{i // 2 % 3}" if i != 9 else "no job here",
        "component": BOOT[i // 3 % len(BOOT)],
    }
    for i in range(40)
]

_RAISED = Condition("state", "==", "raise")
_ENDED = Condition("perceived_severity", "==", "cleared")
OVER_TIME = (
    AlertRule("silent", "alarm", (), "minor", "{device_id} since {since}", absent_s=9.0, resolve_after_s=30.0),
    AlertRule("lasts", "alarm", (_RAISED,), "minor", "{device_id}: {code}", labels=(("code", "code"),), for_s=5.0),
    AlertRule(
        "flaps",
        "alarm",
        (_RAISED,),
        "minor",
        "{device_id}",
        clears_otherwise=True,
        keep_firing_for_s=3.0,
        flapping=Flapping(1, 60.0),
    ),
    AlertRule("both", "alarm", (), "major", "{device_id}", within_s=40.0, together=((_RAISED,), (_ENDED,))),
)

PUMP_ROWS: list[Row] = [
    {
        "device_id": f"d{i % 3}",
        "event_time": at(i * 9 - (i % 5) * 4),
        "metrics": None if i == 4 else {} if i == 7 else reading | ({"current": 9.0} if i > 20 else {}),
    }
    for i, reading in enumerate(pump(8, 36))
]


def tiny(folder: Path) -> TextModel:
    """The text bundle in miniature, whose answers mean nothing and come about like the real one's."""
    return TextModel(write_tiny_text_bundle(folder))


def with_null_answers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Add the columns that an alarm's answers stand in, all null, so that collecting them can be tried alone."""
    for field in ALARM_ANSWERS:
        batch = batch.append_column(field, pa.nulls(batch.num_rows, field.type))
    return batch


# Rows of one device's alerts, and of the registry of devices; then of two sites, some late, some hours apart.
BY_DEVICE: list[Row] = [
    {"fingerprint": "f", "labels": {}, **{name: value for name, value in row.items() if name not in ("site", "room")}}
    for row in alert_rows(SITE_EVENTS)
]
REGISTRY: list[Row] = [
    {"device_id": f"d{i % 3}", "valid_from": at(i * 7 - (i % 4) * 11 + 40), "site": None if i == 5 else f"s{i % 2}"}
    for i in range(12)
]
BY_SITE: list[Row] = [
    *registry_rows("d0 | hall | -\nd1 | hall | d0\nd2 | - | d1", "s0"),
    *(row | {"site": f"s{i // 3 % 2}"} for i, row in enumerate(alert_rows(SITE_EVENTS))),
]

CASES: dict[str, Case] = {
    "locate_devices": Case(lambda _: LocateDevices(), ALERTS_BY_DEVICE, BY_DEVICE),
    "learn_places": Case(lambda _: LocateDevices(), DEVICES, REGISTRY),
    "correlate_incidents": Case(lambda _: CorrelateIncidents(), ALERTS_BY_SITE, BY_SITE),
    "classify_text": Case(lambda p: ClassifyText(tiny(p), ("topic",)), CUSTOMER_MESSAGES, MESSAGES, ("topic",), 2),
    "understand_messages": Case(
        lambda p: UnderstandMessages(tiny(p), explain=("topic",)),
        CUSTOMER_MESSAGES,
        MESSAGES,
        ("sentiment", "topic"),
        2,
    ),
    "understand_logs": Case(lambda p: understand_logs(tiny(p)), DEVICE_LOGS, LOG_LINES, ("category", "abnormal"), 3),
    "understand_alarms": Case(lambda p: understand_alarms(tiny(p)), ALARMS, ALARM_ROWS, ("category", "severity"), 1),
    "mine_templates": Case(lambda _: MineTemplates(), DEVICE_LOGS, LOG_LINES, ("template", "novelty"), 3),
    "mine_templates_behind_a_bundle": Case(
        lambda _: MineTemplates(TemplateModel.named()), DEVICE_LOGS, LOG_LINES, ("template", "novelty"), 3
    ),
    "report_log_silences": Case(lambda _: ReportLogSilences(), DEVICE_LOGS_ENRICHED, SILENCES),
    "detect_anomalies": Case(
        lambda _: DetectAnomalies(TelemetryModel.named()), DEVICE_TELEMETRY, READINGS, ("anomaly",), 4
    ),
    "detect_log_metrics": Case(
        lambda _: DetectLogMetrics(TelemetryModel.named()), DEVICE_LOGS, COUNTING_LINES, ("readings", "odd_reading"), 4
    ),
    "collect_answers": Case(lambda _: CollectAnswers(ALARMS_ENRICHED), ALARMS, ALARM_ROWS, prepare=with_null_answers),
    "raise_alerts": Case(lambda _: RaiseAlerts(DEFAULT_ALERT_RULES), ALARMS_ENRICHED, LABELLED),
    "score_sequences": Case(
        lambda p: ScoreSequences(SequenceModel(write_tiny_sequence_bundle(p))),
        SEQUENCES,
        SEQUENCE_ROWS,
        ("anomaly",),
        1,
    ),
    "cut_sessions_by_quiet_time": Case(
        lambda p: CutSessions(SequenceModel(write_tiny_sequence_bundle(p)), quiet_s=20.0, event="component"),
        DEVICE_LOGS,
        JOB_LINES,
    ),
    "cut_sessions_by_id": Case(
        lambda p: CutSessions(
            quiet_s=15.0, event="component", session_pattern=r"job-(\d+)", most_events=3, most_sessions=2
        ),
        DEVICE_LOGS,
        JOB_LINES,
    ),
    "raise_alerts_over_time": Case(lambda _: RaiseAlerts(OVER_TIME), ALARMS_ENRICHED, LABELLED),
    "detect_together": Case(
        lambda p: DetectTogether(MultivariateModel(write_tiny_multivariate_bundle(p))),
        DEVICE_METRICS,
        PUMP_ROWS,
        ("anomaly", "contributions"),
        4,
    ),
    "expect_profile": Case(lambda _: ExpectProfile(), DEVICE_TELEMETRY, METER_ROWS, ("profile",), 4),
    "note_signals": Case(lambda _: NoteSignals(), ALARMS_ENRICHED, LABELLED),
    "forecast_failures": Case(lambda _: ForecastFailures(ForecastModel.named()), DEVICE_SIGNALS, signals()),
    "number_lines": Case(lambda _: NumberLines(), DEVICE_LOGS, LOG_LINES),
    "report_silence": Case(lambda _: ReportSilence(), DEVICE_LOGS, LOG_LINES),
}
