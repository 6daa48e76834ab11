"""Whether the pipelines can be built: columns line up and models answer what is asked of them."""

from __future__ import annotations

from importlib.metadata import entry_points

from models.bundle import BundleRefused
from pipelines.catalog import ENTRY_POINTS, SHIPPED, find_pipeline
from pipelines.doctor.finding import Finding
from pipelines.installed_models import Chosen


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
