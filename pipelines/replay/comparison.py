"""The whole answer of a replay: what both sides raised and said, how that differs, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.drift.kept_drift import KeptDrift
from pipelines.replay.compare import AlertDifferences
from pipelines.replay.compare_answers import Said, TopicDifference
from pipelines.replay.episodes import Episode
from pipelines.replay.evaluation import Evaluation
from pipelines.replay.incidents import Incident
from pipelines.replay.quality.cold import ColdQuality
from pipelines.replay.survey import Survey


@dataclass(frozen=True)
class SideFacts:
    """One side: its name, its models by name, how long it ran (0: it was not run), its dead letters and alerts.

    `drift`: its models' answers beside the references on their cards; empty where it was not run by this code.
    """

    name: str
    models: Mapping[str, str]
    seconds: float
    dead_letters: int
    alerts: tuple[Episode, ...]
    drift: tuple[KeptDrift, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Everything that the summary, the JSON and the report show. With one side only, `baseline` is None.

    `said` are the answers of both sides about events that are evidence of differing alerts; `topics` the differences of
    the output topics; `differing_share` is what the exit status goes by.
    """

    history: str
    topics_read: tuple[str, ...]
    survey: Survey
    candidate: SideFacts
    baseline: SideFacts | None = None
    alerts: AlertDifferences | None = None
    topics: Mapping[str, TopicDifference] = field(default_factory=dict)
    said: Mapping[str, Said] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    quality: ColdQuality | None = None
    has_alerts: bool = True
    tolerance: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[SideFacts, ...]:
        """The baseline where there is one, then the candidate."""
        return (self.candidate,) if self.baseline is None else (self.baseline, self.candidate)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The labelled incidents that the history could tell of."""
        return () if self.evaluation is None else self.evaluation.incidents

    @property
    def differing_share(self) -> float:
        """Share of alerts that differ; where no pipeline raises alerts, the share of output rows that do."""
        if self.alerts is not None and self.has_alerts:
            return self.alerts.share
        rows = sum(one.rows for one in self.topics.values())
        return sum(one.all_differing for one in self.topics.values()) / rows if rows else 0.0

    @property
    def within_tolerance(self) -> bool:
        """Whether the sides differ by no more than was allowed; one side alone does not differ."""
        return self.baseline is None or self.differing_share <= self.tolerance
