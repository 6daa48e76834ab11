"""A model of event sequences: a handle to a verified bundle that says how odd a whole sequence is, and why."""

from __future__ import annotations

from collections.abc import Sequence

from models.loaded_sequences import LoadedSequences, SequenceAnswer, load_sequences
from models.model_handle import ModelHandle


class SequenceModel(ModelHandle[LoadedSequences]):
    """Same sequence, same answer, bit for bit, whatever other sequences it is asked beside."""

    task = "sequences"
    loader = staticmethod(load_sequences)

    def answer(self, sequences: Sequence[Sequence[str]]) -> list[SequenceAnswer]:
        """Judge sequences of at least one event each."""
        return self.loaded().answer(sequences)
