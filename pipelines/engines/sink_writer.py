"""Rows of a pipeline's output as records of its sink topics."""

from __future__ import annotations

import pyarrow as pa

from pipelines.pipeline import Pipeline
from schemas.cloudevents import headers
from schemas.json_codec import JsonCodec
from schemas.record import Append


class SinkWriter:
    """Encodes output batches for every sink of one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._sinks = [(sink, JsonCodec(sink.topic)) for sink in pipeline.sinks]

    def appends(self, batch: pa.RecordBatch) -> list[Append]:
        """Return the records of a batch whose rows have their `event_id`, in order, sink by sink."""
        records: list[Append] = []
        for sink, codec in self._sinks:
            chosen = batch if sink.when is None else batch.filter(batch.column(sink.when))
            keys = chosen.column(sink.topic.key).to_pylist()
            values = codec.encode(chosen)
            envelopes = headers(sink.topic, self._pipeline.name, chosen)
            records += [
                Append(sink.topic.name, key.encode(), value, envelope)
                for key, value, envelope in zip(keys, values, envelopes, strict=True)
            ]
        return records
