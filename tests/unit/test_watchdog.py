"""Who stands still is named once, and once more when it moves again; who has nothing to do is not named."""

from __future__ import annotations

import time

import pytest

from pipelines.engines.watchdog import Pulse, Watchdog


def test_what_stands_still_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    pulse = Pulse("alarms")
    start = time.monotonic()
    now = start
    dog = Watchdog([pulse], still_s=60, clock=lambda: now)
    pulse.begin("alarms/0")
    pulse.end("alarms/0", moved=False, at_end=True)
    pulse.begin("alarms/1")
    pulse.end("alarms/1", moved=False, at_end=False)
    dog.look()
    assert not caplog.messages
    now = start + 75
    dog.look()
    dog.look()
    [said] = caplog.messages
    assert said.startswith("alarms: alarms/1 has something to read and has not moved for 7")
    pulse.begin("alarms/1")
    pulse.end("alarms/1", moved=True, at_end=False)
    dog.look()
    assert caplog.messages[1:] == ["alarms: alarms/1 moves again"]


def test_a_step_that_does_not_end_is_named(caplog: pytest.LogCaptureFixture) -> None:
    pulse = Pulse("logs")
    pulse.begin("device.logs/3")
    later = time.monotonic() + 100
    Watchdog([pulse], still_s=60, clock=lambda: later).look()
    assert "one step on device.logs/3 has taken 10" in caplog.messages[0]  # and some, where tests wait for their turn


def test_a_stream_that_moved_to_another_instance_is_not_watched_here(caplog: pytest.LogCaptureFixture) -> None:
    pulse = Pulse("logs")
    for stream in ("a", "b"):
        pulse.begin(stream)
        pulse.end(stream, moved=False, at_end=False)
    pulse.forget(frozenset("b"))
    later = time.monotonic() + 100
    Watchdog([pulse], still_s=60, clock=lambda: later).look()
    assert [message.split()[1] for message in caplog.messages] == ["b"]


def test_it_ends_with_the_job() -> None:
    with Watchdog([]) as dog:
        assert dog._thread.is_alive()
    assert not dog._thread.is_alive()
