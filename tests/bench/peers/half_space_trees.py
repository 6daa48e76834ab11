"""River's HalfSpaceTrees over single readings, one detector a device: `python half_space_trees.py DEVICES READINGS`.

As its guide shows: values scaled to [0, 1], scored, then learnt. Prints one JSON object: processor seconds a reading,
bytes of a pickled detector.
"""

from __future__ import annotations

import json
import pickle
import random
import sys
import time

from river import anomaly, compose, preprocessing


def main(devices: int, readings: int) -> None:
    """Give readings to devices in turns."""
    draw = random.Random(1)
    values = [20 + draw.gauss(0, 1) for _ in range(readings)]
    models = [
        compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=one)) for one in range(devices)
    ]
    started = time.process_time()
    for number, value in enumerate(values):
        model, row = models[number % devices], {"value": value}
        model.score_one(row)
        model.learn_one(row)
    spent = time.process_time() - started
    print(json.dumps({"seconds": spent / readings, "bytes": len(pickle.dumps(models[0]))}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
