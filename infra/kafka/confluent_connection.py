"""The same settings for librdkafka, the C library in confluent-kafka (extra `fast`, `[kafka] client = "confluent"`)."""

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.settings import WrongSetting

if TYPE_CHECKING:
    from infra.kafka.connection import KafkaConnection


def check_installed() -> None:
    """WrongSetting when the extra is not installed."""
    if importlib.util.find_spec("confluent_kafka") is None:
        raise WrongSetting(
            "kafka.client: expected the extra fast for 'confluent', found it not installed; install it with: "
            "pip install 'hubbub[fast]'"
        )


def silent_logger() -> logging.Logger:
    """Return a logger that drops what librdkafka says: what matters comes back as an error of the call it concerns."""
    logger = logging.getLogger("librdkafka")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


def confluent_arguments(connection: KafkaConnection) -> dict[str, Any]:
    """Return what every client of librdkafka is told; it holds secrets, so print it nowhere."""
    section = connection.section
    arguments: dict[str, Any] = {
        "bootstrap.servers": ",".join(connection.bootstrap),
        "client.id": "hubbub",
        "security.protocol": section.security_protocol,
        "socket.timeout.ms": round(section.request_timeout_s * 1000),
        "allow.auto.create.topics": False,
        # A broker that is back is found at once; by default librdkafka stays away for up to 10 s.
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 500,
        "retry.backoff.ms": 20,
        "retry.backoff.max.ms": 500,
        # The partition of a key as every Java client chooses it; librdkafka's own default is another.
        "partitioner": "murmur2_random",
    }
    if connection.uses_tls:
        arguments |= _tls(connection)
    if connection.uses_sasl:
        arguments |= _sasl(connection)
    return arguments


def _tls(connection: KafkaConnection) -> dict[str, Any]:
    section = connection.section
    connection.ssl_context  # noqa: B018 - refuses files that do not fit together by their settings' names
    arguments: dict[str, Any] = {
        "enable.ssl.certificate.verification": True,
        "ssl.endpoint.identification.algorithm": "https",
    }
    if section.ssl_cafile:
        arguments["ssl.ca.location"] = section.ssl_cafile
    if section.ssl_certfile:
        arguments["ssl.certificate.location"] = section.ssl_certfile
        arguments["ssl.key.location"] = section.ssl_keyfile or section.ssl_certfile
        if section.ssl_key_password is not None:
            arguments["ssl.key.password"] = section.ssl_key_password.reveal()
    return arguments


def _sasl(connection: KafkaConnection) -> dict[str, Any]:
    section = connection.section
    arguments: dict[str, Any] = {"sasl.mechanisms": section.sasl_mechanism}
    if section.sasl_mechanism != "OAUTHBEARER":
        return {**arguments, "sasl.username": section.username, "sasl.password": connection.password()}
    return {**arguments, "oauth_cb": _token_callback(connection)}


def _token_callback(connection: KafkaConnection) -> Callable[[str], tuple[str, float]]:
    from infra.kafka.oauth import token_provider  # noqa: PLC0415 - only who uses it pays for it

    provider = token_provider(connection)

    def token(_: str) -> tuple[str, float]:
        # librdkafka asks again before a token ends; how long ours lasts only its provider knows, which keeps it fresh.
        return str(provider.token()), time.time() + 60.0

    return token
