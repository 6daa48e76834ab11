"""What ends, opens again or both while no notifier runs: the next one tells how things are, and leaves nothing open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.notify.history import told
from schemas.alerts import ALERTS
from schemas.incidents import INCIDENTS
from schemas.notifications import NOTIFICATIONS
from schemas.record import Append
from schemas.silences import SILENCES
from tests.broker_subject import eventually
from tests.http_receiver import Came, HttpReceiver, http_receiver
from tests.integration.test_notifier import ROUTE, event, running, webhook

ENDED = {"resolved_at": "2026-03-01T09:00:00Z", "resolved_by": "clear"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SqliteBroker]:
    with SqliteBroker(tmp_path / "hubbub.db") as one:
        one.create_topics([ALERTS, SILENCES, NOTIFICATIONS, INCIDENTS])
        yield one


def said(receiver: HttpReceiver) -> list[tuple[str, str, str]]:
    """Return (device, status, start) of every alert that was told, in order."""
    return [
        (one["labels"]["device_id"], one["status"], one["startsAt"][11:16])
        for came in list(receiver.came)
        for one in came.json["alerts"]
    ]


def opened_and_told(broker: SqliteBroker, text: str, receiver: HttpReceiver, name: str = "team") -> None:
    """Open an alert while a notifier runs, which stops when it knows that the receiver of this name was told."""
    broker.append([event("d1")])
    with running(broker, text):
        receiver.await_requests(1)
        assert eventually(lambda: told(broker)[name].delivered == 1)


def test_one_that_was_told_and_ended_meanwhile_is_told_as_over(broker: SqliteBroker) -> None:
    with http_receiver() as receiver:
        text = ROUTE + webhook(receiver)
        broker.append([event("d1"), event("d2")])
        with running(broker, text):
            receiver.await_requests(2)
            assert eventually(lambda: told(broker)["team"].delivered == 2)
        broker.append([event("d1", "resolved", revision=2, **ENDED)])
        # Nobody heard of this one, so there is nothing to take back.
        broker.append([event("d3"), event("d3", "resolved", revision=2, **ENDED)])
        with running(broker, text):
            receiver.await_requests(3)
        with running(broker, text):
            broker.append([event("d4")])
            receiver.await_requests(4)
    assert said(receiver)[2:] == [("d1", "resolved", "07:59"), ("d4", "firing", "07:59")]


def test_one_that_opened_anew_meanwhile_is_told_as_it_is_and_ends_once(broker: SqliteBroker) -> None:
    again = {"alert_id": "a-again", "opened_at": "2026-03-01T10:00:00Z", "fired_at": "2026-03-01T10:00:00Z"}
    with http_receiver() as receiver:
        text = ROUTE + webhook(receiver)
        opened_and_told(broker, text, receiver)
        broker.append([event("d1", "resolved", revision=2, **ENDED), event("d1", revision=3, **again)])
        with running(broker, text):
            receiver.await_requests(2)
            assert eventually(lambda: told(broker)["team"].delivered == 2)
        broker.append([event("d1", "resolved", revision=4, **again, resolved_at="2026-03-01T11:00:00Z")])
        with running(broker, text):
            receiver.await_requests(3)
    assert said(receiver) == [("d1", "firing", "07:59"), ("d1", "firing", "10:00"), ("d1", "resolved", "10:00")]


def test_one_whose_telling_was_under_way_is_told_as_it_was_and_then_as_over(broker: SqliteBroker) -> None:
    """It may have arrived though the answer was lost; so the same words go out again, and its end behind them."""
    answers = [503] * 2

    def flaky(came: Came) -> int:
        return answers.pop() if answers else 200

    with http_receiver(flaky) as receiver:
        text = ROUTE + webhook(receiver)
        broker.append([event("d1")])
        with running(broker, text):
            receiver.await_requests(1)
        broker.append([event("d1", "resolved", revision=2, **ENDED)])
        with running(broker, text):
            assert eventually(lambda: said(receiver)[-1][1] == "resolved")
    firing = [came for came in receiver.came if came.json["status"] == "firing"]
    assert len(firing) >= 2 and len({(came.headers["webhook-id"], came.body) for came in firing}) == 1
    assert [status for _, status, _ in said(receiver)] == ["firing"] * len(firing) + ["resolved"]


def test_who_was_told_by_an_escalation_hears_of_the_end_too(broker: SqliteBroker) -> None:
    with http_receiver() as team, http_receiver() as lead:
        text = f'{ROUTE}escalate = [{{ after = "1s", receiver = "lead" }}]\n{webhook(team)}{webhook(lead, "lead")}'
        opened_and_told(broker, text, lead, "lead")
        broker.append([event("d1", "resolved", revision=2, **ENDED)])
        with running(broker, text):
            team.await_requests(2)
            lead.await_requests(2)
    assert [status for _, status, _ in said(lead)] == ["firing", "resolved"]
    assert said(team)[-1][1] == "resolved"


def test_alertmanager_is_told_the_end(broker: SqliteBroker) -> None:
    with http_receiver() as receiver:
        text = f'{ROUTE}[receivers.team]\nkind = "alertmanager"\nurl = "{receiver.url}"\n'
        opened_and_told(broker, text, receiver)
        broker.append([event("d1", "resolved", revision=2, **ENDED)])
        with running(broker, text):
            receiver.await_requests(2)
    [[first], [last]] = [came.json for came in receiver.came]
    assert last["endsAt"] == "2026-03-01T09:00:00.000000Z" and last["labels"] == first["labels"]


def test_one_that_was_removed_altogether_meanwhile_is_told_as_over(broker: SqliteBroker) -> None:
    with http_receiver() as receiver:
        text = ROUTE + webhook(receiver)
        opened_and_told(broker, text, receiver)
        broker.append([Append(ALERTS.name, b"f-d1", None)])
        with running(broker, text):
            receiver.await_requests(2)
    assert [status for _, status, _ in said(receiver)] == ["firing", "resolved"]
