"""The console as people have it: `hubbub console` as a process of its own, in a real Chromium without a window.

Every page, light and dark, 1280 and 400 pixels wide: no serious finding of axe-core, no error in the console, nothing
that is wider than the screen.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.sqlite.broker import SqliteBroker
from schemas.alerts import ALERTS
from tests.chromium import chromium, violations
from tests.console_client import TOKEN
from tests.console_world import FRIDGE, INCIDENT_ID, alert, appended, make_world
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
WARM, LINE, URGENT = (f"f-{one}" for one in ("box_temp is unusual", "a line never seen before", "urgent message"))
PAGES = {
    "alerts": "/alerts",
    "no alerts": "/alerts?q=nothing-is-like-that",
    "alert of readings": f"/alerts/{WARM}",
    "alert of a line": f"/alerts/{LINE}",
    "alert of a message": f"/alerts/{URGENT}",
    "incidents": "/incidents?state=all",
    "incident": f"/incidents/{INCIDENT_ID}",
    "silences": "/silences",
    "devices": "/devices",
    "device": f"/devices/{FRIDGE}",
    "topics": "/topics",
    "topic": "/topics/device.telemetry.enriched",
    "dead letters": "/dead-letters",
    "models": "/models",
    "model": "/models/text-enzh",
    "drift": "/drift",
    "replays": "/reports",
    "not found": "/nowhere",
}


@dataclass
class Site:
    """A running console and its broker's file."""

    url: str
    file: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("console")
    make_world(folder / "hubbub.db")
    command = [sys.executable, "-m", "pipelines.command_line", "console", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HUBBUB_CONSOLE_TOKEN": TOKEN, "HUBBUB_JOB_POLL_S": "0.05"}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            assert said.startswith("the console is at http://127.0.0.1:"), said
            yield Site(said.split()[4].rstrip(";"), folder / "hubbub.db")
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@contextmanager
def visiting(
    browser: Browser, site: Site, *, width: int = 1280, scheme: str = "light", language: str = "en"
) -> Iterator[tuple[Page, list[str]]]:
    """Give a logged-in page, and the list that every error of its console goes to."""
    errors: list[str] = []
    context = browser.new_context(
        viewport={"width": width, "height": 850},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=language,
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    try:
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{site.url}/login#token={TOKEN}")
        assert TOKEN not in page.url, "the token does not stay in the address"
        page.fill("#name", "ann")
        page.click("button.main")
        page.wait_for_url("**/alerts")
        yield page, errors
    finally:
        context.close()


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (400, "dark"),
        pytest.param(1280, "dark", marks=pytest.mark.slow),  # the colours were seen at 400, the width in light
        pytest.param(400, "light", marks=pytest.mark.slow),
    ],
)
def test_every_page_is_whole_and_open_to_everybody(browser: Browser, site: Site, width: int, scheme: str) -> None:
    wrong: dict[str, object] = {}
    with visiting(browser, site, width=width, scheme=scheme) as (page, errors):
        for name, path in PAGES.items():
            page.goto(site.url + path)
            page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
            found: list[object] = [*violations(page)]
            found += [one for one in errors if name != "not found" or "404" not in one]
            errors.clear()
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found += [f"{wider} px wider than the screen"] if wider > 0 else []
            if found:
                wrong[name] = found
    assert wrong == {}


def test_the_login_page_is_open_to_everybody(browser: Browser, site: Site) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800})
    context.set_default_timeout(PATIENCE_S * 1000)
    page = context.new_page()
    page.goto(site.url)
    assert page.title() == "Log in · hubbub"
    assert violations(page) == []
    page.fill("#name", "ann")
    page.fill("#token", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert "This is not the token." in page.inner_text("main")
    page.goto(f"{page.url}#token={TOKEN}")  # no new page, for only what stands behind the # is another
    page.wait_for_function("document.getElementById('token').value.length > 5")
    page.click("button.main")
    page.wait_for_url("**/alerts")
    context.close()


def test_changes_come_by_themselves_and_can_be_paused(browser: Browser, site: Site) -> None:
    with visiting(browser, site) as (page, errors), SqliteBroker(site.file) as broker:
        page.wait_for_selector("#live[data-state=live]")
        before = page.inner_text("#head h1")
        page.fill("[name=q]", "half a wo")  # what is being typed is not taken away

        def append(name: str) -> None:
            broker.append([appended(ALERTS.name, f"f-{name}", alert(name, minutes_ago=0.1))])

        append("first")
        row = page.wait_for_selector("#a-f-first")
        assert row is not None
        assert "fresh" in (row.get_attribute("class") or "")
        assert page.inner_text("#head h1") != before
        assert page.inner_text("#said") == page.inner_text("#head h1"), "a screen reader hears it"
        assert page.input_value("[name=q]") == "half a wo"
        page.click("#live button")
        assert page.get_attribute("#live", "data-state") == "paused"
        append("second")
        append("third")
        with visiting(browser, site) as (other, _):
            other.wait_for_selector("#a-f-third")
        assert page.query_selector("#a-f-second") is None
        page.click("#live button")
        page.wait_for_selector("#a-f-second")
        assert errors == []


def test_what_is_still_being_looked_for_comes_by_itself(browser: Browser, site: Site) -> None:
    with visiting(browser, site, width=400) as (page, errors):
        page.goto(f"{site.url}/drift")
        page.wait_for_selector("#drift[data-live-every='30'] h2")
        page.goto(f"{site.url}/reports")
        here = page.locator(".top nav a[aria-current]")
        box = here.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= 400 - box["width"], "one sees where one is"
        assert errors == []


def test_by_keyboard_alone(browser: Browser, site: Site) -> None:
    with visiting(browser, site) as (page, errors):
        page.goto(f"{site.url}/alerts/{WARM}")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.focus("#ack-text")
        page.keyboard.type("on my way")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Acknowledged by ann")
        page.focus("details.menu summary")
        page.keyboard.press("Enter")
        page.wait_for_selector(".panel select")
        page.keyboard.press("Escape")
        assert page.evaluate("document.querySelector('details.menu').open") is False
        assert errors == []


def test_chinese_and_dark_by_choice(browser: Browser, site: Site) -> None:
    with visiting(browser, site, language="zh-CN") as (page, errors):
        assert page.get_attribute("html", "lang") == "zh"
        page.goto(f"{site.url}/incidents/{INCIDENT_ID}")
        assert "同一时间轴上的全部证据" in page.inner_text("main")
        page.click("details.menu summary")
        page.select_option("[name=theme]", "dark")
        page.select_option("[name=language]", "en")
        page.click(".panel button:not(.plain)")
        page.wait_for_selector("html[data-theme=dark][lang=en]")
        assert page.url.endswith(f"/incidents/{INCIDENT_ID}")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
        assert errors == []
