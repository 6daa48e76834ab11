"""When snapshots of a membership's shares are written and read: at the end, now and then between, and at the start."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from infra.kafka.share import Share
from infra.state_snapshot import Head, SavedRow, read_snapshot, write_snapshot

log = logging.getLogger(__name__)
# A changelog that has grown by fewer records than this is as quickly read.
LEAST_GROWTH = 20_000
LEAST_INTERVAL_S = 60.0


class Snapshots:
    """The snapshots in a folder, one for each partition number. A disk that fails costs time at the next start only.

    `changelog` is the cluster's own id of the changelog topic.
    """

    def __init__(self, folder: Path, changelog: str) -> None:
        self._folder = folder
        self._changelog = changelog
        self._writing: threading.Thread | None = None

    def begin(self, share: Share) -> Share:
        """Give a new share what its snapshot holds, if that counts."""
        started = time.monotonic()
        path = self._path(share.number)
        found = read_snapshot(path, changelog=self._changelog, number=share.number, now_s=time.time())
        if found is not None:
            share.begin_with(*found)
            log.info("%s: up to offset %d in %.1f s", path, share.position, time.monotonic() - started)
        return share

    def save(self, share: Share) -> None:
        """Write a snapshot now, unless nothing has changed since the last or it is not known what counts."""
        if share.doubtful or share.position == share.saved_position:
            return
        self._await()
        self._write(share.number, *self._taken(share))

    def save_sometimes(self, share: Share) -> None:
        """Write a snapshot beside the work, if the last is long ago and much has changed."""
        if (
            share.position - share.saved_position < LEAST_GROWTH
            or time.monotonic() - share.saved_at < LEAST_INTERVAL_S
            or (self._writing is not None and self._writing.is_alive())
        ):
            return
        taken = self._taken(share)
        self._writing = threading.Thread(target=self._write, args=(share.number, *taken), name="snapshot", daemon=True)
        self._writing.start()

    def close(self) -> None:
        """Wait for a snapshot that is being written."""
        self._await()

    def _taken(self, share: Share) -> tuple[Head, list[SavedRow]]:
        share.saved_position, share.saved_at = share.position, time.monotonic()
        return share.saved(self._changelog)

    def _write(self, number: int, head: Head, rows: list[SavedRow]) -> None:
        path = self._path(number)
        try:
            size = write_snapshot(path, head, rows)
            log.debug("%s: %d rows, %d bytes", path, len(rows), size)
        except OSError as error:
            log.warning("no snapshot at %s: %s; the next start reads the changelog instead", path, error)

    def _await(self) -> None:
        if self._writing is not None:
            self._writing.join()
            self._writing = None

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.snapshot"
