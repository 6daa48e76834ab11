"""The cache remembers what was used last and never holds more than its bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.answer_cache import AnswerCache


def test_remembers_what_was_used_last() -> None:
    cache: AnswerCache[int] = AnswerCache(1_000)
    cache.remember("a", 1, 100)
    cache.remember("b", 2, 100)
    assert cache.find(["a"]) == [1]  # used again, so "b" is the older one
    cache.remember("c", 3, 100)
    assert cache.find(["a", "b", "c"]) == [1, None, 3]


def test_keeps_nothing_without_room() -> None:
    cache: AnswerCache[int] = AnswerCache(0)
    cache.remember("a", 1, 0)
    assert cache.find(["a"]) == [None]
    small: AnswerCache[int] = AnswerCache(500)
    small.remember("x", 1, 10)
    small.remember("large", 2, 5_000)
    assert small.find(["x", "large"]) == [1, None]


@given(st.lists(st.tuples(st.text(max_size=30), st.integers(0, 300)), max_size=80), st.integers(0, 3_000))
def test_stays_within_its_bound_and_never_mixes_answers(entries: list[tuple[str, int]], limit: int) -> None:
    cache: AnswerCache[tuple[str, int]] = AnswerCache(limit)
    last: dict[str, tuple[str, int]] = {}
    for text, size in entries:
        cache.remember(text, (text, size), size)
        last[text] = (text, size)
        assert cache.used_bytes <= limit
        (found,) = cache.find([text])
        assert found in (None, last[text]) or (found is not None and found[0] == text)
    assert cache.used_bytes >= 0
    assert (len(cache) == 0) == (cache.used_bytes == 0)
