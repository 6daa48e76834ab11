"""Log lines a processor second through the miner, beside Drain3 in the same run, and how well both group them.

Lines of loghub's systems, one device each, shuffled together; batches of 2,000, memory goes out as bytes and into the
next batch. Drain3 is called line by line with its defaults, all lines in one miner. Processor time of one thread.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pyarrow as pa
import pytest

from operators.mine_templates import MineTemplates
from schemas.topic import TIMESTAMP
from tests.bench.figures import json_of, keep, machine, table
from tests.data_sets import LOGHUB, data_set
from tests.quality.log_grouping import PEERS_PYTHON, drain3, ours, systems_in

BATCH = 2_000
REPEATED = 20
SEED = 5


def lines_a_second(lines: list[tuple[str, str]]) -> float:
    """Mine (device, message) in batches; return lines a processor second, masking, memory and columns included."""
    mine = MineTemplates()
    memory: dict[str, dict[str, object]] = {}
    spent = 0.0
    for start in range(0, len(lines), BATCH):
        devices, messages = zip(*lines[start : start + BATCH], strict=True)
        times = pa.array([(start + i) * 1_000_000 for i in range(len(devices))], pa.int64()).cast(TIMESTAMP)
        columns = [pa.array(devices), times, pa.array(messages), times]
        batch = pa.RecordBatch.from_arrays(columns, ["device_id", "event_time", "message", "watermark"])
        keys = batch.column("device_id").unique().to_pylist()
        nothing = dict.fromkeys(mine.state_schema.names)
        states = pa.RecordBatch.from_pylist([memory.get(key, nothing) for key in keys], mine.state_schema)
        started = time.process_time()
        after, _ = mine.process(states, batch)
        spent += time.process_time() - started
        memory.update(zip(keys, after.to_pylist(), strict=True))
    return len(lines) / spent


@pytest.mark.slow
def test_lines_a_second(tmp_path: Path) -> None:
    assert PEERS_PYTHON.exists(), "expected Drain3 in .venv-peers: make .venv-peers/.installed"
    systems = systems_in(data_set(LOGHUB))
    mixed = [(system.name, line) for system in systems for line in system.lines]
    random.Random(SEED).shuffle(mixed)
    streams = {"mixed": mixed, "repeated": [mixed[i % REPEATED] for i in range(len(mixed))]}
    path = tmp_path / "lines.json"
    path.write_text(json.dumps({name: [line for _, line in lines] for name, lines in streams.items()}))
    theirs = json_of("peers/drain3_lines.py", path, interpreter=str(PEERS_PYTHON))
    rates = {name: max(lines_a_second(lines) for _ in range(3)) for name, lines in streams.items()}
    our_scores, their_scores = [ours(system) for system in systems], drain3(systems)
    rows = [
        [f"{name}, lines/s a core", f"{rates[name]:,.0f}", f"{len(lines) / theirs[name]['seconds']:,.0f}"]
        for name, lines in streams.items()
    ]
    rows += [
        [f"grouping accuracy, {system.name}", f"{ours:.3f}", f"{theirs:.3f}"]
        for system, ours, theirs in zip(systems, our_scores, their_scores, strict=True)
    ]
    averages = [sum(scores) / len(scores) for scores in (our_scores, their_scores)]
    rows.append(["grouping accuracy, average", *(f"{one:.3f}" for one in averages)])
    keep("log lines", f"{machine()}\n\n" + table(["what", "hubbub", "Drain3 0.9.11"], rows))
