"""Sentences with gaps: `box <-19.5..-17.5> C, fan <on|off>` is filled anew each time it is said.

A gap holds a range of numbers (`<3..12>`, `<1.10..2.35>`: as many decimals as are written), a choice (`<on|off>`),
or hexadecimal digits (`<hex4>`: four of them). Text without gaps stays as it is.
"""

from __future__ import annotations

from functools import cache
from random import Random

import re2

_GAP = re2.compile(r"<([^<>]+)>")
_RANGE = re2.compile(r"(-?\d+(?:\.(\d+))?)\.\.(-?\d+(?:\.\d+)?)")
_HEX = re2.compile(r"hex(\d+)")


def seeded(seed: int, what: str) -> Random:
    """Return the source of chance for one part of a simulation: what other parts draw does not change it."""
    return Random(f"{seed}/{what}")  # noqa: S311 - a simulated building keeps no secrets


def fill(phrase: str, rng: Random) -> str:
    """Return the phrase with each gap filled by `rng`.

    >>> fill("retry <2..2> of 5, peer <up|up>", Random(1))
    'retry 2 of 5, peer up'
    """
    pieces = _pieces(phrase)
    if len(pieces) == 1:
        return phrase
    return "".join(_say(piece, rng) if index % 2 else piece for index, piece in enumerate(pieces))


@cache
def _pieces(phrase: str) -> tuple[str, ...]:
    """Cut a phrase into text, gap, text, gap, ..., text."""
    pieces, at = [], 0
    for gap in _GAP.finditer(phrase):
        pieces += [phrase[at : gap.start()], gap.group(1)]
        at = gap.end()
    return (*pieces, phrase[at:])


def _say(gap: str, rng: Random) -> str:
    if "|" in gap:
        return rng.choice(gap.split("|"))
    if hexadecimal := _HEX.fullmatch(gap):
        digits = int(hexadecimal.group(1))
        return f"{rng.getrandbits(4 * digits):0{digits}x}"
    if numbers := _RANGE.fullmatch(gap):
        low, decimals, high = numbers.groups()
        if decimals is None:
            return str(rng.randint(int(low), int(high)))
        return f"{rng.uniform(float(low), float(high)):.{len(decimals)}f}"
    raise ValueError(f"expected a gap like <1..9>, <a|b> or <hex4>, got <{gap}>; this is a bug of the demo")
