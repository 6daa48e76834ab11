"""Open the broker that a URL names."""

from __future__ import annotations

from pathlib import Path

from infra.broker import Broker
from infra.settings import BrokerSection, WrongSetting
from infra.sqlite_broker import DAY_US, SqliteBroker

KNOWN = "sqlite:PATH (kafka://HOST:PORT is not in this release)"


def open_broker(section: BrokerSection, *, must_exist: bool = False) -> Broker:
    """Open a broker; `must_exist` refuses to make a new, empty one where none is.

    Raises WrongSetting for a URL that names none, BrokerUnavailable and BrokerMismatch as the port says.
    """
    path = sqlite_path(section.url)
    if must_exist and not path.exists():
        raise WrongSetting(f"there is no broker file {path} yet; `hubbub demo` or `hubbub produce` makes one")
    return SqliteBroker(path, durability=section.durability, retention_us=round(section.retention_days * DAY_US))


def sqlite_path(url: str) -> Path:
    """Return the file of a `sqlite:` URL; WrongSetting for any other URL, which is quoted without its secrets.

    >>> sqlite_path("sqlite:hubbub.db")
    PosixPath('hubbub.db')
    """
    scheme, colon, rest = url.partition(":")
    if scheme == "kafka":
        raise WrongSetting(f"{without_secrets(url)}: Kafka is not in this release; use sqlite:PATH")
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
