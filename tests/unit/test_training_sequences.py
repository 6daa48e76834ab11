"""Event sequences: reading a user's file, probabilities by hand, what a bundle answers, what it refuses."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import BundleRefused, open_bundle, seal_card
from models.event_grams import FIRST_EVENT, UNKNOWN, EventGrams
from models.loaded_sequences import load_sequences
from models.sequence_model import SequenceModel
from models.sequence_reasons import Normals, common_length
from models.training.given_rows import BadFile
from models.training.sequences.labelled import read_sequences
from models.training.sequences.measure import best_limit, trivial_figures
from models.training.sequences.surprise import count_runs, surprises
from models.training.sequences.train import Options, train_sequences
from tests.tiny_sequence_bundle import BOOT, boots, write_rows, write_tiny_sequence_bundle

EVENTS = st.lists(st.sampled_from("abcd"), max_size=12)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", r"rows\.jsonl:2: expected a JSON object with events, got list"),
        ('{"event": []}', r"rows\.jsonl:2: expected a JSON object with events, got event"),
        ('{"events": "a b"}', r"rows\.jsonl:2: expected events to be an array, got str"),
        ('{"events": [1.5]}', r"rows\.jsonl:2: expected each event to be a text or an integer, got 1\.5"),
        ('{"events": ["a"], "label": "odd"}', r"rows\.jsonl:2: expected label to be one of .*, got 'odd'"),
        ('{"events": ["a"], "label": 1}', r"expected a label in each row or in none, line 2 has one, line 1 has none"),
        ("{", r"rows\.jsonl:2: expected a JSON object"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"events": ["a", 7]}\n' + line, encoding="utf-8")
    with pytest.raises(BadFile, match=said):
        read_sequences(path)


def test_tables_are_read_like_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("events,label\n5 22,1\n5 11 9,0\n,0\n", encoding="utf-8")
    found = read_sequences(path)
    assert (found.events, found.abnormal) == ([("5", "22"), ("5", "11", "9")], [True, False])
    assert "1 empty sequences are left out, first in line 4" in found.warnings[0]


def test_probabilities_of_a_case_done_by_hand() -> None:
    """Sequences a b and a c: behind a come b and c, once each; four events (a, b, c, end) are known."""
    a, b, c = range(FIRST_EVENT, FIRST_EVENT + 3)
    table = count_runs([[a, b], [a, c]], 2)
    grams = EventGrams(2, "abc", table.runs)
    # Six steps: a twice, b, c, end twice; four kinds; below them a fifth share for what is unknown.
    single = {a: (2 + 4 / 5) / 10, b: (1 + 4 / 5) / 10, "unknown": 4 / 10 / 5}
    behind_a = (1 + 2 * single[b]) / 4
    begin = (2 + 1 * single[a]) / 3
    [most] = surprises(table, grams, [[a, b]])
    assert most == pytest.approx(-math.log(min(begin, behind_a)))
    [unknown] = surprises(table, grams, [[a, UNKNOWN]])
    assert unknown == pytest.approx(-math.log(2 / 4 * single["unknown"]))


@given(one=EVENTS, other=EVENTS)
def test_common_length_is_that_of_the_textbook(one: list[str], other: list[str]) -> None:
    lengths = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    for i, left in enumerate(one):
        for j, right in enumerate(other):
            lengths[i + 1, j + 1] = lengths[i, j] + 1 if left == right else max(lengths[i, j + 1], lengths[i + 1, j])
    assert common_length(one, other) == lengths[-1, -1]


@given(sequence=EVENTS)
def test_reasons_lead_to_a_normal_sequence(sequence: list[str]) -> None:
    """Each of at most ten reasons is one edit; a sequence without reasons is normal itself."""
    normal = Normals([("a", "b", "c"), ("a", "b", "b", "c"), ("d",)])
    reasons = normal.reasons(sequence)
    nearest = normal.nearest(sequence)
    assert (not reasons) == (tuple(sequence) == nearest)
    assert all(0 <= one.at <= len(sequence) for one in reasons)
    assert all(sequence[one.at] == one.event for one in reasons if one.kind != "missing")


@pytest.mark.parametrize(
    ("events", "because"),
    [
        (("power", "kernel", "net", "login"), [("missing", "disk", 2)]),
        (("power", "kernel", "disk", "fire", "net", "login"), [("extra", "fire", 3)]),
        (("power", "disk", "kernel", "net", "login"), [("misplaced", "disk", 1)]),
    ],
)
def test_says_which_events_are_odd(tmp_path: Path, events: tuple[str, ...], because: list[object]) -> None:
    [answer] = SequenceModel(write_tiny_sequence_bundle(tmp_path)).answer([events])
    assert answer.is_anomaly and answer.score > 0.98
    kinds = [(one.kind, one.event, one.at) for one in answer.because]
    assert kinds == because or (kinds[0][0] == "misplaced" and because[0][0] == "misplaced")  # type: ignore[index]


def test_normal_sequences_seldom_alarm(tmp_path: Path) -> None:
    answers = SequenceModel(write_tiny_sequence_bundle(tmp_path)).answer(boots(99, 500))
    assert sum(one.is_anomaly for one in answers) <= 25
    assert all(not one.because for one in answers if not one.is_anomaly)


def test_an_answer_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    model = SequenceModel(write_tiny_sequence_bundle(tmp_path))
    draw = random.Random(3)
    sequences = [draw.choices([*BOOT, "fire"], k=draw.randint(1, 40)) for _ in range(60)]
    together = model.answer(sequences)
    assert [model.answer([one])[0] for one in sequences] == together
    assert model.answer(sequences[::-1])[::-1] == together


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.jsonl", [{"events": one} for one in boots(1, 60)])
    for folder in ("one", "other"):
        train_sequences(Options(data, tmp_path / folder))
    for name in ("model.onnx", "sequences.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_wrong_golden_answer_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_sequence_bundle(tmp_path)
    card = orjson.loads((folder / "card.json").read_bytes())
    card["golden"][0]["score"] += 0.001
    (folder / "card.json").write_bytes(orjson.dumps(card))
    seal_card(folder)
    with pytest.raises(BundleRefused, match="golden sequence 0: expected"):
        load_sequences(open_bundle(folder))


def test_labels_of_dev_are_needed_where_train_has_them(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"events": one, "label": i % 2} for i, one in enumerate(boots(1, 20))]
    data = write_rows(tmp_path / "train.jsonl", rows)
    dev = write_rows(tmp_path / "dev.jsonl", [{"events": one, "label": 0} for one in boots(2, 20)])
    with pytest.raises(BadFile, match="expected dev to have abnormal sequences too"):
        train_sequences(Options(data, tmp_path / "bundle", dev))


def test_trivial_answers_and_limits() -> None:
    truth = np.array([True, False, True, False])
    trivial = trivial_figures(truth, [("a",), ("b",), ("c",), ("d",)], [("b",)])
    assert trivial["everything_abnormal"]["f1"] == 0.6667 and trivial["unseen_abnormal"]["f1"] == 0.8
    assert best_limit(truth, np.array([0.9, 0.1, 0.8, 0.2])) == 0.5
