"""Beam's RunInference over the messages of a Kafka topic, on the local runner, answers written back to Kafka."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import apache_beam as beam
from apache_beam.ml.inference.base import ModelHandler, PredictionResult, RunInference
from apache_beam.options.pipeline_options import PipelineOptions

from tests.bench.peers.plain_model import PlainModel


class Handler(ModelHandler[Any, PredictionResult, PlainModel]):
    """RunInference's own way to a model: it makes the batches, up to 64 elements."""

    def load_model(self) -> PlainModel:
        """Load once."""
        return PlainModel()

    def run_inference(
        self, batch: Sequence[Any], model: PlainModel, inference_args: dict[str, Any] | None = None
    ) -> Iterator[PredictionResult]:
        """Answer a batch."""
        for one, answer in zip(batch, model.answer([text for _, text in batch]), strict=True):
            yield PredictionResult(one, answer)

    def batch_elements_kwargs(self) -> dict[str, int]:
        """Let batches be large."""
        return {"min_batch_size": 64, "max_batch_size": 64}


class Read(beam.DoFn):  # type: ignore[misc]
    """Reads one partition from its begin to its end."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Remember where."""
        self._bootstrap, self._topic = bootstrap, topic

    def process(self, partition: int) -> Iterator[tuple[bytes, str]]:
        """Give key and text of each message."""
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(bootstrap_servers=self._bootstrap, isolation_level="read_committed")
        part = TopicPartition(self._topic, partition)
        consumer.assign([part])
        consumer.seek_to_beginning(part)
        end = consumer.end_offsets([part])[part]
        while consumer.position(part) < end:
            for records in consumer.poll(1000).values():
                for record in records:
                    yield record.key, json.loads(record.value)["text"]
        consumer.close()


class Write(beam.DoFn):  # type: ignore[misc]
    """Writes answers."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Remember where."""
        self._bootstrap, self._topic = bootstrap, topic

    def setup(self) -> None:
        """Connect."""
        from kafka import KafkaProducer

        self._producer = KafkaProducer(bootstrap_servers=self._bootstrap, linger_ms=5)

    def process(self, answered: PredictionResult) -> None:
        """Send one."""
        key, text = answered.example
        value = {"text": text, "hubbub": answered.inference}
        self._producer.send(self._topic, key=key, value=json.dumps(value).encode())

    def finish_bundle(self) -> None:
        """Wait until all are there."""
        self._producer.flush()


def main() -> None:
    """`python beam_run_inference.py BOOTSTRAP SOURCE SINK PARTITIONS` prints how long the whole pipeline took."""
    bootstrap, source, sink, partitions = sys.argv[1:]
    PlainModel()  # so that files are warm, as they are for the others
    started = time.perf_counter()
    options = PipelineOptions(["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"])
    with beam.Pipeline(options=options) as pipeline:
        (
            pipeline
            | beam.Create(range(int(partitions)))
            | beam.Reshuffle()
            | beam.ParDo(Read(bootstrap, source))
            | RunInference(Handler())
            | beam.ParDo(Write(bootstrap, sink))
        )
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
