"""Quix Streams with ONNX Runtime, exactly once: a function a message, as its guide shows. Runs in `.venv-peers`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from quixstreams import Application

from tests.bench.peers.plain_model import PlainModel


def main() -> None:
    """`python quix_model_call.py BOOTSTRAP SOURCE SINK RECORDS` prints the seconds from the first message on."""
    bootstrap, source, sink, count = sys.argv[1:]
    model = PlainModel()
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"peer-{sink}",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        auto_create_topics=False,
        commit_every=2000,
        state_dir=tempfile.mkdtemp(),
        loglevel="ERROR",
    )
    start = [0.0]

    def answered(row: dict[str, Any]) -> dict[str, Any]:
        start[0] = start[0] or time.perf_counter()
        return row | {"hubbub": model.answer([row["text"]])[0]}

    app.dataframe(app.topic(source, value_deserializer="json")).apply(answered).to_topic(
        app.topic(sink, value_serializer="json")
    )
    app.run(count=int(count), timeout=60)
    print(json.dumps({"seconds": time.perf_counter() - start[0]}))


if __name__ == "__main__":
    main()
