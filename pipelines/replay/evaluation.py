"""The evaluation of a replay by labels: figures of each side, how sure they are, and what mistakes would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.replay.costs import MISS_COST, CostCurve, cost_curve
from pipelines.replay.episodes import Episode
from pipelines.replay.incidents import Incident
from pipelines.replay.intervals import Certainty, bootstrap
from pipelines.replay.judge import judge
from pipelines.replay.measure import Scores, Watched, measure, without_skill

SEED = 7


@dataclass(frozen=True)
class Truth:
    """What is known to be true, and how to weigh it: incidents, the seed of the intervals, the cost of a miss."""

    incidents: Sequence[Incident] = ()
    seed: int = SEED
    miss_cost: float = MISS_COST


@dataclass(frozen=True)
class Evaluation:
    """The figures by name of the side, then those that need no skill; costs by side."""

    incidents: tuple[Incident, ...]
    scores: Mapping[str, Scores]
    certainty: Certainty | None
    costs: Mapping[str, CostCurve]
    miss_cost: float


def evaluate(
    sides: Mapping[str, Sequence[Episode]], incidents: Sequence[Incident], watched: Watched, truth: Truth
) -> Evaluation:
    """Measure the sides, the baseline first where there is one, the candidate last."""
    judged = {name: judge(alerts, incidents) for name, alerts in sides.items()}
    scores = {name: measure(one, watched) for name, one in judged.items()}
    scores |= without_skill(len(list(sides.values())[-1]), incidents, watched)
    return Evaluation(
        incidents=tuple(incidents),
        scores=scores,
        certainty=bootstrap(judged, watched, seed=truth.seed),
        costs={name: cost_curve(one) for name, one in judged.items()},
        miss_cost=truth.miss_cost,
    )
