"""Labelled files of a user, and the answer for what is none of the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.card import Head
from models.out_of_scope import METHODS, Outside, with_outside
from models.text_answers import probabilities_of
from models.training.encoder.calibration import calibration, fit_temperature
from models.training.encoder.damage_suite import DAMAGES, damaged
from models.training.given_rows import BadFile
from models.training.intents.labelled import HEAD, read_labelled, without_rows_of
from models.training.intents.oos import choose

GOOD = '{"text": "lights on", "label": "on"}\n{"text": "lights off", "label": "off"}\n'


def file(folder: Path, text: str, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", r"rows\.jsonl:3: expected a JSON object with text and label, got list"),
        ('{"text": "a"}', r"rows\.jsonl:3: expected the columns text and label, got text"),
        ('{"text": "a", "label": "b", "colour": "red"}', r"rows\.jsonl:3: expected columns of text, .*, got colour"),
        ('{"text": "a", "label": 7}', r"rows\.jsonl:3: expected label to be a word, got 7"),
        ('{"text": 5, "label": "b"}', r"rows\.jsonl:3: expected text to be a string, got 5"),
        ("{", r"rows\.jsonl:3: expected a JSON object"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read_labelled(file(tmp_path, GOOD + line))


def test_one_label_alone_cannot_be_learnt(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"expected at least two labels beside 'oos', got \['on'\]"):
        read_labelled(file(tmp_path, '{"text": "a", "label": "on"}\n{"text": "b", "label": "oos"}\n'))


def test_empty_repeated_and_contradicting_rows_are_said(tmp_path: Path) -> None:
    rows = (
        GOOD
        + '{"text": " ", "label": "on"}\n{"text": "lights on", "label": "on"}\n{"text": "lights on", "label": "off"}\n'
    )
    found = read_labelled(file(tmp_path, rows))
    assert [row.labels[HEAD] for row in found.rows] == ["on", "off"]
    said = " ".join(found.warnings)
    assert "1 empty texts" in said and "1 rows repeat" in said and "line 5 says 'off', line 1 'on'" in said


def test_tables_are_read_like_json_lines(tmp_path: Path) -> None:
    table = file(tmp_path, 'text,label\n"lights, on",on\nlights off,off\n', "rows.csv")
    assert [row.text for row in read_labelled(table).rows] == ["lights, on", "lights off"]


def test_rows_of_dev_are_not_trained_on(tmp_path: Path) -> None:
    train = read_labelled(file(tmp_path, GOOD + '{"text": "more", "label": "on"}\n{"text": "less", "label": "off"}\n'))
    dev = read_labelled(file(tmp_path, GOOD, "dev.jsonl"))
    without_rows_of(train, dev)
    assert [row.text for row in train.rows] == ["more", "less"]
    assert "2 texts of dev occur in train too" in train.warnings[-1]
    strange = read_labelled(file(tmp_path, GOOD + '{"text": "x", "label": "new"}\n', "strange.jsonl"))
    with pytest.raises(BadFile, match="dev has labels that train has not: new"):
        without_rows_of(train, strange)


@given(
    logits=st.lists(st.lists(st.floats(-20, 20), min_size=4, max_size=4), min_size=1, max_size=8),
    method=st.sampled_from(METHODS),
    slope=st.floats(0.1, 50),
    threshold=st.floats(-10, 10),
)
def test_probabilities_with_oos_are_probabilities(
    logits: list[list[float]], method: str, slope: float, threshold: float
) -> None:
    outside = Outside(method, slope, threshold)  # type: ignore[arg-type]
    chances = with_outside(outside, np.array(logits))
    assert np.all(chances >= 0) and chances.sum(1) == pytest.approx(1)
    # The labels inside keep their order, as far as float64 can tell them apart.
    best = chances[:, :-1].max(1)
    assert best == pytest.approx(chances[np.arange(len(chances)), np.array(logits)[:, :-1].argmax(1)])


def test_the_curve_is_chosen_within_the_allowed_false_calls() -> None:
    source = np.random.default_rng(5)
    logits = source.normal(0, 1, (400, 5)).astype(np.float32)
    truth = source.integers(0, 4, 300)
    logits[np.arange(300), truth] += 6
    is_outside = np.arange(400) >= 300
    for shown in (True, False):
        chosen = choose(logits, is_outside, 1.0, shown=shown)
        assert chosen.false_rate <= 0.05
        assert chosen.f1 is not None and chosen.f1 > 0.85
        called = probabilities_of(logits, 1.0, chosen.outside).argmax(1) == 4
        assert (called & ~is_outside).sum() / 300 == pytest.approx(chosen.false_rate)
    alone = choose(logits[:300], np.zeros(300, bool), 1.0, shown=False)
    assert alone.outside.method == "energy" and 0 < alone.false_rate <= 0.05 and alone.f1 is None


def test_a_head_with_oos_ends_with_it() -> None:
    with pytest.raises(ValueError, match="expected oos behind two labels"):
        Head("intent", ("oos", "a", "b"), outside=Outside("energy", 1.0, 0.0))


def test_calibration_of_a_case_done_by_hand() -> None:
    """Two rows at 0.9, one right: 0.4 off; two rows at 0.6, both right: 0.4 off the other way."""
    chances = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    found = calibration(chances, np.array([0, 1, 0, 0]))
    assert found.error == pytest.approx(0.4)
    assert [rows for _, _, rows in found.bins] == [2, 2]
    assert fit_temperature(np.array([[9.0, 0.0]] * 4), np.array([0, 0, 0, 1])) > 1


@pytest.mark.parametrize("name", DAMAGES)
def test_damages_repeat_and_change_something(name: str) -> None:
    texts = ["Please turn the living room lights on!", "把客厅的灯打开，谢谢！", "ok", ""]
    assert damaged(texts, name) == damaged(texts, name)
    assert damaged(texts, name) != texts
