"""Traces of a job's steps, exported by OTLP over HTTP: which step an event went through, and what took the time.

A step is a trace of its own with a span for each of its stages and operators, linked to the events that came with a
trace. Where such an event was sampled by whoever sent it, what it became is a span of the event's own trace, too: below
the sender's span hangs the enriched event, below that the alert. Every id follows from what was done (a span that
stands for an event begins with that event's id), so a step that is done again after a crash tells the same spans again,
and what the records say does not depend on whether anybody collects traces.
Sources: OpenTelemetry, "Semantic conventions for messaging spans"; W3C Trace Context.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer
from opentelemetry.trace.span import TraceState

from pipelines.bad_input import BadInput
from pipelines.engines.step import CAUSE_ID
from pipelines.engines.step_watch import Step
from pipelines.version import VERSION
from schemas.cloudevents import PIPELINE_SOURCE
from schemas.envelope import traceparent_of
from schemas.identity import identity

if TYPE_CHECKING:
    import pyarrow as pa

    from schemas.record import Record

# Of one step; whoever samples more than that is told of the first ones.
MOST_EVENTS: Final = 100
PATH: Final = "/v1/traces"
END_S: Final = 3.0
_READ: Final = "read and decode"
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class _NextIds(IdGenerator):
    """Gives each span the ids that were named for it, thread by thread."""

    def __init__(self) -> None:
        self._of = threading.local()

    def name(self, trace_id: str, span_id: str) -> None:
        """Name the ids of the next span of this thread: 32 and 16 hex digits."""
        self._of.trace, self._of.span = int(trace_id, 16), int(span_id, 16)

    def generate_trace_id(self) -> int:
        return int(self._of.trace)

    def generate_span_id(self) -> int:
        return int(self._of.span)


class StepTraces:
    """Tells spans of steps to a tracer; `system` is what messaging systems are called there."""

    def __init__(self, tracer: Tracer, ids: _NextIds, system: str) -> None:
        """Nothing is sent from here: a processor of the tracer's provider does, in a thread of its own."""
        self._tracer = tracer
        self._ids = ids
        self._system = system

    def tell(self, step: Step) -> None:
        """Make the spans of a step that is over."""
        intervals = _of_step(step)
        if not intervals:
            return
        start_ns, end_ns = intervals[0].start_ns, max(one.end_ns for one in intervals)
        self._ids.name(step.id, step.id[16:])
        span = self._tracer.start_span(
            f"process {step.stream.parts[0].topic}" if len(step.stream.parts) == 1 else f"process {step.pipeline.name}",
            context=trace.set_span_in_context(trace.INVALID_SPAN),
            kind=SpanKind.CONSUMER,
            attributes=self._attributes(step),
            links=_links(step),
            start_time=start_ns,
        )
        within = trace.set_span_in_context(span)
        for number, one in enumerate(intervals):
            self._ids.name(step.id, identity(step.id, one.name, number)[:16])
            self._tracer.start_span(one.name, context=within, start_time=one.start_ns).end(one.end_ns)
        if step.error is not None:
            span.record_exception(step.error, timestamp=end_ns)
            span.set_status(Status(StatusCode.ERROR, type(step.error).__name__))
        elif any(_has_traces(output) for output in step.outputs):
            self._tell_events(step, span.get_span_context(), start_ns, end_ns)
        span.end(end_ns)

    def _attributes(self, step: Step) -> dict[str, Any]:
        first = step.stream.parts[0]
        return {
            "messaging.system": self._system,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": first.topic,
            "messaging.destination.partition.id": str(first.partition),
            "messaging.consumer.group.name": step.group,
            "messaging.batch.message_count": sum(len(one.records) for one in step.segments),
            "hubbub.pipeline": step.pipeline.name,
            "hubbub.stream": step.stream.name,
            "hubbub.outputs": sum(one.num_rows for one in step.outputs),
            "hubbub.dead_letters": len(step.failed),
        }

    def _tell_events(self, step: Step, done_in: SpanContext, start_ns: int, end_ns: int) -> None:
        """Give each output whose event was sampled a span in that event's trace, below what it came from."""
        ours = _from_pipelines(step)
        for row in islice(_traced(step.outputs), MOST_EVENTS):
            _, trace_id, sender, _ = row["traceparent"].split("-")
            cause = row[CAUSE_ID]
            parent = SpanContext(
                int(trace_id, 16),
                int(cause[:16] if cause in ours else sender, 16),
                is_remote=True,
                trace_flags=_SAMPLED,
                trace_state=TraceState.from_header([row["tracestate"]] if row["tracestate"] else []),
            )
            self._ids.name(trace_id, row["event_id"][:16])
            self._tracer.start_span(
                f"alert {row['rule']}" if row.get("fingerprint") else f"process {step.stream.parts[0].topic}",
                context=trace.set_span_in_context(NonRecordingSpan(parent)),
                kind=SpanKind.PRODUCER,
                attributes={
                    "messaging.system": self._system,
                    "messaging.message.id": row["event_id"],
                    "hubbub.pipeline": step.pipeline.name,
                    **{f"hubbub.{name}": row[name] for name in _TOLD if row.get(name) is not None},
                },
                links=[Link(done_in)],
                start_time=start_ns,
            ).end(end_ns)


