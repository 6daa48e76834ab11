"""A model's card as figures: the shipped cards in full, and whatever else a card may hold without an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import read_card
from models.find_bundle import shipped_bundles
from pipelines.console.card_figures import SHADES, figure_tables, head_figures

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
CARDS = sorted(shipped_bundles().items())


@pytest.mark.parametrize(("name", "folder"), CARDS, ids=[name for name, _ in CARDS])
def test_a_shipped_card_has_tables(name: str, folder: Any) -> None:
    card, _ = read_card(folder)
    tables = figure_tables(card.metrics)
    assert bool(tables) == bool(card.metrics)
    assert all(len(cells) == max(len(table.columns), 1) for table in tables for _, cells in table.rows)


def test_each_head_of_the_text_model_has_f1_confusions_and_a_curve() -> None:
    card, _ = read_card(shipped_bundles()["text-enzh"])
    found = {one.name: one for one in head_figures([(head.name, head.labels) for head in card.heads], card.metrics)}
    assert set(found) == {head.name for head in card.heads}
    for one in found.values():
        assert [label for label, _, _ in one.f1] == [label for label, _ in one.confusion] == list(one.labels)
        assert len(one.dots) == len(one.bins) > 0
        assert one.curve.startswith("M")
        assert all(0 <= cell.shade <= SHADES for _, cells in one.confusion for cell in cells)
        assert [cells[at].right for at, (_, cells) in enumerate(one.confusion)] == [True] * len(one.labels)


@given(st.dictionaries(st.sampled_from(["dev", "dev_confusions", "x_calibration", "dev_by_label"]), ANYTHING))
def test_whatever_a_card_holds_is_shown_or_left_out(metrics: dict[str, Any]) -> None:
    figure_tables(metrics)
    assert isinstance(head_figures([("a", ("x", "y"))], metrics), list)


@given(ANYTHING)
def test_whatever_a_card_says_of_a_head_is_shown_or_left_out(said: Any) -> None:
    metrics = {f"dev{end}": {"a": said} for end in ("_confusions", "_calibration", "_by_label")}
    for one in head_figures([("a", ("x", "y"))], metrics):
        assert all(0 <= f1 <= 1 for _, f1, _ in one.f1)
        assert len(one.dots) == len(one.bins)


def test_objects_of_one_shape_are_one_table() -> None:
    metrics = {
        "dev": {"a": {"rows": 3, "f1": 0.5}, "b": {"rows": 4}},
        "seconds": 2.5,
        "deep": {"one": {"two": {"x": 1}}},
    }
    shown = [(table.title, table.columns, table.rows) for table in figure_tables(metrics)]
    assert shown == [
        ("", (), (("seconds", (2.5,)),)),
        ("dev", ("rows", "f1"), (("a", (3, 0.5)), ("b", (4, None)))),
        ("deep · one · two", (), (("x", (1,)),)),
    ]
