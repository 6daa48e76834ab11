"""`make sameness`: every engine, batch size and way on the same events, each compared with the reference.

The reference is the embedded engine on SQLite, undisturbed. Prints a line a run (seconds by the clock, and of the
processor but for what was killed) and the first differences of each; the status is 0 when there are none, 1 otherwise.
A part of it runs in CI (tests/integration/test_sameness.py).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.sameness_differences import differences
from tests.sameness_engines import EMBEDDED_SQLITE, opened_engines
from tests.sameness_events import SameInput
from tests.sameness_outcome import Outcome
from tests.sameness_runs import WAYS, Case, Place

EVENTS, SEED = 20_000, 20260301
BATCHES = (1, 7, 512)
SHOWN = 5
HEADINGS = ("engine", "batch", "way", "events", "seconds", "processor", "repeats", "differences")
LINE = "{:<24} {:>6} {:<9} {:>8} {:>8} {:>10} {:>8} {:>12}"


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments choose; everything by default."""
    asked = _arguments(arguments)
    given = SameInput(asked.seed, asked.events)
    found = 0
    print(f"seed {asked.seed}, about {asked.events:,} events, {len(given.simulation.incidents)} planted incidents")
    with tempfile.TemporaryDirectory(prefix="hubbub-sameness-") as name, opened_engines(Path(name)) as engines:
        case = Case(EMBEDDED_SQLITE, 2_000, "straight", given, Path(name) / "reference")
        reference = case.run()
        revisions = sum(map(len, reference.alerts.values()))
        print(
            f"reference: {len(reference.enriched):,} enriched events, {len(reference.alerts):,} alert fingerprints "
            f"with {revisions:,} revisions, {len(reference.incidents):,} incidents with "
            f"{sum(map(len, reference.incidents.values())):,} revisions, "
            f"{sum(map(len, reference.forecasts.values())):,} forecasts of {len(reference.forecasts):,} devices, "
            f"{len(reference.letters):,} dead letters\n"
        )
        print(LINE.format(*HEADINGS), flush=True)
        chosen = [one for one in engines if not asked.engine or any(word in one.name for word in asked.engine)]
        for engine in chosen:
            kept: Place | None = None
            for batch in asked.batch:
                for way in (way for way in asked.way if way in engine.ways):
                    folder = Path(name) / f"{engine.name}-{batch}-{way}".replace(" ", "-")
                    count, last = _run(reference, Case(engine, batch, way, given, folder, kept=kept))
                    found += count
                    kept = last if way == "straight" else kept
    return 1 if found else 0


def _run(reference: Outcome, case: Case) -> tuple[int, Place]:
    started, used = time.monotonic(), _processor_s()
    outcome = case.run()
    seconds, work = time.monotonic() - started, _processor_s() - used
    found = differences(reference, outcome)
    counts = (len(outcome.enriched), round(seconds, 1), round(work, 1), outcome.repeats, len(found))
    print(LINE.format(case.engine.name, case.batch, case.way, *counts), flush=True)
    for difference in found[:SHOWN]:
        print(f"    {difference}", flush=True)
    return len(found), case.place


def _processor_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--engine", action="append", help="a part of an engine's name; several are possible")
    parser.add_argument("--batch", type=int, action="append")
    parser.add_argument("--way", action="append", choices=WAYS)
    asked = parser.parse_args(arguments)
    asked.batch, asked.way = asked.batch or BATCHES, asked.way or WAYS
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
