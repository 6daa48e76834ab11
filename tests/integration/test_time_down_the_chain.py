"""Time goes on behind a re-keyed topic as soon as it may: by the clock that is handed in, never by the test's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import orjson
import pytest

from infra.broker import Broker, Offset, TopicPartition
from infra.partitioner import partition_of_key
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.dead_letter import DeadLetterWriter
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.followers import AGAIN_S, SOON_US, WAITED_FOR_S, Followers, Round
from pipelines.engines.graph import streams_of, topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.merged_task import MergedTask
from pipelines.engines.place import place_of
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.ticks import read_ticks
from pipelines.engines.work import Worker
from pipelines.replay.kept_history import Range, kept_history
from pipelines.replay.run_side import Progress, run_side
from pipelines.shipped.alerts import alerts
from pipelines.shipped.incidents import incidents
from pipelines.shipped.sites import sites
from schemas.alerts_by_site import ALERTS_BY_DEVICE, ALERTS_BY_SITE
from schemas.devices import DEVICES as REGISTRY
from schemas.incidents import INCIDENTS
from schemas.record import Append, Record
from schemas.sequence import sequence_text
from schemas.ticks import TICKS
from tests.live_job import live_job
from tests.site_rows import time_of

SEED = 20261123
GROUP = "hubbub"
CHAIN = (alerts(), sites(), incidents())
AT_US = 1_772_352_000_000_000  # 2026-03-01T08:00:00Z, as `time_of(0)`
SECOND_US = 1_000_000
LATENESS_US = JobSettings().rules.lateness_us
NUMBERS = range(ALERTS_BY_DEVICE.partitions)
# A device in each partition, by number.
DEVICES = {partition_of_key(f"d{n}".encode(), len(NUMBERS)): f"d{n}" for n in range(100)}


class CountingBroker(SqliteBroker):
    """Counts what it is asked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, durability="off")
        self.asked: dict[str, int] = {}

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        self.asked["read"] = self.asked.get("read", 0) + 1
        return super().read(part, offset, max_records=max_records, max_bytes=max_bytes)

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        self.asked["bounds"] = self.asked.get("bounds", 0) + 1
        return super().bounds(part)

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        self.asked["ends"] = self.asked.get("ends", 0) + 1
        return super().ends(topics)

    def places(self, group: str) -> dict[TopicPartition, Offset]:
        self.asked["places"] = self.asked.get("places", 0) + 1
        return super().places(group)


@dataclass
class Sites:
    """The streams of `sites` with these numbers, as one process works on them, and the clocks that it reads."""

    broker: Broker
    now_us: int = AT_US + SECOND_US
    monotonic_s: float = 0.0
    tasks: list[MergedTask] = field(default_factory=list)

    def __post_init__(self) -> None:
        group, pipeline = "hubbub-sites", CHAIN[1]
        membership = self.broker.join(group, None, streams_of(pipeline))
        letters = DeadLetterWriter(group, "embedded", "0")
        self.worker = Worker(
            pipeline, self.broker, membership, JobSettings(), group=group, letters=letters, times=StageTimes(),
            clock=lambda: self.now_us, beside=CHAIN,
        )  # fmt: skip
        self.followers = Followers(self.worker, clock=lambda: self.monotonic_s)

    def begin(self) -> Sites:
        """Take over what is this process's, and read what lies there: the tables first."""
        self.tasks = [MergedTask(self.worker, stream) for stream in self.worker.membership.owned()]
        for _ in range(3):
            self.round()
        return self

    def round(self, *, between: Append | None = None) -> Round:
        """Take a round; `between` slips in when all was read, before time moves."""
        self.worker.answers.begin()
        done = self.followers.step(self.tasks)
        if between is not None:
            self.broker.append([between])
        self.followers.tick(self.tasks, {task.stream: 0.0 for task in self.tasks}, done)
        return done

    def at(self, seconds: float) -> Round:
        """Take a round so many seconds after the event."""
        self.now_us = AT_US + round(seconds * SECOND_US)
        self.monotonic_s += 1.0
        return self.round()

    def frontiers(self) -> dict[int, int | None]:
        """Return how far each number has come, as it is committed."""
        places = self.broker.places("hubbub-sites")
        own = [task.stream.parts[0] for task in self.tasks]
        return {part.partition: place_of(places.get(part), 0)[1] for part in own}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[CountingBroker]:
    broker = CountingBroker(tmp_path / "hubbub.db")
    with broker:
        broker.create_topics(topics_of(CHAIN))
        yield broker


