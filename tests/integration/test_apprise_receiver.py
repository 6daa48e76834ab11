"""Chats through the real library: what arrives at a real server, and that a failure tells no secret."""

from __future__ import annotations

import pytest

from infra.secret import Secret
from infra.settings import WrongSetting
from pipelines.notify.notify_file import Address
from pipelines.notify.plan import Receiver
from pipelines.notify.receivers import Tried, sender_to
from pipelines.notify.trial import trial_notification
from tests.http_receiver import http_receiver

NOW_US = 1_772_352_000_000_000
CHAT = Receiver("chat", "apprise")


def send(url: str) -> Tried:
    return sender_to(Address("apprise", Secret(url, "CHAT_URL")))(trial_notification(CHAT, NOW_US), NOW_US / 1e6)


def test_a_title_and_lines_arrive() -> None:
    with http_receiver() as receiver:
        assert send(receiver.url.replace("http://", "json://") + "/t0kent0ken") == Tried()
    [came] = receiver.came
    assert came.path == "/t0kent0ken"
    assert came.json["title"] == "INDETERMINATE: a test by 'hubbub notify try'"
    assert came.json["message"] == "- indeterminate, since 2026-03-01 08:00Z: a test by 'hubbub notify try'"
    assert came.json["type"] == "warning"


def test_a_failure_is_tried_again_later_and_tells_no_secret() -> None:
    with http_receiver(lambda came: 500) as receiver:
        tried = send(receiver.url.replace("http://", "json://") + "/t0kent0ken")
    assert tried.error
    assert not tried.for_good
    assert "t0ken" not in tried.error
    assert "500" in tried.error


def test_nobody_there() -> None:
    with http_receiver() as receiver:
        url = receiver.url.replace("http://", "json://")
    assert send(url).error


def test_a_url_that_apprise_does_not_know_is_refused_without_showing_it() -> None:
    with pytest.raises(
        WrongSetting, match="expected a URL that apprise knows from <secret of CHAT_URL>, got"
    ) as caught:
        send("nosuchchat://t0kent0ken/abc")
    assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "slack://tokenA0000/tokenB0000/tokenC00000000000000000000/#alerts",
        "mailto://user:password@example.invalid",
        "workflows://example.invalid:443/643e69f83c8944438d68119179a10a64/5wcP29dw1i5a4",  # Teams
        "dingtalk://0123456789abcdef0123456789abcdef",
        "wecombot://00000000-0000-0000-0000-000000000000",
        "feishu://00000000-0000-0000-0000-000000000000",
    ],
)
def test_the_services_that_we_promise_are_known(url: str) -> None:
    assert callable(sender_to(Address("apprise", Secret(url, "CHAT_URL"))))
