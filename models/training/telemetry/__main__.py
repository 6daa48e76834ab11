"""Make the bundle `telemetry-level`: `python -m models.training.telemetry --output DIR [--measure] [--nab DIR]`.

Writes the graph from the formulas; with `--measure` runs it over a month of healthy series and over faulty ones
(some minutes), with `--nab` over the Numenta benchmark in a folder, and keeps the figures on the card. Progress goes to
stderr.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from models.training.telemetry.card import write_bundle
from models.training.telemetry.measure import false_alarms, faults_found
from models.training.telemetry.nab_corpus import read_corpus
from models.training.telemetry.nab_report import figures
from models.training.telemetry.weeks import by_week


def main() -> None:
    """Make the bundle that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m models.training.telemetry", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--measure", action="store_true", help="measure false alarms and faults found, for the card")
    parser.add_argument("--nab", type=Path, help="folder of the Numenta benchmark: measure on it, for the card")
    arguments = parser.parse_args()
    model = write_bundle(arguments.output)
    metrics: dict[str, Any] = {}
    if arguments.nab:
        metrics["numenta_anomaly_benchmark"] = figures(model, read_corpus(arguments.nab))
    if arguments.measure:
        metrics |= {"false_alarms_a_series_and_month": false_alarms(model), "faults": faults_found(model)}
        metrics["weeks"] = {name: _rounded(one) for name, one in by_week(model).items()}
    if metrics:
        write_bundle(arguments.output, metrics)
    print(f"wrote {arguments.output}", file=sys.stderr)


def _rounded(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(one) if isinstance(one, dict) else round(one, 2) if isinstance(one, float) else one
        for name, one in found.items()
    }


if __name__ == "__main__":
    main()
