"""Rehearse a simulated day: the shipped operators over its events, without a broker, to the signals that they give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from models.telemetry_model import TelemetryModel
from models.text_model import TextModel
from operators.classify_text import understand_alarms, understand_logs
from operators.collect_answers import CollectAnswers
from operators.detect_anomalies import DetectAnomalies
from operators.detect_log_metrics import DetectLogMetrics
from operators.mine_templates import MineTemplates
from operators.note_signals import NoteSignals
from operators.operator import KeyedOperator, Operator
from pipelines.demo.event import DemoEvent
from pipelines.demo.simulate import Simulation
from pipelines.engines.partition_reader import TimeRules
from pipelines.engines.state_rows import StateRows
from schemas.alarms import ALARMS
from schemas.answers import ALARMS_ENRICHED, DEVICE_LOGS_ENRICHED, DEVICE_TELEMETRY_ENRICHED
from schemas.device_logs import DEVICE_LOGS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.json_codec import JsonCodec
from schemas.record import Record
from schemas.severity import SEVERITIES
from schemas.topic import PROGRESS, TIMESTAMP, Topic

BATCH = 4000
_NEVER = np.iinfo(np.int64).min
_SOURCES = (DEVICE_LOGS, ALARMS, DEVICE_TELEMETRY)


@dataclass(frozen=True)
class Rehearsed:
    """What a day came to: its signals in event-time order, as `device.signals` has them, and its serious alarms.

    `alarms` are (device, time in microseconds, name of what was planted); `devices` all that could have raised one.
    """

    devices: tuple[str, ...]
    start_us: int
    end_us: int
    signals: pa.Table
    alarms: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Rehearsal:
    """Rehearses days. A day's signals are those of that day alone, whatever was rehearsed before it."""

    text: TextModel
    telemetry: TelemetryModel
    severity: str

    def of(self, simulation: Simulation) -> Rehearsed:
        """Return what the shipped operators make of a day, its learning days included."""
        events: dict[str, list[tuple[int, DemoEvent]]] = {topic.name: [] for topic in _SOURCES}
        serious = SEVERITIES[: SEVERITIES.index(self.severity) + 1]
        alarms = []
        for number, event in enumerate(simulation.events()):
            if event.topic in events:
                events[event.topic].append((number, event))
            if event.topic == ALARMS.name and event.fields["perceived_severity"] in serious:
                alarms.append((event.device_id, event.time_us, event.cause or ""))
        logs, raised, readings = (_batches(simulation, topic, events[topic.name]) for topic in _SOURCES)
        read = (MineTemplates(), _ReadOnce(self.text), DetectLogMetrics(self.telemetry))
        noted = [
            *_through((*read, CollectAnswers(DEVICE_LOGS_ENRICHED), NoteSignals()), logs),
            *_through((understand_alarms(self.text), CollectAnswers(ALARMS_ENRICHED), NoteSignals()), raised),
            *_through(
                (DetectAnomalies(self.telemetry), CollectAnswers(DEVICE_TELEMETRY_ENRICHED), NoteSignals()), readings
            ),
        ]
        devices = tuple(device.device_id for device in simulation.building.devices)
        signals = pa.Table.from_batches(noted).sort_by("event_time")
        return Rehearsed(devices, simulation.start_us, simulation.end_us, signals, tuple(alarms))


@dataclass(frozen=True)
class _ReadOnce:
    """Understands logs as the shipped operator does; lines of one component and template once, by the first of them.

    Thousands of a day are alike.
    """

    text: TextModel
    known: dict[tuple[str | None, str], int] = field(default_factory=dict)
    answers: list[pa.RecordBatch] = field(default_factory=list)
    name: str = "understand_logs"

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        return understand_logs(self.text).output_schema(schema)

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        answers = self._read(batch)
        columns = [*batch.columns, *answers.columns]
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema([*batch.schema, *answers.schema]))

    def _read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the answers of lines that have a template, one a row; null where there is none."""
        understand = understand_logs(self.text)
        keys = list(zip(batch.column("component").to_pylist(), batch.column("template").to_pylist(), strict=True))
        new = {key: row for row, key in reversed([*enumerate(keys)]) if key not in self.known and key[1] is not None}
        if new:
            rows = batch.take(pa.array(sorted(new.values()), pa.int64()))
            self.answers.append(understand.process(rows).select(understand.heads))
            for row in sorted(new.values()):
                self.known[keys[row]] = len(self.known)
        told = pa.Table.from_batches(self.answers).combine_chunks().to_batches()[0]
        return told.take(pa.array([self.known.get(key) for key in keys], pa.int64()))


def _through(
    operators: Sequence[Operator | KeyedOperator], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Send batches through operators, their memory kept from one to the next."""
    keyed = [operator for operator in operators if isinstance(operator, KeyedOperator)]
    states = StateRows(keyed, lambda keys: [None] * len(keys))
    for batch in batches:
        states.fetch(batch.column("device_id").to_pylist())
        for operator in operators:
            if isinstance(operator, KeyedOperator):
                keys = batch.column("device_id").unique().to_pylist()
                after, batch = operator.process(states.batch(operator, keys), batch)  # noqa: PLW2901
                states.update(operator, keys, after)
            else:
                batch = operator.process(batch)  # noqa: PLW2901
        yield batch


def _batches(simulation: Simulation, topic: Topic, events: Sequence[tuple[int, DemoEvent]]) -> Iterator[pa.RecordBatch]:
    """Yield events as an engine's reader would, as if they all lay in one partition."""
    codec, envelope, highest = JsonCodec(topic), simulation.envelope, _NEVER
    for first in range(0, len(events), BATCH):
        records = []
        for offset, (number, event) in enumerate(events[first : first + BATCH], first):
            sent = envelope.record(number, event)
            records.append(Record(offset, event.time_us, sent.key, sent.value, sent.headers))
        decoded = codec.decode(topic.name, 0, records)
        if decoded.refused:
            raise AssertionError(f"the demo made events of {topic.name} that are none: this is a bug")
        times = decoded.batch.column("event_time").cast(pa.int64()).to_numpy()
        before = np.maximum.accumulate(np.concatenate([[highest], times]))
        highest = int(before[-1])
        watermark = np.where(before[:-1] == _NEVER, _NEVER, before[:-1] - TimeRules().lateness_us)
        progress = [
            pa.array(watermark, mask=watermark == _NEVER).cast(TIMESTAMP),
            pa.array((watermark != _NEVER) & (times < watermark)),
        ]
        schema = pa.schema([*decoded.batch.schema, *PROGRESS])
        yield pa.RecordBatch.from_arrays([*decoded.batch.columns, *progress], schema=schema)
