"""The models at hand: those that came with hubbub, and the bundles that settings put in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.bundle import open_bundle
from models.find_bundle import shipped_bundles
from models.forecast_model import ForecastModel
from models.multivariate_model import MultivariateModel
from models.record_model import RecordModel
from models.sequence_model import SequenceModel
from models.session import RUNTIME_VERSION, load_session
from models.telemetry_model import TelemetryModel
from models.template_model import TemplateModel
from models.text_model import TextModel
from pipelines.model_folder import is_folder, model_folder

SHIPPED = "shipped"
CHOSEN = "settings"
Chosen = Mapping[str, str | Path]


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A bundle by the name that it serves under, and where it comes from: `shipped` or `settings`."""

    name: str
    folder: Path
    origin: str


def installed_models(chosen: Chosen) -> list[InstalledModel]:
    """Return the models that commands use here, by name."""
    found = {name: InstalledModel(name, folder, SHIPPED) for name, folder in shipped_bundles().items()}
    found |= {name: InstalledModel(name, Path(folder), CHOSEN) for name, folder in chosen.items()}
    return [found[name] for name in sorted(found)]


def find_model(model: str, chosen: Chosen) -> InstalledModel:
    """Return the model of this name, or of the bundle in this folder; BundleRefused when there is none."""
    folder = model_folder(model, chosen)
    if is_folder(model):
        return InstalledModel(folder.name, folder, "folder")
    return InstalledModel(model, folder, CHOSEN if model in chosen else SHIPPED)


def verified_identity(folder: Path) -> str:
    """Verify a bundle as if it were to serve: every byte, the graph, the golden examples; return its identity.

    BundleRefused says what does not hold.
    """
    bundle = open_bundle(folder)
    if bundle.card.task == "text":
        return TextModel(folder).identity
    if bundle.card.task == "telemetry":
        return TelemetryModel(folder).identity
    if bundle.card.task == "sequences":
        return SequenceModel(folder).identity
    if bundle.card.task == "records":
        return RecordModel(folder).identity
    if bundle.card.task == "forecast":
        return ForecastModel(folder).identity
    if bundle.card.task == "multivariate":
        return MultivariateModel(folder).identity
    if bundle.card.task == "templates":
        return TemplateModel(folder).identity
    load_session(bundle)
    return bundle.identity(RUNTIME_VERSION)
