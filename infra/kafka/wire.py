"""Requests to a Kafka cluster, one after the other, each with an answer or a typed error within its time.

kafka-python speaks the protocol (connections, TLS, SASL, message formats); this says which broker is asked and what
its silence means. One thread uses one `KafkaWire`: its network loop runs only inside these calls, so there is no
thread beside it, and throwing it away throws away every request that may still be under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Literal

from kafka.errors import KafkaError, NodeNotReadyError, for_code
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.protocol.api_message import ApiMessage
from kafka.protocol.metadata import ApiVersionsRequest, CoordinatorType, FindCoordinatorRequest
from kafka.structs import TopicPartition

from infra.broker import BrokerAway, BrokerMismatch, BrokerRefused
from infra.kafka.connection import KafkaConnection
from infra.kafka.errors import translated

Node = int | str
Kind = Literal["group", "transaction"]
MOST_ANSWER_BYTES = 100_000_000
_BACKOFF_S = 0.02
_MOST_BACKOFF_S = 0.5
# A topic that was just made is known to one broker a moment before it is to another.
_NEWS_TRAVEL_S = 5.0


class NoAnswer(BrokerAway):
    """A broker did not answer in time, or its connection broke: whether it did what was asked is not known."""


class KafkaWire:
    """Connections to a cluster; every answer is waited for `kafka.request_timeout_s`."""

    def __init__(self, connection: KafkaConnection) -> None:
        self.connection = connection
        self.timeout_s = connection.section.request_timeout_s
        arguments = connection.kafka_python()
        arguments.pop("bootstrap_timeout_ms")
        self._client = KafkaNetClient(
            receive_message_max_bytes=MOST_ANSWER_BYTES,
            socket_connection_setup_timeout_ms=self.timeout_s * 1000,
            **arguments,
        )
        self._net = self._client._net
        self._manager = self._client._manager
        self._cluster = self._manager.cluster
        self._features: dict[str, int] | None = None
        self._coordinators: dict[tuple[Kind, str], Node] = {}
        self._topics: set[str] = set()
        self._bootstrapped = False

    def close(self) -> None:
        """Drop the connections, whatever is under way on them."""
        # Who ends the process in the middle of another thread's request need not hear that it was in the middle.
        with suppress(RuntimeError):
            self._client.close()

    def ask(
        self, request: ApiMessage, node: Node | None = None, *, on_the_way: Callable[[], None] | None = None
    ) -> Any:
        """Send one request to a broker (None: any) and return its answer; NoAnswer if there is none.

        `on_the_way` is called when the request has left and its answer has not been looked for.
        """
        self._connect()
        return self._within(lambda: self._manager.send(request, node), on_the_way)

    def ask_each(self, requests: Sequence[tuple[ApiMessage, Node]]) -> list[Any]:
        """Send requests to several brokers at once and return their answers in order."""
        self._connect()
        if len(requests) == 1:
            return [self.ask(*requests[0])]

        async def all_of_them() -> list[Any]:
            futures = [self._manager.send(request, node) for request, node in requests]
            return [await future for future in futures]

        return list(self._within(all_of_them))

    def begin(self, request: ApiMessage, node: Node) -> Any:
        """Send a request and return the future of its answer, which comes only while this wire is used."""
        self._connect()
        future = self._manager.call_soon(lambda: self._manager.send(request, node))
        self._net.poll(timeout_ms=0)
        return future

    def look_after(self, futures: Sequence[Any], timeout_s: float) -> None:
        """Return when one of these futures is done, or after a time."""
        any_done = Future()
        for future in futures:
            future.add_both(lambda _: any_done.is_done or any_done.success(None))
        self._net.poll(timeout_ms=timeout_s * 1000, future=any_done)

    def answer(self, future: Any) -> Any:
        """Return the answer that a future brings; NoAnswer if it brings none, or not yet."""
        if not future.is_done:
            raise NoAnswer(f"{self.where} did not answer in time")
        if future.succeeded():
            return future.value
        raise self._meaning(future.exception) from future.exception

    def feature(self, name: str) -> int:
        """Return the level of a feature on which the cluster has settled, 0 if it has none."""
        if self._features is None:
            request = ApiVersionsRequest(version=3, client_software_name="hubbub", client_software_version="0")
            answer = self.ask(request)
            self._features = {one.name: one.max_version_level for one in answer.finalized_features or ()}
        return self._features.get(name, 0)

    def coordinator(self, kind: Kind, key: str) -> Node:
        """Return the broker that looks after a group or a transactional id."""
        if (kind, key) not in self._coordinators:
            self._coordinators[kind, key] = self._retried(lambda: self._find(kind, key), f"a coordinator for {key}")
        return self._coordinators[kind, key]

    def forget_coordinator(self, kind: Kind, key: str) -> None:
        """Look for the coordinator anew next time: it has moved."""
        self._coordinators.pop((kind, key), None)

    def partitions(self, topics: Iterable[str]) -> dict[str, int]:
        """Return the partition counts of those of these topics that exist."""
        self._know(topics, again=True)
        found = {topic: self._cluster.partitions_for_topic(topic) for topic in topics}
        return {topic: len(numbers) for topic, numbers in found.items() if numbers}

    def leaders(self, parts: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return the leading broker of each partition; BrokerMismatch if one does not come to exist within seconds."""
        wanted = list(parts)
        self._know({topic for topic, _ in wanted})
        until = time.monotonic() + _NEWS_TRAVEL_S
        found: dict[tuple[str, int], int] = self._retried(
            lambda: self._led(wanted, may_come=time.monotonic() < until), f"leaders of {wanted[:3]}"
        )
        return found

    def forget_leaders(self) -> None:
        """Ask for the leaders anew next time: one has moved."""
        self._topics.clear()

    def topic_id(self, topic: str) -> str:
        """Return the cluster's own id of a topic, which a topic made anew under the same name does not share."""
        self._know([topic])
        return str(self._cluster.topic_id(topic))

    def _connect(self) -> None:
        if not self._bootstrapped:
            self._within(lambda: self._manager.bootstrap_async(round(self.timeout_s * 1000)))
            self._bootstrapped = True

    def _within(self, call: Callable[[], Any], on_the_way: Callable[[], None] | None = None) -> Any:
        seconds = self.timeout_s
        until = time.monotonic() + seconds
        pause = _BACKOFF_S
        while True:
            future = self._manager.call_soon(call)
            if on_the_way is not None:
                self._net.poll(timeout_ms=0)
                on_the_way()
            self._net.poll(timeout_ms=max(0.0, until - time.monotonic()) * 1000, future=future)
            if not future.is_done:
                raise self._no_answer(f"{self.where} did not answer within {seconds:g} s")
            if future.succeeded():
                return future.value
            # A connection that was refused a moment ago was never written to: there is time to try it again.
            if not isinstance(future.exception, NodeNotReadyError) or time.monotonic() + pause > until:
                break
            time.sleep(pause)
            pause = min(2 * pause, _MOST_BACKOFF_S)
        raise self._meaning(future.exception) from future.exception

    def _meaning(self, error: BaseException) -> BaseException:
        if isinstance(error, KafkaError):
            meaning = translated(self.connection, "waiting for an answer", error)
            return self._no_answer(str(meaning)) if isinstance(meaning, BrokerAway) else meaning
        return self._no_answer(f"{self.where} does not answer: {error}") if isinstance(error, OSError) else error

    def _no_answer(self, sentence: str) -> NoAnswer:
        """Forget who looked after what: a broker that is silent may have been relieved meanwhile."""
        self._coordinators.clear()
        self._topics.clear()
        self._bootstrapped = False
        return NoAnswer(sentence)

    @property
    def where(self) -> str:
        """The brokers that were named, for messages."""
        return self.connection.url

    def _retried(self, look: Callable[[], Any], what: str) -> Any:
        until = time.monotonic() + self.timeout_s
        pause = _BACKOFF_S
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > until:
                raise NoAnswer(f"{self.where} named no {what} within {self.timeout_s:g} s")
            time.sleep(pause)
            pause = min(2 * pause, _MOST_BACKOFF_S)

    def _find(self, kind: Kind, key: str) -> Node | None:
        type_ = CoordinatorType.GROUP if kind == "group" else CoordinatorType.TRANSACTION
        answer = self.ask(FindCoordinatorRequest(key=key, key_type=int(type_), coordinator_keys=[key]))
        result = answer.coordinators[0] if answer.coordinators else answer
        if result.error_code:
            error = for_code(result.error_code)
            if error.retriable:
                return None
            if "Authorization" in error.__name__:
                raise BrokerRefused(f"{self.where}: the user may not use {kind} {key} ({error.__name__})")
            raise BrokerMismatch(f"{self.where} names no coordinator for {kind} {key}: {error.__name__}")
        return self._cluster.add_coordinator(result, type_, key)  # type: ignore[no-any-return]

    def _know(self, topics: Iterable[str], *, again: bool = False) -> None:
        unknown = set(topics) - self._topics
        if not unknown and not again:
            return
        self._connect()
        self._cluster._topics = set(self._topics | set(topics))
        self._within(self._cluster.refresh_metadata)
        self._topics |= set(topics)

    def _led(self, parts: Sequence[tuple[str, int]], *, may_come: bool) -> dict[tuple[str, int], int] | None:
        found = self._known_leaders(parts)
        if not any(leader in (None, -1) for leader in found.values()):
            return found
        self._know({topic for topic, _ in parts}, again=True)
        found = self._known_leaders(parts)
        missing = [part for part, leader in found.items() if leader is None]
        if missing and not may_come:
            topic, partition = missing[0]
            raise BrokerMismatch(
                f"there is no partition {partition} of topic {topic!r} in {self.where}; "
                "`hubbub topics create` makes the known topics"
            )
        return None if missing or -1 in found.values() else found

    def _known_leaders(self, parts: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return {part: self._cluster.leader_for_partition(TopicPartition(*part)) for part in parts}
