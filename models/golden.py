"""Golden examples: a bundle that gives other answers than its card says must not serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.bundle import Bundle, BundleRefused
from models.session import RUNTIME_VERSION

Example = Mapping[str, Any]


def check_golden(bundle: Bundle, what: str, answered: Callable[[Sequence[Example]], Sequence[Example]]) -> None:
    """Raise BundleRefused unless the model gives the answers of every golden example, to the last bit.

    `answered` gives examples again, each with what the model in memory answers; `what` names one example's kind.
    """
    golden = bundle.card.golden
    if not golden:
        raise BundleRefused(f"model bundle {bundle.path}: expected golden examples on the card, got none")
    try:
        found = answered(golden)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleRefused(f"model bundle {bundle.path}: a golden {what} cannot be read: {error!r}") from error
    for number, (expected, got) in enumerate(zip(golden, found, strict=True)):
        if got != expected:
            raise BundleRefused(
                f"model bundle {bundle.path}: golden {what} {expected.get('name', number)!r}"
                f"{_difference(expected, got)} (ONNX Runtime {RUNTIME_VERSION})"
            )


def _difference(expected: Example, got: Example) -> str:
    """Name the first answer that differs, where an example has a list of them."""
    wanted, came = expected.get("answers"), got.get("answers")
    if not isinstance(wanted, list) or not isinstance(came, list):
        return f": expected {expected}, got {got}"
    for at, (one, other) in enumerate(zip(wanted, came, strict=False)):
        if one != other:
            return f", answer {at}: expected {one}, got {other}"
    return f": expected {len(wanted)} answers, got {len(came)}"
