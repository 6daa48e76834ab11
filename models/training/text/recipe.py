"""What `train text` does by default, and in a hurry."""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.training.encoder.recipe import KEYBOARD_AND_EMOJI, Recipe

VOCABULARY_SIZE = 45_000
# The student keeps the lower layers of the base. Accuracy of linear probes on the project's own rows before any
# training: on the lower six topic 0.66, category 0.63, sentiment 0.85; on every second one (0, 2, 4, 7, 9, 11) 0.58,
# 0.50, 0.77; on all twelve 0.69, 0.61, 0.83.
LAYERS = 6
LESS_LANGUAGE = (("language", 0.3),)
# How many training rows of each public set are taken; those of intents teach the language alone.
LANGUAGE_ROWS = {"massive_en": 600, "clinc150": 600, "bitext_support": 300, "smp2020": 1200}
FULL_ROWS = {"sst2": 6914, "waimai_zh": 8383, "semeval13_16": 24_000, "online_shopping_zh": 12_000, **LANGUAGE_ROWS}
QUICK_ROWS = {"sst2": 600, "waimai_zh": 600, "semeval13_16": 600, "online_shopping_zh": 200, "smp2020": 200}

# Reviews of two classes teach at first without `neutral`, so that they do not outweigh the messages that are neutral;
# at the end it counts as wrong for them, because their authors did take a side.
TEACHER = Recipe(
    visits={"own": 5, "sst2": 2, "semeval13_16": 0.6, "online_shopping_zh": 0.6},
    passes=5,
    layer_decay=0.9,
    head_weights=LESS_LANGUAGE,
)
STUDENT = replace(
    TEACHER,
    visits={"own": 5, "sst2": 2, "semeval13_16": 0.75, "online_shopping_zh": 0.75},
    own_damage=0.5,
    public_damage=0.2,
    damages=KEYBOARD_AND_EMOJI,
    teacher_weight=0.5,
)
ROUNDED = replace(
    STUDENT,
    visits={"own": 1.5, "online_shopping_zh": 0.25, "semeval13_16": 0.25, "waimai_zh": 0.3, "sst2": 0.5},
    passes=2,
    encoder_rate=3e-5,
    head_rate=2e-4,
    dropout=0.0,
    bar=False,
)


@dataclass(frozen=True)
class Plan:
    """A whole training: the teacher with all layers (None: none), its student, and that once more under rounding.

    `layers` are those of the teacher, or of the base without one, that the student keeps; `start_rows` are what the
    heads begin with.
    """

    teacher: Recipe | None
    student: Recipe
    rounded: Recipe
    layers: tuple[int, ...]
    start_rows: int = 8000


def plan(*, layers: int = LAYERS, quick: bool, seed: int) -> Plan:
    """Give the plan of a student that keeps the lower `layers`; `quick` has no teacher, and one pass over few rows."""
    lower = tuple(range(layers))
    student, rounded = replace(STUDENT, seed=seed + 1), replace(ROUNDED, seed=seed + 2)
    if quick:
        short, least = replace(student, visits={"own": 1}, passes=1), replace(rounded, visits={"own": 0.2}, passes=1)
        return Plan(None, short, least, lower, start_rows=2000)
    return Plan(replace(TEACHER, seed=seed), student, rounded, lower)
