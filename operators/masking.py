"""Mask what varies in log lines: numbers, addresses, ids, times, sizes, paths, hosts, users become one mark each.

The patterns are RE2's (linear time on any input), run over whole columns by Arrow, which brings RE2 along. What
only its neighbours give away (a host's name, who a user is, a list) is found word by word: operators/masking_words.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from operators.masking_words import MASK, Traits, mask_words

_END = "\x03"
# How a template shows a mask; MASK itself is a control character, so that a line's own "<*>" stays a word.
SHOWN = "<*>"
# Nothing behind this many characters of a line is looked at; it counts as one more thing that varies.
LONGEST_LINE = 4_000
LONGEST_FORM = 1_000
MOST_WORDS = 100

_HEX = "[0-9A-Fa-f]"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_PATTERNS = (
    # Date with the month's name, and a time: Sun Jul  3 10:05:25 PDT 2005; 3 Jul 2005 10:05.
    rf"(?:{_DAY},? +)?(?:{_MONTH} +\d{{1,2}}|\d{{1,2}}[ -]{_MONTH})(?:,? +\d{{4}})?,?"
    r" +\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: [A-Z]{3,4}\b)?(?: \d{4}\b)?",
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
    # An amount: its unit changes with its size (<1 sec, 1.5 KB, 20 MB/s), so it is part of what varies.
    r"(?:[<>]=?)?[-+]?\d+(?:[.,]\d+)* ?(?:(?:[KMGTPkmgt]i?)?(?:[bB]ps|[bB]/s|B)|[num]?s|secs?|mins?|hrs?|h)\b",
    r"(?:/[A-Za-z0-9_.@%+~-]+){2,}/?(?:\?[^\s\"'<>]*)?",  # path, with what is asked of it
    r"[A-Za-z]:\\[^\s\"']+",
    r"[-+]?\d+(?:[.,]\d+)+(?:[A-Za-z]{1,3}\b|%)?",  # number with decimals, with its unit
    r"[-+]\d[A-Za-z0-9]*%?",  # number with a sign
    r"[A-Za-z0-9]*\d[A-Za-z0-9]*%?",  # whatever has a digit: 12, 15ms, 0x1f, eth0, 9f3c11
)
# RE2 looks neither ahead nor behind: the character before is matched too, and a blank stands before each line. Groups
# that were captured would cost three times as much.
_VARIES = r"[^A-Za-z0-9](?:" + "|".join(f"(?:{pattern})" for pattern in _PATTERNS) + ")"


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
    spaced = pc.binary_join_element_wise("", clean, " ")
    marked = pc.replace_substring_regex(spaced, _VARIES, rf"{MASK}\0{_END}")
    recipes = _Recipes()
    return [_line(text, rests.get(i, ""), recipes) for i, text in enumerate(marked.to_pylist())]


@dataclass(slots=True)
class _Recipe:
    """What becomes of all lines of one form; each `MASK` in `texts` is the next of the texts masked so far."""

    form: str
    texts: list[str] | None
    cut: bool


class _Recipes(dict[str, _Recipe | None]):
    """Recipes by the form that the patterns leave, worked out once for each form of a batch."""

    def __init__(self) -> None:
        self._traits = Traits()

    def __missing__(self, form: str) -> _Recipe | None:
        words = form.split()
        recipe = None
        if words:
            found = mask_words(words, [MASK] * form.count(MASK), self._traits)
            cut = len(form) > LONGEST_FORM or len(words) > MOST_WORDS
            recipe = (
                _Recipe(" ".join(words), None, cut) if found is None else _Recipe(" ".join(found[0]), found[1], cut)
            )
        self[form] = recipe
        return recipe


def _line(marked: str, rest: str, recipes: _Recipes) -> MaskedLine | None:
    form, *parts = marked.split(MASK)
    masked = []
    for part in parts:
        end = part.index(_END)
        masked.append(part[1:end])
        form += part[0] + MASK + part[end + 1 :]
    recipe = recipes[form]
    if recipe is None:
        return None
    if recipe.texts is not None:
        rests = iter(masked)
        masked = ["".join(next(rests) if one == MASK else one for one in _pieces(text)) for text in recipe.texts]
    line = MaskedLine(recipe.form, masked)
    return _cut(line, rest) if rest or recipe.cut else line


def _pieces(text: str) -> list[str]:
    """Take a text apart at its masks; they are pieces too."""
    first, *rest = text.split(MASK)
    return [first] + [piece for one in rest for piece in (MASK, one)]


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
