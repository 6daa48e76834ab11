"""The environment with the extra `train`, in which slow tests train: `make train-env` makes it, `make slow` first."""

from __future__ import annotations

import os
from pathlib import Path

PYTHON = Path(os.environ.get("HUBBUB_TRAIN_PYTHON", Path(__file__).parents[1] / ".venv-train" / "bin" / "python"))


def train_python() -> Path:
    """Return its Python; a test without it fails, for it would say nothing."""
    assert PYTHON.exists(), f"expected an environment for training at {PYTHON}: make train-env"
    return PYTHON
