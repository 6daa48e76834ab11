"""The labelled texts: the project's own tables and, where present, public sets.

Own tables are split by the sha256 of the text (0 mod 10 set aside, 1 mod 10 dev, the rest train), so a text never
changes sides when rows are added. Of public sets only the `train` files are trained on, the `dev` files measured on.
A row that does not fit stops the reading with its file and line.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from models.training.encoder.rows import Row
from models.training.text.heads import HEADS

HAN = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True)
class Corpus:
    """All rows, by what may be done with them."""

    train: list[Row]
    dev: list[Row]
    set_aside: list[Row]
    public_dev: list[Row]
    dropped: dict[str, int] = field(default_factory=dict)


def log_text(component: str, message: str) -> str:
    """Join a log line's component and message the way the model reads them."""
    return f"{component}: {message}" if component else message


def alarm_text(code: str, text: str) -> str:
    """Join an alarm's code and text the way the model reads them."""
    return f"{code} {text}" if code else text


def _table(path: Path, columns: tuple[str, ...], may_be_empty: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    if tuple(lines[0].rstrip("\r").split("\t")) != columns:
        raise ValueError(f"{path}:1: expected the header {columns}, got {lines[0]!r}")
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.rstrip("\r").split("\t")]
        if len(cells) != len(columns):
            raise ValueError(f"{path}:{number}: expected {len(columns)} columns, got {len(cells)}")
        row = dict(zip(columns, cells, strict=True))
        for column, cell in row.items():
            # The table of other languages names each one; for the model they are all `und`.
            if column in HEADS and column != "language" and cell not in HEADS[column]:
                raise ValueError(f"{path}:{number}: {column} must be one of {HEADS[column]}, got {cell!r}")
            if not cell and column not in may_be_empty:
                raise ValueError(f"{path}:{number}: {column} is empty")
        yield row


def read_own(folder: Path) -> list[Row]:
    """Read the project's own tables; each text once, the first labels win."""
    rows: dict[str, Row] = {}

    def add(text: str, labels: dict[str, str], source: str) -> None:
        rows.setdefault(text, Row(text, labels, source, own=True))

    for path in sorted(folder.glob("*.tsv")):
        name = path.stem
        if name == "messages_other":
            for row in _table(path, ("language", "text")):
                if row["language"] in ("en", "zh-CN"):
                    raise ValueError(f"{path}: {row['text']!r} is {row['language']}, expected another language here")
                add(row["text"], {"language": "und"}, name)
        elif name.startswith("messages_"):
            for row in _table(path, ("topic", "sentiment", "urgency", "text")):
                labels = {head: row[head] for head in ("topic", "sentiment", "urgency")}
                add(row["text"], labels | {"language": "zh-CN" if HAN.search(row["text"]) else "en"}, name)
        elif name.startswith("logs"):
            columns = ("category", "abnormal", "severity", "component", "message")
            for row in _table(path, columns, may_be_empty=("component",)):
                labels = {head: row[head] for head in ("category", "abnormal", "severity")}
                add(log_text(row["component"], row["message"]), labels, name)
        elif name.startswith("alarms"):
            for row in _table(path, ("category", "severity", "code", "text"), may_be_empty=("code",)):
                labels = {head: row[head] for head in ("category", "severity")}
                add(alarm_text(row["code"], row["text"]), labels, name)
    if not rows:
        raise ValueError(f"{folder}: no tables found, expected messages_*.tsv, logs*.tsv, alarms*.tsv")
    return list(rows.values())


def side_of(text: str) -> str:
    """Say on which side of the split a text falls: set_aside, dev or train."""
    residue = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") % 10
    return {0: "set_aside", 1: "dev"}.get(residue, "train")


SENTIMENT_SETS = {"sst2": "en", "semeval13_16": "en", "waimai_zh": "zh-CN", "online_shopping_zh": "zh-CN"}
THREE_CLASSES = {"semeval13_16"}
LANGUAGE_SETS = {"massive_en": "en", "clinc150": "en", "bitext_support": "en", "smp2020": "zh-CN"}


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        row = orjson.loads(line)
        if not isinstance(row.get("text"), str) or not isinstance(row.get("label"), str):
            raise ValueError(f"{path}:{number}: expected an object with the strings text and label")
        if row["text"].strip():
            yield row["text"], row["label"]


def read_sentiment(folder: Path, name: str, part: str) -> list[Row]:
    """Read one public sentiment set; its language is known, so those rows teach the language too."""
    language = SENTIMENT_SETS[name]
    barred = () if name in THREE_CLASSES else (("sentiment", "neutral"),)
    path = folder / "sentiment" / f"{name}.{part}.jsonl"
    rows = []
    for number, (text, label) in enumerate(_lines(path), start=1):
        if label not in HEADS["sentiment"] or ("sentiment", label) in barred:
            raise ValueError(f"{path}:{number}: sentiment {label!r} is not expected in this set")
        rows.append(Row(text, {"sentiment": label, "language": language}, name, barred=barred))
    return rows


def read_language(folder: Path, name: str) -> list[Row]:
    """Read one public intent set for its language alone."""
    path = folder / "intent" / f"{name}.train.jsonl"
    return [Row(text, {"language": LANGUAGE_SETS[name]}, name) for text, _ in _lines(path)]


def read_corpus(own: Path, datasets: Path, public_rows: dict[str, int], dev_rows: int, seed: int) -> Corpus:
    """Read everything, with at most `public_rows[name]` training rows and `dev_rows` dev rows of each public set."""
    parts: dict[str, list[Row]] = {"train": [], "dev": [], "set_aside": []}
    for row in read_own(own):
        parts[side_of(row.text)].append(row)
    public_dev: list[Row] = []
    for name in SENTIMENT_SETS:
        # Posts are mostly not negative; who is asked for the mean recall of the classes must learn them evenly.
        sample = _even_sample if name in THREE_CLASSES else _sample
        parts["train"] += sample(read_sentiment(datasets, name, "train"), public_rows.get(name, 0), seed)
        public_dev += _sample(read_sentiment(datasets, name, "dev"), dev_rows, seed)
    for name in LANGUAGE_SETS:
        parts["train"] += _sample(read_language(datasets, name), public_rows.get(name, 0), seed)
    return Corpus(parts["train"], parts["dev"], parts["set_aside"], public_dev)


def _sample(rows: list[Row], count: int, seed: int) -> list[Row]:
    return random.Random(seed).sample(rows, count) if count < len(rows) else rows


def _even_sample(rows: list[Row], count: int, seed: int) -> list[Row]:
    """Take an even share of each sentiment, or all there are of it; the others make up for what is missing."""
    if count >= len(rows):
        return rows
    by_label: dict[str, list[Row]] = {}
    for row in random.Random(seed).sample(rows, len(rows)):
        by_label.setdefault(row.labels["sentiment"], []).append(row)
    taken: list[Row] = []
    groups = sorted(by_label.values(), key=len)
    for number, group in enumerate(groups):
        taken += group[: (count - len(taken)) // (len(groups) - number)]
    return taken
