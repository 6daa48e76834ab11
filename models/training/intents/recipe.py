"""What `train intents` does by default, and in a hurry."""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.training.encoder.recipe import KEYBOARD_AND_EMOJI, Recipe

# Measured on CLINC150's dev part; see docs/training.md for what else was tried.
TEACHER = Recipe(
    visits={"own": 5},
    passes=5,
    encoder_rate=2e-4,
    layer_decay=0.9,
    truncate_at=64,
    own_damage=0.1,
    public_damage=0.1,
    patience=2,
)
STUDENT = replace(
    TEACHER,
    visits={"own": 6},
    passes=6,
    layer_decay=1.0,
    own_damage=0.2,
    public_damage=0.2,
    damages=KEYBOARD_AND_EMOJI,
)
ROUNDED = replace(STUDENT, visits={"own": 2}, passes=2, encoder_rate=5e-5, head_rate=2e-4, dropout=0.0, patience=2)


@dataclass(frozen=True)
class Plan:
    """A whole training: the teacher (None: none), its student, and the student once more under rounding.

    `layers` are those of the teacher, or of the base without one, that the student keeps.
    """

    teacher: Recipe | None
    student: Recipe
    rounded: Recipe
    layers: tuple[int, ...]
    vocabulary_size: int = 30_000


EVERY_SECOND = {12: tuple(range(12)), 6: (0, 2, 4, 7, 9, 11), 4: (0, 4, 8, 11), 3: (0, 5, 11)}


def plan(*, layers: int, quick: bool, seed: int) -> Plan:
    """Give the plan: a student of `layers` layers; `quick` has no teacher and few passes, for a first look."""
    kept = EVERY_SECOND[layers]
    student, rounded = replace(STUDENT, seed=seed + 1), replace(ROUNDED, seed=seed + 2)
    if quick:
        lower = tuple(range(layers))
        short = replace(student, visits={"own": 2}, passes=2, layer_decay=0.9)
        return Plan(None, short, replace(rounded, visits={"own": 1}, passes=1), lower)
    return Plan(replace(TEACHER, seed=seed), student, rounded, kept)
