"""`make chaos`: what breaks in production, done on purpose, and what came of it. The figures of RELIABILITY.md.

`python -m tests.chaos EXPERIMENT... [--quick] [--seed N] [--quix PYTHON]`; each experiment prints a line a contestant,
and one of JSON for a program. The status is 1 when hubbub lost, doubled, disordered or miscounted anything.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from infra.local.kafka import LocalKafka
from tests.chaos_arena import Contestant, hubbub, peer
from tests.chaos_bad_input import run_poisoned
from tests.chaos_brokers import away, disk_full, restarts, small_disk
from tests.chaos_kills import Result, kills, storm
from tests.chaos_out_of_memory import run_starved
from tests.sameness_engines import BEAM_SQLITE, EMBEDDED_SQLITE, engines_on

EMBEDDED = hubbub("hubbub embedded")
FAUST = hubbub("hubbub Faust", "--engine", "faust")
SEED = 20260301
MOST_DEATHS = 3
PILL = Counter({("crash pill", "crash_loop"): 1})


def main(arguments: Sequence[str]) -> int:
    """Run the experiments that were asked for."""
    asked = _arguments(arguments)
    contestants = _contestants(asked)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="hubbub-chaos-") as name:
        for experiment in asked.experiments or [*EXPERIMENTS, *WITHOUT_PEERS]:
            if experiment in WITHOUT_PEERS:
                wrong += not WITHOUT_PEERS[experiment](Path(name) / experiment)
                continue
            for number, contestant in enumerate(contestants):
                folder = Path(name) / f"{experiment}-{number}"
                on_disk = small_disk if experiment == "disk-full" else nullcontext
                with on_disk(folder / "kafka") as disk, LocalKafka(disk) as kafka:
                    result = EXPERIMENTS[experiment](kafka, contestant, folder / "job", asked.quick, asked.seed)
                print(result.line(), flush=True)
                print(json.dumps(dataclasses.asdict(result)), flush=True)
                # At least once only: Faust may write a line again after a kill, never lose or miscount one.
                promised = dict(result.verdict, doubled=0) if contestant is FAUST else result.verdict
                ours = contestant in (EMBEDDED, FAUST)
                wrong += ours and not dataclasses.replace(result, verdict=promised).exactly_once
    return 1 if wrong else 0


def _kills(kafka: LocalKafka, contestant: Contestant, folder: Path, quick: bool, seed: int) -> Result:
    lines, times = (20_000, 10) if quick else (100_000, 60)
    return kills(kafka, contestant, folder, lines=lines, kills=times, seed=seed)


def _storm(kafka: LocalKafka, contestant: Contestant, folder: Path, quick: bool, seed: int) -> Result:
    lines, times = (10_000, 20) if quick else (50_000, 200)
    return storm(kafka, contestant, folder, lines=lines, changes=times, seed=seed, pause_s=5.0)


def _restarts(kafka: LocalKafka, contestant: Contestant, folder: Path, quick: bool, seed: int) -> Result:
    lines, times = (2_000, 1) if quick else (20_000, 5)
    return restarts(kafka, contestant, folder, lines=lines, times=times, seed=seed, killed=False)


def _broker_kills(kafka: LocalKafka, contestant: Contestant, folder: Path, quick: bool, seed: int) -> Result:
    lines, times = (2_000, 1) if quick else (20_000, 5)
    return restarts(kafka, contestant, folder, lines=lines, times=times, seed=seed, killed=True)


def _away(kafka: LocalKafka, contestant: Contestant, folder: Path, quick: bool, seed: int) -> Result:
    return away(kafka, contestant, folder, lines=10_000, seconds=20 if quick else 300, seed=seed)


def _disk_full(kafka: LocalKafka, contestant: Contestant, folder: Path, quick: bool, seed: int) -> Result:
    lines, times = (2_000, 1) if quick else (20_000, 5)
    return disk_full(kafka, contestant, folder, lines=lines, times=times, seed=seed)


EXPERIMENTS: dict[str, Callable[[LocalKafka, Contestant, Path, bool, int], Result]] = {
    "kills": _kills,
    "storm": _storm,
    "restarts": _restarts,
    "broker-kills": _broker_kills,
    "away": _away,
    "disk-full": _disk_full,
}


def _bad_input(folder: Path) -> bool:
    """Run all engines on everything that is bad; return whether each of them did as the reference."""
    reference = run_poisoned(EMBEDDED_SQLITE, folder / "reference", with_pill=True)
    print(reference.line(reference.letters), flush=True)
    good = reference.deaths == MOST_DEATHS
    with LocalKafka(folder / "kafka") as kafka:
        for number, engine in enumerate([BEAM_SQLITE, *engines_on(kafka)]):
            pill = not engine.name.startswith("Beam")  # see its Features
            on_kafka = "SQLite" not in engine.name
            found = run_poisoned(
                engine, folder / str(number), with_pill=pill, bootstrap=kafka.bootstrap if on_kafka else None
            )
            expected = reference.letters if pill else reference.letters - PILL
            print(found.line(expected), flush=True)
            good &= found.letters == expected and found.deaths == (MOST_DEATHS if pill else 0)
            good &= found.copies == reference.copies and found.bombs == (1 if on_kafka else 0)
    return good


def _out_of_memory(folder: Path) -> bool:
    """Have the kernel kill those engines that isolate what kills them."""
    with LocalKafka(folder / "kafka") as kafka:
        isolating = [EMBEDDED_SQLITE, *(one for one in engines_on(kafka) if not one.name.startswith("Beam"))]
        found = [run_starved(engine, folder / str(number)) for number, engine in enumerate(isolating)]
    for one in found:
        print(one.line(), flush=True)
    return all(one.as_promised for one in found)


WITHOUT_PEERS: dict[str, Callable[[Path], bool]] = {"bad-input": _bad_input, "out-of-memory": _out_of_memory}


def _contestants(asked: argparse.Namespace) -> list[Contestant]:
    known = [EMBEDDED, FAUST, peer("bare-transactions"), peer("bare-auto-commit")]
    if asked.quix:
        known.append(peer("quix", asked.quix))
    chosen = [one for one in known if not asked.contestant or any(word in one.name for word in asked.contestant)]
    return chosen


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "experiments", nargs="*", choices=[[], *EXPERIMENTS, *WITHOUT_PEERS], help="all of them by default"
    )
    parser.add_argument("--quick", action="store_true", help="small figures")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--contestant", action="append", help="a part of a contestant's name; several are possible")
    parser.add_argument("--quix", metavar="PYTHON", help="the Python of an environment with quixstreams 3.28")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
