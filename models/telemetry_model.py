"""A telemetry model: a handle to a verified bundle that judges readings, series by series, memory in and out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from models.bundle import BundleRefused, open_bundle, read_card
from models.find_bundle import find_bundle
from models.loaded_telemetry import LoadedTelemetry, ReadingAnswers, check_golden

SHIPPED_TELEMETRY_MODEL = "telemetry-level"
# One false alarm a month of a series that is read once a minute.
MONTHLY = 1 / 43_200
# A thousand readings are too little work to share out: more threads would only wait for each other.
_THREADS = 1

_Key = tuple[int, Path, str]
_LOADED: WeakValueDictionary[_Key, LoadedTelemetry] = WeakValueDictionary()
_LOADING = Lock()


class TelemetryModel:
    """Same reading and same memory, same answer, bit for bit, whatever other series it is asked beside.

    `path` is a bundle's folder. Making one reads the card (so a model that is not there is known at once); the graph is
    loaded and its golden series checked on first use, once a process however many handles there are. It pickles as
    path and digest, and refuses to be unpickled where the path holds other bytes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self.card, self.digest = read_card(self.path)
        if self.card.task != "telemetry":
            raise BundleRefused(f"model bundle {self.path}: expected the task telemetry, got {self.card.task}")
        self._loaded: tuple[int, LoadedTelemetry] | None = None

    @classmethod
    def named(
        cls, name: str = SHIPPED_TELEMETRY_MODEL, chosen: Mapping[str, str | Path] | None = None
    ) -> TelemetryModel:
        """Return the model of the bundle `name`: the one that came with hubbub unless `chosen` says another folder."""
        return cls(find_bundle(name, chosen))

    @property
    def identity(self) -> str:
        """What its answers carry: name, version and 12 digits for all bytes that could change them."""
        return self._load().identity

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of oddness, by the index that answers carry."""
        return self._load().kinds

    @property
    def state_width(self) -> int:
        """How many numbers are remembered of a series; all zeros is a series without memory."""
        return self._load().state_width

    def load(self) -> None:
        """Load now what would be loaded on first use; BundleRefused when it must not serve."""
        self._load()

    def step(
        self,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        states: NDArray[np.float64],
        alarm_probability: float = MONTHLY,
    ) -> ReadingAnswers:
        """Judge one finite reading of each series, `seconds` after its last one (0 for the first), and take it in.

        `values` and `seconds` are (rows,), `states` (rows, state_width); a reading less probable than
        `alarm_probability` is an anomaly.
        """
        return self._load().step(values, seconds, states, alarm_probability)

    def _load(self) -> LoadedTelemetry:
        # A forked process has the session's memory but not its threads, so it loads its own.
        process = os.getpid()
        if self._loaded is not None and self._loaded[0] == process:
            return self._loaded[1]
        key = (process, self.path, self.digest)
        with _LOADING:
            loaded = _LOADED.get(key)
            if loaded is None:
                bundle = open_bundle(self.path)
                if bundle.digest != self.digest:
                    raise BundleRefused(_other_bytes(self.path, self.digest, bundle.digest))
                loaded = LoadedTelemetry(bundle, _THREADS)
                check_golden(loaded, bundle)
                _LOADED[key] = loaded
            self._loaded = (process, loaded)
        return loaded

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TelemetryModel) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.path, self.digest))

    def __repr__(self) -> str:
        return f"TelemetryModel({self.card.name}@{self.card.version}, {self.path})"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _unpickled, (str(self.path), self.digest)


def _other_bytes(path: Path, expected: str, found: str) -> str:
    return f"model bundle {path}: expected the digest {expected[:12]}..., got {found[:12]}...: it was changed meanwhile"


def _unpickled(path: str, digest: str) -> TelemetryModel:
    model = TelemetryModel(path)
    if model.digest != digest:
        raise BundleRefused(_other_bytes(model.path, digest, model.digest))
    return model
