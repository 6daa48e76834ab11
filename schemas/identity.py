"""Names that never change: one hash gives every event, output and alert its id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def identity(*fields: str | int) -> str:
    """Return the id of a tuple of fields: 32 lower-case hex digits.

    sha256 over each field's UTF-8 bytes, each preceded by its length as 4 bytes big-endian (so ("ab", "c") and
    ("a", "bc") differ); integers are written in decimal; the first 16 bytes are kept. Which fields make an id is
    decided in ARCHITECTURE.md, "Identity": the functions below are those decisions.
    """
    digest = hashlib.sha256()
    for field in fields:
        encoded = str(field).encode("utf-8")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()[:32]


def _utf8(field: str) -> bytes:
    return field.encode("utf-8")


def cloud_event_id(source: str, event: str) -> str:
    """Id of an event that came with CloudEvents' own `source` and `id`."""
    return identity(source, event)


def record_id(topic: str, partition: int, offset: int) -> str:
    """Id of an event that came as a plain value: the place where it first entered a topic."""
    return identity(topic, partition, offset)


def record_ids(topic: str, partition: int, offsets: Iterable[int]) -> list[str]:
    """Ids of many records of one partition: what record_id says of each, without hashing the topic every time."""
    digest = hashlib.sha256()
    for field in (topic.encode("utf-8"), b"%d" % partition):
        digest.update(len(field).to_bytes(4, "big") + field)
    ids = []
    for offset in offsets:
        digits = b"%d" % offset
        one = digest.copy()
        one.update(b"\0\0\0%c" % len(digits) + digits)  # an offset has at most 19 digits
        ids.append(one.hexdigest()[:32])
    return ids


def file_row_id(file_sha256: str, line: int) -> str:
    """Id of a row of a file: the file's own digest and the line, counted from 1."""
    return identity(file_sha256, line)


def output_id(input_event_id: str, pipeline: str, operator: str, index: int) -> str:
    """Id of what an operator of a pipeline made of one input; `index` counts several outputs of the same input."""
    return identity(input_event_id, pipeline, operator, index)


def output_ids(input_event_ids: Iterable[str], pipeline: str, operator: str, index: int) -> list[str]:
    """Ids of the same output of many inputs: what output_id says of each, with all but the input's id prepared."""
    tail = b"".join(len(field).to_bytes(4, "big") + field for field in map(_utf8, (pipeline, operator, str(index))))
    sha256 = hashlib.sha256
    ids = []
    for event_id in input_event_ids:
        encoded = event_id.encode("utf-8")
        ids.append(sha256(len(encoded).to_bytes(4, "big") + encoded + tail).hexdigest()[:32])
    return ids


def deadline_id(operator: str, key: str, deadline_us: int, index: int) -> str:
    """Id of what an operator put out because a deadline (microseconds since 1970) of a key had come."""
    return identity(operator, key, deadline_us, index)


def alert_id(fingerprint: str, opening_event_id: str) -> str:
    """Id of one alert: what it is about, and the event that opened it."""
    return identity(fingerprint, opening_event_id)
