"""`python -m models.training.intents`: what `hubbub train intents` runs, for an environment without the command."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.training.encoder.base import DEFAULT_BASE
from models.training.intents.train import Options, train_intents


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m models.training.intents", description=__doc__)
    for name in ("data", "dev", "output", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--base", default=DEFAULT_BASE)
    parser.add_argument("--name", default="intents")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    train_intents(Options(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