@contextmanager
def telling_traces(url: str, system: str) -> Iterator[StepTraces]:
    """Export traces to a collector at this address until the block ends; what is left then has a moment more.

    What else there is to say (headers, certificates, sampling, attributes of the resource) is read from
    OpenTelemetry's own environment variables by its SDK.
    """
    if not url.startswith(("http://", "https://")):
        raise BadInput(f"traces: expected the address of an OTLP collector, like http://127.0.0.1:4318, got {url!r}")
    ids = _NextIds()
    resource = Resource.create({SERVICE_NAME: "hubbub", SERVICE_VERSION: VERSION})
    provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
    address = url.rstrip("/")
    exporter = OTLPSpanExporter(endpoint=address if address.endswith(PATH) else address + PATH)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield StepTraces(provider.get_tracer("hubbub", VERSION), ids, system)
    finally:
        # A collector that does not answer must not keep a job that was stopped.
        patience = threading.Timer(END_S, exporter.shutdown)
        patience.daemon = True
        patience.start()
        provider.shutdown()
        patience.cancel()


# What is said of an event's span, of the columns that its row may have.
_TOLD: Final = ("device_id", "fingerprint", "state", "severity")


def _of_step(step: Step) -> list[Any]:
    """Return the step's own intervals, the first first: from its last reading on."""
    intervals = list(step.intervals)
    reads = [at for at, one in enumerate(intervals) if one.name == _READ]
    return sorted(intervals[reads[-1] if reads else 0 :], key=lambda one: one.start_ns)


def _links(step: Step) -> list[Link]:
    """Return links to the traces of the events that were read."""
    records = (record for segment in step.segments for record in segment.records)
    found = []
    for context in islice(filter(None, (traceparent_of(one.headers) for one in records if one.headers)), MOST_EVENTS):
        _, trace_id, span_id, flags = context.split("-")
        found.append(
            Link(
                SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
            )
        )
    return found


def _has_traces(output: pa.RecordBatch) -> bool:
    return "traceparent" in output.schema.names and output.column("traceparent").null_count < output.num_rows


def _traced(outputs: Sequence[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """Give the rows whose event was sampled by whoever sent it."""
    names = ("event_id", "traceparent", "tracestate", CAUSE_ID, "rule", *_TOLD)
    for output in outputs:
        if _has_traces(output):
            there = output.select([name for name in names if name in output.schema.names])
            for row in there.to_pylist():
                context = row["traceparent"]
                if context is not None and int(context[-2:], 16) & TraceFlags.SAMPLED:
                    yield row


def _from_pipelines(step: Step) -> set[str]:
    """Return the ids of those input events that a pipeline of hubbub wrote."""
    found: set[str] = set()
    for segment in step.segments:
        ids = segment.batch.column("event_id").to_pylist()
        found |= {one for one, record in zip(ids, segment.records, strict=True) if _is_ours(record)}
    return found


def _is_ours(record: Record) -> bool:
    return any(name == "ce_source" and value.startswith(PIPELINE_SOURCE) for name, value in record.headers)
