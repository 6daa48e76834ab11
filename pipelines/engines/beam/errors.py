"""Errors of workers, which Beam hands over as the text of a traceback, as the errors that they were."""

from __future__ import annotations

import importlib

# What Beam's local runner says when a worker process is gone.
_DEATHS = ("Channel closed prematurely", "Worker subprocess exited", "Data plane closed")
OWN_PACKAGES = ("schemas.", "models.", "operators.", "infra.", "pipelines.")


class BeamFailed(Exception):
    """A Beam job failed; nothing of it was committed, and the next run begins where this one did."""


def original_error(error: BaseException) -> BaseException:
    """Return the error of hubbub's own that a worker raised, if the runner's error tells of one.

    Another error of a worker becomes BeamFailed with its last line; what is no error of a worker stays what it is.
    """
    if isinstance(error, RuntimeError) and any(said in str(error) for said in _DEATHS):
        return BeamFailed(
            "a worker process of Beam died in the middle of its work (no memory left, or a record that kills it); "
            "nothing was committed. The embedded engine finds such a record and makes it a dead letter"
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in reversed(lines):
        if line.startswith(OWN_PACKAGES) and (found := _own(line)) is not None:
            return found
    if not isinstance(error, RuntimeError) or "Traceback" not in str(error):
        return error
    return BeamFailed(_without_place(lines[-1]))


def _own(line: str) -> Exception | None:
    name, colon, message = line.partition(": ")
    module, _, class_name = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), class_name)
    except (ImportError, AttributeError, ValueError):
        return None
    if not colon or not isinstance(found, type) or not issubclass(found, Exception):
        return None
    return found(_without_place(message))


def _without_place(message: str) -> str:
    # Beam adds the transform that raised it, by its own name for it.
    return message.partition(" [while running '")[0]
