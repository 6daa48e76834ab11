"""How many sequences a processor second a model of event sequences judges; prints one JSON object.

Trained on 2,000 generated sequences of about twenty events with forty ids; judged are 5,000 that are all different, 2 %
of them with an event out of place, in batches of 1,000.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from models.sequence_model import SequenceModel
from models.training.sequences.train import Options, train_sequences
from operators.score_sequences import ScoreSequences
from schemas.device_sessions import SEQUENCES

TRAINED, JUDGED, BATCH = 2_000, 5_000, 1_000


def sequences(seed: int, count: int, odd: float) -> list[list[str]]:
    """Blocks of events in a fixed order, each of them none to three times."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        one = [
            f"E{block * 4 + step}"
            for block in range(10)
            for _ in range(draw.choice((0, 1, 1, 1, 2)))
            for step in (0, 1, draw.choice((2, 3)))
        ]
        if draw.random() < odd:
            one.insert(draw.randrange(len(one) + 1), f"E{draw.randrange(40)}")
        found.append([*one, "end"])
    return found


def main() -> None:
    """Train in a folder that is thrown away, then judge."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "normal.jsonl"
        data.write_text("\n".join(json.dumps({"events": one}) for one in sequences(1, TRAINED, 0.0)))
        train_sequences(Options(data, Path(folder) / "bundle"))
        judge = ScoreSequences(SequenceModel(Path(folder) / "bundle"))
        rows = sequences(2, JUDGED, 0.02)
        schema = SEQUENCES.row_schema
        batches = [
            pa.RecordBatch.from_arrays(
                [
                    pa.array(rows[begin : begin + BATCH], one.type)
                    if one.name == "events"
                    else pa.nulls(BATCH, one.type)
                    for one in schema
                ],
                schema=pa.schema([one.with_nullable(True) for one in schema]),
            )
            for begin in range(0, JUDGED, BATCH)
        ]
        judge.process(batches[0])
        spent = 0.0
        for batch in batches:
            started = time.process_time()
            judge.process(batch)
            spent += time.process_time() - started
    print(json.dumps({"a_second": JUDGED / spent, "events": sum(map(len, rows)) / JUDGED}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
