"""`make incidents`: 200 incidents and 200 look-alikes of the demo's simulator through all the pipelines, and a verdict.

Each of thirty days (tests/incident_days.py) is simulated and run through the real pipelines with the real models, from
raw events to the topic `incidents`, on a broker of its own; what comes out is judged by tests/incident_score.py. The
devices chatter less than in the demo (15 %), so that it takes half an hour of processor time; `--chatter 1` is all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import REKEYED, find_pipeline, shipped_pipelines
from pipelines.demo.building import MULBERRY_HOUSE, Device
from pipelines.demo.registry import registry
from pipelines.demo.simulate import Simulation
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline
from schemas.alerts import ALERTS
from schemas.incidents import INCIDENTS
from schemas.json_codec import JsonCodec
from schemas.topic import Topic
from tests.incident_days import SuiteDay, suite_days
from tests.incident_score import Score, judge

END_US: Final = 1_772_496_000_000_000
ABOUT: Final = 50_000
CHATTER: Final = 0.15
BAR: Final = 0.9


@dataclass(frozen=True)
class QuieterDay(Simulation):
    """A simulated day with a part of the chatter."""

    chatter: float = CHATTER

    def _shares(self) -> Iterator[tuple[Device, float]]:
        return ((device, count * self.chatter) for device, count in super()._shares())


def run_day(day: SuiteDay, pipelines: list[Pipeline], chatter: float, score: Score) -> None:
    """Simulate one day, run it, and add what came of it to the score."""
    simulation = QuieterDay(MULBERRY_HOUSE, day.plan, day.seed, END_US, ABOUT, chatter=chatter)
    envelope = simulation.envelope
    made_by: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, SqliteBroker(Path(folder) / "hubbub.db") as broker:
        broker.create_topics(topics_of(pipelines))
        broker.append(list(registry(simulation.building, simulation.first_us)))
        records = []
        for number, event in enumerate(simulation.events()):
            if event.cause is not None:
                made_by[envelope.event_id(number)] = event.cause
            records.append(envelope.record(number, event))
        for start in range(0, len(records), 4000):
            broker.append(records[start : start + 4000])
        score.events += len(records)
        # Simulated time moves by events alone.
        EmbeddedEngine(broker, JobSettings(tick_s=None)).run(pipelines, until_end=True)
        fired = {row["alert_id"]: row["opened_at"] for row in rows_of(broker, ALERTS) if row["fired_at"] is not None}
        score.alerts += sum(opened.timestamp() * 1e6 >= simulation.start_us for opened in fired.values())
        revisions = sorted(rows_of(broker, INCIDENTS), key=lambda row: (row["incident_id"], row["revision"]))
        judge(score, f"day {day.number}", simulation.incidents, made_by, revisions, simulation.start_us)


def rows_of(broker: SqliteBroker, topic: Topic) -> Iterator[dict[str, Any]]:
    """Return all rows of a topic, partition by partition."""
    codec = JsonCodec(topic)
    for number in range(topic.partitions):
        part, offset = TopicPartition(topic.name, number), 0
        while records := broker.read(part, offset, max_records=1000, max_bytes=8 << 20):
            yield from codec.decode(part.topic, number, records).batch.to_pylist()
            offset = records[-1].offset + 1


def main() -> int:
    """Run the days that were asked for; status 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("tuned", "left-out", "all"), default="all")
    parser.add_argument("--days", type=int, default=None, help="only so many days of each part")
    parser.add_argument("--chatter", type=float, default=CHATTER, help="share of the demo's chatter")
    chosen = parser.parse_args()
    pipelines = [*shipped_pipelines(), *map(find_pipeline, REKEYED)]
    passed = True
    for held_out, name in ((False, "tuned"), (True, "left-out")):
        if chosen.part not in (name, "all"):
            continue
        score = Score()
        for day in [day for day in suite_days() if day.held_out == held_out][: chosen.days]:
            started = time.monotonic()
            run_day(day, pipelines, chosen.chatter, score)
            seconds = time.monotonic() - started
            print(
                f"{name}, day {day.number}: precision {score.precision:.3f}, recall {score.recall:.3f} so far; "
                f"{seconds:.0f} s",
                flush=True,
            )
        print("\n".join(score.lines(name)), flush=True)
        passed &= score.precision >= BAR and score.recall >= BAR
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
