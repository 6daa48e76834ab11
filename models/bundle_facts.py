"""What a bundle knows beside its graph: a JSON file of the type that its task defines."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from models.bundle import Bundle, BundleRefused

Facts = TypeVar("Facts")


def read_facts(bundle: Bundle, name: str, type_: type[Facts]) -> Facts:
    """Read a bundle's file as this type; BundleRefused when it is not there, or is something else."""
    if name not in bundle.files:
        raise BundleRefused(f"model bundle {bundle.path}: expected the file {name}, got {', '.join(bundle.files)}")
    try:
        return msgspec.json.decode(bundle.files[name], type=type_)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BundleRefused(f"model bundle {bundle.path}: {name}: {error}") from error
