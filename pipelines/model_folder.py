"""What a person means who names a model: a bundle's folder, or a model's name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from models.find_bundle import find_bundle


def is_folder(model: str) -> bool:
    """Return whether a text names a folder: there is one, or it is written as a path."""
    return os.sep in model or Path(model).is_dir()


def model_folder(model: str, chosen: Mapping[str, str | Path]) -> Path:
    """Return the folder that a person means; BundleRefused when no model has this name."""
    return Path(model) if is_folder(model) else find_bundle(model, chosen)
