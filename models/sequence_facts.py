"""What a bundle for event sequences knows beside its graphs: `sequences.json`."""

from __future__ import annotations

import msgspec

from models.event_grams import EventGrams, Gram

FACTS = "sequences.json"
JUDGE = "judge.onnx"


class Tail(msgspec.Struct, frozen=True):
    """How surprising normal sequences are that were held out: `surprise` rising, and the share of at least that much.

    Beyond the last one the share falls by the surprise itself, which is a logarithm of a probability. A sequence more
    surprising than `limit` is an anomaly.
    """

    surprise: tuple[float, ...]
    share: tuple[float, ...]
    limit: float


class Judge(msgspec.Struct, frozen=True):
    """What `judge.onnx`, learnt from labels, reads of a sequence, and from which probability it is an anomaly.

    One column counts each of `runs` (of one or two events, begin and end among them), then one all other runs, then
    one the events.
    """

    runs: tuple[Gram, ...]
    limit: float


class Facts(msgspec.Struct, frozen=True):
    """`events` are numbered from 3; `runs` are the rows of the graph's table from 1; `normal` is by frequency."""

    order: int
    events: tuple[str, ...]
    runs: tuple[Gram, ...]
    normal: tuple[tuple[str, ...], ...]
    tail: Tail
    judge: Judge | None = None

    def grams(self) -> EventGrams:
        """Return the runs of events by entry."""
        return EventGrams(self.order, self.events, self.runs)
