"""Open the broker that a URL names."""

from __future__ import annotations

from pathlib import Path

from infra.broker import Broker
from infra.kafka.settings import KafkaSection
from infra.settings import BrokerSection, WrongSetting
from infra.sqlite.broker import DAY_US, SqliteBroker

KNOWN = "sqlite:PATH or kafka://HOST:PORT"
KAFKA = "kafka"


def open_broker(section: BrokerSection, kafka: KafkaSection | None = None, *, must_exist: bool = False) -> Broker:
    """Open a broker; `must_exist` refuses to make a new, empty file where none is. `kafka` is for `kafka://` alone.

    Raises WrongSetting for a URL that names none, and what the port says: BrokerUnavailable, BrokerMismatch, ...
    """
    if is_kafka(section.url):
        # The client library costs a quarter of a second; who has a file need not pay it.
        from infra.kafka.broker import KafkaBroker  # noqa: PLC0415
        from infra.kafka.connection import KafkaConnection  # noqa: PLC0415

        connection = KafkaConnection.of(section.url, kafka or KafkaSection())
        return KafkaBroker(connection, retention_days=section.retention_days)
    path = sqlite_path(section.url)
    if must_exist and not path.exists():
        raise WrongSetting(f"there is no broker file {path} yet; `hubbub demo` or `hubbub produce` makes one")
    return SqliteBroker(path, durability=section.durability, retention_us=round(section.retention_days * DAY_US))


def is_kafka(url: str) -> bool:
    """Tell whether a URL names a Kafka cluster."""
    return url.partition(":")[0] == KAFKA


def check_url(url: str, kafka: KafkaSection) -> None:
    """WrongSetting unless the URL names a broker and its settings fit; nothing is opened."""
    if is_kafka(url):
        from infra.kafka.connection import KafkaConnection  # noqa: PLC0415

        KafkaConnection.of(url, kafka)
    else:
        sqlite_path(url)


def sqlite_path(url: str) -> Path:
    """Return the file of a `sqlite:` URL; WrongSetting for any other URL, which is quoted without its secrets.

    >>> sqlite_path("sqlite:hubbub.db")
    PosixPath('hubbub.db')
    """
    scheme, colon, rest = url.partition(":")
    if not colon:
        raise WrongSetting(f"expected a broker like {KNOWN}, got {url!r}; did you mean sqlite:{url}?")
    if scheme != "sqlite":
        raise WrongSetting(f"expected a broker like {KNOWN}, got {without_secrets(url)!r}")
    # sqlite:///folder/file is what other tools write for an absolute path.
    path = rest[2:] if rest.startswith("///") else rest
    if not path or path.startswith("//") or path == ":memory:":
        raise WrongSetting(f"expected a file's path in the broker URL, as in sqlite:hubbub.db, got {url!r}")
    return Path(path)


def without_secrets(url: str) -> str:
    """Return a URL without the user and password that it may carry.

    >>> without_secrets("kafka://me:secret@host:9092")
    'kafka://host:9092'
    """
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"
