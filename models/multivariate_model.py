"""A model of a device's metrics read together: a handle to a verified bundle, memory in and out."""

from __future__ import annotations

from models.loaded_multivariate import LoadedMultivariate, Numbers, TogetherAnswers, load_multivariate
from models.model_handle import ModelHandle


class MultivariateModel(ModelHandle[LoadedMultivariate]):
    """Same reading and same memory, same answer, bit for bit, whatever other devices it is asked beside."""

    task = "multivariate"
    loader = staticmethod(load_multivariate)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it reads, in their order."""
        return self.loaded().facts.metrics

    @property
    def state_width(self) -> int:
        """How many numbers are remembered of a device; all zeros is a device without memory."""
        return self.loaded().state_width

    def step(self, values: Numbers, states: Numbers) -> TogetherAnswers:
        """Judge one reading of each device and take it in; see LoadedMultivariate.step."""
        return self.loaded().step(values, states)
