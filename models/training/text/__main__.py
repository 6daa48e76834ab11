"""`python -m models.training.text`: what `hubbub train text` runs, for an environment without the command."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.training.encoder.base import DEFAULT_BASE
from models.training.text.recipe import LAYERS
from models.training.text.train import OWN, Options, train_text


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m models.training.text", description=__doc__)
    parser.add_argument("--datasets", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--base", default=DEFAULT_BASE)
    parser.add_argument("--own", type=Path, default=OWN)
    parser.add_argument("--cache", type=Path, default=Path(".cache/text-enzh"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--clean-data-only", action="store_true")
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    train_text(Options(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
