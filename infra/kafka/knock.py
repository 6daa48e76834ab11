"""Knock at a cluster before a client library does: who is not let in, or finds nobody, learns at once why.

kafka-python tries for as long as it may and keeps the reason to itself: a wrong password, a name that is not in the
certificate and a server that is not there all end as the same timeout.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from kafka import errors
from kafka.net.compat import KafkaNetClient
from kafka.protocol.metadata import MetadataRequest

from infra.broker import BrokerAway, BrokerRefused
from infra.kafka.errors import translated, who

if TYPE_CHECKING:
    from infra.kafka.connection import KafkaConnection


def knock(connection: KafkaConnection) -> None:
    """Return when one server of the URL lets this user in.

    BrokerRefused when one says no (to the certificate or to the user), BrokerAway when none answers: at once
    where nobody listens, else in the time that an answer is waited for.
    """
    timeout_s = connection.section.request_timeout_s
    reasons = []
    for host, port in connection.hosts:
        reason = _reach(connection, host, port, timeout_s) or _enter(connection, host, port, timeout_s)
        if reason is None:
            return
        reasons.append(f"{host}:{port}: {reason}")
    raise BrokerAway(f"nobody answers at {connection.url} ({'; '.join(reasons)})")


def _reach(connection: KafkaConnection, host: str, port: int, timeout_s: float) -> str | None:
    """Connect, and agree on TLS where it is asked for; return why there is no connection, if there is none."""
    try:
        with socket.create_connection((host, port), timeout_s) as plain:
            if connection.uses_tls:
                connection.ssl_context.wrap_socket(plain, server_hostname=host).close()
            return None
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        raise BrokerRefused(f"{host}:{port} and this machine do not agree on TLS: {reason}") from None
    except OSError as error:
        return error.strerror or str(error)


def _enter(connection: KafkaConnection, host: str, port: int, timeout_s: float) -> str | None:
    """Say who we are and ask one question; return why there is no answer, if there is none."""
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    arguments = {**connection.kafka_python(), "bootstrap_servers": [shown], "request_timeout_ms": timeout_s * 1000}
    arguments.pop("bootstrap_timeout_ms")
    client = KafkaNetClient(**arguments)
    try:
        manager = client._manager
        [node] = manager.cluster.bootstrap_brokers()
        opened = manager.get_connection(node.node_id)
        client._net.poll(timeout_ms=timeout_s * 1000, future=opened.init_future)
        answer = opened.init_future
        if answer.is_done and answer.succeeded():
            answer = opened.send_request(MetadataRequest(topics=[], max_version=1))
            client._net.poll(timeout_ms=timeout_s * 1000, future=answer)
        if not answer.is_done:
            return f"no answer within {timeout_s:g} s"
        if answer.succeeded():
            return None
        error = answer.exception
        named = opened.broker_version_data is not None and connection.uses_sasl and not opened.init_future.succeeded()
    finally:
        client.close()
    refused = isinstance(error, errors.KafkaConnectionError) or type(error).__name__ == "SaslAuthenticationFailedError"
    if named and refused:
        # A server says no and hangs up; kafka-python 3.0.12 now and then drops what comes with the end of a connection.
        raise BrokerRefused(f"{shown} does not know {who(connection)}, or not by this password")
    meaning = translated(connection, "saying who it is", error) if isinstance(error, errors.KafkaError) else None
    if isinstance(meaning, BrokerRefused):
        raise meaning from None
    for cause in error.args:
        if isinstance(cause, ssl.SSLError):  # with TLS 1.3 a server judges a client's certificate after the handshake
            mine = "this client's certificate" if connection.section.ssl_certfile else "a client without a certificate"
            raise BrokerRefused(f"{shown} refuses {mine}: {cause.reason}")
    return f"it ends the connection{_hint(connection)} ({type(error).__name__}: {error})"


def _hint(connection: KafkaConnection) -> str:
    """Guess what a server misses that speaks TCP, and TLS where it was asked to, and hangs up then."""
    missing = [name for name, used in (("TLS", connection.uses_tls), ("a user", connection.uses_sasl)) if not used]
    if not missing:
        return ""
    return f"; it may expect {' and '.join(missing)}: kafka.security_protocol is {connection.section.security_protocol}"
