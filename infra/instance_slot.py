"""Which of several processes this one is: a slot held by a file lock, free again the moment its process dies."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from infra.broker import BrokerUnavailable

MOST_SLOTS = 64


@dataclass(frozen=True, slots=True)
class InstanceSlot:
    """A name among the processes that share one broker file.

    The kernel drops the lock when the process ends in whatever way, so a restarted process finds its old slot free
    and nobody needs a clock to notice a death.
    """

    name: str
    path: Path
    _descriptor: int

    @staticmethod
    def take(broker_file: Path, name: str | None) -> InstanceSlot:
        """Lock the slot `name`, or the first free one ("0", "1", ...); BrokerUnavailable when it is held."""
        names = [name] if name is not None else [str(number) for number in range(MOST_SLOTS)]
        for candidate in names:
            path = slot_path(broker_file, candidate)
            descriptor = _lock(path)
            if descriptor is not None:
                return InstanceSlot(candidate, path, descriptor)
        raise BrokerUnavailable(
            f"instance {names[0]!r} of {broker_file} is running already; name another with --instance"
        )

    def free(self) -> None:
        """Give the slot back."""
        os.close(self._descriptor)


def slot_path(broker_file: Path, name: str) -> Path:
    """Return the lock file of a slot."""
    return broker_file.with_name(f"{broker_file.name}-instance-{name}.lock")


def is_alive(broker_file: Path, name: str) -> bool:
    """Tell whether some process holds the slot."""
    descriptor = _lock(slot_path(broker_file, name))
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _lock(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise BrokerUnavailable(f"cannot lock {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
