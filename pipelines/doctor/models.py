"""Whether every model that commands use here may serve."""

from __future__ import annotations

from models.bundle import BundleRefused
from pipelines.doctor.finding import Finding
from pipelines.installed_models import Chosen, installed_models, verified_identity


def look_at_models(chosen: Chosen) -> list[Finding]:
    """Return one finding a model: every byte is as its card says, and it gives its golden answers."""
    findings = []
    for one in installed_models(chosen):
        try:
            findings.append(Finding("models", "fine", f"{one.name} holds: {verified_identity(one.folder)}"))
        except BundleRefused as refused:
            findings.append(Finding("models", "wrong", str(refused)))
    return findings or [Finding("models", "wrong", "no model came along with this hubbub")]
