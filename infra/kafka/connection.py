"""From a URL and the section `[kafka]` to what a Kafka client is told, with refusal of what would not be safe."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.kafka.names import KafkaNames
from infra.kafka.settings import KafkaSection
from infra.quiet_logs import silence_secrets
from infra.settings import WrongSetting, variable_of

DEFAULT_PORT = 9092
SCHEME = "kafka://"


@dataclass(frozen=True)
class KafkaConnection:
    """Where a cluster is and how it is reached. Building one checks the settings; it connects to nothing."""

    hosts: Sequence[tuple[str, int]]
    section: KafkaSection

    @staticmethod
    def of(url: str, section: KafkaSection) -> KafkaConnection:
        """Read a URL `kafka://HOST:PORT,...`; WrongSetting when it is none, or the settings do not fit together."""
        connection = KafkaConnection(hosts_of(url), section)
        connection.check()
        return connection

    @property
    def url(self) -> str:
        """How a person names it."""
        return SCHEME + ",".join(self.bootstrap)

    @property
    def bootstrap(self) -> list[str]:
        """Return HOST:PORT of each server that is asked first."""
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts]

    @property
    def names(self) -> KafkaNames:
        """The names that hubbub's things have on this cluster."""
        return KafkaNames(self.section.topic_prefix)

    @property
    def uses_tls(self) -> bool:
        """Whether everything travels encrypted, and the servers prove who they are."""
        return self.section.security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether a user is named."""
        return self.section.security_protocol.startswith("SASL")

    @property
    def names_a_user(self) -> bool:
        """Whether the servers know who this is, by a password, a token or a certificate."""
        return self.uses_sasl or bool(self.section.ssl_certfile)

    def check(self) -> None:
        """Refuse settings that cannot work or are not safe, before anything is sent."""
        section = self.section
        far = [host for host, _ in self.hosts if not is_this_machine(host)]
        if not self.uses_tls and far and not section.insecure:
            raise WrongSetting(
                f"kafka.security_protocol: expected SSL or SASL_SSL for {far[0]}, which is another machine, got "
                f"{section.security_protocol}; kafka.insecure = true allows it all the same"
            )
        if self.uses_sasl and not self.uses_tls and section.sasl_mechanism in ("PLAIN", "OAUTHBEARER"):
            raise WrongSetting(
                f"kafka.security_protocol: expected SASL_SSL with {section.sasl_mechanism}, which sends the secret as "
                f"it is, got {section.security_protocol}"
            )
        if self.uses_sasl and section.sasl_mechanism == "OAUTHBEARER":
            if not (section.oauth_token or section.oauth_token_file or section.oauth_token_url):
                raise WrongSetting("kafka.sasl_mechanism OAUTHBEARER: expected oauth_token_file or oauth_token_url")
        elif self.uses_sasl:
            if not section.username:
                raise WrongSetting(f"kafka.sasl_mechanism {section.sasl_mechanism}: expected kafka.username, got none")
            self.password()
        if self.uses_tls:
            self.ssl_context  # noqa: B018 - reads the certificates, so that a wrong one is named now

    def password(self) -> str:
        """Return the password; WrongSetting says where it was looked for."""
        if self.section.password is not None:
            return self.section.password.reveal()
        if self.section.password_file:
            return _read(self.section.password_file, "kafka.password_file")
        raise WrongSetting(
            f"expected a password for {self.section.username!r} in {variable_of('kafka', 'password')} or in the file "
            "that kafka.password_file names, got none"
        )

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """How TLS is spoken: TLS 1.2 or newer, certificates and host names checked."""
        section = self.section
        for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            path = getattr(section, key)
            if path and not Path(path).is_file():
                raise WrongSetting(f"kafka.{key}: expected a file of certificates or a key (PEM), got {path!r}")
        try:
            context = ssl.create_default_context(cafile=section.ssl_cafile or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if section.ssl_certfile:
                secret = section.ssl_key_password
                # A function, for with None OpenSSL would ask the terminal.
                context.load_cert_chain(
                    section.ssl_certfile,
                    section.ssl_keyfile or None,
                    password=lambda: secret.reveal() if secret is not None else "",
                )
        except (ssl.SSLError, OSError, ValueError) as error:
            raise WrongSetting(f"kafka.ssl_*: expected PEM files that fit together, got: {error}") from None
        return context

    def kafka_python(self) -> dict[str, Any]:
        """Return the arguments that every client of kafka-python takes; they hold secrets, so print them nowhere."""
        silence_secrets()
        section = self.section
        timeout_ms = round(section.request_timeout_s * 1000)
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "client_id": "hubbub",
            "security_protocol": section.security_protocol,
            "request_timeout_ms": timeout_ms,
            "bootstrap_timeout_ms": timeout_ms,
            "reconnect_backoff_max_ms": 2000,
            # A job must notice soon that somebody has changed the number of partitions.
            "metadata_max_age_ms": 30_000,
        }
        if self.uses_tls:
            arguments["ssl_context"] = self.ssl_context
        if self.uses_sasl:
            arguments["sasl_mechanism"] = section.sasl_mechanism
            if section.sasl_mechanism == "OAUTHBEARER":
                from infra.kafka.oauth import token_provider  # noqa: PLC0415 - only who uses it pays for it

                arguments["sasl_oauth_token_provider"] = token_provider(self)
            else:
                arguments["sasl_plain_username"] = section.username
                arguments["sasl_plain_password"] = self.password()
        return arguments


def hosts_of(url: str) -> list[tuple[str, int]]:
    """Return the servers of a URL; WrongSetting when it names none.

    >>> hosts_of("kafka://one:9092,two")
    [('one', 9092), ('two', 9092)]
    >>> hosts_of("kafka://[::1]:1234")
    [('::1', 1234)]
    """
    expected = "expected a broker like kafka://HOST:PORT,HOST:PORT"
    if "@" in url:
        raise WrongSetting(
            f"{expected}, got one with a user in it; kafka.username names the user, the password comes from "
            f"{variable_of('kafka', 'password')} or the file that kafka.password_file names"
        )
    names = url.removeprefix(SCHEME).rstrip("/").split(",")
    hosts = []
    for name in names:
        host, colon, port = name.strip().rpartition(":")
        if not colon or port.endswith("]"):
            host, port = name.strip(), str(DEFAULT_PORT)
        host = host.removeprefix("[").removesuffix("]")
        if not url.startswith(SCHEME) or not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise WrongSetting(f"{expected}, got {url!r}")
        hosts.append((host, int(port)))
    return hosts


def is_this_machine(host: str) -> bool:
    """Tell whether a name or address cannot leave this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: str, place: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(f"{place}: expected a readable text file at {path}, got: {error}") from None
