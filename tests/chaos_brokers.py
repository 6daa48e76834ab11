"""R7, R8, R9, R14: the broker is shut down, killed, away for minutes, or out of disk while two workers work."""

from __future__ import annotations

import errno
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psutil
from kafka import KafkaConsumer, TopicPartition

from infra.local.kafka import LocalKafka
from tests.chaos_arena import Arena, Contestant
from tests.chaos_kills import WORKERS, Result, at_work, result_of

LOOK_S = 1.0
DISK_MIB = 256
CHUNK_BYTES = 1 << 16
DEATH_S = 120.0


def restarts(
    kafka: LocalKafka, contestant: Contestant, folder: Path, *, lines: int, times: int, seed: int, killed: bool
) -> Result:
    """Shut the only broker down in order, or kill it, and start it again, under bursts of lines."""
    rng = Random(f"restarts/{killed}/{seed}")
    started = time.monotonic()
    portion = lines // times
    with at_work(kafka, contestant, folder, rng, lines - portion * times + 2 * WORKERS) as arena:
        recoveries = []
        for _ in range(times):
            arena.feed(portion // 2)
            time.sleep(rng.uniform(0.0, 1.0))
            if killed:
                kafka.kill()
            else:
                kafka.stop()
            time.sleep(rng.uniform(0.0, 3.0))
            kafka.start()
            recoveries.append(arena.recovered(arena.feed(portion - portion // 2)))
        what = "broker killed" if killed else "broker restarted"
        return result_of(what, arena, times, recoveries, started, seed)


def away(kafka: LocalKafka, contestant: Contestant, folder: Path, *, lines: int, seconds: float, seed: int) -> Result:
    """Nobody is there for minutes: the workers stay, take no memory and little time, and blame no line."""
    rng = Random(f"away/{seed}")
    started = time.monotonic()
    with at_work(kafka, contestant, folder, rng, lines // 2) as arena:
        before = _memory(arena)
        arena.feed(lines // 4)
        kafka.stop()
        busy_before, gone_at = _busy_s(arena), time.monotonic()
        most = before
        while time.monotonic() - gone_at < seconds:
            arena.tend()
            most = {number: max(one, most.get(number, 0)) for number, one in _memory(arena).items()}
            time.sleep(LOOK_S)
        share = (_busy_s(arena) - busy_before) / WORKERS / (time.monotonic() - gone_at)
        stayed = arena.own_exits
        kafka.start()
        recoveries = [arena.recovered(arena.feed(lines - lines // 2 - lines // 4))]
        result = result_of(f"broker away {seconds:.0f} s", arena, 1, recoveries, started, seed)
        growth = max(most[number] - before[number] for number in before) / 2**20
        result.notes = (
            f"{stayed} workers ended while it was away, memory +{growth:.0f} MiB, {share:.1%} of a core a worker, "
            f"{_dead_letters(arena)} dead letters"
        )
        return result


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Give a folder that is a disk of its own, in memory, of 256 MiB; only root may make one."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def disk_full(kafka: LocalKafka, contestant: Contestant, folder: Path, *, lines: int, times: int, seed: int) -> Result:
    """The broker's disk fills up under lines until it ends by itself; there is room again, and it is started."""
    rng = Random(f"disk full/{seed}")
    started = time.monotonic()
    portion = lines // times
    filler = kafka.directory / "filler"
    with at_work(kafka, contestant, folder, rng, lines - portion * times + 2 * WORKERS) as arena:
        recoveries, ended_with, stayed = [], [], arena.own_exits
        for _ in range(times):
            _fill(filler)
            # Its lines wait in the producer while nobody takes them, as a gateway's would.
            feeding = threading.Thread(target=arena.feed, args=(portion // 2,))
            feeding.start()
            ended_with.append(_await_death(kafka, arena))
            time.sleep(rng.uniform(0.0, 5.0))
            stayed = arena.own_exits
            filler.unlink()
            kafka.kill()
            kafka.start()
            feeding.join()
            recoveries.append(arena.recovered(arena.feed(portion - portion // 2)))
        result = result_of("broker's disk full", arena, times, recoveries, started, seed)
        letters = _dead_letters(arena)
        result.notes = f"the broker ended by {sorted(set(ended_with))}, {stayed} workers ended, {letters} dead letters"
        return result


def _fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(CHUNK_BYTES))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def _await_death(kafka: LocalKafka, arena: Arena) -> int:
    """Return the status with which the broker ended by itself."""
    until = time.monotonic() + DEATH_S
    while time.monotonic() < until:
        arena.tend()
        if (status := kafka.nodes[0].died()) is not None:
            return status
        time.sleep(0.2)
    raise AssertionError(f"the broker goes on without room on its disk, for {DEATH_S:.0f} s")


def _memory(arena: Arena) -> Mapping[int, int]:
    return {number: psutil.Process(one.pid).memory_info().rss for number, one in arena.workers.items()}


def _busy_s(arena: Arena) -> float:
    times = [psutil.Process(one.pid).cpu_times() for one in arena.workers.values()]
    return float(sum(one.user + one.system for one in times))


def _dead_letters(arena: Arena) -> int:
    """How many there are, committed or not; 0 for contestants that have no such topic."""
    consumer = KafkaConsumer(bootstrap_servers=arena.kafka.bootstrap)
    topic = f"{arena.prefix}dead.letters"
    parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    ends = consumer.end_offsets(parts)
    consumer.close()
    return int(sum(ends.values()))
