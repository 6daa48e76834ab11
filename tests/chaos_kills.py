"""R1, R3, R10: workers are killed, or come and go, while they work; then everything is counted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from infra.local.kafka import LocalKafka
from tests.chaos_arena import Arena, Contestant

WORKERS = 2


@dataclass
class Result:
    """What came of one experiment with one contestant."""

    experiment: str
    contestant: str
    seed: int
    verdict: dict[str, int]
    disturbances: int
    recoveries_s: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    own_exits: int = 0
    seconds: float = 0.0
    notes: str = ""

    def line(self) -> str:
        """One line for people, of words and figures."""
        found = self.verdict
        slow = sorted(self.recoveries_s) or [0.0]
        memory = found["wrong_number"] if found["without_number"] == 0 else "no memory"
        return (
            f"{self.experiment:<22} {self.contestant:<20} {found['in']:>7,} lines, {self.disturbances:>3} times: "
            f"{found['lost']:,} lost, {found['doubled']:,} doubled, {found['out_of_order']:,} out of order, "
            f"wrong numbers {memory}; back after {statistics.median(slow):.1f} s (median), {slow[-1]:.1f} s (most); "
            f"{self.peak_bytes / 2**20:.0f} MiB; {self.own_exits} own exits; {self.seconds:.0f} s; seed {self.seed}"
            f"{'; ' + self.notes if self.notes else ''}"
        )

    @property
    def exactly_once(self) -> bool:
        """Whether each line came out once, in order, with its right number."""
        names = ("lost", "doubled", "out_of_order", "wrong_number", "without_number")
        return not any(self.verdict[name] for name in names)


@contextmanager
def at_work(kafka: LocalKafka, contestant: Contestant, folder: Path, rng: Random, lines: int) -> Iterator[Arena]:
    """Give an arena whose two workers are through so many first lines."""
    with Arena(kafka, contestant, folder, rng) as arena:
        for number in range(WORKERS):
            arena.start(number)
        arena.recovered(arena.feed(lines))
        yield arena


def kills(
    kafka: LocalKafka, contestant: Contestant, folder: Path, *, lines: int, kills: int, seed: int, pause_s: float = 5.0
) -> Result:
    """SIGKILL one of two workers at random moments of bursts of lines, and start it again at once."""
    rng = Random(f"kills/{seed}")
    started = time.monotonic()
    portion = lines // kills
    with at_work(kafka, contestant, folder, rng, lines - portion * kills + 2 * WORKERS) as arena:
        recoveries = []
        for _ in range(kills):
            _pause(arena, rng.uniform(0.2, pause_s))
            arena.feed(portion // 2)
            time.sleep(rng.uniform(0.0, 0.5))
            victim = rng.randrange(WORKERS)
            arena.kill(victim)
            arena.start(victim)
            recoveries.append(arena.recovered(arena.feed(portion - portion // 2)))
        return result_of("kill -9", arena, kills, recoveries, started, seed)


def storm(
    kafka: LocalKafka, contestant: Contestant, folder: Path, *, lines: int, changes: int, seed: int, pause_s: float
) -> Result:
    """A third worker joins and leaves again and again, in order or by SIGKILL, while two work."""
    rng = Random(f"storm/{seed}")
    started = time.monotonic()
    portion = lines // changes
    with at_work(kafka, contestant, folder, rng, lines - portion * changes + 2 * WORKERS) as arena:
        recoveries = []
        for change in range(changes):
            if change % 2 == 0:
                arena.start(WORKERS)
            elif rng.random() < 0.5:
                arena.kill(WORKERS)
            else:
                process = arena.workers.pop(WORKERS)
                process.terminate()
                process.wait(60)
            first = arena.feed(portion)
            _pause(arena, rng.uniform(0.4, 1.0) * pause_s)
            recoveries.append(arena.recovered(first))
        return result_of("workers come and go", arena, changes, recoveries, started, seed)


def _pause(arena: Arena, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        arena.tend()
        time.sleep(0.1)


def result_of(experiment: str, arena: Arena, times: int, recoveries: list[float], started: float, seed: int) -> Result:
    """Wait for what is still to come, and count."""
    arena.settle()
    return Result(
        experiment,
        arena.contestant.name,
        seed,
        arena.verdict(),
        times,
        recoveries,
        arena.peak_bytes,
        arena.own_exits,
        time.monotonic() - started,
    )
