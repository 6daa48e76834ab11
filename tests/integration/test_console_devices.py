"""The console's devices: the list, the worst first and searched; one device; a list of very many."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from infra.sqlite.broker import SqliteBroker
from pipelines.console.console import Console
from pipelines.console.heard_devices import HeardDevices
from schemas.answers import DEVICE_LOGS_ENRICHED
from schemas.record import Append
from tests.broker_subject import eventually
from tests.console_client import logged_in, reads_of
from tests.console_world import FRIDGE, PUMP, make_world


def test_devices_are_listed_the_worst_first_and_found(troubled_console: tuple[TestClient, Console]) -> None:
    client, _ = troubled_console
    page = client.get("/devices").text
    assert page.index(f'href="/devices/{FRIDGE}"') < page.index(f'href="/devices/{PUMP}"')
    assert '<span class="severity critical">3' in page
    assert "kitchen" in page
    for query, found in (
        ("q=PUMP+lab", [PUMP]),
        ("q=kitchen", [FRIDGE]),
        ("which=alerts", [FRIDGE]),
        ("q=nothing", []),
    ):
        page = client.get(f"/devices?{query}").text
        assert [one for one in (FRIDGE, PUMP) if f'href="/devices/{one}"' in page] == found, query
    assert "not in the registry" in client.get("/devices?which=unplaced").text
    assert "No device is like that." in client.get("/devices?q=nothing").text


def test_a_device_shows_its_alerts_metrics_and_events(troubled_console: tuple[TestClient, Console]) -> None:
    page = troubled_console[0].get(f"/devices/{FRIDGE}").text
    assert page.count('<li id="a-f-') == 3
    assert f'href="/devices/{PUMP}"' in page
    assert 'class="plot-band" d="M' in page
    assert 'class="plot-odd" d="M' in page
    assert "box_temp from " in page, "the plot is told to who cannot see it"
    assert "180 readings between 4 and 10.4, 40 of them odd" in page
    assert page.count('<li id="e-') == 20
    assert "the last 20 of 30" in page
    assert "door closed after 29 s" in page
    missing = troubled_console[0].get("/devices/nobody")
    assert (missing.status_code, "nothing was heard of this device lately" in missing.text) == (404, True)


def test_the_list_of_many_devices_is_a_page_and_reads_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "hubbub.db"
    make_world(path)
    with SqliteBroker(path) as broker:
        broker.append([Append(DEVICE_LOGS_ENRICHED.name, f"d-{n}".encode(), b"{}") for n in range(20_000)])
    with logged_in(path) as (client, console), reads_of(console.broker) as reads:
        assert eventually(lambda: "Still reading" not in client.get("/devices").text)
        assert 20_000 <= sum(reads) < 21_000, "each record once"
        reads.clear()
        page = client.get("/devices").text
        assert "20,002 devices" in page
        assert page.count('<tr id="d-') == 100
        assert len(page) < 150_000
        assert client.get("/devices?q=d-1999&page=1").text.count('<tr id="d-') == 11
        assert reads == [], "what was read is remembered"


def test_a_first_look_is_short_and_the_next_goes_on(troubled_site: Path) -> None:
    clock = iter(range(1000))
    heard = HeardDevices(budget_s=0, clock=lambda: float(next(clock)))
    with SqliteBroker(troubled_site) as broker:
        broker.append([Append(DEVICE_LOGS_ENRICHED.name, b"busy", b"{}") for _ in range(1200)])
        heard.look(broker)
        assert heard.behind
        looks = 1
        while heard.behind:
            heard.look(broker)
            looks += 1
        found = heard.find(broker, "busy")
    assert (looks, found is not None and found.counts) == (3, {"log": 1200})
