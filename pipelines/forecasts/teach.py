"""Teach forecasts: rehearse days, fit a bundle on some, calibrate it on others, and measure it on the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.forecast_model import ForecastModel
from models.telemetry_model import TelemetryModel
from models.text_model import TextModel
from models.training.encoder.progress import say
from models.training.forecast.rows import ForecastRows, together
from models.training.forecast.train import Options, train_forecast, write_bundle
from operators.signal_history import FEATURES, RISING
from pipelines.bad_input import BadInput
from pipelines.demo.incidents.catalog import KINDS
from pipelines.forecasts.days import HELD_OUT, day
from pipelines.forecasts.evaluate import measure
from pipelines.forecasts.rehearse import Rehearsal, Rehearsed
from pipelines.forecasts.samples import samples

DAYS: Final = 40
# Where the seeds begin of days to learn from, to calibrate on, to measure on, and of those with faults never met.
TRAIN, DEV, TEST, UNMET = 1, 1001, 2001, 3001


@dataclass(frozen=True)
class Lesson:
    """What a person chose: an alarm of `severity` or worse within `horizon_s`; `days` to learn from, and as many again
    to calibrate and measure on. Kinds in `hold_out` happen on the last quarter of days alone.
    """

    output: Path
    days: int = DAYS
    horizon_s: float = 3600.0
    severity: str = "major"
    hold_out: tuple[str, ...] = HELD_OUT
    threads: int = 1

    def __post_init__(self) -> None:
        """Refuse kinds of fault that nobody knows."""
        faults = sorted(name for name, kind in KINDS.items() if not kind.harmless)
        if unknown := sorted(set(self.hold_out) - set(faults)):
            raise BadInput(f"expected kinds of fault, of {', '.join(faults)}, got {', '.join(unknown)}")
        if not set(faults) - set(self.hold_out):
            raise BadInput("expected a kind of fault to learn from, but all are held out")

    @property
    def parts(self) -> dict[str, range]:
        """The seeds of each part."""
        third = max(1, self.days // 3)
        return {
            "train": range(TRAIN, TRAIN + self.days),
            "dev": range(DEV, DEV + third),
            "test": range(TEST, TEST + third),
            "unmet": range(UNMET, UNMET + third),
        }


Rehearse = Callable[[str, int], Rehearsed]


def rehearsing(lesson: Lesson) -> Rehearse:
    """Return what rehearses a day of a part by its seed, with the shipped models."""
    rehearsal = Rehearsal(TextModel.named(), TelemetryModel.named(), lesson.severity)

    def rehearse(part: str, seed: int) -> Rehearsed:
        faults: Collection[str] | None = lesson.hold_out if part == "unmet" else None
        return rehearsal.of(day(seed, without=() if part == "unmet" else lesson.hold_out, faults=faults))

    return rehearse


def teach(lesson: Lesson, rehearse: Rehearse | None = None) -> dict[str, Any]:
    """Make the bundle, and return its figures, each beside those of what needs no model."""
    rehearse = rehearse or rehearsing(lesson)
    horizon_us, parts = round(lesson.horizon_s * 1e6), lesson.parts

    def days_of(part: str) -> Iterator[Rehearsed]:
        for number, seed in enumerate(parts[part], 1):
            if number % 10 == 1:
                say(f"{part}: rehearsing day {number} of {len(parts[part])}")
            yield rehearse(part, seed)

    train, dev = (_rows(days_of(part), horizon_us) for part in ("train", "dev"))
    if not train.truth.any() or not dev.truth.any():
        raise BadInput(f"{lesson.days} days were too few: no alarm of {lesson.severity} or worse came; try more")
    about: dict[str, Any] = {
        "seeds": {part: [seeds.start, seeds.stop - 1] for part, seeds in parts.items()},
        "moments": train.moments,
        "faults_held_out": list(lesson.hold_out),
    }
    options = Options(lesson.output, FEATURES, RISING, lesson.severity, lesson.horizon_s, about, threads=lesson.threads)
    facts = train_forecast(options, train, dev)
    write_bundle(options, {}, dev.values)
    model = ForecastModel(lesson.output)
    figures: dict[str, Any] = {"limit": facts.limit}
    for part in ("test", "unmet") if lesson.hold_out else ("test",):
        figures[part] = measure(model, list(days_of(part)), train)
    write_bundle(options, figures, dev.values)
    return figures


def _rows(days: Iterator[Rehearsed], horizon_us: int) -> ForecastRows:
    return together([samples(day, horizon_us) for day in days])
