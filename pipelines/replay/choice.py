"""A choice: one of the two things that are compared, before it has run; and what makes its pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.alert_rules.rule_file import read_rules
from pipelines.catalog import ONE_A_MONTH
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline
from pipelines.replay.choose import pipelines_named
from pipelines.replay.elsewhere.code import Code
from pipelines.replay.thresholds import Threshold, job_with, pipelines_with

TODAY = "today's models"


@dataclass(frozen=True)
class Choice:
    """Models, thresholds, a file of alert rules (None: the default ones), and whose code.

    `false_alarms_per_month` is the setting's, which `thresholds` may go over. `code` is a checkout or a wheel, None for
    the hubbub that runs now.
    """

    name: str = TODAY
    models: Mapping[str, str | Path] = field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()
    code: Code | None = None
    rules: Path | None = None
    false_alarms_per_month: float = ONE_A_MONTH

    def job(self, settings: JobSettings) -> JobSettings:
        """Return the job's settings with this choice's time rules."""
        return job_with(settings, self.thresholds)


@dataclass(frozen=True)
class Build:
    """Makes the pipelines of a choice: those of these `names`, else all shipped ones that `topics` give work.

    `topics` None means whatever the pipelines read.
    """

    names: Sequence[str] = ()
    topics: Sequence[str] | None = None

    def __call__(self, choice: Choice) -> list[Pipeline]:
        """Build them in this process, whose code must be the choice's own."""
        rules = None if choice.rules is None else read_rules(choice.rules, choice.models).rules
        pipelines = pipelines_named(self.names, choice.models, self.topics, rules, choice.false_alarms_per_month)
        return pipelines_with(pipelines, choice.thresholds)
