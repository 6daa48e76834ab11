"""The training corpus: what a row teaches, which side of the split it is on, and where a bad row is."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from models.training.encoder.augment import WAYS, damage
from models.training.encoder.recipe import KEYBOARD_AND_EMOJI
from models.training.encoder.rows import Row, columns_of_heads
from models.training.text.corpus import _even_sample, alarm_text, log_text, read_own, side_of
from models.training.text.heads import HEADS, LABEL_COUNT

DATA = Path(__file__).parents[2] / "models" / "training" / "data"


def test_columns_of_heads_touch_and_cover_all_labels() -> None:
    """Each head's columns start where the one before ends."""
    columns = list(columns_of_heads(HEADS).values())
    assert [one.start for one in columns] == [0, *(one.stop for one in columns[:-1])]
    assert columns[-1].stop == LABEL_COUNT


def test_text_of_logs_and_alarms() -> None:
    """Component and code lead the text when there is one."""
    assert log_text("wlan0", "link down") == "wlan0: link down"
    assert log_text("", "link down") == "link down"
    assert alarm_text("E-21", "Motor jam") == "E-21 Motor jam"
    assert alarm_text("", "Motor jam") == "Motor jam"


def test_own_tables_teach_every_label() -> None:
    """Every label of every head occurs on the training side and is held out somewhere."""
    rows = read_own(DATA)
    for sides in (("train",), ("dev", "set_aside")):
        for head, labels in HEADS.items():
            found = {row.labels[head] for row in rows if head in row.labels and side_of(row.text) in sides}
            assert found == set(labels), (sides, head)


def test_languages_of_own_tables() -> None:
    """Messages in other languages teach the language alone, as `und`."""
    others = [row for row in read_own(DATA) if row.source == "messages_other"]
    assert others
    assert all(row.labels == {"language": "und"} for row in others)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("device_fault\tangry\tnormal\tit hums", "sentiment must be one of"),
        ("device_fault\tneutral\tnormal", "expected 4 columns, got 3"),
        ("device_fault\tneutral\tnormal\t ", "text is empty"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    """The error says which file, which line, and what is wrong there."""
    table = tmp_path / "messages_en_x.tsv"
    good = "other\tneutral\tlow\thello there"
    table.write_text(f"topic\tsentiment\turgency\ttext\n{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"messages_en_x\.tsv:3: {complaint}"):
        read_own(tmp_path)


def test_damage_repeats_with_its_seed_and_spares_at_rate_zero() -> None:
    """The same seed damages the same way; a rate of zero changes nothing."""
    text = "The heating in room 204 has not come on since Monday, please help!"

    def damaged(seed: int, rate: float = 1.0) -> str:
        return damage(text, random.Random(seed), rate, KEYBOARD_AND_EMOJI)

    assert damaged(5) == damaged(5)
    assert {damaged(seed) for seed in range(20)} != {text}
    assert all(damaged(seed, 0.0) == text for seed in range(20))


@pytest.mark.parametrize("way", WAYS)
def test_each_way_damages(way: str) -> None:
    text = "The heating in room 204 has not come on since Monday, please help!"
    assert all(damage(text, random.Random(seed), 1.0, [(way, 1)]) != text for seed in range(20))


def test_posts_are_taken_evenly_and_a_rare_class_whole() -> None:
    counts = {"negative": 5, "neutral": 40, "positive": 30}
    rows = [
        Row(f"{label} {at}", {"sentiment": label}, "semeval13_16")
        for label, count in counts.items()
        for at in range(count)
    ]
    taken = Counter(row.labels["sentiment"] for row in _even_sample(rows, 30, seed=1))
    assert taken == {"negative": 5, "positive": 12, "neutral": 13}
    assert _even_sample(rows, 75, seed=1) == rows
    assert _even_sample(rows, 30, seed=1) == _even_sample(rows, 30, seed=1)
