"""A Kafka that lets nobody in without TLS, a password and rights: its certificates, users and access control lists."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.broker import BrokerRefused
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from infra.secret import Secret
from tests.broker_subject import eventually
from tests.patience import ADMIN, ANSWER_S

DAY = timedelta(days=1)


class Authority:
    """A certificate authority of a test's own, with its files in `folder`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, hosts: Iterable[str] = (), expired: bool = False) -> Path:
        """Return a file with a key and its certificate for these hosts (names or addresses)."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        begin, end = (now - 3 * DAY, now - 2 * DAY) if expired else (now - DAY, now + DAY)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names := [_general(host) for host in hosts]:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        path = self._folder / f"{name}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return path


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def tls_properties(keystore: Path, authority: Path, *, client_certificates: bool = False) -> dict[str, str]:
    """Return the settings of a broker that speaks TLS to its clients."""
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
        "ssl.client.auth": "required" if client_certificates else "none",
    }


def user_properties(plain_users: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a broker that asks for users, and lets each do only what an ACL allows."""
    users = " ".join(f'user_{name}="{password}"' for name, password in plain_users.items())
    module = "org.apache.kafka.common.security"
    return {
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "listener.name.client.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
        "listener.name.client.plain.sasl.jaas.config": f"{module}.plain.PlainLoginModule required {users};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # Who comes through the brokers' own listener, on the loopback, is the administrator.
        "super.users": "User:ANONYMOUS",
    }


@dataclass(frozen=True)
class Right:
    """One line of an access control list: the user may do `operation` to `resource` (TOPIC, GROUP, ...) `name`."""

    operation: str
    resource: str
    name: str
    prefixed: bool = False


@dataclass(frozen=True)
class SecuredKafka:
    """A broker with TLS, users, rights: its user `admin` may do everything, `plain` (mechanism PLAIN) nothing yet."""

    kafka: LocalKafka
    authority: Authority
    state: Path

    @property
    def url(self) -> str:
        return f"kafka://{self.kafka.bootstrap}"

    def section(self, user: str, password: str | None = None, **settings: object) -> KafkaSection:
        """Return the settings by which a user comes in; its password is NAME-password if none is given."""
        section = KafkaSection(
            security_protocol="SASL_SSL",
            username=user,
            password=Secret(password or f"{user}-password", "HUBBUB_KAFKA_PASSWORD"),
            ssl_cafile=str(self.authority.file),
            state_dir=str(self.state),
            request_timeout_s=ANSWER_S,
            transaction_timeout_s=5.0,
        )
        return msgspec.structs.replace(section, **settings)

    def open(self, user: str, password: str | None = None, **settings: object) -> KafkaBroker:
        return KafkaBroker(KafkaConnection.of(self.url, self.section(user, password, **settings)))

    def lets_in(self, user: str) -> bool:
        """Tell whether the broker knows a user by now: the controller does a moment before."""
        try:
            self.open(user).close()
        except BrokerRefused:
            return False
        return True


@contextmanager
def start_secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """Start such a broker with its files in `folder`."""
    authority = Authority(folder)
    properties = tls_properties(authority.issue("broker", hosts=["127.0.0.1"]), authority.file)
    properties |= user_properties({"plain": "plain-password"})
    with LocalKafka(folder, protocol="SASL_SSL", properties=properties) as kafka:
        one = SecuredKafka(kafka, authority, folder / "state")
        for user in ("admin", "job"):
            add_user(kafka, user, f"{user}-password")
            assert eventually(lambda user=user: one.lets_in(user))  # type: ignore[misc]
        set_rights(kafka, "admin", [Right("ALL", kind, "*") for kind in ("TOPIC", "GROUP", "TRANSACTIONAL_ID")])
        yield one


def add_user(kafka: LocalKafka, name: str, password: str) -> None:
    """Give a user a password (SCRAM-SHA-512)."""
    from kafka import KafkaAdminClient
    from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

    admin = KafkaAdminClient(bootstrap_servers=kafka.internal, **ADMIN)
    upsertion = UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_512, password)
    assert admin.alter_user_scram_credentials([upsertion]) == {name: None}
    admin.close()


def set_rights(kafka: LocalKafka, user: str, rights: Iterable[Right]) -> None:
    """Let a user do exactly this."""
    from kafka import KafkaAdminClient
    from kafka.admin import (
        ACL,
        ACLFilter,
        ACLOperation,
        ACLPermissionType,
        ACLResourcePatternType,
        ResourcePattern,
        ResourcePatternFilter,
        ResourceType,
    )

    admin = KafkaAdminClient(bootstrap_servers=kafka.internal, **ADMIN)
    every = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    all_of_them = ACLFilter(f"User:{user}", None, ACLOperation.ANY, ACLPermissionType.ANY, every)
    admin.delete_acls([all_of_them])
    lists = [
        ACL(
            f"User:{user}",
            "*",
            ACLOperation[one.operation],
            ACLPermissionType.ALLOW,
            ResourcePattern(
                ResourceType[one.resource],
                one.name,
                ACLResourcePatternType.PREFIXED if one.prefixed else ACLResourcePatternType.LITERAL,
            ),
        )
        for one in rights
    ]
    if lists:
        assert not admin.create_acls(lists)["failed"]
    # The controller has them; what the broker goes by follows a moment later.
    assert eventually(lambda: set(admin.describe_acls(all_of_them)[0]) == set(lists))
    admin.close()
