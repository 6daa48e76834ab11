"""Replay by the Beam engine: several processes read history where it lies, each by a broker of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.broker import Broker, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import Ticks
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.own_brokers import OpenBroker, OpenSqlite
from pipelines.replay.history import History, Span
from pipelines.replay.replay_broker import ReplayBroker
from pipelines.replay.run_side import Engine, MakeEngine


class _OwnReplayBroker(ReplayBroker):
    """A replay broker that closes its history too, for it opened it."""

    def close(self) -> None:
        super().close()
        self._history.broker.close()


@dataclass(frozen=True)
class OpenReplay:
    """Opens history and the file of the outputs, in a worker process."""

    open_history: OpenBroker
    spans: Mapping[TopicPartition, Span]
    path: Path

    def __call__(self) -> Broker:
        """Open both."""
        return _OwnReplayBroker(History(self.open_history(), self.spans), SqliteBroker(self.path, durability="off"))


def by_beam(open_history: OpenBroker, processes: int | None = None) -> MakeEngine:
    """Return what makes Beam engines for a replay; `open_history` opens the broker that keeps it, if it is no file."""

    def make(
        broker: ReplayBroker, settings: JobSettings, ticks: Mapping[str, Ticks], *, history: History, path: Path
    ) -> Engine:
        from pipelines.engines.beam.engine import BeamEngine  # noqa: PLC0415 - only who asks for Beam

        kept = history.broker
        again = OpenSqlite(kept.path) if isinstance(kept, SqliteBroker) else open_history
        own = OpenReplay(again, dict(history.spans), path)
        return BeamEngine(broker, settings, open_broker=own, group="replay", ticks=ticks, processes=processes)

    return make
