"""TLS to Kafka (S1): every wrong certificate is refused with its reason, and nothing ever travels in the clear."""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from infra.broker import BrokerAway, BrokerRefused, TopicPartition
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.record import Append
from tests.patience import ANSWER_S, PATIENCE_S
from tests.secured_kafka import Authority, tls_properties

HANDSHAKE = 22  # the first byte of what TLS sends first
TLS = KafkaSection(security_protocol="SSL", request_timeout_s=ANSWER_S)


class TlsServer:
    """A server that speaks TLS by a certificate, to whom whatever came is known: what TLS carried, and raw bytes."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.first_bytes: list[int] = []
        self.carried = b""
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            with one:
                one.settimeout(PATIENCE_S)
                if first := one.recv(1, socket.MSG_PEEK):
                    self.first_bytes.append(first[0])
                try:
                    with self._context.wrap_socket(one, server_side=True) as secure:
                        self.carried += secure.recv(4096)
                except OSError:
                    continue

    def __enter__(self) -> TlsServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def refused(context: ssl.SSLContext, cafile: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """Open a broker on such a server; give what it was refused for, and check that nothing was told."""
    with TlsServer(context) as server:
        section = msgspec.structs.replace(TLS, ssl_cafile=str(cafile))
        with pytest.raises(BrokerRefused) as error:
            KafkaBroker(KafkaConnection.of(f"kafka://{host}:{server.port}", section))
        assert server.first_bytes and set(server.first_bytes) == {HANDSHAKE}
        assert server.carried == b""
        assert str(error.value).startswith(f"{host}:{server.port} and this machine do not agree on TLS: ")
        yield str(error.value)


def test_another_host_s_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with refused(server_context(authority.issue("other", hosts=["kafka.example", "127.0.0.2"])), authority.file) as why:
        assert "certificate is not valid for '127.0.0.1'" in why
    with refused(server_context(authority.issue("address", hosts=["127.0.0.1"])), authority.file, "localhost") as why:
        assert "certificate is not valid for 'localhost'" in why


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("late", hosts=["127.0.0.1"], expired=True)
    with refused(server_context(certificate), authority.file) as why:
        assert "certificate has expired" in why


def test_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    certificate = Authority(tmp_path, "ours").issue("broker", hosts=["127.0.0.1"])
    with refused(server_context(certificate), Authority(tmp_path, "theirs").file) as why:
        assert "unable to get local issuer certificate" in why


def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = server_context(authority.issue("broker", hosts=["127.0.0.1"]))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # an old TLS is what this is about
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with refused(context, authority.file) as why:
        assert "PROTOCOL_VERSION" in why.upper().replace(" ", "_")


def test_a_server_without_tls_is_refused_and_told_nothing(kafka: LocalKafka) -> None:
    """A downgrade: who is told to use TLS never falls back to doing without."""
    with pytest.raises(BrokerRefused, match="do not agree on TLS"):
        KafkaBroker(KafkaConnection.of(f"kafka://{kafka.bootstrap}", TLS))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls_kafka(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker that speaks TLS only, and only with clients that have a certificate."""
    keystore = authority.issue("broker", hosts=["127.0.0.1"])
    properties = tls_properties(keystore, authority.file, client_certificates=True)
    with LocalKafka(tmp_path_factory.mktemp("tls"), protocol="SSL", properties=properties) as local:
        yield local


def test_writes_and_reads_with_certificates_of_both_sides(tls_kafka: LocalKafka, authority: Authority) -> None:
    client = str(authority.issue("client"))
    section = msgspec.structs.replace(TLS, ssl_cafile=str(authority.file), ssl_certfile=client, ssl_keyfile=client)
    with KafkaBroker(KafkaConnection.of(f"kafka://{tls_kafka.bootstrap}", section)) as broker:
        broker.create_topics([CUSTOMER_MESSAGES])
        [(partition, offset)] = broker.append([Append("customer.messages", b"d", b"{}")])
        part = TopicPartition("customer.messages", partition)
        [record] = broker.read(part, offset, max_records=1, max_bytes=100)
        assert record.value == b"{}"


def test_a_client_without_the_certificate_that_is_asked_for_gets_a_reason(
    tls_kafka: LocalKafka, authority: Authority
) -> None:
    section = msgspec.structs.replace(TLS, ssl_cafile=str(authority.file))
    with pytest.raises(BrokerRefused, match="refuses a client without a certificate: "):
        KafkaBroker(KafkaConnection.of(f"kafka://{tls_kafka.bootstrap}", section))


def test_a_client_s_certificate_of_another_authority_is_refused(
    tls_kafka: LocalKafka, authority: Authority, tmp_path: Path
) -> None:
    client = str(Authority(tmp_path, "stranger").issue("client"))
    section = msgspec.structs.replace(TLS, ssl_cafile=str(authority.file), ssl_certfile=client, ssl_keyfile=client)
    with pytest.raises(BrokerRefused, match="refuses this client's certificate: "):
        KafkaBroker(KafkaConnection.of(f"kafka://{tls_kafka.bootstrap}", section))


def test_a_client_that_speaks_in_the_clear_is_told_what_may_be_expected(tls_kafka: LocalKafka) -> None:
    with pytest.raises(BrokerAway, match=r"it may expect TLS and a user: kafka\.security_protocol is PLAINTEXT"):
        KafkaBroker(KafkaConnection.of(f"kafka://{tls_kafka.bootstrap}", KafkaSection(request_timeout_s=3.0)))
