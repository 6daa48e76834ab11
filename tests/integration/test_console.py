"""The console in this process: who may reach which page, what a POST must bring, what people do, what is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.sqlite.broker import SqliteBroker
from pipelines.alert_actions import actions_of
from pipelines.console.app import routes
from pipelines.console.console import Console
from pipelines.console.guard import HEADERS, PUBLIC, READING
from pipelines.heartbeat import STILL_S
from pipelines.latest_records import latest_records
from pipelines.serve.watched import HEALTH
from pipelines.silences import silences_of
from schemas.alert_feedback import ALERTS_FEEDBACK
from schemas.alerts import ALERTS
from tests.console_client import SITE, TOKEN, a_console, anybody, csrf_of, logged_in, reads_of
from tests.console_world import FRIDGE, INCIDENT_ID, PUMP, alert, appended, make_world, piece, site_incidents
from tests.scraped import samples

ROUTES = [(method, one.path) for one in routes() if isinstance(one, Route) for method in sorted(one.methods or ())]
WARM = "f-box_temp is unusual"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{7*7}} \u202egpj.exe\x1b[31m javascript:alert(1)"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "hubbub.db"
    make_world(path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    make_world(tmp_path / "hubbub.db")
    return tmp_path / "hubbub.db"


@pytest.fixture(scope="module")
def served(world: Path) -> Iterator[Console]:
    """A console that nobody has logged in to."""
    with a_console(world) as console:
        yield console


@pytest.fixture(scope="module")
def watched(world: Path) -> Iterator[tuple[TestClient, Console]]:
    """Somebody who looks on and changes nothing."""
    with logged_in(world) as both:
        yield both


def path_of(template: str) -> str:
    """Fill a route's place holders in with what exists, as far as the test knows."""
    known = {"{fingerprint}": WARM, "{incident_id}": INCIDENT_ID, "{action}": "acknowledge", "{device_id}": FRIDGE}
    for name, value in known.items():
        template = template.replace(name, value)
    return template.replace("{", "").replace("}", "")


def test_every_module_of_the_console_that_has_a_page_is_listed() -> None:
    folder = Path(__file__).parents[2] / "pipelines" / "console"
    listed = (folder / "pages.py").read_text(encoding="utf-8")
    assert [one.stem for one in folder.glob("*_page.py") if f"{one.stem}.PAGE" not in listed] == []


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_reaches_a_route_without_a_session(served: Console, method: str, path: str) -> None:
    """Over the app's own list of routes, so that no page can be forgotten."""
    with anybody(served) as client:
        for cookie in (None, "made-up", "x" * 43):
            client.cookies.clear()
            if cookie is not None:
                client.cookies.set(served.cookie, cookie)
            answer = client.request(method, path_of(path))
            if path in PUBLIC:
                assert answer.status_code in ({"GET": (200,), "HEAD": (200,), "POST": (403,)}[method]), answer.text
            else:
                assert answer.status_code == 401, answer.text
                page = client.request(method, path_of(path), headers={"accept": "text/html"})
                if method in READING:
                    assert (page.status_code, page.headers["location"][:12]) == (303, "/login?next=")
                else:
                    assert page.status_code == 401
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("method", "path"), [one for one in ROUTES if one[0] not in READING and one[1] not in PUBLIC])
def test_nothing_changes_without_the_csrf_token_or_from_another_site(
    watched: tuple[TestClient, Console], method: str, path: str
) -> None:
    client, console = watched
    right = csrf_of(client, console)
    assert client.request(method, path_of(path), data={}).status_code == 403
    assert client.request(method, path_of(path), data={"csrf": "wrong"}).status_code == 403
    assert client.request(method, path_of(path), data={"csrf": right[:-1]}).status_code == 403
    for foreign in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        answer = client.request(method, path_of(path), data={"csrf": right}, headers=foreign)
        assert answer.status_code == 403, (foreign, answer.text)
    assert client.request(method, path_of(path), data={"csrf": right, "x": "y" * 70_000}).status_code == 413


