"""Read one JSON text strictly and within bounds: the verdict is RFC 8259's, or a refusal with its reason.

orjson reads (it has no wrong verdict on JSONTestSuite); this file adds what it leaves open:
- bounds on bytes, nesting and number of values, checked before anything is built (all three refuse as `too_large`);
- integers beyond 64 bits, which orjson turns into floats without a word, and numbers beyond a double: `schema`;
- which fault it was: `bad_utf8` where the text would be JSON but for its encoding, else `bad_json`.
NaN, Infinity, lone surrogates and a byte order mark are not JSON: `bad_json`. Of a key said twice the last holds.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NoReturn

import numpy as np
import orjson

from schemas.refused import Refused

INT64_MIN: Final = -(2**63)
UINT64_MAX: Final = 2**64 - 1
# Below this magnitude a float cannot have been an integer that did not fit.
_LOST_FROM: Final = 2.0**63


@dataclass(frozen=True, slots=True)
class Limits:
    """What one JSON text may be at most: bytes, levels of nesting, values (members and elements, all levels)."""

    bytes: int = 1 << 20
    depth: int = 64
    values: int = 10_000

    def __post_init__(self) -> None:
        """Refuse a depth that the parsers below would not reach themselves."""
        if self.depth > 500:
            raise ValueError(f"expected a depth of at most 500, got {self.depth}")


DEFAULT_LIMITS: Final = Limits()


def parse_json(value: bytes, limits: Limits = DEFAULT_LIMITS) -> object:
    """Return what a JSON text says; raise Refused where it is not JSON, goes beyond `limits`, or would lose an integer.

    >>> parse_json(b'{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    parsed = parse_within(value, limits)
    refuse_lost_integers(parsed, value, None)
    return parsed


def parse_within(value: bytes, limits: Limits) -> object:
    """Do what parse_json does without looking for lost integers; for a caller who knows where they matter."""
    size = len(value)
    if size > limits.depth:  # a text of n bytes has fewer than n levels and values: short ones need no look
        if size > limits.bytes:
            raise Refused("too_large", "DECODE", f"expected at most {limits.bytes} bytes, got {size}")
        deep = value.count(b"[") + value.count(b"{") > limits.depth
        if deep or (size > limits.values and value.count(b",") >= limits.values):
            _refuse_big_shapes(value, limits)
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        _explain(value, error)


def refuse_lost_integers(parsed: object, value: bytes, names: Collection[str] | None) -> None:
    """Raise Refused where an integer beyond 64 bits became a float in `parsed`, which was read from `value`.

    `names` limits the question to these members of a top-level object; None asks of everything.
    """
    if not _has_huge_float(parsed):
        return
    exact = json.loads(value, parse_int=_integer)
    if names is not None:
        exact = {name: one for name, one in exact.items() if name in names}
    if any(one is _LOST for one in _leaves(exact)):
        raise Refused("schema", "DECODE", "expected integers of at most 64 bits, got a longer one in an unknown field")


class _Lost:
    """Stands for an integer beyond 64 bits."""


_LOST: Final = _Lost()


def _integer(digits: str) -> object:
    # Python's own int() would take time quadratic in the digits.
    return _LOST if len(digits) > 20 or not INT64_MIN <= int(digits) <= UINT64_MAX else 0


def _leaves(parsed: object) -> list[object]:
    """Return the values inside a parsed text that hold no others."""
    leaves: list[object] = []
    waiting = [parsed]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        else:
            leaves.append(one)
    return leaves


def _has_huge_float(parsed: object) -> bool:
    return any(type(one) is float and abs(one) >= _LOST_FROM for one in _leaves(parsed))


def _refuse_big_shapes(value: bytes, limits: Limits) -> None:
    """Refuse a text nested too deep or with too many values, by counting its signs outside strings."""
    # Pairs that begin with a backslash go first, from the left: what quotation marks are left begin or end a string.
    bare = np.frombuffer(value.replace(b"\\\\", b"").replace(b'\\"', b""), dtype=np.uint8)
    outside = (np.cumsum(bare == ord('"'), dtype=np.int32) & 1) == 0
    opening = ((bare == ord("[")) | (bare == ord("{"))) & outside
    closing = ((bare == ord("]")) | (bare == ord("}"))) & outside
    depth = int(np.cumsum(opening.astype(np.int32) - closing, dtype=np.int32).max(initial=0))
    values = int(np.count_nonzero((bare == ord(",")) & outside)) + int(np.count_nonzero(opening))
    if depth <= limits.depth and values <= limits.values:
        return
    if value.rstrip()[-1:] not in (b"]", b"}"):
        raise Refused("bad_json", "DECODE", f"expected JSON, got a text of {len(value)} bytes that ends too early")
    if depth > limits.depth:
        raise Refused("too_large", "DECODE", f"expected at most {limits.depth} levels of nesting, got {depth}")
    raise Refused("too_large", "DECODE", f"expected at most {limits.values} values in one event, got about {values}")


def _explain(value: bytes, error: orjson.JSONDecodeError) -> NoReturn:
    """Raise the refusal that says which of the faults it was."""
    if "infinity" in str(error):
        raise Refused("schema", "DECODE", "expected numbers that a double can hold, got a larger one") from None
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as fault:
        try:  # a text whose only fault is its encoding is worth a reason of its own
            orjson.loads(value.decode("utf-8", errors="replace"))
        except orjson.JSONDecodeError:
            pass
        else:
            message = f"expected UTF-8, got a byte at position {fault.start} that is none"
            raise Refused("bad_utf8", "DECODE", message) from None
    what = "an empty value" if not value.strip() else f"a text that breaks at character {error.pos}: {error.msg}"
    raise Refused("bad_json", "DECODE", f"expected JSON, got {what}") from None
