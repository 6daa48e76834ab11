"""Run an ONNX graph: the one place that knows ONNX Runtime.

Threads follow the CPU quota and wait without spinning, and the CPU arena is off, so an idle session costs neither
processor nor memory. The level of optimization is the bundle's: another one gives other answers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.bundle import Bundle, BundleRefused
from models.card import Optimization, Tensor
from models.cpu_quota import cpu_quota
from models.model_work import ModelWork, work_of

RUNTIME_VERSION: str = onnxruntime.__version__

_LEVELS = {
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}
_ERRORS_ONLY = 3


class GraphRefused(Exception):
    """ONNX Runtime does not load this graph."""


class GraphFailed(Exception):
    """A loaded graph did not run: an outage (no memory), or a bug in what it was fed."""


def _described(one: onnxruntime.NodeArg) -> Tensor:
    type_ = _TYPES.get(one.type, one.type.removeprefix("tensor(").removesuffix(")"))
    return Tensor(one.name, type_, tuple(size if isinstance(size, int) else str(size) for size in one.shape))


class Session:
    """A loaded graph. Several threads may run it at once; how often and how long is counted in `work`."""

    def __init__(
        self,
        graph: bytes,
        optimization: Optimization = "all",
        threads: int | None = None,
        work: ModelWork | None = None,
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or cpu_quota()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False
        options.graph_optimization_level = _LEVELS[optimization]
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        # ONNX Runtime's exceptions have no common base but Exception.
        except Exception as error:
            raise GraphRefused(f"ONNX Runtime {RUNTIME_VERSION} does not load it: {_first_line(error)}") from error
        self._work = work or ModelWork()
        self.inputs = tuple(_described(one) for one in self._session.get_inputs())
        self.outputs = tuple(_described(one) for one in self._session.get_outputs())

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the named outputs for these inputs."""
        began = time.perf_counter()
        try:
            found: list[NDArray[Any]] = self._session.run(list(outputs), dict(feeds))
        except Exception as error:
            shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in feeds.items())
            raise GraphFailed(f"ONNX Runtime {RUNTIME_VERSION} failed on {shapes}: {_first_line(error)}") from error
        self._work.ran(time.perf_counter() - began)
        return found


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _fits(found: Tensor, expected: Tensor) -> bool:
    same = found.name == expected.name and found.type == expected.type and len(found.shape) == len(expected.shape)
    # A size that varies has a name of its own in each file; only fixed sizes are compared.
    pairs = zip(found.shape, expected.shape, strict=False)
    return same and all(not (isinstance(a, int) and isinstance(b, int)) or a == b for a, b in pairs)


def _told(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"{one.name} {one.type}{list(one.shape)}" for one in tensors)


def load_session(bundle: Bundle, threads: int | None = None) -> Session:
    """Load a verified bundle's graph; BundleRefused when it does not load or is not what its card says."""
    try:
        work = work_of(bundle.identity(RUNTIME_VERSION))
        session = Session(bundle.graph, bundle.card.runtime.optimization, threads, work)
    except GraphRefused as error:
        raise BundleRefused(f"model bundle {bundle.path}: model.onnx: {error}") from error
    for what, found, expected in (
        ("inputs", session.inputs, bundle.card.inputs),
        ("outputs", session.outputs, bundle.card.outputs),
    ):
        if len(found) != len(expected) or not all(map(_fits, found, expected)):
            raise BundleRefused(
                f"model bundle {bundle.path}: the card says {what} {_told(expected)}, model.onnx has {_told(found)}"
            )
    return session