# `/live` is a stream without an end; the test of the command listens to it.
@pytest.mark.parametrize(
    "path", [path for method, path in ROUTES if method == "GET" and "{" not in path and path != "/live"]
)
def test_every_answer_carries_the_guarding_headers(watched: tuple[TestClient, Console], path: str) -> None:
    client, _ = watched
    answer = client.get(path)
    assert answer.status_code in (200, 303), answer.text
    for name, value in HEADERS.items():
        if not (path.startswith("/static") and name == "Cache-Control"):
            assert answer.headers[name] == value
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_prometheus_reads_with_the_token_and_nothing_else(served: Console) -> None:
    with anybody(served) as client:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        answer = client.get("/metrics", headers=bearer)
        assert answer.status_code == 200
        assert "hubbub_follower_age_seconds" in {name for name, *_ in samples(answer.text)}
        for wrong in ("", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN):
            assert client.get("/metrics", headers={"authorization": wrong}).status_code == 401
        assert client.post("/metrics", headers=bearer).status_code == 401
        assert client.get("/alerts", headers=bearer).status_code == 401


def test_health_says_what_is_wrong(world: Path) -> None:
    with a_console(world) as console, anybody(console) as client:
        answers = {path: client.get(path) for path in HEALTH}
        assert {(one.status_code, one.text) for one in answers.values()} == {(200, "ok\n")}
        follower = console.follower
        follower.stop()
        follower.heartbeat.at_s -= 2 * STILL_S
        follower.is_away = True
        answers = {path: client.get(path) for path in HEALTH}
        assert {one.status_code for one in answers.values()} == {503}
        assert answers["/healthz"].text.startswith("the follower has not moved for")
        assert answers["/readyz"].text == "the broker does not answer\n"
        follower.caught_up.clear()
        assert client.get("/readyz").text == "what lies in the topics is still being read\n"


def test_logging_in_and_out(world: Path) -> None:
    with a_console(world) as console, anybody(console) as client:
        client.headers["accept"] = "text/html"
        asked = client.get("/alerts?severity=major")
        assert asked.headers["location"] == "/login?next=%2Falerts%3Fseverity%3Dmajor"
        wrong = client.post("/login", data={"token": "not-the-token-at-all", "name": "<b>ann", "next": "/alerts"})
        assert wrong.status_code == 403
        assert "This is not the token." in wrong.text
        assert "&lt;b&gt;ann" in wrong.text
        right = client.post("/login", data={"token": TOKEN, "name": "ann", "next": "/alerts?severity=major"})
        assert (right.status_code, right.headers["location"]) == (303, "/alerts?severity=major")
        cookie = right.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert client.get("/alerts").status_code == 200
        kept = client.cookies[console.cookie]
        out = client.post("/logout", data={"csrf": csrf_of(client, console)})
        assert out.headers["location"] == "/login"
        client.cookies.set(console.cookie, kept)  # whoever has kept the cookie is out, too
        assert client.get("/alerts").status_code == 303


