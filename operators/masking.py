"""Mask what varies in log lines: numbers, addresses, ids, times, sizes and paths become one mark each.

The patterns are RE2's (linear time on any input), run over whole columns by Arrow, which brings RE2 along.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

# Stands for what was masked; shown as `<*>`. Control characters, so that a line's own "<*>" stays a word.
MASK = "\x02"
_END = "\x03"
SHOWN = "<*>"
# Nothing behind this many characters of a line is looked at; it counts as one more thing that varies.
LONGEST_LINE = 4_000
LONGEST_FORM = 1_000
MOST_WORDS = 100

_HEX = "[0-9A-Fa-f]"
_PATTERNS = (
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+",  # address of a resource
    rf"{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}",  # UUID
    rf"(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}",  # MAC
    # IPv6: in full, compressed behind two groups, link-local, or compressed behind a group that begins with a digit
    # (so that `face::method` of a program stays).
    rf"(?:(?:{_HEX}{{1,4}}:){{7}}{_HEX}{{1,4}}|(?:{_HEX}{{1,4}}:){{2,6}}(?::{_HEX}{{1,4}}){{1,6}}"
    rf"|[Ff][Ee]80::[0-9A-Fa-f:]+|[0-9]{_HEX}{{0,3}}::[0-9A-Fa-f:]+)(?:%[A-Za-z0-9]+)?(?:/\d+)?",
    r"/?\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?:[:/]\d+)?",  # IPv4, with port or prefix
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?",  # date, with time
    r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?",  # time of day, duration
    r"(?:/[A-Za-z0-9_.@%+~-]+){2,}/?",  # path
    r"[A-Za-z]:\\[^\s\"']+",
    r"[-+]?\d+(?:[.,]\d+)+(?:[A-Za-z]{1,3}\b|%)?",  # number with decimals, with its unit
    r"[-+]\d[A-Za-z0-9]*%?",  # number with a sign
    r"[A-Za-z0-9]*\d[A-Za-z0-9]*%?",  # whatever has a digit: 12, 15ms, 0x1f, eth0, 9f3c11
)
# RE2 looks neither ahead nor behind: what stands before is matched too and put back.
_VARIES = r"(^|[^A-Za-z0-9])(" + "|".join(f"(?:{pattern})" for pattern in _PATTERNS) + ")"


@dataclass(slots=True)
class MaskedLine:
    """A line taken apart: its words with `MASK` for what varies, one blank between, and the texts masked, in order."""

    form: str
    masked: list[str]

    def words(self) -> list[str]:
        """Return the words of the form."""
        return self.form.split(" ")

    def written(self) -> list[str]:
        """Return the words as they were written."""
        texts = iter(self.masked)
        words = []
        for word in self.words():
            first, *rest = word.split(MASK)
            words.append(first + "".join(next(texts) + part for part in rest))
        return words


def mask_lines(lines: pa.Array) -> list[MaskedLine | None]:
    """Mask each line (string, no nulls); None for one without words."""
    if not len(lines):
        return []
    rests: dict[int, str] = {}
    if pc.max(pc.utf8_length(lines)).as_py() > LONGEST_LINE:
        texts = lines.to_pylist()
        rests = {i: text[LONGEST_LINE:] for i, text in enumerate(texts) if len(text) > LONGEST_LINE}
        lines = pa.array([text[:LONGEST_LINE] for text in texts], pa.string())
    clean = pc.replace_substring_regex(lines, f"[{MASK}{_END}]", "\ufffd")
    marked = pc.replace_substring_regex(clean, _VARIES, rf"\1{MASK}\2{_END}")
    forms = pc.replace_substring_regex(marked, f"{MASK}[^{_END}]*{_END}", MASK)
    return [
        _line(form, text, rests.get(i, ""))
        for i, (form, text) in enumerate(zip(forms.to_pylist(), marked.to_pylist(), strict=True))
    ]


def _line(form: str, marked: str, rest: str) -> MaskedLine | None:
    words = form.split()
    if not words:
        return None
    masked = [part[: part.index(_END)] for part in marked.split(MASK)[1:]]
    line = MaskedLine(" ".join(words), masked)
    if rest or len(line.form) > LONGEST_FORM or len(words) > MOST_WORDS:
        return _cut(line, rest)
    return line


def _cut(line: MaskedLine, rest: str) -> MaskedLine:
    """Keep the first words of a long line; all behind them is one more mask."""
    kept: list[str] = []
    length = 0
    for word in line.words()[: MOST_WORDS - 1]:
        length += len(word) + 1
        if length > LONGEST_FORM - 2:
            break
        kept.append(word)
    masks = sum(word.count(MASK) for word in kept)
    behind = " ".join(line.written()[len(kept) :]) + rest
    return MaskedLine(" ".join([*kept, MASK]), [*line.masked[:masks], behind])
