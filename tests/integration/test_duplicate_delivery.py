"""Duplicate delivery: producers that send an event again, with the same id, raise nothing twice (R30)."""

from __future__ import annotations

import heapq
from pathlib import Path
from random import Random

from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import shipped_pipelines
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.job_settings import JobSettings
from schemas.catalog import TOPICS
from schemas.record import Append
from tests.sameness_differences import differences
from tests.sameness_events import SameInput
from tests.sameness_outcome import Outcome, read_outcome

GIVEN = SameInput(seed=20260301, about=2_000)
MOST_COPIES = 5
LATEST_COPY = 60  # events later that a copy comes, of all devices together


def copied(records: list[Append], rng: Random) -> list[Append]:
    """Give each event one to five times, its copies up to a minute's worth of events behind it."""
    waiting: list[tuple[int, int, Append]] = []
    found: list[Append] = []
    for number, record in enumerate(records):
        while waiting and waiting[0][0] <= number:
            found.append(heapq.heappop(waiting)[2])
        found.append(record)
        if any(name == "ce_id" and value.isdigit() for name, value in record.headers):  # one that will be a row
            for copy in range(rng.randrange(MOST_COPIES)):
                heapq.heappush(waiting, (number + rng.randint(0, LATEST_COPY), number * 10 + copy, record))
    return found + [one for _, _, one in sorted(waiting)]


def outcome(path: Path, records: list[Append]) -> Outcome:
    with SqliteBroker(path, durability="off") as broker:
        broker.create_topics(list(TOPICS.values()))
        broker.append(records)
        EmbeddedEngine(broker, JobSettings()).run(shipped_pipelines(), until_end=True)
        return read_outcome(broker, take_first=True)


def test_each_event_sent_up_to_five_times_raises_what_it_raises_once(tmp_path: Path) -> None:
    print(f"seed {GIVEN.seed}")
    once = GIVEN.records()
    often = copied(once, Random(f"copies/{GIVEN.seed}"))
    assert len(often) > 2.5 * len(once)
    expected, came = outcome(tmp_path / "once.db", once), outcome(tmp_path / "often.db", often)
    assert sum(map(len, expected.alerts.values())) > 100
    assert came.repeats > 0, "pipelines without memory answer a repeat once more"
    found = differences(expected, came)
    assert not found, "\n".join(map(str, found[:5]))
