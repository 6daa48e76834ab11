"""Texts are grouped by length such that nobody's padding depends on the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.length_buckets import bucket_edge, group_by_length, padded

EDGES = (8, 16, 32)


@pytest.mark.parametrize(("length", "edge"), [(0, 8), (1, 8), (8, 8), (9, 16), (16, 16), (17, 32), (32, 32)])
def test_a_length_belongs_to_the_smallest_edge_that_holds_it(length: int, edge: int) -> None:
    assert bucket_edge(length, EDGES) == edge


def test_a_text_longer_than_the_last_edge_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at most 32 tokens, got 33"):
        bucket_edge(33, EDGES)
    with pytest.raises(ValueError, match="got 40"):
        list(group_by_length([3, 40], EDGES, 64))


@given(st.lists(st.integers(1, 32), max_size=60), st.integers(1, 300))
def test_every_text_runs_once_in_its_own_bucket_under_the_budget(lengths: list[int], budget: int) -> None:
    runs = list(group_by_length(lengths, EDGES, budget))
    assert sorted(int(member) for run in runs for member in run.members) == list(range(len(lengths)))
    for run in runs:
        assert {bucket_edge(lengths[member], EDGES) for member in run.members} == {run.edge}
        assert len(run.members) <= 2 or len(run.members) * run.edge <= budget


@given(st.lists(st.lists(st.integers(5, 99), min_size=1, max_size=32), min_size=1, max_size=20), st.integers(1, 3))
def test_padding_keeps_the_tokens_and_masks_the_rest(lists: list[list[int]], fewest_rows: int) -> None:
    for run in group_by_length([len(one) for one in lists], EDGES, 64):
        ids, mask = padded(lists, run, padding=1, fewest_rows=fewest_rows)
        assert ids.shape == mask.shape == (max(fewest_rows, len(run.members)), run.edge)
        assert ids.dtype == mask.dtype == np.int64
        for row, member in enumerate(run.members):
            assert ids[row][mask[row] == 1].tolist() == lists[member]
            assert mask[row].tolist() == [1] * len(lists[member]) + [0] * (run.edge - len(lists[member]))
            assert set(ids[row][mask[row] == 0].tolist()) <= {1}


def test_a_lone_row_stands_there_twice_where_two_are_needed() -> None:
    (run,) = group_by_length([3], EDGES, 64)
    ids, mask = padded([[7, 8, 9]], run, padding=1, fewest_rows=2)
    assert ids[0].tolist() == ids[1].tolist() == [7, 8, 9, 1, 1, 1, 1, 1]
    assert mask[0].tolist() == mask[1].tolist()
