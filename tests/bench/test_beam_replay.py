"""`make bench`: a replay of messages by two processes of the Beam engine, beside one process of one thread, in one run.

Both may use all the machine's processors. What is timed is what a person waits for: processes started, models loaded
and verified, everything read, understood and written.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from itertools import islice
from pathlib import Path

from infra.sqlite.broker import SqliteBroker
from models.text_model import TextModel
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.own_brokers import OpenSqlite
from pipelines.pipeline import Pipeline
from pipelines.replay.kept_history import Range, kept_history
from pipelines.replay.run_by_beam import by_beam
from pipelines.replay.run_side import MakeEngine, Progress, embedded, run_side
from pipelines.shipped.messages import messages
from schemas.customer_messages import CUSTOMER_MESSAGES
from tests.bench.workloads import events

MESSAGES = 12_000
ROUNDS = 2
LEAST = 1.2


def understood(threads: int | None) -> Pipeline:
    shipped = TextModel.named()
    return messages(TextModel(shipped.path, threads=threads))


def seconds(broker: SqliteBroker, path: Path, pipeline: Pipeline, engine: MakeEngine) -> float:
    start = time.perf_counter()
    history = kept_history(broker, [CUSTOMER_MESSAGES], Range())
    run_side(
        "bench",
        [pipeline],
        history,
        path,
        JobSettings(),
        group=None,
        stop=threading.Event(),
        progress=Progress(),
        make_engine=engine,
    )
    return time.perf_counter() - start


def test_two_processes_against_one_thread(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "history.db", durability="off") as broker:
        broker.create_topics([CUSTOMER_MESSAGES])
        made = events("messages", MESSAGES)
        while some := list(islice(made, 2_000)):
            broker.append(some)
        two = by_beam(OpenSqlite(broker.path), processes=2)
        one_s, two_s = [], []
        for number in range(ROUNDS):
            measured = partial(seconds, broker)
            one_s.append(measured(tmp_path / f"one-{number}.db", understood(1), embedded))
            two_s.append(measured(tmp_path / f"two-{number}.db", understood(None), two))
    print(f"\n{MESSAGES:,} messages: one process of one thread {min(one_s):.1f} s, Beam's two {min(two_s):.1f} s")
    print(f"{min(one_s) / min(two_s):.2f} times as fast")
    assert min(one_s) / min(two_s) >= LEAST