def test_a_cookie_that_was_set_over_tls_goes_back_over_tls_alone(world: Path) -> None:
    with a_console(world) as console, anybody(console) as client:
        client.base_url = "https://console.example"
        answer = client.post("/login", data={"token": TOKEN, "name": "ann"})
        assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nx: y", ""]
)
def test_nobody_is_led_elsewhere(world: Path, elsewhere: str) -> None:
    with a_console(world) as console, anybody(console) as client:
        answer = client.post("/login", data={"token": TOKEN, "name": "ann", "next": elsewhere})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        csrf = csrf_of(client, console)
        answer = client.post("/preferences", data={"csrf": csrf, "language": "zh", "back": elsewhere})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_what_people_do_is_written_and_shown(file: Path) -> None:
    with logged_in(file) as (client, console):
        csrf = {"csrf": csrf_of(client, console)}
        assert client.post(f"/alerts/{WARM}/acknowledge", data={**csrf, "text": "on my way"}).status_code == 303
        page = client.get(f"/alerts/{WARM}").text
        assert "Acknowledged by ann" in page
        assert "on my way" in page
        assert "acknowledged by ann" in client.get("/alerts").text
        assert "box_temp" not in client.get("/alerts?taken=no").text.partition('<table class="list">')[2]
        assert client.post(f"/alerts/{WARM}/comment", data={**csrf, "text": " "}).status_code == 400
        assert client.post(f"/alerts/{WARM}/comment", data={**csrf, "text": "a door"}).status_code == 303
        assert client.post(f"/alerts/{WARM}/wrong", data={**csrf, "should_be": "normal"}).status_code == 303
        page = client.get(f"/alerts/{WARM}").text
        assert "Thank you" in page
        assert "ann says: wrong" in page
        assert "Thank you" not in client.get(f"/alerts/{WARM}").text
        assert client.post(f"/alerts/{WARM}/unacknowledge", data=csrf).status_code == 303
        assert "Acknowledged by ann" not in client.get(f"/alerts/{WARM}").text
        assert client.post(f"/alerts/{WARM}/dance", data=csrf).status_code == 404
        assert client.post("/alerts/nothing/acknowledge", data=csrf).status_code == 404
    with SqliteBroker(file) as broker:
        done = [(one["action"], one["by"], one["alert_id"]) for one in actions_of(broker)[WARM]]
        [kept] = latest_records(broker, ALERTS_FEEDBACK.name)
    assert done == [
        (one, "ann", "a-box_temp is unusual") for one in ("acknowledge", "comment", "wrong", "unacknowledge")
    ]
    assert kept.event is not None
    assert (kept.event["verdict"], kept.event["should_be"]) == ("wrong", "normal")
    assert isinstance(kept.event["evidence"], list)
    assert len(kept.event["evidence"]) == 6


def test_silences_begin_and_end(file: Path) -> None:
    with logged_in(file) as (client, console):
        csrf = {"csrf": csrf_of(client, console)}
        asked = {**csrf, "for": "2h", "text": "new pump", "label.device_id": "on"}
        assert client.post(f"/alerts/{WARM}/silence", data=asked).status_code == 303
        assert "Silenced until" in client.get(f"/alerts/{WARM}").text
        assert "0 open alerts" in client.get("/alerts?state=heard").text
        assert client.post(f"/incidents/{INCIDENT_ID}/silence", data={**csrf, "for": "30m"}).status_code == 303
        added = {**csrf, "matchers": "site=lab\nseverity=~minor|warning", "for": "1d"}
        assert client.post("/silences", data=added).status_code == 303
        page = client.get("/silences").text
        assert page.count('<span class="chip good">active</span>') == 3
        for wrong in (
            {"matchers": "", "for": "2h"},
            {"matchers": "severity=~(", "for": "2h"},
            {"matchers": "a=b", "for": "soon"},
        ):
            answer = client.post("/silences", data={**csrf, **wrong})
            assert (answer.status_code, "expected" in answer.text) == (400, True)
        assert client.post(f"/alerts/{WARM}/silence", data={**csrf, "for": "2h"}).status_code == 400
        first = console.boards.silences.all()[0]
        assert client.post(f"/silences/{first.id}/expire", data=csrf).status_code == 303
        assert client.post("/silences/nothing/expire", data=csrf).status_code == 404
    with SqliteBroker(file) as broker:
        written = silences_of(broker)
    assert [[str(one) for one in silence.matchers] for silence in written] == [
        ['device_id="fridge-7"'],
        ['device_id=~"pump\\\\-2|fridge\\\\-7"'],
        ['site="lab"', 'severity=~"minor|warning"'],
    ]
    assert {one.created_by for one in written} == {"ann"}


