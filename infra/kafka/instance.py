"""Which instance of hubbub this process is, for Kafka: a name that no other process has while this one lives.

Its consumer group members and its transactions carry the name, so a restarted process takes over at once what its
dead self left: partitions without waiting for the session's end, and an open transaction, which is ended.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import re2

from infra.broker import BrokerUnavailable
from infra.instance_slot import InstanceSlot
from infra.settings import WrongSetting

# What a group's member may be called; the rest of 249 characters is for the group's name in transactional ids.
_NAME = re2.compile(r"^[A-Za-z0-9._-]{1,64}$")


@dataclass(frozen=True, slots=True)
class KafkaInstance:
    """A name, and the lock file in `state_dir` that makes it this process's own; `folder` is for snapshots.

    A name that a person gives is the same on every machine, so they must give each machine another. Without one it is
    the machine's own id (made once, kept in `state_dir`) and a slot's number.
    """

    name: str
    folder: Path
    _slot: InstanceSlot

    @staticmethod
    def take(state_dir: Path, name: str | None) -> KafkaInstance:
        """Take the name, or the first free slot; BrokerUnavailable if a process of this machine has it."""
        if name is not None and not _NAME.match(name):
            raise WrongSetting(f"--instance: expected 1 to 64 of A-Z a-z 0-9 . _ -, got {name!r}")
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            machine = _machine_id(state_dir)
        except OSError as error:
            raise BrokerUnavailable(f"cannot use kafka.state_dir {state_dir}: {error.strerror}") from error
        slot = InstanceSlot.take(state_dir / "hubbub", name)
        whole = name if name is not None else f"{machine}-{slot.name}"
        return KafkaInstance(whole, state_dir / "memory", slot)

    def free(self) -> None:
        """Give the name back."""
        self._slot.free()


def _machine_id(state_dir: Path) -> str:
    path = state_dir / "machine-id"
    if not path.exists():
        # Whole or not at all, whoever dies or looks meanwhile: the first to link his own is the one who made it.
        made = state_dir / f"machine-id.{secrets.token_hex(8)}"
        try:
            made.write_text(secrets.token_hex(4))
            with suppress(FileExistsError):
                path.hardlink_to(made)
        finally:
            made.unlink(missing_ok=True)
    found = path.read_text().strip()
    if not _NAME.match(found):
        raise BrokerUnavailable(
            f"expected a machine's id in {path}, got {found[:80]!r}; delete the file to make another"
        )
    return found
