"""Score records: whole objects of numbers and categories, one line out for each line in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.loaded_records import RecordAnswer
from models.record_columns import WrongValue
from models.record_model import RecordModel
from pipelines.bad_input import BadInput
from pipelines.scoring.lines import Line
from pipelines.scoring.output_line import answered_line, error_line
from pipelines.scoring.rows import Event
from pipelines.scoring.scorer import event_of
from pipelines.scoring.task import Asked, Chosen
from schemas.refused import Refused

CONTRIBUTIONS = "contributions"


class RecordScorer:
    """Answers lines with the bundle's target and what contributed to it; every line alone, so batches change nothing.

    A record without any of the model's columns is an error: nothing of it was looked at.
    """

    def __init__(self, chosen: Chosen, asked: Asked) -> None:
        if chosen.model is None:
            raise BadInput("score records needs --model BUNDLE, the folder that `hubbub train records` wrote")
        self._model = RecordModel(chosen.folder(chosen.model))
        self._model.load()
        self._columns = {column.name for column in self._model.loaded().facts.columns}
        self._asked = asked
        self.refused = 0

    def save(self, path: Path) -> None:
        """Nothing is remembered of the lines so far, so there is nothing to write."""

    def score(self, lines: Sequence[Line]) -> list[bytes]:
        """Return the output of each line, in order."""
        written: dict[int, bytes] = {}
        events: dict[int, Event] = {}
        for place, line in enumerate(lines):
            event: Event = {}
            try:
                event = event_of(line)
                self._check(event)
                events[place] = event
            except Refused as refused:
                written[place] = error_line(event, refused, line.number)
        names = (self._model.target, CONTRIBUTIONS)
        for place, answer in zip(events, self._model.answer(list(events.values())), strict=True):
            written[place] = answered_line(events[place], names, self._told(answer))
        self.refused += len(lines) - len(events)
        return [written[place] for place in range(len(lines))]

    def _check(self, event: Event) -> None:
        if not self._columns & event.keys():
            some = ", ".join(sorted(self._columns)[:10])
            raise Refused("schema", "SCHEMA", f"expected columns of the model ({some}), got none of them")
        try:
            self._model.loaded().check(event)
        except WrongValue as wrong:
            raise Refused("schema", "SCHEMA", str(wrong)) from None

    def _told(self, answer: RecordAnswer) -> list[object]:
        labels = self._model.labels
        label: dict[str, object] = {"label": answer.label, "score": answer.score(labels)}
        if self._asked.probabilities:
            label["probabilities"] = dict(zip(labels, answer.probabilities, strict=True))
        if self._asked.provenance:
            label["model"] = self._model.identity
        return [label, dict(answer.contributions)]
