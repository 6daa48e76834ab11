"""Run the events of a test through the real pipelines, in a broker of its own that is thrown away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from operators.alert_rule import AlertRule
from pipelines.alert_rules.trial.case import TestCase
from pipelines.bad_input import BadInput
from pipelines.catalog import ONE_A_MONTH, Chosen
from pipelines.engines.embedded_engine import EmbeddedEngine, Ticks
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.layers import layers
from pipelines.pipeline import Pipeline
from pipelines.records_in_order import begin_of, end_of, records_in_order
from pipelines.replay.choose import pipelines_named
from pipelines.seen_event import see
from schemas.alerts import ALERTS
from schemas.record import Append
from schemas.timestamps import parse_timestamp

# Rows come in the order of their times, so none is late and everything is known at once. Event times may lie anywhere:
# the clock says nothing here. Nothing is compacted away: what was said in between is asked for.
SETTINGS: Final = JobSettings(lateness_s=0.0, max_ahead_s=1e12, tick_s=None, maintain_s=1e9)
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
Alert = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """One change of an alert, and when in event time it was."""

    at: datetime
    alert: Alert


def run_case(
    case: TestCase,
    rules: Sequence[AlertRule],
    models: Chosen,
    file: Path,
    false_alarms_per_month: float = ONE_A_MONTH,
) -> list[Revision]:
    """Return all changes of alerts, in order, as known when the last of the expected times has come."""
    topics = list(dict.fromkeys(event.topic for event in case.events))
    pipelines = pipelines_named((), models, topics, rules, false_alarms_per_month)
    until = max(expected.at for expected in case.expected)
    with SqliteBroker(file, durability="off") as broker:
        broker.create_topics(topics_of(pipelines))
        broker.append([Append(one.topic, one.device_id.encode(), one.value) for one in case.events if one.at <= until])
        for layer in layers(pipelines):
            ticks = {pipeline.name: _until(broker, pipeline, until) for pipeline in layer}
            report = EmbeddedEngine(broker, SETTINGS, ticks=ticks).run(layer, until_end=True)
            if letters := report.total("dead letters"):
                names = ", ".join(pipeline.name for pipeline in layer)
                raise BadInput(f"{case.name}: {letters} events failed in {names}: no test of alerts")
        return _revisions(broker)


def as_of(revisions: Sequence[Revision], at: datetime) -> list[Alert]:
    """Return the alerts as they stood at a time, the oldest first; those that were merged into others are left out."""
    last: dict[str, Alert] = {}
    for revision in revisions:
        if revision.at <= at:
            last[str(revision.alert["alert_id"])] = revision.alert
    found = [alert for alert in last.values() if alert.get("resolved_by") != "merged"]
    return sorted(found, key=lambda alert: (str(alert["opened_at"]), str(alert["rule"]), str(alert["device_id"])))


def _until(broker: SqliteBroker, pipeline: Pipeline, until: datetime) -> Ticks:
    """Let time come so far behind the last row of each partition, as a live job does when all is quiet."""
    watermark_us = (until - _EPOCH) // timedelta(microseconds=1)
    parts = [TopicPartition(topic.name, number) for topic in pipeline.sources for number in range(topic.partitions)]
    return {part: [(broker.bounds(part)[1], watermark_us)] for part in parts}


def _revisions(broker: SqliteBroker) -> list[Revision]:
    found = []
    for seen in see(records_in_order(broker, begin_of(broker, ALERTS.name), end_of(broker, ALERTS.name))):
        assert seen.event is not None, "hubbub wrote an alert that it cannot read; this is a bug"
        at = parse_timestamp(str(seen.event["event_time"]))
        assert at is not None
        found.append(Revision(at, seen.event))
    # A fingerprint lies in one partition, whose order is that of its revisions.
    return found