def row(topic: str, device: str, second: float) -> Append:
    """An alarm that is worth an incident, or what raises nothing elsewhere."""
    asks: dict[str, object] = {"input": {"event_id": f"{round(second * 1000):024x}{device:>8}"}, "late": False}
    found: dict[str, object] = {"device_id": device, "event_time": time_of(second / 60)}
    if topic == "alarms.enriched":
        asks["category"] = {"label": "power", "score": 0.9, "model": "m"}
        found |= {"code": "E7", "text": "down", "state": "raise", "perceived_severity": "critical"}
    elif topic == "device.telemetry.enriched":
        found |= {"metric": "t", "value": 1.0}
    return Append(topic, device.encode(), orjson.dumps(found | {"hubbub": asks}))


def understand(broker: Broker, *rows: Append) -> None:
    """Have `alerts` work through these rows."""
    broker.append(rows)
    EmbeddedEngine(broker, JobSettings(tick_s=None)).run(CHAIN[:1], until_end=True)


def sequence(watermark_us: int) -> bytes:
    """Say of a row that its own stream, of which nothing else is written, was at this time."""
    return sequence_text("0123456789ab", AT_US, (watermark_us, 1, 0, 0, 0)).encode()


def after(broker: Broker, number: int, *, second: int) -> Append:
    """Return a row as if an alert had come behind the first one of this number."""
    [record] = broker.read(TopicPartition(ALERTS_BY_DEVICE.name, number), 0, max_records=9, max_bytes=1 << 20)
    event = orjson.loads(record.value or b"") | {"event_time": time_of(second / 60)}
    new = {"ce_hubbubid": b"f" * 32, "ce_hubbubsequence": sequence(AT_US)}
    headers = tuple((name, new.get(name, value)) for name, value in record.headers)
    return Append(ALERTS_BY_DEVICE.name, record.key, orjson.dumps(event), headers)


def located(broker: Broker) -> list[str]:
    parts = [TopicPartition(ALERTS_BY_SITE.name, number) for number in NUMBERS]
    records = [one for part in parts for one in broker.read(part, 0, max_records=999, max_bytes=1 << 24)]
    return sorted(orjson.loads(one.value or b"")["device_id"] for one in records)


def ticks(broker: Broker) -> int:
    return sum(broker.bounds(TopicPartition(TICKS.name, number))[1] for number in range(TICKS.partitions))


