"""`hubbub serve` as a process of its own: every route, who may use it, the stream, the feed, and hostile requests."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.alert_feedback import feedback_of, labelled_row
from pipelines.serve.app import Api
from pipelines.serve.board import Board
from pipelines.serve.follower import Follower
from pipelines.serve.watched import HEALTH
from pipelines.silences import silences_of
from schemas.alerts import ALERTS
from schemas.record import Append
from tests.broker_subject import eventually
from tests.patience import PATIENCE_S
from tests.scraped import samples

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-some-length"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ROUTES = [
    ("GET", "/api/alerts"),
    ("GET", "/api/alerts.atom"),
    ("GET", "/api/alerts/stream"),
    ("GET", "/api/alerts/f-d1"),
    ("GET", "/api/silences"),
    ("POST", "/api/alerts/f-d1/acknowledge"),
    ("POST", "/api/silences"),
    ("DELETE", "/api/silences/abc"),
    ("GET", "/metrics"),
    ("POST", "/healthz"),
    ("GET", "/nowhere"),
    ("PUT", "/api/alerts"),
]


def event(device: str, state: str = "firing", severity: str = "major", **more: object) -> Append:
    value = {
        "fingerprint": f"f-{device}", "alert_id": f"a-{device}", "revision": 1, "device_id": device,
        "event_time": "2026-03-01T08:00:00Z", "rule": "too-warm", "state": state, "severity": severity,
        "summary": f"{device} is too warm", "labels": {"site": "lab"}, "opened_at": "2026-03-01T07:59:00Z",
        "updated_at": "2026-03-01T08:00:00Z", "fired_at": "2026-03-01T08:00:00Z", "count": 3, "evidence": [], **more,
    }  # fmt: skip
    return Append(ALERTS.name, f"f-{device}".encode(), orjson.dumps(value))


@dataclass
class Served:
    """A running server."""

    port: int
    broker: SqliteBroker
    process: subprocess.Popen[str]

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
            kind = {"Content-Type": "application/json"} if content is not None else {}
            connection.request(method, path, content, {**kind, **(headers or {})})
            answer = connection.getresponse()
            # A stream has no end; that it begins is enough.
            text = b"" if answer.getheader("content-type", "").startswith("text/event-stream") else answer.read()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text
        finally:
            connection.close()

    def json(self, path: str, headers: dict[str, str] | None = None) -> Any:
        status, _, text = self.ask("GET", path, headers=headers)
        assert status == 200, text
        return json.loads(text)


@contextmanager
def serving(folder: Path, token: str = "") -> Iterator[Served]:
    command = [sys.executable, "-m", "pipelines.command_line", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HUBBUB_JOB_POLL_S": "0.05"}
    if token:
        environment["HUBBUB_SERVE_TOKEN"] = token
    with SqliteBroker(folder / "hubbub.db") as broker:
        broker.create_topics([ALERTS])
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert line.startswith("serving http://127.0.0.1:"), line + process.stderr.read()
            yield Served(int(line.split(":")[2].split("/")[0]), broker, process)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
            process.stderr.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("guarded"), TOKEN) as one:
        one.broker.append([event("d1"), event("d2", severity="critical"), event("d3", "resolved")])
        assert eventually(lambda: one.json("/api/alerts?state=all", BEARER)["total"] == 3)
        yield one


@pytest.fixture(scope="module")
def without_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("open")) as one:
        yield one


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("header", ["", "Bearer wrong", "Bearer ", "Basic !!", "Basic OndvcmRzCg==", TOKEN])
def test_no_route_answers_without_the_token(guarded: Served, method: str, path: str, header: str) -> None:
    status, headers, text = guarded.ask(method, path, {}, {"Authorization": header} if header else {})
    assert status == 401
    assert TOKEN.encode() not in text
    assert headers["www-authenticate"] == ('Basic realm="hubbub"' if method == "GET" else 'Bearer realm="hubbub"')


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_answers_with_the_token(guarded: Served, method: str, path: str) -> None:
    status, headers, _ = guarded.ask(method, path, {} if method == "POST" else None, BEARER)
    assert status not in (401, 403)
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert "server" not in headers


def test_no_route_is_forgotten_here(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        api = Api(Board(), Follower(broker, 0.05, {}), broker, threading.Event())
        tried = {*ROUTES, *(("GET", path) for path in HEALTH)}
        for route in api.routes():
            for method in (route.methods or set()) - {"HEAD"}:
                assert any(one == method and route.path_regex.match(path) for one, path in tried), route.path


@pytest.mark.parametrize("path", sorted(HEALTH))
def test_anybody_may_ask_whether_it_is_well(guarded: Served, without_token: Served, path: str) -> None:
    for served in (guarded, without_token):
        assert served.ask("GET", path)[::2] == (200, b"ok\n")
    assert without_token.ask("GET", path, headers={"Host": "evil.example"})[0] == 403


def test_prometheus_reads_with_the_token(guarded: Served) -> None:
    assert guarded.ask("GET", "/api/alerts/f-d1", headers=BEARER)[0] == 200
    guarded.ask("GET", "/api/alerts/f-d1")
    guarded.ask("BREW", "/no/such/route", headers=BEARER)
    status, headers, text = guarded.ask("GET", "/metrics", headers=BEARER)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")
    found = samples(text.decode())
    for route, answered in (
        ("/api/alerts/{fingerprint}", "200"),
        ("/api/alerts/{fingerprint}", "401"),
        ("other", "404"),
    ):
        assert found["hubbub_http_requests_total", route, answered] >= 1
    assert found["hubbub_follower_age_seconds",] >= 0
    assert found["hubbub_http_streams",] >= 0
    assert found["process_resident_memory_bytes",] > 1 << 20


def test_a_feed_reader_may_say_the_token_as_a_password_and_change_nothing(guarded: Served) -> None:
    import base64

    basic = {"Authorization": f"Basic {base64.b64encode(f'reader:{TOKEN}'.encode()).decode()}"}
    assert guarded.ask("GET", "/api/alerts.atom", headers=basic)[0] == 200
    assert guarded.ask("POST", "/api/silences", {}, basic)[0] == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_token_only_this_machine_reads(without_token: Served, method: str, path: str) -> None:
    status, _, text = without_token.ask(method, path, {} if method == "POST" else None)
    assert (status == 403) is (method != "GET"), text
    assert without_token.ask(method, path, headers={"Host": "evil.example"})[0] == 403


def test_others_are_served_only_with_a_token(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.command_line", "serve", "--host", "0.0.0.0", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"others can reach 0.0.0.0, so expected a token" in done.stderr


def test_open_alerts_the_worst_first_and_filtered(guarded: Served) -> None:
    found = guarded.json("/api/alerts", BEARER)
    assert [one["device_id"] for one in found["alerts"]] == ["d2", "d1"]
    assert guarded.json("/api/alerts?min_severity=critical", BEARER)["total"] == 1
    assert guarded.json("/api/alerts?device=d1&limit=1", BEARER)["alerts"][0]["device_id"] == "d1"
    assert guarded.json("/api/alerts?matcher=site%21%3Dlab", BEARER)["total"] == 0
    assert guarded.json("/api/alerts/f-d3", BEARER)["state"] == "resolved"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/alerts?min_severity=loud", "expected min_severity to be one of critical"),
        ("/api/alerts?state=some", "expected state=open or state=all"),
        ("/api/alerts?limit=0", "expected a limit from 1"),
        ("/api/alerts?limit=" + "9" * 400, "expected a limit from 1"),
        ("/api/alerts?matcher=%28", "expected a matcher like"),
        ("/api/alerts/stream?matcher=a%3D~%28", "expected a pattern that RE2 takes"),
    ],
)
def test_a_wrong_question_is_said_to_be_one(guarded: Served, path: str, said: str) -> None:
    status, _, text = guarded.ask("GET", path, headers=BEARER)
    assert (status, said in json.loads(text)["error"]) == (400, True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "expected JSON"),
        (b"[]", "expected a JSON object"),
        (b"x" * 70_000, "at most"),
        (b"[" * 5000, "expected JSON"),
        ({"matchers": "site=lab", "for": "2h", "by": "ann"}, 'expected "matchers": a list'),
        ({"matchers": [], "for": "2h", "by": "ann"}, "at least one"),
        ({"matchers": ["site=lab"], "for": "2h"}, 'expected a text "by"'),
        ({"matchers": ["site=lab"], "for": "2 h", "by": "ann"}, "expected a length of time"),
        ({"matchers": ["severity=x"], "for": "2h", "by": "ann"}, "can never match"),
    ],
)
def test_a_body_that_is_no_silence_makes_none(guarded: Served, body: object, said: str) -> None:
    status, _, text = guarded.ask("POST", "/api/silences", body, BEARER)
    assert status == 400
    assert said in json.loads(text)["error"]
    form = {**BEARER, "Content-Type": "text/plain"}
    assert guarded.ask("POST", "/api/silences", b'{"matchers": ["a=b"], "for": "2h", "by": "x"}', form)[0] == 400


def test_a_silence_is_made_and_ended(guarded: Served) -> None:
    asked = {"matchers": ["site=lab"], "for": "2h", "by": "ann", "comment": "<b>being repaired</b>"}
    status, _, text = guarded.ask("POST", "/api/silences", asked, BEARER)
    made = json.loads(text)
    assert (status, made["state"], made["matchers"]) == (201, "active", ['site="lab"'])
    assert [one["id"] for one in guarded.json("/api/silences", BEARER)["silences"]] == [made["id"]]
    assert [one.id for one in silences_of(guarded.broker)] == [made["id"]]
    assert guarded.ask("DELETE", f"/api/silences/{made['id']}", headers=BEARER)[0] == 200
    assert guarded.json("/api/silences", BEARER)["silences"] == []
    assert guarded.ask("DELETE", f"/api/silences/{made['id']}", headers=BEARER)[0] == 400


def test_an_alert_is_acknowledged_commented_and_given_back(guarded: Served) -> None:
    status, _, text = guarded.ask("POST", "/api/alerts/f-d2/acknowledge", {"by": "ann", "text": "on my way"}, BEARER)
    assert (status, json.loads(text)["alert_id"]) == (202, "a-d2")
    assert eventually(lambda: "acknowledged_by" in guarded.json("/api/alerts/f-d2", BEARER))
    assert guarded.ask("POST", "/api/alerts/f-d2/comment", {"by": "bob", "text": "<i>done</i>"}, BEARER)[0] == 202
    assert guarded.ask("POST", "/api/alerts/f-d2/unacknowledge", {"by": "ann"}, BEARER)[0] == 202
    assert eventually(lambda: "acknowledged_by" not in guarded.json("/api/alerts/f-d2", BEARER))
    assert [one["text"] for one in guarded.json("/api/alerts/f-d2", BEARER)["comments"]] == ["on my way", "<i>done</i>"]


def test_a_verdict_is_kept_with_what_was_judged(guarded: Served) -> None:
    said = {"by": "ann", "text": "defrosting", "should_be": "normal"}
    assert guarded.ask("POST", "/api/alerts/f-d2/wrong", said, BEARER)[0] == 202
    assert eventually(lambda: guarded.json("/api/alerts/f-d2", BEARER).get("verdict") == "wrong")
    (row,) = map(labelled_row, feedback_of(guarded.broker))
    assert (row["device_id"], row["verdict"], row["should_be"], row["rule"]) == ("d2", "wrong", "normal", "too-warm")


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [("comment", {"by": "ann"}, 400), ("acknowledge", {}, 400), ("comment", {"by": "a", "text": "x" * 9000}, 400),
     ("acknowledge", {"by": "ann", "should_be": "normal"}, 400), ("resolve", {"by": "ann"}, 404)],
)  # fmt: skip
def test_what_is_no_action_does_nothing(guarded: Served, action: str, body: dict[str, str], expected: int) -> None:
    assert guarded.ask("POST", f"/api/alerts/f-d1/{action}", body, BEARER)[0] == expected
    assert "comments" not in guarded.json("/api/alerts/f-d1", BEARER)


def test_what_is_not_there_is_not_acknowledged(guarded: Served) -> None:
    assert guarded.ask("POST", "/api/alerts/nobody/acknowledge", {"by": "ann"}, BEARER)[0] == 404


def test_the_feed_is_atom_and_shows_hostile_text_as_text(guarded: Served) -> None:
    guarded.broker.append([event("d9", summary="<script>alert(1)</script>\x1b[31m\u202e & more", alert_id="a<9>")])
    assert eventually(lambda: b"a&lt;9&gt;" in guarded.ask("GET", "/api/alerts.atom", headers=BEARER)[2])
    status, headers, text = guarded.ask("GET", "/api/alerts.atom", headers=BEARER)
    assert (status, headers["content-type"]) == (200, "application/atom+xml")
    feed = ElementTree.fromstring(text)
    titles = [one.text for one in feed.iter("{http://www.w3.org/2005/Atom}title")]
    assert "MAJOR: <script>alert(1)</script>[31m & more" in titles
    assert b"<script" not in text


@contextmanager
def stream(served: Served, path: str = "/api/alerts/stream", **headers: str) -> Iterator[Any]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE_S)
    connection.request("GET", path, headers={**BEARER, **headers})
    answer = connection.getresponse()
    assert answer.getheader("content-type") == "text/event-stream; charset=utf-8"
    assert answer.readline() == b"retry: 2000\n"
    assert answer.readline() == b"\n"
    try:
        yield answer
    finally:
        connection.close()


def next_event(answer: Any) -> tuple[str, Any]:
    """The id and the data of the next event; what else it says is left out."""
    found: dict[str, str] = {}
    while "data" not in found:  # a sign of life is none
        while line := answer.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            found[name] = value
    return found.get("id", ""), json.loads(found["data"])


def test_the_stream_tells_what_changes_and_goes_on_where_a_client_was(guarded: Served) -> None:
    with stream(guarded, "/api/alerts/stream?min_severity=major") as answer:
        guarded.broker.append([event("s0", severity="minor")])
        guarded.broker.append([event("s1"), event("s2")])
        first, data = next_event(answer)
        assert data["device_id"] in ("s1", "s2")
        second, _ = next_event(answer)
    with stream(guarded, **{"Last-Event-ID": first}) as answer:
        assert next_event(answer)[0] == second
        guarded.broker.append([event("s3")])
        third, data = next_event(answer)
        assert (data["device_id"], third) == ("s3", third)
    # Another process, which has not seen these, reads them from the topic.
    with serving(guarded.broker.path.parent, TOKEN) as other, stream(other, **{"Last-Event-ID": first}) as answer:
        ids = [next_event(answer)[0] for _ in range(2)]
        assert len(ids) == 2
    with stream(guarded, **{"Last-Event-ID": "no-such-id"}) as answer:
        assert next_event(answer) == ("", {})
