"""The reference of `text-enzh`: the project's own texts that it was not trained on.

`python -m models.training.text.reference BUNDLE` writes it into a bundle that has none, or an older one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from models.training.encoder.reference import Texts, add_reference
from models.training.encoder.rows import Row
from models.training.text.corpus import read_own, side_of
from models.training.text.measure import kind_of

OWN = Path(__file__).parents[1] / "data"
# Topic, kind of text, what is asked there.
TOPICS = (
    ("customer.messages", "messages", ("language", "sentiment", "topic", "urgency")),
    ("device.logs", "logs", ("category", "abnormal")),
    ("alarms", "alarms", ("category", "severity")),
)


def own_texts(rows: Sequence[Row]) -> dict[str, Texts]:
    """Return the texts of each topic among the project's own rows."""
    return {
        topic: Texts(
            f"hubbub {kind} (Apache-2.0, models/training/data): the rows that are not trained on",
            [row.text for row in rows if row.own and kind_of(row) == kind],
            heads,
        )
        for topic, kind, heads in TOPICS
    }


def main() -> None:
    """Write the reference of the bundle that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m models.training.text.reference", description=__doc__)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("--own", type=Path, default=OWN, help="folder of the project's own tables")
    arguments = parser.parse_args()
    add_reference(arguments.bundle, own_texts([row for row in read_own(arguments.own) if side_of(row.text) != "train"]))


if __name__ == "__main__":
    main()
