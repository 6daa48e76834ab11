"""How often the shipped detector alarms on healthy series, what it finds of planted faults, and its score on real ones.

The real ones are those of the Numenta Anomaly Benchmark (skipped where the data set is absent).
"""

from __future__ import annotations

import numpy as np
import pytest

from models.bundle import open_bundle
from models.find_bundle import find_bundle
from models.loaded_telemetry import LoadedTelemetry
from models.telemetry_model import SHIPPED_TELEMETRY_MODEL
from models.training.telemetry.measure import false_alarms, faults_found
from models.training.telemetry.nab_corpus import read_corpus
from models.training.telemetry.nab_report import left_out, report, scores_of
from models.training.telemetry.nab_rules import PROFILES, best_result
from models.training.telemetry.windowed_gaussian import windowed_gaussian
from tests.data_sets import data_set

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> LoadedTelemetry:
    return LoadedTelemetry(open_bundle(find_bundle(SHIPPED_TELEMETRY_MODEL)), 1)


def test_about_one_false_alarm_a_series_and_month(model: LoadedTelemetry, capsys: pytest.CaptureFixture[str]) -> None:
    found = false_alarms(model)
    with capsys.disabled():
        print("\nfalse alarms a series and month:", *(f"{name} {count:.2f}" for name, count in found.items()))
    assert np.mean(list(found.values())) < 1.5
    assert max(found.values()) < 5


def test_finds_planted_faults(model: LoadedTelemetry, capsys: pytest.CaptureFixture[str]) -> None:
    found = faults_found(model)
    with capsys.disabled():
        print()
        for fault, families in found.items():
            told = (
                f"{name} {one['found']:.2f} after {one['delay']} as {one['kind']}" for name, one in families.items()
            )
            print(f"{fault}:", "; ".join(told))
    for fault in ("spike", "level_shift", "drift", "stuck"):
        assert found[fault]["normal"]["found"] >= 0.9
        assert found[fault]["compressor"]["found"] >= 0.9


def test_the_numenta_benchmark(model: LoadedTelemetry, capsys: pytest.CaptureFixture[str]) -> None:
    """The bar: 65 where each group is judged by the threshold of the others, and where false alarms cost double."""
    corpus = read_corpus(data_set("telemetry/nab"))
    scores = scores_of(model, corpus)
    with capsys.disabled():
        print()
        report(corpus, scores, "records")
        report(corpus, [windowed_gaussian(one.values) for one in corpus], "windowed Gaussian")
    judged = [one.judged for one in corpus]
    assert best_result(judged, scores, PROFILES["standard"]).score >= 74
    assert best_result(judged, scores, PROFILES["reward_low_FP_rate"]).score >= 65
    assert left_out(corpus, scores)[0] >= 65
