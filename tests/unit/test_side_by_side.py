"""Calls beside each other: the order of the arguments, real concurrency, few ahead, the first error in its turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from models.side_by_side import SideBySide
from tests.patience import PATIENCE_S


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_results_stand_in_the_order_of_their_arguments(threads: int, count: int) -> None:
    double = SideBySide[int, int](lambda number: 2 * number, threads)
    assert list(double(range(count))) == [(number, 2 * number) for number in range(count)]


def test_as_many_run_at_once_as_there_are_threads() -> None:
    meeting = threading.Barrier(3, timeout=PATIENCE_S)
    assert len(list(SideBySide[int, int](lambda _: meeting.wait(), 3)(range(6)))) == 6


def test_no_more_is_taken_than_a_few_ahead_of_who_takes_the_results() -> None:
    taken = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = SideBySide[int, int](lambda number: number, 2)(numbers())
    for _ in range(5):
        next(results)
    assert len(taken) <= 5 + 7


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_error_comes_behind_the_results_before_it(threads: int) -> None:
    def inverse(number: int) -> float:
        return 1 / (3 - number)

    results = SideBySide(inverse, threads)(range(100))
    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(results)
