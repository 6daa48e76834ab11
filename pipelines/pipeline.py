"""A pipeline: source topics, operators, sink topics. Building it checks it; it knows no engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from operators.operator import CAUSE, KeyedOperator, Operator
from schemas.topic import Topic


@dataclass(frozen=True)
class Sink:
    """A topic to write to; with `when`, only the rows whose boolean column of that name is true."""

    topic: Topic
    when: str | None = None


class Pipeline:
    """What is done to the rows of some topics, and where the result goes.

    Several sources are read side by side, each in its own order with its own memory; with `merge` they become one
    stream in event-time order and share it (later, by the allowed lateness). Building raises ValueError when columns do
    not line up: a column missing for an operator or a sink, a type that differs, keyed operators with different keys,
    anything behind an operator that emits.

    Of a merge two more things can be said (ARCHITECTURE.md, "Re-keying"). A source that one of `upstream` writes has
    that pipeline's time, for its rows come from many streams. A source among `tables` says how things are: its rows
    are taken as soon as they are there, and hold nothing back.
    """

    def __init__(
        self,
        name: str,
        sources: Sequence[Topic],
        operators: Sequence[Operator | KeyedOperator],
        sinks: Sequence[Topic | Sink],
        *,
        merge: bool = False,
        upstream: Sequence[Pipeline] = (),
        tables: Sequence[Topic] = (),
    ) -> None:
        self.name = name
        self.sources = tuple(sources)
        self.operators = tuple(operators)
        self.sinks = tuple(sink if isinstance(sink, Sink) else Sink(sink) for sink in sinks)
        self.merge = merge
        self.upstream = tuple(upstream)
        self.tables = tuple(tables)
        # Those with memory; they share one key and one state row. Asked for in each step, and slow to find out.
        self.keyed = tuple(operator for operator in self.operators if isinstance(operator, KeyedOperator))
        # Whether what comes out are new rows instead of the sources' rows with columns added.
        self.emits = any(operator.emits for operator in self.keyed)
        self._check_names()
        self.output_schemas = tuple(self._check_columns(source) for source in self.sources)

    def __repr__(self) -> str:
        chain = " > ".join(operator.name for operator in self.operators)
        sources, sinks = (
            [topic.name for topic in side] for side in (self.sources, [sink.topic for sink in self.sinks])
        )
        return f"Pipeline({self.name}: {', '.join(sources)} > {chain} > {', '.join(sinks)})"

    def _check_names(self) -> None:
        if not self.sources or not self.sinks:
            raise ValueError(f"pipeline {self.name}: expected at least one source and one sink")
        names = [operator.name for operator in self.operators]
        if len(set(names)) != len(names):
            raise ValueError(f"pipeline {self.name}: expected operators of different names, got {names}")
        if (self.upstream or self.tables) and not self.merge:
            raise ValueError(f"pipeline {self.name}: expected merge=True with upstream pipelines or tables")
        fed = {sink.topic.name for pipeline in self.upstream for sink in pipeline.sinks}
        for topic in self.sources if self.upstream else ():
            if (topic in self.tables) == (topic.name in fed):
                raise ValueError(
                    f"pipeline {self.name}: expected {topic.name} to be a table or written by one of its upstream "
                    f"pipelines, {', '.join(pipeline.name for pipeline in self.upstream)}"
                )
        keys = {operator.key for operator in self.keyed}
        if len(keys) > 1:
            raise ValueError(
                f"pipeline {self.name}: keyed operators share one key, got {sorted(keys)}; re-key in between"
            )
        for source in self.sources:
            if keys and keys != {source.key}:
                raise ValueError(
                    f"pipeline {self.name}: {source.name} is keyed by {source.key!r}, its operators by {keys}"
                )
        for operator in self.operators[:-1]:
            if isinstance(operator, KeyedOperator) and operator.emits:
                raise ValueError(
                    f"pipeline {self.name}: {operator.name} emits new rows, so it must be the last operator"
                )
        partitions = {topic.partitions for topic in self.sources}
        if len(partitions) > 1:
            raise ValueError(f"pipeline {self.name}: expected sources of one partition count, got {sorted(partitions)}")

    def _check_columns(self, source: Topic) -> pa.Schema:
        schema = source.row_schema
        for operator in self.operators:
            try:
                schema = operator.output_schema(schema)
            except ValueError as error:
                raise ValueError(f"pipeline {self.name}, source {source.name}: {error}") from error
        emitted = {field.name for field in CAUSE} if self.emits else set()
        missing = emitted - set(schema.names)
        if missing:
            raise ValueError(f"pipeline {self.name}: an emitting operator must declare {sorted(missing)}")
        for sink in self.sinks:
            self._check_sink(source, schema, sink)
        return schema

    def _check_sink(self, source: Topic, schema: pa.Schema, sink: Sink) -> None:
        where = f"pipeline {self.name}, source {source.name}, sink {sink.topic.name}"
        for field in sink.topic.schema:
            if field.name not in schema.names:
                if field.nullable:
                    continue
                raise ValueError(
                    f"{where}: expected a column {field.name!r} ({field.type}), got {', '.join(schema.names)}"
                )
            if schema.field(field.name).type != field.type:
                raise ValueError(
                    f"{where}: expected {field.name!r} to be {field.type}, got {schema.field(field.name).type}"
                )
        if sink.when is not None and (sink.when not in schema.names or schema.field(sink.when).type != pa.bool_()):
            raise ValueError(f"{where}: expected a boolean column {sink.when!r} to choose the rows by")
