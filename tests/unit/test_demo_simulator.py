"""The demo's simulator: the same day from the same seed, every event readable, and the planted truth in it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from random import Random

import pytest

from pipelines.demo.building import MULBERRY_CORNER, MULBERRY_HOUSE
from pipelines.demo.chatter.catalog import CHATTER
from pipelines.demo.event import DemoEvent, log_event
from pipelines.demo.incidents.catalog import KINDS
from pipelines.demo.messages import EVERYDAY
from pipelines.demo.phrases import fill
from pipelines.demo.plan import A_DAY, A_QUICK_DAY
from pipelines.demo.simulate import DAY_US, JITTER_US, Simulation
from schemas.catalog import INPUTS, TOPICS
from schemas.json_codec import JsonCodec
from schemas.record import Record

END_US = 1_790_035_200_000_000  # a midnight


def day(seed: int = 7, about: int = 12_000, end_us: int = END_US) -> Simulation:
    return Simulation(MULBERRY_HOUSE, A_DAY, seed, end_us, about)


@cache
def events_of(seed: int = 7) -> tuple[DemoEvent, ...]:
    return tuple(day(seed).events())


def digest(simulation: Simulation) -> str:
    total = hashlib.sha256()
    for number, event in enumerate(simulation.events()):
        record = simulation.envelope.record(number, event)
        total.update(repr((record.topic, record.key, record.value, record.headers)).encode())
    return total.hexdigest()


def test_the_same_seed_and_end_give_the_same_bytes() -> None:
    assert digest(day(about=3000)) == digest(day(about=3000))


def test_another_seed_gives_another_day() -> None:
    assert digest(day(seed=7, about=3000)) != digest(day(seed=8, about=3000))


def test_another_end_only_shifts_the_times() -> None:
    shifted = Simulation(MULBERRY_HOUSE, A_DAY, 7, END_US + 3_600_000_000, 12_000)
    for here, there in zip(events_of(), shifted.events(), strict=True):
        assert there.time_us - here.time_us == 3_600_000_000
        assert (here.topic, here.device_id, here.fields, here.cause) == (
            *(there.topic, there.device_id, there.fields, there.cause),
        )


@pytest.mark.parametrize("about", [2500, 12_000, 50_000])
def test_as_many_events_as_were_asked_for(about: int) -> None:
    building, plan = (MULBERRY_CORNER, A_QUICK_DAY) if about < 5000 else (MULBERRY_HOUSE, A_DAY)
    count = sum(1 for _ in Simulation(building, plan, 1, END_US, about).events())
    assert abs(count - about) <= 0.1 * about


def test_every_topic_is_spoken_on_and_both_languages() -> None:
    counts = Counter(event.topic for event in events_of())
    assert set(counts) == {topic.name for topic in INPUTS}
    assert counts["device.logs"] > 2500
    languages = Counter(event.fields.get("language") for event in events_of() if event.topic == "customer.messages")
    assert languages["en"] >= 5
    assert languages["zh-CN"] >= 5


def test_every_event_decodes() -> None:
    """Also after a foreign eye has looked: nothing unknown in `extra`, ids as the envelope foretold."""
    simulation = day()
    records: dict[str, list[tuple[int, Record]]] = defaultdict(list)
    for number, event in enumerate(simulation.events()):
        append = simulation.envelope.record(number, event)
        records[append.topic].append((number, Record(number, END_US, append.key, append.value, append.headers)))
    for name, numbered in records.items():
        decoded = JsonCodec(TOPICS[name]).decode(name, 0, [record for _, record in numbered])
        assert decoded.refused == []
        assert decoded.batch.column("extra").null_count == decoded.batch.num_rows
        assert decoded.batch.column("event_id").to_pylist() == [simulation.envelope.event_id(n) for n, _ in numbered]


def test_events_arrive_in_order_up_to_the_jitter() -> None:
    highest = 0
    for event in events_of():
        assert event.time_us > highest - JITTER_US
        highest = max(highest, event.time_us)


def test_the_day_has_a_beginning_and_an_end() -> None:
    for event in events_of():
        learning = event.topic == "device.telemetry" and event.cause is None
        assert END_US - (2 if learning else 1) * DAY_US <= event.time_us < END_US


def test_what_was_planted_is_in_the_stream() -> None:
    """Each signal of each incident arrives, and each changed metric shows it in some readings."""
    simulation = day()
    planted = Counter((event.cause, event.topic) for event in events_of())
    assert len(simulation.incidents) == len(A_DAY)
    for incident in simulation.incidents:
        for topic, count in incident.ground_truth["signals"].items():
            assert planted[incident.name, topic] == count
        if incident.effects:
            assert planted[incident.name, "device.telemetry"] > 0


@pytest.mark.parametrize("seed", range(5))
def test_real_incidents_end_in_a_hard_alarm_and_look_alikes_in_none(seed: int) -> None:
    for incident in day(seed).incidents:
        assert incident.harmless == (incident.alarm_us is None)
        if incident.alarm_us is not None:
            first = min(signal.time_us for signal in incident.signals)
            assert incident.start_us <= first < incident.alarm_us < incident.end_us


def test_kinds_are_as_many_as_promised() -> None:
    assert sum(not kind.harmless for kind in KINDS.values()) >= 9
    assert sum(kind.harmless for kind in KINDS.values()) >= 4
    assert {planned.kind for planned in A_DAY} == set(KINDS)


def test_what_an_incident_changes_goes_back_to_normal() -> None:
    for incident in day().incidents:
        for effect in incident.effects:
            assert effect.at(effect.points[0][0] - 1) == 0.0
            assert effect.at(effect.points[-1][0]) == 0.0
            assert [time for time, _ in effect.points] == sorted({time for time, _ in effect.points})


def test_every_line_of_every_device_can_be_said() -> None:
    """Gaps are well formed, and the severity table knows each device's own word."""
    rng = Random(1)
    for device in MULBERRY_HOUSE.devices:
        chatter = CHATTER[device.type]
        for line in (*chatter.routine, *chatter.scary, *chatter.reboot):
            event = log_event(device.device_id, 0, line, rng)
            assert event.fields["severity"] in ("indeterminate", "warning"), line
            assert "<" not in str(event.fields["message"])


def test_devices_talk_in_every_way_that_there_is() -> None:
    assert {device.type for device in MULBERRY_HOUSE.devices} == set(CHATTER)
    assert len({device.device_id for device in MULBERRY_HOUSE.devices}) == len(MULBERRY_HOUSE.devices) >= 40
    for device in MULBERRY_HOUSE.devices:
        assert device.upstream is None or MULBERRY_HOUSE.device(device.upstream)


def test_everyday_messages_are_said_once() -> None:
    assert len({message.text for message in EVERYDAY}) == len(EVERYDAY) >= 100


def test_the_models_have_not_read_the_demo() -> None:
    """No sentence or line of the demo is a row of the training data: what is found was not learnt by heart."""
    learnt = set()
    for path in (Path(__file__).parents[2] / "models/training/data").glob("*.tsv"):
        learnt |= {row.rsplit("\t", 1)[-1].strip().lower() for row in path.read_text(encoding="utf-8").splitlines()}
    assert len(learnt) > 3000
    said = {str(event.fields.get("text") or event.fields.get("message")).lower() for event in events_of()}
    assert said & learnt == set()


def test_a_gap_that_nobody_knows_is_a_bug() -> None:
    with pytest.raises(ValueError, match="gap like"):
        fill("voltage <high>", Random(1))
