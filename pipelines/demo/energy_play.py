"""The demo's weeks of energy: the example pipeline reads the meters; then the usual week and the waste are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.broker import Broker, TopicPartition
from pipelines.demo.energy import HOUR_US, INTERVAL_US, METERS, WASTE, EnergySimulation, Waste
from pipelines.demo.words import span
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.examples.energy import energy, energy_alerts
from schemas.alerts import ALERTS
from schemas.energy import SITE_ENERGY
from schemas.json_codec import JsonCodec
from schemas.topic import Topic

_CHUNK = 4000
_BARS = "▁▂▃▄▅▆▇█"
_HOURS_A_DAY = 24


@dataclass(frozen=True)
class Found:
    """What became of something planted: when an alert fired about it, and how much was used above the usual."""

    waste: Waste
    begin_us: int
    fired_us: int | None
    excess_kwh: float


@dataclass(frozen=True)
class EnergyFindings:
    """All of it: what was planted, alerts about nothing planted, the usual week (168 kW by meter), and its anomalies.

    `usual` is not-a-number where an hour was not known; `anomalies` counts the last week's readings that the telemetry
    detector alone called odd.
    """

    found: tuple[Found, ...]
    false_alerts: int
    usual: Mapping[str, tuple[float, ...]]
    anomalies: int


def play_energy(broker: Broker, simulation: EnergySimulation) -> EnergyFindings:
    """Send all readings, run the example pipeline to their end, and compare its alerts with what was planted."""
    pipelines = [energy(), energy_alerts()]
    broker.create_topics(topics_of(pipelines))
    records = [simulation.envelope.record(number, event) for number, event in enumerate(simulation.events())]
    for first in range(0, len(records), _CHUNK):
        broker.append(records[first : first + _CHUNK])
    # Simulated time moves by events alone.
    EmbeddedEngine(broker, JobSettings(tick_s=None)).run(pipelines, until_end=True)
    fired: dict[str, tuple[str, int]] = {}
    for row in _rows(broker, ALERTS):
        if row["rule"] == "energy_waste" and row["fired_at"] is not None:
            fired[row["alert_id"]] = (row["device_id"], _us(row["fired_at"]))
    readings = [row for row in _rows(broker, SITE_ENERGY) if _us(row["event_time"]) >= simulation.last_week_us]
    found: list[Found] = []
    explained: set[str] = set()
    for waste in WASTE:
        begin, end = simulation.span_us(waste)
        within = sorted(
            (at, alert) for alert, (meter, at) in fired.items() if meter == waste.device_id and begin <= at <= end
        )
        if not waste.harmless:
            explained.update(alert for _, alert in within)
        excess = sum(
            row["hubbub"]["profile"]["excess"] or 0.0
            for row in readings
            if row["device_id"] == waste.device_id and begin <= _us(row["event_time"]) < end
        )
        found.append(Found(waste, begin, within[0][0] if within else None, excess * INTERVAL_US / HOUR_US))
    usual: dict[str, list[float]] = defaultdict(lambda: [float("nan")] * (7 * _HOURS_A_DAY))
    for row in readings:
        if (expected := row["hubbub"]["profile"]["expected"]) is not None:
            usual[row["device_id"]][(_us(row["event_time"]) - simulation.last_week_us) // HOUR_US] = expected
    odd = sum(row["hubbub"]["anomaly"]["is_anomaly"] for row in readings)
    weeks = {meter: tuple(kw) for meter, kw in usual.items()}
    return EnergyFindings(tuple(found), len(set(fired) - explained), weeks, odd)


def told(simulation: EnergySimulation, findings: EnergyFindings) -> Iterator[str]:
    """Say what was seen, line by line."""
    readings = sum(1 for _ in simulation.events())
    weeks, seed = simulation.weeks, simulation.seed
    yield f"Mulberry House, {weeks} weeks of {len(METERS)} meters: {readings:,} readings, seed {seed}."
    yield ""
    yield "The usual week, learnt on the way (kW by hour of the day)"
    for meter in METERS:
        kw = findings.usual[meter.device_id]
        days = [kw[day * _HOURS_A_DAY : (day + 1) * _HOURS_A_DAY] for day in (2, 5, 6)]
        top = max(kw)
        drawn = "  ".join("".join(_BARS[min(7, int(8 * one / top))] for one in day) for day in days)
        yield f"  {meter.device_id:<14} {drawn}  up to {top:.1f} kW   {meter.place}"
    yield f"  {'':<14} {'Wednesday':<26}{'Saturday':<26}Sunday"
    yield ""
    yield "What was wasted in the last week, and when hubbub noticed"
    wasted = [one for one in findings.found if not one.waste.harmless]
    for one in wasted:
        after = "not found" if one.fired_us is None else f"after {span((one.fired_us - one.begin_us) / 1e6)}"
        yield (
            f"  {_clock(one.begin_us)}  {one.waste.device_id:<14} {one.waste.title:<30} {after:<18} "
            f"{one.excess_kwh:5.0f} kWh above the usual"
        )
    for one in findings.found:
        if one.waste.harmless:
            heard = "left alone" if one.fired_us is None else "an alert"
            yield f"  {_clock(one.begin_us)}  {one.waste.device_id:<14} {one.waste.title:<30} {heard} (working hours)"
    yield ""
    yield (
        f"Found {sum(one.fired_us is not None for one in wasted)} of {len(wasted)}; {findings.false_alerts} false "
        f"alerts. The telemetry detector alone called {findings.anomalies} readings of that week odd."
    )


def _rows(broker: Broker, topic: Topic) -> Iterator[dict[str, Any]]:
    codec = JsonCodec(topic)
    for number in range(topic.partitions):
        part, offset = TopicPartition(topic.name, number), 0
        while records := broker.read(part, offset, max_records=_CHUNK, max_bytes=16 << 20):
            offset = records[-1].offset + 1
            yield from codec.decode(part.topic, number, records).batch.to_pylist()


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _clock(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%a %H:%M")
