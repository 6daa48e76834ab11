"""A Faust agent that calls the model for each message: what its guide shows. See `main` for the arguments."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import faust

from tests.bench.peers.plain_model import PlainModel


def main() -> None:
    """`python faust_model_call.py BOOTSTRAP SOURCE SINK RECORDS` prints the seconds between first and last message."""
    bootstrap, source, sink, count = sys.argv[1:]
    model = PlainModel()
    app = faust.App(
        f"peer-{sink}",
        broker=f"kafka://{bootstrap}",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        datadir=tempfile.mkdtemp(),
    )
    out = app.topic(sink, value_serializer="raw", key_serializer="raw")
    seen: dict[str, Any] = {"count": 0, "start": 0.0}

    @app.agent(app.topic(source, value_serializer="raw", key_serializer="raw"))
    async def answer(stream: Any) -> None:
        async for event in stream.events():
            seen["start"] = seen["start"] or time.perf_counter()
            row = json.loads(event.value)
            row["hubbub"] = model.answer([row["text"]])[0]
            await out.send(key=event.key, value=json.dumps(row).encode())
            seen["count"] += 1
            if seen["count"] == int(count):
                figures = json.dumps({"seconds": time.perf_counter() - seen["start"]})
                os.write(1, figures.encode() + b"\n")  # Faust takes sys.stdout for its log
                os._exit(0)  # its shutdown waits for intervals; the figure is out

    faust.Worker(app, loglevel="error").execute_from_commandline()


if __name__ == "__main__":
    main()
