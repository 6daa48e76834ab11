"""What is said while work goes on is said again and again, and not behind it."""

from __future__ import annotations

import threading

import pytest

from pipelines.while_working import done_every
from tests.patience import PATIENCE_S


def test_it_is_said_until_the_work_is_done() -> None:
    said = threading.Semaphore(0)
    with done_every(0.001, said.release):
        for _ in range(3):
            assert said.acquire(timeout=PATIENCE_S)
    assert [one.name for one in threading.enumerate() if one.name == "progress"] == []


def test_it_ends_with_work_that_fails_and_says_nothing_where_there_was_no_time() -> None:
    said: list[int] = []
    with pytest.raises(RuntimeError), done_every(3600, lambda: said.append(1)):
        raise RuntimeError
    assert said == []
    assert [one.name for one in threading.enumerate() if one.name == "progress"] == []


def test_a_call_that_hangs_is_waited_for_so_long_and_no_longer() -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def call() -> None:
        hangs.set()
        goes_on.wait(PATIENCE_S)

    with done_every(0.001, call, name="hanging", leave_s=0.01):
        assert hangs.wait(PATIENCE_S)
    [thread] = [one for one in threading.enumerate() if one.name == "hanging"]
    goes_on.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
