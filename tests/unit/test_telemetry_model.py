"""The telemetry model: its graph is its formulas, and whoever stands beside a series changes nothing."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from models.bundle import CARD, GRAPH, BundleRefused, seal_card
from models.find_bundle import find_bundle
from models.telemetry_model import MONTHLY, SHIPPED_TELEMETRY_MODEL, TelemetryModel
from models.training.telemetry.card import write_bundle
from models.training.telemetry.formulas import KINDS, STATE, STATE_WIDTH, advance
from models.training.telemetry.measure import judge
from models.training.telemetry.numeric import NumericOperations
from models.training.telemetry.series import healthy, with_fault

WILD = np.array([0.0, -0.0, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324, 1e-300, 3.5, 3.5, 1e15, -273.15])


@pytest.fixture(scope="module")
def model() -> TelemetryModel:
    return TelemetryModel.named()


def streams(readings: int, series: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and gaps of series that jump, stand still, and are wild at times."""
    draw = np.random.default_rng(11)
    values = np.cumsum(draw.normal(size=(readings, series)), axis=0)
    values[:, ::3] = np.round(values[:, ::3])
    wild = draw.random(values.shape) < 0.03
    values[wild] = draw.choice(WILD, size=int(wild.sum()))
    gaps = draw.choice([0.001, 1.0, 60.0, 86_400.0, 1e9], size=values.shape, p=[0.02, 0.1, 0.8, 0.06, 0.02])
    gaps[0] = 0.0
    return values, gaps


def test_the_shipped_bundle_is_what_the_recipe_makes(tmp_path: Path) -> None:
    """Graph and golden answers; figures on the card come from a longer run."""
    write_bundle(tmp_path)
    shipped = find_bundle(SHIPPED_TELEMETRY_MODEL)
    assert (tmp_path / GRAPH).read_bytes() == (shipped / GRAPH).read_bytes()
    made, stands = (orjson.loads((folder / CARD).read_bytes()) for folder in (tmp_path, shipped))
    assert made["golden"] == stands["golden"]


def test_the_graph_computes_the_formulas_to_the_last_bit(model: TelemetryModel) -> None:
    values, gaps = streams(150, 13)
    states = np.zeros((13, STATE_WIDTH))
    edges = np.cumsum([0, *STATE.values()])
    for value, gap in zip(values, gaps, strict=True):
        got = model.step(value, gap, states)
        memory = {name: states[:, a:b] for name, a, b in zip(STATE, edges, edges[1:], strict=False)}
        answers, new = advance(NumericOperations(), value[:, None], gap[:, None], np.array([[MONTHLY]]), memory)
        for name, found in (
            ("score", got.score),
            ("is_anomaly", got.is_anomaly),
            ("expected_low", got.expected_low),
            ("expected_high", got.expected_high),
            ("kind", got.kind),
        ):
            np.testing.assert_array_equal(found, answers[name][:, 0], err_msg=name)
        np.testing.assert_array_equal(got.states, new)
        states = got.states


def test_one_series_alone_gives_what_it_gives_among_many(model: TelemetryModel) -> None:
    values, gaps = streams(120, 9)
    together = np.zeros((9, model.state_width))
    alone = np.zeros((9, model.state_width))
    for value, gap in zip(values, gaps, strict=True):
        together = model.step(value, gap, together).states
        alone = np.concatenate(
            [model.step(value[i : i + 1], gap[i : i + 1], alone[i : i + 1]).states for i in range(9)]
        )
        np.testing.assert_array_equal(alone, together)


def test_wild_values_leave_finite_memory_and_answers(model: TelemetryModel) -> None:
    values, gaps = streams(400, 7)
    states = np.zeros((7, model.state_width))
    for value, gap in zip(values, gaps, strict=True):
        got = model.step(value, gap, states)
        states = got.states
        assert np.isfinite(states).all()
        assert ((got.score >= 0.0) & (got.score <= 1.0)).all()
        known = states[:, 0] > 30
        assert np.isfinite(got.expected_low[known]).all()
        assert (got.expected_low[known] <= got.expected_high[known]).all()


@pytest.mark.parametrize("kind", ["spike", "level_shift", "drift", "stuck"])
def test_names_the_fault(model: TelemetryModel, kind: str) -> None:
    """Each planted fault is found on most series of white noise, and called by its name."""
    family = healthy(1_300, 6)[0]
    odd, kinds, _ = judge(model.loaded(), with_fault(family, kind, 1_000))
    assert not odd[:1_000].any()
    found = [{KINDS[one] for one in kinds[1_000:, i]} - {"none"} for i in range(6)]
    assert sum(kind in one for one in found) >= 5, found


def test_a_new_level_is_taken_over(model: TelemetryModel) -> None:
    family = healthy(1_800, 6)[0]
    odd, _, _ = judge(model.loaded(), with_fault(family, "level_shift", 1_000))
    assert odd[1_000:1_100].any(axis=0).sum() >= 5
    assert not odd[1_300:].any()


def test_one_infinite_looking_value_does_not_break_the_series(model: TelemetryModel) -> None:
    values = healthy(900, 4)[0].values.copy()
    values[600] = 1e300
    values[800] += 14.0
    odd, kinds, _ = judge(model.loaded(), values)
    assert odd[600].all()
    assert odd[800].all()
    assert (kinds[800] == KINDS.index("spike")).all()
    odd[[600, 800]] = False
    assert not odd.any()


@pytest.mark.parametrize("monster", [1e300, -1e300, 1e9])
def test_a_monster_among_the_first_readings_does_not_blind_the_series(model: TelemetryModel, monster: float) -> None:
    values = healthy(500, 4)[0].values.copy()
    values[5] = monster
    values[450] += 16.0
    _, kinds, _ = judge(model.loaded(), values)
    assert (kinds[450] == KINDS.index("spike")).all()


def test_it_pickles_by_path_and_digest(model: TelemetryModel) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert again.identity == model.identity
    assert len(pickle.dumps(model)) < 1_000


def spoilt(tmp_path: Path, **changes: object) -> Path:
    """A copy of the shipped bundle whose card says something else, sealed again."""
    folder = tmp_path / "bundle"
    shutil.copytree(find_bundle(SHIPPED_TELEMETRY_MODEL), folder)
    card = orjson.loads((folder / CARD).read_bytes())
    (folder / CARD).write_bytes(orjson.dumps(card | changes))
    seal_card(folder)
    return folder


def test_refuses_a_bundle_of_another_task(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="expected the task telemetry, got text"):
        TelemetryModel(spoilt(tmp_path, task="text"))


def test_refuses_a_bundle_that_misses_a_golden_answer_by_a_bit(tmp_path: Path) -> None:
    card = orjson.loads((find_bundle(SHIPPED_TELEMETRY_MODEL) / CARD).read_bytes())
    golden = card["golden"]
    golden[1]["answers"][20][0] = float(np.nextafter(golden[1]["answers"][20][0], 2.0))
    with pytest.raises(BundleRefused, match="golden series 'level_shift', answer 20"):
        TelemetryModel(spoilt(tmp_path, golden=golden)).load()


@pytest.mark.parametrize("golden", [[{"name": "x"}], []])
def test_refuses_a_bundle_without_golden_answers(tmp_path: Path, golden: list[object]) -> None:
    with pytest.raises(BundleRefused, match="golden"):
        TelemetryModel(spoilt(tmp_path, golden=golden)).load()
