"""What state the broker is in: reachable, of a known format, with room on its disk; how far behind its groups are."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from infra.broker import BrokerMismatch, BrokerUnavailable
from infra.broker_url import is_kafka, open_broker, sqlite_path
from infra.kafka.settings import KafkaSection
from infra.settings import BrokerSection, WrongSetting
from pipelines.doctor.finding import Finding
from pipelines.doctor.groups import look_at_dead_letters, look_at_groups, look_at_topics
from pipelines.doctor.machine import gigabytes

LEAST_FREE_BYTES = 200_000_000
LITTLE_FREE_BYTES = 2_000_000_000
# SQLite writes the log back at every 4 MB; far more means that a reader keeps it from doing so.
LARGE_LOG_BYTES = 256_000_000


def look_at_broker(section: BrokerSection, kafka: KafkaSection) -> list[Finding]:
    """Return the findings about the broker that the settings name."""
    if is_kafka(section.url):
        from pipelines.doctor.kafka import look_at_kafka  # noqa: PLC0415 - for those who have one

        return look_at_kafka(section, kafka)
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
                *look_at_topics(topics),
                *look_at_groups(broker),
                *look_at_dead_letters(broker, topics),
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
