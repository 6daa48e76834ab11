"""How long and how hard to train."""

from __future__ import annotations

from dataclasses import dataclass

# Ways to damage a text (augment.py), and how often each.
KEYBOARD = (("typo", 4), ("case", 3), ("punctuation", 3), ("width", 1))
KEYBOARD_AND_EMOJI = (*KEYBOARD, ("emoji", 3))


@dataclass(frozen=True)
class Recipe:
    """How long and how hard to train. `visits` says how often a row of each source is seen ('own' for our tables; 0.5:
    half of them once).

    `bar` leaves labels that a set does not know out of its loss; without it they count as wrong there. Rates are
    of AdamW; `layer_decay` lowers them from the top layer down. `teacher_weight` and `teacher_heat` matter with a
    teacher only; `damages` are ways of augment.py with their weights; `patience` is after how many passes without a
    better figure on dev training ends.
    """

    visits: dict[str, float]
    passes: int = 8
    encoder_rate: float = 1e-4
    head_rate: float = 1e-3
    layer_decay: float = 0.85
    warm_up: float = 0.06
    weight_decay: float = 0.01
    dropout: float = 0.05
    smoothing: float = 0.05
    tokens_per_batch: int = 1024
    rows_per_batch: int = 64
    truncate_at: int = 64
    bar: bool = True
    own_damage: float = 0.4
    public_damage: float = 0.1
    damages: tuple[tuple[str, int], ...] = KEYBOARD
    head_weights: tuple[tuple[str, float], ...] = ()
    teacher_weight: float = 0.7
    teacher_heat: float = 2.0
    patience: int = 3
    seed: int = 7
