"""The same events give the same answers: the part of `make sameness` that CI runs. See tests/sameness_suite.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.catalog import FORECASTING
from tests.sameness_differences import differences
from tests.sameness_engines import BEAM_SQLITE, EMBEDDED_SQLITE, engines_on
from tests.sameness_events import SameInput
from tests.sameness_outcome import Outcome, without_forecasts
from tests.sameness_runs import PIPELINES, Case, Place

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
    states = [revision["state"] for revisions in outcome.incidents.values() for _, revision in revisions]
    assert states.count("open") >= 3 and states.count("resolved") >= 3
    said = [row["hubbub"]["forecast"]["label"] for rows in outcome.forecasts.values() for _, row in rows]
    assert said.count("likely") >= 3 and said.count("unlikely") >= 3
    assert len(outcome.letters) >= 5
    assert any(row["hubbub"]["late"] for _, row in outcome.enriched.values())


@pytest.mark.parametrize(
    ("name", "batch", "way", "forecasting"),
    [
        ("embedded on SQLite", 1, "straight", False),
        ("embedded on SQLite", 7, "killed", False),
        ("embedded on SQLite", 512, "replayed", True),
        ("embedded on Kafka", 7, "killed", True),
        ("embedded on Kafka", 512, "replayed", False),
        ("Faust", 7, "straight", False),
        ("Faust", 512, "killed", True),
        ("Beam local on SQLite", 512, "killed", True),
    ],
)
def test_the_answers_are_the_same(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    reference: tuple[Place, Outcome],
    name: str,
    batch: int,
    way: str,
    forecasting: bool,
) -> None:
    """Each engine with forecasts once, for three more pipelines cost; `make sameness` has them everywhere."""
    place, expected = reference
    engines = {one.name: one for one in (EMBEDDED_SQLITE, BEAM_SQLITE)}
    if name not in engines:  # only then is a Kafka started
        engines |= {one.name: one for one in engines_on(request.getfixturevalue("kafka"))}
    kept = place if engines[name] is EMBEDDED_SQLITE else None
    pipelines = PIPELINES if forecasting else tuple(one for one in PIPELINES if one not in FORECASTING)
    case = Case(engines[name], batch, way, GIVEN, tmp_path / "run", kept=kept, kills=1, pipelines=pipelines)
    check(expected if forecasting else without_forecasts(expected), case)
