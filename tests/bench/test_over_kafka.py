"""`make bench-kafka`: a job over a real Apache Kafka, beside bare loops of both clients and beside peers.

One broker, one run. The peers run our shipped model as their own guides show (tests/bench/peers); Quix Streams needs
another release of confluent-kafka than ours, so it has an environment of its own, `.venv-peers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from infra.broker_url import open_broker
from infra.local.kafka import LocalKafka
from infra.settings import load_settings
from schemas.catalog import INPUTS
from schemas.device_logs import DEVICE_LOG
from schemas.topic import Topic
from tests.bench.figures import BENCHMARKS, json_of, keep, machine, table
from tests.bench.workloads import events

COPIES = 100_000
TEXTS = 12_000  # so that joining the group, half a second, hides little
PEER_TEXTS = 2_000
LOAD_S = 20.0
CLIENTS = {"kafka-python": "kafka-python", "confluent": "confluent-kafka"}
PEERS_PYTHON = BENCHMARKS.parent / ".venv-peers" / "bin" / "python"


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with LocalKafka(tmp_path_factory.mktemp("kafka"), properties={"log.flush.interval.messages": "10000"}) as kafka:
        yield kafka.bootstrap


def fill(folder: Path, bootstrap: str, prefix: str, kind: str, count: int, *, sinks: int = 0) -> None:
    flags = {"broker.url": f"kafka://{bootstrap}", "kafka.topic_prefix": prefix}
    settings = load_settings(flags=flags, environment={}, directory=folder)
    with open_broker(settings.broker, settings.kafka) as broker:
        broker.create_topics([*INPUTS, *(Topic(f"bench.sink{n}", DEVICE_LOG, "copies") for n in range(sinks))])
        made = events(kind, count)
        while chunk := list(islice(made, 5000)):
            broker.append(chunk)


def test_copying(tmp_path: Path, bootstrap: str) -> None:
    """Rows without a model: how much of a bare transactional loop is left with schema, ids, memory and dead letters."""
    fill(tmp_path, bootstrap, "bare.", "plumbing", COPIES, sinks=2)
    rows = []
    for number, (client, library) in enumerate(CLIENTS.items()):
        bare = json_of("copy_loop.py", library, bootstrap, "bare.device.logs", f"bare.bench.sink{number}", COPIES)
        ours = json_of("run_job.py", "plumbing", COPIES, f"kafka://{bootstrap}", f"copy{number}.", client)
        share = bare["seconds"] / ours["seconds"]
        rows.append([client, *(f"{COPIES / one['seconds']:,.0f}" for one in (ours, bare)), f"{share:.2f}"])
    text = table(["client", "hubbub, records/s", "its bare loop", "share"], rows)
    print("\n" + text)
    keep("copying over Kafka", f"{machine()}\n\n{text}")


def test_texts_beside_peers(tmp_path: Path, bootstrap: str) -> None:
    """Customer messages through the shipped model, Kafka to Kafka, by us and by others."""
    rows = []
    rates = {}
    for client in CLIENTS:
        found = json_of("run_job.py", "messages", TEXTS, f"kafka://{bootstrap}", f"texts-{client}.", client)
        rates[client] = TEXTS / found["seconds"]
        share = found["bare_seconds"] / found["seconds"]
        rows.append([f"hubbub, embedded engine, {client}", f"{rates[client]:,.0f}", f"{share:.2f}", "exactly once"])
    fill(tmp_path, bootstrap, "peers.", "messages", PEER_TEXTS, sinks=3)
    source = "peers.customer.messages"
    peers = {
        "Quix Streams 3.28 and ONNX Runtime": ("peers/quix_model_call.py", PEER_TEXTS, "exactly once"),
        "Faust, a model call a message": ("peers/faust_model_call.py", PEER_TEXTS, "at least once"),
        "Beam RunInference, local runner": ("peers/beam_run_inference.py", INPUTS[0].partitions, "at least once"),
    }
    best = 0.0
    for number, (name, (script, argument, promise)) in enumerate(peers.items()):
        own = {"interpreter": str(PEERS_PYTHON)} if "quix" in script else {}
        found = json_of(script, bootstrap, source, f"peers.bench.sink{number}", argument, **own)
        rate = PEER_TEXTS / found["seconds"]
        best = max(best, rate)
        rows.append([name, f"{rate:,.0f}", "", promise])
    text = table(["what", "messages/s", "share of bare ONNX Runtime", "delivery"], rows)
    text += f"\n\nOur best is {max(rates.values()) / best:.1f} times the best of the others."
    half = max(rates.values()) / 2
    for client in CLIENTS:
        found = json_of("latency_at_load.py", f"kafka://{bootstrap}", f"load-{client}.", client, f"{half:.0f}", LOAD_S)
        text += (
            f"\n\nAt half load ({half:.0f} messages/s, {client}), from `produce` to readable: "
            f"p50 {found['p50']:.0f} ms, p90 {found['p90']:.0f} ms, p99 {found['p99']:.0f} ms; "
            f"commits are {found['commit_share']:.0%} of the work."
        )
    print("\n" + text)
    keep("texts over Kafka", f"{machine()}\n\n{text}")
