"""The console's dead letters: listed, shown with their bytes, sent again once or dropped."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.console.console import Console
from schemas.record import Record
from tests.console_client import csrf_of
from tests.console_troubled_world import FORBIDDEN, VALUE, letters_of


def test_dead_letters_are_listed_by_reason_and_shown_with_their_bytes(
    troubled_site: Path, troubled_console: tuple[TestClient, Console]
) -> None:
    client, _ = troubled_console
    page = client.get("/dead-letters").text
    assert "5 open dead letters" in page
    assert page.count('type="checkbox"') == 5
    assert client.get("/dead-letters?reason=bad_json").text.count('type="checkbox"') == 3
    assert client.get("/dead-letters?pipeline=alarms&ticked=1").text.count(" checked>") == 1
    assert client.get("/dead-letters?topic=device.logs&fate=dropped").text.count('<tr id="l-') == 0
    shown = [client.get(f"/dead-letters/{at}").text for at in letters_of(troubled_site)]
    assert sum("&lt;script&gt;alert(2)" in one for one in shown) == 3
    assert sum("ff fe" in one for one in shown) == 1
    assert sum("so it cannot be sent back" in one for one in shown) == 1
    assert not any(forbidden in one for one in shown for forbidden in FORBIDDEN)
    for path in ("0-999", "99-0", "x", "1-", "-1", "1-1-1", "9" * 30 + "-1"):
        assert client.get(f"/dead-letters/{path}").status_code == 404, path


def test_dead_letters_are_sent_again_once_or_dropped(
    troubled_site: Path, troubled_console: tuple[TestClient, Console]
) -> None:
    client, opened = troubled_console
    csrf, places = {"csrf": csrf_of(client, opened)}, letters_of(troubled_site)
    before = logs_in(troubled_site)
    answer = client.post("/dead-letters", data={**csrf, "do": "send", **{f"at.{one}": "on" for one in places}})
    assert (answer.status_code, answer.headers["location"]) == (303, "/dead-letters")
    page = client.get("/dead-letters").text
    assert "4 sent again to their topics." in page
    assert "1 left alone: settled before, gone, or without an origin." in page
    assert "1 open dead letter<" in page
    assert [one.value for one in logs_in(troubled_site)[len(before) :]] == [VALUE] * 3
    [left] = [one for one in places if f'<tr id="l-{one}"' in page]
    back = {"back": f"/dead-letters/{left}"}
    assert (
        client.post("/dead-letters", data={**csrf, "do": "drop", f"at.{left}": "on", **back}).headers["location"]
        == back["back"]
    )
    shown = client.get(back["back"]).text
    assert "1 dropped; they stay in the topic until retention takes them." in shown
    assert '<span class="chip good">dropped</span>' in shown
    assert 'name="do"' not in shown
    assert "No dead letter is like that." in client.get("/dead-letters").text
    assert client.get("/dead-letters?fate=all").text.count('<tr id="l-') == 5
    again = client.post("/dead-letters", data={**csrf, "do": "send", **{f"at.{one}": "on" for one in places}})
    assert (again.status_code, len(logs_in(troubled_site))) == (303, len(before) + 3)


def test_a_post_that_says_nothing_does_nothing(
    troubled_site: Path, troubled_console: tuple[TestClient, Console]
) -> None:
    client, opened = troubled_console
    csrf = {"csrf": csrf_of(client, opened)}
    assert client.post("/dead-letters", data={**csrf, "do": "burn", "at.0-0": "on"}).status_code == 400
    client.post("/dead-letters", data={**csrf, "do": "send", "at.x": "on", "at.1-x": "on", "other": "1"})
    page = client.get("/dead-letters").text
    assert "Nothing was ticked." in page
    assert "5 open dead letters" in page


def logs_in(file: Path) -> list[Record]:
    """Return the records of `device.logs` by the time at which they were appended."""
    with SqliteBroker(file) as broker:
        parts = [TopicPartition("device.logs", number) for number in range(8)]
        found = [one for part in parts for one in broker.read(part, 0, max_records=99, max_bytes=1 << 20)]
    return sorted(found, key=lambda one: one.timestamp_us)
