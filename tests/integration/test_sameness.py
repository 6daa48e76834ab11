"""The same events give the same answers: the part of `make sameness` that CI runs. See tests/sameness_suite.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sameness_differences import differences
from tests.sameness_engines import EMBEDDED_SQLITE
from tests.sameness_events import SameInput
from tests.sameness_outcome import Outcome
from tests.sameness_runs import Case, Place, SameEngine

GIVEN = SameInput(seed=20260301, about=2_000)
SHOWN = 5


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Outcome]:
    """The reference: embedded, on SQLite, batches as they come, undisturbed."""
    case = Case(EMBEDDED_SQLITE, 2_000, "straight", GIVEN, tmp_path_factory.mktemp("reference") / "run")
    outcome = case.run()
    return case.place, outcome


def check(reference: Outcome, case: Case) -> None:
    print(f"seed {GIVEN.seed}")
    found = differences(reference, case.run())
    assert not found, f"{case.name}: {len(found)} differences\n" + "\n".join(map(str, found[:SHOWN]))


def test_the_reference_says_something(reference: tuple[Place, Outcome]) -> None:
    """A comparison of empty things would prove nothing."""
    _, outcome = reference
    assert len(outcome.enriched) > 0.9 * GIVEN.about
    assert len({topic for topic, _ in outcome.enriched}) == 4
    states = [revision["state"] for revisions in outcome.alerts.values() for _, revision in revisions]
    assert states.count("firing") >= 10 and states.count("resolved") >= 10
    assert len(outcome.letters) >= 5
    assert any(row["hubbub"]["late"] for _, row in outcome.enriched.values())


@pytest.mark.parametrize(
    ("engine", "batch", "way"),
    [
        (EMBEDDED_SQLITE, 1, "straight"),
        (EMBEDDED_SQLITE, 7, "killed"),
        (EMBEDDED_SQLITE, 512, "replayed"),
    ],
    ids=lambda one: one.name.replace(" ", "-") if isinstance(one, SameEngine) else str(one),
)
def test_the_answers_are_the_same(
    tmp_path: Path, reference: tuple[Place, Outcome], engine: SameEngine, batch: int, way: str
) -> None:
    place, expected = reference
    kept = place if engine is EMBEDDED_SQLITE else None
    check(expected, Case(engine, batch, way, GIVEN, tmp_path / "run", kept=kept, kills=1))
