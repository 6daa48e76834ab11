"""A record that could not be processed, as it goes to `dead.letters`: untouched, with the reason beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.dead_letters import DEAD_LETTERS
from schemas.identity import identity
from schemas.record import Append, Record

MOST_MESSAGE_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one record failed: where (a stage), why (a reason of the closed list), which operator, and a sentence."""

    stage: str
    reason: str
    message: str
    operator: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class DeadLetterWriter:
    """Builds dead letters for one consumer group. `version` is hubbub's own."""

    group: str
    engine: str
    version: str

    def letter(self, topic: str, partition: int, record: Record, failure: Failure, now_us: int) -> Append:
        """Return the dead letter of a record: key, value and headers as they came, then what is known of the failure.

        The header names are those that Kafka Connect's viewers read, and `dlq.*` for what they have no word for;
        `dlq.id` is the same however often the record fails at this stage of this group.
        """
        value = record.value or b""
        headers = {
            "__connect.errors.topic": topic,
            "__connect.errors.partition": str(partition),
            "__connect.errors.offset": str(record.offset),
            "__connect.errors.connector.name": self.group,
            "__connect.errors.stage": failure.stage,
            "__connect.errors.class.name": failure.operator,
            "__connect.errors.exception.class.name": failure.reason,
            "__connect.errors.exception.message": _one_line(failure.message),
            "dlq.id": identity(self.group, topic, partition, record.offset, failure.stage),
            "dlq.reason": failure.reason,
            "dlq.attempts": str(failure.attempts),
            "dlq.failed_at": _rfc3339(now_us),
            "dlq.engine": self.engine,
            "dlq.app_version": self.version,
            "dlq.original_timestamp": _rfc3339(record.timestamp_us),
            "dlq.original_size": str(len(value)),
            "dlq.sha256": hashlib.sha256(value).hexdigest(),
        }
        # A record that came from dead.letters before keeps its first headers; the last of a name is the newest.
        added = tuple((name, text.encode("utf-8", "replace")) for name, text in headers.items())
        return Append(DEAD_LETTERS.name, record.key, record.value, (*record.headers, *added))


def _one_line(message: str) -> str:
    safe = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in message[:MOST_MESSAGE_CHARACTERS])
    return safe[:MOST_MESSAGE_CHARACTERS]


def _rfc3339(time_us: int) -> str:
    seconds, microseconds = divmod(time_us, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
