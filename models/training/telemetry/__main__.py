"""Make the bundle `telemetry-level`: `python -m models.training.telemetry --output DIR [--measure]`.

Writes the graph from the formulas; with `--measure` runs it over a month of healthy series and over faulty ones
(some minutes) and keeps the figures on the card. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from models.training.telemetry.card import write_bundle
from models.training.telemetry.measure import false_alarms, faults_found


def main() -> None:
    """Make the bundle that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m models.training.telemetry", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--measure", action="store_true", help="measure false alarms and faults found, for the card")
    arguments = parser.parse_args()
    model = write_bundle(arguments.output)
    if arguments.measure:
        metrics = {
            "false_alarms_a_series_and_month": false_alarms(model),
            "faults": faults_found(model),
        }
        write_bundle(arguments.output, metrics)
    print(f"wrote {arguments.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
