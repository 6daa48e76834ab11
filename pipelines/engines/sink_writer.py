"""Rows of a pipeline's output as records of its sink topics."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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
        (records,) = self.appends_of_each(batch, [batch.num_rows])
        return records

    def appends_of_each(self, batch: pa.RecordBatch, ends: Sequence[int]) -> list[list[Append]]:
        """Return the records of the rows up to each of `ends`, from where those before end; each sink by sink."""
        found: list[list[Append]] = [[] for _ in ends]
        for sink, codec in self._sinks:
            chosen, until = batch, ends
            if sink.when is not None:
                when = batch.column(sink.when)
                chosen = batch.filter(when)
                until = [when.slice(0, end).true_count for end in ends]
            keys = chosen.column(sink.topic.key).to_pylist()
            values = codec.encode(chosen)
            envelopes = headers(sink.topic, self._pipeline.name, chosen)
            records = [
                Append(sink.topic.name, key.encode(), value, envelope)
                for key, value, envelope in zip(keys, values, envelopes, strict=True)
            ]
            for own, (start, end) in zip(found, pairwise([0, *until]), strict=True):
                own.extend(records[start:end])
        return found
