"""From a URL and settings to what a Kafka client is told: what is refused before anything is sent, no secret shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.broker_url import check_url
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.secret import Secret
from infra.settings import WrongSetting

PASSWORD = Secret("hunter2", "HUBBUB_KAFKA_PASSWORD")
HERE = "kafka://127.0.0.1:9092"
FAR = "kafka://broker.example:9092"


def test_servers_are_named_with_or_without_port() -> None:
    connection = KafkaConnection.of("kafka://localhost,127.0.0.1:1234,[::1]:5", KafkaSection())
    assert connection.bootstrap == ["localhost:9092", "127.0.0.1:1234", "[::1]:5"]
    assert connection.url == "kafka://localhost:9092,127.0.0.1:1234,[::1]:5"


@pytest.mark.parametrize("url", ["kafka:host", "kafka://", "kafka://host:0", "kafka://host:x", "kafka://a:1,,b:2"])
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(WrongSetting, match=r"expected a broker like kafka://HOST:PORT"):
        check_url(url, KafkaSection())


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(WrongSetting, match="HUBBUB_KAFKA_PASSWORD") as caught:
        check_url("kafka://me:hunter2@host:9092", KafkaSection())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_another_machine_is_reached_by_tls_or_not_by_accident(protocol: str) -> None:
    section = {"security_protocol": protocol, "username": "me", "password": PASSWORD}
    with pytest.raises(WrongSetting, match=r"expected SSL or SASL_SSL for broker\.example, .* kafka\.insecure = true"):
        KafkaConnection.of(FAR, KafkaSection(**section))  # type: ignore[arg-type]
    KafkaConnection.of(FAR, KafkaSection(**section, insecure=True))  # type: ignore[arg-type]
    KafkaConnection.of(HERE, KafkaSection(**section))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (KafkaSection(security_protocol="SASL_SSL"), r"expected kafka\.username, got none"),
        (
            KafkaSection(security_protocol="SASL_SSL", username="me"),
            "expected a password for 'me' in HUBBUB_KAFKA_PASS",
        ),
        (
            KafkaSection(security_protocol="SASL_SSL", username="me", password_file="/nowhere/p"),
            r"kafka\.password_file: expected a readable text file at /nowhere/p",
        ),
        (
            KafkaSection(security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER"),
            "OAUTHBEARER: expected oauth_token_file or oauth_token_url",
        ),
        (
            KafkaSection(security_protocol="SSL", ssl_cafile="/nowhere/ca"),
            r"kafka\.ssl_cafile: expected a file of cert",
        ),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sent(section: KafkaSection, said: str) -> None:
    with pytest.raises(WrongSetting, match=said):
        KafkaConnection.of(FAR, section)


def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("hunter2\n", encoding="utf-8")
    section = KafkaSection(security_protocol="SASL_SSL", username="me", password_file=str(path))
    arguments = KafkaConnection.of(FAR, section).kafka_python()
    assert (arguments["sasl_mechanism"], arguments["sasl_plain_password"]) == ("SCRAM-SHA-512", "hunter2")
    assert arguments["ssl_context"].check_hostname


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate", encoding="utf-8")
    with pytest.raises(WrongSetting, match="expected PEM files that fit together"):
        KafkaConnection.of(FAR, KafkaSection(security_protocol="SSL", ssl_cafile=str(path)))


def test_a_connection_shows_no_secret() -> None:
    section = KafkaSection(security_protocol="SASL_PLAINTEXT", username="me", password=PASSWORD)
    assert "hunter2" not in repr(KafkaConnection.of(HERE, section))
