"""An alert storm: tens of thousands at once cost a few notifications, bounded ones, and nobody is forgotten."""

from __future__ import annotations

import time

import orjson
import pytest

from pipelines.notify.plan import HOUR, MINUTE, Receiver, Route
from schemas.matcher import parse_matcher
from tests.told_world import START, World, alert, plan

STORM = 20_000


@pytest.mark.slow
def test_a_storm_is_told_in_a_few_bounded_notifications() -> None:
    by_device = Route("each", "phone", (parse_matcher("severity=critical"),), group_by=("device_id",))
    world = World(plan(by_device, receivers=[Receiver("phone", "webhook", rate_limit=30)]))
    before = time.process_time()
    told = []
    for number in range(STORM):
        world.take(alert(f"d{number}", "critical" if number % 2 else "minor", site=f"s{number % 50}"))
        if number % 5000 == 4999:
            told += world.after(3_000_000)
    told += world.after(10 * MINUTE)
    seconds = time.process_time() - before
    assert max(len(one.body) for one in told) < 200_000
    by_receiver = {name: [one for one in told if one.receiver == name] for name in ("team", "phone")}
    # One group of all minor ones; of the others 30 a minute, and a digest for the rest of each minute.
    assert len(by_receiver["team"]) <= 4
    assert len(by_receiver["phone"]) <= 31 * 4
    assert sum(one.alerts for one in by_receiver["phone"]) == STORM // 2
    for number in range(STORM):
        severity = "critical" if number % 2 else "minor"
        world.take(alert(f"d{number}", severity, revision=2, firing=False, site=f"s{number % 50}"))
    ended = world.after(HOUR)
    last = [orjson.loads(one.body)["hubbub"] for one in ended]
    assert sum(one["resolved"] for one in last) == STORM
    assert [key for key in world.rows if not key.startswith("flow/")] == []
    print(f"{STORM:,} alerts: {seconds:.1f} s of CPU, {len(told)} told")
    assert world.now_us > START
