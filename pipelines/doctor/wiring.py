"""Whether the pipelines can be built: columns line up and models answer what is asked of them."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from models.bundle import BundleRefused
from pipelines.alert_rules.rule_file import WrongRules, described, read_rules
from pipelines.bad_input import BadInput
from pipelines.catalog import ENTRY_POINTS, SHIPPED, find_pipeline
from pipelines.doctor.finding import Finding
from pipelines.installed_models import Chosen


def look_at_rules(path: Path | None, chosen: Chosen) -> list[Finding]:
    """Return what there is to say of the alert rules: one finding for each thing that is wrong with their file."""
    try:
        rules = read_rules(path, chosen)
    except WrongRules as wrong:
        return [Finding("alert rules", "wrong", sentence) for sentence in wrong.sentences]
    except BadInput as wrong:
        return [Finding("alert rules", "wrong", str(wrong))]
    place = "no alerts.toml here: " if path is None else f"{path}: "
    return [Finding("alert rules", "fine", f"{place}{described(rules)}")]


def look_at_pipelines(chosen: Chosen) -> list[Finding]:
    """Return one finding a pipeline: the shipped ones, and those that installed packages bring."""
    findings = []
    for name in dict.fromkeys([*SHIPPED, *(entry.name for entry in entry_points(group=ENTRY_POINTS))]):
        try:
            findings.append(Finding("pipelines", "fine", repr(find_pipeline(name, chosen))))
        except (BundleRefused, ValueError) as error:
            findings.append(Finding("pipelines", "wrong", f"{name} cannot be built: {error}"))
        except Exception as error:  # noqa: BLE001 - a user's own package may raise anything
            findings.append(Finding("pipelines", "wrong", f"{name} cannot be built: {type(error).__name__}: {error}"))
    return findings
