"""CRC-32C (Castagnoli), the checksum of Kafka's record batches, at hundreds of megabytes a second without a C library.

A checksum is linear, so the bytes are cut into many lanes that numpy steps through side by side, and the lanes'
results are joined by tables that append zeros to one.
Source: RFC 3720, appendix B.4 (polynomial 0x1EDC6F41, reflected 0x82F63B78); joining as zlib's crc32_combine does.
"""

from __future__ import annotations

from functools import cache

import numpy as np

_POLYNOMIAL = 0x82F63B78
_LANES = 2048
_FEW_BYTES = 4096


def crc32c(content: bytes | bytearray | memoryview) -> int:
    """Return the checksum of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    size = len(content)
    if size < _FEW_BYTES:
        return _plain(bytes(content), 0xFFFFFFFF) ^ 0xFFFFFFFF
    data = np.frombuffer(content, dtype=np.uint8)
    lanes = _LANES
    while lanes * 16 > size:
        lanes >>= 1
    length = size // lanes
    whole = lanes * length
    states = _lanes(data[:whole].reshape(lanes, length))
    # What stands before the first byte (all ones) is carried by its lane alone.
    first = states[0] ^ _zeros_appended(np.array([0xFFFFFFFF], np.uint32), length)[0]
    states[0] = first
    width = length
    while len(states) > 1:
        left, right = states[0::2], states[1::2]
        states = _zeros_appended(left, width) ^ right
        width *= 2
    return _plain(bytes(content[whole:]), int(states[0])) ^ 0xFFFFFFFF


def _lanes(rows: np.ndarray) -> np.ndarray:
    """Return each row's checksum from zero, without the final inversion."""
    table = _tables()
    count, length = rows.shape
    state = np.zeros(count, np.uint32)
    words = length // 4
    # Four bytes a step (slicing by four), little endian.
    quads = np.ascontiguousarray(rows[:, : words * 4]).view("<u4").T
    for step in range(words):
        state = state ^ quads[step]
        state = (
            table[3][state & 0xFF] ^ table[2][state >> 8 & 0xFF] ^ table[1][state >> 16 & 0xFF] ^ table[0][state >> 24]
        )
    for column in range(words * 4, length):
        state = table[0][(state ^ rows[:, column]) & 0xFF] ^ state >> 8
    return state


def _plain(content: bytes, state: int) -> int:
    table = _first_table()
    for byte in content:
        state = table[(state ^ byte) & 0xFF] ^ state >> 8
    return state


@cache
def _first_table() -> list[int]:
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
        table.append(state)
    return table


@cache
def _tables() -> np.ndarray:
    """Return four tables: what a byte does to the state when it lies 0, 1, 2 or 3 bytes before the end of a step."""
    first = np.array(_first_table(), np.uint32)
    tables = [first]
    for _ in range(3):
        last = tables[-1]
        tables.append(first[last & 0xFF] ^ last >> 8)
    return np.stack(tables)


def _zeros_appended(states: np.ndarray, count: int) -> np.ndarray:
    """Return the states after `count` more zero bytes."""
    power = 0
    while count:
        if count & 1:
            table = _zeros_table(power)
            states = (
                table[0][states & 0xFF]
                ^ table[1][states >> 8 & 0xFF]
                ^ table[2][states >> 16 & 0xFF]
                ^ table[3][states >> 24]
            )
        count >>= 1
        power += 1
    return states


@cache
def _zeros_table(power: int) -> np.ndarray:
    """Return what 2**power zero bytes make of each byte of a state, by that byte's place: (4, 256)."""
    if power == 0:
        bytes_ = np.arange(256, dtype=np.uint32)
        states = np.stack([bytes_ << np.uint32(8 * place) for place in range(4)])
        first = np.array(_first_table(), np.uint32)
        return np.asarray(first[states & 0xFF] ^ states >> 8)
    before = _zeros_table(power - 1)
    return np.asarray(
        before[0][before & 0xFF]
        ^ before[1][before >> 8 & 0xFF]
        ^ before[2][before >> 16 & 0xFF]
        ^ before[3][before >> 24]
    )
