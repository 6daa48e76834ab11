"""Tells Beam how the pipeline's elements are written as bytes (see element_bytes.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apache_beam import coders

from pipelines.engines import element_bytes as as_bytes
from pipelines.engines.beam.elements import Portion, StreamEnd, StreamRange, Written


class _BytesCoder(coders.Coder):  # type: ignore[misc]
    """A coder by two functions; equal elements have equal bytes."""

    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]

    def encode(self, value: Any) -> bytes:
        return type(self).write(value)

    def decode(self, encoded: bytes) -> Any:
        return type(self).read(encoded)

    def is_deterministic(self) -> bool:
        return True


class PortionCoder(_BytesCoder):
    """Of a Portion."""

    write = staticmethod(as_bytes.portion_to_bytes)
    read = staticmethod(as_bytes.portion_of_bytes)


class RangeCoder(_BytesCoder):
    """Of a StreamRange."""

    write = staticmethod(as_bytes.range_to_bytes)
    read = staticmethod(as_bytes.range_of_bytes)


class EndCoder(_BytesCoder):
    """Of a StreamEnd."""

    write = staticmethod(as_bytes.end_to_bytes)
    read = staticmethod(as_bytes.end_of_bytes)


class WrittenCoder(_BytesCoder):
    """Of a Written."""

    write = staticmethod(as_bytes.written_to_bytes)
    read = staticmethod(as_bytes.written_of_bytes)


def register_coders() -> None:
    """Register them; to be called wherever a pipeline is built."""
    for type_, coder in (
        (Portion, PortionCoder),
        (StreamRange, RangeCoder),
        (StreamEnd, EndCoder),
        (Written, WrittenCoder),
    ):
        coders.registry.register_coder(type_, coder)
