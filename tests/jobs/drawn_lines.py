"""Device logs drawn from a seed, for jobs whose answers an oracle or another engine can tell."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import orjson

from schemas.identity import identity
from schemas.record import Append

START = datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp()


def lines(count: int, *, devices: int = 40, seed: int, poison_every: int = 0, first: int = 0) -> list[Append]:
    """Lines of devices that speak out of order by up to three seconds and fall silent now and then.

    Each has an id of its own, so that ids do not depend on the offsets of a broker; with `poison_every` each so many
    is no JSON. `first` begins later: the same numbers, whatever was drawn before.
    """
    source = random.Random(seed)
    print(f"seed {seed}")
    found = []
    for i in range(first + count):
        device = f"d{int(source.triangular(0, devices, 0))}"
        moment = datetime.fromtimestamp(START + i * 0.5 + source.uniform(-3, 0), UTC)
        line = {"device_id": device, "event_time": moment.isoformat(), "message": f"line {i}", "seq": i}
        value = orjson.dumps(line)
        if poison_every and i % poison_every == 0:
            value = b'{"device_id": "%s", "event_time": nonsense %d' % (device.encode(), i)
        headers = (("ce_hubbubid", identity("test", i).encode()), ("note", b"first"), ("note", b"second"))
        found.append(Append("device.logs", device.encode(), value, headers))
    return found[first:]
