"""A model of records: a handle to a verified bundle that gives an object of numbers and categories a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.loaded_records import LoadedRecords, RecordAnswer, load_records
from models.model_handle import ModelHandle


class RecordModel(ModelHandle[LoadedRecords]):
    """Same record, same answer, bit for bit, whatever other records it is asked beside."""

    task = "records"
    loader = staticmethod(load_records)

    @property
    def target(self) -> str:
        """The column that the labels are of."""
        return self.loaded().facts.target

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of probabilities."""
        return self.loaded().facts.labels

    def answer(self, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        """Answer records; WrongValue when one of them has a value that its column cannot take."""
        return self.loaded().answer(records)
