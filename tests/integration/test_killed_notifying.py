"""The job and the notifier, killed at random: no alert is lost, and none is told twice with different words.

Alerts end at any time, while their notifier is dead too, and whether anybody had heard of them or not.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

import orjson
import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.graph import topics_of
from pipelines.seen_event import time_text
from pipelines.shipped.alerts import alerts
from schemas.alerts import ALERTS
from schemas.notifications import NOTIFICATIONS
from schemas.record import Append
from schemas.silences import SILENCES
from tests.broker_subject import all_records, eventually
from tests.http_receiver import Came, HttpReceiver, http_receiver
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "pipelines.command_line"]
SEED = 20261122
KILLS = 16
A_ROUND = 5  # so few that no digest is needed, which names 40 at most
PLAN = """
[route]
receiver = "team"
group_by = ["device_id"]
group_wait = "0s"
group_interval = "1s"
[receivers.team]
kind = "webhook"
url = "{url}/hook"
rate_limit = 100000
"""


def alarm(number: int, state: str) -> Append:
    """An alarm of now as the pipeline `alarms` writes it, of a device of its own: an old one would end by quiet."""
    at = time_text(time.time_ns() // 1000)
    row = {"device_id": f"d{number}", "event_time": at, "code": "E7", "text": "compressor stopped", "state": state}
    row |= {"perceived_severity": "critical" if state == "raise" else "cleared"}
    answers = {"input": {"event_id": f"{number:031x}{'0' if state == 'raise' else '1'}"}, "late": False}
    answers |= {"category": {"label": "mechanical", "score": 0.9, "model": "m"}}
    return Append("alarms.enriched", f"d{number}".encode(), orjson.dumps(row | {"hubbub": answers}))


def told(receiver: HttpReceiver) -> dict[str, set[str]]:
    """Return, for each device, the states that were told and taken."""
    found: dict[str, set[str]] = defaultdict(set)
    for came in list(receiver.came):
        for one in came.json["alerts"]:
            found[one["labels"]["device_id"]].add(one["status"])
    return found


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_told_in_two_ways(tmp_path: Path) -> None:
    rng, flaws = random.Random(SEED), random.Random(SEED + 1)
    print(f"seed {SEED}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HUBBUB_JOB_POLL_S": "0.05"}

    def flaky(came: Came) -> int:
        # Now and then the receiver takes it and the answer says otherwise: it must be sent again as it was.
        return 503 if flaws.random() < 0.07 else 200

    with http_receiver(flaky) as receiver, SqliteBroker(tmp_path / "hubbub.db") as broker:
        (tmp_path / "notify.toml").write_text(PLAN.format(url=receiver.url))
        broker.create_topics([*topics_of([alerts()]), NOTIFICATIONS, SILENCES, ALERTS])

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            with (tmp_path / f"{arguments[0]}.log").open("ab") as log:
                return subprocess.Popen([*PROGRAM, *arguments], cwd=tmp_path, env=environment, stdout=log, stderr=log)

        commands = {"job": ("run", "alerts"), "notifier": ("notify",)}
        running = {name: start(*arguments) for name, arguments in commands.items()}
        unheard: list[int] = []
        count, over, kills = 0, set[int](), {"job": 0, "notifier": 0}

        def end(numbers: list[int]) -> None:
            if numbers:
                broker.append([alarm(number, "clear") for number in numbers])
            over.update(numbers)

        try:
            while sum(kills.values()) < KILLS:
                heard = len(receiver.came)
                broker.append([alarm(number, "raise") for number in range(count, count + A_ROUND)])
                count += A_ROUND
                lasting = [number for number in range(count) if number not in over]
                end([number for number in lasting if f"d{number}" in told(receiver) and rng.random() < 0.5])
                # A death before anybody was told anything, and one after, however slow the machine is.
                if rng.random() < 0.5:
                    assert eventually(partial(has_heard_more, receiver, heard))
                time.sleep(rng.uniform(0.0, 2.0))
                victim = rng.choice(sorted(running))
                running[victim].send_signal(signal.SIGKILL)
                running[victim].wait(PATIENCE_S)
                kills[victim] += 1
                if victim == "notifier":
                    gone = [number for number in range(count) if number not in over][::2]
                    unheard += [one for one in gone if f"d{one}" not in told(receiver)]
                    end(gone)
                    # What ended is written before anybody is there to hear of it.
                    assert eventually(partial(all_ended, broker, gone))
                running[victim] = start(*commands[victim])
            everybody = {f"d{number}" for number in range(count)}
            # What ended before anybody could be told of it is nobody's business.
            to_hear = everybody - {f"d{number}" for number in unheard}
            assert eventually(lambda: raised(broker) == everybody), everybody - raised(broker)
            assert eventually(lambda: set(told(receiver)) >= to_hear), (
                to_hear - set(told(receiver)),
                (tmp_path / "notify.log").read_text()[-2000:],
            )
            assert eventually(lambda: not left_open(receiver, over)), left_open(receiver, over)
        finally:
            for process in running.values():
                process.kill()
                process.wait(PATIENCE_S)
        again = sent_again(receiver)
        print(f"{count} alerts, killed {kills}, {again} notifications of {len(receiver.came)} sent again as they were")
        print(f"{len(over)} ended, {len(unheard)} of them before anybody had heard of them")
        assert again > 0 and over  # the receiver saw to the first


def sent_again(receiver: HttpReceiver) -> int:
    """Return how many notifications came again; each of them as it was."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for came in receiver.came:
        bodies[came.headers["webhook-id"]].add(came.body)
    assert all(len(found) == 1 for found in bodies.values())
    return len(receiver.came) - len(bodies)


def has_heard_more(receiver: HttpReceiver, heard: int) -> bool:
    """Tell whether more has come than at an earlier time."""
    return len(receiver.came) > heard


def left_open(receiver: HttpReceiver, over: set[int]) -> set[str]:
    """Return the devices of ended alerts whose last word to the receiver is that they fire."""
    last = {one["labels"]["device_id"]: one["status"] for came in list(receiver.came) for one in came.json["alerts"]}
    return {device for number in over if last.get(device := f"d{number}", "resolved") != "resolved"}


def raised(broker: SqliteBroker) -> set[str]:
    """Return the devices that have an alert."""
    return {str(one["device_id"]) for one in written(broker)}


def all_ended(broker: SqliteBroker, numbers: list[int]) -> bool:
    """Tell whether the alerts of these devices have ended."""
    ended = {str(one["device_id"]) for one in written(broker) if one["state"] == "resolved"}
    return ended >= {f"d{number}" for number in numbers}


def written(broker: SqliteBroker) -> list[dict[str, object]]:
    """Return every revision of an alert."""
    parts = [TopicPartition(ALERTS.name, number) for number in range(ALERTS.partitions)]
    return [orjson.loads(one.value or b"") for part in parts for one in all_records(broker, part)]
