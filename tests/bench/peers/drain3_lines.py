"""Drain3 as its own guide shows it: a `TemplateMiner` with its defaults, line by line.

Reads a JSON object of lists of lines from a file; prints, for each list, the cluster of every line and the processor
seconds, as one JSON object. Runs in `.venv-peers`: Drain3 pins releases that our own environment cannot have.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from drain3 import TemplateMiner


def mined(lines: list[str]) -> dict[str, object]:
    """Run one stream through a miner of its own."""
    miner = TemplateMiner()
    started = time.process_time()
    clusters = [miner.add_log_message(line)["cluster_id"] for line in lines]
    return {"clusters": clusters, "seconds": time.process_time() - started}


def main() -> None:
    """Mine each list."""
    logging.disable(logging.WARNING)  # it says that it found no configuration, which is meant
    streams = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(json.dumps({name: mined(lines) for name, lines in streams.items()}))


if __name__ == "__main__":
    main()
