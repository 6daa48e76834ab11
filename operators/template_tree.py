"""The templates of one device: found, generalised, forgotten, line by line.

After Drain (He et al., ICWS 2017), over masked lines: a line is compared with the templates of its group, those with
as many words and the same first two words that carry no mask (among the first four). It belongs to the one that shares
the largest part of the words without masks, if that is three quarters at least; words that differ become masks then.
Otherwise it is the birth of a template.
"""

from __future__ import annotations

from operator import eq

import msgspec

from operators.masking import MASK
from schemas.identity import identity

MOST_TEMPLATES = 512
MOST_CHARACTERS = 131_072
# A group is searched from end to end, so it has a bound of its own.
MOST_IN_GROUP = 64
ENOUGH = 0.75
HOUR_US = 3_600_000_000
WARM_UP_LINES = 20

_Group = tuple[int | str, ...]


class Template(msgspec.Struct, array_like=True):
    """One template: `form` as it is now, with masks; `id` from the form it was born with."""

    id: str
    form: str
    born: int  # the how manieth of its device
    count: int
    first: int  # event time, microseconds
    last: int
    used: int  # number of the line that it was last found for


class _Stored(msgspec.Struct, array_like=True):
    lines: int
    born: int
    templates: list[Template]  # the one unused for longest first


_decode = msgspec.msgpack.Decoder(_Stored).decode
_encode = msgspec.msgpack.Encoder().encode


class TemplateTree:
    """Templates by form, the one unused for longest first; groups are made when the first line needs them.

    A line whose form a template has already needs no search: no other could share more.
    """

    def __init__(self, stored: bytes | None = None) -> None:
        memory = _Stored(0, 0, []) if stored is None else _decode(stored)
        self.lines = memory.lines
        self._born = memory.born
        self._by_form = {template.form: template for template in memory.templates}
        self._characters = sum(map(len, self._by_form))
        self._groups: dict[_Group, dict[int, tuple[list[str], Template]]] | None = None
        # Forms that were searched for, and what was found; emptied whenever a template changes, comes or goes.
        self._found: dict[str, Template] = {}

    def stored(self) -> bytes:
        """Return the memory of this device in bytes."""
        return _encode(_Stored(self.lines, self._born, list(self._by_form.values())))

    def take(self, form: str, time: int) -> tuple[Template, float]:
        """Find or make the template of a masked line and count the line; return it with the line's novelty."""
        template = self._by_form.get(form) or self._found.get(form) or self._search(form)
        if template is None:
            template = self._bear(form, time)
        novelty = self._novelty(template, time)
        self.lines += 1
        template.count += 1
        template.used = self.lines
        template.first, template.last = min(template.first, time), max(template.last, time)
        # The end of the dictionary is what was used last.
        self._by_form[template.form] = self._by_form.pop(template.form)
        return template, novelty

    def _novelty(self, template: Template, time: int) -> float:
        """How unusual this line is here, in [0, 1]: see MineTemplates."""
        known = min(self.lines / WARM_UP_LINES, 1.0)
        if not template.count:
            return known
        rare = 1.0 / (1.0 + template.count * (1.0 + 100.0 * template.count / self.lines))
        age = max(time - template.last, 0) / HOUR_US
        usual = max((template.last - template.first) / HOUR_US / template.count, 1.0)
        stale = age / (age + 24.0 * usual)
        return known * (1.0 - (1.0 - rare) * (1.0 - stale))

    def _search(self, form: str) -> Template | None:
        """Return the most similar template, made general enough for this form; None when none is similar enough."""
        words = form.split(" ")
        group = self._group(words)
        best, best_rank = None, (ENOUGH, -1, 0)
        for known, template in group.values():
            equal = sum(map(eq, known, words))
            same, different = _shared(known, words, equal)
            rank = (same / (same + different) if same + different else 1.0, equal, -template.born)
            if rank > best_rank:
                best, best_rank = template, rank
        if best is None:
            return None
        known = group[best.born][0]
        general = [one if one == other else MASK for one, other in zip(known, words, strict=True)]
        if general == known:
            self._found[form] = best
            return best
        return self._generalise(best, general)

    def _generalise(self, template: Template, words: list[str]) -> Template:
        form = " ".join(words)
        self._forget(template)
        other = self._by_form.get(form)
        if other is not None:
            # Two have become one: the elder lives on, with both their lines.
            self._forget(other)
            elder, younger = (template, other) if template.born < other.born else (other, template)
            elder.count += younger.count
            elder.first, elder.last = min(elder.first, younger.first), max(elder.last, younger.last)
            template = elder
        template.form = form
        self._remember(template, words)
        return template

    def _bear(self, form: str, time: int) -> Template:
        words = form.split(" ")
        group = self._group(words)
        if len(group) >= MOST_IN_GROUP:
            self._forget(min((template for _, template in group.values()), key=lambda one: one.used))
        template = Template(identity("template", form), form, self._born, 0, time, time, self.lines)
        self._born += 1
        self._remember(template, words)
        while len(self._by_form) > MOST_TEMPLATES or self._characters > MOST_CHARACTERS:
            self._forget(next(iter(self._by_form.values())))
        return template

    def _group(self, words: list[str]) -> dict[int, tuple[list[str], Template]]:
        if self._groups is None:
            self._groups = {}
            for template in self._by_form.values():
                known = template.form.split(" ")
                self._groups.setdefault(_group_of(known), {})[template.born] = (known, template)
        return self._groups.get(_group_of(words), {})

    def _remember(self, template: Template, words: list[str]) -> None:
        self._by_form[template.form] = template
        self._characters += len(template.form)
        assert self._groups is not None, "a template comes only after a search; this is a bug"
        self._groups.setdefault(_group_of(words), {})[template.born] = (words, template)
        self._found.clear()

    def _forget(self, template: Template) -> None:
        del self._by_form[template.form]
        self._characters -= len(template.form)
        assert self._groups is not None, "a template goes only after a search; this is a bug"
        key = _group_of(template.form.split(" "))
        del self._groups[key][template.born]
        if not self._groups[key]:
            del self._groups[key]
        self._found.clear()


def _group_of(words: list[str]) -> _Group:
    key: list[int | str] = [len(words)]
    for place, word in enumerate(words[:4]):
        if MASK not in word and len(key) < 5:
            key += (place, word)
    return tuple(key)


def _shared(known: list[str], words: list[str], equal: int) -> tuple[int, int]:
    """Count the words without masks that are the same, and the words that differ and are no mask in the template."""
    open_places = known.count(MASK)
    if equal == len(words):
        return sum(MASK not in word for word in known), 0
    masked_same = sum(one == other and MASK in one for one, other in zip(known, words, strict=True))
    open_same = sum(one == other == MASK for one, other in zip(known, words, strict=True))
    return equal - masked_same, len(words) - equal - (open_places - open_same)
