"""Mine templates: what kind of line each log line is for its device, and how new that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from models.template_model import TemplateModel
from operators.columns import require, with_columns, with_fields
from operators.masking import SHOWN, MaskedLine, mask_lines
from operators.masking_words import MASK
from operators.operator import never_fires
from operators.template_novelty import Novelty
from operators.template_tree import TemplateTree
from operators.word_skeleton import skeleton
from schemas.answers import LOG_ANSWERS
from schemas.identity import identity
from schemas.microseconds import microseconds
from schemas.topic import TIMESTAMP

SILENCE_US = 30 * 86_400 * 1_000_000
_NEVER = np.iinfo(np.int64).min
_LATEST = np.iinfo(np.int64).max - 2 * SILENCE_US
_NAMES = ("template", "template_id", "parameters", "novelty", "novelty_kind")
_ADDS = tuple(field for field in LOG_ANSWERS if field.name in _NAMES)


@dataclass(frozen=True)
class MineTemplates:
    """Find each line's template among those of its device, found in the stream itself, and say how new it is.

    Reads `device_id`, `message` (strings), `event_time` and `watermark`. Adds `template` (string), the line with `<*>`
    for what varies; `template_id` (string, 32 hex digits), the hash of the first form that the template had: equal on
    every device whose first such line had that form, and kept while the template grows more general; `parameters`
    (list of strings), what the `<*>` stand for, in order; `novelty` (float64 in [0, 1]) and `novelty_kind` (string,
    null below 0.3). A null or blank message gives nulls. Lines count in the order of the stream; a late line counts
    like any other.

    A line that `model` knows (a bundle's frozen templates of common systems, each name one mask) has its id everywhere;
    the miner finds the rest, by itself where there is no model.

    Novelty is 1 (`new`) for a template never seen before on this device. Of one seen c times in the n lines so far

        rare    = 1 / (1 + c (1 + 100 c / n))           falls with its count and its share
        silence = age / (age + 24 usual)                grows while it stays away, against its usual distance
        burst   = 1 - most / k                          0 up to `most`: grows with the lines of one minute
        novelty = 1 - (1 - rare) (1 - silence) (1 - burst)

    with `age` the hours of event time since it was last seen (0 for a late line); `usual` the hours from its first
    to its last line by c, an hour at least; k the lines of this template in this minute of event time; and
    most = e + 4 sqrt(e) + 4 for e lines a minute so far, which four standard deviations of a Poisson process stay
    below. The kind is the largest of the three: `rare`, `burst`, or `silence` for the line that ends one. All of it
    is scaled by n / 20 while the device has fewer than 20 lines: to a new device everything is new; a burst also by
    the device's first hour.

    Memory: one row a device, at most 512 templates and 131,072 characters of them (the one unused for longest goes, and
    comes back as new), about 100 bytes a template beside its text: 40 KB for a talkative device, 600 KB at most.
    Gone once the watermark is 30 days past the latest line (or past the watermark of that time, for devices whose
    clock is far behind).
    """

    model: TemplateModel | None = None
    name: str = "mine_templates"
    version: int = 2
    key: str = "device_id"
    emits: bool = False

    @property
    def state_schema(self) -> pa.Schema:
        """What is remembered of a device: its templates, as msgpack, and until when."""
        return pa.schema([pa.field("templates", pa.binary()), pa.field("expires_at", TIMESTAMP)])

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add `template`, `template_id`, `parameters` and `novelty`."""
        for column in ("device_id", "message"):
            require(self.name, schema, column, pa.string())
        for column in ("event_time", "watermark"):
            require(self.name, schema, column, TIMESTAMP)
        return with_fields(self.name, schema, list(_ADDS))

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Mask distinct lines once, then go through the rows in order."""
        devices = batch.column("device_id").dictionary_encode().indices.to_pylist()
        times, watermarks = (microseconds(batch.column(name), _NEVER).tolist() for name in ("event_time", "watermark"))
        messages = batch.column("message").dictionary_encode()
        lines = mask_lines(messages.dictionary)
        known = _Known(self.model)
        memory = _Memory(states)
        answers = _Answers()
        for device, message, time, watermark in zip(
            devices, messages.indices.to_pylist(), times, watermarks, strict=True
        ):
            line = None if message is None else lines[message]
            if line is None:
                answers.add_nothing()
                continue
            tree = memory.tree(device, time, watermark)
            found = known[line.form]
            if found is None:
                template, novelty = tree.take(line.form, time)
                answers.add(message, line, template.form, template.id, novelty)
            else:
                _, novelty = tree.take(found.form, time, found.id)
                answers.add(message, line, found.form, found.id, novelty)
        return memory.stored(self.state_schema), with_columns(batch, list(_ADDS), answers.columns())

    fire = never_fires


class _Found(NamedTuple):
    """A template that the bundle knows."""

    form: str
    id: str


class _Known(dict[str, _Found | None]):
    """Templates of the bundle by the masked form of lines, looked up once for each form of a batch."""

    def __init__(self, model: TemplateModel | None) -> None:
        self._model = model

    def __missing__(self, form: str) -> _Found | None:
        found = None
        if self._model is not None:
            general = " ".join(map(skeleton, form.split(" ")))
            if self._model.system(general) is not None:
                found = _Found(general, identity("template", general))
        self[form] = found
        return found


class _Memory:
    """The state rows of a batch's devices; a tree is built when the first line of its device asks for it."""

    def __init__(self, states: pa.RecordBatch) -> None:
        self._bytes: list[bytes | None] = states.column("templates").to_pylist()
        self._until: list[int] = microseconds(states.column("expires_at"), _NEVER).tolist()
        self._trees: dict[int, TemplateTree] = {}

    def tree(self, device: int, time: int, watermark: int) -> TemplateTree:
        """Return a device's templates for a line of this time; empty ones where memory has run out by then."""
        until = self._until[device]
        tree = self._trees.get(device)
        if until != _NEVER and watermark >= until:
            tree = self._trees[device] = TemplateTree()
        elif tree is None:
            tree = self._trees[device] = TemplateTree(self._bytes[device])
        self._until[device] = max(until, min(max(time, watermark), _LATEST) + SILENCE_US)
        return tree

    def stored(self, schema: pa.Schema) -> pa.RecordBatch:
        """Return the state rows; those of devices without a line are as they were."""
        for device, tree in self._trees.items():
            self._bytes[device] = tree.stored()
        until = pa.array([None if one == _NEVER else one for one in self._until], pa.int64())
        return pa.RecordBatch.from_arrays([pa.array(self._bytes, pa.binary()), until.view(TIMESTAMP)], schema=schema)


class _Answers:
    """The columns in the making."""

    def __init__(self) -> None:
        self._templates: list[str | None] = []
        self._ids: list[str | None] = []
        self._parameters: list[list[str] | None] = []
        self._novelties: list[float | None] = []
        self._kinds: list[str | None] = []
        self._shown: dict[str, str] = {}
        self._read: dict[tuple[int, str], list[str]] = {}

    def add_nothing(self) -> None:
        """Answer a row that has no words."""
        for column in (self._templates, self._ids, self._parameters, self._novelties, self._kinds):
            column.append(None)

    def add(self, message: int, line: MaskedLine, form: str, template_id: str, novelty: Novelty) -> None:
        """Answer a row; `message` numbers the distinct texts of the batch."""
        shown = self._shown.get(form)
        if shown is None:
            shown = self._shown[form] = form.replace(MASK, SHOWN)
        if form == line.form:
            parameters = line.masked
        else:
            key = (message, form)
            parameters = self._read.get(key) or self._read.setdefault(key, _parameters(line, form))
        self._templates.append(shown)
        self._ids.append(template_id)
        self._parameters.append(parameters)
        self._novelties.append(novelty.score)
        self._kinds.append(novelty.kind)

    def columns(self) -> list[pa.Array]:
        """Return the columns in the order of `_ADDS`."""
        columns = (self._templates, self._ids, self._parameters, self._novelties, self._kinds)
        return [pa.array(values, field.type) for values, field in zip(columns, _ADDS, strict=True)]


def _parameters(line: MaskedLine, form: str) -> list[str]:
    """Return what the masks of a template stand for in a line; in a word made general, all from name to name."""
    texts = iter(line.masked)
    found: list[str] = []
    for word, written, general in zip(line.words(), line.written(), form.split(" "), strict=True):
        own = [next(texts) for _ in range(word.count(MASK))]
        if word == general:
            found += own
        else:
            head, tail = general.split(MASK)
            found.append(written[len(head) : len(written) - len(tail)])
    return found
