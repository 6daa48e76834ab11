"""The lines of a file as bytes with their numbers, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

# More than any topic takes in one value; what is longer is cut here, and refused later because it is too long.
MOST_LINE_BYTES = 4 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def numbered_lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Give each line with its number, from 1, without its newline; a byte order mark before the first is left out."""
    number = 0
    while line := file.readline(MOST_LINE_BYTES):
        number += 1
        if not line.endswith(b"\n"):
            while (rest := file.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
        line = line.removesuffix(b"\n")
        yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
