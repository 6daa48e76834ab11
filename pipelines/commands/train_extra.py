"""What `hubbub train` needs beyond the core."""

from __future__ import annotations

import importlib.util

import click


def need_extra(*modules: str) -> None:
    """Raise a usage error that names the extra unless all these modules are installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise click.UsageError(
            f"training needs the extra `train`: pip install 'hubbub[train]' ({missing[0]} is missing)"
        )
