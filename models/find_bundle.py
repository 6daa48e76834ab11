"""Find the folder of a bundle by its name: what a person set, else what came with hubbub."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from models.bundle import CARD, BundleRefused


def shipped_bundles() -> dict[str, Path]:
    """Return the bundles that came with hubbub, by name."""
    folder = Path(str(files("models"))) / "bundles"
    return {one.parent.name: one.parent for one in sorted(folder.glob(f"*/{CARD}"))}


def find_bundle(name: str, chosen: Mapping[str, str | Path] | None = None) -> Path:
    """Return the folder of the bundle `name`; `chosen` overrides by name. BundleRefused when there is none."""
    if chosen and name in chosen:
        path = Path(chosen[name])
        if not path.is_dir():
            raise BundleRefused(f"model bundle {path}: there is no such folder (it was chosen for {name!r})")
        return path
    shipped = shipped_bundles()
    if name not in shipped:
        raise BundleRefused(
            f"no model bundle is named {name!r}, expected one of: {', '.join(shipped) or 'none came along'}"
        )
    return shipped[name]