def test_a_row_is_released_when_the_lateness_is_over_and_all_streams_come_as_far(broker: CountingBroker) -> None:
    understand(broker, row("alarms.enriched", DEVICES[3], 0))
    found = Sites(broker).begin()
    found.at(6)  # upstream stands still for five seconds now
    found.at(10)
    found.at(10 + SOON_US / 2e6)
    assert located(broker) == [] and ticks(broker) == 0, "rows may come that are not late"
    found.at(10.5)
    assert located(broker) == [DEVICES[3]]
    assert found.frontiers() == dict.fromkeys(NUMBERS, AT_US + SECOND_US // 2)
    assert ticks(broker) == len(NUMBERS)
    EmbeddedEngine(broker, JobSettings(tick_s=None)).run(CHAIN[2:], until_end=True)
    told = ticks(broker)
    found.at(11)
    found.at(3600)
    assert ticks(broker) == told, "where nothing waits time need not be told"


def test_it_says_when_to_look_again(broker: CountingBroker) -> None:
    understand(broker, row("alarms.enriched", DEVICES[3], 0))
    found = Sites(broker).begin()
    found.at(6)
    assert found.followers.due_in_s() == pytest.approx(4 + SOON_US / 1e6)
    found.at(10.5)
    found.at(10.5)
    assert found.followers.due_in_s() > 60


def test_what_upstream_has_yet_to_work_through_is_waited_for(broker: CountingBroker) -> None:
    understand(broker, row("alarms.enriched", DEVICES[3], 0), row("device.telemetry.enriched", DEVICES[5], -5))
    found = Sites(broker).begin()
    found.at(6)
    broker.append([row("device.telemetry.enriched", DEVICES[5], 9)])
    found.at(10.5)
    assert located(broker) == [], "it would wait behind the re-keyed topic all the same"
    understand(broker)
    found.at(10.7)
    assert located(broker) == [DEVICES[3]]


def test_what_came_meanwhile_delays_nobody(broker: CountingBroker) -> None:
    """A row under way in a rare stream came after the moment that is asked about; what lay there then is done."""
    understand(broker, row("alarms.enriched", DEVICES[3], 0), row("device.telemetry.enriched", DEVICES[3], -5))
    found = Sites(broker).begin()
    found.at(6)
    broker.append([row("device.telemetry.enriched", DEVICES[3], 9)])
    found.at(10.5)
    assert located(broker) == [], "at 10.5 s a row lay there that nobody had understood"
    understand(broker)
    broker.append([row("device.telemetry.enriched", DEVICES[3], 10)])
    found.at(10.7)
    assert located(broker) == [DEVICES[3]]
    assert found.frontiers() == dict.fromkeys(NUMBERS, AT_US + SECOND_US // 2)


def test_who_catches_up_is_not_passed_by_the_clock(broker: CountingBroker) -> None:
    """It must stand still first, as any partition; meanwhile the others go on."""
    understand(broker, row("alarms.enriched", DEVICES[3], 0), row("alarms.enriched", DEVICES[4], 0))
    found = Sites(broker).begin()
    found.at(6)
    understand(broker, row("device.telemetry.enriched", DEVICES[3], -60))  # a minute old, and it moves
    found.at(10.5)
    assert located(broker) == [DEVICES[4]]
    assert found.frontiers()[3] is None
    found.at(15.6)
    assert located(broker) == sorted([DEVICES[3], DEVICES[4]])


def test_who_moves_and_is_up_to_date_delays_nobody(broker: CountingBroker) -> None:
    understand(broker, row("alarms.enriched", DEVICES[3], 0))
    found = Sites(broker).begin()
    found.at(6)
    understand(broker, row("device.telemetry.enriched", DEVICES[3], 8))
    found.at(10.5)
    assert located(broker) == [DEVICES[3]]


def test_where_all_topics_say_their_time_no_tick_is_needed_and_all_tell(broker: CountingBroker) -> None:
    sources = [topic.name for topic in CHAIN[0].sources]
    understand(broker, row("alarms.enriched", DEVICES[3], 0))
    found = Sites(broker).begin()
    understand(broker, *(row(topic, device, 11) for topic in sources for device in DEVICES.values()))
    found.at(2)
    assert DEVICES[3] in located(broker) and ticks(broker) == 0
    assert set(found.frontiers().values()) == {AT_US + SECOND_US}, "a second is no stride: they say it with the row"


def test_streams_of_other_processes_are_helped(broker: CountingBroker, tmp_path: Path) -> None:
    """A row was released by one process; who reads it waits for the streams of another, in which nothing happens."""
    its_own = CountingBroker(tmp_path / "hubbub.db")
    with its_own:
        one, other = Sites(broker), Sites(its_own)
        device = DEVICES[one.begin().tasks[0].stream.parts[0].partition]
        understand(broker, row("alarms.enriched", device, 0))
        for process in (one, other.begin()):
            process.at(6)
            process.at(10)
        one.at(10.5)
        assert located(broker) == [device]
        assert set(one.frontiers().values()) == {AT_US + SECOND_US // 2}
        other.at(10.5)
        assert set(other.frontiers().values()) == {None}, "it has only begun to see that somebody waits"
        other.monotonic_s += WAITED_FOR_S
        other.at(10.7)
        assert set(other.frontiers().values()) == {AT_US + 700_000}
        told = ticks(broker)
        other.monotonic_s -= 1.0 - AGAIN_S / 2  # `at` lets a second pass
        other.at(10.8)
        assert ticks(broker) == told, "one who reads slowly is not told again and again"
        EmbeddedEngine(broker, JobSettings(tick_s=None)).run(CHAIN[2:], until_end=True)
        other.at(20)
        other.at(30)
        assert ticks(broker) == told, "nobody waits"


def test_a_row_that_slips_in_is_read_before_time_moves(broker: CountingBroker) -> None:
    """The broker refuses the tick, and the work goes on where it stood, with nothing lost and nothing twice."""
    understand(broker, row("alarms.enriched", DEVICES[3], 0))
    found = Sites(broker).begin()
    found.at(6)
    late = after(broker, 3, second=8)
    found.now_us = AT_US + 10_500_000
    found.monotonic_s += 1.0
    assert found.round(between=late).lost == set()
    assert located(broker) == []
    found.at(10.6)
    assert located(broker) == [DEVICES[3]]
    found.at(18.6)
    assert located(broker) == [DEVICES[3]] * 2


def test_a_round_in_which_nothing_happens_asks_few_questions(broker: CountingBroker) -> None:
    """However many streams there are, and though rows wait: how far upstream has come, and where the log ends."""
    understand(broker, *(row("alarms.enriched", device, 0) for device in DEVICES.values()))
    found = Sites(broker).begin()
    found.at(6)
    broker.asked.clear()
    found.at(7)
    assert broker.asked.keys() <= {"places", "ends"}
    assert broker.asked["places"] <= 2 and broker.asked["ends"] <= 2


def test_a_replay_that_reads_the_ticks_finds_the_same_incidents(tmp_path: Path) -> None:
    """A live job whose clock runs ahead now and then; each look at it is a moment later."""
    rng = Random(SEED)
    moments = count(AT_US + LATENESS_US, SECOND_US // 50)
    settings = JobSettings(tick_s=1.0, poll_s=0.01)
    with SqliteBroker(tmp_path / "hubbub.db", durability="off") as broker:
        broker.create_topics(topics_of(CHAIN))
        engine = EmbeddedEngine(broker, settings, group=GROUP, clock=lambda: next(moments))
        with live_job(engine, CHAIN) as job:
            sources = [topic.name for topic in CHAIN[0].sources]
            for number in range(6):
                # Some come late, as the clock of those that read them runs on meanwhile.
                rows = [
                    row(rng.choice(sources), rng.choice([*DEVICES.values()]), number * 20 + rng.randrange(20))
                    for _ in range(15)
                ]
                before = told(broker)
                broker.append([*rows, row("alarms.enriched", f"stray-{number}", number * 20)])
                job.await_that(lambda before=before: told(broker) > before)  # type: ignore[misc]
        EmbeddedEngine(broker, JobSettings(tick_s=None), group=GROUP).run(CHAIN, until_end=True)
        history = kept_history(broker, [*CHAIN[0].sources, REGISTRY], Range())
        side = run_side(
            "embedded", CHAIN, history, tmp_path / "again.db", JobSettings(batch_records=7), group=GROUP,
            stop=threading.Event(), progress=Progress(),
        )  # fmt: skip
        assert isinstance(side.broker, SqliteBroker)
        assert read_ticks(broker, f"{GROUP}-sites")
        assert incidents_in(side.broker) == incidents_in(broker) != []


def told(broker: SqliteBroker) -> int:
    return sum(broker.bounds(TopicPartition(INCIDENTS.name, number))[1] for number in NUMBERS)


def incidents_in(broker: SqliteBroker) -> list[tuple[bytes | None, bytes | None]]:
    parts = [TopicPartition(INCIDENTS.name, number) for number in NUMBERS]
    records = [one for part in parts for one in broker.read(part, 0, max_records=9999, max_bytes=1 << 26)]
    return sorted(((one.key, one.value) for one in records), key=str)  # between sites there is no order
