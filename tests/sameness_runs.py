"""How the sameness suite runs an engine: as `hubbub run`, a process of its own, straight, killed, or on kept topics.

Time is comparable because nothing depends on a clock: every run ends when the input is worked through
(`--until-end`), such a run never ticks, and the input's closing rows make all deadlines fall due by rows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from random import Random

from infra.broker import Broker, Offset, TopicPartition
from infra.broker_url import open_broker
from infra.settings import load_settings
from pipelines.catalog import FORECASTING, REKEYED, SHIPPED
from pipelines.engines.place import ELSEWHERE, place_of
from schemas.catalog import ENRICHED, INPUTS, TABLES, TOPICS
from schemas.record import Append
from tests.sameness_events import CLOSING_US, END_US, SameInput
from tests.sameness_outcome import Outcome, read_outcome, records_of

ROOT = Path(__file__).parent.parent
APPEND_AT_ONCE = 2_000
LOOK_S = 0.01
MOST_RUN_S = 1_800.0
WAYS = ("straight", "killed", "replayed")
PIPELINES = (*SHIPPED, *REKEYED, *FORECASTING)
# Those that follow the time of others: a place of theirs says how far it has come, below which all was given out.
FOLLOWING = (*REKEYED, "forecasts")


class RunFailed(AssertionError):
    """A run ended otherwise than it had to."""


@dataclass(frozen=True, slots=True)
class Place:
    """An empty broker of one run. `environment` are the `HUBBUB_*` variables that name it."""

    environment: Mapping[str, str]

    @contextmanager
    def open(self) -> Iterator[Broker]:
        """Open it in this process."""
        settings = load_settings(environment=self.environment, directory=ROOT / "tests")
        with open_broker(settings.broker, settings.kafka) as broker:
            yield broker


def sqlite_place(path: Path) -> Place:
    """Return a place in a file."""
    return Place({"HUBBUB_BROKER_URL": f"sqlite:{path.absolute()}"})


def kafka_place(bootstrap: str, folder: Path) -> Place:
    """Return a place on a cluster that others use, too: its topics have a prefix of their own."""
    return Place(
        {
            "HUBBUB_BROKER_URL": f"kafka://{bootstrap}",
            "HUBBUB_KAFKA_TOPIC_PREFIX": f"s{uuid.uuid4().hex[:12]}.",
            "HUBBUB_KAFKA_STATE_DIR": str(folder / "state"),
            # A killed worker is missed soon: 6 s is the least that a broker allows.
            "HUBBUB_KAFKA_SESSION_TIMEOUT_S": "6",
            # A cluster that is just made may take long to find its coordinators, where much else is done.
            "HUBBUB_KAFKA_REQUEST_TIMEOUT_S": "30",
        }
    )


Replay = Callable[["Case", Place], Outcome]


@dataclass(frozen=True)
class SameEngine:
    """One engine on one broker. `place` makes an empty broker for a run of this name, in this folder.

    `exactly_once`: a killed run leaves no row twice; other engines may repeat rows, with the same ids. `replay` works
    through the topics of the given place, where they lie, and returns what it put out; without one the kept records
    are appended to a new broker and run there. `streams`: it knows no end; it runs without ticks until its groups have
    committed everything, is stopped as by Ctrl-C, and goes on after a kill from its newest checkpoint.
    """

    name: str
    place: Callable[[Path], Place]
    arguments: tuple[str, ...] = ()
    exactly_once: bool = True
    ways: tuple[str, ...] = WAYS
    replay: Replay | None = None
    streams: bool = False


@dataclass(frozen=True)
class Case:
    """One run: an engine, a batch size, a way, in an empty folder of its own.

    `kept`: where an earlier run lies, for a replay; without it the input is put on a broker that nothing ran on.
    """

    engine: SameEngine
    batch: int
    way: str
    given: SameInput
    folder: Path
    kept: Place | None = None
    kills: int = 2
    pipelines: tuple[str, ...] = PIPELINES
    extra: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Run it to the end and return what it put out; RunFailed, BrokenOutcome."""
        self.folder.mkdir(parents=True)
        if self.way == "replayed":
            return self._checked(self._replay())
        fill(self.place, self.given.records())
        if self.way == "killed":
            self.kill(self.place)
        self.finish(self.place)
        return self._checked(outcome_of(self.place))

    @cached_property
    def place(self) -> Place:
        """Where its events lie, and what it puts out unless it is a replay."""
        return self.engine.place(self.folder)

    @property
    def name(self) -> str:
        """How it is called in a table."""
        return f"{self.engine.name}, batches of {self.batch}, {self.way}"

    def _replay(self) -> Outcome:
        kept = self.kept
        if kept is None:
            kept = self.place
            fill(kept, self.given.records())
        if self.engine.replay is not None:
            return self.engine.replay(self, kept)
        folder = self.folder / "again"
        folder.mkdir()
        again = self.engine.place(folder)
        with kept.open() as broker:
            fill(again, kept_inputs(broker))
        self.finish(again)
        return outcome_of(again)

    def _checked(self, outcome: Outcome) -> Outcome:
        if outcome.repeats and (self.engine.exactly_once or self.way == "straight"):
            raise RunFailed(f"{self.name}: {outcome.repeats} rows lie there twice")
        return outcome

    def start(self, place: Place, *, log: Path) -> subprocess.Popen[bytes]:
        """Start `hubbub run` until the end of the input."""
        environment = {
            **os.environ,
            **place.environment,
            "PYTHONPATH": str(ROOT),
            "HUBBUB_JOB_BATCH_RECORDS": str(self.batch),
            "HUBBUB_JOB_TICK_S": "0",
            **self.extra,
        }
        command = [sys.executable, "-m", "pipelines.command_line", "run", *self.pipelines, *self.engine.arguments]
        if not self.engine.streams:
            command.append("--until-end")
        elif self._checkpoints():
            command += ["--from-savepoint", "latest"]
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,  # an engine may have processes of its own: all of them are killed
            )

    def finish(self, place: Place) -> None:
        """Run to the end."""
        log = self.folder / "run.log"
        process = self.start(place, log=log)
        try:
            if self.engine.streams:
                with place.open() as broker:
                    self._await(process, lambda: waits_for(broker), log)
                process.send_signal(signal.SIGINT)
            status = process.wait(MOST_RUN_S)
        finally:
            _kill(process)
        if status != 0:
            raise RunFailed(f"{self.engine.name} ended with status {status}:\n{log.read_text()[-4000:]}")

    def kill(self, place: Place) -> None:
        """Start it and kill it, at moments of the work that the seed draws: shares of the rows that come out."""
        rng = Random(f"{self.given.seed}/{self.engine.name}/{self.batch}")
        with place.open() as broker:
            expected = _input_size(broker)
            for share in sorted(rng.uniform(0.05, 0.9) for _ in range(self.kills)):
                log = self.folder / "killed.log"
                process = self.start(place, log=log)
                try:
                    before = written(broker)
                    # At least something new must have come out, or the kill would only meet the start.
                    enough = max(round(share * expected), before + 1)
                    self._await(process, lambda enough=enough: _short_of(enough, broker), log)  # type: ignore[misc]
                    if self.engine.streams:
                        self._await(process, lambda: "" if self._checkpoints() else "a checkpoint", log)
                finally:
                    _kill(process)

    def _await(self, process: subprocess.Popen[bytes], missing: Callable[[], str], log: Path) -> None:
        """Wait until nothing is missing; RunFailed, with what is, when the run ends or takes too long before."""
        until = time.monotonic() + MOST_RUN_S
        while what := missing():
            if process.poll() is not None or time.monotonic() > until:
                ended = f"ended with status {process.poll()}" if process.poll() is not None else "stands still"
                raise RunFailed(f"{self.name}: {ended}, waited for {what}:\n{log.read_text()[-4000:]}")
            time.sleep(1.0 if self.engine.streams else LOOK_S)

    def _checkpoints(self) -> bool:
        return any(self.folder.glob("**/checkpoints/*/chk-*/_metadata"))


