"""The console's topics and jobs: who is behind, what came, how fast."""

from __future__ import annotations

import time
from pathlib import Path

from starlette.testclient import TestClient

from infra.broker import Offset
from infra.sqlite.broker import SqliteBroker
from pipelines.console.console import Console
from pipelines.console.topic_looks import EarlierLooks, arrivals, group_looks, topic_looks
from tests.console_world import FRIDGE, appended


def test_topics_show_who_is_behind_and_what_came(troubled_console: tuple[TestClient, Console]) -> None:
    client, _ = troubled_console
    page = client.get("/topics").text
    jobs = page[page.index('id="g-hubbub-logs"') :]
    assert '<span class="tally-name">Behind </span>3<' in jobs
    assert "acme.loudness" in page
    assert "not one of hubbub&#39;s own" in page
    row = page[page.index('id="t-device.logs"') :].partition("</tr>")[0]
    assert ["Records </span>5<" in row, "Records a second </span>–<" in row] == [True, True]
    page = client.get("/topics/device.logs").text
    assert "hubbub-logs · 3 · " in page
    assert "program, unit or logger that wrote it" in page
    assert page.count('<tr id="r-') == 5
    own = client.get("/topics/acme.loudness").text
    assert "Nothing declares these columns" in own
    assert '<td class="code">loud</td><td class="soft">string</td>' in own
    assert (
        "It is empty." in client.get("/topics/alerts.silences").text or client.get("/topics/nothing").status_code == 404
    )
    assert client.get("/topics/nothing").status_code == 404


def test_speed_is_what_came_since_an_earlier_look(troubled_site: Path) -> None:
    earlier = EarlierLooks()
    with SqliteBroker(troubled_site) as broker:
        assert {one.records_per_s for one in topic_looks(broker, earlier, 0)} == {None}
        broker.append([appended("device.logs", FRIDGE, {"device_id": FRIDGE}) for _ in range(30)])
        looks = {one.name: one for one in topic_looks(broker, earlier, 10_000_000)}
        assert (looks["device.logs"].records_per_s, looks["device.logs"].records) == (3.0, 35)
        assert looks["alarms"].records_per_s == 0.0
        group = next(one for one in group_looks(broker, earlier, 20_000_000) if one.name == "hubbub-logs")
        assert (group.behind, group.records_per_s, group.topics) == (33, None, ["device.logs"])
        [part] = [lag.part for lag in group.lags if lag.records]
        broker.commit_offsets("hubbub-logs", {part: Offset(35)})
        [group] = group_looks(broker, earlier, 25_000_000)
        assert (group.behind, group.records_per_s, group.waiting_s) == (0, 6.6, 0.0)
        now_us = time.time_ns() // 1000 + 1_000_000
        assert sum(arrivals(broker, "device.logs", now_us, 3_600_000_000)) == 35
        assert arrivals(broker, "device.logs", now_us, 3_600_000_000)[-1] == 35
