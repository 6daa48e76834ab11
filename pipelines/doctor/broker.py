"""What state the broker is in: reachable, of a known format, with room on its disk; how far behind its groups are."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from infra.broker import Broker, BrokerMismatch, BrokerUnavailable, TopicPartition
from infra.broker_url import open_broker, sqlite_path
from infra.settings import BrokerSection, WrongSetting
from pipelines.catalog import SHIPPED
from pipelines.doctor.finding import Finding
from pipelines.doctor.machine import gigabytes
from schemas.catalog import TOPICS
from schemas.dead_letters import DEAD_LETTERS

LEAST_FREE_BYTES = 200_000_000
LITTLE_FREE_BYTES = 2_000_000_000
# SQLite writes the log back at every 4 MB; far more means that a reader keeps it from doing so.
LARGE_LOG_BYTES = 256_000_000


def look_at_broker(section: BrokerSection) -> list[Finding]:
    """Return the findings about the broker that the settings name."""
    try:
        path = sqlite_path(section.url)
    except WrongSetting as wrong:
        return [Finding("broker", "wrong", str(wrong))]
    disk = _disk(path)
    if not path.exists():
        folder = path.absolute().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            return [Finding("broker", "wrong", f"{path} cannot be made: expected a folder {folder} to write in"), *disk]
        told = f"there is no broker file {path} yet; `hubbub demo` or `hubbub produce` makes one"
        return [Finding("broker", "fine", told), *disk]
    size = path.stat().st_size
    began = time.perf_counter()
    try:
        with open_broker(section, must_exist=True) as broker:
            topics = broker.topics()
            took = (time.perf_counter() - began) * 1000
            told = f"{broker.url} opens in {took:.0f} ms, holds {len(topics)} topics in {gigabytes(size)}"
            return [
                Finding("broker", "fine", told),
                *disk,
                *_write_ahead_log(path),
                *_partitions(topics),
                *_groups(broker, topics),
                *_dead_letters(broker, topics),
            ]
    except (BrokerUnavailable, BrokerMismatch) as error:
        return [Finding("broker", "wrong", str(error)), *disk]


def _disk(path: Path) -> list[Finding]:
    folder = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    free = shutil.disk_usage(folder).free
    told = f"{gigabytes(free)} free where {path} lies"
    if free < LEAST_FREE_BYTES:
        return [Finding("disk", "wrong", f"{told}: a job stops when the disk is full")]
    return [Finding("disk", "look" if free < LITTLE_FREE_BYTES else "fine", told)]


def _write_ahead_log(path: Path) -> list[Finding]:
    log = path.with_name(f"{path.name}-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > LARGE_LOG_BYTES:
        return [
            Finding(
                "broker",
                "look",
                f"its write-ahead log has {gigabytes(size)}: some process reads without end and keeps SQLite from "
                "writing it back; look for a subscriber or a copy that hangs",
            )
        ]
    return [Finding("broker", "fine", f"write-ahead log of {gigabytes(size)}")]


def _partitions(topics: dict[str, int]) -> list[Finding]:
    return [
        Finding("topics", "wrong", f"{name} has {topics[name]} partitions, this hubbub expects {topic.partitions}")
        for name, topic in TOPICS.items()
        if name in topics and topics[name] != topic.partitions
    ]


def _groups(broker: Broker, topics: dict[str, int]) -> list[Finding]:
    """Say how many records lie before each group that has read something; a job is one group for each pipeline."""
    findings = []
    for group in broker.groups():
        behind = {topic: _behind(broker, group, topic, partitions) for topic, partitions in topics.items()}
        told = [f"{count:,} of {topic}" for topic, count in behind.items() if count]
        if told:
            findings.append(Finding("groups", "look", f"{group} is behind by {', '.join(told)}"))
        else:
            findings.append(Finding("groups", "fine", f"{group} has read everything"))
    if not findings:
        findings.append(Finding("groups", "fine", f"no job has run here yet; `hubbub run` runs {', '.join(SHIPPED)}"))
    return findings


def _behind(broker: Broker, group: str, topic: str, partitions: int) -> int:
    """Return how many records of a topic a group has not read; 0 when it never read the topic."""
    parts = [TopicPartition(topic, number) for number in range(partitions)]
    places = [broker.committed(group, part) for part in parts]
    if all(place is None for place in places):
        return 0
    behind = 0
    for part, place in zip(parts, places, strict=True):
        first, end = broker.bounds(part)
        behind += end - (first if place is None else max(first, place.next_offset))
    return behind


def _dead_letters(broker: Broker, topics: dict[str, int]) -> list[Finding]:
    partitions = topics.get(DEAD_LETTERS.name, 0)
    bounds = [broker.bounds(TopicPartition(DEAD_LETTERS.name, number)) for number in range(partitions)]
    count = sum(end - first for first, end in bounds)
    if not count:
        return [Finding("dead letters", "fine", "none")]
    return [Finding("dead letters", "look", f"{count:,}; `hubbub dead-letters list` says why")]
