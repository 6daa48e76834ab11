"""A training that can be interrupted: written down now and then, and gone on with as if nothing had happened."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from models.training.encoder.network import Parameters
from models.training.encoder.progress import say

SAVE_EVERY_S = 120.0


@dataclass
class At:
    """Where a training is: passes that are whole, steps of the next one, texts seen; and the best it has found."""

    passes: int = 0
    steps: int = 0
    visited: int = 0
    best_figure: float | None = None
    best_pass: int = 0
    best: Parameters | None = None
    figures: list[float] = field(default_factory=list)


class Checkpoint:
    """Keeps a training in one file, or not at all without one.

    `keep` is the file, and what tells this training from others: a file of another one is left alone and training
    begins anew. The file is replaced at once, so a crash or a full disk costs what came after the last one, never the
    last one itself.
    """

    def __init__(self, keep: tuple[Path, str] | None, parameters: Parameters, optimizer: torch.optim.Optimizer) -> None:
        """Watch over `parameters` and their optimizer."""
        self._path = None if keep is None else keep[0]
        self._what = "" if keep is None else keep[1]
        self._parameters = parameters
        self._optimizer = optimizer
        self._saved = time.monotonic()

    def restore(self) -> At:
        """Go back to where the file says this training was; the beginning without one."""
        if self._path is None or not self._path.exists():
            return At()
        kept = torch.load(self._path, weights_only=True)
        if kept["what"] != self._what:
            say(f"{self._path} is of another training; this one begins anew")
            return At()
        with torch.no_grad():
            for name, value in kept["parameters"].items():
                self._parameters[name].copy_(value)
        self._optimizer.load_state_dict(kept["optimizer"])
        torch.set_rng_state(kept["random"])
        at = At(**kept["at"])
        say(f"going on from {self._path}: {at.passes} passes and {at.steps} steps are done")
        return at

    def save_sometimes(self, at: At) -> None:
        """Write it down if the last time is a while ago."""
        if time.monotonic() - self._saved > SAVE_EVERY_S:
            self.save(at)

    def save(self, at: At) -> None:
        """Write it down now. A disk that is full is said, and costs nothing but the chance to go on from here."""
        if self._path is None:
            return
        self._saved = time.monotonic()
        part = self._path.with_suffix(".part")
        content = {
            "what": self._what,
            "parameters": self._parameters,
            "optimizer": self._optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "at": asdict(at),
        }
        try:
            torch.save(content, part)
            part.replace(self._path)
        except (OSError, RuntimeError) as error:  # torch says RuntimeError when a disk is full
            say(f"could not write {self._path} ({error}); training goes on, and the one before stays")
            part.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove the file of a training that came to its end."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
