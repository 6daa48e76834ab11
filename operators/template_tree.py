"""The templates of one device: found, generalised, forgotten, line by line.

Two masked lines are of one template when their words of text are the same: a word of letters is what a program says,
and what varies was masked. Only names (hosts, packages, files, what was masked in part) may differ, where three
quarters of the other words are the same; what differs becomes a mask then. And a place is open once so many different
words have stood in it, all else being equal, that they cannot be the program's own.

Drain (He et al., ICWS 2017) joins lines by the share of equal words instead. So it joins "VM started" and "VM stopped",
and its threshold fits one system and not the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import eq

import msgspec

from operators.masking_words import MASK
from operators.template_novelty import MINUTE_US, Novelty, Seen, novelty_of
from operators.word_skeleton import skeleton
from schemas.identity import identity

MOST_TEMPLATES = 512
MOST_CHARACTERS = 131_072
# Templates with one skeleton, and those that share a half, are gone through one by one: so there is a bound on each.
MOST_IN_GROUP = 64
ENOUGH = 0.75
# So many different words in one place are no vocabulary any more.
OPEN_AFTER = 24
MOST_MERGED = 64

_Half = tuple[int, int, str]


class Template(msgspec.Struct, array_like=True):
    """One template: `form` as it is now, with masks; `id` from the form it was born with."""

    id: str
    form: str
    born: int  # the how manieth of its device
    used: int  # number of the line that it was last found for
    seen: Seen
    merged: list[str]  # ids of templates that have become this one, the latest last


class _Stored(msgspec.Struct, array_like=True):
    lines: int
    born: int
    since: int
    templates: list[Template]  # the one unused for longest first


_decode = msgspec.msgpack.Decoder(_Stored).decode
_encode = msgspec.msgpack.Encoder().encode


class TemplateTree:
    """Templates by form, the one unused for longest first; groups are made when the first line needs them.

    A line whose form a template has already needs no search: no other could share more.
    """

    def __init__(self, stored: bytes | None = None) -> None:
        memory = _Stored(0, 0, 0, []) if stored is None else _decode(stored)
        self.lines = memory.lines
        self._born = memory.born
        self._since = memory.since
        self._by_form = {template.form: template for template in memory.templates}
        self._characters = sum(map(len, self._by_form))
        self._index: _Index | None = None
        # Forms that were searched for, and what was found; emptied whenever a template changes, comes or goes.
        self._found: dict[str, Template] = {}

    def stored(self) -> bytes:
        """Return the memory of this device in bytes."""
        return _encode(_Stored(self.lines, self._born, self._since, list(self._by_form.values())))

    def take(self, form: str, time: int, name: str | None = None) -> tuple[Template, Novelty]:
        """Find or make the template of a masked line and count the line; return it with the line's novelty.

        `name` is the id of a template that is known already: it is nobody else's, and born with that id.
        """
        template = self._by_form.get(form)
        if template is None and name is None:
            template = self._found.get(form) or self._search(form)
        if template is None:
            template = self._bear(form, time, name)
        if not self.lines or time < self._since:
            self._since = time
        novelty = novelty_of(template.seen, time, self.lines, self._since)
        self.lines += 1
        template.seen.add(time)
        template.used = self.lines
        # The end of the dictionary is what was used last.
        self._by_form[template.form] = self._by_form.pop(template.form)
        return template, novelty

    def _search(self, form: str) -> Template | None:
        """Return the template of a form that none has, made general enough for it; None when there is none."""
        index = self._indexed()
        words = form.split(" ")
        bones = [skeleton(word) for word in words]
        best, best_rank = None, (ENOUGH, -1, 0)
        for known, template in index.with_skeleton(bones):
            rank = (*_likeness(known, words, bones), -template.born)
            if rank > best_rank:
                best, best_rank = template, rank
        if best is not None:
            known = index.words_of(best)
            general = [one if one == other else bone for one, other, bone in zip(known, words, bones, strict=True)]
        else:
            best, general = self._open(words)
        if best is None:
            return None
        if " ".join(general) != best.form:
            return self._generalise(best, general)
        self._found[form] = best
        return best

    def _open(self, words: list[str]) -> tuple[Template | None, list[str]]:
        """Return the template that differs by one word in a place that is open, or the eldest of those that open it."""
        if sum(MASK not in word for word in words) < 3:
            return None, []
        index = self._indexed()
        open_ones: list[Template] = []
        places: dict[int, list[Template]] = {}
        for known, template in index.with_half(words):
            if sum(map(eq, known, words)) != len(words) - 1:
                continue
            place = next(place for place, word in enumerate(words) if known[place] != word)
            if MASK not in words[place]:
                if known[place] == MASK:
                    open_ones.append(template)
                elif MASK not in known[place]:
                    places.setdefault(place, []).append(template)
        if open_ones:
            eldest = min(open_ones, key=lambda one: one.born)
            return eldest, index.words_of(eldest)
        for place, templates in sorted(places.items()):
            if len(templates) >= OPEN_AFTER - 1:
                general = [*words[:place], MASK, *words[place + 1 :]]
                eldest, *younger = sorted(templates, key=lambda one: one.born)
                for one in younger:
                    self._forget(one)
                    _merge(eldest, one)
                return eldest, general
        return None, []

    def _generalise(self, template: Template, words: list[str]) -> Template:
        form = " ".join(words)
        self._forget(template)
        other = self._by_form.get(form)
        if other is not None:
            # Two have become one: the elder lives on, with both their lines.
            self._forget(other)
            template, younger = (template, other) if template.born < other.born else (other, template)
            _merge(template, younger)
        template.form = form
        self._remember(template, words)
        return template

    def _bear(self, form: str, time: int, name: str | None) -> Template:
        words = form.split(" ")
        for crowd in self._indexed().crowds(words):
            if len(crowd) >= MOST_IN_GROUP:
                self._forget(min((template for _, template in crowd), key=lambda one: one.used))
        seen = Seen(0, time, time, time // MINUTE_US, 0)
        template = Template(name or identity("template", form), form, self._born, self.lines, seen, [])
        self._born += 1
        self._remember(template, words)
        while len(self._by_form) > MOST_TEMPLATES or self._characters > MOST_CHARACTERS:
            self._forget(next(iter(self._by_form.values())))
        return template

    def _indexed(self) -> _Index:
        if self._index is None:
            self._index = _Index()
            for template in self._by_form.values():
                self._index.add(template, template.form.split(" "))
        return self._index

    def _remember(self, template: Template, words: list[str]) -> None:
        self._by_form[template.form] = template
        self._characters += len(template.form)
        self._indexed().add(template, words)
        self._found.clear()

    def _forget(self, template: Template) -> None:
        self._indexed().remove(template)
        del self._by_form[template.form]
        self._characters -= len(template.form)
        self._found.clear()


class _Index:
    """Templates by the skeleton of their words, and by each half of them: who differs by one word shares a half."""

    def __init__(self) -> None:
        self._words: dict[int, list[str]] = {}
        self._skeletons: dict[str, dict[int, Template]] = {}
        self._halves: dict[_Half, dict[int, Template]] = {}

    def add(self, template: Template, words: list[str]) -> None:
        self._words[template.born] = words
        self._skeletons.setdefault(" ".join(map(skeleton, words)), {})[template.born] = template
        for half in _halves(words):
            self._halves.setdefault(half, {})[template.born] = template

    def remove(self, template: Template) -> None:
        words = self._words.pop(template.born)
        _drop(self._skeletons, " ".join(map(skeleton, words)), template.born)
        for half in _halves(words):
            _drop(self._halves, half, template.born)

    def words_of(self, template: Template) -> list[str]:
        return self._words[template.born]

    def with_skeleton(self, bones: list[str]) -> Iterator[tuple[list[str], Template]]:
        for born, template in self._skeletons.get(" ".join(bones), {}).items():
            yield self._words[born], template

    def with_half(self, words: list[str]) -> Iterator[tuple[list[str], Template]]:
        for half in _halves(words):
            for born, template in self._halves.get(half, {}).items():
                yield self._words[born], template

    def crowds(self, words: list[str]) -> Iterator[list[tuple[list[str], Template]]]:
        yield list(self.with_skeleton([skeleton(word) for word in words]))
        for half in _halves(words):
            yield [(self._words[born], template) for born, template in self._halves.get(half, {}).items()]


def _halves(words: list[str]) -> tuple[_Half, ...]:
    if len(words) < 3:
        return ()
    middle = len(words) // 2
    return (len(words), 0, " ".join(words[:middle])), (len(words), 1, " ".join(words[middle:]))


def _drop(groups: dict[str, dict[int, Template]] | dict[_Half, dict[int, Template]], key: object, born: int) -> None:
    group = groups[key]  # type: ignore[index]
    del group[born]
    if not group:
        del groups[key]  # type: ignore[arg-type]


def _likeness(known: list[str], words: list[str], bones: list[str]) -> tuple[float, int]:
    """Return the share of a line's text that a template has too, and how many words are the same, masks and all.

    Names that differ count against it where the template has that name alone; where it has a mask they are open.
    """
    equal = same = different = 0
    for one, other, bone in zip(known, words, bones, strict=True):
        if one == other:
            equal += 1
            same += MASK not in one
        elif one != bone and not (MASK in one and MASK in other):
            different += 1
    return (same / (same + different) if same + different else 1.0), equal


def _merge(elder: Template, younger: Template) -> None:
    elder.seen.take(younger.seen)
    elder.merged = [*elder.merged, *younger.merged, younger.id][-MOST_MERGED:]