def test_an_incident_tells_all_and_its_alerts_are_taken_at_once(file: Path) -> None:
    with logged_in(file) as (client, console):
        page = client.get(f"/incidents/{INCIDENT_ID}").text
        assert "Thermal trouble at lab" in page
        assert page.count('<svg x="') == 9, "a mark for each event that is known"
        assert "<mark>by force</mark>" in page, "the new part of the line"
        assert "<mark>leaking</mark>" in page
        assert "box_temp" in page
        assert 'class="plot-band"' in page
        assert "Acknowledge 3 open alerts" in page
        assert "same cause" in page
        answer = client.post(
            f"/incidents/{INCIDENT_ID}/acknowledge", data={"csrf": csrf_of(client, console), "text": "mine"}
        )
        assert answer.status_code == 303
        page = client.get(f"/incidents/{INCIDENT_ID}").text
        assert "Acknowledged: 3" in page
        assert "Every open alert of it is acknowledged." in page
        assert client.get("/incidents/nothing").status_code == 404
    with SqliteBroker(file) as broker:
        assert len(actions_of(broker)) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/alerts?page=0",
        "/alerts?severity=bad",
        "/alerts?state=x",
        "/alerts?taken=x",
        "/incidents?page=x",
        "/incidents?state=x",
    ],
)
def test_a_wrong_query_is_told(watched: tuple[TestClient, Console], path: str) -> None:
    answer = watched[0].get(path)
    assert answer.status_code == 400
    assert "expected" in answer.text


def test_hostile_text_in_every_field_is_escaped(tmp_path: Path) -> None:
    evidence = [
        piece("log", 1, 50, text=HOSTILE, words=[HOSTILE], template=HOSTILE, label=HOSTILE, model=HOSTILE),
        piece("message", 2, 49, text=HOSTILE, words=["alert"], label=HOSTILE),
        piece("telemetry", 3, 48, metric=HOSTILE, value=1.0, expected_low=0.0, expected_high=2.0, label=HOSTILE),
    ]
    made = alert(
        HOSTILE, device=HOSTILE, minutes_ago=50, evidence=evidence, category=HOSTILE, rule=HOSTILE,
        labels={HOSTILE: HOSTILE}, annotations={"runbook_url": "javascript:alert(1)"},
    )  # fmt: skip
    named = {"fingerprint": "f-hostile", "alert_id": "a-hostile"}
    plain = site_incidents()[-1]
    texts = ("site", "category", "summary", "probable_cause", "probable_cause_device_id", "language")
    timeline = [{**one, "device_id": HOSTILE, "text": HOSTILE, "severity": HOSTILE} for one in plain["timeline"]]
    incident = {**plain, **dict.fromkeys(texts, HOSTILE), "devices": [HOSTILE], "timeline": timeline}
    incident |= {"incident_id": "hostile", "alert_ids": ["a-hostile"]}
    make_world(tmp_path / "hubbub.db", [{**made, **named}], [incident])
    with logged_in(tmp_path / "hubbub.db") as (client, console):
        csrf = {"csrf": csrf_of(client, console)}
        assert client.post("/alerts/f-hostile/comment", data={**csrf, "text": HOSTILE}).status_code == 303
        assert client.post("/alerts/f-hostile/wrong", data={**csrf, "should_be": HOSTILE[:190]}).status_code == 303
        quoted = HOSTILE.replace("\\", "\\\\").replace('"', '\\"')
        hostile_silence = {**csrf, "matchers": f'site="{quoted}"', "for": "2h", "text": HOSTILE}
        assert client.post("/silences", data=hostile_silence).status_code == 303
        pages = ("/alerts", "/alerts/f-hostile", "/incidents", "/incidents/hostile", "/silences")
        for path in (*pages, "/alerts?q=%3Cscript%3E", f"/devices/{HOSTILE[:30]}", "/devices"):
            page = client.get(path)
            assert page.status_code == 200 or path not in pages, (path, page.text)
            text = page.text
            for forbidden in (
                "<script>alert",
                "<img src=x",
                "onerror=alert(1)>",
                "\x1b",
                "\u202e",
                'href="javascript:',
                ">49 ",
            ):
                assert forbidden not in text, (path, forbidden)
        assert "&lt;script&gt;" in client.get("/alerts/f-hostile").text


