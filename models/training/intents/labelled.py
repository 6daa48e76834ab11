"""A user's labelled texts: rows with `text` and `label`; what is wrong is said with its line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models.out_of_scope import OUT_OF_SCOPE
from models.training.encoder.rows import Row
from models.training.given_rows import BadFile, GivenRow, read_rows

HEAD = "intent"
KNOWN = ("text", "label", "lang", "language", "source", "category", "slots", "id")
MOST_CHARACTERS = 100_000
NAMED = 5


@dataclass
class Labelled:
    """Rows to learn from, and what a person should know about their files."""

    rows: list[Row] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_labelled(path: Path) -> Labelled:
    """Read one file. An empty text is left out with a warning; one text with two labels keeps the first, with one too.

    Raises BadFile for what is no such file: an unknown form, a missing column, a label that is no string.
    """
    found = Labelled()
    by_text: dict[str, tuple[int, str]] = {}
    empty: list[int] = []
    repeated = 0
    two_labels: list[str] = []
    for number, text, label in _lines(path):
        if not text.strip():
            empty.append(number)
            continue
        if text in by_text:
            first, other = by_text[text]
            if other != label:
                two_labels.append(f"line {number} says {label!r}, line {first} {other!r} ({text[:40]!r})")
            else:
                repeated += 1
            continue
        by_text[text] = (number, label)
        found.rows.append(Row(text[:MOST_CHARACTERS], {HEAD: label}, path.name, own=True))
    if empty:
        found.warnings.append(f"{path}: {len(empty)} empty texts are left out, first in line {empty[0]}")
    if repeated:
        found.warnings.append(f"{path}: {repeated} rows repeat another one and are left out")
    if two_labels:
        found.warnings.append(
            f"{path}: {len(two_labels)} texts occur with two labels, the first one counts: "
            + "; ".join(two_labels[:NAMED])
        )
    labels = {row.labels[HEAD] for row in found.rows} - {OUT_OF_SCOPE}
    if len(labels) < 2:
        raise BadFile(f"{path}: expected at least two labels beside {OUT_OF_SCOPE!r}, got {sorted(labels) or 'none'}")
    return found


def without_rows_of(train: Labelled, dev: Labelled) -> None:
    """Take the texts of dev out of train, for a score on what was learnt says nothing; warn which."""
    held_out = {row.text for row in dev.rows}
    shared = [row for row in train.rows if row.text in held_out]
    if shared:
        train.rows = [row for row in train.rows if row.text not in held_out]
        named = "; ".join(repr(row.text[:40]) for row in shared[:NAMED])
        train.warnings.append(f"{len(shared)} texts of dev occur in train too and are not trained on: {named}")
    known = {row.labels[HEAD] for row in train.rows}
    strange: dict[str, int] = defaultdict(int)
    for row in dev.rows:
        if row.labels[HEAD] not in known:
            strange[row.labels[HEAD]] += 1
    if set(strange) - {OUT_OF_SCOPE}:
        raise BadFile(f"dev has labels that train has not: {', '.join(sorted(set(strange) - {OUT_OF_SCOPE}))}")


def _lines(path: Path) -> Iterator[tuple[int, str, str]]:
    for number, row in read_rows(path, of="labelled texts", needs="text and label"):
        yield number, *_text_and_label(row, f"{path}:{number}")


def _text_and_label(row: GivenRow, place: str) -> tuple[str, str]:
    unknown = [name for name in row if name not in KNOWN]
    if "text" not in row or "label" not in row:
        raise BadFile(f"{place}: expected the columns text and label, got {', '.join(map(str, row)) or 'none'}")
    if unknown:
        raise BadFile(f"{place}: expected columns of {', '.join(KNOWN)}, got {', '.join(map(str, unknown))}")
    text, label = row["text"], row["label"]
    if not isinstance(label, str) or not label.strip():
        raise BadFile(f"{place}: expected label to be a word, got {label!r}")
    if text is not None and not isinstance(text, str):
        raise BadFile(f"{place}: expected text to be a string, got {text!r}")
    return text or "", label
