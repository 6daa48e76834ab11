"""Public data sets, which are not in the repository: where they lie, and the one way to skip what needs one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATASETS = Path(os.environ.get("HUBBUB_DATASETS", Path(__file__).parents[2] / "shared" / "datasets"))
LOGHUB = DATASETS / "logs" / "loghub_2k"


def data_set(name: str | Path) -> Path:
    """Return where a set lies, by its path among the others; skip the test, and say so, where it is absent."""
    path = DATASETS / name
    if not path.exists():
        pytest.skip(f"no data set at {path}; name the folder of data sets by HUBBUB_DATASETS")
    return path