def test_times_have_their_zone_readings_their_unit_and_lists_whole_words(watched: tuple[TestClient, Console]) -> None:
    client, _ = watched
    page = client.get(f"/alerts/{WARM}").text
    assert "<b>box_temp = 10.1 °C</b>" in page and '<span class="zone"> UTC</span></time>' in page
    assert '<option value="2h" selected>2 h</option>' in page
    chinese = client.get(f"/alerts/{WARM}", headers={"accept-language": "zh"}).text
    assert '<option value="2h" selected>2 小时</option>' in chinese
    listed = client.get("/incidents?state=all").text
    assert f"Thermal trouble: {PUMP} (pump): it showed" in listed and "Since (UTC)" in listed


def test_a_list_of_ten_thousand_open_alerts_is_a_page_from_memory(tmp_path: Path) -> None:
    severities = ("critical", "major", "minor", "warning")
    many = [alert(f"alert {n}", f"d-{n % 999}", severities[n % 4], minutes_ago=n % 600) for n in range(10_000)]
    make_world(tmp_path / "hubbub.db", many)
    with logged_in(tmp_path / "hubbub.db") as (client, console), reads_of(console.broker) as reads:
        for path, shown in (
            ("/alerts", 100),
            ("/alerts?page=100", 100),
            ("/alerts?q=alert+77&severity=major", 55),
            ("/alerts?taken=no&state=heard", 100),
        ):
            page = client.get(path)
            assert page.text.count('<tr id="a-') == shown, path
            assert len(page.content) < 250_000
        assert reads == [], "a list waits for no broker"
        assert "10,003 open alerts" in client.get("/alerts").text


def test_everything_is_said_in_chinese(file: Path) -> None:
    with logged_in(file, language="zh-CN,zh;q=0.9,en;q=0.5") as (client, console):
        page = client.get("/alerts").text
        assert '<html lang="zh"' in page
        assert "4 条" in page or "3 条未恢复的告警" in page
        client.post("/preferences", data={"csrf": csrf_of(client, console), "language": "en", "theme": "dark"})
        page = client.get("/alerts").text
        assert '<html lang="en" data-theme="dark"' in page


def test_an_outage_is_told_on_a_page(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that reads the broker while it is away says so, and the lists that are in memory go on."""
    from infra.broker import BrokerUnavailable

    with logged_in(file) as (client, console):

        def away(*_: object, **__: object) -> None:
            raise BrokerUnavailable("the disk is full")

        monkeypatch.setattr(type(console.broker), "append", away)
        answer = client.post(f"/alerts/{WARM}/acknowledge", data={"csrf": csrf_of(client, console)})
        assert answer.status_code == 503
        assert "cannot be reached or written" in answer.text
        assert client.get("/alerts").status_code == 200


def test_the_first_page_and_what_is_not_there(watched: tuple[TestClient, Console]) -> None:
    client, _ = watched
    assert client.get("/").headers["location"] == "/alerts"
    missing = client.get("/nowhere")
    assert missing.status_code == 404
    assert "Not found" in missing.text
    assert client.get("/alerts/none").status_code == 404
    assert client.get(SITE + "/static/../app.py").status_code in (401, 404)


def test_new_alerts_come_to_the_board(file: Path) -> None:
    with logged_in(file) as (client, console):
        with SqliteBroker(file) as broker:
            broker.append([appended(ALERTS.name, "f-new", alert("new", minutes_ago=1) | {"fingerprint": "f-new"})])
        console.settle(ALERTS.name)
        assert 'id="a-f-new"' in client.get("/alerts").text
