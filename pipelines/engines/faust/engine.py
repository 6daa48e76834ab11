"""The Faust engine: pipelines as Faust workers on Kafka, at least once with the same ids, memory of whole steps.

Faust brings the consumer group, rebalancing, recovery of tables; the work itself is the embedded engine's, step by
step, with records as agents deliver them. See membership.py for what is written in which order.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from infra.broker import Membership, Stream
from infra.kafka.broker import KafkaBroker
from pipelines.engines.embedded_engine import EmbeddedEngine, JobReport
from pipelines.engines.faust.broker import FaustBroker
from pipelines.engines.faust.membership import FaustMembership
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.step_watch import StepWatch
from pipelines.engines.tasks import Ticks
from pipelines.pipeline import Pipeline

# How long a worker waits for partitions or their memory while nothing of either comes.
RECOVERY_S = 60.0


def _decided(membership: Membership, stream: Stream) -> Ticks:
    assert isinstance(membership, FaustMembership)
    return membership.decided_ticks(stream)


class FaustEngine:
    """Runs pipelines on Kafka as Faust workers, one a pipeline. Workers of one `group` share the partitions.

    `instance` names this process in its groups: one that died and comes back under its name goes on at once, where
    others would wait for the session of the dead to end.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        settings: JobSettings | None = None,
        *,
        group: str = "hubbub",
        instance: str | None = None,
        recovery_s: float = RECOVERY_S,
        watch: StepWatch | None = None,
    ) -> None:
        self._broker = broker
        self._settings = settings or JobSettings()
        self._group = group
        self._instance = instance
        self._recovery_s = recovery_s
        self._watch = watch
        self._engine: EmbeddedEngine | None = None
        self.savepoint: str | None = None  # memory lies with the broker
        self.report = JobReport()

    def run(
        self, pipelines: Sequence[Pipeline], *, stop: threading.Event | None = None, until_end: bool = False
    ) -> JobReport:
        """Run until `stop` is set, or until everything that lies in the sources is worked through."""
        broker = FaustBroker(
            self._broker,
            buffer_bytes=self._settings.batch_bytes,
            recovery_s=self._recovery_s,
            wait_for_end=until_end,
        )
        engine = EmbeddedEngine(
            broker,
            self._settings,
            group=self._group,
            instance=self._instance,
            engine="faust",
            decided=_decided,
            watch=self._watch,
        )
        engine.report = self.report
        self._engine = engine
        return engine.run(pipelines, stop=stop, until_end=until_end)

    def complaints(self) -> list[str]:
        """Say what stands still for longer than a minute though there is something to do: one sentence each."""
        return [] if self._engine is None else self._engine.complaints()