def fill(place: Place, records: Sequence[Append]) -> None:
    """Create all topics and append the records in their order."""
    # Nobody waits for it, so a transaction may be open for as long as a busy machine takes.
    patient = Place({**place.environment, "HUBBUB_KAFKA_TRANSACTION_TIMEOUT_S": "120"})
    with patient.open() as broker:
        broker.create_topics(list(TOPICS.values()))
        remaining = iter(records)
        while some := list(islice(remaining, APPEND_AT_ONCE)):
            broker.append(some)


def outcome_of(place: Place) -> Outcome:
    """Read what lies on a place."""
    with place.open() as broker:
        return read_outcome(broker)


def kept_inputs(broker: Broker) -> list[Append]:
    """Return what lies in the input topics of a broker, topic after topic: another order of arrival among them."""
    topics = (*TABLES, *INPUTS)
    return [Append(t.name, r.key, r.value, r.headers) for t in topics for r in records_of(broker, t.name)]


def written(broker: Broker) -> int:
    """Return how far the enriched topics have grown."""
    return sum(broker.ends([topic.name for topic in ENRICHED]).values())


def waits_for(broker: Broker) -> str:
    """Return what has yet to be done before the groups of all pipelines have committed all that lies in their sources.

    Empty when nothing is.

    Those that follow another one's time must have passed the closing rows: then they have given out all that lies
    before, and what is left is what they hold for as long as there may be more (tests/sameness_events.py).
    """
    wanted = [
        *(("logs", "device.logs"), ("messages", "customer.messages"), ("alarms", "alarms")),
        *(("telemetry", "device.telemetry"), *(("alerts", topic.name) for topic in ENRICHED)),
        *(("sites", "alerts.by_device"), ("sites", "devices"), ("incidents", "alerts.by_site")),
        *(("signals", f"{topic}.enriched") for topic in ("device.telemetry", "device.logs", "alarms")),
        *(("forecasts", "device.signals"), ("forecast_alerts", "device.forecasts")),
    ]
    for group, topic in wanted:
        for number in range(TOPICS[topic].partitions):
            part = TopicPartition(topic, number)
            offset = broker.committed(f"hubbub-{group}", part)
            if group in FOLLOWING:
                if (frontier_us := _frontier_us(offset)) is None or frontier_us <= END_US + CLOSING_US:
                    return f"{group} to pass the time {END_US + CLOSING_US} in {part}, where it stands at {frontier_us}"
                continue
            behind = broker.bounds(part)[0] if offset is None else offset.next_offset
            if broker.read(part, behind, max_records=1, max_bytes=1):
                return f"{group} to read {part} on from offset {behind}"
    return ""


def _frontier_us(offset: Offset | None) -> int | None:
    if offset is None:
        return None
    return place_of(replace(offset, note=offset.note.removeprefix(ELSEWHERE)), 0)[1]


def _short_of(rows: int, broker: Broker) -> str:
    return "" if (come := written(broker)) >= rows else f"{rows} enriched rows, {come} have come"


def _input_size(broker: Broker) -> int:
    parts = [TopicPartition(topic.name, number) for topic in INPUTS for number in range(topic.partitions)]
    return sum(end - first for first, end in map(broker.bounds, parts))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
