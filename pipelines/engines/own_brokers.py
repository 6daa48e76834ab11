"""How a worker process opens the broker for itself: recipes that can be sent to it. None of them holds a secret."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.broker import Broker
from infra.sqlite.broker import SqliteBroker
from infra.sqlite.store import Durability

OpenBroker = Callable[[], Broker]
_SHARED: dict[OpenBroker, Broker] = {}
_SHARING = threading.Lock()


def shared_broker(open_broker: OpenBroker) -> Broker:
    """Return the one broker of this process that a recipe opened, for work that comes back again and again."""
    with _SHARING:
        if open_broker not in _SHARED:
            _SHARED[open_broker] = open_broker()
        return _SHARED[open_broker]


def close_shared(open_broker: OpenBroker) -> None:
    """Close it; the next who asks opens another."""
    with _SHARING:
        if (broker := _SHARED.pop(open_broker, None)) is not None:
            broker.close()


@dataclass(frozen=True)
class OpenSqlite:
    """Opens a file that hubbub made."""

    path: Path
    durability: Durability = "off"

    def __call__(self) -> Broker:
        """Open it."""
        return SqliteBroker(self.path, durability=self.durability)


@dataclass(frozen=True)
class OpenBySettings:
    """Opens what the settings name, read again where it is opened: there they find their secrets, or say so.

    `url` is what --broker named, `config` the settings file, `directory` where the command was typed.
    """

    url: str | None
    config: Path | None
    directory: Path

    def __call__(self) -> Broker:
        """Open it."""
        # Settings and clients of Kafka are for those who use them.
        from infra.broker_url import open_broker  # noqa: PLC0415
        from infra.settings import load_settings  # noqa: PLC0415

        settings = load_settings(
            flags={"broker.url": self.url}, environment=os.environ, config=self.config, directory=self.directory
        )
        return open_broker(settings.broker, settings.kafka)
