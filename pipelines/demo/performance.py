"""One run of the demo: devices talk, the real pipelines listen, and somebody watches the alerts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from infra.broker import Broker
from pipelines.demo.feed import TOPICS, Feed
from pipelines.demo.findings import Findings, findings_of
from pipelines.demo.heard import Alert, Listener
from pipelines.demo.simulate import Simulation
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline

GROUP = "hubbub"
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the day is: the simulated clock, events understood, and the alerts that began to fire until then."""

    clock_us: int
    events: int
    seconds: float
    alerts: list[Alert]


class Performance:
    """Plays a simulation on a broker. Whoever iterates over `moments` is the audience, and sets the pace of looking."""

    def __init__(
        self, simulation: Simulation, broker: Broker, pipelines: Sequence[Pipeline], settings: JobSettings
    ) -> None:
        self.simulation = simulation
        self.seconds = 0.0
        self._broker = broker
        self._pipelines = pipelines
        self._engine = EmbeddedEngine(broker, settings, group=GROUP)
        broker.create_topics([*TOPICS, *topics_of(pipelines)])
        self._silence = threading.Event()
        self.feed = Feed(simulation, broker, GROUP)
        self.listener = Listener(broker)
        self._held: list[Alert] = []

    def moments(self, stop: threading.Event) -> Iterator[Moment]:
        """Play until the day is over and understood, or `stop` is set; raises what went wrong in feed or job."""
        started = time.monotonic()
        errors: list[BaseException] = []
        curtain = threading.Event()
        threads = [_guarded(work, curtain, errors) for work in (self._talk, self._understand)]
        try:
            while any(thread.is_alive() for thread in threads):
                if stop.wait(_LOOK_S):
                    break
                yield self._moment(time.monotonic() - started)
        finally:
            curtain.set()
            for thread in threads:
                thread.join()
        self.seconds = time.monotonic() - started
        if errors:
            raise errors[0]
        yield self._moment(self.seconds, last=True)

    def findings(self) -> Findings:
        """Compare what was heard with what was planted."""
        heard = self.listener.alerts.values()
        return findings_of(self.simulation.incidents, heard, self.feed.planted, start_us=self.simulation.start_us)

    def _moment(self, seconds: float, *, last: bool = False) -> Moment:
        """Look around. Alerts ahead of the slowest partition are held back, so that they come in the day's order."""
        events, clock_us = self.feed.understood()
        heard = self._held + self.listener.news()
        now = [alert for alert in heard if last or (alert.fired_us or 0) <= clock_us]
        self._held = [alert for alert in heard if alert not in now]
        return Moment(clock_us, events, seconds, sorted(now, key=lambda alert: alert.fired_us or 0))

    def _talk(self, curtain: threading.Event) -> None:
        try:
            self.feed.run(curtain)
        finally:
            self._silence.set()

    def _understand(self, curtain: threading.Event) -> None:
        """Run the job beside the feed; when that is silent, to the end of what lies there."""
        self._engine.run(self._pipelines, stop=self._silence)
        if not curtain.is_set():
            self._engine.run(self._pipelines, stop=curtain, until_end=True)


def _guarded(
    work: Callable[[threading.Event], None], curtain: threading.Event, errors: list[BaseException]
) -> threading.Thread:
    """Start work in a thread; what goes wrong ends the play and is raised before the audience."""

    def guarded() -> None:
        try:
            work(curtain)
        except BaseException as error:  # noqa: BLE001 - raised again in the audience's thread
            errors.append(error)
            curtain.set()

    thread = threading.Thread(target=guarded)
    thread.start()
    return thread
